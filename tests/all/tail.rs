//! The sampled tail of the low-rank engine against the exact density matrix: unbiased, as uncertain as it says, of the
//! trace that the core lacks, the same on any number of ranks, and without effect on what is certified.
//!
//! Circuits and seeds are fixed, so that a test of chance has one outcome.

use crate::reference::{DensityMatrix, dynamic, random, ranks};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use rhoshard::backend::{Precision, cpu::Cpu};
use rhoshard::comm::{Communicator, Serial};
use rhoshard::config::{Compression, TailShape};
use rhoshard::engine::low_rank::{LowRank, Settings};
use rhoshard::engine::statistics::Statistics;
use rhoshard::engine::{Engine, Final};
use rhoshard::model::{Channel, Circuit, Gate, Operation, PauliString, Unitary};
use rhoshard::plan::{Action, Plan, Request};
use rhoshard::rng::{Purpose, uniform};
use rhoshard::state::Outcome;
use std::rc::Rc;

const QUBITS: usize = 4;
const GROUP: [usize; 3] = [2, 0, 3];

#[derive(Debug, Clone)]
struct Sampling {
    seed: u64,
    cut: f64,
    max_width: usize,
    shape: Option<TailShape>,
    precision: Precision,
}

impl Sampling {
    fn of(cut: f64, seed: u64) -> Sampling {
        let shape = Some(TailShape { blocks: 8, columns: 8 });
        Sampling { seed, cut, max_width: 1 << 12, shape, precision: Precision::Double }
    }
}

#[derive(Debug, Clone)]
struct Found {
    /// Of the core alone: each Pauli string, then each value of the group.
    core: Vec<f64>,
    /// What each block adds to them.
    blocks: Vec<Vec<f64>>,
    /// Trace of the core, and of each block.
    trace: f64,
    traces: Vec<f64>,
    error: f64,
    rank: usize,
    outcomes: Vec<Outcome>,
}

impl Found {
    /// The estimates and their standard errors.
    fn estimates(&self) -> (Vec<f64>, Vec<f64>) {
        let mut statistics = Statistics::new(self.core.len());
        self.blocks.iter().for_each(|values| statistics.add(values));
        let means = self.core.iter().zip(statistics.means()).map(|(core, mean)| core + mean).collect();
        (means, statistics.standard_errors())
    }
}

fn run(world: Rc<dyn Communicator>, circuit: &Circuit, sampling: &Sampling) -> Option<Found> {
    let request = Request { ranks: world.size(), strings: strings(), outcomes: true, ..Request::default() };
    let plan = Plan::new(circuit, &request).unwrap();
    let group = world.split(usize::from(world.rank() >= plan.shards));
    if world.rank() >= plan.shards {
        return None;
    }
    let backend = Cpu::new(sampling.precision);
    let settings = Settings {
        cut: sampling.cut,
        prune: sampling.cut / 10.0,
        compression: Compression::Lazy,
        max_rank: None,
        max_width: sampling.max_width,
        budget: None,
    };
    let start = plan.start.to_physical(0);
    let mut engine = LowRank::from_basis_state(group.into(), &backend, plan.qubits, start, settings).unwrap();
    if let Some(shape) = sampling.shape {
        engine = engine.with_tail(&backend, &plan, shape, sampling.seed).unwrap();
    }
    for step in &plan.steps {
        engine.step(step).unwrap();
    }
    let Action::Measure { layout, overlaps, .. } = &plan.steps.last().unwrap().action else {
        panic!("no measure step")
    };
    let last = Final { layout, overlaps };
    let mut core = engine.pauli_expectations(&plan.strings, last);
    core.extend(engine.marginal(layout, &GROUP));
    let certificate = engine.certificate();
    let draws: Vec<f64> = (0..200).map(|draw| uniform(sampling.seed, Purpose::Shots, draw)).collect();
    let outcomes = engine.sample(layout, certificate.missing(), &draws);
    let (rank, mut blocks, mut traces) = (engine.width(), Vec::new(), Vec::new());
    if let Some(tail) = engine.tail() {
        for block in 0..tail.blocks() {
            let (mut values, groups) = tail.observe(block, &plan.strings, last, &[&GROUP]);
            values.extend(groups.concat());
            blocks.push(values);
        }
        traces = tail.traces();
    }
    Some(Found { core, blocks, trace: certificate.trace, traces, error: certificate.error(), rank, outcomes })
}

fn alone(circuit: &Circuit, sampling: &Sampling) -> Found {
    run(Rc::new(Serial), circuit, sampling).unwrap()
}

