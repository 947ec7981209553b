//! Noise channels and unitary matrices given in pragmas. Their matrices list the most significant qubit first.

use super::super::ast::{Pragma, PragmaKind, Rows};
use super::super::scope::Run;
use super::super::value::Division;
use super::Expander;
use super::operand::check_distinct;
use super::unitary::nearest_unitary;
use crate::error::{Error, Result};
use crate::linalg::{Matrix, unitarity_defect};
use crate::model::{Channel, Gate, Operation, Unitary};

/// Largest defect of a matrix that is taken for a rounded unitary one and made exactly unitary.
const UNITARITY_TOLERANCE: f64 = 1e-8;

impl Expander<'_> {
    pub(super) fn pragma(&mut self, pragma: &Pragma) -> Result<()> {
        let qubits = self.pragma_qubits(pragma)?;
        match &pragma.kind {
            PragmaKind::Noise(name, parameters) => {
                let parameters = parameters.iter().map(|value| self.evaluate(value, Division::Real)?.real());
                let channel = Channel::named(name, &parameters.collect::<Result<Vec<_>>>()?)?;
                self.noise(channel, &qubits)
            }
            PragmaKind::Kraus(operators) => {
                let operators = operators.iter().map(|rows| self.matrix(rows)).collect::<Result<Vec<_>>>()?;
                let channel = Channel::from_kraus(qubit_count(&operators[0])?, operators)?;
                check_count("channel `kraus`", channel.qubits(), qubits.len())?;
                self.noise(channel, &qubits)
            }
            PragmaKind::Unitary(rows) => {
                let matrix = self.matrix(rows)?;
                self.unitary(matrix, qubits)
            }
        }
    }

    fn pragma_qubits(&self, pragma: &Pragma) -> Result<Vec<usize>> {
        let Some(operands) = &pragma.operands else { return Ok((0..self.circuit.qubits()).collect()) };
        let runs = operands.iter().map(|operand| self.qubits(operand)).collect::<Result<Vec<_>>>()?;
        let qubits: Vec<usize> = runs.iter().flat_map(Run::as_slice).copied().collect();
        check_distinct(&qubits, || "a pragma names a qubit twice".into())?;
        Ok(qubits)
    }

    /// A named one-qubit channel acts on each of the qubits, a larger one on all of them together.
    fn noise(&mut self, channel: Channel, qubits: &[usize]) -> Result<()> {
        if channel.qubits() == 1 {
            return qubits.iter().try_for_each(|&qubit| {
                self.emit(Operation::Channel { channel: channel.clone(), qubits: vec![qubit] })
            });
        }
        check_count(&format!("channel `{}`", channel.name()), channel.qubits(), qubits.len())?;
        self.emit(Operation::Channel { channel, qubits: qubits.iter().rev().copied().collect() })
    }

    fn unitary(&mut self, matrix: Matrix, qubits: Vec<usize>) -> Result<()> {
        check_count("the matrix of `unitary`", qubit_count(&matrix)?, qubits.len())?;
        let defect = unitarity_defect(&matrix);
        if defect > UNITARITY_TOLERANCE {
            return Err(Error::input(format!(
                "the matrix is not unitary: its defect max |U^dagger U - I| is {defect:.3e}"
            ))
            .allowed(format!("a defect of at most {UNITARITY_TOLERANCE:e}")));
        }
        let targets = qubits.iter().rev().copied().collect();
        let body = vec![Unitary { controls: vec![], targets, matrix: nearest_unitary(&matrix)? }];
        self.emit(Operation::Gate(Gate { name: "unitary".into(), qubits, body }))
    }

    /// A square matrix of known complex numbers.
    fn matrix(&self, rows: &Rows) -> Result<Matrix> {
        let size = rows.len();
        if rows.iter().any(|row| row.len() != size) {
            return Err(Error::input(format!("a matrix of {size} row(s) must have {size} column(s) in each")));
        }
        let entries = rows.iter().flatten().map(|value| self.evaluate(value, Division::Real)?.complex());
        let entries = entries.collect::<Result<Vec<_>>>()?;
        Ok(Matrix::from_shape_fn((size, size), |(row, column)| entries[row * size + column]))
    }
}

/// Number of qubits of a square matrix.
fn qubit_count(matrix: &Matrix) -> Result<usize> {
    let size = matrix.nrows();
    if size >= 2 && size.is_power_of_two() {
        return Ok(size.trailing_zeros() as usize);
    }
    Err(Error::input(format!("a matrix has {size} rows")).allowed("2, 4, 8 and so on: a power of two"))
}

fn check_count(what: &str, needed: usize, given: usize) -> Result<()> {
    if needed == given {
        return Ok(());
    }
    Err(Error::input(format!("{what} acts on {needed} qubit(s), {given} given"))
        .allowed(format!("{needed} qubit(s)"))
        .next("name as many qubits as the matrices act on"))
}
