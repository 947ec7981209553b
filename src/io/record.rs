//! What a run leaves behind, as plain data.
//!
//! In every bound `lower <= exact value <= upper` is proven; NaN says that none is known. `value` belongs to the completed state
//! `rho~ + d I / 2^n`, `renormalised` to `rho~ / tr(rho~)`; `stderr` is the standard error of a sampled value and NaN
//! when nothing was sampled.

use crate::device::StreamTimes;
use crate::linalg::Matrix;
use serde::{Deserialize, Serialize};

/// One expectation value.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Expectation {
    /// The observable, verbatim as the user wrote it.
    pub name: String,
    /// `tr(O (rho~ + d I / 2^n))`.
    pub value: f64,
    /// Proven lower bound of the exact value.
    pub lower: f64,
    /// Proven upper bound of the exact value.
    pub upper: f64,
    /// `tr(O rho~) / tr(rho~)`; no bound is claimed for it.
    pub renormalised: f64,
    /// Standard error when sampled, else NaN.
    pub stderr: f64,
}

/// A number that is not linear in the state, or one of its parts, and its interval.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bounded {
    /// What it belongs to, for instance an observable as the user wrote it.
    pub name: String,
    /// That of the completed state.
    pub value: f64,
    /// Proven lower bound of the exact value.
    pub lower: f64,
    /// Proven upper bound of the exact value.
    pub upper: f64,
    /// That of `rho~ / tr(rho~)`; no bound is claimed for it.
    pub renormalised: f64,
}

/// The entropies of some qubits, in nats.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Entropy {
    /// The qubits joined by underscores, or `all`.
    pub name: String,
    /// `-tr(rho ln rho)`.
    pub von_neumann: Bounded,
    /// `-ln tr(rho^2)`.
    pub renyi_2: Bounded,
}

/// The density matrix of some qubits.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReducedMatrix {
    /// The qubits, in the order the user listed them; the first is bit 0 of the index.
    pub qubits: Vec<usize>,
    /// That of the completed state, or an estimate; it has trace 1.
    pub value: Matrix,
    /// Standard errors of real and imaginary parts when sampled, else NaN.
    pub stderr: Matrix,
    /// Proven bound on the trace distance `||.||_1 / 2` to the exact matrix; of the completed state's, not of an estimate.
    pub distance: f64,
}

impl ReducedMatrix {
    /// The name of its group in the file, as [`ProbabilityGroup::name`].
    pub fn name(&self) -> String {
        self.qubits.iter().map(usize::to_string).collect::<Vec<_>>().join("_")
    }
}

/// Fidelity and trace distance with another state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fidelity {
    /// The other state, as the job file names it.
    pub name: String,
    /// `(tr sqrt(sqrt(rho) sigma sqrt(rho)))^2`.
    pub fidelity: Bounded,
    /// `||rho - sigma||_1 / 2`.
    pub trace_distance: Bounded,
}

/// The eigenvalues of the core.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoredSpectrum {
    /// Those that are not zero, descending.
    pub eigenvalues: Vec<f64>,
    /// Proven bound on the sum of absolute differences to the exact ones, in order.
    pub distance: f64,
}

/// The joint distribution of some qubits; every list has `2^qubits` entries.
///
/// Bit 0 of the index is the outcome of the first listed qubit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ProbabilityGroup {
    /// The qubits, in the order the user listed them.
    pub qubits: Vec<usize>,
    /// Probabilities of the completed state; they sum to 1.
    pub value: Vec<f64>,
    /// Proven lower bounds.
    pub lower: Vec<f64>,
    /// Proven upper bounds.
    pub upper: Vec<f64>,
    /// Probabilities of `rho~ / tr(rho~)`; no bound is claimed for them.
    pub renormalised: Vec<f64>,
    /// Standard errors when sampled, else NaN.
    pub stderr: Vec<f64>,
}

