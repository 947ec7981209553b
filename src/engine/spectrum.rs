//! Entropies from the eigenvalues of what is known of a state.
//!
//! Of `rho` it is known that `rho >= rho~` and `tr rho = 1`. Then each of its ordered eigenvalues is at least that of `rho~` (Weyl), and
//! all together exceed them by exactly `d = 1 - tr rho~`. Among all such spectra the one with `d` added to the largest eigenvalue
//! majorises every other, and the one in which `d` fills up the smallest to a common level is majorised by every other.
//! Entropies are Schur-concave: they lie between those of these two, and both can be had, so no narrower interval is true in
//! general. Rounding enters by the bound of Fannes and Audenaert, `T ln(D - 1) + h(T)` (J. Phys. A 40, 8127).
//!
//! Entropies are in nats; in bits they are `1 / ln 2` times that.

use super::certificate::{Certificate, Certified};

/// The eigenvalues of a positive matrix with their multiplicities.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum {
    /// Descending, none negative.
    parts: Vec<(f64, f64)>,
}

/// The entropies of a state, in nats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entropies {
    /// `-tr(rho ln rho)`.
    pub von_neumann: Certified,
    /// `-ln tr(rho^2)`.
    pub renyi_2: Certified,
}

impl Spectrum {
    /// Of a matrix of `2^qubits` rows with these eigenvalues, all others zero. Negative ones, which come from rounding, count
    /// as zero.
    pub fn new(eigenvalues: &[f64], qubits: usize) -> Spectrum {
        let mut values: Vec<f64> = eigenvalues.iter().map(|value| value.max(0.0)).collect();
        values.sort_unstable_by(|one, other| other.total_cmp(one));
        let zeros = 2f64.powi(qubits as i32) - values.len() as f64;
        let parts = values.into_iter().map(|value| (value, 1.0));
        Spectrum { parts: parts.chain((zeros > 0.0).then_some((0.0, zeros))).collect() }
    }

    fn dimension(&self) -> f64 {
        self.parts.iter().map(|(_, multiplicity)| multiplicity).sum()
    }

    /// `-sum lambda ln lambda`.
    pub fn von_neumann(&self) -> f64 {
        self.parts.iter().map(|(value, multiplicity)| multiplicity * surprise(*value)).sum()
    }

    /// `sum lambda^2`.
    pub fn purity(&self) -> f64 {
        self.parts.iter().map(|(value, multiplicity)| multiplicity * value * value).sum()
    }

    fn map(&self, change: impl Fn(f64) -> f64) -> Spectrum {
        Spectrum { parts: self.parts.iter().map(|(value, multiplicity)| (change(*value), *multiplicity)).collect() }
    }

    /// With `more` added to the largest eigenvalue.
    fn concentrated(&self, more: f64) -> Spectrum {
        let mut parts = self.parts.clone();
        let first = parts.first_mut();
        first.into_iter().for_each(|(value, _)| *value += more);
        Spectrum { parts }
    }

    /// With the smallest eigenvalues filled up by `more` in all, to a common level.
    fn levelled(&self, more: f64) -> Spectrum {
        let (mut sum, mut count, mut left) = (more, 0.0, self.parts.len());
        for (value, multiplicity) in self.parts.iter().rev() {
            // The level that those so far come to stays below the next one.
            if count > 0.0 && sum <= value * count {
                break;
            }
            (sum, count, left) = (sum + value * multiplicity, count + multiplicity, left - 1);
        }
        let mut parts = self.parts[..left].to_vec();
        parts.push((sum / count, count));
        Spectrum { parts }
    }
}

/// `-lambda ln lambda`.
fn surprise(value: f64) -> f64 {
    if value > 0.0 { -value * value.ln() } else { 0.0 }
}

/// The most that entropies of two states of dimension `D` differ by whose trace distance is `T`.
fn fannes_audenaert(distance: f64, dimension: f64) -> f64 {
    if distance >= 1.0 - 1.0 / dimension {
        return dimension.ln();
    }
    distance * (dimension - 1.0).ln().max(0.0) + surprise(distance) + surprise(1.0 - distance)
}

