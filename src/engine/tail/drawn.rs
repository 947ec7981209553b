//! Columns drawn for the blocks of a tail, on one rank and sent to the others.

use crate::comm::{Communicator, bytes_from_root};
use crate::error::{Error, Result};
use crate::linalg::Matrix;
use crate::state::Column;
use num_complex::Complex64;
use std::ops::Range;

/// New columns for blocks, in terms of other columns.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::engine) struct Drawn {
    /// One column for each new one.
    pub(in crate::engine) rotation: Matrix,
    pub(super) columns: Vec<Column>,
    pub(super) owners: Vec<usize>,
}

/// What the root rank draws, on every rank.
pub(super) fn from_root(comm: &dyn Communicator, draw: impl FnOnce() -> Result<Vec<u8>>) -> Result<Drawn> {
    Drawn::from_bytes(&bytes_from_root(comm, draw)?)
}

impl Drawn {
    /// Nothing, in terms of so many columns.
    pub(in crate::engine) fn none(width: usize) -> Drawn {
        Drawn { rotation: Matrix::zeros((width, 0)), columns: Vec::new(), owners: Vec::new() }
    }

    /// The columns as guests of a core, to which they weigh nothing.
    pub(in crate::engine) fn as_guests(&self) -> impl Iterator<Item = Column> {
        self.columns.iter().map(|column| Column { weight: 0.0, ..*column })
    }

    /// The new columns of one owner in terms of these columns.
    pub(super) fn part(&self, rows: Range<usize>, owner: usize) -> Matrix {
        let new: Vec<usize> = (0..self.owners.len()).filter(|new| self.owners[*new] == owner).collect();
        Matrix::from_shape_fn((rows.len(), new.len()), |(row, column)| self.rotation[(rows.start + row, new[column])])
    }

    /// Bytes for the other ranks.
    pub(in crate::engine) fn to_bytes(&self) -> Vec<u8> {
        let head = [self.rotation.nrows() as u64, self.columns.len() as u64];
        let columns = self.columns.iter().zip(&self.owners);
        let columns = columns.flat_map(|(column, owner)| [column.weight.to_bits(), column.register, *owner as u64]);
        let entries = self.rotation.iter().flat_map(|entry| [entry.re.to_bits(), entry.im.to_bits()]);
        head.into_iter().chain(columns).chain(entries).flat_map(u64::to_le_bytes).collect()
    }

    /// Reads what [`Drawn::to_bytes`] wrote.
    ///
    /// # Errors
    /// Internal error for anything else.
    pub(in crate::engine) fn from_bytes(bytes: &[u8]) -> Result<Drawn> {
        Self::read(bytes).ok_or_else(|| Error::internal("the columns drawn for the tail arrived corrupted"))
    }

    fn read(bytes: &[u8]) -> Option<Drawn> {
        let mut words = bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")));
        let (width, count) = (words.next()? as usize, words.next()? as usize);
        let (mut columns, mut owners) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for _ in 0..count {
            columns.push(Column { weight: f64::from_bits(words.next()?), register: words.next()? });
            owners.push(words.next()? as usize);
        }
        let mut entry = || Some(Complex64::new(f64::from_bits(words.next()?), f64::from_bits(words.next()?)));
        let entries = (0..width * count).map(|_| entry()).collect::<Option<Vec<_>>>()?;
        Some(Drawn { rotation: Matrix::from_shape_vec((width, count), entries).ok()?, columns, owners })
    }
}
