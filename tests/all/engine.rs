//! The low-rank engine against the exact density matrix: the meter is an equality, every interval holds, and nothing
//! depends on the number of ranks.

use crate::reference::{DensityMatrix, builder, random, ranks};
use ndarray::Array2;
use num_complex::Complex64;
use proptest::prelude::*;
use rhoshard::backend::{Precision, cpu::Cpu};
use rhoshard::comm::{Communicator, Message, Transfer};
use rhoshard::config::Compression;
use rhoshard::engine::certificate::Certificate;
use rhoshard::engine::low_rank::{LowRank, Settings};
use rhoshard::engine::{Engine, Final};
use rhoshard::model::{Circuit, Control, Gate, Layout, Operation, PauliString, PauliSum, Unitary};
use rhoshard::plan::{Action, BitSource, Plan, Request};
use std::cell::Cell;

const QUBITS: usize = 5;
/// What the oracle's own rounding can amount to (it states 1.0000000000000004 for the purity of a pure state).
const ORACLE: f64 = 1e-13;

/// What a run leaves behind, on one rank.
#[derive(Debug, Clone)]
struct Finished {
    factor: Array2<Complex64>,
    certificate: Certificate,
    expectations: Vec<f64>,
    strings: Vec<PauliString>,
    marginal: Vec<f64>,
    purity: (f64, f64),
    sent: u64,
    predicted: u64,
    widths: Vec<usize>,
    discarded: f64,
}

fn lazy(cut: f64, prune: f64) -> Settings {
    Settings { cut, prune, compression: Compression::Lazy, max_rank: None, max_width: 4096, budget: None }
}

fn run(
    comm: Box<dyn Communicator>,
    circuit: &Circuit,
    settings: Settings,
    precision: Precision,
    strings: &[PauliString],
    fuse: bool,
) -> Option<Finished> {
    let request = Request { ranks: comm.size(), strings: strings.to_vec(), fuse, ..Request::default() };
    let plan = Plan::new(circuit, &request).unwrap();
    let group = comm.split(usize::from(comm.rank() >= plan.shards));
    if comm.rank() >= plan.shards {
        return None;
    }
    let mut engine =
        LowRank::from_basis_state(group.into(), &Cpu::new(precision), plan.qubits, plan.start.to_physical(0), settings)
            .unwrap();
    let (mut widths, mut discarded, mut predicted) = (Vec::new(), 0.0, 0);
    let mut finished = None;
    for step in &plan.steps {
        let report = engine.step(step).unwrap();
        // The measure step compresses before it sends; an exchange keeps the width.
        // Nothing is asked at a snapshot here.
        if !matches!(step.action, Action::Measure { snapshot: Some(_), .. }) {
            predicted += plan.cost(&step.action, precision.amplitude_bytes()).sent * report.width as u64;
        }
        widths.push(report.width);
        discarded += report.discarded;
        if let Action::Measure { layout, overlaps, snapshot: None } = &step.action {
            let expectations = engine.pauli_expectations(&plan.strings, Final { layout, overlaps });
            let purity = purity(&engine);
            let (factor, marginal) = (factor(&mut engine, layout), marginal(&mut engine, layout));
            finished = Some((factor, engine.certificate(), expectations, marginal, purity, engine.state().sent()));
        }
    }
    let (factor, certificate, expectations, marginal, purity, sent) =
        finished.expect("a plan ends with its measure step");
    let strings = plan.strings;
    Some(Finished { factor, certificate, expectations, strings, marginal, purity, sent, predicted, widths, discarded })
}

fn factor(engine: &mut LowRank, layout: &Layout) -> Array2<Complex64> {
    let (width, qubits) = (engine.width(), layout.qubits());
    let mut rows = Vec::new();
    let write = |_, more: &[Complex64]| {
        rows.extend_from_slice(more);
        Ok(())
    };
    engine.state().export_rows(&|logical| layout.to_physical(logical), write).unwrap();
    let root = !rows.is_empty();
    Array2::from_shape_vec(if root { (1 << qubits, width) } else { (0, 0) }, rows).unwrap()
}

fn marginal(engine: &mut LowRank, layout: &Layout) -> Vec<f64> {
    engine.state().marginal(&[layout.physical(2), layout.physical(0), layout.physical(3)])
}

fn purity(engine: &LowRank) -> (f64, f64) {
    engine.purity().unwrap()
}

