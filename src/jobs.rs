//! The kinds of jobs: one file and one line of [`JOBS`] each.

mod circuit;
mod function;
mod sweep;

use crate::driver::{Context, Job};
use crate::error::{Error, Result};
use std::path::PathBuf;

/// What `plan` is asked for besides the job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanOptions {
    /// Ranks to plan for.
    pub ranks: usize,
    /// List every step.
    pub verbose: bool,
    /// Print JSON instead of tables.
    pub json: bool,
    /// Machine file; defaults if absent. As every path here, relative to the working directory.
    pub machine: Option<PathBuf>,
    /// Where the widths of the factor come from.
    pub widths: WidthSource,
}

/// Where a plan's widths come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum WidthSource {
    /// A quick coarse run, if the circuit allows one.
    #[default]
    Pilot,
    /// This width throughout.
    Constant(u64),
    /// The trace of an earlier result.
    Result(PathBuf),
}

/// A job file whose content was checked; other files it names are not read yet.
pub trait Checked {
    /// Threads of each rank, if the job says so.
    fn threads(&self) -> Option<usize> {
        None
    }
    /// Reads all inputs, checks them and reserves the output. Collective.
    ///
    /// # Errors
    /// Input or resource error, the same on every rank.
    fn prepare<'a>(self: Box<Self>, context: &'a Context<'a>) -> Result<Box<dyn Job + 'a>>;
    /// Checks all inputs without running anything; says what the job is. Collective.
    ///
    /// # Errors
    /// As [`Checked::prepare`].
    fn check(self: Box<Self>, context: &Context<'_>) -> Result<String>;
    /// Describes what the job would do and how long it would take. Collective.
    ///
    /// # Errors
    /// As [`Checked::prepare`]; input error for a machine file or an earlier result that cannot be used.
    fn plan(self: Box<Self>, context: &Context<'_>, options: &PlanOptions) -> Result<String>;
}

/// One kind of job.
pub struct JobKind {
    /// The value of `job` in the job file.
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// Checks the text of a job file; the second argument is its path as the user wrote it.
    read: fn(&str, &str) -> Result<Box<dyn Checked>>,
}

/// Every kind of job.
pub const JOBS: &[JobKind] = &[
    JobKind {
        name: "circuit",
        about: "a noisy quantum circuit: expectation values, probabilities and counts with a certified error",
        read: circuit::read,
    },
    JobKind {
        name: "sweep",
        about: "any job over and over with other values: grids, samples, Bayesian optimisation",
        read: sweep::read,
    },
    JobKind { name: "function", about: "a test function, to try out sweeps with", read: function::read },
];

/// Checks the text of a job file, whatever its kind; `file` is its path as the user wrote it.
///
/// # Errors
/// Input error with file and line.
pub fn read(text: &str, file: &str) -> Result<Box<dyn Checked>> {
    (kind_of(text, file)?.read)(text, file)
}

fn kind_of(text: &str, file: &str) -> Result<&'static JobKind> {
    let names: Vec<&str> = JOBS.iter().map(|kind| kind.name).collect();
    let name = crate::config::job_of(text, file, &names)?;
    let kind = JOBS.iter().find(|kind| kind.name == name);
    kind.ok_or_else(|| Error::internal(format!("job kind `{name}` passed the check")))
}
