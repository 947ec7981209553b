//! The same physics by the textbook: every operator as a whole `2^n x 2^n` matrix made of Kronecker products, every
//! step a product of whole matrices. Shares no code with [`super::density`]; good for about 4 qubits.

use super::final_measurements;
use num_complex::Complex64;
use rhoshard::linalg::{Matrix, adjoint, identity, kronecker, multiply};
use rhoshard::model::{Circuit, Operation, PauliString, Unitary};

/// The state that a circuit makes of `|0...0>`, just before its final measurements.
pub fn run(circuit: &Circuit) -> Matrix {
    let qubits = circuit.qubits();
    let finals = final_measurements(circuit);
    let mut rho = product(qubits, |_| unit(0, 0));
    for (index, statement) in circuit.statements.iter().enumerate() {
        if !finals.contains(&index) {
            rho = apply(&rho, &statement.operation, qubits);
        }
    }
    rho
}

/// `tr(P rho)`, with `P` the Kronecker product of its letters.
pub fn expectation(rho: &Matrix, string: PauliString) -> f64 {
    let qubits = rho.nrows().trailing_zeros() as usize;
    let operator = product(qubits, |qubit| pauli(string.x >> qubit & 1 == 1, string.z >> qubit & 1 == 1));
    trace(&multiply(&operator, rho))
}

/// Probability that each of `qubits` has its bit of `outcome`: the trace with a projector.
pub fn probability(rho: &Matrix, qubits: &[usize], outcome: usize) -> f64 {
    let width = rho.nrows().trailing_zeros() as usize;
    let projector = product(width, |qubit| match qubits.iter().position(|listed| *listed == qubit) {
        Some(bit) => unit(outcome >> bit & 1, outcome >> bit & 1),
        None => identity(2),
    });
    trace(&multiply(&projector, rho))
}

fn apply(rho: &Matrix, operation: &Operation, width: usize) -> Matrix {
    match operation {
        Operation::Gate(gate) => {
            gate.body.iter().fold(rho.clone(), |rho, unitary| sandwich(&whole_unitary(unitary, width), &rho))
        }
        Operation::Channel { channel, qubits } => {
            let whole = channel.kraus().iter().map(|operator| embed(operator, qubits, width));
            whole.fold(zero(width), |sum, operator| sum + sandwich(&operator, rho))
        }
        Operation::Measure { qubit, .. } => [unit(0, 0), unit(1, 1)]
            .iter()
            .fold(zero(width), |sum, operator| sum + sandwich(&embed(operator, &[*qubit], width), rho)),
        Operation::Reset { qubit } => [unit(0, 0), unit(0, 1)]
            .iter()
            .fold(zero(width), |sum, operator| sum + sandwich(&embed(operator, &[*qubit], width), rho)),
        Operation::Barrier { .. } => rho.clone(),
        Operation::If { .. } => panic!("the oracle has no classical bits, so it cannot run `if`"),
    }
}

/// `A rho A^dagger`.
fn sandwich(a: &Matrix, rho: &Matrix) -> Matrix {
    multiply(&multiply(a, rho), &adjoint(a))
}

/// `I - P + P U` with `P` the projector on the values of the controls.
fn whole_unitary(unitary: &Unitary, width: usize) -> Matrix {
    let projector = product(width, |qubit| match unitary.controls.iter().find(|control| control.qubit == qubit) {
        Some(control) => unit(usize::from(control.value), usize::from(control.value)),
        None => identity(2),
    });
    let inside = multiply(&projector, &embed(&unitary.matrix, &unitary.targets, width));
    identity(1 << width) - &projector + inside
}

/// A matrix on some qubits as one on all: `sum_{ij} M_ij` times the product of `|bit of i><bit of j|` on its qubits.
fn embed(matrix: &Matrix, qubits: &[usize], width: usize) -> Matrix {
    let mut sum = zero(width);
    for ((row, column), entry) in matrix.indexed_iter() {
        let term = product(width, |qubit| match qubits.iter().position(|listed| *listed == qubit) {
            Some(bit) => unit(row >> bit & 1, column >> bit & 1),
            None => identity(2),
        });
        sum = sum + term.mapv(|one| one * entry);
    }
    sum
}

/// The Kronecker product of one matrix for each qubit, the highest qubit leftmost.
fn product(width: usize, factor: impl Fn(usize) -> Matrix) -> Matrix {
    (0..width).rev().fold(identity(1), |left, qubit| kronecker(&left, &factor(qubit)))
}

/// `|row><column|` of one qubit.
fn unit(row: usize, column: usize) -> Matrix {
    let mut matrix = Matrix::zeros((2, 2));
    matrix[(row, column)] = Complex64::ONE;
    matrix
}

/// I, X, Z or Y.
fn pauli(x: bool, z: bool) -> Matrix {
    let i = Complex64::I;
    match (x, z) {
        (false, false) => identity(2),
        (true, false) => unit(0, 1) + unit(1, 0),
        (false, true) => unit(0, 0) - unit(1, 1),
        (true, true) => unit(0, 1).mapv(|entry| entry * -i) + unit(1, 0).mapv(|entry| entry * i),
    }
}

fn zero(width: usize) -> Matrix {
    Matrix::zeros((1 << width, 1 << width))
}

fn trace(matrix: &Matrix) -> f64 {
    matrix.diag().iter().map(|entry| entry.re).sum()
}
