//! The oracle: a slow, obvious simulator of the whole density matrix, for tests only.
//!
//! It imports nothing above `rhoshard::model`, so that no error of the plan, the engine or the backend can hide in it,
//! and it takes nothing from the program but data: matrices of gates and Kraus operators of channels. [`density`] is
//! the simulator (12 qubits in a circuit of depth 13 in about a minute), [`naive`] the same physics once more by Kronecker products of whole
//! matrices (4 qubits), which checks it; [`recorded`] holds exact numbers of a public simulator; [`random`] makes circuits out of
//! everything the model can express, [`builder`] the few that are written by hand.

// Every test binary includes this module and uses its own part of it.
#![allow(dead_code)]

pub mod builder;
pub mod density;
pub mod dynamic;
pub mod naive;
pub mod random;
pub mod ranks;
pub mod recorded;

pub use density::DensityMatrix;

use rhoshard::model::{Circuit, Operation};

/// The indices of the statements that are *final* measurements: a `measure` after which the qubit has no operation but
/// barrier. They are not applied to the state.
pub fn final_measurements(circuit: &Circuit) -> Vec<usize> {
    let mut used_later = vec![false; circuit.qubits()];
    let mut finals = Vec::new();
    for (index, statement) in circuit.statements.iter().enumerate().rev() {
        if let Operation::Measure { qubit, .. } = &statement.operation
            && !used_later[*qubit]
        {
            finals.push(index);
        }
        for qubit in used_qubits(&statement.operation) {
            used_later[qubit] = true;
        }
    }
    finals
}

/// The qubits an operation acts on; none for a barrier.
fn used_qubits(operation: &Operation) -> Vec<usize> {
    match operation {
        Operation::Gate(gate) => gate.qubits.clone(),
        Operation::Channel { qubits, .. } => qubits.clone(),
        Operation::Measure { qubit, .. } | Operation::Reset { qubit } => vec![*qubit],
        Operation::Barrier { .. } => Vec::new(),
        Operation::If { body, otherwise, .. } => {
            body.iter().chain(otherwise).flat_map(|statement| used_qubits(&statement.operation)).collect()
        }
    }
}
