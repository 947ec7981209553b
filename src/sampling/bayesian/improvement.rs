//! Logarithms of the expected improvement and of a normal probability that are exact far out, with derivatives.
//!
//! Far from the best value an expected improvement is too small for a number, and its gradient with it; its logarithm is
//! neither (Ament, Daulton, Eriksson, Balandat and Bakshy, "Unexpected improvements to expected improvement for Bayesian
//! optimization", NeurIPS 2023).

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// `ln sqrt(2 pi)`.
const LOG_ROOT_TWO_PI: f64 = 0.918_938_533_204_672_7;
/// From here on asymptotic series are exact to rounding.
const FAR: f64 = 12.0;

/// `ln h(z)` with `h(z) = phi(z) + z Phi(z)`, and its derivative `Phi(z) / h(z)`. The expected improvement of a normal
/// variable of mean `m` and deviation `s` below `b` is `s h((b - m) / s)`.
pub(super) fn log_improvement(z: f64) -> (f64, f64) {
    if z > -1.0 {
        let below = below(z);
        let improvement = density(z) + z * below;
        return (improvement.ln(), below / improvement);
    }
    // h(z) = phi(z) (1 - t M(t)) with t = -z and Mills's ratio M.
    let (distance, ratio) = (-z, mills(-z));
    let rest = if distance < FAR { 1.0 - distance * ratio } else { far_rest(distance) };
    (log_density(z) + rest.ln(), ratio / rest)
}

/// `ln Phi(z)` and its derivative `phi(z) / Phi(z)`.
pub(super) fn log_probability(z: f64) -> (f64, f64) {
    if z > -1.0 {
        let below = below(z);
        return (below.ln(), density(z) / below);
    }
    let ratio = mills(-z);
    (log_density(z) + ratio.ln(), 1.0 / ratio)
}

fn log_density(z: f64) -> f64 {
    -0.5 * z * z - LOG_ROOT_TWO_PI
}

fn density(z: f64) -> f64 {
    log_density(z).exp()
}

/// `Phi(z)`.
fn below(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

/// Mills's ratio `M(t) = (1 - Phi(t)) / phi(t)` for `t >= 1`.
fn mills(t: f64) -> f64 {
    if t < FAR {
        return (PI / 2.0).sqrt() * libm::erfc(t * FRAC_1_SQRT_2) * (0.5 * t * t).exp();
    }
    (1.0 - far_rest(t)) / t
}

/// `1 - t M(t) = 1/t^2 - 3/t^4 + 15/t^6 - ...` for `t >=` [`FAR`].
fn far_rest(t: f64) -> f64 {
    let step = 1.0 / (t * t);
    // Horner's scheme from the term with 2 k + 1 = 41 inwards: the next one is below 1e-17 of the first.
    (0..=20).rev().fold(0.0, |sum, term| step * f64::from(2 * term + 1) * (1.0 - sum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Simpson's rule on `[0, 40]`.
    fn integral(function: impl Fn(f64) -> f64) -> f64 {
        const STEPS: usize = 400_000;
        let width = 40.0 / STEPS as f64;
        let weight = |step: usize| if step == 0 || step == STEPS { 1.0 } else { 2.0 + 2.0 * (step % 2) as f64 };
        (0..=STEPS).map(|step| weight(step) * function(step as f64 * width)).sum::<f64>() * width / 3.0
    }

    /// The improvement below `b = z` of a standard normal variable: the integral of `u phi(u - z)` over `u > 0`, divided by
    /// `phi(z)` for negative `z` so that nothing is too small.
    fn integrated(z: f64, power: i32) -> f64 {
        integral(|u| u.powi(power) * (u * z - 0.5 * u * u).exp()).ln() + log_density(z)
    }

    #[test]
    fn both_are_those_of_numerical_integration() {
        for z in [-30.0, -13.0, -12.0, -11.9, -8.0, -4.0, -1.001, -1.0, -0.999, -0.3, 0.0, 0.5, 2.0, 6.0] {
            let (improvement, probability) = (log_improvement(z).0, log_probability(z).0);
            assert!((improvement - integrated(z, 1)).abs() < 1e-10 * (1.0 + improvement.abs()), "h({z})");
            assert!((probability - integrated(z, 0)).abs() < 1e-10 * (1.0 + probability.abs()), "Phi({z})");
        }
    }

    #[test]
    fn known_values() {
        assert!((log_improvement(0.0).0 + LOG_ROOT_TWO_PI).abs() < 1e-15);
        assert!((log_probability(0.0).0 + 2f64.ln()).abs() < 1e-15);
        // Far out the leading terms are -z^2/2 - ln sqrt(2 pi) - 2 ln |z|, and z itself on the other side.
        let far = -1e6_f64;
        assert!((log_improvement(far).0 - (log_density(far) - 2.0 * far.abs().ln())).abs() < 1e-9);
        assert!((log_improvement(50.0).0 - 50f64.ln()).abs() < 1e-15);
        assert!(log_improvement(-1e100).0.is_finite() && log_improvement(-1e100).1 > 0.0);
    }

    proptest! {
        #[test]
        fn derivatives_are_those_of_finite_differences(z in -40.0..8.0) {
            let step = 1e-5;
            for function in [log_improvement, log_probability] {
                let slope = (function(z + step).0 - function(z - step).0) / (2.0 * step);
                let expected = function(z).1;
                prop_assert!((slope - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{slope} instead of {expected} at {z}");
            }
        }
    }
}
