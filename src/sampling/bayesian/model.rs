//! What is believed of objective and constraints, and how much a point promises.

use super::descent::Evaluation;
use super::draws::Draws;
use super::fit::fitted;
use super::improvement::{log_improvement, log_probability};
use super::process::Process;
use super::space::Dimension;
use super::{Observation, Outcome};

/// Gaussian processes of the objective and of everything that has to stay below a limit.
#[derive(Debug, Clone)]
pub(super) struct Model {
    objective: Process,
    /// The least value expected at an allowed point that has been observed, in units of the spread.
    best: Option<f64>,
    limits: Vec<Limit>,
    /// The standard deviation of the observed values.
    spread: f64,
}

/// A quantity that has to be at most `most`.
#[derive(Debug, Clone)]
struct Limit {
    process: Process,
    most: f64,
}

/// A point that failed has this value of the quantity that tells failed points, and one that did not its negative.
const FAILED: f64 = 1.0;

impl Model {
    /// Learns from observations; `None` when fewer than two have a value, or when nothing can be learned from them.
    pub(super) fn of(dimensions: &[Dimension], observations: &[Observation], draws: &mut Draws) -> Option<Model> {
        let (points, values): (Vec<Vec<f64>>, Vec<&Outcome>) = known(observations).unzip();
        if points.len() < 2 {
            return None;
        }
        let objectives: Vec<f64> = values.iter().map(|outcome| outcome.objective).collect();
        let (mean, spread) = moments(&objectives);
        let objective = fitted(dimensions, &points, &scaled(&objectives, mean, spread), draws)?;
        let mut limits = Vec::new();
        for constraint in 0..values[0].constraints.len() {
            let values: Vec<f64> = values.iter().map(|outcome| outcome.constraints[constraint]).collect();
            limits.push(Limit::of(dimensions, &points, &values, draws)?);
        }
        if points.len() < observations.len() {
            let all: Vec<Vec<f64>> = observations.iter().map(|of| of.point.clone()).collect();
            let failed = |of: &Observation| if of.value().is_some() { -FAILED } else { FAILED };
            limits.push(Limit::of(dimensions, &all, &observations.iter().map(failed).collect::<Vec<f64>>(), draws)?);
        }
        let allowed = points.iter().zip(&values).filter(|(_, outcome)| outcome.is_allowed());
        let best = allowed.map(|(point, _)| objective.predict(point).mean).reduce(f64::min);
        Some(Model { objective, best, limits, spread })
    }

    /// The standard deviation of the observed values of the objective.
    pub(super) fn spread(&self) -> f64 {
        self.spread
    }

    /// Whether an allowed point is known, so that [`Model::promise`] is that of an improvement.
    pub(super) fn can_improve(&self) -> bool {
        self.best.is_some()
    }

    /// The logarithm of the expected improvement, in units of the spread, times the probability that all limits are kept.
    /// While no allowed point is known, that of the probability alone.
    pub(super) fn promise(&self, point: &[f64]) -> f64 {
        let improvement = self.best.map_or(0.0, |best| {
            let at = self.objective.predict(point);
            log_improvement((best - at.mean) / at.deviation).0 + at.deviation.ln()
        });
        let kept = |limit: &Limit| {
            let at = limit.process.predict(point);
            log_probability((limit.most - at.mean) / at.deviation).0
        };
        improvement + self.limits.iter().map(kept).sum::<f64>()
    }

    /// Minus [`Model::promise`] with its gradient.
    pub(super) fn negative_promise(&self, point: &[f64]) -> Evaluation {
        let (mut sum, mut gradient) = (0.0, vec![0.0; point.len()]);
        if let Some(best) = self.best {
            let slope = self.objective.predict_slope(point);
            let deviation = slope.at.deviation;
            let z = (best - slope.at.mean) / deviation;
            let (value, derivative) = log_improvement(z);
            sum += value + deviation.ln();
            for (axis, gradient) in gradient.iter_mut().enumerate() {
                let change = -slope.mean[axis] - z * slope.deviation[axis];
                *gradient += (derivative * change + slope.deviation[axis]) / deviation;
            }
        }
        for Limit { process, most } in &self.limits {
            let slope = process.predict_slope(point);
            let z = (most - slope.at.mean) / slope.at.deviation;
            let (value, derivative) = log_probability(z);
            sum += value;
            for (axis, gradient) in gradient.iter_mut().enumerate() {
                *gradient += derivative * (-slope.mean[axis] - z * slope.deviation[axis]) / slope.at.deviation;
            }
        }
        gradient.iter_mut().for_each(|slope| *slope = -*slope);
        (sum.is_finite() && gradient.iter().all(|slope| slope.is_finite())).then_some((-sum, gradient))
    }

    /// The model that believes a point to have the values it expects there ("kriging believer"); `None` when it
    /// knows that point so well that it can learn nothing more.
    pub(super) fn believing(&self, point: &[f64]) -> Option<Model> {
        let believing = |process: &Process| process.grown(point.to_vec(), process.predict(point).mean);
        let limit = |limit: &Limit| Some(Limit { process: believing(&limit.process)?, most: limit.most });
        let limits = self.limits.iter().map(limit).collect::<Option<Vec<Limit>>>()?;
        let is_allowed = self.limits.iter().all(|limit| limit.process.predict(point).mean <= limit.most);
        let expected = is_allowed.then(|| self.objective.predict(point).mean);
        let best = self.best.into_iter().chain(expected).reduce(f64::min);
        Some(Model { objective: believing(&self.objective)?, best, limits, spread: self.spread })
    }
}

