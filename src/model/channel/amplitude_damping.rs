//! Amplitude damping: |1> decays to |0> with probability `gamma`.
//!
//! `K_0 = diag(1, sqrt(1-gamma))`, `K_1 = sqrt(gamma) |0><1|` (Nielsen and Chuang, 8.3.5).

use super::real;
use crate::linalg::Matrix;

pub(super) fn operators(parameters: &[f64]) -> Vec<Matrix> {
    let gamma = parameters[0];
    vec![real([[1.0, 0.0], [0.0, (1.0 - gamma).sqrt()]]), real([[0.0, gamma.sqrt()], [0.0, 0.0]])]
}
