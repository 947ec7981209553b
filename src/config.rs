//! Job files: raw TOML in, checked configuration out. Machine files ([`Machine`]) and profiles of clusters
//! ([`cluster::Profile`]) are read in the same way.
//!
//! [`parse`] checks everything that needs neither the circuit nor the file system: keys, types, ranges and what goes
//! together. Only the checked [`Config`] leaves this module; values that can still turn out wrong against the circuit
//! carry their line ([`Located`]), so that late errors name it too.

mod check;
mod checkpoint;
pub mod cluster;
mod document;
pub mod function;
pub mod machine;
mod memory;
mod noise;
mod observe;
pub mod sweep;
pub mod text;

pub use crate::linalg::Precision;
pub use checkpoint::CheckpointSection;
pub use machine::Machine;
pub use noise::{
    DepolarizingSection, IdleSection, MatrixSection, NoiseSection, ReadoutMatrix, ReadoutSection, RuleSection,
    noise_file,
};
pub use observe::{Bipartition, ObserveSection, OtherState};

use crate::error::{Error, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The budget of a job that says neither `budget` nor `cut`.
pub const DEFAULT_BUDGET: f64 = 1e-2;
/// The passes of a `while` on measured bits, of a job that says no number.
pub const DEFAULT_WHILE_PASSES: usize = 32;
/// The tail of a job that asks for one and says nothing about it.
pub const DEFAULT_TAIL: TailShape = TailShape { blocks: 8, columns: 16 };
/// The trajectories of a job that says nothing about them.
pub const DEFAULT_TRAJECTORIES: u64 = 1000;
/// The most trajectories of a job that says how exact it must be.
pub const LARGEST_DEFAULT_TRAJECTORIES: u64 = 1_000_000;
/// The most trajectories of one job.
pub const MAXIMUM_TRAJECTORIES: u64 = 1_000_000_000;
/// The most shots of one job.
pub const MAXIMUM_SHOTS: u64 = 1_000_000_000;
/// The most qubits of one group of `probabilities`: 2^24 numbers.
pub const MAXIMUM_GROUP: usize = 24;
/// The most qubits of one group of `reduced`, or of a pair of groups of `negativity`: matrices of 64 rows.
pub const MAXIMUM_REDUCED: usize = 6;

/// A value and its line in the job file.
///
/// Two are equal when their values are: moving a line changes nothing.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Line of the job file, from 1; 0 for a default.
    #[serde(skip)]
    pub line: usize,
}

impl<T: PartialEq> PartialEq for Located<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// A checked job.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Config {
    /// The job file's path as the user wrote it; paths within are relative to its folder.
    #[serde(skip)]
    pub path: String,
    /// The kind of job, one of the names given to [`parse`].
    pub job: String,
    /// Seed of all random numbers (default 1).
    pub seed: u64,
    /// What is simulated.
    pub circuit: CircuitSection,
    /// Noise in addition to that of the circuit file.
    pub noise: NoiseSection,
    /// How it is simulated.
    pub engine: EngineSection,
    /// What is asked of the final state.
    pub observe: ObserveSection,
    /// Where the results go.
    pub output: OutputSection,
    /// When and where the run is saved, so that it can go on later.
    pub checkpoint: CheckpointSection,
}

/// `[circuit]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CircuitSection {
    /// The OpenQASM file, relative to the job file.
    pub file: Located<String>,
    /// The initial state; all qubits in |0> if absent.
    pub initial: Option<Located<InitialState>>,
    /// Values of the circuit's `input float` parameters, all finite.
    pub parameters: Located<BTreeMap<String, f64>>,
    /// Passes after which a `while` on measured bits ends, whatever its condition then is (default 32).
    pub while_passes: usize,
}

/// The state a circuit starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum InitialState {
    /// A basis state: one character 0 or 1 a qubit, the highest qubit leftmost. At least one.
    Bits(String),
    /// The state in this result file, relative to the job file.
    ResultFile(String),
}

/// `[engine]`
///
/// Trajectories have a number or a standard error. All else has either `budget` alone, and the engine finds cuts that meet it, or `cut` and `prune`, and it runs once with them; a
/// budget beside them is only compared with the error reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EngineSection {
    /// The representation of the state.
    pub kind: EngineKind,
    /// Largest total trace-norm error, in (0, 1]. Present unless `cut` is, or trajectories are sampled.
    pub budget: Option<f64>,
    /// Eigenvalues of the state up to this are cut, in [0, 1).
    pub cut: Option<f64>,
    /// Branches of channels of weight up to this are not formed, in [0, 1). Present exactly if `cut` is; default
    /// `cut / 10` for lazy compression and 0 for compression after every channel.
    pub prune: Option<f64>,
    /// When the state is compressed.
    pub compression: Compression,
    /// Largest number of columns kept; no limit if absent.
    pub max_rank: Option<usize>,
    /// Most bytes for the state on one rank; what the machine has if absent.
    pub memory: Option<u64>,
    /// Whether a missed budget is an error.
    pub strict: bool,
    /// The most trajectories, at least 1. Present if trajectories are sampled, and absent if they cannot be.
    pub trajectories: Option<u64>,
    /// Sampling ends when no standard error is larger, greater than 0; only if trajectories are or may be sampled.
    pub standard_error: Option<f64>,
    /// Precision of the state's numbers.
    pub precision: Precision,
    /// Threads of one rank; the node's cores over its ranks if absent.
    pub threads: Option<usize>,
    /// What computes.
    pub device: DeviceKind,
    /// The GPU of every rank, by number; one after the other over the ranks of a node if absent. Absent on the CPU.
    pub gpu: Option<usize>,
    /// Whether a state for which a GPU has no memory may lie in the host's (default no). False on the CPU.
    pub spill: bool,
    /// What the low-rank engine cuts is sampled, if this is there.
    pub tail: Option<TailShape>,
}

