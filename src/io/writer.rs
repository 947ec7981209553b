//! Writes a [`RunRecord`] into an open HDF5 file.

mod snapshots;

use super::hdf::{attribute, column, group, link_name, matrix, scalar, text, text_column};
use super::record::{
    Bounded, ConfigRecord, Counts, Entropy, Expectation, Fidelity, Phase, ProbabilityGroup, Provenance, ReducedMatrix,
    RunRecord, StateSummary, StoredSpectrum, Terms, TraceRow,
};
use super::schema::{self, Field};
use crate::device::StreamTimes;
use hdf5::{Group, H5Type, Result};

/// Writes everything but the factor; returns the group `/results/state`, where the factor belongs.
pub(super) fn write(file: &Group, record: &RunRecord) -> Result<Group> {
    attribute(file, "format", &text(schema::FORMAT))?;
    attribute(file, "schema_version", &schema::SCHEMA_VERSION)?;
    let results = group(file, "results", "what was computed; repeating the job repeats it")?;
    write_expectations(&results, &record.expectations)?;
    write_probabilities(&results, &record.probabilities)?;
    write_terms(&results, &record.terms)?;
    if let Some(counts) = &record.counts {
        write_counts(&results, counts)?;
    }
    write_bounded(&results, ("variances", "variances of the observables"), &record.variances)?;
    write_bounded(&results, ("negativities", "entanglement between two groups of qubits"), &record.negativities)?;
    write_reduced(&results, &record.reduced)?;
    write_entropies(&results, &record.entropies)?;
    write_fidelities(&results, &record.fidelities)?;
    if let Some(spectrum) = &record.spectrum {
        write_spectrum(&results, spectrum)?;
    }
    if !record.snapshots.is_empty() {
        snapshots::write(&results, &record.snapshots)?;
    }
    write_trace(file, &record.trace)?;
    write_timing(file, &record.timing)?;
    write_config(file, &record.config)?;
    write_provenance(file, &record.provenance)?;
    write_state(&results, &record.state)
}

/// Writes one column of numbers of the table whose rows are `rows`.
fn numbers<Row, T: H5Type>(at: &Group, field: &Field, rows: &[Row], value: impl Fn(&Row) -> T) -> Result<()> {
    column(at, field, &rows.iter().map(value).collect::<Vec<_>>())
}

fn write_expectations(results: &Group, rows: &[Expectation]) -> Result<()> {
    let at = group(results, "expectations", "expectation values; lower <= exact value <= upper is proven")?;
    text_column(&at, &schema::EXPECTATION_NAME, rows.iter().map(|row| &row.name))?;
    numbers(&at, &schema::VALUE, rows, |row| row.value)?;
    numbers(&at, &schema::LOWER, rows, |row| row.lower)?;
    numbers(&at, &schema::UPPER, rows, |row| row.upper)?;
    numbers(&at, &schema::RENORMALISED, rows, |row| row.renormalised)?;
    numbers(&at, &schema::STDERR, rows, |row| row.stderr)
}

fn write_probabilities(results: &Group, groups: &[ProbabilityGroup]) -> Result<()> {
    let parent = group(results, "probabilities", "joint distributions, one group for each list of qubits")?;
    for of in groups {
        if parent.link_exists(&of.name()) {
            continue;
        }
        let at = group(&parent, &of.name(), "joint distribution of the qubits in the name")?;
        numbers(&at, &schema::PROBABILITY_QUBITS, &of.qubits, |qubit| *qubit as u64)?;
        column(&at, &schema::VALUE, &of.value)?;
        column(&at, &schema::LOWER, &of.lower)?;
        column(&at, &schema::UPPER, &of.upper)?;
        column(&at, &schema::RENORMALISED, &of.renormalised)?;
        column(&at, &schema::STDERR, &of.stderr)?;
    }
    Ok(())
}

fn write_terms(results: &Group, observables: &[Terms]) -> Result<()> {
    let parent = group(results, "terms", "terms of the observables that were read from files")?;
    for of in observables {
        let at = group(&parent, &link_name(&of.name), "terms of the observable, in the order of its file")?;
        text_column(&at, &schema::TERM_NAME, of.terms.iter().map(|term| &term.name))?;
        numbers(&at, &schema::TERM_COEFFICIENT, &of.terms, |term| term.coefficient)?;
        numbers(&at, &schema::TERM_VALUE, &of.terms, |term| term.value)?;
        numbers(&at, &schema::LOWER, &of.terms, |term| term.lower)?;
        numbers(&at, &schema::UPPER, &of.terms, |term| term.upper)?;
        numbers(&at, &schema::STDERR, &of.terms, |term| term.stderr)?;
    }
    Ok(())
}

