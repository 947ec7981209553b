//! Bayesian optimisation: the next points at which to evaluate an expensive function that is to become small.
//!
//! A Gaussian process is fitted to what is known ([`process`], [`fit`]); the next point is where the logarithm of the
//! expected improvement ([`improvement`]) is largest, times the probability that every constraint is kept (Gardner and
//! others, ICML 2014). Constraints have processes of their own; so has the quantity that tells failed points from others. In a batch, each
//! point is chosen as if those before it had given what the model expects there (the kriging believer of Ginsbourger,
//! Le Riche and Carraro, 2010). All runs on one thread.

mod descent;
mod draws;
mod fit;
mod improvement;
mod model;
mod process;
mod search;
mod space;

use super::sobol::{MOST_DIMENSIONS, sobol};
use crate::error::{Error, Result};
use draws::Draws;
use model::Model;
use search::most_promising;
use space::{is_among, snapped};

pub use space::Dimension;

/// What is optimised.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The axes of the cube; at most [`MOST_DIMENSIONS`].
    pub dimensions: Vec<Dimension>,
    /// Points of Sobol's sequence (scrambled) that come before the first one that the model chooses.
    pub initial: usize,
    /// Constraints of every outcome.
    pub constraints: usize,
    /// The search has converged when no point has a larger expected improvement than this, in units of the standard
    /// deviation of the values of the objective so far; 0 for never.
    pub tolerance: f64,
}

/// A point and what was found there.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Where: a point that was proposed, or any other of the cube.
    pub point: Vec<f64>,
    /// What; `None` when the evaluation failed. Numbers that are not finite, or beyond 1e150, count as failed.
    pub outcome: Option<Outcome>,
}

/// What an evaluation gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// To be made small.
    pub objective: f64,
    /// Each is kept when it is at most 0.
    pub constraints: Vec<f64>,
}

/// Where to look next.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The points, in the order in which they promise most; fewer than asked for when the cube has no more.
    pub points: Vec<Vec<f64>>,
    /// The largest expected improvement of the objective by one point, in the objective's units, times the probability that it is
    /// allowed; `None` while there is no model, or no allowed point to improve.
    pub improvement: Option<f64>,
    /// Whether the improvement is below the tolerance: nothing that is worth another evaluation is expected. Points are
    /// proposed nevertheless.
    pub converged: bool,
}

/// Points near the best ones are looked at: so many best ones.
const GOOD: usize = 3;
/// Points of Sobol's sequence that are tried for each one that is needed: in lists, many are the same.
const TRIALS: usize = 64;
/// Numbers from here on count as failures: their squares would not be numbers.
const LARGEST: f64 = 1e150;

impl Observation {
    /// The numbers, if all are such.
    fn value(&self) -> Option<&Outcome> {
        let sound = |value: &f64| value.is_finite() && value.abs() < LARGEST;
        self.outcome.as_ref().filter(|outcome| sound(&outcome.objective) && outcome.constraints.iter().all(sound))
    }
}

impl Outcome {
    /// Whether all constraints are kept.
    pub fn is_allowed(&self) -> bool {
        self.constraints.iter().all(|constraint| *constraint <= 0.0)
    }
}

impl Settings {
    /// Continuous axes, no constraint, no early end; `2 (dimensions + 1)` points come before the model.
    pub fn continuous(dimensions: usize) -> Settings {
        let axes = vec![Dimension::Continuous; dimensions];
        Settings { dimensions: axes, initial: 2 * (dimensions + 1), constraints: 0, tolerance: 0.0 }
    }
}

/// Proposes points; has no state of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Bayesian {
    settings: Settings,
}

impl Bayesian {
    /// Checks the settings.
    ///
    /// # Errors
    /// Input error for no dimension or too many, an empty list, or a tolerance that is none.
    pub fn new(settings: Settings) -> Result<Bayesian> {
        let count = settings.dimensions.len();
        if !(1..=MOST_DIMENSIONS).contains(&count) {
            return Err(Error::input(format!("Bayesian optimisation of {count} parameters"))
                .allowed(format!("1 to {MOST_DIMENSIONS} parameters"))
                .next("optimise fewer at a time, or sample at random"));
        }
        if let Some(axis) = settings.dimensions.iter().position(|dimension| dimension.entries() == Some(0)) {
            return Err(Error::input(format!("parameter {axis} is a list without entries")).next("name its values"));
        }
        if !(settings.tolerance >= 0.0 && settings.tolerance.is_finite()) {
            return Err(Error::input(format!("a tolerance of {}", settings.tolerance))
                .allowed("a share of the spread of the objective, 0 for no early end"));
        }
        Ok(Bayesian { settings })
    }

