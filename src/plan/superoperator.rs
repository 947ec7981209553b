//! A density matrix as one column: `v[ket + 2^n bra] = <ket| rho |bra>`, a state of `2 n` qubits.
//!
//! A gate `U` acts on the ket's qubits and its complex conjugate on the bra's; a channel is one matrix on both,
//!
//! `S[(k' b'), (k b)] = sum_a K_a[k', k] conj(K_a[b', b])`.
//!
//! What a measurement tells, if it is read later, is a further bit of the index above both: the state then is one
//! density matrix for each value of the bits read so far, and their sum is `rho`. All of these are matrices on few
//! qubits, so everything below (fusion, placement, kernels) is that of gates.

use super::Action;
use super::fusion::simplest;
use super::lowering::{Lowered, Program};
use super::measurement::Condition;
use crate::linalg::Matrix;
use crate::model::{Channel, Control, Layout};
use num_complex::Complex64;

/// A circuit of `qubits` qubits on its density matrix; `outcomes` bits follow ket and bra.
pub(super) fn on_density(program: Program, qubits: usize, outcomes: usize) -> Program {
    let Program { actions, wires } = program;
    let all = |wires: &[usize]| {
        let bra = wires.iter().map(|wire| wire + qubits);
        wires.iter().copied().chain(bra).chain(2 * qubits..2 * qubits + outcomes).collect::<Vec<usize>>()
    };
    let doubled = |lowered| doubled(lowered, qubits, &all);
    Program { wires: all(&wires), actions: actions.into_iter().flat_map(doubled).collect() }
}

fn doubled(lowered: Lowered, qubits: usize, all: &impl Fn(&[usize]) -> Vec<usize>) -> Vec<Lowered> {
    let Lowered { action, line, operations } = lowered;
    match action {
        Action::Measure { layout, overlaps, snapshot } => {
            let layout = Layout::new(all(layout.places()));
            vec![Lowered { action: Action::Measure { layout, overlaps, snapshot }, line, operations }]
        }
        Action::Classical { bit, condition } => {
            vec![Lowered { action: classical(2 * qubits, bit, condition), line, operations }]
        }
        Action::Conditional { condition, action } => {
            let controls = controls(2 * qubits, condition);
            conditional(*action, condition, &controls, qubits)
                .into_iter()
                .map(|action| Lowered { action, line, operations })
                .collect()
        }
        other => conditional(other, Condition::default(), &[], qubits)
            .into_iter()
            .map(|action| Lowered { action, line, operations })
            .collect(),
    }
}

/// A gate or a channel under a condition, which may hold always.
fn conditional(action: Action, condition: Condition, controls: &[Control], qubits: usize) -> Vec<Action> {
    match action {
        Action::Channel { channel, targets, record } => {
            superoperator(&channel, &targets, record, (condition, controls), qubits).into_iter().collect()
        }
        gate => {
            let bra = conjugated(&gate, qubits);
            [gate, bra].map(|action| controlled(action, controls)).into()
        }
    }
}

/// The bits of the register, from `first` on, that a condition tests.
fn controls(first: usize, condition: Condition) -> Vec<Control> {
    let tested = (0..u64::BITS as usize).filter(|bit| condition.mask >> bit & 1 == 1);
    tested.map(|bit| Control { qubit: first + bit, value: condition.value >> bit & 1 == 1 }).collect()
}

fn controlled(mut action: Action, more: &[Control]) -> Action {
    if let Action::Unitary { controls, .. } | Action::Diagonal { controls, .. } | Action::Permutation { controls, .. } =
        &mut action
    {
        controls.extend_from_slice(more);
    }
    action
}

/// A bit that was zero is set where the condition holds; or both its values become zero, as it is not read any more.
fn classical(first: usize, bit: usize, condition: Option<Condition>) -> Action {
    let (one, zero) = (Complex64::ONE, Complex64::ZERO);
    let targets = vec![first + bit];
    match condition {
        Some(condition) => Action::Permutation {
            images: vec![1, 0],
            factors: vec![one; 2],
            targets,
            controls: controls(first, condition),
        },
        None => Action::Unitary { matrix: ndarray::arr2(&[[one, one], [zero, zero]]), targets, controls: Vec::new() },
    }
}

