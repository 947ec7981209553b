//! Channels as noise models write them: a kind, and numbers, Pauli strings or matrices.

use super::pauli_strings::{self, PauliTable};
use super::superoperator::Form;
use super::thermal_relaxation::Relaxation;
use super::{CHANNELS, Channel, check_probability, real};
use crate::error::{Error, Result, nearest};
use crate::linalg::Matrix;
use std::collections::BTreeMap;

/// What a noise model says of a channel, beside its kind.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Given {
    /// Parameters by name.
    pub numbers: BTreeMap<String, f64>,
    /// Probabilities, rates or angles by Pauli string.
    pub paulis: PauliTable,
    /// Kraus operators, or the one matrix of the channel.
    pub matrices: Vec<Matrix>,
}

/// What a kind needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Numbers(&'static [&'static str]),
    Paulis,
    Matrices,
}

/// Kinds beside the named ones of [`CHANNELS`].
const KINDS: &[(&str, Needs)] = &[
    ("pauli", Needs::Paulis),
    ("pauli_lindblad", Needs::Paulis),
    ("over_rotation", Needs::Paulis),
    ("zz_crosstalk", Needs::Numbers(&["angle"])),
    ("bit_phase_flip", Needs::Numbers(&["p"])),
    ("thermal_relaxation", Needs::Numbers(&["t1", "t2", "time", "excited"])),
    ("reset", Needs::Numbers(&["p_0", "p_1"])),
    ("kraus", Needs::Matrices),
    ("superoperator", Needs::Matrices),
    ("choi", Needs::Matrices),
    ("pauli_transfer", Needs::Matrices),
];
/// Numbers that may be left out, and are 0 then.
const OPTIONAL: [&str; 3] = ["excited", "p_0", "p_1"];

/// Names of all parameters of all kinds, for tables of known keys.
pub const PARAMETERS: [&str; 12] =
    ["p", "p_x", "p_y", "p_z", "p_0", "p_1", "gamma", "angle", "t1", "t2", "time", "excited"];

impl Channel {
    /// The channel of this kind.
    ///
    /// # Errors
    /// Input error for an unknown kind, for something it needs and is not given, or the other way round, and for values
    /// that make no channel.
    pub fn specified(kind: &str, given: &Given) -> Result<Channel> {
        let needs = needs(kind)?;
        check_given(kind, needs, given)?;
        let number = |name: &str| given.numbers.get(name).copied().unwrap_or(0.0);
        match (kind, needs) {
            ("pauli", _) => pauli_strings::pauli(&given.paulis),
            ("pauli_lindblad", _) => pauli_strings::pauli_lindblad(&given.paulis),
            ("over_rotation", _) => pauli_strings::over_rotation(&given.paulis),
            ("zz_crosstalk", _) => pauli_strings::over_rotation(&[("ZZ".to_string(), number("angle"))].into()),
            ("bit_phase_flip", _) => Channel::named("pauli_channel", &[0.0, number("p"), 0.0]),
            ("thermal_relaxation", _) => {
                let relaxation = Relaxation { t1: number("t1"), t2: number("t2"), excited: number("excited") };
                relaxation.during(number("time"))
            }
            ("reset", _) => reset(number("p_0"), number("p_1")),
            ("kraus", _) => Channel::from_kraus(qubits_of(&given.matrices[0], 1)?, given.matrices.clone()),
            ("superoperator", _) => Self::of_one(Form::Superoperator, &given.matrices),
            ("choi", _) => Self::of_one(Form::Choi, &given.matrices),
            ("pauli_transfer", _) => Self::of_one(Form::PauliTransfer, &given.matrices),
            (name, Needs::Numbers(names)) => {
                Channel::named(name, &names.iter().map(|name| number(name)).collect::<Vec<_>>())
            }
            (name, _) => Err(Error::internal(format!("nothing makes a channel `{name}`"))),
        }
    }

    fn of_one(form: Form, matrices: &[Matrix]) -> Result<Channel> {
        match matrices {
            [matrix] => Channel::from_matrix(form, qubits_of(matrix, 2)?, matrix),
            _ => Err(Error::input(format!("{} matrices are given", matrices.len())).allowed("one matrix of this kind")),
        }
    }
}

/// Puts the qubit into |0> or |1> with these probabilities.
fn reset(to_zero: f64, to_one: f64) -> Result<Channel> {
    check_probability(to_zero, "the probability `p_0` of a reset to |0>")?;
    check_probability(to_one, "the probability `p_1` of a reset to |1>")?;
    let nothing = 1.0 - to_zero - to_one;
    if nothing < -1e-12 {
        return Err(
            Error::input(format!("the probabilities of a reset sum to {}", to_zero + to_one)).allowed("p_0 + p_1 <= 1")
        );
    }
    let (zero, one, nothing) = (to_zero.sqrt(), to_one.sqrt(), nothing.max(0.0).sqrt());
    let operators = vec![
        real([[nothing, 0.0], [0.0, nothing]]),
        real([[zero, 0.0], [0.0, 0.0]]),
        real([[0.0, zero], [0.0, 0.0]]),
        real([[0.0, 0.0], [one, 0.0]]),
        real([[0.0, 0.0], [0.0, one]]),
    ];
    Ok(Channel::trusted("reset", operators))
}

