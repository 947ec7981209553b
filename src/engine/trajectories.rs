//! The trajectories engine: pure states, in batches of columns, that take one branch of every channel at random.
//!
//! A column `v` takes branch `a` with the exact probability `||K_a v||^2 / ||v||^2`, so the mean of `v v^dagger / ||v||^2`
//! over trajectories is `rho`: every estimate is unbiased and its spread between batches tells its standard error
//! ([`super::statistics`]). Nothing is proven.
//!
//! Columns are not normalised on the way, and most branches are chosen without looking at them (see `Law`), so that the
//! operations of many channels stay queued and share passes over memory. The random number of a choice depends on
//! nothing but the seed, the trajectory and the channel: the trajectories are the same on any number of ranks.

use super::certificate::Certificate;
use super::{Engine, Final, LARGEST_QUEUE, StepReport, overlap_expectations, places, run_gate};
use crate::backend::Backend;
use crate::comm::Communicator;
use crate::error::{Error, Result};
use crate::linalg::{Matrix, adjoint, identity, multiply};
use crate::model::{Channel, Layout, PauliString};
use crate::plan::{Action, Condition, Plan, Step};
use crate::rng::{Purpose, uniform};
use crate::state::{Outcome, State};
use num_complex::Complex64;
use std::rc::Rc;

/// Trajectories of one batch: whole blocks of 64 bytes in both precisions, enough of them for vectors and for sharing what
/// does not depend on the column.
pub const BATCH: usize = 16;

