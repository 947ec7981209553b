//! The words of each batch system: the head of a script, the commands that submit, ask and cancel, and what they answer.

mod grid_engine;
mod lsf;
mod pbs;
mod slurm;

use super::request::Request;
use crate::config::cluster::{Profile, SchedulerKind};

/// What a script is asked to be submitted with.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The profile.
    pub profile: &'a Profile,
    /// What it asks for.
    pub request: &'a Request,
    /// The stem of the job file.
    pub stem: &'a str,
    /// The number of the submission: logs begin with it.
    pub number: u64,
    /// Elements of the array; nothing for a single job.
    pub elements: Option<u64>,
}

/// A command to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The program.
    pub program: &'static str,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The file, in the folder that it runs in, that it reads as its standard input.
    pub input: Option<String>,
}

impl Call {
    fn new(program: &'static str, arguments: &[&str]) -> Call {
        Call { program, arguments: arguments.iter().map(ToString::to_string).collect(), input: None }
    }

    /// As one would type it.
    pub fn typed(&self) -> String {
        let words = std::iter::once(self.program).chain(self.arguments.iter().map(String::as_str));
        let words: Vec<String> = words.map(super::words::quoted).collect();
        let input = self.input.as_ref().map_or(String::new(), |file| format!(" < {}", super::words::quoted(file)));
        words.join(" ") + &input
    }
}

/// How a job stands in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueState {
    /// It has not started, for this reason if the batch system says one.
    Waiting(String),
    /// It runs.
    Running,
    /// It has ended; the word of the batch system.
    Ended(String),
}

/// One line of a batch system's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The job, as it was named at submission.
    pub job: String,
    /// Elements of its array that are meant, as a first and a last one; nothing for all there are.
    pub elements: Option<(u64, u64)>,
    /// How they stand.
    pub state: QueueState,
}

/// One batch system. All but running the commands.
pub trait Scheduler {
    /// The lines at the head of a script.
    fn head(&self, head: &Head<'_>) -> Vec<String>;
    /// The shell variable that holds the number of an array's element, from 1.
    fn index_variable(&self) -> &'static str;
    /// Whether the batch system writes what a job prints to the log while it runs; else the script does.
    fn writes_log(&self) -> bool;
    /// Whether the batch system sends a signal before the time ends; else the program looks at the clock.
    fn warns(&self) -> bool;
    /// Lines of shell that listen to signals which this batch system alone sends; `pass_on` passes one on to the program.
    fn traps(&self) -> &'static str {
        ""
    }
    /// Lines of shell of a function's body that succeeds if the job is being cancelled from outside.
    fn is_cancelled(&self) -> &'static str {
        "false"
    }
    /// Lines of shell of a function's body that makes the job start again after it has ended with code 99.
    fn start_again(&self) -> &'static str;
    /// Submits the script `file` of the current folder, to start when the job `after` has ended, however it did.
    fn submit(&self, file: &str, after: Option<&str>) -> Call;
    /// The job's name in the answer to [`Scheduler::submit`].
    fn submitted(&self, answer: &str) -> Option<String>;
    /// Asks how jobs stand.
    fn ask(&self, jobs: &[String]) -> Call;
    /// Reads the answer to [`Scheduler::ask`]; lines on other jobs are left out.
    fn answered(&self, answer: &str, jobs: &[String]) -> Vec<Entry>;
    /// Whether this complaint means only that the queue has forgotten jobs.
    fn has_forgotten(&self, complaint: &str) -> bool;
    /// Cancels jobs.
    fn cancel(&self, jobs: &[String]) -> Call;
    /// Asks for the most elements of an array, if that can be asked, and reads the answer.
    fn ask_largest_array(&self) -> Option<Call> {
        None
    }
    /// Reads the answer to [`Scheduler::ask_largest_array`].
    fn largest_array(&self, _answer: &str) -> Option<u64> {
        None
    }
    /// The most elements of an array where nobody says more.
    fn default_largest_array(&self) -> u64;
    /// Where its commands are to be found, for messages.
    fn advice(&self) -> &'static str;
}

/// The batch system of a profile.
pub fn scheduler(kind: SchedulerKind) -> &'static dyn Scheduler {
    match kind {
        SchedulerKind::Slurm => &slurm::Slurm,
        SchedulerKind::Pbs => &pbs::Pbs::PROFESSIONAL,
        SchedulerKind::Torque => &pbs::Pbs::TORQUE,
        SchedulerKind::Lsf => &lsf::Lsf,
        SchedulerKind::GridEngine => &grid_engine::GridEngine,
    }
}

/// `prefix option` for each option.
fn lines(prefix: &str, options: impl IntoIterator<Item = String>) -> Vec<String> {
    options.into_iter().map(|option| format!("{prefix} {option}")).collect()
}

/// `name value` if there is a value.
fn optional(name: &str, value: Option<&String>) -> Option<String> {
    value.map(|value| format!("{name}{value}"))
}
