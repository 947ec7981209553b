//! Reduced density matrices of a few qubits, and what is certified of them.
//!
//! `rho_A = 2^-k sum_P tr(P rho) P` over the `4^k` Pauli strings on the `k` qubits: what every engine can give. Bit 0 of the index of a
//! row is the first listed qubit. A partial trace keeps order and trace, so `rho_A >= rho~_A` and `tr(rho_A - rho~_A) = d` hold as for
//! the whole. The matrix given is the completed `rho~_A + d I / 2^k`; its trace distance to the exact one is at most `d (1 - 2^-k)`.
//! Each expectation is off by at most the bound `r` on rounding, so the matrix by at most `2^k r` in trace norm (and so is any
//! partial transpose: both hold by the Frobenius norm).

use super::certificate::{Certificate, Certified};
use super::spectrum::{Entropies, Spectrum};
use crate::error::{Error, Result};
use crate::linalg::{Matrix, hermitian_eigen, hermitian_eigenvalues, identity};
use crate::model::PauliString;
use num_complex::Complex64;

/// `2^-k sum_P value(P) P` over all strings on the qubits; `value` gives `tr(P rho)`, of the identity too.
pub fn matrix(qubits: &[usize], value: impl Fn(PauliString) -> f64) -> Matrix {
    let dimension = 1usize << qubits.len();
    let local: Vec<usize> = (0..qubits.len()).collect();
    let mut matrix = Matrix::zeros((dimension, dimension));
    for (string, own) in PauliString::all_on(qubits).into_iter().zip(PauliString::all_on(&local)) {
        // P |b> = i^y (-1)^|z AND b| |b XOR x>
        let factor = Complex64::I.powu(own.y_count()) * (value(string) / dimension as f64);
        for basis in 0..dimension {
            let odd = (own.z as usize & basis).count_ones() & 1 == 1;
            matrix[(basis ^ own.x as usize, basis)] += if odd { -factor } else { factor };
        }
    }
    matrix
}

/// The matrix with rows and columns exchanged in these bits of the index.
fn partially_transposed(matrix: &Matrix, bits: usize) -> Matrix {
    let swapped = |row: usize, column: usize| (row & !bits | column & bits, column & !bits | row & bits);
    Matrix::from_shape_fn(matrix.dim(), |(row, column)| matrix[swapped(row, column)])
}

fn unconverged() -> Error {
    Error::internal("the eigenvalues of a reduced density matrix did not converge")
}

/// `rho~_A` of some qubits.
#[derive(Debug, Clone, PartialEq)]
pub struct Reduced {
    matrix: Matrix,
}

impl Reduced {
    /// From `tr(P rho~)` of the strings on the qubits.
    pub fn new(qubits: &[usize], value: impl Fn(PauliString) -> f64) -> Reduced {
        Reduced { matrix: matrix(qubits, value) }
    }

    fn dimension(&self) -> f64 {
        self.matrix.nrows() as f64
    }

    /// The completed matrix, of trace 1 but for rounding.
    pub fn completed(&self, certificate: &Certificate) -> Matrix {
        let share = Complex64::from(certificate.missing() / self.dimension());
        &self.matrix + &identity(self.matrix.nrows()).mapv(|entry| entry * share)
    }

    /// What rounding can amount to, in trace norm.
    fn rounding(&self, certificate: &Certificate) -> f64 {
        self.dimension() * certificate.rounding
    }

    /// Bound on the trace distance `||.||_1 / 2` of the completed matrix to the exact one.
    pub fn distance(&self, certificate: &Certificate) -> f64 {
        (certificate.missing() * (1.0 - 1.0 / self.dimension()) + self.rounding(certificate)).min(1.0)
    }

    /// The entropies of the qubits.
    ///
    /// # Errors
    /// Internal error when eigenvalues do not converge.
    pub fn entropies(&self, certificate: &Certificate) -> Result<Entropies> {
        let eigenvalues = hermitian_eigenvalues(&self.matrix).ok_or_else(unconverged)?;
        let spectrum = Spectrum::new(&eigenvalues, self.matrix.nrows().trailing_zeros() as usize);
        // Negative eigenvalues, which rounding makes, count as zero; that moves the others' sum as much again.
        Ok(certificate.entropies(&spectrum, 2.0 * self.rounding(certificate)))
    }

