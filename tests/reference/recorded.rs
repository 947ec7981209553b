//! The exact numbers of a public simulator, committed under `tests/data`, and their comparison with a state.

use super::DensityMatrix;
use rhoshard::model::{NoiseRule, PauliString};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The exact numbers of one circuit under one noise rule.
#[derive(Debug, Clone, Deserialize)]
pub struct Recorded {
    /// The circuit file, relative to `tests/data`.
    pub file: String,
    /// The noise rule, in addition to noise in the file itself.
    pub noise: Option<RecordedNoise>,
    /// Number of qubits.
    pub qubits: usize,
    /// Number of gates as written, user-defined ones expanded.
    pub gates: usize,
    /// Number of noise channels.
    pub noise_channels: usize,
    /// Expectation values by Pauli text, for instance `Z0 Z1`.
    pub expectations: BTreeMap<String, f64>,
    /// The qubits of `probabilities`; the first is bit 0 of the outcome.
    pub probability_qubits: Vec<usize>,
    /// Probability of each outcome.
    pub probabilities: Vec<f64>,
    /// `tr rho^2`.
    pub purity: f64,
}

/// Depolarizing probabilities after one-qubit and two-qubit gates.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct RecordedNoise {
    one_qubit: f64,
    two_qubit: f64,
}

#[derive(Deserialize)]
struct RecordedFile {
    circuits: Vec<Recorded>,
}

impl Recorded {
    /// The noise rule as the program's own type; without one, no noise.
    pub fn noise_rule(&self) -> NoiseRule {
        let none = RecordedNoise { one_qubit: 0.0, two_qubit: 0.0 };
        let RecordedNoise { one_qubit, two_qubit } = self.noise.unwrap_or(none);
        NoiseRule { one_qubit, two_qubit }
    }

    /// Every recorded number that the state misses by more than 1e-10, in words; empty when all agree.
    pub fn differences(&self, state: &DensityMatrix) -> Vec<String> {
        let strings = self.expectations.iter();
        let mut numbers: Vec<(String, f64, f64)> =
            strings.map(|(text, value)| (text.clone(), *value, state.expectation(pauli(text)))).collect();
        let probabilities = state.probabilities(&self.probability_qubits);
        for (outcome, (recorded, ours)) in self.probabilities.iter().zip(probabilities).enumerate() {
            numbers.push((format!("probability of {outcome}"), *recorded, ours));
        }
        numbers.push(("purity".into(), self.purity, state.purity()));
        numbers.retain(|(_, recorded, ours)| (recorded - ours).abs() > 1e-10 || ours.is_nan());
        let words =
            numbers.into_iter().map(|(what, recorded, ours)| format!("{}: {what} {ours}, not {recorded}", self.file));
        words.collect()
    }
}

/// The entries of `tests/data/<name>`.
pub fn recorded(name: &str) -> Vec<Recorded> {
    let text = std::fs::read_to_string(data().join(name)).expect("the reference numbers are committed");
    serde_json::from_str::<RecordedFile>(&text).expect("the script writes this shape").circuits
}

/// The folder `tests/data`.
pub fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// A Pauli string from sparse text such as `X0 Y1`. Small on purpose: the program's own reader is not to be trusted here.
pub fn pauli(text: &str) -> PauliString {
    text.split(' ').fold(PauliString::default(), |string, word| {
        let (letter, qubit) = word.split_at(1);
        let bit = 1 << qubit.parse::<u32>().expect("a qubit number");
        match letter {
            "X" => PauliString { x: string.x | bit, ..string },
            "Z" => PauliString { z: string.z | bit, ..string },
            "Y" => PauliString { x: string.x | bit, z: string.z | bit },
            _ => panic!("no Pauli letter: {letter}"),
        }
    })
}
