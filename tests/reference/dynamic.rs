//! Circuits with conditions: one unnormalised density matrix for each value of the classical bits.

use super::DensityMatrix;
use super::density::elementary;
use rhoshard::model::{Circuit, Operation, Statement};
use std::collections::BTreeMap;

/// By the values of the classical bits, bit 0 least significant.
pub type Branches = BTreeMap<u64, DensityMatrix>;

/// What a circuit makes of `|0...0>` and of bits that are all zero. Every measurement is applied.
pub fn run(circuit: &Circuit) -> Branches {
    let start = Branches::from([(0, DensityMatrix::basis(circuit.qubits(), 0))]);
    circuit.statements.iter().fold(start, apply)
}

fn apply(branches: Branches, statement: &Statement) -> Branches {
    let mut after = Branches::new();
    match &statement.operation {
        Operation::If { bits, value, body, otherwise } => {
            let read =
                |register: u64| bits.iter().enumerate().map(|(place, bit)| (register >> bit & 1) << place).sum::<u64>();
            let (hold, rest): (Branches, Branches) =
                branches.into_iter().partition(|(register, _)| read(*register) == *value);
            add_all(&mut after, otherwise.iter().fold(rest, apply));
            add_all(&mut after, body.iter().fold(hold, apply));
        }
        Operation::Measure { qubit, bit: Some(bit) } => {
            for (register, state) in branches {
                for outcome in 0..2 {
                    let mut part = state.clone();
                    part.apply_kraus(&[elementary(outcome, outcome)], &[*qubit]);
                    let register = register & !(1 << bit) | (outcome as u64) << bit;
                    add_all(&mut after, Branches::from([(register, part)]));
                }
            }
        }
        operation => {
            for (register, mut state) in branches {
                state.apply(operation);
                after.insert(register, state);
            }
        }
    }
    after
}

fn add_all(into: &mut Branches, more: Branches) {
    for (register, state) in more {
        match into.get_mut(&register) {
            Some(sum) => sum.add(&state),
            None => {
                into.insert(register, state);
            }
        }
    }
}

/// `rho` without regard to the bits.
pub fn sum(branches: &Branches) -> DensityMatrix {
    let mut states = branches.values();
    let mut sum = states.next().expect("there is a branch").clone();
    states.for_each(|state| sum.add(state));
    sum
}
