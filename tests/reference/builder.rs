//! Circuits written by hand from the model's types, for tests that must not depend on a reader.

use super::random::{circuit, general_rotation, phase};
use super::recorded::data;
use rhoshard::linalg::Matrix;
use rhoshard::model::{Channel, Circuit, Control, Gate, NoiseRule, Operation, Unitary};
use std::f64::consts::PI;

/// Collects operations; each gate is followed by the noise of the rule.
#[derive(Default)]
pub struct Builder {
    noise: NoiseRule,
    operations: Vec<Operation>,
}

impl Builder {
    /// No operations yet.
    pub fn new(noise: NoiseRule) -> Self {
        Builder { noise, operations: Vec::new() }
    }

    /// The circuit of what was collected.
    pub fn finish(self, qubits: usize) -> Circuit {
        circuit(qubits, self.operations)
    }

    /// `x`, `h`, `rz(angle)` and so on on the last of `qubits`, the others controls: `cx` is `x` on two qubits.
    pub fn gate(&mut self, name: &str, angle: f64, qubits: &[usize]) -> &mut Self {
        let (target, controls) = qubits.split_last().expect("a gate has a qubit");
        let controls = controls.iter().map(|qubit| Control { qubit: *qubit, value: true }).collect();
        let unitary = Unitary { controls, targets: vec![*target], matrix: one_qubit_matrix(name, angle) };
        self.operations.push(Operation::Gate(Gate { name: name.into(), qubits: qubits.into(), body: vec![unitary] }));
        match qubits.len() {
            2 => self.depolarize("two_qubit_depolarizing", self.noise.two_qubit, qubits),
            _ => qubits.chunks(1).for_each(|one| self.depolarize("depolarizing", self.noise.one_qubit, one)),
        }
        self
    }

    /// A depolarizing channel, unless its probability is zero.
    pub fn depolarize(&mut self, name: &str, probability: f64, qubits: &[usize]) {
        if probability > 0.0 {
            let channel = Channel::named(name, &[probability]).expect("a probability");
            self.operations.push(Operation::Channel { channel, qubits: qubits.into() });
        }
    }
}

/// GHZ: `h` on qubit 0 and a chain of `cx`.
pub fn ghz(qubits: usize, noise: NoiseRule) -> Circuit {
    let mut builder = Builder::new(noise);
    builder.gate("h", 0.0, &[0]);
    (1..qubits).for_each(|qubit| _ = builder.gate("x", 0.0, &[qubit - 1, qubit]));
    builder.finish(qubits)
}

/// `adder_n10` of QASMBench: carry-in 0, `a` 1 to 4, `b` 5 to 8, carry-out 9; a = 0001, b = 1111.
pub fn adder(noise: NoiseRule) -> Circuit {
    let mut builder = Builder::new(noise);
    for qubit in [1, 5, 6, 7, 8] {
        builder.gate("x", 0.0, &[qubit]);
    }
    let carries = [[0, 5, 1], [1, 6, 2], [2, 7, 3], [3, 8, 4]];
    for [a, b, c] in carries {
        builder.gate("x", 0.0, &[c, b]).gate("x", 0.0, &[c, a]).gate("x", 0.0, &[a, b, c]);
    }
    builder.gate("x", 0.0, &[4, 9]);
    for [a, b, c] in carries.into_iter().rev() {
        builder.gate("x", 0.0, &[a, b, c]).gate("x", 0.0, &[c, a]).gate("x", 0.0, &[a, b]);
    }
    builder.finish(10)
}

/// The random circuit of `qubits` qubits (6, 8, 10 or 12) and this seed (42 to 44) under `tests/data/lret`.
pub fn lret(qubits: usize, seed: u64) -> Circuit {
    let path = data().join(format!("lret/random_n{qubits}_d13_s{seed}.qasm"));
    let text = std::fs::read_to_string(path).expect("the circuits are committed");
    let mut builder = Builder::default();
    let skipped = ["OPENQASM", "//", "include", "qubit"];
    for line in text.lines().filter(|line| !skipped.iter().any(|start| line.starts_with(start))) {
        lret_line(&mut builder, line);
    }
    builder.finish(qubits)
}

/// `name q[i];`, `name(angle) q[i];`, `name q[i], q[j];` or `#pragma braket noise depolarizing(p) q[i]`.
fn lret_line(builder: &mut Builder, line: &str) {
    let (head, places) = line.split_once("q[").expect("every line names a qubit");
    let number = |text: &str| text.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("a qubit number");
    let qubits: Vec<usize> = places.split(',').map(number).collect();
    let (name, angle) = match head.trim().split_once('(') {
        Some((name, angle)) => (name, angle.trim_end_matches(')').parse().expect("an angle")),
        None => (head.trim(), 0.0),
    };
    match name {
        "#pragma braket noise depolarizing" => builder.depolarize("depolarizing", angle, &qubits),
        "cx" | "cz" => _ = builder.gate(&name[1..], angle, &qubits),
        _ => _ = builder.gate(name, angle, &qubits),
    }
}

fn one_qubit_matrix(name: &str, angle: f64) -> Matrix {
    match name {
        "h" => general_rotation(PI / 2.0, 0.0, PI),
        "x" => general_rotation(PI, 0.0, PI),
        "y" => general_rotation(PI, PI / 2.0, PI / 2.0),
        "z" => general_rotation(0.0, 0.0, PI),
        "s" => general_rotation(0.0, 0.0, PI / 2.0),
        "t" => general_rotation(0.0, 0.0, PI / 4.0),
        "rx" => general_rotation(angle, -PI / 2.0, PI / 2.0),
        "ry" => general_rotation(angle, 0.0, 0.0),
        "rz" => general_rotation(0.0, 0.0, angle).mapv(|entry| entry * phase(-angle / 2.0)),
        _ => panic!("no gate {name} here"),
    }
}
