//! Linear algebra of gate matrices: powers, products, the nearest unitary.

use crate::error::{Error, Result};
use crate::linalg::{Matrix, adjoint, diagonal_of, hermitian_eigen, hermitian_function, identity, multiply};
use crate::model::Unitary;
use ndarray::Array1;
use num_complex::Complex64;
use std::f64::consts::PI;

/// Integer powers above this one are made exactly unitary again, since rounding has grown with the power.
const SHORT_POWER: f64 = 64.0;

/// The power of a unitary matrix: an integer one by repeated squaring, a real one by the principal branch (eigenvalues
/// `e^{i angle}` with the angle in (-pi, pi]).
pub fn matrix_power(matrix: &Matrix, exponent: f64) -> Result<Matrix> {
    if exponent.fract() == 0.0 && exponent.abs() < 2f64.powi(53) {
        let power = integer_power(matrix, exponent as i64);
        return if exponent.abs() <= SHORT_POWER { Ok(power) } else { nearest_unitary(&power) };
    }
    let raised = |value: Complex64| Complex64::cis(principal_angle(value) * exponent);
    if let Some(diagonal) = diagonal_of(matrix) {
        return Ok(Matrix::from_diag(&diagonal.into_iter().map(raised).collect::<Array1<_>>()));
    }
    let (values, vectors) = unitary_eigen(matrix)?;
    let mut scaled = vectors.clone();
    for (mut column, value) in scaled.columns_mut().into_iter().zip(values) {
        column.mapv_inplace(|entry| entry * raised(value));
    }
    Ok(multiply(&scaled, &adjoint(&vectors)))
}

fn integer_power(matrix: &Matrix, exponent: i64) -> Matrix {
    let mut square = if exponent < 0 { adjoint(matrix) } else { matrix.clone() };
    let mut power = identity(matrix.nrows());
    let mut rest = exponent.unsigned_abs();
    while rest > 0 {
        if rest & 1 == 1 {
            power = multiply(&power, &square);
        }
        rest >>= 1;
        square = multiply(&square, &square);
    }
    power
}

/// The unitary factor `U (U^dagger U)^(-1/2)` of the polar decomposition.
pub fn nearest_unitary(matrix: &Matrix) -> Result<Matrix> {
    let gram = multiply(&adjoint(matrix), matrix);
    let root = hermitian_function(&gram, |value| Complex64::from(1.0 / value.sqrt()));
    root.map(|root| multiply(matrix, &root))
        .ok_or_else(|| Error::internal("the eigenvalues of a matrix did not converge"))
}

/// The angle in (-pi, pi]; an eigenvalue -1 that rounding has put just below the cut belongs above it.
fn principal_angle(value: Complex64) -> f64 {
    let angle = value.arg();
    if angle < 1e-9 - PI { PI } else { angle }
}

/// Eigenvalues and orthonormal eigenvectors (columns) of a unitary matrix.
///
/// The Hermitian part of `e^{-i angle} U` has the eigenvectors of `U`, unless two eigenvalues lie symmetrically about
/// the angle; so a few angles are tried and the most nearly diagonal result is kept.
fn unitary_eigen(matrix: &Matrix) -> Result<(Vec<Complex64>, Matrix)> {
    let candidates = [0.7, 1.9, 2.6, 0.1, 1.3, 3.0].into_iter().filter_map(|angle| {
        let turned = matrix.mapv(|entry| entry * Complex64::cis(-angle));
        let (_, vectors) = hermitian_eigen(&((&turned + &adjoint(&turned)) * Complex64::from(0.5)))?;
        let rotated = multiply(&adjoint(&vectors), &multiply(matrix, &vectors));
        let rest = &rotated - &Matrix::from_diag(&rotated.diag());
        let defect = rest.iter().map(|entry| entry.norm()).fold(0.0, f64::max);
        Some((defect, rotated.diag().to_vec(), vectors))
    });
    let best = candidates.min_by(|left, right| left.0.total_cmp(&right.0)).filter(|(defect, ..)| *defect < 1e-11);
    best.map(|(_, values, vectors)| (values, vectors)).ok_or_else(|| {
        Error::input("the eigenvectors of this gate cannot be told apart, so it has no accurate real power")
    })
}

/// The product of the unitaries as one matrix; the first of `qubits` is the least significant bit of its index.
pub fn dense(body: &[Unitary], qubits: &[usize]) -> Matrix {
    let position =
        |qubit: usize| qubits.iter().position(|&other| other == qubit).expect("a gate acts on its own qubits");
    let mut product = identity(1 << qubits.len());
    for unitary in body {
        let targets: Vec<usize> = unitary.targets.iter().map(|&qubit| position(qubit)).collect();
        let active = |row: usize| {
            unitary.controls.iter().all(|control| (row >> position(control.qubit) & 1 == 1) == control.value)
        };
        let before = product.clone();
        for row in (0..product.nrows()).filter(|&row| active(row)) {
            let own = gather(row, &targets);
            let mut sum = Array1::zeros(product.ncols());
            for (index, &entry) in unitary.matrix.row(own).iter().enumerate() {
                sum.scaled_add(entry, &before.row(scatter(row, &targets, index)));
            }
            product.row_mut(row).assign(&sum);
        }
    }
    product
}

/// The bits of `row` at the target positions, as an index.
fn gather(row: usize, targets: &[usize]) -> usize {
    targets.iter().enumerate().map(|(bit, &target)| (row >> target & 1) << bit).sum()
}

/// `row` with the bits at the target positions replaced by those of `index`.
fn scatter(row: usize, targets: &[usize], index: usize) -> usize {
    targets.iter().enumerate().fold(row, |row, (bit, &target)| row & !(1 << target) | (index >> bit & 1) << target)
}
