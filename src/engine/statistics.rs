//! Means over batches and their standard errors.
//!
//! Batches are independent and equally distributed, so the mean of `B` batch means `x_b` has the standard error
//! `s / sqrt(B)`, with `s^2 = sum (x_b - mean)^2 / (B - 1)`. It is one standard deviation of the estimate, not a bound; with few batches
//! it is uncertain itself (Student's t with `B - 1` degrees of freedom gives a confidence interval).

use crate::comm::Communicator;
use serde::{Deserialize, Serialize};

/// What batches say on some quantities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    batches: u64,
    means: Vec<f64>,
    /// Sums of squared deviations from the means.
    squares: Vec<f64>,
}

impl Statistics {
    /// Of no batch yet, on so many quantities.
    pub fn new(quantities: usize) -> Statistics {
        Statistics { batches: 0, means: vec![0.0; quantities], squares: vec![0.0; quantities] }
    }

    /// Adds a batch by its means.
    pub fn add(&mut self, values: &[f64]) {
        self.batches += 1;
        for ((mean, squares), value) in self.means.iter_mut().zip(&mut self.squares).zip(values) {
            let deviation = value - *mean;
            *mean += deviation / self.batches as f64;
            *squares += deviation * (value - *mean);
        }
    }

    /// Adds the batches of others on the same quantities.
    pub fn join(&mut self, other: &Statistics) {
        let (own, others) = (self.batches as f64, other.batches as f64);
        let all = (own + others).max(1.0);
        for index in 0..self.means.len() {
            let apart = other.means[index] - self.means[index];
            self.means[index] += apart * others / all;
            self.squares[index] += other.squares[index] + apart * apart * own * others / all;
        }
        self.batches += other.batches;
    }

    /// The statistics of all ranks' batches, the same on every rank. Collective.
    pub fn over(&self, comm: &dyn Communicator) -> Statistics {
        let own = self.batches as f64;
        let mut sums: Vec<f64> = self.means.iter().map(|mean| own * mean).chain([own]).collect();
        comm.sum(&mut sums);
        let batches = sums.pop().unwrap_or(0.0);
        let means: Vec<f64> = sums.iter().map(|sum| sum / batches.max(1.0)).collect();
        let moved = |((squares, mean), total): ((&f64, &f64), &f64)| squares + own * (mean - total).powi(2);
        let mut squares: Vec<f64> = self.squares.iter().zip(&self.means).zip(&means).map(moved).collect();
        comm.sum(&mut squares);
        Statistics { batches: batches as u64, means, squares }
    }

    /// Number of batches.
    pub fn batches(&self) -> u64 {
        self.batches
    }

    /// The estimates.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// Their standard errors; NaN for fewer than two batches.
    pub fn standard_errors(&self) -> Vec<f64> {
        let batches = self.batches as f64;
        let error = |squares: &f64| (squares / (batches - 1.0) / batches).sqrt();
        self.squares.iter().map(|squares| if self.batches < 2 { f64::NAN } else { error(squares) }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::Serial;

    #[test]
    fn means_and_errors_are_those_of_the_definition() {
        let mut statistics = Statistics::new(2);
        assert!(statistics.standard_errors()[0].is_nan());
        [1.0, 2.0, 4.0, 5.0].iter().for_each(|value| statistics.add(&[*value, 0.3]));
        assert_eq!((statistics.batches(), statistics.means()), (4, &[3.0, 0.3][..]));
        assert!((statistics.standard_errors()[0] - (10.0f64 / 3.0 / 4.0).sqrt()).abs() < 1e-15);
        assert_eq!(statistics.standard_errors()[1], 0.0);
        let (mut one, mut other) = (Statistics::new(2), Statistics::new(2));
        [1.0, 2.0, 4.0].iter().for_each(|value| one.add(&[*value, 0.3]));
        other.add(&[5.0, 0.3]);
        one.join(&other);
        one.join(&Statistics::new(2));
        let mut none = Statistics::new(2);
        none.join(&statistics);
        assert_eq!(none, statistics);
        assert_eq!((one.batches(), one.means()), (4, statistics.means()));
        assert!((one.standard_errors()[0] - statistics.standard_errors()[0]).abs() < 1e-15);
        let all = statistics.over(&Serial);
        assert_eq!((all.batches(), all.means()), (4, statistics.means()));
        assert!((all.standard_errors()[0] - statistics.standard_errors()[0]).abs() < 1e-15);
    }
}
