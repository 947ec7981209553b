//! Independent points.

use crate::rng::{Purpose, uniform};

/// Points independent and uniform in `[0, 1)^dimensions`, one row each.
///
/// Coordinate `j` of point `i` depends on the seed, `i` and `j` alone: more points are the same points and some more.
/// At most 2^16 dimensions and 2^48 points.
pub fn random(seed: u64, points: usize, dimensions: usize) -> Vec<Vec<f64>> {
    assert!(dimensions <= 1 << 16, "a dimension has 16 bits of the counter");
    let coordinate = |point: usize, dimension: usize| uniform(seed, Purpose::Point, (point << 16 | dimension) as u64);
    (0..points).map(|point| (0..dimensions).map(|dimension| coordinate(point, dimension)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_point_depends_on_nothing_but_its_number(seed: u64, few in 0_usize..20, more in 0_usize..20, dimensions in 1_usize..8) {
            let (some, all) = (random(seed, few, dimensions), random(seed, few + more, dimensions + 1));
            for (short, long) in some.iter().zip(&all) {
                prop_assert_eq!(&short[..], &long[..dimensions]);
            }
            prop_assert!(all.iter().flatten().all(|coordinate| (0.0..1.0).contains(coordinate)));
        }
    }

    #[test]
    fn seeds_and_coordinates_differ() {
        let mut all: Vec<f64> = [random(1, 20, 5), random(2, 20, 5)].concat().concat();
        all.sort_by(f64::total_cmp);
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
