//! Generalized amplitude damping: with probability `p` decay towards |0>, with `1 - p` towards |1>, each with rate
//! `gamma` (Nielsen and Chuang, 8.3.5; the parameter order is that of the Braket pragma).

use super::real;
use crate::linalg::Matrix;

pub(super) fn operators(parameters: &[f64]) -> Vec<Matrix> {
    let (gamma, p) = (parameters[0], parameters[1]);
    let (down, up, keep) = (p.sqrt(), (1.0 - p).sqrt(), (1.0 - gamma).sqrt());
    vec![
        real([[down, 0.0], [0.0, down * keep]]),
        real([[0.0, down * gamma.sqrt()], [0.0, 0.0]]),
        real([[up * keep, 0.0], [0.0, up]]),
        real([[0.0, 0.0], [up * gamma.sqrt(), 0.0]]),
    ]
}
