//! Exchanges large enough to be cut in chunks, with operations that run while they arrive, against a state on one rank
//! where a swap of the two bits stands for each pair. The same on GPUs whose streams run as late as they may.

#[path = "../support/late_device.rs"]
mod late_device;

use crate::reference::ranks;
use late_device::Late;
use ndarray::Array2;
use num_complex::Complex64;
use proptest::prelude::*;
use rhoshard::backend::{Backend, Precision, cpu::Cpu, cuda::Cuda};
use rhoshard::comm::device::{DeviceCommunicator, Devices};
use rhoshard::comm::staged::Staged;
use rhoshard::comm::{Communicator, Serial};
use rhoshard::device::{Device, emulated};
use rhoshard::model::Control;
use rhoshard::state::{Branch, Column, State};
use std::rc::Rc;

const QUBITS: usize = 14;
/// Columns at the start: with 8 ranks a message of a single exchange is 128 KiB, with 2 it is a MiB.
const WIDTH: usize = 16;

/// What the ranks compute with, and how it is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Machine {
    Cpu,
    /// GPUs connected through the hosts.
    Staged,
    /// GPUs whose memory the communicator takes messages from.
    Direct,
    /// As `Direct`, with streams that never wait for each other.
    Deaf,
}

impl Machine {
    fn open(self, comm: Rc<dyn Communicator>) -> (Rc<dyn Communicator>, Box<dyn Backend>) {
        if self == Machine::Cpu {
            return (comm, Box::new(Cpu::new(Precision::Double)));
        }
        let mut device = Late::new(emulated::open().unwrap());
        device.deaf = self == Machine::Deaf;
        let device: Rc<dyn Device> = Rc::new(device);
        let transport = if self == Machine::Staged { Staged::new } else { Staged::direct };
        let link: Box<dyn DeviceCommunicator> = Box::new(transport(comm.clone(), device.clone()));
        let backend = Cuda::new(device.clone(), Precision::Double).unwrap();
        (Rc::new(Devices::over(comm, device, link)), Box::new(backend))
    }
}

/// One thing done to the state; qubits are physical, and local on every number of ranks.
#[derive(Debug, Clone)]
enum Step {
    Rotation {
        angle: f64,
        target: usize,
        control: Option<usize>,
    },
    Phase {
        angle: f64,
        targets: [usize; 2],
    },
    Cycle {
        targets: [usize; 2],
        control: usize,
    },
    Damping {
        target: usize,
        weight: f64,
    },
    /// Local bits; the first trades places with the highest sharded bit, and so on.
    Exchange(Vec<usize>),
}

/// The local qubits on 8 ranks.
const LOCAL: usize = QUBITS - 3;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let target = 0..LOCAL;
    let distinct = |count: usize| proptest::sample::subsequence((0..LOCAL).collect::<Vec<usize>>(), count);
    let rotation = (0.1..3.0, target.clone(), prop::option::of(LOCAL..QUBITS))
        .prop_map(|(angle, target, control)| Step::Rotation { angle, target, control });
    let phase =
        (0.1..3.0, 0..LOCAL, LOCAL..QUBITS).prop_map(|(angle, low, high)| Step::Phase { angle, targets: [low, high] });
    let cycle = (distinct(2), LOCAL..QUBITS)
        .prop_map(|(targets, control)| Step::Cycle { targets: [targets[0], targets[1]], control });
    let damping = (target, 0.1..0.9).prop_map(|(target, weight)| Step::Damping { target, weight });
    let exchange = (1..=3usize).prop_flat_map(distinct).prop_shuffle().prop_map(Step::Exchange);
    let step = prop_oneof![4 => rotation, 2 => phase, 2 => cycle, 1 => damping, 4 => exchange];
    proptest::collection::vec(step, 4..16)
}

/// Runs the steps; on one rank a swap stands for each exchanged pair.
fn apply(state: &mut State, shards: usize, steps: &[Step]) {
    let sharded = shards.trailing_zeros() as usize;
    let mut dampings = 0;
    for step in steps {
        match step {
            Step::Rotation { angle, target, control } => {
                let (sine, cosine) = angle.sin_cos();
                let matrix =
                    Array2::from_shape_vec((2, 2), [cosine, -sine, sine, cosine].map(Complex64::from).to_vec());
                let controls: Vec<Control> =
                    control.iter().map(|qubit| Control { qubit: *qubit, value: true }).collect();
                state.unitary(&matrix.unwrap(), &[*target], &controls);
            }
            Step::Phase { angle, targets } => {
                let entries: Vec<Complex64> = (0..4).map(|value| Complex64::cis(angle * f64::from(value))).collect();
                state.diagonal(&entries, targets, &[]);
            }
            Step::Cycle { targets, control } => {
                let factors = [Complex64::ONE, Complex64::I, -Complex64::ONE, Complex64::ONE];
                state.permutation(&[1, 2, 3, 0], &factors, targets, &[Control { qubit: *control, value: false }]);
            }
            Step::Damping { target, weight } if dampings < 2 => {
                dampings += 1;
                damp(state, *target, *weight);
            }
            Step::Damping { .. } => {}
            Step::Exchange(bits) => {
                let pairs: Vec<(usize, usize)> =
                    bits.iter().take(sharded).enumerate().map(|(place, bit)| (QUBITS - 1 - place, *bit)).collect();
                if state.comm().size() > 1 {
                    state.exchange(&pairs).unwrap();
                } else {
                    let one = [Complex64::ONE; 4];
                    pairs.iter().for_each(|(high, low)| state.permutation(&[0, 2, 1, 3], &one, &[*high, *low], &[]));
                }
            }
        }
    }
    state.flush().unwrap();
}

