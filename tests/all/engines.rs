//! Every engine against the exact density matrix, on any number of ranks; so each against every other.

use crate::reference::{DensityMatrix, dynamic, random, ranks};
use num_complex::Complex64;
use proptest::prelude::*;
use rhoshard::backend::{Precision, cpu::Cpu};
use rhoshard::comm::Communicator;
use rhoshard::config::Compression;
use rhoshard::engine::certificate::Certificate;
use rhoshard::engine::density::Density;
use rhoshard::engine::low_rank::{LowRank, Settings};
use rhoshard::engine::statevector::Statevector;
use rhoshard::engine::{Engine, Final};
use rhoshard::model::{Circuit, Operation, PauliString, PauliSum};
use rhoshard::plan::{Action, BitSource, Plan, Request};
use rhoshard::state::Outcome;
use std::rc::Rc;

const QUBITS: usize = 4;
/// What the oracle's own rounding can amount to.
const ORACLE: f64 = 1e-13;
const GROUP: [usize; 3] = [2, 0, 3];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    LowRank,
    Density,
    Statevector,
}

/// What an engine says at the end, on one rank.
#[derive(Debug, Clone)]
struct Said {
    certificate: Certificate,
    strings: Vec<PauliString>,
    expectations: Vec<f64>,
    marginal: Vec<f64>,
    purity: (f64, f64),
    outcomes: Vec<Outcome>,
    bits: Vec<BitSource>,
    sent: u64,
    predicted: u64,
}

fn start(kind: Kind, comm: Rc<dyn Communicator>, precision: Precision, plan: &Plan) -> Box<dyn Engine> {
    let (backend, physical) = (Cpu::new(precision), plan.start.to_physical(0));
    let settings = Settings {
        cut: 0.0,
        prune: 0.0,
        compression: Compression::Lazy,
        max_rank: None,
        max_width: 4096,
        budget: None,
    };
    match kind {
        Kind::LowRank => Box::new(LowRank::from_basis_state(comm, &backend, plan.qubits, physical, settings).unwrap()),
        Kind::Density => Box::new(Density::from_basis_state(comm, &backend, plan, 0).unwrap()),
        Kind::Statevector => Box::new(Statevector::from_basis_state(comm, &backend, plan.qubits, physical).unwrap()),
    }
}

/// The plan run on this rank; nothing where it is idle.
fn run(
    kind: Kind,
    comm: Box<dyn Communicator>,
    circuit: &Circuit,
    precision: Precision,
    request: Request,
) -> Option<Said> {
    let request = Request { ranks: comm.size(), density: kind == Kind::Density, ..request };
    let plan = Plan::new(circuit, &request).unwrap();
    let group = comm.split(usize::from(comm.rank() >= plan.shards));
    if comm.rank() >= plan.shards {
        return None;
    }
    let mut engine = start(kind, group.into(), precision, &plan);
    let mut predicted = 0;
    for step in &plan.steps {
        let report = engine.step(step).unwrap();
        // Nothing is asked at a snapshot here.
        if !matches!(step.action, Action::Measure { snapshot: Some(_), .. }) {
            predicted += plan.cost(&step.action, precision.amplitude_bytes()).sent * report.width as u64;
        }
    }
    let Action::Measure { layout, overlaps, .. } = &plan.steps.last().unwrap().action else {
        panic!("no measure step")
    };
    let draws: Vec<f64> = (0..4096).map(|draw| (f64::from(draw) + 0.5) / 4096.0).collect();
    Some(Said {
        certificate: engine.certificate(),
        expectations: engine.pauli_expectations(&plan.strings, Final { layout, overlaps }),
        marginal: engine.marginal(layout, &GROUP),
        purity: engine.purity().unwrap(),
        outcomes: engine.sample(layout, 0.0, &draws),
        sent: engine.sent(),
        predicted,
        strings: plan.strings,
        bits: plan.bits,
    })
}

fn on_ranks(kind: Kind, size: usize, circuit: &Circuit, precision: Precision, request: &Request) -> Vec<Said> {
    ranks::run(size, |comm| run(kind, comm, circuit, precision, request.clone())).into_iter().flatten().collect()
}

/// The values and their intervals against the exact ones.
fn check(exact: &DensityMatrix, said: &Said, tolerance: f64) {
    for (string, raw) in said.strings.iter().zip(&said.expectations) {
        let raw = if string.is_identity() { 0.0 } else { *raw };
        let certified = said.certificate.observable(&PauliSum { terms: vec![(1.0, *string)] }, raw);
        let expected = exact.expectation(*string);
        assert!((certified.value - expected).abs() < tolerance, "{string}: {} is not {expected}", certified.value);
        assert!(certified.lower - ORACLE <= expected && expected <= certified.upper + ORACLE, "{string}");
    }
    for (found, expected) in said.marginal.iter().zip(exact.probabilities(&GROUP)) {
        assert!((found - expected).abs() < tolerance, "probability {found} is not {expected}");
    }
    let purity = said.certificate.purity(said.purity.0, said.purity.1, QUBITS);
    let expected = exact.purity();
    assert!((said.purity.0 - expected).abs() < tolerance, "purity {} is not {expected}", said.purity.0);
    assert!(purity.lower - ORACLE <= expected && expected <= purity.upper + ORACLE);
}

/// Only the gates.
fn noiseless(circuit: Circuit) -> Circuit {
    let is_gate = |operation: &Operation| matches!(operation, Operation::Gate(_));
    let statements = circuit.statements.into_iter().filter(|statement| is_gate(&statement.operation)).collect();
    Circuit { statements, ..circuit }
}

