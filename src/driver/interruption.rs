//! Being told to stop: SIGTERM, SIGUSR1, SIGUSR2, or a wall-time limit that comes near.
//!
//! A signal reaches the ranks of a job at different moments, and some launchers give it to one node only. So it sets a
//! flag and nothing else; ranks that take the same steps ask each other from time to time ([`Agreement`]) and act on it
//! together. The limit is the end that SLURM announces (`SLURM_JOB_END_TIME`, seconds since 1970), or `RHOSHARD_WALL_TIME`
//! seconds from the start of the run, whichever comes first. Both are turned into a moment of the monotonic clock once,
//! so that a clock that is set later moves neither.

use crate::comm::{Communicator, agree};
use crate::error::{Error, Result};
use signal_hook::consts::{SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::flag;
use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Environment variable: seconds from the start after which the run must have ended.
pub const WALL_TIME: &str = "RHOSHARD_WALL_TIME";
/// Environment variable of SLURM: when the job's time is over, in seconds since 1970.
pub const SLURM_END: &str = "SLURM_JOB_END_TIME";
/// Environment variable: a file that is made when the run has been interrupted and everything is saved. Launchers that pass
/// a signal on may end with a code of their own, so that the exit code alone does not always arrive.
pub const MARK: &str = "RHOSHARD_INTERRUPTED";
/// What is left free before the limit, at most, until [`Interruption::keep_free`] knows better.
const MARGIN: Duration = Duration::from_secs(60);
/// The same as a part of the time there is.
const MARGIN_PART: u32 = 10;
/// A limit beyond this is none.
const LONGEST: f64 = 1e9;

/// Why a run is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The wall-time limit is near.
    WallTime,
    /// SIGUSR1 came: what `sbatch --signal` sends as a warning, and Grid Engine's `-notify` before it suspends a job.
    User,
    /// SIGUSR2 came: what Grid Engine's `-notify` sends before it kills a job, to the ranks as well as to the script.
    Notice,
    /// SIGTERM came: what ends a cancelled or preempted job.
    Terminate,
}

impl Reason {
    const ALL: [Reason; 4] = [Reason::WallTime, Reason::User, Reason::Terminate, Reason::Notice];

    /// A number above zero for each; of several the largest is told.
    pub(super) fn code(self) -> usize {
        match self {
            Reason::WallTime => 1,
            Reason::User => 2,
            Reason::Terminate => 3,
            Reason::Notice => 4,
        }
    }

    /// The reason with this number.
    pub(super) fn from_code(code: usize) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Reason::WallTime => "the wall-time limit is near",
            Reason::User => "SIGUSR1 came",
            Reason::Terminate => "SIGTERM came",
            Reason::Notice => "SIGUSR2 came",
        })
    }
}

/// Whether the run was told to stop. The default is not told anything and leaves signals as they are.
#[derive(Debug, Default)]
pub struct Interruption {
    /// The code of the signal that came last.
    signal: Arc<AtomicUsize>,
    /// When the run must have ended.
    limit: Cell<Option<Instant>>,
    /// What is left free before that.
    margin: Cell<Duration>,
}

impl Interruption {
    /// Takes the signals from now on, and the limit from the environment. Collective.
    ///
    /// # Errors
    /// Input error, the same on every rank, for a limit that is no number; resource error when the system refuses.
    pub fn watch(&self, comm: &dyn Communicator) -> Result<()> {
        agree(comm, self.watch_here(|name| std::env::var(name).ok()))
    }

    fn watch_here(&self, variable: impl Fn(&str) -> Option<String>) -> Result<()> {
        if let Some(left) = time_left(variable, SystemTime::now())? {
            self.limit.set(Instant::now().checked_add(left));
            self.margin.set((left / MARGIN_PART).min(MARGIN));
        }
        for (signal, reason) in [(SIGTERM, Reason::Terminate), (SIGUSR1, Reason::User), (SIGUSR2, Reason::Notice)] {
            flag::register_usize(signal, self.signal.clone(), reason.code())
                .map_err(|cause| Error::resource(format!("signal {signal} cannot be taken: {cause}")))?;
        }
        Ok(())
    }

