//! From events to actions on wires.
//!
//! A SWAP moves no data: from there on the two logical qubits stand on each other's wires. All actions are on wires,
//! so that a SWAP separates nothing; the relabelling that remains comes last.

use super::Action;
use super::fusion::{footprint, matrix_on, simplest};
use super::measurement::{Condition, Event, Item};
use crate::linalg::Matrix;
use crate::model::{Channel, Control, Layout, Operation, Unitary, channel};
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

/// Actions in order of time on `qubits` wires.
pub(super) fn lower(qubits: usize, items: &[Item<'_>]) -> Program {
    let mut actions = Vec::with_capacity(items.len());
    let mut wires: Vec<usize> = (0..qubits).collect();
    for Item { event, condition, line } in items {
        let mut push = |action: Action| {
            let conditional = |action| Action::Conditional { condition: *condition, action: Box::new(action) };
            let action = if condition.is_empty() { action } else { conditional(action) };
            actions.push(Lowered { action, line: *line, operations: 1 });
        };
        match event {
            Event::Statement(statement) => match &statement.operation {
                Operation::Gate(gate) if condition.is_empty() => {
                    gate.body.iter().filter_map(|one| unitary(one, &mut wires)).for_each(push);
                }
                Operation::Gate(gate) => gate.body.iter().map(|one| in_place(one, &wires)).for_each(push),
                Operation::Channel { channel, qubits } if !channel.is_identity() => {
                    push(noise(channel.clone(), qubits, None, &wires));
                }
                Operation::Reset { qubit } => push(noise(channel::reset(), &[*qubit], None, &wires)),
                Operation::Barrier { snapshot: Some(name), .. } => actions.push(snapshot(name, &wires, *line)),
                _ => {}
            },
            Event::Measure(_, qubit, slot) => push(noise(channel::measurement(), &[*qubit], *slot, &wires)),
            Event::Set(bit) => {
                actions.push(classical(*bit, Some(*condition), *line));
            }
            Event::Clear(bit) => actions.push(classical(*bit, None, *line)),
        }
    }
    Program { actions, wires }
}

fn classical(bit: usize, condition: Option<Condition>, line: usize) -> Lowered {
    Lowered { action: Action::Classical { bit, condition }, line, operations: 0 }
}

/// Under the layout of logical qubits on wires.
fn snapshot(name: &str, wires: &[usize], line: usize) -> Lowered {
    let (layout, snapshot) = (Layout::new(wires.to_vec()), Some(name.to_string()));
    Lowered { action: Action::Measure { layout, overlaps: Vec::new(), snapshot }, line, operations: 0 }
}

/// Conditional gates as dense matrices on all their qubits, controls too: columns choose between matrices.
pub(super) fn on_columns(program: Program) -> Program {
    let dense = |mut lowered: Lowered| {
        if let Action::Conditional { action, .. } = &mut lowered.action
            && action.channel().is_none()
        {
            let (qubits, _) = footprint(action);
            let targets: Vec<usize> = (0..u64::BITS as usize).filter(|qubit| qubits >> qubit & 1 == 1).collect();
            let matrix = matrix_on(action, &targets, &[]);
            **action = Action::Unitary { matrix, targets, controls: Vec::new() };
        }
        lowered
    };
    Program { actions: program.actions.into_iter().map(dense).collect(), ..program }
}

fn noise(channel: Channel, qubits: &[usize], record: Option<usize>, wires: &[usize]) -> Action {
    Action::Channel { channel, targets: qubits.iter().map(|qubit| wires[*qubit]).collect(), record }
}

/// The unitary where its qubits are; a phase of all is kept, as a condition makes it one of some.
fn in_place(unitary: &Unitary, wires: &[usize]) -> Action {
    let on_wire = |control: &Control| Control { qubit: wires[control.qubit], ..*control };
    Action::Unitary {
        matrix: unitary.matrix.clone(),
        targets: unitary.targets.iter().map(|qubit| wires[*qubit]).collect(),
        controls: unitary.controls.iter().map(on_wire).collect(),
    }
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