impl ProbabilityGroup {
    /// The name of its group in the file: the qubits joined by underscores, for instance `0_1_2`.
    pub fn name(&self) -> String {
        self.qubits.iter().map(usize::to_string).collect::<Vec<_>>().join("_")
    }
}

/// Sampled bit strings: rows with a count above zero, sorted by bit string.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Bit strings, the last declared bit (or the highest qubit) leftmost.
    pub bitstrings: Vec<String>,
    /// How often each was drawn.
    pub counts: Vec<u64>,
}

impl Counts {
    /// Number of shots: the sum of the counts.
    pub fn shots(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// One Pauli string of an observable that was read from a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Term {
    /// The Pauli string, verbatim.
    pub name: String,
    /// Its real coefficient.
    pub coefficient: f64,
    /// Expectation value of the Pauli string alone, without the coefficient.
    pub value: f64,
    /// Proven lower bound of it.
    pub lower: f64,
    /// Proven upper bound of it.
    pub upper: f64,
    /// Standard error when sampled, else NaN.
    pub stderr: f64,
}

/// The terms of one observable that was read from a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Terms {
    /// Name of the observable: that of its file.
    pub name: String,
    /// Its terms, in the order of the file.
    pub terms: Vec<Term>,
}

/// What is known of the final state `rho~ = L L^dagger`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StateSummary {
    /// Number of qubits `n`.
    pub qubits: usize,
    /// Columns of `L` after the last cut.
    pub rank: usize,
    /// `tr(rho~)`.
    pub trace: f64,
    /// Certified bound of `||rho - rho~||_1`: `discarded + rounding`.
    pub error: f64,
    /// `d = 1 - tr(rho~)`, the weight that was cut away.
    pub discarded: f64,
    /// Bound of what rounding added.
    pub rounding: f64,
    /// `tr(rho~^2)`.
    pub purity: f64,
    /// Proven lower bound of `tr(rho^2)`.
    pub purity_lower: f64,
    /// Proven upper bound of `tr(rho^2)`.
    pub purity_upper: f64,
    /// The error the user allowed; NaN if none was stated.
    pub budget: f64,
    /// `error <= budget`; true when none was stated.
    pub budget_met: bool,
    /// Eigenvalues of the Gram matrix below this were cut.
    pub cut: f64,
    /// Branches of a channel lighter than this were never formed.
    pub prune: f64,
    /// How often the circuit was evolved until the error fitted the budget.
    pub passes: u64,
    /// Blocks of the sampled tail and columns of each; 0 without one. With a tail, `value`s are of core and tail together.
    pub tail: [u64; 2],
    /// Trajectories that were sampled; 0 when the state was computed as a whole. With trajectories, `value`s are means and
    /// no bound is known.
    pub trajectories: u64,
}

/// What was taken at a named barrier.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// The name of the place; it repeats if the barrier is in a loop.
    pub name: String,
    /// The line of its annotation in the circuit's file.
    pub line: u64,
    /// Columns of `L` there.
    pub rank: u64,
    /// `tr(rho~)` there.
    pub trace: f64,
    /// Certified bound of `||rho - rho~||_1` there; NaN when sampled.
    pub error: f64,
    /// `tr(rho~^2)`, and proven bounds of `tr(rho^2)`.
    pub purity: [f64; 3],
    /// The job's expectation values, in its order.
    pub expectations: Vec<Expectation>,
    /// The job's distributions, in its order.
    pub probabilities: Vec<ProbabilityGroup>,
}

impl Snapshot {
    /// Of a state with this summary.
    pub fn new(
        name: &str,
        line: usize,
        state: &StateSummary,
        expectations: Vec<Expectation>,
        probabilities: Vec<ProbabilityGroup>,
    ) -> Snapshot {
        Snapshot {
            name: name.into(),
            line: line as u64,
            rank: state.rank as u64,
            trace: state.trace,
            error: state.error,
            purity: [state.purity, state.purity_lower, state.purity_upper],
            expectations,
            probabilities,
        }
    }
}

