//! Channels of Pauli strings on 1 to 3 qubits: with given probabilities, with the rates of a Pauli-Lindblad model, and
//! coherent rotations.
//!
//! A string is written with the highest qubit leftmost. `pauli`: `rho -> sum_P p_P P rho P`, the identity taking what is left of
//! one. `pauli_lindblad`: `exp(sum_P lambda_P (P . P - 1))`, the product of the commuting maps that apply `P` with probability
//! `(1 - exp(-2 lambda_P)) / 2` (van den Berg and others, Nature Physics 19, 1116, 2023). `over_rotation`: the unitary
//! `exp(-i/2 sum_P theta_P P)`.

use super::Channel;
use crate::error::{Error, Result};
use crate::linalg::{Matrix, hermitian_function, identity, kronecker};
use num_complex::Complex64;
use std::collections::BTreeMap;

/// Probabilities, rates or angles by Pauli string.
pub type PauliTable = BTreeMap<String, f64>;

const LETTERS: [char; 4] = ['I', 'X', 'Y', 'Z'];
/// Channels act on no more qubits.
const LARGEST: usize = 3;

/// The string with this number: digits to the base 4 for I, X, Y, Z, that of the highest qubit first.
pub(super) fn matrix(qubits: usize, index: usize) -> Matrix {
    let digits = (0..qubits).rev().map(|qubit| index >> (2 * qubit) & 3);
    digits.fold(identity(1), |product, digit| kronecker(&product, &super::weighted_pauli(digit, 1.0)))
}

/// The text of the string with this number.
fn text(qubits: usize, index: usize) -> String {
    (0..qubits).rev().map(|qubit| LETTERS[index >> (2 * qubit) & 3]).collect()
}

/// The number of a string, of which all of a table are as long.
fn number(text: &str) -> Result<usize> {
    let digit = |letter: char| LETTERS.iter().position(|known| *known == letter);
    let index = text.chars().try_fold(0, |index, letter| Some(4 * index + digit(letter)?));
    index.filter(|_| (1..=LARGEST).contains(&text.len())).ok_or_else(|| {
        Error::input(format!("`{text}` is no Pauli string of a channel"))
            .allowed("1 to 3 letters I, X, Y, Z, one a qubit, the highest qubit leftmost")
    })
}

/// Number of qubits, and the strings' numbers with their values.
fn read(table: &PauliTable) -> Result<(usize, Vec<(usize, f64)>)> {
    let Some(first) = table.keys().next() else {
        return Err(Error::input("the channel has no Pauli strings").next("write `paulis = { X = 0.01 }`"));
    };
    if let Some(other) = table.keys().find(|text| text.len() != first.len()) {
        return Err(Error::input(format!("the Pauli strings `{first}` and `{other}` are of different lengths")));
    }
    let entries = table.iter().map(|(text, value)| Ok((number(text)?, *value))).collect::<Result<_>>()?;
    Ok((first.len(), entries))
}

/// Pauli strings with probabilities.
pub(super) fn pauli(table: &PauliTable) -> Result<Channel> {
    let (qubits, entries) = read(table)?;
    let mut probabilities = vec![0.0; 1 << (2 * qubits)];
    for ((index, value), text) in entries.into_iter().zip(table.keys()) {
        super::check_probability(value, &format!("the probability of Pauli string `{text}`"))?;
        probabilities[index] = value;
    }
    let named = probabilities[0];
    let others: f64 = probabilities[1..].iter().sum();
    if others > 1.0 + 1e-12 || named > 0.0 && (named + others - 1.0).abs() > 1e-9 {
        return Err(Error::input(format!("the probabilities of the Pauli strings sum to {}", named + others))
            .allowed("1, or less without the identity, which takes what is left"));
    }
    probabilities[0] = (1.0 - others).max(0.0);
    Ok(mixed("pauli", qubits, &probabilities))
}

/// A Pauli-Lindblad model with these rates.
pub(super) fn pauli_lindblad(table: &PauliTable) -> Result<Channel> {
    let (qubits, entries) = read(table)?;
    let mut probabilities = vec![0.0; 1 << (2 * qubits)];
    probabilities[0] = 1.0;
    for ((index, rate), text) in entries.into_iter().zip(table.keys()) {
        if !(rate >= 0.0 && rate.is_finite()) {
            return Err(
                Error::input(format!("the rate of Pauli string `{text}` is {rate}")).allowed("a rate, 0 or more")
            );
        }
        let flipped = -(-2.0 * rate).exp_m1() / 2.0;
        let before = probabilities.clone();
        probabilities.iter_mut().enumerate().for_each(|(other, probability)| {
            *probability = (1.0 - flipped) * before[other] + flipped * before[product(qubits, index, other)];
        });
    }
    Ok(mixed("pauli_lindblad", qubits, &probabilities))
}

/// The rotation by these angles.
pub(super) fn over_rotation(table: &PauliTable) -> Result<Channel> {
    let (qubits, entries) = read(table)?;
    if let Some((index, angle)) = entries.iter().find(|(_, angle)| !angle.is_finite()) {
        return Err(
            Error::input(format!("the angle of `{}` is {angle}", text(qubits, *index))).allowed("a finite angle")
        );
    }
    let generator = entries.iter().fold(Matrix::zeros((1 << qubits, 1 << qubits)), |sum, (index, angle)| {
        sum + matrix(qubits, *index).mapv(|entry| entry * *angle)
    });
    let unitary = hermitian_function(&generator, |value| Complex64::from_polar(1.0, -value / 2.0))
        .ok_or_else(|| Error::internal("the eigenvalues of a rotation did not converge"))?;
    Ok(Channel::trusted("over_rotation", vec![unitary]))
}

