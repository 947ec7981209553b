//! Latin hypercubes: one point in each of `n` equal slices of every axis.

use crate::rng::{Purpose, uniform};

/// Digits of the place within a stratum: few enough that a coordinate is never rounded into the next stratum.
const PLACE_BITS: i32 = 32;

/// `points` points in `[0, 1)^dimensions`, one row each: along every axis exactly one in each of the intervals
/// `[k/points, (k+1)/points)`, at a random place, the intervals matched at random (McKay, Beckman and Conover,
/// Technometrics 21, 239 (1979)).
///
/// At most 2^20 points and 2^24 dimensions.
pub fn latin_hypercube(seed: u64, points: usize, dimensions: usize) -> Vec<Vec<f64>> {
    assert!(points <= 1 << 20 && dimensions <= 1 << 24, "points and dimensions have 40 and 24 bits of the counter");
    let axis = |dimension: usize| -> Vec<f64> {
        let place = |point: usize| {
            let place = uniform(seed, Purpose::Place, index(dimension, point));
            (place * 2f64.powi(PLACE_BITS)).floor() * 2f64.powi(-PLACE_BITS)
        };
        let strata = shuffled(seed, points, dimension).into_iter().enumerate();
        strata.map(|(point, stratum)| (stratum as f64 + place(point)) / points as f64).collect()
    };
    let axes: Vec<Vec<f64>> = (0..dimensions).map(axis).collect();
    (0..points).map(|point| axes.iter().map(|axis| axis[point]).collect()).collect()
}

/// A random order of `0..count` (Fisher and Yates).
fn shuffled(seed: u64, count: usize, dimension: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        let chosen = uniform(seed, Purpose::Stratum, index(dimension, last)) * (last + 1) as f64;
        order.swap(last, chosen as usize);
    }
    order
}

fn index(dimension: usize, number: usize) -> u64 {
    (dimension as u64) << 40 | number as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_stratum_of_every_axis_holds_one_point(seed: u64, points in 1_usize..400, dimensions in 1_usize..8) {
            let sample = latin_hypercube(seed, points, dimensions);
            prop_assert_eq!(&sample, &latin_hypercube(seed, points, dimensions));
            for dimension in 0..dimensions {
                let mut strata: Vec<usize> =
                    sample.iter().map(|point| (point[dimension] * points as f64).floor() as usize).collect();
                strata.sort_unstable();
                prop_assert!(strata.into_iter().eq(0..points));
            }
        }
    }

    #[test]
    fn every_order_is_equally_likely() {
        const SAMPLES: u64 = 6000;
        let mut counts = std::collections::BTreeMap::new();
        (0..SAMPLES).for_each(|seed| *counts.entry(shuffled(seed, 3, 1)).or_insert(0.0) += 1.0);
        // Chi-squared over the 6 orders: 5 degrees of freedom, above 20.5 with probability 0.001.
        let expected = SAMPLES as f64 / 6.0;
        let chi_squared: f64 = counts.values().map(|count: &f64| (count - expected).powi(2) / expected).sum();
        assert!(counts.len() == 6 && chi_squared < 20.5, "{counts:?}");
    }

    #[test]
    fn no_point_and_no_dimension_are_no_special_case() {
        assert!(latin_hypercube(1, 0, 3).is_empty());
        assert_eq!(latin_hypercube(1, 2, 0), [[], []] as [[f64; 0]; 2]);
    }
}
