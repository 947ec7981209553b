//! What is asked of the final state beside expectation values and probabilities: variances, density matrices of some qubits,
//! entropies, entanglement.

use super::inputs::Inputs;
use super::observables::Observable;
use super::results::weighted;
use crate::config::Bipartition;
use crate::engine::certificate::{Certificate, Certified};
use crate::engine::reduced::{self, Reduced};
use crate::engine::spectrum::{Entropies, Spectrum};
use crate::error::Result;
use crate::io::{Bounded, Entropy, ReducedMatrix, RunRecord, StoredSpectrum};
use crate::linalg::{Matrix, UNIT_ROUNDOFF};
use crate::model::PauliString;
use num_complex::Complex64;
use std::collections::HashMap;

/// Of each Pauli string, `tr(P rho)` of a part of the state.
pub(super) type Raw = HashMap<PauliString, f64>;

/// What the entropies of all qubits are called.
const ALL: &str = "all";

/// Adds to the record what follows from the Pauli strings, and, with them, from the eigenvalues of the state.
pub(super) fn add(
    record: &mut RunRecord,
    inputs: &Inputs,
    certificate: &Certificate,
    raw: &Raw,
    eigenvalues: Option<Vec<f64>>,
) -> Result<()> {
    let observe = &inputs.config.observe;
    record.variances = inputs.observables.iter().filter_map(|one| variance(one, certificate, raw)).collect();
    for group in &observe.reduced {
        let known = known(&group.value, certificate, raw);
        record.entropies.push(entropy(&name(&group.value), known.entropies(certificate)?));
        record.reduced.push(ReducedMatrix {
            qubits: group.value.clone(),
            value: known.completed(certificate),
            stderr: unsampled(1 << group.value.len()),
            distance: known.distance(certificate),
        });
    }
    for pair in &observe.negativity {
        let known = known(&pair.value.qubits(), certificate, raw);
        record.negativities.push(bounded(&title(&pair.value), known.negativity(certificate, pair.value.a.len())?));
    }
    if observe.entropy || observe.spectrum {
        whole(record, inputs, certificate, eigenvalues);
    }
    Ok(())
}

/// The entropies and the spectrum of all qubits; of the entropies only bounds where there are too many eigenvalues.
fn whole(record: &mut RunRecord, inputs: &Inputs, certificate: &Certificate, eigenvalues: Option<Vec<f64>>) {
    let (observe, qubits) = (&inputs.config.observe, inputs.plan.system);
    let Some(mut values) = eigenvalues else {
        tracing::warn!("the density matrix is too large for its eigenvalues: its entropy is bounded only");
        if observe.entropy {
            record.entropies.push(bounds_by_purity(&record.state, certificate.trace, qubits));
        }
        return;
    };
    values.sort_unstable_by(|one, other| other.total_cmp(one));
    // The eigenvalues of a computed matrix are off by a small multiple of its width; see also `rounding.rs`.
    let rounding = certificate.rounding + 8.0 * values.len() as f64 * UNIT_ROUNDOFF;
    if observe.entropy {
        let entropies = certificate.entropies(&Spectrum::new(&values, qubits), 2.0 * rounding);
        record.entropies.push(entropy(ALL, entropies));
    }
    if observe.spectrum {
        record.spectrum = Some(StoredSpectrum { eigenvalues: values, distance: certificate.missing() + rounding });
    }
}

/// The Renyi entropy from the purity; the entropy of von Neumann is at least that.
fn bounds_by_purity(state: &crate::io::StateSummary, trace: f64, qubits: usize) -> Entropy {
    let [value, lower, upper] = [state.purity, state.purity_upper, state.purity_lower].map(|purity| -purity.ln());
    let renyi_2 = Certified { value, lower, upper, renormalised: value + 2.0 * trace.ln() };
    let most = qubits as f64 * std::f64::consts::LN_2;
    let von_neumann = Certified { value: f64::NAN, lower: renyi_2.lower, upper: most, renormalised: f64::NAN };
    entropy(ALL, Entropies { von_neumann, renyi_2 })
}

fn variance(observable: &Observable, certificate: &Certificate, raw: &Raw) -> Option<Bounded> {
    let (traceless, square) = observable.square.as_ref()?;
    let second = weighted(square, raw) + square.identity_coefficient() * certificate.trace;
    Some(bounded(&observable.name, certificate.variance(traceless, weighted(traceless, raw), second)))
}

/// What is known of some qubits.
fn known(qubits: &[usize], certificate: &Certificate, raw: &Raw) -> Reduced {
    Reduced::new(qubits, |string| expectation(string, certificate.trace, raw))
}

fn expectation(string: PauliString, trace: f64, raw: &Raw) -> f64 {
    if string.is_identity() { trace } else { raw.get(&string).copied().unwrap_or(f64::NAN) }
}

/// The entries of all matrices that are asked for, real and imaginary parts in turn, of a part of the state with this trace.
pub(super) fn entries(inputs: &Inputs, trace: f64, raw: &Raw) -> Vec<f64> {
    let groups = inputs.config.observe.reduced.iter();
    let matrices = groups.map(|group| reduced::matrix(&group.value, |string| expectation(string, trace, raw)));
    matrices.flatten().flat_map(|entry| [entry.re, entry.im]).collect()
}

/// Makes the matrices of a record those of the entries, each with its standard error.
pub(super) fn estimate(all: &mut [ReducedMatrix], found: &mut impl Iterator<Item = (f64, f64)>) {
    for one in all {
        for (value, stderr) in one.value.iter_mut().zip(&mut one.stderr) {
            let nothing = (f64::NAN, f64::NAN);
            let (re, im) = (found.next().unwrap_or(nothing), found.next().unwrap_or(nothing));
            (*value, *stderr) = (Complex64::new(re.0, im.0), Complex64::new(re.1, im.1));
        }
    }
}

/// The matrices that are asked for, without their entries; nothing is proven of them.
pub(super) fn unknown(inputs: &Inputs) -> Vec<ReducedMatrix> {
    let empty = |qubits: &Vec<usize>| {
        let nothing = unsampled(1 << qubits.len());
        ReducedMatrix { qubits: qubits.clone(), value: nothing.clone(), stderr: nothing, distance: f64::NAN }
    };
    inputs.config.observe.reduced.iter().map(|group| empty(&group.value)).collect()
}

fn unsampled(rows: usize) -> Matrix {
    Matrix::from_elem((rows, rows), Complex64::new(f64::NAN, f64::NAN))
}

fn bounded(name: &str, Certified { value, lower, upper, renormalised }: Certified) -> Bounded {
    Bounded { name: name.into(), value, lower, upper, renormalised }
}

fn entropy(name: &str, Entropies { von_neumann, renyi_2 }: Entropies) -> Entropy {
    Entropy { name: name.into(), von_neumann: bounded(name, von_neumann), renyi_2: bounded(name, renyi_2) }
}

/// As groups of qubits are called in the results.
fn name(qubits: &[usize]) -> String {
    qubits.iter().map(usize::to_string).collect::<Vec<_>>().join("_")
}

fn title(pair: &Bipartition) -> String {
    format!("{}|{}", name(&pair.a), name(&pair.b))
}
