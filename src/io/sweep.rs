//! The folder of a sweep: what it is, its locks, the journals of its runs, and what they say together.
//!
//! ```text
//! STEM.sweep/sweep.json                 the definition, replaced atomically when a run begins
//! STEM.sweep/lock, lock-K-of-N          held by the runs that write
//! STEM.sweep/RUN-KofN-RANK.journal      what happened (see `journal`), a file for each run, part (K of N) and rank
//! ```
//!
//! The journals are all that counts: the table of results (`table`) is made from them, and can be made again.

mod folder;
mod records;
mod stored;
pub mod table;

pub use folder::{FolderLock, Part, SweepFolder};
pub use records::{Point, PointState, Records, Writer};
pub use stored::{AxisColumn, StoredAxis, StoredResult, StoredSweep, is_table};

use crate::config::sweep::{Constraint, Objective};
use serde::{Deserialize, Serialize};

/// What people and programs need to know of a sweep besides its journals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// The job file as the user named it.
    pub job: String,
    /// The job file's folder, from which the table's path starts.
    pub job_folder: String,
    /// The table of results.
    pub table: String,
    /// Points in all; the most there can be if they are chosen on the way.
    pub points: u64,
    /// How points are chosen.
    pub sampler: String,
    /// The names of the axes.
    pub axes: Vec<String>,
    /// Axes that are spaced evenly on a logarithmic scale.
    pub logarithmic: Vec<String>,
    /// What is to be optimised.
    pub objective: Option<Objective>,
    /// What a point must satisfy to count, as the job file says it.
    pub constraints: Vec<Constraint>,
    /// Ranks that share a point.
    pub ranks_per_point: u64,
    /// Files that the points read, with the SHA-256 of each.
    #[serde(default)]
    pub inputs: Vec<(String, String)>,
}
