//! Index-bit exchange: rank bits trade places with row bits.
//!
//! For `m` pairs the ranks form groups of `2^m` that differ in the exchanged rank bits. A rank keeps the rows whose
//! exchanged row bits equal its own rank bits and swaps each other slice with the rank that slice belongs to. The
//! slice that comes back has the place of the slice that left, so the exchange is in place.
//!
//! It is cut in chunks by row bits that neither are exchanged nor vary within a tile of the pass that follows. A chunk
//! then holds whole tiles: those run as soon as it has arrived, while the next chunks are on their way, and no tile
//! touches rows that are still to be sent.

use super::State;
use super::pipeline::{BATCHES, Cut, DEPTH, Pipeline};
use crate::backend::{LocalOperation, Pass, RowSet, Shard};
use std::ops::Range;

/// What one rank swaps in an exchange, chunk by chunk.
struct Slices {
    partners: Vec<usize>,
    /// The rows swapped with each partner; `first` and `count` are those of the first chunk.
    rows: Vec<RowSet>,
    /// Row bits that number the chunks.
    chunk_bits: usize,
}

impl State {
    /// Bytes that this rank sends to exchange the pairs.
    pub(super) fn exchanged_bytes(&self, pairs: &[(usize, usize)]) -> u64 {
        let rows = self.rows() - (self.rows() >> pairs.len());
        self.core().shard.packed_bytes(rows) as u64
    }

    /// Exchanges the (sharded, local) pairs, then runs the operations, the first pass of them while it exchanges.
    pub(super) fn exchange_and_run(&mut self, pairs: &[(usize, usize)], operations: Vec<LocalOperation>) {
        let exchanged = pairs.iter().fold(0, |bits, (_, local)| bits | 1 << local);
        let mut passes = self.core().shard.passes(operations, exchanged).into_iter();
        let mut first = passes.next();
        let (chunk_bits, together) = self.chunk_bits(exchanged, first.as_ref());
        let slices = self.slices(pairs, exchanged, chunk_bits);
        let planned = self.exchanged_bytes(pairs);
        let sent = self.stream(&slices, first.as_ref().filter(|_| together));
        assert_eq!(sent, planned, "an exchange sends what was planned");
        if let Some(done) = first.take_if(|_| together) {
            self.core_mut().shard.end_pass(&done);
        }
        first.into_iter().chain(passes).for_each(|pass| run_pass(&mut *self.core_mut().shard, &pass));
    }

    /// The row bits that number the chunks, the same on every rank of a group, and whether the pass fits them.
    ///
    /// Ranks run different operations (a control on a rank bit holds on some only), so their passes may differ.
    fn chunk_bits(&self, exchanged: usize, pass: Option<&Pass>) -> (usize, bool) {
        let partners = (1 << exchanged.count_ones()) - 1;
        let slice = self.rows() >> exchanged.count_ones();
        let cut = Cut::of(self.core().shard.packed_bytes(slice), partners, self.comm.grain());
        let wanted = cut.wanted.min(slice).ilog2();
        if wanted == 0 {
            return (0, true);
        }
        let within = self.bits_of_any_rank(pass.map_or(exchanged, |pass| pass.mask));
        let free = (self.rows() - 1) & !within;
        if free.count_ones() >= cut.least.min(slice).ilog2() {
            (highest_bits(free, wanted), true)
        } else {
            // Whole tiles would take too much memory on their way: first exchange, then run.
            (highest_bits((self.rows() - 1) & !exchanged, wanted), false)
        }
    }

    /// The bits set on at least one rank.
    fn bits_of_any_rank(&self, bits: usize) -> usize {
        let mut flags: Vec<f64> = (0..self.local_qubits).map(|bit| (bits >> bit & 1) as f64).collect();
        self.comm.maximum(&mut flags);
        flags.iter().enumerate().map(|(bit, flag)| (*flag as usize) << bit).sum()
    }

    fn slices(&self, pairs: &[(usize, usize)], exchanged: usize, chunk_bits: usize) -> Slices {
        let own = pairs.iter().enumerate().map(|(place, (sharded, _))| usize::from(self.rank_bit(*sharded)) << place);
        let own = own.sum::<usize>();
        let others: Vec<usize> = (1..1 << pairs.len()).map(|difference| own ^ difference).collect();
        let listed = |mask: usize| (0..self.local_qubits).filter(move |bit| mask >> bit & 1 == 1);
        let within = (self.rows() - 1) & !exchanged & !chunk_bits;
        let bits: Vec<usize> = listed(within).chain(listed(chunk_bits)).collect();
        let set = |slice: &usize| {
            let value = pairs.iter().enumerate().map(|(place, (_, local))| (slice >> place & 1) << local).sum();
            RowSet { bits: bits.clone(), value, first: 0, count: 1 << within.count_ones() }
        };
        Slices {
            partners: others.iter().map(|slice| self.partner(pairs, *slice)).collect(),
            rows: others.iter().map(set).collect(),
            chunk_bits,
        }
    }

    /// The rank that differs from this one only in the exchanged bits, which are `slice` there.
    fn partner(&self, pairs: &[(usize, usize)], slice: usize) -> usize {
        pairs.iter().enumerate().fold(self.comm.rank(), |rank, (place, (sharded, _))| {
            let bit = sharded - self.local_qubits;
            rank & !(1 << bit) | (slice >> place & 1) << bit
        })
    }

