//! How measured bits are misread: confusion matrices of qubits and of groups of qubits. They touch counts only.

use crate::error::{Error, Result};

/// Rows of probabilities may sum to 1 up to this.
const ROUNDED: f64 = 1e-6;
/// Qubits that are misread together.
const LARGEST: usize = 8;

/// A confusion matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Readout {
    /// Its qubits, the first the least significant bit of the index; none for each qubit that has no matrix of its own.
    pub qubits: Vec<usize>,
    /// A row for each true value, a column for each value that is read.
    pub rows: Vec<Vec<f64>>,
}

impl Readout {
    /// Checked; the rows are scaled to sum to exactly 1.
    ///
    /// # Errors
    /// Input error for a matrix of a wrong shape, entries that are no probabilities, and rows that do not sum to 1.
    pub fn new(qubits: Vec<usize>, rows: Vec<Vec<f64>>) -> Result<Readout> {
        let size = 1usize << qubits.len().clamp(1, LARGEST);
        if qubits.len() > LARGEST {
            return Err(Error::input(format!("{} qubits are misread together", qubits.len()))
                .allowed(format!("at most {LARGEST}")));
        }
        if rows.len() != size || rows.iter().any(|row| row.len() != size) {
            let of = if qubits.is_empty() { "each qubit".into() } else { format!("qubits {qubits:?}") };
            return Err(Error::input(format!("the readout matrix of {of} has not {size} rows and columns"))
                .allowed("a row for each true value, with the probabilities of the values read"));
        }
        for (number, row) in rows.iter().enumerate() {
            let sum: f64 = row.iter().sum();
            if row.iter().any(|entry| !(0.0..=1.0 + ROUNDED).contains(entry)) || (sum - 1.0).abs() > ROUNDED {
                return Err(Error::input(format!(
                    "row {number} of a readout matrix, {row:?}, is no distribution: its sum is {sum}"
                ))
                .allowed("probabilities that sum to 1"));
            }
        }
        // Rows that are right to rounding stay as they are, so that what is written and read again is the same.
        let scaled = |row: Vec<f64>| match row.iter().sum::<f64>() {
            sum if (sum - 1.0).abs() < 1e-12 => row,
            sum => row.iter().map(|entry| entry / sum).collect(),
        };
        Ok(Readout { rows: rows.into_iter().map(scaled).collect(), qubits })
    }

    /// Each bit is read wrongly with this probability.
    ///
    /// # Errors
    /// Input error if it is not a probability.
    pub fn symmetric(probability: f64) -> Result<Readout> {
        crate::model::channel::check_probability(probability, "the readout error")?;
        Readout::new(Vec::new(), vec![vec![1.0 - probability, probability], vec![probability, 1.0 - probability]])
    }

    /// The value read in place of `value`, by a number uniform in [0, 1). Small numbers misread, so that without error none does.
    pub fn read(&self, value: usize, number: f64) -> usize {
        let row = &self.rows[value];
        let mut below = 0.0;
        for (other, probability) in row.iter().enumerate().filter(|(other, _)| *other != value) {
            below += probability;
            if number < below {
                return other;
            }
        }
        value
    }
}

/// The confusion matrices of a model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReadoutTable {
    /// Matrices of qubits and groups; a qubit is in one of them at most.
    pub of_qubits: Vec<Readout>,
    /// Of all other qubits.
    pub of_others: Option<Readout>,
}

impl ReadoutTable {
    /// From matrices, in any order; of two for the same qubits the later one counts.
    ///
    /// # Errors
    /// Input error if a qubit is in two different groups.
    pub fn new(matrices: Vec<Readout>) -> Result<ReadoutTable> {
        let mut table = ReadoutTable::default();
        for matrix in matrices {
            if matrix.qubits.is_empty() {
                table.of_others = Some(matrix);
                continue;
            }
            table.of_qubits.retain(|other| other.qubits != matrix.qubits);
            let shared = |other: &&Readout| other.qubits.iter().any(|qubit| matrix.qubits.contains(qubit));
            if let Some(other) = table.of_qubits.iter().find(shared) {
                return Err(Error::input(format!(
                    "the readout matrices of qubits {:?} and {:?} overlap",
                    other.qubits, matrix.qubits
                ))
                .allowed("each qubit in one matrix"));
            }
            table.of_qubits.push(matrix);
        }
        Ok(table)
    }

    /// Whether nothing is misread.
    pub fn is_empty(&self) -> bool {
        self.of_qubits.is_empty() && self.of_others.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_in_proportion_to_their_row() {
        let matrix = Readout::new(
            vec![0, 1],
            vec![
                vec![0.7, 0.1, 0.15, 0.05],
                vec![0.0, 1.0, 0.0, 0.0],
                vec![0.25, 0.25, 0.25, 0.25],
                vec![0.5, 0.0, 0.0, 0.5],
            ],
        )
        .unwrap();
        for (value, row) in matrix.rows.iter().enumerate() {
            let mut shares = [0.0; 4];
            (0..10_000).for_each(|number| shares[matrix.read(value, (f64::from(number) + 0.5) / 1e4)] += 1e-4);
            assert!(shares.iter().zip(row).all(|(share, expected)| (share - expected).abs() < 2e-4), "{shares:?}");
        }
    }

    #[test]
    fn what_is_no_distribution_is_refused() {
        let refused = |rows: Vec<Vec<f64>>| Readout::new(vec![0], rows).unwrap_err().what;
        assert!(refused(vec![vec![0.9, 0.2], vec![0.0, 1.0]]).contains("sum is 1.1"));
        assert!(refused(vec![vec![1.0, 0.0]]).contains("2 rows"));
        assert!(refused(vec![vec![1.1, -0.1], vec![0.0, 1.0]]).contains("no distribution"));
        assert!(refused(vec![vec![f64::NAN, 1.0], vec![0.0, 1.0]]).contains("no distribution"));
        assert!(Readout::symmetric(1.5).is_err());
    }

    #[test]
    fn a_qubit_is_in_one_matrix() {
        let pair = |qubits| Readout::new(qubits, vec![vec![0.25; 4]; 4]).unwrap();
        assert!(ReadoutTable::new(vec![pair(vec![0, 1]), pair(vec![1, 2])]).unwrap_err().what.contains("overlap"));
        let table =
            ReadoutTable::new(vec![pair(vec![0, 1]), Readout::symmetric(0.1).unwrap(), pair(vec![0, 1])]).unwrap();
        assert_eq!((table.of_qubits.len(), table.of_others.is_some()), (1, true));
    }
}
