//! Operations grouped into passes, so that a tile of rows goes through many of them while it is in the cache.

use super::memory::cache_bytes;
use crate::backend::order::{Footprint, Skipped};
use crate::backend::simplify::simplified;
use crate::backend::{LocalOperation, Pass};
use crate::linalg::Matrix;
use num_complex::Complex64;

/// Contiguous bytes that a tile takes at least, if it can: shorter pieces make poor use of the memory.
const CONTIGUOUS_BYTES: usize = 1 << 10;
/// Columns of a tile that is cut in columns, at least: a piece is contiguous then.
pub(super) const CHUNK_COLUMNS: usize = 64;
/// Bytes of a tile whose operations need no more: scratch memory and the rows it is read from stay near the core.
const COMFORTABLE_BYTES: usize = 1 << 15;
/// Tiles for each thread, if there are enough rows.
const TILES_A_THREAD: usize = 4;
/// A shard of no more bytes is one tile.
pub(super) const SMALL_BYTES: usize = 1 << 15;

/// What decides the size of a tile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) rows: usize,
    pub(super) width: usize,
    pub(super) reserved: usize,
    /// Bytes of an amplitude.
    pub(super) amplitude: usize,
    /// Amplitudes in a block, as a power of two.
    pub(super) lane_bits: usize,
}

/// Bytes of a tile's scratch memory: what fits the cache beside the rows it was read from.
pub(super) fn scratch_bytes() -> usize {
    cache_bytes() / 2
}

impl Shape {
    /// Bits of a tile that fits the cache when the state has `width` columns; with `whole` rows a tile holds all columns.
    fn tile_bits(&self, width: usize, whole: bool) -> usize {
        let columns = if self.reserved == 1 { 1 } else { width.max(1).next_multiple_of(1 << self.lane_bits) };
        let columns = if whole { columns } else { columns.min(CHUNK_COLUMNS) };
        let fitting = (scratch_bytes() / (columns * self.amplitude)).max(1).ilog2() as usize;
        let bits = self.rows.ilog2() as usize;
        let bytes = self.rows * columns * self.amplitude;
        if bytes <= SMALL_BYTES {
            return bits;
        }
        let tiles = (TILES_A_THREAD * rayon::current_num_threads()).next_power_of_two().ilog2() as usize;
        let small = (SMALL_BYTES / 4 / (columns * self.amplitude)).max(1).ilog2() as usize;
        fitting.min(bits).min(bits.saturating_sub(tiles).max(small))
    }

    /// Bits of a tile that is no larger than it pays to be without need.
    fn comfortable_bits(&self, width: usize) -> usize {
        let row = if self.reserved == 1 { 1 } else { width.max(1) } * self.amplitude;
        (COMFORTABLE_BYTES / row).checked_ilog2().unwrap_or(0) as usize
    }

    /// The lowest bits, as many as make a contiguous piece.
    fn low_bits(&self, width: usize) -> usize {
        let row = if self.reserved == 1 { 1 } else { width.max(1) } * self.amplitude;
        let count = (CONTIGUOUS_BYTES / row).checked_ilog2().unwrap_or(0);
        ((1 << count) - 1) & (self.rows - 1)
    }
}

/// Splits operations into passes; see [`crate::backend::Shard::passes`].
pub(super) fn split(operations: Vec<LocalOperation>, within: usize, shape: &Shape) -> Vec<Pass> {
    let mut waiting: Vec<LocalOperation> = operations.into_iter().filter_map(simplified).collect();
    let (mut passes, mut width, mut within) = (Vec::new(), shape.width, within);
    while !waiting.is_empty() || within != 0 {
        let pass = take(&mut waiting, within, width, shape);
        width = pass.width_after;
        within = 0;
        passes.push(pass);
    }
    passes
}

