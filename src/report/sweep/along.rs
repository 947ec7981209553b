//! The subject along each axis of numbers, a line for each value of another axis.

use super::super::chart::graphs::{Graph, Graphs, Spot, Style};
use super::super::figure::{Figure, Table};
use super::super::number::{exact, plural};
use super::super::theme::MOST_RUNS;
use super::bins::{Bins, spread, tick};
use super::map::told;
use super::{NumericAxis, Summary, Sweep};
use crate::io::sweep::AxisColumn;

/// Values of a grid that stand by themselves, and ranges that more are put together to.
const MOST: usize = 400;
const RANGES: usize = 64;
/// Axes that have a figure.
const MOST_AXES: usize = 6;
/// Values beyond which an axis of drawn points divides nothing.
const FEW: usize = 40;

/// Points that share the value of an axis, and what they are called.
struct Line {
    label: String,
    points: Vec<usize>,
}

/// A figure for each axis.
pub(super) fn axes(sweep: &Sweep) -> Vec<Figure<'_>> {
    sweep.numeric_axes().into_iter().take(MOST_AXES).filter_map(|axis| along(sweep, axis)).collect()
}

fn along<'a>(sweep: &'a Sweep, axis: NumericAxis<'a>) -> Option<Figure<'a>> {
    let subject = sweep.subject()?;
    let (divided, lines) = lines(sweep, axis.place);
    let most = if sweep.is_grid() { MOST } else { RANGES };
    let bins = Bins::of(&axis, &sweep.done, most, RANGES);
    let summaries: Vec<Vec<Option<Summary>>> = lines.iter().map(|line| at_each(sweep, &axis, &bins, line)).collect();
    let style = if sweep.is_grid() { Style::Line } else { Style::Dots };
    let graphs = summaries.iter().enumerate().map(|(series, line)| graph(&bins, series, line, style)).collect();
    let labels: Vec<String> = lines.iter().map(|line| line.label.clone()).collect();
    let note = note(sweep, &summaries, &bins, divided.as_deref());
    let table = table(&axis, &subject.name, &labels, &bins, &summaries);
    let chart = Graphs {
        graphs,
        spots: spots(sweep, &axis, &bins, &labels, &summaries),
        labels,
        x_title: axis.name.into(),
        y_title: subject.name.clone(),
        x_logarithmic: axis.is_logarithmic,
    };
    Some(Figure {
        name: format!("along-{}", axis.name),
        title: format!("{} along {}", subject.name, axis.name),
        note,
        table,
        table_first: false,
        draw: Box::new(move |width| chart.draw(width)),
    })
}

/// The points divided by the axis with the fewest values besides `place`, and what is said of the division.
fn lines(sweep: &Sweep, place: usize) -> (Option<String>, Vec<Line>) {
    let others = (0..sweep.table.axes.len()).filter(|other| *other != place);
    let divided = others.map(|other| (other, values(sweep, other)));
    let most = if sweep.is_grid() { usize::MAX } else { FEW };
    let Some((other, values)) =
        divided.filter(|(_, values)| (2..=most).contains(&values.len())).min_by_key(|(_, values)| values.len())
    else {
        return (None, vec![Line { label: String::new(), points: sweep.done.clone() }]);
    };
    let name = sweep.axis_name(other);
    let shown: Vec<&String> = spread(values.len(), MOST_RUNS).map(|at| &values[at]).collect();
    let column = &sweep.table.axes[other].values;
    let line = |value: &&String| Line {
        label: format!("{name} = {}", shortened(column, value)),
        points: sweep.done.iter().copied().filter(|point| column.text(*point) == **value).collect(),
    };
    let said = match shown.len() < values.len() {
        true => format!("A line for each of {} of the {} values of {name}.", shown.len(), values.len()),
        false => format!("A line for each value of {name}."),
    };
    let lines = shown.iter().map(line).collect();
    (Some(said), lines)
}

/// A number in a few digits, a word as it is.
fn shortened(column: &AxisColumn, value: &str) -> String {
    match (column, value.parse()) {
        (AxisColumn::Numbers(_), Ok(number)) => tick(number),
        _ => value.into(),
    }
}

