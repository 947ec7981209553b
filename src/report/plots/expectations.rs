//! Expectation values with their intervals, and their differences between runs.

use super::super::chart::rows::{Entry, Row, Rows};
use super::super::figure::{Figure, Table};
use super::super::number::{UNKNOWN, count, estimate, exact, interval, minus, short};
use super::super::run::Run;
use super::{heads, labels};
use crate::io::Expectation;

/// Observables that are drawn; the table has more.
const MOST: usize = 40;

/// Every observable with its value in each run.
pub(crate) fn values(runs: &[Run]) -> Vec<Figure<'_>> {
    let all: Vec<Vec<Expectation>> = runs.iter().map(|run| run.record.expectations.clone()).collect();
    let within = |found: &Expectation| found.value.abs() <= 1.0 && !(found.lower < -1.0 || found.upper > 1.0);
    let range = all.iter().flatten().all(within).then_some((-1.0, 1.0));
    let of = Quantity { name: "expectations", title: "Expectation values", rows: "observable", unit: "value", range };
    intervals(runs, &of, &all, meaning(runs))
}

/// What a figure of intervals is about.
pub(crate) struct Quantity {
    pub name: &'static str,
    pub title: &'static str,
    /// What the rows are.
    pub rows: &'static str,
    /// What the axis says.
    pub unit: &'static str,
    /// Ends of the axis; those of the values unless given.
    pub range: Option<(f64, f64)>,
}

/// Values with their intervals, those of each run; nothing when there are none.
pub(crate) fn intervals<'a>(runs: &'a [Run], of: &Quantity, all: &[Vec<Expectation>], note: String) -> Vec<Figure<'a>> {
    let names = names(all);
    if names.is_empty() {
        return Vec::new();
    }
    let row = |name: &String| Row {
        label: name.clone(),
        entries: (0..runs.len()).filter_map(|series| Some(entry(runs, series, find(&all[series], name)?))).collect(),
    };
    let rows: Vec<Row> = names.iter().take(MOST).map(row).collect();
    let chart = chart(runs, rows, of.range, of.unit, names.len());
    vec![Figure {
        name: of.name.into(),
        title: of.title.into(),
        note,
        table: Table::of(
            heads(runs, &[of.rows], &["value", "lower", "upper", "standard error"]),
            names.iter().map(|name| table_row(all, name)),
        ),
        table_first: false,
        draw: Box::new(move |width| chart.draw(width)),
    }]
}

/// What other runs find, less what the first finds.
pub(crate) fn differences(runs: &[Run]) -> Vec<Figure<'_>> {
    let [first, others @ ..] = runs else { return Vec::new() };
    let has = |run: &Run, name: &String| find(&run.record.expectations, name).is_some();
    let shared = |name: &String| has(first, name) && others.iter().any(|run| has(run, name));
    let all: Vec<Vec<Expectation>> = runs.iter().map(|run| run.record.expectations.clone()).collect();
    let names: Vec<String> = names(&all).into_iter().filter(shared).collect();
    if others.is_empty() || names.is_empty() {
        return Vec::new();
    }
    let row = |name: &String| {
        let centre = find(&all[0], name).map_or(0.0, |found| found.value);
        let entry = |series: usize| Some(shifted(runs, series, find(&all[series], name)?, centre));
        Row { label: name.clone(), entries: (0..runs.len()).filter_map(entry).collect() }
    };
    let rows: Vec<Row> = names.iter().take(MOST).map(row).collect();
    let chart = chart(runs, rows, None, "difference", names.len());
    vec![Figure {
        name: "differences".into(),
        title: format!("Differences from {}", first.label),
        note: "Values and intervals less the first run's value. Proven intervals of the same state must overlap."
            .into(),
        table: difference_table(runs, &names),
        table_first: true,
        draw: Box::new(move |width| chart.draw(width)),
    }]
}

/// How two runs' values of one observable agree.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Agreement {
    /// Proven intervals meet.
    Overlap,
    /// Proven intervals do not: the runs are of different states.
    Apart,
    /// Nothing is proven of one of them; the difference is so many standard errors.
    Sampled(f64),
    /// Nothing is known.
    Unknown,
}

/// Compares one observable in two runs.
pub(crate) fn agreement(one: &Expectation, other: &Expectation) -> Agreement {
    let proven = [one.lower, one.upper, other.lower, other.upper].iter().all(|bound| bound.is_finite());
    if proven {
        let meet = one.lower.max(other.lower) <= one.upper.min(other.upper);
        return if meet { Agreement::Overlap } else { Agreement::Apart };
    }
    let squares: f64 =
        [one.stderr, other.stderr].iter().filter(|error| error.is_finite()).map(|error| error * error).sum();
    let difference = (one.value - other.value).abs();
    if squares > 0.0 && difference.is_finite() {
        Agreement::Sampled(difference / squares.sqrt())
    } else {
        Agreement::Unknown
    }
}

impl Agreement {
    /// The mark in a table.
    pub fn text(&self) -> String {
        match self {
            Agreement::Overlap => "✓ overlap".into(),
            Agreement::Apart => "✗ apart".into(),
            Agreement::Sampled(errors) => format!("{errors:.1} standard errors"),
            Agreement::Unknown => UNKNOWN.into(),
        }
    }
}

