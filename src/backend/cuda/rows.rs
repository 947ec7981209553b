//! Which rows a kernel takes, in which blocks, and which of a row's columns.

use super::arguments::{Items, PIECES, Rows, Spread};
use crate::backend::LocalControl;
use std::ops::Range;

/// Lanes of a row that one launch takes: what the kernels' division allows.
pub(super) const MOST_LANES: usize = 1 << 15;
/// Blocks for each multiprocessor, if there is enough to do.
const BLOCKS_EACH: usize = 8;

/// Rows by number: the bits of a number at these places of the row index, lowest first, the others fixed.
#[derive(Debug, Clone)]
pub(super) struct Numbering {
    pub(super) bits: Vec<usize>,
    pub(super) fixed: usize,
}

/// The set bits of a mask, lowest first.
pub(super) fn bits_of(mask: usize) -> Vec<usize> {
    (0..usize::BITS as usize).filter(|bit| mask >> bit & 1 == 1).collect()
}

/// The mask with these bits set.
pub(super) fn mask_of(bits: impl IntoIterator<Item = usize>) -> usize {
    bits.into_iter().fold(0, |mask, bit| mask | 1 << bit)
}

/// The row index whose listed bits are those of `value`.
pub(super) fn placed(value: usize, bits: &[usize]) -> usize {
    bits.iter().enumerate().map(|(place, bit)| (value >> place & 1) << bit).sum()
}

impl Numbering {
    /// The rows whose bits outside `free` are those of `fixed`, in order.
    pub(super) fn ascending(free: usize, fixed: usize) -> Numbering {
        Numbering { bits: bits_of(free), fixed }
    }

    /// Neighbouring bits of numbers that are neighbours in the row index move together.
    pub(super) fn spread(&self) -> Spread {
        let none = [0; PIECES];
        let mut spread = Spread { fixed: self.fixed as u64, pieces: 0, from: none, length: none, to: none };
        let mut from = 0;
        for run in self.bits.chunk_by(|a, b| a + 1 == *b) {
            let piece = spread.pieces as usize;
            (spread.from[piece], spread.length[piece], spread.to[piece]) = (from, run.len() as u8, run[0] as u8);
            from += run.len() as u8;
            spread.pieces += 1;
        }
        spread
    }
}

/// Rows that a kernel takes: of a numbering, some numbers, with each value of some more bits; some may be left out.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    numbering: Numbering,
    numbers: Range<usize>,
    repeats: usize,
    repeat_shift: usize,
    checked: usize,
    expected: usize,
}

impl Selection {
    /// The numbers in the range.
    pub(super) fn of(numbering: Numbering, numbers: Range<usize>) -> Selection {
        Selection { numbering, numbers, repeats: 1, repeat_shift: 0, checked: 0, expected: 0 }
    }

    /// The rows with zeros at the `held` bits, where the controls hold, of the tiles that vary in `mask`.
    pub(super) fn of_tiles(
        rows: usize,
        mask: usize,
        tiles: Range<usize>,
        held: usize,
        controls: &[LocalControl],
    ) -> Self {
        let checked = mask_of(controls.iter().map(|control| control.bit));
        let expected = mask_of(controls.iter().filter(|control| control.value).map(|control| control.bit));
        if tiles == (0..rows >> mask.count_ones()) {
            let free = (rows - 1) & !held & !checked;
            return Selection::of(Numbering::ascending(free, expected), 0..1 << free.count_ones());
        }
        let (mut bits, inner) = (bits_of((rows - 1) & !mask), bits_of(mask & !held));
        let repeat_shift = bits.len();
        bits.extend(&inner);
        let numbering = Numbering { bits, fixed: 0 };
        Selection { numbering, numbers: tiles, repeats: 1 << inner.len(), repeat_shift, checked, expected }
    }

