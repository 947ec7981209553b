//! Pauli strings and real sums of them.

mod range;
mod square;
mod text;

pub use range::Range;
pub use square::{LARGEST_SQUARE, LARGEST_SQUARED};
use std::fmt;

/// The most qubits an observable may act on: one bit of a mask each.
pub const MAXIMUM_QUBITS: usize = 63;

/// A Pauli string as two bit masks: on qubit `q` it is X if only `x` has bit `q`, Z if only `z` has, Y if both.
///
/// The operator is `i^{|x AND z|} X^x Z^z`, which is Hermitian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct PauliString {
    /// Qubits with X or Y.
    pub x: u64,
    /// Qubits with Z or Y.
    pub z: u64,
}

impl PauliString {
    /// The identity on every qubit.
    pub const fn identity() -> Self {
        PauliString { x: 0, z: 0 }
    }

    /// True for the identity.
    pub fn is_identity(self) -> bool {
        self == Self::identity()
    }

    /// True if it holds only I and Z, so that its matrix is diagonal.
    pub fn is_diagonal(self) -> bool {
        self.x == 0
    }

    /// All strings on these qubits, `4^k` of them, in the order of their masks over the qubits (X above Z; the first listed
    /// qubit is the lowest bit of each); the identity is the first.
    pub fn all_on(qubits: &[usize]) -> Vec<PauliString> {
        let mask = |bits: u64| qubits.iter().enumerate().map(|(bit, qubit)| (bits >> bit & 1) << qubit).sum();
        let count = qubits.len();
        (0..1u64 << (2 * count)).map(|both| PauliString { x: mask(both >> count), z: mask(both) }).collect()
    }

    /// The qubits it acts on, as a mask.
    pub fn support(self) -> u64 {
        self.x | self.z
    }

    /// Number of Y.
    pub fn y_count(self) -> u32 {
        (self.x & self.z).count_ones()
    }
}

/// Sparse form, for instance `X0 Z3`; the identity is `I`.
impl fmt::Display for PauliString {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_identity() {
            return write!(out, "I");
        }
        let qubits = (0..64).filter(|qubit| self.support() >> qubit & 1 == 1);
        for (position, qubit) in qubits.enumerate() {
            let letter = match (self.x >> qubit & 1, self.z >> qubit & 1) {
                (1, 0) => 'X',
                (0, 1) => 'Z',
                _ => 'Y',
            };
            write!(out, "{}{letter}{qubit}", if position > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

/// A real linear combination of Pauli strings: a Hermitian observable.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PauliSum {
    /// Coefficient and string of each term, in the order written; equal strings are not merged.
    pub terms: Vec<(f64, PauliString)>,
}

impl PauliSum {
    /// Sum of the coefficients of the identity terms.
    pub fn identity_coefficient(&self) -> f64 {
        self.terms.iter().filter(|(_, string)| string.is_identity()).map(|(coefficient, _)| coefficient).sum()
    }

    /// The qubits that some term acts on, as a mask.
    pub fn support(&self) -> u64 {
        self.terms.iter().fold(0, |mask, (_, string)| mask | string.support())
    }

    /// `sum_k |c_k|` over all terms, identities included: an upper bound of the operator norm.
    pub fn coefficient_norm(&self) -> f64 {
        self.terms.iter().map(|(coefficient, _)| coefficient.abs()).sum()
    }
}

/// Sparse form, for instance `0.5*X0 X1 - 1.25*Z3`; reading it again gives the same terms. The empty sum is `0.0*I`.
impl fmt::Display for PauliSum {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.terms.is_empty() {
            return write!(out, "0.0*I");
        }
        for (position, (coefficient, string)) in self.terms.iter().enumerate() {
            let sign = match (position, coefficient.is_sign_negative()) {
                (0, false) => "",
                (0, true) => "-",
                (_, false) => " + ",
                (_, true) => " - ",
            };
            match coefficient.abs() {
                1.0 => write!(out, "{sign}{string}")?,
                // The debug form of a float is its shortest exact one, in scientific notation where that is shorter.
                magnitude => write!(out, "{sign}{magnitude:?}*{string}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X0: PauliString = PauliString { x: 1, z: 0 };
    const Z0: PauliString = PauliString { x: 0, z: 1 };
    const Y0_Z2: PauliString = PauliString { x: 1, z: 0b101 };

    #[test]
    fn strings_know_their_parts() {
        assert_eq!((Y0_Z2.y_count(), Y0_Z2.support()), (1, 0b101));
        assert!(Z0.is_diagonal() && !X0.is_diagonal() && PauliString::identity().is_identity());
    }

    #[test]
    fn sums_know_their_parts() {
        let identity = PauliString::identity();
        let sum = PauliSum { terms: vec![(0.5, identity), (-2.0, Y0_Z2), (0.25, identity)] };
        assert_eq!((sum.identity_coefficient(), sum.support(), sum.coefficient_norm()), (0.75, 0b101, 2.75));
    }

    #[test]
    fn sums_print_in_sparse_form() {
        let sum = PauliSum { terms: vec![(-1.0, Y0_Z2), (0.5, X0), (-1e-20, Z0), (1.0, PauliString::identity())] };
        assert_eq!(sum.to_string(), "-Y0 Z2 + 0.5*X0 - 1e-20*Z0 + I");
        assert_eq!(PauliSum::default().to_string(), "0.0*I");
    }
}
