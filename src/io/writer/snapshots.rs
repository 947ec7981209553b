//! `/results/snapshots`: one row a snapshot, one column an observable or outcome.

use super::super::hdf::{group, matrix, text_column};
use super::super::record::{Expectation, ProbabilityGroup, Snapshot};
use super::super::schema;
use super::numbers;
use hdf5::{Group, Result};
use ndarray::Array2;

pub(super) fn write(results: &Group, rows: &[Snapshot]) -> Result<()> {
    let at = group(results, "snapshots", "what was taken on the way, one row for each snapshot, in order of time")?;
    text_column(&at, &schema::SNAPSHOT_NAME, rows.iter().map(|row| &row.name))?;
    numbers(&at, &schema::SNAPSHOT_LINE, rows, |row| row.line)?;
    numbers(&at, &schema::SNAPSHOT_RANK, rows, |row| row.rank)?;
    numbers(&at, &schema::SNAPSHOT_TRACE, rows, |row| row.trace)?;
    numbers(&at, &schema::SNAPSHOT_ERROR, rows, |row| row.error)?;
    for (index, field) in schema::SNAPSHOT_PURITY.iter().enumerate() {
        numbers(&at, field, rows, |row| row.purity[index])?;
    }
    expectations(&at, &rows.iter().map(|row| &row.expectations[..]).collect::<Vec<_>>())?;
    let parent = group(&at, "probabilities", "joint distributions, one group for each list of qubits")?;
    let groups = rows.first().map_or(0, |first| first.probabilities.len());
    (0..groups).try_for_each(|index| {
        probabilities(&parent, &rows.iter().map(|row| &row.probabilities[index]).collect::<Vec<_>>())
    })
}

fn expectations(snapshots: &Group, rows: &[&[Expectation]]) -> Result<()> {
    let at = group(snapshots, "expectations", "expectation values; lower <= exact value <= upper is proven")?;
    let columns = rows.first().map_or(0, |first| first.len());
    text_column(&at, &schema::EXPECTATION_NAME, rows.iter().take(1).copied().flatten().map(|one| &one.name))?;
    let of = |part: fn(&Expectation) -> f64| {
        Array2::from_shape_fn((rows.len(), columns), |(row, column)| part(&rows[row][column]))
    };
    matrix(&at, &schema::VALUE, &of(|one| one.value))?;
    matrix(&at, &schema::LOWER, &of(|one| one.lower))?;
    matrix(&at, &schema::UPPER, &of(|one| one.upper))?;
    matrix(&at, &schema::RENORMALISED, &of(|one| one.renormalised))?;
    matrix(&at, &schema::STDERR, &of(|one| one.stderr))
}

/// One group of qubits in all snapshots.
fn probabilities(parent: &Group, rows: &[&ProbabilityGroup]) -> Result<()> {
    if parent.link_exists(&rows[0].name()) {
        return Ok(());
    }
    let at = group(parent, &rows[0].name(), "joint distribution of the qubits in the name")?;
    numbers(&at, &schema::PROBABILITY_QUBITS, &rows[0].qubits, |qubit| *qubit as u64)?;
    let of = |part: fn(&ProbabilityGroup) -> &[f64]| {
        let columns = rows[0].value.len();
        Array2::from_shape_fn((rows.len(), columns), |(row, column)| part(rows[row])[column])
    };
    matrix(&at, &schema::VALUE, &of(|one| &one.value))?;
    matrix(&at, &schema::LOWER, &of(|one| &one.lower))?;
    matrix(&at, &schema::UPPER, &of(|one| &one.upper))?;
    matrix(&at, &schema::RENORMALISED, &of(|one| &one.renormalised))?;
    matrix(&at, &schema::STDERR, &of(|one| &one.stderr))
}
