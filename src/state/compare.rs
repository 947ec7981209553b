//! The products of the state's factor with another one, of which one rank has the rows, or every rank its own.

use super::State;
use super::transfer::{amplitude_bytes, amplitudes};
use crate::comm::bytes_from_root;
use crate::error::Result;
use crate::linalg::{Matrix, adjoint, multiply};
use num_complex::Complex64;

/// Rows that are multiplied at a time.
const ROWS: usize = 4096;

/// The rows of another factor `M`, in logical order.
pub enum Other<'a> {
    /// One column, each amplitude of which every rank can tell.
    Pure(&'a dyn Fn(u64) -> Complex64),
    /// So many columns, of which the root rank reads some rows: the first one and how many.
    Rows(usize, &'a mut dyn FnMut(u64, usize) -> Result<Vec<Complex64>>),
}

impl Other<'_> {
    /// Number of columns.
    pub fn width(&self) -> usize {
        match self {
            Other::Pure(_) => 1,
            Other::Rows(width, _) => *width,
        }
    }

    /// Rows from the logical row `first` on, `count` of them, on every rank.
    ///
    /// # Errors
    /// The error of reading, on every rank.
    pub fn rows(&mut self, state: &State, first: u64, count: usize) -> Result<Matrix> {
        let width = self.width();
        let entries = match self {
            Other::Pure(amplitude) => (first..first + count as u64).map(amplitude).collect(),
            Other::Rows(_, read) => {
                let bytes = || Ok(read(first, count)?.into_iter().flat_map(amplitude_bytes).collect());
                amplitudes(&bytes_from_root(state.comm(), bytes)?)
            }
        };
        Ok(Matrix::from_shape_vec((count, width), entries).expect("whole rows were read"))
    }
}

/// `M^dagger L` and `M^dagger M`, the same bits on every rank.
#[derive(Debug, Clone, PartialEq)]
pub struct Products {
    /// `M^dagger L`.
    pub cross: Matrix,
    /// `M^dagger M`.
    pub other: Matrix,
}

impl State {
    /// The products of `M` with the first `width` columns of the core; `physical` maps logical indices.
    ///
    /// # Errors
    /// The error of reading, on every rank.
    pub fn products_with(
        &self,
        width: usize,
        physical: &dyn Fn(u64) -> u64,
        other: &mut Other<'_>,
    ) -> Result<Products> {
        let total = 1u64 << self.qubits;
        let count = ROWS.min(usize::try_from(total).unwrap_or(ROWS));
        let mut cross = Matrix::zeros((other.width(), width));
        let mut square = Matrix::zeros((other.width(), other.width()));
        for first in (0..total).step_by(count) {
            let rows = other.rows(self, first, count)?;
            let (own, theirs) = self.rows_here(&rows, first, width, physical);
            let theirs = adjoint(&theirs);
            cross += &multiply(&theirs, &own);
            square += &multiply(&theirs, &adjoint(&theirs));
        }
        for sums in [&mut cross, &mut square] {
            self.sum_complex(sums.as_slice_mut().expect("a new matrix is in standard layout"));
        }
        Ok(Products { cross, other: square })
    }

    /// Of rows of `M` those that this rank has of `L`, and these.
    fn rows_here(&self, rows: &Matrix, first: u64, width: usize, physical: &dyn Fn(u64) -> u64) -> (Matrix, Matrix) {
        let (mut own, mut theirs) = (Vec::new(), Vec::new());
        for (logical, entries) in (first..).zip(rows.rows()) {
            let (rank, row) = self.split(physical(logical));
            if rank == self.comm.rank() {
                own.extend(self.settled().row(row).into_iter().take(width));
                theirs.extend(entries.iter().copied());
            }
        }
        let shaped = |entries: Vec<Complex64>, width: usize| {
            Matrix::from_shape_vec((entries.len() / width.max(1), width), entries).expect("whole rows were gathered")
        };
        (shaped(own, width), shaped(theirs, rows.ncols()))
    }
}
