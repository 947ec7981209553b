//! The oracle checked: against closed forms, against the same physics by Kronecker products, and against numbers of a
//! public simulator.

use crate::reference::random::{circuit, circuits, pauli_strings, random_circuit};
use crate::reference::recorded::{data, recorded};
use crate::reference::{DensityMatrix, builder, final_measurements, naive};
use num_complex::Complex64;
use proptest::prelude::*;
use rhoshard::formats::qasm;
use rhoshard::linalg::Matrix;
use rhoshard::model::{Operation, PauliString, Statement};
use std::path::Path;

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_ways_to_simulate_agree(
        (circuit, string, place) in (3usize..=4).prop_flat_map(|qubits| {
            let all: Vec<usize> = (0..qubits).collect();
            (circuits(qubits, 20), pauli_strings(qubits), Just(all).prop_shuffle())
        })
    ) {
        let state = DensityMatrix::run(&circuit);
        let rho = naive::run(&circuit);
        for ((row, column), entry) in rho.indexed_iter() {
            prop_assert!((state.entry(row, column) - entry).norm() < 1e-12, "entry {row}, {column}");
        }
        prop_assert!((state.trace() - 1.0).abs() < 1e-12);
        prop_assert!((state.expectation(string) - naive::expectation(&rho, string)).abs() < 1e-12);
        let listed = &place[..2];
        for (outcome, probability) in state.probabilities(listed).into_iter().enumerate() {
            prop_assert!((probability - naive::probability(&rho, listed, outcome)).abs() < 1e-12);
        }
    }
}

#[test]
fn a_seed_gives_one_circuit() {
    let circuit = random_circuit(5, 40, 7);
    assert_eq!(circuit.statements.len(), 40);
    assert_eq!(circuit, random_circuit(5, 40, 7));
    assert_ne!(circuit, random_circuit(5, 40, 8));
    let kinds = ["Gate", "Channel", "Measure", "Reset", "Barrier"];
    let debug = format!("{:?}", random_circuit(5, 400, 7));
    assert!(kinds.iter().all(|kind| debug.contains(kind)));
}

#[test]
fn only_measurements_with_nothing_after_are_final() {
    let measure = |qubit| Operation::Measure { qubit, bit: Some(qubit) };
    let operations = vec![
        measure(0), // the reset follows
        Operation::Reset { qubit: 0 },
        measure(1), // the second measurement of 1 follows
        Operation::Barrier { qubits: vec![0, 1, 2], snapshot: None },
        measure(1),
        measure(2),
        Operation::Barrier { qubits: vec![0, 1, 2], snapshot: None },
    ];
    let mut finals = final_measurements(&circuit(3, operations));
    finals.sort_unstable();
    assert_eq!(finals, [4, 5]);
}

/// The factor of a mixture of two basis states and its distance from one of them: `||p0 |0><0| + p1 |1><1| - |0><0|||_1`
/// is `1 - p0 + p1`.
#[test]
fn trace_distance_and_purity_have_their_closed_forms() {
    let mixture = |weights: [f64; 2]| {
        let mut factor = Matrix::zeros((4, 2));
        factor[(0, 0)] = weights[0].sqrt().into();
        factor[(3, 1)] = Complex64::from_polar(weights[1].sqrt(), 0.7);
        factor
    };
    let state = DensityMatrix::from_factor(&mixture([0.75, 0.25]));
    assert!((state.purity() - 0.625).abs() < 1e-15);
    assert!((state.expectation(PauliString { x: 0, z: 1 }) - 0.5).abs() < 1e-15);
    assert!(state.trace_distance(&mixture([0.75, 0.25])) < 1e-15);
    assert!((state.trace_distance(&mixture([1.0, 0.0])) - 0.5).abs() < 1e-15);
    assert!((DensityMatrix::basis(2, 3).trace_distance(&mixture([1.0, 0.0])) - 2.0).abs() < 1e-15);
}

#[test]
fn outcomes_are_numbered_from_the_first_listed_qubit() {
    let state = DensityMatrix::basis(3, 0b011);
    assert_eq!(state.probabilities(&[2, 0]), [0.0, 0.0, 1.0, 0.0]);
    assert_eq!(state.probabilities(&[]), [1.0]);
}

/// The circuits made without a reader, so that this test rests on the model alone.
#[test]
fn the_oracle_agrees_with_a_public_simulator() {
    let mut compared = 0;
    for entry in recorded("qasmbench_exact.json").iter().filter(|entry| entry.file.ends_with("adder_n10.qasm")) {
        let state = DensityMatrix::run(&builder::adder(entry.noise_rule()));
        assert_eq!(entry.differences(&state), [""; 0]);
        compared += 1;
    }
    for entry in recorded("lret_exact.json") {
        let seed = entry.file.trim_end_matches(".qasm")[entry.file.len() - 7..].parse().expect("a seed");
        let state = DensityMatrix::run(&builder::lret(entry.qubits, seed));
        assert_eq!(entry.differences(&state), [""; 0]);
        compared += 1;
    }
    assert_eq!(compared, 8);
}

#[test]
fn a_wrong_number_is_reported() {
    let entry = &recorded("qasmbench_exact.json")[0];
    let wrong = DensityMatrix::basis(entry.qubits, 0);
    let differences = entry.differences(&wrong);
    assert!(differences.iter().any(|text| text.contains("Z1 1, not -1")), "{differences:?}");
}

/// Every recorded circuit, read from its file by the program and with noise by its rule: the readers, the gate table and
/// the noise rule against independent numbers.
#[test]
fn the_files_as_the_program_reads_them_agree_with_a_public_simulator() {
    for entry in [recorded("qasmbench_exact.json"), recorded("lret_exact.json")].concat() {
        let path = data().join(&entry.file);
        let source = std::fs::read(&path).expect("the circuits are committed");
        let mut read_include = |include: &Path| panic!("{include:?}: the library is built in");
        let circuit =
            qasm::parse(&source, &path, &qasm::Options::default(), &mut read_include).expect("a right circuit");
        let is_gate = |statement: &&Statement| matches!(statement.operation, Operation::Gate(_));
        assert_eq!(circuit.statements.iter().filter(is_gate).count(), entry.gates, "gates of {}", entry.file);
        let (circuit, _warnings) = entry.noise_rule().apply(&circuit).expect("probabilities");
        let is_channel = |statement: &&Statement| matches!(statement.operation, Operation::Channel { .. });
        let channels = circuit.statements.iter().filter(is_channel).count();
        assert_eq!(channels, entry.noise_channels, "channels of {}", entry.file);
        assert_eq!(entry.differences(&DensityMatrix::run(&circuit)), [""; 0]);
    }
}
