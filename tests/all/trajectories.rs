//! Sampled trajectories against the exact density matrix, within their own standard errors, on any number of ranks.
//!
//! Circuits and seeds are fixed, so that a test of chance has one outcome.

use crate::reference::{DensityMatrix, dynamic, random, ranks};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use rhoshard::backend::{Precision, cpu::Cpu};
use rhoshard::comm::grid::{Grid, Shape};
use rhoshard::comm::{Communicator, Serial};
use rhoshard::engine::statistics::Statistics;
use rhoshard::engine::trajectories::{BATCH, Trajectories};
use rhoshard::engine::{Engine, Final};
use rhoshard::model::{Channel, Circuit, Gate, Operation, PauliString, Unitary};
use rhoshard::plan::{Action, BitSource, Plan, Request};
use rhoshard::rng::{Purpose, uniform};
use rhoshard::state::Outcome;

const QUBITS: usize = 4;
const GROUP: [usize; 3] = [2, 0, 3];

/// What is sampled.
#[derive(Debug, Clone)]
struct Sampling {
    seed: u64,
    batches: u64,
    precision: Precision,
    /// Ranks of each state at most.
    rows: usize,
    request: Request,
}

impl Sampling {
    fn of(strings: &[PauliString], batches: u64) -> Sampling {
        let request = Request { strings: strings.to_vec(), fuse_noise: false, outcomes: true, ..Request::default() };
        Sampling { seed: 1, batches, precision: Precision::Double, rows: 1, request }
    }

    fn trajectories(&self) -> f64 {
        (self.batches * BATCH as u64) as f64
    }
}

/// What was found: of each Pauli string, then of each value of the group.
#[derive(Debug, Clone)]
struct Found {
    means: Vec<f64>,
    errors: Vec<f64>,
    outcomes: Vec<Outcome>,
    bits: Vec<BitSource>,
}

/// One rank's part; its outcomes are those of its own batches.
fn run(world: &dyn Communicator, circuit: &Circuit, sampling: &Sampling) -> Option<Found> {
    let request = Request { ranks: sampling.rows, ..sampling.request.clone() };
    let plan = Plan::new(circuit, &request).unwrap();
    let shape = Shape { rows: plan.shards, ensemble: world.size() / plan.shards, sweep: 1 };
    let grid = Grid::split(world, shape).unwrap();
    let place = grid.place?;
    let backend = Cpu::new(sampling.precision);
    let mut engine = Trajectories::from_basis_state(grid.rows.into(), &backend, &plan, 0, sampling.seed).unwrap();
    let mut statistics = Statistics::new(plan.strings.len() + (1 << GROUP.len()));
    let mut outcomes = Vec::new();
    for batch in (place.member as u64..sampling.batches).step_by(shape.ensemble) {
        engine.begin(batch).unwrap();
        plan.steps.iter().for_each(|step| assert_eq!(engine.step(step).unwrap().width, BATCH));
        let Action::Measure { layout, overlaps, .. } = &plan.steps.last().unwrap().action else {
            panic!("no measure step")
        };
        let mut values = engine.pauli_expectations(&plan.strings, Final { layout, overlaps });
        values.extend(engine.marginal(layout, &GROUP));
        statistics.add(&values);
        let shots = batch * BATCH as u64..(batch + 1) * BATCH as u64;
        let draws: Vec<f64> = shots.map(|shot| uniform(sampling.seed, Purpose::Shots, shot)).collect();
        outcomes.extend(engine.sample(layout, 0.0, &draws));
    }
    let all = statistics.over(&*grid.ensemble);
    assert_eq!(all.batches(), sampling.batches);
    Some(Found { means: all.means().to_vec(), errors: all.standard_errors(), outcomes, bits: plan.bits })
}

