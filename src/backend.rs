//! Local mathematics on one shard: verbs by shape, over all columns of the shard.
//!
//! A shard holds `rows x width` complex numbers, row-major, at `row * reserved + column`: every verb vectorises over
//! columns whatever qubit it acts on, and appending columns moves nothing while the reserve lasts. Matrices are
//! always passed in double precision; the shard computes in its own. A backend never communicates and never asks its
//! rank. Row indices are local; bit `b` of a row index is local qubit `b`.

#[cfg(test)]
pub mod conformance;
pub mod cpu;
pub mod cuda;
mod flips;
mod marginal;
mod order;
mod simplify;

pub use crate::linalg::Precision;

use crate::device::Packed;
use crate::error::Result;
use crate::linalg::{Matrix, hermitian_eigen};
use num_complex::Complex64;
use std::ops::Range;

/// A control on a local qubit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalControl {
    /// Local qubit: a bit of the row index.
    pub bit: usize,
    /// The value it must have.
    pub value: bool,
}

/// Rows whose index has given bits: the unit of packing.
///
/// Number `i` is the row whose bits `bits[0], bits[1], ...` are the bits of `i` and whose other bits are those of
/// `value`; the set is numbers `first .. first + count`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowSet {
    /// Free bits of the row index, in the order in which the rows are numbered.
    pub bits: Vec<usize>,
    /// The values of all other bits.
    pub value: usize,
    /// Number of the first row in the set.
    pub first: usize,
    /// How many rows.
    pub count: usize,
}

impl RowSet {
    /// The row with this number, of those before `first` and behind the last as well.
    pub fn row(&self, number: usize) -> usize {
        self.bits
            .iter()
            .enumerate()
            .fold(self.value, |row, (place, bit)| row & !(1 << bit) | (number >> place & 1) << bit)
    }
}

/// One operation on the rows of a shard.
#[derive(Debug, Clone, PartialEq)]
pub enum LocalOperation {
    /// `matrix` (`2^k` square) on the `k` targets, the first least significant, where all controls hold.
    Dense {
        /// The matrix.
        matrix: Matrix,
        /// Local qubits.
        targets: Vec<usize>,
        /// Local qubits and their values.
        controls: Vec<LocalControl>,
    },
    /// Multiplies by `entries[i]`, `i` the value of the target bits, where all controls hold. No target: one entry.
    Diagonal {
        /// The diagonal.
        entries: Vec<Complex64>,
        /// Local qubits.
        targets: Vec<usize>,
        /// Local qubits and their values.
        controls: Vec<LocalControl>,
    },
    /// The row whose target bits are `i` becomes, times `factors[i]`, the one whose target bits are `images[i]`.
    Permutation {
        /// A permutation of `0 .. 2^k`.
        images: Vec<usize>,
        /// One factor for each value of the target bits.
        factors: Vec<Complex64>,
        /// Local qubits.
        targets: Vec<usize>,
        /// Local qubits and their values.
        controls: Vec<LocalControl>,
    },
    /// Appends copies of the columns `sources`, then applies to every column `c` `matrices[choice[c]]`.
    Branch {
        /// `2^k` square matrices.
        matrices: Vec<Matrix>,
        /// Local qubits.
        targets: Vec<usize>,
        /// Columns to copy, of those before this operation.
        sources: Vec<usize>,
        /// For each column, the copies included, which matrix it takes.
        choice: Vec<usize>,
    },
}

/// Operations that run in one pass over the shard: the rows are cut into tiles, and each tile goes through all of them
/// while it is in the cache.
///
/// A tile holds the `2^m` rows that agree in all bits outside `mask` (`m` bits set in it); tile `t` has there the bits
/// of `t`, the lowest bit of `t` at the lowest bit outside the mask. Dense and permuted targets lie inside the mask;
/// controls and the targets of diagonals may lie anywhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Pass {
    /// Bits of the row index that vary within a tile.
    pub mask: usize,
    /// What is done, in order.
    pub operations: Vec<LocalOperation>,
    /// Columns before the pass.
    pub width: usize,
    /// Columns after it.
    pub width_after: usize,
}

impl Pass {
    /// Tiles of a shard of `rows` rows.
    pub fn tiles(&self, rows: usize) -> usize {
        rows >> self.mask.count_ones()
    }
}

