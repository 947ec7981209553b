//! A matrix for each column, and new columns.

use super::CudaShard;
use super::arguments::{self, amplitudes, bytes_of};
use super::operations::{GROUP_QUBITS, Tiles};
use super::rows::MOST_LANES;
use crate::linalg::Matrix;
use num_complex::Complex64;

/// Bytes of matrices that go to shared memory: with more, fewer blocks run at a time.
const SHARED_BYTES: usize = 1 << 14;

/// What becomes of each column: of those of one column after those of the one before.
pub(super) struct Results {
    /// Where the results of each column begin, and the end.
    begin: Vec<u32>,
    /// The column a result becomes, the number of its matrix.
    pairs: Vec<[u32; 2]>,
}

impl Results {
    /// Every column stays, and copies of the sources are appended; column `c` takes the matrix `choice[c]`.
    pub(super) fn new(width: usize, sources: &[usize], choice: &[usize]) -> Results {
        let mut of_column: Vec<Vec<[u32; 2]>> =
            (0..width).map(|column| vec![[column as u32, choice[column] as u32]]).collect();
        for (copy, source) in sources.iter().enumerate() {
            of_column[*source].push([(width + copy) as u32, choice[width + copy] as u32]);
        }
        let ends = of_column.iter().scan(0, |end, results| {
            *end += results.len() as u32;
            Some(*end)
        });
        Results { begin: std::iter::once(0).chain(ends).collect(), pairs: of_column.concat() }
    }
}

impl CudaShard {
    pub(super) fn branch(&self, matrices: &[Matrix], targets: &[usize], results: &Results, tiles: &Tiles) {
        assert!(targets.len() <= GROUP_QUBITS, "a channel acts on at most {GROUP_QUBITS} qubits");
        let entries: Vec<Complex64> = matrices.iter().flat_map(|matrix| matrix.iter().copied()).collect();
        let entries = amplitudes(self.context.precision, &entries);
        let shared = if entries.len() <= SHARED_BYTES { entries.len() } else { 0 };
        let matrices = self.context.table(&entries);
        let begin = self.context.table_of(&results.begin);
        let pairs = self.context.table_of(results.pairs.as_flattened());
        // Results are counted in columns of the shard, groups begin at the first one of a launch.
        assert!(self.width <= MOST_LANES, "a branch has at most {MOST_LANES} columns");
        self.across_columns(targets, tiles, |groups, blocks, threads| {
            let entries = (shared / self.context.amplitude()) as u32;
            let arguments = arguments::Branch { groups, begin, results: pairs, matrices, entries, unused: 0 };
            let kernel = format!("branch_{}", targets.len());
            self.context.launch(&kernel, blocks, threads, shared, bytes_of(&[arguments]));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_listed_by_the_column_they_come_from() {
        let results = Results::new(3, &[2, 0, 2], &[0, 0, 1, 5, 6, 7]);
        assert_eq!(results.begin, [0, 2, 3, 6]);
        assert_eq!(results.pairs, [[0, 0], [4, 6], [1, 0], [2, 1], [3, 5], [5, 7]]);
    }
}