    /// Swaps the slices, and runs the tiles of each chunk while the next ones are on their way; gives the bytes sent.
    fn stream(&mut self, slices: &Slices, pass: Option<&Pass>) -> u64 {
        let comm = self.comm.clone();
        let State { blocks, pool, .. } = self;
        let shard = &mut *blocks[0].shard;
        let mut pipeline = Pipeline::new(&*comm, pool);
        let chunks = 1 << slices.chunk_bits.count_ones();
        (0..chunks.min(DEPTH)).for_each(|chunk| slices.send(shard, &mut pipeline, chunk));
        for chunk in 0..chunks {
            let messages = pipeline.next().expect("a chunk is started before it is awaited");
            for (place, message) in messages.iter().enumerate() {
                shard.unpack(&slices.chunk(place, chunk), &message.receive);
            }
            pipeline.reuse(messages);
            // A later chunk's rows are packed before this one's tiles are run, so that it travels meanwhile.
            if chunk + DEPTH < chunks {
                slices.send(shard, &mut pipeline, chunk + DEPTH);
            }
            if let Some(pass) = pass {
                run_chunk(shard, &mut pipeline, pass, slices.chunk_bits, chunk);
            }
        }
        pipeline.sent
    }
}

impl Slices {
    fn send(&self, shard: &dyn Shard, pipeline: &mut Pipeline<'_>, chunk: usize) {
        let bytes = shard.packed_bytes(self.rows[0].count);
        pipeline.start(&self.partners, bytes, |place, out| shard.pack(&self.chunk(place, chunk), out));
    }

    /// The rows of a chunk that are swapped with a partner.
    fn chunk(&self, place: usize, chunk: usize) -> RowSet {
        let rows = &self.rows[place];
        RowSet { first: chunk * rows.count, ..rows.clone() }
    }
}

fn run_pass(shard: &mut dyn Shard, pass: &Pass) {
    shard.run_tiles(pass, 0..pass.tiles(shard.rows()));
    shard.end_pass(pass);
}

/// Runs the tiles of a chunk; the library gets a turn every few tiles.
fn run_chunk(shard: &mut dyn Shard, pipeline: &mut Pipeline<'_>, pass: &Pass, chunk_bits: usize, chunk: usize) {
    if pass.operations.is_empty() {
        return;
    }
    let tiles = pass.tiles(shard.rows());
    // Each thread has something to do in every batch.
    let batch = (tiles >> chunk_bits.count_ones()).div_ceil(BATCHES).max(2 * rayon::current_num_threads());
    for range in tiles_of_chunk(chunk, compressed(chunk_bits, !pass.mask), tiles) {
        for start in range.clone().step_by(batch) {
            pipeline.progress();
            shard.run_tiles(pass, start..(start + batch).min(range.end));
        }
    }
}

/// The tiles whose number has at `number_bits` the bits of `chunk`.
fn tiles_of_chunk(chunk: usize, number_bits: usize, tiles: usize) -> impl Iterator<Item = Range<usize>> {
    let run = if number_bits == 0 { tiles } else { 1 << number_bits.trailing_zeros() };
    let others = (tiles - 1) & !number_bits & !(run - 1);
    let first = spread(chunk, number_bits);
    // Counts through the values of the other bits: subtracting carries from one of them to the next.
    let next = move |value: &usize| Some(value.wrapping_sub(others) & others).filter(|value| *value != 0);
    std::iter::successors(Some(0), next).map(move |value| first | value..(first | value) + run)
}

/// The `count` highest bits set in `mask`, or all of them.
fn highest_bits(mask: usize, count: u32) -> usize {
    (count..mask.count_ones()).fold(mask, |mask, _| mask & (mask - 1))
}

/// The bits of `value` at the set bits of `mask`, side by side.
fn compressed(value: usize, mask: usize) -> usize {
    set_bits(mask).enumerate().fold(0, |packed, (place, bit)| packed | (value >> bit & 1) << place)
}

/// The bits of `value` moved to the set bits of `mask`: the reverse of [`compressed`].
fn spread(value: usize, mask: usize) -> usize {
    set_bits(mask).enumerate().fold(0, |wide, (place, bit)| wide | (value >> place & 1) << bit)
}

fn set_bits(mask: usize) -> impl Iterator<Item = u32> {
    (0..usize::BITS).filter(move |bit| mask >> bit & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tile_runs_once_and_in_the_chunk_that_brings_its_rows() {
        let qubits = 9;
        for (mask, chunk_bits) in [(0b1, 0b110_000_000), (0b1_0000_0011, 0b1010_0000), (0b1011, 0b100), (0b11, 0)] {
            let tiles = 1 << (qubits - i32::count_ones(mask));
            let outside = ((1 << qubits) - 1) & !(mask as usize);
            let mut seen = vec![0; tiles];
            for chunk in 0..1 << usize::count_ones(chunk_bits) {
                for tile in tiles_of_chunk(chunk, compressed(chunk_bits, outside), tiles).flatten() {
                    seen[tile] += 1;
                    assert_eq!(compressed(spread(tile, outside), chunk_bits), chunk, "tile {tile}");
                }
            }
            assert!(seen.iter().all(|times| *times == 1), "{seen:?}");
        }
    }

    #[test]
    fn the_highest_bits_are_kept() {
        assert_eq!(highest_bits(0b1101_1000, 2), 0b1100_0000);
        assert_eq!(highest_bits(0b101, 7), 0b101);
        assert_eq!(highest_bits(0, 3), 0);
    }
}