fn on_one_rank(circuit: &Circuit, settings: Settings, strings: &[PauliString], fuse: bool) -> Finished {
    ranks::run(1, |comm| run(comm, circuit, settings, Precision::Double, strings, fuse)).remove(0).unwrap()
}

/// Error, expectations, marginals and purity against the exact state.
fn check_against(exact: &DensityMatrix, found: &Finished, rounding: f64) {
    let distance = exact.trace_distance(&found.factor);
    let missing = 1.0 - found.certificate.trace;
    assert!((distance - missing).abs() < rounding, "the meter says {missing:e}, the distance is {distance:e}");
    assert!(found.certificate.error() >= distance - 1e-13);
    for (string, raw) in found.strings.iter().zip(&found.expectations) {
        let sum = PauliSum { terms: vec![(1.0, *string)] };
        let raw = if string.support() == 0 { 0.0 } else { *raw };
        let certified = found.certificate.observable(&sum, raw);
        let expected = exact.expectation(*string);
        assert!(
            certified.lower - ORACLE <= expected && expected <= certified.upper + ORACLE,
            "{string:?}: {expected} outside [{}, {}]",
            certified.lower,
            certified.upper
        );
    }
    for (raw, expected) in found.marginal.iter().zip(exact.probabilities(&[2, 0, 3])) {
        let certified = found.certificate.probability(*raw, 8);
        assert!(certified.lower - ORACLE <= expected && expected <= certified.upper + ORACLE);
    }
    let purity = found.certificate.purity(found.purity.0, found.purity.1, exact.qubits());
    let expected = exact.purity();
    assert!(
        purity.lower - ORACLE <= expected && expected <= purity.upper + ORACLE,
        "purity {expected} outside [{}, {}]",
        purity.lower,
        purity.upper
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_meter_is_exact_and_intervals_hold(
        circuit in random::circuits(QUBITS, 30),
        strings in proptest::collection::vec(random::pauli_strings(QUBITS), 6),
        cut in prop::sample::select(vec![0.0, 1e-4, 1e-2, 5e-2]),
        prune in prop::sample::select(vec![0.0, 1e-5, 1e-3, 2e-2]),
        fuse: bool,
    ) {
        let exact = DensityMatrix::run(&circuit);
        check_against(&exact, &on_one_rank(&circuit, lazy(cut, prune), &strings, fuse), 1e-12);
        let every = Settings { compression: Compression::EveryChannel, prune: 0.0, ..lazy(cut, 0.0) };
        check_against(&exact, &on_one_rank(&circuit, every, &strings, fuse), 1e-12);
        let capped = Settings { max_rank: Some(5), max_width: 12, ..lazy(cut, prune) };
        check_against(&exact, &on_one_rank(&circuit, capped, &strings, fuse), 1e-12);
    }

    #[test]
    fn the_number_of_ranks_changes_nothing(
        circuit in random::circuits(QUBITS, 30),
        strings in proptest::collection::vec(random::pauli_strings(QUBITS), 6),
        cut in prop::sample::select(vec![0.0, 1e-3, 3e-2]),
        fuse: bool,
    ) {
        let one = on_one_rank(&circuit, lazy(cut, cut / 10.0), &strings, fuse);
        for size in [2, 3, 4, 8] {
            let settings = lazy(cut, cut / 10.0);
            let all = ranks::run(size, |comm| run(comm, &circuit, settings, Precision::Double, &strings, fuse));
            let found = all.iter().flatten().next().unwrap();
            prop_assert_eq!(one.widths.last(), found.widths.last());
            prop_assert!((one.certificate.trace - found.certificate.trace).abs() < 1e-10);
            for (a, b) in one.expectations.iter().chain(&one.marginal).zip(found.expectations.iter().chain(&found.marginal)) {
                prop_assert!((a - b).abs() < 1e-10, "{} and {} on {} ranks", a, b, size);
            }
            for rank in all.iter().flatten() {
                prop_assert_eq!(rank.sent, rank.predicted, "bytes sent are those of the plan times the width");
                prop_assert_eq!(&rank.expectations, &found.expectations);
            }
        }
    }

    #[test]
    fn single_precision_stays_within_its_stated_rounding(circuit in random::circuits(QUBITS, 30), fuse: bool) {
        let exact = DensityMatrix::run(&circuit);
        let strings = [PauliString { x: 3, z: 5 }, PauliString { x: 0, z: 9 }];
        let run = |comm| run(comm, &circuit, lazy(1e-3, 1e-4), Precision::Single, &strings, fuse);
        let found = ranks::run(1, run).remove(0).unwrap();
        check_against(&exact, &found, found.certificate.rounding);
    }
}

#[test]
fn what_a_compression_discards_adds_up_to_the_missing_trace() {
    let circuit = random::random_circuit(QUBITS, 60, 7);
    let found = on_one_rank(&circuit, lazy(1e-2, 1e-3), &[], true);
    assert!(found.discarded > 1e-3 && found.discarded <= 1.0 - found.certificate.trace + 1e-12);
}

#[test]
fn fused_channels_need_no_more_columns_for_the_same_error() {
    for (qubits, seed, cut) in [(8, 42, 1e-4), (8, 43, 1e-3), (10, 42, 1e-4), (10, 44, 1e-5), (8, 44, 1e-7)] {
        let circuit = builder::lret(qubits, seed);
        let [apart, fused] = [false, true].map(|fuse| on_one_rank(&circuit, lazy(cut, cut / 10.0), &[], fuse));
        let [error, smaller] = [&apart, &fused].map(|found| 1.0 - found.certificate.trace);
        let last = [&apart, &fused].map(|found| *found.widths.last().unwrap());
        let peak = [&apart, &fused].map(|found| *found.widths.iter().max().unwrap());
        let steps = [&apart, &fused].map(|found| found.widths.len());
        println!(
            "n {qubits} cut {cut:e}: error {error:.3e} {smaller:.3e}, columns {last:?}, peak {peak:?}, steps {steps:?}"
        );
        assert!(smaller <= 1.05 * error, "{smaller} {error}");
        assert!(last[1] as f64 <= 1.1 * last[0] as f64 + 3.0, "{last:?}");
        assert!(3 * steps[1] <= 2 * steps[0], "{steps:?}");
    }
}

/// A communicator that damages one message.
struct Corrupted {
    inner: Box<dyn Communicator>,
    exchanges: Cell<usize>,
    damaged: usize,
}

impl Communicator for Corrupted {
    fn rank(&self) -> usize {
        self.inner.rank()
    }
    fn size(&self) -> usize {
        self.inner.size()
    }
    fn sum(&self, values: &mut [f64]) {
        self.inner.sum(values);
    }
    fn maximum(&self, values: &mut [f64]) {
        self.inner.maximum(values);
    }
    fn broadcast(&self, bytes: &mut [u8], root: usize) {
        self.inner.broadcast(bytes, root);
    }
    fn gather(&self, bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
        self.inner.gather(bytes)
    }
    fn start(&self, messages: Vec<Message>) -> Box<dyn Transfer + '_> {
        let first = self.exchanges.replace(self.exchanges.get() + messages.len());
        let damaged = self.damaged.checked_sub(first).filter(|place| *place < messages.len());
        Box::new(CorruptedTransfer { inner: self.inner.start(messages), damaged })
    }
    fn split(&self, colour: usize) -> Box<dyn Communicator> {
        Box::new(Corrupted { inner: self.inner.split(colour), exchanges: Cell::new(0), damaged: self.damaged })
    }
    fn split_node(&self) -> Box<dyn Communicator> {
        self.inner.split_node()
    }
}

