//! A stated bound on the effect of rounding, in trace norm, that grows with the operation count.
//!
//! A dense operation on `k` qubits computes `L' = M L` with sums of `2^k` complex products: its error is at most
//! `g = (2^k + 4) sqrt(2) u` times `|| |M| ||_2 ||L||_F <= 2^(k/2) ||L||_F` (Higham, Accuracy and Stability of Numerical
//! Algorithms, 3.5 and 3.6), and `||L' L'^dagger - rho'||_1 <= 2 g 2^(k/2)` to first order since `||L||_F <= 1`. For a
//! channel the same holds with all branches together, because `sum_a ||K_a||_F^2 = 2^k`. The rotation of a
//! compression is computed in double precision from a matrix `V` whose columns are orthonormal to
//! [`eigenvector_rounding`].
//!
//! Of a density matrix of `n` qubits in one column the same sums err by at most `g || |M| ||_2 ||rho||_F` in the Frobenius
//! norm, so by `2^(n/2)` times that in trace norm. On `m` bits `|| |M| ||_2 <= ||M||_F <= 2^(3m/4)`: a channel's
//! superoperator has at most `2^m` singular values, all at most `2^(m/4)`. Later channels do not enlarge a trace norm.

use crate::backend::Precision;
use crate::linalg::eigenvector_rounding;
use crate::plan::{Action, Step};
use serde::{Deserialize, Serialize};

/// Rows summed one after the other in a reduction; see the CPU backend.
const SUMMED_IN_A_ROW: f64 = 2048.0;

/// Eigenvalues of a Gram matrix of this width below the floor times the largest are noise: `4 w u` for the products in
/// double precision, or the square of the amplitudes' own rounding if that is larger.
pub fn rounding_floor(width: usize, precision: Precision) -> f64 {
    4.0 * width as f64 * Precision::Double.unit_roundoff().max(precision.unit_roundoff().powi(2))
}

/// The bound so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rounding {
    unit: f64,
    bound: f64,
    /// Qubits of a density matrix; nothing for the columns of a factor.
    density: Option<usize>,
}

impl Rounding {
    /// For amplitudes of this precision; `start` is the bound the initial state comes with.
    pub fn new(precision: Precision, start: f64) -> Rounding {
        Rounding { unit: precision.unit_roundoff(), bound: start, density: None }
    }

    /// For a density matrix of `qubits` qubits in one column.
    pub fn of_density(precision: Precision, qubits: usize, start: f64) -> Rounding {
        Rounding { density: Some(qubits), ..Rounding::new(precision, start) }
    }

    /// The bound on `||computed - exact||_1` so far.
    pub fn bound(&self) -> f64 {
        self.bound
    }

    /// A step of the plan; a compression is counted apart. An operation that was multiplied into others counts as if
    /// it had been applied by itself, on as many qubits: the product of two matrices is rounded no worse.
    pub fn step(&mut self, step: &Step) {
        (0..step.operations).for_each(|_| self.action(&step.action));
    }

    fn action(&mut self, action: &Action) {
        match action {
            Action::Unitary { targets, .. } | Action::Channel { targets, .. } => self.dense(targets.len()),
            Action::Diagonal { .. } | Action::Permutation { .. } => self.diagonal(),
            Action::Conditional { action, .. } => self.action(action),
            Action::Classical { .. }
            | Action::Relabel { .. }
            | Action::Exchange { .. }
            | Action::CompressIfWide
            | Action::Measure { .. } => {}
        }
    }

    /// A dense unitary or a channel on `qubits` qubits.
    fn dense(&mut self, qubits: usize) {
        let size = 2f64.powi(qubits as i32);
        let product = (size + 4.0) * std::f64::consts::SQRT_2 * self.unit;
        self.bound += match self.density {
            None => 2.0 * product * size.sqrt(),
            Some(all) => product * size.powf(0.75) * 2f64.powf(all as f64 / 2.0),
        };
    }

    /// A diagonal or a permutation: one product for each amplitude, by a factor of at most one.
    fn diagonal(&mut self) {
        let product = 4.0 * std::f64::consts::SQRT_2 * self.unit;
        self.bound += product * self.density.map_or(2.0, |all| 2f64.powf(all as f64 / 2.0));
    }

    /// A compression from `width` columns.
    pub fn compression(&mut self, width: usize) {
        let (orthonormal, width, double) =
            (eigenvector_rounding(width), width as f64, Precision::Double.unit_roundoff());
        let product = (width + 4.0) * std::f64::consts::SQRT_2 * double * width.sqrt() + self.unit;
        self.bound += 2.0 * product + orthonormal;
    }

    /// What the sum behind a trace or an expectation over `2^qubits` rows adds, relative to its largest value.
    pub fn of_sum(qubits: usize, width: usize) -> f64 {
        let blocks = 2f64.powi(qubits as i32) / SUMMED_IN_A_ROW;
        2.0 * (SUMMED_IN_A_ROW + blocks + width as f64) * Precision::Double.unit_roundoff()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_grows_with_operations_and_unit() {
        let mut double = Rounding::new(Precision::Double, 0.0);
        let mut single = Rounding::new(Precision::Single, 0.0);
        for rounding in [&mut double, &mut single] {
            rounding.dense(1);
            rounding.diagonal();
        }
        assert!(double.bound() > 0.0 && double.bound() < 1e-14);
        assert!((single.bound() / double.bound() - 2f64.powi(29)).abs() < 1.0);
    }
}
