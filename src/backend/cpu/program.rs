//! A pass, prepared for tiles that lie in memory in a given way.

use super::frame::{Frame, Groups};
use super::index::scatter_bits;
use super::kernels::{Cycle, Mixer, Scale, coefficient};
use super::memory::Block;
use super::scalar::Real;
use super::trade::Trade;
use crate::backend::order::{Footprint, Skipped};
use crate::backend::{LocalControl, LocalOperation, Pass};
use crate::linalg::Matrix;
use num_complex::Complex;
use std::ops::Range;

/// Rows of a group that a diagonal takes together: as many streams as a processor follows.
const SCALED_TOGETHER: usize = 8;

/// The steps of a pass.
pub(super) struct Program<T> {
    steps: Vec<Step<T>>,
}

/// What is done to a tile, if the bits that do not vary in it have the values of `outside`.
struct Step<T> {
    outside: Vec<LocalControl>,
    action: Action<T>,
}

enum Action<T> {
    Mix {
        mixer: Mixer<T>,
        groups: Groups,
        offsets: Vec<usize>,
    },
    Scale(Diagonal<T>),
    Move {
        cycles: Vec<Cycle>,
        groups: Groups,
    },
    /// Copies ranges of each row's reals to other places of it.
    Copy {
        ranges: Vec<(Range<usize>, usize)>,
        rows: Groups,
    },
    Trade {
        trade: Trade,
        groups: Groups,
    },
}

struct Diagonal<T> {
    groups: Groups,
    entries: Vec<Complex<T>>,
    /// The targets that do not vary in the tile and their places in an index of `entries`.
    outside: Vec<(usize, usize)>,
    /// For each value of the bits that vary: a distance and, for each lane, the part of the index that comes from
    /// within the tile; nothing where a control fails.
    values: Vec<(usize, Vec<Option<usize>>)>,
}

impl<T: Real> Program<T> {
    /// Prepares the operations of a pass. Where amplitudes of several rows share a block, operations wait until the
    /// bits that they mix are distances.
    pub(super) fn new(pass: &Pass, frame: Frame) -> Self {
        let mut builder = Builder { steps: Vec::new(), width: pass.width };
        let mut waiting: Vec<&LocalOperation> = pass.operations.iter().collect();
        while !waiting.is_empty() {
            builder.add_possible(&mut waiting, &frame);
            let Some(first) = waiting.first() else { break };
            let away = choose_lanes(&waiting, first, &frame);
            let swaps = swaps(&frame, &away);
            builder.trade(&frame, &swaps);
            let mut other = frame.clone();
            for (lane, bit) in &swaps {
                std::mem::swap(&mut other.lanes[*lane], &mut other.bits[*bit].0);
            }
            builder.add_possible(&mut waiting, &other);
            builder.trade(&frame, &swaps);
        }
        Program { steps: builder.steps }
    }

    /// Runs the steps on the tile at `base`; `row` has the bits that do not vary in it.
    ///
    /// # Safety
    /// The memory at `base` lies as the program's frame says, and no one else holds it.
    pub(super) unsafe fn run(&self, base: *mut T, row: usize) {
        for step in &self.steps {
            if step.outside.iter().all(|control| (row >> control.bit & 1 == 1) == control.value) {
                // SAFETY: as the caller promises; steps are made for the frame.
                unsafe { step.action.run(base, row) };
            }
        }
    }
}

/// Bits that no waiting operation mixes soon, to be the lanes instead of those that the first one mixes.
fn choose_lanes(waiting: &[&LocalOperation], first: &LocalOperation, frame: &Frame) -> Vec<usize> {
    let next_use = |bit: usize| waiting.iter().position(|operation| operation.mixed_bits() >> bit & 1 == 1);
    let mut free: Vec<usize> = frame.lanes.iter().copied().chain(frame.bits.iter().map(|(bit, _)| *bit)).collect();
    free.retain(|bit| first.mixed_bits() >> bit & 1 == 0);
    // The lanes of now come first among equals, so that no more bits trade places than must.
    free.sort_by_key(|bit| std::cmp::Reverse(next_use(*bit).unwrap_or(usize::MAX)));
    free.truncate(frame.lanes.len());
    free
}

