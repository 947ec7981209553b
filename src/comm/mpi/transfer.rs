//! Non-blocking messages.
//!
//! rsmpi ties a request to a scope of the stack and to borrowed buffers; a pipeline outlives both. So the requests are
//! raw here, and safe because the object that holds them owns the buffers and gives them up only when all are done.

use super::LARGEST_MESSAGE;
use crate::comm::waiting::counted;
use crate::comm::{Message, Transfer};
use ::mpi::ffi;
use ::mpi::topology::SimpleCommunicator;
use ::mpi::traits::AsRaw;
use std::marker::PhantomData;

/// The tag of all messages; a pair of ranks starts its transfers in the same order, which MPI keeps.
const TAG: i32 = 1;

/// Requests that are open, and the buffers they use.
pub(super) struct Requests<'a> {
    requests: Vec<ffi::MPI_Request>,
    messages: Vec<Message>,
    _communicator: PhantomData<&'a SimpleCommunicator>,
}

impl<'a> Requests<'a> {
    /// Posts all receives before the sends, so that what arrives has a place to go to.
    pub(super) fn start(communicator: &'a SimpleCommunicator, messages: Vec<Message>) -> Requests<'a> {
        let mut open = Requests { requests: Vec::new(), messages, _communicator: PhantomData };
        let communicator = communicator.as_raw();
        for Message { partner, bytes, send, receive } in &mut open.messages {
            assert!(send.bytes().min(receive.bytes()) >= *bytes, "buffers hold their message");
            let pieces = pieces(receive.address_mut(), *bytes);
            open.requests.extend(pieces.map(|piece| post_receive(communicator, *partner as i32, piece)));
        }
        for Message { partner, bytes, send, .. } in &open.messages {
            let pieces = pieces(send.address(), *bytes);
            open.requests.extend(pieces.map(|piece| post_send(communicator, *partner as i32, piece)));
        }
        open
    }

    fn wait(&mut self) {
        let count = self.requests.len() as i32;
        let requests = self.requests.as_mut_ptr();
        // SAFETY: the requests were made by MPI on this thread and their buffers are alive: `messages` owns them.
        counted(|| unsafe { ffi::MPI_Waitall(count, requests, ffi::RSMPI_STATUSES_IGNORE) });
        self.requests.clear();
    }
}

/// Address and length of the pieces of a message that the library takes at once.
fn pieces(address: u64, bytes: usize) -> impl Iterator<Item = (u64, i32)> {
    let starts = (0..bytes).step_by(LARGEST_MESSAGE);
    starts.map(move |start| (address + start as u64, (bytes - start).min(LARGEST_MESSAGE) as i32))
}

fn post_receive(communicator: ffi::MPI_Comm, partner: i32, (address, length): (u64, i32)) -> ffi::MPI_Request {
    let start = std::ptr::with_exposed_provenance_mut(address as usize);
    // SAFETY: a constant of the library, which is initialised.
    let mut request = unsafe { ffi::RSMPI_REQUEST_NULL };
    // SAFETY: the piece lies in a buffer of `Requests`, which neither touches nor frees it before the request is done.
    unsafe { ffi::MPI_Irecv(start, length, ffi::RSMPI_UINT8_T, partner, TAG, communicator, &mut request) };
    request
}

fn post_send(communicator: ffi::MPI_Comm, partner: i32, (address, length): (u64, i32)) -> ffi::MPI_Request {
    let start = std::ptr::with_exposed_provenance(address as usize);
    // SAFETY: a constant of the library, which is initialised.
    let mut request = unsafe { ffi::RSMPI_REQUEST_NULL };
    // SAFETY: the piece lies in a buffer of `Requests`, which neither touches nor frees it before the request is done.
    unsafe { ffi::MPI_Isend(start, length, ffi::RSMPI_UINT8_T, partner, TAG, communicator, &mut request) };
    request
}

impl Transfer for Requests<'_> {
    fn progress(&mut self) -> bool {
        let (count, mut done) = (self.requests.len() as i32, 0);
        let requests = self.requests.as_mut_ptr();
        // SAFETY: as for `MPI_Waitall` above.
        counted(|| unsafe { ffi::MPI_Testall(count, requests, &mut done, ffi::RSMPI_STATUSES_IGNORE) });
        if done != 0 {
            self.requests.clear();
        }
        done != 0
    }

    fn finish(mut self: Box<Self>) -> Vec<Message> {
        self.wait();
        std::mem::take(&mut self.messages)
    }
}

impl Drop for Requests<'_> {
    fn drop(&mut self) {
        if !self.requests.is_empty() {
            self.wait();
        }
    }
}