struct CorruptedTransfer<'a> {
    inner: Box<dyn Transfer + 'a>,
    damaged: Option<usize>,
}

impl Transfer for CorruptedTransfer<'_> {
    fn progress(&mut self) -> bool {
        self.inner.progress()
    }
    fn finish(self: Box<Self>) -> Vec<Message> {
        let mut messages = self.inner.finish();
        if let Some(damaged) = self.damaged {
            // The first amplitude that is not zero changes its sign.
            let received = messages[damaged].receive.host_mut().unwrap();
            let mut amplitudes = received.chunks_exact_mut(8);
            if let Some(amplitude) = amplitudes.find(|bytes| bytes.iter().any(|byte| *byte != 0)) {
                amplitude[7] ^= 0x80;
            }
        }
        messages
    }
}

#[test]
fn a_damaged_message_does_not_pass_unnoticed() {
    // The control of the tests above: the comparison between rank counts sees a single wrong sign.
    let circuit = random::random_circuit(QUBITS, 60, 1);
    let strings = [PauliString { x: 1, z: 2 }, PauliString { x: 0, z: 7 }, PauliString { x: 24, z: 0 }];
    let one = on_one_rank(&circuit, lazy(0.0, 0.0), &strings, false);
    let differs = |damaged| {
        let run = |comm: Box<dyn Communicator>| {
            let inner = if comm.rank() == 0 {
                Box::new(Corrupted { inner: comm, exchanges: Cell::new(0), damaged })
            } else {
                comm
            };
            run(inner, &circuit, lazy(0.0, 0.0), Precision::Double, &strings, false)
        };
        let found = ranks::run(2, run).into_iter().flatten().next().unwrap();
        one.expectations.iter().zip(&found.expectations).any(|(a, b)| (a - b).abs() > 1e-10)
    };
    assert!(!differs(usize::MAX), "undamaged messages give the same numbers");
    // Not every amplitude still matters at the end (a reset may follow), so several messages are tried.
    let noticed = (0..8).filter(|message| differs(*message)).count();
    assert!(noticed >= 2, "{noticed} of 8 damaged messages were noticed");
}