/// The lanes that are not among `wanted`, each with the place (in the frame's bits) of a wanted bit.
fn swaps(frame: &Frame, wanted: &[usize]) -> Vec<(usize, usize)> {
    let leaving = (0..frame.lanes.len()).filter(|lane| !wanted.contains(&frame.lanes[*lane]));
    let entering = (0..frame.bits.len()).filter(|place| wanted.contains(&frame.bits[*place].0));
    leaving.zip(entering).collect()
}

struct Builder<T> {
    steps: Vec<Step<T>>,
    width: usize,
}

impl<T: Real> Builder<T> {
    /// Adds every waiting operation that mixes no lane and may go before those that stay.
    fn add_possible(&mut self, waiting: &mut Vec<&LocalOperation>, frame: &Frame) {
        let mut skipped = Skipped::default();
        waiting.retain(|operation| {
            let footprint = Footprint::of(operation);
            let mixes_lane = frame.lanes.iter().any(|bit| operation.mixed_bits() >> bit & 1 == 1);
            let stays = mixes_lane || !skipped.lets_pass(&footprint);
            if stays {
                skipped.add(&footprint);
            } else {
                self.add(operation, frame);
            }
            stays
        });
    }

    fn add(&mut self, operation: &LocalOperation, frame: &Frame) {
        match operation {
            LocalOperation::Dense { matrix, targets, controls } => self.mix(frame, matrix, targets, controls),
            LocalOperation::Permutation { images, factors, targets, controls } => {
                if controls.iter().any(|control| frame.lanes.contains(&control.bit)) {
                    let mut matrix = Matrix::zeros((images.len(), images.len()));
                    images.iter().zip(factors).enumerate().for_each(|(from, (to, value))| matrix[(*to, from)] = *value);
                    self.mix(frame, &matrix, targets, controls);
                } else {
                    let factors: Vec<Complex<T>> = factors.iter().map(|factor| T::complex(*factor)).collect();
                    self.permute(frame, images, &factors, targets, controls);
                }
            }
            LocalOperation::Diagonal { entries, targets, controls } => self.scale(frame, entries, targets, controls),
            LocalOperation::Branch { matrices, targets, sources, choice } => {
                self.copy(frame, sources);
                self.branch(frame, matrices, targets, choice);
            }
        }
    }

    fn mix(&mut self, frame: &Frame, matrix: &Matrix, targets: &[usize], controls: &[LocalControl]) {
        let (lanes, rows, outside) = sorted_controls(frame, controls);
        let size = matrix.nrows();
        let entry = |lane: usize, row: usize, column: usize| {
            if lanes.iter().all(|(place, value)| (lane >> place & 1 == 1) == *value) {
                T::complex(matrix[(row, column)])
            } else {
                Complex::new(if row == column { T::one() } else { T::ZERO }, T::ZERO)
            }
        };
        let mixer = Mixer::new(size, lanes.is_empty(), entry);
        let (groups, first) = controlled(frame, targets, &rows);
        let offsets = (0..size).map(|value| first + frame.offset(targets, value)).collect();
        self.steps.push(Step { outside, action: Action::Mix { mixer, groups, offsets } });
    }

    fn permute(
        &mut self,
        frame: &Frame,
        images: &[usize],
        factors: &[Complex<T>],
        targets: &[usize],
        controls: &[LocalControl],
    ) {
        let (_, rows, outside) = sorted_controls(frame, controls);
        let (groups, first) = controlled(frame, targets, &rows);
        let one = Complex::new(T::one(), T::ZERO);
        let mut cycles = Vec::new();
        let mut seen = vec![false; images.len()];
        for start in 0..images.len() {
            let mut members = Vec::new();
            let mut value = start;
            while !std::mem::replace(&mut seen[value], true) {
                members.push(value);
                value = images[value];
            }
            if members.len() > 1 || members.first().is_some_and(|only| factors[*only] != one) {
                cycles.push(Cycle {
                    offsets: members.iter().map(|value| first + frame.offset(targets, *value)).collect(),
                    factors: members
                        .iter()
                        .map(|value| (factors[*value] != one).then(|| coefficient(|_| factors[*value])))
                        .collect(),
                });
            }
        }
        self.steps.push(Step { outside, action: Action::Move { cycles, groups } });
    }

