//! Joint distributions of groups of qubits, one figure each.

use super::super::chart::rows::{Entry, Row, Rows};
use super::super::figure::{Figure, Table};
use super::super::number::{UNKNOWN, count, exact, plural, short};
use super::super::run::Run;
use super::{heads, labels};
use crate::io::ProbabilityGroup;

/// Groups that get a figure.
const MOST_GROUPS: usize = 8;
/// Outcomes that are drawn: all of them in their order, or the likeliest.
const MOST_OUTCOMES: usize = 16;

/// One figure for each group of qubits.
pub(crate) fn groups(runs: &[Run]) -> Vec<Figure<'_>> {
    let mut all: Vec<&Vec<usize>> = Vec::new();
    for group in runs.iter().flat_map(|run| &run.record.probabilities) {
        if !all.contains(&&group.qubits) {
            all.push(&group.qubits);
        }
    }
    let left_out = all.len().saturating_sub(MOST_GROUPS);
    all.truncate(MOST_GROUPS);
    let mut figures: Vec<Figure<'_>> = all.into_iter().map(|qubits| figure(runs, qubits)).collect();
    if let Some(last) = figures.last_mut().filter(|_| left_out > 0) {
        last.note += &format!(" {} more in the file.", plural(left_out as u64, "group"));
    }
    figures
}

fn figure<'a>(runs: &'a [Run], qubits: &'a [usize]) -> Figure<'a> {
    let named = ProbabilityGroup { qubits: qubits.to_vec(), ..ProbabilityGroup::default() }.name();
    let order = order(runs, qubits);
    let shown = order.len().min(MOST_OUTCOMES);
    let rows: Vec<Row> = order[..shown].iter().map(|index| row(runs, qubits, *index)).collect();
    let hidden = order.len() - shown;
    let remark = if hidden > 0 { format!("and {} less likely outcomes", count(hidden as u64)) } else { String::new() };
    let x_title = "probability".into();
    let chart = Rows { labels: labels(runs), rows, bars: true, range: None, x_title, reference: None, remark };
    let names: Vec<String> = qubits.iter().rev().map(usize::to_string).collect();
    Figure {
        name: format!("probabilities_{named}"),
        title: format!("Probabilities of qubit{} {}", if names.len() == 1 { "" } else { "s" }, names.join(" ")),
        note: note(runs),
        table: Table::of(
            heads(runs, &["outcome"], &["probability", "lower", "upper", "standard error"]),
            order.iter().map(|index| table_row(runs, qubits, *index)),
        ),
        table_first: false,
        draw: Box::new(move |width| chart.draw(width)),
    }
}

fn note(runs: &[Run]) -> String {
    let interval = if runs.iter().any(Run::is_proven) { "The whisker is the proven interval" } else { "" };
    let error =
        if runs.iter().any(Run::is_sampled) { "the whisker of a sampled value is its standard error" } else { "" };
    let parts: Vec<&str> = [interval, error].into_iter().filter(|part| !part.is_empty()).collect();
    format!("{}. The bits stand in the order of the title.", capitalised(&parts.join("; ")))
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// All outcomes: in their order when few, else the likeliest of the first run first.
fn order(runs: &[Run], qubits: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..1 << qubits.len()).collect();
    if order.len() > MOST_OUTCOMES {
        let values = runs.iter().find_map(|run| find(run, qubits)).map_or(&[][..], |group| &group.value);
        order.sort_by(|one, other| {
            values.get(*other).partial_cmp(&values.get(*one)).unwrap_or(std::cmp::Ordering::Equal)
        });
    }
    order
}

fn find<'a>(run: &'a Run, qubits: &[usize]) -> Option<&'a ProbabilityGroup> {
    run.record.probabilities.iter().find(|group| group.qubits == qubits)
}

/// Four decimals, or three digits of what is smaller than a hundredth.
fn probability_text(value: f64) -> String {
    if value < 0.01 { short(value) } else { format!("{value:.4}") }
}

fn bits(qubits: &[usize], index: usize) -> String {
    format!("{index:0width$b}", width = qubits.len())
}

fn row(runs: &[Run], qubits: &[usize], index: usize) -> Row {
    let label = bits(qubits, index);
    let entry = |(series, run): (usize, &Run)| {
        let group = find(run, qubits)?;
        let (value, lower, upper, stderr) =
            (group.value[index], group.lower[index], group.upper[index], group.stderr[index]);
        let of = if runs.len() > 1 { format!(", {}", run.label) } else { String::new() };
        let mut tip = format!("{label}{of}\nprobability {}", exact(value));
        if lower.is_finite() {
            tip += &format!("\nproven in [{}, {}]", exact(lower), exact(upper));
        }
        if stderr.is_finite() {
            tip += &format!("\nstandard error {}", exact(stderr));
        }
        let text = probability_text(value);
        Some(Entry { series, value, lower, upper, stderr, text, tip })
    };
    Row { label: label.clone(), entries: runs.iter().enumerate().filter_map(entry).collect() }
}

fn table_row(runs: &[Run], qubits: &[usize], index: usize) -> Vec<String> {
    let columns = |run: &Run| match find(run, qubits) {
        Some(group) => [&group.value, &group.lower, &group.upper, &group.stderr].map(|column| exact(column[index])),
        None => [UNKNOWN; 4].map(String::from),
    };
    std::iter::once(bits(qubits, index)).chain(runs.iter().flat_map(columns)).collect()
}
