//! `/results/snapshots`, as [`super::super::writer`] wrote it.

use super::super::record::{Expectation, ProbabilityGroup, Snapshot};
use super::super::schema;
use super::Reader;
use crate::error::Result;
use hdf5::Group;

impl Reader<'_> {
    pub(super) fn snapshots(&self, at: &Group) -> Result<Vec<Snapshot>> {
        let names = self.texts(at, &schema::SNAPSHOT_NAME)?;
        let rows = names.len();
        let (line, rank) =
            (self.column(at, &schema::SNAPSHOT_LINE, rows, 0)?, self.column(at, &schema::SNAPSHOT_RANK, rows, 0)?);
        let (trace, error) =
            (self.numbers(at, &schema::SNAPSHOT_TRACE, rows)?, self.numbers(at, &schema::SNAPSHOT_ERROR, rows)?);
        let [value, lower, upper] = schema::SNAPSHOT_PURITY.each_ref().map(|field| self.numbers(at, field, rows));
        let (value, lower, upper) = (value?, lower?, upper?);
        let mut expectations = self.at(at, "expectations", |_, at| self.rows_of_expectations(at, rows))?.into_iter();
        let mut probabilities = self.at(at, "probabilities", |_, at| self.rows_of_groups(at, rows))?.into_iter();
        let snapshot = |(row, name)| Snapshot {
            name,
            line: line[row],
            rank: rank[row],
            trace: trace[row],
            error: error[row],
            purity: [value[row], lower[row], upper[row]],
            expectations: expectations.next().unwrap_or_default(),
            probabilities: probabilities.next().unwrap_or_default(),
        };
        Ok(names.into_iter().enumerate().map(snapshot).collect())
    }

    /// For each snapshot all observables.
    fn rows_of_expectations(&self, at: &Group, rows: usize) -> Result<Vec<Vec<Expectation>>> {
        let names = self.texts(at, &schema::EXPECTATION_NAME)?;
        let [value, lower, upper, renormalised, stderr] = self.values(at, rows * names.len())?;
        let one = |index: usize| Expectation {
            name: names[index % names.len()].clone(),
            value: value[index],
            lower: lower[index],
            upper: upper[index],
            renormalised: renormalised[index],
            stderr: stderr[index],
        };
        let row = |row: usize| (row * names.len()..(row + 1) * names.len()).map(one).collect();
        Ok((0..rows).map(row).collect())
    }

    /// For each snapshot all groups of qubits.
    fn rows_of_groups(&self, parent: &Group, rows: usize) -> Result<Vec<Vec<ProbabilityGroup>>> {
        let names = parent.member_names().map_err(|_| self.damaged(parent, "."))?;
        let mut all = vec![Vec::new(); rows];
        for name in &names {
            let at = parent.group(name).map_err(|_| self.damaged(parent, name))?;
            let qubits: Vec<u64> = self.dataset(&at, schema::PROBABILITY_QUBITS.name)?.unwrap_or_default();
            let qubits: Vec<usize> = qubits.into_iter().map(|qubit| qubit as usize).collect();
            let columns = u32::try_from(qubits.len()).ok().and_then(|count| 1_usize.checked_shl(count)).unwrap_or(0);
            let length = rows.checked_mul(columns).ok_or_else(|| self.damaged(&at, schema::VALUE.name))?;
            let parts = self.values(&at, length)?;
            for (row, groups) in all.iter_mut().enumerate() {
                let [value, lower, upper, renormalised, stderr] =
                    parts.each_ref().map(|part| part[row * columns..(row + 1) * columns].to_vec());
                groups.push(ProbabilityGroup { qubits: qubits.clone(), value, lower, upper, renormalised, stderr });
            }
        }
        Ok(all)
    }

    /// The five numbers of each value; a dataset of another length is damaged, one that is not there NaN.
    fn values(&self, at: &Group, length: usize) -> Result<[Vec<f64>; 5]> {
        let size = at.dataset(schema::VALUE.name).map_or(0, |values| values.size());
        if size != length {
            return Err(self.damaged(at, schema::VALUE.name));
        }
        let column = |field| self.numbers(at, field, length);
        Ok([
            column(&schema::VALUE)?,
            column(&schema::LOWER)?,
            column(&schema::UPPER)?,
            column(&schema::RENORMALISED)?,
            column(&schema::STDERR)?,
        ])
    }
}