/// Takes the operations of one pass: those that fit and commute with all that are left.
fn take(waiting: &mut Vec<LocalOperation>, within: usize, width: usize, shape: &Shape) -> Pass {
    let mut pass = Pass { mask: within, operations: Vec::new(), width, width_after: width };
    let low = shape.low_bits(width);
    let mut skipped = Skipped::default();
    let mut left = Vec::new();
    let mut branches = false;
    for operation in waiting.drain(..) {
        let footprint = Footprint::of(&operation);
        let width_after = pass.width_after + operation.appended();
        let whole = branches || matches!(operation, LocalOperation::Branch { .. });
        let mask = pass.mask | operation.mixed_bits();
        let bits = (mask | low).count_ones() as usize;
        let fits = pass.operations.is_empty() || mask == pass.mask || bits <= shape.tile_bits(width_after, whole);
        let grows = whole && bits > shape.tile_bits(width_after, whole) && !pass.operations.is_empty();
        if fits && !grows && skipped.lets_pass(&footprint) {
            (pass.mask, pass.width_after, branches) = (mask, width_after, whole);
            push_fused(&mut pass.operations, operation);
        } else {
            skipped.add(&footprint);
            left.push(operation);
        }
    }
    *waiting = left;
    let bits = shape.tile_bits(pass.width_after, branches);
    let bits = if pass.operations.len() == 1 {
        bits
    } else {
        bits.min(shape.comfortable_bits(pass.width_after).max((pass.mask | low).count_ones() as usize))
    };
    let lanes = if shape.reserved == 1 { shape.lane_bits } else { 0 };
    let most = pass.operations.iter().map(|operation| operation.mixed_bits().count_ones()).max().unwrap_or(0);
    pass.mask = widened(pass.mask, bits.max(lanes + most as usize), shape.rows);
    pass
}

/// Adds the lowest bits until there are `count`, or all.
fn widened(mut mask: usize, count: usize, rows: usize) -> usize {
    while (mask.count_ones() as usize) < count && mask != rows - 1 {
        mask |= 1 << (!mask).trailing_zeros();
    }
    mask
}

/// Appends an operation, or multiplies it into an earlier one on the same qubits.
fn push_fused(operations: &mut Vec<LocalOperation>, operation: LocalOperation) {
    let footprint = Footprint::of(&operation);
    for earlier in operations.iter_mut().rev() {
        if let Some(product) = product(&operation, earlier) {
            *earlier = product;
            return;
        }
        let mut skipped = Skipped::default();
        skipped.add(&Footprint::of(earlier));
        if !skipped.lets_pass(&footprint) {
            break;
        }
    }
    operations.push(operation);
}

/// `later earlier`, where the targets of one are among those of the other.
fn product(later: &LocalOperation, earlier: &LocalOperation) -> Option<LocalOperation> {
    let (a, a_targets) = plain(later)?;
    let (b, b_targets) = plain(earlier)?;
    let targets = if a_targets.len() > b_targets.len() { a_targets } else { b_targets };
    if !a_targets.iter().chain(b_targets).all(|bit| targets.contains(bit)) {
        return None;
    }
    let matrix = crate::linalg::multiply(&over(a, a_targets, targets), &over(b, b_targets, targets));
    Some(LocalOperation::Dense { matrix, targets: targets.to_vec(), controls: Vec::new() })
}

/// Matrix and targets of a dense operation without controls.
fn plain(operation: &LocalOperation) -> Option<(&Matrix, &[usize])> {
    match operation {
        LocalOperation::Dense { matrix, targets, controls } if controls.is_empty() => Some((matrix, targets)),
        _ => None,
    }
}

/// The matrix on `targets` as one on more of them, in another order.
fn over(matrix: &Matrix, targets: &[usize], all: &[usize]) -> Matrix {
    let places: Vec<usize> = targets.iter().filter_map(|bit| all.iter().position(|other| other == bit)).collect();
    let own = |index| super::index::gather_bits(index, &places);
    let others = !super::index::scatter_bits(usize::MAX, &places);
    let size = 1 << all.len();
    Matrix::from_shape_fn((size, size), |(row, column)| {
        if (row ^ column) & others == 0 { matrix[(own(row), own(column))] } else { Complex64::ZERO }
    })
}
