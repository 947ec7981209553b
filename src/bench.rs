//! Measures what a machine can do, through the same verbs that runs use.

mod machine;
mod stopwatch;

pub use machine::machine;
pub use stopwatch::Stopwatch;

use crate::config::Machine;

/// The outcome of a measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// What `plan` reads.
    pub machine: Machine,
    /// What only people read: name, amount, unit.
    pub others: Vec<(&'static str, f64, &'static str)>,
}
