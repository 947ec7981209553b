//! Dephasing of two qubits: `IZ`, `ZI` and `ZZ` with probability `p/3` each.

use super::weighted_pauli;
use crate::linalg::{Matrix, kronecker};

pub(super) fn operators(parameters: &[f64]) -> Vec<Matrix> {
    let p = parameters[0];
    [(0, 0, 1.0 - p), (0, 3, p / 3.0), (3, 0, p / 3.0), (3, 3, p / 3.0)]
        .iter()
        .map(|(high, low, probability)| kronecker(&weighted_pauli(*high, *probability), &weighted_pauli(*low, 1.0)))
        .collect()
}
