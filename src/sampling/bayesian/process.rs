//! A Gaussian process: what some values say about the function elsewhere.
//!
//! The prior has mean zero and Matérn's covariance of smoothness 5/2 with one length for each axis (Rasmussen and
//! Williams, "Gaussian processes for machine learning", 2006, equation 4.17):
//! `k(x, y) = signal (1 + a + a^2/3) exp(-a)`, `a^2 = 5 sum_j (x_j - y_j)^2 / length_j^2`; values have independent normal
//! noise besides.

use super::space::Dimension;
use crate::linalg::{Cholesky, RealMatrix};

/// What a process is before anything is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parameters {
    /// For each axis the distance along which values are alike.
    pub(super) lengths: Vec<f64>,
    /// Variance of the function.
    pub(super) signal: f64,
    /// Variance of the noise.
    pub(super) noise: f64,
}

impl Parameters {
    /// From the logarithms of the lengths, the signal and the noise, in this order.
    pub(super) fn from_logarithms(logarithms: &[f64]) -> Parameters {
        let mut numbers: Vec<f64> = logarithms.iter().map(|logarithm| logarithm.exp()).collect();
        let noise = numbers.pop().expect("the noise comes last");
        let signal = numbers.pop().expect("the signal comes before");
        Parameters { lengths: numbers, signal, noise }
    }

    /// The covariance, and `-2` times its derivative by `sum_j (x_j - y_j)^2 / length_j^2`: a length `j` then has the derivative
    /// `slope (x_j - y_j)^2 / length_j^3`, and a coordinate `-slope (x_j - y_j) / length_j^2`.
    pub(super) fn covariance(&self, dimensions: &[Dimension], x: &[f64], y: &[f64]) -> (f64, f64) {
        let mut square = 0.0;
        for (((dimension, length), x), y) in dimensions.iter().zip(&self.lengths).zip(x).zip(y) {
            let scaled = dimension.difference(*x, *y) / length;
            square += scaled * scaled;
        }
        let distance = (5.0 * square).sqrt();
        let decay = self.signal * (-distance).exp();
        (decay * (1.0 + distance + distance * distance / 3.0), decay * (1.0 + distance) * 5.0 / 3.0)
    }
}

/// A mean and a standard deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Prediction {
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

/// A prediction with its gradients.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slope {
    pub(super) at: Prediction,
    pub(super) mean: Vec<f64>,
    pub(super) deviation: Vec<f64>,
}

/// The least variance of a prediction, relative to the signal's: below it rounding decides.
const LEAST_VARIANCE: f64 = 1e-12;

/// A process that knows some values.
#[derive(Debug, Clone)]
pub(super) struct Process {
    dimensions: Vec<Dimension>,
    parameters: Parameters,
    points: Vec<Vec<f64>>,
    values: Vec<f64>,
    factors: Cholesky,
    /// The inverse of the covariance of the values, times the values.
    weights: Vec<f64>,
}

impl Process {
    /// Knows `values` at `points`; `None` when their covariance is singular to rounding.
    pub(super) fn new(
        dimensions: &[Dimension],
        parameters: Parameters,
        points: Vec<Vec<f64>>,
        values: Vec<f64>,
    ) -> Option<Process> {
        let size = points.len();
        let mut matrix = RealMatrix::zeros((size, size));
        for row in 0..size {
            for column in 0..row {
                matrix[(row, column)] = parameters.covariance(dimensions, &points[row], &points[column]).0;
            }
            matrix[(row, row)] = parameters.signal + parameters.noise;
        }
        let factors = Cholesky::new(&matrix)?;
        let weights = factors.solve(&values);
        Some(Process { dimensions: dimensions.to_vec(), parameters, points, values, factors, weights })
    }

    /// With one more value.
    pub(super) fn grown(&self, point: Vec<f64>, value: f64) -> Option<Process> {
        let Process { dimensions, parameters, .. } = self;
        let factors = self.factors.grown(&self.covariances(&point), parameters.signal + parameters.noise)?;
        let points = self.points.iter().cloned().chain([point]).collect();
        let values: Vec<f64> = self.values.iter().copied().chain([value]).collect();
        let weights = factors.solve(&values);
        Some(Process {
            dimensions: dimensions.clone(),
            parameters: parameters.clone(),
            points,
            values,
            factors,
            weights,
        })
    }

    /// The logarithm of the probability density of the values.
    pub(super) fn log_likelihood(&self) -> f64 {
        let misfit = dot(&self.values, &self.weights);
        let size = self.values.len() as f64;
        -0.5 * (misfit + self.factors.log_determinant() + size * (2.0 * std::f64::consts::PI).ln())
    }

