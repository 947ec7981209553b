//! Numbered places in the order of streams.
//!
//! Whoever records an event never says that it is done with it. So a fixed number of the driver's events is used in
//! turn, and one is used again only after what it stood for has happened: an event that is too old to be found is over.

use super::failure;
use crate::error::Result;
use cudarc::driver::{DriverError, result, sys};

/// More than are ever awaited at the same time.
const EVENTS: u64 = 1024;

/// The driver's events, by number modulo [`EVENTS`].
pub(super) struct Events {
    events: Vec<sys::CUevent>,
    recorded: u64,
}

impl Events {
    pub(super) fn new() -> Events {
        Events { events: Vec::new(), recorded: 0 }
    }

    /// A number for the place that the stream has come to.
    pub(super) fn record(&mut self, stream: sys::CUstream) -> Result<u64> {
        self.try_record(stream).map_err(|error| failure::driver("recording an event", error))
    }

    fn try_record(&mut self, stream: sys::CUstream) -> std::result::Result<u64, DriverError> {
        let number = self.recorded;
        let event = match self.events.get((number % EVENTS) as usize) {
            Some(event) => {
                // SAFETY: the event is alive. What it stood for is long done, as a rule.
                unsafe { result::event::synchronize(*event)? };
                *event
            }
            None => {
                let event = result::event::create(sys::CUevent_flags::CU_EVENT_DISABLE_TIMING)?;
                self.events.push(event);
                event
            }
        };
        // SAFETY: event and stream are alive.
        unsafe { result::event::record(event, stream)? };
        self.recorded += 1;
        Ok(number)
    }

    /// Makes the stream wait for a recorded place.
    pub(super) fn wait(&self, stream: sys::CUstream, number: u64) -> Result<()> {
        if number + EVENTS < self.recorded {
            return Ok(());
        }
        let event = self.events[(number % EVENTS) as usize];
        let flags = sys::CUevent_wait_flags::CU_EVENT_WAIT_DEFAULT;
        // SAFETY: event and stream are alive.
        let waits = unsafe { result::stream::wait_event(stream, event, flags) };
        waits.map_err(|error| failure::driver("waiting for an event", error))
    }

    /// Whether everything before a recorded place is done.
    pub(super) fn has_passed(&self, number: u64) -> Result<bool> {
        if number + EVENTS < self.recorded {
            return Ok(true);
        }
        // SAFETY: the event is alive.
        match unsafe { sys::cuEventQuery(self.events[(number % EVENTS) as usize]) } {
            sys::CUresult::CUDA_ERROR_NOT_READY => Ok(false),
            answer => answer.result().map(|()| true).map_err(|error| failure::driver("asking for an event", error)),
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        for event in self.events.drain(..) {
            // SAFETY: the event is ours. A failure changes nothing.
            let _ = unsafe { result::event::destroy(event) };
        }
    }
}
