//! The kinds of jobs: one file and one line of [`JOBS`] each.

mod circuit;

use crate::config::Config;
use crate::driver::{Context, Job};
use crate::error::{Error, Result};

/// One kind of job.
pub struct JobKind {
    /// The value of `job` in the job file.
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// Reads all inputs, checks them and reserves the output.
    prepare: for<'a> fn(Config, &'a Context<'a>) -> Result<Box<dyn Job + 'a>>,
    /// Checks all inputs; says what the job is.
    check: fn(Config, &Context<'_>) -> Result<String>,
    /// The plan for a number of ranks, step by step if `verbose`.
    plan: fn(Config, &Context<'_>, ranks: usize, verbose: bool) -> Result<String>,
}

/// Every kind of job.
pub const JOBS: &[JobKind] = &[JobKind {
    name: "circuit",
    about: "a noisy quantum circuit: expectation values, probabilities and counts with a certified error",
    prepare: circuit::prepare,
    check: circuit::check,
    plan: circuit::plan,
}];

/// Reads and checks the job file.
///
/// # Errors
/// Input error, the same on every rank, for a file that cannot be read or is wrong.
pub fn load(context: &Context<'_>) -> Result<Config> {
    let path = std::path::Path::new(&context.job_file);
    let bytes = context.read(path, &context.job_file)?;
    let names: Vec<&str> = JOBS.iter().map(|kind| kind.name).collect();
    crate::config::parse_bytes(&bytes, &context.job_file, &names)
}

fn kind_of(config: &Config) -> Result<&'static JobKind> {
    JOBS.iter()
        .find(|kind| kind.name == config.job)
        .ok_or_else(|| Error::internal(format!("job kind `{}` passed the check", config.job)))
}

/// Prepares a job to run.
///
/// # Errors
/// Input or resource error, the same on every rank.
pub fn prepare<'a>(config: Config, context: &'a Context<'a>) -> Result<Box<dyn Job + 'a>> {
    (kind_of(&config)?.prepare)(config, context)
}

/// Checks a job and all its inputs without running it.
///
/// # Errors
/// As [`prepare`].
pub fn check(config: Config, context: &Context<'_>) -> Result<String> {
    (kind_of(&config)?.check)(config, context)
}

/// Describes what a job would do on `ranks` ranks.
///
/// # Errors
/// As [`prepare`].
pub fn plan(config: Config, context: &Context<'_>, ranks: usize, verbose: bool) -> Result<String> {
    (kind_of(&config)?.plan)(config, context, ranks, verbose)
}
