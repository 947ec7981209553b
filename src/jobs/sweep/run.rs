//! The sweep as it runs: every group takes points, runs them and writes its journal, until none is left.
//!
//! Whatever goes wrong on one rank, all come to the end: a group that cannot go on says so when it asks, the first rank then hands
//! out nothing more, and tells every group.

use super::points::Points;
use super::queue::{Answer, Assignment, Dispatcher, Next, Report, Supply, ask, most_points, nap};
use super::runner::{Attempted, Runner, measure};
use super::supply::{Known, Limits, Pool, Stopped};
use super::{Home, SweepJob, table};
use crate::comm::{self, bytes_from_root};
use crate::driver::Only;
use crate::error::{Error, ErrorKind, Result};
use crate::io::journal::{Ended, Entry, Key, Point};
use crate::io::progress::{Mode, Progress};
use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

/// The table is made anew after this time, or this many times what it takes, whichever is longer.
const REFRESH: (Duration, u32) = (Duration::from_secs(30), 20);

/// One rank's part in a sweep.
pub(super) struct Run<'a> {
    job: &'a SweepJob<'a>,
    runner: Runner<'a>,
    /// Why this rank does nothing any more.
    broken: Option<Error>,
}

/// What the first rank does besides.
struct Host<'a> {
    dispatcher: Dispatcher<'a, Pool<'a>>,
    progress: Progress,
    /// Points that had ended before.
    before: u64,
    refreshed: Instant,
    /// What making the table took.
    effort: Duration,
}

