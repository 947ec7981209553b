//! Fidelity and trace distance of the state and another one, `sigma`, and what is certified of them.
//!
//! `F = (tr sqrt(sqrt(rho) sigma sqrt(rho)))^2`; with a pure state it is `<psi| rho |psi>`, and `T = ||rho - sigma||_1 / 2`. With
//! `rho~ = L L^dagger` and `sigma~ = M M^dagger`, `sqrt F` is the sum of the singular values of `M^dagger L`, and the eigenvalues of
//! `rho~ - sigma~` are those of a matrix as wide as both factors together.
//!
//! What is known: `rho >= rho~` and `sigma >= sigma~`, of which the traces `d` and `e` are missing. Let `s = sqrt F(rho~, sigma~)`.
//! - With a pure state `F` is a probability: `F` lies in `[s^2, s^2 + d]`.
//! - `sqrt F` grows with either state (the root is operator monotone), so `sqrt F >= s`; it is subadditive in each and at most the
//!   root of the product of the traces, so `sqrt F <= s + sqrt d + sqrt((1 - d) e)`.
//! - The angle `arccos sqrt F` is a metric, and that of `rho` and `rho~ / tr rho~` is at most `arccos sqrt(1 - d)`: the angle of
//!   `rho` and `sigma` differs from that of the renormalised states by at most `arccos sqrt(1 - d) + arccos sqrt(1 - e)`.
//! - `T` differs from `||rho~ - sigma~||_1 / 2` by at most `(d + e) / 2`. Where that is not known and one state is pure,
//!   `1 - F <= T <= sqrt(1 - F)` (Fuchs and van de Graaf).
//!
//! Rounding by `r` in trace norm moves `sqrt F` by at most `sqrt r`, and the fidelity with a pure state by `r`.

use super::certificate::{Certificate, Certified};
use crate::error::{Error, Result};
use crate::linalg::{Matrix, UNIT_ROUNDOFF, hermitian_eigen, hermitian_eigenvalues, multiply, singular_values};
use crate::state::Products;
use num_complex::Complex64;

/// What is computed of two states.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// `sqrt F(rho~, sigma~)`.
    pub root: f64,
    /// What rounding adds to it at most, beside that of the states.
    pub root_slack: f64,
    /// The eigenvalues of `rho~ - sigma~` but for zeros, if there are not too many.
    pub difference: Option<Vec<f64>>,
    /// What rounding adds at most to half the sum of their absolute values.
    pub difference_slack: f64,
}

/// Fidelity and trace distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Closeness {
    /// `F`.
    pub fidelity: Certified,
    /// `T`.
    pub trace_distance: Certified,
}

fn unconverged() -> Error {
    Error::internal("the eigenvalues of two states together did not converge")
}

impl Comparison {
    /// From `L^dagger L` and the products with `M`.
    ///
    /// # Errors
    /// Internal error when eigenvalues do not converge.
    pub fn of_factors(own: &Matrix, products: &Products) -> Result<Comparison> {
        let Products { cross, other } = products;
        let width = (own.nrows() + other.nrows()) as f64;
        let values = singular_values(cross).ok_or_else(unconverged)?;
        Ok(Comparison {
            root: values.iter().sum(),
            root_slack: 8.0 * width * UNIT_ROUNDOFF,
            difference: Some(difference(own, cross, other)?),
            // Eigenvalues are off by 8 w u times the largest, so the Gram matrix by w times that in trace norm, and the factors by
            // the root of that in the Frobenius norm (Powers and Stormer), whose squares come to 2.
            difference_slack: width * (32.0 * UNIT_ROUNDOFF).sqrt(),
        })
    }

    /// From the matrix `rho~` itself and the factor `M`.
    ///
    /// # Errors
    /// Internal error when eigenvalues do not converge.
    pub fn of_matrices(rho: &Matrix, other: &Matrix) -> Result<Comparison> {
        let adjoint = crate::linalg::adjoint(other);
        let sandwich = multiply(&adjoint, &multiply(rho, other));
        let overlaps = hermitian_eigenvalues(&sandwich).ok_or_else(unconverged)?;
        let difference = hermitian_eigenvalues(&(rho - &multiply(other, &adjoint))).ok_or_else(unconverged)?;
        let (width, rows) = (other.ncols() as f64, rho.nrows() as f64);
        Ok(Comparison {
            root: overlaps.iter().map(|value| value.max(0.0).sqrt()).sum(),
            root_slack: width * (8.0 * width * UNIT_ROUNDOFF).sqrt(),
            difference: Some(difference),
            difference_slack: 8.0 * rows * rows.sqrt() * UNIT_ROUNDOFF,
        })
    }

    /// From `<psi| rho~ |psi>` alone.
    pub fn of_probability(probability: f64) -> Comparison {
        let root = probability.max(0.0).sqrt();
        Comparison { root, root_slack: 0.0, difference: None, difference_slack: 0.0 }
    }
}

