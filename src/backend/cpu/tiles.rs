//! Runs a pass over tiles: in place, or in scratch memory that stays in the cache.

use super::frame::Frame;
use super::index::spread;
use super::memory::{Block, with_scratch};
use super::passes::{SMALL_BYTES, scratch_bytes};
use super::program::Program;
use super::scalar::{BLOCK_BYTES, Real};
use crate::backend::{LocalOperation, Pass};
use num_complex::Complex;
use rayon::prelude::*;
use std::ops::Range;

/// A shard's memory, for threads that take different tiles.
#[derive(Clone, Copy)]
pub(super) struct Memory<T> {
    data: *mut Complex<T>,
    rows: usize,
    reserved: usize,
}

// SAFETY: every tile is given to one thread.
unsafe impl<T: Send> Send for Memory<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Memory<T> {}

/// Runs a pass over the tiles in the range.
pub(super) fn run<T: Real>(data: &mut [Complex<T>], rows: usize, reserved: usize, pass: &Pass, tiles: Range<usize>) {
    if pass.operations.is_empty() || tiles.is_empty() || pass.width_after == 0 {
        return;
    }
    let memory = Memory { data: data.as_mut_ptr(), rows, reserved };
    let bytes = (tiles.len() * size_of::<Complex<T>>() * pass.width_after) << pass.mask.count_ones();
    if fits_in_place::<T>(&memory, pass) {
        let program = Program::new(pass, memory.frame(pass));
        for_each(tiles, bytes, |tile| {
            let row = memory.first_row(pass, tile);
            // SAFETY: the frame is that of the shard and tiles have no row in common.
            unsafe { program.run(memory.at(row), row) };
        });
    } else if reserved == 1 {
        Packed::new(memory, pass).run(tiles, bytes);
    } else {
        Wide::new(memory, pass).run(tiles, bytes);
    }
}

/// In parallel unless there is little to do.
fn for_each(tasks: Range<usize>, bytes: usize, work: impl Fn(usize) + Sync + Send) {
    if bytes <= SMALL_BYTES || tasks.len() == 1 || rayon::current_num_threads() == 1 {
        tasks.for_each(work);
    } else {
        tasks.into_par_iter().for_each(work);
    }
}

/// A pass of one operation runs in place: its tiles are small, and no copy is worth its while. So does, in effect, one
/// whose rows fill the cache.
fn fits_in_place<T: Real>(memory: &Memory<T>, pass: &Pass) -> bool {
    let single = pass.operations.len() == 1;
    if memory.reserved == 1 {
        let lanes = (1 << T::LANE_BITS) - 1;
        let free = (pass.mask.count_ones() - most_mixed(pass)) as usize;
        return single && pass.mask & lanes == lanes && free >= T::LANE_BITS;
    }
    let bytes = (pass.width_after * size_of::<Complex<T>>()) << pass.mask.count_ones();
    single || branches(pass) && bytes > scratch_bytes()
}

/// The most bits that one operation mixes.
fn most_mixed(pass: &Pass) -> u32 {
    pass.operations.iter().map(|operation| operation.mixed_bits().count_ones()).max().unwrap_or(0)
}

fn branches(pass: &Pass) -> bool {
    pass.operations.iter().any(|operation| matches!(operation, LocalOperation::Branch { .. }))
}

impl<T: Real> Memory<T> {
    fn first_row(&self, pass: &Pass, tile: usize) -> usize {
        spread(tile, (self.rows - 1) & !pass.mask)
    }

    fn at(&self, row: usize) -> *mut T {
        self.data.wrapping_add(row * self.reserved).cast()
    }

    /// How tiles lie in the shard itself.
    fn frame(&self, pass: &Pass) -> Frame {
        let bits = (0..usize::BITS as usize).filter(|bit| pass.mask >> bit & 1 == 1);
        if self.reserved == 1 {
            let rest = bits.skip(T::LANE_BITS).map(|bit| (bit, 2usize << bit)).collect();
            return Frame { lanes: (0..T::LANE_BITS).collect(), bits: rest, length: T::BLOCK };
        }
        let rows = bits.map(|bit| (bit, (2 * self.reserved) << bit)).collect();
        Frame { lanes: vec![], bits: rows, length: blocks::<T>(pass.width_after) * T::BLOCK }
    }
}

fn blocks<T>(columns: usize) -> usize {
    (columns * size_of::<Complex<T>>()).div_ceil(BLOCK_BYTES)
}

/// The bits of a mask, with distances from `first` on, each twice the one before.
fn rows_of(mask: usize, skipped: usize, first: usize) -> Vec<(usize, usize)> {
    let bits = (0..usize::BITS as usize).filter(|bit| mask >> bit & 1 == 1).skip(skipped);
    bits.enumerate().map(|(place, bit)| (bit, first << place)).collect()
}

/// Tiles of several columns: a block holds columns of one row. Wide rows are cut in pieces.
struct Wide<T> {
    memory: Memory<T>,
    mask: usize,
    program: Program<T>,
    rest: usize,
    /// Blocks of a row, before and after, and of a piece of it.
    width: usize,
    width_after: usize,
    piece: usize,
}

