//! One point on one group of ranks.

use super::queue::Measured;
use super::template::Filled;
use crate::comm::node::Node;
use crate::comm::{Communicator, agree, contained};
use crate::config::sweep::{Constraint, Objective};
use crate::driver::interruption::{Agreement, Interruption, Reason};
use crate::driver::{Advance, Context, Job, Selection};
use crate::error::{Error, ErrorKind, Result};
use crate::io::Scalar;
use crate::jobs;
use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Instant;

/// What points run in.
pub(super) struct Runner<'a> {
    /// The ranks that share a point.
    pub(super) group: &'a dyn Communicator,
    pub(super) node: Node,
    /// Where paths of the base job start, and its name.
    pub(super) folder: PathBuf,
    pub(super) base_file: String,
    pub(super) command: String,
    /// How often a point is tried again where the machine failed it.
    pub(super) retries: u32,
    pub(super) interruption: &'a Interruption,
    /// Whether warnings of single points are shown.
    pub(super) verbose: bool,
    /// Files that points have read.
    pub(super) inputs: RefCell<Vec<PathBuf>>,
}

/// How a point ended.
pub(super) struct Attempted {
    pub(super) result: Result<Vec<Scalar>>,
    pub(super) attempts: u32,
    /// Of the last attempt.
    pub(super) seconds: f64,
}

impl Runner<'_> {
    /// Runs a point, and again if the machine failed it; collective over the group. `between` is called between its steps. An
    /// error is that of the run that is to stop; what goes wrong with the point is its result.
    pub(super) fn run(&self, filled: &Filled, between: &mut dyn FnMut()) -> Result<Attempted> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let begun = Instant::now();
            let result = self.attempt(filled, between);
            let seconds = begun.elapsed().as_secs_f64();
            match result {
                Err(error) if error.kind == ErrorKind::Interrupted => return Err(error),
                Err(error) if error.kind == ErrorKind::Resource && attempts <= self.retries => {
                    tracing::info!("point {}: tried again: {}", filled.key, error.what);
                }
                result => return Ok(Attempted { result, attempts, seconds }),
            }
        }
    }

    fn attempt(&self, filled: &Filled, between: &mut dyn FnMut()) -> Result<Vec<Scalar>> {
        // A panic among several ranks ends them all: the others wait for the one.
        let alone = self.group.size() == 1;
        let mut run = || self.outcome(filled, between);
        let run = || if alone { contained(run) } else { run() };
        if self.verbose {
            return run();
        }
        tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), run)
    }

    fn outcome(&self, filled: &Filled, between: &mut dyn FnMut()) -> Result<Vec<Scalar>> {
        let context = Context {
            comm: self.group,
            node: self.node.clone(),
            quiet: true,
            folder: self.folder.clone(),
            job_file: self.base_file.clone(),
            job_text: filled.text.clone(),
            output: None,
            writes: false,
            command: self.command.clone(),
            inputs: RefCell::default(),
            interruption: Interruption::default(),
            fresh: false,
            selection: Selection::default(),
        };
        let outcome = self.steps(&filled.text, &context, between);
        self.note(context.inputs.into_inner());
        // The lines are those of the text with the point's values, which nobody sees.
        outcome.map_err(|error| {
            if error.file.as_deref() == Some(&*self.base_file) { Error { line: None, ..error } } else { error }
        })
    }

    fn steps(&self, text: &str, context: &Context<'_>, between: &mut dyn FnMut()) -> Result<Vec<Scalar>> {
        let mut job = jobs::read(text, &self.base_file)?.prepare(context)?;
        // Ranks without work are at the end already, and hear of it here.
        agree(self.group, self.to_end(&mut *job, between))?;
        Ok(job.finish()?.scalars)
    }

    fn to_end(&self, job: &mut dyn Job, between: &mut dyn FnMut()) -> Result<()> {
        let mut agreement = Agreement::default();
        while job.advance()? != Advance::Done {
            between();
            if let Some(reason) = self.told(job, &mut agreement) {
                return Err(Error::interrupted(reason.to_string()));
            }
        }
        Ok(())
    }

    /// Whether the point is to be given up, the same on each rank that works on it.
    fn told(&self, job: &dyn Job, agreement: &mut Agreement) -> Option<Reason> {
        match self.group.size() {
            1 => self.interruption.requested(),
            _ => self.interruption.agreed(&*job.in_step()?, agreement),
        }
    }

    fn note(&self, inputs: Vec<PathBuf>) {
        let mut known = self.inputs.borrow_mut();
        for path in inputs {
            if !known.contains(&path) {
                known.push(path);
            }
        }
    }
}

/// The objective and the constraints of a point that was run.
///
/// # Errors
/// Input error when the point has no such result.
pub(super) fn measure(
    scalars: &[Scalar],
    objective: Option<&Objective>,
    constraints: &[Constraint],
) -> Result<Measured> {
    let value = |result: &str| {
        let found = scalars.iter().find(|scalar| scalar.name == result).map(|scalar| scalar.value);
        found.ok_or_else(|| {
            let names: Vec<&str> = scalars.iter().map(|scalar| &*scalar.name).collect();
            Error::input(format!("there is no result `{result}`")).allowed(names.join(", "))
        })
    };
    let excess = |constraint: &Constraint| Ok(constraint.excess(value(&constraint.result)?));
    Ok(Measured {
        objective: objective.map_or(Ok(f64::NAN), |objective| value(&objective.result))?,
        excesses: constraints.iter().map(excess).collect::<Result<_>>()?,
    })
}
