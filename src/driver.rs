//! The one loop: every job kind is advanced step by step, with progress shown and failures shared among the ranks.

pub mod computer;
pub mod interruption;
mod saving;

use crate::comm::node::Node;
use crate::comm::{self, Communicator, agree, on_root};
use crate::config::text;
use crate::error::{Error, Result};
use crate::io::Scalar;
use crate::io::progress::{Mode, Progress};
use crate::io::sweep::Part;
use interruption::{Interruption, Reason};
use saving::Saving;
use std::cell::RefCell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// What a job runs in.
pub struct Context<'a> {
    /// All ranks.
    pub comm: &'a dyn Communicator,
    /// This rank's node.
    pub node: Node,
    /// Show nothing but errors.
    pub quiet: bool,
    /// Folder that relative paths of the job file start from.
    pub folder: PathBuf,
    /// The job file as the user named it.
    pub job_file: String,
    /// Its text.
    pub job_text: String,
    /// Where the result goes instead of where the job says, as an absolute path.
    pub output: Option<String>,
    /// Whether a job writes its result file: points of a sweep do not.
    pub writes: bool,
    /// The command as typed, for the provenance.
    pub command: String,
    /// Every file read so far.
    pub inputs: RefCell<Vec<PathBuf>>,
    /// Whether the run was told to stop.
    pub interruption: Interruption,
    /// Whether a checkpoint that is there is discarded.
    pub fresh: bool,
    /// Which points of a sweep are to be run.
    pub selection: Selection,
}

/// Which points of a sweep are to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// Those of this part.
    pub part: Part,
    /// And among them only these.
    pub only: Only,
}

impl Default for Selection {
    fn default() -> Self {
        Selection { part: Part::WHOLE, only: Only::Open }
    }
}

/// Points of a sweep by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// Those that have not ended.
    Open,
    /// Those that failed.
    Failed,
}

/// Inputs larger than this are refused: job, circuit and observable files are text.
const LARGEST_INPUT: u64 = 1 << 30;

