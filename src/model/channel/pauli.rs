//! Pauli channel of one qubit: X, Y, Z with probabilities `p_x`, `p_y`, `p_z`.

use super::weighted_pauli;
use crate::linalg::Matrix;

pub(super) fn operators(parameters: &[f64]) -> Vec<Matrix> {
    let identity = (1.0 - parameters.iter().sum::<f64>()).max(0.0);
    [identity, parameters[0], parameters[1], parameters[2]]
        .iter()
        .enumerate()
        .map(|(index, probability)| weighted_pauli(index, *probability))
        .collect()
}
