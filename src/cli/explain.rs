//! `rhoshard explain`: why points of a sweep have no result.

use crate::error::Result;
use crate::watch::{Watch, find};
use clap::Args;
use std::path::PathBuf;

/// Which sweep and which point.
#[derive(Args)]
pub(super) struct ExplainArguments {
    /// The folder of a sweep (STEM.sweep), its job file or its table
    path: PathBuf,
    /// A point, by its place in the sweep from 0; without, all that have no result
    index: Option<u64>,
}

/// The explanation. Only one rank calls it.
pub(super) fn explain(arguments: &ExplainArguments) -> Result<String> {
    Watch::open(&find(&arguments.path)?)?.explain(arguments.index)
}
