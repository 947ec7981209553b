//! Names, units and meanings of all that is in a result file: the one place where the schema is written as code.

/// Version of the schema; it grows when a path changes its meaning or goes away, not when one is added.
pub const SCHEMA_VERSION: u32 = 1;

/// Attribute of the root group that tells a result file from any other HDF5 file.
pub(super) const FORMAT: &str = "rhoshard result";

/// A dataset.
pub(super) struct Field {
    pub name: &'static str,
    /// Unit; `1` for pure numbers, empty for text and truth values.
    pub unit: &'static str,
    pub meaning: &'static str,
}

const fn field(name: &'static str, unit: &'static str, meaning: &'static str) -> Field {
    Field { name, unit, meaning }
}

pub(super) const VALUE: Field = field("value", "1", "value of the completed state rho~ + d I / 2^n");
pub(super) const LOWER: Field = field("lower", "1", "proven lower bound of the exact value");
pub(super) const UPPER: Field = field("upper", "1", "proven upper bound of the exact value");
pub(super) const RENORMALISED: Field = field("renormalised", "1", "value of rho~ / tr(rho~); no bound is claimed");
pub(super) const STDERR: Field = field("stderr", "1", "standard error of the value; NaN when nothing was sampled");

pub(super) const EXPECTATION_NAME: Field = field("name", "", "observable, verbatim as asked for");
pub(super) const TERM_NAME: Field = field("name", "", "Pauli string, verbatim from the file");
pub(super) const TERM_COEFFICIENT: Field = field("coefficient", "1", "real coefficient of the Pauli string");
pub(super) const TERM_VALUE: Field = field("value", "1", "value of the Pauli string, without its coefficient");

pub(super) const PROBABILITY_QUBITS: Field =
    field("qubits", "1", "qubits of the group; the first is bit 0 of the index");
pub(super) const BITSTRING: Field = field("bitstring", "", "sampled bits, last declared leftmost; sorted");
pub(super) const COUNT: Field = field("count", "1", "how often the bit string was drawn; never zero");

pub(super) const BOUNDED_NAME: Field = field("name", "", "what the row is about");
pub(super) const REDUCED_VALUE: Field =
    field("value", "1", "density matrix of the completed state; index bit 0 is the first listed qubit");
pub(super) const REDUCED_STDERR: Field =
    field("stderr", "1", "standard errors of real and imaginary parts; NaN when nothing was sampled");
pub(super) const ENTROPY_NAME: Field = field("name", "", "the qubits, or all");
pub(super) const VON_NEUMANN: [Field; 3] = [
    field("von_neumann", "nat", "-tr(rho ln rho) of the completed state"),
    field("von_neumann_lower", "nat", "proven lower bound of the exact value"),
    field("von_neumann_upper", "nat", "proven upper bound of the exact value"),
];
pub(super) const RENYI_2: [Field; 3] = [
    field("renyi_2", "nat", "-ln tr(rho^2) of the completed state"),
    field("renyi_2_lower", "nat", "proven lower bound of the exact value"),
    field("renyi_2_upper", "nat", "proven upper bound of the exact value"),
];
pub(super) const OTHER_NAME: Field = field("name", "", "the other state, as the job names it");
pub(super) const FIDELITY: [Field; 3] = [
    field("fidelity", "1", "(tr sqrt(sqrt(rho) sigma sqrt(rho)))^2"),
    field("fidelity_lower", "1", "proven lower bound of the exact value"),
    field("fidelity_upper", "1", "proven upper bound of the exact value"),
];
pub(super) const TRACE_DISTANCE: [Field; 3] = [
    field("trace_distance", "1", "half the trace norm of rho - sigma"),
    field("trace_distance_lower", "1", "proven lower bound of the exact value"),
    field("trace_distance_upper", "1", "proven upper bound of the exact value"),
];
pub(super) const EIGENVALUE: Field = field("eigenvalue", "1", "eigenvalues of rho~ that are not zero, descending");