impl<T: Real> Wide<T> {
    fn new(memory: Memory<T>, pass: &Pass) -> Self {
        let (width, width_after) = (blocks::<T>(pass.width), blocks::<T>(pass.width_after));
        let fitting = ((scratch_bytes() / BLOCK_BYTES) >> pass.mask.count_ones()).max(1);
        let pieces = if branches(pass) { 1 } else { width_after.div_ceil(fitting) };
        let piece = width_after.div_ceil(pieces);
        let frame = Frame { lanes: vec![], bits: rows_of(pass.mask, 0, piece * T::BLOCK), length: piece * T::BLOCK };
        let rest = (memory.rows - 1) & !pass.mask;
        Wide { memory, mask: pass.mask, program: Program::new(pass, frame), rest, width, width_after, piece }
    }

    fn run(&self, tiles: Range<usize>, bytes: usize) {
        let pieces = self.width_after.div_ceil(self.piece);
        let scratch = self.piece << self.mask.count_ones();
        for_each(tiles.start * pieces..tiles.end * pieces, bytes, |task| {
            with_scratch(scratch, |scratch| self.run_piece(scratch, task / pieces, task % pieces * self.piece));
        });
    }

    /// Runs the blocks from `first` on of one tile.
    fn run_piece(&self, scratch: &mut [Block], tile: usize, first: usize) {
        let row = spread(tile, self.rest);
        let scratch = scratch.as_mut_ptr();
        let (before, after) = (self.width.min(first + self.piece), self.width_after.min(first + self.piece));
        // SAFETY: scratch and shard have the rows' blocks, and tiles have no row in common.
        unsafe {
            self.for_each_row(row, |place, memory| {
                std::ptr::copy_nonoverlapping(memory.add(first), scratch.add(place), before.saturating_sub(first));
            });
            self.program.run(scratch.cast(), row);
            self.for_each_row(row, |place, memory| {
                std::ptr::copy_nonoverlapping(scratch.add(place), memory.add(first), after - first);
            });
        }
    }

    /// Calls `copy` with the place of each row in scratch memory and its blocks in the shard.
    fn for_each_row(&self, first: usize, copy: impl Fn(usize, *mut Block)) {
        let mut inside = 0usize;
        for place in 0..1usize << self.mask.count_ones() {
            copy(place * self.piece, self.memory.at(first | inside).cast());
            inside = (inside | !self.mask).wrapping_add(1) & self.mask;
        }
    }
}

/// Tiles of a pure state, whose column takes no more room than it needs: a block holds several rows.
struct Packed<T> {
    memory: Memory<T>,
    mask: usize,
    rest: usize,
    program: Program<T>,
    /// Row bits within a block: fewer than fit where the tile is small.
    lanes: usize,
}

impl<T: Real> Packed<T> {
    fn new(memory: Memory<T>, pass: &Pass) -> Self {
        let lanes = T::LANE_BITS.min((pass.mask.count_ones() - most_mixed(pass)) as usize);
        let bits = (0..usize::BITS as usize).filter(|bit| pass.mask >> bit & 1 == 1);
        let frame =
            Frame { lanes: bits.take(lanes).collect(), bits: rows_of(pass.mask, lanes, T::BLOCK), length: T::BLOCK };
        let rest = (memory.rows - 1) & !pass.mask;
        Packed { memory, mask: pass.mask, rest, program: Program::new(pass, frame), lanes }
    }

    fn run(&self, tiles: Range<usize>, bytes: usize) {
        let scratch = 1usize << (self.mask.count_ones() as usize - self.lanes);
        for_each(tiles, bytes, |tile| {
            with_scratch(scratch, |scratch| self.run_tile(scratch, spread(tile, self.rest)));
        });
    }

    fn run_tile(&self, scratch: &mut [Block], row: usize) {
        if self.lanes < T::LANE_BITS {
            scratch.fill(Block::ZERO);
        }
        let scratch = scratch.as_mut_ptr().cast::<Complex<T>>();
        // SAFETY: scratch and shard have the rows, and tiles have no row in common.
        unsafe {
            self.for_each_run(row, |place, memory, count| {
                std::ptr::copy_nonoverlapping(memory, scratch.add(place), count);
            });
            self.program.run(scratch.cast(), row);
            self.for_each_run(row, |place, memory, count| {
                std::ptr::copy_nonoverlapping(scratch.add(place), memory, count);
            });
        }
    }

    /// Calls `copy` with the place in scratch memory, the place in the shard and the length of each run that is
    /// contiguous in both.
    #[inline(always)]
    fn for_each_run(&self, first: usize, copy: impl Fn(usize, *mut Complex<T>, usize)) {
        let contiguous = self.mask.trailing_ones() as usize;
        let joined = if self.lanes == T::LANE_BITS { contiguous } else { contiguous.min(self.lanes) };
        let (run, high) = (1usize << joined, self.mask >> joined << joined);
        let mut inside = 0usize;
        for place in 0..1usize << high.count_ones() {
            let start = place * run;
            let (block, lane) = (start >> self.lanes, start & ((1 << self.lanes) - 1));
            copy((block << T::LANE_BITS) + lane, self.memory.at(first | inside).cast(), run);
            inside = (inside | !high).wrapping_add(1) & high;
        }
    }
}
