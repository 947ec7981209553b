//! What a run found, as a text for a terminal 80 columns wide.

pub(crate) mod number;
mod quantities;
mod snapshots;

use super::record::{Counts, Expectation, ProbabilityGroup, RunRecord, StateSummary, TraceRow};
use crate::device::StreamTimes;
use number::{at_least, at_most, decimals, nearest};
use std::fmt::Write;
use std::path::Path;

/// Most rows shown of each kind of result.
const ROWS: usize = 10;
/// Columns of a name.
const NAME: usize = 35;
/// Columns of a name beside four numbers.
const SHORT_NAME: usize = 20;

/// What is said of the numbers of a run.
#[derive(Clone, Copy, PartialEq)]
enum Numbers {
    /// They are bounded.
    Bounded,
    /// They are estimated.
    Estimated,
    /// Both.
    BoundedAndEstimated,
}

/// The summary: tables of results with their bounds, the state, the time, and where the file `path` is.
///
/// Bounds are rounded outward, so what is printed holds as well. Lines fit 80 columns, but for a longer path.
pub fn summary(record: &RunRecord, path: &Path) -> String {
    let mut text = String::new();
    let numbers = match (record.state.trajectories > 0, record.state.tail[0] > 0) {
        (true, _) => Numbers::Estimated,
        (false, true) => Numbers::BoundedAndEstimated,
        (false, false) => Numbers::Bounded,
    };
    if !record.expectations.is_empty() || !record.probabilities.is_empty() || quantities::has_rows(record) {
        text += match numbers {
            Numbers::Bounded => "Every exact value lies in [lower, upper]: proven, not estimated.\n\n",
            Numbers::Estimated => "Estimates; stderr is one standard deviation of each. No bound is proven.\n\n",
            Numbers::BoundedAndEstimated => {
                "Every exact value lies in [lower, upper]: proven. Values are estimates without\n\
                 bias, of core and sampled tail; stderr is one standard deviation of each.\n\n"
            }
        };
    }
    expectations(&mut text, &record.expectations, numbers);
    probabilities(&mut text, &record.probabilities, numbers);
    quantities::show(&mut text, record);
    snapshots::show(&mut text, &record.snapshots, numbers);
    if let Some(counts) = &record.counts {
        top_counts(&mut text, counts);
    }
    state(&mut text, &record.state);
    time(&mut text, record);
    streams(&mut text, &record.trace);
    line(&mut text, format_args!("result  {}", path.display()));
    text
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    writeln!(text, "{content}").expect("writing to a string does not fail");
}

/// A row of a table of bounded or estimated values.
struct Row {
    name: String,
    value: f64,
    lower: f64,
    upper: f64,
    stderr: f64,
}

fn table(text: &mut String, heading: &str, rows: &[Row], hidden: usize, numbers: Numbers) {
    match numbers {
        Numbers::Bounded => table_of_bounds(text, heading, rows),
        Numbers::Estimated => table_of_estimates(text, heading, rows),
        Numbers::BoundedAndEstimated => table_of_both(text, heading, rows),
    }
    if hidden > 0 {
        line(text, format_args!("... and {hidden} more in the file"));
    }
    text.push('\n');
}

fn table_of_bounds(text: &mut String, heading: &str, rows: &[Row]) {
    let narrowest = rows.iter().map(|row| row.upper - row.lower).filter(|width| *width > 0.0).fold(1.0, f64::min);
    let digits = decimals(narrowest);
    line(text, format_args!("{heading:<NAME$} {:>14} {:>14} {:>14}", "value", "lower", "upper"));
    for Row { name, value, lower, upper, .. } in rows {
        let (value, lower, upper) = (nearest(*value, digits), at_most(*lower, digits), at_least(*upper, digits));
        line(text, format_args!("{:<NAME$} {value:>14} {lower:>14} {upper:>14}", shorten(name, NAME)));
    }
}

/// Decimals for the smallest standard error.
fn decimals_of_estimates(rows: &[Row]) -> usize {
    decimals(rows.iter().map(|row| row.stderr).filter(|error| *error > 0.0).fold(1.0, f64::min))
}

fn table_of_both(text: &mut String, heading: &str, rows: &[Row]) {
    let digits = decimals_of_estimates(rows);
    let heading = shorten(heading, SHORT_NAME);
    line(text, format_args!("{heading:<SHORT_NAME$} {:>14} {:>14} {:>14} {:>14}", "value", "stderr", "lower", "upper"));
    for Row { name, value, stderr, lower, upper } in rows {
        let (value, stderr) = (nearest(*value, digits), at_least(*stderr, digits));
        let (lower, upper) = (at_most(*lower, digits), at_least(*upper, digits));
        let name = shorten(name, SHORT_NAME);
        line(text, format_args!("{name:<SHORT_NAME$} {value:>14} {stderr:>14} {lower:>14} {upper:>14}"));
    }
}

fn table_of_estimates(text: &mut String, heading: &str, rows: &[Row]) {
    let digits = decimals_of_estimates(rows);
    line(text, format_args!("{heading:<NAME$} {:>14} {:>14}", "value", "stderr"));
    for Row { name, value, stderr, .. } in rows {
        let (value, stderr) = (nearest(*value, digits), at_least(*stderr, digits));
        line(text, format_args!("{:<NAME$} {value:>14} {stderr:>14}", shorten(name, NAME)));
    }
}

