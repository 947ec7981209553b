//! Tables of what is not linear in the state, and a line for each density matrix.

use super::super::record::{Bounded, RunRecord};
use super::{NAME, ROWS, Row, line, number, shorten, table_of_bounds};

/// Eigenvalues shown at most.
const EIGENVALUES: usize = 4;
/// Lines for density matrices at most.
const MATRICES: usize = 4;

/// Whether there is anything with a bound to be shown.
pub(super) fn has_rows(record: &RunRecord) -> bool {
    let RunRecord { variances, entropies, negativities, fidelities, spectrum, .. } = record;
    let is_empty = variances.is_empty() && entropies.is_empty() && negativities.is_empty() && fidelities.is_empty();
    !(is_empty && spectrum.is_none())
}

/// All that the record has. These numbers are of the core alone, so nothing but bounds goes with them.
pub(super) fn show(text: &mut String, record: &RunRecord) {
    table(text, "variance of", record.variances.iter().map(|of| row(&of.name, of)).collect());
    let entropies = record.entropies.iter();
    let both = entropies.flat_map(|of| {
        let label = |kind: &str| format!("{kind}, {}", qubits(&of.name));
        [row(&label("von Neumann"), &of.von_neumann), row(&label("Renyi-2"), &of.renyi_2)]
    });
    table(text, "entropy in nats", both.collect());
    table(text, "negativity of qubits", record.negativities.iter().map(|of| row(&of.name, of)).collect());
    let fidelities = record.fidelities.iter();
    table(text, "fidelity with", fidelities.clone().map(|of| row(&of.name, &of.fidelity)).collect());
    table(text, "trace distance to", fidelities.map(|of| row(&of.name, &of.trace_distance)).collect());
    eigenvalues(text, record);
    matrices(text, record);
}

/// The largest ones, each with what all of them together are off by at most.
fn eigenvalues(text: &mut String, record: &RunRecord) {
    let Some(spectrum) = &record.spectrum else { return };
    let numbered = spectrum.eigenvalues.iter().enumerate().take(EIGENVALUES);
    let row = |(index, value): (usize, &f64)| Row {
        name: (index + 1).to_string(),
        value: *value,
        lower: (value - spectrum.distance).max(0.0),
        upper: (value + spectrum.distance).min(1.0),
        stderr: f64::NAN,
    };
    table(text, &format!("eigenvalue of {}", spectrum.eigenvalues.len()), numbered.map(row).collect());
}

fn qubits(name: &str) -> String {
    if name == "all" { "all qubits".into() } else { format!("qubits {}", name.replace('_', " ")) }
}

fn row(name: &str, of: &Bounded) -> Row {
    Row { name: name.into(), value: of.value, lower: of.lower, upper: of.upper, stderr: f64::NAN }
}

fn table(text: &mut String, heading: &str, mut rows: Vec<Row>) {
    let hidden = rows.len().saturating_sub(ROWS);
    rows.truncate(ROWS);
    if rows.is_empty() {
        return;
    }
    table_of_bounds(text, heading, &rows);
    if hidden > 0 {
        line(text, format_args!("... and {hidden} more in the file"));
    }
    text.push('\n');
}

/// Their numbers are in the file.
fn matrices(text: &mut String, record: &RunRecord) {
    for of in record.reduced.iter().take(MATRICES) {
        let name = shorten(&format!("density matrix, {}", qubits(&of.name())), NAME);
        if of.distance.is_nan() {
            line(text, format_args!("{name:<NAME$} estimated, with standard errors"));
        } else {
            let distance = number::scientific_at_least(of.distance);
            line(text, format_args!("{name:<NAME$} trace distance to the exact <= {distance}"));
        }
    }
    let hidden = record.reduced.len().saturating_sub(MATRICES);
    if hidden > 0 {
        line(text, format_args!("... and {hidden} more in the file"));
    }
    if !record.reduced.is_empty() {
        text.push('\n');
    }
}
