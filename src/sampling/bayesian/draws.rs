//! Random numbers in a row.

use crate::rng::{Purpose, uniform};

/// Draws numbers one after the other; the same ones for the same seed and stage.
#[derive(Debug, Clone)]
pub(super) struct Draws {
    seed: u64,
    next: u64,
}

impl Draws {
    /// The draws of a stage: up to 2^32 of them, of up to 2^32 stages.
    pub(super) fn new(seed: u64, stage: usize) -> Draws {
        Draws { seed, next: (stage as u64) << 32 }
    }

    /// Uniform in `[least, most)`.
    pub(super) fn between(&mut self, least: f64, most: f64) -> f64 {
        let number = uniform(self.seed, Purpose::Search, self.next);
        self.next += 1;
        least + (most - least) * number
    }

    /// Another seed.
    pub(super) fn seed(&mut self) -> u64 {
        self.between(0.0, 2f64.powi(53)) as u64
    }
}