pub(super) const SNAPSHOT_NAME: Field = field("name", "", "name of the place; it repeats if the barrier is in a loop");
pub(super) const SNAPSHOT_LINE: Field = field("line", "1", "line of the annotation in the circuit's file");
pub(super) const SNAPSHOT_RANK: Field = field("rank", "1", "columns of L there");
pub(super) const SNAPSHOT_TRACE: Field = field("trace", "1", "tr(rho~) there");
pub(super) const SNAPSHOT_ERROR: Field =
    field("error", "1", "certified bound of the trace norm of rho - rho~ there; NaN when sampled");
pub(super) const SNAPSHOT_PURITY: [Field; 3] = [
    field("purity", "1", "tr(rho~^2) there; NaN when sampled"),
    field("purity_lower", "1", "proven lower bound of tr(rho^2)"),
    field("purity_upper", "1", "proven upper bound of tr(rho^2)"),
];

pub(super) const FACTOR: Field =
    field("factor", "1", "L, row = basis index with qubit 0 its lowest bit; rho~ = L L^dagger");

pub(super) const STEP: Field = field("step", "1", "index of the step in the plan");
pub(super) const KIND: Field = field("kind", "", "kind of the step");
pub(super) const WIDTH: Field = field("width", "1", "columns in use after the step");
pub(super) const STEP_DISCARDED: Field = field("discarded", "1", "weight this step cut away");
pub(super) const STEP_SECONDS: Field = field("seconds", "s", "wall time of the step on the root rank");
pub(super) const BYTES: Field = field("bytes", "byte", "bytes sent between ranks, summed over all ranks");
pub(super) const BYTES_PER_COLUMN: Field =
    field("bytes_per_column", "byte", "the plan's prediction of bytes, per column");
/// On GPUs only.
pub(super) const STREAMS: [Field; 3] = [
    field("compute_seconds", "s", "time of the GPU's compute stream, without its waiting; on the root rank"),
    field("communication_seconds", "s", "time in which the GPU's communication stream had a transfer on its way"),
    field("overlap", "1", "part of that in which the compute stream did not wait for it; NaN without transfers"),
];

pub(super) const PHASE: Field = field("phase", "", "phase of the run, in order");
pub(super) const PHASE_SECONDS: Field = field("seconds", "s", "wall time of the phase on the root rank");

pub(super) const EFFECTIVE_TOML: Field = field("effective_toml", "", "the job with all defaults filled in");
pub(super) const JOB_SHA256: Field = field("job_sha256", "", "SHA-256 of the job file");
pub(super) const CIRCUIT_TEXT: Field = field("circuit_text", "", "text of the circuit file");
pub(super) const CIRCUIT_SHA256: Field = field("circuit_sha256", "", "SHA-256 of the circuit file");

pub(super) const PROGRAM_VERSION: Field = field("version", "", "version of the program");
pub(super) const COMMIT: Field = field("commit", "", "commit the program was built from");
pub(super) const COMMAND: Field = field("command", "", "command line");
pub(super) const STARTED: Field = field("started", "", "when the run began, UTC, RFC 3339");
pub(super) const HOSTS: Field = field("hosts", "", "host of each rank");
pub(super) const PEAK_MEMORY: Field = field("peak_memory", "B", "most memory each rank had resident");
pub(super) const RANKS: Field = field("ranks", "1", "number of ranks");
pub(super) const IDLE_RANKS: Field = field("idle_ranks", "1", "ranks that held no part of the state");
pub(super) const THREADS: Field = field("threads", "1", "threads a rank");
pub(super) const GPUS: Field = field("gpus", "", "GPUs in use; empty on the CPU");
pub(super) const MPI_VERSION: Field = field("mpi_version", "", "MPI library");
pub(super) const HDF5_VERSION: Field = field("hdf5_version", "", "HDF5 library");
pub(super) const ENGINE_SECONDS: Field = field("engine_seconds", "s", "wall time of the engine, without start-up");
pub(super) const ENGINE: Field = field("engine", "", "engine that gave the results");
pub(super) const CHOICE: Field = field("choice", "", "how the engine was chosen; empty when the job names it");
