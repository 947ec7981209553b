//! Host communicators: the only place that knows ranks.
//!
//! Code above calls the same verbs on one rank or on many; serial is rank 0 of 1 on the same path. A failure on one
//! rank is turned into the same error on all of them by [`agree`], so no rank leaves a collective alone; a panic
//! ends the whole job ([`start`] installs the hook), with the error's own words and exit code if it carries one.

pub mod device;
pub mod grid;
mod launcher;
#[cfg(feature = "mpi")]
mod mpi;
#[cfg(not(feature = "mpi"))]
#[path = "comm/mpi_absent.rs"]
mod mpi;
#[cfg(feature = "cuda")]
mod nccl;
#[cfg(not(feature = "cuda"))]
#[path = "comm/nccl_absent.rs"]
mod nccl;
pub mod node;
mod panics;
mod serial;
pub mod staged;
mod transfer;
mod waiting;

use crate::device::Packed;
use crate::error::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::mpi::{build_description, library_version};
pub use panics::{caught, contained};
pub use serial::Serial;
pub use transfer::{Grain, Message, Transfer};
pub use waiting::waited;

/// A group of ranks and the exchanges among them. Every method that moves data is collective over the group, except
/// [`Communicator::start`], which both partners of a message call. Only the thread that started the program calls any.
pub trait Communicator {
    /// This rank, from 0.
    fn rank(&self) -> usize;
    /// Number of ranks.
    fn size(&self) -> usize;
    /// Replaces each value by its sum over the ranks; the same bits on every rank.
    fn sum(&self, values: &mut [f64]);
    /// Replaces each value by its maximum over the ranks.
    fn maximum(&self, values: &mut [f64]);
    /// Overwrites the bytes, of equal length everywhere, by those of rank `root`.
    fn broadcast(&self, bytes: &mut [u8], root: usize);
    /// The bytes of all ranks in rank order, on rank 0; nothing on the others.
    fn gather(&self, bytes: &[u8]) -> Option<Vec<Vec<u8>>>;
    /// Starts to swap equally long messages with partners. Two ranks start the transfers between them in the same
    /// order; transfers in host memory may finish in any, those on devices in that order.
    fn start(&self, messages: Vec<Message>) -> Box<dyn Transfer + '_>;
    /// A buffer where messages should lie.
    ///
    /// # Errors
    /// Resource error when the memory is not to be had.
    fn buffer(&self, bytes: usize) -> Result<Packed> {
        Ok(vec![0; bytes].into())
    }
    /// How transfers should be cut; the same on every rank.
    fn grain(&self) -> Grain {
        Grain::HOST
    }
    /// Whether messages may lie in the memory of a GPU, without [`device::Devices`].
    fn takes_device_memory(&self) -> bool {
        false
    }
    /// The ranks that pass the same colour, in rank order, as a group of their own.
    fn split(&self, colour: usize) -> Box<dyn Communicator>;
    /// The ranks that share this node's memory.
    fn split_node(&self) -> Box<dyn Communicator>;
}

/// The communicator of the whole program, started once.
pub struct World {
    communicator: Box<dyn Communicator>,
    /// Keeps the library alive; finalises it when dropped. None where it was not started.
    _library: Option<mpi::Library>,
}

impl World {
    /// All ranks.
    pub fn communicator(&self) -> &dyn Communicator {
        &*self.communicator
    }
}

/// Starts the library, makes a panic on any rank end the whole job, and checks that the launcher started one job and
/// not many independent ones.
///
/// # Errors
/// Resource error when the number of ranks differs from what the launcher announced.
pub fn start() -> Result<World> {
    let (library, communicator) = mpi::start()?;
    launcher::check(communicator.size(), |name| std::env::var(name).ok())?;
    Ok(World { communicator, _library: Some(library) })
}

/// One rank without the library, for a command that starts ranks itself: what launches them from a program that the library
/// runs in would take them for parts of that.
///
/// # Errors
/// Input error when a launcher has started this program.
pub fn start_alone() -> Result<World> {
    launcher::check_absent(|name| std::env::var(name).ok())?;
    Ok(World { communicator: Box::new(Serial), _library: None })
}

