//! How long a plan takes: its costs, the widths along it and the speed of a rank.
//!
//! The walk follows the state: operations queue up until an exchange, a compression or the measurement needs the
//! amplitudes, and then run in passes. In a pass a tile of rows goes through all operations while it is in the cache,
//! so the pass takes one reading and writing of the shard plus the operations' time in the cache. An exchange runs
//! under the first pass after it: the two take the longer of their times, not the sum. On a GPU each operation is a pass.

use super::cost::CompressionCost;
use super::machine::{Shape, Speed};
use super::widths::Widths;
use super::{Action, Plan, Step};
use serde::Serialize;
use std::ops::AddAssign;

/// Seconds of one pass over the circuit, by what they go to.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Seconds {
    /// Operations of gates and channels, and the memory they go through.
    pub gates: f64,
    /// Gram matrices, eigenvalues and rotations.
    pub compression: f64,
    /// Exchanges as far as nothing hides them, sums over the ranks, broadcasts.
    pub communication: f64,
    /// What is taken of the final state.
    pub observables: f64,
}

impl Seconds {
    /// The sum.
    pub fn total(&self) -> f64 {
        self.gates + self.compression + self.communication + self.observables
    }
}

impl AddAssign for Seconds {
    fn add_assign(&mut self, other: Seconds) {
        self.gates += other.gates;
        self.compression += other.compression;
        self.communication += other.communication;
        self.observables += other.observables;
    }
}

/// What is predicted of one rank for one pass over the circuit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prediction {
    /// By kind of work.
    pub seconds: Seconds,
    /// For each step; the memory of a pass counts for its first operation.
    pub steps: Vec<f64>,
    /// Passes over the shard.
    pub passes: usize,
    /// Compressions.
    pub compressions: usize,
    /// Bytes that gates and channels read and write, pass by pass.
    pub traffic: f64,
    /// Flops of gates, channels, Gram matrices and rotations.
    pub flops: f64,
    /// Bytes sent in exchanges and for observables: exact for these widths.
    pub sent: f64,
    /// Partners they are sent to, in sum.
    pub messages: f64,
}

impl Plan {
    /// What this plan takes with these widths, on ranks of this speed, with amplitudes of so many bytes.
    pub fn predict(&self, widths: &Widths, speed: &Speed<'_>, amplitude_bytes: usize) -> Prediction {
        let course = Course::begin(self, widths.start);
        let mut walk = Walk { plan: self, widths, speed, amplitude_bytes, course };
        (0..self.steps.len()).for_each(|step| walk.step(step));
        walk.course.result
    }
}

/// An operation that waits to be run.
struct Queued {
    step: usize,
    /// Row bits it mixes.
    mask: usize,
    /// Seconds in the cache.
    seconds: f64,
    /// Columns before and after it.
    width: (u64, u64),
}

/// An exchange that waits for a pass to hide it.
struct Arriving {
    step: usize,
    /// Row bits it exchanges.
    mask: usize,
    seconds: f64,
    /// Bytes of the shard read to pack and written to unpack; no link does that.
    memory: f64,
}

/// How far a walk has come.
#[derive(Default)]
pub(super) struct Course {
    queue: Vec<Queued>,
    arriving: Option<Arriving>,
    /// Columns there is room for.
    reserved: u64,
    pub(super) result: Prediction,
}

impl Course {
    /// Before the first step, with room for so many columns.
    pub(super) fn begin(plan: &Plan, reserved: u64) -> Course {
        let result = Prediction { steps: vec![0.0; plan.steps.len()], ..Prediction::default() };
        Course { reserved, result, ..Course::default() }
    }
}

pub(super) struct Walk<'a> {
    pub(super) plan: &'a Plan,
    pub(super) widths: &'a Widths,
    pub(super) speed: &'a Speed<'a>,
    pub(super) amplitude_bytes: usize,
    pub(super) course: Course,
}

