//! Numbered places in the order of streams.
//!
//! Whoever records an event never says that it is done with it. So a fixed number of the driver's events is used in
//! turn, and one is used again only after what it stood for has happened: an event that is too old to be found is over.

use super::failure;
use crate::error::Result;
use cudarc::driver::{DriverError, result, sys};

/// More than are ever awaited at the same time.
const EVENTS: u64 = 1024;
/// More than are ever without a time that was asked for: a step exchanges in at most about a thousand chunks.
const TIMED_EVENTS: u64 = 1 << 16;

/// The driver's events, by number modulo how many there may be.
pub(super) struct Events {
    events: Vec<sys::CUevent>,
    flags: sys::CUevent_flags,
    most: u64,
    recorded: u64,
}

impl Events {
    /// To be waited for.
    pub(super) fn new() -> Events {
        Events::of(sys::CUevent_flags::CU_EVENT_DISABLE_TIMING, EVENTS)
    }

    /// To be timed.
    pub(super) fn timed() -> Events {
        Events::of(sys::CUevent_flags::CU_EVENT_DEFAULT, TIMED_EVENTS)
    }

    fn of(flags: sys::CUevent_flags, most: u64) -> Events {
        Events { events: Vec::new(), flags, most, recorded: 0 }
    }

    fn event(&self, number: u64) -> Option<sys::CUevent> {
        (number + self.most >= self.recorded).then(|| self.events[(number % self.most) as usize])
    }

    /// A number for the place that the stream has come to.
    pub(super) fn record(&mut self, stream: sys::CUstream) -> Result<u64> {
        self.try_record(stream).map_err(|error| failure::driver("recording an event", error))
    }

    fn try_record(&mut self, stream: sys::CUstream) -> std::result::Result<u64, DriverError> {
        let number = self.recorded;
        let event = match self.events.get((number % self.most) as usize) {
            Some(event) => {
                // SAFETY: the event is alive. What it stood for is long done, as a rule.
                unsafe { result::event::synchronize(*event)? };
                *event
            }
            None => {
                let event = result::event::create(self.flags)?;
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
        let Some(event) = self.event(number) else { return Ok(()) };
        let flags = sys::CUevent_wait_flags::CU_EVENT_WAIT_DEFAULT;
        // SAFETY: event and stream are alive.
        let waits = unsafe { result::stream::wait_event(stream, event, flags) };
        waits.map_err(|error| failure::driver("waiting for an event", error))
    }

    /// Whether everything before a recorded place is done.
    pub(super) fn has_passed(&self, number: u64) -> Result<bool> {
        let Some(event) = self.event(number) else { return Ok(true) };
        // SAFETY: the event is alive.
        match unsafe { sys::cuEventQuery(event) } {
            sys::CUresult::CUDA_ERROR_NOT_READY => Ok(false),
            answer => answer.result().map(|()| true).map_err(|error| failure::driver("asking for an event", error)),
        }
    }

    /// Seconds between two recorded places; nothing until both have passed, not a number if one is too old to be found.
    pub(super) fn seconds_between(&self, from: u64, to: u64) -> Result<Option<f64>> {
        let (Some(begin), Some(end)) = (self.event(from), self.event(to)) else { return Ok(Some(f64::NAN)) };
        if !self.has_passed(from)? || !self.has_passed(to)? {
            return Ok(None);
        }
        // SAFETY: both events are alive, timed and over.
        let milliseconds = unsafe { result::event::elapsed(begin, end) };
        let seconds = milliseconds.map(|milliseconds| Some(f64::from(milliseconds) * 1e-3));
        seconds.map_err(|error| failure::driver("asking for a time", error))
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
