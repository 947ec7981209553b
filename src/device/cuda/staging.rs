//! Pinned host memory on the way to the device and back.
//!
//! Copies from and to ordinary memory are slow and wait; those from and to pinned memory run at the link's speed beside
//! everything else. The driver sees by the addresses which way a copy goes: a shard may lie in the host's memory too. A few
//! segments are used in turn, each again once its copies are done.

use super::failure;
use crate::error::Result;
use cudarc::driver::{DriverError, result, sys};
use std::collections::VecDeque;
use std::ptr;

/// Large enough for the full speed of the link.
const SEGMENT_BYTES: usize = 4 << 20;
/// One is filled and one is read by the host while others are copied.
const SEGMENTS: usize = 4;
/// Downloads on their way at once; fewer than there are segments, so that none is used again before it is read.
const DOWNLOADS: usize = 2;

/// The segments of one stream.
pub(super) struct Staging {
    stream: sys::CUstream,
    segments: Vec<Segment>,
    current: usize,
    /// Bytes of the current segment that are taken.
    taken: usize,
}

struct Segment {
    address: *mut u8,
    /// Recorded behind its last copy.
    done: sys::CUevent,
}

impl Staging {
    /// For copies on the stream.
    pub(super) fn new(stream: sys::CUstream) -> Result<Staging> {
        let mut staging = Staging { stream, segments: Vec::new(), current: 0, taken: 0 };
        for _ in 0..SEGMENTS {
            let segment = Segment::new().map_err(|error| failure::driver("allocating pinned host memory", error))?;
            staging.segments.push(segment);
        }
        Ok(staging)
    }

    /// Copies `data` to the device; it may change once this returns.
    pub(super) fn upload(&mut self, data: &[u8], to: u64) -> Result<()> {
        let mut sent = 0;
        while sent < data.len() {
            if self.taken == SEGMENT_BYTES {
                self.next().map_err(|error| failure::driver("an upload", error))?;
            }
            let piece = &data[sent..data.len().min(sent + SEGMENT_BYTES - self.taken)];
            self.upload_piece(piece, to + sent as u64).map_err(|error| failure::driver("an upload", error))?;
            sent += piece.len();
        }
        Ok(())
    }

    /// Starts the copy of what fits into the current segment.
    fn upload_piece(&mut self, piece: &[u8], to: u64) -> std::result::Result<(), DriverError> {
        // SAFETY: the piece fits behind what is taken, whose copies may still run; the device's memory is the caller's.
        unsafe {
            let staged = self.segments[self.current].address.add(self.taken);
            ptr::copy_nonoverlapping(piece.as_ptr(), staged, piece.len());
            sys::cuMemcpyAsync(to, staged as u64, piece.len(), self.stream).result()?;
        }
        // Pieces begin at addresses that suit the copy engine.
        self.taken = (self.taken + piece.len()).next_multiple_of(256).min(SEGMENT_BYTES);
        Ok(())
    }

    /// Copies from the device, behind what the stream has to do before, and waits.
    pub(super) fn download(&mut self, from: u64, data: &mut [u8]) -> Result<()> {
        self.try_download(from, data).map_err(|error| failure::driver("a download", error))
    }

    fn try_download(&mut self, from: u64, data: &mut [u8]) -> std::result::Result<(), DriverError> {
        let mut open = VecDeque::new();
        for (place, piece) in data.chunks_mut(SEGMENT_BYTES).enumerate() {
            let segment = self.next()?;
            // Nothing else fits into it until the next one.
            self.taken = SEGMENT_BYTES;
            let from = from + (place * SEGMENT_BYTES) as u64;
            let staged = self.segments[segment].address;
            // SAFETY: the piece is no longer than a segment, which nothing uses now; the device's memory is the caller's.
            unsafe { sys::cuMemcpyAsync(staged as u64, from, piece.len(), self.stream).result()? };
            self.segments[segment].record(self.stream)?;
            open.push_back((segment, piece));
            if open.len() == DOWNLOADS {
                self.read(open.pop_front())?;
            }
        }
        open.into_iter().try_for_each(|piece| self.read(Some(piece)))
    }

    /// Waits for a piece and hands it over.
    fn read(&self, piece: Option<(usize, &mut [u8])>) -> std::result::Result<(), DriverError> {
        let Some((segment, data)) = piece else { return Ok(()) };
        let segment = &self.segments[segment];
        segment.wait()?;
        // SAFETY: the copy into the segment is done, and nothing else writes to it.
        unsafe { ptr::copy_nonoverlapping(segment.address, data.as_mut_ptr(), data.len()) };
        Ok(())
    }

    /// Closes the current segment and takes the next one, once its copies are done.
    fn next(&mut self) -> std::result::Result<usize, DriverError> {
        self.segments[self.current].record(self.stream)?;
        self.current = (self.current + 1) % self.segments.len();
        self.taken = 0;
        self.segments[self.current].wait()?;
        Ok(self.current)
    }
}

impl Segment {
    fn new() -> std::result::Result<Segment, DriverError> {
        let done = result::event::create(sys::CUevent_flags::CU_EVENT_DISABLE_TIMING)?;
        // SAFETY: the memory is given back by `drop`; the flags ask for nothing special.
        let address = unsafe { result::malloc_host(SEGMENT_BYTES, 0) };
        match address {
            Ok(address) => Ok(Segment { address: address.cast(), done }),
            Err(error) => {
                // SAFETY: the event is ours and has never been recorded.
                let _ = unsafe { result::event::destroy(done) };
                Err(error)
            }
        }
    }

    fn record(&self, stream: sys::CUstream) -> std::result::Result<(), DriverError> {
        // SAFETY: event and stream are alive.
        unsafe { result::event::record(self.done, stream) }
    }

    /// Until its copies are done; at once if there never were any.
    fn wait(&self) -> std::result::Result<(), DriverError> {
        // SAFETY: the event is alive.
        unsafe { result::event::synchronize(self.done) }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: both are ours; the device waits for its streams before it drops what they use. Failures change nothing.
        unsafe {
            let _ = result::event::destroy(self.done);
            let _ = result::free_host(self.address.cast());
        }
    }
}
