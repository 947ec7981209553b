//! Shards that lie in the host's memory, because the device's does not suffice.
//!
//! The device reaches them by the bus, so that every verb works on them as on others. A pass does better: the rows of some
//! tiles, a block, are gathered into the device's memory, go through all operations there and are scattered back. There are
//! two blocks: while one is computed, the one before it is written back and the next one is fetched, on the communication
//! stream. As the bus is what a pass takes its time for, a pass holds as many operations as a block has bits for.
//!
//! A block of `2^j` tiles, the first of whose numbers divides by that, holds all rows that agree in all bits outside the
//! pass's mask but the lowest `j` of them: a shard of its own, whose row bits are those that vary, in order.

use super::CudaShard;
use super::context::{Context, done};
use super::operations;
use super::panels::{Columns, Move, Panel};
use super::rows::{Numbering, bits_of, mask_of, placed};
use crate::backend::order::{Footprint, Skipped};
use crate::backend::simplify::simplified;
use crate::backend::{LocalControl, LocalOperation, Pass};
use crate::device::{Event, Memory, Stream};
use crate::error::Result;
use num_complex::Complex64;
use std::cell::Cell;
use std::ops::Range;

/// Blocks of a pass, at least, if there are rows enough: with fewer, little is copied while something is computed.
const BLOCK_BITS: usize = 3;
/// Contiguous bytes that a block takes at least, if it can: the bus is slow in short pieces.
const CONTIGUOUS_BYTES: usize = 1 << 12;
/// The part of the device's free memory that each of the two blocks takes.
const PART: u64 = 8;

/// Memory for the two blocks, shared by all shards of a device.
pub(super) struct Blocks {
    bytes: usize,
    slots: [Cell<Option<Memory>>; 2],
}

impl Blocks {
    pub(super) fn new(context: &Context) -> Result<Blocks> {
        let bytes = (context.device.memory()?.0 / PART) as usize;
        let slot = || Ok(Cell::new(Some(Memory::new(context.device.clone(), bytes)?)));
        Ok(Blocks { bytes, slots: [slot()?, slot()?] })
    }

    /// The memory of a slot, to be given back.
    fn take(&self, slot: usize) -> Memory {
        self.slots[slot].take().expect("what was taken was given back")
    }
}

/// Some rows of a shard: those with the bits of `fixed` outside `bits`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Block {
    /// Row bits that vary, ascending.
    bits: Vec<usize>,
    fixed: usize,
}

/// A block that is computed, and when that is done.
struct Computed {
    block: Block,
    width: usize,
    reserved: usize,
    address: u64,
    done: Event,
}

impl CudaShard {
    /// Moves to the host's memory, with room for so many columns; what it has to compute in is the device's.
    ///
    /// # Errors
    /// Resource error when the host has no memory either; the content is unchanged then.
    pub(super) fn spill(&mut self, reserved: usize) -> Result<()> {
        let memory = self.context.host_memory(self.bytes_of(reserved)?);
        let memory = memory.map_err(|error| self.no_room(reserved, &error))?;
        self.copy_to(memory.address(), reserved);
        tracing::info!("a state of {} bytes lies in the host's memory", memory.bytes());
        (self.memory, self.reserved, self.spilled) = (Some(memory), reserved, true);
        self.reserve_to_compute(reserved)?;
        self.context.make_blocks()
    }

    /// Row bits of a block in which rows have so many columns; nothing if no row fits.
    fn block_bits(&self, columns: usize) -> Option<usize> {
        let row = self.context.precision.reserve_for(columns.max(1)) * self.context.amplitude();
        let fitting = (self.context.blocks().bytes / row).checked_ilog2()? as usize;
        Some(fitting.min((self.rows.ilog2() as usize).saturating_sub(BLOCK_BITS)))
    }

    /// The lowest bits, as many as make a contiguous piece.
    fn contiguous_bits(&self) -> usize {
        let row = self.reserved * self.context.amplitude();
        let count = (CONTIGUOUS_BYTES / row).checked_ilog2().unwrap_or(0);
        ((1 << count) - 1) & (self.rows - 1)
    }

    /// See [`crate::backend::Shard::passes`]: as many operations as a block has bits for.
    pub(super) fn spilled_passes(&self, operations: Vec<LocalOperation>, within: usize) -> Vec<Pass> {
        let mut waiting: Vec<LocalOperation> = operations.into_iter().filter_map(simplified).collect();
        let (mut passes, mut width, mut within) = (Vec::new(), self.width, within);
        while !waiting.is_empty() || within != 0 {
            let pass = self.next_pass(&mut waiting, within, width);
            (width, within) = (pass.width_after, 0);
            passes.push(pass);
        }
        passes
    }

