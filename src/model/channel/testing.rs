//! What tests of channels share.

use super::Channel;
use crate::linalg::{Matrix, adjoint, multiply};
use crate::rng::{Purpose, uniform};
use num_complex::Complex64;

/// `sum_a K_a rho K_a^dagger`.
pub(crate) fn acting_on(channel: &Channel, rho: &Matrix) -> Matrix {
    let term = |sum: Matrix, kraus: &Matrix| sum + multiply(&multiply(kraus, rho), &adjoint(kraus));
    channel.kraus().iter().fold(Matrix::zeros(rho.dim()), term)
}

/// The largest difference of two entries.
pub(crate) fn difference(one: &Matrix, other: &Matrix) -> f64 {
    (one - other).iter().map(|entry| entry.norm()).fold(0.0, f64::max)
}

fn random_matrix(rows: usize, columns: usize, seed: u8) -> Matrix {
    let part = |index: usize| uniform(u64::from(seed), Purpose::Shots, index as u64) - 0.5;
    let entry = |(row, column)| 2 * (row * columns + column);
    Matrix::from_shape_fn((rows, columns), |place| Complex64::new(part(entry(place)), part(entry(place) + 1)))
}

/// Of trace 1.
pub(crate) fn random_state(qubits: usize, seed: u8) -> Matrix {
    let factor = random_matrix(1 << qubits, 1 << qubits, seed);
    let rho = multiply(&factor, &adjoint(&factor));
    let trace = rho.diag().sum();
    rho.mapv(|entry| entry / trace)
}

/// With so many Kraus operators, none of them near a unitary.
pub(crate) fn random_channel(qubits: usize, operators: usize, seed: u8) -> Channel {
    let kraus: Vec<Matrix> =
        (0..operators).map(|one| random_matrix(1 << qubits, 1 << qubits, seed.wrapping_mul(16) + one as u8)).collect();
    let sum = super::kraus::completeness(&kraus);
    let root = crate::linalg::hermitian_function(&sum, |value| value.powf(-0.5).into()).unwrap();
    Channel::from_kraus(qubits, kraus.iter().map(|operator| multiply(operator, &root)).collect()).unwrap()
}
