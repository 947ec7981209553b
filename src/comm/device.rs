//! Exchanges between the memories of the ranks' devices.
//!
//! The verbs are those of the host's [`Communicator`] and go by device addresses. They belong to the device's
//! communication stream: they begin after what was called on it before, and what is called on it afterwards finds their
//! results. NCCL moves the data itself; where it cannot be had, the data goes through pinned host memory and MPI.

use super::staged::Staged;
use super::{Communicator, agree, bytes_from_root, bytes_of_all, nccl};
use crate::device::Device;
use crate::error::{Error, Result};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Chooses the transport: `nccl` or `staged`.
pub const TRANSPORT: &str = "RHOSHARD_TRANSPORT";

/// A message to a partner's device, and room for the equally long one that it sends at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceMessage {
    /// Rank of the partner.
    pub partner: usize,
    /// Address of what it is sent; it stays as it is until the transfer has finished.
    pub send: u64,
    /// Address of what arrives from it.
    pub receive: u64,
    /// Bytes each way.
    pub bytes: usize,
}

/// Messages on their way.
pub trait DeviceTransfer {
    /// Lets the library move data; true once the host has nothing left to do but to finish.
    ///
    /// # Errors
    /// Resource error of the device or of a link.
    fn progress(&mut self) -> Result<bool>;
    /// Leaves the rest to the communication stream: what is called on it from now on finds what has arrived.
    ///
    /// # Errors
    /// As [`DeviceTransfer::progress`].
    fn finish(self: Box<Self>) -> Result<()>;
}

/// A group of ranks with a device each. Every method is collective but [`DeviceCommunicator::start`], which the partners
/// of the messages call, and [`DeviceCommunicator::abort`].
///
/// # Errors
/// Resource errors of the device or of a link; they may differ between ranks and go through [`agree`].
pub trait DeviceCommunicator {
    /// How data travels, for people.
    fn transport(&self) -> &'static str;
    /// Replaces `count` numbers in double precision by their sums over the ranks; the same bits on every rank.
    fn sum(&self, address: u64, count: usize) -> Result<()>;
    /// Overwrites bytes by those of rank `root`.
    fn broadcast(&self, address: u64, bytes: usize, root: usize) -> Result<()>;
    /// The `bytes` bytes of all ranks in rank order, at `all` on every rank.
    fn all_gather(&self, own: u64, bytes: usize, all: u64) -> Result<()>;
    /// Starts to swap messages with partners, each of which starts the one to this rank; all to all within a group when
    /// every rank names all others. Two ranks start the transfers between them in the same order.
    fn start(&self, messages: &[DeviceMessage]) -> Result<Box<dyn DeviceTransfer + '_>>;
    /// Waits until everything called on the communication stream is done, or another rank is found to have failed.
    fn synchronize(&self) -> Result<()>;
    /// Ends what is on its way; called by a rank that fails while the others may wait for it.
    fn abort(&self);
}

/// The device communicator of a group: NCCL where every rank has it and a GPU of its own, else through the hosts.
///
/// # Errors
/// Resource error, the same on every rank, when [`TRANSPORT`] demands what cannot be had; input error when it demands
/// something unknown.
pub fn connect(comm: Rc<dyn Communicator>, device: Rc<dyn Device>) -> Result<Box<dyn DeviceCommunicator>> {
    let wanted = bytes_from_root(&*comm, || Ok(std::env::var(TRANSPORT).unwrap_or_default().into_bytes()))?;
    let why = match (wanted.as_slice(), comm.size()) {
        (b"staged", _) => format!("{TRANSPORT}=staged"),
        (b"", 1) => "there is one rank".into(),
        (b"" | b"nccl", _) => match nccl_possible(&*comm, &*device) {
            Ok(()) => return nccl::connect(comm, device),
            Err(error) if wanted == b"nccl" => return Err(error),
            Err(error) => error.what,
        },
        (other, _) => {
            let what = format!("{TRANSPORT} is `{}`", String::from_utf8_lossy(other));
            return Err(Error::input(what).allowed("nccl, staged, or nothing"));
        }
    };
    tracing::info!("devices exchange through host memory and MPI: {why}");
    Ok(Box::new(Staged::new(comm, device)))
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
