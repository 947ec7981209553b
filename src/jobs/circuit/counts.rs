//! Counts: samples of the classical bits at the end of the circuit.

use super::inputs::Inputs;
use crate::comm::Communicator;
use crate::engine::Engine;
use crate::engine::trajectories::BATCH as TRAJECTORIES;
use crate::io::Counts;
use crate::model::noise::{Readout, ReadoutTable};
use crate::model::{Circuit, Layout, Operation, Statement};
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
    misread: Vec<Misread>,
    rows: BTreeMap<String, u64>,
}

/// Bits that are misread together.
struct Misread {
    /// Their places among the counted ones, the first least significant.
    places: Vec<usize>,
    matrix: Readout,
}

impl Tally {
    /// No shots yet.
    pub(super) fn new(inputs: &Inputs) -> Tally {
        let (bits, qubits) = counted_bits(&inputs.circuit, &inputs.plan.bits);
        let misread = misread(&inputs.readout, &qubits);
        Tally { bits, misread, rows: BTreeMap::new() }
    }

    /// How often each row was counted.
    pub(super) fn rows(&self) -> &BTreeMap<String, u64> {
        &self.rows
    }

    /// Counts on from these.
    pub(super) fn set_rows(&mut self, rows: BTreeMap<String, u64>) {
        self.rows = rows;
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
            let number = |bit: usize| uniform(seed, Purpose::Readout, shot * self.bits.len() as u64 + bit as u64);
            *self.rows.entry(bit_string(&self.bits, outcome, &self.misread, number)).or_default() += 1;
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

/// The bits of a row of the counts, each with the qubit it was measured from: the classical bits, or all qubits when nothing is
/// measured into a bit.
fn counted_bits(circuit: &Circuit, bits: &[BitSource]) -> (Vec<BitSource>, Vec<Option<usize>>) {
    let mut measured = vec![None; bits.len()];
    note_measurements(&circuit.statements, &mut measured);
    if measured.iter().all(Option::is_none) {
        return (0..circuit.qubits()).map(|qubit| (BitSource::Qubit(qubit), Some(qubit))).unzip();
    }
    let qubit = |(source, measured): (&BitSource, Option<usize>)| match source {
        BitSource::Zero => None,
        BitSource::Qubit(qubit) => Some(*qubit),
        BitSource::Register(_) => measured,
    };
    (bits.to_vec(), bits.iter().zip(measured).map(qubit).collect())
}

/// The qubit that is measured last into each bit.
fn note_measurements(statements: &[Statement], measured: &mut [Option<usize>]) {
    for statement in statements {
        match &statement.operation {
            Operation::Measure { qubit, bit: Some(bit) } => measured[*bit] = Some(*qubit),
            Operation::If { body, otherwise, .. } => {
                note_measurements(body, measured);
                note_measurements(otherwise, measured);
            }
            _ => {}
        }
    }
}

/// Which bits, by the qubits they are measured from, are misread how. Qubits that are misread together must all be counted.
fn misread(table: &ReadoutTable, qubits: &[Option<usize>]) -> Vec<Misread> {
    let place = |qubit: &usize| qubits.iter().position(|measured| *measured == Some(*qubit));
    let group = |matrix: &Readout| {
        let places = matrix.qubits.iter().map(place).collect::<Option<Vec<_>>>()?;
        Some(Misread { places, matrix: matrix.clone() })
    };
    let mut misread: Vec<Misread> = table.of_qubits.iter().filter_map(group).collect();
    if let Some(matrix) = &table.of_others {
        let named = |qubit: usize| table.of_qubits.iter().any(|one| one.qubits.contains(&qubit));
        let others = (0..qubits.len()).filter(|place| qubits[*place].is_some_and(|qubit| !named(qubit)));
        misread.extend(others.map(|place| Misread { places: vec![place], matrix: matrix.clone() }));
    }
    misread
}

/// The last bit leftmost; what is read in place of the measured bits, a number uniform in [0, 1) for each place decides.
fn bit_string(bits: &[BitSource], outcome: Outcome, misread: &[Misread], number: impl Fn(usize) -> f64) -> String {
    let value = |source: &BitSource| match source {
        BitSource::Zero => false,
        BitSource::Qubit(qubit) => outcome.index >> qubit & 1 == 1,
        BitSource::Register(bit) => outcome.register >> bit & 1 == 1,
    };
    let mut values: Vec<bool> = bits.iter().map(value).collect();
    for Misread { places, matrix } in misread {
        let before = places.iter().enumerate().map(|(bit, place)| usize::from(values[*place]) << bit).sum();
        let after = matrix.read(before, number(places[0]));
        places.iter().enumerate().for_each(|(bit, place)| values[*place] = after >> bit & 1 == 1);
    }
    values.iter().rev().map(|value| if *value { '1' } else { '0' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_from_qubits_and_from_the_register() {
        let bits = [BitSource::Qubit(2), BitSource::Zero, BitSource::Register(1)];
        let outcome = Outcome { register: 0b10, index: 0b011 };
        assert_eq!(bit_string(&bits, outcome, &[], |_| 0.0), "100");
        let all = ReadoutTable::new(vec![Readout::symmetric(1.0).unwrap()]).unwrap();
        let all = misread(&all, &[Some(2), None, Some(0)]);
        assert_eq!(bit_string(&bits, outcome, &all, |_| 0.0), "001", "a bit that is never written is not misread");
    }

    #[test]
    fn qubits_are_misread_together() {
        let mut rows = vec![vec![0.0; 4]; 4];
        // Qubit 0 is read for qubit 2 and the other way round.
        [(0, 0), (1, 2), (2, 1), (3, 3)].iter().for_each(|(from, to)| rows[*from][*to] = 1.0);
        let table = ReadoutTable::new(vec![Readout::new(vec![2, 0], rows).unwrap()]).unwrap();
        let bits: Vec<BitSource> = (0..3).map(BitSource::Qubit).collect();
        let found = misread(&table, &[Some(0), Some(1), Some(2)]);
        let read = |index| bit_string(&bits, Outcome { register: 0, index }, &found, |_| 0.5);
        assert_eq!((read(0b001), read(0b100), read(0b011)), ("100".into(), "001".into(), "110".into()));
        assert!(misread(&table, &[Some(0), Some(1), None]).is_empty(), "a qubit that is not counted");
    }
}
