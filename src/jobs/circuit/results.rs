//! From the final state to the result file.

use super::inputs::Inputs;
use super::others;
use super::quantities::{self, Raw};
use super::{CircuitJob, Run, missed, scalars};
use crate::comm::node::peak_memory;
use crate::comm::{self, agree, library_version};
use crate::driver::Outcome;
use crate::engine::Final;
use crate::engine::certificate::{Certificate, Certified};
use crate::error::{Error, Result};
use crate::io::{
    self, ConfigRecord, Expectation, Output, Phase, ProbabilityGroup, Provenance, RunRecord, StateSummary, Term, Terms,
};
use crate::model::{Layout, PauliString, PauliSum};
use crate::plan::Action;
use sha2::{Digest, Sha256};
use std::time::Instant;

/// Everything that is asked of the final state.
struct Measured {
    record: RunRecord,
    certificate: Certificate,
    /// Seconds for the observables, and for the samples.
    seconds: [f64; 2],
}

/// Takes the observables, writes the file and gives the summary.
pub(super) fn finish(mut job: CircuitJob<'_>) -> Result<Outcome> {
    let comm = job.context.comm;
    let measured = job.run.as_mut().map(|run| measure(run, &job.inputs)).transpose();
    let measured = agree(comm, measured)?;
    let hosts = comm.gather(job.context.node.host.as_bytes()).unwrap_or_default();
    let peaks = comm.gather(&peak_memory().to_le_bytes()).unwrap_or_default();
    let ranks = Provenance {
        hosts: hosts.iter().map(|host| String::from_utf8_lossy(host).into_owned()).collect(),
        peak_memory: peaks.iter().flat_map(|peak| peak[..].try_into().map(u64::from_le_bytes)).collect(),
        ..Provenance::default()
    };
    let summary = match (job.run.take(), measured) {
        (Some(run), Some(measured)) => conclude(&mut job, run, measured, ranks),
        _ => Ok(Outcome::default()),
    };
    agree(comm, summary)
}

/// Completes the record, writes it and judges the budget; collective over the ranks with a shard.
fn conclude(job: &mut CircuitJob<'_>, mut run: Run, measured: Measured, ranks: Provenance) -> Result<Outcome> {
    let engine_seconds = job.clock.engine.elapsed().as_secs_f64();
    let certificate = measured.certificate;
    let mut record = measured.record;
    record.state = state_summary(&run, &job.inputs, &certificate, record.state);
    record.timing = timing(job, measured.seconds, engine_seconds);
    record.config = config_record(&job.inputs);
    let ranks = Provenance { gpus: run.computer.gpus.clone(), ..ranks };
    record.provenance = provenance(job, ranks, engine_seconds);
    record.trace = std::mem::take(&mut run.trace);
    record.snapshots.append(&mut run.snapshots);
    let file = &job.inputs.config.output.file.value;
    if job.context.writes {
        write(job.output.take(), &mut run, &record, &job.inputs)?;
        job.forget();
    }
    let state = &record.state;
    if !state.budget_met {
        let why = if run.engine.limited() { "`max_rank` or memory was in the way" } else { "`cut` is too large" };
        tracing::warn!("the certified error {:.2e} exceeds the budget {:.2e}: {why}", state.error, state.budget);
        if job.inputs.config.engine.strict {
            return Err(missed(state.budget, state.error, file));
        }
    }
    let engine = job.inputs.choice.as_ref().map(|choice| choice.summary()).unwrap_or_default();
    let device = job.device.as_ref().map(|device| format!("device  {device}\n")).unwrap_or_default();
    if !job.context.writes {
        return Ok(Outcome { summary: String::new(), scalars: scalars::of(&record) });
    }
    let summary = io::summary(&record, std::path::Path::new(file)) + &engine + &device;
    Ok(Outcome { summary, scalars: Vec::new() })
}