/// Bounds whose sum exceeds 1 by no more than their rounding belong to operators proportional to unitaries.
const ROUNDED: f64 = 1e-12;
/// A column whose squared norm has come down to this is scaled, long before it vanishes in single precision.
const SMALLEST_NORM: f64 = 1e-20;

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
        let choice = self.choose(&Law::of(channel), targets, condition)?;
        self.apply(channel, targets, &choice)?;
        if let Some(bit) = record {
            let values: Vec<Option<bool>> = choice.iter().map(|choice| choice.map(|branch| branch == 1)).collect();
            self.state.record(bit, &values);
        }
        Ok(())
    }

    /// The branch of each column for which the condition holds. The columns are looked at only if one of them needs it.
    fn choose(&mut self, law: &Law<'_>, targets: &[usize], condition: Condition) -> Result<Vec<Option<usize>>> {
        let numbers = self.numbers();
        let holds: Vec<bool> = self.state.columns().iter().map(|column| condition.holds(column.register)).collect();
        let mut choice: Vec<Option<usize>> = numbers.iter().map(|number| law.unseen(*number)).collect();
        if choice.iter().zip(&holds).any(|(choice, holds)| *holds && choice.is_none()) {
            let blocks = self.look(targets)?;
            let seen = |(column, number)| Some(law.seen(number, &blocks, column));
            choice = numbers.into_iter().enumerate().map(seen).collect();
        }
        Ok(choice.into_iter().zip(holds).map(|(choice, holds)| choice.filter(|_| holds)).collect())
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

    /// The columns' reduced states on the targets; columns that have become small are scaled afterwards.
    fn look(&mut self, targets: &[usize]) -> Result<Vec<Vec<Complex64>>> {
        self.state.flush()?;
        let blocks = self.state.column_blocks(targets);
        let norms: Vec<f64> = (0..BATCH).map(|column| norm(&blocks, column)).collect();
        if norms.iter().any(|norm| *norm < SMALLEST_NORM) {
            self.scale(&norms, 1.0)?;
        }
        Ok(blocks)
    }

    /// Gives columns of these squared norms that of `weight`.
    fn scale(&mut self, norms: &[f64], weight: f64) -> Result<()> {
        if norms.iter().any(|norm| !norm.is_normal()) {
            return Err(Error::internal("a trajectory has lost its norm"));
        }
        let factors: Vec<f64> = norms.iter().map(|norm| (weight / norm).sqrt()).collect();
        self.state.scale_columns(&factors);
        Ok(())
    }

    /// Applies to each column the operator of its branch, scaled to norm 1; nothing where there is none.
    fn apply(&mut self, channel: &Channel, targets: &[usize], choice: &[Option<usize>]) -> Result<()> {
        let nothing = channel.kraus().len();
        let harmless: Vec<bool> = channel.kraus().iter().map(is_scalar).collect();
        let choice: Vec<usize> =
            choice.iter().map(|branch| branch.filter(|branch| !harmless[*branch]).unwrap_or(nothing)).collect();
        if choice.iter().all(|branch| *branch == nothing) {
            return Ok(());
        }
        let scaled = channel.kraus().iter().zip(channel.bounds()).map(|(kraus, bound)| kraus / bound.sqrt());
        let matrices = scaled.chain([identity(1 << targets.len())]).collect();
        self.state.select(matrices, targets, choice);
        self.make_room()
    }

    fn make_room(&mut self) -> Result<()> {
        if self.state.queued() >= LARGEST_QUEUE { self.state.flush() } else { Ok(()) }
    }

    /// Gives all columns the same weight, of 1 together: sums over columns are means over trajectories from now on.
    fn normalise(&mut self) -> Result<()> {
        self.state.flush()?;
        let (norms, weight) = (self.state.column_norms(), 1.0 / BATCH as f64);
        self.scale(&norms, weight)?;
        self.state.flush()?;
        self.state.set_weights(&[weight; BATCH]);
        Ok(())
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
                Action::Measure { .. } => self.normalise()?,
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

/// How a number uniform in [0, 1) decides the branch: the interval is divided into pieces as long as the branches'
/// probabilities, that of the strongest operator first.
///
/// Branch `a` has at most the probability `||K_a||^2`, so the strongest has at least what that leaves of 1: below it the
/// state need not be known. Neither need it be when all operators are proportional to unitaries.
struct Law<'a> {
    kraus: &'a [Matrix],
    bounds: &'a [f64],
    /// The branches, the strongest first.
    order: Vec<usize>,
    /// Numbers below this choose the strongest.
    sure: f64,
    /// Whether the bounds are the probabilities.
    exact: bool,
}

impl Law<'_> {
    fn of(channel: &Channel) -> Law<'_> {
        let bounds = channel.bounds();
        let mut order: Vec<usize> = (0..bounds.len()).collect();
        order.sort_by(|one, other| bounds[*other].total_cmp(&bounds[*one]));
        let sure = 1.0 - order[1..].iter().map(|branch| bounds[*branch]).sum::<f64>();
        let exact = bounds.iter().sum::<f64>() <= 1.0 + ROUNDED;
        Law { kraus: channel.kraus(), bounds, order, sure, exact }
    }

    /// The branch, if it does not depend on the state.
    fn unseen(&self, number: f64) -> Option<usize> {
        if self.exact {
            return Some(self.pick(number, |branch| self.bounds[branch]));
        }
        (number < self.sure).then_some(self.order[0])
    }

    /// The branch for a column whose reduced states are given; the one of [`Law::unseen`] if that knows.
    fn seen(&self, number: f64, blocks: &[Vec<Complex64>], column: usize) -> usize {
        let norm = norm(blocks, column);
        self.unseen(number)
            .unwrap_or_else(|| self.pick(number, |branch| weight(&self.kraus[branch], blocks, column) / norm))
    }

    /// The branch whose piece the number is in; never one without any.
    fn pick(&self, number: f64, probability: impl Fn(usize) -> f64) -> usize {
        let (mut below, mut last) = (0.0, self.order[0]);
        for branch in &self.order {
            let piece = probability(*branch);
            if piece > 0.0 {
                last = *branch;
                below += piece;
                if number < below {
                    break;
                }
            }
        }
        last
    }
}

/// The place of the pair `s >= t` among all.
fn pair(s: usize, t: usize) -> usize {
    s * (s + 1) / 2 + t
}

