//! Representations of the state: each runs the plan's steps under its own policy for channels.

pub mod budget;
pub mod certificate;
pub mod compression;
pub mod low_rank;
pub mod rounding;

/// The name and one line of each engine.
pub const ENGINES: &[(&str, &str)] = &[("low-rank", "rho = L L^dagger with a certified error")];
