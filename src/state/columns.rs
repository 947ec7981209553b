//! Columns one by one: what trajectories and the sampled tail need, each column of which is a state of its own.

use super::{Column, State};
use crate::error::Result;
use crate::linalg::Matrix;
use num_complex::Complex64;

/// Reduced states of columns `v`, each times its squared norm: `v_s^dagger v_t` for the values `s >= t` of some bits, with `v_s` the
/// amplitudes for which the bits are `s`. Summed over the ranks, the same bits on every rank.
pub struct Reduced {
    values: usize,
    /// For each column of the core its place among those that are known.
    places: Vec<Option<usize>>,
    /// For each pair, in the order (0,0), (1,0), (1,1), (2,0), ...
    blocks: Vec<Vec<Complex64>>,
}

impl Reduced {
    /// One column `v`, from its `v_s^dagger v_t`.
    #[cfg(test)]
    pub fn of_one(blocks: &[Complex64], values: usize) -> Reduced {
        Reduced { values, places: vec![Some(0)], blocks: blocks.iter().map(|block| vec![*block]).collect() }
    }

    fn entry(&self, s: usize, t: usize, column: usize) -> Complex64 {
        let place = self.places[column].expect("the column is one of those asked for");
        self.blocks[s * (s + 1) / 2 + t][place]
    }

    /// `||v||^2` of a column.
    pub fn norm(&self, column: usize) -> f64 {
        (0..self.values).map(|value| self.entry(value, value, column).re).sum()
    }

    /// `<v| effect |v>` of a column, for a Hermitian operator on the bits.
    pub fn weight(&self, effect: &Matrix, column: usize) -> f64 {
        let term = |s: usize, t: usize| {
            let product = effect[(s, t)] * self.entry(s, t, column);
            if s == t { product.re } else { 2.0 * product.re }
        };
        (0..self.values).flat_map(|s| (0..=s).map(move |t| (s, t))).map(|(s, t)| term(s, t)).sum()
    }
}

/// Columns made of those of a state, for another one over the same ranks, of the same backend and layout.
pub struct Combined {
    packed: Vec<u8>,
    columns: Vec<Column>,
}

impl State {
    /// Makes each of `count` columns the basis state with this physical index. The core has none before, or as many.
    ///
    /// # Errors
    /// Resource error, the same on every rank, when there is no room for them.
    pub fn restart(&mut self, physical: u64, count: usize) -> Result<()> {
        let columns = vec![Column { weight: 1.0, register: 0 }; count];
        if self.width() == 0 {
            self.append_zeros(&columns)?;
        } else {
            self.scale_columns(&vec![0.0; count]);
            self.flush()?;
        }
        let (rank, row) = self.split(physical);
        let here = rank == self.comm.rank();
        let core = self.core_mut();
        core.columns = columns;
        if here {
            core.shard.set_row(row, &vec![Complex64::ONE; count]);
        }
        Ok(())
    }

    /// Multiplies each column of the core by its factor.
    pub fn scale_columns(&mut self, factors: &[f64]) {
        let matrices = factors.iter().map(|factor| Matrix::from_elem((1, 1), (*factor).into())).collect();
        self.select(matrices, &[], (0..factors.len()).collect());
    }

    /// Writes a bit of the classical register of each column of the core that has a value for it.
    pub fn record(&mut self, bit: usize, values: &[Option<bool>]) {
        for (column, value) in self.core_mut().columns.iter_mut().zip(values) {
            if let Some(value) = value {
                column.register = column.register & !(1 << bit) | u64::from(*value) << bit;
            }
        }
    }

    /// The reduced states of these columns of the core on the target bits.
    pub fn reduced(&self, targets: &[usize], columns: &[usize]) -> Reduced {
        let values = 1 << targets.len();
        let mut places = vec![None; self.width()];
        columns.iter().enumerate().for_each(|(place, column)| places[*column] = Some(place));
        if columns.is_empty() {
            return Reduced { values, places, blocks: Vec::new() };
        }
        let mut sums = self.settled().column_blocks(targets, columns).concat();
        self.sum_complex(&mut sums);
        Reduced { values, places, blocks: sums.chunks_exact(columns.len()).map(<[Complex64]>::to_vec).collect() }
    }

    /// New columns, those of one part after the other: the listed columns times the part's matrix.
    pub fn combined(&self, parts: &[(&[usize], Matrix)], columns: Vec<Column>) -> Combined {
        Combined { packed: self.settled().combined(parts), columns }
    }

    /// For each pair the first, a column of the core or one behind its last, becomes the second of the combined ones.
    ///
    /// # Errors
    /// Resource error, the same on every rank, when there is no room for new columns.
    pub fn put(&mut self, pairs: &[(usize, usize)], combined: &Combined) -> Result<()> {
        self.settled();
        let width = pairs.iter().map(|(own, _)| own + 1).fold(self.width(), usize::max);
        self.reserve(width)?;
        let core = self.core_mut();
        core.shard.set_columns(pairs, &combined.packed);
        core.columns.resize(width, Column { weight: 0.0, register: 0 });
        pairs.iter().for_each(|(own, other)| core.columns[*own] = combined.columns[*other]);
        Ok(())
    }

    /// Leaves these columns of the core only, in this order.
    pub fn arrange(&mut self, columns: &[usize]) {
        self.settled();
        let core = self.core_mut();
        core.shard.arrange_columns(columns);
        core.columns = columns.iter().map(|column| core.columns[*column]).collect();
    }
}
