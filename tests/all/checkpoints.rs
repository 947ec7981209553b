//! A run that goes on elsewhere: what its engine and its states put by is taken by another one, on as many ranks, on fewer or on
//! more, at any step. Whole jobs are stopped and started again in `tests/mpirun/checkpoints.rs`.

use crate::reference::{random, ranks};
use proptest::prelude::*;
use rhoshard::archive::Archive;
use rhoshard::backend::{Backend, Precision, cpu::Cpu, cuda::Cuda};
use rhoshard::comm::Communicator;
use rhoshard::config::{Compression, TailShape};
use rhoshard::device::emulated;
use rhoshard::engine::density::Density;
use rhoshard::engine::low_rank::{LowRank, Settings};
use rhoshard::engine::{Engine, Final};
use rhoshard::model::{Circuit, PauliString};
use rhoshard::plan::{Action, Plan, Request};
use rhoshard::state::Column;
use std::rc::Rc;

const QUBITS: usize = 5;
/// Of the tail.
const BLOCKS: usize = 3;

/// What runs.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    LowRank,
    Tail,
    Density,
}

/// What one rank put by.
#[derive(Clone, Default)]
struct Part {
    facts: Vec<u8>,
    /// Of each state the columns, how many there is room for, and the rows of this rank.
    states: Vec<(Vec<Column>, usize, Vec<u8>)>,
}

/// What is asked at the end.
#[derive(Debug, Clone, PartialEq)]
struct End {
    /// Certified.
    numbers: Vec<f64>,
    /// The trace that the core lacks.
    missing: f64,
    /// Of the tail: the traces of its blocks, then what each says.
    sampled: Vec<f64>,
    /// After each channel and what is compressed then.
    widths: Vec<usize>,
}

impl End {
    fn none() -> End {
        End { numbers: Vec::new(), missing: 0.0, sampled: Vec::new(), widths: Vec::new() }
    }
}

/// What computes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Machine {
    Cpu(Precision),
    /// A GPU on the CPU, in double precision.
    Emulated,
}

const DOUBLE: Machine = Machine::Cpu(Precision::Double);

impl Machine {
    fn backend(self) -> Box<dyn Backend> {
        match self {
            Machine::Cpu(precision) => Box::new(Cpu::new(precision)),
            Machine::Emulated => Box::new(Cuda::new(emulated::open().unwrap(), Precision::Double).unwrap()),
        }
    }
}

fn engine(kind: Kind, comm: Rc<dyn Communicator>, backend: &dyn Backend, plan: &Plan) -> Box<dyn Engine> {
    let settings = Settings {
        cut: 2e-3,
        prune: 2e-4,
        compression: Compression::Lazy,
        max_rank: None,
        max_width: 4096,
        budget: None,
    };
    if kind == Kind::Density {
        return Box::new(Density::from_basis_state(comm, backend, plan, 0).unwrap());
    }
    let engine = LowRank::from_basis_state(comm, backend, plan.qubits, plan.start.to_physical(0), settings).unwrap();
    match kind {
        Kind::Tail => Box::new(engine.with_tail(backend, plan, TailShape { blocks: BLOCKS, columns: 4 }, 7).unwrap()),
        _ => Box::new(engine),
    }
}

fn planned(kind: Kind, circuit: &Circuit, strings: &[PauliString], ranks: usize) -> Plan {
    let density = kind == Kind::Density;
    Plan::new(circuit, &Request { ranks, strings: strings.to_vec(), density, ..Request::default() }).unwrap()
}

/// Runs these steps; then what was found if they end the plan.
fn steps(engine: &mut dyn Engine, plan: &Plan, from: usize, to: usize, end: &mut End) {
    for step in &plan.steps[from..to] {
        engine.step(step).unwrap();
        // Gates may run in another order.
        if step.action == Action::CompressIfWide {
            end.widths.push(engine.width());
        }
    }
    if let Some(Action::Measure { layout, overlaps, .. }) = plan.steps[from..to].last().map(|step| &step.action) {
        let at = Final { layout, overlaps };
        end.numbers = engine.pauli_expectations(&plan.strings, at);
        end.numbers.extend(engine.marginal(layout, &[2, 0]));
        end.missing = engine.certificate().missing();
        end.numbers.push(engine.certificate().error());
        let strings = plan.strings.clone();
        if let Some(tail) = engine.tail() {
            end.sampled = tail.traces();
            (0..tail.blocks()).for_each(|block| end.sampled.extend(tail.observe(block, &strings, at, &[]).0));
        }
    }
}

