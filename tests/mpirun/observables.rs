//! What is asked of the final state beside expectation values, on every number of ranks.

#[path = "../all/observables/data.rs"]
mod data;
#[path = "../all/observables/jobs.rs"]
mod jobs;

use crate::support::{rank_counts, skipped};
use data::exact;
use jobs::{VALUES, comparing, complex, fidelities, job};

#[test]
fn any_number_of_ranks_finds_the_same() {
    if skipped() {
        return;
    }
    let exact = exact();
    for engine in ["budget = 5e-2", "kind = \"density\""] {
        let job = job(&exact, engine);
        let one = job.run(1);
        for ranks in rank_counts() {
            let other = job.run(ranks);
            for (group, names) in VALUES {
                for name in names.map(|name| format!("{group}/{name}")) {
                    let (a, b) = (one.numbers(&name), other.numbers(&name));
                    let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                    assert!(a.len() == b.len() && worst < 1e-10, "{name} on {ranks} ranks differs by {worst}");
                }
            }
            for (name, _) in exact.matrices() {
                let name = format!("results/reduced/{name}/value");
                let difference = complex(&one, &name) - complex(&other, &name);
                assert!(difference.iter().all(|entry| entry.norm() < 1e-10), "{name} on {ranks} ranks");
            }
        }
        let job = comparing(&exact, engine, "budget = 1e-2");
        let one = fidelities(&job.run(1));
        for ranks in rank_counts() {
            let other = fidelities(&job.run(ranks));
            let pairs = one.iter().flatten().flatten().zip(other.iter().flatten().flatten());
            pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-7, "{a} and {b} on {ranks} ranks"));
        }
    }
}
