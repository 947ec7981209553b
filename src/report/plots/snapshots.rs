//! Observables at the snapshots along the circuit.

use super::super::chart::lines::Lines;
use super::super::figure::{Figure, Table};
use super::super::number::{UNKNOWN, exact};
use super::super::run::Run;
use super::{heads, labels};
use crate::io::{Expectation, Snapshot};
use std::ops::Range;

/// Observables that are drawn, each in a figure of its own.
const MOST: usize = 6;

/// The first observables of the first run that has snapshots, in all runs.
pub(crate) fn observables(runs: &[Run]) -> Vec<Figure<'_>> {
    let Some(first) = runs.iter().find_map(|run| run.record.snapshots.first()) else { return Vec::new() };
    first.expectations.iter().take(MOST).enumerate().map(|(index, of)| figure(runs, index, &of.name)).collect()
}

fn figure<'a>(runs: &'a [Run], index: usize, name: &'a str) -> Figure<'a> {
    let chart = lines(runs, name);
    let longest = runs.iter().map(|run| run.record.snapshots.len()).max().unwrap_or(0);
    let row = |index: usize| {
        let title = runs.iter().find_map(|run| run.record.snapshots.get(index)).map_or("", |one| &one.name);
        let cells = runs.iter().flat_map(|run| cells(run.record.snapshots.get(index), name));
        std::iter::once(title.to_string()).chain(cells).collect()
    };
    let columns = ["value", "lower", "upper", "standard error", "rank", "certified error"];
    Figure {
        name: format!("snapshots-{}", index + 1),
        title: format!("{name} along the circuit"),
        note:
            "One dot for each snapshot. The band is the proven interval, or where nothing is proven one standard error."
                .into(),
        table: Table::of(heads(runs, &["snapshot"], &columns), (0..longest).map(row)),
        table_first: false,
        draw: Box::new(move |width| chart.draw(width)),
    }
}

fn find<'a>(snapshot: &'a Snapshot, name: &str) -> Option<&'a Expectation> {
    snapshot.expectations.iter().find(|found| found.name == name)
}

fn cells(snapshot: Option<&Snapshot>, name: &str) -> Vec<String> {
    let found = snapshot.and_then(|snapshot| Some((snapshot, find(snapshot, name)?)));
    let Some((snapshot, of)) = found else { return vec![UNKNOWN.into(); 6] };
    let numbers = [of.value, of.lower, of.upper, of.stderr].map(exact);
    numbers.into_iter().chain([snapshot.rank.to_string(), exact(snapshot.error)]).collect()
}

fn lines<'a>(runs: &'a [Run], name: &'a str) -> Lines<'a> {
    let of = |run: &Run, part: fn(&Expectation) -> f64| {
        let snapshots = run.record.snapshots.iter();
        snapshots.map(|one| find(one, name).map_or(f64::NAN, part)).collect::<Vec<f64>>()
    };
    let band = |run: &Run| {
        let ends = of(run, |one| ends(one)[0]).into_iter().zip(of(run, |one| ends(one)[1]));
        ends.map(|(low, high)| [low, high]).collect()
    };
    let heading = move |range: Range<usize>| {
        let one =
            |index: usize| runs.iter().find_map(|run| run.record.snapshots.get(index)).map_or("", |one| &one.name);
        match range.len() {
            1 => one(range.start).to_string(),
            _ => format!("{} to {}", one(range.start), one(range.end - 1)),
        }
    };
    Lines {
        labels: labels(runs),
        values: runs.iter().map(|run| of(run, |one| one.value)).collect(),
        bands: runs.iter().map(band).collect(),
        first: 1,
        x_title: "snapshot",
        y_title: "value",
        logarithmic: false,
        steps: false,
        reference: None,
        tip: Box::new(move |series, range| tip(&runs[series], range, name)),
        heading: Box::new(heading),
        ends: vec![String::new(); runs.len()],
    }
}

/// The ends of what is known of a value.
fn ends(of: &Expectation) -> [f64; 2] {
    if of.lower.is_finite() { [of.lower, of.upper] } else { [of.value - of.stderr, of.value + of.stderr] }
}

fn tip(run: &Run, range: Range<usize>, name: &str) -> String {
    let Some(of) = run.record.snapshots.get(range.start).and_then(|one| find(one, name)) else { return UNKNOWN.into() };
    let [low, high] = ends(of);
    format!("{}, in [{}, {}]", exact(of.value), exact(low), exact(high))
}