/// True on the rank that speaks for all: the one that logs and shows progress.
pub fn speaks(comm: &dyn Communicator) -> bool {
    comm.rank() == 0
}

/// Sends one rank's bytes, of any length, to all.
fn broadcast_vector(comm: &dyn Communicator, bytes: Vec<u8>, root: usize) -> Vec<u8> {
    let mut length = (bytes.len() as u64).to_le_bytes();
    comm.broadcast(&mut length, root);
    let mut bytes = bytes;
    bytes.resize(u64::from_le_bytes(length) as usize, 0);
    comm.broadcast(&mut bytes, root);
    bytes
}

/// Runs `action` on the root rank alone and gives its result, or its error, to all ranks.
pub fn on_root<T: Serialize + DeserializeOwned>(
    comm: &dyn Communicator,
    action: impl FnOnce() -> Result<T>,
) -> Result<T> {
    if comm.size() == 1 {
        return action();
    }
    let sent = if comm.rank() == 0 { encode(&action()) } else { Vec::new() };
    decode(&broadcast_vector(comm, sent, 0))?
}

/// Reads bytes on the root rank and gives them to all: [`on_root`] without the cost of encoding.
pub fn bytes_from_root(comm: &dyn Communicator, read: impl FnOnce() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    on_root(comm, || read().map(|content| bytes = content))?;
    Ok(broadcast_vector(comm, bytes, 0))
}

/// The equally long bytes of all ranks in rank order, on every rank.
pub(crate) fn bytes_of_all(comm: &dyn Communicator, own: &[u8]) -> Result<Vec<u8>> {
    let parts = comm.gather(own);
    bytes_from_root(comm, || Ok(parts.unwrap_or_default().concat()))
}

/// Runs `action` on the root rank alone; its value stays there, its error goes to all ranks.
pub fn keep_on_root<T>(comm: &dyn Communicator, action: impl FnOnce() -> Result<T>) -> Result<Option<T>> {
    agree(comm, (comm.rank() == 0).then(action).transpose())
}

/// The value, if every rank succeeded; else the same error on every rank: that of the lowest failing rank, with the
/// ranks named when there are several.
pub fn agree<T>(comm: &dyn Communicator, result: Result<T>) -> Result<T> {
    if comm.size() == 1 {
        return result;
    }
    let mut failed = vec![0.0; comm.size()];
    failed[comm.rank()] = f64::from(u8::from(result.is_err()));
    comm.sum(&mut failed);
    let ranks: Vec<usize> = (0..comm.size()).filter(|rank| failed[*rank] > 0.0).collect();
    let Some(&first) = ranks.first() else { return result };
    let own = result.err().map(|error| encode(&error)).unwrap_or_default();
    let error: Error = decode(&broadcast_vector(comm, own, first))?;
    Err(name_ranks(error, &ranks, comm.size()))
}

fn name_ranks(mut error: Error, ranks: &[usize], size: usize) -> Error {
    if ranks.len() < size {
        let names: Vec<String> = ranks.iter().map(usize::to_string).collect();
        error.what = format!("{} (on rank {} of {size})", error.what, names.join(", "));
    }
    error
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data encodes")
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::internal(format!("a message between ranks could not be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_rank_keeps_its_own_result() {
        let comm = Serial;
        assert_eq!(on_root(&comm, || Ok(7)).unwrap(), 7);
        assert_eq!(bytes_from_root(&comm, || Ok(vec![1, 2])).unwrap(), [1, 2]);
        let error = agree::<()>(&comm, Err(Error::input("bad"))).unwrap_err();
        assert_eq!(error.what, "bad");
    }

    #[test]
    fn failing_ranks_are_named_unless_all_failed() {
        let named = name_ranks(Error::resource("no memory"), &[1, 3], 4);
        assert_eq!(named.what, "no memory (on rank 1, 3 of 4)");
        assert_eq!(name_ranks(Error::input("bad"), &[0, 1], 2).what, "bad");
    }
}
