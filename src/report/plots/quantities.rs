//! Numbers that are not linear in the state, with their intervals.

use super::super::figure::Figure;
use super::super::run::Run;
use super::expectations::{Quantity, intervals};
use crate::io::{Bounded, Expectation};

/// Variances of observables.
pub(crate) fn variances(runs: &[Run]) -> Vec<Figure<'_>> {
    let of = |run: &Run| run.record.variances.iter().map(|one| row(one.name.clone(), one)).collect();
    figure(
        runs,
        Quantity { name: "variances", title: "Variances", rows: "observable", unit: "variance", range: None },
        of,
    )
}

/// Entropies of some or all qubits.
pub(crate) fn entropies(runs: &[Run]) -> Vec<Figure<'_>> {
    let of = |run: &Run| {
        let entropies = run.record.entropies.iter();
        let both = entropies.flat_map(|one| {
            let qubits = if one.name == "all" { "all qubits".into() } else { qubits(&one.name) };
            let named = |kind: &str| format!("{kind}, {qubits}");
            [row(named("von Neumann"), &one.von_neumann), row(named("Renyi-2"), &one.renyi_2)]
        });
        both.collect()
    };
    figure(runs, Quantity { name: "entropies", title: "Entropies", rows: "entropy", unit: "nats", range: None }, of)
}

/// Entanglement between groups of qubits.
pub(crate) fn negativities(runs: &[Run]) -> Vec<Figure<'_>> {
    let of = |run: &Run| run.record.negativities.iter().map(|one| row(qubits(&one.name), one)).collect();
    let (name, title) = ("negativities", "Negativities");
    figure(runs, Quantity { name, title, rows: "groups of qubits", unit: "negativity", range: None }, of)
}

/// How near the state is to others.
pub(crate) fn fidelities(runs: &[Run]) -> Vec<Figure<'_>> {
    let of = |run: &Run| {
        let fidelities = run.record.fidelities.iter();
        let both = fidelities.flat_map(|one| {
            let distance = row(format!("trace distance to {}", one.name), &one.trace_distance);
            [row(format!("fidelity with {}", one.name), &one.fidelity), distance]
        });
        both.collect()
    };
    let (name, title, range) = ("fidelities", "Fidelities and trace distances", Some((0.0, 1.0)));
    figure(runs, Quantity { name, title, rows: "other state", unit: "value", range }, of)
}

fn figure(runs: &[Run], of: Quantity, rows: impl Fn(&Run) -> Vec<Expectation>) -> Vec<Figure<'_>> {
    let all: Vec<Vec<Expectation>> = runs.iter().map(rows).collect();
    let note = "The bar behind a value is its proven interval; it may be narrower than the dot. Without a bar nothing is proven.";
    intervals(runs, &of, &all, note.into())
}

fn row(name: String, of: &Bounded) -> Expectation {
    let Bounded { value, lower, upper, renormalised, .. } = *of;
    Expectation { name, value, lower, upper, renormalised, stderr: f64::NAN }
}

fn qubits(name: &str) -> String {
    format!("qubits {}", name.replace('_', " ").replace('|', " and "))
}
