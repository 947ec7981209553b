//! Exchanges between devices by the host's communicator: through pinned host memory, or, where MPI takes what lies on
//! devices, without.
//!
//! Used where NCCL is missing or refuses (several ranks on one GPU), and by tests. What a transfer sends is copied to the
//! host by the communication stream, and goes to MPI once it is there; whoever waits for one transfer, or lets it make
//! progress, never waits for the compute stream. What has arrived is copied back by the communication stream, and the
//! compute stream waits for that, not the host.

use super::device::{DeviceCommunicator, done};
use super::{Communicator, Message, Transfer, bytes_of_all};
use crate::device::{Device, Event, Packed, PinnedMemory, Rectangle, Stream};
use crate::error::Result;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Bytes that the host holds at once for a collective.
const PIECE_BYTES: usize = 16 << 20;

/// The transport of one group.
pub struct Staged {
    comm: Rc<dyn Communicator>,
    device: Rc<dyn Device>,
    /// Whether MPI takes what lies on devices.
    direct: bool,
    /// Pinned buffers that are not in use, one entry for each transfer.
    pool: RefCell<Vec<Vec<Message>>>,
    /// Transfers that were called for, and those of them that MPI has.
    called: Cell<u64>,
    sent: Cell<u64>,
}

impl Staged {
    /// For the ranks of a communicator, through pinned host memory.
    pub fn new(comm: Rc<dyn Communicator>, device: Rc<dyn Device>) -> Staged {
        let (called, sent) = (Cell::new(0), Cell::new(0));
        Staged { comm, device, direct: false, pool: RefCell::default(), called, sent }
    }

    /// As [`Staged::new`], but MPI takes the messages where they lie.
    pub fn direct(comm: Rc<dyn Communicator>, device: Rc<dyn Device>) -> Staged {
        Staged { direct: true, ..Staged::new(comm, device) }
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

    /// Pinned buffers for the messages, with the copies of what is to be sent on their way to them.
    fn staged(&self, messages: &[Message]) -> Result<Vec<Message>> {
        let mut staged = self.pool.borrow_mut().pop().unwrap_or_default();
        staged.resize_with(messages.len(), Message::default);
        for (message, staged) in messages.iter().zip(&mut staged) {
            (staged.partner, staged.bytes) = (message.partner, message.bytes);
            self.fit(&mut staged.send, message.bytes)?;
            self.fit(&mut staged.receive, message.bytes)?;
            self.copy(&message.send, &staged.send, message.bytes)?;
        }
        Ok(staged)
    }

    fn fit(&self, buffer: &mut Packed, bytes: usize) -> Result<()> {
        if !matches!(buffer, Packed::Pinned(memory) if memory.bytes() >= bytes) {
            *buffer = Packed::Pinned(PinnedMemory::new(self.device.clone(), bytes)?);
        }
        Ok(())
    }

    fn copy(&self, from: &Packed, to: &Packed, bytes: usize) -> Result<()> {
        let [from, to] = [from, to].map(|buffer| Rectangle { address: buffer.address(), pitch: bytes });
        self.device.copy(Stream::Communication, from, to, bytes, 1)
    }
}

/// Address and length of the pieces of a range of the device's memory.
fn pieces(address: u64, bytes: usize, largest: usize) -> impl Iterator<Item = (u64, usize)> {
    let starts = (0..bytes).step_by(largest.max(1));
    starts.map(move |start| (address + start as u64, largest.min(bytes - start)))
}

impl DeviceCommunicator for Staged {
    fn transport(&self) -> &'static str {
        if self.direct { "MPI" } else { "host memory and MPI" }
    }

    fn on_stream(&self) -> bool {
        false
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

    fn start(&self, messages: Vec<Message>) -> Result<Box<dyn Transfer + '_>> {
        let (sent, kept) = if self.direct { (messages, Vec::new()) } else { (self.staged(&messages)?, messages) };
        let ready = self.device.record(Stream::Communication)?;
        let number = self.called.replace(self.called.get() + 1);
        Ok(Box::new(Flight { staged: self, number, ready, stage: Stage::Copying(sent), kept }))
    }

    fn synchronize(&self) -> Result<()> {
        self.device.synchronize(Stream::Communication)
    }

    /// Nothing: a rank that fails meets the others in the host's `agree`.
    fn abort(&self) {}
}

/// How far a transfer is.
enum Stage<'a> {
    /// What it sends may not be ready yet.
    Copying(Vec<Message>),
    /// MPI has it.
    Travelling(Box<dyn Transfer + 'a>),
}

/// Messages on their way.
struct Flight<'a> {
    staged: &'a Staged,
    number: u64,
    /// When what is sent is where MPI takes it from.
    ready: Event,
    stage: Stage<'a>,
    /// The buffers on the device, unless MPI has them.
    kept: Vec<Message>,
}

impl Flight<'_> {
    /// Hands the messages to MPI if they are ready and all transfers before are there.
    fn send(&mut self) {
        let Stage::Copying(messages) = &mut self.stage else { return };
        let staged = self.staged;
        if staged.sent.get() == self.number && done(staged.device.has_passed(self.ready)) {
            staged.sent.set(self.number + 1);
            self.stage = Stage::Travelling(staged.comm.start(std::mem::take(messages)));
        }
    }

    /// Copies what has arrived to the device.
    fn unload(&self, arrived: &[Message]) -> Result<()> {
        let mut pairs = arrived.iter().zip(&self.kept);
        pairs.try_for_each(|(from, to)| self.staged.copy(&from.receive, &to.receive, from.bytes))
    }
}

impl Transfer for Flight<'_> {
    fn progress(&mut self) -> bool {
        self.send();
        match &mut self.stage {
            Stage::Copying(_) => false,
            Stage::Travelling(transfer) => transfer.progress(),
        }
    }

    fn finish(mut self: Box<Self>) -> Vec<Message> {
        let staged = self.staged;
        assert!(staged.sent.get() >= self.number, "transfers finish in the order in which they were started");
        while matches!(self.stage, Stage::Copying(_)) {
            self.send();
            std::thread::yield_now();
        }
        let Stage::Travelling(transfer) = std::mem::replace(&mut self.stage, Stage::Copying(Vec::new())) else {
            unreachable!("the messages were sent");
        };
        let arrived = transfer.finish();
        if staged.direct {
            return arrived;
        }
        done(self.unload(&arrived));
        let device = &staged.device;
        done(device.record(Stream::Communication).and_then(|there| device.wait(Stream::Compute, there)));
        staged.pool.borrow_mut().push(arrived);
        std::mem::take(&mut self.kept)
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
