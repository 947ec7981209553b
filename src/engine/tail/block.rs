//! One block of the tail: an independent draw of all that the core has dropped.

use super::SHARE_OF_ROOM;
use super::drawn::{Draft, Drawn, from_root};
use super::sketch::{Class, Stream, sketch};
use crate::engine::{Final, branching, overlap_expectations, places};
use crate::error::Result;
use crate::linalg::Matrix;
use crate::model::PauliString;
use crate::state::{Column, State};
use std::collections::BTreeMap;

/// Branches left out become a column of their own if they weigh as much as an average column of a block that is this many
/// times as large.
const COLUMNS_OF_A_SHARE: usize = 2;

/// Columns and what they stand for.
pub(super) struct Block {
    pub(super) state: State,
    /// The weight of each column, which its squared norm need not be; behind those of the state those of its guests.
    weights: Vec<f64>,
    /// The column that stands for branches of events that weigh little.
    standing: Option<usize>,
}

impl Block {
    pub(super) fn new(state: State) -> Block {
        Block { state, weights: Vec::new(), standing: None }
    }

    /// Columns, guests of the core included.
    pub(super) fn width(&self) -> usize {
        self.weights.len()
    }

    pub(super) fn trace(&self) -> f64 {
        self.weights.iter().sum()
    }

    /// Adds a column, whose amplitudes are to be put there, and says where.
    pub(super) fn add(&mut self, weight: f64) -> usize {
        self.weights.push(weight);
        self.weights.len() - 1
    }

    /// Takes up an event of this weight; gives the places of columns that are new or stand for another branch now, and for each
    /// the point in [0, 1) along the weights where its branch is.
    ///
    /// An event that weighs much is represented by new columns, at equal distances along the weights. Many events that weigh
    /// little share a column: one branch stands for all so far, the one before or one of this event's.
    pub(super) fn take_up(&mut self, total: f64, columns: usize, stream: &mut Stream) -> Vec<(usize, f64)> {
        let (coin, first) = (stream.uniform(), stream.uniform());
        let enough = (self.trace() + total) / (COLUMNS_OF_A_SHARE * columns) as f64;
        if total >= enough {
            let room = columns - self.width();
            let count = ((total / enough) as usize).min(room / SHARE_OF_ROOM).max(1);
            let column = |number| (self.add(total / count as f64), (first + number as f64) / count as f64);
            return (0..count).map(column).collect();
        }
        let place = self.standing.unwrap_or_else(|| self.add(0.0));
        self.weights[place] += total;
        self.standing = (self.weights[place] < enough).then_some(place);
        if coin * self.weights[place] < total { vec![(place, first)] } else { Vec::new() }
    }

    /// Puts at most so many columns in place of all.
    pub(super) fn merge(&mut self, columns: usize, stream: &mut Stream) -> Result<()> {
        if self.width() == 0 {
            return Ok(());
        }
        self.state.flush()?;
        let gram = self.state.gram();
        let drawn = from_root(self.state.comm(), || Ok(self.merged(&gram, columns, stream).to_bytes()))?;
        self.weights = drawn.columns.iter().map(|column| column.weight).collect();
        self.standing = None;
        self.state.rotate(&drawn.rotation, drawn.columns);
        Ok(())
    }

    /// Superpositions of columns of the same register, in terms of all columns.
    fn merged(&self, gram: &Matrix, columns: usize, stream: &mut Stream) -> Drawn {
        let mut registers: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        let described = self.state.columns().iter().enumerate();
        described.for_each(|(place, column)| registers.entry(column.register).or_default().push(place));
        let scale = |place: usize| (self.weights[place] / gram[(place, place)].re).sqrt();
        let metric = |of: &Vec<usize>| {
            Matrix::from_shape_fn((of.len(), of.len()), |(row, column)| {
                gram[(of[row], of[column])] * scale(of[row]) * scale(of[column])
            })
        };
        let classes: Vec<Class> = registers.values().map(|of| Class { metric: metric(of) }).collect();
        let classified: Vec<(u64, Vec<usize>)> = registers.into_iter().collect();
        let mut drawn = Draft::new(self.width());
        for one in sketch(&classes, columns, stream) {
            let (register, places) = &classified[one.class];
            let scaled = places.iter().zip(&one.coefficients).map(|(place, factor)| factor * scale(*place));
            drawn.push(places, scaled, 0, Column { weight: one.weight, register: *register });
        }
        drawn.finish()
    }

    /// Gives the columns their weights.
    pub(super) fn finish(&mut self) -> Result<()> {
        if self.weights.is_empty() {
            return self.state.flush();
        }
        branching::normalise(&mut self.state, &self.weights)
    }

    /// What it adds to the expectations of these strings, and to the marginals of these groups of qubits.
    pub(super) fn observe(
        &mut self,
        strings: &[PauliString],
        last: Final<'_>,
        groups: &[&[usize]],
    ) -> (Vec<f64>, Vec<Vec<f64>>) {
        if self.width() == 0 {
            return (vec![0.0; strings.len()], groups.iter().map(|group| vec![0.0; 1 << group.len()]).collect());
        }
        let values = overlap_expectations(&mut self.state, last.overlaps, strings.len());
        (values, groups.iter().map(|group| self.state.marginal(&places(last.layout, group))).collect())
    }
}
