//! A few random columns in place of many, unbiased and of the same trace.
//!
//! The columns of a class, `L`, have the metric `M = L^dagger L`. A superposition `x = L g` with `E[g g^dagger] = I` has
//! `E[x x^dagger] = L L^dagger`. Its phases are chosen one after the other so that each column is added at a right angle (in the real
//! sense) to the sum before it, `Re(conj(g_c) (M g)_c) = 0`; only the sign is random. So `||x||^2 = tr M` holds for every
//! draw, not just in the mean, and as no eigenvector is taken, equal eigenvalues do no harm. Columns of different registers
//! belong to different outcomes and are never superposed; where there are more registers than columns wanted, some are drawn.

use crate::engine::basis::by_weight;
use crate::linalg::Matrix;
use crate::rng::{Purpose, uniform};
use num_complex::Complex64;

/// Weights up to this, of a state of trace 1, are rounding.
pub(super) const NEGLIGIBLE: f64 = 1e-16;
/// Overlaps up to this are rounding: their phase says nothing.
const ROUNDED: f64 = 1e-11;

/// A weight less than this part of another is less by more than rounding.
const EQUAL: f64 = 1.0 - 1e-9;

/// Random numbers of one event, the same on every rank.
pub(super) struct Stream {
    seed: u64,
    next: u64,
}

impl Stream {
    /// The numbers of this event; those of different events do not overlap.
    pub(super) fn new(seed: u64, event: u64) -> Stream {
        Stream { seed, next: event << 32 }
    }

    /// Uniform in [0, 1).
    pub(super) fn uniform(&mut self) -> f64 {
        let number = uniform(self.seed, Purpose::Tail, self.next);
        self.next += 1;
        number
    }

    fn sign(&mut self) -> f64 {
        if self.uniform() < 0.5 { 1.0 } else { -1.0 }
    }
}

/// Columns of one register.
pub(super) struct Class {
    /// Their Gram matrix.
    pub(super) metric: Matrix,
}

/// A superposition of columns of one class.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sketched {
    /// Which class.
    pub(super) class: usize,
    /// One coefficient for each of its columns.
    pub(super) coefficients: Vec<Complex64>,
    /// Squared norm.
    pub(super) weight: f64,
}

impl Class {
    fn weights(&self) -> Vec<f64> {
        self.metric.diag().iter().map(|entry| entry.re.max(0.0)).collect()
    }

    pub(super) fn trace(&self) -> f64 {
        self.weights().iter().sum()
    }

    /// A superposition of the listed columns.
    fn superpose(&self, members: &[usize], stream: &mut Stream) -> Vec<Complex64> {
        let mut coefficients = vec![Complex64::ZERO; self.metric.nrows()];
        let mut applied = coefficients.clone();
        for member in members {
            let overlap = applied[*member];
            let size = overlap.norm();
            let phase = if size > ROUNDED { Complex64::I * overlap / size } else { Complex64::ONE };
            let coefficient = phase * stream.sign();
            coefficients[*member] = coefficient;
            let column = self.metric.row(*member);
            applied.iter_mut().zip(column).for_each(|(sum, entry)| *sum += entry.conj() * coefficient);
        }
        coefficients
    }
}

/// At most `count` columns whose mean is the state of all columns of the classes, and whose trace is that of all.
pub(super) fn sketch(classes: &[Class], count: usize, stream: &mut Stream) -> Vec<Sketched> {
    let weights: Vec<Vec<f64>> = classes.iter().map(Class::weights).collect();
    let totals: Vec<f64> = weights.iter().map(|weights| weights.iter().sum()).collect();
    let mut sketched = Vec::with_capacity(count);
    for (class, weight) in systematic(&totals, count, stream.uniform()) {
        let share = weight / totals[class];
        let columns = if share > 1.0 { 1 } else { allotted(&totals, class, count) };
        for members in groups(&weights[class], columns) {
            let mut coefficients = classes[class].superpose(&members, stream);
            coefficients.iter_mut().for_each(|coefficient| *coefficient *= share.sqrt());
            let weight = share * members.iter().map(|member| weights[class][*member]).sum::<f64>();
            if weight > NEGLIGIBLE {
                sketched.push(Sketched { class, coefficients, weight });
            }
        }
    }
    sketched
}

/// At most `count` of the entries, chosen with a number uniform in [0, 1), and new weights for them: those that are
/// large stay as they are, of the others some are taken, in proportion to their weight, and all weigh the same. The sum stays,
/// and each weight stays in the mean.
pub(super) fn systematic(weights: &[f64], count: usize, number: f64) -> Vec<(usize, f64)> {
    let mut order: Vec<usize> = (0..weights.len()).filter(|entry| weights[*entry] > NEGLIGIBLE).collect();
    order.sort_by(|one, other| by_weight(weights[*one], weights[*other]));
    if order.len() <= count {
        return order.into_iter().map(|entry| (entry, weights[entry])).collect();
    }
    let mut rest: f64 = order.iter().map(|entry| weights[*entry]).sum();
    let mut large = 0;
    while large < count && weights[order[large]] * (count - large) as f64 >= rest * EQUAL {
        rest -= weights[order[large]];
        large += 1;
    }
    let mut chosen: Vec<(usize, f64)> = order[..large].iter().map(|entry| (*entry, weights[*entry])).collect();
    let weight = rest / (count - large).max(1) as f64;
    let mut below = 0.0;
    for entry in &order[large..] {
        below += weights[*entry];
        if chosen.len() < count && below > (number + (chosen.len() - large) as f64) * weight {
            chosen.push((*entry, weight));
        }
    }
    chosen
}

