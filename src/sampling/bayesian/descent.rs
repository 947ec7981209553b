//! A local minimum of a smooth function in a box.

/// A function's value and gradient; `None` where it cannot be computed.
pub(super) type Evaluation = Option<(f64, Vec<f64>)>;

/// The best point found and the value there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Minimum {
    pub(super) point: Vec<f64>,
    pub(super) value: f64,
}

/// The share of the predicted decrease that a step must make (Armijo).
const DECREASE: f64 = 1e-4;
/// Shorter and shorter steps that are tried along one direction.
const TRIALS: usize = 25;
/// A decrease, relative to the value, that is not worth another step.
const NEGLIGIBLE: f64 = 1e-10;
/// The first step moves no coordinate by more than this share of its interval.
const FIRST_STEP: f64 = 0.1;

/// Descends from `start` by at most `steps` steps of the projected quasi-Newton method: the inverse Hessian of Broyden,
/// Fletcher, Goldfarb and Shanno on the coordinates that are free to move, steps cut off at the box (Bertsekas, SIAM J.
/// Control Optim. 20, 221 (1982)). Coordinates whose interval `(least, most)` is a point stay.
///
/// `None` when the function cannot be computed at the start.
pub(super) fn minimise(
    mut function: impl FnMut(&[f64]) -> Evaluation,
    start: &[f64],
    intervals: &[(f64, f64)],
    steps: usize,
) -> Option<Minimum> {
    let mut point = clamped(start, intervals);
    let (mut value, mut gradient) = function(&point)?;
    let mut inverse = Inverse::new(point.len());
    for _ in 0..steps {
        let free = free(&point, &gradient, intervals);
        let direction = inverse.direction(&gradient, &free, intervals);
        let next = search(&mut function, (&point, value, &gradient), &direction, intervals);
        let gain = next.as_ref().map_or(0.0, |next| value - next.1);
        if let Some(next) = next {
            inverse.update(&difference(&next.0, &point), &difference(&next.2, &gradient));
            (point, value, gradient) = next;
        }
        if gain <= NEGLIGIBLE * (1.0 + value.abs()) {
            // What was learned elsewhere may mislead here, at an edge of the box: only the gradient itself has the last word.
            if !inverse.is_used {
                break;
            }
            inverse = Inverse::new(point.len());
        }
    }
    Some(Minimum { point, value })
}

/// Which coordinates a step against the gradient moves within the box.
fn free(point: &[f64], gradient: &[f64], intervals: &[(f64, f64)]) -> Vec<bool> {
    let is_free = |((x, slope), (least, most)): ((&f64, &f64), &(f64, f64))| {
        least < most && !(*x <= *least && *slope > 0.0) && !(*x >= *most && *slope < 0.0)
    };
    point.iter().zip(gradient).zip(intervals).map(is_free).collect()
}

/// Goes along a direction until the function decreases enough; `None` when it does not.
fn search(
    function: &mut impl FnMut(&[f64]) -> Evaluation,
    (point, value, gradient): (&[f64], f64, &[f64]),
    direction: &[f64],
    intervals: &[(f64, f64)],
) -> Option<(Vec<f64>, f64, Vec<f64>)> {
    let mut length = 1.0;
    for _ in 0..TRIALS {
        let moved: Vec<f64> = point.iter().zip(direction).map(|(x, along)| x + length * along).collect();
        let next = clamped(&moved, intervals);
        let predicted = dot(gradient, &difference(&next, point));
        if predicted >= 0.0 {
            return None;
        }
        match function(&next) {
            Some((found, slope)) if found <= value + DECREASE * predicted => return Some((next, found, slope)),
            // The minimum of the parabola through what is known, if that is neither too near nor too far.
            Some((found, _)) => length *= (-0.5 * predicted / (found - value - predicted)).clamp(0.1, 0.5),
            None => length *= 0.2,
        }
    }
    None
}

/// An estimate of the inverse of the Hessian.
struct Inverse {
    matrix: Vec<Vec<f64>>,
    is_scaled: bool,
    /// Whether the last direction was its own, and not the gradient's.
    is_used: bool,
}

impl Inverse {
    fn new(size: usize) -> Inverse {
        let row = |index: usize| (0..size).map(|column| f64::from(u8::from(index == column))).collect();
        Inverse { matrix: (0..size).map(row).collect(), is_scaled: false, is_used: false }
    }

