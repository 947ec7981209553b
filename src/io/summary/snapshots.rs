//! How observables went along the circuit.

use super::super::record::{Expectation, Snapshot};
use super::{NAME, Numbers, ROWS, Row, line, number, shorten, table};

/// Observables that are shown.
const OBSERVABLES: usize = 2;

/// The first observables at all snapshots; without observables, width and error there.
pub(super) fn show(text: &mut String, snapshots: &[Snapshot], numbers: Numbers) {
    let Some(first) = snapshots.first() else { return };
    for index in 0..first.expectations.len().min(OBSERVABLES) {
        let rows: Vec<Row> = snapshots.iter().take(ROWS).map(|one| row(&one.name, &one.expectations[index])).collect();
        let heading = shorten(&format!("{} at", first.expectations[index].name), NAME);
        table(text, &heading, &rows, snapshots.len() - rows.len(), numbers);
    }
    let hidden = first.expectations.len().saturating_sub(OBSERVABLES);
    if hidden > 0 {
        line(text, format_args!("... and {hidden} more observables at the snapshots in the file\n"));
    }
    if first.expectations.is_empty() {
        states(text, snapshots);
    }
}

fn row(name: &str, of: &Expectation) -> Row {
    Row { name: name.into(), value: of.value, lower: of.lower, upper: of.upper, stderr: of.stderr }
}

fn states(text: &mut String, snapshots: &[Snapshot]) {
    line(text, format_args!("{:<NAME$} {:>14} {:>14}", "snapshot", "rank", "error"));
    for one in snapshots.iter().take(ROWS) {
        let (name, error) = (shorten(&one.name, NAME), number::scientific_at_least(one.error));
        line(text, format_args!("{name:<NAME$} {:>14} {error:>14}", one.rank));
    }
    if snapshots.len() > ROWS {
        line(text, format_args!("... and {} more in the file", snapshots.len() - ROWS));
    }
    text.push('\n');
}