    fn scale(
        &mut self,
        frame: &Frame,
        entries: &[num_complex::Complex64],
        targets: &[usize],
        controls: &[LocalControl],
    ) {
        let (lanes, rows, outside_controls) = sorted_controls(frame, controls);
        let place = |bit: &usize| targets.iter().position(|target| target == bit);
        let outside = targets.iter().enumerate().filter(|(_, bit)| !frame.holds(**bit));
        let outside = outside.map(|(place, bit)| (*bit, place)).collect();
        let mut bits: Vec<usize> = rows.iter().map(|control| control.bit).collect();
        let within = frame.bits.iter().map(|(bit, _)| *bit).filter(|bit| targets.contains(bit));
        bits.extend(within.filter(|bit| !rows.iter().any(|control| control.bit == *bit)).collect::<Vec<_>>());
        let index = |value: usize, lane: usize| {
            let held = rows.iter().enumerate().all(|(place, control)| (value >> place & 1 == 1) == control.value)
                && lanes.iter().all(|(place, value)| (lane >> place & 1 == 1) == *value);
            let from_rows = bits.iter().enumerate().map(|(own, bit)| (value >> own & 1, place(bit)));
            let from_lanes = frame.lanes.iter().enumerate().map(|(own, bit)| (lane >> own & 1, place(bit)));
            let all = from_rows.chain(from_lanes);
            held.then(|| all.filter_map(|(set, place)| place.map(|place| set << place)).sum())
        };
        let lane_count = 1usize << frame.lanes.len();
        let values = (0..1usize << bits.len()).filter_map(|value| {
            let lanes: Vec<Option<usize>> = (0..lane_count).map(|lane| index(value, lane)).collect();
            lanes.iter().any(Option::is_some).then(|| (frame.offset(&bits, value), lanes))
        });
        let diagonal = Diagonal {
            groups: frame.groups(scatter_bits(usize::MAX, &bits), 0, frame.length),
            entries: entries.iter().map(|entry| T::complex(*entry)).collect(),
            outside,
            values: values.collect(),
        };
        self.steps.push(Step { outside: outside_controls, action: Action::Scale(diagonal) });
    }

    fn copy(&mut self, frame: &Frame, sources: &[usize]) {
        let mut ranges: Vec<(Range<usize>, usize)> = Vec::new();
        for (into, from) in (self.width..).zip(sources) {
            match ranges.last_mut() {
                Some((range, start)) if range.end == *from && *start + range.len() == into => range.end += 1,
                _ => ranges.push((*from..from + 1, into)),
            }
        }
        self.width += sources.len();
        let in_reals = |(range, into): &(Range<usize>, usize)| (2 * range.start..2 * range.end, 2 * into);
        let ranges = ranges.iter().map(in_reals).collect();
        self.steps.push(Step { outside: vec![], action: Action::Copy { ranges, rows: frame.groups(0, 0, 0) } });
    }

    /// Each column takes its own matrix: blocks whose columns take the same one go together.
    fn branch(&mut self, frame: &Frame, matrices: &[Matrix], targets: &[usize], choice: &[usize]) {
        let lanes = 1 << T::LANE_BITS;
        let blocks: Vec<&[usize]> = choice.chunks(lanes).collect();
        let mut first = 0;
        for run in blocks.chunk_by(|a, b| a == b || is_uniform(a) && is_uniform(b) && a[0] == b[0]) {
            let (own, length) = (run[0], run.len() * T::BLOCK);
            let matrix = |lane: usize| &matrices[*own.get(lane).unwrap_or(&own[own.len() - 1])];
            let size = matrix(0).nrows();
            if is_uniform(own) && *matrix(0) == crate::linalg::identity(size) {
                first += length;
                continue;
            }
            let entry = |lane: usize, row: usize, column: usize| T::complex(matrix(lane)[(row, column)]);
            let mixer = Mixer::new(size, is_uniform(own), entry);
            let groups = frame.groups(scatter_bits(usize::MAX, targets), first, length);
            let offsets = (0..size).map(|value| frame.offset(targets, value)).collect();
            self.steps.push(Step { outside: vec![], action: Action::Mix { mixer, groups, offsets } });
            first += length;
        }
    }