impl Limit {
    /// From values of a quantity that has to be at most 0.
    fn of(dimensions: &[Dimension], points: &[Vec<f64>], values: &[f64], draws: &mut Draws) -> Option<Limit> {
        let (mean, spread) = moments(values);
        let process = fitted(dimensions, points, &scaled(values, mean, spread), draws)?;
        Some(Limit { process, most: -mean / spread })
    }
}

/// Points whose evaluation gave numbers.
fn known(observations: &[Observation]) -> impl Iterator<Item = (Vec<f64>, &Outcome)> {
    observations.iter().filter_map(|of| Some((of.point.clone(), of.value()?)))
}

/// Mean and standard deviation; 1 in place of a deviation of zero.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().map(|value| value / count).sum::<f64>();
    // Divided by the largest first, so that squares neither overflow nor vanish.
    let largest = values.iter().map(|value| (value - mean).abs()).fold(0.0, f64::max);
    if largest == 0.0 {
        return (mean, 1.0);
    }
    let variance = values.iter().map(|value| ((value - mean) / largest).powi(2)).sum::<f64>() / count;
    (mean, largest * variance.sqrt())
}

fn scaled(values: &[f64], mean: f64, spread: f64) -> Vec<f64> {
    values.iter().map(|value| (value - mean) / spread).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::latin_hypercube;

    fn observations(count: usize) -> Vec<Observation> {
        let point = |point: Vec<f64>| {
            // Wiggles too fast to be followed are noise to the model, so that it is nowhere sure of itself.
            let wiggle = |phase: f64| 0.2 * (70.0 * point[0] + 90.0 * point[1] + phase).sin();
            let outcome = Outcome {
                objective: (5.0 * point[0]).sin() + point[1] + wiggle(0.0),
                constraints: vec![0.3 - point[1] + wiggle(2.0), point[0] - 0.9 + wiggle(4.0)],
            };
            let failed = point[0] + point[1] > 1.8;
            Observation { point, outcome: (!failed).then_some(outcome) }
        };
        latin_hypercube(3, count, 2).into_iter().map(point).collect()
    }

    #[test]
    fn the_gradient_of_a_promise_is_that_of_finite_differences() {
        let model = Model::of(&[Dimension::Continuous; 2], &observations(30), &mut Draws::new(1, 0)).unwrap();
        assert!(model.can_improve() && model.limits.len() == 3, "two constraints and the failed points");
        let at = latin_hypercube(8, 40, 2);
        let gentle: Vec<_> = at.into_iter().filter(|at| model.promise(at) > -100.0).collect();
        assert!(gentle.len() > 10, "elsewhere differences are too rough");
        for at in gentle {
            let (value, gradient) = model.negative_promise(&at).unwrap();
            assert!((value + model.promise(&at)).abs() < 1e-9 * (1.0 + value.abs()));
            for axis in 0..2 {
                let step = 1e-6;
                let moved = |by: f64| {
                    let mut point = at.clone();
                    point[axis] += by;
                    -model.promise(&point)
                };
                let slope = (moved(step) - moved(-step)) / (2.0 * step);
                assert!(
                    (gradient[axis] - slope).abs() < 1e-3 * (1.0 + slope.abs()),
                    "{} instead of {slope}",
                    gradient[axis]
                );
            }
        }
    }

    #[test]
    fn a_believed_point_promises_less_and_is_known_better() {
        let model = Model::of(&[Dimension::Continuous; 2], &observations(20), &mut Draws::new(1, 0)).unwrap();
        let at = [0.93, 0.4];
        let believing = model.believing(&at).unwrap();
        assert!(believing.promise(&at) < model.promise(&at));
        let (before, after) = (model.objective.predict(&at), believing.objective.predict(&at));
        assert!((after.mean - before.mean).abs() < 1e-9, "it was believed to be as expected");
        assert!(after.deviation < 0.95 * before.deviation, "{after:?} {before:?}");
    }

    #[test]
    fn without_an_allowed_point_only_limits_count() {
        let forbidden: Vec<Observation> = observations(12)
            .into_iter()
            .map(|of| Observation {
                outcome: Some(Outcome { objective: of.point[0], constraints: vec![0.1 + of.point[1]] }),
                ..of
            })
            .collect();
        let model = Model::of(&[Dimension::Continuous; 2], &forbidden, &mut Draws::new(1, 0)).unwrap();
        assert!(!model.can_improve() && model.promise(&[0.5, 0.0]) > model.promise(&[0.5, 0.5]));
        assert!(model.promise(&[0.5, 0.0]) <= 0.0, "the logarithm of a probability");
    }

    #[test]
    fn moments_of_large_and_of_equal_values() {
        assert_eq!(moments(&[3.0, 3.0]), (3.0, 1.0));
        let (mean, spread) = moments(&[-1e200, 1e200]);
        assert!(mean == 0.0 && (spread / 1e200 - 1.0).abs() < 1e-15);
        assert_eq!(moments(&[1.0, 3.0]), (2.0, 1.0));
    }
}