fn measure(run: &mut Run, inputs: &Inputs) -> Result<Measured> {
    let begin = Instant::now();
    if let Some(ensemble) = &run.ensemble {
        let mut record = ensemble.record(inputs);
        let certificate = run.engine.certificate();
        record.state = purity(run, inputs, &certificate)?;
        complete_trace(run, inputs.plan.shards as u64)?;
        return Ok(Measured { record, certificate, seconds: [begin.elapsed().as_secs_f64(), 0.0] });
    }
    let certificate = run.certificate.ok_or_else(|| Error::internal("the plan ended without its measure step"))?;
    let measure = final_step(inputs)?;
    let layout = measure.layout;
    let sent = run.engine.sent();
    let values = run.engine.pauli_expectations(&inputs.plan.strings, measure);
    let sent = run.engine.sent() - sent;
    let raw: Raw = inputs.plan.strings.iter().copied().zip(values).collect();
    let mut record = RunRecord {
        expectations: expectations(inputs, &certificate, &raw),
        terms: terms(inputs, &certificate, &raw),
        probabilities: probabilities(run, inputs, &certificate, layout),
        state: purity(run, inputs, &certificate)?,
        ..RunRecord::default()
    };
    let observe = &inputs.config.observe;
    let eigenvalues = if observe.entropy || observe.spectrum { run.engine.eigenvalues()? } else { None };
    quantities::add(&mut record, inputs, &certificate, &raw, eigenvalues)?;
    record.fidelities = others::compare(run, inputs, &certificate, layout)?;
    super::tail::add(run, inputs, measure, (&raw, certificate.trace), &mut record)?;
    let observed = begin.elapsed().as_secs_f64();
    if inputs.config.observe.shots > 0 {
        record.counts = Some(super::counts::draw(&*run.engine, inputs, layout, certificate.missing()));
    }
    if let Some(row) = run.trace.last_mut() {
        row.bytes += sent;
        row.seconds += observed;
    }
    complete_trace(run, inputs.plan.shards as u64)?;
    Ok(Measured { record, certificate, seconds: [observed, begin.elapsed().as_secs_f64() - observed] })
}

/// The layout and the overlaps of the plan's last step.
pub(super) fn final_step(inputs: &Inputs) -> Result<Final<'_>> {
    match inputs.plan.steps.last().map(|step| &step.action) {
        Some(Action::Measure { layout, overlaps, .. }) => Ok(Final { layout, overlaps }),
        _ => Err(Error::internal("a plan ends with its measure step")),
    }
}

/// Completes the trace: bytes summed over the ranks, and the times of the GPU's streams.
fn complete_trace(run: &mut Run, shards: u64) -> Result<()> {
    let mut bytes: Vec<f64> = run.trace.iter().map(|row| row.bytes as f64).collect();
    run.comm.sum(&mut bytes);
    for (row, bytes) in run.trace.iter_mut().zip(bytes) {
        row.bytes = bytes as u64;
        row.bytes_per_column *= shards;
    }
    let Some(clock) = &run.computer.clock else { return Ok(()) };
    // Observables come after the last step and count with it, as their seconds do.
    clock.lap()?;
    let mut laps = clock.laps()?;
    let observed = laps.pop().unwrap_or_default();
    run.trace.iter_mut().skip(run.timed).zip(laps).for_each(|(row, times)| row.streams = Some(times));
    if let Some(times) = run.trace.last_mut().and_then(|row| row.streams.as_mut()) {
        *times += observed;
    }
    Ok(())
}

/// `tr(O rho~)` without the identity terms.
pub(super) fn weighted(sum: &PauliSum, raw: &Raw) -> f64 {
    let terms = sum.terms.iter().filter(|(_, string)| !string.is_identity());
    terms.map(|(coefficient, string)| coefficient * raw.get(string).copied().unwrap_or(f64::NAN)).sum()
}

pub(super) fn expectations(inputs: &Inputs, certificate: &Certificate, raw: &Raw) -> Vec<Expectation> {
    let expectation = |observable: &super::observables::Observable| {
        let Certified { value, lower, upper, renormalised } =
            certificate.observable(&observable.sum, weighted(&observable.sum, raw));
        Expectation { name: observable.name.clone(), value, lower, upper, renormalised, stderr: f64::NAN }
    };
    inputs.observables.iter().map(expectation).collect()
}

fn terms(inputs: &Inputs, certificate: &Certificate, raw: &Raw) -> Vec<Terms> {
    let term = |(coefficient, string): &(f64, PauliString)| {
        let single = PauliSum { terms: vec![(1.0, *string)] };
        let Certified { value, lower, upper, .. } = certificate.observable(&single, weighted(&single, raw));
        Term { name: string.to_string(), coefficient: *coefficient, value, lower, upper, stderr: f64::NAN }
    };
    let listed = inputs.observables.iter().filter(|observable| observable.listed);
    listed.map(|one| Terms { name: one.name.clone(), terms: one.sum.terms.iter().map(term).collect() }).collect()
}