/// Three qubits, two outcomes of earlier measurements that are read at the end.
fn with_earlier_measurements() -> Circuit {
    let random = random::random_circuit(3, 40, 5);
    let unitary_or_channel =
        |operation: &Operation| matches!(operation, Operation::Gate(_) | Operation::Channel { .. });
    let mut operations: Vec<Operation> =
        random.statements.into_iter().map(|statement| statement.operation).filter(unitary_or_channel).collect();
    operations.insert(15, Operation::Measure { qubit: 1, bit: Some(0) });
    operations.insert(8, Operation::Measure { qubit: 2, bit: Some(2) });
    random::circuit(3, operations)
}

/// The same with each measurement deferred: its outcome is copied to a qubit of its own, 3 for the first.
fn deferred(circuit: &Circuit) -> Circuit {
    let flip = Array2::from_shape_fn((2, 2), |(row, column)| Complex64::from(f64::from(u8::from(row != column))));
    let mut ancilla = 3;
    let operations = circuit.statements.iter().map(|statement| match &statement.operation {
        Operation::Measure { qubit, .. } => {
            let controls = vec![Control { qubit: *qubit, value: true }];
            let copy = Unitary { controls, targets: vec![ancilla], matrix: flip.clone() };
            ancilla += 1;
            Operation::Gate(Gate { name: "copy".into(), qubits: vec![*qubit, ancilla - 1], body: vec![copy] })
        }
        other => other.clone(),
    });
    random::circuit(5, operations.collect())
}

#[test]
fn samples_follow_the_exact_joint_distribution_of_outcomes_and_qubits() {
    let circuit = with_earlier_measurements();
    let exact = DensityMatrix::run(&deferred(&circuit)).probabilities(&[0, 1, 2, 3, 4]);
    let draws: Vec<f64> = (0..1 << 16).map(|draw| (f64::from(draw) + 0.5) / f64::from(1 << 16)).collect();
    let sample = |comm: Box<dyn Communicator>| {
        let plan = Plan::new(&circuit, &Request { ranks: comm.size(), outcomes: true, ..Request::default() }).unwrap();
        assert_eq!(plan.tracked, 2);
        let group = comm.split(usize::from(comm.rank() >= plan.shards));
        if comm.rank() >= plan.shards {
            return None;
        }
        let backend = Cpu::new(Precision::Double);
        let start = plan.start.to_physical(0);
        let mut engine = LowRank::from_basis_state(group.into(), &backend, 3, start, lazy(0.0, 0.0)).unwrap();
        for step in &plan.steps {
            engine.step(step).unwrap();
        }
        let Action::Measure { layout, .. } = &plan.steps.last().unwrap().action else { panic!("no measure step") };
        let outcomes = engine.state().sample(&layout.to_logical(), 0.0, &draws);
        let slot = |bit: usize| match plan.bits[bit] {
            BitSource::Register(slot) => slot,
            other => panic!("bit {bit} comes from {other:?}"),
        };
        let (first, second) = (slot(2), slot(0));
        let mut counts = vec![0.0; 32];
        for outcome in &outcomes {
            let register = (outcome.register >> first & 1) | (outcome.register >> second & 1) << 1;
            counts[(outcome.index | register << 3) as usize] += 1.0 / draws.len() as f64;
        }
        Some((counts, outcomes))
    };
    let one = ranks::run(1, sample).remove(0).unwrap();
    // Evenly spaced draws put a share of each outcome within one draw of its probability.
    for (found, exact) in one.0.iter().zip(&exact) {
        assert!((found - exact).abs() <= 2.0 / draws.len() as f64, "{found}, exact {exact}");
    }
    for size in [2, 4] {
        for found in ranks::run(size, sample).into_iter().flatten() {
            assert_eq!(found.1, one.1, "{size} ranks draw the same");
        }
    }
}