    /// The negativity `N = (||rho^T_a||_1 - 1) / 2` between the first `count` of the qubits, `a`, and the others, `b`.
    ///
    /// `N` is the largest `-tr(P rho^T_a)` over projectors `P`. With that `P` of `rho~`, `rho = rho~ + delta` and `delta >= 0` of trace `d`,
    /// `N(rho) >= N(rho~) - tr(P^T_a delta) >= N(rho~) - d max(0, lambda_max(P^T_a))`; and `N(rho) <= N(rho~) + N(delta)`, where
    /// `N(delta) <= d (m - 1) / 2` for `m` the smaller dimension of `a` and `b`.
    ///
    /// # Errors
    /// Internal error when eigenvalues do not converge.
    pub fn negativity(&self, certificate: &Certificate, count: usize) -> Result<Certified> {
        let qubits = self.matrix.nrows().trailing_zeros() as usize;
        let most = (2f64.powi(count.min(qubits - count) as i32) - 1.0) / 2.0;
        let bits = (1 << count) - 1;
        let (known, projected) = negative_part(&partially_transposed(&self.matrix, bits))?;
        let weight = hermitian_eigenvalues(&partially_transposed(&projected, bits)).ok_or_else(unconverged)?;
        let weight = weight.last().copied().unwrap_or(0.0).max(0.0);
        let (completed, _) = negative_part(&partially_transposed(&self.completed(certificate), bits))?;
        let (missing, slack) = (certificate.missing(), self.rounding(certificate));
        Ok(Certified {
            value: completed.min(most),
            lower: (known - missing * weight - slack).clamp(0.0, most),
            upper: (known + missing * most + slack).clamp(0.0, most),
            renormalised: known / certificate.trace,
        }
        .enclosing())
    }
}

