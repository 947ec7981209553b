//! The parameters under which given values are the likeliest.

use super::descent::{Evaluation, Minimum, minimise};
use super::draws::Draws;
use super::process::{Parameters, Process};
use super::space::Dimension;

/// Lengths, for axes of length 1.
const LENGTHS: (f64, f64) = (0.02, 20.0);
/// Variance of the function, for values of variance 1.
const SIGNAL: (f64, f64) = (0.01, 1000.0);
/// Variance of the noise, for values of variance 1; the least also keeps covariances invertible.
const NOISE: (f64, f64) = (1e-8, 1.0);
/// Lengths and noises that searches begin at.
const STARTS: [(f64, f64); 3] = [(0.2, 1e-6), (0.6, 1e-3), (2.0, 1e-2)];
/// Searches that begin at random besides.
const RANDOM_STARTS: usize = 2;
/// The most values that all searches look at; the best one goes on with all values.
const FEW: usize = 100;
/// Steps of a search.
const STEPS: usize = 40;
/// Steps of the last one, with all values.
const LAST_STEPS: usize = 15;

/// The process with the parameters of maximum likelihood that a few searches find, by gradients on their logarithms.
///
/// Values are to have mean near 0 and variance near 1. `None` when their covariance is singular wherever it is looked at.
pub(super) fn fitted(
    dimensions: &[Dimension],
    points: &[Vec<f64>],
    values: &[f64],
    draws: &mut Draws,
) -> Option<Process> {
    let intervals = intervals(dimensions.len());
    let stride = points.len().div_ceil(FEW);
    let few: Vec<usize> = (0..points.len()).step_by(stride).collect();
    let some =
        (few.iter().map(|index| points[*index].clone()).collect(), few.iter().map(|index| values[*index]).collect());
    let found = starts(dimensions.len(), draws)
        .iter()
        .filter_map(|start| minimise(|at| misfit(dimensions, &some, at), start, &intervals, STEPS))
        .reduce(|best, other| if other.value < best.value { other } else { best })?;
    let all = (points.to_vec(), values.to_vec());
    let last = |start: &Minimum| minimise(|at| misfit(dimensions, &all, at), &start.point, &intervals, LAST_STEPS);
    let found = if stride > 1 { last(&found)? } else { found };
    Process::new(dimensions, Parameters::from_logarithms(&found.point), all.0, all.1)
}

/// The negative logarithm of the likelihood for logarithms of parameters.
fn misfit(dimensions: &[Dimension], (points, values): &(Vec<Vec<f64>>, Vec<f64>), logarithms: &[f64]) -> Evaluation {
    let parameters = Parameters::from_logarithms(logarithms);
    let process = Process::new(dimensions, parameters, points.clone(), values.clone())?;
    let gradient = process.log_likelihood_gradient().into_iter().map(|slope| -slope).collect();
    Some((-process.log_likelihood(), gradient))
}

fn intervals(axes: usize) -> Vec<(f64, f64)> {
    let parameters = std::iter::repeat_n(LENGTHS, axes).chain([SIGNAL, NOISE]);
    parameters.map(|(least, most)| (least.ln(), most.ln())).collect()
}

fn starts(axes: usize, draws: &mut Draws) -> Vec<Vec<f64>> {
    let start = |lengths: Vec<f64>, noise: f64| -> Vec<f64> { lengths.into_iter().chain([0.0, noise]).collect() };
    let fixed = STARTS.iter().map(|(length, noise)| start(vec![length.ln(); axes], noise.ln()));
    let random = (0..RANDOM_STARTS).map(|_| {
        let lengths = (0..axes).map(|_| draws.between(0.1_f64.ln(), 4.0_f64.ln())).collect();
        start(lengths, draws.between(NOISE.0.ln(), 0.1_f64.ln()))
    });
    fixed.chain(random).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::latin_hypercube;

    #[test]
    fn the_gradient_vanishes_or_points_out_of_the_box() {
        let dimensions = [Dimension::Continuous; 3];
        let points = latin_hypercube(5, 40, 3);
        let values: Vec<f64> = points.iter().map(|x| (6.0 * x[0]).sin() + 0.5 * (3.0 * x[1]).cos()).collect();
        let process = fitted(&dimensions, &points, &values, &mut Draws::new(1, 0)).unwrap();
        let Parameters { lengths, signal, noise } = process.parameters().clone();
        let logarithms: Vec<f64> = lengths.iter().copied().chain([signal, noise]).map(f64::ln).collect();
        for ((at, slope), (least, most)) in logarithms.iter().zip(process.log_likelihood_gradient()).zip(intervals(3)) {
            let inside = *at > least + 1e-9 && *at < most - 1e-9;
            let outward = (slope > 0.0 && *at >= most - 1e-9) || (slope < 0.0 && *at <= least + 1e-9);
            assert!(outward || inside && slope.abs() < 0.1, "slope {slope} at {at} in [{least}, {most}]");
        }
        // The first axis varies fastest, the last not at all.
        assert!(lengths[0] < lengths[1] && lengths[1] < lengths[2] && lengths[2] > 10.0, "{lengths:?}");
        assert!(noise < 1e-5, "{noise}");
    }

    #[test]
    fn noise_is_found() {
        let points = latin_hypercube(9, 80, 1);
        let mut draws = Draws::new(3, 0);
        // Uniform noise of variance 0.04.
        let width = (0.04_f64 * 12.0).sqrt();
        let values: Vec<f64> =
            points.iter().map(|x| 1.4 * (6.0 * x[0]).sin() + draws.between(-0.5 * width, 0.5 * width)).collect();
        let process = fitted(&[Dimension::Continuous], &points, &values, &mut Draws::new(1, 0)).unwrap();
        let noise = process.parameters().noise;
        assert!((0.02..0.08).contains(&noise), "{noise}");
    }

    #[test]
    fn many_values_are_as_good_as_a_few() {
        let dimensions = [Dimension::Continuous; 2];
        let points = latin_hypercube(5, 2 * FEW, 2);
        let values: Vec<f64> = points.iter().map(|x| (6.0 * x[0]).sin() * (4.0 * x[1]).cos()).collect();
        let process = fitted(&dimensions, &points, &values, &mut Draws::new(1, 0)).unwrap();
        let at = [0.4, 0.6];
        assert!((process.predict(&at).mean - (2.4_f64).sin() * (2.4_f64).cos()).abs() < 1e-3);
    }
}
