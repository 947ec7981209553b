//! Sums over rows and over columns, in double precision, always in the same order.

use super::CudaShard;
use super::arguments::{ColumnSums, Overlaps, Parts, Weights, bytes_of, bytes_of_mut};
use super::block_overlaps::WORTH_PRODUCTS;
use super::context::{THREADS, done};
use super::panels::cut;
use super::rows::{Numbering, Selection, mask_of, neighbours, placed};
use crate::backend::flips::{Flips, overlaps, with_other_half};
use crate::backend::{Shard, marginal};
use crate::device::{Packed, Stream};
use num_complex::Complex64;
use std::ops::Range;

/// Bytes of a sum.
const SUM: usize = size_of::<Complex64>();
/// Parts of the sums of all columns together: more than any GPU runs at a time. Fixed, so that sums are the same on all.
const PARTS: usize = 2048;
/// Rows of a part, at least.
const PART_ROWS: usize = 512;
/// Rows whose overlaps a block of threads holds at a time; `CHUNK` of `overlaps.cu`.
const CHUNK: usize = 512;
/// Blocks that share out the overlaps of one flip.
const OVERLAP_BLOCKS: usize = 1024;
/// Sign masks of one launch.
const MASKS: usize = 1 << 12;
/// Sums of row weights that are found at a time.
const WEIGHTS: usize = 1 << 22;

/// The conjugated rows of overlaps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Partners {
    pub(super) address: u64,
    pub(super) stride: usize,
    /// Index of the first of them.
    pub(super) first: usize,
}

impl CudaShard {
    /// Address of a list of columns, 0 if they are all.
    fn listed(&self, columns: &[usize]) -> u64 {
        if columns.iter().copied().eq(0..columns.len()) {
            return 0;
        }
        let list: Vec<u32> = columns.iter().map(|column| *column as u32).collect();
        self.context.table_of(&list)
    }

    /// For `s >= t` among the values of the targets: `sum conj(L_s[c]) L_t[c]` for each listed column.
    pub(super) fn sums_of_columns(&self, targets: &[usize], columns: &[usize]) -> Vec<Vec<Complex64>> {
        let values = 1usize << targets.len();
        let at = |value: usize| placed(value, targets);
        let free = (self.rows - 1) & !mask_of(targets.iter().copied());
        if values <= 4 {
            let places: Vec<usize> = (0..values).map(at).collect();
            return self.sums_of_rows(free, &places, columns);
        }
        // Two values at a time give all three of their pairs.
        let mut sums = vec![Vec::new(); values * (values + 1) / 2];
        for (s, t) in (0..values).flat_map(|s| (0..s).map(move |t| (s, t))) {
            let pairs = [(t, t), (s, t), (s, s)].map(|(s, t)| s * (s + 1) / 2 + t);
            let found = self.sums_of_rows(free, &[at(t), at(s)], columns);
            pairs.into_iter().zip(found).for_each(|(pair, found)| sums[pair] = found);
        }
        sums
    }

    /// The sums for pairs of the rows at these places, over all rows whose other bits are free.
    fn sums_of_rows(&self, free: usize, places: &[usize], columns: &[usize]) -> Vec<Vec<Complex64>> {
        let (pairs, count) = (places.len() * (places.len() + 1) / 2, columns.len());
        if count == 0 {
            return vec![Vec::new(); pairs];
        }
        let column_bits = neighbours(count);
        let column_blocks = count.div_ceil(1 << column_bits);
        let numbers = 1usize << free.count_ones();
        let part_rows = numbers.div_ceil((PARTS / column_blocks).max(1)).max(PART_ROWS);
        let (rows, parts) = Selection::of(Numbering::ascending(free, 0), 0..numbers).blocks_of(part_rows);
        let sums_bytes = pairs * count * SUM;
        let [sums, total] = self.context.workspace([parts as usize * sums_bytes, sums_bytes]);
        let mut distance = [0; 4];
        distance.iter_mut().zip(places).for_each(|(distance, place)| *distance = (place * self.reserved) as u64);
        let arguments = ColumnSums {
            rows,
            data: self.address(),
            stride: self.reserved as u64,
            columns: self.listed(columns),
            sums,
            distance,
            count: count as u32,
            column_bits,
            column_blocks: column_blocks as u32,
            unused: 0,
        };
        let (kernel, blocks) = (format!("column_sums_{}", places.len()), parts * column_blocks as u32);
        self.context.launch(&kernel, blocks, THREADS, THREADS as usize * SUM, bytes_of(&[arguments]));
        self.add_parts((sums, total), pairs * count, parts as usize);
        let found = self.downloaded_sums(total, pairs * count);
        found.chunks_exact(count).map(<[Complex64]>::to_vec).collect()
    }

    /// Adds up parts of so many sums.
    pub(super) fn add_parts(&self, (parts, sums): (u64, u64), count: usize, number: usize) {
        let arguments = Parts { parts, sums, count: count as u64, number: number as u64 };
        let blocks = count.div_ceil(THREADS as usize) as u32;
        self.context.launch("sum_parts", blocks, THREADS, 0, bytes_of(&[arguments]));
    }

    pub(super) fn downloaded_sums(&self, address: u64, count: usize) -> Vec<Complex64> {
        let mut sums = vec![Complex64::ZERO; count];
        self.context.download(address, bytes_of_mut(&mut sums));
        sums
    }

