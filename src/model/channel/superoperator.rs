//! Channels given as one matrix: a superoperator, a Choi matrix, or a Pauli transfer matrix.
//!
//! The conventions are those of Qiskit's `quantum_info`, qubit 0 least significant: the superoperator acts on `rho` read
//! column by column, the Choi matrix is `sum_ij |i><j| (x) E(|i><j|)`, and entry `(i, j)` of the Pauli transfer matrix is
//! `tr(P_i E(P_j)) / 2^n` with the Pauli strings in the order I, X, Y, Z. Inside, a superoperator acts on `rho` read row by row.

use super::canonical::canonical;
use super::{Channel, kraus};
use crate::error::{Error, Result};
use crate::linalg::{Matrix, adjoint, hermitian_eigen, identity, kronecker, multiply};
use num_complex::Complex64;

/// A Choi matrix may be so far from Hermitian and from positive, entries and eigenvalues, and be corrected.
const CORRECTED: f64 = 1e-8;

/// What a matrix says about a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// It acts on `rho` read column by column.
    Superoperator,
    /// `sum_ij |i><j| (x) E(|i><j|)`.
    Choi,
    /// `tr(P_i E(P_j)) / 2^n`.
    PauliTransfer,
}

impl Channel {
    /// A channel from a matrix of `4^qubits` rows and columns.
    ///
    /// # Errors
    /// Input error for a matrix of a wrong shape, or of a map that is not completely positive or not trace preserving by
    /// more than 1e-8.
    pub fn from_matrix(form: Form, qubits: usize, matrix: &Matrix) -> Result<Channel> {
        let size = 1usize << (2 * qubits);
        if matrix.dim() != (size, size) {
            let (rows, columns) = matrix.dim();
            return Err(Error::input(format!("the matrix of a channel on {qubits} qubit(s) is {rows}x{columns}"))
                .allowed(format!("{size}x{size}")));
        }
        if matrix.iter().any(|entry| !entry.re.is_finite() || !entry.im.is_finite()) {
            return Err(Error::input("the matrix of a channel has an entry that is not a finite number"));
        }
        let (name, map) = match form {
            Form::Superoperator => ("superoperator", by_rows(matrix)),
            Form::Choi => ("choi", of_choi(matrix)),
            Form::PauliTransfer => ("pauli_transfer", of_pauli_transfer(qubits, matrix)),
        };
        channel_of(name, qubits, &map)
    }

    /// It as a superoperator, on `rho` read row by row.
    pub fn superoperator(&self) -> Matrix {
        super::canonical::superoperator(&self.kraus)
    }

    /// With these probabilities one of these sequences of channels on all qubits, each given by its superoperator.
    pub(crate) fn mixture(name: &str, qubits: usize, terms: &[(f64, Matrix)]) -> Result<Channel> {
        let size = 1usize << (2 * qubits);
        let sum = terms
            .iter()
            .fold(Matrix::zeros((size, size)), |sum, (probability, map)| sum + map.mapv(|entry| entry * *probability));
        channel_of(name, qubits, &sum)
    }
}

/// The channel of a superoperator, in canonical Kraus form; checks that it is one.
pub(super) fn channel_of(name: &str, qubits: usize, map: &Matrix) -> Result<Channel> {
    let choi = reshuffled(map);
    let skew = (&choi - &adjoint(&choi)).iter().map(|entry| entry.norm()).fold(0.0, f64::max);
    if skew > CORRECTED {
        return Err(Error::input(format!(
            "the map does not keep Hermitian matrices Hermitian: its Choi matrix is off by {skew:.1e}"
        )));
    }
    let choi = (&choi + &adjoint(&choi)).mapv(|entry| entry / 2.0);
    let failed = || Error::internal("the eigenvalues of a Choi matrix did not converge");
    let least = hermitian_eigen(&choi).ok_or_else(failed)?.0[0];
    if least < -CORRECTED {
        return Err(Error::input(format!(
            "the map is not completely positive: its Choi matrix has the eigenvalue {least:.3e}"
        ))
        .next("check the order of rows, columns and qubits"));
    }
    let defect = trace_defect(map);
    if defect > CORRECTED {
        return Err(Error::input(format!("the map is not trace preserving, by {defect:.3e}"))
            .allowed(format!("a defect up to {CORRECTED:.0e}")));
    }
    let channel = canonical(qubits, &reshuffled(&choi), &identity(1 << qubits)).ok_or_else(failed)?;
    let note =
        (defect > kraus::ROUNDING_DEFECT.max(1e-12)).then(|| format!("a trace defect of {defect:.1e} was corrected"));
    Ok(Channel { name: name.into(), note, ..channel })
}

/// Between a superoperator, `(row row', column column')`, and a Choi matrix, `(row column, row' column')`, both by rows; its own inverse.
fn reshuffled(matrix: &Matrix) -> Matrix {
    let dimension = (matrix.nrows() as f64).sqrt().round() as usize;
    let parts = |index: usize| (index / dimension, index % dimension);
    Matrix::from_shape_fn(matrix.dim(), |(left, right)| {
        let ((row, column), (other_row, other_column)) = (parts(left), parts(right));
        matrix[(row * dimension + other_row, column * dimension + other_column)]
    })
}

