//! Depolarizing channel of two qubits: each of the 15 Pauli pairs other than `II` with probability `p/15`.
//!
//! Aer's parameter is `lambda = 16p/15`.

use super::weighted_pauli;
use crate::linalg::{Matrix, kronecker};

pub(super) fn operators(parameters: &[f64]) -> Vec<Matrix> {
    let p = parameters[0];
    (0..16)
        .map(|pair| {
            let probability = if pair == 0 { 1.0 - p } else { p / 15.0 };
            kronecker(&weighted_pauli(pair / 4, probability), &weighted_pauli(pair % 4, 1.0))
        })
        .collect()
}
