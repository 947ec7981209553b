//! How far a sweep is: a function of what its folder says.

use super::rate;
use crate::io::journal::{Ended, Key, Parameter};
use crate::io::sweep::{Definition, Part, Records, Writer};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// How far a sweep is. Times are those of the runs' own clocks: wall clocks jump.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overview {
    /// The job file as the user named it.
    pub job: String,
    /// The table of results.
    pub table: String,
    /// How points are chosen.
    pub sampler: String,
    /// Points in all; the most there can be if they are chosen on the way.
    pub points: u64,
    /// How they stand.
    pub counts: Counts,
    /// Results in the journals that are of no point of the sweep as it is defined now.
    pub superseded: u64,
    /// How often the sweep was started.
    pub runs: u64,
    /// Whether a run holds the folder now.
    pub is_running: bool,
    /// Whether nothing is left: all points have ended, or the last run found no more to do.
    pub is_over: bool,
    /// Points per second of the runs in progress, else of the last one.
    pub points_per_second: Option<f64>,
    /// Seconds until all points have ended, at this speed.
    pub seconds_left: Option<f64>,
    /// Seconds of the last run, as far as its ranks have been heard of.
    pub elapsed: f64,
    /// The best point, if the sweep has an objective.
    pub best: Option<Best>,
    /// The point that took longest.
    pub slowest: Option<Slowest>,
    /// Failed points by the first line of their error, most frequent first.
    pub failures: Vec<Failure>,
    /// The ranks of the runs in progress, else of the last run.
    pub ranks: Vec<RankState>,
    /// Runs that ended before the sweep did.
    pub interrupted: Vec<RunEnd>,
    /// Journals that were damaged, and how many bytes of each.
    pub damaged: Vec<(String, u64)>,
}

/// How many points stand in which way; all together they are the sweep's points.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// They have results.
    pub done: u64,
    /// They were run and have none.
    pub failed: u64,
    /// A rank is at them.
    pub running: u64,
    /// Any other.
    pub pending: u64,
}

/// A point and its objective.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Best {
    /// Its place in the sweep.
    pub index: u64,
    /// Name of the objective.
    pub result: String,
    /// The objective.
    pub value: f64,
    /// Proven lower bound; NaN, as below, where there is none.
    pub lower: f64,
    /// Proven upper bound.
    pub upper: f64,
    /// Standard error.
    pub stderr: f64,
    /// The values of the axes.
    pub parameters: Vec<(String, Parameter)>,
}

/// A point and its wall time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Slowest {
    /// Its place in the sweep.
    pub index: u64,
    /// What its last attempt took.
    pub seconds: f64,
}

/// Points that failed for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The first line of the error.
    pub error: String,
    /// How many they are.
    pub points: u64,
    /// The first of them.
    pub first: u64,
}

/// What a rank is doing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankState {
    /// Its run.
    pub run: u64,
    /// The rank.
    pub rank: u64,
    /// Its host.
    pub host: String,
    /// Points that it ended.
    pub ended: u64,
    /// The point it is at, and since when, in seconds since its run began.
    pub running: Option<(u64, f64)>,
    /// When it was last heard of, in seconds since its run began.
    pub heard: f64,
    /// Whether it has nothing left to run.
    pub is_closed: bool,
}

/// How a run ended before the sweep did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunEnd {
    /// The run.
    pub run: u64,
    /// When it began, UTC.
    pub started: String,
    /// Why it ended; nothing if it was killed.
    pub reason: Option<String>,
    /// Points that it had begun and not ended.
    pub lost: u64,
}

