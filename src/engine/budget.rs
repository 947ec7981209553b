//! The staircase that finds the cut for a budget.
//!
//! One cut holds for a whole run: tightening within a run costs 2 to 30 times more at the same error, because what an
//! early coarse cut lost is lost. So a coarse run comes first and the cut falls until the error fits. A stair that
//! cannot fit is abandoned as soon as that is clear, so the earlier stairs stay a small part of the total.

/// The first stair's cut, relative to the budget.
const FIRST_CUT: f64 = 1.0 / 30.0;
/// How the cut falls from stair to stair.
const STEP: f64 = 3.0;
/// A smaller part of the run says too little about the whole.
const SMALLEST_FRACTION: f64 = 0.25;
/// How far the projected error must exceed the budget before a stair is abandoned on a projection.
const PROJECTION_MARGIN: f64 = 1.5;
/// Prune threshold relative to the cut.
pub const PRUNE_FRACTION: f64 = 0.1;

/// The search for a cut whose error fits the budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Staircase {
    budget: f64,
    cut: f64,
    stair: usize,
}

impl Staircase {
    /// Starts coarse.
    pub fn new(budget: f64) -> Staircase {
        Staircase { budget, cut: budget * FIRST_CUT, stair: 1 }
    }

    /// The cut of this stair.
    pub fn cut(&self) -> f64 {
        self.cut
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

    /// The next stair, after one that lost `error` in `fraction` of the run.
    pub fn descend(&mut self, error: f64, fraction: f64) {
        let excess = error / (self.budget * fraction.max(SMALLEST_FRACTION));
        self.cut /= if excess > STEP * STEP { STEP * STEP } else { STEP };
        self.stair += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_budget_is_hopeless_at_once_and_a_projection_only_later() {
        let stairs = Staircase::new(1e-2);
        assert!(stairs.hopeless(1.1e-2, 0.1));
        assert!(!stairs.hopeless(0.9e-2, 0.1));
        assert!(stairs.hopeless(0.9e-2, 0.5));
        assert!(!stairs.hopeless(0.9e-2, 0.9));
    }

    #[test]
    fn the_cut_falls_faster_when_far_off() {
        let mut stairs = Staircase::new(1e-2);
        let first = stairs.cut();
        stairs.descend(1.2e-2, 1.0);
        assert!((stairs.cut() - first / 3.0).abs() < 1e-18);
        stairs.descend(0.5, 1.0);
        assert!((stairs.cut() - first / 27.0).abs() < 1e-18);
        assert_eq!(stairs.stair(), 3);
    }
}