fn difference_table(runs: &[Run], names: &[String]) -> Table {
    let row = |name: &String| {
        let first = find(&runs[0].record.expectations, name);
        let compared = |run: &Run| match (first, find(&run.record.expectations, name)) {
            (Some(first), Some(other)) => [exact(other.value - first.value), agreement(first, other).text()],
            _ => [UNKNOWN.into(), UNKNOWN.into()],
        };
        let value = first.map_or(UNKNOWN.into(), |first| exact(first.value));
        [name.clone(), value].into_iter().chain(runs[1..].iter().flat_map(compared)).collect()
    };
    let mut head = vec!["observable".to_string(), format!("value, {}", runs[0].label)];
    for run in &runs[1..] {
        head.extend([format!("difference, {}", run.label), "intervals".into()]);
    }
    Table::of(head, names.iter().map(row))
}

/// The rows of all runs, each once, in the order of the first that has it.
fn names(all: &[Vec<Expectation>]) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let names = all.iter().flatten().map(|found| found.name.clone());
    names.filter(|name| seen.insert(name.clone())).collect()
}

fn find<'a>(found: &'a [Expectation], name: &str) -> Option<&'a Expectation> {
    found.iter().find(|found| found.name == name)
}

fn entry(runs: &[Run], series: usize, found: &Expectation) -> Entry {
    let text =
        if found.stderr > 0.0 { estimate(found.value, found.stderr) } else { interval(found.lower, found.upper) };
    let text = if text == UNKNOWN { short(found.value) } else { text };
    let of = if runs.len() > 1 { format!(", {}", runs[series].label) } else { String::new() };
    let mut tip = format!("{}{of}\nvalue {}", found.name, exact(found.value));
    if found.lower.is_finite() {
        tip += &format!("\nproven in [{}, {}]", exact(found.lower), exact(found.upper));
    }
    if found.stderr.is_finite() {
        tip += &format!("\nstandard error {}", exact(found.stderr));
    }
    Entry { series, value: found.value, lower: found.lower, upper: found.upper, stderr: found.stderr, text, tip }
}

fn shifted(runs: &[Run], series: usize, found: &Expectation, centre: f64) -> Entry {
    let entry = entry(runs, series, found);
    let text = if series == 0 { String::new() } else { minus(short(found.value - centre)) };
    Entry { value: found.value - centre, lower: found.lower - centre, upper: found.upper - centre, text, ..entry }
}

fn table_row(all: &[Vec<Expectation>], name: &str) -> Vec<String> {
    let columns = |found: &Vec<Expectation>| match find(found, name) {
        Some(found) => [found.value, found.lower, found.upper, found.stderr].map(exact),
        None => [UNKNOWN; 4].map(String::from),
    };
    std::iter::once(name.to_string()).chain(all.iter().flat_map(columns)).collect()
}

/// Points with intervals; of all observables, so many have rows.
fn chart(runs: &[Run], rows: Vec<Row>, range: Option<(f64, f64)>, x_title: &str, all: usize) -> Rows {
    let hidden = all.saturating_sub(MOST);
    let remark = if hidden > 0 { format!("and {} more in the table", count(hidden as u64)) } else { String::new() };
    Rows { labels: labels(runs), rows, bars: false, range, x_title: x_title.into(), reference: Some(0.0), remark }
}

/// What bars and whiskers are, for the runs at hand.
fn meaning(runs: &[Run]) -> String {
    let proven = runs.iter().any(Run::is_proven);
    let sampled = runs.iter().any(Run::is_sampled);
    let bar = "The bar behind a value is its proven interval; it may be narrower than the dot.";
    let whisker = "Whiskers are one standard error of a sampled value.";
    match (proven, sampled) {
        (true, true) => format!("{bar} {whisker}"),
        (true, false) => bar.into(),
        (false, _) => whisker.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(value: f64, half: f64, stderr: f64) -> Expectation {
        Expectation { value, lower: value - half, upper: value + half, stderr, ..Expectation::default() }
    }

    #[test]
    fn intervals_overlap_or_are_apart() {
        let wide = known(0.5, 0.1, f64::NAN);
        assert_eq!(agreement(&wide, &known(0.65, 0.1, f64::NAN)), Agreement::Overlap);
        assert_eq!(agreement(&wide, &known(0.75, 0.1, f64::NAN)), Agreement::Apart);
        assert_eq!(agreement(&wide, &wide), Agreement::Overlap);
    }

    #[test]
    fn sampled_values_differ_by_standard_errors() {
        let sampled = |value, stderr| known(value, f64::NAN, stderr);
        let Agreement::Sampled(errors) = agreement(&sampled(0.5, 0.03), &sampled(0.6, 0.04)) else { panic!() };
        assert!((errors - 2.0).abs() < 1e-12);
        assert_eq!(agreement(&sampled(0.5, f64::NAN), &sampled(0.6, f64::NAN)), Agreement::Unknown);
        assert_eq!(agreement(&known(0.5, 0.1, f64::NAN), &sampled(0.6, 0.1)).text(), "1.0 standard errors");
    }
}