impl Overview {
    /// What definition, journals and the parts that runs hold say together.
    pub fn of(definition: &Definition, records: &Records, held: &[Part]) -> Overview {
        let live: Vec<&Writer> = live(records, held).collect();
        let running: HashSet<Key> = live.iter().filter_map(|writer| Some(writer.running.as_ref()?.0.key)).collect();
        let (ended, superseded) = in_the_sweep(definition, records);
        let counts = counts(definition, &ended, &running);
        let shown = shown(records, held);
        let is_running = !held.is_empty();
        let active: Vec<&Writer> = live.iter().copied().filter(|writer| writer.closed.is_none()).collect();
        let speed = match is_running {
            true => rate::in_progress(active.iter().copied()),
            false => rate::of_ended_run(shown.iter().copied()),
        };
        let left = counts.pending + counts.running;
        Overview {
            job: definition.job.clone(),
            table: definition.table.clone(),
            sampler: definition.sampler.clone(),
            points: definition.points,
            counts,
            superseded,
            runs: records.last_run(),
            is_running,
            is_over: !is_running && (left == 0 || found_no_more(records)),
            points_per_second: speed,
            seconds_left: speed.filter(|_| is_running).map(|speed| left as f64 / speed),
            elapsed: shown.iter().map(|writer| writer.elapsed).fold(0.0, f64::max),
            best: best(definition, &ended),
            slowest: slowest(&ended),
            failures: failures(&ended, &running),
            ranks: shown.iter().map(|writer| rank_state(writer)).collect(),
            interrupted: interrupted(records, held),
            damaged: records.damaged().map(|(path, bytes)| (path.display().to_string(), bytes)).collect(),
        }
    }
}

/// The ranks of runs in progress: those that hold their part.
pub(super) fn live<'a>(records: &'a Records, held: &'a [Part]) -> impl Iterator<Item = &'a Writer> {
    records.current().filter(|writer| held.contains(&writer.part))
}

/// The runs in progress.
pub(super) fn live_runs(records: &Records, held: &[Part]) -> HashSet<u64> {
    live(records, held).map(|writer| writer.run).collect()
}

/// The ranks to show: those of runs in progress, else of the last run.
fn shown<'a>(records: &'a Records, held: &'a [Part]) -> Vec<&'a Writer> {
    let live: Vec<&Writer> = live(records, held).collect();
    if !live.is_empty() {
        return live;
    }
    let last = records.last_run();
    records.writers().filter(|writer| writer.run == last).collect()
}

/// The points that have ended, in the order of the sweep, and how many more the journals know. A sweep whose job file was
/// changed has journals of points that it no longer has; where two are at one place, it is not known which is the present one.
pub(super) fn in_the_sweep<'a>(definition: &Definition, records: &'a Records) -> (Vec<&'a Ended>, u64) {
    let mut ended: Vec<&Ended> = records.all_ended().collect();
    let all = ended.len();
    let axes = definition.axes.len();
    ended.retain(|ended| ended.point.index < definition.points && ended.point.parameters.len() == axes);
    ended.sort_by_key(|ended| (ended.point.index, ended.result.is_err(), ended.point.key));
    ended.dedup_by_key(|ended| ended.point.index);
    let superseded = (all - ended.len()) as u64;
    (ended, superseded)
}

fn counts(definition: &Definition, ended: &[&Ended], running: &HashSet<Key>) -> Counts {
    let resting = || ended.iter().filter(|ended| !running.contains(&ended.point.key));
    let done = resting().filter(|ended| ended.result.is_ok()).count() as u64;
    let failed = resting().count() as u64 - done;
    let running = running.len() as u64;
    Counts { done, failed, running, pending: definition.points.saturating_sub(done + failed + running) }
}

/// Whether every part of the last run's division came to its end by itself.
fn found_no_more(records: &Records) -> bool {
    let last = records.last_run();
    let Some(of) = records.writers().find(|writer| writer.run == last).map(|writer| writer.part.of) else {
        return false;
    };
    let mut complete: HashMap<Part, bool> = HashMap::new();
    for writer in records.current() {
        *complete.entry(writer.part).or_insert(true) &= writer.closed == Some(None);
    }
    (1..=of).all(|number| complete.get(&Part { number, of }) == Some(&true))
}