fn strings() -> Vec<PauliString> {
    [(0, 1), (0, 0b1001), (0b0110, 0), (0b1010, 0b0011), (0b1111, 0b1111), (0b0001, 0b1000)]
        .map(|(x, z)| PauliString { x, z })
        .to_vec()
}

/// The exact values in the order of [`Found`]; a plan sorts its strings.
fn exact_values(exact: &DensityMatrix) -> Vec<f64> {
    let mut sorted = strings();
    sorted.sort_unstable();
    sorted.iter().map(|string| exact.expectation(*string)).chain(exact.probabilities(&GROUP)).collect()
}

fn rotation(qubit: usize, angle: f64) -> Operation {
    let matrix = random::general_rotation(angle, 0.4, -0.9);
    let unitary = Unitary { controls: Vec::new(), targets: vec![qubit], matrix };
    Operation::Gate(Gate { name: "u".into(), qubits: vec![qubit], body: vec![unitary] })
}

fn noise(name: &str, parameters: &[f64], qubits: &[usize]) -> Operation {
    Operation::Channel { channel: Channel::named(name, parameters).unwrap(), qubits: qubits.to_vec() }
}

/// Amplitude damping, whose branches have probabilities that depend on the state, Pauli noise, measurements whose
/// outcomes are kept, and resets.
fn damped() -> Circuit {
    let mut operations = Vec::new();
    for layer in 0..4 {
        for qubit in 0..QUBITS {
            operations.push(rotation(qubit, 0.7 + 0.3 * (qubit + layer) as f64));
            operations.push(noise("amplitude_damping", &[0.03], &[qubit]));
        }
        operations.push(noise("two_qubit_depolarizing", &[0.02], &[layer, (layer + 1) % QUBITS]));
        if layer == 1 {
            operations.push(Operation::Measure { qubit: 2, bit: Some(1) });
            operations.push(rotation(2, 0.4));
        }
        if layer == 2 {
            operations.push(Operation::Reset { qubit: 1 });
        }
    }
    random::circuit(QUBITS, operations)
}

