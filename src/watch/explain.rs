//! Why a point has no result, and what to do about it.
//!
//! The journals know what was begun. What a point that was never begun consists of, whether it is needed, and whether another one is
//! the same, is in the table, which every run makes anew from time to time; without a table that much is not said.

use super::overview::{Overview, first_line, in_the_sweep, live, live_runs};
use super::text::{duration, fit, points};
use crate::error::{Error, Result};
use crate::io::journal::{Ended, Key, Parameter};
use crate::io::sweep::table::Status;
use crate::io::sweep::{Definition, Part, Records, StoredSweep, Writer};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::path::Path;

const WIDTH: usize = 80;
/// Points and groups that are named.
const MOST: usize = 8;

/// What the folder says.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) definition: &'a Definition,
    pub(super) records: &'a Records,
    pub(super) held: &'a [Part],
}

/// The table, if it can be read.
pub(super) struct Table {
    stored: StoredSweep,
    /// The row of each point, by its place in the sweep.
    rows: HashMap<u64, usize>,
    /// The first point with each key.
    first: HashMap<String, u64>,
}

/// How a point stands and what follows.
struct Standing {
    state: String,
    next: String,
}

impl Table {
    /// The table that the definition names.
    pub(super) fn beside(definition: &Definition) -> Option<Table> {
        let path = Path::new(&definition.job_folder).join(&definition.table);
        StoredSweep::read(&path).ok().map(Table::of)
    }

    fn of(stored: StoredSweep) -> Table {
        let rows = stored.index.iter().enumerate().map(|(row, index)| (*index, row)).collect();
        let mut first: HashMap<String, u64> = HashMap::new();
        for (key, index) in stored.key.iter().zip(&stored.index) {
            let known = first.entry(key.clone()).or_insert(*index);
            *known = (*known).min(*index);
        }
        Table { stored, rows, first }
    }

    /// An earlier point that is the same.
    fn earlier_twin(&self, index: u64) -> Option<u64> {
        let first = self.first.get(&self.stored.key[*self.rows.get(&index)?])?;
        (*first != index).then_some(*first)
    }

    fn is_skipped(&self, index: u64) -> bool {
        self.rows.get(&index).is_some_and(|row| self.stored.status[*row] == Status::Skipped)
    }

    fn parameters(&self, index: u64) -> Option<Vec<String>> {
        let row = *self.rows.get(&index)?;
        Some(self.stored.axes.iter().map(|axis| axis.values.text(row)).collect())
    }

    fn count(&self, status: Status) -> u64 {
        self.stored.status.iter().filter(|found| **found == status).count() as u64
    }

    fn twins(&self) -> u64 {
        (self.rows.len() - self.first.len()) as u64
    }
}