/// The different values of an axis as texts, numbers in their order.
fn values(sweep: &Sweep, place: usize) -> Vec<String> {
    let column = &sweep.table.axes[place].values;
    let mut points = sweep.done.clone();
    match column {
        AxisColumn::Numbers(numbers) => points.sort_by(|one, other| numbers[*one].total_cmp(&numbers[*other])),
        AxisColumn::Words(words) => points.sort_by(|one, other| words[*one].cmp(&words[*other])),
    }
    let mut texts: Vec<String> = points.into_iter().map(|point| column.text(point)).collect();
    texts.dedup();
    texts
}

fn at_each(sweep: &Sweep, axis: &NumericAxis<'_>, bins: &Bins, line: &Line) -> Vec<Option<Summary>> {
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); bins.count()];
    for point in &line.points {
        if let Some(place) = bins.place(axis.values[*point]) {
            groups[place].push(*point);
        }
    }
    groups.iter().map(|points| sweep.summary(points)).collect()
}

fn graph(bins: &Bins, series: usize, line: &[Option<Summary>], style: Style) -> Graph {
    let known = || line.iter().enumerate().filter_map(|(place, summary)| Some((place, summary.as_ref()?)));
    Graph {
        points: known().map(|(place, summary)| (bins.middle(place), summary.value)).collect(),
        band: known().map(|(_, summary)| band(summary)).collect(),
        style,
        series,
    }
}

/// The proven interval, else one standard error to either side.
fn band(summary: &Summary) -> [f64; 2] {
    let Summary { value, lower, upper, stderr, .. } = summary;
    if lower.is_finite() && upper.is_finite() { [*lower, *upper] } else { [value - stderr, value + stderr] }
}

fn note(sweep: &Sweep, summaries: &[Vec<Option<Summary>>], bins: &Bins, divided: Option<&str>) -> String {
    let all = || summaries.iter().flatten().flatten();
    let mut notes: Vec<String> = divided.map(String::from).into_iter().collect();
    if bins.are_ranges() {
        notes.push("Values are put together to ranges.".into());
    }
    let most = all().map(|summary| summary.points).max().unwrap_or(0);
    if most > 1 {
        notes.push(format!("Each value is {} of up to {}.", sweep.kind_of_summary(), plural(most as u64, "point")));
    }
    if all().any(|summary| summary.lower.is_finite()) {
        notes.push("Bands are proven: the exact values lie in them.".into());
    } else if all().any(|summary| summary.stderr > 0.0) {
        notes.push("Bands are one standard error to either side.".into());
    }
    notes.join(" ")
}

fn spots(
    sweep: &Sweep,
    axis: &NumericAxis<'_>,
    bins: &Bins,
    labels: &[String],
    summaries: &[Vec<Option<Summary>>],
) -> Vec<Spot> {
    let spot = |place: usize| {
        let known = summaries.iter().zip(labels).filter_map(|(line, label)| Some((line[place].as_ref()?, label)));
        let said = known.map(|(summary, label)| match labels.len() {
            1 => told(sweep, summary),
            _ => format!("{label}: {}", told(sweep, summary).replace('\n', ", ")),
        });
        let lines: Vec<String> = said.collect();
        let tip = format!("{} = {}\n{}", axis.name, bins.title(place), lines.join("\n"));
        (!lines.is_empty()).then_some(Spot { x: bins.middle(place), y: None, tip })
    };
    (0..bins.count()).filter_map(spot).collect()
}

fn table(
    axis: &NumericAxis<'_>,
    subject: &str,
    labels: &[String],
    bins: &Bins,
    summaries: &[Vec<Option<Summary>>],
) -> Table {
    let head = [axis.name, "line", subject, "lower", "upper", "standard error"].map(String::from).into();
    let row = |place: usize, line: usize| {
        let Summary { value, lower, upper, stderr, .. } = summaries[line][place].as_ref()?;
        let numbers = [value, lower, upper, stderr].map(|number| exact(*number));
        Some([bins.title(place), labels[line].clone()].into_iter().chain(numbers).collect())
    };
    let places = (0..bins.count()).flat_map(|place| (0..labels.len()).map(move |line| (place, line)));
    let rows: Vec<Vec<String>> = places.filter_map(|(place, line)| row(place, line)).collect();
    Table::of(head, rows.into_iter())
}