    /// Leaves at least this time free before the limit: what saving takes, and what may pass until it is asked again.
    pub fn keep_free(&self, margin: Duration) {
        self.margin.set(self.margin.get().max(margin));
    }

    /// Whether this rank was told to stop. Cheap, and not the same on every rank: see [`Interruption::agreed`].
    pub fn requested(&self) -> Option<Reason> {
        let is_near = |limit: Instant| limit.saturating_duration_since(Instant::now()) <= self.margin.get();
        let near = self.limit.get().is_some_and(is_near);
        Reason::from_code(self.signal.load(Ordering::Relaxed)).or(near.then_some(Reason::WallTime))
    }

    /// Whether any rank was told to stop, the same on every rank. Called by all ranks of `comm` after each of their common
    /// steps, with the same `agreement`: most calls cost nothing and find nothing.
    pub fn agreed(&self, comm: &dyn Communicator, agreement: &mut Agreement) -> Option<Reason> {
        Reason::from_code(agreement.largest(comm, || self.requested().map_or(0, Reason::code))?)
    }
}

/// Makes the file of [`MARK`], if one is asked for. On one rank.
///
/// # Errors
/// Resource error when it cannot be made.
pub fn leave_mark() -> Result<()> {
    match std::env::var_os(MARK).filter(|path| !path.is_empty()) {
        Some(path) => File::create(&path).map(drop).map_err(|cause| {
            let what =
                format!("the file of {MARK} cannot be made, so that a script may take the run for ended: {cause}");
            Error::resource(what).in_file(PathBuf::from(path).display())
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
impl Interruption {
    /// As if a signal had come.
    pub(super) fn stop(&self, reason: Reason) {
        self.signal.store(reason.code(), Ordering::Relaxed);
    }
}

/// The time until the nearest limit that the environment names.
fn time_left(variable: impl Fn(&str) -> Option<String>, now: SystemTime) -> Result<Option<Duration>> {
    let own = variable(WALL_TIME).map(|text| seconds(WALL_TIME, &text)).transpose()?;
    let end = variable(SLURM_END).map(|text| seconds(SLURM_END, &text)).transpose()?;
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let until_end = end.map(|end| end.saturating_sub(now));
    let nearest = own.into_iter().chain(until_end).min();
    Ok(nearest.filter(|left| left.as_secs_f64() < LONGEST))
}

fn seconds(name: &str, text: &str) -> Result<Duration> {
    let number = text.trim().parse::<f64>().ok().and_then(|number| Duration::try_from_secs_f64(number).ok());
    number.ok_or_else(|| {
        Error::input(format!("the environment variable {name} is `{text}`"))
            .allowed("a number of seconds, zero or more")
            .next(format!("unset {name}, or set it to a number"))
    })
}

/// When ranks that take the same steps ask each other: after as many steps as took about [`Agreement::EVERY`] the last time.
///
/// Steps are counted, not timed, for every rank must ask after the same one; the count follows from a time that was agreed.
#[derive(Debug)]
pub struct Agreement {
    asked: Instant,
    /// Steps between the last question and the next.
    interval: u32,
    /// Steps left until the next.
    left: u32,
}

impl Default for Agreement {
    fn default() -> Self {
        Agreement { asked: Instant::now(), interval: 1, left: 1 }
    }
}

impl Agreement {
    /// The time between two questions that is aimed at.
    pub const EVERY: Duration = Duration::from_millis(100);
    /// Steps between two questions at most: steps may become much slower as a state grows.
    const LONGEST_INTERVAL: u32 = 64;

    /// The largest value of all ranks where it is time to ask, the same on every rank; nothing at other steps.
    pub fn largest(&mut self, comm: &dyn Communicator, value: impl FnOnce() -> usize) -> Option<usize> {
        self.left -= 1;
        if self.left > 0 {
            return None;
        }
        let mut found = [value() as f64, self.asked.elapsed().as_secs_f64()];
        comm.maximum(&mut found);
        self.interval = next_interval(self.interval, found[1]);
        (self.left, self.asked) = (self.interval, Instant::now());
        Some(found[0] as usize)
    }
}

/// Steps until the next question, when those since the last one took so many seconds.
fn next_interval(interval: u32, seconds: f64) -> u32 {
    let wanted = f64::from(interval) * Agreement::EVERY.as_secs_f64() / seconds.max(1e-9);
    (wanted as u32).clamp(1, (2 * interval).min(Agreement::LONGEST_INTERVAL))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::Serial;
    use proptest::prelude::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn environment<'a>(own: Option<&'a str>, slurm: Option<&'a str>) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| if name == WALL_TIME { own } else { slurm }.map(str::to_string)
    }

    #[test]
    fn the_nearest_limit_counts() {
        let left = |own, slurm| time_left(environment(own, slurm), at(1000)).unwrap().map(|left| left.as_secs_f64());
        assert_eq!(left(None, None), None);
        assert_eq!(left(Some("2.5"), None), Some(2.5));
        assert_eq!(left(None, Some("1060")), Some(60.0));
        assert_eq!(left(Some("90"), Some("1060")), Some(60.0));
        assert_eq!(left(Some("30"), Some("1060")), Some(30.0));
        assert_eq!(left(None, Some("900")), Some(0.0), "over already");
        assert_eq!(left(None, Some("9e18")), None, "SLURM without a limit");
    }

    #[test]
    fn a_limit_that_is_no_number_is_an_input_error() {
        for text in ["two hours", "-1", "NaN", ""] {
            let error = time_left(environment(Some(text), None), at(0)).unwrap_err();
            assert_eq!(error.kind.exit_code(), 2);
            assert!(error.to_string().contains(WALL_TIME), "{error}");
        }
    }

    #[test]
    fn a_limit_asks_to_stop_once_the_margin_is_reached() {
        let interruption = Interruption::default();
        assert_eq!(interruption.requested(), None);
        interruption.limit.set(Some(Instant::now() + Duration::from_secs(1000)));
        assert_eq!(interruption.requested(), None);
        interruption.keep_free(Duration::from_secs(2000));
        assert_eq!(interruption.requested(), Some(Reason::WallTime));
        interruption.keep_free(Duration::ZERO);
        assert_eq!(interruption.requested(), Some(Reason::WallTime), "the margin never shrinks");
    }

    #[test]
    fn a_signal_counts_more_than_the_limit() {
        let interruption = Interruption::default();
        interruption.limit.set(Some(Instant::now()));
        assert_eq!(interruption.requested(), Some(Reason::WallTime));
        for reason in Reason::ALL {
            interruption.signal.store(reason.code(), Ordering::Relaxed);
            assert_eq!(interruption.requested(), Some(reason));
        }
    }

    #[test]
    fn real_signals_are_taken() {
        let interruption = Interruption::default();
        interruption.watch_here(|_| None).unwrap();
        let signals = [(SIGUSR1, Reason::User), (SIGTERM, Reason::Terminate), (SIGUSR2, Reason::Notice)];
        for (signal, reason) in signals {
            signal_hook::low_level::raise(signal).unwrap();
            assert_eq!(interruption.agreed(&Serial, &mut Agreement::default()), Some(reason));
        }
    }

    proptest! {
        /// However long steps take, the interval stays within its bounds and comes near the time aimed at.
        #[test]
        fn questions_are_as_far_apart_as_aimed_at(step in 1e-7..10.0f64) {
            let mut interval = 1;
            for _ in 0..20 {
                interval = next_interval(interval, f64::from(interval) * step);
                prop_assert!((1..=Agreement::LONGEST_INTERVAL).contains(&interval));
            }
            let seconds = f64::from(interval) * step;
            prop_assert!(interval == 1 || seconds <= 1.001 * Agreement::EVERY.as_secs_f64());
            let could_be_longer = interval < Agreement::LONGEST_INTERVAL && 2.1 * seconds < Agreement::EVERY.as_secs_f64();
            prop_assert!(!could_be_longer);
        }
    }
}
