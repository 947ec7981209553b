//! Quantum channels as Kraus operators.
//!
//! A channel acts as `rho -> sum_a K_a rho K_a^dagger` with `sum_a K_a^dagger K_a = I`. Each named channel is one file
//! of this folder (parameters, Kraus operators, formula, test) and one line of [`CHANNELS`]; the rest of the program
//! sees only matrices.

mod amplitude_damping;
mod bit_flip;
mod canonical;
mod dephasing_two_qubit;
mod depolarizing;
mod depolarizing_two_qubit;
mod generalized_amplitude_damping;
mod kraus;
mod measurement;
mod pauli;
mod pauli_strings;
mod phase_damping;
mod phase_flip;
mod reset;
mod specified;
pub(crate) mod superoperator;
#[cfg(test)]
pub(crate) mod testing;
mod thermal_relaxation;

use crate::error::{Error, Result, nearest};
use crate::linalg::{Matrix, spectral_norm};
use num_complex::Complex64;

pub use measurement::measurement;
pub use pauli_strings::{PauliTable, probabilities as pauli_probabilities};
pub use reset::reset;
pub use specified::{Given, PARAMETERS};
pub use superoperator::Form;
pub use thermal_relaxation::Relaxation;

/// A completely positive, trace-preserving map on one or more qubits.
///
/// Made by [`Channel::named`] or [`Channel::from_kraus`] (or [`reset()`] and [`measurement()`]), which check it, and put
/// together by [`Channel::then`]; so any value of this type is trace preserving to rounding.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    name: String,
    qubits: usize,
    kraus: Vec<Matrix>,
    bounds: Vec<f64>,
    note: Option<String>,
}

/// One entry of [`CHANNELS`].
pub struct ChannelKind {
    /// The name in pragmas and configurations.
    pub name: &'static str,
    /// Names of its parameters, in order.
    pub parameters: &'static [&'static str],
    /// Kraus operators from the parameters, which are already known to be probabilities.
    operators: fn(&[f64]) -> Vec<Matrix>,
}

/// Every named channel; the names are those of the Braket pragmas of OpenQASM 3.
pub const CHANNELS: &[ChannelKind] = &[
    ChannelKind { name: "bit_flip", parameters: &["p"], operators: bit_flip::operators },
    ChannelKind { name: "phase_flip", parameters: &["p"], operators: phase_flip::operators },
    ChannelKind { name: "pauli_channel", parameters: &["p_x", "p_y", "p_z"], operators: pauli::operators },
    ChannelKind { name: "depolarizing", parameters: &["p"], operators: depolarizing::operators },
    ChannelKind { name: "two_qubit_depolarizing", parameters: &["p"], operators: depolarizing_two_qubit::operators },
    ChannelKind { name: "two_qubit_dephasing", parameters: &["p"], operators: dephasing_two_qubit::operators },
    ChannelKind { name: "amplitude_damping", parameters: &["gamma"], operators: amplitude_damping::operators },
    ChannelKind {
        name: "generalized_amplitude_damping",
        parameters: &["gamma", "p"],
        operators: generalized_amplitude_damping::operators,
    },
    ChannelKind { name: "phase_damping", parameters: &["gamma"], operators: phase_damping::operators },
];

impl Channel {
    /// The channel of this name with these parameters, each a probability.
    ///
    /// # Errors
    /// Input error for an unknown name, a wrong number of parameters, a parameter outside [0, 1], or probabilities
    /// of `pauli_channel` that sum to more than 1.
    pub fn named(name: &str, parameters: &[f64]) -> Result<Channel> {
        let kind = CHANNELS.iter().find(|kind| kind.name == name).ok_or_else(|| unknown_channel(name))?;
        if parameters.len() != kind.parameters.len() {
            return Err(Error::input(format!(
                "channel `{name}` takes {} parameter(s), {} given",
                kind.parameters.len(),
                parameters.len()
            ))
            .allowed(format!("{name}({})", kind.parameters.join(", "))));
        }
        for (value, parameter) in parameters.iter().zip(kind.parameters) {
            check_probability(*value, &format!("parameter {parameter} of channel `{name}`"))?;
        }
        let total: f64 = parameters.iter().sum();
        if name == "pauli_channel" && total > 1.0 + 1e-12 {
            return Err(Error::input(format!("the probabilities of channel `{name}` sum to {total}"))
                .allowed("p_x + p_y + p_z <= 1"));
        }
        Ok(Channel::trusted(name, (kind.operators)(parameters)))
    }

    /// A channel from Kraus operators on `qubits` qubits (first qubit least significant).
    ///
    /// A defect `max |sum_a K_a^dagger K_a - I|` up to 1e-8 is corrected by `K_a (sum K^dagger K)^(-1/2)` and noted
    /// (see [`Channel::note`]).
    ///
    /// # Errors
    /// Input error for operators of a wrong shape or with a larger defect.
    pub fn from_kraus(qubits: usize, operators: Vec<Matrix>) -> Result<Channel> {
        kraus::checked(qubits, operators)
    }