    /// The next `batch` points: a pure function of the seed and the observations in their order.
    ///
    /// While fewer than `initial` points are observed, or fewer than two have given numbers, they come from Sobol's sequence. No
    /// point that is observed is proposed again, nor one twice.
    ///
    /// # Errors
    /// Input error for observations of another number of parameters or constraints than the settings state, or outside the cube.
    pub fn propose(&self, seed: u64, observations: &[Observation], batch: usize) -> Result<Proposal> {
        observations.iter().enumerate().try_for_each(|(index, observation)| self.check(index, observation))?;
        let mut draws = Draws::new(seed, observations.len());
        let starts = observations.len() < self.settings.initial;
        let model = if starts { None } else { Model::of(&self.settings.dimensions, observations, &mut draws) };
        match model {
            Some(model) => self.by_model(model, observations, batch, &mut draws),
            None => {
                let points = self.by_sequence(seed, observations, batch)?;
                Ok(Proposal { points, improvement: None, converged: false })
            }
        }
    }

    /// The first points of Sobol's sequence that are not observed.
    fn by_sequence(&self, seed: u64, observations: &[Observation], batch: usize) -> Result<Vec<Vec<f64>>> {
        let dimensions = &self.settings.dimensions;
        let mut points: Vec<Vec<f64>> = Vec::with_capacity(batch);
        for point in sobol(Some(seed), TRIALS * (observations.len() + batch), dimensions.len())? {
            let point = snapped(dimensions, &point);
            if points.len() < batch && !is_among(&point, observations.iter().map(|of| &of.point).chain(&points)) {
                points.push(point);
            }
        }
        Ok(points)
    }

    /// The most promising points, each chosen believing in those before.
    fn by_model(
        &self,
        mut model: Model,
        observations: &[Observation],
        batch: usize,
        draws: &mut Draws,
    ) -> Result<Proposal> {
        let mut taken: Vec<Vec<f64>> = observations.iter().map(|of| of.point.clone()).collect();
        let mut good = best_points(observations);
        let (spread, can_improve) = (model.spread(), model.can_improve());
        let (mut points, mut promise) = (Vec::with_capacity(batch), None);
        while points.len() < batch {
            let Some(found) = most_promising(&model, &self.settings.dimensions, &taken, &good, draws)? else { break };
            promise.get_or_insert(found.promise);
            // A point that teaches the model nothing leaves it as it is; being taken it is not chosen again.
            model = model.believing(&found.point).unwrap_or(model);
            taken.push(found.point.clone());
            good.push(found.point.clone());
            points.push(found.point);
        }
        let improvement = promise.filter(|_| can_improve).map(f64::exp);
        let converged = improvement.is_some_and(|improvement| improvement < self.settings.tolerance);
        Ok(Proposal { points, improvement: improvement.map(|improvement| improvement * spread), converged })
    }

    fn check(&self, index: usize, observation: &Observation) -> Result<()> {
        let Settings { dimensions, constraints, .. } = &self.settings;
        let inside = observation.point.iter().all(|coordinate| (0.0..=1.0).contains(coordinate));
        if observation.point.len() != dimensions.len() || !inside {
            return Err(Error::input(format!("observation {index} is no point of the cube"))
                .allowed(format!("{} numbers from 0 to 1", dimensions.len())));
        }
        let found = observation.outcome.as_ref().map_or(*constraints, |outcome| outcome.constraints.len());
        if found != *constraints {
            return Err(Error::input(format!("observation {index} has {found} constraints"))
                .allowed(format!("{constraints}, as stated")));
        }
        Ok(())
    }
}

/// The best points observed: allowed ones by their objective, the best first, and then the others by the largest violation.
fn best_points(observations: &[Observation]) -> Vec<Vec<f64>> {
    let rank = |outcome: &Outcome| match outcome.is_allowed() {
        true => (0, outcome.objective),
        false => (1, outcome.constraints.iter().copied().fold(0.0, f64::max)),
    };
    let mut ranked: Vec<_> = observations.iter().filter_map(|of| Some((rank(of.value()?), &of.point))).collect();
    ranked.sort_by(|((one, value), _), ((other, least), _)| one.cmp(other).then(value.total_cmp(least)));
    ranked.into_iter().take(GOOD).map(|(_, point)| point.clone()).collect()
}

#[cfg(test)]
mod tests;
