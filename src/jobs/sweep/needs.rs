//! What a sweep needs of a cluster: what some of its points take that are spread over all of them.

use super::{Setting, describe};
use crate::cluster::{Cluster, Conditions, Needs, OnRanks};
use crate::config::DeviceKind;
use crate::driver::Context;
use crate::error::{Error, Result};

/// Groups of ranks that work on points at the same time, at most.
const MOST_GROUPS: u64 = 64;
/// Points that are planned, at most.
const SAMPLE: u64 = 16;

/// The seconds of a point on one group of ranks or on several, and the points, where each runs on its own. What points take
/// that are found on the way is not known.
pub(super) fn needs(setting: &Setting, context: &Context<'_>, cluster: &Cluster) -> Result<Needs> {
    let (shared, points) = (setting.config.ranks_per_point as u64, setting.points.known());
    if points == 0 {
        return unknown(cluster, shared);
    }
    let needs_of = |index| describe::with_point(setting, context, index, |job, context| job.needs(context, cluster));
    // A point that is wrong fails by itself when it is run.
    let sample = sample(points);
    context.tell(&format!("planning {} of {points} points", sample.len()));
    let (planned, wrong): (Vec<Result<Needs>>, _) = sample.into_iter().map(needs_of).partition(Result::is_ok);
    let planned: Vec<Needs> = planned.into_iter().flatten().collect();
    match wrong.into_iter().find_map(Result::err) {
        Some(error) if planned.is_empty() => Err(error),
        _ => of_points(&planned, shared, points),
    }
}

/// Points spread over all of them, the first and the last among them. By the golden ratio: evenly spaced ones of a grid would
/// all lie at the same place of its inner axes.
fn sample(points: u64) -> Vec<u64> {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    if points <= SAMPLE {
        return (0..points).collect();
    }
    let spread = (1..SAMPLE - 1).map(|number| ((number as f64 * GOLDEN).fract() * points as f64) as u64);
    let mut sample: Vec<u64> = spread.chain([0, points - 1]).collect();
    sample.sort_unstable();
    sample.dedup();
    sample
}

/// From what some points need: the most memory and ranks of any, the mean of their seconds.
fn of_points(some: &[Needs], shared: u64, points: u64) -> Result<Needs> {
    let one = |point: &Needs| point.on.iter().rev().find(|on| on.ranks <= shared).or(point.on.first()).copied();
    let ones: Vec<OnRanks> = some.iter().filter_map(one).collect();
    let first = some.first().ok_or_else(|| Error::internal("a sweep without points was planned"))?;
    let mean = ones.iter().map(|on| on.seconds).sum::<f64>() / ones.len().max(1) as f64;
    let longest = ones.iter().map(|on| on.seconds).fold(0.0, f64::max);
    let memory = ones.iter().map(|on| on.memory).max().unwrap_or(0);
    let ranks = ones.iter().map(|on| on.ranks).max().unwrap_or(1).max(shared);
    let groups = (0..).map(|power| 1 << power).take_while(|groups| *groups <= MOST_GROUPS.min(points.max(1)));
    let on = groups.map(|groups| OnRanks { ranks: groups * ranks, memory, seconds: mean / groups as f64 });
    Ok(Needs { conditions: first.conditions.clone(), on: on.collect(), points: Some(points), longest })
}

/// A rank's share of a node for as long as the site allows.
fn unknown(cluster: &Cluster, shared: u64) -> Result<Needs> {
    let conditions = Conditions::new(&cluster.profile, cluster.machine(), DeviceKind::Auto, None)?;
    let ranks_of_node = (cluster.profile.node.cores / conditions.threads).max(1);
    // Half of it, as a request adds to what is needed.
    let memory = cluster.profile.node.memory / ranks_of_node / 2;
    Ok(Needs {
        conditions,
        on: vec![OnRanks { ranks: shared, memory, seconds: f64::INFINITY }],
        points: None,
        longest: 0.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(on: &[(u64, f64)]) -> Needs {
        let on = on.iter().map(|(ranks, seconds)| OnRanks { ranks: *ranks, memory: 7, seconds: *seconds });
        let conditions = Conditions { threads: 1, memory: 1 << 30, gpu: false, machine: None };
        Needs { conditions, on: on.collect(), points: None, longest: 0.0 }
    }

    #[test]
    fn groups_of_ranks_divide_the_time() {
        let needs = of_points(&[point(&[(1, 8.0), (2, 5.0), (4, 3.0)])], 2, 3).unwrap();
        let on: Vec<_> = needs.on.iter().map(|on| (on.ranks, on.memory, on.seconds)).collect();
        assert_eq!(on, [(2, 7, 5.0), (4, 7, 2.5)]);
        assert_eq!((needs.points, needs.longest), (Some(3), 5.0));
    }

    #[test]
    fn a_number_of_ranks_that_is_not_planned_counts_as_the_one_below() {
        let needs = of_points(&[point(&[(1, 8.0), (2, 5.0), (4, 3.0)])], 3, 1).unwrap();
        assert_eq!((needs.on.len(), needs.on[0].ranks, needs.on[0].seconds), (1, 3, 5.0));
    }

    #[test]
    fn the_largest_of_the_points_decides_where_all_run() {
        let mut large = point(&[(2, 9.0)]);
        large.on[0].memory = 100;
        let needs = of_points(&[point(&[(1, 1.0)]), large, point(&[(1, 2.0)])], 1, 1).unwrap();
        assert_eq!((needs.on[0], needs.longest), (OnRanks { ranks: 2, memory: 100, seconds: 4.0 }, 9.0));
    }

    #[test]
    fn a_sample_has_both_ends_and_lies_at_all_places_of_the_inner_axis() {
        assert_eq!(sample(3), [0, 1, 2]);
        for points in [17, 100, 64 * 64, 100_000] {
            let sample = sample(points);
            assert!(sample.len() as u64 >= SAMPLE - 2 && sample.is_sorted() && sample[0] == 0, "{sample:?}");
            assert_eq!(*sample.last().unwrap(), points - 1);
        }
        let quarters: std::collections::BTreeSet<u64> = sample(64 * 64).iter().map(|index| index % 64 / 16).collect();
        assert_eq!(quarters.len(), 4);
    }
}
