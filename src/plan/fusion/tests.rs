//! What fusion makes of well-known circuits: counts and prices. (That the effect stays the same, the property tests
//! against the dense density matrix show.)

use super::super::lowering::{Lowered, Program, lower};
use super::super::measurement::resolve;
use super::{cost, fuse_gates, fuse_noise};
use crate::formats::qasm;
use crate::model::channel::CHANNELS;
use crate::model::gate::GATES;
use crate::model::{Circuit, Operation, Register, Statement};
use crate::plan::Action;
use std::f64::consts::TAU;

const QUBITS: usize = 24;

fn gate(name: &str, parameters: &[f64], qubits: &[usize]) -> Operation {
    let kind = GATES.iter().find(|kind| kind.name == name).expect("a gate of the table");
    Operation::Gate(kind.apply(parameters, qubits))
}

fn circuit(operations: Vec<Operation>) -> Circuit {
    let register = |name: &str| vec![Register { name: name.into(), start: 0, size: QUBITS }];
    let statements = operations.into_iter().map(|operation| Statement { operation, line: 1 }).collect();
    Circuit { quantum_registers: register("q"), classical_registers: register("c"), statements }
}

fn fourier() -> Circuit {
    let mut operations = Vec::new();
    for target in (0..QUBITS).rev() {
        operations.push(gate("h", &[], &[target]));
        let phase = |control| gate("cp", &[TAU / 2f64.powi((target - control + 1) as i32)], &[control, target]);
        operations.extend((0..target).rev().map(phase));
    }
    operations.extend((0..QUBITS / 2).map(|qubit| gate("swap", &[], &[qubit, QUBITS - 1 - qubit])));
    circuit(operations)
}

fn brickwork(depth: usize) -> Circuit {
    let mut operations = Vec::new();
    for layer in 0..depth {
        let angle = |qubit: usize| [0.3 + qubit as f64, 0.1 * layer as f64, 1.0];
        operations.extend((0..QUBITS).map(|qubit| gate("u3", &angle(qubit), &[qubit])));
        operations.extend((layer % 2..QUBITS - 1).step_by(2).map(|qubit| gate("cx", &[], &[qubit, qubit + 1])));
    }
    circuit(operations)
}

/// Rounds on a graph of degree 3: a ring and its longest chords.
fn approximate_optimisation(rounds: usize) -> Circuit {
    let mut operations: Vec<Operation> = (0..QUBITS).map(|qubit| gate("h", &[], &[qubit])).collect();
    for round in 0..rounds {
        let edge = |one: usize, other: usize| gate("rzz", &[0.4 + round as f64], &[one, other % QUBITS]);
        operations.extend((0..QUBITS).map(|qubit| edge(qubit, qubit + 1)));
        operations.extend((0..QUBITS / 2).map(|qubit| edge(qubit, qubit + QUBITS / 2)));
        operations.extend((0..QUBITS).map(|qubit| gate("rx", &[0.7], &[qubit])));
    }
    circuit(operations)
}

fn lret(qubits: usize) -> Circuit {
    let path = format!("{}/tests/data/lret/random_n{qubits}_d13_s42.qasm", env!("CARGO_MANIFEST_DIR"));
    let source = std::fs::read(path).unwrap();
    qasm::parse(&source, "lret".as_ref(), &qasm::Options::default(), &mut |_| panic!("nothing is included")).unwrap()
}

fn program(circuit: &Circuit) -> Program {
    lower(circuit.qubits(), &resolve(circuit, false).unwrap().items)
}

fn fuse(actions: Vec<Lowered>, qubits: usize, local: usize, grow_local: bool) -> Vec<Lowered> {
    fuse_gates(fuse_noise(actions, qubits, local, true), local, grow_local)
}

fn price(actions: &[Lowered]) -> f64 {
    actions.iter().map(|lowered| cost(&lowered.action)).sum()
}

fn branches(actions: &[Lowered]) -> usize {
    let of = |lowered: &Lowered| match &lowered.action {
        Action::Channel { channel, .. } => channel.kraus().len() - 1,
        _ => 0,
    };
    actions.iter().map(of).sum()
}

