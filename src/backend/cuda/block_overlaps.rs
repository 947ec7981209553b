//! Overlaps of rows with the rows after many flips that share their high bits, and so pair the same blocks of rows.
//!
//! One flip at a time reads the shard once for each and does a few operations with what it reads: `16 N w` bytes for `N` rows of `w`
//! columns in double precision, and `4 N w` flops. The products of all rows of a block with all of its partner give 64 flips for one
//! reading and `8 * 64 N w` flops, half of that if the blocks are not their own partners.

use super::CudaShard;
use super::arguments::{BlockOverlaps, bytes_of};
use super::context::{ENTRY, THREADS};
use crate::backend::flips::{BLOCK, Flips, with_other_half};
use num_complex::Complex64;

/// Flips from which on products are cheaper. At 18 Tflop/s and 4 TB/s (an H100 or H200, at about half of what its units do) the
/// products take as long as seven flips one by one, or half as many. Fixed, so that sums are the same on all GPUs.
pub(super) const WORTH_PRODUCTS: usize = 8;
/// Blocks of threads, at most: more than any GPU runs at a time. Fixed, so that sums are the same on all.
const BLOCKS: usize = 512;
/// Sums of one launch.
const SUMS: usize = 1 << 12;
/// Bytes of the products that a block of threads holds.
const PRODUCTS: usize = BLOCK * BLOCK * ENTRY;

impl CudaShard {
    /// The overlaps of flips with these high bits, with the signs of each of its masks, one flip after the other.
    pub(super) fn overlaps_of_blocks(&self, high: usize, flips: &[&Flips]) -> Vec<Complex64> {
        let sums: Vec<(usize, usize)> =
            flips.iter().flat_map(|(flip, signs)| signs.iter().map(|sign| (*flip, *sign))).collect();
        let found = sums.chunks(SUMS).flat_map(|sums| self.sums_of_blocks(high, sums));
        // One block of each pair was taken, unless a block is its own partner.
        let completed = |(sum, (flip, sign)): (Complex64, &(usize, usize))| match high {
            0 => sum,
            _ => with_other_half(sum, *flip, *sign),
        };
        found.zip(&sums).map(completed).collect()
    }

    /// For flips and masks, the sums over one block of each pair.
    fn sums_of_blocks(&self, high: usize, sums: &[(usize, usize)]) -> Vec<Complex64> {
        let blocks = self.rows / BLOCK / if high == 0 { 1 } else { 2 };
        let launched = blocks.min(BLOCKS);
        let bytes = sums.len() * ENTRY;
        let [parts, total] = self.context.workspace([launched * bytes, bytes]);
        let lows: Vec<u32> = sums.iter().map(|(flip, _)| (flip % BLOCK) as u32).collect();
        let signs: Vec<u64> = sums.iter().map(|(_, sign)| *sign as u64).collect();
        let arguments = BlockOverlaps {
            data: self.address(),
            stride: self.reserved as u64,
            high: high as u64,
            below: high.checked_ilog2().map_or(u64::MAX, |bit| (1 << bit) - 1),
            blocks: blocks as u64,
            lows: self.context.table_of(&lows),
            signs: self.context.table_of(&signs),
            sums: parts,
            width: self.width as u32,
            count: sums.len() as u32,
        };
        self.context.launch("block_overlaps", launched as u32, THREADS, PRODUCTS, bytes_of(&[arguments]));
        self.add_parts((parts, total), sums.len(), launched);
        self.downloaded_sums(total, sums.len())
    }
}
