//! Phase damping: coherences shrink by `sqrt(1 - gamma)`, populations stay (Nielsen and Chuang, 8.3.6).

use super::real;
use crate::linalg::Matrix;

pub(super) fn operators(parameters: &[f64]) -> Vec<Matrix> {
    let gamma = parameters[0];
    vec![real([[1.0, 0.0], [0.0, (1.0 - gamma).sqrt()]]), real([[0.0, 0.0], [0.0, gamma.sqrt()]])]
}