fn put_by(engine: &mut dyn Engine) -> Part {
    engine.settle().unwrap();
    let mut archive = Archive::default();
    engine.put(&mut archive);
    let state = |state: &mut rhoshard::state::State| {
        let mut rows = Vec::new();
        let write = |bytes: Vec<u8>| {
            rows.extend_from_slice(&bytes);
            Ok(bytes)
        };
        state.store(write).unwrap();
        assert_eq!(rows.len() as u64, state.stored_bytes());
        (state.columns().to_vec(), state.reserved(), rows)
    };
    let states = engine.states().into_iter().map(state).collect();
    Part { facts: archive.bytes().to_vec(), states }
}

fn take_up(engine: &mut dyn Engine, parts: &[Part]) {
    engine.take(&mut Archive::of(parts[0].facts.clone())).unwrap();
    for (index, state) in engine.states().into_iter().enumerate() {
        let rows: Vec<u8> = parts.iter().flat_map(|part| part.states[index].2.iter().copied()).collect();
        let read = |offset: u64, out: &mut [u8]| {
            out.copy_from_slice(&rows[offset as usize..offset as usize + out.len()]);
            Ok(())
        };
        let (columns, reserved, _) = &parts[0].states[index];
        state.make_room(*reserved).unwrap();
        state.fetch(columns.clone(), read).unwrap();
    }
}

/// Work on the ranks that the plan has a use for.
fn on_ranks<T: Send>(plan: &Plan, work: impl Fn(Rc<dyn Communicator>) -> T + Sync) -> Vec<T> {
    ranks::run(plan.shards, |comm| work(comm.into()))
}

fn undisturbed(kind: Kind, plan: &Plan, machine: Machine) -> End {
    on_ranks(plan, |comm| {
        let mut end = End::none();
        let mut engine = engine(kind, comm, &*machine.backend(), plan);
        steps(&mut *engine, plan, 0, plan.steps.len(), &mut end);
        end
    })
    .swap_remove(0)
}

/// The same with a stop before this step; then on other ranks, by this plan.
fn in_two(kind: Kind, [first, second]: [&Plan; 2], stop: usize, machines: [Machine; 2]) -> End {
    let (ends, parts): (Vec<End>, Vec<Part>) = on_ranks(first, |comm| {
        let mut end = End::none();
        let mut engine = engine(kind, comm, &*machines[0].backend(), first);
        steps(&mut *engine, first, 0, stop, &mut end);
        (end, put_by(&mut *engine))
    })
    .into_iter()
    .unzip();
    assert!(parts.iter().all(|part| part.facts == parts[0].facts), "facts are the same on every rank");
    on_ranks(second, |comm| {
        let mut end = ends[0].clone();
        let mut engine = engine(kind, comm, &*machines[1].backend(), second);
        take_up(&mut *engine, &parts);
        steps(&mut *engine, second, stop, second.steps.len(), &mut end);
        end
    })
    .swap_remove(0)
}

