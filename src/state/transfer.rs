//! Rows in logical order to and from the root rank, some at a time.

use super::{Column, State};
use crate::backend::RowSet;
use crate::comm::{agree, bytes_from_root};
use crate::error::Result;
use crate::linalg::Matrix;
use num_complex::Complex64;

/// Bytes of rows in flight at once on each rank.
const TRANSFER_BYTES: usize = 16 << 20;

/// Where each logical index lies.
type Place<'a> = &'a dyn Fn(u64) -> u64;

impl State {
    /// Hands the rows of the core, in logical order, to `write` on the root rank; `physical` maps logical indices.
    ///
    /// # Errors
    /// The error of `write`, on every rank.
    pub fn export_rows(
        &self,
        physical: Place<'_>,
        mut write: impl FnMut(u64, &[Complex64]) -> Result<()>,
    ) -> Result<()> {
        let (total, count) = self.transfer_rows();
        for first in (0..total).step_by(count) {
            let rows = self.own_rows(first, count, physical).map(|set| self.settled().rows_of(&set));
            let own: Vec<u8> = rows.into_iter().flatten().flat_map(amplitude_bytes).collect();
            let parts = self.comm.gather(&own);
            let written = parts.map_or(Ok(()), |parts| write(first, &self.interleave(&parts, first, count, physical)));
            agree(&*self.comm, written)?;
        }
        Ok(())
    }

    /// Rows in all, and rows of one transfer (a power of two).
    fn transfer_rows(&self) -> (u64, usize) {
        let total = 1u64 << self.qubits;
        let row = self.width().max(1) * size_of::<Complex64>();
        (total, (1usize << (TRANSFER_BYTES / row).max(1).ilog2()).min(total as usize))
    }

    /// This rank's rows among `count` logical ones from `first` on, in logical order; `count` is a power of two that divides
    /// `first`, and bits of the logical index are bits of the physical one.
    fn own_rows(&self, first: u64, count: usize, physical: Place<'_>) -> Option<RowSet> {
        let (rank, value) = self.split(physical(first));
        let places = (0..count.trailing_zeros()).map(|bit| physical(1 << bit).trailing_zeros() as usize);
        let (bits, sharded): (Vec<usize>, Vec<usize>) = places.partition(|place| *place < self.local_qubits);
        let varying = sharded.iter().fold(0, |bits, place| bits | 1 << (place - self.local_qubits));
        let is_own = (rank ^ self.comm.rank()) & !varying == 0;
        is_own.then(|| RowSet { count: 1 << bits.len(), bits, value, first: 0 })
    }

    /// Puts the ranks' rows in logical order.
    fn interleave(&self, parts: &[Vec<u8>], first: u64, count: usize, physical: Place<'_>) -> Vec<Complex64> {
        let row_bytes = self.width() * size_of::<Complex64>();
        let mut next = vec![0; parts.len()];
        let mut rows = Vec::with_capacity(count * self.width());
        for logical in first..first + count as u64 {
            let rank = self.split(physical(logical)).0;
            rows.extend(amplitudes(&parts[rank][next[rank]..next[rank] + row_bytes]));
            next[rank] += row_bytes;
        }
        rows
    }

    /// All rows of the first `width` columns of the core, in physical order, on the root rank; no rows on the others.
    pub fn gather_factor(&self, width: usize) -> Matrix {
        let (_, count) = self.transfer_rows();
        let count = count.min(self.rows());
        let mut by_rank = vec![Vec::new(); self.comm.size()];
        for first in (0..self.rows()).step_by(count) {
            let set = RowSet { bits: (0..self.local_qubits).collect(), value: 0, first, count };
            let rows = self.settled().rows_of(&set);
            let own = rows.chunks_exact(self.width().max(1)).flat_map(|row| &row[..width]);
            let own: Vec<u8> = own.flat_map(|value| amplitude_bytes(*value)).collect();
            let parts = self.comm.gather(&own).unwrap_or_default();
            by_rank.iter_mut().zip(parts).for_each(|(rows, part)| rows.extend(amplitudes(&part)));
        }
        let rows = by_rank.concat();
        Matrix::from_shape_vec((rows.len() / width.max(1), width), rows).expect("whole rows were gathered")
    }

    /// Fills the empty core with `width` columns whose rows, in logical order, `read` gives on the root rank.
    ///
    /// # Errors
    /// The error of `read`, on every rank, or a resource error when there is no room.
    pub fn import_rows(
        &mut self,
        width: usize,
        physical: Place<'_>,
        mut read: impl FnMut(u64, usize) -> Result<Vec<Complex64>>,
    ) -> Result<()> {
        self.append_zeros(&vec![Column { weight: 1.0, register: 0 }; width])?;
        let (total, count) = self.transfer_rows();
        for first in (0..total).step_by(count) {
            let bytes = bytes_from_root(&*self.comm, || {
                Ok(read(first, count)?.into_iter().flat_map(amplitude_bytes).collect())
            })?;
            if let Some(set) = self.own_rows(first, count, physical) {
                let rows = bytes.chunks_exact(width * size_of::<Complex64>()).zip(first..);
                let own = rows.filter(|(_, logical)| self.split(physical(*logical)).0 == self.comm.rank());
                let values: Vec<Complex64> = own.flat_map(|(row, _)| amplitudes(row)).collect();
                self.core_mut().shard.set_rows(&set, &values);
            }
        }
        let norms = self.column_norms();
        self.core_mut().columns.iter_mut().zip(norms).for_each(|(column, norm)| column.weight = norm);
        Ok(())
    }
}

pub(super) fn amplitude_bytes(value: Complex64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&value.re.to_le_bytes());
    bytes[8..].copy_from_slice(&value.im.to_le_bytes());
    bytes
}

pub(super) fn amplitudes(bytes: &[u8]) -> Vec<Complex64> {
    let part = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    bytes.chunks_exact(16).map(|pair| Complex64::new(part(&pair[..8]), part(&pair[8..]))).collect()
}
