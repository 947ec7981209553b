//! The range of an observable's spectrum, as far as it is cheap to know.

use super::{PauliString, PauliSum};
use crate::linalg::{Matrix, hermitian_eigen};
use num_complex::Complex64;
use std::collections::BTreeMap;

/// Diagonal sums on at most this many qubits are enumerated: 2^20 numbers.
const LARGEST_DIAGONAL: u32 = 20;
/// Other sums on at most this many qubits are diagonalised: a matrix of dimension 64.
const LARGEST_DENSE: u32 = 6;

/// An interval that holds every eigenvalue of an observable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// At most the smallest eigenvalue.
    pub lower: f64,
    /// At least the largest eigenvalue.
    pub upper: f64,
    /// True if the ends are the extreme eigenvalues themselves, but for rounding (always outwards).
    pub exact: bool,
}

impl PauliSum {
    /// An interval that holds the spectrum, `lower <= lambda_min` and `lambda_max <= upper`.
    ///
    /// Exact for at most one non-identity term, for diagonal sums on at most 20 qubits and for any sum on at most
    /// 6 qubits; otherwise `c_I -+ sum_k |c_k|` over the non-identity terms. Equal strings are merged first. Where
    /// anything is rounded the interval is widened to cover it.
    pub fn range(&self) -> Range {
        let mut merged: BTreeMap<PauliString, f64> = BTreeMap::new();
        for (coefficient, string) in &self.terms {
            *merged.entry(*string).or_default() += coefficient;
        }
        let constant = merged.remove(&PauliString::identity()).unwrap_or(0.0);
        merged.retain(|_, coefficient| *coefficient != 0.0);
        let rest = PauliSum { terms: merged.into_iter().map(|(string, coefficient)| (coefficient, string)).collect() };
        let (lower, upper, exact) = rest.spectrum();
        let margin = self.rounding(&rest);
        Range { lower: constant + lower - margin, upper: constant + upper + margin, exact }
    }

    /// Bound of the rounding errors of [`PauliSum::range`]: nothing is rounded for a single term. Sums of `m` numbers
    /// round by at most `m u` times the sum of their magnitudes, an enumeration on `s` qubits has `s` levels, the
    /// eigenvalues of a matrix are off by a small multiple of its dimension.
    fn rounding(&self, rest: &PauliSum) -> f64 {
        if self.terms.len() < 2 {
            return 0.0;
        }
        let qubits = rest.support().count_ones();
        let dimension = 1 << qubits.min(LARGEST_DENSE);
        let operations = self.terms.len() + qubits as usize + 4 * dimension;
        operations as f64 * f64::EPSILON * self.coefficient_norm()
    }

    /// Lower and upper end and whether they are exact, of a sum of distinct non-identity strings.
    fn spectrum(&self) -> (f64, f64, bool) {
        let (norm, qubits) = (self.coefficient_norm(), self.support().count_ones());
        let extremes = if self.terms.len() < 2 {
            Some((-norm, norm))
        } else if qubits <= LARGEST_DIAGONAL && self.terms.iter().all(|(_, string)| string.is_diagonal()) {
            Some(self.diagonal_extremes())
        } else if qubits <= LARGEST_DENSE {
            self.dense_extremes(norm)
        } else {
            None
        };
        extremes.map_or((-norm, norm, false), |(lower, upper)| (lower, upper, true))
    }

    /// Extreme entries of a diagonal sum: all of them by a Walsh-Hadamard transform of the coefficients, since entry
    /// `b` is `sum_k c_k (-1)^|z_k AND b|`.
    fn diagonal_extremes(&self) -> (f64, f64) {
        let support = self.support();
        let mut entries = vec![0.0; 1 << support.count_ones()];
        for (coefficient, string) in &self.terms {
            entries[gather(string.z, support)] += coefficient;
        }
        walsh_hadamard(&mut entries);
        entries
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), entry| (low.min(*entry), high.max(*entry)))
    }

    /// Extreme eigenvalues of the matrix on the support; `None` if the iteration fails. Scaled by the norm, so that
    /// no coefficient overflows inside the iteration.
    fn dense_extremes(&self, norm: f64) -> Option<(f64, f64)> {
        let support = self.support();
        let dimension = 1 << support.count_ones();
        let mut matrix = Matrix::zeros((dimension, dimension));
        for (coefficient, string) in &self.terms {
            let (x, z) = (gather(string.x, support), gather(string.z, support));
            let phase = Complex64::i().powu(string.y_count()) * (coefficient / norm);
            for column in 0..dimension {
                let sign = if (z & column).count_ones() % 2 == 0 { 1.0 } else { -1.0 };
                matrix[(column ^ x, column)] += phase * sign;
            }
        }
        let (values, _) = hermitian_eigen(&matrix)?;
        Some((values.first()? * norm, values.last()? * norm))
    }
}

/// The bits of `mask` at the set bits of `support`, packed together.
fn gather(mask: u64, support: u64) -> usize {
    let qubits = (0..64).filter(|qubit| support >> qubit & 1 == 1);
    qubits.enumerate().fold(0, |packed, (position, qubit)| packed | ((mask >> qubit & 1) as usize) << position)
}

