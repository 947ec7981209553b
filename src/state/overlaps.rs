//! Pauli expectations and marginals of the sharded state.
//!
//! `tr(P rho) = i^y sum_r (-1)^|z AND r| sum_c conj(L[r XOR x, c]) L[r, c]` for `P = i^y X^x Z^z`. When `x` has a rank
//! bit, the conjugated rows are a partner's: its shard comes through in chunks of bounded size, the next ones on their
//! way while one is reduced, and is not kept.

use super::State;
use super::pipeline::{BATCHES, Cut, DEPTH, Pipeline};
use crate::backend::{RowSet, Shard};
use crate::device::Packed;
use num_complex::Complex64;
use std::ops::Range;

/// Rows below which a batch is not cut further: threads share the rows of a batch.
const SMALLEST_BATCH: usize = 1 << 14;

impl State {
    /// For each physical flip and its physical sign masks: `sum_r (-1)^|sign AND r| sum_c conj(L[r XOR flip, c]) L[r, c]`, over all
    /// ranks.
    pub fn flip_overlaps(&mut self, groups: &[(u64, Vec<u64>)]) -> Vec<Vec<Complex64>> {
        let local = |(flip, signs): &(u64, Vec<u64>)| {
            (self.split(*flip).1, signs.iter().map(|sign| self.split(*sign).1).collect::<Vec<usize>>())
        };
        let locals: Vec<(usize, Vec<usize>)> = groups.iter().map(local).collect();
        let partner = |flip: u64| self.split(flip).0;
        let (inside, outside): (Vec<usize>, Vec<usize>) =
            (0..groups.len()).partition(|index| partner(groups[*index].0) == 0);
        let of_inside: Vec<_> = inside.iter().map(|index| locals[*index].clone()).collect();
        let mut sums = vec![Vec::new(); groups.len()];
        let found = self.settled().all_flip_overlaps(&of_inside);
        inside.into_iter().zip(found).for_each(|(index, found)| sums[index] = found);
        for index in outside {
            let (partner, (flip, signs)) = (self.comm.rank() ^ self.split(groups[index].0).0, &locals[index]);
            sums[index] = self.overlaps_with_partner(partner, *flip, signs);
        }
        self.sum_with_signs(groups, &mut sums);
        sums
    }

    /// Sums over the ranks, each with the sign of its rank bits.
    fn sum_with_signs(&self, groups: &[(u64, Vec<u64>)], sums: &mut [Vec<Complex64>]) {
        let signs = groups.iter().flat_map(|(_, signs)| signs);
        let odd = |sign: &u64| (self.split(*sign).0 & self.comm.rank()).count_ones() % 2 == 1;
        let mut all: Vec<Complex64> =
            sums.iter().flatten().zip(signs).map(|(sum, sign)| if odd(sign) { -sum } else { *sum }).collect();
        self.sum_complex(&mut all);
        sums.iter_mut().flatten().zip(all).for_each(|(sum, total)| *sum = total);
    }

    fn overlaps_with_partner(&mut self, partner: usize, flip: usize, signs: &[usize]) -> Vec<Complex64> {
        let comm = self.comm.clone();
        let (bits, rows) = ((0..self.local_qubits).collect::<Vec<usize>>(), self.rows());
        let State { blocks, pool, sent, .. } = self;
        let shard = &*blocks[0].shard;
        let count = (rows / Cut::of(shard.packed_bytes(rows), 1, comm.grain()).wanted).max(1);
        let mut pipeline = Pipeline::new(&*comm, pool);
        let send = |pipeline: &mut Pipeline<'_>, chunk: usize| {
            // The partner works on the same rows, so it needs those that its flip makes of them.
            let first = (chunk * count) ^ (flip & !(count - 1));
            let set = RowSet { bits: bits.clone(), value: 0, first, count };
            pipeline.start(&[partner], shard.packed_bytes(count), |_, out| shard.pack(&set, out));
        };
        let chunks = rows / count;
        (0..chunks.min(DEPTH)).for_each(|chunk| send(&mut pipeline, chunk));
        let mut sums = vec![Complex64::ZERO; signs.len()];
        for chunk in 0..chunks {
            let messages = pipeline.next().expect("a chunk is started before it is awaited");
            let range = chunk * count..(chunk + 1) * count;
            reduce(shard, &mut pipeline, &messages[0].receive, range, (flip, signs), &mut sums);
            pipeline.reuse(messages);
            if chunk + DEPTH < chunks {
                send(&mut pipeline, chunk + DEPTH);
            }
        }
        *sent += pipeline.sent;
        sums
    }

    /// The diagonal of the core summed over all qubits but the listed physical ones; the first is the least
    /// significant bit of the index.
    pub fn marginal(&self, places: &[usize]) -> Vec<f64> {
        let all: Vec<usize> = (0..self.width()).collect();
        let indexed = || places.iter().copied().enumerate();
        let (local, rows): (Vec<usize>, Vec<usize>) = indexed().filter(|(_, place)| *place < self.local_qubits).unzip();
        let outside = indexed().filter(|(_, place)| *place >= self.local_qubits);
        let own: usize = outside.map(|(bit, place)| usize::from(self.rank_bit(place)) << bit).sum();
        let mut sums = vec![0.0; 1 << places.len()];
        for (value, weight) in self.settled().marginal_weights(&all, &rows).into_iter().enumerate() {
            let within: usize = local.iter().enumerate().map(|(from, bit)| (value >> from & 1) << bit).sum();
            sums[own | within] = weight;
        }
        self.comm.sum(&mut sums);
        sums
    }
}

/// Adds the overlaps of a chunk of rows with the partner's, some rows at a time; the library gets a turn in between.
fn reduce(
    shard: &dyn Shard,
    pipeline: &mut Pipeline<'_>,
    other: &Packed,
    rows: Range<usize>,
    (flip, signs): (usize, &[usize]),
    sums: &mut [Complex64],
) {
    // A device needs no turn of this rank's to go on, and each call of its costs.
    let batches = if other.host().is_some() { BATCHES } else { 1 };
    let count = (rows.len() / batches).max(SMALLEST_BATCH).min(rows.len());
    for first in rows.clone().step_by(count) {
        pipeline.progress();
        // Within the chunk, the rows that the flip makes of these.
        let offset = (first - rows.start) ^ (flip & (rows.len() - 1) & !(count - 1));
        let other = (other, shard.packed_bytes(offset));
        let part = shard.flip_overlaps_with(other, first..first + count, flip, signs);
        sums.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
    }
}
