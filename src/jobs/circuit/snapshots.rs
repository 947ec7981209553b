//! What is taken on the way, at barriers that are named for that.

use super::inputs::Inputs;
use super::quantities::Raw;
use super::{Run, results, tail};
use crate::engine::Final;
use crate::error::Result;
use crate::io::{RunRecord, Snapshot, StateSummary};
use crate::plan::{Action, Plan, Step};

/// The place of a snapshot: its name, and where things are there.
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    pub(super) line: usize,
    pub(super) at: Final<'a>,
}

/// If the step is a snapshot, its place.
pub(super) fn place(step: &Step) -> Option<Place<'_>> {
    match &step.action {
        Action::Measure { layout, overlaps, snapshot: Some(name) } => {
            Some(Place { name, line: step.line, at: Final { layout, overlaps } })
        }
        _ => None,
    }
}

/// All of a plan, in order.
pub(super) fn places(plan: &Plan) -> impl Iterator<Item = Place<'_>> {
    plan.steps.iter().filter_map(place)
}

/// Expectation values, probabilities and purity of the state as it is now. Collective.
pub(super) fn take(run: &mut Run, inputs: &Inputs, place: &Place<'_>) -> Result<Snapshot> {
    let certificate = run.engine.certificate();
    let values = run.engine.pauli_expectations(&inputs.plan.strings, place.at);
    let raw: Raw = inputs.plan.strings.iter().copied().zip(values).collect();
    let mut record = RunRecord {
        expectations: results::expectations(inputs, &certificate, &raw),
        probabilities: results::probabilities(run, inputs, &certificate, place.at.layout),
        ..RunRecord::default()
    };
    tail::add(run, inputs, place.at, (&raw, certificate.trace), &mut record)?;
    let state = StateSummary {
        qubits: inputs.plan.system,
        rank: run.engine.width(),
        trace: certificate.trace,
        error: certificate.error(),
        ..results::purity(run, inputs, &certificate)?
    };
    let RunRecord { expectations, probabilities, .. } = record;
    Ok(Snapshot::new(place.name, place.line, &state, expectations, probabilities))
}