/// Circuits with conditions on measured bits, the same ones every time.
fn dynamic_circuits(count: usize) -> Vec<Circuit> {
    let mut runner = TestRunner::deterministic();
    let strategy = random::dynamic_circuits(QUBITS, 12);
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// Over many seeds: within 3.3 standard errors of the exact value for every quantity, and a spread as stated.
fn check_over_seeds(circuit: &Circuit, sampling: &Sampling, seeds: u64) {
    let exact = exact_values(&DensityMatrix::run(circuit));
    let runs: Vec<(Vec<f64>, Vec<f64>)> =
        (0..seeds).map(|seed| alone(circuit, &Sampling { seed, ..sampling.clone() }).estimates()).collect();
    for (quantity, expected) in exact.iter().enumerate() {
        let mean = runs.iter().map(|run| run.0[quantity]).sum::<f64>() / seeds as f64;
        let spread = runs.iter().map(|run| (run.0[quantity] - mean).powi(2)).sum::<f64>() / (seeds - 1) as f64;
        let stated = runs.iter().map(|run| run.1[quantity].powi(2)).sum::<f64>() / seeds as f64;
        let (bias, spread, stated) = (mean - expected, spread.sqrt(), stated.sqrt());
        assert!(
            bias.abs() <= 3.3 * spread / (seeds as f64).sqrt() + 1e-12,
            "quantity {quantity}: bias {bias:e}, spread {spread:e}"
        );
        let ratio = spread / stated;
        assert!(spread < 1e-12 || (0.9..1.1).contains(&ratio), "quantity {quantity}: spread over stderr {ratio}");
    }
}

#[test]
fn a_thousand_seeds_show_no_bias_and_the_stated_spread() {
    let sampling = Sampling::of(0.02, 0);
    let found = alone(&damped(), &sampling);
    assert!(found.error > 0.05, "the core must leave something to the tail: {}", found.error);
    check_over_seeds(&damped(), &sampling, 1000);
}

#[test]
fn small_blocks_that_merge_all_the_time_are_unbiased_too() {
    let shape = Some(TailShape { blocks: 6, columns: 2 });
    check_over_seeds(&damped(), &Sampling { shape, ..Sampling::of(0.01, 0) }, 1000);
}

#[test]
fn a_core_that_memory_limits_leaves_the_rest_to_the_tail() {
    let sampling = Sampling { max_width: 4, ..Sampling::of(1e-4, 0) };
    check_over_seeds(&damped(), &sampling, 1000);
}

#[test]
fn core_and_every_block_of_the_tail_have_trace_one() {
    let mut circuits = dynamic_circuits(20);
    circuits.extend((0..10).map(|seed| random::random_circuit(QUBITS, 40, seed)));
    circuits.push(damped());
    for circuit in circuits {
        for cut in [1e-3, 0.03, 0.2] {
            let found = alone(&circuit, &Sampling::of(cut, 5));
            for (trace, values) in found.traces.iter().zip(&found.blocks) {
                assert!((found.trace + trace - 1.0).abs() < 1e-11, "{} and {trace}", found.trace);
                let probabilities: f64 = values[strings().len()..].iter().sum();
                assert!((probabilities - trace).abs() < 1e-11, "{probabilities} is not {trace}");
            }
        }
    }
}

#[test]
fn nothing_that_is_certified_depends_on_the_tail() {
    let mut circuits = dynamic_circuits(10);
    circuits.extend([damped(), random::random_circuit(QUBITS, 40, 5)]);
    for circuit in circuits {
        let shapes = [Sampling::of(0.01, 9).shape, None];
        let [with, without] = shapes.map(|shape| alone(&circuit, &Sampling { shape, ..Sampling::of(0.01, 9) }));
        assert_eq!(with.rank, without.rank);
        // The order in which products are summed is all that may differ.
        let of = |found: &Found| [&found.core[..], &[found.trace, found.error]].concat();
        for (one, other) in of(&with).into_iter().zip(of(&without)) {
            assert!((one - other).abs() < 1e-14, "{one} is not {other}");
        }
    }
}

#[test]
fn the_number_of_ranks_changes_nothing() {
    let mut circuits = dynamic_circuits(6);
    circuits.extend([damped(), random::random_circuit(QUBITS, 40, 5)]);
    for circuit in circuits {
        for cut in [1e-3, 0.05] {
            let sampling = Sampling::of(cut, 3);
            let (means, errors) = alone(&circuit, &sampling).estimates();
            for size in [2, 3, 4, 8] {
                for found in ranks::run(size, |comm| run(comm.into(), &circuit, &sampling)).iter().flatten() {
                    let (other_means, other_errors) = found.estimates();
                    let pairs = means.iter().zip(&other_means).chain(errors.iter().zip(&other_errors));
                    // Superpositions take their phases from overlaps, whose rounding they magnify.
                    for (one, other) in pairs {
                        assert!((one - other).abs() < 1e-9, "{size} ranks: {other} is not {one}");
                    }
                }
            }
        }
    }
}

#[test]
fn conditional_circuits_are_unbiased() {
    for circuit in dynamic_circuits(4) {
        let exact = exact_values(&dynamic::sum(&dynamic::run(&circuit)));
        let runs: Vec<(Vec<f64>, Vec<f64>)> =
            (0..300).map(|seed| alone(&circuit, &Sampling::of(0.03, seed)).estimates()).collect();
        for (quantity, expected) in exact.iter().enumerate() {
            let values: Vec<f64> = runs.iter().map(|run| run.0[quantity]).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let spread = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64;
            let allowed = 4.0 * (spread / values.len() as f64).sqrt() + 1e-11;
            assert!((mean - expected).abs() <= allowed, "{mean} is not {expected}");
        }
    }
}

#[test]
fn outcomes_come_from_core_and_tail_together() {
    let circuit = damped();
    let exact = DensityMatrix::run(&circuit).probabilities(&[0, 1, 2, 3]);
    let mut frequencies = [0.0; 16];
    const SEEDS: u64 = 200;
    for seed in 0..SEEDS {
        let outcomes = alone(&circuit, &Sampling::of(0.05, seed)).outcomes;
        let share = 1.0 / (outcomes.len() as u64 * SEEDS) as f64;
        outcomes.iter().for_each(|outcome| frequencies[outcome.index as usize] += share);
    }
    for (frequency, expected) in frequencies.iter().zip(exact) {
        // Of 40000 draws, 4 standard deviations.
        assert!((frequency - expected).abs() < 0.02 * expected.sqrt() + 1e-3, "{frequency} is not {expected}");
    }
}

#[test]
fn single_precision_tails_agree_with_double_precision() {
    let sampling = Sampling { precision: Precision::Single, ..Sampling::of(0.02, 0) };
    check_over_seeds(&damped(), &sampling, 300);
}
