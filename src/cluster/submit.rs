//! From a request to jobs in the queue, and out of it again.

use super::command::{self, DEADLINE};
use super::find::Cluster;
use super::folder::{Folder, Submission, absolute};
use super::parts::Parts;
use super::request::Request;
use super::scheduler::{Scheduler, scheduler};
use super::script::{Piece, script};
use super::standing::{JobStanding, Standing, jobs_of, system_of};
use super::words::counted;
use crate::error::{Error, Result};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// What is to be submitted.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// Where.
    pub cluster: &'a Cluster,
    /// What each job is given.
    pub request: &'a Request,
    /// The job file.
    pub job: &'a Path,
    /// Where scripts, logs and records go.
    pub folder: &'a Folder,
    /// The program, where the profile does not name it.
    pub program: String,
    /// What stands for `{NAME}` in the job file, each as `NAME=VALUE`.
    pub definitions: Vec<String>,
    /// More arguments of `run`.
    pub arguments: Vec<String>,
    /// Result files of several runs that one job makes one after the other; none for one run, whose result goes where the job says.
    pub results: Vec<PathBuf>,
    /// Of a sweep: these parts, all if absent.
    pub only: Option<Parts>,
    /// The submission that the whole job began with; a new one if absent.
    pub begun: Option<u64>,
}

impl Order<'_> {
    fn system(&self) -> &'static dyn Scheduler {
        scheduler(self.cluster.profile.scheduler)
    }

    /// The scripts, each for an array that the site allows.
    ///
    /// # Errors
    /// Input error for paths that scripts cannot name.
    fn pieces(&self, largest: u64) -> Result<Vec<Piece>> {
        let job = absolute(self.job)?;
        let text = |path: &PathBuf| Ok(absolute(path)?.to_string_lossy().into_owned());
        let results = self.results.iter().map(text).collect::<Result<Vec<String>>>()?;
        let job_file = job.file_name().ok_or_else(|| Error::input("is no file").in_file(self.job.display()))?;
        let all = |of| self.only.clone().unwrap_or_else(|| Parts::all(of));
        let arrays: Vec<Option<(Parts, u64)>> = match self.request.parts {
            Some(of) => all(of).split(largest).into_iter().map(|parts| Some((parts, of))).collect(),
            None => vec![None],
        };
        let piece = |(number, parts)| Piece {
            number,
            parts,
            folder: job.parent().unwrap_or(Path::new("/")).to_path_buf(),
            job_file: job_file.to_string_lossy().into_owned(),
            submissions: self.folder.path().to_path_buf(),
            program: self.program.clone(),
            arguments: self.all_arguments(),
            results: results.clone(),
        };
        Ok((self.folder.next_number()..).zip(arrays).map(piece).collect())
    }

    fn all_arguments(&self) -> Vec<String> {
        let definitions = self.definitions.iter().flat_map(|definition| ["--define".into(), definition.clone()]);
        definitions.chain(self.arguments.iter().cloned()).collect()
    }

    /// What would be typed and written.
    ///
    /// # Errors
    /// Input error for paths that scripts cannot name.
    pub fn dry_run(&self) -> Result<String> {
        let (folder, (largest, source)) = (self.folder, self.largest_array());
        let pieces = self.pieces(largest)?;
        let mut text = comment(&self.describe(&pieces, largest, &source));
        for (place, piece) in pieces.iter().enumerate() {
            let after = (place > 0).then_some("THE_JOB_BEFORE");
            let file = format!("{}.sh", piece.number);
            // Writing to a string cannot fail.
            let _ =
                writeln!(text, "#\n# in {}: {}", folder.path().display(), self.system().submit(&file, after).typed());
            let _ = writeln!(text, "# ---- {file} ----\n{}", script(&self.cluster.profile, self.request, piece));
        }
        Ok(text)
    }

    /// Submits, each array after the one before.
    ///
    /// # Errors
    /// Resource error when the batch system refuses; what it took before is recorded.
    pub fn submit(&self) -> Result<String> {
        let (folder, (largest, source)) = (self.folder, self.largest_array());
        let pieces = self.pieces(largest)?;
        let begun = self.begun.unwrap_or(pieces.first().map_or(1, |piece| piece.number));
        let mut text = self.describe(&pieces, largest, &source);
        let mut before: Option<String> = None;
        for piece in &pieces {
            let job = self.submit_piece(piece, begun, before.as_deref())?;
            let which = piece.parts.as_ref().map_or(String::new(), |(parts, _)| format!(": parts {parts}"));
            let after = before.map_or(String::new(), |before| format!(", after {before}"));
            let _ = writeln!(text, "submitted job {job}{which}{after}");
            before = Some(job);
        }
        let _ = writeln!(text, "scripts, logs and exit codes: {}", shown(folder.path()));
        Ok(text)
    }

    fn submit_piece(&self, piece: &Piece, begun: u64, after: Option<&str>) -> Result<String> {
        let (folder, system, profile) = (self.folder, self.system(), &self.cluster.profile);
        let file = folder.add_script(piece.number, &script(profile, self.request, piece))?;
        let call = system.submit(&file, after);
        let answer = command::run(&call, folder.path(), system)?;
        let job = system.submitted(&answer).ok_or_else(|| {
            let what = format!("`{}` did not say which job it made, but: {}", call.typed(), answer.trim());
            Error::resource(what).next("look into the queue; what is there is not known to `rhoshard status`")
        })?;
        folder.add(&Submission {
            number: piece.number,
            begun,
            cluster: self.cluster.lasting_name(),
            scheduler: profile.scheduler.name().into(),
            job: job.clone(),
            parts: piece.parts.as_ref().map(|(parts, _)| parts.clone()),
            of: piece.parts.as_ref().map(|(_, of)| *of),
            definitions: self.definitions.clone(),
            time: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        })?;
        Ok(job)
    }

    /// The most elements of an array, and who says so.
    fn largest_array(&self) -> (u64, String) {
        if let Some(largest) = self.cluster.profile.largest_array {
            return (largest, "the profile".into());
        }
        let (system, folder) = (self.system(), std::env::temp_dir());
        let ask = |call: &super::scheduler::Call| {
            let answer = command::ask(call, &folder, system, DEADLINE).ok()?;
            Some((system.largest_array(&answer.output)?, format!("`{}`", call.typed())))
        };
        let asked = system.ask_largest_array().filter(|_| self.request.parts.is_some()).and_then(|call| ask(&call));
        asked.unwrap_or((system.default_largest_array(), "default".into()))
    }

    fn describe(&self, pieces: &[Piece], largest: u64, source: &str) -> String {
        let (cluster, system) = (&self.cluster.name, self.cluster.profile.scheduler.name());
        let mut text = format!("{} on {cluster} ({system})\n{}\n", shown(self.job), self.request.describe());
        if !self.definitions.is_empty() {
            let _ = writeln!(text, "with {}", self.definitions.join(", "));
        }
        if !self.results.is_empty() {
            let _ = writeln!(text, "{}, one after the other", counted(self.results.len() as u64, "run"));
        }
        if pieces.len() > 1 {
            let arrays = counted(pieces.len() as u64, "array");
            let _ = writeln!(text, "{arrays} of at most {largest} elements ({source}), one after the other");
        }
        text
    }
}

