//! Random circuits out of everything the model can express: gates with and without controls, every named channel,
//! channels from random Kraus operators, measurements and resets in the middle.

use num_complex::Complex64;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rhoshard::linalg::{Matrix, adjoint, hermitian_function, identity, kronecker, multiply};
use rhoshard::model::channel::CHANNELS;
use rhoshard::model::{Channel, Circuit, Control, Gate, Operation, PauliString, Register, Statement, Unitary};
use std::f64::consts::TAU;

/// A circuit of `qubits` qubits (at least 3) and up to `length` operations, which shrinks to fewer.
pub fn circuits(qubits: usize, length: usize) -> impl Strategy<Value = Circuit> {
    proptest::collection::vec(operations(qubits), 1..=length).prop_map(move |operations| circuit(qubits, operations))
}

/// As [`circuits`], with measured bits that decide what happens later. A last operation on every qubit makes all
/// measurements earlier ones.
pub fn dynamic_circuits(qubits: usize, length: usize) -> impl Strategy<Value = Circuit> {
    let simple = prop_oneof![3 => operations(qubits), 2 => measurements(qubits)].boxed();
    let nested =
        simple.prop_recursive(2, 8, 4, move |inner| prop_oneof![2 => inner.clone(), 3 => conditions(qubits, inner)]);
    proptest::collection::vec(nested, 1..=length).prop_map(move |mut operations| {
        let idle = Gate { name: "id".into(), qubits: (0..qubits).collect(), body: Vec::new() };
        operations.push(Operation::Gate(idle));
        circuit(qubits, operations)
    })
}

fn measurements(qubits: usize) -> impl Strategy<Value = Operation> {
    (0..qubits, 0..qubits).prop_map(|(qubit, bit)| Operation::Measure { qubit, bit: Some(bit) })
}

fn conditions(qubits: usize, inner: impl Strategy<Value = Operation>) -> impl Strategy<Value = Operation> {
    let bodies = proptest::collection::vec(proptest::collection::vec(inner, 0..=4), 2);
    (places(qubits), 1..=2usize, 0..4u64, bodies).prop_map(|(place, count, value, bodies)| {
        let statements = |body: Vec<Operation>| {
            body.into_iter().map(|operation| Statement { operation, line: 0 }).collect::<Vec<Statement>>()
        };
        let [body, otherwise] = bodies.try_into().map(|two: [_; 2]| two.map(statements)).unwrap_or_default();
        Operation::If { bits: place[..count].to_vec(), value: value & ((1 << count) - 1), body, otherwise }
    })
}

/// One circuit of exactly `length` operations, the same for the same arguments.
pub fn random_circuit(qubits: usize, length: usize, seed: u64) -> Circuit {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &key));
    let operations = proptest::collection::vec(operations(qubits), length).new_tree(&mut runner);
    circuit(qubits, operations.expect("the strategy rejects nothing").current())
}

/// Any Pauli string on `qubits` qubits.
pub fn pauli_strings(qubits: usize) -> impl Strategy<Value = PauliString> {
    let masks = 0..1u64 << qubits;
    (masks.clone(), masks).prop_map(|(x, z)| PauliString { x, z })
}

/// The circuit of these operations, with as many classical bits as qubits.
pub fn circuit(qubits: usize, operations: Vec<Operation>) -> Circuit {
    let register = |name: &str| Register { name: name.into(), start: 0, size: qubits };
    Circuit {
        quantum_registers: vec![register("q")],
        classical_registers: vec![register("c")],
        statements: operations.into_iter().map(|operation| Statement { operation, line: 0 }).collect(),
    }
}

fn operations(qubits: usize) -> impl Strategy<Value = Operation> {
    prop_oneof![
        10 => gates(qubits).prop_map(Operation::Gate),
        6 => (channels(), places(qubits)).prop_map(|(channel, place)| {
            let qubits = place[..channel.qubits()].to_vec();
            Operation::Channel { channel, qubits }
        }),
        1 => (0..qubits, any::<bool>()).prop_map(|(qubit, kept)| {
            Operation::Measure { qubit, bit: kept.then_some(qubit) }
        }),
        1 => (0..qubits).prop_map(|qubit| Operation::Reset { qubit }),
        1 => (places(qubits), any::<bool>()).prop_map(|(qubits, named)| {
            Operation::Barrier { qubits, snapshot: named.then(|| "here".to_string()) }
        }),
    ]
}

/// All qubits in random order: the place of an operation is the first few.
fn places(qubits: usize) -> impl Strategy<Value = Vec<usize>> {
    Just((0..qubits).collect::<Vec<_>>()).prop_shuffle()
}

/// A gate of one or two unitaries on the same qubits (two as in `ctrl @` of a composite gate), or `id`.
fn gates(qubits: usize) -> impl Strategy<Value = Gate> {
    let body = proptest::collection::vec((shapes(), any::<bool>()), 0..=2);
    (body, places(qubits), any::<[bool; 2]>()).prop_map(|(shapes, place, values)| {
        let body: Vec<Unitary> =
            shapes.into_iter().map(|(shape, swapped)| unitary(shape, swapped, &place, values)).collect();
        let width = body.iter().map(|unitary| unitary.controls.len() + unitary.targets.len()).max().unwrap_or(1);
        Gate { name: "random".into(), qubits: place[..width].to_vec(), body }
    })
}

