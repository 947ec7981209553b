//! Observables of core and sampled tail together.

use super::Run;
use super::inputs::Inputs;
use super::quantities::{self, Raw};
use super::results::weighted;
use crate::engine::Final;
use crate::engine::statistics::Statistics;
use crate::error::Result;
use crate::io::RunRecord;
use crate::model::{PauliString, PauliSum};

/// Makes the values of a record those of core and tail, if there is a tail: without bias, of the standard error that the
/// blocks' spread tells. The bounds stay what they are; `core` gives the core's part, `at` where things are.
pub(super) fn add(
    run: &mut Run,
    inputs: &Inputs,
    at: Final<'_>,
    (core, trace): (&Raw, f64),
    record: &mut RunRecord,
) -> Result<()> {
    if run.engine.tail().is_none() {
        return Ok(());
    }
    let groups: Vec<&[usize]> = inputs.config.observe.probabilities.iter().map(|group| &group.value[..]).collect();
    let marginals = groups.iter().map(|group| run.engine.marginal(at.layout, group)).collect();
    let of_core = quantities(inputs, (core, trace), marginals);
    let Some(tail) = run.engine.tail() else { return Ok(()) };
    let mut statistics = Statistics::new(of_core.len());
    for block in 0..tail.blocks() {
        let (values, marginals) = tail.observe(block, &inputs.plan.strings, at, &groups);
        let raw = inputs.plan.strings.iter().copied().zip(values).collect();
        // Core and tail together have the trace 1 whatever is drawn.
        statistics.add(&quantities(inputs, (&raw, 1.0 - trace), marginals));
    }
    let values = of_core.iter().zip(statistics.means()).map(|(core, mean)| core + mean);
    let mut found = values.zip(statistics.standard_errors());
    let expectations = inputs.observables.iter().zip(&mut record.expectations);
    for ((observable, expectation), (value, stderr)) in expectations.zip(&mut found) {
        (expectation.value, expectation.stderr) = (observable.sum.identity_coefficient() + value, stderr);
    }
    for group in &mut record.probabilities {
        (group.value, group.stderr) = (&mut found).take(group.value.len()).unzip();
    }
    let strings = listed(inputs).map(|(_, string)| string);
    let terms = record.terms.iter_mut().flat_map(|terms| &mut terms.terms).zip(strings);
    for ((term, string), (value, stderr)) in terms.zip(&mut found) {
        // A term that is the identity has no strings to be summed.
        let constant = if string.is_identity() { 1.0 } else { 0.0 };
        (term.value, term.stderr) = (constant + value, stderr);
    }
    quantities::estimate(&mut record.reduced, &mut found);
    Ok(())
}

/// The terms of the observables whose terms are listed.
fn listed(inputs: &Inputs) -> impl Iterator<Item = &(f64, PauliString)> {
    inputs.observables.iter().filter(|one| one.listed).flat_map(|one| &one.sum.terms)
}

/// In the order of a record: observables and terms without their identities, probabilities, and entries of density matrices.
fn quantities(inputs: &Inputs, (raw, trace): (&Raw, f64), marginals: Vec<Vec<f64>>) -> Vec<f64> {
    let term = |(_, string): &(f64, PauliString)| weighted(&PauliSum { terms: vec![(1.0, *string)] }, raw);
    let observables = inputs.observables.iter().map(|one| weighted(&one.sum, raw));
    let entries = quantities::entries(inputs, trace, raw);
    observables.chain(marginals.concat()).chain(listed(inputs).map(term)).chain(entries).collect()
}
