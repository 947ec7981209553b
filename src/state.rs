//! The sharded state: the only place where layout, communicator and backend meet.
//!
//! Each of `2^k` ranks holds `2^(n-k)` rows of every column: bit `p` of the physical index is a bit of the row for
//! `p < n-k` and a bit of the rank above. Metadata of the columns (weight, classical register) is the same on every
//! rank. Every method is collective over the ranks of the state.
//!
//! Operations are queued and run by [`State::flush`], so that a backend can take several of them in one pass over
//! memory and an exchange can overlap with what follows it. Widths and column metadata do not depend on amplitudes
//! and are always up to date; whatever reads amplitudes needs a flush first.

mod columns;
mod compare;
mod entries;
mod exchange;
mod overlaps;
mod pipeline;
mod sample;
mod stored;
mod transfer;

use crate::backend::{Backend, LocalControl, LocalOperation, Shard};
use crate::comm::{Communicator, agree};
use crate::error::Result;
use crate::linalg::Matrix;
use crate::model::Control;
use exchange::Exchange;
use num_complex::Complex64;
use pipeline::Pool;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::rc::Rc;

pub use columns::{Combined, Reduced};
pub use compare::{Other, Products};
pub use sample::Outcome;

/// What is known of a column without looking at its amplitudes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// An upper bound on its squared norm; exact after a compression.
    pub weight: f64,
    /// The outcomes of earlier measurements it belongs to.
    pub register: u64,
}

/// See [`State::longest_queue`], for a shard of so many bytes: about a tebibyte is moved in between, at one pass each.
fn longest_queue(bytes: usize) -> usize {
    const MOVED: usize = 1 << 40;
    (MOVED / bytes.max(1)).clamp(16, 256)
}

/// Columns that are kept together: the core of a factored state, or one block of a sampled tail.
pub struct Block {
    /// This rank's rows.
    pub shard: Box<dyn Shard>,
    /// One entry for each column.
    pub columns: Vec<Column>,
}

/// The state over a group of ranks.
pub struct State {
    comm: Rc<dyn Communicator>,
    qubits: usize,
    local_qubits: usize,
    blocks: Vec<Block>,
    /// Local operations on the core that have not run yet.
    pending: Vec<LocalOperation>,
    /// An exchange that comes before them and has not run yet.
    arriving: Option<Exchange>,
    /// Operations that were asked for since the last flush or exchange: the same on every rank, unlike those that are pending,
    /// for a rank leaves out what does nothing to its rows.
    queued: usize,
    /// Bytes of an amplitude.
    amplitude: usize,
    sent: u64,
    /// Buffers of messages.
    pool: Pool,
}

/// The new columns a channel makes: branch `kraus` of column `source`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Branch {
    /// Index of the column it comes from.
    pub source: usize,
    /// Index of the Kraus operator.
    pub kraus: usize,
    /// The new column.
    pub column: Column,
}

impl State {
    /// One block without columns on `comm`, whose size is a power of two, with room for `reserve` columns.
    ///
    /// # Errors
    /// Resource error, the same on every rank, when a rank lacks the memory.
    pub fn new(comm: Rc<dyn Communicator>, backend: &dyn Backend, qubits: usize, reserve: usize) -> Result<State> {
        debug_assert!(comm.size().is_power_of_two());
        let local_qubits = qubits - comm.size().trailing_zeros() as usize;
        let shard = agree(&*comm, backend.allocate(1 << local_qubits, reserve))?;
        Ok(State {
            comm,
            qubits,
            local_qubits,
            blocks: vec![Block { shard, columns: Vec::new() }],
            pending: Vec::new(),
            arriving: None,
            queued: 0,
            amplitude: backend.precision().amplitude_bytes(),
            sent: 0,
            pool: Pool::new(),
        })
    }

    /// The ranks that hold it.
    pub fn comm(&self) -> &dyn Communicator {
        &*self.comm
    }

    /// The ranks that hold it, for another state over them.
    pub fn shared_comm(&self) -> Rc<dyn Communicator> {
        self.comm.clone()
    }

