//! Local mathematics on one shard: verbs by shape, over all columns of the shard.
//!
//! A shard holds `rows x width` complex numbers, row-major, at `row * reserved + column`: every verb vectorises over
//! columns whatever qubit it acts on, and appending columns moves nothing while the reserve lasts. Matrices are
//! always passed in double precision; the shard computes in its own. A backend never communicates and never asks its
//! rank. Row indices are local; bit `b` of a row index is local qubit `b`.

#[cfg(test)]
pub mod conformance;
pub mod cpu;

pub use crate::linalg::Precision;

use crate::error::Result;
use crate::linalg::Matrix;
use num_complex::Complex64;

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
/// The rows with `row AND mask == value` are numbered in ascending order; the set is numbers `first .. first + count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowSet {
    /// Fixed bits of the row index.
    pub mask: usize,
    /// Their values.
    pub value: usize,
    /// Number of the first row in the set.
    pub first: usize,
    /// How many rows.
    pub count: usize,
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
    /// Appends copies of the columns `sources`; the room must have been reserved.
    fn append_copies(&mut self, sources: &[usize]);
    /// Appends columns of zeros; the room must have been reserved.
    fn append_zeros(&mut self, count: usize);
    /// Applies `2^k x 2^k` `matrix` on the `k` targets (first target least significant) where all controls hold.
    fn dense(&mut self, matrix: &Matrix, targets: &[usize], controls: &[LocalControl]);
    /// As [`Shard::dense`] without controls, column `c` by `matrices[choice[c]]`.
    fn dense_per_column(&mut self, matrices: &[Matrix], choice: &[usize], targets: &[usize]);
    /// Multiplies by `entries[i]`, `i` the value of the target bits, where all controls hold. No target: one entry.
    fn diagonal(&mut self, entries: &[Complex64], targets: &[usize], controls: &[LocalControl]);
    /// `sum_row |L[row, c]|^2` for each column.
    fn column_norms(&self) -> Vec<f64>;
    /// `L^dagger L` over the local rows, accumulated in double precision.
    fn gram(&self) -> Matrix;
    /// `L <- L V` for `V` of shape `width x kept`, in place by row panels; the width becomes `kept`.
    fn rotate(&mut self, rotation: &Matrix);
    /// For each sign mask `s`: `sum_row (-1)^|s AND row| sum_c conj(L[row XOR flip, c]) L[row, c]`.
    fn flip_overlaps(&self, flip: usize, signs: &[usize]) -> Vec<Complex64>;
    /// As [`Shard::flip_overlaps`], over the rows of `set` (which fixes no bits), but the conjugated rows
    /// `row XOR flip` are those of another shard. `other` holds that shard's packed rows with numbers
    /// `first XOR (flip AND NOT (count - 1)) ..`; `count` is a power of two and divides `first`.
    fn flip_overlaps_with(&self, other: &[u8], set: &RowSet, flip: usize, signs: &[usize]) -> Vec<Complex64>;
    /// `sum_c |L[row, c]|^2` over the listed columns, for each row.
    fn row_weights(&self, columns: &[usize]) -> Vec<f64>;
    /// Writes the used columns of the rows into `out`, which has exactly the size of [`Shard::packed_bytes`].
    fn pack(&self, set: &RowSet, out: &mut [u8]);
    /// Reads what [`Shard::pack`] wrote.
    fn unpack(&mut self, set: &RowSet, packed: &[u8]);
    /// The used columns of one row, in double precision.
    fn row(&self, row: usize) -> Vec<Complex64>;
    /// Overwrites the used columns of one row.
    fn set_row(&mut self, row: usize, values: &[Complex64]);
    /// Bytes of `count` packed rows.
    fn packed_bytes(&self, count: usize) -> usize;
}
