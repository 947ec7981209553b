//! The low-rank engine with a tail: what of it is sampled.

use super::LowRank;
use crate::backend::Backend;
use crate::config::TailShape;
use crate::engine::branching::Law;
use crate::engine::split::Split;
use crate::engine::tail::{Drawn, Met, Ride, Tail};
use crate::error::Result;
use crate::linalg::Matrix;
use crate::model::{Channel, Layout};
use crate::plan::{Condition, Plan};
use crate::state::Outcome;

impl LowRank {
    /// Samples what is dropped on the way through a plan; to be called before its first step.
    ///
    /// # Errors
    /// Resource error when there is no memory for it.
    pub fn with_tail(self, backend: &dyn Backend, plan: &Plan, shape: TailShape, seed: u64) -> Result<LowRank> {
        let tail = Tail::new(&self.state.shared_comm(), backend, plan, shape, seed)?;
        Ok(LowRank { tail: Some(tail), ..self })
    }

    /// Prepares the tail for a channel, before it is known how the columns split.
    pub(super) fn make_room_in_tail(&mut self) -> Result<()> {
        self.tail.as_mut().map_or(Ok(()), |tail| tail.make_room(&mut self.state))
    }

    /// Runs what is queued and lets the core's own columns be the first, before a compression.
    pub(super) fn line_up(&mut self) -> Result<()> {
        self.tail.as_mut().map_or(Ok(()), |tail| tail.prepare(&mut self.state))?;
        self.state.flush()
    }

    /// The columns that the tail takes up of what a compression to `kept` columns drops.
    pub(super) fn take(&mut self, drawn: &Drawn, kept: usize) {
        self.tail.iter_mut().for_each(|tail| tail.take(drawn, kept));
    }

    /// The channel on the tail, which takes up branches that the core leaves out; they become columns from `first` on.
    pub(super) fn sample_channel(
        &mut self,
        channel: &Channel,
        (targets, record): (&[usize], Option<usize>),
        condition: Condition,
        (split, first): (&Split, usize),
    ) -> Result<Ride> {
        let Some(tail) = &mut self.tail else { return Ok(Ride::default()) };
        let law = Law::of(channel);
        let mut dropped = split.left_out(channel, record, condition, self.state.columns());
        let weighs = !(dropped.is_empty() || law.exact && self.weighed);
        let numbers = tail.numbers();
        let mut looks = tail.unsure(&law, condition, self.state.columns(), &numbers);
        if weighs {
            looks.extend(dropped.iter().map(|one| one.source));
            looks.sort_unstable();
            looks.dedup();
        }
        if !looks.is_empty() {
            self.state.flush()?;
        }
        let seen = self.state.reduced(targets, &looks);
        if weighs {
            dropped.iter_mut().for_each(|one| one.column.weight = law.weight(one.kraus, &seen, one.source));
        }
        self.weighed &= law.exact;
        let met = Met { columns: self.state.columns(), numbers, seen, dropped, first };
        tail.channel(&law, (targets, record), condition, &met)
    }

    /// Forms the columns that the tail takes up from a channel which the core is about to be compressed with: of the core's
    /// own the channel makes nothing yet.
    pub(super) fn seat(&mut self, ride: Ride, kraus: &[Matrix], targets: &[usize]) {
        if self.tail.is_none() {
            return;
        }
        let columns = self.state.columns().to_vec();
        let mut still = Split { kept: vec![kraus.len() - 1; columns.len()], columns, branches: Vec::new() };
        still.take_along(ride);
        self.state.branch(kraus, targets, (&still.kept, &still.columns), &still.branches);
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