    /// Number of qubits.
    pub fn qubits(&self) -> usize {
        self.qubits
    }

    /// Bytes this rank has sent so far in exchanges and for observables; those of an exchange count once it is queued.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// The columns of the core.
    pub fn columns(&self) -> &[Column] {
        &self.core().columns
    }

    /// Number of columns of the core.
    pub fn width(&self) -> usize {
        self.core().columns.len()
    }

    fn core(&self) -> &Block {
        &self.blocks[0]
    }

    fn core_mut(&mut self) -> &mut Block {
        &mut self.blocks[0]
    }

    fn rows(&self) -> usize {
        1 << self.local_qubits
    }

    /// Splits a physical index in (rank, row).
    fn split(&self, physical: u64) -> (usize, usize) {
        ((physical >> self.local_qubits) as usize, (physical & ((1 << self.local_qubits) - 1)) as usize)
    }

    /// Appends one column to the core: the basis state with this physical index.
    ///
    /// # Errors
    /// Resource error when there is no room for it.
    pub fn append_basis_state(&mut self, physical: u64) -> Result<()> {
        self.append_zeros(&[Column { weight: 1.0, register: 0 }])?;
        let (rank, row) = self.split(physical);
        if rank == self.comm.rank() {
            let mut values = self.core().shard.row(row);
            if let Some(last) = values.last_mut() {
                *last = Complex64::ONE;
            }
            self.core_mut().shard.set_row(row, &values);
        }
        Ok(())
    }

    fn append_zeros(&mut self, columns: &[Column]) -> Result<()> {
        self.reserve(self.width() + columns.len())?;
        let core = self.core_mut();
        core.shard.append_zeros(columns.len());
        core.columns.extend_from_slice(columns);
        Ok(())
    }

    /// Makes room for `width` columns in the core.
    fn reserve(&mut self, width: usize) -> Result<()> {
        if width <= self.core().shard.reserved() {
            return Ok(());
        }
        let grown = self.core_mut().shard.reserve(width);
        agree(&*self.comm, grown)
    }

    /// Operations that were asked for since the last flush or exchange, the same on every rank.
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// Operations that are queued at most, the same on every rank: bounds the memory for them, and lets progress be seen in
    /// long circuits without noise. A checkpoint, which changes no bit of a result, waits until what is queued runs anyway:
    /// on a large shard, where each pass over it takes seconds, that must not be long.
    pub fn longest_queue(&self) -> usize {
        longest_queue(self.rows() * self.width() * self.amplitude)
    }

    /// Whether everything has run, the same on every rank.
    pub fn is_settled(&self) -> bool {
        self.queued == 0 && self.arriving.is_none()
    }

    /// Whether an exchange has not run yet: the next one begins with a flush.
    pub fn is_exchanging(&self) -> bool {
        self.arriving.is_some()
    }

    /// Runs what is queued.
    ///
    /// # Errors
    /// Resource error, the same on every rank, when the memory for new columns is not to be had.
    pub fn flush(&mut self) -> Result<()> {
        self.reserve(self.width())?;
        let operations = std::mem::take(&mut self.pending);
        self.queued = 0;
        match self.arriving.take() {
            Some(exchange) => self.exchange_and_run(exchange, operations),
            None => self.core_mut().shard.run(operations),
        }
        Ok(())
    }

    /// The core's shard with everything applied.
    fn settled(&self) -> &dyn Shard {
        assert!(self.pending.is_empty() && self.arriving.is_none(), "amplitudes are read after a flush");
        &*self.core().shard
    }

    /// Exchanges each (sharded, local) pair of physical qubits, in one all-to-all within groups.
    ///
    /// # Errors
    /// As [`State::flush`], for an exchange queued before.
    pub fn exchange(&mut self, pairs: &[(usize, usize)]) -> Result<()> {
        if self.arriving.is_some() {
            self.flush()?;
        }
        let rows = self.rows() - (self.rows() >> pairs.len());
        let bytes = (rows * self.width() * self.amplitude) as u64;
        self.sent += bytes;
        let before = std::mem::take(&mut self.pending);
        self.queued = 0;
        self.arriving = Some(Exchange { pairs: pairs.to_vec(), before, bytes });
        Ok(())
    }