impl Walk<'_> {
    pub(super) fn step(&mut self, index: usize) {
        let step = &self.plan.steps[index];
        match &step.action {
            Action::Unitary { .. }
            | Action::Diagonal { .. }
            | Action::Permutation { .. }
            | Action::Channel { .. }
            | Action::Conditional { .. } => self.enqueue(index, step),
            Action::Exchange { pairs } => {
                self.flush();
                self.exchange(index, pairs);
            }
            Action::CompressIfWide if self.widths.compresses[index] => {
                self.flush();
                self.compress(index);
            }
            Action::CompressIfWide | Action::Relabel { .. } | Action::Classical { .. } => {}
            Action::Measure { .. } => {
                self.flush();
                if self.widths.compresses[index] {
                    self.compress(index);
                }
                self.observe(index, step);
            }
        }
    }

    fn add(&mut self, step: usize, seconds: Seconds) {
        self.course.result.seconds += seconds;
        self.course.result.steps[step] += seconds.total();
    }

    fn rows(&self) -> f64 {
        self.plan.local_rows() as f64
    }

    fn column_bytes(&self) -> f64 {
        self.plan.column_bytes(self.amplitude_bytes) as f64
    }

    fn enqueue(&mut self, index: usize, step: &Step) {
        let width = (self.widths.before(index), self.widths.after[index]);
        let (shape, targets, controls) = match &step.action {
            Action::Unitary { targets, controls, .. } => (Shape::Dense(targets.len()), &targets[..], controls.len()),
            Action::Permutation { targets, controls, .. } => (Shape::Permutation, &targets[..], controls.len()),
            Action::Diagonal { controls, .. } => (Shape::Diagonal, &[][..], controls.len()),
            Action::Channel { targets, .. } if width.0 == width.1 => (Shape::Dense(targets.len()), &targets[..], 0),
            Action::Channel { targets, .. } => (Shape::Branch(targets.len()), &targets[..], 0),
            _ => return,
        };
        let rows = self.rows() / (controls as f64).exp2();
        let columns = width.0.max(width.1);
        self.course.result.flops += self.plan.cost(&step.action, self.amplitude_bytes).flops as f64 * columns as f64;
        let mask = targets.iter().fold(0, |mask, bit| mask | 1 << bit);
        self.course.queue.push(Queued { step: index, mask, seconds: self.speed.gate(shape, rows, columns), width });
    }

    fn exchange(&mut self, index: usize, pairs: &[(usize, usize)]) {
        let cost = self.plan.cost(&self.plan.steps[index].action, self.amplitude_bytes);
        let width = self.widths.before(index) as f64;
        let sent = cost.sent as f64 * width;
        self.course.result.sent += sent;
        self.course.result.messages += cost.messages as f64;
        self.course.arriving = Some(Arriving {
            step: index,
            mask: pairs.iter().fold(0, |mask, (_, local)| mask | 1 << local),
            seconds: self.speed.exchange(cost.messages as f64, sent / cost.messages.max(1) as f64),
            memory: cost.memory as f64 * width,
        });
    }

    /// Runs what is queued.
    fn flush(&mut self) {
        let queue = std::mem::take(&mut self.course.queue);
        let arriving = self.course.arriving.take();
        self.make_room(&queue);
        let within = arriving.as_ref().map_or(0, |arriving| arriving.mask);
        let mut hidden_by = 0.0;
        let passes = match self.speed.shares_passes() {
            true => passes(&queue, within, |width| self.speed.tile_bits(width)),
            false => queue.chunks(1).collect(),
        };
        for (number, pass) in passes.into_iter().enumerate() {
            let seconds = self.run(pass);
            if number == 0 {
                hidden_by = seconds;
            }
        }
        if let Some(Arriving { step, seconds, memory, .. }) = arriving {
            let packing = self.speed.memory(memory);
            let communication = (seconds - hidden_by - packing).max(0.0);
            self.add(step, Seconds { communication: communication + packing, ..Seconds::default() });
        }
    }

    /// Room for the most columns of the queue, if they are more than ever before.
    fn make_room(&mut self, queue: &[Queued]) {
        let Some(most) = queue.iter().map(|queued| queued.width.1).max().filter(|most| *most > self.course.reserved)
        else {
            return;
        };
        self.course.reserved = most;
        let gates = self.speed.grow(self.column_bytes() * most as f64);
        self.add(queue[0].step, Seconds { gates, ..Seconds::default() });
    }

    /// One pass; gives its seconds.
    fn run(&mut self, pass: &[Queued]) -> f64 {
        let (Some(first), Some(last)) = (pass.first(), pass.last()) else { return 0.0 };
        let bytes = self.column_bytes() * (first.width.0 + last.width.1) as f64;
        let operations = pass.iter().map(|queued| queued.seconds).sum::<f64>();
        let seconds = self.speed.pass(bytes, operations);
        self.course.result.passes += 1;
        self.course.result.traffic += bytes;
        self.add(first.step, Seconds { gates: seconds - operations, ..Seconds::default() });
        for queued in pass {
            self.add(queued.step, Seconds { gates: queued.seconds, ..Seconds::default() });
        }
        seconds
    }

    fn compress(&mut self, index: usize) {
        let width = self.widths.before(index);
        let seconds = self.compression(width, self.widths.after[index]);
        self.course.result.compressions += 1;
        self.add(index, seconds);
    }

    /// Gram matrix, its sum over the ranks, eigenvalues on one rank, the decision sent to all, the rotation.
    fn compression(&mut self, width: u64, kept: u64) -> Seconds {
        let cost = CompressionCost::of(self.plan, width, kept);
        self.course.result.flops += cost.flops();
        let (speed, ranks) = (self.speed, self.plan.shards);
        // The Gram matrix and, if anything is kept, the rotation; the host decides in between.
        let launches = speed.launches(if kept > 0 { 2.0 } else { 1.0 }, 1.0);
        let mut compression = speed.products(&cost, width) + speed.eigenvalues(cost.eigenproblem) + launches;
        if width > cost.eigenproblem {
            // The eigenvectors come from the smaller product of the factor with itself.
            let dimension = cost.eigenproblem as f64;
            compression += speed.multiply(16.0 * dimension * dimension * width as f64);
        }
        let communication = speed.all_reduce(ranks, cost.reduced) + speed.broadcast(ranks, cost.broadcast);
        Seconds { compression, communication, ..Seconds::default() }
    }

    /// A channel on `qubits` qubits that is compressed from `formed` columns without forming them (`engine/at_once.rs`): the
    /// products of the rows with the target bits `s` and `t`, the eigenvalues, one product for each pair `s`, `t`.
    pub(super) fn channel_at_once(&mut self, index: usize, qubits: usize, formed: u64) {
        self.flush();
        let (width, kept, values) = (self.widths.before(index), self.widths.after[index], (qubits as f64).exp2());
        let own = CompressionCost::of(self.plan, width, kept);
        let cost = CompressionCost { gram: own.gram * values, rotate: own.rotate * values, ..own };
        let whole = CompressionCost::of(self.plan, formed, kept);
        self.course.result.flops += cost.flops();
        self.course.result.compressions += 1;
        let (speed, ranks) = (self.speed, self.plan.shards);
        let blocks = values * (values + 1.0) / 2.0;
        let launches = speed.launches(blocks + values * values, 1.0);
        let compression = speed.products(&cost, width) + speed.eigenvalues(whole.eigenproblem) + launches;
        let communication = speed.all_reduce(ranks, blocks * own.reduced) + speed.broadcast(ranks, whole.broadcast);
        self.add(index, Seconds { compression, communication, ..Seconds::default() });
    }

    /// The purity (a Gram matrix and its eigenvalues) and one pass for each group of Pauli strings.
    fn observe(&mut self, index: usize, step: &Step) {
        let Action::Measure { overlaps, .. } = &step.action else { return };
        let width = self.widths.after[index];
        let cost = self.plan.cost(&step.action, self.amplitude_bytes);
        let sent = cost.sent as f64 * width as f64;
        self.course.result.sent += sent;
        self.course.result.messages += cost.messages as f64;
        self.course.result.flops += cost.flops as f64 * width as f64;
        let purity = self.compression(width, 0);
        let groups = overlaps.len() as f64;
        let computed = self.speed.gate(Shape::Overlap, self.rows(), width);
        let overlap = self.speed.pass(self.column_bytes() * width as f64, computed) + self.speed.launches(0.0, 1.0);
        let exchange = self.speed.exchange(cost.messages as f64, sent / cost.messages.max(1) as f64);
        let observables = purity.compression + groups * overlap;
        let communication = purity.communication + exchange;
        self.add(index, Seconds { observables, communication, ..Seconds::default() });
    }
}

/// Splits the queue into passes: an operation joins as long as the bits it mixes and those of the pass fit in a tile.
/// The first pass mixes the bits `within` as well.
fn passes(queue: &[Queued], within: usize, tile_bits: impl Fn(u64) -> u32) -> Vec<&[Queued]> {
    let (mut passes, mut first, mut mask) = (Vec::new(), 0, within);
    for (index, queued) in queue.iter().enumerate() {
        let joined = mask | queued.mask;
        if index > first && joined != mask && joined.count_ones() > tile_bits(queued.width.1) {
            passes.push(&queue[first..index]);
            (first, mask) = (index, queued.mask);
        } else {
            mask = joined;
        }
    }
    if first < queue.len() {
        passes.push(&queue[first..]);
    }
    passes
}

#[cfg(test)]
mod tests;
