//! The bit strings that were drawn most often.

use super::super::chart::rows::{Entry, Row, Rows};
use super::super::figure::{Figure, Table};
use super::super::number::{count, plural};
use super::super::run::Run;
use super::{heads, labels};
use std::collections::HashMap;

/// Bit strings that are drawn.
const MOST: usize = 20;

/// The most frequent bit strings of all runs together.
pub(crate) fn most_frequent(runs: &[Run]) -> Vec<Figure<'_>> {
    let tables: Vec<HashMap<&str, u64>> = runs.iter().map(table).collect();
    let order = order(&tables);
    if order.is_empty() {
        return Vec::new();
    }
    let shots: Vec<u64> = tables.iter().map(|counts| counts.values().sum()).collect();
    let shown = &order[..order.len().min(MOST)];
    let rows: Vec<Row> = shown.iter().map(|bits| row(runs, &tables, &shots, bits)).collect();
    let remark = remark(&tables, shown, order.len());
    let x_title = if runs.len() > 1 { "share of the shots" } else { "count" }.into();
    let chart = Rows { labels: labels(runs), rows, bars: true, range: None, x_title, reference: None, remark };
    let cells = |bits: &&str| {
        let columns = tables.iter().map(|counts| counts.get(bits).copied().map_or("0".into(), count));
        std::iter::once(bits.to_string()).chain(columns).collect::<Vec<String>>()
    };
    vec![Figure {
        name: "counts".into(),
        title: "Counts".into(),
        note: note(&shots, &tables, order.len()),
        table: Table::of(heads(runs, &["bits"], &["count"]), order.iter().map(cells)),
        table_first: false,
        draw: Box::new(move |width| chart.draw(width)),
    }]
}

fn table(run: &Run) -> HashMap<&str, u64> {
    let counts = run.record.counts.iter().flat_map(|counts| counts.bitstrings.iter().zip(&counts.counts));
    counts.map(|(bits, count)| (bits.as_str(), *count)).collect()
}

/// All bit strings, the most frequent first.
fn order<'a>(tables: &[HashMap<&'a str, u64>]) -> Vec<&'a str> {
    let mut sums: HashMap<&str, u64> = HashMap::new();
    for (bits, count) in tables.iter().flatten() {
        *sums.entry(bits).or_default() += count;
    }
    let mut order: Vec<&str> = sums.keys().copied().collect();
    order.sort_by_key(|bits| (std::cmp::Reverse(sums[bits]), *bits));
    order
}

/// Of one run counts are drawn; of several, which may have other numbers of shots, shares.
fn row(runs: &[Run], tables: &[HashMap<&str, u64>], shots: &[u64], bits: &str) -> Row {
    let entry = |series: usize| {
        let (found, all) = (tables[series].get(bits).copied().unwrap_or(0), shots[series]);
        let share = if all > 0 { found as f64 / all as f64 } else { 0.0 };
        let value = if runs.len() > 1 { share } else { found as f64 };
        let of = if runs.len() > 1 { format!(", {}", runs[series].label) } else { String::new() };
        let tip = format!("{bits}{of}\n{} of {} ({:.2}%)", count(found), plural(all, "shot"), 100.0 * share);
        let text = if runs.len() > 1 { format!("{:.1}%", 100.0 * share) } else { count(found) };
        Entry { series, value, lower: f64::NAN, upper: f64::NAN, stderr: f64::NAN, text, tip }
    };
    let drawn = (0..runs.len()).filter(|series| shots[*series] > 0);
    Row { label: bits.to_string(), entries: drawn.map(entry).collect() }
}

fn note(shots: &[u64], tables: &[HashMap<&str, u64>], different: usize) -> String {
    match (shots, tables) {
        ([shots], [_]) => format!("{}, {}.", plural(*shots, "shot"), plural(different as u64, "different bit string")),
        _ => format!(
            "{} in all runs together. Bars are shares of each run's shots.",
            plural(different as u64, "different bit string")
        ),
    }
}

/// How much is not drawn.
fn remark(tables: &[HashMap<&str, u64>], shown: &[&str], all: usize) -> String {
    if all == shown.len() {
        return String::new();
    }
    let total: u64 = tables.iter().flat_map(HashMap::values).sum();
    let drawn: u64 = tables.iter().flat_map(|counts| shown.iter().filter_map(|bits| counts.get(bits))).sum();
    format!("and {} with {}", plural((all - shown.len()) as u64, "more bit string"), plural(total - drawn, "shot"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::{Counts, RunRecord};

    fn run(counts: &[(&str, u64)]) -> Run {
        let counts = Counts {
            bitstrings: counts.iter().map(|(bits, _)| bits.to_string()).collect(),
            counts: counts.iter().map(|(_, count)| *count).collect(),
        };
        Run { record: RunRecord { counts: Some(counts), ..RunRecord::default() }, ..Run::default() }
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let names: Vec<String> = (0..30).map(|index| format!("{index:05b}")).collect();
        let all: Vec<(&str, u64)> =
            names.iter().enumerate().map(|(index, name)| (name.as_str(), 100 - index as u64)).collect();
        let runs = [run(&all)];
        let tables = [table(&runs[0])];
        let order = order(&tables);
        assert_eq!(order[..2], ["00000", "00001"]);
        assert_eq!(remark(&tables, &order[..20], order.len()), "and 10 more bit strings with 755 shots");
        assert_eq!(most_frequent(&runs)[0].note, "2,565 shots, 30 different bit strings.");
    }

    #[test]
    fn runs_with_other_numbers_of_shots_are_compared_by_shares() {
        let runs = [run(&[("0", 75), ("1", 25)]), run(&[("1", 400)])];
        let tables: Vec<_> = runs.iter().map(table).collect();
        let row = row(&runs, &tables, &[100, 400], "1");
        assert_eq!(row.entries.iter().map(|entry| entry.value).collect::<Vec<_>>(), [0.25, 1.0]);
    }
}