    /// The step of Newton's method on the free coordinates; one against the gradient while nothing is known or when that
    /// would not descend.
    fn direction(&mut self, gradient: &[f64], free: &[bool], intervals: &[(f64, f64)]) -> Vec<f64> {
        let slope: Vec<f64> = gradient.iter().zip(free).map(|(slope, free)| if *free { *slope } else { 0.0 }).collect();
        let step = |(row, free): (&Vec<f64>, &bool)| if *free { -dot(row, &slope) } else { 0.0 };
        let direction: Vec<f64> = self.matrix.iter().zip(free).map(step).collect();
        if self.is_scaled && dot(&direction, &slope) < 0.0 {
            self.is_used = true;
            return direction;
        }
        *self = Inverse::new(gradient.len());
        let share = |(slope, (least, most)): (&f64, &(f64, f64))| slope.abs() / (most - least).max(f64::MIN_POSITIVE);
        let largest = slope.iter().zip(intervals).filter(|(slope, _)| **slope != 0.0).map(share).fold(0.0, f64::max);
        let scale = (FIRST_STEP / largest).min(1.0);
        slope.into_iter().map(|slope| -scale * slope).collect()
    }

    /// Learns from a step and the change of the gradient along it.
    fn update(&mut self, step: &[f64], change: &[f64]) {
        let curvature = dot(step, change);
        if curvature <= 1e-12 * dot(step, step).sqrt() * dot(change, change).sqrt() {
            return;
        }
        if !self.is_scaled {
            let scale = curvature / dot(change, change);
            self.matrix.iter_mut().flatten().for_each(|entry| *entry *= scale);
            self.is_scaled = true;
        }
        let seen: Vec<f64> = self.matrix.iter().map(|row| dot(row, change)).collect();
        let factor = (1.0 + dot(change, &seen) / curvature) / curvature;
        for (row, entries) in self.matrix.iter_mut().enumerate() {
            for (column, entry) in entries.iter_mut().enumerate() {
                let cross = seen[row] * step[column] + step[row] * seen[column];
                *entry += factor * step[row] * step[column] - cross / curvature;
            }
        }
    }
}

fn clamped(point: &[f64], intervals: &[(f64, f64)]) -> Vec<f64> {
    point.iter().zip(intervals).map(|(x, (least, most))| x.clamp(*least, *most)).collect()
}

fn difference(one: &[f64], other: &[f64]) -> Vec<f64> {
    one.iter().zip(other).map(|(one, other)| one - other).collect()
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The banana-shaped valley of Rosenbrock; its minimum is 0 at (1, 1).
    fn rosenbrock(point: &[f64]) -> Evaluation {
        let (x, y) = (point[0], point[1]);
        let away = y - x * x;
        Some(((1.0 - x).powi(2) + 100.0 * away * away, vec![-2.0 * (1.0 - x) - 400.0 * x * away, 200.0 * away]))
    }

    #[test]
    fn a_curved_valley_is_followed_to_its_minimum() {
        let found = minimise(rosenbrock, &[-1.2, 1.0], &[(-2.0, 2.0); 2], 200).unwrap();
        assert!(found.point.iter().all(|x| (x - 1.0).abs() < 1e-4) && found.value < 1e-8, "{found:?}");
    }

    #[test]
    fn the_box_is_kept() {
        // On the line x = 1/2 the function is least at y = 1/4, where its value is 1/4.
        let found = minimise(rosenbrock, &[-1.0, 1.0], &[(-2.0, 0.5), (-2.0, 2.0)], 200).unwrap();
        assert!(
            found.point[0] == 0.5 && (found.point[1] - 0.25).abs() < 1e-5 && (found.value - 0.25).abs() < 1e-9,
            "{found:?}"
        );
        let fixed = minimise(rosenbrock, &[0.3, 2.0], &[(0.3, 0.3), (-2.0, 2.0)], 200).unwrap();
        assert!(fixed.point[0] == 0.3 && (fixed.point[1] - 0.09).abs() < 1e-6, "{fixed:?}");
    }

    proptest! {
        /// A convex quadratic function whose minimum lies anywhere: in the box the nearest point by coordinates.
        #[test]
        fn separable_parabolas_are_solved(
            centre in prop::collection::vec(-2.0..3.0, 5), start in prop::collection::vec(0.0..1.0, 5),
            weights in prop::collection::vec(0.01..100.0, 5),
        ) {
            let parabola = |point: &[f64]| -> Evaluation {
                let away: Vec<f64> = difference(point, &centre);
                let value = away.iter().zip(&weights).map(|(away, weight)| weight * away * away).sum();
                Some((value, away.iter().zip(&weights).map(|(away, weight)| 2.0 * weight * away).collect()))
            };
            let found = minimise(parabola, &start, &[(0.0, 1.0); 5], 500).unwrap();
            let least = parabola(&centre.iter().map(|x: &f64| x.clamp(0.0, 1.0)).collect::<Vec<_>>()).unwrap().0;
            prop_assert!(found.value <= least + 1e-6 * (1.0 + least), "{} above {least}", found.value);
        }
    }

    #[test]
    fn places_without_a_value_are_left() {
        let half = |point: &[f64]| (point[0] < 0.5).then(|| (-point[0], vec![-1.0]));
        let found = minimise(half, &[0.0], &[(0.0, 1.0)], 100).unwrap();
        assert!(found.point[0] > 0.3 && found.point[0] < 0.5);
        assert_eq!(minimise(half, &[0.7], &[(0.0, 1.0)], 100), None);
    }
}