fn assert_close(one: &End, other: &End) {
    assert_eq!(one.widths, other.widths);
    assert_eq!((one.numbers.len(), one.sampled.len()), (other.numbers.len(), other.sampled.len()));
    for (a, b) in one.numbers.iter().zip(&other.numbers) {
        assert!((a - b).abs() < 1e-10, "{a} and {b}");
    }
    // Where two draws are equally likely, rounding decides between them: other ranks may draw another tail, of the same trace.
    for traces in [one, other].map(|end| &end.sampled[..end.sampled.len().min(BLOCKS)]) {
        let mean = traces.iter().sum::<f64>() / BLOCKS as f64;
        let missing = one.missing;
        assert!(traces.is_empty() || (mean - missing).abs() < 1e-10, "{mean} instead of {missing}");
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![Kind::LowRank, Kind::Tail, Kind::Density])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// On any two numbers of ranks, stopped before any step: the same widths, and numbers but for rounding.
    #[test]
    fn a_run_goes_on_on_any_number_of_ranks(
        circuit in random::circuits(QUBITS, 40),
        strings in prop::collection::vec(random::pauli_strings(QUBITS), 4),
        kind in kinds(),
        counts in prop::sample::select(vec![(1, 2), (2, 1), (2, 4), (4, 2), (1, 4), (4, 1), (2, 2)]),
        place in any::<prop::sample::Index>(),
    ) {
        let first = planned(kind, &circuit, &strings, counts.0);
        let stop = place.index(first.steps.len());
        let second = first.replaced(stop, counts.1);
        assert_close(&undisturbed(kind, &first, DOUBLE), &in_two(kind, [&first, &second], stop, [DOUBLE; 2]));
    }

    /// Twice: a plan that was placed anew is placed anew once more.
    #[test]
    fn a_run_goes_on_again_and_again(
        circuit in random::circuits(QUBITS, 40),
        places in any::<[prop::sample::Index; 2]>(),
        counts in prop::sample::select(vec![[1, 2, 4], [4, 2, 1], [2, 4, 2], [4, 1, 4]]),
    ) {
        let first = planned(Kind::LowRank, &circuit, &[], counts[0]);
        let one = places[0].index(first.steps.len());
        let second = first.replaced(one, counts[1]);
        let other = one + places[1].index(second.steps.len() - one);
        let third = second.replaced(other, counts[2]);
        prop_assert_eq!(third.layout_before(other), second.layout_before(other));
        let expected = undisturbed(Kind::LowRank, &first, DOUBLE);
        let end = on_ranks(&first, |comm| {
            let mut engine = engine(Kind::LowRank, comm, &*DOUBLE.backend(), &first);
            steps(&mut *engine, &first, 0, one, &mut End::none());
            put_by(&mut *engine)
        });
        let end = on_ranks(&second, |comm| {
            let mut engine = engine(Kind::LowRank, comm, &*DOUBLE.backend(), &second);
            take_up(&mut *engine, &end);
            steps(&mut *engine, &second, one, other, &mut End::none());
            put_by(&mut *engine)
        });
        let end = on_ranks(&third, |comm| {
            let mut found = End::none();
            let mut engine = engine(Kind::LowRank, comm, &*DOUBLE.backend(), &third);
            take_up(&mut *engine, &end);
            steps(&mut *engine, &third, other, third.steps.len(), &mut found);
            found
        });
        let expected = End { widths: end[0].widths.clone(), ..expected };
        assert_close(&expected, &end[0]);
    }

    /// On as many ranks, where nothing is queued or an exchange comes next: bit for bit.
    #[test]
    fn a_run_goes_on_bit_for_bit_on_as_many_ranks(
        circuit in random::circuits(QUBITS, 60),
        strings in prop::collection::vec(random::pauli_strings(QUBITS), 4),
        kind in kinds(),
        ranks in prop::sample::select(vec![1usize, 2, 4]),
        place in any::<prop::sample::Index>(),
        precision in prop::sample::select(vec![Precision::Double, Precision::Single]),
    ) {
        let plan = planned(kind, &circuit, &strings, ranks);
        let stops = places_to_stop(kind, &plan, Machine::Cpu(precision));
        let stop = stops[place.index(stops.len())];
        let machine = Machine::Cpu(precision);
        let (expected, found) = (undisturbed(kind, &plan, machine), in_two(kind, [&plan, &plan], stop, [machine; 2]));
        let bits = |end: &End| end.numbers.iter().chain(&end.sampled).map(|number| number.to_bits()).collect::<Vec<u64>>();
        prop_assert_eq!(&expected.widths, &found.widths);
        prop_assert_eq!(bits(&expected), bits(&found), "stopped before step {} of {:?}", stop, stops);
    }
}

/// Before which steps a job may be saved.
fn places_to_stop(kind: Kind, plan: &Plan, machine: Machine) -> Vec<usize> {
    on_ranks(plan, |comm| {
        let mut engine = engine(kind, comm, &*machine.backend(), plan);
        let mut stops = vec![0];
        for (index, step) in plan.steps.iter().enumerate().take(plan.steps.len() - 1) {
            engine.step(step).unwrap();
            if engine.is_settled() || engine.settles_for(&plan.steps[index + 1].action) {
                stops.push(index + 1);
            }
        }
        stops
    })
    .into_iter()
    .reduce(|one, other| {
        assert_eq!(one, other, "ranks agree where a run can be saved");
        one
    })
    .unwrap()
}

/// From a GPU to the host, and the other way round.
#[cfg(feature = "emulated-gpu")]
#[test]
fn a_run_goes_on_on_another_device() {
    for (seed, kind, counts) in [(1, Kind::LowRank, (1, 1)), (2, Kind::Tail, (1, 2)), (3, Kind::Density, (2, 1))] {
        let circuit = random::random_circuit(QUBITS, 30, seed);
        let first = planned(kind, &circuit, &[], counts.0);
        let stop = first.steps.len() / 2;
        let second = first.replaced(stop, counts.1);
        let expected = undisturbed(kind, &first, DOUBLE);
        for machines in [[Machine::Emulated, DOUBLE], [DOUBLE, Machine::Emulated], [Machine::Emulated; 2]] {
            assert_close(&expected, &in_two(kind, [&first, &second], stop, machines));
        }
    }
}