    /// Takes the operations of one pass: those that fit and commute with all that are left.
    fn next_pass(&self, waiting: &mut Vec<LocalOperation>, within: usize, width: usize) -> Pass {
        let mut pass = Pass { mask: within, operations: Vec::new(), width, width_after: width };
        let (mut skipped, low) = (Skipped::default(), self.contiguous_bits());
        for operation in std::mem::take(waiting) {
            let footprint = Footprint::of(&operation);
            let (mask, width_after) = (pass.mask | operation.mixed_bits(), pass.width_after + operation.appended());
            let fits = self.block_bits(width_after).is_some_and(|bits| (mask | low).count_ones() as usize <= bits);
            if (fits || pass.operations.is_empty()) && skipped.lets_pass(&footprint) {
                (pass.mask, pass.width_after) = (mask, width_after);
                pass.operations.push(operation);
            } else {
                skipped.add(&footprint);
                waiting.push(operation);
            }
        }
        pass.mask |= low;
        match self.fits_in_blocks(&pass) {
            true => pass,
            // It is the only one; what runs in place must have tiles as other shards do.
            false => Pass { mask: pass.mask | operations::whole_bits(self, &pass.operations), ..pass },
        }
    }

    fn fits_in_blocks(&self, pass: &Pass) -> bool {
        self.block_bits(pass.width_after).is_some_and(|bits| pass.mask.count_ones() as usize <= bits)
    }

    /// Runs a pass over tiles, block by block.
    pub(super) fn run_spilled(&self, pass: &Pass, tiles: Range<usize>) {
        if !self.fits_in_blocks(pass) {
            return self.run_pass(pass, tiles);
        }
        if pass.width_after == 0 || tiles.is_empty() {
            return;
        }
        let most = self.block_bits(pass.width_after).unwrap_or(0) - pass.mask.count_ones() as usize;
        let device = &self.context.device;
        // The rows that are fetched may still be computed by calls before.
        done(device.wait(Stream::Communication, done(device.record(Stream::Compute))));
        let mut waiting = None;
        for (number, run) in aligned(tiles, most).into_iter().enumerate() {
            let computed = self.compute(pass, self.block_of(pass.mask, &run), number % 2);
            if let Some(before) = waiting.replace(computed) {
                self.store(&before);
            }
        }
        waiting.iter().for_each(|last| self.store(last));
        done(device.wait(Stream::Compute, done(device.record(Stream::Communication))));
    }

    /// The rows of some tiles.
    fn block_of(&self, mask: usize, tiles: &Range<usize>) -> Block {
        let outside = bits_of((self.rows - 1) & !mask);
        let inner = mask_of(outside.iter().copied().take(tiles.len().ilog2() as usize));
        Block { bits: bits_of(mask | inner), fixed: placed(tiles.start, &outside) }
    }

    /// Fetches a block and starts what there is to do with it.
    fn compute(&self, pass: &Pass, block: Block, slot: usize) -> Computed {
        let (device, context) = (&self.context.device, self.context.clone());
        let memory = context.blocks().take(slot);
        let reserved = context.precision.reserve_for(pass.width_after);
        let address = memory.address();
        let mut shard = CudaShard::over(context, memory, (1 << block.bits.len(), reserved), pass.width);
        self.move_block(Move::Gather, &block, pass.width, (address, reserved));
        let fetched = done(device.record(Stream::Communication));
        done(device.wait(Stream::Compute, fetched));
        for operation in pass.operations.iter().filter_map(|operation| block.inside(operation)) {
            shard.run_whole(operation);
        }
        let done = done(device.record(Stream::Compute));
        self.context.blocks().slots[slot].set(shard.memory.take());
        Computed { block, width: pass.width_after, reserved, address, done }
    }

    /// Runs an operation over all rows, as one tile.
    fn run_whole(&mut self, operation: LocalOperation) {
        let width_after = self.width + operation.appended();
        let (mask, operations) = (self.rows - 1, vec![operation]);
        self.run_pass(&Pass { mask, operations, width: self.width, width_after }, 0..1);
        self.width = width_after;
    }

    /// Writes a block back, when it is computed.
    fn store(&self, computed: &Computed) {
        done(self.context.device.wait(Stream::Communication, computed.done));
        let place = (computed.address, computed.reserved);
        self.move_block(Move::Scatter, &computed.block, computed.width, place);
    }