    /// A channel whose operators are known to be complete; those that are zero are left out.
    fn trusted(name: &str, operators: Vec<Matrix>) -> Channel {
        let kraus: Vec<Matrix> =
            operators.into_iter().filter(|operator| operator.iter().any(|entry| entry.norm() > 0.0)).collect();
        let qubits = kraus[0].nrows().trailing_zeros() as usize;
        let bounds = kraus.iter().map(|operator| spectral_norm(operator).powi(2)).collect();
        Channel { name: name.into(), qubits, kraus, bounds, note: None }
    }

    /// The name, for messages and the plan.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of qubits it acts on.
    pub fn qubits(&self) -> usize {
        self.qubits
    }

    /// The Kraus operators, `2^qubits` square each.
    pub fn kraus(&self) -> &[Matrix] {
        &self.kraus
    }

    /// `||K_a||^2` (spectral norm) for each operator: branch `a` keeps at most this share of a column's weight.
    pub fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    /// The fidelity of its result with a pure state that went in, averaged over all of these: `(sum_a |tr K_a|^2 / d + 1) / (d + 1)`
    /// (Nielsen, Phys. Lett. A 303, 249, 2002).
    pub fn average_gate_fidelity(&self) -> f64 {
        let dimension = f64::from(1u32 << self.qubits);
        let traces: f64 = self.kraus.iter().map(|operator| operator.diag().sum().norm_sqr()).sum();
        (traces / dimension + 1.0) / (dimension + 1.0)
    }

    /// What was corrected when it was made, if anything.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// True when it is the identity (up to a phase): nothing need be done.
    pub fn is_identity(&self) -> bool {
        self.kraus.len() == 1 && {
            let corner = self.kraus[0][(0, 0)];
            corner.norm() > 0.0 && self.kraus[0] == crate::linalg::identity(1 << self.qubits).mapv(|one| one * corner)
        }
    }
}

/// Checks that a number is a probability; `what` names it in the error.
pub fn check_probability(value: f64, what: &str) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::input(format!("{what} is {value}")).allowed("a probability, 0 to 1"))
}

fn unknown_channel(name: &str) -> Error {
    let names: Vec<&str> = CHANNELS.iter().map(|kind| kind.name).chain(["kraus"]).collect();
    let error = Error::input(format!("unknown channel `{name}`")).allowed(names.join(", "));
    match nearest(name, names.iter().copied()) {
        Some(near) => error.next(format!("did you mean `{near}`?")),
        None => error,
    }
}

/// A real 2x2 matrix.
fn real(entries: [[f64; 2]; 2]) -> Matrix {
    Matrix::from_shape_fn((2, 2), |(row, column)| entries[row][column].into())
}

/// `sqrt(probability)` times the Pauli matrix `I`, `X`, `Y` or `Z` (0 to 3).
fn weighted_pauli(index: usize, probability: f64) -> Matrix {
    let (one, i) = (Complex64::new(1.0, 0.0), Complex64::new(0.0, 1.0));
    let zero = Complex64::new(0.0, 0.0);
    let entries = [[one, zero, zero, one], [zero, one, one, zero], [zero, -i, i, zero], [one, zero, zero, -one]][index];
    Matrix::from_shape_fn((2, 2), |(row, column)| entries[2 * row + column] * probability.sqrt())
}

/// A branch that keeps more than this share of a column's weight is strong: few compressions can do without it.
const STRONG: f64 = 1e-3;

/// How many branches besides the first of the strongest are strong.
fn strong(bounds: &[f64]) -> usize {
    bounds.iter().filter(|bound| **bound > STRONG).count().saturating_sub(1)
}

/// `max |sum_a K_a^dagger K_a - I|`, the defect of completeness.
fn completeness_defect(operators: &[Matrix]) -> f64 {
    let sum = kraus::completeness(operators);
    (&sum - &crate::linalg::identity(sum.nrows())).iter().map(|entry| entry.norm()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_channel_is_complete() {
        for kind in CHANNELS {
            for value in [0.0, 1e-3, 0.3] {
                let parameters = vec![value; kind.parameters.len()];
                let channel = Channel::named(kind.name, &parameters).unwrap();
                assert!(completeness_defect(channel.kraus()) < 1e-14, "{} at {value}", kind.name);
            }
        }
    }

    #[test]
    fn a_channel_without_noise_is_the_identity() {
        for kind in CHANNELS.iter().filter(|kind| kind.name != "generalized_amplitude_damping") {
            let channel = Channel::named(kind.name, &vec![0.0; kind.parameters.len()]).unwrap();
            assert!(channel.is_identity(), "{}", kind.name);
        }
    }

    #[test]
    fn wrong_channels_are_refused_with_what_is_allowed() {
        let unknown = Channel::named("depolarising", &[0.1]).unwrap_err();
        assert_eq!(unknown.next.as_deref(), Some("did you mean `depolarizing`?"));
        assert!(Channel::named("bit_flip", &[1.5]).unwrap_err().what.contains("1.5"));
        assert!(Channel::named("bit_flip", &[f64::NAN]).is_err());
        assert!(Channel::named("bit_flip", &[0.1, 0.1]).unwrap_err().what.contains("takes 1"));
        assert!(Channel::named("pauli_channel", &[0.5, 0.5, 0.5]).unwrap_err().what.contains("sum to 1.5"));
    }
}
