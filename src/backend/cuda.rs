//! The GPU backend: kernels (`kernels/`) over rows and columns, matrix products of the device's library.
//!
//! All of it speaks to a [`Device`], so it runs as well on the emulated GPU. Calls return before they are done; the host
//! waits only where a number is needed. Everything here is called on the compute stream; what is packed travels on the
//! communication stream (`comm/device`).

mod arguments;
mod block_overlaps;
mod branch;
mod context;
mod eigen;
mod growth;
mod hermitian;
mod operations;
mod panels;
mod products;
mod rows;
mod spill;
mod sums;
#[cfg(test)]
mod tests;

use super::{Backend, LocalOperation, Pass, Precision, RowSet, Shard};
use crate::device::cuda::range;
use crate::device::{Device, Memory, Packed, Rectangle, Stream};
use crate::error::Result;
use crate::linalg::Matrix;
use context::{Context, done};
pub use hermitian::{HermitianMethod, hermitian_product};
use num_complex::Complex64;
use std::ops::Range;
use std::rc::Rc;

/// Bytes that verbs may have to work in beside panels of rows, for the square of a shard's number of columns. The most is
/// needed for a channel on two qubits that is compressed without being formed: ten block Gram matrices, sixteen rotations, and
/// the tables of two calls before.
pub const SQUARE_BYTES: u64 = 16 * (10 + 3 * 16);

/// Makes shards in the memory of one GPU.
pub struct Cuda {
    context: Rc<Context>,
}

impl Cuda {
    /// A backend of the given precision on a device.
    ///
    /// # Errors
    /// Resource error when the device has no memory.
    pub fn new(device: Rc<dyn Device>, precision: Precision) -> Result<Cuda> {
        Cuda::spilling(device, precision, 0)
    }

    /// As [`Cuda::new`]; shards for which the device has no memory take up to so many bytes of the host's.
    ///
    /// # Errors
    /// As [`Cuda::new`].
    pub fn spilling(device: Rc<dyn Device>, precision: Precision, host_bytes: u64) -> Result<Cuda> {
        Ok(Cuda { context: Rc::new(Context::new(device, precision, host_bytes)?) })
    }

    /// Bytes that verbs may have to work in, whatever the number of columns: two panels of rows, one of a message, and less
    /// than another for tables and sums.
    pub fn working_bytes(&self) -> u64 {
        4 * self.context.panel_bytes() as u64
    }
}

impl Backend for Cuda {
    fn precision(&self) -> Precision {
        self.context.precision
    }

    fn allocate(&self, rows: usize, reserve: usize) -> Result<Box<dyn Shard>> {
        let mut shard = CudaShard::new(self.context.clone(), rows);
        shard.reserve(reserve.max(1))?;
        Ok(Box::new(shard))
    }
}

/// One shard on a GPU: amplitude `row * reserved + column` of its memory.
struct CudaShard {
    context: Rc<Context>,
    rows: usize,
    width: usize,
    reserved: usize,
    memory: Option<Memory>,
    /// Whether its memory is the host's.
    spilled: bool,
}

impl CudaShard {
    /// A shard that has no memory yet.
    fn new(context: Rc<Context>, rows: usize) -> CudaShard {
        CudaShard { context, rows, width: 0, reserved: 0, memory: None, spilled: false }
    }

    /// A shard in memory that has room for `reserved` columns, of which `width` are in use.
    fn over(context: Rc<Context>, memory: Memory, (rows, reserved): (usize, usize), width: usize) -> CudaShard {
        CudaShard { width, reserved, memory: Some(memory), ..CudaShard::new(context, rows) }
    }

    /// What the products of so many columns need, so that no verb has to ask for more.
    fn reserve_to_compute(&self, columns: usize) -> Result<()> {
        let panel = self.context.panel_bytes();
        let bytes = 2 * panel.min(16 * self.rows * columns) + 16 * columns.pow(2);
        self.context.reserve(bytes).map_err(|error| self.no_room(columns, &error))
    }

    /// Address of the first amplitude.
    fn address(&self) -> u64 {
        self.memory.as_ref().expect("a shard has memory from the start").address()
    }

    fn row_address(&self, row: usize) -> u64 {
        self.address() + (row * self.reserved * self.context.amplitude()) as u64
    }
}

impl Shard for CudaShard {
    fn rows(&self) -> usize {
        self.rows
    }

    fn width(&self) -> usize {
        self.width
    }

    fn reserved(&self) -> usize {
        self.reserved
    }

    fn reserve(&mut self, columns: usize) -> Result<()> {
        if columns <= self.reserved {
            return Ok(());
        }
        let reserved = self.context.precision.reserve_for(columns);
        let grown = self.reserve_to_compute(reserved).and_then(|()| self.make_room(reserved));
        match grown {
            Err(_) if self.context.may_spill() && !self.spilled => self.spill(reserved),
            grown => grown,
        }
    }

    fn append_zeros(&mut self, count: usize) {
        let (old, amplitude) = (self.width, self.context.amplitude());
        self.width += count;
        assert!(self.width <= self.reserved, "room is reserved before columns are appended");
        let address = self.address() + (old * amplitude) as u64;
        let at = Rectangle { address, pitch: self.reserved * amplitude };
        if count > 0 {
            done(self.context.device.clear(Stream::Compute, at, count * amplitude, self.rows));
        }
    }