fn strings() -> impl Strategy<Value = Vec<PauliString>> {
    proptest::collection::vec(random::pauli_strings(QUBITS), 6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn engines_agree_with_the_exact_state(circuit in random::circuits(QUBITS, 30), strings in strings(), fuse: bool) {
        let exact = DensityMatrix::run(&circuit);
        let request = Request { strings, fuse, ..Request::default() };
        for kind in [Kind::LowRank, Kind::Density] {
            check(&exact, &on_ranks(kind, 1, &circuit, Precision::Double, &request)[0], 1e-11);
        }
        let circuit = noiseless(circuit);
        let exact = DensityMatrix::run(&circuit);
        for kind in [Kind::LowRank, Kind::Density, Kind::Statevector] {
            check(&exact, &on_ranks(kind, 1, &circuit, Precision::Double, &request)[0], 1e-11);
        }
    }

    #[test]
    fn the_number_of_ranks_changes_nothing(circuit in random::circuits(QUBITS, 30), strings in strings(), fuse: bool) {
        let exact = DensityMatrix::run(&circuit);
        let request = Request { strings, fuse, ..Request::default() };
        let pure = noiseless(circuit.clone());
        let exact_pure = DensityMatrix::run(&pure);
        for size in [2, 3, 4, 8] {
            for (kind, circuit, exact) in [(Kind::Density, &circuit, &exact), (Kind::Statevector, &pure, &exact_pure)] {
                let all = on_ranks(kind, size, circuit, Precision::Double, &request);
                check(exact, &all[0], 1e-11);
                for said in &all {
                    prop_assert_eq!(&said.expectations, &all[0].expectations);
                    prop_assert_eq!(&said.outcomes, &all[0].outcomes);
                    if kind == Kind::Density {
                        prop_assert_eq!(said.sent, said.predicted, "bytes sent are the plan's");
                    }
                }
            }
        }
    }

    #[test]
    fn outcomes_of_earlier_measurements_are_drawn_alike(circuit in random::circuits(QUBITS, 30)) {
        let request = Request { outcomes: true, ..Request::default() };
        let low_rank = &on_ranks(Kind::LowRank, 1, &circuit, Precision::Double, &request)[0];
        let density = &on_ranks(Kind::Density, 2, &circuit, Precision::Double, &request)[0];
        prop_assert!((low_rank.purity.0 - density.purity.0).abs() < 1e-11);
        // A draw next to the border of two outcomes may fall to either side.
        let different = low_rank.outcomes.iter().zip(&density.outcomes).filter(|(one, other)| one != other).count();
        prop_assert!(different <= 5, "{} of {} draws differ", different, density.outcomes.len());
    }

    #[test]
    fn single_precision_stays_within_its_stated_rounding(circuit in random::circuits(QUBITS, 20), strings in strings()) {
        let exact = DensityMatrix::run(&circuit);
        let request = Request { strings, ..Request::default() };
        let said = &on_ranks(Kind::Density, 1, &circuit, Precision::Single, &request)[0];
        check(&exact, said, said.certificate.rounding);
    }
}

/// Probabilities of the bits (above) and the qubits (below) together, by many even draws.
fn joint(said: &Said) -> Vec<f64> {
    let mut found = vec![0.0; 1 << (2 * QUBITS)];
    for outcome in &said.outcomes {
        let bit = |(place, source): (usize, &BitSource)| match source {
            BitSource::Register(slot) => (outcome.register >> slot & 1) << place,
            BitSource::Zero => 0,
            BitSource::Qubit(_) => panic!("no measurement is final"),
        };
        let bits: u64 = said.bits.iter().enumerate().map(bit).sum();
        found[(bits << QUBITS | outcome.index) as usize] += 1.0 / said.outcomes.len() as f64;
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn measured_bits_decide_what_happens(
        circuit in random::dynamic_circuits(QUBITS, 12),
        strings in strings(),
        fuse: bool,
        outcomes: bool,
    ) {
        let branches = dynamic::run(&circuit);
        let exact = dynamic::sum(&branches);
        let request = Request { strings, fuse, outcomes, ..Request::default() };
        for (kind, ranks) in [(Kind::LowRank, 1), (Kind::Density, 1), (Kind::LowRank, 4), (Kind::Density, 4)] {
            let said = &on_ranks(kind, ranks, &circuit, Precision::Double, &request)[0];
            check(&exact, said, 1e-11);
            if outcomes {
                let mut expected = vec![0.0; 1 << (2 * QUBITS)];
                for (bits, state) in &branches {
                    let all: Vec<usize> = (0..QUBITS).collect();
                    for (index, weight) in state.probabilities(&all).iter().enumerate() {
                        expected[(*bits as usize) << QUBITS | index] = *weight;
                    }
                }
                for (found, expected) in joint(said).iter().zip(&expected) {
                    prop_assert!((found - expected).abs() <= 2.0 / said.outcomes.len() as f64 + 1e-11);
                }
            }
        }
    }
}

#[test]
fn a_density_matrix_keeps_its_trace_and_has_no_imaginary_diagonal() {
    let circuit = random::random_circuit(QUBITS, 80, 11);
    let said = &on_ranks(Kind::Density, 4, &circuit, Precision::Double, &Request::default())[0];
    assert!((said.certificate.trace - 1.0).abs() < 1e-13);
    assert!(said.certificate.rounding < 1e-10);
    let sum: Complex64 = said.marginal.iter().map(|value| Complex64::from(*value)).sum();
    assert!((sum - 1.0).norm() < 1e-13);
}
