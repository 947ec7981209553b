//! The low-rank engine with a tail: what of it is sampled.

use super::LowRank;
use crate::backend::Backend;
use crate::config::TailShape;
use crate::engine::branching::{Law, weight};
use crate::engine::split::Split;
use crate::engine::tail::{Dropped, Ride, Tail};
use crate::error::Result;
use crate::linalg::Matrix;
use crate::model::{Channel, Layout};
use crate::plan::Condition;
use crate::state::Outcome;

impl LowRank {
    /// Samples from now on what is dropped; to be called before the first step.
    ///
    /// # Errors
    /// Resource error when there is no memory for it.
    pub fn with_tail(self, backend: &dyn Backend, shape: TailShape, seed: u64) -> Result<LowRank> {
        let tail = Tail::new(&self.state.shared_comm(), backend, self.state.qubits(), shape, seed)?;
        Ok(LowRank { tail: Some(tail), ..self })
    }

    /// Prepares the tail for a channel, before it is known how the columns split.
    pub(super) fn make_room_in_tail(&mut self, channel: &Channel) -> Result<()> {
        let Some(tail) = &mut self.tail else { return Ok(()) };
        tail.make_room(&mut self.state, Law::of(channel).exact)
    }

    /// Moves columns of the tail out of the core's memory.
    pub(super) fn dismiss_guests(&mut self) -> Result<()> {
        self.tail.as_mut().map_or(Ok(()), |tail| tail.dismiss(&mut self.state))
    }

    /// The channel on the tail, which takes up branches that the core leaves out; they become columns from `first` on.
    pub(super) fn sample_channel(
        &mut self,
        channel: &Channel,
        kraus: &[Matrix],
        (targets, record): (&[usize], Option<usize>),
        condition: Condition,
        (split, first): (&Split, usize),
    ) -> Result<Ride> {
        let Some(tail) = &mut self.tail else { return Ok(Ride::default()) };
        let exact = Law::of(channel).exact;
        let mut dropped = split.left_out(channel, record, condition, self.state.columns());
        if !(dropped.is_empty() || exact && self.weighed) {
            self.state.flush()?;
            let blocks = self.state.column_blocks(targets);
            let weigh = |one: &mut Dropped| one.column.weight = weight(&kraus[one.kraus], &blocks, one.source);
            dropped.iter_mut().for_each(weigh);
        }
        self.weighed &= exact;
        tail.channel(channel, (targets, record), condition, (self.state.columns(), first), &dropped)
    }

    /// Forms the columns that the tail takes up from a channel which the core is about to be compressed with: of the core's
    /// own the channel makes nothing yet.
    pub(super) fn seat(&mut self, ride: Ride, kraus: &[Matrix], targets: &[usize]) -> Result<()> {
        if self.tail.is_none() {
            return Ok(());
        }
        let columns = self.state.columns().to_vec();
        let mut still = Split { kept: vec![kraus.len() - 1; columns.len()], columns, branches: Vec::new() };
        still.take_along(ride);
        self.state.branch(kraus, targets, (&still.kept, &still.columns), &still.branches);
        self.dismiss_guests()
    }

    /// Outcomes of core and tail together.
    pub(super) fn sample_both(&self, tail: &Tail, layout: &Layout, missing: f64, draws: &[f64]) -> Vec<Outcome> {
        let of_core = 1.0 - missing;
        let (inner, outer): (Vec<usize>, Vec<usize>) = (0..draws.len()).partition(|draw| draws[*draw] < of_core);
        let scaled = |which: &[usize], from: f64, length: f64| -> Vec<f64> {
            which.iter().map(|draw| (draws[*draw] - from) / length).collect()
        };
        let core = self.state.sample(&layout.to_logical(), 0.0, &scaled(&inner, 0.0, of_core));
        let rest = tail.sample(layout, &scaled(&outer, of_core, missing));
        let mut outcomes = vec![Outcome { register: 0, index: 0 }; draws.len()];
        let placed = inner.into_iter().zip(core).chain(outer.into_iter().zip(rest));
        placed.for_each(|(draw, outcome)| outcomes[draw] = outcome);
        outcomes
    }
}
