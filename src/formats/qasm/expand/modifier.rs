//! Gate modifiers on lists of unitaries.

use super::super::ast::Modifier;
use super::super::limits;
use super::super::value::Division;
use super::Expander;
use crate::error::{Error, Result};
use crate::linalg::{Matrix, adjoint, diagonal_of, hermitian_eigen, identity, multiply};
use crate::model::{Control, Unitary};
use num_complex::Complex64;
use std::f64::consts::PI;

/// A modifier with its argument evaluated; its text is that of the source.
pub enum Applied {
    /// `ctrl(count) @`, or `negctrl` when the value is `false`.
    Control {
        /// The value of the controls.
        value: bool,
        /// Their number.
        count: usize,
    },
    /// `inv @`
    Inverse,
    /// `pow(exponent) @`
    Power(f64),
}

impl Applied {
    /// Number of qubits the modifier adds.
    pub fn controls(&self) -> usize {
        match self {
            Applied::Control { count, .. } => *count,
            _ => 0,
        }
    }
}

impl std::fmt::Display for Applied {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Applied::Control { value, count } => {
                write!(out, "{}", if *value { "ctrl" } else { "negctrl" })?;
                if *count == 1 { Ok(()) } else { write!(out, "({count})") }
            }
            Applied::Inverse => write!(out, "inv"),
            Applied::Power(exponent) => write!(out, "pow({exponent})"),
        }
    }
}

impl Expander<'_> {
    /// Evaluates the argument of a modifier.
    pub(super) fn modifier(&self, modifier: &Modifier) -> Result<Applied> {
        match modifier {
            Modifier::Inverse => Ok(Applied::Inverse),
            Modifier::Power(exponent) => Ok(Applied::Power(self.evaluate(exponent, Division::Real)?.real()?)),
            Modifier::Control { value, count } => {
                let count = count.as_ref().map_or(Ok(1), |count| self.integer(count))?;
                let checked = usize::try_from(count).ok().filter(|count| (1..=limits::REGISTER_SIZE).contains(count));
                let count = checked.ok_or_else(|| {
                    Error::input(format!("a modifier asks for {count} controls")).allowed("1 or more")
                })?;
                Ok(Applied::Control { value: *value, count })
            }
        }
    }
}

/// The unitaries of a gate under its modifiers, which are applied from the last to the first. `qubits` are all its
/// qubits: the controls of the first modifier, of the second, ..., then those of the gate itself.
pub fn apply(modifiers: &[Applied], mut body: Vec<Unitary>, qubits: &[usize]) -> Result<Vec<Unitary>> {
    let mut start: usize = modifiers.iter().map(Applied::controls).sum();
    for modifier in modifiers.iter().rev() {
        match modifier {
            Applied::Control { value, count } => {
                start -= count;
                let controls = qubits[start..start + count].iter().map(|&qubit| Control { qubit, value: *value });
                body.iter_mut().for_each(|unitary| drop(unitary.controls.splice(..0, controls.clone())));
            }
            Applied::Inverse => body = inverse(&body),
            Applied::Power(exponent) => body = power(body, *exponent, &qubits[start..])?,
        }
    }
    Ok(body)
}

fn inverse(body: &[Unitary]) -> Vec<Unitary> {
    body.iter().rev().map(Unitary::inverse).collect()
}

/// The body raised to a power: a single unitary by its matrix, an integer power by repetition, everything else as one
/// dense matrix on `qubits`.
fn power(body: Vec<Unitary>, exponent: f64, qubits: &[usize]) -> Result<Vec<Unitary>> {
    let repeats = exponent.abs() * body.len() as f64;
    match <[Unitary; 1]>::try_from(body) {
        Ok([unitary]) if unitary.targets.len() <= limits::POWER_QUBITS => {
            Ok(vec![Unitary { matrix: matrix_power(&unitary.matrix, exponent)?, ..unitary }])
        }
        Ok([unitary]) => repeated_or_dense(vec![unitary], exponent, repeats, qubits),
        Err(body) => repeated_or_dense(body, exponent, repeats, qubits),
    }
}

fn repeated_or_dense(body: Vec<Unitary>, exponent: f64, repeats: f64, qubits: &[usize]) -> Result<Vec<Unitary>> {
    if exponent.fract() == 0.0 && repeats <= limits::POWER_REPEATS as f64 {
        let body = if exponent < 0.0 { inverse(&body) } else { body };
        return Ok(vec![body; exponent.abs() as usize].concat());
    }
    if qubits.len() > limits::POWER_QUBITS {
        return Err(Error::input(format!("`pow({exponent}) @` of a gate on {} qubits is not supported", qubits.len()))
            .allowed(format!(
                "gates on at most {} qubits, or integer powers that repeat at most {} unitaries",
                limits::POWER_QUBITS,
                limits::POWER_REPEATS
            )));
    }
    let matrix = matrix_power(&dense(&body, qubits), exponent)?;
    Ok(vec![Unitary { controls: vec![], targets: qubits.to_vec(), matrix }])
}

/// Integer powers up to this one are products; larger ones, whose products would drift from unitarity, and real ones
/// are taken of the eigenvalues.
const PRODUCT_POWER: f64 = 64.0;

/// The power of a unitary matrix; a real one by the principal branch, eigenvalues `e^{i angle}` with angle in (-pi, pi].
fn matrix_power(matrix: &Matrix, exponent: f64) -> Result<Matrix> {
    if exponent.fract() == 0.0 && exponent.abs() <= PRODUCT_POWER {
        let base = if exponent < 0.0 { adjoint(matrix) } else { matrix.clone() };
        return Ok((0..exponent.abs() as usize).fold(identity(matrix.nrows()), |product, _| multiply(&product, &base)));
    }
    let raised = |value: Complex64| Complex64::cis(principal_angle(value) * exponent);
    if let Some(diagonal) = diagonal_of(matrix) {
        return Ok(Matrix::from_diag(&diagonal.into_iter().map(raised).collect::<ndarray::Array1<_>>()));
    }
    let (values, vectors) = unitary_eigen(matrix)?;
    let mut scaled = vectors.clone();
    for (mut column, value) in scaled.columns_mut().into_iter().zip(values) {
        column.mapv_inplace(|entry| entry * raised(value));
    }
    Ok(multiply(&scaled, &adjoint(&vectors)))
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
fn dense(body: &[Unitary], qubits: &[usize]) -> Matrix {
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
            let mut sum = ndarray::Array1::zeros(product.ncols());
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