fn write_counts(results: &Group, counts: &Counts) -> Result<()> {
    let at = group(results, "counts", "sampled bit strings, readout errors included")?;
    attribute(&at, "shots", &counts.shots())?;
    text_column(&at, &schema::BITSTRING, counts.bitstrings.iter())?;
    column(&at, &schema::COUNT, &counts.counts)
}

fn write_bounded(results: &Group, (name, meaning): (&str, &str), rows: &[Bounded]) -> Result<()> {
    let at = group(results, name, &format!("{meaning}; lower <= exact value <= upper is proven"))?;
    text_column(&at, &schema::BOUNDED_NAME, rows.iter().map(|row| &row.name))?;
    numbers(&at, &schema::VALUE, rows, |row| row.value)?;
    numbers(&at, &schema::LOWER, rows, |row| row.lower)?;
    numbers(&at, &schema::UPPER, rows, |row| row.upper)?;
    numbers(&at, &schema::RENORMALISED, rows, |row| row.renormalised)
}

fn write_reduced(results: &Group, all: &[ReducedMatrix]) -> Result<()> {
    let parent = group(results, "reduced", "density matrices, one group for each list of qubits")?;
    for of in all {
        if parent.link_exists(&of.name()) {
            continue;
        }
        let at = group(&parent, &of.name(), "density matrix of the qubits in the name")?;
        attribute(&at, "distance", &of.distance)?;
        numbers(&at, &schema::PROBABILITY_QUBITS, &of.qubits, |qubit| *qubit as u64)?;
        matrix(&at, &schema::REDUCED_VALUE, &of.value)?;
        matrix(&at, &schema::REDUCED_STDERR, &of.stderr)?;
    }
    Ok(())
}

fn write_entropies(results: &Group, rows: &[Entropy]) -> Result<()> {
    let at = group(results, "entropies", "entropies in nats; lower <= exact value <= upper is proven")?;
    text_column(&at, &schema::ENTROPY_NAME, rows.iter().map(|row| &row.name))?;
    part(&at, &schema::VON_NEUMANN, rows, |row| &row.von_neumann)?;
    part(&at, &schema::RENYI_2, rows, |row| &row.renyi_2)
}

fn write_fidelities(results: &Group, rows: &[Fidelity]) -> Result<()> {
    let at = group(results, "fidelities", "how near other states are; lower <= exact value <= upper is proven")?;
    text_column(&at, &schema::OTHER_NAME, rows.iter().map(|row| &row.name))?;
    part(&at, &schema::FIDELITY, rows, |row| &row.fidelity)?;
    part(&at, &schema::TRACE_DISTANCE, rows, |row| &row.trace_distance)
}

/// Value and bounds of one of several numbers of each row.
fn part<Row>(at: &Group, fields: &[Field; 3], rows: &[Row], of: impl Fn(&Row) -> &Bounded) -> Result<()> {
    let [value, lower, upper] = fields;
    numbers(at, value, rows, |row| of(row).value)?;
    numbers(at, lower, rows, |row| of(row).lower)?;
    numbers(at, upper, rows, |row| of(row).upper)
}

fn write_spectrum(results: &Group, spectrum: &StoredSpectrum) -> Result<()> {
    let at = group(results, "spectrum", "eigenvalues of the computed state rho~")?;
    attribute(&at, "distance", &spectrum.distance)?;
    column(&at, &schema::EIGENVALUE, &spectrum.eigenvalues)
}