/// The eigenvalues of `L L^dagger - M M^dagger`: those of `R J R^dagger`, where `R^dagger R` is the Gram matrix of both side by side and
/// `J` has 1 for the columns of `L` and -1 for those of `M`.
fn difference(own: &Matrix, cross: &Matrix, other: &Matrix) -> Result<Vec<f64>> {
    let (first, size) = (own.nrows(), own.nrows() + other.nrows());
    let entry = |(row, column): (usize, usize)| match (row < first, column < first) {
        (true, true) => own[(row, column)],
        (false, false) => other[(row - first, column - first)],
        (false, true) => cross[(row - first, column)],
        (true, false) => cross[(column - first, row)].conj(),
    };
    let (values, vectors) = hermitian_eigen(&Matrix::from_shape_fn((size, size), entry)).ok_or_else(unconverged)?;
    let scaled = |(row, column): (usize, usize)| vectors[(column, row)].conj() * values[row].max(0.0).sqrt();
    let root = Matrix::from_shape_fn((size, size), scaled);
    let mut signed = root.clone();
    signed.columns_mut().into_iter().skip(first).for_each(|mut column| column.mapv_inplace(|entry: Complex64| -entry));
    hermitian_eigenvalues(&multiply(&signed, &crate::linalg::adjoint(&root))).ok_or_else(unconverged)
}

/// The other state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sigma {
    /// What is certified of it.
    pub certificate: Certificate,
    /// Whether it is pure, and nothing of it is missing.
    pub pure: bool,
}

impl Certificate {
    /// Fidelity and trace distance with another state of as many qubits.
    pub fn closeness(&self, found: &Comparison, sigma: &Sigma, qubits: usize) -> Closeness {
        let fidelity = if sigma.pure {
            self.fidelity_with_pure(found, sigma, qubits)
        } else {
            self.fidelity_with_mixed(found, &sigma.certificate)
        };
        let trace_distance = match &found.difference {
            Some(values) => self.trace_distance(values, found.difference_slack, &sigma.certificate, qubits),
            None => Certified {
                value: f64::NAN,
                lower: 1.0 - fidelity.upper,
                upper: (1.0 - fidelity.lower).sqrt(),
                renormalised: f64::NAN,
            },
        };
        Closeness { fidelity, trace_distance }
    }

    fn fidelity_with_pure(&self, found: &Comparison, sigma: &Sigma, qubits: usize) -> Certified {
        let probability = found.root * found.root;
        let slack = self.rounding + sigma.certificate.rounding + 2.0 * found.root_slack;
        Certified {
            value: (probability + self.missing() / 2f64.powi(qubits as i32)).clamp(0.0, 1.0),
            lower: (probability - slack).clamp(0.0, 1.0),
            upper: (probability + self.missing() + slack).clamp(0.0, 1.0),
            renormalised: probability / self.trace,
        }
        .enclosing()
    }

    fn fidelity_with_mixed(&self, found: &Comparison, sigma: &Certificate) -> Certified {
        let slack = self.rounding.sqrt() + sigma.rounding.sqrt() + found.root_slack;
        let most = found.root + self.missing().sqrt() + (self.trace * sigma.missing()).sqrt() + slack;
        let renormalised = (found.root / (self.trace * sigma.trace).sqrt()).min(1.0);
        let angle = |cosine: f64| cosine.clamp(0.0, 1.0).acos();
        let reach = angle(self.trace.sqrt()) + angle(sigma.trace.sqrt());
        // The cosine is steep: the slack is taken off before it.
        let nearest = (angle(renormalised + slack) - reach).max(0.0).cos();
        let farthest = (angle(renormalised - slack) + reach).min(std::f64::consts::FRAC_PI_2).cos();
        Certified {
            value: renormalised * renormalised,
            lower: (found.root - slack).max(farthest).max(0.0).powi(2),
            upper: most.min(nearest).min(1.0).powi(2),
            renormalised: renormalised * renormalised,
        }
        .enclosing()
    }

