//! Exchanges between the memories of the ranks' devices.
//!
//! The verbs of [`DeviceCommunicator`] are those of the host's [`Communicator`]. They belong to the device's communication
//! stream: they begin after what was called on it before, and what is called on it afterwards finds their results. NCCL moves
//! the data itself; where it cannot be had, MPI does, by itself where it knows devices, else through pinned host memory.
//!
//! [`Devices`] is both in one: a host's communicator whose messages may lie on devices. Rows are packed and unpacked on the
//! compute stream and travel on the communication stream; events order the two, so that chunks on their way overlap with
//! the tiles of those that have arrived, and the host waits for neither.

use super::staged::Staged;
use super::{Communicator, Grain, Message, Transfer, agree, bytes_from_root, bytes_of_all, nccl};
use crate::device::cuda::range;
use crate::device::{Clock, Device, Mark, Memory, Packed, Stream};
use crate::error::{Error, Result};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Chooses the transport: `nccl`, `mpi` or `staged`.
pub const TRANSPORT: &str = "RHOSHARD_TRANSPORT";

/// A group of ranks with a device each. Every method is collective but [`DeviceCommunicator::start`], which the partners
/// of the messages call, and [`DeviceCommunicator::abort`].
///
/// # Errors
/// Resource errors of the device or of a link; they may differ between ranks and go through [`agree`].
pub trait DeviceCommunicator {
    /// How data travels, for people.
    fn transport(&self) -> &'static str;
    /// Whether the communication stream itself moves the data, not the host.
    fn on_stream(&self) -> bool;
    /// Replaces `count` numbers in double precision by their sums over the ranks; the same bits on every rank.
    fn sum(&self, address: u64, count: usize) -> Result<()>;
    /// Overwrites bytes by those of rank `root`.
    fn broadcast(&self, address: u64, bytes: usize, root: usize) -> Result<()>;
    /// The `bytes` bytes of all ranks in rank order, at `all` on every rank.
    fn all_gather(&self, own: u64, bytes: usize, all: u64) -> Result<()>;
    /// Starts to swap messages in the memory of the devices with partners, each of which starts the one to this rank; all to
    /// all within a group when every rank names all others. They leave once everything called so far on the communication
    /// stream is done. Two ranks start the transfers between them in the same order and finish them in that order.
    fn start(&self, messages: Vec<Message>) -> Result<Box<dyn Transfer + '_>>;
    /// Waits until everything called on the communication stream is done, or another rank is found to have failed.
    fn synchronize(&self) -> Result<()>;
    /// Ends what is on its way; called by a rank that fails while the others may wait for it.
    fn abort(&self);
}

/// The ranks of a group, whose messages lie in the memory of their devices; everything else they do as hosts.
pub struct Devices {
    hosts: Rc<dyn Communicator>,
    device: Rc<dyn Device>,
    link: Box<dyn DeviceCommunicator>,
    clock: Rc<Clock>,
}

impl Devices {
    /// Connects the devices of a group; the clock takes the times of this rank's. Collective.
    ///
    /// # Errors
    /// As [`connect`].
    pub fn new(hosts: Rc<dyn Communicator>, device: Rc<dyn Device>, clock: Rc<Clock>) -> Result<Devices> {
        let link = connect(hosts.clone(), device.clone())?;
        Ok(Devices { hosts, device, link, clock })
    }

    /// Devices that are connected.
    pub fn over(hosts: Rc<dyn Communicator>, device: Rc<dyn Device>, link: Box<dyn DeviceCommunicator>) -> Devices {
        let clock = Rc::new(Clock::new(device.clone()));
        Devices { hosts, device, link, clock }
    }

    fn try_start(&self, messages: Vec<Message>) -> Result<Timed<'_>> {
        let _range = range(|| format!("{} bytes to partners", messages.iter().map(|one| one.bytes).sum::<usize>()));
        // What is sent has been packed by the compute stream, which has also used what the buffers held before.
        let packed = self.device.record(Stream::Compute)?;
        self.device.wait(Stream::Communication, packed)?;
        let begin = self.clock.mark(Stream::Communication)?;
        let transfer = self.link.start(messages)?;
        let end = self.link.on_stream().then(|| self.clock.mark(Stream::Communication)).transpose()?;
        Ok(Timed { transfer, clock: &self.clock, begin, end })
    }
}

/// A transfer whose time is taken.
struct Timed<'a> {
    transfer: Box<dyn Transfer + 'a>,
    clock: &'a Clock,
    begin: Mark,
    /// Nothing yet where the host moves the data.
    end: Option<Mark>,
}

impl Transfer for Timed<'_> {
    fn progress(&mut self) -> bool {
        self.transfer.progress()
    }

    fn finish(self: Box<Self>) -> Vec<Message> {
        let Timed { transfer, clock, begin, end } = *self;
        let before = done(clock.mark(Stream::Compute));
        let messages = transfer.finish();
        clock.waited(before, done(clock.mark(Stream::Compute)));
        clock.transferred(begin, end.unwrap_or_else(|| done(clock.mark(Stream::Communication))));
        messages
    }
}