/// The probabilities of a channel that is a mixture of Pauli strings, up to rounding; nothing for any other.
pub fn probabilities(channel: &Channel) -> Option<PauliTable> {
    const ROUNDED: f64 = 1e-12;
    let (qubits, dimension) = (channel.qubits(), 1 << channel.qubits());
    let mut table = PauliTable::new();
    for operator in channel.kraus() {
        let overlap = |index: &usize| {
            let string = matrix(qubits, *index);
            string.iter().zip(operator).map(|(one, other)| one.conj() * other).sum::<Complex64>().norm_sqr()
                / f64::from(dimension)
        };
        let weight: f64 = operator.iter().map(|entry| entry.norm_sqr()).sum();
        let index = (0..1usize << (2 * qubits)).find(|index| (overlap(index) - weight).abs() <= ROUNDED * weight)?;
        *table.entry(text(qubits, index)).or_default() += weight / f64::from(dimension);
    }
    Some(table)
}

/// The string that two multiply to, up to a factor: letter by letter, with I, X, Y, Z as 0, 1, 2, 3 that is the exclusive or.
fn product(qubits: usize, one: usize, other: usize) -> usize {
    (one ^ other) & ((1 << (2 * qubits)) - 1)
}

fn mixed(name: &str, qubits: usize, probabilities: &[f64]) -> Channel {
    let strings = probabilities.iter().enumerate().filter(|(_, probability)| **probability > 0.0);
    let operators = strings.map(|(index, probability)| matrix(qubits, index).mapv(|entry| entry * probability.sqrt()));
    Channel::trusted(name, operators.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::channel::testing::{acting_on, difference, random_state};

    fn table(entries: &[(&str, f64)]) -> PauliTable {
        entries.iter().map(|(text, value)| (text.to_string(), *value)).collect()
    }

    #[test]
    fn depolarizing_is_a_table_of_equal_probabilities() {
        let found = pauli(&table(&[("X", 0.01), ("Y", 0.01), ("Z", 0.01)])).unwrap();
        let expected = Channel::named("depolarizing", &[0.03]).unwrap();
        let rho = random_state(1, 3);
        assert!(difference(&acting_on(&found, &rho), &acting_on(&expected, &rho)) < 1e-15);
    }

    #[test]
    fn the_highest_qubit_is_leftmost() {
        let found = pauli(&table(&[("XI", 1.0)])).unwrap();
        let mut zero = Matrix::zeros((4, 4));
        zero[(0, 0)] = Complex64::ONE;
        assert_eq!(acting_on(&found, &zero)[(2, 2)], Complex64::ONE);
        assert_eq!(text(3, number("XYZ").unwrap()), "XYZ");
    }

    /// The map's exponential, applied in many small steps.
    #[test]
    fn pauli_lindblad_is_the_exponential_of_its_generator() {
        let rates = [("XI", 0.02), ("IZ", 0.05), ("YY", 0.03)];
        let found = pauli_lindblad(&table(&rates)).unwrap();
        let mut rho = random_state(2, 5);
        let expected = acting_on(&found, &rho);
        const STEPS: usize = 20_000;
        for _ in 0..STEPS {
            let change = rates.iter().fold(Matrix::zeros((4, 4)), |sum, (text, rate)| {
                let string = matrix(2, number(text).unwrap());
                sum + (string.dot(&rho).dot(&string) - &rho).mapv(|entry| entry * (*rate / STEPS as f64))
            });
            rho = rho + change;
        }
        assert!(difference(&rho, &expected) < 1e-6, "{}", difference(&rho, &expected));
    }

    #[test]
    fn a_mixture_of_strings_is_recognised() {
        let written = table(&[("XI", 0.02), ("YZ", 0.05)]);
        let found = probabilities(&pauli(&written).unwrap()).unwrap();
        assert_eq!(found.len(), 3);
        assert!((found["II"] - 0.93).abs() < 1e-14 && (found["YZ"] - 0.05).abs() < 1e-14);
        assert_eq!(probabilities(&Channel::named("amplitude_damping", &[0.1]).unwrap()), None);
    }

    #[test]
    fn an_over_rotation_is_a_rotation() {
        let found = over_rotation(&table(&[("ZZ", 0.3)])).unwrap();
        let phase = Complex64::from_polar(1.0, -0.15);
        let expected = Matrix::from_diag(&ndarray::arr1(&[phase, phase.conj(), phase.conj(), phase]));
        assert!(difference(&found.kraus()[0], &expected) < 1e-15);
    }

    #[test]
    fn wrong_tables_are_refused() {
        assert!(pauli(&table(&[])).is_err());
        assert!(pauli(&table(&[("XQ", 0.1)])).unwrap_err().what.contains("XQ"));
        assert!(pauli(&table(&[("X", 0.1), ("XX", 0.1)])).unwrap_err().what.contains("different lengths"));
        assert!(pauli(&table(&[("X", 0.6), ("Z", 0.6)])).unwrap_err().what.contains("1.2"));
        assert!(pauli(&table(&[("I", 0.5), ("Z", 0.4)])).is_err());
        assert!(pauli_lindblad(&table(&[("X", -0.1)])).unwrap_err().what.contains("-0.1"));
        assert!(over_rotation(&table(&[("X", f64::NAN)])).is_err());
        assert!(pauli(&table(&[("XXXX", 0.1)])).is_err());
    }
}
