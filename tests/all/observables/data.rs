//! The recorded numbers, `tests/data/observables_exact.json`.

// Each test program uses a part of it.
#![allow(dead_code)]

use ndarray::Array2;
use num_complex::Complex64;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Everything recorded of one circuit.
#[derive(Debug, Clone, Deserialize)]
pub struct Exact {
    pub circuit: String,
    variances: BTreeMap<String, f64>,
    reduced: Vec<Matrix>,
    entropies: Vec<Entropies>,
    negativities: Vec<Negativity>,
    pub eigenvalues: Vec<f64>,
    /// Another noisy circuit, and this one without its noise.
    pub other: String,
    pub pure: String,
    fidelities: BTreeMap<String, f64>,
    trace_distances: BTreeMap<String, f64>,
}

#[derive(Debug, Clone, Deserialize)]
struct Matrix {
    qubits: Vec<usize>,
    matrix: Vec<Vec<[f64; 2]>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Entropies {
    values: [f64; 2],
}

#[derive(Debug, Clone, Deserialize)]
struct Negativity {
    a: Vec<usize>,
    b: Vec<usize>,
    value: f64,
}

pub fn exact() -> Exact {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/observables_exact.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

impl Exact {
    pub fn groups(&self) -> Vec<&Vec<usize>> {
        self.reduced.iter().map(|one| &one.qubits).collect()
    }

    /// `[observe]` for all of it.
    pub fn observe(&self) -> String {
        let names: Vec<&String> = self.variances.keys().collect();
        let pairs: Vec<String> =
            self.negativities.iter().map(|pair| format!("{{ a = {:?}, b = {:?} }}", pair.a, pair.b)).collect();
        format!(
            "[observe]\nexpectations = {names:?}\nvariance = true\nreduced = {:?}\nentropy = true\nspectrum = true\n\
             negativity = [{}]\n",
            self.groups(),
            pairs.join(", ")
        )
    }

    /// Variances, negativities, entropies of von Neumann and of Renyi; the last group is all qubits, once more at the end.
    pub fn tables(&self) -> [Vec<f64>; 4] {
        let entropies = |kind: usize| {
            let values = self.entropies.iter().map(|one| one.values[kind]);
            values.chain(self.entropies.last().map(|one| one.values[kind])).collect()
        };
        let negativities = self.negativities.iter().map(|one| one.value).collect();
        [self.variances.values().copied().collect(), negativities, entropies(0), entropies(1)]
    }

    /// Fidelity and trace distance with the basis state 0110, the pure state and the other one.
    pub fn closeness(&self) -> [[f64; 2]; 3] {
        ["0110", "pure", "other"].map(|name| [self.fidelities[name], self.trace_distances[name]])
    }

    /// By the name of the group.
    pub fn matrices(&self) -> Vec<(String, Array2<Complex64>)> {
        let matrix = |one: &Matrix| {
            let names: Vec<String> = one.qubits.iter().map(usize::to_string).collect();
            let entry = |(row, column): (usize, usize)| {
                let [re, im]: [f64; 2] = one.matrix[row][column];
                Complex64::new(re, im)
            };
            (names.join("_"), Array2::from_shape_fn((one.matrix.len(), one.matrix.len()), entry))
        };
        self.reduced.iter().map(matrix).collect()
    }
}