/// What one step of the plan did in the last pass.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TraceRow {
    /// Index of the step in the plan.
    pub step: u64,
    /// Kind of the step, for instance `exchange`.
    pub kind: String,
    /// Columns in use after the step.
    pub width: u64,
    /// Weight this step cut away.
    pub discarded: f64,
    /// Wall time on the root rank.
    pub seconds: f64,
    /// Bytes sent between ranks, summed over all ranks.
    pub bytes: u64,
    /// Bytes the plan predicted per column, summed over all ranks; for an exchange, times the width it is `bytes`.
    pub bytes_per_column: u64,
    /// On a GPU, what its streams did between the step before and this one, on the root rank.
    pub streams: Option<StreamTimes>,
}

/// A phase of the run and its wall time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Phase {
    /// What was done, for instance `evolve`.
    pub name: String,
    /// Wall time on the root rank.
    pub seconds: f64,
}

/// The input, complete enough to repeat the run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigRecord {
    /// The job with all defaults filled in, as TOML.
    pub effective_toml: String,
    /// SHA-256 of the job file, in hexadecimal.
    pub job_sha256: String,
    /// The text of the circuit file.
    pub circuit_text: String,
    /// SHA-256 of the circuit file, in hexadecimal.
    pub circuit_sha256: String,
}

/// Who computed this, where and with what.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Provenance {
    /// Version of the program.
    pub version: String,
    /// The commit it was built from.
    pub commit: String,
    /// The command line.
    pub command: String,
    /// When the run began, UTC (see [`super::rfc3339`]).
    pub started: String,
    /// One host name a rank, in the order of ranks.
    pub hosts: Vec<String>,
    /// The most bytes each rank had resident, in the order of ranks.
    pub peak_memory: Vec<u64>,
    /// Number of ranks.
    pub ranks: u64,
    /// Ranks that held no part of the state.
    pub idle_ranks: u64,
    /// Threads a rank.
    pub threads: u64,
    /// GPUs in use, one entry a device; empty on the CPU.
    pub gpus: Vec<String>,
    /// The MPI library; `none` in a serial build.
    pub mpi_version: String,
    /// The HDF5 library (see [`super::library_version`]).
    pub hdf5_version: String,
    /// Wall time of the engine, without start-up, reading and writing.
    pub engine_seconds: f64,
    /// The engine that gave the results.
    pub engine: String,
    /// How it was chosen, if the job left that open; else empty.
    pub choice: String,
}

/// Everything a run writes, but for the factor `L` itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunRecord {
    /// Expectation values, in the order the user asked for them.
    pub expectations: Vec<Expectation>,
    /// The terms of observables that were read from files.
    pub terms: Vec<Terms>,
    /// Distributions of groups of qubits; a group listed twice is written once.
    pub probabilities: Vec<ProbabilityGroup>,
    /// Sampled bit strings, if shots were asked for.
    pub counts: Option<Counts>,
    /// Variances of the observables, in the same order, if they were asked for.
    pub variances: Vec<Bounded>,
    /// Density matrices of groups of qubits.
    pub reduced: Vec<ReducedMatrix>,
    /// Entropies of those groups, and of the whole state if they were asked for.
    pub entropies: Vec<Entropy>,
    /// Negativities of pairs of groups.
    pub negativities: Vec<Bounded>,
    /// How near the state is to others.
    pub fidelities: Vec<Fidelity>,
    /// The eigenvalues of the state, if they were asked for.
    pub spectrum: Option<StoredSpectrum>,
    /// What was taken on the way, in order of time.
    pub snapshots: Vec<Snapshot>,
    /// The final state.
    pub state: StateSummary,
    /// One row a step of the last pass.
    pub trace: Vec<TraceRow>,
    /// Phases of the run in order.
    pub timing: Vec<Phase>,
    /// The input.
    pub config: ConfigRecord,
    /// Who, where, with what.
    pub provenance: Provenance,
}
