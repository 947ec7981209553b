//! Snapshots on every number of ranks.

#[path = "../all/snapshots/circuit.rs"]
mod circuit;

use crate::support::{rank_counts, skipped};
use circuit::{job, rows};

#[test]
fn any_number_of_ranks_takes_the_same_snapshots() {
    if skipped() {
        return;
    }
    for engine in [
        "budget = 2e-2",
        "kind = \"density\"",
        "kind = \"trajectories\"\ntrajectories = 3000",
        "kind = \"low-rank\"\nbudget = 2e-1\ncut = 3e-3\ntail = {}",
    ] {
        let job = job(3, true, engine);
        let one = job.run(1);
        for ranks in rank_counts() {
            let other = job.run(ranks);
            for name in
                ["expectations/value", "expectations/stderr", "probabilities/4_0/value", "probabilities/2/upper"]
            {
                for (a, b) in rows(&one, name).concat().into_iter().zip(rows(&other, name).concat()) {
                    let same = (a - b).abs() < 1e-10 || a.is_nan() && b.is_nan();
                    assert!(same, "{engine}, {name} on {ranks} ranks: {a} and {b}");
                }
            }
        }
    }
}
