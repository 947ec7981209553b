//! The trajectories engine: pure states, in batches of columns, that take one branch of every channel at random.
//!
//! A column `v` takes branch `a` with the exact probability `||K_a v||^2 / ||v||^2`, so the mean of `v v^dagger / ||v||^2`
//! over trajectories is `rho`: every estimate is unbiased and its spread between batches tells its standard error
//! ([`super::statistics`]). Nothing is proven.
//!
//! The random number of a choice (`branching.rs`) depends on nothing but the seed, the trajectory and the channel: the
//! trajectories are the same on any number of ranks.

use super::certificate::Certificate;
use super::closeness::Comparison;
use super::{
    Engine, Final, StepReport,
    branching::{self, Law},
    overlap_expectations, places, run_gate,
};
use crate::archive::Archive;
use crate::backend::Backend;
use crate::comm::Communicator;
use crate::error::{Error, Result};
use crate::model::{Channel, Layout, PauliString};
use crate::plan::{Action, Condition, Plan, Step};
use crate::rng::{Purpose, uniform};
use crate::state::{Other, Outcome, State};
use std::rc::Rc;

/// Trajectories of one batch: whole blocks of 64 bytes in both precisions, enough of them for vectors and for sharing what
/// does not depend on the column.
pub const BATCH: usize = 16;

/// A batch of trajectories at a time.
pub struct Trajectories {
    state: State,
    /// Physical index of the basis state all start from.
    start: u64,
    seed: u64,
    /// Channels in the plan.
    channels: u64,
    batch: u64,
    /// Channels this batch has passed.
    passed: u64,
}

impl Trajectories {
    /// Trajectories from the basis state with this logical index; [`Engine::begin`] starts the first batch. The plan is one
    /// whose channels are not fused ([`crate::plan::Request::fuse_noise`]).
    ///
    /// # Errors
    /// Resource error when a batch does not fit.
    pub fn from_basis_state(
        comm: Rc<dyn Communicator>,
        backend: &dyn Backend,
        plan: &Plan,
        logical: u64,
        seed: u64,
    ) -> Result<Trajectories> {
        let state = State::new(comm, backend, plan.qubits, BATCH)?;
        let channels = plan.steps.iter().filter(|step| step.action.channel().is_some()).count() as u64;
        Ok(Trajectories { state, start: plan.start.to_physical(logical), seed, channels, batch: 0, passed: 0 })
    }

    /// Each column takes a branch of the channel, if the condition holds for it.
    fn channel(
        &mut self,
        channel: &Channel,
        targets: &[usize],
        record: Option<usize>,
        condition: Condition,
    ) -> Result<()> {
        let numbers = self.numbers();
        branching::channel(&mut self.state, &Law::of(channel), (targets, record), condition, &numbers)
    }

    /// The next random number of each trajectory.
    fn numbers(&mut self) -> Vec<f64> {
        let first = self.batch * BATCH as u64;
        let index = |trajectory| trajectory * self.channels + self.passed;
        let numbers = (first..first + BATCH as u64).map(|one| uniform(self.seed, Purpose::Trajectory, index(one)));
        let numbers = numbers.collect();
        self.passed += 1;
        numbers
    }
}

impl Engine for Trajectories {
    fn begin(&mut self, batch: u64) -> Result<()> {
        (self.batch, self.passed) = (batch, 0);
        self.state.restart(self.start, BATCH)
    }

    fn step(&mut self, step: &Step) -> Result<StepReport> {
        let sent = self.state.sent();
        if !run_gate(&mut self.state, &step.action)? {
            match &step.action {
                Action::Channel { channel, targets, record } => {
                    self.channel(channel, targets, *record, Condition::default())?;
                }
                Action::Conditional { condition, action } => {
                    let Action::Channel { channel, targets, record } = &**action else {
                        return Err(Error::internal(format!("{} under a condition", action.name())));
                    };
                    self.channel(channel, targets, *record, *condition)?;
                }
                Action::Measure { .. } => branching::normalise(&mut self.state, &[1.0 / BATCH as f64; BATCH])?,
                _ => {}
            }
        }
        Ok(StepReport { width: BATCH, discarded: 0.0, sent: self.state.sent() - sent })
    }

    fn width(&self) -> usize {
        BATCH
    }

    fn lost(&self) -> f64 {
        f64::NAN
    }

    fn sent(&self) -> u64 {
        self.state.sent()
    }

    /// Nothing is certified: the bound is not a number.
    fn certificate(&self) -> Certificate {
        Certificate { trace: 1.0, rounding: f64::NAN }
    }

    /// Not known from one batch: the square of a mean is no mean of squares.
    fn purity(&self) -> Result<(f64, f64)> {
        Ok((f64::NAN, f64::NAN))
    }

    /// As for the purity.
    fn eigenvalues(&mut self) -> Result<Option<Vec<f64>>> {
        Ok(None)
    }

    fn compare(&mut self, _: &Layout, _: &mut Other<'_>) -> Result<Option<Comparison>> {
        Ok(None)
    }

    /// None: a batch that was not finished is run again, from its seed.
    fn states(&mut self) -> Vec<&mut State> {
        Vec::new()
    }

    fn put(&self, _: &mut Archive) {}

    fn take(&mut self, _: &mut Archive) -> Result<()> {
        Ok(())
    }

    fn pauli_expectations(&mut self, strings: &[PauliString], measure: Final<'_>) -> Vec<f64> {
        overlap_expectations(&mut self.state, measure.overlaps, strings.len())
    }

    fn marginal(&self, layout: &Layout, qubits: &[usize]) -> Vec<f64> {
        self.state.marginal(&places(layout, qubits))
    }

    /// Draw `i` is the shot of trajectory `i` of the batch; there are no more draws than trajectories.
    fn sample(&self, layout: &Layout, _: f64, draws: &[f64]) -> Vec<Outcome> {
        self.state.sample_columns(&layout.to_logical(), draws)
    }
}