fn alone(circuit: &Circuit, sampling: &Sampling) -> Found {
    run(&Serial, circuit, sampling).unwrap()
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

/// Within 5 standard errors, and what branches too rare to be met can hide.
fn check(exact: &DensityMatrix, found: &Found, trajectories: f64) {
    for ((expected, mean), error) in exact_values(exact).iter().zip(&found.means).zip(&found.errors) {
        let allowed = 5.0 * error + 10.0 / trajectories + 1e-12;
        assert!((mean - expected).abs() <= allowed, "{mean} is not {expected} within {error}");
    }
}

#[test]
fn estimates_agree_with_the_exact_state() {
    for seed in 0..12 {
        let circuit = random::random_circuit(QUBITS, 30, seed);
        let exact = DensityMatrix::run(&circuit);
        for fuse in [false, true] {
            let mut sampling = Sampling::of(&strings(), 150);
            sampling.request.fuse = fuse;
            sampling.request.outcomes = false;
            check(&exact, &alone(&circuit, &sampling), sampling.trajectories());
        }
    }
}

#[test]
fn single_precision_estimates_agree_with_the_exact_state() {
    let circuit = random::random_circuit(QUBITS, 40, 77);
    let sampling = Sampling { precision: Precision::Single, ..Sampling::of(&strings(), 200) };
    check(&DensityMatrix::run(&circuit), &alone(&circuit, &sampling), sampling.trajectories());
}

fn rotation(qubit: usize, angle: f64) -> Operation {
    let matrix = random::general_rotation(angle, 0.4, -0.9);
    let unitary = Unitary { controls: Vec::new(), targets: vec![qubit], matrix };
    Operation::Gate(Gate { name: "u".into(), qubits: vec![qubit], body: vec![unitary] })
}

fn noise(name: &str, parameters: &[f64], qubit: usize) -> Operation {
    Operation::Channel { channel: Channel::named(name, parameters).unwrap(), qubits: vec![qubit] }
}

/// Noise whose branches have probabilities that depend on the state.
fn damped() -> Circuit {
    let mut operations = Vec::new();
    for layer in 0..4 {
        for qubit in 0..QUBITS {
            operations.push(rotation(qubit, 0.7 + 0.3 * (qubit + layer) as f64));
            operations.push(noise("amplitude_damping", &[0.08], qubit));
        }
        operations.push(noise("generalized_amplitude_damping", &[0.1, 0.3], layer));
        operations.push(noise("phase_damping", &[0.2], (layer + 1) % QUBITS));
    }
    random::circuit(QUBITS, operations)
}

#[test]
fn general_channels_are_unbiased() {
    let (circuit, sampling) = (damped(), Sampling::of(&strings(), 4000));
    let (exact, found) = (DensityMatrix::run(&circuit), alone(&circuit, &sampling));
    let deviations = exact_values(&exact).into_iter().zip(&found.means).zip(&found.errors);
    let squares: Vec<f64> = deviations.map(|((expected, mean), error)| ((mean - expected) / error).powi(2)).collect();
    assert!(squares.iter().all(|square| *square < 16.0), "{squares:?}");
    assert!(found.errors.iter().all(|error| *error < 4e-3));
}

#[test]
fn the_spread_over_seeds_is_the_standard_error() {
    const SEEDS: u64 = 150;
    let circuit = damped();
    let runs: Vec<Found> = (0..SEEDS)
        .map(|seed| alone(&circuit, &Sampling { seed: 100 + seed, ..Sampling::of(&strings(), 12) }))
        .collect();
    let mut ratios = Vec::new();
    for quantity in 0..runs[0].means.len() {
        let mean = runs.iter().map(|run| run.means[quantity]).sum::<f64>() / SEEDS as f64;
        let spread = runs.iter().map(|run| (run.means[quantity] - mean).powi(2)).sum::<f64>() / (SEEDS - 1) as f64;
        let stated = runs.iter().map(|run| run.errors[quantity].powi(2)).sum::<f64>() / SEEDS as f64;
        ratios.push(spread / stated);
    }
    // The relative spread of a variance of 150 values is 0.12.
    assert!(ratios.iter().all(|ratio| (0.5..1.6).contains(ratio)), "{ratios:?}");
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    assert!((0.85..1.15).contains(&mean), "{mean}");
}

/// Circuits with conditions on measured bits, the same ones every time.
fn dynamic_circuits(count: usize) -> Vec<Circuit> {
    let mut runner = TestRunner::deterministic();
    let strategy = random::dynamic_circuits(QUBITS, 12);
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// Frequencies of the bits (above) and the qubits (below) together.
fn joint(found: &Found) -> Vec<f64> {
    let mut frequencies = vec![0.0; 1 << (2 * QUBITS)];
    for outcome in &found.outcomes {
        let bit = |(place, source): (usize, &BitSource)| match source {
            BitSource::Register(slot) => (outcome.register >> slot & 1) << place,
            BitSource::Zero => 0,
            BitSource::Qubit(_) => panic!("no measurement is final"),
        };
        let bits: u64 = found.bits.iter().enumerate().map(bit).sum();
        frequencies[(bits << QUBITS | outcome.index) as usize] += 1.0 / found.outcomes.len() as f64;
    }
    frequencies
}

#[test]
fn measured_bits_decide_what_happens() {
    for circuit in dynamic_circuits(20) {
        let branches = dynamic::run(&circuit);
        let sampling = Sampling::of(&strings(), 120);
        let (found, trajectories) = (alone(&circuit, &sampling), sampling.trajectories());
        check(&dynamic::sum(&branches), &found, trajectories);
        let mut expected = vec![0.0; 1 << (2 * QUBITS)];
        for (bits, state) in &branches {
            let all: Vec<usize> = (0..QUBITS).collect();
            for (index, weight) in state.probabilities(&all).iter().enumerate() {
                expected[(*bits as usize) << QUBITS | index] = *weight;
            }
        }
        for (frequency, expected) in joint(&found).iter().zip(&expected) {
            let allowed = 5.0 * (expected * (1.0 - expected) / trajectories).max(0.0).sqrt() + 5.0 / trajectories;
            assert!((frequency - expected).abs() <= allowed, "{frequency} is not {expected}");
            assert!(*expected > 1e-13 || *frequency == 0.0, "an impossible outcome");
        }
    }
}

#[test]
fn the_number_of_ranks_changes_nothing() {
    let mut circuits = dynamic_circuits(4);
    circuits.extend([damped(), random::random_circuit(QUBITS, 40, 5)]);
    for circuit in circuits {
        let sampling = Sampling::of(&strings(), 7);
        let one = alone(&circuit, &sampling);
        for (size, rows) in [(2, 1), (3, 1), (4, 1), (2, 2), (3, 2), (4, 2), (4, 4)] {
            let sampling = Sampling { rows, ..sampling.clone() };
            let all: Vec<Option<Found>> = ranks::run(size, |comm| run(&*comm, &circuit, &sampling));
            for found in all.iter().flatten() {
                for (mean, expected) in found.means.iter().zip(&one.means) {
                    assert!((mean - expected).abs() < 1e-12, "{size} ranks: {mean} is not {expected}");
                }
                for (error, expected) in found.errors.iter().zip(&one.errors) {
                    assert!((error - expected).abs() < 1e-12, "{size} ranks: {error} is not {expected}");
                }
            }
            let first = all[0].as_ref().unwrap();
            assert_eq!(first.outcomes[..BATCH], one.outcomes[..BATCH], "the first batch is the first member's");
        }
    }
}

#[test]
fn trajectories_keep_their_norm_through_many_measurements() {
    let mut operations = Vec::new();
    for _ in 0..400 {
        operations.push(rotation(0, 1.3));
        operations.push(Operation::Measure { qubit: 0, bit: None });
    }
    operations.push(rotation(0, 0.2));
    let circuit = random::circuit(QUBITS, operations);
    let sampling = Sampling { precision: Precision::Single, ..Sampling::of(&strings(), 40) };
    check(&DensityMatrix::run(&circuit), &alone(&circuit, &sampling), sampling.trajectories());
}

#[test]
fn channels_are_left_as_the_circuit_has_them() {
    let circuit = damped();
    let channels = |fuse_noise: bool, ranks: usize| {
        let plan = Plan::new(&circuit, &Request { fuse_noise, ranks, ..Request::default() }).unwrap();
        let kinds = plan.steps.iter().filter_map(|step| step.action.channel());
        kinds.map(|channel| channel.name().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(channels(false, 1).len(), 4 * (QUBITS + 2));
    assert!(channels(false, 1).iter().all(|name| name != "fused"));
    assert!(channels(true, 1).len() < channels(false, 1).len());
    assert_eq!(channels(false, 1), channels(false, 4));
}
