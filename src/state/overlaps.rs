//! Pauli expectations and marginals of the sharded state.
//!
//! `tr(P rho) = i^y sum_r (-1)^|z AND r| sum_c conj(L[r XOR x, c]) L[r, c]` for `P = i^y X^x Z^z`. When `x` has a rank
//! bit, the conjugated rows are a partner's: its shard comes through in messages of bounded size and is not kept.

use super::State;
use crate::backend::RowSet;
use num_complex::Complex64;

impl State {
    /// For each physical sign mask: `sum_r (-1)^|sign AND r| sum_c conj(L[r XOR flip, c]) L[r, c]`, over all ranks.
    pub fn flip_overlaps(&mut self, flip: u64, signs: &[u64]) -> Vec<Complex64> {
        let (partner_bits, local_flip) = self.split(flip);
        let local_signs: Vec<usize> = signs.iter().map(|sign| self.split(*sign).1).collect();
        let mut sums = if partner_bits == 0 {
            self.settled().flip_overlaps(local_flip, &local_signs)
        } else {
            self.overlaps_with_partner(self.comm.rank() ^ partner_bits, local_flip, &local_signs)
        };
        for (sum, sign) in sums.iter_mut().zip(signs) {
            if (self.split(*sign).0 & self.comm.rank()).count_ones() % 2 == 1 {
                *sum = -*sum;
            }
        }
        self.sum_complex(&mut sums);
        sums
    }

    fn overlaps_with_partner(&mut self, partner: usize, flip: usize, signs: &[usize]) -> Vec<Complex64> {
        let count = self.message_rows(0).min(self.rows());
        let mut sums = vec![Complex64::ZERO; signs.len()];
        for first in (0..self.rows()).step_by(count) {
            // The partner works on the same rows, so it needs those that its flip makes of them.
            let bits = (0..self.local_qubits).collect();
            self.send_rows(0, &RowSet { bits, value: 0, first: first ^ (flip & !(count - 1)), count });
            self.swap_buffers(partner);
            let part = self.core().shard.flip_overlaps_with(&self.into, first..first + count, flip, signs);
            sums.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
        }
        sums
    }

    /// The diagonal of the core summed over all qubits but the listed physical ones; the first is the least
    /// significant bit of the index.
    pub fn marginal(&self, places: &[usize]) -> Vec<f64> {
        let all: Vec<usize> = (0..self.width()).collect();
        let weights = self.settled().row_weights(&all);
        let mut sums = vec![0.0; 1 << places.len()];
        for (row, weight) in weights.iter().enumerate() {
            let physical = self.comm.rank() << self.local_qubits | row;
            let index: usize = places.iter().enumerate().map(|(bit, place)| (physical >> place & 1) << bit).sum();
            sums[index] += weight;
        }
        self.comm.sum(&mut sums);
        sums
    }
}