/// As comments of a shell, so that what is printed can be run.
fn comment(text: &str) -> String {
    text.lines().map(|line| format!("# {line}\n")).collect()
}

/// A path as one would type it here.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).map(PathBuf::from).unwrap_or(path.to_path_buf()).display().to_string()
}

/// Refuses a job of which something is in the queue: two runs would write the same files.
///
/// # Errors
/// Input error when something is, and those of reading the folder.
pub fn refuse_active(folder: &Folder) -> Result<()> {
    let standing = JobStanding::of(folder)?;
    let active = standing.where_standing(Standing::is_active);
    if active.is_empty() {
        return Ok(());
    }
    let which = standing.of_parts().map_or("it is".to_string(), |of| format!("parts {active} of {of} are"));
    Err(Error::input(format!("{which} in the queue already"))
        .in_file(folder.path().display())
        .next("see `rhoshard status`; `rhoshard cancel` takes it out of the queue"))
}

/// Takes all of a job that waits or runs out of the queue.
///
/// # Errors
/// Resource error when the batch system refuses, and those of reading the folder.
pub fn cancel(folder: &Folder) -> Result<String> {
    let standing = JobStanding::of(folder)?;
    let mut cancelled = Vec::new();
    for submission in &standing.submissions {
        let own = |part: &&super::standing::PartStanding| part.number == submission.number;
        let active = standing.parts.values().filter(own).any(|part| part.standing.is_active());
        // A queue that does not answer may have anything.
        if active || standing.unasked.is_some() {
            cancel_submission(folder, submission)?;
            cancelled.push(submission.job.clone());
        }
    }
    match cancelled.as_slice() {
        [] => Ok(format!("{}: nothing is in the queue\n", folder.name())),
        jobs => Ok(format!("{}: cancelled {}\n", folder.name(), jobs.join(", "))),
    }
}

fn cancel_submission(folder: &Folder, submission: &Submission) -> Result<()> {
    // First of all, so that the script does not start again what is being cancelled.
    folder.mark_cancelled(submission.number)?;
    let system = system_of(submission)?;
    let call = system.cancel(&jobs_of(folder, submission));
    let answer = command::ask(&call, folder.path(), system, DEADLINE)?;
    match answer.success || system.has_forgotten(answer.complaints()) {
        true => Ok(()),
        false => Err(command::failed(&call, &answer)),
    }
}
