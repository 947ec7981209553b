//! Exchanges between devices through host memory and the host's communicator.
//!
//! Used where NCCL is missing or refuses (several ranks on one GPU), and by tests. The device copies through pinned memory
//! of its own; a chunk that travels here does not keep the device from computing.

use super::device::{DeviceCommunicator, DeviceMessage, DeviceTransfer};
use super::{Communicator, Message, Transfer, bytes_of_all};
use crate::device::{Device, Rectangle, Stream};
use crate::error::Result;
use std::cell::RefCell;
use std::rc::Rc;

/// Bytes that the host holds at once for a collective.
const PIECE_BYTES: usize = 16 << 20;

/// The staged transport of one group.
pub struct Staged {
    comm: Rc<dyn Communicator>,
    device: Rc<dyn Device>,
    /// Buffers that are not in use, one entry for each transfer.
    pool: RefCell<Vec<Vec<Message>>>,
}

impl Staged {
    /// For the ranks of a communicator.
    pub fn new(comm: Rc<dyn Communicator>, device: Rc<dyn Device>) -> Staged {
        Staged { comm, device, pool: RefCell::default() }
    }

    fn alone(&self) -> bool {
        self.comm.size() == 1
    }

    fn download(&self, address: u64, bytes: &mut [u8]) -> Result<()> {
        self.device.download(Stream::Communication, address, bytes)
    }

    fn upload(&self, bytes: &[u8], address: u64) -> Result<()> {
        self.device.upload(Stream::Communication, bytes, address)
    }

    /// Buffers for the messages, with what is to be sent.
    fn packed(&self, messages: &[DeviceMessage]) -> Result<Vec<Message>> {
        let mut staged = self.pool.borrow_mut().pop().unwrap_or_default();
        staged.resize_with(messages.len(), Message::default);
        for (message, staged) in messages.iter().zip(&mut staged) {
            staged.partner = message.partner;
            staged.send.resize(message.bytes, 0);
            staged.receive.resize(message.bytes, 0);
            self.download(message.send, &mut staged.send)?;
        }
        Ok(staged)
    }
}

/// Address and length of the pieces of a range of the device's memory.
fn pieces(address: u64, bytes: usize, largest: usize) -> impl Iterator<Item = (u64, usize)> {
    let starts = (0..bytes).step_by(largest.max(1));
    starts.map(move |start| (address + start as u64, largest.min(bytes - start)))
}

impl DeviceCommunicator for Staged {
    fn transport(&self) -> &'static str {
        "host memory and MPI"
    }

    fn sum(&self, address: u64, count: usize) -> Result<()> {
        if self.alone() {
            return Ok(());
        }
        for (at, length) in pieces(address, count * size_of::<f64>(), PIECE_BYTES) {
            let mut bytes = vec![0; length];
            self.download(at, &mut bytes)?;
            let mut values: Vec<f64> = bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
            self.comm.sum(&mut values);
            let summed: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            self.upload(&summed, at)?;
        }
        Ok(())
    }

    fn broadcast(&self, address: u64, bytes: usize, root: usize) -> Result<()> {
        for (at, length) in pieces(address, bytes, PIECE_BYTES).filter(|_| !self.alone()) {
            let mut piece = vec![0; length];
            self.download(at, &mut piece)?;
            self.comm.broadcast(&mut piece, root);
            self.upload(&piece, at)?;
        }
        Ok(())
    }

    fn all_gather(&self, own: u64, bytes: usize, all: u64) -> Result<()> {
        if self.alone() {
            let [from, to] = [own, all].map(|address| Rectangle { address, pitch: bytes });
            return self.device.copy(Stream::Communication, from, to, bytes, 1);
        }
        for (at, length) in pieces(own, bytes, PIECE_BYTES / self.comm.size()) {
            let mut piece = vec![0; length];
            self.download(at, &mut piece)?;
            let gathered = bytes_of_all(&*self.comm, &piece)?;
            for (rank, part) in gathered.chunks_exact(length).enumerate() {
                self.upload(part, all + (rank * bytes) as u64 + (at - own))?;
            }
        }
        Ok(())
    }

    fn start(&self, messages: &[DeviceMessage]) -> Result<Box<dyn DeviceTransfer + '_>> {
        let packed = self.packed(messages)?;
        let to = messages.iter().map(|message| message.receive).collect();
        Ok(Box::new(Flight { staged: self, transfer: self.comm.start(packed), to }))
    }

    fn synchronize(&self) -> Result<()> {
        self.device.synchronize(Stream::Communication)
    }

    /// Nothing: a rank that fails meets the others in the host's `agree`.
    fn abort(&self) {}
}

/// Messages on their way between hosts.
struct Flight<'a> {
    staged: &'a Staged,
    transfer: Box<dyn Transfer + 'a>,
    /// Where on the device what arrives belongs.
    to: Vec<u64>,
}

impl DeviceTransfer for Flight<'_> {
    fn progress(&mut self) -> Result<bool> {
        Ok(self.transfer.progress())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let Flight { staged, transfer, to } = *self;
        let messages = transfer.finish();
        let uploaded = messages.iter().zip(to).try_for_each(|(message, to)| staged.upload(&message.receive, to));
        staged.pool.borrow_mut().push(messages);
        uploaded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_the_range_once() {
        let all = |bytes, largest| pieces(100, bytes, largest).collect::<Vec<_>>();
        assert_eq!(all(10, 4), [(100, 4), (104, 4), (108, 2)]);
        assert_eq!(all(4, 4), [(100, 4)]);
        assert_eq!(all(0, 4), []);
    }
}