/// (operations, price, branches) before and after.
fn compared(what: &str, circuit: &Circuit) -> [(usize, f64, usize); 2] {
    let before = program(circuit).actions;
    let start = std::time::Instant::now();
    let after = fuse(before.clone(), circuit.qubits(), circuit.qubits(), true);
    println!("{what}: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let operations = |actions: &[Lowered]| actions.iter().map(|lowered| lowered.operations).sum::<usize>();
    assert!(operations(&after) <= operations(&before));
    let numbers = [&before, &after].map(|actions| (actions.len(), price(actions), branches(actions)));
    println!("{what}: {numbers:.2?}");
    numbers
}

#[test]
fn a_fourier_transform_becomes_a_few_diagonals_and_blocks() {
    let [before, after] = compared("fourier", &fourier());
    assert_eq!(before.0, QUBITS + QUBITS * (QUBITS - 1) / 2);
    assert!(after.0 < 60 && after.1 < before.1 / 2.5, "{after:?}");
}

#[test]
fn brickwork_takes_one_block_for_each_entangling_gate_or_less() {
    let [before, after] = compared("brickwork", &brickwork(20));
    assert!(after.0 <= 240 && after.1 < before.1 / 2.5, "{before:?} {after:?}");
}

#[test]
fn sums_of_commuting_terms_become_a_few_diagonals() {
    let [before, after] = compared("qaoa", &approximate_optimisation(4));
    assert!(after.0 < 90 && after.1 < before.1 / 2.0, "{before:?} {after:?}");
}

#[test]
fn noise_is_put_into_the_gates() {
    for qubits in [12, 16, 20] {
        let [before, after] = compared("lret", &lret(qubits));
        assert!(after.0 < before.0 / 3 && after.1 < before.1 / 3.0, "{before:?} {after:?}");
    }
}

#[test]
fn recorded_measurements_stay_alone_and_in_order() {
    let measure = |qubit| Operation::Measure { qubit, bit: Some(qubit) };
    let operations = vec![
        gate("h", &[], &[0]),
        measure(0),
        gate("h", &[], &[0]),
        gate("cx", &[], &[0, 1]),
        measure(1),
        gate("h", &[], &[1]),
    ];
    let circuit = circuit(operations);
    let lowered = lower(circuit.qubits(), &resolve(&circuit, true).unwrap().items).actions;
    let fused = fuse(lowered, QUBITS, QUBITS, true);
    let records: Vec<_> = fused
        .iter()
        .filter_map(|lowered| match &lowered.action {
            Action::Channel { channel, record, .. } => Some((channel.name().to_string(), record.is_some())),
            _ => None,
        })
        .collect();
    assert_eq!(records, [("measure".to_string(), true), ("measure".to_string(), true)]);
}

#[test]
fn gates_that_undo_each_other_vanish() {
    let twice = |name: &str, qubits: &[usize]| [gate(name, &[], qubits), gate(name, &[], qubits)];
    let operations = [twice("h", &[0]), twice("cx", &[1, 2]), twice("swap", &[0, 1])].concat();
    let Program { actions, wires } = program(&circuit(operations));
    assert!(fuse(actions, QUBITS, QUBITS, true).is_empty());
    assert!(wires.into_iter().eq(0..QUBITS));
}

#[test]
fn every_named_channel_fuses_with_the_gates_before_it() {
    for kind in CHANNELS {
        let channel = crate::model::Channel::named(kind.name, &vec![0.01; kind.parameters.len()]).unwrap();
        let qubits: Vec<usize> = (0..channel.qubits()).collect();
        let operations =
            vec![gate("u3", &[0.1, 0.2, 0.3], &[0]), gate("cx", &[], &[0, 1]), Operation::Channel { channel, qubits }];
        assert_eq!(fuse(program(&circuit(operations)).actions, QUBITS, QUBITS, true).len(), 1, "{}", kind.name);
    }
}

#[test]
fn no_gate_needs_more_qubits_local_than_there_are() {
    for local in [1, 2, 3] {
        let needs = |lowered: &Lowered| super::super::placement::needs_local(&lowered.action).len();
        let operations =
            vec![gate("h", &[], &[0]), gate("rzz", &[0.1], &[0, 1]), gate("h", &[], &[1]), gate("h", &[], &[2])];
        let fused = fuse(program(&circuit(operations)).actions, QUBITS, local, true);
        assert!(fused.iter().map(needs).max() <= Some(local), "{fused:?}");
    }
}

#[test]
fn phases_between_two_flips_are_a_diagonal() {
    let around = [gate("cx", &[], &[3, 5]), gate("rz", &[0.3], &[5]), gate("cx", &[], &[3, 5])];
    let fused = fuse(program(&circuit(around.to_vec())).actions, QUBITS, QUBITS, true);
    assert!(matches!(&fused[..], [Lowered { action: Action::Diagonal { .. }, operations: 3, .. }]), "{fused:?}");
}
