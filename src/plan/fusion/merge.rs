//! Two operations put together into one.

use super::structure::{diagonal_on, matrix_on, places, simplest, simplest_diagonal};
use super::{Block, Limits};
use crate::linalg::{Matrix, multiply};
use crate::model::{Channel, Control};
use crate::plan::Action;
use num_complex::Complex64;

/// Numbers this near to 0, 1 or -1 in a product are that, and rounding; only so is its structure seen. The bound on
/// rounding counts every operation of the product, which is several times as much.
const ROUNDED: f64 = 2.0 * f64::EPSILON;

/// `first`, then `second`, as one action; `None` if that cannot be or is too large. The identity becomes a diagonal
/// without qubits.
pub(super) fn merged(first: &Block, second: &Block, limits: &Limits) -> Option<Action> {
    match (first.action(), second.action()) {
        (Action::Diagonal { .. }, Action::Diagonal { .. }) => diagonals(first, second, limits),
        (Action::Channel { record: None, .. }, Action::Channel { record: None, .. }) => channels(first, second, limits),
        (Action::Channel { channel, targets, record: None }, gate) if is_gate(gate) => {
            let (qubits, channel) = widened(channel, targets, second.qubits, limits)?;
            Some(noise(channel.followed_by(&matrix_on(gate, &qubits, &[])), qubits))
        }
        (gate, Action::Channel { channel, targets, record: None }) if is_gate(gate) => {
            let (qubits, channel) = widened(channel, targets, first.qubits, limits)?;
            Some(noise(channel.preceded_by(&matrix_on(gate, &qubits, &[])), qubits))
        }
        (one, other) if is_gate(one) && is_gate(other) => gates(first, second, limits),
        _ => None,
    }
}

fn is_gate(action: &Action) -> bool {
    matches!(action, Action::Unitary { .. } | Action::Diagonal { .. } | Action::Permutation { .. })
}

fn noise(channel: Channel, targets: Vec<usize>) -> Action {
    Action::Channel { channel, targets, record: None }
}

fn unless_identity(action: Option<Action>) -> Action {
    action.unwrap_or(Action::Diagonal { entries: vec![Complex64::ONE], targets: vec![], controls: vec![] })
}

fn gates(first: &Block, second: &Block, limits: &Limits) -> Option<Action> {
    let (common, qubits) = joined(first, second, limits.dense)?;
    let product = multiply(&matrix_on(second.action(), &qubits, &common), &matrix_on(first.action(), &qubits, &common));
    Some(unless_identity(simplest(&cleaned(product), &qubits, &common)))
}

fn diagonals(first: &Block, second: &Block, limits: &Limits) -> Option<Action> {
    let (common, qubits) = joined(first, second, limits.diagonal)?;
    let entries = [first, second].map(|block| diagonal_on(block.action(), &qubits, &common));
    let product = entries[0].iter().zip(&entries[1]).map(|(one, other)| clean(one * other)).collect();
    Some(unless_identity(simplest_diagonal(product, qubits, common)))
}

/// The controls that both have, and all other qubits, if they are at most `most`.
fn joined(first: &Block, second: &Block, most: usize) -> Option<(Vec<Control>, Vec<usize>)> {
    let others = controls(second.action());
    let common: Vec<Control> =
        controls(first.action()).iter().copied().filter(|control| others.contains(control)).collect();
    let shared: u64 = common.iter().map(|control| 1 << control.qubit).sum();
    let qubits = bits((first.qubits | second.qubits) & !shared);
    (qubits.len() <= most).then_some((common, qubits))
}

fn controls(action: &Action) -> &[Control] {
    match action {
        Action::Unitary { controls, .. } | Action::Diagonal { controls, .. } | Action::Permutation { controls, .. } => {
            controls
        }
        _ => &[],
    }
}

fn channels(first: &Block, second: &Block, limits: &Limits) -> Option<Action> {
    let (Action::Channel { channel, targets, .. }, Action::Channel { channel: then, targets: to, .. }) =
        (first.action(), second.action())
    else {
        return None;
    };
    let (qubits, channel) = widened(channel, targets, second.qubits, limits)?;
    Some(noise(channel.then(&then.embedded(qubits.len(), &places(to, &qubits)))?, qubits))
}

/// The channel on its own qubits and those of `more`, if they are not too many.
fn widened(channel: &Channel, targets: &[usize], more: u64, limits: &Limits) -> Option<(Vec<usize>, Channel)> {
    let own: u64 = targets.iter().map(|qubit| 1 << qubit).sum();
    let qubits = bits(own | more);
    let fits = limits.channel > 0 && qubits.len() <= limits.channel.max(targets.len());
    fits.then(|| channel.embedded(qubits.len(), &places(targets, &qubits))).map(|channel| (qubits, channel))
}

/// The places of the bits of a mask.
fn bits(mask: u64) -> Vec<usize> {
    (0..64).filter(|bit| mask >> bit & 1 == 1).collect()
}

fn cleaned(matrix: Matrix) -> Matrix {
    matrix.mapv(clean)
}

fn clean(entry: Complex64) -> Complex64 {
    let near = |value: f64| {
        let whole = value.round();
        if (value - whole).abs() <= ROUNDED { whole } else { value }
    };
    // Adding zero makes the negative zero positive.
    Complex64::new(near(entry.re) + 0.0, near(entry.im) + 0.0)
}
