//! When a job is saved: after some time, and when it is to stop.
//!
//! The ranks that take the same steps agree on it (`interruption.rs`), then go on to the next step where saving changes nothing of
//! what comes after: a run that was saved has the same results, bit for bit, as one that was not.

use super::Job;
use super::interruption::{Agreement, Interruption, Reason};
use crate::comm;
use crate::error::{Error, Result};
use std::time::{Duration, Instant};

/// What is left free before the wall-time limit, over the longest that saving has taken so far.
const MARGIN: u32 = 2;
/// The timer's own code; those of the reasons to stop follow.
const TIMER: usize = 1;

/// The saving of one run.
pub(super) struct Saving<'a> {
    interruption: &'a Interruption,
    agreement: Agreement,
    every: Option<Duration>,
    /// When the last one was over.
    saved: Instant,
    /// The largest code that was agreed on, and when.
    wanted: Option<(usize, Instant)>,
}

impl<'a> Saving<'a> {
    pub(super) fn new(interruption: &'a Interruption, every: Option<Duration>) -> Saving<'a> {
        Saving { interruption, agreement: Agreement::default(), every, saved: Instant::now(), wanted: None }
    }

    /// To be called after each step: saves if that is due and possible now. Gives the reason to stop, if there is one and the
    /// run is saved. Collective over the ranks that take the same steps.
    ///
    /// # Errors
    /// Resource error, the same on each of these ranks, when the run is to stop and cannot be saved.
    pub(super) fn after_step(&mut self, job: &mut dyn Job) -> Result<Option<Reason>> {
        let Some(together) = job.in_step() else { return Ok(None) };
        let (interruption, due) = (self.interruption, self.is_due());
        let code = || interruption.requested().map_or(usize::from(due), |reason| TIMER + reason.code());
        if let Some(asked @ TIMER..) = self.agreement.largest(&*together, code) {
            let since = self.wanted.map_or_else(Instant::now, |(_, since)| since);
            self.wanted = self.wanted.max(Some((asked, since)));
        }
        let Some((code, since)) = self.wanted.filter(|_| job.can_be_saved()) else { return Ok(None) };
        self.wanted = None;
        let saved = job.save();
        self.saved = Instant::now();
        self.interruption.keep_free(MARGIN * since.elapsed());
        match (Reason::from_code(code - TIMER), saved) {
            (None, Err(error)) if comm::speaks(&*together) => {
                tracing::warn!("the run goes on, but could not be saved: {error}");
                Ok(None)
            }
            (None, _) => Ok(None),
            (Some(reason), saved) => saved.map(|()| Some(reason)).map_err(|error| lost(reason, error)),
        }
    }

    fn is_due(&self) -> bool {
        self.every.is_some_and(|every| self.saved.elapsed() >= every)
    }
}

/// The error of a run that has to stop and is not saved.
fn lost(reason: Reason, error: Error) -> Error {
    Error { what: format!("{reason}, and the run could not be saved: {}", error.what), ..error }
}

#[cfg(test)]
mod tests {
    use super::super::{Advance, Outcome};
    use super::*;
    use crate::comm::{Communicator, Serial};
    use std::rc::Rc;

    /// Can be saved after every third step; saving fails as told.
    #[derive(Default)]
    struct Steps {
        done: u64,
        saved_at: Vec<u64>,
        fails: bool,
    }

    impl Job for Steps {
        fn steps(&self) -> u64 {
            100
        }
        fn position(&self) -> u64 {
            self.done
        }
        fn status(&self) -> String {
            String::new()
        }
        fn advance(&mut self) -> Result<Advance> {
            self.done += 1;
            Ok(Advance::Step)
        }
        fn in_step(&self) -> Option<Rc<dyn Communicator>> {
            Some(Rc::new(Serial))
        }
        fn can_be_saved(&mut self) -> bool {
            self.done.is_multiple_of(3)
        }
        fn save(&mut self) -> Result<()> {
            self.saved_at.push(self.done);
            if self.fails { Err(Error::resource("the disk is full")) } else { Ok(()) }
        }
        fn finish(self: Box<Self>) -> Result<Outcome> {
            Ok(Outcome::default())
        }
    }

    fn run(saving: &mut Saving<'_>, job: &mut Steps, steps: u64) -> Result<Option<Reason>> {
        for _ in 0..steps {
            job.advance()?;
            if let Some(reason) = saving.after_step(job)? {
                return Ok(Some(reason));
            }
        }
        Ok(None)
    }

    #[test]
    fn a_timer_saves_where_that_is_possible_and_the_run_goes_on() {
        let interruption = Interruption::default();
        let mut job = Steps::default();
        assert_eq!(run(&mut Saving::new(&interruption, None), &mut job, 50).unwrap(), None);
        assert!(job.saved_at.is_empty());
        let mut saving = Saving::new(&interruption, Some(Duration::ZERO));
        job.fails = true;
        assert_eq!(run(&mut saving, &mut job, 50).unwrap(), None, "a failure is no reason to stop");
        assert!(job.saved_at.len() > 1 && job.saved_at.iter().all(|at| at.is_multiple_of(3)), "{:?}", job.saved_at);
    }

    #[test]
    fn a_reason_to_stop_stops_once_the_run_is_saved() {
        let interruption = Interruption::default();
        interruption.stop(Reason::User);
        let mut job = Steps::default();
        assert_eq!(run(&mut Saving::new(&interruption, None), &mut job, 50).unwrap(), Some(Reason::User));
        assert_eq!((job.done, &job.saved_at[..]), (3, &[3][..]));
        job.fails = true;
        let error = run(&mut Saving::new(&interruption, None), &mut job, 50).unwrap_err();
        assert!(error.what.contains("SIGUSR1") && error.what.contains("the disk is full"), "{error}");
        assert_eq!(error.kind, crate::error::ErrorKind::Resource);
    }
}