fn write_state(results: &Group, state: &StateSummary) -> Result<Group> {
    let at = group(results, "state", "the final state rho~ = L L^dagger")?;
    attribute(&at, "qubits", &(state.qubits as u64))?;
    attribute(&at, "rank", &(state.rank as u64))?;
    attribute(&at, "trace", &state.trace)?;
    attribute(&at, "error", &state.error)?;
    attribute(&at, "discarded", &state.discarded)?;
    attribute(&at, "rounding", &state.rounding)?;
    attribute(&at, "purity", &state.purity)?;
    attribute(&at, "purity_lower", &state.purity_lower)?;
    attribute(&at, "purity_upper", &state.purity_upper)?;
    attribute(&at, "budget", &state.budget)?;
    attribute(&at, "budget_met", &state.budget_met)?;
    attribute(&at, "cut", &state.cut)?;
    attribute(&at, "prune", &state.prune)?;
    attribute(&at, "passes", &state.passes)?;
    attribute(&at, "tail_blocks", &state.tail[0])?;
    attribute(&at, "tail_columns", &state.tail[1])?;
    attribute(&at, "trajectories", &state.trajectories)?;
    Ok(at)
}

fn write_trace(file: &Group, rows: &[TraceRow]) -> Result<()> {
    let at = group(file, "trace", "one row for each step of the last pass")?;
    numbers(&at, &schema::STEP, rows, |row| row.step)?;
    text_column(&at, &schema::KIND, rows.iter().map(|row| &row.kind))?;
    numbers(&at, &schema::WIDTH, rows, |row| row.width)?;
    numbers(&at, &schema::STEP_DISCARDED, rows, |row| row.discarded)?;
    numbers(&at, &schema::STEP_SECONDS, rows, |row| row.seconds)?;
    numbers(&at, &schema::BYTES, rows, |row| row.bytes)?;
    numbers(&at, &schema::BYTES_PER_COLUMN, rows, |row| row.bytes_per_column)?;
    let Some(times) = rows.iter().map(|row| row.streams).collect::<Option<Vec<StreamTimes>>>() else { return Ok(()) };
    let [compute, communication, overlap] = &schema::STREAMS;
    numbers(&at, compute, &times, |times| times.compute)?;
    numbers(&at, communication, &times, |times| times.communication)?;
    numbers(&at, overlap, &times, StreamTimes::overlap)
}

fn write_timing(file: &Group, phases: &[Phase]) -> Result<()> {
    let at = group(file, "timing", "wall time of the phases of the run")?;
    text_column(&at, &schema::PHASE, phases.iter().map(|phase| &phase.name))?;
    numbers(&at, &schema::PHASE_SECONDS, phases, |phase| phase.seconds)
}

// Texts are datasets rather than attributes: an attribute may hold 64 KiB at most.
fn write_config(file: &Group, config: &ConfigRecord) -> Result<()> {
    let at = group(file, "config", "the input, complete enough to repeat the run")?;
    scalar(&at, &schema::EFFECTIVE_TOML, &text(&config.effective_toml))?;
    scalar(&at, &schema::JOB_SHA256, &text(&config.job_sha256))?;
    scalar(&at, &schema::CIRCUIT_TEXT, &text(&config.circuit_text))?;
    scalar(&at, &schema::CIRCUIT_SHA256, &text(&config.circuit_sha256))
}

fn write_provenance(file: &Group, provenance: &Provenance) -> Result<()> {
    let at = group(file, "provenance", "who computed this, where and with what")?;
    scalar(&at, &schema::PROGRAM_VERSION, &text(&provenance.version))?;
    scalar(&at, &schema::COMMIT, &text(&provenance.commit))?;
    scalar(&at, &schema::COMMAND, &text(&provenance.command))?;
    scalar(&at, &schema::STARTED, &text(&provenance.started))?;
    text_column(&at, &schema::HOSTS, provenance.hosts.iter())?;
    column(&at, &schema::PEAK_MEMORY, &provenance.peak_memory)?;
    scalar(&at, &schema::RANKS, &provenance.ranks)?;
    scalar(&at, &schema::IDLE_RANKS, &provenance.idle_ranks)?;
    scalar(&at, &schema::THREADS, &provenance.threads)?;
    text_column(&at, &schema::GPUS, provenance.gpus.iter())?;
    scalar(&at, &schema::MPI_VERSION, &text(&provenance.mpi_version))?;
    scalar(&at, &schema::HDF5_VERSION, &text(&provenance.hdf5_version))?;
    scalar(&at, &schema::ENGINE_SECONDS, &provenance.engine_seconds)?;
    scalar(&at, &schema::ENGINE, &text(&provenance.engine))?;
    scalar(&at, &schema::CHOICE, &text(&provenance.choice))
}
