//! Messages on their way while the rank computes.

use crate::device::Packed;

/// A message to a partner, and room for the equally long one that the partner sends at the same time.
#[derive(Default)]
pub struct Message {
    /// Rank of the partner.
    pub partner: usize,
    /// Bytes each way, at the front of the buffers.
    pub bytes: usize,
    /// What it is sent.
    pub send: Packed,
    /// What arrives from it, once the transfer has finished.
    pub receive: Packed,
}

impl Message {
    /// What it is sent, in host memory, and room for as much.
    pub fn of(partner: usize, send: Vec<u8>) -> Message {
        let (bytes, receive) = (send.len(), vec![0; send.len()]);
        Message { partner, bytes, send: send.into(), receive: receive.into() }
    }

    /// What has arrived, where the host can read it.
    pub fn received(&self) -> Option<&[u8]> {
        self.receive.host().map(|content| &content[..self.bytes])
    }
}

/// Messages on their way. It owns their buffers until all have left and arrived; dropping it waits for that.
pub trait Transfer {
    /// Lets the library move data; true once all messages have left and arrived.
    fn progress(&mut self) -> bool;
    /// Waits for all messages and gives them back. What has arrived on a device is there for all that is called on its
    /// compute stream from now on; the host need not have waited for it.
    fn finish(self: Box<Self>) -> Vec<Message>;
}

/// How a transfer should be cut so that it pays and can be hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grain {
    /// Bytes one chunk sends to all partners together.
    pub chunk: usize,
    /// A message smaller than this costs more by its latency than it hides.
    pub message: usize,
}

impl Grain {
    /// Between hosts.
    pub const HOST: Grain = Grain { chunk: 4 << 20, message: 64 << 10 };
    /// Between GPUs, whose links reach their speed with large messages only; a small part of a GPU's memory.
    pub const DEVICE: Grain = Grain { chunk: 64 << 20, message: 1 << 20 };
}

/// A transfer that had finished when it began: with oneself.
pub(super) struct Finished(pub(super) Vec<Message>);

impl Transfer for Finished {
    fn progress(&mut self) -> bool {
        true
    }
    fn finish(self: Box<Self>) -> Vec<Message> {
        self.0
    }
}