/// In place `v_b <- sum_z v_z (-1)^|z AND b|`.
fn walsh_hadamard(values: &mut [f64]) {
    let mut half = 1;
    while half < values.len() {
        for block in values.chunks_exact_mut(2 * half) {
            let (first, second) = block.split_at_mut(half);
            for (a, b) in first.iter_mut().zip(second) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{identity, kronecker};
    use proptest::prelude::*;

    fn sum(text: &str, qubits: usize) -> PauliSum {
        PauliSum::parse(text, qubits).unwrap()
    }

    fn assert_close(range: Range, lower: f64, upper: f64) {
        assert!(range.exact, "{range:?}");
        assert!(range.lower <= lower && upper <= range.upper, "{range:?} must hold [{lower}, {upper}]");
        let tolerance = 1e-12 * (1.0 + lower.abs() + upper.abs());
        assert!(lower - range.lower < tolerance && range.upper - upper < tolerance, "{range:?}");
    }

    /// The matrix from the definition: Kronecker products of the Pauli matrices.
    fn dense(sum: &PauliSum, qubits: usize) -> Matrix {
        let (zero, one, i) = (Complex64::ZERO, Complex64::ONE, Complex64::I);
        let pauli = |x: u64, z: u64| match (x, z) {
            (0, 0) => [zero + one, zero, zero, one],
            (1, 0) => [zero, one, one, zero],
            (1, _) => [zero, -i, i, zero],
            _ => [one, zero, zero, -one],
        };
        let mut total = Matrix::zeros((1 << qubits, 1 << qubits));
        for (coefficient, string) in &sum.terms {
            let product = (0..qubits).fold(identity(1), |low, qubit| {
                let entries = pauli(string.x >> qubit & 1, string.z >> qubit & 1);
                kronecker(&Matrix::from_shape_vec((2, 2), entries.to_vec()).unwrap(), &low)
            });
            total = total + product.mapv(|entry| entry * *coefficient);
        }
        total
    }

    fn extremes(sum: &PauliSum, qubits: usize) -> (f64, f64) {
        let (values, _) = hermitian_eigen(&dense(sum, qubits)).unwrap();
        (values[0], values[values.len() - 1])
    }

    #[test]
    fn one_term_is_exact_to_the_last_bit() {
        assert_eq!(sum("Z0", 2).range(), Range { lower: -1.0, upper: 1.0, exact: true });
        assert_eq!(sum("-0.3*X0 Y40", 63).range(), Range { lower: -0.3, upper: 0.3, exact: true });
        assert_eq!(sum("2.5", 2).range(), Range { lower: 2.5, upper: 2.5, exact: true });
        assert_eq!(PauliSum::default().range(), Range { lower: 0.0, upper: 0.0, exact: true });
    }

    #[test]
    fn known_spectra() {
        assert_close(sum("1 - 0.5*Z0", 1).range(), 0.5, 1.5);
        assert_close(sum("Z0 Z1 + Z1 Z2 + Z0 Z2", 63).range(), -1.0, 3.0);
        assert_close(sum("X0 + Z0", 1).range(), -(2f64.sqrt()), 2f64.sqrt());
        assert_close(sum("X3 X50 + Y3 Y50 + Z3 Z50", 63).range(), -3.0, 1.0);
        assert_close(sum("Z0 - Z0 + 1e-3", 1).range(), 1e-3, 1e-3);
        assert_close(sum("1e300*X0 + 1e300*Z0", 1).range(), -(2f64.sqrt()) * 1e300, 2f64.sqrt() * 1e300);
    }

    #[test]
    fn the_largest_cases_and_beyond() {
        let chain = |letter: &str, qubits: usize| {
            let terms: Vec<String> = (1..qubits).map(|q| format!("{letter}{} {letter}{q}", q - 1)).collect();
            sum(&terms.join(" + "), 63).range()
        };
        assert_close(chain("Z", 20), -19.0, 19.0);
        assert_close(chain("X", 6), -5.0, 5.0);
        for range in [chain("Z", 21), chain("X", 7)] {
            assert!(!range.exact && range.lower < -5.9 && range.upper > 5.9, "{range:?}");
        }
        let frustrated = sum("Z0 X1 + Y1 + X7 Z2 + X3 + X4 + X5 + 3", 8).range();
        assert!(!frustrated.exact && frustrated.lower <= -3.0 && frustrated.upper >= 9.0, "{frustrated:?}");
    }

    fn any_sum(qubits: u32, is_diagonal: bool) -> impl Strategy<Value = PauliSum> {
        let x = if is_diagonal { 0..1u64 } else { 0..1u64 << qubits };
        let term = (-2.0..2.0, x, 0..1u64 << qubits).prop_map(|(c, x, z)| (c, PauliString { x, z }));
        proptest::collection::vec(term, 1..10).prop_map(|terms| PauliSum { terms })
    }

    proptest! {
        #[test]
        fn dense_ranges_agree_with_the_matrix(sum in any_sum(4, false)) {
            let (lower, upper) = extremes(&sum, 4);
            let range = sum.range();
            prop_assert!(range.exact);
            prop_assert!((range.lower - lower).abs() < 1e-11 && (range.upper - upper).abs() < 1e-11);
        }

        #[test]
        fn diagonal_ranges_hold_every_entry(sum in any_sum(5, true)) {
            let range = sum.range();
            let matrix = dense(&sum, 5);
            let entries: Vec<f64> = matrix.diag().iter().map(|entry| entry.re).collect();
            prop_assert!(entries.iter().all(|entry| range.lower <= *entry && *entry <= range.upper));
            let least = entries.iter().copied().fold(f64::INFINITY, f64::min);
            prop_assert!(range.exact && (range.lower - least).abs() < 1e-11);
        }

        #[test]
        fn inexact_ranges_hold_the_spectrum(sum in any_sum(7, false)) {
            let (lower, upper) = extremes(&sum, 7);
            let range = sum.range();
            prop_assert!(range.lower <= lower + 1e-12 && upper - 1e-12 <= range.upper);
        }
    }
}
