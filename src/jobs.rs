//! The kinds of jobs: one file and one line of [`JOBS`] each.

mod circuit;

use crate::config::Config;
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
    /// The plan and what it is predicted to take.
    plan: fn(Config, &Context<'_>, &PlanOptions) -> Result<String>,
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

/// Describes what a job would do and how long it would take. Collective.
///
/// # Errors
/// As [`prepare`]; input error for a machine file or an earlier result that cannot be used.
pub fn plan(config: Config, context: &Context<'_>, options: &PlanOptions) -> Result<String> {
    (kind_of(&config)?.plan)(config, context, options)
}
