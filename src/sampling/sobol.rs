//! Sobol's sequence: points of which any `2^k` in a row fill the cube evenly.

mod directions;

use crate::error::{Error, Result};
use crate::rng::{Purpose, uniform};
use directions::DIRECTIONS;

/// Digits of a coordinate.
const BITS: u32 = 32;

/// Most dimensions of Sobol points.
pub const MOST_DIMENSIONS: usize = DIRECTIONS.len() + 1;

/// The first `points` of Sobol's sequence in `[0, 1)^dimensions`, one row each, in the order of Antonov and Saleev (Gray
/// code); the direction numbers are those of Joe and Kuo (SIAM J. Sci. Comput. 30, 2635 (2008)).
///
/// Without a seed the sequence itself, whose first point is the origin. With a seed it is scrambled digit by digit as
/// Owen proposed (nested uniform scrambling): every point is uniform in the cube, and the points fill it as evenly.
/// Point `i` depends on `i` and the seed only. Powers of two of points are balanced best.
///
/// # Errors
/// Input error for more than [`MOST_DIMENSIONS`] dimensions or more than 2^32 points.
pub fn sobol(seed: Option<u64>, points: usize, dimensions: usize) -> Result<Vec<Vec<f64>>> {
    if dimensions > MOST_DIMENSIONS {
        return Err(Error::input(format!("Sobol points in {dimensions} dimensions"))
            .allowed(format!("up to {MOST_DIMENSIONS} dimensions"))
            .next("use a Latin hypercube or random points"));
    }
    if points as u64 > 1 << BITS {
        return Err(Error::input(format!("{points} Sobol points"))
            .allowed("up to 2^32 points")
            .next("use random points"));
    }
    let directions: Vec<[u32; BITS as usize]> = (0..dimensions).map(directions_of).collect();
    Ok((0..points as u64).map(|index| point(seed, index, &directions)).collect())
}

fn point(seed: Option<u64>, index: u64, directions: &[[u32; BITS as usize]]) -> Vec<f64> {
    let coordinate = |(dimension, of): (usize, &[u32; BITS as usize])| {
        let digits = digits(index, of);
        let digits = seed.map_or(digits, |seed| scrambled(seed, dimension, digits));
        f64::from(digits) * 2f64.powi(-(BITS as i32))
    };
    directions.iter().enumerate().map(coordinate).collect()
}

/// The binary digits of a coordinate: the sum modulo two of the directions that the Gray code of the index names.
fn digits(index: u64, directions: &[u32; BITS as usize]) -> u32 {
    let gray = index ^ index >> 1;
    (0..BITS as usize).filter(|bit| gray >> bit & 1 == 1).fold(0, |digits, bit| digits ^ directions[bit])
}

/// The direction numbers of a dimension: the first from the table, the others by the recurrence of its polynomial.
fn directions_of(dimension: usize) -> [u32; BITS as usize] {
    let mut directions = [0; BITS as usize];
    let Some((coefficients, first)) = dimension.checked_sub(1).map(|entry| DIRECTIONS[entry]) else {
        // The first dimension is van der Corput's sequence.
        return std::array::from_fn(|bit| 1 << (BITS as usize - 1 - bit));
    };
    let degree = first.len();
    for bit in 0..BITS as usize {
        directions[bit] = match first.get(bit) {
            Some(number) => number << (BITS as usize - 1 - bit),
            None => {
                let mut next = directions[bit - degree] ^ directions[bit - degree] >> degree;
                for term in 1..degree {
                    if coefficients >> (degree - 1 - term) & 1 == 1 {
                        next ^= directions[bit - term];
                    }
                }
                next
            }
        };
    }
    directions
}

