//! Counts: samples of the classical bits at the end of the circuit.

use super::inputs::Inputs;
use crate::engine::Engine;
use crate::io::Counts;
use crate::model::{Circuit, Layout, Operation};
use crate::plan::BitSource;
use crate::rng::{Purpose, uniform};
use crate::state::Outcome;
use std::collections::BTreeMap;

/// Shots drawn at once.
const BATCH: u64 = 1 << 20;

/// Draws all shots; the trace `missing` is spread evenly. Collective over the engine's ranks.
pub(super) fn draw(engine: &dyn Engine, inputs: &Inputs, layout: &Layout, missing: f64) -> Counts {
    let (seed, shots) = (inputs.config.seed, inputs.config.observe.shots);
    let bits = counted_bits(&inputs.circuit, &inputs.plan.bits);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for first in (0..shots).step_by(BATCH as usize) {
        let batch = first..shots.min(first + BATCH);
        let draws: Vec<f64> = batch.clone().map(|shot| uniform(seed, Purpose::Shots, shot)).collect();
        for (shot, outcome) in batch.zip(engine.sample(layout, missing, &draws)) {
            let flip = |bit: usize| {
                let index = shot * bits.len() as u64 + bit as u64;
                uniform(seed, Purpose::Readout, index) < inputs.config.noise.readout
            };
            *counts.entry(bit_string(&bits, outcome, flip)).or_default() += 1;
        }
    }
    let (bitstrings, counts) = counts.into_iter().unzip();
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