impl Known<'_> {
    /// All that is to be said of one point.
    pub(super) fn point(self, index: u64, table: Option<&Table>) -> Result<String> {
        if index >= self.definition.points {
            return Err(Error::input(format!("there is no point {index}"))
                .allowed(format!("0 to {}", self.definition.points.saturating_sub(1)))
                .next("`rhoshard explain` without an index names the points that have no result"));
        }
        let twin = table.and_then(|table| table.earlier_twin(index));
        let Standing { state, next } = match twin {
            Some(twin) if self.ended(index).is_none() => {
                let next = format!("see point {twin}: its results are those of this one");
                Standing { state: format!("is the same as point {twin}, and not run twice"), next }
            }
            _ => self.standing(index, table),
        };
        let mut text = format!("point {index} {state}\n");
        self.parameters(index, table).iter().for_each(|line| {
            let _ = writeln!(text, "{}", fit(&format!("  {line}"), WIDTH));
        });
        self.history(index).iter().for_each(|line| {
            let _ = writeln!(text, "{}", fit(line, WIDTH));
        });
        let _ = writeln!(text, "next: {next}");
        Ok(text)
    }

    fn standing(&self, index: u64, table: Option<&Table>) -> Standing {
        let job = &self.definition.job;
        let of = |state: String, next: String| Standing { state, next };
        if let Some((writer, since)) = self.running(index) {
            let (rank, host) = writer.begin.as_ref().map_or((0, ""), |begin| (begin.rank, &begin.host));
            let state = format!("is being run: rank {rank} on {host}, since {} of the run", duration(since));
            return of(state, "wait for it".into());
        }
        if table.is_some_and(|table| table.is_skipped(index)) {
            let state = "is not needed: the objective reached `stop_at` before it".into();
            return of(state, "take `stop_at` out of the job file to run it all the same".into());
        }
        match self.ended(index).map(|ended| (ended, &ended.result)) {
            Some((ended, Ok(_))) => {
                let state = format!("is done: it took {}", duration(ended.seconds));
                of(state, format!("its results are in {}", self.definition.table))
            }
            Some((ended, Err(error))) => {
                let times = if ended.attempts > 1 { format!(" {} times", ended.attempts) } else { String::new() };
                let error: String = error.lines().map(|line| format!("\n    {line}")).collect();
                of(
                    format!("has failed{times}:{error}"),
                    format!("mend what it names, then: rhoshard run {job} --only failed"),
                )
            }
            None => self.waiting(index),
        }
    }

    /// Of a point that has not ended and is not being run.
    fn waiting(&self, index: u64) -> Standing {
        let (job, held) = (&self.definition.job, self.held);
        let (state, next) = match held.first() {
            None if self.records.last_run() == 0 => {
                ("has not been run: the sweep was never started".into(), format!("start it: rhoshard run {job}"))
            }
            None => ("has not been run, and no run is in progress".into(), format!("go on: rhoshard run {job}")),
            Some(part) if held.iter().any(|part| part.holds(index)) => {
                let whose = if *part == Part::WHOLE { "the run" } else { "the run of its part" };
                (format!("waits behind other points of {whose} in progress"), "wait for it".into())
            }
            Some(part) => {
                let number = index % part.of + 1;
                let state = format!("belongs to part {number}/{}, which nobody is running", part.of);
                (state, format!("start that part: rhoshard run {job} --part {number}/{}", part.of))
            }
        };
        Standing { state, next }
    }

    fn ended(&self, index: u64) -> Option<&Ended> {
        self.records.all_ended().find(|ended| ended.point.index == index)
    }

    /// Who is at it in a run that is in progress.
    fn running(&self, index: u64) -> Option<(&Writer, f64)> {
        live(self.records, self.held).find_map(|writer| {
            let (point, since) = writer.running.as_ref()?;
            (point.index == index).then_some((writer, *since))
        })
    }

    /// Runs that began it and are no more.
    fn abandoned(&self) -> impl Iterator<Item = (Key, u64, &Writer)> {
        let live = live_runs(self.records, self.held);
        self.records.writers().filter(move |writer| !live.contains(&writer.run)).filter_map(|writer| {
            let (point, _) = writer.running.as_ref()?;
            Some((point.key, point.index, writer))
        })
    }

    fn parameters(&self, index: u64, table: Option<&Table>) -> Vec<String> {
        let begun = self.records.writers().filter_map(|writer| Some(&writer.running.as_ref()?.0));
        let begun = begun.chain(self.records.all_ended().map(|ended| &ended.point)).find(|point| point.index == index);
        let texts = begun.map(|point| point.parameters.iter().map(Parameter::to_string).collect::<Vec<String>>());
        let texts = texts.or_else(|| table.and_then(|table| table.parameters(index)));
        let axes = &self.definition.axes;
        let lines = texts.map(|texts| axes.iter().zip(texts).map(|(axis, text)| format!("{axis} = {text}")).collect());
        lines.unwrap_or_else(|| vec!["(its parameters are in the table, which the first run makes)".into()])
    }

    /// What happened to it before.
    fn history(&self, index: u64) -> Vec<String> {
        let mut lines = Vec::new();
        let runs: Vec<&Writer> = self.abandoned().filter(|found| found.1 == index).map(|found| found.2).collect();
        if let Some(last) = runs.last() {
            let (times, run) = (runs.len(), last.run);
            let times = if times == 1 { "once".into() } else { format!("{times} times") };
            lines.push(format!("begun {times} by runs that ended in the middle of it, last by run {run}"));
            if times != "once" {
                lines.push("a point that ends every run may take more memory than there is".into());
            }
        }
        let damaged: u64 = self.records.damaged().map(|(_, bytes)| bytes).sum();
        if damaged > 0 && self.ended(index).is_none() {
            lines.push(format!("{damaged} bytes of journals are damaged: if its result was there, it is run again"));
        }
        lines
    }

    /// All points that have no result, by their reason.
    pub(super) fn all(self, table: Option<&Table>) -> String {
        let overview = Overview::of(self.definition, self.records, self.held);
        let mut text = String::new();
        let mut say = |line: String| {
            let _ = writeln!(text, "{}", fit(&line, WIDTH));
        };
        let job = &self.definition.job;
        let counts = overview.counts;
        say(format!("{} of {} points have a result", counts.done, overview.points));
        if counts.running > 0 {
            say(format!("{} being run", points(counts.running)));
        }
        self.failures().into_iter().for_each(&mut say);
        if counts.failed > 0 {
            say(format!("  next: mend what they name, then: rhoshard run {job} --only failed"));
        }
        self.begun_and_lost().into_iter().for_each(&mut say);
        self.others(&overview, table).into_iter().for_each(&mut say);
        text
    }

    fn failures(&self) -> Vec<String> {
        let mut groups: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for ended in in_the_sweep(self.definition, self.records).0 {
            if let Err(error) = &ended.result {
                groups.entry(first_line(error)).or_default().push(ended.point.index);
            }
        }
        let mut groups: Vec<(&str, Vec<u64>)> = groups.into_iter().collect();
        groups.iter_mut().for_each(|(_, indices)| indices.sort_unstable());
        groups.sort_by_key(|(_, indices)| (std::cmp::Reverse(indices.len()), indices[0]));
        let left_out = groups.len().saturating_sub(MOST);
        let lines = groups.into_iter().take(MOST).flat_map(|(error, indices)| {
            [format!("{} failed: {error}", points(indices.len() as u64)), format!("  {}", list(&indices))]
        });
        lines.chain((left_out > 0).then(|| format!("... and {left_out} more kinds of failures"))).collect()
    }

    /// Points that killed runs had begun, and that have not ended since.
    fn begun_and_lost(&self) -> Vec<String> {
        let lost = self.abandoned().filter(|(key, _, _)| self.records.ended(key).is_none());
        let mut indices: Vec<u64> = lost.map(|(_, index, _)| index).collect();
        indices.sort_unstable();
        indices.dedup();
        if indices.is_empty() {
            return Vec::new();
        }
        let what = format!("{} begun by runs that ended in the middle of them", points(indices.len() as u64));
        vec![what, format!("  {}", list(&indices))]
    }

    /// Points of which nothing has happened.
    fn others(&self, overview: &Overview, table: Option<&Table>) -> Vec<String> {
        let job = &self.definition.job;
        let pending = overview.counts.pending;
        let mut lines = Vec::new();
        if pending > 0 {
            lines.push(match (overview.is_running, overview.is_over) {
                (true, _) => format!("{} to do: they wait behind others", points(pending)),
                (false, true) => format!("{} not needed: the last run found no more to do", points(pending)),
                (false, false) => format!("{} to do, and no run is in progress", points(pending)),
            });
        }
        let skipped = table.map_or(0, |table| table.count(Status::Skipped));
        if skipped > 0 {
            lines.push(format!("  of them {skipped} after the one that reached `stop_at`"));
        }
        let twins = table.map_or(0, Table::twins);
        if twins > 0 {
            lines.push(format!("  of them {twins} the same as others, whose results they have"));
        }
        if pending > 0 && !overview.is_running && !overview.is_over {
            lines.push(format!("  next: rhoshard run {job}"));
        }
        lines
    }
}

/// `points 3, 7, 12, ...`.
fn list(indices: &[u64]) -> String {
    let shown: Vec<String> = indices.iter().take(MOST).map(u64::to_string).collect();
    let more = if indices.len() > MOST { ", ..." } else { "" };
    format!("point{} {}{more}", if indices.len() == 1 { "" } else { "s" }, shown.join(", "))
}

#[cfg(test)]
mod tests;
