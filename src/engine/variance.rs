//! The variance of an observable, with an interval that holds the exact one.
//!
//! `Var(O) = min_c tr((O - c)^2 rho)`, at `c = tr(O rho)`. The squares are positive and `rho >= rho~`, so
//! `Var(O) >= min_c tr((O - c)^2 rho~) = tr(O^2 rho~) - tr(O rho~)^2 / tr(rho~) =: v`, at `c = tr(O rho~) / tr(rho~)`. With this `c`,
//! `Var(O) <= tr((O - c)^2 rho) <= v + d max (lambda - c)^2` over the spectrum `[a, b]` of `O`; and it is at most `((b - a) / 2)^2`
//! (Popoviciu). No narrower interval follows from `<O^2>` and `<O>` with their own.

use super::certificate::{Certificate, Certified};
use crate::model::PauliSum;

impl Certificate {
    /// The variance of an observable from `tr(O rho~)` and `tr(O^2 rho~)`, the identity's part in the square included. `observable` has
    /// no identity term: the variance does not depend on it.
    pub fn variance(&self, observable: &PauliSum, first: f64, second: f64) -> Certified {
        let range = observable.range();
        let center = (first / self.trace).clamp(range.lower, range.upper);
        let remaining = (second - 2.0 * center * first + center * center * self.trace).max(0.0);
        let farthest = (range.upper - center).max(center - range.lower).powi(2);
        let most = ((range.upper - range.lower) / 2.0).powi(2);
        // A sum of so many products of numbers up to the norm; and the state itself is off.
        let norm = observable.coefficient_norm();
        let terms = observable.terms.len() as f64;
        let slack = self.rounding * (range.upper - range.lower).powi(2) + 8.0 * terms * f64::EPSILON * norm * norm;
        // In the maximally mixed state strings have mean 0 and squares 1.
        let mixed: f64 = observable.terms.iter().map(|(coefficient, _)| coefficient * coefficient).sum();
        let (mean, squares) = (first, second + self.missing() * mixed);
        Certified {
            value: (squares - mean * mean).clamp(0.0, most),
            lower: (remaining - slack).clamp(0.0, most),
            upper: (remaining + self.missing() * farthest + slack).clamp(0.0, most),
            renormalised: remaining / self.trace,
        }
        .enclosing()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qubit_of_known_polarisation() {
        let observable = PauliSum::parse("2*Z0", 1).unwrap();
        // diag(0.9, 0.1): <O> = 1.6, <O^2> = 4.
        let exact = Certificate { trace: 1.0, rounding: 0.0 }.variance(&observable, 1.6, 4.0);
        assert!((exact.value - 1.44).abs() < 1e-14 && exact.upper - exact.lower < 1e-12, "{exact:?}");
        // Of diag(0.9, 0) it is known that 0.1 is missing, not where.
        let bounded = Certificate { trace: 0.9, rounding: 0.0 }.variance(&observable, 1.8, 3.6);
        assert!(bounded.lower <= 0.0 && bounded.upper >= 1.44, "{bounded:?}");
        assert!((bounded.upper - 1.6).abs() < 1e-12, "at most d (a - b)^2: {bounded:?}");
    }

    #[test]
    fn a_constant_has_none() {
        let none = PauliSum::default();
        assert_eq!(Certificate { trace: 0.9, rounding: 0.0 }.variance(&none, 0.0, 0.0).upper, 0.0);
    }
}
