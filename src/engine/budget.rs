//! The staircase that finds the cut for a budget.
//!
//! One cut holds for a whole run: tightening within a run costs 2 to 30 times more at the same error, because what an
//! early coarse cut lost is lost. So a coarse run comes first and the cut falls until the error fits. A stair that
//! cannot fit is abandoned as soon as that is clear, so the earlier stairs stay a small part of the total.

use serde::{Deserialize, Serialize};

/// The first stair's cut is at most this part of the budget.
const FIRST_CUT: f64 = 1.0 / 30.0;
/// Branches that must be formed, because leaving out all up to their weight loses this part of the budget, ...
const NEGLIGIBLE_SHARE: f64 = 0.5;
/// ... are kept from the first stair on: its cut is at most this part of their weight.
const FIRST_CUT_OF_BRANCH: f64 = 0.2;
/// Where between nothing and the budget the next stair's error is aimed at.
const AIM: f64 = 0.9;
/// The smallest and largest factor by which the cut falls; the first time it falls by at least [`FIRST_STEP`].
const STEPS: (f64, f64) = (1.6, 9.0);
/// As long as one stair is known, nothing is known of how the work grows.
const FIRST_STEP: f64 = 3.0;
/// How the error is taken to fall with the cut until two stairs are known: as its square root.
const FIRST_SLOPE: f64 = 0.5;
/// The next stair is to cost at most this many times the last one.
const WORK_GROWTH: f64 = 3.0;
/// A smaller part of the run says too little about the whole.
const SMALLEST_FRACTION: f64 = 0.25;
/// How far the projected error must exceed the budget before a stair is abandoned on a projection.
const PROJECTION_MARGIN: f64 = 1.5;
/// Prune threshold relative to the cut.
pub const PRUNE_FRACTION: f64 = 0.1;

/// What a stair came to, or was projected to come to when it was abandoned.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stair {
    /// Its error.
    pub error: f64,
    /// The sum of squared widths over its steps, which its time grows with.
    pub work: f64,
}

/// The search for a cut whose error fits the budget.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Staircase {
    budget: f64,
    cut: f64,
    stair: usize,
    /// The stair before and its cut.
    previous: Option<(f64, Stair)>,
}

impl Staircase {
    /// Starts coarse, but not so coarse that the first stair must miss: `branches` are the weights of the branches of
    /// all channels but the strongest of each. Where their sum exceeds the budget, the cut starts below those that count.
    pub fn new(budget: f64, branches: &[f64]) -> Staircase {
        let mut weights = branches.to_vec();
        weights.sort_unstable_by(f64::total_cmp);
        let mut lost = 0.0;
        let needed = weights.into_iter().find(|weight| {
            lost += weight;
            lost > NEGLIGIBLE_SHARE * budget
        });
        let cut = needed.map_or(f64::INFINITY, |weight| weight * FIRST_CUT_OF_BRANCH).min(budget * FIRST_CUT);
        Staircase { budget, cut, stair: 1, previous: None }
    }

    /// The cut of this stair.
    pub fn cut(&self) -> f64 {
        self.cut
    }

    /// The budget.
    pub fn budget(&self) -> f64 {
        self.budget
    }

    /// Number of this stair, from 1.
    pub fn stair(&self) -> usize {
        self.stair
    }

    /// Whether a run with this error ends the search.
    pub fn fits(&self, error: f64) -> bool {
        error <= self.budget
    }

    /// Whether a run that has lost `error` after `fraction` of its channels is to be abandoned: it has lost more than
    /// the budget already, or will by the time it ends. (Losses grow with the rank, so the straight line is a lower
    /// estimate for most circuits.)
    pub fn hopeless(&self, error: f64, fraction: f64) -> bool {
        error > self.budget || (fraction >= SMALLEST_FRACTION && error > PROJECTION_MARGIN * self.budget * fraction)
    }

    /// The next stair, after one that came to `found` in `fraction` of the run.
    ///
    /// The cut falls as far as the error must, by the slope of error against cut of the last two stairs, but no
    /// further than the work may grow: where a smaller cut is dear, stairs are low, and the last one does not overshoot.
    pub fn descend(&mut self, found: Stair, fraction: f64) {
        let fraction = fraction.max(SMALLEST_FRACTION);
        let found = Stair { error: found.error / fraction, work: found.work / fraction };
        let excess = (found.error / (AIM * self.budget)).ln().max(0.0);
        let step = match self.previous {
            None => (excess / FIRST_SLOPE).exp().max(FIRST_STEP),
            Some((cut, before)) => {
                let run = (cut / self.cut).ln();
                let slope = ((before.error / found.error).ln() / run).clamp(0.1, 1.0);
                let growth = ((found.work / before.work).ln() / run).max(0.1);
                (excess / slope).min(WORK_GROWTH.ln() / growth).exp()
            }
        };
        self.previous = Some((self.cut, found));
        self.cut /= step.clamp(STEPS.0, STEPS.1);
        self.stair += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stair(error: f64, work: f64) -> Stair {
        Stair { error, work }
    }

    #[test]
    fn a_lost_budget_is_hopeless_at_once_and_a_projection_only_later() {
        let stairs = Staircase::new(1e-2, &[]);
        assert!(stairs.hopeless(1.1e-2, 0.1));
        assert!(!stairs.hopeless(0.9e-2, 0.1));
        assert!(stairs.hopeless(0.9e-2, 0.5));
        assert!(!stairs.hopeless(0.9e-2, 0.9));
    }

    #[test]
    fn the_first_cut_keeps_the_branches_that_the_budget_cannot_spare() {
        assert_eq!(Staircase::new(0.03, &[1e-6; 10]).cut(), 1e-3);
        let branches: Vec<f64> = [vec![1e-9; 100], vec![2e-4; 500], vec![1e-3; 5]].concat();
        assert!((Staircase::new(0.01, &branches).cut() - 4e-5).abs() < 1e-18);
    }

    #[test]
    fn the_cut_falls_faster_when_far_off_and_slower_when_work_explodes() {
        let mut stairs = Staircase::new(1e-2, &[]);
        let first = stairs.cut();
        stairs.descend(stair(1.2e-2, 1.0), 1.0);
        assert!((first / stairs.cut() - 3.0).abs() < 1e-12);
        let (mut cheap, mut dear) = (stairs, stairs);
        cheap.descend(stair(1.1e-2, 1.1), 1.0);
        dear.descend(stair(1.1e-2, 9.0), 1.0);
        assert!(stairs.cut() / cheap.cut() > 2.0 * stairs.cut() / dear.cut());
        assert!((stairs.cut() / dear.cut() - 3f64.sqrt()).abs() < 1e-12, "half the growth of the last stair");
        stairs.descend(stair(0.5, 1.0), 1.0);
        assert!((first / stairs.cut() - 27.0).abs() < 1e-9);
        assert_eq!(stairs.stair(), 3);
    }
}