    /// Applies a unitary: local targets, controls anywhere (physical qubits).
    pub fn unitary(&mut self, matrix: &Matrix, targets: &[usize], controls: &[Control]) {
        self.queued += 1;
        if let Some(controls) = self.local_controls(controls) {
            self.pending.push(LocalOperation::Dense { matrix: matrix.clone(), targets: targets.to_vec(), controls });
        }
    }

    /// Moves the amplitudes whose target bits are `i` to `images[i]`, times `factors[i]`: local targets, controls
    /// anywhere (physical qubits).
    pub fn permutation(&mut self, images: &[usize], factors: &[Complex64], targets: &[usize], controls: &[Control]) {
        self.queued += 1;
        if let Some(controls) = self.local_controls(controls) {
            self.pending.push(LocalOperation::Permutation {
                images: images.to_vec(),
                factors: factors.to_vec(),
                targets: targets.to_vec(),
                controls,
            });
        }
    }

    /// Applies a diagonal unitary, targets and controls anywhere (physical qubits).
    pub fn diagonal(&mut self, entries: &[Complex64], targets: &[usize], controls: &[Control]) {
        self.queued += 1;
        let Some(controls) = self.local_controls(controls) else { return };
        let (entries, targets) = self.own_part(entries, targets);
        if targets.is_empty() && controls.is_empty() && entries[0] == Complex64::ONE {
            return;
        }
        self.pending.push(LocalOperation::Diagonal { entries, targets, controls });
    }

    /// The local controls, or `None` when a control on a rank bit fails on this rank.
    fn local_controls(&self, controls: &[Control]) -> Option<Vec<LocalControl>> {
        let mut local = Vec::with_capacity(controls.len());
        for control in controls {
            if control.qubit < self.local_qubits {
                local.push(LocalControl { bit: control.qubit, value: control.value });
            } else if self.rank_bit(control.qubit) != control.value {
                return None;
            }
        }
        Some(local)
    }

    fn rank_bit(&self, physical: usize) -> bool {
        self.comm.rank() >> (physical - self.local_qubits) & 1 == 1
    }

    /// The entries of a diagonal that this rank's bits select, over the local targets.
    fn own_part(&self, entries: &[Complex64], targets: &[usize]) -> (Vec<Complex64>, Vec<usize>) {
        let is_local = |target: &usize| *target < self.local_qubits;
        let local: Vec<usize> = targets.iter().copied().filter(is_local).collect();
        let selected = entries.iter().enumerate().filter(|(index, _)| {
            targets
                .iter()
                .enumerate()
                .all(|(place, target)| is_local(target) || (index >> place & 1 == 1) == self.rank_bit(*target))
        });
        (selected.map(|(_, entry)| *entry).collect(), local)
    }

    /// A channel on the core: appends the branches, then applies to every column its Kraus operator; `kept` lists those of
    /// the existing columns, and what these become.
    pub fn branch(&mut self, kraus: &[Matrix], targets: &[usize], kept: (&[usize], &[Column]), branches: &[Branch]) {
        let core = self.core_mut();
        core.columns = kept.1.to_vec();
        core.columns.extend(branches.iter().map(|branch| branch.column));
        let choice = kept.0.iter().copied().chain(branches.iter().map(|branch| branch.kraus)).collect();
        let sources = branches.iter().map(|branch| branch.source).collect();
        let targets = targets.to_vec();
        self.queued += 1;
        self.pending.push(LocalOperation::Branch { matrices: kraus.to_vec(), targets, sources, choice });
    }

    /// Applies to each column of the core the matrix of its number in `choice`.
    pub fn select(&mut self, matrices: Vec<Matrix>, targets: &[usize], choice: Vec<usize>) {
        debug_assert_eq!(choice.len(), self.width());
        self.queued += 1;
        self.pending.push(LocalOperation::Branch { matrices, targets: targets.to_vec(), sources: Vec::new(), choice });
    }