impl Communicator for Devices {
    fn rank(&self) -> usize {
        self.hosts.rank()
    }
    fn size(&self) -> usize {
        self.hosts.size()
    }
    fn sum(&self, values: &mut [f64]) {
        self.hosts.sum(values);
    }
    fn maximum(&self, values: &mut [f64]) {
        self.hosts.maximum(values);
    }
    fn broadcast(&self, bytes: &mut [u8], root: usize) {
        self.hosts.broadcast(bytes, root);
    }
    fn gather(&self, bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
        self.hosts.gather(bytes)
    }
    /// Messages in host memory go between the hosts.
    fn start(&self, messages: Vec<Message>) -> Box<dyn Transfer + '_> {
        if !messages.iter().any(|message| matches!(message.send, Packed::Device(_))) {
            return self.hosts.start(messages);
        }
        Box::new(done(self.try_start(messages)))
    }
    fn buffer(&self, bytes: usize) -> Result<Packed> {
        // Lengths change a little from chunk to chunk, and allocating waits for the device.
        Memory::new(self.device.clone(), bytes.next_power_of_two()).map(Packed::Device)
    }
    fn grain(&self) -> Grain {
        // An emulation is tested with small states, which should be cut too.
        if self.device.identity().is_some() { Grain::DEVICE } else { Grain::HOST }
    }
    /// A group of hosts: its devices are not connected.
    fn split(&self, colour: usize) -> Box<dyn Communicator> {
        self.hosts.split(colour)
    }
    fn split_node(&self) -> Box<dyn Communicator> {
        self.hosts.split_node()
    }
}

/// The value; without one the job ends, as other ranks may wait for this one and cannot be told.
pub(super) fn done<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| std::panic::panic_any(error))
}

/// The device communicator of a group: NCCL where every rank has it and a GPU of its own, else MPI where it takes what lies
/// on devices, else MPI through the hosts.
///
/// # Errors
/// Resource error, the same on every rank, when [`TRANSPORT`] demands what cannot be had; input error when it demands
/// something unknown.
pub fn connect(comm: Rc<dyn Communicator>, device: Rc<dyn Device>) -> Result<Box<dyn DeviceCommunicator>> {
    let wanted = bytes_from_root(&*comm, || Ok(std::env::var(TRANSPORT).unwrap_or_default().into_bytes()))?;
    match wanted.as_slice() {
        b"" if comm.size() == 1 => Ok(Box::new(Staged::new(comm, device))),
        b"" => chosen(comm, device),
        b"nccl" => nccl_possible(&*comm, &*device).and_then(|()| nccl::connect(comm, device)),
        b"mpi" => mpi_possible(&*comm, &*device).map(|()| Box::new(Staged::direct(comm, device)) as _),
        b"staged" => Ok(Box::new(Staged::new(comm, device))),
        other => {
            let what = format!("{TRANSPORT} is `{}`", String::from_utf8_lossy(other));
            Err(Error::input(what).allowed("nccl, mpi, staged, or nothing"))
        }
    }
}

/// The best that can be had.
fn chosen(comm: Rc<dyn Communicator>, device: Rc<dyn Device>) -> Result<Box<dyn DeviceCommunicator>> {
    let Err(no_nccl) = nccl_possible(&*comm, &*device) else { return nccl::connect(comm, device) };
    let direct = device.identity().is_some() && mpi_possible(&*comm, &*device).is_ok();
    let link = if direct { Staged::direct(comm, device) } else { Staged::new(comm, device) };
    tracing::info!("devices exchange through {}: {}", link.transport(), no_nccl.what);
    Ok(Box::new(link))
}

/// Whether MPI takes what lies on the device: where it says so, and of an emulation, whose memory is the host's.
fn mpi_possible(comm: &dyn Communicator, device: &dyn Device) -> Result<()> {
    let takes = device.identity().is_none() || comm.takes_device_memory();
    let missing = || Error::resource("the MPI library does not say that it takes what lies in the memory of a GPU");
    agree(comm, takes.then_some(()).ok_or_else(|| missing().next("use one built for CUDA, or the staged transport")))
}

fn nccl_possible(comm: &dyn Communicator, device: &dyn Device) -> Result<()> {
    agree(comm, nccl::available())?;
    one_rank_each(comm, device)
}

/// NCCL refuses ranks that share a GPU.
fn one_rank_each(comm: &dyn Communicator, device: &dyn Device) -> Result<()> {
    let known = device.identity().ok_or_else(|| Error::resource("the device is no GPU"));
    let own = agree(comm, known)?;
    let all = bytes_of_all(comm, &own)?;
    let distinct: BTreeSet<&[u8]> = all.chunks_exact(own.len()).collect();
    if distinct.len() == comm.size() {
        return Ok(());
    }
    Err(Error::resource(format!("{} ranks share {} GPUs", comm.size(), distinct.len()))
        .next("start one rank for each GPU, or leave it to the staged transport"))
}
