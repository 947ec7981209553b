//! How long a point will take, judged by those that were run: so that long ones are handed out first, and no group is left with
//! one at the end.
//!
//! The logarithm of the seconds is modelled as a sum of one term for each dimension, which depends on the part of the axis the
//! point lies in. Only the order in which points are run follows from this, never a result.

/// Parts of an axis.
const PARTS: usize = 16;
/// How often the terms are fitted in turn.
const ROUNDS: usize = 4;
/// Points that count as having the mean, for each part: few of them say little.
const PRIOR: f64 = 0.5;
/// Points that take less on average are run in any order.
const SHORT: f64 = 0.01;

/// What points took, and where they lie.
#[derive(Debug, Default)]
pub(super) struct Estimate {
    /// For each point its parts, and the logarithm of its seconds.
    seen: Vec<(Vec<usize>, f64)>,
    /// How many there were when the order was last changed.
    used: usize,
    seconds: f64,
}

/// A term for each part of each dimension, and the mean.
struct Fit {
    mean: f64,
    terms: Vec<[f64; PARTS]>,
}

impl Estimate {
    /// Takes note of a point.
    pub(super) fn note(&mut self, coordinates: &[f64], seconds: f64) {
        self.seen.push((coordinates.iter().map(part).collect(), seconds.max(1e-9).ln()));
        self.seconds += seconds;
    }

    /// Whether an order is worth being found anew: each time the points have doubled, if they take long enough.
    pub(super) fn is_due(&mut self) -> bool {
        let count = self.seen.len();
        let due = count >= 4.max(2 * self.used) && self.seconds > SHORT * count as f64;
        if due {
            self.used = count;
        }
        due
    }

    /// What points take, to be compared with each other.
    pub(super) fn predictor(&self) -> impl Fn(&[f64]) -> f64 {
        let fit = self.fit();
        move |coordinates| {
            let terms = coordinates.iter().zip(&fit.terms).map(|(coordinate, terms)| terms[part(coordinate)]);
            fit.mean + terms.sum::<f64>()
        }
    }

    fn fit(&self) -> Fit {
        let dimensions = self.seen.first().map_or(0, |(parts, _)| parts.len());
        let mean = self.seen.iter().map(|(_, value)| value).sum::<f64>() / self.seen.len().max(1) as f64;
        let mut fit = Fit { mean, terms: vec![[0.0; PARTS]; dimensions] };
        for _ in 0..ROUNDS {
            for dimension in 0..dimensions {
                fit.terms[dimension] = self.term(&fit, dimension);
            }
        }
        fit
    }

    /// The mean of what the other dimensions leave, for each part of this one.
    fn term(&self, fit: &Fit, dimension: usize) -> [f64; PARTS] {
        let mut sums = [(0.0, PRIOR); PARTS];
        for (parts, value) in &self.seen {
            let others = parts.iter().zip(&fit.terms).enumerate().filter(|(other, _)| *other != dimension);
            let explained: f64 = others.map(|(_, (part, terms))| terms[*part]).sum();
            let (sum, count) = &mut sums[parts[dimension]];
            *sum += value - fit.mean - explained;
            *count += 1.0;
        }
        sums.map(|(sum, count)| sum / count)
    }
}

fn part(coordinate: &f64) -> usize {
    ((coordinate * PARTS as f64) as usize).min(PARTS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds that double along one axis and grow tenfold along another.
    fn seconds(at: &[f64]) -> f64 {
        0.1 * 2f64.powf(at[0]) * 10f64.powf(at[1])
    }

    #[test]
    fn the_longest_of_what_was_not_run_are_known_from_what_was() {
        let all: Vec<[f64; 3]> =
            (0..512).map(|i| [(i % 8) as f64 / 8.0, (i / 8 % 8) as f64 / 8.0, (i / 64) as f64 / 8.0]).collect();
        let mut estimate = Estimate::default();
        all.iter().step_by(5).for_each(|at| estimate.note(at, seconds(at)));
        let predict = estimate.predictor();
        let mut order: Vec<&[f64; 3]> = all.iter().collect();
        order.sort_by(|one, other| predict(&other[..]).total_cmp(&predict(&one[..])));
        let longest = order[..64].iter().filter(|at| at[1] >= 0.75).count();
        assert!(longest >= 60, "{longest} of 64");
        let worst = all.iter().map(|at| (predict(at) - seconds(at).ln()).abs()).fold(0.0, f64::max);
        assert!(worst < 0.3, "{worst}");
    }

    #[test]
    fn an_order_is_found_when_points_have_doubled_and_never_for_short_ones() {
        let (mut long, mut short) = (Estimate::default(), Estimate::default());
        let mut due = Vec::new();
        for count in 1..40 {
            long.note(&[0.5], 1.0);
            short.note(&[0.5], 1e-4);
            if long.is_due() {
                due.push(count);
            }
            assert!(!short.is_due());
        }
        assert_eq!(due, [4, 8, 16, 32]);
    }
}
