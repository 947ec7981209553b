//! Eigenvalues of the core.

use super::super::chart::lines::{Lines, indices};
use super::super::figure::{Figure, Table};
use super::super::number::{UNKNOWN, count, exact};
use super::super::run::Run;
use super::{heads, labels};
use std::ops::Range;

/// The eigenvalues of each run, largest first, on a logarithmic axis; nothing when no file has them.
pub(crate) fn eigenvalues(runs: &[Run]) -> Vec<Figure<'_>> {
    let longest = runs.iter().map(|run| run.spectrum.len()).max().unwrap_or(0);
    if longest < 2 {
        return Vec::new();
    }
    let cell = |run: &Run, index: usize| run.spectrum.get(index).map_or(UNKNOWN.into(), |value| exact(*value));
    let row = |index: usize| {
        std::iter::once(count(index as u64 + 1)).chain(runs.iter().map(|run| cell(run, index))).collect::<Vec<String>>()
    };
    let chart = lines(runs);
    vec![Figure {
        name: "spectrum".into(),
        title: "Spectrum of the core".into(),
        note: "Eigenvalues of the part of the state that is kept, largest first; they add up to its trace.".into(),
        table: Table::of(heads(runs, &["index"], &["eigenvalue"]), (0..longest).map(row)),
        table_first: false,
        draw: Box::new(move |width| chart.draw(width)),
    }]
}

fn lines(runs: &[Run]) -> Lines<'_> {
    Lines {
        labels: labels(runs),
        values: runs.iter().map(|run| run.spectrum.clone()).collect(),
        bands: Vec::new(),
        first: 1,
        x_title: "index",
        y_title: "eigenvalue (logarithmic)",
        logarithmic: true,
        steps: false,
        reference: None,
        tip: Box::new(|series, range| tip(&runs[series].spectrum[range])),
        heading: Box::new(|range: Range<usize>| indices("eigenvalue", &(range.start + 1..range.end + 1))),
        ends: vec![String::new(); runs.len()],
    }
}

fn tip(values: &[f64]) -> String {
    match values {
        [value] => exact(*value),
        [first, .., last] => format!("{} to {}", exact(*first), exact(*last)),
        [] => UNKNOWN.into(),
    }
}