/// Number of controls and the matrix on the targets.
type Shape = (usize, Matrix);

fn shapes() -> impl Strategy<Value = Shape> {
    prop_oneof![
        3 => one_qubit_matrices().prop_map(|matrix| (0, matrix)),
        3 => one_qubit_matrices().prop_map(|matrix| (1, matrix)),
        1 => one_qubit_matrices().prop_map(|matrix| (2, matrix)),
        2 => two_qubit_matrices().prop_map(|matrix| (0, matrix)),
        1 => two_qubit_matrices().prop_map(|matrix| (1, matrix)),
        1 => (1usize..=3, 0.0..TAU).prop_map(|(controls, angle)| (controls, identity(1).mapv(|one| one * phase(angle)))),
    ]
}

/// The unitary on the first qubits of `place`, which it may take in reverse.
fn unitary((controls, matrix): Shape, swapped: bool, place: &[usize], values: [bool; 2]) -> Unitary {
    let targets = matrix.nrows().trailing_zeros() as usize;
    let mut qubits = place[..controls + targets].to_vec();
    if swapped {
        qubits.reverse();
    }
    let targets = qubits.split_off(controls);
    let controls = qubits.into_iter().enumerate().map(|(index, qubit)| Control { qubit, value: values[index % 2] });
    Unitary { controls: controls.collect(), targets, matrix }
}

/// The usual gates, diagonal ones and permutations among them, and `U(theta, phi, lambda)` anywhere.
fn one_qubit_matrices() -> impl Strategy<Value = Matrix> {
    let half = TAU / 4.0;
    let usual = vec![
        general_rotation(half, 0.0, TAU / 2.0),
        general_rotation(TAU / 2.0, 0.0, TAU / 2.0),
        general_rotation(TAU / 2.0, half, half),
        general_rotation(0.0, 0.0, TAU / 2.0),
        general_rotation(0.0, 0.0, TAU / 8.0),
    ];
    let angles = (0.0..TAU, 0.0..TAU, 0.0..TAU);
    prop_oneof![select(usual), angles.prop_map(|(theta, phi, lambda)| general_rotation(theta, phi, lambda))]
}

fn two_qubit_matrices() -> impl Strategy<Value = Matrix> {
    let swap = Matrix::from_shape_fn((4, 4), |(row, column)| {
        let exchanged = row >> 1 | (row & 1) << 1;
        if exchanged == column { Complex64::ONE } else { Complex64::ZERO }
    });
    let rotations = proptest::collection::vec(one_qubit_matrices(), 4);
    let dense = (rotations, 0.0..TAU).prop_map(|(rotation, angle)| {
        let interaction = Matrix::from_diag(&ndarray::arr1(&[0.0, angle, angle, 0.0]).mapv(phase));
        let after = kronecker(&rotation[0], &rotation[1]);
        multiply(&after, &multiply(&interaction, &kronecker(&rotation[2], &rotation[3])))
    });
    prop_oneof![1 => Just(swap), 4 => dense]
}

/// `U(theta, phi, lambda)` of OpenQASM 2.
pub fn general_rotation(theta: f64, phi: f64, lambda: f64) -> Matrix {
    let (sine, cosine) = (theta / 2.0).sin_cos();
    ndarray::arr2(&[[cosine.into(), -phase(lambda) * sine], [phase(phi) * sine, phase(phi + lambda) * cosine]])
}

/// `e^{i angle}`.
pub fn phase(angle: f64) -> Complex64 {
    Complex64::from_polar(1.0, angle)
}

/// Every named channel with its parameters up to 1/3, so that `pauli_channel` is one too; and any Kraus operators.
fn channels() -> impl Strategy<Value = Channel> {
    let named = (any::<Index>(), proptest::collection::vec(0.0..1.0 / 3.0, 3)).prop_map(|(index, parameters)| {
        let kind = index.get(CHANNELS);
        Channel::named(kind.name, &parameters[..kind.parameters.len()]).expect("these are probabilities")
    });
    prop_oneof![3 => named, 1 => kraus_channels()]
}

/// `K_a (sum_b K_b^dagger K_b)^(-1/2)` of one to three random matrices on one or two qubits.
fn kraus_channels() -> impl Strategy<Value = Channel> {
    let operators = |qubits: usize| {
        let entry = (-1.0..1.0, -1.0..1.0).prop_map(|(re, im)| Complex64::new(re, im));
        let dimension = 1 << qubits;
        let matrix = proptest::collection::vec(entry, dimension * dimension).prop_map(move |entries| {
            // Adding the identity keeps the sum of the products far from singular in all but freak cases.
            Matrix::from_shape_vec((dimension, dimension), entries).expect("as many entries") + identity(dimension)
        });
        proptest::collection::vec(matrix, 1..=3).prop_map(move |operators| (qubits, operators))
    };
    (1usize..=2).prop_flat_map(operators).prop_filter_map("a singular sum", |(qubits, operators)| {
        let dimension = 1 << qubits;
        let sum = operators.iter().fold(Matrix::zeros((dimension, dimension)), |sum, k| sum + multiply(&adjoint(k), k));
        let root = hermitian_function(&sum, |value| value.powf(-0.5).into())?;
        Channel::from_kraus(qubits, operators.iter().map(|k| multiply(k, &root)).collect()).ok()
    })
}
