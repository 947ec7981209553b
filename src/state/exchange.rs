//! Index-bit exchange: rank bits trade places with row bits.
//!
//! For `m` pairs the ranks form groups of `2^m` that differ in the exchanged rank bits. A rank keeps the rows whose
//! exchanged row bits equal its own rank bits and swaps each other slice with the rank that slice belongs to. The
//! slice that comes back has the place of the slice that left, so the exchange is in place, through two buffers of
//! bounded size.

use super::State;
use crate::backend::{LocalOperation, RowSet};

/// Largest message of one exchange; bounds the two buffers.
const MESSAGE_BYTES: usize = 8 << 20;

impl State {
    /// Exchanges the (sharded, local) pairs, then runs the operations.
    pub(super) fn exchange_and_run(&mut self, pairs: &[(usize, usize)], operations: Vec<LocalOperation>) {
        let own = self.exchanged_bits(pairs);
        for difference in 1..1usize << pairs.len() {
            let slice = own ^ difference;
            let partner = self.partner(pairs, slice);
            let (mask, value) = slice_rows(pairs, slice);
            for block in 0..self.blocks.len() {
                self.swap_slice(block, partner, mask, value);
            }
        }
        self.core_mut().shard.run(operations);
    }

    /// This rank's exchanged bits, the first pair least significant.
    fn exchanged_bits(&self, pairs: &[(usize, usize)]) -> usize {
        pairs.iter().enumerate().map(|(place, (sharded, _))| usize::from(self.rank_bit(*sharded)) << place).sum()
    }

    /// The rank that differs from this one only in the exchanged bits, which are `slice` there.
    fn partner(&self, pairs: &[(usize, usize)], slice: usize) -> usize {
        pairs.iter().enumerate().fold(self.comm.rank(), |rank, (place, (sharded, _))| {
            let bit = sharded - self.local_qubits;
            rank & !(1 << bit) | (slice >> place & 1) << bit
        })
    }

    fn swap_slice(&mut self, block: usize, partner: usize, mask: usize, value: usize) {
        let slice_rows = self.rows() >> mask.count_ones();
        let chunk = self.message_rows(block).min(slice_rows);
        for first in (0..slice_rows).step_by(chunk) {
            let bits = (0..self.local_qubits).filter(|bit| mask >> bit & 1 == 0).collect();
            let set = RowSet { bits, value, first, count: chunk.min(slice_rows - first) };
            self.send_rows(block, &set);
            self.swap_buffers(partner);
            let State { blocks, into, .. } = self;
            blocks[block].shard.unpack(&set, into);
        }
    }

    /// Rows that fill one message: a power of two.
    pub(super) fn message_rows(&self, block: usize) -> usize {
        let row = self.blocks[block].shard.packed_bytes(1).max(1);
        1 << (MESSAGE_BYTES / row).max(1).ilog2()
    }

    /// Packs rows of a block into the outgoing buffer.
    pub(super) fn send_rows(&mut self, block: usize, set: &RowSet) {
        let State { blocks, out, .. } = self;
        out.resize(blocks[block].shard.packed_bytes(set.count), 0);
        blocks[block].shard.pack(set, out);
    }

    /// Sends the outgoing buffer to the partner and receives as much.
    pub(super) fn swap_buffers(&mut self, partner: usize) {
        self.into.resize(self.out.len(), 0);
        self.comm.exchange(partner, &self.out, &mut self.into);
        self.sent += self.out.len() as u64;
    }
}

/// The fixed row bits of a slice and their values.
fn slice_rows(pairs: &[(usize, usize)], slice: usize) -> (usize, usize) {
    pairs
        .iter()
        .enumerate()
        .fold((0, 0), |(mask, value), (place, (_, local))| (mask | 1 << local, value | (slice >> place & 1) << local))
}