/// `[engine.tail]`: the size of a sampled tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TailShape {
    /// Independent blocks, at least 2, whose spread gives the standard error (default 8).
    pub blocks: usize,
    /// Columns of each, at least 2 (default 16).
    pub columns: usize,
}

impl TailShape {
    /// Columns of all blocks.
    pub fn width(self) -> usize {
        self.blocks * self.columns
    }

    /// Columns that memory must have room for: those of all blocks, and as many that still lie in the core's memory.
    pub fn in_memory(self) -> usize {
        2 * self.width()
    }
}

/// A representation of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineKind {
    /// The factor `L` of `rho = L L^dagger`, with few columns.
    LowRank,
    /// `rho` itself.
    Density,
    /// One column, for circuits without noise.
    Statevector,
    /// Columns that take one branch of every channel at random.
    Trajectories,
    /// Whichever of these is predicted to be the fastest at the stated accuracy.
    Auto,
}

impl EngineKind {
    /// As a job file names it.
    pub fn name(self) -> &'static str {
        match self {
            EngineKind::LowRank => "low-rank",
            EngineKind::Density => "density",
            EngineKind::Statevector => "statevector",
            EngineKind::Trajectories => "trajectories",
            EngineKind::Auto => "auto",
        }
    }
}

/// What a rank computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    /// A GPU if every rank finds one it can use, else the CPU (the default).
    Auto,
    /// The CPU.
    Cpu,
    /// An NVIDIA GPU; without one the job fails.
    Cuda,
    /// The kernels of the GPU run by the CPU, in builds that have them: for tests, slow.
    Emulated,
}

impl DeviceKind {
    /// Their names in job files.
    pub const NAMES: &[(&str, DeviceKind)] = &[
        ("auto", DeviceKind::Auto),
        ("cpu", DeviceKind::Cpu),
        ("cuda", DeviceKind::Cuda),
        ("emulated", DeviceKind::Emulated),
    ];

    /// The kind of this name.
    pub fn named(name: &str) -> Option<DeviceKind> {
        Self::NAMES.iter().find(|(own, _)| *own == name).map(|(_, kind)| *kind)
    }
}

/// When the factor is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// When it has grown wide (the default).
    Lazy,
    /// After every channel, as earlier codes do; for comparison.
    EveryChannel,
}

/// `[output]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutputSection {
    /// The result file, relative to the job file (default: the job file's name with `.h5`).
    pub file: Located<String>,
    /// Whether the factor `L` of the final state is written (default no).
    pub state: bool,
}

/// Reads and checks the text of a job file; `file` is its path as the user wrote it, `known_jobs` the names that `job`
/// may have.
///
/// # Errors
/// Input error with file and line for TOML syntax, unknown keys and values (with the nearest known one), wrong types,
/// values out of range, and keys that do not go together.
pub fn parse(text: &str, file: &str, known_jobs: &[&str]) -> Result<Config> {
    check::config(text, file, known_jobs).map_err(|error| error.in_file(file))
}

/// The kind of job that a file is of: one of `known`; nothing else is looked at.
///
/// # Errors
/// Input error with file and line for TOML syntax, and a `job` that is missing or unknown.
pub fn job_of(text: &str, file: &str, known: &[&str]) -> Result<String> {
    check::kind(text, known).map_err(|error| error.in_file(file))
}

/// As [`parse`], from the bytes of the file, which may turn out not to be text.
///
/// # Errors
/// As [`parse`]; input error for a file that is empty or not UTF-8 text.
pub fn parse_bytes(bytes: &[u8], file: &str, known_jobs: &[&str]) -> Result<Config> {
    parse(text::decode(bytes, file)?, file, known_jobs)
}

impl Config {
    /// The job as TOML with all defaults filled in; [`parse`] makes an equal configuration of it. Limits that are
    /// absent stay absent.
    pub fn effective_toml(&self) -> String {
        toml::to_string(self).expect("a checked configuration holds only what TOML can say")
    }

    /// The place of a file that the job names: relative to the job file's folder.
    pub fn resolve(&self, name: &str) -> PathBuf {
        Path::new(&self.path).parent().unwrap_or(Path::new("")).join(name)
    }

    /// Names the job file and the line of `culprit` in an error found later, unless the error names a place already.
    pub fn locate<T>(&self, culprit: &Located<T>, error: Error) -> Error {
        match (error.file.is_some(), culprit.line) {
            (true, _) => error,
            (false, 0) => error.in_file(&self.path),
            (false, line) => error.in_file(&self.path).at_line(line),
        }
    }
}

#[cfg(test)]
mod tests;
