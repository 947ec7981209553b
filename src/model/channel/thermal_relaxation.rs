//! Thermal relaxation of one qubit for a time `t`: populations approach `(1 - excited, excited)` as `exp(-t / T1)`, coherences
//! vanish as `exp(-t / T2)`. It is amplitude damping by `1 - exp(-t / T1)` and dephasing for the rest (Krantz and others,
//! Appl. Phys. Rev. 6, 021318, 2019, II.B), and completely positive for `T2 <= 2 T1`.

use super::Channel;
use super::superoperator::channel_of;
use crate::error::{Error, Result};
use crate::linalg::Matrix;

/// How a qubit relaxes; times in seconds, or all in one other unit. An infinite time does nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Relaxation {
    /// Relaxation time of the populations.
    pub t1: f64,
    /// Relaxation time of the coherences.
    pub t2: f64,
    /// Population of |1> in equilibrium.
    pub excited: f64,
}

impl Relaxation {
    /// The channel of so much time.
    ///
    /// # Errors
    /// Input error for times that are not positive, `T2 > 2 T1`, a negative duration, or a population outside [0, 1].
    pub fn during(&self, time: f64) -> Result<Channel> {
        let Relaxation { t1, t2, excited } = *self;
        if !(t1 > 0.0 && t2 > 0.0) {
            return Err(Error::input(format!("relaxation times T1 = {t1}, T2 = {t2}")).allowed("times greater than 0"));
        }
        if t2 > 2.0 * t1 * (1.0 + 1e-12) {
            return Err(Error::input(format!("T2 = {t2} is longer than 2 T1 = {}, which no channel has", 2.0 * t1))
                .allowed("T2 <= 2 T1"));
        }
        if !(time >= 0.0 && time.is_finite()) {
            return Err(Error::input(format!("a duration of {time}")).allowed("a time, 0 or more"));
        }
        super::check_probability(excited, "the excited population")?;
        // 1 - exp(-x) without cancellation.
        let (relaxed, coherence) = (-(-time / t1).exp_m1(), (-time / t2).exp());
        let (up, down) = (excited * relaxed, (1.0 - excited) * relaxed);
        let mut map = Matrix::zeros((4, 4));
        let entries =
            [(0, 0, 1.0 - up), (0, 3, down), (3, 0, up), (3, 3, 1.0 - down), (1, 1, coherence), (2, 2, coherence)];
        entries.iter().for_each(|(row, column, value)| map[(*row, *column)] = (*value).into());
        channel_of("thermal_relaxation", 1, &map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::channel::testing::{acting_on, difference};

    #[test]
    fn populations_and_coherences_relax() {
        let channel = Relaxation { t1: 2.0, t2: 3.0, excited: 0.1 }.during(0.7).unwrap();
        let (kept, coherence) = ((-0.35f64).exp(), (-0.7f64 / 3.0).exp());
        let rho = ndarray::arr2(&[[0.3, 0.2], [0.2, 0.7]]).mapv(num_complex::Complex64::from);
        let one = 0.1 + (0.7 - 0.1) * kept;
        let expected = ndarray::arr2(&[[1.0 - one, 0.2 * coherence], [0.2 * coherence, one]]).mapv(Into::into);
        assert!(difference(&acting_on(&channel, &rho), &expected) < 1e-15);
    }

    #[test]
    fn at_t2_of_twice_t1_it_is_amplitude_damping() {
        let channel = Relaxation { t1: 1.0, t2: 2.0, excited: 0.0 }.during(0.3).unwrap();
        let damping = Channel::named("amplitude_damping", &[1.0 - (-0.3f64).exp()]).unwrap();
        let rho = ndarray::arr2(&[[0.3, 0.4], [0.4, 0.7]]).mapv(num_complex::Complex64::from);
        assert!(difference(&acting_on(&channel, &rho), &acting_on(&damping, &rho)) < 1e-15);
        assert_eq!(channel.kraus().len(), 2);
    }

    #[test]
    fn no_time_is_no_channel_and_unphysical_times_are_refused() {
        let relaxation = Relaxation { t1: 50e-6, t2: 70e-6, excited: 0.0 };
        assert!(relaxation.during(0.0).unwrap().is_identity());
        assert!(Relaxation { t1: f64::INFINITY, t2: f64::INFINITY, ..relaxation }.during(1.0).unwrap().is_identity());
        assert!(Relaxation { t2: 101e-6, ..relaxation }.during(1e-9).unwrap_err().what.contains("2 T1"));
        assert!(Relaxation { t1: 0.0, ..relaxation }.during(1e-9).is_err());
        assert!(relaxation.during(-1.0).is_err());
    }
}
