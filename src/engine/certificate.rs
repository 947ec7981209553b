//! From what is computed to intervals that hold the exact value.
//!
//! The computed state obeys `rho~ <= rho` and `||rho - rho~||_1 = 1 - tr(rho~) = d` exactly, up to rounding (see
//! ARCHITECTURE.md). For a Hermitian `O` with spectrum in `[a, b]`, `tr(O rho)` lies in `tr(O rho~) + d [a, b]`. The stated value
//! is that of the completed state `rho~ + d I / 2^n`.

use crate::model::PauliSum;

/// What is certified about the state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Certificate {
    /// `tr(rho~)` as computed.
    pub trace: f64,
    /// Bound on the effect of rounding, in trace norm.
    pub rounding: f64,
}

/// A value and the interval that holds the exact one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Certified {
    /// Expectation in the completed state.
    pub value: f64,
    /// Proven lower bound.
    pub lower: f64,
    /// Proven upper bound.
    pub upper: f64,
    /// Expectation in `rho~ / tr(rho~)`; no bound is claimed for it.
    pub renormalised: f64,
}

impl Certified {
    /// The interval widened, where rounding has left the value just outside.
    pub(super) fn enclosing(self) -> Certified {
        Certified { lower: self.lower.min(self.value), upper: self.upper.max(self.value), ..self }
    }
}

impl Certificate {
    /// The missing trace `d >= 0`.
    pub fn missing(&self) -> f64 {
        (1.0 - self.trace).max(0.0)
    }

    /// Bound on `||rho - rho~||_1`.
    pub fn error(&self) -> f64 {
        self.missing() + self.rounding
    }

    /// The expectation of a Pauli sum; `raw` gives `tr(P rho~)` of the non-identity strings of `observable`, weighted
    /// and summed.
    pub fn observable(&self, observable: &PauliSum, raw: f64) -> Certified {
        let constant = observable.identity_coefficient();
        let range = observable.range();
        let (low, high) = (range.lower - constant, range.upper - constant);
        let slack = self.rounding * low.abs().max(high.abs());
        let value = constant + raw;
        Certified {
            value: value.clamp(range.lower, range.upper),
            lower: (value + self.missing() * low - slack).clamp(range.lower, range.upper),
            upper: (value + self.missing() * high + slack).clamp(range.lower, range.upper),
            renormalised: constant + raw / self.trace,
        }
    }

    /// A probability of one of `outcomes` equally likely ones in the maximally mixed state.
    pub fn probability(&self, raw: f64, outcomes: usize) -> Certified {
        Certified {
            value: (raw + self.missing() / outcomes as f64).clamp(0.0, 1.0),
            lower: (raw - self.rounding).clamp(0.0, 1.0),
            upper: (raw + self.missing() + self.rounding).clamp(0.0, 1.0),
            renormalised: raw / self.trace,
        }
    }

    /// Purity `tr(rho^2)` from `tr(rho~^2)` and the largest eigenvalue of `rho~`: it lies in
    /// `[p, p + 2 lambda_max d + d^2]`. The value is that of the completed state.
    pub fn purity(&self, raw: f64, largest_eigenvalue: f64, qubits: usize) -> Certified {
        let missing = self.missing();
        // d |tr(rho^2)| <= 2 ||delta rho||_1 ||rho||_inf + ||delta rho||_1^2.
        let slack = 2.0 * self.rounding * largest_eigenvalue + self.rounding * self.rounding;
        let dimension = 2f64.powi(qubits as i32);
        let reach = missing + self.rounding;
        Certified {
            value: raw + 2.0 * missing * self.trace / dimension + missing * missing / dimension,
            lower: (raw - slack).clamp(1.0 / dimension, 1.0),
            upper: (raw + 2.0 * largest_eigenvalue * reach + reach * reach + slack).clamp(1.0 / dimension, 1.0),
            renormalised: raw / (self.trace * self.trace),
        }
    }
}
