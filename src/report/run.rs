//! One result file, with what is derived from it.

use crate::error::{Error, Result};
use crate::io::{RunRecord, StateFile, StoredRun};
use crate::linalg::{self, Matrix};
use std::path::Path;

/// Entries of a stored factor whose spectrum is computed for the report: 64 MiB.
const LARGEST_FACTOR: usize = 1 << 22;
/// Columns of such a factor; their eigenproblem takes about a tenth of a second.
const MOST_COLUMNS: usize = 512;
/// Rows of a stored factor that are in memory at a time.
const ROWS: u64 = 4096;

/// A run to report.
#[derive(Debug, Clone, Default)]
pub(super) struct Run {
    /// What tells it from the others: its file's name, or as much of the path as is needed.
    pub label: String,
    /// The record.
    pub record: RunRecord,
    /// The weight cut away up to and with each step.
    pub accumulated: Vec<f64>,
    /// Eigenvalues of the core, largest first; empty when they are not known.
    pub spectrum: Vec<f64>,
}

impl Run {
    /// Reads a result file.
    ///
    /// # Errors
    /// As of [`StoredRun::read`].
    pub fn read(path: &Path) -> Result<Run> {
        let stored = StoredRun::read(path)?;
        let mut spectrum = stored.record.spectrum.as_ref().map_or_else(Vec::new, |stored| stored.eigenvalues.clone());
        if spectrum.is_empty() && stored.has_factor {
            spectrum = spectrum_of_factor(path)?;
        }
        spectrum.sort_by(|one, other| other.total_cmp(one));
        let accumulated = sums(stored.record.trace.iter().map(|row| row.discarded));
        Ok(Run { label: path.display().to_string(), record: stored.record, accumulated, spectrum })
    }

    /// Whether bounds are proven; else all is estimated.
    pub fn is_proven(&self) -> bool {
        self.record.state.trajectories == 0
    }

    /// Whether values have standard errors.
    pub fn is_sampled(&self) -> bool {
        self.record.state.trajectories > 0 || self.record.state.tail[0] > 0
    }

    /// The most columns at any step.
    pub fn widest(&self) -> u64 {
        self.record.trace.iter().map(|row| row.width).max().unwrap_or(0).max(self.record.state.rank as u64)
    }
}

/// Short names that tell paths apart: as few of the last parts of each as that takes.
pub(super) fn labels(paths: &[&Path]) -> Vec<String> {
    let tail = |path: &Path, parts: usize| {
        let all: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        all[all.len().saturating_sub(parts)..].join("/")
    };
    let longest = paths.iter().map(|path| path.components().count()).max().unwrap_or(1);
    let named = |parts: usize| paths.iter().map(|path| tail(path, parts)).collect::<Vec<String>>();
    let differ = |names: &Vec<String>| (0..names.len()).all(|index| !names[..index].contains(&names[index]));
    (1..=longest).map(named).find(differ).unwrap_or_else(|| {
        // One file given twice.
        named(1).into_iter().enumerate().map(|(index, name)| format!("{} {name}", index + 1)).collect()
    })
}

/// The sum of the values up to and with each; NaN counts nothing.
fn sums(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sum = 0.0;
    let add = |value: f64| {
        sum += if value.is_nan() { 0.0 } else { value };
        sum
    };
    values.map(add).collect()
}

/// Eigenvalues of `rho~ = L L^dagger`, those of the Gram matrix `L^dagger L`; none for a large factor.
fn spectrum_of_factor(path: &Path) -> Result<Vec<f64>> {
    let stored = StateFile::open(path)?;
    let height = 1_u64 << stored.qubits;
    if stored.rank > MOST_COLUMNS || height as usize * stored.rank > LARGEST_FACTOR {
        return Ok(Vec::new());
    }
    let mut gram = Matrix::zeros((stored.rank, stored.rank));
    for first in (0..height).step_by(ROWS as usize) {
        let rows = ROWS.min(height - first);
        let block = Matrix::from_shape_vec((rows as usize, stored.rank), stored.read_rows(first, rows)?);
        let block = block.map_err(|_| Error::internal("rows of the factor have another shape"))?;
        gram += &linalg::multiply(&linalg::adjoint(&block), &block);
    }
    Ok(linalg::hermitian_eigen(&gram).map_or_else(Vec::new, |(values, _)| values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_as_short_as_they_may_be() {
        let of = |paths: &[&str]| labels(&paths.iter().map(Path::new).collect::<Vec<_>>());
        assert_eq!(of(&["out/a.h5"]), ["a.h5"]);
        assert_eq!(of(&["x/a.h5", "y/b.h5"]), ["a.h5", "b.h5"]);
        assert_eq!(of(&["x/a.h5", "y/a.h5"]), ["x/a.h5", "y/a.h5"]);
        assert_eq!(of(&["a.h5", "a.h5"]), ["1 a.h5", "2 a.h5"]);
    }

    #[test]
    fn errors_add_up_and_nan_counts_nothing() {
        let sums = sums([0.1, f64::NAN, 0.2].into_iter());
        assert_eq!(sums[..2], [0.1, 0.1]);
        assert!((sums[2] - 0.3).abs() < 1e-15);
    }
}