/// The columns of one class if each has one and the rest go where the weight is.
fn allotted(totals: &[f64], class: usize, count: usize) -> usize {
    let mut columns: Vec<usize> = totals.iter().map(|total| usize::from(*total > NEGLIGIBLE)).collect();
    let free = count.saturating_sub(columns.iter().sum());
    for _ in 0..free {
        let heavier = |one: usize, other: usize| {
            totals[one] / columns[one] as f64 >= totals[other] / columns[other] as f64 * EQUAL
        };
        let candidates = (0..totals.len()).filter(|class| columns[*class] > 0);
        let Some(most) = candidates.reduce(|best, next| if heavier(best, next) { best } else { next }) else { break };
        columns[most] += 1;
    }
    columns[class]
}

/// The entries in at most `count` groups of about the same weight; the heaviest are alone.
fn groups(weights: &[f64], count: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|one, other| by_weight(weights[*one], weights[*other]));
    let mut groups = vec![Vec::new(); count.min(weights.len())];
    let mut totals = vec![0.0; groups.len()];
    for entry in order {
        let lightest =
            (0..groups.len()).fold(0, |best, next| if totals[next] < totals[best] * EQUAL { next } else { best });
        groups[lightest].push(entry);
        totals[lightest] += weights[entry];
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{adjoint, multiply};

    fn columns(rows: usize, count: usize) -> Matrix {
        let part = |seed: usize| ((seed * 7919 + 13) % 101) as f64 / 50.0 - 1.0;
        Matrix::from_shape_fn((rows, count), |(row, column)| {
            Complex64::new(part(row * count + column), part(31 * row + 17 * column + 5))
        })
    }

    fn state(columns: &Matrix) -> Matrix {
        multiply(columns, &adjoint(columns))
    }

    fn trace(matrix: &Matrix) -> f64 {
        matrix.diag().iter().map(|entry| entry.re).sum()
    }

    fn combined(factor: &Matrix, sketched: &[&Sketched]) -> Matrix {
        let coefficients = Matrix::from_shape_fn((factor.ncols(), sketched.len()), |(member, column)| {
            sketched[column].coefficients[member]
        });
        multiply(factor, &coefficients)
    }

    #[test]
    fn every_draw_has_the_trace_and_their_mean_is_the_state() {
        const DRAWS: u64 = 40_000;
        let factors = [columns(4, 6), columns(4, 3)];
        let classes = factors.clone().map(|factor| Class { metric: multiply(&adjoint(&factor), &factor) });
        for count in [1, 2, 3, 5] {
            let mut means = [Matrix::zeros((4, 4)), Matrix::zeros((4, 4))];
            let expected = factors.clone().map(|factor| state(&factor));
            let total: f64 = expected.iter().map(trace).sum();
            for draw in 0..DRAWS {
                let sketched = sketch(&classes, count, &mut Stream::new(3, draw));
                assert!(sketched.len() <= count);
                assert!((sketched.iter().map(|one| one.weight).sum::<f64>() - total).abs() < 1e-10 * total);
                for class in 0..2 {
                    let own: Vec<&Sketched> = sketched.iter().filter(|one| one.class == class).collect();
                    let found = state(&combined(&factors[class], &own));
                    let weight: f64 = own.iter().map(|one| one.weight).sum();
                    assert!((trace(&found) - weight).abs() < 1e-10 * total);
                    means[class] = &means[class] + &(found / DRAWS as f64);
                }
            }
            for (mean, expected) in means.iter().zip(&expected) {
                let worst = (mean - expected).iter().map(|entry| entry.norm()).fold(0.0, f64::max);
                // Entries spread by no more than the trace.
                assert!(worst < 5.0 * total / (DRAWS as f64).sqrt(), "{count} columns: off by {worst}");
            }
        }
    }

    #[test]
    fn systematic_sampling_keeps_the_sum_and_large_entries_and_is_unbiased() {
        let weights = [0.5, 0.02, 0.0, 0.2, 0.03, 0.05];
        let mut means = [0.0; 6];
        const DRAWS: usize = 1000;
        for draw in 0..DRAWS {
            let chosen = systematic(&weights, 3, (draw as f64 + 0.5) / DRAWS as f64);
            assert_eq!(chosen.len(), 3);
            assert_eq!((chosen[0], chosen[1].0), ((0, 0.5), 3));
            assert!((chosen.iter().map(|one| one.1).sum::<f64>() - 0.8).abs() < 1e-12);
            chosen.iter().for_each(|(entry, weight)| means[*entry] += weight / DRAWS as f64);
        }
        assert!(means.iter().zip(weights).all(|(mean, weight)| (mean - weight).abs() < 1e-3), "{means:?}");
        assert_eq!(systematic(&weights, 9, 0.3).len(), 5, "all that weigh anything");
    }

    #[test]
    fn groups_are_balanced() {
        assert_eq!(groups(&[1.0, 9.0, 2.0, 3.0], 2), [vec![1], vec![3, 2, 0]]);
        assert_eq!(groups(&[1.0], 4), [vec![0]]);
        assert_eq!([allotted(&[8.0, 1.0, 0.0], 0, 5), allotted(&[8.0, 1.0, 0.0], 1, 5)], [4, 1]);
    }
}
