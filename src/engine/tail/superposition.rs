//! Superpositions in place of columns that are there, drawn on one rank.

use super::drawn::Drawn;
use super::sketch::{Class, Stream, sketch};
use crate::linalg::Matrix;
use crate::state::Column;
use num_complex::Complex64;
use std::collections::BTreeMap;

/// New columns as they are put together.
pub(super) struct Draft {
    width: usize,
    entries: Vec<Vec<(usize, Complex64)>>,
    columns: Vec<Column>,
    owners: Vec<usize>,
}

impl Draft {
    /// In terms of so many columns.
    pub(super) fn new(width: usize) -> Draft {
        Draft { width, entries: Vec::new(), columns: Vec::new(), owners: Vec::new() }
    }

    pub(super) fn push(&mut self, entries: impl Iterator<Item = (usize, Complex64)>, owner: usize, column: Column) {
        self.entries.push(entries.collect());
        self.columns.push(column);
        self.owners.push(owner);
    }

    pub(super) fn finish(self) -> Drawn {
        let mut rotation = Matrix::zeros((self.width, self.columns.len()));
        for (column, entries) in self.entries.iter().enumerate() {
            entries.iter().for_each(|(row, entry)| rotation[(*row, column)] = *entry);
        }
        Drawn { rotation, columns: self.columns, owners: self.owners }
    }
}

/// Columns that superpositions are made of.
pub(super) struct Part<'a> {
    /// The place of the first among all of the draft.
    pub(super) first: usize,
    pub(super) gram: &'a Matrix,
    /// What each counts for, whatever its norm.
    pub(super) weights: &'a [f64],
    pub(super) columns: &'a [Column],
}

/// Adds at most `count` superpositions of a part, for the block `owner`; only columns of the same register are superposed.
pub(super) fn superpose(draft: &mut Draft, part: &Part<'_>, (owner, count): (usize, usize), stream: &mut Stream) {
    let Part { first, gram, weights, columns } = part;
    let mut registers: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    columns.iter().enumerate().for_each(|(place, one)| registers.entry(one.register).or_default().push(place));
    let scale = |place: usize| (weights[place] / gram[(place, place)].re).sqrt();
    let metric = |of: &Vec<usize>| {
        Matrix::from_shape_fn((of.len(), of.len()), |(row, column)| {
            gram[(of[row], of[column])] * scale(of[row]) * scale(of[column])
        })
    };
    let classes: Vec<Class> = registers.values().map(|of| Class { metric: metric(of) }).collect();
    let classified: Vec<(u64, Vec<usize>)> = registers.into_iter().collect();
    for one in sketch(&classes, count, stream) {
        let (register, places) = &classified[one.class];
        let entries = places.iter().zip(&one.coefficients);
        let scaled = entries.map(|(place, factor)| (first + place, factor * scale(*place)));
        draft.push(scaled, owner, Column { weight: one.weight, register: *register });
    }
}
