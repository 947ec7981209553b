//! Who runs which point: groups of ranks ask for work, the first rank gives it out between the steps of its own.
//!
//! A worker asks when it has nothing left, and tells what it has done since it asked last. Points that take long are handed out
//! one by one, so that no group waits for another; short ones in batches of about [`BATCH_SECONDS`], so that asking costs
//! nothing. Messages have a fixed length, as a message between ranks is an exchange of equally long ones.

use crate::comm::{Communicator, Message, Transfer};
use crate::error::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bytes of a message.
const MESSAGE: usize = 16 << 10;
/// Bytes that an assignment or a report takes at most, without the numbers whose count varies.
const ROW: usize = 64;
/// Bytes of a number.
const NUMBER: usize = 9;
/// What a batch should take.
const BATCH_SECONDS: f64 = 0.05;
/// How long a rank without work sleeps before it looks again.
const NAP: Duration = Duration::from_micros(50);

/// A point to be run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Assignment {
    /// Its place in the sweep.
    pub(super) index: u64,
    /// Its coordinates, where they do not follow from the index.
    pub(super) coordinates: Vec<f64>,
}

/// A point that was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Report {
    /// Its place in the sweep.
    pub(super) index: u64,
    /// What it took.
    pub(super) seconds: f64,
    /// The objective and the excess over each constraint; nothing if it failed.
    pub(super) measured: Option<Measured>,
}

/// What the choice of further points depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    /// The value of the objective; NaN without one.
    pub(super) objective: f64,
    /// How far each constraint is missed; not above zero where it holds.
    pub(super) excesses: Vec<f64>,
}

/// A worker's question.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Request {
    reports: Vec<Report>,
    /// It cannot go on; the sweep is to end.
    stop: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// Points to be run.
    Run(Vec<Assignment>),
    /// Nothing is left.
    Stop,
}

/// What is handed out next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Next {
    /// These points.
    Run(Vec<Assignment>),
    /// Nothing until more points have been reported.
    Wait,
    /// Nothing any more.
    Stop,
}

/// The points that are left, on the first rank.
pub(super) trait Supply {
    /// Takes note of points that were run.
    fn report(&mut self, reports: Vec<Report>) -> Result<()>;
    /// At most so many points for a group that has none.
    fn next(&mut self, most: usize) -> Result<Next>;
    /// Points that are left to be handed out, as far as that is known.
    fn left(&self) -> u64;
    /// Hands out nothing any more.
    fn stop(&mut self, why: String);
}

/// The most points of a message, each with so many numbers.
pub(super) fn most_points(numbers: usize) -> usize {
    ((MESSAGE - 1024) / (ROW + numbers * NUMBER)).clamp(1, 200)
}

/// The points of a batch: as many as take [`BATCH_SECONDS`], and never more than a fourth of a group's share of what is left.
fn batch(mean_seconds: f64, left: u64, groups: usize, most: usize) -> usize {
    let by_time = if mean_seconds > 0.0 { BATCH_SECONDS / mean_seconds } else { 1.0 };
    let share = left.div_ceil(4 * groups as u64).max(1);
    (by_time as u64).min(share).clamp(1, most as u64) as usize
}

/// The first rank's side.
pub(super) struct Dispatcher<'a, S> {
    pub(super) supply: S,
    leaders: &'a dyn Communicator,
    /// What is under way with each worker.
    workers: Vec<Worker<'a>>,
    /// The most points of a message.
    most: usize,
    /// Points that were run, and the seconds they took.
    run: (u64, f64),
}

