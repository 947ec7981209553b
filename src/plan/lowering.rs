//! From statements to actions on logical qubits.

use super::Action;
use super::measurement::{Fate, Measurements};
use crate::error::{Error, Result};
use crate::linalg::{Matrix, diagonal_of};
use crate::model::{Channel, Circuit, Operation, Unitary, channel};
use num_complex::Complex64;

/// An action on logical qubits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lowered {
    pub(super) action: Action,
    /// Line of the circuit it comes from, the first of several.
    pub(super) line: usize,
    /// Operations of the circuit it stands for.
    pub(super) operations: usize,
}

/// Actions in order of time, qubits logical.
pub(super) fn lower(circuit: &Circuit, measurements: &Measurements) -> Result<Vec<Lowered>> {
    let mut actions = Vec::with_capacity(circuit.statements.len());
    for (statement, fate) in circuit.statements.iter().zip(&measurements.fates) {
        let mut push = |action| actions.push(Lowered { action, line: statement.line, operations: 1 });
        match &statement.operation {
            Operation::Gate(gate) => gate.body.iter().filter_map(unitary).for_each(push),
            Operation::Channel { channel, qubits } if !channel.is_identity() => {
                push(noise(channel.clone(), qubits.clone(), None));
            }
            Operation::Reset { qubit } => push(noise(channel::reset(), vec![*qubit], None)),
            Operation::Measure { qubit, .. } => {
                if let Some(Fate::Dephase(record)) = fate {
                    push(noise(channel::measurement(), vec![*qubit], *record));
                }
            }
            Operation::Channel { .. } | Operation::Barrier { .. } => {}
            Operation::If { .. } => return Err(conditional(statement.line)),
        }
    }
    Ok(actions)
}

fn noise(channel: Channel, targets: Vec<usize>, record: Option<usize>) -> Action {
    Action::Channel { channel, targets, record }
}

/// The cheapest action for a unitary; `None` for the identity.
fn unitary(unitary: &Unitary) -> Option<Action> {
    let (targets, controls) = (unitary.targets.clone(), unitary.controls.clone());
    if controls.is_empty() && targets.len() == 2 && is_swap(&unitary.matrix) {
        return Some(Action::Relabel { first: targets[0], second: targets[1] });
    }
    match diagonal_of(&unitary.matrix) {
        Some(entries) if entries.iter().all(|entry| *entry == Complex64::ONE) => None,
        Some(_) if targets.is_empty() && controls.is_empty() => None,
        Some(entries) => Some(Action::Diagonal { entries, targets, controls }),
        None => Some(Action::Unitary { matrix: unitary.matrix.clone(), targets, controls }),
    }
}

fn is_swap(matrix: &Matrix) -> bool {
    let one_in_row = [0, 2, 1, 3];
    matrix.indexed_iter().all(|((row, column), entry)| {
        *entry == if one_in_row[row] == column { Complex64::ONE } else { Complex64::ZERO }
    })
}

fn conditional(line: usize) -> Error {
    Error::input("`if` on measured bits cannot be run yet")
        .at_line(line)
        .allowed("gates, noise, measure, reset and barrier without conditions")
        .next("remove the condition, or replace it by a controlled gate on the measured qubit (deferred measurement)")
}
