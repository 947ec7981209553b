//! Measures what a machine can do, through the same verbs that runs use.

pub mod exchange;
pub mod gpu;
mod machine;
mod stopwatch;
mod subject;

pub use machine::machine;
pub use stopwatch::Stopwatch;

use crate::config::Machine;

/// What was measured, how much, its unit.
pub type Amount = (&'static str, f64, &'static str);

/// The outcome of a measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// What `plan` reads.
    pub machine: Machine,
    /// What only people read.
    pub others: Vec<Amount>,
}
