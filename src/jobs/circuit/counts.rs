//! Counts: samples of the classical bits at the end of the circuit.

use super::inputs::Inputs;
use crate::comm::Communicator;
use crate::engine::Engine;
use crate::engine::trajectories::BATCH as TRAJECTORIES;
use crate::io::Counts;
use crate::model::{Circuit, Layout, Operation};
use crate::plan::BitSource;
use crate::rng::{Purpose, uniform};
use crate::state::Outcome;
use std::collections::BTreeMap;
use std::ops::Range;

/// Shots drawn at once.
const BATCH: u64 = 1 << 20;

/// Draws all shots; the trace `missing` is spread evenly. Collective over the engine's ranks.
pub(super) fn draw(engine: &dyn Engine, inputs: &Inputs, layout: &Layout, missing: f64) -> Counts {
    let shots = inputs.config.observe.shots;
    let mut tally = Tally::new(inputs);
    for first in (0..shots).step_by(BATCH as usize) {
        tally.draw(engine, inputs, layout, first..shots.min(first + BATCH), missing);
    }
    counts(tally.rows)
}

/// Shots counted so far.
pub(super) struct Tally {
    bits: Vec<BitSource>,
    rows: BTreeMap<String, u64>,
}

impl Tally {
    /// No shots yet.
    pub(super) fn new(inputs: &Inputs) -> Tally {
        Tally { bits: counted_bits(&inputs.circuit, &inputs.plan.bits), rows: BTreeMap::new() }
    }

    /// One shot of each trajectory of the batch that begins with number `first`, as far as shots are asked for.
    pub(super) fn batch(&mut self, engine: &dyn Engine, inputs: &Inputs, layout: &Layout, first: u64) {
        let end = inputs.config.observe.shots.min(first + TRAJECTORIES as u64);
        if first < end {
            self.draw(engine, inputs, layout, first..end, 0.0);
        }
    }

    fn draw(&mut self, engine: &dyn Engine, inputs: &Inputs, layout: &Layout, shots: Range<u64>, missing: f64) {
        let seed = inputs.config.seed;
        let draws: Vec<f64> = shots.clone().map(|shot| uniform(seed, Purpose::Shots, shot)).collect();
        for (shot, outcome) in shots.zip(engine.sample(layout, missing, &draws)) {
            let flip = |bit: usize| {
                let index = shot * self.bits.len() as u64 + bit as u64;
                uniform(seed, Purpose::Readout, index) < inputs.config.noise.readout
            };
            *self.rows.entry(bit_string(&self.bits, outcome, flip)).or_default() += 1;
        }
    }

    /// The shots of all ranks on the first one; its own on each other. Collective.
    pub(super) fn over(&self, comm: &dyn Communicator) -> Counts {
        let lines: Vec<String> = self.rows.iter().map(|(bits, count)| format!("{bits} {count}")).collect();
        let Some(all) = comm.gather(lines.join("\n").as_bytes()) else { return counts(self.rows.clone()) };
        let mut rows = BTreeMap::new();
        for text in all.iter().map(|bytes| String::from_utf8_lossy(bytes)) {
            for (bits, count) in text.lines().filter_map(|line| line.split_once(' ')) {
                *rows.entry(bits.to_string()).or_default() += count.parse::<u64>().unwrap_or(0);
            }
        }
        counts(rows)
    }
}

fn counts(rows: BTreeMap<String, u64>) -> Counts {
    let (bitstrings, counts) = rows.into_iter().unzip();
    Counts { bitstrings, counts }
}

/// The bits of a row of the counts: the classical bits, or all qubits when nothing is measured into a bit.
fn counted_bits(circuit: &Circuit, bits: &[BitSource]) -> Vec<BitSource> {
    let measures = |operation: &Operation| matches!(operation, Operation::Measure { bit: Some(_), .. });
    if circuit.statements.iter().any(|statement| measures(&statement.operation)) {
        return bits.to_vec();
    }
    (0..circuit.qubits()).map(BitSource::Qubit).collect()
}

/// The last bit leftmost; a measured bit is read wrongly where `flip` says so.
fn bit_string(bits: &[BitSource], outcome: Outcome, flip: impl Fn(usize) -> bool) -> String {
    let read = |(place, source): (usize, &BitSource)| {
        let value = match source {
            BitSource::Zero => return '0',
            BitSource::Qubit(qubit) => outcome.index >> qubit & 1 == 1,
            BitSource::Register(bit) => outcome.register >> bit & 1 == 1,
        };
        if value != flip(place) { '1' } else { '0' }
    };
    bits.iter().enumerate().rev().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_from_qubits_and_from_the_register() {
        let bits = [BitSource::Qubit(2), BitSource::Zero, BitSource::Register(1)];
        let outcome = Outcome { register: 0b10, index: 0b011 };
        assert_eq!(bit_string(&bits, outcome, |_| false), "100");
        assert_eq!(bit_string(&bits, outcome, |_| true), "001", "a bit that is never written is not misread");
    }
}
