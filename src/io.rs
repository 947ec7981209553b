//! Result files, exported states, progress and the summary on the terminal.
//!
//! A job fills a [`RunRecord`]; [`Output`] writes it to one HDF5 file. The schema is documented in
//! `docs/result-format.md`; the tests hold that page and the writer together.
//!
//! Only one rank calls this module and it uses HDF5 serially, so a serial and a parallel build of the library do. Checkpoints
//! ([`checkpoint`]), which all ranks write, do without HDF5.

mod atomic;
pub mod checkpoint;
mod differences;
mod hdf;
pub mod journal;
mod output;
pub mod progress;
mod record;
mod scalar;
mod schema;
mod state_file;
mod stored_run;
mod summary;
pub mod sweep;
mod time;
mod width_trace;
mod writer;

pub use atomic::replace_file;
pub use differences::{Difference, differences};
pub use hdf::library_version;
pub use output::{OpenOutput, Output};
pub use progress::Progress;
pub use record::{
    Bounded, ConfigRecord, Counts, Entropy, Expectation, Fidelity, Phase, ProbabilityGroup, Provenance, ReducedMatrix,
    RunRecord, Snapshot, StateSummary, StoredSpectrum, Term, Terms, TraceRow,
};
pub use scalar::Scalar;
pub use schema::SCHEMA_VERSION;
pub use state_file::StateFile;
pub use stored_run::StoredRun;
pub(crate) use summary::number;
pub use summary::summary;
pub use time::rfc3339;
pub use width_trace::WidthTrace;
