//! Samples by inverse cumulative distribution in logical index order, without gathering the distribution.
//!
//! The distribution is that of the completed state: the diagonal of `L L^dagger`, plus the missing trace spread evenly.
//! The index is descended some bits at a time from the most significant: each level makes one histogram of the next
//! bits for every prefix that some draw fell into, and sums it over the ranks.

use super::State;
use crate::model::BitMap;
use std::collections::BTreeMap;

/// Bits decided at each level.
const LEVEL_BITS: usize = 10;
/// Prefixes handled in one pass; bounds the histogram.
const LARGEST_BATCH: usize = 4096;

/// One sampled outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome {
    /// The classical register of the columns it was drawn from.
    pub register: u64,
    /// The basis state, logical.
    pub index: u64,
}

/// A draw on its way down: which one, the bits decided so far, and how far it lies into their share of the mass.
#[derive(Debug, Clone, Copy)]
struct Draw {
    number: usize,
    prefix: u64,
    residual: f64,
}

/// The diagonal this rank holds of the columns with one register value, and what the completion adds to each state.
struct Diagonal<'a> {
    weights: Vec<f64>,
    completion: f64,
    to_logical: &'a BitMap,
}

impl State {
    /// The outcome of each draw (uniform in [0, 1)); `missing` is the trace the completion adds.
    ///
    /// The completion is spread evenly over the register values that occur and over all basis states.
    pub fn sample(&self, to_logical: &BitMap, missing: f64, draws: &[f64]) -> Vec<Outcome> {
        let registers = self.registers();
        let share = missing / registers.len() as f64;
        let norms = self.column_norms();
        let mass = |columns: &Vec<usize>| columns.iter().map(|column| norms[*column]).sum::<f64>() + share;
        let masses: Vec<f64> = registers.values().map(mass).collect();
        let total: f64 = masses.iter().sum();
        let mut of_register = vec![Vec::new(); masses.len()];
        for (number, draw) in draws.iter().enumerate() {
            let (place, residual) = locate(&masses, draw * total);
            of_register[place].push(Draw { number, prefix: 0, residual });
        }
        let mut outcomes = vec![Outcome { register: 0, index: 0 }; draws.len()];
        for ((register, columns), picked) in registers.iter().zip(of_register) {
            if picked.is_empty() {
                continue;
            }
            let weights = self.settled().row_weights(columns);
            let completion = share / 2f64.powi(self.qubits as i32);
            for draw in self.descend(&Diagonal { weights, completion, to_logical }, picked) {
                outcomes[draw.number] = Outcome { register: *register, index: draw.prefix };
            }
        }
        outcomes
    }

    /// The outcome of one draw (uniform in [0, 1)) from each of the first columns by itself.
    pub fn sample_columns(&self, to_logical: &BitMap, draws: &[f64]) -> Vec<Outcome> {
        let norms = self.column_norms();
        let outcome = |(column, draw): (usize, &f64)| {
            let weights = self.settled().row_weights(&[column]);
            let draw = Draw { number: column, prefix: 0, residual: draw * norms[column] };
            let drawn = self.descend(&Diagonal { weights, completion: 0.0, to_logical }, vec![draw]);
            Outcome { register: self.columns()[column].register, index: drawn[0].prefix }
        };
        draws.iter().enumerate().map(outcome).collect()
    }

    /// The columns of each register value that occurs.
    fn registers(&self) -> BTreeMap<u64, Vec<usize>> {
        let mut registers: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (index, column) in self.columns().iter().enumerate() {
            registers.entry(column.register).or_default().push(index);
        }
        registers
    }

    fn descend(&self, diagonal: &Diagonal<'_>, mut draws: Vec<Draw>) -> Vec<Draw> {
        let mut left = self.qubits;
        while left > 0 {
            let step = left.min(LEVEL_BITS);
            draws.sort_by_key(|draw| draw.prefix);
            let prefixes: Vec<u64> = distinct(draws.iter().map(|draw| draw.prefix));
            let mut rest = &mut draws[..];
            for batch in prefixes.chunks(LARGEST_BATCH) {
                let histogram = self.histogram(diagonal, batch, left, step);
                let split = rest.partition_point(|draw| draw.prefix <= batch[batch.len() - 1]);
                let (now, later) = rest.split_at_mut(split);
                rest = later;
                for draw in now {
                    let slot = batch.partition_point(|prefix| *prefix < draw.prefix);
                    let (bits, residual) = locate(&histogram[slot << step..(slot + 1) << step], draw.residual);
                    *draw = Draw { prefix: draw.prefix << step | bits as u64, residual, ..*draw };
                }
            }
            left -= step;
        }
        draws
    }

    /// For each prefix (in order), the mass of each value of the next `step` bits, when `left` bits are undecided.
    fn histogram(&self, diagonal: &Diagonal<'_>, prefixes: &[u64], left: usize, step: usize) -> Vec<f64> {
        let mut histogram = vec![0.0; prefixes.len() << step];
        let first = (self.comm.rank() as u64) << self.local_qubits;
        for (row, weight) in diagonal.weights.iter().enumerate() {
            let logical = diagonal.to_logical.apply(first | row as u64);
            if let Ok(slot) = prefixes.binary_search(&(logical >> left)) {
                let bits = logical >> (left - step) & ((1 << step) - 1);
                histogram[slot << step | bits as usize] += weight;
            }
        }
        self.comm.sum(&mut histogram);
        let completion = diagonal.completion * 2f64.powi((left - step) as i32);
        histogram.iter_mut().for_each(|mass| *mass += completion);
        histogram
    }
}

fn distinct(sorted: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut values: Vec<u64> = sorted.collect();
    values.dedup();
    values
}

/// The entry that `target` falls into, and how far; never an entry without mass.
fn locate(masses: &[f64], target: f64) -> (usize, f64) {
    let mut below = 0.0;
    let mut last = 0;
    for (index, mass) in masses.iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
        if target < below + mass {
            return (index, (target - below).max(0.0));
        }
        below += mass;
        last = index;
    }
    // Rounding can leave the target just past the end.
    (last, masses.get(last).copied().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_falls_into_the_entry_that_covers_it() {
        let masses = [0.0, 0.25, 0.0, 0.75];
        assert_eq!(locate(&masses, 0.0), (1, 0.0));
        assert_eq!(locate(&masses, 0.25), (3, 0.0));
        assert_eq!(locate(&masses, 1.0).0, 3);
    }
}