enum Worker<'a> {
    Busy(Box<dyn Transfer + 'a>),
    /// It has asked and waits.
    Idle,
    /// Its answer is on its way.
    Answered(Box<dyn Transfer + 'a>, bool),
    Stopped,
}

impl<'a, S: Supply> Dispatcher<'a, S> {
    /// For the leaders of all groups, of which this rank is the first; messages have room for `most` points.
    pub(super) fn new(leaders: &'a dyn Communicator, supply: S, most: usize) -> Self {
        let workers = (1..leaders.size()).map(|rank| Worker::Busy(listen(leaders, rank))).collect();
        Dispatcher { supply, leaders, workers, most, run: (0, 0.0) }
    }

    /// Answers who has asked.
    pub(super) fn poll(&mut self) -> Result<()> {
        for index in 0..self.workers.len() {
            self.serve(index)?;
        }
        Ok(())
    }

    fn serve(&mut self, index: usize) -> Result<()> {
        let rank = index + 1;
        let worker = std::mem::replace(&mut self.workers[index], Worker::Stopped);
        self.workers[index] = match worker {
            Worker::Busy(mut request) => match request.progress() {
                false => Worker::Busy(request),
                true => {
                    let request: Request = receive(request)?;
                    self.take(request)?;
                    self.answer(rank)?
                }
            },
            Worker::Idle => self.answer(rank)?,
            Worker::Answered(mut answer, last) => match answer.progress() {
                false => Worker::Answered(answer, last),
                true if last => Worker::Stopped,
                true => Worker::Busy(listen(self.leaders, rank)),
            },
            Worker::Stopped => Worker::Stopped,
        };
        Ok(())
    }

    fn take(&mut self, request: Request) -> Result<()> {
        if let Some(why) = request.stop {
            self.supply.stop(why);
        }
        self.note(request.reports)
    }

    /// Takes note of points that were run, by this rank or another.
    pub(super) fn note(&mut self, reports: Vec<Report>) -> Result<()> {
        self.run.0 += reports.len() as u64;
        self.run.1 += reports.iter().map(|report| report.seconds).sum::<f64>();
        self.supply.report(reports)
    }

    /// The next points for a group.
    pub(super) fn next(&mut self) -> Result<Next> {
        let mean = if self.run.0 > 0 { self.run.1 / self.run.0 as f64 } else { 0.0 };
        self.supply.next(batch(mean, self.supply.left(), self.leaders.size(), self.most))
    }

    fn answer(&mut self, rank: usize) -> Result<Worker<'a>> {
        let answer = match self.next()? {
            Next::Wait => return Ok(Worker::Idle),
            Next::Run(points) => Answer::Run(points),
            Next::Stop => Answer::Stop,
        };
        let last = answer == Answer::Stop;
        Ok(Worker::Answered(self.leaders.start(vec![Message::of(rank, encode(&answer)?)]), last))
    }

    /// Whether every worker knows that nothing is left.
    pub(super) fn all_stopped(&self) -> bool {
        self.workers.iter().all(|worker| matches!(worker, Worker::Stopped))
    }
}

/// Waits for the worker's next question.
fn listen<'a>(leaders: &'a dyn Communicator, rank: usize) -> Box<dyn Transfer + 'a> {
    leaders.start(vec![Message::of(rank, vec![0; MESSAGE])])
}

/// Asks the first rank for points, and tells what was run, or why no more can be.
pub(super) fn ask(leaders: &dyn Communicator, reports: Vec<Report>, stop: Option<String>) -> Result<Answer> {
    let request = encode(&Request { reports, stop })?;
    wait(leaders.start(vec![Message::of(0, request)]));
    let answer = leaders.start(vec![Message::of(0, vec![0; MESSAGE])]);
    receive(wait(answer))
}

/// Waits without taking a core from those who compute.
fn wait<'a>(mut transfer: Box<dyn Transfer + 'a>) -> Box<dyn Transfer + 'a> {
    while !transfer.progress() {
        nap();
    }
    transfer
}

/// Sleeps for a moment.
pub(super) fn nap() {
    std::thread::sleep(NAP);
}

/// A length, the content, and nothing up to the length of all messages.
fn encode<T: Serialize>(content: &T) -> Result<Vec<u8>> {
    let content =
        rmp_serde::to_vec(content).map_err(|error| Error::internal(format!("a message cannot be written: {error}")))?;
    let mut message = (content.len() as u32).to_le_bytes().to_vec();
    message.extend(content);
    if message.len() > MESSAGE {
        return Err(Error::internal(format!("a message of the sweep has {} bytes", message.len())));
    }
    message.resize(MESSAGE, 0);
    Ok(message)
}

fn receive<T: DeserializeOwned>(transfer: Box<dyn Transfer + '_>) -> Result<T> {
    let damaged = || Error::internal("a message of the sweep cannot be read");
    let messages = transfer.finish();
    let bytes = messages.first().and_then(Message::received).ok_or_else(damaged)?;
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
    let content = rest.get(..u32::from_le_bytes(*length) as usize).ok_or_else(damaged)?;
    rmp_serde::from_slice(content).map_err(|_| damaged())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_short_and_leave_something_for_the_others() {
        assert_eq!(batch(0.0, 1000, 2, 200), 1, "nothing is known yet");
        assert_eq!(batch(10.0, 1000, 2, 200), 1);
        assert_eq!(batch(1e-3, 100_000, 2, 200), 50);
        assert_eq!(batch(1e-5, 100_000, 2, 200), 200);
        assert_eq!(batch(1e-3, 80, 2, 200), 10);
        assert_eq!(batch(1e-3, 0, 2, 200), 1);
    }

    #[test]
    fn the_largest_messages_fit() {
        for numbers in [0, 3, 40, 1000] {
            let most = most_points(numbers);
            let numbers = vec![-1.25e-300; numbers.min(1000)];
            let assignment = Assignment { index: u64::MAX, coordinates: numbers.clone() };
            assert!(encode(&Answer::Run(vec![assignment; most])).is_ok(), "{} numbers", numbers.len());
            let measured = Measured { objective: -1.25e-300, excesses: numbers.clone() };
            let report = Report { index: u64::MAX, seconds: 1.25e-300, measured: Some(measured) };
            assert!(encode(&Request { reports: vec![report; most], stop: Some("x".repeat(500)) }).is_ok());
        }
    }
}