fn best(definition: &Definition, ended: &[&Ended]) -> Option<Best> {
    let objective = definition.objective.as_ref()?;
    let value = |ended: &Ended, name: &str| {
        let scalars = ended.result.as_ref().ok()?;
        scalars.iter().find(|scalar| scalar.name == name).cloned()
    };
    let is_feasible = |ended: &Ended| {
        definition.constraints.iter().all(|constraint| {
            value(ended, &constraint.result).is_some_and(|found| constraint.excess(found.value) <= 0.0)
        })
    };
    let candidates = ended.iter().filter(|ended| is_feasible(ended));
    let measured = candidates.filter_map(|ended| Some((ended, value(ended, &objective.result)?)));
    // Of equal points the first counts: they are in the order of the sweep.
    let (ended, found) = measured
        .filter(|(_, found)| !found.value.is_nan())
        .min_by(|one, other| objective.cost(one.1.value).total_cmp(&objective.cost(other.1.value)))?;
    Some(Best {
        index: ended.point.index,
        result: found.name,
        value: found.value,
        lower: found.lower,
        upper: found.upper,
        stderr: found.stderr,
        parameters: definition.axes.iter().cloned().zip(ended.point.parameters.iter().cloned()).collect(),
    })
}

fn slowest(ended: &[&Ended]) -> Option<Slowest> {
    let slowest = ended.iter().max_by(|one, other| one.seconds.total_cmp(&other.seconds))?;
    Some(Slowest { index: slowest.point.index, seconds: slowest.seconds })
}

/// The first line of an error that is not empty.
pub(super) fn first_line(error: &str) -> &str {
    error.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no reason was given")
}

fn failures(ended: &[&Ended], running: &HashSet<Key>) -> Vec<Failure> {
    let mut groups: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for ended in ended.iter().filter(|ended| !running.contains(&ended.point.key)) {
        if let Err(error) = &ended.result {
            groups.entry(first_line(error)).or_insert((0, ended.point.index)).0 += 1;
        }
    }
    let failure = |(error, (points, first)): (&str, (u64, u64))| Failure { error: error.into(), points, first };
    let mut failures: Vec<Failure> = groups.into_iter().map(failure).collect();
    failures.sort_by_key(|failure| (std::cmp::Reverse(failure.points), failure.first));
    failures
}

fn rank_state(writer: &Writer) -> RankState {
    RankState {
        run: writer.run,
        rank: writer.begin.as_ref().map_or(0, |begin| begin.rank),
        host: writer.begin.as_ref().map_or_else(String::new, |begin| begin.host.clone()),
        ended: writer.ended,
        running: writer.running.as_ref().map(|(point, since)| (point.index, *since)),
        heard: writer.elapsed,
        is_closed: writer.closed.is_some(),
    }
}

/// Runs that were told to stop, or that say no more although nobody holds their part.
fn interrupted(records: &Records, held: &[Part]) -> Vec<RunEnd> {
    let mut runs: BTreeMap<u64, Vec<&Writer>> = BTreeMap::new();
    records.writers().for_each(|writer| runs.entry(writer.run).or_default().push(writer));
    let live = live_runs(records, held);
    let over = runs.into_iter().filter(|(run, _)| !live.contains(run));
    over.filter_map(|(run, writers)| run_end(run, &writers)).collect()
}

fn run_end(run: u64, writers: &[&Writer]) -> Option<RunEnd> {
    let reason = writers.iter().find_map(|writer| writer.closed.clone().flatten());
    if reason.is_none() && writers.iter().all(|writer| writer.closed.is_some()) {
        return None;
    }
    let lost = writers.iter().filter(|writer| writer.running.is_some()).count() as u64;
    let started = writers.iter().find_map(|writer| Some(writer.begin.as_ref()?.started.clone())).unwrap_or_default();
    Some(RunEnd { run, started, reason, lost })
}

#[cfg(test)]
pub(super) mod tests;
