//! Index-bit exchange: rank bits trade places with row bits.
//!
//! For `m` pairs the ranks form groups of `2^m` that differ in the exchanged rank bits. A rank keeps the rows whose
//! exchanged row bits equal its own rank bits and swaps each other slice with the rank that slice belongs to. The
//! slice that comes back has the place of the slice that left, so the exchange is in place.
//!
//! It is cut in chunks by row bits that neither are exchanged nor vary within a tile of the passes before and after it. A
//! chunk then holds whole tiles of both: it leaves as soon as its tiles of the pass before have run, and those of the pass
//! after run as soon as it has arrived, while other chunks are on their way; no tile touches rows that are still to be sent.

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

/// An exchange that is queued.
pub(super) struct Exchange {
    /// (sharded, local) qubits that trade places.
    pub(super) pairs: Vec<(usize, usize)>,
    /// Operations on the core before it that have not run yet.
    pub(super) before: Vec<LocalOperation>,
    /// Bytes that this rank sends.
    pub(super) bytes: u64,
}

/// How an exchange is cut; the same on every rank.
struct Chunks {
    /// The row bits that number the chunks.
    bits: usize,
    /// Whether the passes before and after it run chunk by chunk.
    together: [bool; 2],
}

impl State {
    /// Runs the operations before the exchange, the exchange, and those after it: of both the passes that are next to it while
    /// it exchanges.
    pub(super) fn exchange_and_run(&mut self, exchange: Exchange, operations: Vec<LocalOperation>) {
        let exchanged = exchange.pairs.iter().fold(0, |bits, (_, local)| bits | 1 << local);
        let mut before = self.run_all_but_last(exchange.before);
        let mut passes = self.core().shard.passes(operations, exchanged).into_iter();
        let mut after = passes.next();
        let chunks = self.chunks(exchanged, [before.as_ref(), after.as_ref()]);
        before.take_if(|_| !chunks.together[0]).iter().for_each(|pass| run_pass(&mut *self.core_mut().shard, pass));
        let slices = self.slices(&exchange.pairs, exchanged, chunks.bits);
        let sent = self.stream(&slices, [before.as_ref(), after.as_ref().filter(|_| chunks.together[1])]);
        assert_eq!(sent, exchange.bytes, "an exchange sends what was planned");
        before.iter().for_each(|pass| self.core_mut().shard.end_pass(pass));
        if let Some(done) = after.take_if(|_| chunks.together[1]) {
            self.core_mut().shard.end_pass(&done);
        }
        after.into_iter().chain(passes).for_each(|pass| run_pass(&mut *self.core_mut().shard, &pass));
    }

    /// Runs operations but for their last pass, which is left to run in pieces, unless it changes the width.
    fn run_all_but_last(&mut self, operations: Vec<LocalOperation>) -> Option<Pass> {
        let shard = &mut *self.core_mut().shard;
        let mut passes = shard.passes(operations, 0);
        let last = passes.pop_if(|pass| pass.width == pass.width_after);
        passes.iter().for_each(|pass| run_pass(shard, pass));
        last
    }

    /// How to cut an exchange between these passes.
    ///
    /// Ranks run different operations (a control on a rank bit holds on some only), so their passes may differ.
    fn chunks(&self, exchanged: usize, passes: [Option<&Pass>; 2]) -> Chunks {
        let partners = (1 << exchanged.count_ones()) - 1;
        let slice = self.rows() >> exchanged.count_ones();
        let cut = Cut::of(self.core().shard.packed_bytes(slice), partners, self.comm.grain());
        let wanted = cut.wanted.min(slice).ilog2();
        if wanted == 0 {
            return Chunks { bits: 0, together: [true, true] };
        }
        let [before, after] = self.bits_of_any_rank(passes.map(|pass| pass.map_or(0, |pass| pass.mask)));
        let free = |within: usize| (self.rows() - 1) & !(within | exchanged);
        // The pass before takes part if that costs no chunk; whole tiles of the one after may take too much memory on their way.
        let least = cut.least.min(slice).ilog2();
        let choices = [(before | after, wanted, [true, true]), (after, least, [false, true])];
        let fits = choices.into_iter().find(|(within, bits, _)| free(*within).count_ones() >= *bits);
        let (within, _, together) = fits.unwrap_or((0, 0, [false, false]));
        Chunks { bits: highest_bits(free(within), wanted), together }
    }

    /// The bits set on at least one rank, of two masks.
    fn bits_of_any_rank(&self, masks: [usize; 2]) -> [usize; 2] {
        let flag = |mask: &usize, bit: usize| (mask >> bit & 1) as f64;
        let mut flags: Vec<f64> =
            masks.iter().flat_map(|mask| (0..self.local_qubits).map(move |bit| flag(mask, bit))).collect();
        self.comm.maximum(&mut flags);
        let mask = |flags: &[f64]| flags.iter().enumerate().map(|(bit, flag)| (*flag as usize) << bit).sum();
        let (one, other) = flags.split_at(self.local_qubits);
        [mask(one), mask(other)]
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

    /// Swaps the slices. The tiles of each chunk run before it leaves, and after it has arrived while other chunks are on
    /// their way. Gives the bytes sent.
    fn stream(&mut self, slices: &Slices, [before, after]: [Option<&Pass>; 2]) -> u64 {
        let comm = self.comm.clone();
        let State { blocks, pool, .. } = self;
        let shard = &mut *blocks[0].shard;
        let mut pipeline = Pipeline::new(&*comm, pool);
        let chunks = 1 << slices.chunk_bits.count_ones();
        let send = |shard: &mut dyn Shard, pipeline: &mut Pipeline<'_>, chunk: usize| {
            run_chunk(shard, pipeline, before, slices.chunk_bits, chunk);
            slices.send(shard, pipeline, chunk);
        };
        (0..chunks.min(DEPTH)).for_each(|chunk| send(shard, &mut pipeline, chunk));
        for chunk in 0..chunks {
            let messages = pipeline.next().expect("a chunk is started before it is awaited");
            for (place, message) in messages.iter().enumerate() {
                shard.unpack(&slices.chunk(place, chunk), &message.receive);
            }
            pipeline.reuse(messages);
            // A later chunk leaves before this one's tiles are run, so that it travels meanwhile.
            if chunk + DEPTH < chunks {
                send(shard, &mut pipeline, chunk + DEPTH);
            }
            run_chunk(shard, &mut pipeline, after, slices.chunk_bits, chunk);
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

/// Runs the tiles of a chunk, if there is something to run; the library gets a turn every few tiles.
fn run_chunk(shard: &mut dyn Shard, pipeline: &mut Pipeline<'_>, pass: Option<&Pass>, chunk_bits: usize, chunk: usize) {
    let Some(pass) = pass.filter(|pass| !pass.operations.is_empty()) else { return };
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