    fn move_block(&self, what: Move, block: &Block, width: usize, (address, stride): (u64, usize)) {
        if width == 0 {
            return;
        }
        let numbering = Numbering { bits: block.bits.clone(), fixed: block.fixed };
        let host = self.memory.as_ref().expect("a shard has memory from the start").address();
        let rows = (&numbering, 0..1 << block.bits.len());
        let panel = Panel { address, stride, places: 0 };
        let (stream, columns) = (Stream::Communication, Columns::From(0, width));
        self.transfer_of(stream, (host, self.reserved), what, rows, columns, panel);
    }
}

impl Block {
    fn place(&self, bit: usize) -> Option<usize> {
        self.bits.iter().position(|own| *own == bit)
    }

    fn value(&self, bit: usize) -> bool {
        self.fixed >> bit & 1 == 1
    }

    /// The operation on the block's own bits; nothing if it does nothing to the block.
    fn inside(&self, operation: &LocalOperation) -> Option<LocalOperation> {
        let places = |targets: &[usize]| -> Vec<usize> {
            targets.iter().map(|bit| self.place(*bit).expect("what is mixed lies within a tile")).collect()
        };
        Some(match operation.clone() {
            LocalOperation::Dense { matrix, targets, controls } => {
                LocalOperation::Dense { matrix, targets: places(&targets), controls: self.controls(&controls)? }
            }
            LocalOperation::Permutation { images, factors, targets, controls } => LocalOperation::Permutation {
                images,
                factors,
                targets: places(&targets),
                controls: self.controls(&controls)?,
            },
            LocalOperation::Branch { matrices, targets, sources, choice } => {
                LocalOperation::Branch { matrices, targets: places(&targets), sources, choice }
            }
            LocalOperation::Diagonal { entries, targets, controls } => {
                let controls = self.controls(&controls)?;
                let (entries, targets) = self.diagonal(&entries, &targets);
                LocalOperation::Diagonal { entries, targets, controls }
            }
        })
    }

    /// The controls that hold on some of the block's rows only; nothing if one holds on none.
    fn controls(&self, controls: &[LocalControl]) -> Option<Vec<LocalControl>> {
        let (own, others): (Vec<LocalControl>, Vec<LocalControl>) =
            controls.iter().copied().partition(|control| self.place(control.bit).is_some());
        let holds = others.iter().all(|control| self.value(control.bit) == control.value);
        let inside = |control: LocalControl| Some(LocalControl { bit: self.place(control.bit)?, ..control });
        holds.then(|| own.into_iter().filter_map(inside).collect())
    }

    /// The entries for the values that the block's fixed bits have, and the targets that vary.
    fn diagonal(&self, entries: &[Complex64], targets: &[usize]) -> (Vec<Complex64>, Vec<usize>) {
        let (mut fixed, mut own, mut free) = (0, Vec::new(), Vec::new());
        for (number, bit) in targets.iter().enumerate() {
            match self.place(*bit) {
                Some(place) => {
                    own.push(place);
                    free.push(number);
                }
                None => fixed |= usize::from(self.value(*bit)) << number,
            }
        }
        ((0..1 << own.len()).map(|value| entries[fixed | placed(value, &free)]).collect(), own)
    }
}

/// Ranges that make up the range: powers of two up to `2^most`, each at a multiple of its length.
fn aligned(range: Range<usize>, most: usize) -> Vec<Range<usize>> {
    let (mut runs, mut start) = (Vec::new(), range.start);
    while start < range.end {
        let alignment = if start == 0 { usize::BITS } else { start.trailing_zeros() };
        let bits = alignment.min((range.end - start).ilog2()).min(most as u32);
        runs.push(start..start + (1 << bits));
        start += 1 << bits;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_aligned_and_make_up_the_range() {
        assert_eq!(aligned(3..13, 2), [3..4, 4..8, 8..12, 12..13]);
        assert_eq!(aligned(0..16, 3), [0..8, 8..16]);
        assert_eq!(aligned(5..5, 3), Vec::<Range<usize>>::new());
    }

    #[test]
    fn what_is_fixed_in_a_block_decides() {
        let block = Block { bits: vec![0, 2, 5], fixed: 0b01000 };
        let control = |bit, value| LocalControl { bit, value };
        assert_eq!(block.controls(&[control(3, true), control(5, false)]), Some(vec![control(2, false)]));
        assert_eq!(block.controls(&[control(1, true)]), None);
        let entries: Vec<Complex64> = (0..8).map(|value| Complex64::new(f64::from(value), 0.0)).collect();
        // Targets 5, 3, 1: the first varies, the second is 1, the third 0.
        assert_eq!(block.diagonal(&entries, &[5, 3, 1]), (vec![entries[2], entries[3]], vec![2]));
    }
}