/// Owen's scrambling: each digit is flipped or not as a coin says that belongs to the digits before it.
fn scrambled(seed: u64, dimension: usize, digits: u32) -> u32 {
    let flip = |depth: u32| {
        // The node in the tree of all first digits: 1, then 1 and the digits so far.
        let node = 1_u64 << depth | u64::from(digits) >> (BITS - depth);
        let coin = uniform(seed, Purpose::Scrambling, (dimension as u64) << 33 | node);
        u32::from(coin >= 0.5) << (BITS - 1 - depth)
    };
    (0..BITS).fold(digits, |scrambled, depth| scrambled ^ flip(depth))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::tests::{points, recorded};
    use proptest::prelude::*;

    #[test]
    fn points_are_those_of_scipy() {
        let recorded = &recorded()["sobol"];
        let scaled = |point: Vec<f64>| -> Vec<f64> { point.iter().map(|digits| digits * 2f64.powi(-30)).collect() };
        let first: Vec<_> = points(&recorded["first"]).into_iter().map(scaled).collect();
        assert_eq!((first.len(), first[0].len()), (64, MOST_DIMENSIONS));
        assert_eq!(sobol(None, 64, MOST_DIMENSIONS).unwrap(), first);
        let later: Vec<_> = points(&recorded["later"]).into_iter().map(scaled).collect();
        let from = recorded["later_from"].as_u64().unwrap();
        let directions: Vec<_> = (0..MOST_DIMENSIONS).map(directions_of).collect();
        for (offset, expected) in later.iter().enumerate() {
            assert_eq!(&point(None, from + offset as u64, &directions), expected);
        }
    }

    #[test]
    fn dimensions_have_an_end() {
        let error = sobol(None, 1, MOST_DIMENSIONS + 1).unwrap_err();
        assert!(error.allowed.is_some() && error.next.is_some());
        assert_eq!(sobol(None, 1, 0).unwrap(), [[]] as [[f64; 0]; 1]);
    }

    proptest! {
        /// Any aligned block of `2^k` points has one in each interval of length `2^-k`, scrambled or not.
        #[test]
        fn blocks_are_balanced_along_every_axis(seed: Option<u64>, bits in 0_u32..8, block in 0_u64..50) {
            let directions: Vec<_> = (0..MOST_DIMENSIONS).map(directions_of).collect();
            let count = 1_u64 << bits;
            let sample: Vec<_> = (block * count..(block + 1) * count).map(|index| point(seed, index, &directions)).collect();
            for dimension in 0..MOST_DIMENSIONS {
                let mut strata: Vec<u64> = sample.iter().map(|point| (point[dimension] * count as f64) as u64).collect();
                strata.sort_unstable();
                prop_assert!(strata.into_iter().eq(0..count));
            }
        }

        #[test]
        fn a_scrambled_point_depends_on_its_number_only(seed: u64, few in 1_usize..40, more in 0_usize..40) {
            let (some, all) = (sobol(Some(seed), few, 4).unwrap(), sobol(Some(seed), few + more, 4).unwrap());
            prop_assert_eq!(&some[..], &all[..few]);
        }
    }

    #[test]
    fn scrambled_points_are_uniform() {
        // The first point over many seeds: mean 1/2 and second moment 1/3, each to five standard errors.
        const SEEDS: u64 = 4000;
        let first: Vec<f64> = (0..SEEDS).map(|seed| sobol(Some(seed), 1, 2).unwrap()[0][1]).collect();
        let mean = first.iter().sum::<f64>() / SEEDS as f64;
        let square = first.iter().map(|x| x * x).sum::<f64>() / SEEDS as f64;
        let error = |variance: f64| 5.0 * (variance / SEEDS as f64).sqrt();
        assert!(
            (mean - 0.5).abs() < error(1.0 / 12.0) && (square - 1.0 / 3.0).abs() < error(4.0 / 45.0),
            "{mean} {square}"
        );
    }

    #[test]
    fn integrals_converge_faster_than_with_random_points() {
        // The product of 1 + (x_j - 1/2) has the integral 1; its variance is (13/12)^d - 1.
        let integral = |sample: &[Vec<f64>]| {
            sample.iter().map(|point| point.iter().map(|x| 0.5 + x).product::<f64>()).sum::<f64>() / sample.len() as f64
        };
        let points = 1 << 12;
        let random = (((13.0_f64 / 12.0).powi(6) - 1.0) / points as f64).sqrt();
        for seed in 0..5 {
            let error = (integral(&sobol(Some(seed), points, 6).unwrap()) - 1.0).abs();
            assert!(error < 0.05 * random, "{error} against {random}");
        }
    }
}
