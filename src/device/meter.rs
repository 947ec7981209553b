//! What a device spends its time on, call by call: a profile where no profiler is installed.
//!
//! Every kernel, product, copy and clearing stands between two marks of its stream. Calls on one stream do not overlap, so the
//! sum of their times is the time in which the stream was busy; of the time from its first call to the end of its last, the
//! rest are gaps, in which the device waited for the host or for the other stream. The marks themselves cost about a
//! microsecond each.

use super::{Device, Eigenproblem, Event, HermitianProduct, Launch, Mark, Product, Rectangle, Stream};
use crate::error::{Error, Result};
use serde::Serialize;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

/// Calls whose times are asked for together.
const MOST_OPEN: usize = 1 << 13;

/// A device whose calls are timed; writes what it found to a file when it is dropped.
pub struct Meter {
    device: Rc<dyn Device>,
    file: PathBuf,
    open: RefCell<Vec<Call>>,
    /// Where the compute stream's first call began, and its last one ended.
    first: Cell<Option<Mark>>,
    /// Seconds from there to the end of the last call that is accounted for.
    reached: Cell<f64>,
    totals: RefCell<BTreeMap<String, Total>>,
}

struct Call {
    name: String,
    stream: Stream,
    begin: Mark,
    end: Mark,
}

/// All calls of one name.
#[derive(Debug, Clone, Default, Serialize)]
struct Total {
    name: String,
    calls: u64,
    seconds: f64,
    #[serde(skip)]
    computing: bool,
}

/// What is written.
#[derive(Debug, Serialize)]
struct Profile {
    device: String,
    /// From the first call on the compute stream to the end of the last.
    seconds: f64,
    /// In which the compute stream was busy.
    busy: f64,
    /// The part in which it was not.
    gaps: f64,
    /// What took longest first.
    calls: Vec<Total>,
}

impl Meter {
    /// Times the calls of a device.
    pub fn new(device: Rc<dyn Device>, file: PathBuf) -> Meter {
        let (first, reached) = (Cell::new(None), Cell::new(0.0));
        Meter { device, file, open: RefCell::default(), first, reached, totals: RefCell::default() }
    }

    fn timed(&self, stream: Stream, name: &str, call: impl FnOnce() -> Result<()>) -> Result<()> {
        let begin = self.device.mark(stream)?;
        call()?;
        let end = self.device.mark(stream)?;
        if stream == Stream::Compute && self.first.get().is_none() {
            self.first.set(Some(begin));
        }
        self.open.borrow_mut().push(Call { name: name.into(), stream, begin, end });
        if self.open.borrow().len() < MOST_OPEN { Ok(()) } else { self.account() }
    }

    /// Waits for the open calls and adds up their times.
    fn account(&self) -> Result<()> {
        [Stream::Communication, Stream::Compute].into_iter().try_for_each(|stream| self.device.synchronize(stream))?;
        let seconds = |from: Mark, to: Mark| -> Result<f64> {
            self.device
                .seconds_between(from, to)?
                .ok_or_else(|| Error::internal("a stream that was waited for is not done"))
        };
        let mut totals = self.totals.borrow_mut();
        for Call { name, stream, begin, end } in self.open.take() {
            let computing = stream == Stream::Compute;
            if let Some(first) = self.first.get().filter(|_| computing) {
                self.reached.set(seconds(first, end)?);
            }
            let total = totals.entry(name.clone()).or_insert_with(|| Total { name, computing, ..Total::default() });
            total.calls += 1;
            total.seconds += seconds(begin, end)?;
        }
        Ok(())
    }

    fn profile(&self) -> Result<Profile> {
        self.account()?;
        let mut calls: Vec<Total> = self.totals.borrow().values().cloned().collect();
        calls.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
        let busy = calls.iter().filter(|total| total.computing).map(|total| total.seconds).sum::<f64>();
        let seconds = self.reached.get();
        let gaps = if seconds > 0.0 { (1.0 - busy / seconds).max(0.0) } else { 0.0 };
        Ok(Profile { device: self.device.name(), seconds, busy, gaps, calls })
    }

