//! Random numbers by counter: the number for (seed, purpose, index) is a pure function of those three, so every rank
//! count and every order of evaluation draws the same ones.
//!
//! The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
//! SC 2011): ten rounds of multiplication and key addition on a counter of four 32-bit words.

/// What a random number is for. Each purpose has its own stream; the numbers never change meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The basis state of a shot; the index is the shot's.
    Shots = 1,
    /// A flip of a measured bit by the readout error; the index counts bits over all shots.
    Readout = 2,
    /// The branch a trajectory takes; the index counts the plan's channels over all trajectories.
    Trajectory = 3,
    /// What the sampled tail draws; the index counts draws.
    Tail = 4,
    /// The reference vectors that fix the phases of eigenvectors; the index counts their entries.
    Reference = 5,
    /// The random number of a test function.
    Function = 6,
    /// A coordinate of a random point; the index is the point's times 2^16 plus the dimension's.
    Point = 16,
    /// The order of strata of a Latin hypercube; the index is the dimension's times 2^40 plus the exchange's.
    Stratum = 17,
    /// The place within a stratum; the index as of [`Purpose::Stratum`], with the point's.
    Place = 18,
    /// A digit flipped by Owen's scrambling; the index is the dimension's times 2^33 plus the node's in the tree of digits.
    Scrambling = 19,
    /// Where searches of Bayesian optimisation begin; the index counts numbers.
    Search = 20,
}

/// A number uniform in [0, 1), a multiple of 2^-53.
///
/// The key of the block cipher is `seed`, its counter `(index, purpose)`; the first two of the four words are used.
pub fn uniform(seed: u64, purpose: Purpose, index: u64) -> f64 {
    let counter = [low(index), high(index), purpose as u32, 0];
    let words = philox(counter, [low(seed), high(seed)]);
    let bits = u64::from(words[1]) << 32 | u64::from(words[0]);
    (bits >> 11) as f64 * 2f64.powi(-53)
}

/// Philox4x32-10: the random words of one counter under one key.
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    const ROUNDS: usize = 10;
    const MULTIPLIERS: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
    const KEY_STEPS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
    for _ in 0..ROUNDS {
        let first = MULTIPLIERS[0] * u64::from(counter[0]);
        let second = MULTIPLIERS[1] * u64::from(counter[2]);
        counter = [high(second) ^ counter[1] ^ key[0], low(second), high(first) ^ counter[3] ^ key[1], low(first)];
        key = [key[0].wrapping_add(KEY_STEPS[0]), key[1].wrapping_add(KEY_STEPS[1])];
    }
    counter
}

fn low(word: u64) -> u32 {
    (word & 0xFFFF_FFFF) as u32
}

fn high(word: u64) -> u32 {
    (word >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_agrees_with_its_published_known_answers() {
        // The file tests/kat_vectors of the Random123 distribution, lines "philox4x32 10".
        let ones = u32::MAX;
        let known = [
            ([0; 4], [0; 2], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]),
            ([ones; 4], [ones; 2], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]),
            (
                [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
                [0xa4093822, 0x299f31d0],
                [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
            ),
        ];
        for (counter, key, answer) in known {
            assert_eq!(philox(counter, key), answer);
        }
    }

    #[test]
    fn the_numbers_never_change() {
        // Computed by a separate program from the definition: a result must be repeatable by later versions.
        let first: Vec<f64> = (0..3).map(|index| uniform(1, Purpose::Shots, index)).collect();
        assert_eq!(first, [0.25980214542417135, 0.9386339486184866, 0.6629750673866561]);
        assert_eq!(uniform((1 << 40) + 5, Purpose::Readout, (1 << 33) + 1), 0.19579131069915978);
    }

    #[test]
    fn numbers_are_uniform_and_streams_are_independent() {
        const COUNT: u64 = 100_000;
        let shots: Vec<f64> = (0..COUNT).map(|index| uniform(7, Purpose::Shots, index)).collect();
        let others = [
            (0..COUNT).map(|index| uniform(7, Purpose::Readout, index)).collect::<Vec<_>>(),
            (0..COUNT).map(|index| uniform(8, Purpose::Shots, index)).collect(),
            (0..COUNT).map(|index| uniform(7, Purpose::Shots, index + 1)).collect(),
            (0..COUNT).map(|index| uniform(7, Purpose::Shots, index + (1 << 32))).collect(),
        ];
        // Chi-squared over 64 cells: mean 63, standard deviation 11.2.
        let mut cells = [0.0; 64];
        shots.iter().for_each(|number| cells[(number * 64.0) as usize] += 1.0);
        let expected = COUNT as f64 / 64.0;
        let chi_squared: f64 = cells.iter().map(|cell: &f64| (cell - expected).powi(2) / expected).sum();
        assert!((20.0..120.0).contains(&chi_squared), "{chi_squared}");
        for other in others {
            let covariance: f64 =
                shots.iter().zip(&other).map(|(a, b)| (a - 0.5) * (b - 0.5)).sum::<f64>() / COUNT as f64;
            let correlation = covariance * 12.0;
            assert!(correlation.abs() < 5.0 / (COUNT as f64).sqrt(), "{correlation}");
        }
    }
}
