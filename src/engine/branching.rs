//! Columns that take one branch of every channel at random.
//!
//! A column `v` takes branch `a` with the exact probability `||K_a v||^2 / ||v||^2`. Columns are not normalised on the way, and
//! most branches are chosen without looking at them (see [`Law`]), so that the operations of many channels stay queued and
//! share passes over memory.

use super::make_room;
use crate::error::{Error, Result};
use crate::linalg::{Matrix, adjoint, identity, multiply};
use crate::model::Channel;
use crate::plan::Condition;
use crate::state::State;
use num_complex::Complex64;

/// Bounds whose sum exceeds 1 by no more than their rounding belong to operators proportional to unitaries.
const ROUNDED: f64 = 1e-12;
/// A column whose squared norm has come down to this is scaled, long before it vanishes in single precision.
const SMALLEST_NORM: f64 = 1e-20;

/// Each column for which the condition holds takes the branch that its number, uniform in [0, 1), decides; `record` is the bit
/// of its register that takes the index of the branch.
pub(super) fn channel(
    state: &mut State,
    channel: &Channel,
    (targets, record): (&[usize], Option<usize>),
    condition: Condition,
    numbers: &[f64],
) -> Result<()> {
    let choice = choose(state, &Law::of(channel), targets, condition, numbers)?;
    apply(state, channel, targets, &choice)?;
    if let Some(bit) = record {
        let values: Vec<Option<bool>> = choice.iter().map(|choice| choice.map(|branch| branch == 1)).collect();
        state.record(bit, &values);
    }
    Ok(())
}

/// Scales the columns to these squared norms.
pub(super) fn normalise(state: &mut State, weights: &[f64]) -> Result<()> {
    state.flush()?;
    let norms = state.column_norms();
    scale(state, &norms, weights)?;
    state.flush()?;
    state.set_weights(weights);
    Ok(())
}

/// The branch of each column for which the condition holds. The columns are looked at only if one of them needs it.
fn choose(
    state: &mut State,
    law: &Law<'_>,
    targets: &[usize],
    condition: Condition,
    numbers: &[f64],
) -> Result<Vec<Option<usize>>> {
    let holds: Vec<bool> = state.columns().iter().map(|column| condition.holds(column.register)).collect();
    let mut choice: Vec<Option<usize>> = numbers.iter().map(|number| law.unseen(*number)).collect();
    if choice.iter().zip(&holds).any(|(choice, holds)| *holds && choice.is_none()) {
        let blocks = look(state, targets)?;
        let seen = |(column, number): (usize, &f64)| Some(law.seen(*number, &blocks, column));
        choice = numbers.iter().enumerate().map(seen).collect();
    }
    Ok(choice.into_iter().zip(holds).map(|(choice, holds)| choice.filter(|_| holds)).collect())
}

/// The columns' reduced states on the targets; columns that have become small are scaled afterwards.
fn look(state: &mut State, targets: &[usize]) -> Result<Vec<Vec<Complex64>>> {
    state.flush()?;
    let blocks = state.column_blocks(targets);
    let norms: Vec<f64> = (0..state.width()).map(|column| norm(&blocks, column)).collect();
    if norms.iter().any(|norm| *norm < SMALLEST_NORM) {
        scale(state, &norms, &vec![1.0; norms.len()])?;
    }
    Ok(blocks)
}

/// Gives columns of these squared norms those of `weights`.
fn scale(state: &mut State, norms: &[f64], weights: &[f64]) -> Result<()> {
    if norms.iter().any(|norm| !norm.is_normal()) {
        return Err(Error::internal("a sampled column has lost its norm"));
    }
    let factors: Vec<f64> = norms.iter().zip(weights).map(|(norm, weight)| (weight / norm).sqrt()).collect();
    state.scale_columns(&factors);
    Ok(())
}

/// Applies to each column the operator of its branch, scaled to norm 1; nothing where there is none.
fn apply(state: &mut State, channel: &Channel, targets: &[usize], choice: &[Option<usize>]) -> Result<()> {
    let nothing = channel.kraus().len();
    let harmless: Vec<bool> = channel.kraus().iter().map(is_scalar).collect();
    let choice: Vec<usize> =
        choice.iter().map(|branch| branch.filter(|branch| !harmless[*branch]).unwrap_or(nothing)).collect();
    if choice.iter().all(|branch| *branch == nothing) {
        return Ok(());
    }
    let scaled = channel.kraus().iter().zip(channel.bounds()).map(|(kraus, bound)| kraus / bound.sqrt());
    let matrices = scaled.chain([identity(1 << targets.len())]).collect();
    state.select(matrices, targets, choice);
    make_room(state)
}

/// How a number uniform in [0, 1) decides the branch: the interval is divided into pieces as long as the branches'
/// probabilities, that of the strongest operator first.
///
/// Branch `a` has at most the probability `||K_a||^2`, so the strongest has at least what that leaves of 1: below it the
/// state need not be known. Neither need it be when all operators are proportional to unitaries.
pub(super) struct Law<'a> {
    kraus: &'a [Matrix],
    bounds: &'a [f64],
    /// The branches, the strongest first.
    order: Vec<usize>,
    /// Numbers below this choose the strongest.
    sure: f64,
    /// Whether the bounds are the probabilities.
    pub(super) exact: bool,
}

impl Law<'_> {
    pub(super) fn of(channel: &Channel) -> Law<'_> {
        let bounds = channel.bounds();
        let mut order: Vec<usize> = (0..bounds.len()).collect();
        order.sort_by(|one, other| bounds[*other].total_cmp(&bounds[*one]));
        let sure = 1.0 - order[1..].iter().map(|branch| bounds[*branch]).sum::<f64>();
        let exact = bounds.iter().sum::<f64>() <= 1.0 + ROUNDED;
        Law { kraus: channel.kraus(), bounds, order, sure, exact }
    }

    /// The branch, if it does not depend on the state.
    pub(super) fn unseen(&self, number: f64) -> Option<usize> {
        if self.exact {
            return Some(self.pick(number, |branch| self.bounds[branch]));
        }
        (number < self.sure).then_some(self.order[0])
    }

    /// The branch for a column whose reduced states are given; the one of [`Law::unseen`] if that knows.
    pub(super) fn seen(&self, number: f64, blocks: &[Vec<Complex64>], column: usize) -> usize {
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
pub(super) fn weight(operator: &Matrix, blocks: &[Vec<Complex64>], column: usize) -> f64 {
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