    /// Its gradient by the logarithms of the lengths, the signal and the noise.
    pub(super) fn log_likelihood_gradient(&self) -> Vec<f64> {
        let Process { dimensions, parameters, points, weights, .. } = self;
        let inverse = self.factors.lower_inverse();
        let axes = parameters.lengths.len();
        let mut gradient = vec![0.0; axes + 2];
        for row in 0..points.len() {
            // Half the derivative of the density by an entry of the covariance; entries off the diagonal count twice.
            let sensitivity = |column: usize| 0.5 * (weights[row] * weights[column] - inverse[(row, column)]);
            for column in 0..row {
                let twice = 2.0 * sensitivity(column);
                let (covariance, slope) = parameters.covariance(dimensions, &points[row], &points[column]);
                gradient[axes] += twice * covariance;
                for (axis, sum) in gradient[..axes].iter_mut().enumerate() {
                    let away = dimensions[axis].difference(points[row][axis], points[column][axis]);
                    *sum += twice * slope * away * away;
                }
            }
            gradient[axes] += sensitivity(row) * parameters.signal;
            gradient[axes + 1] += sensitivity(row) * parameters.noise;
        }
        gradient.iter_mut().zip(&parameters.lengths).for_each(|(sum, length)| *sum /= length * length);
        gradient
    }

    /// What it knows of the function at a point, without noise.
    pub(super) fn predict(&self, point: &[f64]) -> Prediction {
        let covariances = self.covariances(point);
        self.prediction(&covariances, &self.factors.half_solve(&covariances))
    }

    /// [`Process::predict`] with gradients.
    pub(super) fn predict_slope(&self, point: &[f64]) -> Slope {
        let with_slopes: Vec<(f64, f64)> = self.with_slopes(point).collect();
        let covariances: Vec<f64> = with_slopes.iter().map(|(covariance, _)| *covariance).collect();
        let half = self.factors.half_solve(&covariances);
        let at = self.prediction(&covariances, &half);
        let full = self.factors.transposed_half_solve(&half);
        let (mut mean, mut deviation) = (vec![0.0; point.len()], vec![0.0; point.len()]);
        for (known, (_, slope)) in with_slopes.iter().enumerate() {
            for axis in 0..point.len() {
                let away = self.dimensions[axis].difference(point[axis], self.points[known][axis]);
                let change = -slope * away / (self.parameters.lengths[axis] * self.parameters.lengths[axis]);
                mean[axis] += self.weights[known] * change;
                deviation[axis] -= full[known] * change / at.deviation;
            }
        }
        if at.deviation * at.deviation <= LEAST_VARIANCE * self.parameters.signal {
            deviation.fill(0.0);
        }
        Slope { at, mean, deviation }
    }

    fn prediction(&self, covariances: &[f64], half: &[f64]) -> Prediction {
        let signal = self.parameters.signal;
        let variance = (signal - dot(half, half)).max(LEAST_VARIANCE * signal);
        Prediction { mean: dot(covariances, &self.weights), deviation: variance.sqrt() }
    }

    fn covariances(&self, point: &[f64]) -> Vec<f64> {
        self.with_slopes(point).map(|(covariance, _)| covariance).collect()
    }

    fn with_slopes(&self, point: &[f64]) -> impl Iterator<Item = (f64, f64)> {
        self.points.iter().map(move |known| self.parameters.covariance(&self.dimensions, point, known))
    }

    /// Its parameters.
    #[cfg(test)]
    pub(super) fn parameters(&self) -> &Parameters {
        &self.parameters
    }
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::tests::{numbers, points, recorded};
    use proptest::prelude::*;
    use serde_json::Value;

    fn number(value: &Value) -> f64 {
        value.as_f64().unwrap()
    }

    fn of_record(record: &Value) -> Process {
        let parameters = Parameters {
            lengths: numbers(&record["lengths"]),
            signal: number(&record["signal"]),
            noise: number(&record["noise"]),
        };
        let dimensions = vec![Dimension::Continuous; parameters.lengths.len()];
        Process::new(&dimensions, parameters, points(&record["points"]), numbers(&record["values"])).unwrap()
    }

    fn close(one: f64, other: f64, tolerance: f64) -> bool {
        (one - other).abs() <= tolerance * (1.0 + other.abs())
    }