impl LocalOperation {
    /// Columns it appends.
    pub fn appended(&self) -> usize {
        match self {
            LocalOperation::Branch { sources, .. } => sources.len(),
            _ => 0,
        }
    }

    /// The row bits that vary within a tile of any pass that holds it.
    pub fn mixed_bits(&self) -> usize {
        let bits = |targets: &[usize]| targets.iter().map(|bit| 1 << bit).sum();
        match self {
            LocalOperation::Diagonal { .. } => 0,
            LocalOperation::Dense { targets, .. }
            | LocalOperation::Permutation { targets, .. }
            | LocalOperation::Branch { targets, .. } => bits(targets),
        }
    }
}

/// Makes shards of one kind: a device and a precision.
pub trait Backend {
    /// Precision of its shards.
    fn precision(&self) -> Precision;
    /// A shard of `rows` rows and no columns, with room for `reserve` columns.
    ///
    /// # Errors
    /// Resource error when the memory is not to be had.
    fn allocate(&self, rows: usize, reserve: usize) -> Result<Box<dyn Shard>>;
}

/// A block of columns on one rank. Qubit and row arguments are in range; lists of qubits do not repeat.
pub trait Shard {
    /// Number of rows, a power of two.
    fn rows(&self) -> usize;
    /// Number of columns in use.
    fn width(&self) -> usize;
    /// Number of columns there is room for.
    fn reserved(&self) -> usize;
    /// Makes room for at least `columns` columns; keeps the content.
    ///
    /// # Errors
    /// Resource error when the memory is not to be had; the shard is unchanged then.
    fn reserve(&mut self, columns: usize) -> Result<()>;
    /// Appends columns of zeros; the room must have been reserved.
    fn append_zeros(&mut self, count: usize);
    /// Splits operations into passes, as the memory hierarchy makes it pay; the first pass spans at least the bits
    /// `within`. Operations that commute may trade places. The room for appended columns must have been reserved.
    fn passes(&self, operations: Vec<LocalOperation>, within: usize) -> Vec<Pass>;
    /// Runs a pass over the tiles in the range. Every tile must be run once between the passes before and after;
    /// [`Shard::width`] stays that before the pass until [`Shard::end_pass`].
    fn run_tiles(&mut self, pass: &Pass, tiles: Range<usize>);
    /// Ends a pass all of whose tiles have been run: takes its width.
    fn end_pass(&mut self, pass: &Pass);
    /// Runs operations, pass by pass; the room for appended columns must have been reserved.
    fn run(&mut self, operations: Vec<LocalOperation>) {
        for pass in self.passes(operations, 0) {
            self.run_tiles(&pass, 0..pass.tiles(self.rows()));
            self.end_pass(&pass);
        }
    }
    /// `sum_row |L[row, c]|^2` for each column.
    fn column_norms(&self) -> Vec<f64>;
    /// `L^dagger L` over the local rows, accumulated in double precision; exactly Hermitian.
    fn gram(&self) -> Matrix {
        self.block_grams(0..self.width(), &[]).swap_remove(0)
    }
    /// For all values `s >= t` of the target bits, in the order (0,0), (1,0), (1,1), (2,0), ...: `L_s^dagger L_t` over the local rows, with
    /// `L_s` these columns of the rows whose target bits are `s`; accumulated in double precision.
    fn block_grams(&self, columns: Range<usize>, targets: &[usize]) -> Vec<Matrix>;
    /// For the same values of the target bits in the same order, and for each listed column `c`: `L_s[c]^dagger L_t[c]`, from
    /// the diagonal of what [`Shard::block_grams`] gives; accumulated in double precision.
    fn column_blocks(&self, targets: &[usize], columns: &[usize]) -> Vec<Vec<Complex64>>;
    /// `L <- L V` for `V` of shape `width x kept`, in place by row panels.
    fn rotate(&mut self, rotation: &Matrix) {
        self.rotate_blocks(0..self.width(), std::slice::from_ref(rotation), &[]);
    }
    /// `L_s <- sum_t L_t rotations[s * 2^k + t]`, in place, with `L_s` these columns of the rows whose `k` target bits are `s`; the
    /// rotations are `columns x kept`. The columns behind follow the new ones; there must be room for all.
    fn rotate_blocks(&mut self, columns: Range<usize>, rotations: &[Matrix], targets: &[usize]);
    /// As [`Shard::gram`], of each of these lists of columns.
    fn grams_of(&self, parts: &[&[usize]]) -> Vec<Matrix>;
    /// New columns, those of one part after the other: the listed columns times the part's matrix. All rows in order, packed as
    /// by [`Shard::pack`]; the shard stays as it is.
    fn combined(&self, parts: &[(&[usize], Matrix)]) -> Vec<u8>;
    /// Eigenvalues in ascending order and eigenvectors (columns) of a Hermitian matrix, of which the lower triangle is read, on the
    /// shard's device if it is faster there. The eigenvectors are orthonormal, and the eigenvalues exact, to
    /// [`crate::linalg::eigenvector_rounding`]; other devices than this one may give other bits. `None` when the iteration
    /// does not converge.
    fn eigen(&self, matrix: &Matrix) -> Option<(Vec<f64>, Matrix)> {
        hermitian_eigen(matrix)
    }
    /// For each pair the first, a column of the shard, becomes the second of those that [`Shard::combined`] has made of a shard
    /// of the same kind. Columns behind the last may be listed if all up to them are; there must be room for them.
    fn set_columns(&mut self, pairs: &[(usize, usize)], packed: &[u8]);
    /// Leaves the listed columns only, in this order.
    fn arrange_columns(&mut self, columns: &[usize]);
    /// For each sign mask `s`: `sum_row (-1)^|s AND row| sum_c conj(L[row XOR flip, c]) L[row, c]`.
    fn flip_overlaps(&self, flip: usize, signs: &[usize]) -> Vec<Complex64>;
    /// As [`Shard::flip_overlaps`], for each flip and its sign masks.
    fn all_flip_overlaps(&self, groups: &[(usize, Vec<usize>)]) -> Vec<Vec<Complex64>> {
        groups.iter().map(|(flip, signs)| self.flip_overlaps(*flip, signs)).collect()
    }
    /// As [`Shard::flip_overlaps`], over a range of rows, but the conjugated rows
    /// `row XOR flip` are those of another shard. `other` holds, from this byte on, that shard's packed rows with numbers
    /// `first XOR (flip AND NOT (count - 1)) ..`, where the range has `count` rows, a power of two that divides `first`.
    fn flip_overlaps_with(
        &self,
        other: (&Packed, usize),
        rows: Range<usize>,
        flip: usize,
        signs: &[usize],
    ) -> Vec<Complex64>;
    /// `sum_c |L[row, c]|^2` over the listed columns, for each row.
    fn row_weights(&self, columns: &[usize]) -> Vec<f64> {
        let bits: Vec<usize> = (0..self.rows().ilog2() as usize).collect();
        self.marginal_weights(columns, &bits)
    }
    /// For each value of the listed bits of the row index, the first least significant: `sum |L[row, c]|^2` over the rows with that
    /// value and the listed columns. Always in the same order, so the same bits.
    fn marginal_weights(&self, columns: &[usize], bits: &[usize]) -> Vec<f64>;
    /// Writes the used columns of the rows to the front of a buffer, [`Shard::packed_bytes`] of it. Every shard takes buffers of
    /// the host; those of a device take that device's too, and return before such a one is written.
    fn pack(&self, set: &RowSet, out: &mut Packed);
    /// Reads what [`Shard::pack`] wrote.
    fn unpack(&mut self, set: &RowSet, packed: &Packed);
    /// The used columns of one row, in double precision.
    fn row(&self, row: usize) -> Vec<Complex64>;
    /// The used columns of the set's rows, one row after the other, in double precision.
    fn rows_of(&self, set: &RowSet) -> Vec<Complex64> {
        (set.first..set.first + set.count).flat_map(|number| self.row(set.row(number))).collect()
    }
    /// Overwrites the used columns of one row.
    fn set_row(&mut self, row: usize, values: &[Complex64]);
    /// Overwrites the used columns of the set's rows, given as by [`Shard::rows_of`].
    fn set_rows(&mut self, set: &RowSet, values: &[Complex64]) {
        let numbers = set.first..set.first + set.count;
        numbers
            .zip(values.chunks_exact(self.width()))
            .for_each(|(number, values)| self.set_row(set.row(number), values));
    }
    /// Bytes of `count` packed rows.
    fn packed_bytes(&self, count: usize) -> usize;
}