impl Context<'_> {
    /// Where a path of the job file leads.
    pub fn resolve(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// Shows a text to people, on the rank that speaks, unless the run is to be quiet. Results do not go this way.
    pub fn tell(&self, text: &str) {
        if comm::speaks(self.comm) && !self.quiet {
            // A run does not fail because nobody reads its log.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    /// The content of an input file: read on one rank, given to all. `named` is the path as the user wrote it.
    ///
    /// # Errors
    /// Input error, the same on every rank, when the file cannot be read.
    pub fn read(&self, path: &Path, named: &str) -> Result<Vec<u8>> {
        self.inputs.borrow_mut().push(path.to_path_buf());
        comm::bytes_from_root(self.comm, || read_file(path, named))
    }

    /// The content of an input file that is text, as [`Context::read`].
    ///
    /// # Errors
    /// Input error, the same on every rank, when the file cannot be read or is not UTF-8 text.
    pub fn read_text(&self, path: &Path, named: &str) -> Result<String> {
        let bytes = self.read(path, named)?;
        text::decode(&bytes, named).map(str::to_string)
    }

    /// Whether writing to `target` would destroy a file that was read, under whatever name. Only the root rank looks.
    pub fn is_input(&self, target: &Path) -> bool {
        let Ok(target) = target.canonicalize() else { return false };
        self.inputs.borrow().iter().any(|input| input.canonicalize().is_ok_and(|input| input == target))
    }

    /// Bytes this rank may plan to use: the least of all ranks' shares of free memory.
    pub fn memory(&self) -> u64 {
        let mut negative = [-(self.node.default_memory() as f64)];
        self.comm.maximum(&mut negative);
        -negative[0] as u64
    }
}

/// The bytes of a file; a folder, a missing or an unreadable file is an input error.
fn read_file(path: &Path, named: &str) -> Result<Vec<u8>> {
    let unreadable = |cause: std::io::Error| {
        let next = match cause.kind() {
            std::io::ErrorKind::NotFound => format!("check the path; it leads to {}", path.display()),
            _ => "check the file's permissions".into(),
        };
        Error::input(format!("cannot be read: {cause}")).in_file(named).next(next)
    };
    let found = std::fs::metadata(path).map_err(unreadable)?;
    if !found.is_file() {
        let what = if found.is_dir() { "is a folder, not a file" } else { "is not a regular file" };
        return Err(Error::input(what).in_file(named).next("name a file"));
    }
    if found.len() > LARGEST_INPUT {
        return Err(Error::input(format!("has {} bytes", found.len()))
            .in_file(named)
            .allowed(format!("up to {LARGEST_INPUT} bytes"))
            .next("check that this is the file you mean"));
    }
    std::fs::read(path).map_err(unreadable)
}

/// What one call of [`Job::advance`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advance {
    /// One more step.
    Step,
    /// A new pass over the steps begins; the text says why.
    Restart(String),
    /// Nothing is left to run.
    Done,
}

/// A job that is prepared and checked.
pub trait Job {
    /// Steps of one pass.
    fn steps(&self) -> u64;
    /// Steps done in this pass.
    fn position(&self) -> u64;
    /// A few words on how it stands, for the progress bar.
    fn status(&self) -> String;
    /// Does one step. Collective over the ranks that work on it.
    ///
    /// # Errors
    /// What went wrong, the same on every rank that works on it.
    fn advance(&mut self) -> Result<Advance>;
    /// Seconds from one checkpoint to the next, if it is to be saved on the way without being told to stop.
    fn saved_every(&self) -> Option<f64> {
        None
    }
    /// The ranks that have taken the same steps as this one, if all of them now ask whether to save the job: then all do. Nothing
    /// for a job that cannot be saved.
    fn in_step(&self) -> Option<Rc<dyn Communicator>> {
        None
    }
    /// Whether saving it here changes no bit of what comes after; the same on all ranks in step.
    fn can_be_saved(&mut self) -> bool {
        false
    }
    /// Saves all that the rest of the run needs. Collective over the ranks in step.
    ///
    /// # Errors
    /// Resource error, the same on all of them, when it cannot be written.
    fn save(&mut self) -> Result<()> {
        Err(Error::internal("a job of this kind cannot be saved"))
    }
    /// Takes the observables and writes the results. Collective over all ranks.
    ///
    /// # Errors
    /// What went wrong, the same on every rank.
    fn finish(self: Box<Self>) -> Result<Outcome>;
}

/// What a job found; on the rank that speaks, and empty on the others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// The summary for people.
    pub summary: String,
    /// Its scalar results, each with a name of its own.
    pub scalars: Vec<Scalar>,
}

/// Runs a job to its end; the summary is for the rank that speaks.
///
/// # Errors
/// The first error of any rank, the same on every rank.
pub fn run(mut job: Box<dyn Job + '_>, context: &Context<'_>) -> Result<String> {
    let shown = comm::speaks(context.comm) && !context.quiet;
    let mut progress = Progress::new(job.steps(), if shown { Mode::Auto } else { Mode::Quiet });
    let every = job.saved_every().map(Duration::from_secs_f64);
    let mut saving = Saving::new(&context.interruption, every);
    let outcome = advance_to_end(&mut *job, &mut progress, &mut saving);
    progress.finish();
    let stopped = agree(context.comm, outcome)?.map(interrupted);
    // Ranks without work do not know.
    match on_root(context.comm, || Ok(stopped))? {
        Some(error) => Err(error),
        None => job.finish().map(|outcome| outcome.summary),
    }
}

/// Runs to the end, or until the run is saved and has a reason to stop.
fn advance_to_end(job: &mut dyn Job, progress: &mut Progress, saving: &mut Saving<'_>) -> Result<Option<Reason>> {
    loop {
        match job.advance()? {
            Advance::Step => progress.set(job.position(), || job.status()),
            Advance::Restart(why) => progress.restart(&why),
            Advance::Done => return Ok(None),
        }
        if let Some(reason) = saving.after_step(job)? {
            return Ok(Some(reason));
        }
    }
}

fn interrupted(reason: Reason) -> Error {
    Error::interrupted(format!("{reason}: the run is saved and has stopped"))
        .next("start it again in the same way, on any number of ranks: it goes on from there")
}