    /// The structure for blocks of so many numbers, and the number of blocks.
    pub(super) fn blocks_of(&self, per_block: usize) -> (Rows, u32) {
        let blocks = self.numbers.len().div_ceil(per_block);
        let rows = Rows {
            spread: self.numbering.spread(),
            first: self.numbers.start as u64,
            count: self.numbers.len() as u64,
            checked: self.checked as u64,
            expected: self.expected as u64,
            blocks: blocks as u32,
            per_block: per_block as u32,
            repeats: self.repeats as u32,
            repeat_shift: self.repeat_shift as u32,
        };
        let all = u32::try_from(blocks * self.repeats).expect("a launch has fewer than 2^32 blocks");
        (rows, all)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// The items of `lanes` lanes of these rows, and the number of blocks of about `wanted` items each: fewer items if the
    /// multiprocessors would have nothing to do.
    pub(super) fn items(
        &self,
        memory: (u64, usize),
        lanes: usize,
        wanted: usize,
        multiprocessors: u32,
    ) -> (Items, u32) {
        let (data, stride) = memory;
        let numbers = self.numbers.len() * self.repeats;
        let shared_out = numbers / (BLOCKS_EACH * multiprocessors as usize);
        let most = (wanted / lanes).max(1);
        let least = (wanted / 4 / lanes).max(1);
        let per_block = 1 << shared_out.clamp(least, most).ilog2();
        let (rows, blocks) = self.blocks_of(per_block);
        let reciprocal = if lanes == 1 { 0 } else { (1u64 << 32).div_ceil(lanes as u64) as u32 };
        (Items { rows, data, stride: stride as u64, lanes: lanes as u32, reciprocal }, blocks)
    }
}

/// Ranges of at most [`MOST_LANES`] that make up `0 .. lanes`.
pub(super) fn slabs(lanes: usize) -> impl Iterator<Item = Range<usize>> {
    (0..lanes).step_by(MOST_LANES).map(move |start| start..(start + MOST_LANES).min(lanes))
}

/// The power of two from `count` on, as an exponent, at most that of a warp.
pub(super) fn neighbours(count: usize) -> u32 {
    count.max(1).next_power_of_two().ilog2().min(5)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The row with a number, as the kernels find it.
    fn row_of(spread: &Spread, number: u64) -> u64 {
        let piece =
            |piece: usize| (number >> spread.from[piece] & ((1 << spread.length[piece]) - 1)) << spread.to[piece];
        (0..spread.pieces as usize).map(piece).fold(spread.fixed, |row, bits| row | bits)
    }

    fn rows_of(selection: &Selection) -> Vec<u64> {
        let (rows, blocks) = selection.blocks_of(3);
        assert_eq!(blocks, rows.blocks * rows.repeats);
        let numbers = (0..rows.repeats).flat_map(|repeat| {
            (rows.first..rows.first + rows.count).map(move |number| number | u64::from(repeat) << rows.repeat_shift)
        });
        let mut found: Vec<u64> = numbers.map(|number| row_of(&rows.spread, number)).collect();
        found.retain(|row| row & rows.checked == rows.expected);
        found.sort_unstable();
        found
    }

    #[test]
    fn bits_that_move_together_are_one_piece() {
        let spread = Numbering { bits: vec![0, 1, 4, 5, 6, 2], fixed: 1 << 7 }.spread();
        assert_eq!((spread.pieces, &spread.to[..3], &spread.length[..3]), (3, &[0, 4, 2][..], &[2, 3, 1][..]));
        assert_eq!(row_of(&spread, 0b100101), 0b1001_0101);
    }

    #[test]
    fn tiles_in_several_ranges_have_all_rows_once() {
        let controls = [LocalControl { bit: 3, value: true }, LocalControl { bit: 5, value: false }];
        let (rows, mask, held) = (1 << 6, 0b10011, 0b00010);
        let all = rows_of(&Selection::of_tiles(rows, mask, 0..8, held, &controls));
        let expected: Vec<u64> = (0..64).filter(|row| row & 0b101010 == 0b001000).collect();
        assert_eq!(all, expected);
        let mut parts: Vec<u64> = [0..3, 3..8]
            .into_iter()
            .flat_map(|tiles| rows_of(&Selection::of_tiles(rows, mask, tiles, held, &controls)))
            .collect();
        parts.sort_unstable();
        assert_eq!(parts, expected);
    }

    #[test]
    fn lanes_are_divided_exactly() {
        for lanes in [1, 2, 3, 5, 7, 33, 1000, MOST_LANES - 1, MOST_LANES] {
            let numbering = Numbering::ascending(0xfff, 0);
            let (items, _) = Selection::of(numbering, 0..1 << 12).items((0, 1), lanes, 1024, 4);
            let all = items.rows.per_block as usize * lanes;
            assert!(all < 1 << 16);
            for item in 0..all as u64 {
                let quotient = if lanes == 1 { item } else { (item * u64::from(items.reciprocal)) >> 32 };
                assert_eq!(quotient, item / lanes as u64);
            }
        }
    }
}