    #[test]
    fn predictions_and_likelihoods_are_those_of_scikit_learn() {
        let recorded = recorded();
        let records = recorded["processes"].as_array().unwrap();
        assert_eq!(records.len(), 3);
        for record in records {
            let process = of_record(record);
            let (means, deviations) = (numbers(&record["mean"]), numbers(&record["deviation"]));
            for ((at, mean), deviation) in points(&record["at"]).iter().zip(means).zip(deviations) {
                let found = process.predict(at);
                assert!(close(found.mean, mean, 1e-11) && close(found.deviation, deviation, 1e-11), "{found:?}");
            }
            assert!(close(process.log_likelihood(), number(&record["log_likelihood"]), 1e-11));
            for (found, expected) in process.log_likelihood_gradient().iter().zip(numbers(&record["gradient"])) {
                assert!(close(*found, expected, 1e-10), "{found} instead of {expected}");
            }
        }
    }

    #[test]
    fn one_value_in_closed_form() {
        let parameters = Parameters { lengths: vec![0.5], signal: 2.0, noise: 0.5 };
        let process = Process::new(&[Dimension::Continuous], parameters, vec![vec![0.25]], vec![3.0]).unwrap();
        let a = 5f64.sqrt();
        let k = 2.0 * (1.0 + a + a * a / 3.0) * (-a).exp();
        let found = process.predict(&[0.75]);
        assert!(close(found.mean, k * 3.0 / 2.5, 1e-14));
        assert!(close(found.deviation, (2.0 - k * k / 2.5).sqrt(), 1e-14));
        let expected = -0.5 * (9.0 / 2.5 + (2.0 * std::f64::consts::PI * 2.5).ln());
        assert!(close(process.log_likelihood(), expected, 1e-14));
    }

    /// Differences of a function by each of its arguments.
    fn differences(at: &[f64], function: impl Fn(&[f64]) -> f64) -> Vec<f64> {
        let step = 1e-5;
        let moved = |axis: usize, by: f64| {
            let mut point = at.to_vec();
            point[axis] += by;
            function(&point)
        };
        (0..at.len()).map(|axis| (moved(axis, step) - moved(axis, -step)) / (2.0 * step)).collect()
    }

    fn values(points: &[Vec<f64>]) -> Vec<f64> {
        points.iter().map(|x| (7.0 * x[0]).sin() + x[1] * x[1] - 0.4 * x[2]).collect()
    }

    proptest! {
        #[test]
        fn gradients_are_those_of_finite_differences(
            known in prop::collection::vec(prop::collection::vec(0.0..1.0, 3), 2..15),
            logarithms in prop::collection::vec(-1.0..0.7, 4), at in prop::collection::vec(0.05..0.95, 3),
        ) {
            let dimensions = [Dimension::Continuous, Dimension::Continuous, Dimension::Levels(7)];
            let logarithms = [logarithms, vec![-3.0]].concat();
            let values = values(&known);
            let of = |logarithms: &[f64]| {
                let parameters = Parameters::from_logarithms(logarithms);
                Process::new(&dimensions, parameters, known.clone(), values.clone()).unwrap()
            };
            let likelihood = differences(&logarithms, |logarithms| of(logarithms).log_likelihood());
            for (found, expected) in of(&logarithms).log_likelihood_gradient().iter().zip(likelihood) {
                prop_assert!(close(*found, expected, 1e-5), "{found} instead of {expected}");
            }
            let process = of(&logarithms);
            let slope = process.predict_slope(&at);
            prop_assert_eq!(slope.at, process.predict(&at));
            let means = differences(&at, |at| process.predict(at).mean);
            let deviations = differences(&at, |at| process.predict(at).deviation);
            for axis in 0..3 {
                prop_assert!(close(slope.mean[axis], means[axis], 1e-5));
                prop_assert!(close(slope.deviation[axis], deviations[axis], 1e-5));
            }
        }

        #[test]
        fn a_value_more_is_a_process_of_them_all(
            known in prop::collection::vec(prop::collection::vec(0.0..1.0, 3), 2..12), at in prop::collection::vec(0.0..1.0, 3),
        ) {
            let dimensions = [Dimension::Continuous, Dimension::Levels(4), Dimension::Choices(3)];
            let known: Vec<_> = known.iter().map(|point| super::super::space::snapped(&dimensions, point)).collect();
            let parameters = Parameters { lengths: vec![0.3, 0.6, 0.8], signal: 1.0, noise: 1e-4 };
            let values = values(&known);
            let whole = Process::new(&dimensions, parameters.clone(), known.clone(), values.clone()).unwrap();
            let last = known.len() - 1;
            let few = Process::new(&dimensions, parameters, known[..last].to_vec(), values[..last].to_vec()).unwrap();
            let grown = few.grown(known[last].clone(), values[last]).unwrap();
            let (one, other) = (grown.predict(&at), whole.predict(&at));
            prop_assert!(close(one.mean, other.mean, 1e-8) && close(one.deviation, other.deviation, 1e-8));
        }
    }
}