/// `max |tr E(|i><j|) - delta_ij|`.
fn trace_defect(map: &Matrix) -> f64 {
    let dimension = (map.nrows() as f64).sqrt().round() as usize;
    let trace = |column: usize| (0..dimension).map(|row| map[(row * (dimension + 1), column)]).sum::<Complex64>();
    let expected = |column: usize| if column.is_multiple_of(dimension + 1) { 1.0 } else { 0.0 };
    (0..map.ncols()).map(|column| (trace(column) - expected(column)).norm()).fold(0.0, f64::max)
}

/// From columns of `rho` to rows, or back.
fn by_rows(matrix: &Matrix) -> Matrix {
    let dimension = (matrix.nrows() as f64).sqrt().round() as usize;
    let turned = |index: usize| index % dimension * dimension + index / dimension;
    Matrix::from_shape_fn(matrix.dim(), |(row, column)| matrix[(turned(row), turned(column))])
}

/// Entry `(i r, j c)` of the Choi matrix is `E(|i><j|)[r, c]`.
fn of_choi(choi: &Matrix) -> Matrix {
    let dimension = (choi.nrows() as f64).sqrt().round() as usize;
    let parts = |index: usize| (index / dimension, index % dimension);
    Matrix::from_shape_fn(choi.dim(), |(out, from)| {
        let ((row, column), (i, j)) = (parts(out), parts(from));
        choi[(i * dimension + row, j * dimension + column)]
    })
}

/// `E(rho) = sum_ij R_ij P_i tr(P_j rho) / 2^n`.
fn of_pauli_transfer(qubits: usize, transfer: &Matrix) -> Matrix {
    let dimension = 1usize << qubits;
    let strings: Vec<Matrix> =
        (0..dimension * dimension).map(|index| super::pauli_strings::matrix(qubits, index)).collect();
    // Column `j` is `P_j` read by rows; `tr(P_j rho)` is its conjugate times `rho` read by rows, as `P_j` is Hermitian.
    let basis = Matrix::from_shape_fn(transfer.dim(), |(place, string)| {
        strings[string][(place / dimension, place % dimension)]
    });
    multiply(&multiply(&basis, transfer), &adjoint(&basis)).mapv(|entry| entry / dimension as f64)
}

/// `E_2 E_1` of superoperators by rows; `U (x) conj(U)` of a unitary.
pub(crate) fn of_unitary(unitary: &Matrix) -> Matrix {
    kronecker(unitary, &unitary.mapv(|entry| entry.conj()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::channel::testing::{acting_on, difference, random_channel, random_state};

    /// By the definitions, entry by entry.
    fn written(form: Form, channel: &Channel) -> Matrix {
        let dimension = 1usize << channel.qubits();
        let unit = |i: usize, j: usize| {
            let mut unit = Matrix::zeros((dimension, dimension));
            unit[(i, j)] = Complex64::ONE;
            unit
        };
        let size = dimension * dimension;
        Matrix::from_shape_fn((size, size), |(row, column)| match form {
            Form::Superoperator => {
                let image = acting_on(channel, &unit(column % dimension, column / dimension));
                image[(row % dimension, row / dimension)]
            }
            Form::Choi => {
                let image = acting_on(channel, &unit(row / dimension, column / dimension));
                image[(row % dimension, column % dimension)]
            }
            Form::PauliTransfer => {
                let string = |index| super::super::pauli_strings::matrix(channel.qubits(), index);
                multiply(&string(row), &acting_on(channel, &string(column))).diag().sum() / dimension as f64
            }
        })
    }

    #[test]
    fn every_form_gives_the_channel_back() {
        for (qubits, seed) in [(1, 1), (2, 2), (3, 3)] {
            let channel = random_channel(qubits, 3, seed);
            let rho = random_state(qubits, seed);
            for form in [Form::Superoperator, Form::Choi, Form::PauliTransfer] {
                let found = Channel::from_matrix(form, qubits, &written(form, &channel)).unwrap();
                assert!(
                    difference(&acting_on(&found, &rho), &acting_on(&channel, &rho)) < 1e-13,
                    "{form:?} on {qubits}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_channel_is_refused() {
        let transpose =
            Matrix::from_shape_fn(
                (4, 4),
                |(row, column)| {
                    if row == [0, 2, 1, 3][column] { Complex64::ONE } else { Complex64::ZERO }
                },
            );
        let refused = |form, qubits, matrix: &Matrix| Channel::from_matrix(form, qubits, matrix).unwrap_err().what;
        assert!(refused(Form::Superoperator, 1, &transpose).contains("not completely positive"));
        assert!(refused(Form::Superoperator, 1, &identity(4).mapv(|one| one * 0.9)).contains("trace preserving"));
        assert!(refused(Form::Choi, 2, &identity(4)).contains("4x4"));
        assert!(refused(Form::PauliTransfer, 1, &identity(4).mapv(|one| one * f64::NAN)).contains("finite"));
        let skew = Matrix::from_diag(&ndarray::arr1(&[Complex64::ONE, Complex64::I, Complex64::I, Complex64::ONE]));
        assert!(refused(Form::Superoperator, 1, &skew).contains("Hermitian"));
    }
}
