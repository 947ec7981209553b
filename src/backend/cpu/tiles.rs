//! Passes: operations grouped so that a tile of rows goes through all of them while it is in the cache.

use super::index::{RowGroups, gather_bits, spread};
use super::scalar::Real;
use crate::backend::{LocalControl, LocalOperation, Pass};
use crate::linalg::Matrix;
use num_complex::{Complex, Complex64};

/// Bits of a tile, if the operations need no more.
const TILE_BITS: u32 = 9;

/// Splits operations into passes; see [`crate::backend::Shard::passes`].
pub(super) fn split(operations: Vec<LocalOperation>, within: usize, rows: usize, width: usize) -> Vec<Pass> {
    let mut passes = Vec::new();
    let mut open = Pass { mask: within, operations: Vec::new(), width, width_after: width };
    for operation in operations {
        let mask = open.mask | operation.mixed_bits();
        if !open.operations.is_empty() && mask.count_ones() > TILE_BITS {
            let width = open.width_after;
            let next = Pass { mask: operation.mixed_bits(), operations: Vec::new(), width, width_after: width };
            passes.push(std::mem::replace(&mut open, next));
        } else {
            open.mask = mask;
        }
        open.width_after += operation.appended();
        open.operations.push(operation);
    }
    if !open.operations.is_empty() || within != 0 {
        passes.push(open);
    }
    passes.iter_mut().for_each(|pass| pass.mask = widen(pass.mask, rows));
    passes
}

/// Adds the lowest bits until the tile is large enough.
fn widen(mut mask: usize, rows: usize) -> usize {
    let all = rows - 1;
    while mask.count_ones() < TILE_BITS && mask != all {
        mask |= 1 << (!mask).trailing_zeros();
    }
    mask
}

/// Runs the operations of a pass on one tile, which lies in `rows` rows of `stride` amplitudes.
pub(super) fn run<T: Real>(tile: &mut [Complex<T>], stride: usize, pass: &Pass, outside: usize) {
    let mut width = pass.width;
    for operation in &pass.operations {
        match operation {
            LocalOperation::Dense { matrix, targets, controls } => {
                mix(tile, stride, 0..width, &inside(pass.mask, targets), controls, (pass.mask, outside), |_| matrix);
            }
            LocalOperation::Permutation { images, factors, targets, controls } => {
                let mut matrix = Matrix::zeros((images.len(), images.len()));
                images.iter().zip(factors).enumerate().for_each(|(from, (to, factor))| matrix[(*to, from)] = *factor);
                mix(tile, stride, 0..width, &inside(pass.mask, targets), controls, (pass.mask, outside), |_| &matrix);
            }
            LocalOperation::Diagonal { entries, targets, controls } => {
                scale(tile, stride, width, entries, targets, controls, (pass.mask, outside));
            }
            LocalOperation::Branch { matrices, targets, sources, choice } => {
                for row in tile.chunks_exact_mut(stride) {
                    sources.iter().enumerate().for_each(|(offset, source)| row[width + offset] = row[*source]);
                }
                width += sources.len();
                let matrix = |column: usize| &matrices[choice[column]];
                mix(tile, stride, 0..width, &inside(pass.mask, targets), &[], (pass.mask, outside), matrix);
            }
        }
    }
}

/// The places of row bits within the tile index.
fn inside(mask: usize, bits: &[usize]) -> Vec<usize> {
    bits.iter().map(|bit| (mask & ((1 << bit) - 1)).count_ones() as usize).collect()
}

fn mix<'a, T: Real>(
    tile: &mut [Complex<T>],
    stride: usize,
    columns: std::ops::Range<usize>,
    targets: &[usize],
    controls: &[LocalControl],
    (mask, outside): (usize, usize),
    matrix: impl Fn(usize) -> &'a Matrix,
) {
    let rows = tile.len() / stride;
    let groups = RowGroups::new(rows, targets);
    let mut input = vec![Complex64::ZERO; groups.offsets.len()];
    for group in 0..groups.count {
        let first = groups.first_row(group);
        if !holds(controls, outside | spread(first, mask)) {
            continue;
        }
        for column in columns.clone() {
            for (value, offset) in input.iter_mut().zip(&groups.offsets) {
                *value = T::double(tile[(first + offset) * stride + column]);
            }
            for (row, offset) in matrix(column).rows().into_iter().zip(&groups.offsets) {
                let sum = row.iter().zip(&input).map(|(entry, value)| *entry * *value).sum();
                tile[(first + offset) * stride + column] = T::complex(sum);
            }
        }
    }
}

fn holds(controls: &[LocalControl], row: usize) -> bool {
    controls.iter().all(|control| (row >> control.bit & 1 == 1) == control.value)
}

fn scale<T: Real>(
    tile: &mut [Complex<T>],
    stride: usize,
    width: usize,
    entries: &[Complex64],
    targets: &[usize],
    controls: &[LocalControl],
    (mask, outside): (usize, usize),
) {
    for (index, row) in tile.chunks_exact_mut(stride).enumerate() {
        let place = outside | spread(index, mask);
        if holds(controls, place) {
            let factor = T::complex(entries[gather_bits(place, targets)]);
            row[..width].iter_mut().for_each(|amplitude| *amplitude = *amplitude * factor);
        }
    }
}
