//! The point of the cube that promises the most.

use super::descent::minimise;
use super::draws::Draws;
use super::model::Model;
use super::space::{Dimension, is_among, point, points, snapped};
use crate::error::Result;
use crate::sampling::sobol;

/// Cubes of lists with no more points than this are looked at point by point.
const FEW_POINTS: usize = 4096;
/// Points all over the cube that are looked at.
const EVERYWHERE: usize = 512;
/// Distances from good points at which others are looked at.
const DISTANCES: [f64; 4] = [0.2, 0.05, 0.01, 1e-3];
/// Points at each of these distances from each good point.
const AT_DISTANCE: usize = 8;
/// How often a point near a good one takes another entry of a list.
const OTHER_ENTRY: f64 = 0.3;
/// Searches that begin at the best of each kind of points.
const STARTS: usize = 5;
/// Steps of a search along continuous axes.
const STEPS: usize = 30;
/// Rounds of a search over continuous axes and lists in turn.
const ROUNDS: usize = 4;
/// The most entries of a list that are all tried.
const MOST_ENTRIES: usize = 64;

/// A point and its [`Model::promise`].
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Promising {
    pub(super) point: Vec<f64>,
    pub(super) promise: f64,
}

/// The most promising point that is not `taken`; `good` are points near which to look. `None` when none is left.
///
/// # Errors
/// As of [`sobol`].
pub(super) fn most_promising(
    model: &Model,
    dimensions: &[Dimension],
    taken: &[Vec<f64>],
    good: &[Vec<f64>],
    draws: &mut Draws,
) -> Result<Option<Promising>> {
    let scored = |points: Vec<Vec<f64>>| -> Vec<Promising> {
        let free = points.into_iter().filter(|point| !is_among(point, taken.iter()));
        let mut scored: Vec<Promising> =
            free.map(|point| Promising { promise: model.promise(&point), point }).collect();
        scored.sort_by(|one, other| other.promise.total_cmp(&one.promise));
        scored
    };
    if let Some(count) = points(dimensions).filter(|count| *count <= FEW_POINTS) {
        return Ok(scored((0..count).map(|index| point(dimensions, index)).collect()).into_iter().next());
    }
    let everywhere = sobol(Some(draws.seed()), EVERYWHERE, dimensions.len())?;
    let everywhere = scored(everywhere.iter().map(|point| snapped(dimensions, point)).collect());
    let nearby = scored(good.iter().flat_map(|good| around(good, dimensions, draws)).collect());
    let starts: Vec<&Promising> = everywhere.iter().take(STARTS).chain(nearby.iter().take(STARTS)).collect();
    let climbed = starts.iter().map(|start| climb(model, dimensions, taken, start));
    let free = climbed.filter(|found| !is_among(&found.point, taken.iter()));
    Ok(free.chain(starts.iter().map(|start| (*start).clone())).reduce(better))
}

fn better(one: Promising, other: Promising) -> Promising {
    if other.promise > one.promise { other } else { one }
}

/// Points at several distances from a good one.
fn around(good: &[f64], dimensions: &[Dimension], draws: &mut Draws) -> Vec<Vec<f64>> {
    let mut near = Vec::new();
    for distance in DISTANCES {
        for _ in 0..AT_DISTANCE {
            let mut moved = |(coordinate, dimension): (&f64, &Dimension)| match dimension {
                Dimension::Continuous => coordinate + draws.between(-distance, distance),
                _ if draws.between(0.0, 1.0) < OTHER_ENTRY => draws.between(0.0, 1.0),
                _ => *coordinate,
            };
            let point: Vec<f64> = good.iter().zip(dimensions).map(&mut moved).collect();
            near.push(snapped(dimensions, &point));
        }
    }
    near
}

/// A local search: along the continuous axes by gradients, then over the entries of each list.
fn climb(model: &Model, dimensions: &[Dimension], taken: &[Vec<f64>], start: &Promising) -> Promising {
    let mut best = start.clone();
    for _ in 0..ROUNDS {
        let before = best.promise;
        best = along_continuous_axes(model, dimensions, best);
        best = over_lists(model, dimensions, taken, best);
        if best.promise <= before {
            break;
        }
    }
    best
}

fn along_continuous_axes(model: &Model, dimensions: &[Dimension], from: Promising) -> Promising {
    if !dimensions.contains(&Dimension::Continuous) {
        return from;
    }
    let interval = |(dimension, at): (&Dimension, &f64)| match dimension {
        Dimension::Continuous => (0.0, 1.0),
        _ => (*at, *at),
    };
    let intervals: Vec<(f64, f64)> = dimensions.iter().zip(&from.point).map(interval).collect();
    let found = minimise(|point| model.negative_promise(point), &from.point, &intervals, STEPS);
    found.map_or(from.clone(), |found| better(from, Promising { point: found.point, promise: -found.value }))
}

fn over_lists(model: &Model, dimensions: &[Dimension], taken: &[Vec<f64>], mut best: Promising) -> Promising {
    for (axis, dimension) in dimensions.iter().enumerate() {
        let Some(entries) = dimension.entries() else { continue };
        let now = Dimension::index(best.point[axis], entries);
        // Of a long list those around the present one: neighbours are alike there, or chance has to do.
        let first = now.saturating_sub(MOST_ENTRIES / 2).min(entries.saturating_sub(MOST_ENTRIES));
        for index in first..entries.min(first + MOST_ENTRIES) {
            let mut point = best.point.clone();
            point[axis] = Dimension::place(index, entries);
            if !is_among(&point, taken.iter()) {
                best = better(best, Promising { promise: model.promise(&point), point });
            }
        }
    }
    best
}
