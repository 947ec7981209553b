//! From statements to actions on wires.
//!
//! A SWAP moves no data: from there on the two logical qubits stand on each other's wires. All actions are on wires,
//! so that a SWAP separates nothing; the relabelling that remains comes last.

use super::Action;
use super::fusion::simplest;
use super::measurement::{Fate, Measurements};
use crate::error::{Error, Result};
use crate::linalg::Matrix;
use crate::model::{Channel, Circuit, Control, Operation, Unitary, channel};
use num_complex::Complex64;

/// An action on wires.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lowered {
    pub(super) action: Action,
    /// Line of the circuit it comes from, the first of several.
    pub(super) line: usize,
    /// Operations of the circuit it stands for.
    pub(super) operations: usize,
}

/// A circuit as actions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Program {
    /// In order of time, on wires.
    pub(super) actions: Vec<Lowered>,
    /// The wire on which each logical qubit ends. It starts on the one of the same number.
    pub(super) wires: Vec<usize>,
}

/// Actions in order of time.
pub(super) fn lower(circuit: &Circuit, measurements: &Measurements) -> Result<Program> {
    let mut actions = Vec::with_capacity(circuit.statements.len());
    let mut wires: Vec<usize> = (0..circuit.qubits()).collect();
    for (statement, fate) in circuit.statements.iter().zip(&measurements.fates) {
        let mut push = |action| actions.push(Lowered { action, line: statement.line, operations: 1 });
        match &statement.operation {
            Operation::Gate(gate) => gate.body.iter().filter_map(|one| unitary(one, &mut wires)).for_each(push),
            Operation::Channel { channel, qubits } if !channel.is_identity() => {
                push(noise(channel.clone(), qubits, None, &wires));
            }
            Operation::Reset { qubit } => push(noise(channel::reset(), &[*qubit], None, &wires)),
            Operation::Measure { qubit, .. } => {
                if let Some(Fate::Dephase(record)) = fate {
                    push(noise(channel::measurement(), &[*qubit], *record, &wires));
                }
            }
            Operation::Channel { .. } | Operation::Barrier { .. } => {}
            Operation::If { .. } => return Err(conditional(statement.line)),
        }
    }
    Ok(Program { actions, wires })
}

fn noise(channel: Channel, qubits: &[usize], record: Option<usize>, wires: &[usize]) -> Action {
    Action::Channel { channel, targets: qubits.iter().map(|qubit| wires[*qubit]).collect(), record }
}

/// The cheapest action for a unitary; `None` for the identity, and for a SWAP, which trades wires.
fn unitary(unitary: &Unitary, wires: &mut [usize]) -> Option<Action> {
    if let ([], [first, second]) = (&unitary.controls[..], &unitary.targets[..])
        && is_swap(&unitary.matrix)
    {
        wires.swap(*first, *second);
        return None;
    }
    let targets: Vec<usize> = unitary.targets.iter().map(|qubit| wires[*qubit]).collect();
    let on_wire = |control: &Control| Control { qubit: wires[control.qubit], ..*control };
    let controls: Vec<Control> = unitary.controls.iter().map(on_wire).collect();
    simplest(&unitary.matrix, &targets, &controls)
}

fn is_swap(matrix: &Matrix) -> bool {
    let one_in_row = [0, 2, 1, 3];
    matrix.indexed_iter().all(|((row, column), entry)| {
        *entry == if one_in_row[row] == column { Complex64::ONE } else { Complex64::ZERO }
    })
}

/// The exchanges of logical qubits, one after the other, that bring each from the wire of its own number to its wire
/// at the end.
pub(super) fn relabels(wires: &[usize]) -> Vec<Lowered> {
    let mut current: Vec<usize> = (0..wires.len()).collect();
    let mut relabels = Vec::new();
    for first in 0..wires.len() {
        if let Some(second) = (first + 1..wires.len()).find(|second| current[*second] == wires[first]) {
            current.swap(first, second);
            relabels.push(Lowered { action: Action::Relabel { first, second }, line: 0, operations: 0 });
        }
    }
    relabels
}

fn conditional(line: usize) -> Error {
    Error::input("`if` on measured bits cannot be run yet")
        .at_line(line)
        .allowed("gates, noise, measure, reset and barrier without conditions")
        .next("remove the condition, or replace it by a controlled gate on the measured qubit (deferred measurement)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relabels_bring_every_qubit_to_its_wire() {
        for wires in [vec![0, 1, 2, 3], vec![3, 0, 1, 2], vec![1, 0, 3, 2], vec![2, 1, 3, 0]] {
            let mut place: Vec<usize> = (0..4).collect();
            for Lowered { action, .. } in relabels(&wires) {
                let Action::Relabel { first, second } = action else { panic!("only relabels") };
                place.swap(first, second);
            }
            assert_eq!(place, wires);
        }
    }
}
