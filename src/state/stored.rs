//! Rows of the state as bytes, for checkpoints: in the order of the physical index, in the precision of the state, so that
//! nothing is rounded and any number of ranks can read what any other has written.

use super::{Column, State};
use crate::backend::RowSet;
use crate::device::Packed;
use crate::error::Result;

/// Bytes that are handed on at once, about.
const BLOCK: usize = 4 << 20;

impl State {
    /// Bytes of this rank's rows.
    pub fn stored_bytes(&self) -> u64 {
        (self.rows() * self.width() * self.amplitude) as u64
    }

    /// Hands this rank's rows, in order, to `write`, which gives back a buffer to be used again. After a flush.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn store(&self, mut write: impl FnMut(Vec<u8>) -> Result<Vec<u8>>) -> Result<()> {
        let mut buffer = Vec::new();
        for set in self.row_blocks() {
            buffer.resize(set.count * self.width() * self.amplitude, 0);
            let mut packed = Packed::Host(std::mem::take(&mut buffer));
            self.settled().pack(&set, &mut packed);
            if let Packed::Host(bytes) = packed {
                buffer = write(bytes)?;
            }
        }
        Ok(())
    }

    /// Columns that there is room for. How operations are grouped in passes, and so the last bits of the amplitudes, depend on it.
    pub fn reserved(&self) -> usize {
        self.core().shard.reserved()
    }

    /// Makes room for so many columns, as there was where the rows come from.
    ///
    /// # Errors
    /// Resource error, the same on every rank, when the memory is not to be had.
    pub fn make_room(&mut self, columns: usize) -> Result<()> {
        self.reserve(columns)
    }

    /// Takes these columns instead of those it has. `read` fills a buffer with the bytes of the whole state, all ranks' rows
    /// in order, from an offset on.
    ///
    /// # Errors
    /// Those of `read`, on this rank alone; resource error when there is no room for the columns.
    pub fn fetch(&mut self, columns: Vec<Column>, mut read: impl FnMut(u64, &mut [u8]) -> Result<()>) -> Result<()> {
        self.take_columns(columns)?;
        let mut offset = self.comm.rank() as u64 * self.stored_bytes();
        for set in self.row_blocks() {
            let mut bytes = vec![0; set.count * self.width() * self.amplitude];
            read(offset, &mut bytes)?;
            offset += bytes.len() as u64;
            self.core_mut().shard.unpack(&set, &Packed::Host(bytes));
        }
        Ok(())
    }

    fn take_columns(&mut self, columns: Vec<Column>) -> Result<()> {
        self.settled();
        let core = self.core_mut();
        core.shard.arrange_columns(&[]);
        core.columns.clear();
        self.append_zeros(&columns)
    }

    /// All rows of this rank in blocks; none without columns.
    fn row_blocks(&self) -> impl Iterator<Item = RowSet> + use<> {
        let (rows, row) = (self.rows(), self.width() * self.amplitude);
        let count = (BLOCK / row.max(1)).max(1).min(rows);
        let bits: Vec<usize> = (0..self.local_qubits).collect();
        let end = if row == 0 { 0 } else { rows };
        (0..end).step_by(count).map(move |first| RowSet {
            bits: bits.clone(),
            value: 0,
            first,
            count: count.min(rows - first),
        })
    }
}
