//! Points at which to evaluate something, in the unit cube `[0, 1)^d`: at random, in Latin hypercubes, along Sobol's
//! sequence, or where a model of what is known so far expects the most ([`Bayesian`]).
//!
//! Every function here is a pure function of its arguments. [`random`], [`latin_hypercube`] and [`sobol`] use integers and
//! exact fractions only, so their points are the same on every machine. Those of [`Bayesian`] are bitwise the same for
//! any number of ranks and threads on processors of one kind; between kinds the last bits may differ, so one rank should
//! decide for all.

mod bayesian;
mod latin_hypercube;
mod random;
mod sobol;

pub use bayesian::{Bayesian, Dimension, Observation, Outcome, Proposal, Settings};
pub use latin_hypercube::latin_hypercube;
pub use random::random;
pub use sobol::{MOST_DIMENSIONS, sobol};

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Numbers of public programs, made by `scripts/sampling_numbers.py`.
    pub(super) fn recorded() -> Value {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sampling.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// A list of numbers.
    pub(super) fn numbers(value: &Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    }

    /// A list of points.
    pub(super) fn points(value: &Value) -> Vec<Vec<f64>> {
        value.as_array().unwrap().iter().map(numbers).collect()
    }

    /// The squared centred L2 discrepancy (Hickernell, Math. Comp. 67, 299 (1998), equation 5.1).
    fn discrepancy(points: &[Vec<f64>]) -> f64 {
        let (count, dimensions) = (points.len() as f64, points[0].len() as i32);
        let from_centre = |x: &f64| (x - 0.5).abs();
        let single = |x: &Vec<f64>| -> f64 {
            x.iter().map(from_centre).map(|distance| 1.0 + 0.5 * distance - 0.5 * distance * distance).product()
        };
        let pair = |x: &Vec<f64>, y: &Vec<f64>| -> f64 {
            let factor = |(x, y): (&f64, &f64)| 1.0 + 0.5 * (from_centre(x) + from_centre(y) - (x - y).abs());
            x.iter().zip(y).map(factor).product()
        };
        let singles: f64 = points.iter().map(single).sum();
        let pairs: f64 = points.iter().flat_map(|x| points.iter().map(move |y| pair(x, y))).sum();
        (13.0_f64 / 12.0).powi(dimensions) - 2.0 * singles / count + pairs / (count * count)
    }

    #[test]
    fn the_discrepancy_is_that_of_scipy() {
        let recorded = &recorded()["discrepancy"];
        let ours = discrepancy(&points(&recorded["points"]));
        assert!((ours - recorded["centred"].as_f64().unwrap()).abs() < 1e-14, "{ours}");
    }

    #[test]
    fn structured_points_fill_the_cube_more_evenly_than_random_ones() {
        const COUNT: usize = 256;
        const DIMENSIONS: usize = 5;
        // The mean over all random points: (5/4)^d - (13/12)^d, over their number.
        let expected = (1.25_f64.powi(5) - (13.0_f64 / 12.0).powi(5)) / COUNT as f64;
        let mean =
            |sample: &dyn Fn(u64) -> Vec<Vec<f64>>| (0..8).map(|seed| discrepancy(&sample(seed))).sum::<f64>() / 8.0;
        let at_random = mean(&|seed| random(seed, COUNT, DIMENSIONS));
        let latin = mean(&|seed| latin_hypercube(seed, COUNT, DIMENSIONS));
        let scrambled = mean(&|seed| sobol(Some(seed), COUNT, DIMENSIONS).unwrap());
        let plain = discrepancy(&sobol(None, COUNT, DIMENSIONS).unwrap());
        println!(
            "random {at_random:.2e} ({expected:.2e}), Latin {latin:.2e}, Sobol {scrambled:.2e}, plain {plain:.2e}"
        );
        assert!((at_random / expected - 1.0).abs() < 0.2);
        assert!(latin < 0.7 * at_random && scrambled < 0.15 * at_random && plain < 0.15 * at_random);
    }
}
