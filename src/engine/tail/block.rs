//! One block of the tail: an independent draw of all that the core has dropped.

use super::drawn::from_root;
use super::sketch::Stream;
use super::superposition::{Draft, Part, superpose};
use crate::engine::{Final, branching, overlap_expectations, places};
use crate::error::Result;
use crate::model::PauliString;
use crate::state::State;

/// Columns and what they stand for.
pub(super) struct Block {
    pub(super) state: State,
    /// The weight of each column, which its squared norm need not be.
    pub(super) weights: Vec<f64>,
}

impl Block {
    pub(super) fn new(state: State) -> Block {
        Block { state, weights: Vec::new() }
    }

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

    /// Puts at most so many columns in place of all.
    pub(super) fn merge(&mut self, columns: usize, stream: &mut Stream) -> Result<()> {
        if self.width() == 0 {
            return Ok(());
        }
        self.state.flush()?;
        let gram = self.state.gram(0..self.width());
        let drawn = from_root(self.state.comm(), || {
            let mut draft = Draft::new(self.width());
            let part = Part { first: 0, gram: &gram, weights: &self.weights, columns: self.state.columns() };
            superpose(&mut draft, &part, (0, columns), stream);
            Ok(draft.finish().to_bytes())
        })?;
        self.weights = drawn.columns.iter().map(|column| column.weight).collect();
        self.state.rotate(0, &[drawn.rotation], &[], drawn.columns)
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
