//! Times of work that all ranks do at once, or one does while the others wait.

use crate::comm::{Communicator, keep_on_root};
use crate::error::Result;
use std::time::Instant;

/// Repetitions of one measurement: at least this many, whatever they take.
const FEWEST: usize = 3;
/// And at most this many.
const MOST: usize = 25;

/// Measures on all ranks of a group. Every method is collective.
pub struct Stopwatch<'a> {
    comm: &'a dyn Communicator,
    /// Seconds that one measurement may take.
    budget: f64,
}

impl<'a> Stopwatch<'a> {
    /// Spends about `budget` seconds on each measurement.
    pub fn new(comm: &'a dyn Communicator, budget: f64) -> Stopwatch<'a> {
        Stopwatch { comm, budget }
    }

    /// The ranks that measure.
    pub fn comm(&self) -> &dyn Communicator {
        self.comm
    }

    /// Seconds of `work` with all ranks at it: the slowest rank's, the median of several repetitions after one that
    /// does not count. The median and not the least, because a run gets the usual speed and not the best.
    pub fn together(&self, work: impl FnMut()) -> f64 {
        self.each_with(|| (), work)
    }

    /// As [`Stopwatch::together`], with `prepare` before each repetition, which is not timed.
    pub fn each_with(&self, mut prepare: impl FnMut(), mut work: impl FnMut()) -> f64 {
        let repetition = || {
            prepare();
            // All begin together: none passes a sum before the last one is there.
            self.comm.sum(&mut [0.0]);
            let begin = Instant::now();
            work();
            let mut seconds = [begin.elapsed().as_secs_f64()];
            // The same number on every rank, so that all repeat equally often.
            self.comm.maximum(&mut seconds);
            seconds[0]
        };
        median(repetition, self.budget)
    }

    /// Seconds of `work` on the root rank while the others wait.
    ///
    /// # Errors
    /// What kept the ranks from agreeing.
    pub fn alone(&self, mut work: impl FnMut()) -> Result<f64> {
        let repetition = || {
            let begin = Instant::now();
            work();
            begin.elapsed().as_secs_f64()
        };
        let seconds = keep_on_root(self.comm, || Ok(median(repetition, self.budget)))?;
        let mut seconds = [seconds.unwrap_or(0.0)];
        self.comm.maximum(&mut seconds);
        Ok(seconds[0])
    }
}

/// The median of repetitions that take `budget` seconds in sum; the first does not count.
fn median(mut repetition: impl FnMut() -> f64, budget: f64) -> f64 {
    let mut spent = repetition();
    let mut times = Vec::with_capacity(MOST);
    while times.len() < FEWEST || (times.len() < MOST && spent < budget) {
        times.push(repetition());
        spent += times[times.len() - 1];
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2].max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::Serial;

    #[test]
    fn the_median_is_of_what_was_repeated() {
        let mut times = [100.0, 3.0, 1.0, 2.0].into_iter();
        assert_eq!(median(|| times.next().expect("three repetitions and one before"), 5.0), 2.0);
    }

    #[test]
    fn repetitions_end_with_the_budget_or_at_the_most() {
        let mut count = 0;
        median(
            || {
                count += 1;
                0.0
            },
            1.0,
        );
        assert_eq!(count, 1 + MOST);
    }

    #[test]
    fn work_takes_time() {
        let watch = Stopwatch::new(&Serial, 0.0);
        let nap = || std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(watch.together(nap) >= 2e-3 && watch.alone(nap).unwrap() >= 2e-3);
    }
}