impl<'a> Run<'a> {
    pub(super) fn new(job: &'a SweepJob<'a>) -> Run<'a> {
        let (context, setting) = (job.context, &job.setting);
        let runner = Runner {
            group: &*job.grid.rows,
            node: context.node.clone(),
            folder: setting.base_folder().to_path_buf(),
            base_file: setting.base_file.clone(),
            command: context.command.clone(),
            retries: setting.config.retries,
            interruption: &context.interruption,
            verbose: tracing::enabled!(tracing::Level::INFO),
            inputs: RefCell::default(),
        };
        Run { job, runner, broken: None }
    }

    /// Runs this rank's share; the summary is the first rank's.
    pub(super) fn finish(mut self) -> Result<String> {
        let Some(place) = self.job.grid.place else { return Ok(String::new()) };
        match (place.row, &self.job.home) {
            (0, Some(home)) => self.as_host(home),
            (0, None) => self.as_leader().map(|()| String::new()),
            _ => self.as_member().map(|()| String::new()),
        }
    }

    /// The first rank: hands out points between the steps of its own.
    fn as_host(&mut self, home: &'a Home) -> Result<String> {
        let setting = &self.job.setting;
        let shown = comm::speaks(self.job.context.comm) && !self.job.context.quiet;
        let (pool, before) = pool(self.job, home)?;
        let most = most_points(setting.points.space.dimensions().max(1 + setting.config.constraints.len()));
        let host = RefCell::new(Host {
            dispatcher: Dispatcher::new(&*self.job.grid.sweep, pool, most),
            progress: Progress::new(setting.points.most(), if shown { Mode::Auto } else { Mode::Quiet }),
            before,
            refreshed: Instant::now(),
            effort: Duration::ZERO,
        });
        let mut own = VecDeque::new();
        loop {
            self.look_after(&host, home);
            if self.broken.is_some() || self.told_to_stop().is_some() {
                own.clear();
                let why = self.why();
                host.borrow_mut().dispatcher.supply.stop(why);
            }
            let Some(assignment) = own.pop_front() else {
                let next = sound(host.borrow_mut().dispatcher.next());
                match next {
                    Next::Run(points) => own.extend(points),
                    Next::Wait => nap(),
                    Next::Stop if host.borrow().dispatcher.all_stopped() => break,
                    Next::Stop => nap(),
                }
                continue;
            };
            self.share(&Answer::Run(vec![assignment.clone()]))?;
            let report = self.point(&assignment, &mut || self.look_after(&host, home));
            match report {
                Ok(report) => sound(host.borrow_mut().dispatcher.note(vec![report])),
                Err(error) => self.broken = Some(error),
            }
        }
        self.share(&Answer::Stop)?;
        let host = host.into_inner();
        host.progress.finish();
        self.close()?;
        table::conclude(self.job, home, &host.dispatcher.supply, self.broken.clone(), &self.runner.inputs.borrow())
    }

    /// The first rank of another group: asks for points.
    fn as_leader(&mut self) -> Result<()> {
        let leaders = &*self.job.grid.sweep;
        let (mut reports, mut own) = (Vec::new(), VecDeque::new());
        loop {
            let over = self.broken.is_some() || self.told_to_stop().is_some();
            if over {
                own.clear();
            }
            let Some(assignment) = own.pop_front() else {
                match sound(ask(leaders, std::mem::take(&mut reports), over.then(|| self.why()))) {
                    Answer::Run(points) => own.extend(points),
                    Answer::Stop => break,
                }
                continue;
            };
            self.share(&Answer::Run(vec![Assignment::clone(&assignment)]))?;
            match self.point(&assignment, &mut || {}) {
                Ok(report) => reports.push(report),
                Err(error) => self.broken = Some(error),
            }
        }
        self.share(&Answer::Stop)?;
        self.close()?;
        // Of being told to stop the first rank speaks.
        self.broken.take().filter(|error| error.kind != ErrorKind::Interrupted).map_or(Ok(()), Err)
    }

    /// Any other rank of a group: does what the first one says.
    fn as_member(&mut self) -> Result<()> {
        loop {
            match self.share(&Answer::Stop)? {
                Answer::Stop => return Ok(()),
                Answer::Run(points) => {
                    for assignment in points {
                        // What goes wrong with the point is the same on every rank, and told by the first.
                        let _ = self.point(&assignment, &mut || {});
                    }
                }
            }
        }
    }

    /// What the group's first rank says.
    fn share(&self, answer: &Answer) -> Result<Answer> {
        let group = self.runner.group;
        if group.size() == 1 {
            return Ok(answer.clone());
        }
        let encode = || {
            rmp_serde::to_vec(answer).map_err(|error| Error::internal(format!("a message cannot be written: {error}")))
        };
        let bytes = bytes_from_root(group, encode)?;
        rmp_serde::from_slice(&bytes).map_err(|error| Error::internal(format!("a message cannot be read: {error}")))
    }

    /// Runs a point and writes it down. An error is that of the run, not of the point.
    fn point(&self, assignment: &Assignment, between: &mut dyn FnMut()) -> Result<Report> {
        let points = &self.job.setting.points;
        let values = points.values(assignment.index, &assignment.coordinates);
        let filled = points.template.fill(&values)?;
        let point = Point { index: assignment.index, key: filled.key, parameters: Points::parameters(&values) };
        self.write(|| Entry::Started { point: point.clone(), elapsed: self.elapsed() })?;
        let Attempted { result, attempts, seconds } = self.runner.run(&filled, between)?;
        let config = &self.job.setting.config;
        // Only the first rank of a group has the results.
        let measured = match (&result, &self.job.journal) {
            (Ok(scalars), Some(_)) => measure(scalars, config.objective.as_ref(), &config.constraints),
            (Ok(_), None) => Err(Error::internal("results of another rank")),
            (Err(error), _) => Err(error.clone()),
        };
        let result = result.and_then(|scalars| measured.clone().map(|_| scalars)).map_err(|error| error.to_string());
        self.write(|| Entry::Ended(Ended { point, result, attempts, seconds, elapsed: self.elapsed() }))?;
        Ok(Report { index: assignment.index, seconds, measured: measured.ok() })
    }

    fn write(&self, entry: impl FnOnce() -> Entry) -> Result<()> {
        self.job.journal.as_ref().map_or(Ok(()), |journal| journal.append(entry()))
    }

    fn elapsed(&self) -> f64 {
        self.job.begun.elapsed().as_secs_f64()
    }

    fn told_to_stop(&self) -> Option<String> {
        self.runner.interruption.requested().map(|reason| reason.to_string())
    }

    /// Why this rank stops.
    fn why(&self) -> String {
        match &self.broken {
            Some(error) => error.what.clone(),
            None => self.told_to_stop().unwrap_or_default(),
        }
    }

    /// Makes everything so far durable.
    fn close(&self) -> Result<()> {
        let Some(journal) = &self.job.journal else { return Ok(()) };
        let interrupted = Some(self.why()).filter(|why| !why.is_empty());
        let closed =
            journal.append(Entry::Closed { elapsed: self.elapsed(), interrupted }).and_then(|()| journal.commit());
        match (&self.broken, closed) {
            // The same failure, which is told already.
            (Some(_), Err(_)) => Ok(()),
            (_, closed) => closed,
        }
    }

    /// Answers other groups, shows how far it is, and makes the table anew from time to time.
    fn look_after(&self, host: &RefCell<Host<'_>>, home: &Home) {
        let host = &mut *host.borrow_mut();
        sound(host.dispatcher.poll());
        let (tally, best) = (host.dispatcher.supply.tally(), host.dispatcher.supply.best());
        let failed = tally.failed;
        host.progress.set(host.before + tally.done + failed, || status(failed, best.map(|(value, _)| value)));
        if host.refreshed.elapsed() > REFRESH.0.max(REFRESH.1 * host.effort) {
            let begun = Instant::now();
            if let Err(error) = table::refresh(self.job, home, &host.dispatcher.supply) {
                tracing::warn!("the table is not up to date: {error}");
            }
            (host.refreshed, host.effort) = (Instant::now(), begun.elapsed());
        }
    }
}