/// `name` on one line and no wider than its column, the middle left out.
fn shorten(name: &str, most: usize) -> String {
    let letters: Vec<char> = name.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if letters.len() <= most {
        return letters.into_iter().collect();
    }
    let (head, tail) = (most / 2, most - most / 2 - 1);
    letters[..head].iter().chain(['…'].iter()).chain(&letters[letters.len() - tail..]).collect()
}

fn expectations(text: &mut String, all: &[Expectation], numbers: Numbers) {
    let row = |of: &Expectation| Row {
        name: of.name.clone(),
        value: of.value,
        lower: of.lower,
        upper: of.upper,
        stderr: of.stderr,
    };
    if !all.is_empty() {
        let rows: Vec<Row> = all.iter().take(ROWS).map(row).collect();
        table(text, "observable", &rows, all.len() - rows.len(), numbers);
    }
}

/// The likeliest outcomes of each group; all groups together fill about one table.
fn probabilities(text: &mut String, groups: &[ProbabilityGroup], numbers: Numbers) {
    let rows_each = (ROWS / groups.len().max(1)).max(4);
    let shown = groups.len().min(ROWS / 4);
    for of in &groups[..shown] {
        let mut outcomes: Vec<usize> = (0..of.value.len()).collect();
        outcomes.sort_by(|a, b| of.value[*b].total_cmp(&of.value[*a]));
        outcomes.truncate(rows_each);
        let row = |&index: &usize| Row {
            name: format!("  {index:0width$b}", width = of.qubits.len()),
            value: of.value[index],
            lower: of.lower[index],
            upper: of.upper[index],
            stderr: of.stderr.get(index).copied().unwrap_or(f64::NAN),
        };
        let rows: Vec<Row> = outcomes.iter().map(row).collect();
        let qubits: Vec<String> = of.qubits.iter().rev().map(usize::to_string).collect();
        let heading = shorten(&format!("qubits {}", qubits.join(" ")), NAME);
        table(text, &heading, &rows, of.value.len() - rows.len(), numbers);
    }
    if groups.len() > shown {
        line(text, format_args!("... and {} more groups of qubits in the file\n", groups.len() - shown));
    }
}

fn top_counts(text: &mut String, counts: &Counts) {
    let mut rows: Vec<(&String, u64)> = counts.bitstrings.iter().zip(counts.counts.iter().copied()).collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let hidden = rows.len().saturating_sub(ROWS);
    line(text, format_args!("{:<NAME$} {:>14}", format!("{} shots", counts.shots()), "count"));
    for (bitstring, count) in rows.iter().take(ROWS) {
        line(text, format_args!("{:<NAME$} {count:>14}", shorten(bitstring, NAME)));
    }
    if hidden > 0 {
        line(text, format_args!("... and {hidden} more in the file"));
    }
    text.push('\n');
}

fn state(text: &mut String, state: &StateSummary) {
    let StateSummary { qubits, rank, trace, trajectories, .. } = state;
    if *trajectories > 0 {
        line(
            text,
            format_args!("state   {qubits} qubits, sampled by {trajectories} trajectories in batches of {rank}"),
        );
        return;
    }
    let digits = decimals(state.purity_upper - state.purity_lower);
    let purity = (at_most(state.purity_lower, digits), at_least(state.purity_upper, digits));
    let trace = nearest(*trace, 6);
    line(
        text,
        format_args!("state   {qubits} qubits, rank {rank}, trace {trace}, purity in [{}, {}]", purity.0, purity.1),
    );
    if state.tail[0] > 0 {
        line(text, format_args!("tail    {} blocks of {} sampled columns", state.tail[0], state.tail[1]));
    }
    let verdict = match (state.budget.is_nan(), state.budget_met) {
        (true, _) => "no budget was stated".into(),
        (false, true) => format!("within the budget of {:e}", state.budget),
        (false, false) => format!("MISSED the budget of {:e}", state.budget),
    };
    line(text, format_args!("error   {} certified in trace norm, {verdict}", number::scientific_at_least(state.error)));
}

/// What the streams of a GPU did in the last pass, if anything was sent.
fn streams(text: &mut String, trace: &[TraceRow]) {
    let mut all = StreamTimes::default();
    trace.iter().filter_map(|row| row.streams).for_each(|times| all += times);
    if all.communication > 0.0 {
        let StreamTimes { compute, communication, .. } = all;
        let hidden = 100.0 * all.overlap();
        line(
            text,
            format_args!("streams computing {compute:.2} s, sending {communication:.2} s, {hidden:.0} % of it hidden"),
        );
    }
}

fn time(text: &mut String, record: &RunRecord) {
    let made = &record.provenance;
    let plural = |count: u64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let idle = if made.idle_ranks > 0 { format!(" ({} idle)", made.idle_ranks) } else { String::new() };
    let (ranks, threads) = (plural(made.ranks, "rank"), plural(made.threads, "thread"));
    line(text, format_args!("time    {:.2} s in the engine on {ranks}{idle}, {threads} each", made.engine_seconds));
    let last = record.timing.iter().find(|phase| phase.name == "last_pass").map(|phase| phase.seconds);
    if let Some(last) = last.filter(|seconds| record.state.passes > 1 && *seconds > 0.0) {
        let (passes, total) = (record.state.passes, made.engine_seconds / last);
        line(text, format_args!("        {passes} passes to find the cut, {total:.2} times the last one alone"));
    }
}

#[cfg(test)]
mod tests;
