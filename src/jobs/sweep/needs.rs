//! What a sweep needs of a cluster: what its first point does, over and over.

use super::{Setting, describe};
use crate::cluster::{Cluster, Conditions, Needs, OnRanks};
use crate::config::DeviceKind;
use crate::driver::Context;
use crate::error::Result;

/// Groups of ranks that work on points at the same time, at most.
const MOST_GROUPS: u64 = 64;

/// The seconds of a point on one group of ranks or on several, and the points, where each runs on its own. What points take
/// that are found on the way is not known.
pub(super) fn needs(setting: &Setting, context: &Context<'_>, cluster: &Cluster) -> Result<Needs> {
    let shared = setting.config.ranks_per_point as u64;
    let first = describe::first(setting, context, |job, context| job.needs(context, cluster))?;
    match first {
        Some(first) => Ok(of_points(&first, shared, setting.points.known())),
        None => unknown(cluster, shared),
    }
}

/// From what a point needs.
fn of_points(point: &Needs, shared: u64, points: u64) -> Needs {
    let at_most = point.on.iter().rev().find(|on| on.ranks <= shared);
    let one = at_most.or(point.on.first()).copied().unwrap_or(OnRanks { ranks: shared, memory: 0, seconds: 0.0 });
    let groups = (0..).map(|power| 1 << power).take_while(|groups| *groups <= MOST_GROUPS.min(points.max(1)));
    let on = groups.map(|groups| OnRanks {
        ranks: groups * shared.max(one.ranks),
        memory: one.memory,
        seconds: one.seconds / groups as f64,
    });
    Needs { conditions: point.conditions.clone(), on: on.collect(), points: Some(points) }
}

/// A rank's share of a node for as long as the site allows.
fn unknown(cluster: &Cluster, shared: u64) -> Result<Needs> {
    let conditions = Conditions::new(&cluster.profile, cluster.machine(), DeviceKind::Auto, None)?;
    let ranks_of_node = (cluster.profile.node.cores / conditions.threads).max(1);
    // Half of it, as a request adds to what is needed.
    let memory = cluster.profile.node.memory / ranks_of_node / 2;
    Ok(Needs { conditions, on: vec![OnRanks { ranks: shared, memory, seconds: f64::INFINITY }], points: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(on: &[(u64, f64)]) -> Needs {
        let on = on.iter().map(|(ranks, seconds)| OnRanks { ranks: *ranks, memory: 7, seconds: *seconds });
        let conditions = Conditions { threads: 1, memory: 1 << 30, gpu: false, machine: None };
        Needs { conditions, on: on.collect(), points: None }
    }

    #[test]
    fn groups_of_ranks_divide_the_time() {
        let needs = of_points(&point(&[(1, 8.0), (2, 5.0), (4, 3.0)]), 2, 3);
        let on: Vec<_> = needs.on.iter().map(|on| (on.ranks, on.memory, on.seconds)).collect();
        assert_eq!(on, [(2, 7, 5.0), (4, 7, 2.5)]);
        assert_eq!(needs.points, Some(3));
    }

    #[test]
    fn a_number_of_ranks_that_is_not_planned_counts_as_the_one_below() {
        let needs = of_points(&point(&[(1, 8.0), (2, 5.0), (4, 3.0)]), 3, 1);
        assert_eq!((needs.on.len(), needs.on[0].ranks, needs.on[0].seconds), (1, 3, 5.0));
    }
}
