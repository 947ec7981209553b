//! The square of an observable as a sum of Pauli strings.
//!
//! `O^2 = sum_k c_k^2 I + sum_{j<k} c_j c_k (P_j P_k + P_k P_j)`, where pairs that anticommute cancel and pairs that commute give
//! `2 c_j c_k P_j P_k`, a string with the sign plus or minus.

use super::{PauliString, PauliSum};
use crate::error::{Error, Result};
use std::collections::{BTreeMap, HashMap};

/// The most distinct terms of an observable that is squared: eight million pairs.
pub const LARGEST_SQUARED: usize = 4096;
/// The most distinct strings of a square.
pub const LARGEST_SQUARE: usize = 1 << 18;

impl PauliString {
    /// Whether the two commute: they do if an even number of qubits has different letters, none of them I.
    pub fn commutes_with(self, other: PauliString) -> bool {
        ((self.x & other.z).count_ones() + (self.z & other.x).count_ones()).is_multiple_of(2)
    }

    /// The product of two strings that commute: its sign and the string.
    ///
    /// `i^(y1 + y2) X^x1 Z^z1 X^x2 Z^z2 = (-1)^|z1 AND x2| i^(y1 + y2 - y3) P3`, where `y` are numbers of Y.
    fn commuting_product(self, other: PauliString) -> (f64, PauliString) {
        let product = PauliString { x: self.x ^ other.x, z: self.z ^ other.z };
        // Of strings that commute the power of i is even.
        let quarters = self.y_count() + other.y_count() + 3 * product.y_count() + 2 * (self.z & other.x).count_ones();
        (if quarters.is_multiple_of(4) { 1.0 } else { -1.0 }, product)
    }
}

impl PauliSum {
    /// The sum without its identity, equal strings merged, none with the coefficient 0; sorted.
    pub fn traceless(&self) -> PauliSum {
        let mut merged: BTreeMap<PauliString, f64> = BTreeMap::new();
        self.terms.iter().for_each(|(coefficient, string)| *merged.entry(*string).or_default() += coefficient);
        merged.remove(&PauliString::identity());
        let terms = merged.into_iter().filter(|(_, coefficient)| *coefficient != 0.0);
        PauliSum { terms: terms.map(|(string, coefficient)| (coefficient, string)).collect() }
    }

    /// `O^2`, for a sum whose strings are distinct; sorted.
    ///
    /// # Errors
    /// Input error when the sum has more than 4,096 terms, or its square more than 262,144.
    pub fn squared(&self) -> Result<PauliSum> {
        let too_many = |count: usize, what: &str, most: usize| {
            Error::input(format!("the variance needs the square of the observable, which has {count} {what}"))
                .allowed(format!("at most {most}"))
                .next("leave `variance` out, or ask for the variance of parts of the observable")
        };
        if self.terms.len() > LARGEST_SQUARED {
            return Err(too_many(self.terms.len(), "terms before it is squared", LARGEST_SQUARED));
        }
        let mut square: HashMap<PauliString, f64> = HashMap::new();
        for (index, (first, string)) in self.terms.iter().enumerate() {
            *square.entry(PauliString::identity()).or_default() += first * first;
            for (second, other) in self.terms[..index].iter().filter(|(_, other)| string.commutes_with(*other)) {
                let (sign, product) = string.commuting_product(*other);
                *square.entry(product).or_default() += 2.0 * sign * first * second;
            }
            if square.len() > LARGEST_SQUARE {
                return Err(too_many(square.len(), "terms or more", LARGEST_SQUARE));
            }
        }
        let mut terms: Vec<(f64, PauliString)> = square.into_iter().map(|(string, value)| (value, string)).collect();
        terms.sort_unstable_by_key(|(_, string)| *string);
        Ok(PauliSum { terms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{Matrix, multiply};
    use num_complex::Complex64;
    use proptest::prelude::*;

    /// The matrix by the definition of a string, `P |b> = i^y (-1)^|z AND b| |b XOR x>`.
    fn matrix(sum: &PauliSum, qubits: usize) -> Matrix {
        let mut matrix = Matrix::zeros((1 << qubits, 1 << qubits));
        for (coefficient, string) in &sum.terms {
            for basis in 0..1u64 << qubits {
                let sign = if (string.z & basis).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
                let entry = Complex64::I.powu(string.y_count()) * sign * *coefficient;
                matrix[((basis ^ string.x) as usize, basis as usize)] += entry;
            }
        }
        matrix
    }

    proptest! {
        #[test]
        fn the_square_is_the_product_of_the_matrices(terms in proptest::collection::vec((-1.0..1.0f64, 0..8u64, 0..8u64), 0..20)) {
            let terms = terms.into_iter().map(|(coefficient, x, z)| (coefficient, PauliString { x, z })).collect();
            let sum = PauliSum { terms }.traceless();
            let dense = matrix(&sum, 3);
            let difference = multiply(&dense, &dense) - matrix(&sum.squared().unwrap(), 3);
            prop_assert!(difference.iter().all(|entry| entry.norm() < 1e-12));
        }
    }

    #[test]
    fn merging_leaves_out_what_cancels() {
        let sum = PauliSum::parse("0.5*X0 + Z1 - 0.5*X0 + 3 + 0.25*Z1", 2).unwrap().traceless();
        assert_eq!(sum.to_string(), "1.25*Z1");
        assert_eq!(sum.squared().unwrap().to_string(), "1.5625*I");
        assert!(PauliSum::default().squared().unwrap().terms.is_empty());
    }

    #[test]
    fn too_many_terms_are_refused() {
        let many = |count: u64| PauliSum { terms: (1..=count).map(|z| (1.0, PauliString { x: 0, z })).collect() };
        assert!(many(4096).squared().is_ok());
        let error = many(4097).squared().unwrap_err();
        assert!(error.what.contains("4097 terms") && error.allowed.unwrap().contains("4096"));
        let spread = (0..1024u64).map(|k| (1.0, PauliString { x: 0, z: 1 << (k % 32) | 1 << (32 + k / 32) })).collect();
        let error = PauliSum { terms: spread }.squared();
        assert!(error.is_ok_and(|square| square.terms.len() < LARGEST_SQUARE));
    }
}
