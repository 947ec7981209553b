//! Where time went, and bytes: sums over the kinds of steps.

use super::super::chart::rows::{Entry, Row, Rows};
use super::super::figure::{Figure, Table};
use super::super::number::{UNKNOWN, bytes as bytes_text, count, exact, plural, seconds as seconds_text};
use super::super::run::Run;
use super::{heads, labels};
use crate::io::TraceRow;

const SECONDS: &[(f64, &str)] = &[(1e-6, "microseconds"), (1e-3, "milliseconds"), (1.0, "seconds"), (3600.0, "hours")];
const BYTES: &[(f64, &str)] = &[(1.0, "bytes"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB"), (1e12, "TB")];

/// Seconds of the last pass by kind of step, and of what is around it.
pub(crate) fn by_kind(runs: &[Run]) -> Vec<Figure<'_>> {
    let total: f64 =
        runs.iter().flat_map(|run| &run.record.trace).map(|row| row.seconds).filter(|time| !time.is_nan()).sum();
    let total = total + runs.iter().flat_map(around).map(|phase| phase.1).sum::<f64>();
    if total <= 0.0 {
        return Vec::new();
    }
    let note = "Wall time on the root rank. Operations wait and run together, so their time stands with the step that \
                needed their result.";
    vec![figure(
        runs,
        ("time", "Time by kind of step", note),
        SECONDS,
        &|run| {
            let steps = sums(run, |row| row.seconds).into_iter().map(|(kind, sum, number)| Sum {
                kind,
                sum,
                steps: Some(number),
            });
            let phases = around(run).into_iter().map(|(kind, sum)| Sum { kind, sum, steps: None });
            steps.chain(phases).collect()
        },
        seconds_text,
    )]
}

/// Bytes between ranks by kind of step; nothing when one rank sends none.
pub(crate) fn bytes(runs: &[Run]) -> Vec<Figure<'_>> {
    if runs.iter().flat_map(|run| &run.record.trace).all(|row| row.bytes == 0) {
        return Vec::new();
    }
    let note = "Bytes sent between ranks, summed over all ranks, in the last pass.";
    vec![figure(
        runs,
        ("bytes", "Bytes sent by kind of step", note),
        BYTES,
        &|run| {
            let sums = sums(run, |row| row.bytes as f64).into_iter();
            sums.filter(|sum| sum.1 > 0.0).map(|(kind, sum, number)| Sum { kind, sum, steps: Some(number) }).collect()
        },
        bytes_text,
    )]
}

/// What all steps of a kind took.
struct Sum {
    kind: String,
    sum: f64,
    steps: Option<u64>,
}

fn figure<'a>(
    runs: &'a [Run],
    (name, title, note): (&str, &str, &str),
    units: &'static [(f64, &'static str)],
    sums: &dyn Fn(&Run) -> Vec<Sum>,
    text: fn(f64) -> String,
) -> Figure<'a> {
    let unit = units.iter().find(|(size, _)| *size == 1.0).map_or("", |(_, unit)| unit);
    let all: Vec<Vec<Sum>> = runs.iter().map(sums).collect();
    let kinds = kinds(&all);
    let longest = all.iter().flatten().map(|sum| sum.sum).fold(0.0, f64::max);
    // The axis counts in a unit that suits the longest bar.
    let (size, axis_unit) = *units.iter().rev().find(|(size, _)| longest >= *size).unwrap_or(&units[0]);
    let rows: Vec<Row> = kinds.iter().map(|kind| row(runs, &all, kind, (size, text))).collect();
    let cell = |sums: &Vec<Sum>, kind: &str| {
        let found = sums.iter().find(|sum| sum.kind == kind);
        let steps = found.and_then(|sum| sum.steps).map_or(UNKNOWN.into(), count);
        [steps, found.map_or(UNKNOWN.into(), |sum| exact(sum.sum))]
    };
    let cells =
        |kind: &String| std::iter::once(kind.clone()).chain(all.iter().flat_map(|sums| cell(sums, kind))).collect();
    let table = Table::of(heads(runs, &["kind"], &["steps", unit]), kinds.iter().map(cells));
    let (x_title, remark) = (axis_unit.to_string(), String::new());
    let chart = Rows { labels: labels(runs), rows, bars: true, range: None, x_title, reference: None, remark };
    let draw = Box::new(move |width| chart.draw(width));
    Figure { name: name.into(), title: title.into(), note: note.into(), table, table_first: false, draw }
}

/// All kinds, those that take most of any run first.
fn kinds(all: &[Vec<Sum>]) -> Vec<String> {
    let mut kinds: Vec<(String, f64)> = Vec::new();
    for sum in all.iter().flatten() {
        match kinds.iter_mut().find(|(kind, _)| *kind == sum.kind) {
            Some((_, most)) => *most = most.max(sum.sum),
            None => kinds.push((sum.kind.clone(), sum.sum)),
        }
    }
    kinds.sort_by(|one, other| other.1.total_cmp(&one.1));
    kinds.into_iter().map(|(kind, _)| kind).collect()
}

fn row(runs: &[Run], all: &[Vec<Sum>], kind: &str, (size, text): (f64, fn(f64) -> String)) -> Row {
    let entry = |(series, sums): (usize, &Vec<Sum>)| {
        let found = sums.iter().find(|sum| sum.kind == kind)?;
        let of = if runs.len() > 1 { format!(", {}", runs[series].label) } else { String::new() };
        let steps = found.steps.map_or(String::new(), |steps| format!(" in {}", plural(steps, "step")));
        let tip = format!("{kind}{of}\n{}{steps}\nexactly {}", text(found.sum), exact(found.sum));
        let (value, nothing) = (found.sum / size, f64::NAN);
        Some(Entry { series, value, lower: nothing, upper: nothing, stderr: nothing, text: text(found.sum), tip })
    };
    Row { label: kind.to_string(), entries: all.iter().enumerate().filter_map(entry).collect() }
}

/// Kind, sum and number of the steps of each kind.
fn sums(run: &Run, value: impl Fn(&TraceRow) -> f64) -> Vec<(String, f64, u64)> {
    let mut sums: Vec<(String, f64, u64)> = Vec::new();
    for row in &run.record.trace {
        let value = Some(value(row)).filter(|value| !value.is_nan()).unwrap_or(0.0);
        match sums.iter_mut().find(|(kind, _, _)| *kind == row.kind) {
            Some((_, sum, number)) => (*sum, *number) = (*sum + value, *number + 1),
            None => sums.push((row.kind.clone(), value, 1)),
        }
    }
    sums
}

/// Phases outside of the steps. The engine's contains all passes, so only what earlier ones took is told apart.
fn around(run: &Run) -> Vec<(String, f64)> {
    let of =
        |name: &str| run.record.timing.iter().find(|phase| phase.name == name).map_or(f64::NAN, |phase| phase.seconds);
    let named = [
        ("reading and planning", of("prepare")),
        ("choosing the engine", of("choose")),
        ("earlier passes", of("engine") - of("last_pass") - of("observables") - of("counts")),
        ("drawing counts", of("counts")),
    ];
    let told = |(_, seconds): &(&str, f64)| *seconds > 1e-4;
    named.into_iter().filter(told).map(|(name, seconds)| (name.to_string(), seconds)).collect()
}