    fn write(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.profile()?);
        let text = text.map_err(|error| Error::internal(format!("the profile has no JSON form: {error}")))?;
        std::fs::write(&self.file, text).map_err(|error| {
            Error::resource(format!("the profile could not be written: {error}")).in_file(self.file.display())
        })
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Err(error) = self.write() {
            tracing::warn!("{error}");
        }
    }
}

impl Device for Meter {
    fn name(&self) -> String {
        self.device.name()
    }
    fn memory(&self) -> Result<(u64, u64)> {
        self.device.memory()
    }
    fn multiprocessors(&self) -> u32 {
        self.device.multiprocessors()
    }
    fn allocate(&self, bytes: usize) -> Result<u64> {
        self.device.allocate(bytes)
    }
    fn release(&self, address: u64) {
        self.device.release(address);
    }
    fn upload(&self, stream: Stream, data: &[u8], to: u64) -> Result<()> {
        self.timed(stream, "upload", || self.device.upload(stream, data, to))
    }
    fn download(&self, stream: Stream, from: u64, data: &mut [u8]) -> Result<()> {
        self.timed(stream, "download", || self.device.download(stream, from, data))
    }
    fn clear(&self, stream: Stream, at: Rectangle, bytes: usize, rows: usize) -> Result<()> {
        self.timed(stream, "clear", || self.device.clear(stream, at, bytes, rows))
    }
    fn copy(&self, stream: Stream, from: Rectangle, to: Rectangle, bytes: usize, rows: usize) -> Result<()> {
        self.timed(stream, "copy", || self.device.copy(stream, from, to, bytes, rows))
    }
    unsafe fn launch(&self, stream: Stream, kernel: &str, launch: Launch, arguments: &[u8]) -> Result<()> {
        // SAFETY: the caller answers for the arguments.
        self.timed(stream, kernel, || unsafe { self.device.launch(stream, kernel, launch, arguments) })
    }
    fn multiply(&self, stream: Stream, product: &Product) -> Result<()> {
        self.timed(stream, "product", || self.device.multiply(stream, product))
    }
    fn multiply_hermitian(&self, stream: Stream, product: &HermitianProduct) -> Result<()> {
        self.timed(stream, "Hermitian product", || self.device.multiply_hermitian(stream, product))
    }
    fn solve(&self, stream: Stream, problem: &Eigenproblem) -> Result<bool> {
        let mut solved = false;
        self.timed(stream, "eigenproblem", || self.device.solve(stream, problem).map(|found| solved = found))?;
        Ok(solved)
    }
    fn synchronize(&self, stream: Stream) -> Result<()> {
        self.device.synchronize(stream)
    }
    fn record(&self, stream: Stream) -> Result<Event> {
        self.device.record(stream)
    }
    fn wait(&self, stream: Stream, event: Event) -> Result<()> {
        self.device.wait(stream, event)
    }
    fn mark(&self, stream: Stream) -> Result<Mark> {
        self.device.mark(stream)
    }
    fn seconds_between(&self, from: Mark, to: Mark) -> Result<Option<f64>> {
        self.device.seconds_between(from, to)
    }
    fn stream_handle(&self, stream: Stream) -> Option<u64> {
        self.device.stream_handle(stream)
    }
    fn identity(&self) -> Option<[u8; 16]> {
        self.device.identity()
    }
    fn growth_unit(&self) -> Option<usize> {
        self.device.growth_unit()
    }
    fn reserve(&self, bytes: usize) -> Result<u64> {
        self.device.reserve(bytes)
    }
    fn extend(&self, address: u64, bytes: usize) -> Result<()> {
        self.device.extend(address, bytes)
    }
    fn allocate_on_host(&self, bytes: usize) -> Result<u64> {
        self.device.allocate_on_host(bytes)
    }
    fn host_memory(&self) -> u64 {
        self.device.host_memory()
    }
    fn has_passed(&self, event: Event) -> Result<bool> {
        self.device.has_passed(event)
    }
    fn is_idle(&self, stream: Stream) -> Result<bool> {
        self.device.is_idle(stream)
    }
}