/// Ends the whole job where ranks cannot understand each other any more.
fn sound<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| std::panic::panic_any(error))
}

fn status(failed: u64, best: Option<f64>) -> String {
    let failed = if failed > 0 { format!("{failed} failed") } else { String::new() };
    let best = best.map_or_else(String::new, |best| format!("best {best:.6}"));
    [failed, best].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
}

/// The points that are left, and how many are not.
fn pool<'a>(job: &'a SweepJob<'a>, home: &'a Home) -> Result<(Pool<'a>, u64)> {
    let (config, points) = (&job.setting.config, &job.setting.points);
    let limits =
        Limits { max_failures: config.max_failures, objective: config.objective.clone(), stop_at: config.stop_at };
    let only = job.context.selection.only;
    let measured = |key: &Key| {
        let ended = home.records.ended(key)?;
        let scalars = ended.result.as_ref().ok();
        Some(scalars.and_then(|scalars| measure(scalars, config.objective.as_ref(), &config.constraints).ok()))
    };
    if points.are_chosen() {
        let known = move |_: u64, coordinates: &[f64]| {
            let (key, _) = points.template.identity(&points.values(0, coordinates));
            Ok(match measured(&key) {
                Some(None) if only == Only::Failed => Known::Open,
                Some(measured) => Known::Ended(measured),
                None => Known::Open,
            })
        };
        return Ok((Pool::chosen(points.chooser(config)?, Box::new(known), points.most(), limits), 0));
    }
    let (mut seen, mut open, mut ended) = (HashSet::new(), Vec::new(), Vec::new());
    for index in (0..points.known()).filter(|index| home.part.holds(*index)) {
        let (key, _) = points.template.identity(&points.values(index, &[]));
        match (seen.insert(key), measured(&key), only) {
            (false, _, _) => {}
            (_, None, Only::Open) | (_, Some(None), Only::Failed) => open.push(index),
            (_, known, _) => ended.push((index, known.flatten())),
        }
    }
    let before = points.known() - open.len() as u64;
    let coordinates = Box::new(|index| points.coordinates(index));
    let mut pool = Pool::fixed(open.into_iter(), limits).longest_first(coordinates);
    ended.iter().for_each(|(index, measured)| pool.recall(*index, measured.as_ref()));
    Ok((pool, before))
}

/// Why a sweep that ended early did so; nothing if it ended by itself.
pub(super) fn early_end(pool: &Pool<'_>, broken: Option<Error>) -> Option<Error> {
    if let Some(error) = broken.filter(|error| error.kind != ErrorKind::Interrupted) {
        return Some(error);
    }
    match pool.stopped()? {
        Stopped::Told(why) => Some(Error::interrupted(format!("the sweep was interrupted: {why}"))),
        Stopped::Failures(count) => {
            Some(Error::points_failed(format!("{count} points failed, as many as `max_failures` allows")))
        }
    }
}