    fn passes(&self, operations: Vec<LocalOperation>, within: usize) -> Vec<Pass> {
        match self.spilled {
            true => self.spilled_passes(operations, within),
            false => operations::passes(self, operations, within),
        }
    }

    fn run_tiles(&mut self, pass: &Pass, tiles: Range<usize>) {
        assert!(pass.width_after <= self.reserved, "room is reserved before columns are appended");
        let _range = range(|| format!("pass of {} operations, {} columns", pass.operations.len(), pass.width));
        match self.spilled {
            true => self.run_spilled(pass, tiles),
            false => self.run_pass(pass, tiles),
        }
    }

    fn end_pass(&mut self, pass: &Pass) {
        self.width = pass.width_after;
    }

    fn column_norms(&self) -> Vec<f64> {
        let columns: Vec<usize> = (0..self.width).collect();
        self.sums_of_columns(&[], &columns).concat().iter().map(|sum| sum.re).collect()
    }

    fn block_grams(&self, columns: Range<usize>, targets: &[usize]) -> Vec<Matrix> {
        assert!(columns.end <= self.width, "the columns are columns of the shard");
        let _range = range(|| format!("Gram matrix of {} columns", columns.len()));
        self.grams_of_blocks(columns, targets)
    }

    fn column_blocks(&self, targets: &[usize], columns: &[usize]) -> Vec<Vec<Complex64>> {
        self.sums_of_columns(targets, columns)
    }

    fn rotate_blocks(&mut self, columns: Range<usize>, rotations: &[Matrix], targets: &[usize]) {
        let kept = rotations[0].ncols();
        assert!(rotations.iter().all(|one| one.dim() == (columns.len(), kept)), "rotations have a row for each column");
        let width = self.width - columns.len() + kept;
        assert!(width <= self.reserved, "room is reserved before columns are made");
        let _range = range(|| format!("rotation of {} columns to {kept}", columns.len()));
        self.rotate_columns(columns, rotations, targets);
        self.width = width;
    }

    fn grams_of(&self, parts: &[&[usize]]) -> Vec<Matrix> {
        self.grams_of_parts(parts)
    }

    fn combined(&self, parts: &[(&[usize], Matrix)]) -> Vec<u8> {
        self.combinations(parts)
    }

    fn eigen(&self, matrix: &Matrix) -> Option<(Vec<f64>, Matrix)> {
        self.context.eigenpairs(matrix)
    }

    fn set_columns(&mut self, pairs: &[(usize, usize)], packed: &[u8]) {
        self.width = pairs.iter().map(|(own, _)| own + 1).fold(self.width, usize::max);
        assert!(self.width <= self.reserved, "room is reserved before columns are made");
        self.scatter_columns(pairs, packed);
    }

    fn arrange_columns(&mut self, columns: &[usize]) {
        let still = columns.iter().zip(0..).take_while(|(column, place)| **column == *place).count();
        if still < columns.len() {
            self.collect_columns(&columns[still..], still);
        }
        self.width = columns.len();
    }

    fn flip_overlaps(&self, flip: usize, signs: &[usize]) -> Vec<Complex64> {
        self.overlaps_of_flips(&[(flip, signs.to_vec())]).concat()
    }

    fn all_flip_overlaps(&self, groups: &[(usize, Vec<usize>)]) -> Vec<Vec<Complex64>> {
        self.overlaps_of_flips(groups)
    }

    fn flip_overlaps_with(
        &self,
        other: (&Packed, usize),
        rows: Range<usize>,
        flip: usize,
        signs: &[usize],
    ) -> Vec<Complex64> {
        self.overlaps_with(other, rows, flip, signs)
    }

    fn marginal_weights(&self, columns: &[usize], bits: &[usize]) -> Vec<f64> {
        self.weights_of_rows(columns, bits)
    }

    fn pack(&self, set: &RowSet, out: &mut Packed) {
        assert!(out.bytes() >= self.packed_bytes(set.count), "a buffer holds its rows");
        self.pack_rows(set, out);
    }

    fn unpack(&mut self, set: &RowSet, packed: &Packed) {
        assert!(packed.bytes() >= self.packed_bytes(set.count), "a buffer holds its rows");
        self.unpack_rows(set, packed);
    }

    fn row(&self, row: usize) -> Vec<Complex64> {
        let mut bytes = vec![0; self.packed_bytes(1)];
        self.context.download(self.row_address(row), &mut bytes);
        arguments::doubles(self.context.precision, &bytes)
    }

    fn set_row(&mut self, row: usize, values: &[Complex64]) {
        let bytes = arguments::amplitudes(self.context.precision, values.iter().take(self.width));
        done(self.context.device.upload(Stream::Compute, &bytes, self.row_address(row)));
    }

    fn rows_of(&self, set: &RowSet) -> Vec<Complex64> {
        self.doubles_of_rows(set)
    }

    fn set_rows(&mut self, set: &RowSet, values: &[Complex64]) {
        assert_eq!(values.len(), set.count * self.width, "there is a value for each column of each row");
        self.set_doubles_of_rows(set, values);
    }

    fn packed_bytes(&self, count: usize) -> usize {
        count * self.width * self.context.amplitude()
    }
}
