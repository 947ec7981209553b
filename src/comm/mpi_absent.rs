//! The face of `mpi.rs` in a build without MPI: one rank.

use super::{Communicator, Serial, panics};
use crate::error::Result;

/// Nothing to keep alive.
pub(super) struct Library;

pub(super) fn start() -> Result<(Library, Box<dyn Communicator>)> {
    panics::end_the_job(0, 1, |code| std::process::exit(code));
    Ok((Library, Box::new(Serial)))
}

/// The MPI library in use.
pub fn library_version() -> String {
    "none (built without the feature `mpi`)".into()
}

/// How distributed runs are built in.
pub fn build_description() -> &'static str {
    "serial (built without the feature `mpi`)"
}
