//! Exchanges between GPUs by NCCL, each rank with a GPU of its own.
//!
//! NCCL puts everything on the communication stream and returns; the host waits only in [`DeviceCommunicator::synchronize`],
//! where it also looks for failures of other ranks. After a failure the communicator is aborted, which ends what its ranks
//! wait for.

mod functions;

use super::device::{DeviceCommunicator, done};
use super::{Communicator, Message, Transfer, agree, bytes_from_root};
use crate::device::cuda::libraries::NCCL;
use crate::device::{Device, Event, Stream};
use crate::error::{Error, Result};
use functions::{Connection, DOUBLES, Functions, IN_PROGRESS, SUCCESS, SUM, UniqueId};
use std::cell::Cell;
use std::ptr;
use std::rc::Rc;
use std::time::Duration;

/// Between two looks for failures while the host waits.
const LOOK: Duration = Duration::from_micros(20);

/// Whether NCCL can be used.
pub(super) fn available() -> Result<()> {
    NCCL.load().map(|_| ())
}

/// Connects the devices of a group. Collective; every rank has found NCCL.
pub(super) fn connect(comm: Rc<dyn Communicator>, device: Rc<dyn Device>) -> Result<Box<dyn DeviceCommunicator>> {
    let functions = agree(&*comm, Functions::load())?;
    let id = bytes_from_root(&*comm, || functions.unique_id().map(Vec::from))?;
    let id: UniqueId = id.try_into().map_err(|_| Error::internal("the id of the group was cut"))?;
    let stream = device.stream_handle(Stream::Communication);
    let stream = agree(&*comm, stream.ok_or_else(|| Error::internal("NCCL takes the stream of a GPU")))?;
    let connection = functions.connect(id, comm.rank(), comm.size());
    let connection = agree(&*comm, connection)?;
    let ranks = comm.size();
    Ok(Box::new(Nccl {
        functions,
        device,
        connection: Cell::new(connection),
        stream: ptr::with_exposed_provenance_mut(stream as usize),
        ranks,
    }))
}

/// NCCL among the ranks of one group.
struct Nccl {
    functions: Functions,
    device: Rc<dyn Device>,
    /// Null once it is aborted.
    connection: Cell<Connection>,
    stream: functions::CudaStream,
    ranks: usize,
}

impl Nccl {
    fn connection(&self) -> Result<Connection> {
        let connection = self.connection.get();
        if connection.is_null() {
            return Err(Error::resource("the GPUs are not connected any more: a rank has failed"));
        }
        Ok(connection)
    }

    /// What NCCL answered to a call, in words; a failure ends the connection, because other ranks may wait for it.
    fn checked(&self, action: &str, status: i32) -> Result<()> {
        if matches!(status, SUCCESS | IN_PROGRESS) {
            return Ok(());
        }
        let error = self.functions.explain(action, status, self.connection.get());
        self.abort();
        Err(error)
    }

    /// The sends and receives of all messages, which start together.
    fn swap(&self, messages: &[Message]) -> Result<()> {
        let connection = self.connection()?;
        // SAFETY: NCCL is loaded.
        self.checked("starting an exchange", unsafe { (self.functions.group_start)() })?;
        let mut status = SUCCESS;
        for message in messages {
            let (to, bytes) = (message.partner as i32, message.bytes);
            // SAFETY: the connection lives, and the buffers hold so many bytes of the device's memory.
            status = status.max(unsafe {
                let (from, into) = (message.send.address() as *const _, message.receive.address() as *mut _);
                let sent = (self.functions.send)(from, bytes, functions::BYTES, to, connection, self.stream);
                sent.max((self.functions.receive)(into, bytes, functions::BYTES, to, connection, self.stream))
            });
        }
        // The group is ended whatever became of its calls; else every later one would belong to it.
        // SAFETY: NCCL is loaded.
        let ended = unsafe { (self.functions.group_end)() };
        self.checked("an exchange between GPUs", if status == SUCCESS { ended } else { status })
    }
}

impl DeviceCommunicator for Nccl {
    fn transport(&self) -> &'static str {
        "NCCL"
    }

    fn on_stream(&self) -> bool {
        true
    }

    fn sum(&self, address: u64, count: usize) -> Result<()> {
        let connection = self.connection()?;
        // SAFETY: the connection lives, and the caller's address holds so many numbers of the device's memory.
        let status = unsafe {
            (self.functions.all_reduce)(
                address as *const _,
                address as *mut _,
                count,
                DOUBLES,
                SUM,
                connection,
                self.stream,
            )
        };
        self.checked(&format!("the sum of {count} numbers over {} GPUs", self.ranks), status)
    }

    fn broadcast(&self, address: u64, bytes: usize, root: usize) -> Result<()> {
        let connection = self.connection()?;
        let (from, to, root) = (address as *const _, address as *mut _, root as i32);
        // SAFETY: as in `sum`.
        let status =
            unsafe { (self.functions.broadcast)(from, to, bytes, functions::BYTES, root, connection, self.stream) };
        self.checked(&format!("a broadcast of {bytes} bytes between GPUs"), status)
    }

    fn all_gather(&self, own: u64, bytes: usize, all: u64) -> Result<()> {
        let connection = self.connection()?;
        // SAFETY: as in `sum`; `all` holds the bytes of every rank.
        let status = unsafe {
            (self.functions.all_gather)(
                own as *const _,
                all as *mut _,
                bytes,
                functions::BYTES,
                connection,
                self.stream,
            )
        };
        self.checked(&format!("gathering {bytes} bytes of every GPU"), status)
    }

    fn start(&self, messages: Vec<Message>) -> Result<Box<dyn Transfer + '_>> {
        self.swap(&messages)?;
        let arrived = self.device.record(Stream::Communication)?;
        Ok(Box::new(OnStream { device: &*self.device, arrived, messages }))
    }

    fn synchronize(&self) -> Result<()> {
        while !self.device.is_idle(Stream::Communication)? {
            let mut status = SUCCESS;
            // SAFETY: the connection lives, and the place may be written.
            let asked = unsafe { (self.functions.async_error)(self.connection()?, &mut status) };
            self.checked("an exchange between GPUs", asked.max(status))?;
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn abort(&self) {
        let connection = self.connection.replace(ptr::null_mut());
        if !connection.is_null() {
            // SAFETY: the connection lives, and nobody uses it afterwards. There is nothing to do about a failure.
            unsafe { (self.functions.abort)(connection) };
        }
    }
}

impl Drop for Nccl {
    fn drop(&mut self) {
        // Waiting in vain for ranks that have failed would be worse than leaving what is on its way.
        if self.device.is_idle(Stream::Communication).is_ok_and(|idle| idle) && !std::thread::panicking() {
            let connection = self.connection.replace(ptr::null_mut());
            if !connection.is_null() {
                // SAFETY: the connection lives, and nobody uses it afterwards.
                unsafe { (self.functions.destroy)(connection) };
            }
        }
        self.abort();
    }
}

/// Messages that the communication stream takes care of.
struct OnStream<'a> {
    device: &'a dyn Device,
    arrived: Event,
    messages: Vec<Message>,
}

impl Transfer for OnStream<'_> {
    fn progress(&mut self) -> bool {
        done(self.device.has_passed(self.arrived))
    }

    /// The compute stream waits for them, the host does not.
    fn finish(self: Box<Self>) -> Vec<Message> {
        done(self.device.wait(Stream::Compute, self.arrived));
        self.messages
    }
}