pub(super) fn probabilities(
    run: &mut Run,
    inputs: &Inputs,
    certificate: &Certificate,
    layout: &Layout,
) -> Vec<ProbabilityGroup> {
    let mut groups = Vec::new();
    for qubits in inputs.config.observe.probabilities.iter().map(|group| &group.value) {
        let raw = run.engine.marginal(layout, qubits);
        let mut group = ProbabilityGroup { qubits: qubits.clone(), ..ProbabilityGroup::default() };
        for probability in &raw {
            let certified = certificate.probability(*probability, raw.len());
            group.value.push(certified.value);
            group.lower.push(certified.lower);
            group.upper.push(certified.upper);
            group.renormalised.push(certified.renormalised);
            group.stderr.push(f64::NAN);
        }
        groups.push(group);
    }
    groups
}

/// The part of the state's summary that needs the Gram matrix.
pub(super) fn purity(run: &Run, inputs: &Inputs, certificate: &Certificate) -> Result<StateSummary> {
    let (raw, largest) = run.engine.purity()?;
    let purity = certificate.purity(raw, largest, inputs.plan.system);
    Ok(StateSummary { purity: raw, purity_lower: purity.lower, purity_upper: purity.upper, ..StateSummary::default() })
}

fn state_summary(run: &Run, inputs: &Inputs, certificate: &Certificate, purity: StateSummary) -> StateSummary {
    let settings = super::settings(inputs, run.stairs.as_ref());
    let budget = inputs.config.engine.budget;
    StateSummary {
        qubits: inputs.plan.system,
        rank: run.engine.width(),
        trace: certificate.trace,
        error: certificate.error(),
        discarded: certificate.missing(),
        rounding: certificate.rounding,
        budget: budget.unwrap_or(f64::NAN),
        budget_met: budget.is_none_or(|budget| certificate.error() <= budget),
        cut: settings.cut,
        prune: settings.prune,
        passes: run.stairs.map_or(1, |stairs| stairs.stair() as u64),
        tail: inputs.config.engine.tail.map_or([0; 2], |tail| [tail.blocks as u64, tail.columns as u64]),
        trajectories: run.ensemble.as_ref().map_or(0, |ensemble| ensemble.trajectories()),
        ..purity
    }
}

fn timing(job: &CircuitJob<'_>, [observables, counts]: [f64; 2], engine: f64) -> Vec<Phase> {
    let phase = |name: &str, seconds| Phase { name: name.into(), seconds };
    let stair = job.clock.stair.elapsed().as_secs_f64() - observables - counts;
    vec![
        phase("prepare", job.clock.prepare),
        phase("choose", job.inputs.choice.as_ref().map_or(0.0, |choice| choice.seconds)),
        phase("engine", engine),
        phase("last_pass", stair),
        phase("observables", observables),
        phase("counts", counts),
        phase("communication", comm::waited() - job.clock.waited),
    ]
}

fn config_record(inputs: &Inputs) -> ConfigRecord {
    let hash = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let [job, circuit] = &inputs.texts;
    ConfigRecord {
        effective_toml: inputs.effective_toml(),
        job_sha256: hash(job),
        circuit_text: String::from_utf8_lossy(circuit).into_owned(),
        circuit_sha256: hash(circuit),
    }
}

/// Completes what was gathered from the ranks.
fn provenance(job: &CircuitJob<'_>, gathered: Provenance, engine_seconds: f64) -> Provenance {
    let ranks = job.context.comm.size();
    Provenance {
        version: env!("CARGO_PKG_VERSION").into(),
        commit: env!("RHOSHARD_COMMIT").into(),
        command: job.context.command.clone(),
        started: io::rfc3339(job.clock.started),
        ranks: ranks as u64,
        idle_ranks: job.idle as u64,
        threads: rayon::current_num_threads() as u64,
        mpi_version: library_version(),
        hdf5_version: io::library_version(),
        engine_seconds,
        engine: job.inputs.config.engine.kind.name().into(),
        choice: job.inputs.choice.as_ref().map(|choice| choice.record()).unwrap_or_default(),
        ..gathered
    }
}

/// Writes the file on the root rank; the state's rows pass through all ranks with a shard.
fn write(output: Option<Output>, run: &mut Run, record: &RunRecord, inputs: &Inputs) -> Result<()> {
    let comm = run.comm.clone();
    let begun = agree(&*comm, output.map(|output| output.begin(record, inputs.config.output.state)).transpose());
    let mut open = begun?;
    if inputs.config.output.state {
        let layout = final_step(inputs)?.layout;
        run.engine.export_rows(layout, &mut |first, rows| match &mut open {
            Some(open) => open.write_rows(first, rows),
            None => Ok(()),
        })?;
    }
    agree(&*comm, open.map(|open| open.finish()).transpose().map(|_| ()))
}