/// `||v||^2` from the blocks `v_s^dagger v_t` of a column.
fn norm(blocks: &[Vec<Complex64>], column: usize) -> f64 {
    (0..)
        .map(|value| pair(value, value))
        .take_while(|pair| *pair < blocks.len())
        .map(|pair| blocks[pair][column].re)
        .sum()
}

/// `||K v||^2`.
fn weight(operator: &Matrix, blocks: &[Vec<Complex64>], column: usize) -> f64 {
    let effect = multiply(&adjoint(operator), operator);
    let term = |s: usize, t: usize| {
        let product = effect[(s, t)] * blocks[pair(s, t)][column];
        if s == t { product.re } else { 2.0 * product.re }
    };
    (0..effect.nrows()).flat_map(|s| (0..=s).map(move |t| (s, t))).map(|(s, t)| term(s, t)).sum()
}

/// Whether the operator is the identity but for a factor, which no estimate depends on.
fn is_scalar(operator: &Matrix) -> bool {
    let corner = operator[(0, 0)];
    operator.indexed_iter().all(|((row, column), entry)| *entry == if row == column { corner } else { Complex64::ZERO })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::channel::{measurement, reset};

    fn named(name: &str, parameters: &[f64]) -> Channel {
        Channel::named(name, parameters).unwrap()
    }

    /// The blocks of one column on one qubit.
    fn blocks(zero: Complex64, one: Complex64) -> Vec<Vec<Complex64>> {
        [zero.conj() * zero, one.conj() * zero, one.conj() * one].map(|entry| vec![entry]).to_vec()
    }

    /// Part of the numbers that choose each branch.
    fn shares(branches: usize, choose: impl Fn(f64) -> usize) -> Vec<f64> {
        const COUNT: u32 = 100_000;
        let mut shares = vec![0.0; branches];
        (0..COUNT)
            .for_each(|number| shares[choose((f64::from(number) + 0.5) / f64::from(COUNT))] += 1.0 / f64::from(COUNT));
        shares
    }

    #[test]
    fn branches_have_their_exact_probabilities() {
        let (zero, one) = (Complex64::new(0.3, 0.4), Complex64::new(-0.1, 0.7));
        let column = blocks(zero, one);
        let state = ndarray::arr1(&[zero, one]);
        let channels = [
            named("amplitude_damping", &[0.3]),
            named("generalized_amplitude_damping", &[0.3, 0.2]),
            named("phase_damping", &[0.6]),
            named("pauli_channel", &[0.1, 0.2, 0.5]),
            measurement(),
            reset(),
        ];
        for channel in channels {
            let law = Law::of(&channel);
            let found = shares(channel.kraus().len(), |number| law.seen(number, &column, 0));
            for (kraus, found) in channel.kraus().iter().zip(found) {
                let after: f64 = kraus.dot(&state).iter().map(|entry| entry.norm_sqr()).sum();
                let expected = after / (zero.norm_sqr() + one.norm_sqr());
                assert!((found - expected).abs() < 3e-5, "{}: {found} is not {expected}", channel.name());
            }
        }
    }

    #[test]
    fn pauli_noise_never_looks_and_weak_damping_rarely() {
        let looks = |channel: &Channel| {
            let law = Law::of(channel);
            1.0 - shares(2, |number| usize::from(law.unseen(number).is_some()))[1]
        };
        for channel in [named("depolarizing", &[0.3]), named("bit_flip", &[0.5]), named("two_qubit_dephasing", &[0.9])]
        {
            assert!(looks(&channel) < 1e-9, "{}", channel.name());
        }
        assert!((looks(&named("amplitude_damping", &[0.01])) - 0.01).abs() < 2e-5);
        assert!(looks(&measurement()) > 1.0 - 1e-9);
    }

    #[test]
    fn a_branch_without_weight_is_never_chosen() {
        let column = blocks(Complex64::ZERO, Complex64::ONE);
        let law_of = measurement();
        let law = Law::of(&law_of);
        for number in [0.0, 0.5, 1.0 - f64::EPSILON / 2.0] {
            assert_eq!(law.seen(number, &column, 0), 1);
        }
    }
}