/// The sum of the absolute negative eigenvalues, and the projector on their eigenvectors.
fn negative_part(matrix: &Matrix) -> Result<(f64, Matrix)> {
    let (values, vectors) = hermitian_eigen(matrix).ok_or_else(unconverged)?;
    let count = values.iter().take_while(|value| **value < 0.0).count();
    let negative = |row: usize, column: usize| -> Complex64 {
        (0..count).map(|index| vectors[(row, index)] * vectors[(column, index)].conj()).sum()
    };
    let projector = Matrix::from_shape_fn(matrix.dim(), |(row, column)| negative(row, column));
    Ok((-values[..count].iter().sum::<f64>(), projector))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{adjoint, multiply};
    use proptest::prelude::*;

    const EXACT: Certificate = Certificate { trace: 1.0, rounding: 0.0 };

    /// `tr(P rho)` of a dense matrix.
    fn expectation(rho: &Matrix, string: PauliString) -> f64 {
        let sum: Complex64 = (0..rho.nrows())
            .map(|basis| {
                let sign = if (string.z as usize & basis).count_ones() & 1 == 1 { -1.0 } else { 1.0 };
                rho[(basis, basis ^ string.x as usize)] * sign
            })
            .sum();
        (Complex64::I.powu(string.y_count()) * sum).re
    }

    fn reduced(rho: &Matrix) -> Reduced {
        let qubits: Vec<usize> = (0..rho.nrows().trailing_zeros() as usize).collect();
        Reduced::new(&qubits, |string| expectation(rho, string))
    }

    /// `sum_j L_ij conj(L_kj)`, scaled to a trace.
    fn state(entries: &[(f64, f64)], dimension: usize, trace: f64) -> Matrix {
        let entry = |(row, column)| {
            let (re, im) = entries[(row * dimension + column) % entries.len()];
            Complex64::new(re, im)
        };
        let factor = Matrix::from_shape_fn((dimension, dimension), entry);
        let rho = multiply(&factor, &adjoint(&factor));
        let sum: f64 = rho.diag().iter().map(|entry| entry.re).sum();
        rho.mapv(|entry| entry * (trace / sum))
    }

    /// `p |psi-><psi-| + (1 - p) I / 4`.
    fn werner(p: f64) -> Matrix {
        let mut rho = identity(4).mapv(|entry| entry * ((1.0 - p) / 4.0));
        for (row, column, sign) in [(1, 1, 1.0), (2, 2, 1.0), (1, 2, -1.0), (2, 1, -1.0)] {
            rho[(row, column)] += p / 2.0 * sign;
        }
        rho
    }

    #[test]
    fn strings_rebuild_the_matrix() {
        let entries: Vec<(f64, f64)> = (0..64).map(|k| ((k * k % 7) as f64 - 3.0, (k % 5) as f64)).collect();
        let rho = state(&entries, 8, 1.0);
        assert!((reduced(&rho).matrix - rho).iter().all(|entry| entry.norm() < 1e-14));
    }

    #[test]
    fn a_werner_state_is_entangled_above_a_third() {
        for p in [0.0, 0.2, 0.5, 0.9, 1.0] {
            let found = reduced(&werner(p)).negativity(&EXACT, 1).unwrap();
            let expected = ((3.0 * p - 1.0) / 4.0f64).max(0.0);
            assert!((found.value - expected).abs() < 1e-14, "{p}: {found:?}");
            let entropies = reduced(&werner(p)).entropies(&EXACT).unwrap();
            let parts = [(1.0 + 3.0 * p) / 4.0, (1.0 - p) / 4.0, (1.0 - p) / 4.0, (1.0 - p) / 4.0];
            let entropy: f64 = parts.iter().filter(|part| **part > 0.0).map(|part| -part * part.ln()).sum();
            assert!((entropies.von_neumann.value - entropy).abs() < 1e-13);
        }
    }

    #[test]
    fn a_state_of_three_qubits_of_which_one_is_alone() {
        // A Bell pair of qubits 0 and 2; qubit 1 is |0>.
        let mut rho = Matrix::zeros((8, 8));
        [(0, 0), (0, 5), (5, 0), (5, 5)].iter().for_each(|place| rho[*place] = Complex64::from(0.5));
        assert!((reduced(&rho).negativity(&EXACT, 1).unwrap().value - 0.5).abs() < 1e-14);
        assert!((reduced(&rho).negativity(&EXACT, 2).unwrap().value - 0.5).abs() < 1e-14);
    }

    fn entries() -> impl Strategy<Value = Vec<(f64, f64)>> {
        proptest::collection::vec((-1.0..1.0f64, -1.0..1.0f64), 64)
    }

    proptest! {
        #[test]
        fn intervals_hold_the_numbers_of_every_completion(known in entries(), rest in entries(), missing in 0.0..0.4f64, weight in 0.0..1.0f64) {
            // A strongly entangled part, so that there is something to bound.
            let mut pair = Matrix::zeros((8, 8));
            [(0, 0), (0, 7), (7, 0), (7, 7)].iter().for_each(|place| pair[*place] = Complex64::from(0.5));
            let mixed = state(&known, 8, 1.0).mapv(|entry| entry * weight) + pair.mapv(|entry| entry * (1.0 - weight));
            let known = mixed.mapv(|entry| entry * (1.0 - missing));
            let exact = &known + &state(&rest, 8, missing);
            let certificate = Certificate { trace: 1.0 - missing, rounding: 1e-15 };
            let (known, exact) = (reduced(&known), reduced(&exact));
            for count in [1, 2] {
                let found = known.negativity(&certificate, count).unwrap();
                let expected = exact.negativity(&EXACT, count).unwrap().value;
                prop_assert!(found.lower <= expected && expected <= found.upper, "{found:?} {expected}");
            }
            let (found, expected) = (known.entropies(&certificate).unwrap(), exact.entropies(&EXACT).unwrap());
            for (found, expected) in [(found.von_neumann, expected.von_neumann), (found.renyi_2, expected.renyi_2)] {
                prop_assert!(found.lower <= expected.value && expected.value <= found.upper);
            }
            let difference = known.completed(&certificate) - &exact.matrix;
            let distance: f64 = hermitian_eigenvalues(&difference).unwrap().iter().map(|value| value.abs() / 2.0).sum();
            prop_assert!(distance <= known.distance(&certificate), "{distance}");
        }
    }
}