/// Qubits of a matrix with `2^(qubits * power)` rows.
fn qubits_of(matrix: &Matrix, power: u32) -> Result<usize> {
    let (rows, columns) = matrix.dim();
    let bits = rows.trailing_zeros();
    let qubits = bits / power;
    if rows != columns || !rows.is_power_of_two() || bits % power != 0 || !(1..=3).contains(&qubits) {
        let sizes = (1..=3).map(|qubits| format!("{0}x{0}", 1usize << (qubits * power))).collect::<Vec<_>>();
        return Err(Error::input(format!("a matrix of the channel is {rows}x{columns}")).allowed(sizes.join(", ")));
    }
    Ok(qubits as usize)
}

fn needs(kind: &str) -> Result<Needs> {
    let named = CHANNELS.iter().map(|known| (known.name, Needs::Numbers(known.parameters)));
    let all: Vec<(&str, Needs)> = named.chain(KINDS.iter().copied()).collect();
    all.iter().find(|(name, _)| *name == kind).map(|(_, needs)| *needs).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        let error = Error::input(format!("unknown channel `{kind}`")).allowed(names.join(", "));
        match nearest(kind, names.iter().copied()) {
            Some(near) => error.next(format!("did you mean `{near}`?")),
            None => error,
        }
    })
}

fn check_given(kind: &str, needs: Needs, given: &Given) -> Result<()> {
    let numbers: &[&str] = if let Needs::Numbers(names) = needs { names } else { &[] };
    let allowed = match needs {
        Needs::Numbers(names) => names.join(", "),
        Needs::Paulis => "paulis = { STRING = number }".into(),
        Needs::Matrices => "matrices = [...]".into(),
    };
    let wrong = |what: String| Err(Error::input(format!("channel `{kind}` {what}")).allowed(allowed.clone()));
    if let Some(name) = given.numbers.keys().find(|name| !numbers.contains(&name.as_str())) {
        return wrong(format!("has no parameter `{name}`"));
    }
    if let Some(name) = numbers.iter().find(|name| !OPTIONAL.contains(name) && !given.numbers.contains_key(**name)) {
        return wrong(format!("lacks its parameter `{name}`"));
    }
    match needs {
        Needs::Paulis if given.paulis.is_empty() => wrong("lacks its Pauli strings".into()),
        Needs::Matrices if given.matrices.is_empty() => wrong("lacks its matrices".into()),
        _ if needs != Needs::Paulis && !given.paulis.is_empty() => wrong("takes no Pauli strings".into()),
        _ if needs != Needs::Matrices && !given.matrices.is_empty() => wrong("takes no matrices".into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::identity;
    use crate::model::channel::testing::{acting_on, difference, random_state};
    use num_complex::Complex64;

    fn numbers(entries: &[(&str, f64)]) -> Given {
        let numbers = entries.iter().map(|(name, value)| (name.to_string(), *value)).collect();
        Given { numbers, ..Given::default() }
    }

    #[test]
    fn named_channels_and_others_are_one_list() {
        let found = Channel::specified("amplitude_damping", &numbers(&[("gamma", 0.2)])).unwrap();
        assert_eq!(found, Channel::named("amplitude_damping", &[0.2]).unwrap());
        let relaxed = numbers(&[("t1", 1.0), ("t2", 1.5), ("time", 0.1)]);
        assert_eq!(Channel::specified("thermal_relaxation", &relaxed).unwrap().qubits(), 1);
        assert_eq!(Channel::specified("zz_crosstalk", &numbers(&[("angle", 0.1)])).unwrap().qubits(), 2);
    }

    #[test]
    fn a_reset_may_happen() {
        let channel = Channel::specified("reset", &numbers(&[("p_0", 0.2), ("p_1", 0.1)])).unwrap();
        let rho = random_state(1, 2);
        let mut expected = rho.mapv(|entry| entry * 0.7);
        expected[(0, 0)] += Complex64::from(0.2);
        expected[(1, 1)] += Complex64::from(0.1);
        assert!(difference(&acting_on(&channel, &rho), &expected) < 1e-15);
    }

    #[test]
    fn what_does_not_fit_the_kind_is_refused() {
        let refused = |kind: &str, given: &Given| Channel::specified(kind, given).unwrap_err().to_string();
        assert!(refused("depolarising", &Given::default()).contains("did you mean `depolarizing`"));
        assert!(refused("depolarizing", &Given::default()).contains("lacks its parameter `p`"));
        assert!(refused("depolarizing", &numbers(&[("p", 0.1), ("gamma", 0.1)])).contains("no parameter `gamma`"));
        assert!(refused("kraus", &Given::default()).contains("lacks its matrices"));
        assert!(refused("pauli", &Given { matrices: vec![identity(2)], ..Given::default() }).contains("Pauli strings"));
        assert!(
            refused("bit_flip", &Given { matrices: vec![identity(2)], ..numbers(&[("p", 0.1)]) })
                .contains("takes no matrices")
        );
        let three = Given { matrices: vec![identity(3)], ..Given::default() };
        assert!(refused("kraus", &three).contains("3x3"));
        let two = Given { matrices: vec![identity(4), identity(4)], ..Given::default() };
        assert!(refused("choi", &two).contains("2 matrices"));
        assert!(refused("superoperator", &Given { matrices: vec![identity(8)], ..Given::default() }).contains("8x8"));
        assert!(refused("reset", &numbers(&[("p_0", 0.7), ("p_1", 0.7)])).contains("1.4"));
    }

    #[test]
    fn every_parameter_of_a_kind_is_listed() {
        let of = |needs: Needs| if let Needs::Numbers(names) = needs { names } else { &[] };
        let named = CHANNELS.iter().flat_map(|kind| kind.parameters);
        let all = named.chain(KINDS.iter().flat_map(|(_, needs)| of(*needs)));
        all.for_each(|name| assert!(PARAMETERS.contains(name), "{name}"));
    }
}
