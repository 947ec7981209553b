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
use crate::state::{Reduced, State};
use num_complex::Complex64;
use std::cell::OnceCell;

/// Bounds whose sum exceeds 1 by no more than their rounding belong to operators proportional to unitaries.
const ROUNDED: f64 = 1e-12;
/// A column whose squared norm has come down to this is scaled, long before it vanishes in single precision.
const SMALLEST_NORM: f64 = 1e-20;

/// Each column for which the condition holds takes the branch that its number, uniform in [0, 1), decides; `record` is the bit
/// of its register that takes the index of the branch.
pub(super) fn channel(
    state: &mut State,
    law: &Law<'_>,
    (targets, record): (&[usize], Option<usize>),
    condition: Condition,
    numbers: &[f64],
) -> Result<()> {
    let choice = choose(state, law, targets, condition, numbers)?;
    apply(state, law.channel, targets, &choice)?;
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

/// The branch of each column for which the condition holds. Only the columns that need it are looked at.
fn choose(
    state: &mut State,
    law: &Law<'_>,
    targets: &[usize],
    condition: Condition,
    numbers: &[f64],
) -> Result<Vec<Option<usize>>> {
    let holds: Vec<bool> = state.columns().iter().map(|column| condition.holds(column.register)).collect();
    let choice = |column: usize| if holds[column] { law.unseen(numbers[column]) } else { None };
    let mut choice: Vec<Option<usize>> = (0..numbers.len()).map(choice).collect();
    let unsure: Vec<usize> = (0..numbers.len()).filter(|column| holds[*column] && choice[*column].is_none()).collect();
    if !unsure.is_empty() {
        let seen = look(state, targets, &unsure)?;
        unsure.iter().for_each(|column| choice[*column] = Some(law.seen(numbers[*column], &seen, *column)));
    }
    Ok(choice)
}

/// Columns' reduced states on the targets; those that have become small are scaled afterwards.
fn look(state: &mut State, targets: &[usize], columns: &[usize]) -> Result<Reduced> {
    state.flush()?;
    let seen = state.reduced(targets, columns);
    let norms: Vec<f64> = columns.iter().map(|column| seen.norm(*column)).collect();
    if norms.iter().any(|norm| *norm < SMALLEST_NORM) {
        let mut all = vec![1.0; state.width()];
        columns.iter().zip(&norms).for_each(|(column, norm)| all[*column] = *norm);
        scale(state, &all, &vec![1.0; all.len()])?;
    }
    Ok(seen)
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
    pub(super) channel: &'a Channel,
    /// `K_a^dagger K_a`, once they are needed.
    effects: OnceCell<Vec<Matrix>>,
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
        Law { channel, effects: OnceCell::new(), order, sure, exact }
    }

    /// The branch, if it does not depend on the state.
    pub(super) fn unseen(&self, number: f64) -> Option<usize> {
        if self.exact {
            return Some(self.pick(number, |branch| self.channel.bounds()[branch]));
        }
        (number < self.sure).then_some(self.order[0])
    }

    /// The branch for a column whose reduced state is known; the one of [`Law::unseen`] if that knows.
    pub(super) fn seen(&self, number: f64, seen: &Reduced, column: usize) -> usize {
        let probability = |branch| self.weight(branch, seen, column) / seen.norm(column);
        self.unseen(number).unwrap_or_else(|| self.pick(number, probability))
    }

    /// `||K_a v||^2` for a column `v`.
    pub(super) fn weight(&self, branch: usize, seen: &Reduced, column: usize) -> f64 {
        let effect = |kraus: &Matrix| multiply(&adjoint(kraus), kraus);
        let effects = self.effects.get_or_init(|| self.channel.kraus().iter().map(effect).collect());
        seen.weight(&effects[branch], column)
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

    /// One column on one qubit.
    fn reduced(zero: Complex64, one: Complex64) -> Reduced {
        Reduced::of_one(&[zero.conj() * zero, one.conj() * zero, one.conj() * one], 2)
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
        let column = reduced(zero, one);
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
        let column = reduced(Complex64::ZERO, Complex64::ONE);
        let law_of = measurement();
        let law = Law::of(&law_of);
        for number in [0.0, 0.5, 1.0 - f64::EPSILON / 2.0] {
            assert_eq!(law.seen(number, &column, 0), 1);
        }
    }
}