impl Certificate {
    /// The entropies of a state, or of some of its qubits, from the spectrum of what is known of it, whose eigenvalues are
    /// off by at most `rounding` in the sum of absolute values.
    pub fn entropies(&self, spectrum: &Spectrum, rounding: f64) -> Entropies {
        let (missing, dimension) = (self.missing(), spectrum.dimension());
        // Both the eigenvalues and what is missing are off.
        let distance = 2.0 * rounding;
        let completed = spectrum.map(|value| value + missing / dimension);
        let renormalised = spectrum.map(|value| value / self.trace);
        let (least, most) = (spectrum.concentrated(missing), spectrum.levelled(missing));
        let slack = fannes_audenaert(distance, dimension);
        // |sum lambda^2 - sum mu^2| <= sum |lambda - mu| (lambda + mu).
        let purity = |of: &Spectrum, shift: f64| (of.purity() + shift).clamp(1.0 / dimension, 1.0);
        let renyi = |purity: f64| (-purity.ln()).max(0.0);
        Entropies {
            von_neumann: Certified {
                value: completed.von_neumann(),
                lower: (least.von_neumann() - slack).max(0.0),
                upper: (most.von_neumann() + slack).min(dimension.ln()),
                renormalised: renormalised.von_neumann(),
            }
            .enclosing(),
            renyi_2: Certified {
                value: renyi(completed.purity()),
                lower: renyi(purity(&least, 2.0 * distance)),
                upper: renyi(purity(&most, -2.0 * distance)),
                renormalised: renyi(renormalised.purity()),
            }
            .enclosing(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn certificate(trace: f64) -> Certificate {
        Certificate { trace, rounding: 0.0 }
    }

    #[test]
    fn a_depolarized_qubit_has_the_entropy_of_its_formula() {
        let p: f64 = 0.1;
        let eigenvalues = [1.0 - p / 2.0, p / 2.0];
        let found = certificate(1.0).entropies(&Spectrum::new(&eigenvalues, 1), 0.0);
        let expected = -(0.95f64 * 0.95f64.ln() + 0.05 * 0.05f64.ln());
        assert!((found.von_neumann.value - expected).abs() < 1e-15 && found.von_neumann.lower <= expected);
        assert!((found.renyi_2.value + (0.95f64 * 0.95 + 0.05 * 0.05).ln()).abs() < 1e-15);
    }

    #[test]
    fn what_is_missing_makes_the_state_purer_or_more_mixed() {
        let spectrum = Spectrum::new(&[0.1, 0.6, 0.2], 2);
        assert_eq!(spectrum.concentrated(0.1).parts, [(0.7, 1.0), (0.2, 1.0), (0.1, 1.0), (0.0, 1.0)]);
        let levelled = Spectrum::new(&[0.1, 0.5, 0.2], 2).levelled(0.2).parts;
        assert_eq!((levelled[0], levelled[1]), ((0.5, 1.0), (0.2, 1.0)));
        assert!((levelled[2].0 - 0.15).abs() < 1e-15 && levelled[2].1 == 2.0);
        assert_eq!(Spectrum::new(&[], 3).levelled(1.0).parts, [(0.125, 8.0)]);
        let wide = Spectrum::new(&[0.9], 40).levelled(0.1).von_neumann();
        assert!((wide - (surprise(0.9) + 0.1 * ((2f64.powi(40) - 1.0) / 0.1).ln())).abs() < 1e-12);
    }

    #[test]
    fn a_pure_state_has_none() {
        let found = certificate(1.0).entropies(&Spectrum::new(&[1.0], 20), 1e-14);
        assert!(found.von_neumann.value == 0.0 && found.von_neumann.upper < 1e-11);
        assert!(found.renyi_2.lower == 0.0 && found.renyi_2.upper < 1e-12);
    }

    fn weights(count: usize) -> impl Strategy<Value = Vec<f64>> {
        proptest::collection::vec(1e-6..1.0f64, count)
    }

    proptest! {
        /// The exact state is any that exceeds the known one by a positive matrix; here both are diagonal.
        #[test]
        fn intervals_hold_the_entropies_of_every_completion(known in weights(5), rest in weights(8), missing in 0.0..0.5f64) {
            let scale = |values: &[f64], to: f64| -> Vec<f64> {
                let sum: f64 = values.iter().sum();
                values.iter().map(|value| value / sum * to).collect()
            };
            let (known, mut exact) = (scale(&known, 1.0 - missing), scale(&rest, missing));
            exact.iter_mut().zip(&known).for_each(|(value, more)| *value += more);
            let (exact, known) = (Spectrum::new(&exact, 3), Spectrum::new(&known, 3));
            let found = certificate(1.0 - missing).entropies(&known, 1e-15);
            let (entropy, renyi) = (exact.von_neumann(), -exact.purity().ln());
            for (of, expected) in [(found.von_neumann, entropy), (found.renyi_2, renyi)] {
                prop_assert!(of.lower <= expected && expected <= of.upper, "{of:?} {expected}");
                prop_assert!(of.lower <= of.value && of.value <= of.upper, "{of:?}");
            }
        }
    }
}
