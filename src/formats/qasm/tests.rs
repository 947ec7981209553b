//! Tests of the language: what each construct becomes.

mod errors;
mod gates;
mod language;
mod noise;

use super::{Options, parse};
use crate::error::{Error, Result};
use crate::linalg::Matrix;
use crate::model::{Circuit, Operation, Unitary};
use num_complex::Complex64;
use std::path::Path;

fn read(source: &str) -> Result<Circuit> {
    parse(source.as_bytes(), Path::new("test.qasm"), &Options::default(), &mut no_files)
}

fn no_files(path: &Path) -> Result<Vec<u8>> {
    Err(Error::input("no such file").in_file(path.display()))
}

/// An OpenQASM 3 file with `stdgates.inc`.
fn three(body: &str) -> Circuit {
    read(&format!("OPENQASM 3.0; include \"stdgates.inc\"; {body}")).unwrap_or_else(|error| panic!("{body}\n{error}"))
}

/// An OpenQASM 2 file with `qelib1.inc`.
fn two(body: &str) -> Circuit {
    read(&format!("OPENQASM 2.0; include \"qelib1.inc\"; {body}")).unwrap_or_else(|error| panic!("{body}\n{error}"))
}

fn refusal(source: &str) -> Error {
    match read(source) {
        Err(error) => error,
        Ok(_) => panic!("accepted: {source}"),
    }
}

/// The gates as `name qubits`, without If bodies.
fn gates(circuit: &Circuit) -> Vec<String> {
    let names = circuit.statements.iter().filter_map(|statement| match &statement.operation {
        Operation::Gate(gate) => Some(format!("{} {:?}", gate.name, gate.qubits)),
        _ => None,
    });
    names.collect()
}

/// The unitary of a circuit of gates, column by column from the definition of [`Unitary`].
fn unitary(circuit: &Circuit) -> Matrix {
    let size = 1 << circuit.qubits();
    let mut product = Matrix::zeros((size, size));
    for column in 0..size {
        let mut state = vec![Complex64::ZERO; size];
        state[column] = Complex64::ONE;
        for statement in &circuit.statements {
            let Operation::Gate(gate) = &statement.operation else { panic!("not a gate") };
            for step in &gate.body {
                state = applied(step, &state);
            }
        }
        (0..size).for_each(|row| product[(row, column)] = state[row]);
    }
    product
}

fn applied(unitary: &Unitary, state: &[Complex64]) -> Vec<Complex64> {
    let mut result = vec![Complex64::ZERO; state.len()];
    for (from, &amplitude) in state.iter().enumerate() {
        let bit = |qubit: usize| from >> qubit & 1;
        if unitary.controls.iter().any(|control| (bit(control.qubit) == 1) != control.value) {
            result[from] += amplitude;
            continue;
        }
        let column: usize = unitary.targets.iter().enumerate().map(|(place, &qubit)| bit(qubit) << place).sum();
        for row in 0..unitary.matrix.nrows() {
            let mut to = from;
            for (place, &qubit) in unitary.targets.iter().enumerate() {
                to = to & !(1 << qubit) | (row >> place & 1) << qubit;
            }
            result[to] += amplitude * unitary.matrix[(row, column)];
        }
    }
    result
}

/// Equality of unitaries, phase included.
fn assert_same(left: &Circuit, right: &Circuit, what: &str) {
    let (left, right) = (unitary(left), unitary(right));
    let distance = (&left - &right).iter().map(|entry| entry.norm()).fold(0.0, f64::max);
    assert!(distance < 1e-13, "{what}: {distance:e}");
}

/// Equality of unitaries up to a global phase, `|tr(A^dagger B)| = dimension`.
fn same_up_to_phase(left: &Circuit, right: &Circuit) -> bool {
    let (left, right) = (unitary(left), unitary(right));
    let overlap: Complex64 = left.iter().zip(&right).map(|(a, b)| a.conj() * b).sum();
    (overlap.norm() - left.nrows() as f64).abs() < 1e-12
}