    /// Rewrites the classical register of every column of the core.
    pub fn set_registers(&mut self, new: impl Fn(u64) -> u64) {
        self.core_mut().columns.iter_mut().for_each(|column| column.register = new(column.register));
    }

    /// `L_s^dagger L_t` for the values `s >= t` of the target bits, in the order (0,0), (1,0), (1,1), ...; summed over the
    /// ranks, the same bits on every rank. `L_s` are these columns of the rows whose target bits are `s`.
    pub fn block_grams(&self, columns: Range<usize>, targets: &[usize]) -> Vec<Matrix> {
        let mut grams = self.settled().block_grams(columns, targets);
        for gram in &mut grams {
            self.sum_complex(gram.as_slice_mut().expect("a new matrix is in standard layout"));
        }
        grams
    }

    /// `L^dagger L` of these columns of the core, summed over the ranks; the same bits on every rank.
    pub fn gram(&self, columns: Range<usize>) -> Matrix {
        self.block_grams(columns, &[]).swap_remove(0)
    }

    /// `L_s <- sum_t L_t rotations[s * 2^k + t]` for the values `s` of the `k` target bits, where `L` are columns from `first` on, as many
    /// as the rotations have rows; those behind follow the new ones, which `columns` describes. Without targets
    /// `L <- L rotations[0]`.
    ///
    /// # Errors
    /// Resource error, the same on every rank, when there is no room for the new columns.
    pub fn rotate(
        &mut self,
        first: usize,
        rotations: &[Matrix],
        targets: &[usize],
        columns: Vec<Column>,
    ) -> Result<()> {
        debug_assert_eq!(rotations[0].ncols(), columns.len());
        self.settled();
        let old = first..first + rotations[0].nrows();
        self.reserve(self.width() - old.len() + columns.len())?;
        let core = self.core_mut();
        core.shard.rotate_blocks(old.clone(), rotations, targets);
        core.columns.splice(old, columns);
        Ok(())
    }

    /// `L^dagger L` of each of these lists of columns, summed over the ranks; the same bits on every rank.
    pub fn grams_of(&self, parts: &[&[usize]]) -> Vec<Matrix> {
        let mut grams = self.settled().grams_of(parts);
        let mut sums: Vec<Complex64> = grams.iter().flatten().copied().collect();
        self.sum_complex(&mut sums);
        grams.iter_mut().flatten().zip(sums).for_each(|(entry, sum)| *entry = sum);
        grams
    }

    /// Eigenvalues in ascending order and eigenvectors of a Hermitian matrix, by this rank's device or host. Not collective: ranks
    /// may find different bits, so one finds them for all.
    pub fn eigen(&self, matrix: &Matrix) -> Option<(Vec<f64>, Matrix)> {
        self.core().shard.eigen(matrix)
    }

    /// The squared norm of every column of the core; their sum is the trace.
    pub fn column_norms(&self) -> Vec<f64> {
        let mut norms = self.settled().column_norms();
        self.comm.sum(&mut norms);
        norms
    }

    /// Takes these for the squared norms of the core's columns.
    pub fn set_weights(&mut self, weights: &[f64]) {
        self.core_mut().columns.iter_mut().zip(weights).for_each(|(column, weight)| column.weight = *weight);
    }

    fn sum_complex(&self, values: &mut [Complex64]) {
        let mut flat: Vec<f64> = values.iter().flat_map(|value| [value.re, value.im]).collect();
        self.comm.sum(&mut flat);
        values
            .iter_mut()
            .zip(flat.chunks_exact(2))
            .for_each(|(value, parts)| *value = Complex64::new(parts[0], parts[1]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_shard_is_not_busy_for_long() {
        let gibibyte = 1 << 30;
        for (bytes, most) in [(0, 256), (gibibyte, 256), (4 * gibibyte, 256), (16 * gibibyte, 64), (usize::MAX, 16)] {
            assert_eq!(longest_queue(bytes), most, "{bytes} bytes");
        }
    }
}