    /// Lanes and distances trade places.
    fn trade(&mut self, frame: &Frame, swaps: &[(usize, usize)]) {
        let bits: Vec<usize> = swaps.iter().map(|(_, place)| frame.bits[*place].0).collect();
        let lanes: Vec<usize> = swaps.iter().map(|(lane, _)| *lane).collect();
        let rows = (0..1usize << swaps.len()).map(|row| frame.offset(&bits, row)).collect();
        let trade = Trade::new::<T>(rows, lanes, frame.lanes.len());
        let groups = frame.groups(scatter_bits(usize::MAX, &bits), 0, frame.length);
        self.steps.push(Step { outside: vec![], action: Action::Trade { trade, groups } });
    }
}

/// Controls on lanes (place and value), on rows of the tile, and on bits that do not vary in it.
type Controls = (Vec<(usize, bool)>, Vec<LocalControl>, Vec<LocalControl>);

fn sorted_controls(frame: &Frame, controls: &[LocalControl]) -> Controls {
    let (mut lanes, mut rows, mut outside) = (vec![], vec![], vec![]);
    for control in controls {
        match frame.lanes.iter().position(|bit| *bit == control.bit) {
            Some(place) => lanes.push((place, control.value)),
            None if frame.holds(control.bit) => rows.push(*control),
            None => outside.push(*control),
        }
    }
    (lanes, rows, outside)
}

/// The groups of a gate and the distance of the rows that satisfy its controls.
fn controlled(frame: &Frame, targets: &[usize], controls: &[LocalControl]) -> (Groups, usize) {
    let bits: Vec<usize> = controls.iter().map(|control| control.bit).collect();
    let value = controls.iter().enumerate().map(|(place, control)| usize::from(control.value) << place).sum();
    let fixed = scatter_bits(usize::MAX, targets) | scatter_bits(usize::MAX, &bits);
    (frame.groups(fixed, 0, frame.length), frame.offset(&bits, value))
}

fn is_uniform(choice: &[usize]) -> bool {
    choice.iter().all(|own| *own == choice[0])
}

impl<T: Real> Action<T> {
    /// # Safety
    /// As [`Program::run`].
    unsafe fn run(&self, base: *mut T, row: usize) {
        // SAFETY: groups and distances are those of the frame, which the caller answers for.
        unsafe {
            match self {
                Action::Mix { mixer, groups, offsets } => mixer.run(base, groups, offsets),
                Action::Scale(diagonal) => diagonal.run(base, row),
                Action::Move { cycles, groups } => cycles.iter().for_each(|cycle| cycle.run(base, groups)),
                Action::Copy { ranges, rows } => rows.for_each(|start| {
                    let row = base.add(start);
                    for (range, into) in ranges {
                        std::ptr::copy_nonoverlapping(row.add(range.start), row.add(*into), range.len());
                    }
                }),
                Action::Trade { trade, groups } => trade.run(base, groups),
            }
        }
    }
}

impl<T: Real> Diagonal<T> {
    /// # Safety
    /// As [`Program::run`].
    unsafe fn run(&self, base: *mut T, row: usize) {
        let one = Complex::new(T::one(), T::ZERO);
        let outside: usize = self.outside.iter().map(|(bit, place)| (row >> bit & 1) << place).sum();
        for values in self.values.chunks(SCALED_TOGETHER) {
            let mut factors = [(0, [Block::ZERO; 2]); SCALED_TOGETHER];
            let mut count = 0;
            for (distance, lanes) in values {
                let factor = |lane: usize| {
                    let index = lanes[lane & (lanes.len() - 1)];
                    index.map_or(one, |index| self.entries[index | outside])
                };
                if (0..lanes.len()).any(|lane| factor(lane) != one) {
                    factors[count] = (*distance, coefficient(factor));
                    count += 1;
                }
            }
            let scale = Scale { base, groups: &self.groups, factors: &factors[..count] };
            // SAFETY: the groups at these distances are rows of the frame.
            unsafe { scale.run() };
        }
    }
}