/// Amplitude damping of the first half of the columns; the others lose their branch.
fn damp(state: &mut State, target: usize, weight: f64) {
    let real = |values: [f64; 4]| Array2::from_shape_vec((2, 2), values.map(Complex64::from).to_vec()).unwrap();
    let kraus = [real([1.0, 0.0, 0.0, (1.0 - weight).sqrt()]), real([0.0, weight.sqrt(), 0.0, 0.0])];
    let kept = state.columns().to_vec();
    let column = Column { weight, register: 0 };
    let branches: Vec<Branch> = (0..kept.len() / 2).map(|source| Branch { source, kraus: 1, column }).collect();
    state.branch(&kraus, &[target], (&vec![0; kept.len()], &kept), &branches);
}

/// A state with basis states in its columns, all rows of which the rotations of the first layer fill.
fn start(comm: Rc<dyn Communicator>, machine: Machine, width: usize) -> State {
    let (comm, backend) = machine.open(comm);
    let mut state = State::new(comm, &*backend, QUBITS, width).unwrap();
    (0..width as u64).for_each(|column| state.append_basis_state(column * 1021 % (1 << QUBITS)).unwrap());
    let layer = (0..LOCAL).map(|target| Step::Rotation { angle: 0.4 + target as f64, target, control: None });
    apply(&mut state, 1, &layer.collect::<Vec<Step>>());
    state
}

/// The factor on the root rank and two overlaps, of which one needs a partner on every number of ranks above one.
fn outcome(state: &mut State) -> (Array2<Complex64>, Vec<Complex64>) {
    let far = (1 << (QUBITS - 1) | 0b101_0000_0001, vec![0, 1 << (QUBITS - 1) | 6]);
    let overlaps = state.flip_overlaps(&[far, (6, vec![3])]).concat();
    (state.gather_factor(state.width()), overlaps)
}

/// How far the same steps on ranks and on one rank of the CPU lead apart: amplitudes and overlaps.
fn difference(machine: Machine, shards: usize, width: usize, steps: &[Step]) -> [f64; 2] {
    let mut one = start(Rc::new(Serial), Machine::Cpu, width);
    apply(&mut one, shards, steps);
    let expected = outcome(&mut one);
    let found = ranks::run(shards, |comm| {
        let mut state = start(comm.into(), machine, width);
        apply(&mut state, shards, steps);
        outcome(&mut state)
    });
    assert_eq!(found[0].0.dim(), expected.0.dim());
    // Numbers that are none are infinitely far.
    let distance = |a: &Complex64, b: &Complex64| Some((a - b).norm()).filter(|norm| !norm.is_nan());
    let worst = |a: &[Complex64], b: &[Complex64]| {
        a.iter().zip(b).map(|(a, b)| distance(a, b).unwrap_or(f64::INFINITY)).fold(0.0, f64::max)
    };
    let amplitudes = worst(found[0].0.as_slice().unwrap(), expected.0.as_slice().unwrap());
    [amplitudes, worst(&found[0].1, &expected.1)]
}

/// The same steps on ranks and on one.
fn compare(machine: Machine, shards: usize, width: usize, steps: &[Step]) {
    let [amplitudes, overlaps] = difference(machine, shards, width, steps);
    assert!(amplitudes < 1e-12, "amplitudes differ by {amplitudes} on {shards} ranks, {machine:?}");
    assert!(overlaps < 1e-10, "overlaps differ by {overlaps} on {shards} ranks, {machine:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn chunked_exchanges_are_swaps(steps in steps()) {
        [2, 4, 8].into_iter().for_each(|shards| compare(Machine::Cpu, shards, WIDTH, &steps));
    }
}

#[cfg(feature = "emulated-gpu")]
mod between_gpus {
    use super::*;

    /// Columns on GPUs, which are slow here: a message of a single exchange on 2 ranks is still cut.
    const FEW: usize = 4;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3))]

        #[test]
        fn chunked_exchanges_are_swaps(steps in steps()) {
            compare(Machine::Staged, 2, FEW, &steps);
            compare(Machine::Direct, 4, FEW, &steps);
        }
    }

    #[test]
    fn streams_that_do_not_wait_for_each_other_are_found_out() {
        let rotation = |target| Step::Rotation { angle: 0.7, target, control: None };
        let steps = [Step::Exchange(vec![3]), rotation(3), Step::Exchange(vec![3]), rotation(5)];
        compare(Machine::Direct, 2, FEW, &steps);
        let [amplitudes, overlaps] = difference(Machine::Deaf, 2, FEW, &steps);
        assert!(amplitudes > 1e-3 && overlaps > 1e-3, "{amplitudes} {overlaps}");
    }
}

#[test]
fn ranks_whose_passes_span_all_bits_together_exchange_first() {
    // A message is 16 MiB, too much to be on its way as a whole, yet no row bit is left to cut it by: what runs after
    // the exchange mixes the upper rows on one rank and the lower ones on the other.
    let upper = (4..12).map(|target| Step::Rotation { angle: 0.3 + target as f64, target, control: Some(QUBITS - 1) });
    let lower = (0..3).map(|low| Step::Cycle { targets: [2 * low, 2 * low + 1], control: QUBITS - 1 });
    let steps: Vec<Step> = std::iter::once(Step::Exchange(vec![12])).chain(upper).chain(lower).collect();
    compare(Machine::Cpu, 2, 256, &steps);
}