    /// `sum |L[row, c]|^2` over the listed columns and the rows with each value of the listed bits.
    pub(super) fn weights_of_rows(&self, columns: &[usize], bits: &[usize]) -> Vec<f64> {
        let parts = marginal::Parts::of(self.rows, bits);
        let mut weights = vec![0.0; parts.count()];
        if columns.is_empty() {
            return parts.finished(weights);
        }
        let list = self.listed(columns);
        let column_bits = neighbours(columns.len());
        let [address] = self.context.workspace([weights.len().min(WEIGHTS) * size_of::<f64>()]);
        for piece in cut(weights.len(), WEIGHTS) {
            let arguments = Weights {
                parts: Numbering::ascending(parts.mask, 0).spread(),
                first: piece.start as u64,
                parts_count: piece.len() as u64,
                summed: parts.summed as u64,
                rows: parts.rows() as u64,
                data: self.address(),
                stride: self.reserved as u64,
                columns: list,
                weights: address,
                count: columns.len() as u32,
                column_bits,
            };
            let blocks = piece.len().div_ceil(THREADS as usize >> column_bits) as u32;
            self.context.launch("row_weights", blocks, THREADS, 0, bytes_of(&[arguments]));
            let mut bytes = vec![0; piece.len() * size_of::<f64>()];
            self.context.download(address, &mut bytes);
            let values = bytes.chunks_exact(8).map(|bytes| f64::from_ne_bytes(std::array::from_fn(|byte| bytes[byte])));
            weights[piece].iter_mut().zip(values).for_each(|(weight, value)| *weight = value);
        }
        parts.finished(weights)
    }

    /// The overlaps of rows with those after each flip, with the signs of each of its masks.
    pub(super) fn overlaps_of_flips(&self, groups: &[Flips]) -> Vec<Vec<Complex64>> {
        let own = Partners { address: self.address(), stride: self.reserved, first: 0 };
        let one = |(flip, signs): &Flips| {
            // One row of each pair: that without a one at the highest bit of the flip.
            let highest = flip.checked_ilog2().map_or(0, |bit| 1 << bit);
            let numbering = Numbering::ascending((self.rows - 1) & !highest, 0);
            let numbers = 0..if highest == 0 { self.rows } else { self.rows / 2 };
            let mut sums = self.overlaps_of_rows((numbering, numbers), own, *flip, signs);
            sums.iter_mut().zip(signs).for_each(|(sum, sign)| *sum = with_other_half(*sum, *flip, *sign));
            sums
        };
        overlaps(groups, (self.rows, WORTH_PRODUCTS), |high, flips| self.overlaps_of_blocks(high, flips), one)
    }

    /// As [`CudaShard::overlaps_of_flips`], over a range of rows, with packed rows of another shard.
    pub(super) fn overlaps_with(
        &self,
        (other, start): (&Packed, usize),
        rows: Range<usize>,
        flip: usize,
        signs: &[usize],
    ) -> Vec<Complex64> {
        let address = match other.host() {
            Some(content) => {
                let content = &content[start..start + self.packed_bytes(rows.len())];
                let [address, _] = self.context.workspace([content.len(), overlap_bytes(rows.len(), signs.len())]);
                done(self.context.device.upload(Stream::Compute, content, address));
                address
            }
            None => other.address() + start as u64,
        };
        let partners = Partners { address, stride: self.width, first: rows.start };
        let within = flip & (rows.len() - 1);
        self.overlaps_of_rows((self.all_rows(), rows), partners, within, signs)
    }

    /// For each sign mask the sum over the rows of `(-1)^|s AND row| sum_c conj(partner[c]) L[row, c]`.
    fn overlaps_of_rows(
        &self,
        (numbering, numbers): (Numbering, Range<usize>),
        partners: Partners,
        flip: usize,
        signs: &[usize],
    ) -> Vec<Complex64> {
        let blocks = overlap_blocks(numbers.len());
        let (rows, _) = Selection::of(numbering, numbers.clone()).blocks_of(numbers.len());
        // Packed rows of another shard may lie at the front of the workspace.
        let kept = if partners.address == self.address() {
            0
        } else {
            numbers.len() * partners.stride * self.context.amplitude()
        };
        let [_, sums] = self.context.workspace([kept, overlap_bytes(numbers.len(), signs.len())]);
        let signs: Vec<u64> = signs.iter().map(|sign| *sign as u64).collect();
        let mut found = Vec::new();
        for masks in signs.chunks(MASKS) {
            let arguments = Overlaps {
                rows,
                data: self.address(),
                stride: self.reserved as u64,
                partners: partners.address,
                partner_stride: partners.stride as u64,
                flip: flip as u64,
                first_partner: partners.first as u64,
                signs: self.context.table_of(masks),
                sums,
                width: self.width as u32,
                column_bits: neighbours(self.width),
                masks: masks.len() as u32,
                unused: 0,
            };
            let shared = CHUNK * (SUM + size_of::<u64>());
            self.context.launch("overlaps", blocks as u32, THREADS, shared, bytes_of(&[arguments]));
            let total = sums + (blocks * masks.len() * SUM) as u64;
            self.add_parts((sums, total), masks.len(), blocks);
            found.extend(self.downloaded_sums(total, masks.len()));
        }
        found
    }
}

/// Blocks of threads for the overlaps of so many rows.
fn overlap_blocks(rows: usize) -> usize {
    rows.div_ceil(CHUNK).min(OVERLAP_BLOCKS)
}

/// Bytes of the sums of overlaps: those of every block, and their sum.
fn overlap_bytes(rows: usize, masks: usize) -> usize {
    (overlap_blocks(rows) + 1) * masks.min(MASKS) * SUM
}
