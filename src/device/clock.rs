//! How long a device's two streams were busy, and how much of the communication was hidden.
//!
//! Marks in the streams stand around every transfer and around every place where the compute stream waits for one; the time
//! between two of them is known once both have passed, so that nothing here makes the host wait before the end. A lap is
//! what is called between two calls of [`Clock::lap`]; of each,
//!
//! - communication is the time in which at least one transfer was on its way,
//! - waiting is the part of it in which the compute stream stood still for what had not arrived,
//! - computing is the rest of the compute stream's time, gaps between its kernels included.
//!
//! The overlap achieved is `1 - waiting / communication`: 1 where all communication was hidden behind computing.

use super::{Device, Mark, Stream};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// Laps that may be left open; the host waits for the oldest where there are more.
const MOST_OPEN: usize = 256;

/// Seconds of one lap.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct StreamTimes {
    /// The compute stream's, without its waiting.
    pub compute: f64,
    /// With a transfer on its way.
    pub communication: f64,
    /// The compute stream's, waiting for transfers.
    pub waiting: f64,
}

impl StreamTimes {
    /// The part of the communication that was hidden, from 0 to 1; not a number where there was none.
    pub fn overlap(&self) -> f64 {
        if self.communication > 0.0 { (1.0 - self.waiting / self.communication).clamp(0.0, 1.0) } else { f64::NAN }
    }
}

impl std::ops::AddAssign for StreamTimes {
    fn add_assign(&mut self, other: StreamTimes) {
        self.compute += other.compute;
        self.communication += other.communication;
        self.waiting += other.waiting;
    }
}

/// The marks of a lap.
struct Lap {
    begin: Mark,
    end: Mark,
    transfers: Vec<[Mark; 2]>,
    waits: Vec<[Mark; 2]>,
}

/// Takes the times of one device.
pub struct Clock {
    device: Rc<dyn Device>,
    /// Where the running lap began.
    begin: Cell<Option<Mark>>,
    transfers: RefCell<Vec<[Mark; 2]>>,
    waits: RefCell<Vec<[Mark; 2]>>,
    /// Laps that are over for the host and perhaps not for the device.
    open: RefCell<VecDeque<Lap>>,
    times: RefCell<Vec<StreamTimes>>,
}

impl Clock {
    /// A clock that does not run yet.
    pub fn new(device: Rc<dyn Device>) -> Clock {
        Clock {
            device,
            begin: Cell::new(None),
            transfers: RefCell::default(),
            waits: RefCell::default(),
            open: RefCell::default(),
            times: RefCell::default(),
        }
    }

    /// Forgets all laps and begins the first.
    ///
    /// # Errors
    /// Resource error of the device, here and below.
    pub fn start(&self) -> Result<()> {
        self.finish()?;
        self.times.borrow_mut().clear();
        self.begin.set(Some(self.device.mark(Stream::Compute)?));
        Ok(())
    }

    /// A mark in a stream.
    pub fn mark(&self, stream: Stream) -> Result<Mark> {
        self.device.mark(stream)
    }

    /// A transfer between two marks of the communication stream.
    pub fn transferred(&self, begin: Mark, end: Mark) {
        self.transfers.borrow_mut().push([begin, end]);
    }

    /// The compute stream waited between two of its marks.
    pub fn waited(&self, begin: Mark, end: Mark) {
        self.waits.borrow_mut().push([begin, end]);
    }

    /// Ends a lap and begins the next.
    pub fn lap(&self) -> Result<()> {
        let end = self.device.mark(Stream::Compute)?;
        let (transfers, waits) = (self.transfers.take(), self.waits.take());
        if let Some(begin) = self.begin.replace(Some(end)) {
            self.open.borrow_mut().push_back(Lap { begin, end, transfers, waits });
        }
        if self.open.borrow().len() > MOST_OPEN {
            self.device.synchronize(Stream::Compute)?;
        }
        self.close()
    }

    /// The times of all laps, in order; waits for the device.
    pub fn laps(&self) -> Result<Vec<StreamTimes>> {
        self.finish()?;
        Ok(self.times.borrow().clone())
    }

    fn finish(&self) -> Result<()> {
        if !self.open.borrow().is_empty() {
            self.device.synchronize(Stream::Communication)?;
            self.device.synchronize(Stream::Compute)?;
        }
        self.close()
    }

    /// Takes the times of the laps that are over for the device too.
    fn close(&self) -> Result<()> {
        let mut open = self.open.borrow_mut();
        while let Some(lap) = open.front() {
            let Some(times) = self.times_of(lap)? else { break };
            self.times.borrow_mut().push(times);
            open.pop_front();
        }
        Ok(())
    }

    fn times_of(&self, lap: &Lap) -> Result<Option<StreamTimes>> {
        let Some(whole) = self.device.seconds_between(lap.begin, lap.end)? else { return Ok(None) };
        let place = |mark: &Mark| self.device.seconds_between(lap.begin, *mark);
        let mut spans = Vec::with_capacity(lap.transfers.len());
        for [begin, end] in &lap.transfers {
            let (Some(begin), Some(end)) = (place(begin)?, place(end)?) else { return Ok(None) };
            spans.push([begin, end]);
        }
        let mut waiting = 0.0;
        for [begin, end] in &lap.waits {
            let Some(seconds) = self.device.seconds_between(*begin, *end)? else { return Ok(None) };
            waiting += seconds;
        }
        Ok(Some(StreamTimes { compute: (whole - waiting).max(0.0), communication: covered(spans), waiting }))
    }
}

/// The length of the union of intervals.
fn covered(mut spans: Vec<[f64; 2]>) -> f64 {
    spans.sort_by(|one, other| one[0].total_cmp(&other[0]));
    let (mut length, mut reached) = (0.0, f64::NEG_INFINITY);
    for [begin, end] in spans {
        length += (end - begin.max(reached)).max(0.0);
        reached = reached.max(end);
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfers_on_their_way_together_count_once() {
        assert_eq!(covered(vec![]), 0.0);
        assert_eq!(covered(vec![[4.0, 5.0], [0.0, 2.0], [1.0, 3.0], [1.5, 2.5]]), 4.0);
    }

    #[test]
    fn what_is_hidden_is_what_nobody_waited_for() {
        let times = StreamTimes { compute: 5.0, communication: 4.0, waiting: 1.0 };
        assert_eq!(times.overlap(), 0.75);
        assert!(StreamTimes::default().overlap().is_nan());
    }

    #[test]
    fn every_lap_has_its_own_times() {
        let Ok(device) = crate::device::emulated::open() else { return };
        let clock = Clock::new(device);
        clock.start().unwrap();
        let pause = || std::thread::sleep(std::time::Duration::from_millis(20));
        let [begin, first] = [(); 2].map(|()| clock.mark(Stream::Communication).unwrap());
        pause();
        let last = clock.mark(Stream::Communication).unwrap();
        clock.transferred(begin, first);
        clock.transferred(first, last);
        clock.waited(first, last);
        pause();
        clock.lap().unwrap();
        pause();
        clock.lap().unwrap();
        let laps = clock.laps().unwrap();
        assert_eq!((laps.len(), laps[1].communication, laps[1].waiting), (2, 0.0, 0.0));
        assert!(laps[0].communication >= 0.02 && laps[0].waiting >= 0.02 && laps[0].compute >= 0.02, "{laps:?}");
        assert!(laps[0].overlap() < 0.01 && laps[1].compute >= 0.02, "{laps:?}");
        clock.start().unwrap();
        assert_eq!(clock.laps().unwrap(), []);
    }
}
