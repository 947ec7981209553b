//! Along the circuit: the width of the factor, and the error.

use super::super::chart::lines::{Lines, indices};
use super::super::figure::{Figure, MOST_ROWS, Table};
use super::super::number::{count, exact, plural, short};
use super::super::run::Run;
use super::{heads, labels};
use std::ops::Range;

/// Values that differ by a larger factor are drawn on a logarithmic axis.
const FAR_APART: f64 = 20.0;

/// Columns of the factor after each step; nothing when their number never changes.
pub(crate) fn width(runs: &[Run]) -> Vec<Figure<'_>> {
    let values: Vec<Vec<f64>> =
        runs.iter().map(|run| run.record.trace.iter().map(|row| row.width as f64).collect()).collect();
    if values.iter().all(|widths| widths.windows(2).all(|pair| pair[0] == pair[1])) {
        return Vec::new();
    }
    let peaks = values.iter().map(|widths| widths.iter().copied().fold(1.0, f64::max));
    let logarithmic = peaks.clone().fold(1.0, f64::max) > FAR_APART * peaks.fold(f64::INFINITY, f64::min);
    let ends = values.iter().map(|widths| widths.last().map_or(String::new(), |last| count(*last as u64))).collect();
    let tip = Box::new(move |series: usize, range| widths_of(&runs[series], range));
    let table = table(runs, "columns", &values, |value| count(value as u64));
    let chart = Lines { y_title: "columns of L", logarithmic, ends, ..along_steps(runs, values, tip) };
    vec![Figure {
        name: "width".into(),
        title: "Width of the factor".into(),
        note: runs.iter().filter_map(|run| widest(runs, run)).collect::<Vec<_>>().join(" "),
        table,
        table_first: false,
        draw: Box::new(move |width| chart.draw(width)),
    }]
}

/// The weight cut away so far; nothing when none is.
pub(crate) fn error(runs: &[Run]) -> Vec<Figure<'_>> {
    let values: Vec<Vec<f64>> = runs.iter().map(|run| run.accumulated.clone()).collect();
    let (least, most) = ends_above_zero(&values);
    if most <= 0.0 {
        return Vec::new();
    }
    let logarithmic = most > FAR_APART * least;
    let y_title = if logarithmic { "error so far (logarithmic)" } else { "error so far" };
    let last = |sums: &Vec<f64>| sums.last().copied().filter(|last| *last > 0.0);
    let ends = values.iter().map(|sums| last(sums).map_or(String::new(), short)).collect();
    let reference = budget(runs).map(|budget| (budget, format!("budget {budget}")));
    let table = table(runs, "error so far", &values, exact);
    let tip = Box::new(move |series: usize, range| error_of(&runs[series], range));
    let chart = Lines { y_title, logarithmic, ends, reference, ..along_steps(runs, values, tip) };
    let note = "Weight cut away up to each step. It is exactly the distance from the exact state in trace norm; the \
                certified error adds a bound on rounding.";
    vec![Figure {
        name: "error".into(),
        title: "Accumulated error".into(),
        note: note.into(),
        table,
        table_first: false,
        draw: Box::new(move |width| chart.draw(width)),
    }]
}

/// A chart over the steps of the plan, without a title yet.
fn along_steps<'a>(
    runs: &'a [Run],
    values: Vec<Vec<f64>>,
    tip: Box<dyn Fn(usize, Range<usize>) -> String + 'a>,
) -> Lines<'a> {
    let heading = move |range: Range<usize>| match (runs, range.len()) {
        ([run], 1) => format!("{}: {}", indices("step", &range), run.record.trace[range.start].kind),
        _ => indices("step", &range),
    };
    Lines {
        labels: labels(runs),
        values,
        bands: Vec::new(),
        first: 0,
        x_title: "step of the plan",
        y_title: "",
        logarithmic: false,
        steps: true,
        reference: None,
        tip,
        heading: Box::new(heading),
        ends: Vec::new(),
    }
}

/// The budget that all runs have.
fn budget(runs: &[Run]) -> Option<f64> {
    let mut budgets = runs.iter().map(|run| run.record.state.budget);
    budgets.next().filter(|first| *first > 0.0 && budgets.all(|other| other == *first))
}

/// The least and the greatest value above zero.
fn ends_above_zero(values: &[Vec<f64>]) -> (f64, f64) {
    let above = || values.iter().flatten().copied().filter(|value| *value > 0.0);
    (above().fold(f64::INFINITY, f64::min), above().fold(0.0, f64::max))
}

/// How wide a run was, with its name when there are several.
fn widest(runs: &[Run], run: &Run) -> Option<String> {
    let name = if runs.len() > 1 { format!("{}: ", run.label) } else { String::new() };
    let (most, last) = (plural(run.widest(), "column"), count(run.record.trace.last()?.width));
    Some(format!("{name}{most} at most, {last} at the end."))
}

fn widths_of(run: &Run, range: Range<usize>) -> String {
    let widths = || run.record.trace[range.clone()].iter().map(|row| row.width);
    let (least, most) = (widths().min().unwrap_or(0), widths().max().unwrap_or(0));
    if least == most { plural(most, "column") } else { format!("{} to {} columns", count(least), count(most)) }
}

fn error_of(run: &Run, range: Range<usize>) -> String {
    let here: f64 = run.record.trace[range.clone()].iter().map(|row| row.discarded).filter(|cut| !cut.is_nan()).sum();
    format!("error so far {}, of it here {}", exact(run.accumulated[range.end - 1]), short(here))
}

/// A row for each step, with one column for each run. Of many steps, rows at equal distances are kept.
fn table(runs: &[Run], column: &str, values: &[Vec<f64>], text: impl Fn(f64) -> String) -> Table {
    let steps = values.iter().map(Vec::len).max().unwrap_or(0);
    let each = steps.div_ceil(MOST_ROWS).max(1);
    let single = runs.len() == 1;
    let kind = |step: usize| single.then(|| runs[0].record.trace[step].kind.clone());
    let cell = |values: &Vec<f64>, step: usize| values.get(step).map_or(String::new(), |value| text(*value));
    let row = |step: usize| {
        let first = std::iter::once(count(step as u64)).chain(kind(step));
        first.chain(values.iter().map(|values| cell(values, step))).collect()
    };
    let rows: Vec<Vec<String>> = (0..steps).step_by(each).map(row).collect();
    let left_out = steps - rows.len();
    let head = heads(runs, if single { &["step", "kind"] } else { &["step"] }, &[column]);
    Table { head, rows, left_out }
}
