//! Single amplitudes, wherever they lie.

use super::State;
use num_complex::Complex64;

impl State {
    /// The amplitudes of the first column at these physical indices, on every rank.
    pub fn amplitudes(&self, physical: impl Iterator<Item = u64>) -> Vec<Complex64> {
        let (rank, shard) = (self.comm.rank(), self.settled());
        let own = |index: u64| match self.split(index) {
            (owner, row) if owner == rank => shard.row(row)[0],
            _ => Complex64::ZERO,
        };
        let mut values: Vec<Complex64> = physical.map(own).collect();
        self.sum_complex(&mut values);
        values
    }
}
