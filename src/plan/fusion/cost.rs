//! What an operation costs: the one place that fusion takes its prices from.
//!
//! Operations that follow each other share a pass over memory (see [`crate::backend::Pass`]), so the price of one is
//! the time it takes while its tile is in the cache. The unit is one dense operation on one qubit, which reads and
//! writes every amplitude and does nothing else of weight. Up to two qubits the multiplications hide behind that; from
//! three on they double with each qubit. A control leaves out half of the amplitudes.

use crate::plan::Action;

/// A dense operation on this many qubits.
const DENSE: [f64; 6] = [1.0, 1.0, 1.0, 1.8, 3.6, 7.5];
/// A diagonal: one multiplication for each amplitude.
const DIAGONAL: f64 = 0.7;
/// A permutation: the amplitudes move, and one multiplication.
const PERMUTATION: f64 = 0.8;
/// What any operation costs beside its amplitudes; of two equal plans the one with fewer operations is better.
const DISPATCH: f64 = 0.05;
/// Sending a whole shard to others. (An exchange moves a part of it; memory is some ten times as fast as a network,
/// and a pass takes several operations.)
const NETWORK: f64 = 30.0;

/// The price of an action per amplitude and column; an exchange's too.
pub(in crate::plan) fn cost(action: &Action) -> f64 {
    match action {
        Action::Unitary { targets, controls, .. } => dense(targets.len()) / halved(controls.len()) + DISPATCH,
        Action::Diagonal { targets, controls, .. } if targets.is_empty() && controls.is_empty() => 0.0,
        Action::Diagonal { controls, .. } => DIAGONAL / halved(controls.len()) + DISPATCH,
        Action::Permutation { controls, .. } => PERMUTATION / halved(controls.len()) + DISPATCH,
        Action::Channel { targets, .. } => dense(targets.len()) + DISPATCH,
        Action::Exchange { pairs } => NETWORK * (1.0 - 0.5f64.powi(pairs.len() as i32)),
        Action::Conditional { action, .. } => cost(action),
        Action::Classical { .. } | Action::Relabel { .. } | Action::CompressIfWide | Action::Measure { .. } => 0.0,
    }
}

/// What two gates without a common qubit cost at least when they are put together.
pub(super) fn apart(first: &Action, second: &Action) -> f64 {
    let qubits = |action: &Action| super::footprint(action).0.count_ones() as usize;
    match (first, second) {
        (Action::Diagonal { .. }, Action::Diagonal { .. }) => 0.0,
        (
            Action::Permutation { .. } | Action::Diagonal { .. },
            Action::Permutation { .. } | Action::Diagonal { .. },
        ) => PERMUTATION,
        _ => dense(qubits(first) + qubits(second)),
    }
}

/// A dense operation on `qubits` qubits.
pub(super) fn dense(qubits: usize) -> f64 {
    let last = DENSE.len() - 1;
    DENSE[qubits.min(last)] * 2f64.powi(qubits.saturating_sub(last) as i32)
}

fn halved(controls: usize) -> f64 {
    2f64.powi(controls as i32)
}