    fn trace_distance(&self, values: &[f64], slack: f64, sigma: &Certificate, qubits: usize) -> Certified {
        let dimension = 2f64.powi(qubits as i32);
        let mut values = values.to_vec();
        // Those that are too many are zero.
        values.sort_unstable_by(|one, other| other.abs().total_cmp(&one.abs()));
        values.truncate(usize::try_from(1u64 << qubits).unwrap_or(usize::MAX));
        let half_sum = |shift: f64| values.iter().map(|value| (value + shift).abs()).sum::<f64>() / 2.0;
        let (known, shift) = (half_sum(0.0), (self.missing() - sigma.missing()) / dimension);
        let reach = (self.error() + sigma.error()) / 2.0 + slack;
        let completed = half_sum(shift) + (dimension - values.len() as f64) * shift.abs() / 2.0;
        Certified {
            value: completed.min(1.0),
            lower: (known - reach).clamp(0.0, 1.0),
            upper: (known + reach).clamp(0.0, 1.0),
            renormalised: f64::NAN,
        }
        .enclosing()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{adjoint, hermitian_function};
    use proptest::prelude::*;

    fn factor(entries: &[(f64, f64)], columns: usize, trace: f64) -> Matrix {
        let entry = |(row, column): (usize, usize)| {
            let (re, im) = entries[(row * columns + column) % entries.len()];
            Complex64::new(re, im)
        };
        let factor = Matrix::from_shape_fn((8, columns), entry);
        let norm: f64 = factor.iter().map(|entry| entry.norm_sqr()).sum();
        factor.mapv(|entry| entry * (trace / norm).sqrt())
    }

    fn square(factor: &Matrix) -> Matrix {
        multiply(factor, &adjoint(factor))
    }

    fn compare(one: &Matrix, other: &Matrix) -> Comparison {
        let products = Products { cross: multiply(&adjoint(other), one), other: multiply(&adjoint(other), other) };
        Comparison::of_factors(&multiply(&adjoint(one), one), &products).unwrap()
    }

    /// By the definitions.
    fn exact(rho: &Matrix, sigma: &Matrix) -> (f64, f64) {
        let root = hermitian_function(rho, |value| value.max(0.0).sqrt().into()).unwrap();
        let inner = hermitian_eigenvalues(&multiply(&root, &multiply(sigma, &root))).unwrap();
        let fidelity = inner.iter().map(|value| value.max(0.0).sqrt()).sum::<f64>().powi(2);
        let distance: f64 = hermitian_eigenvalues(&(rho - sigma)).unwrap().iter().map(|value| value.abs() / 2.0).sum();
        (fidelity, distance)
    }

    fn entries() -> impl Strategy<Value = Vec<(f64, f64)>> {
        proptest::collection::vec((-1.0..1.0f64, -1.0..1.0f64), 37)
    }

    proptest! {
        #[test]
        fn factors_and_matrices_give_what_the_definitions_do(one in entries(), other in entries(), columns in 1..10usize) {
            let (one, other) = (factor(&one, columns, 1.0), factor(&other, 3, 1.0));
            let (fidelity, distance) = exact(&square(&one), &square(&other));
            for found in [compare(&one, &other), Comparison::of_matrices(&square(&one), &other).unwrap()] {
                prop_assert!((found.root.powi(2) - fidelity).abs() < 1e-6, "{} {fidelity}", found.root.powi(2));
                let half: f64 = found.difference.unwrap().iter().map(|value| value.abs() / 2.0).sum();
                prop_assert!((half - distance).abs() < 1e-6, "{half} {distance}");
            }
        }

        #[test]
        fn intervals_hold_the_numbers_of_every_completion(
            parts in (entries(), entries(), entries(), entries()), d in 0.0..0.3f64, e in 0.0..0.2f64, near: bool,
        ) {
            let known = (factor(&parts.0, 4, 1.0 - d), factor(if near { &parts.0 } else { &parts.1 }, 4, 1.0 - e));
            let rest = (factor(&parts.2, 3, d), factor(&parts.3, 8, e));
            let (fidelity, distance) =
                exact(&(square(&known.0) + square(&rest.0)), &(square(&known.1) + square(&rest.1)));
            let of = |missing: f64| Certificate { trace: 1.0 - missing, rounding: 1e-15 };
            let sigma = Sigma { certificate: of(e), pure: false };
            let found = of(d).closeness(&compare(&known.0, &known.1), &sigma, 3);
            let pairs = [(found.fidelity, fidelity), (found.trace_distance, distance)];
            for (found, expected) in pairs {
                prop_assert!(found.lower - 1e-9 <= expected && expected <= found.upper + 1e-9, "{found:?} {expected}");
                prop_assert!(found.lower <= found.value && found.value <= found.upper);
            }
        }

        #[test]
        fn with_a_pure_state_the_interval_is_as_wide_as_what_is_missing(
            parts in (entries(), entries(), entries()), d in 0.0..0.3f64,
        ) {
            let (known, rest, pure) = (factor(&parts.0, 4, 1.0 - d), factor(&parts.1, 3, d), factor(&parts.2, 1, 1.0));
            let (fidelity, distance) = exact(&(square(&known) + square(&rest)), &square(&pure));
            let sigma = Sigma { certificate: Certificate { trace: 1.0, rounding: 0.0 }, pure: true };
            let certificate = Certificate { trace: 1.0 - d, rounding: 0.0 };
            let comparison = compare(&known, &pure);
            let probability = Comparison::of_probability(comparison.root.powi(2));
            for found in [comparison, probability] {
                let found = certificate.closeness(&found, &sigma, 3);
                let (of, apart) = (found.fidelity, found.trace_distance);
                prop_assert!(of.lower - 1e-7 <= fidelity && fidelity <= of.upper + 1e-7, "{of:?} {fidelity}");
                prop_assert!(of.upper - of.lower <= d + 1e-12);
                prop_assert!(apart.lower - 1e-7 <= distance && distance <= apart.upper + 1e-7, "{apart:?} {distance}");
            }
        }
    }
}
