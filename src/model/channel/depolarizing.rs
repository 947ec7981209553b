//! Depolarizing channel of one qubit: `rho -> (1-p) rho + p/3 (X rho X + Y rho Y + Z rho Z)`.
//!
//! Convention of OpenQASM's Braket pragmas; Aer's parameter is `lambda = 4p/3`.

use super::weighted_pauli;
use crate::linalg::Matrix;

pub(super) fn operators(parameters: &[f64]) -> Vec<Matrix> {
    let p = parameters[0];
    vec![weighted_pauli(0, 1.0 - p), weighted_pauli(1, p / 3.0), weighted_pauli(2, p / 3.0), weighted_pauli(3, p / 3.0)]
}
