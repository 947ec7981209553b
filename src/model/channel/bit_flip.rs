//! Bit flip: `rho -> (1-p) rho + p X rho X`.

use super::weighted_pauli;
use crate::linalg::Matrix;

pub(super) fn operators(parameters: &[f64]) -> Vec<Matrix> {
    vec![weighted_pauli(0, 1.0 - parameters[0]), weighted_pauli(1, parameters[0])]
}