/// The gate on the bra.
fn conjugated(gate: &Action, qubits: usize) -> Action {
    let shifted = |targets: &[usize]| targets.iter().map(|target| target + qubits).collect();
    let controlled = |controls: &[Control]| {
        controls.iter().map(|control| Control { qubit: control.qubit + qubits, ..*control }).collect()
    };
    let conjugates = |values: &[Complex64]| values.iter().map(Complex64::conj).collect();
    match gate {
        Action::Unitary { matrix, targets, controls } => Action::Unitary {
            matrix: matrix.mapv(|entry| entry.conj()),
            targets: shifted(targets),
            controls: controlled(controls),
        },
        Action::Diagonal { entries, targets, controls } => {
            Action::Diagonal { entries: conjugates(entries), targets: shifted(targets), controls: controlled(controls) }
        }
        Action::Permutation { images, factors, targets, controls } => Action::Permutation {
            images: images.clone(),
            factors: conjugates(factors),
            targets: shifted(targets),
            controls: controlled(controls),
        },
        other => other.clone(),
    }
}

/// The channel on ket and bra; nothing for the identity. With `record` the number of the branch replaces that outcome
/// bit, which the condition may test itself.
fn superoperator(
    channel: &Channel,
    targets: &[usize],
    record: Option<usize>,
    (condition, controls): (Condition, &[Control]),
    qubits: usize,
) -> Option<Action> {
    let both = targets.iter().copied().chain(targets.iter().map(|target| target + qubits));
    let Some(bit) = record else {
        return simplest(&matrix(channel.kraus()), &both.collect::<Vec<_>>(), controls);
    };
    let own = 2 * qubits + bit;
    let all: Vec<usize> = both.chain([own]).collect();
    let tested = (condition.mask >> bit & 1 == 1).then_some(condition.value >> bit & 1 == 1);
    let others: Vec<Control> = controls.iter().copied().filter(|control| control.qubit != own).collect();
    simplest(&recording(channel.kraus(), tested), &all, &others)
}

fn matrix(kraus: &[Matrix]) -> Matrix {
    let size = kraus[0].nrows();
    Matrix::from_shape_fn((size * size, size * size), |(to, from)| {
        kraus.iter().map(|one| one[(to % size, from % size)] * one[(to / size, from / size)].conj()).sum()
    })
}

/// Branch 0 or 1, whatever the bit was before; or nothing where it was not as `tested`.
fn recording(kraus: &[Matrix], tested: Option<bool>) -> Matrix {
    let branches: Vec<Matrix> = kraus.iter().map(|one| matrix(std::slice::from_ref(one))).collect();
    let size = branches[0].nrows();
    Matrix::from_shape_fn((2 * size, 2 * size), |(to, from)| {
        if tested.is_some_and(|value| (from / size == 1) != value) {
            return if to == from { Complex64::ONE } else { Complex64::ZERO };
        }
        branches[to / size][(to % size, from % size)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::channel;

    #[test]
    fn a_superoperator_is_the_sum_of_its_branches() {
        let channel = channel::reset();
        let found = matrix(channel.kraus());
        // |0><0| and |1><1| both go to |0><0|, coherences vanish.
        let expected = |to: usize, from: usize| f64::from(u8::from(to == 0 && (from == 0 || from == 3)));
        assert!(found.indexed_iter().all(|((to, from), entry)| (entry - expected(to, from)).norm() < 1e-15));
    }

    #[test]
    fn an_outcome_is_the_bit_above_ket_and_bra() {
        let action = superoperator(&channel::measurement(), &[1], Some(0), (Condition::default(), &[]), 3);
        let Some(Action::Unitary { matrix, targets, .. }) = action else { panic!("{action:?}") };
        assert_eq!(targets, [1, 4, 6]);
        let entry = |to: usize, from: usize| matrix[(to, from)].re;
        assert_eq!([entry(0, 0), entry(0, 4), entry(7, 3), entry(7, 7)], [1.0; 4]);
        assert_eq!(matrix.iter().map(|entry| entry.norm()).sum::<f64>(), 4.0);
    }

    #[test]
    fn a_gate_acts_on_ket_and_bra() {
        let matrix = Matrix::from_shape_fn((2, 2), |(row, column)| Complex64::new(row as f64, column as f64 + 0.5));
        let gate = Action::Unitary { matrix, targets: vec![1], controls: vec![Control { qubit: 0, value: true }] };
        let lowered = Lowered { action: gate, line: 7, operations: 1 };
        let both = on_density(Program { actions: vec![lowered], wires: vec![1, 0] }, 2, 1);
        assert_eq!(both.wires, [1, 0, 3, 2, 4]);
        let both = both.actions;
        let Action::Unitary { matrix, targets, controls } = &both[1].action else { panic!("a gate stays a gate") };
        assert_eq!((both.len(), both[1].line, targets[0], controls[0].qubit), (2, 7, 3, 2));
        assert_eq!(matrix[(1, 1)], Complex64::new(1.0, -1.5));
    }
}
