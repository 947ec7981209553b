//! Messages in chunks, several of them on their way while the rank computes with the one that has arrived.

use crate::comm::{Communicator, Grain, Message, Transfer};
use crate::device::Packed;
use crate::error::Result;
use std::collections::VecDeque;

/// Chunks on their way at once, the one that is computed with included.
pub(super) const DEPTH: usize = 3;
/// Chunks of a transfer that is large enough to be cut: what cannot be hidden is about the first of them.
const CHUNKS: usize = 8;
/// Calls of the library while one chunk is computed with.
pub(super) const BATCHES: usize = 4;

/// Buffers that are not in use, one entry for each chunk.
pub(super) type Pool = Vec<Vec<Message>>;

/// In how many chunks a transfer should be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// Fewer would take more memory than buffers may: a power of two.
    pub least: usize,
    /// With that many it can be hidden: a power of two.
    pub wanted: usize,
}

impl Cut {
    /// For `bytes` to each of `partners`; depends on nothing that differs between ranks. Buffers take at most twice `DEPTH` of
    /// the grain's chunks, unless a single tile of the operations that follow is larger.
    pub(super) fn of(bytes: usize, partners: usize, grain: Grain) -> Cut {
        let least = (bytes * partners).div_ceil(grain.chunk).max(1).next_power_of_two();
        let worthwhile = 1 << (bytes / grain.message).max(1).ilog2();
        Cut { least, wanted: least.max(CHUNKS.min(worthwhile)) }
    }
}

/// Chunks on their way, in order.
pub(super) struct Pipeline<'a> {
    comm: &'a dyn Communicator,
    pool: &'a mut Pool,
    open: VecDeque<Box<dyn Transfer + 'a>>,
    /// Bytes sent so far.
    pub(super) sent: u64,
}

impl<'a> Pipeline<'a> {
    pub(super) fn new(comm: &'a dyn Communicator, pool: &'a mut Pool) -> Self {
        Pipeline { comm, pool, open: VecDeque::with_capacity(DEPTH), sent: 0 }
    }

    /// Sends a chunk on its way: `bytes` to each partner, which `pack` writes.
    pub(super) fn start(&mut self, partners: &[usize], bytes: usize, mut pack: impl FnMut(usize, &mut Packed)) {
        let mut messages = self.pool.pop().unwrap_or_default();
        messages.resize_with(partners.len(), Message::default);
        for (place, (message, partner)) in messages.iter_mut().zip(partners).enumerate() {
            (message.partner, message.bytes) = (*partner, bytes);
            for buffer in [&mut message.send, &mut message.receive] {
                // Without room for a message this rank cannot go on, and the others wait for it.
                self.fit(buffer, bytes).unwrap_or_else(|error| std::panic::panic_any(error));
            }
            pack(place, &mut message.send);
            self.sent += bytes as u64;
        }
        self.open.push_back(self.comm.start(messages));
    }

    /// Gives a buffer room; one much too large makes way, so that the pool does not grow with every shape it meets.
    fn fit(&self, buffer: &mut Packed, bytes: usize) -> Result<()> {
        if !(bytes..=2 * bytes).contains(&buffer.bytes()) {
            *buffer = Packed::default();
            *buffer = self.comm.buffer(bytes)?;
        }
        Ok(())
    }

    /// Lets the library move what is on its way.
    pub(super) fn progress(&mut self) {
        self.open.iter_mut().for_each(|transfer| {
            transfer.progress();
        });
    }

    /// Waits for the oldest chunk on its way.
    pub(super) fn next(&mut self) -> Option<Vec<Message>> {
        self.open.pop_front().map(Transfer::finish)
    }

    /// Takes the buffers of a chunk back for one that follows.
    pub(super) fn reuse(&mut self, messages: Vec<Message>) {
        self.pool.push(messages);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::Serial;

    #[test]
    fn small_transfers_stay_whole_and_large_ones_are_bounded() {
        assert_eq!(Cut::of(100, 1, Grain::HOST), Cut { least: 1, wanted: 1 });
        assert_eq!(Cut::of(256 << 10, 3, Grain::HOST), Cut { least: 1, wanted: 4 });
        assert_eq!(Cut::of(1 << 20, 1, Grain::HOST), Cut { least: 1, wanted: 8 });
        assert_eq!(Cut::of(1 << 30, 1, Grain::HOST), Cut { least: 256, wanted: 256 });
        assert_eq!(Cut::of(1 << 30, 3, Grain::HOST), Cut { least: 1024, wanted: 1024 });
    }

    #[test]
    fn chunks_come_back_in_order_and_buffers_are_used_again() {
        let mut pool = Pool::new();
        let mut pipeline = Pipeline::new(&Serial, &mut pool);
        let mut addresses = std::collections::BTreeSet::new();
        for chunk in 0..20u8 {
            pipeline.start(&[0], 64, |_, out| out.host_mut().unwrap().fill(chunk));
            if chunk >= 2 {
                pipeline.progress();
                let messages = pipeline.next().unwrap();
                assert_eq!(messages[0].received().unwrap(), [chunk - 2; 64]);
                addresses.insert(messages[0].receive.address());
                pipeline.reuse(messages);
            }
        }
        assert_eq!((addresses.len(), pipeline.sent), (DEPTH, 20 * 64));
    }
}
