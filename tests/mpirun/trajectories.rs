//! Sampled jobs: the same trajectories on every number of ranks, whether a rank holds states of its own or shares them.

use super::fixture;
use super::support::{JobFolder, Outcome, finish, rank_counts, rhoshard, skipped};
use std::process::Command;

const OBSERVE: &str = "[observe]\nexpectations = [\"Z0\", \"X9 X0\", \"0.3*Z1 Z2 - Z9\"]\nprobabilities = [[3, 0]]\n\
                       expectations_file = \"energy.pauli\"\nshots = 700\n";
const ESTIMATES: [&str; 6] = [
    "results/expectations/value",
    "results/expectations/stderr",
    "results/probabilities/3_0/value",
    "results/probabilities/3_0/stderr",
    "results/terms/energy.pauli/value",
    "results/terms/energy.pauli/stderr",
];

fn job(engine: &str) -> JobFolder {
    let rest = format!("[engine]\nkind = \"trajectories\"\n{engine}\n{OBSERVE}");
    let job = JobFolder::new(&fixture("lret/random_n10_d13_s42.qasm"), &rest);
    std::fs::write(job.path("energy.pauli"), "-1.25 ZZIIIIIIII\n0.5 IIIIIIIIXI\n2 IIIIIIIIII\n").unwrap();
    job
}

/// One rank without a launcher.
fn alone(job: &JobFolder) -> Outcome {
    let mut command = Command::new(rhoshard());
    command.arg("run").arg(job.path("job.toml"));
    let finished = finish(command).expect_success("one rank");
    Outcome { file: hdf5::File::open(job.path("job.h5")).unwrap(), finished }
}

fn trajectories(outcome: &Outcome) -> u64 {
    outcome.file.group("results/state").unwrap().attr("trajectories").unwrap().read_scalar().unwrap()
}

fn counts(outcome: &Outcome) -> (Vec<String>, Vec<u64>) {
    (outcome.texts("results/counts/bitstring"), outcome.integers("results/counts/count"))
}

fn assert_same(one: &Outcome, other: &Outcome, what: &str) {
    assert_eq!(trajectories(one), trajectories(other), "{what}");
    for dataset in ESTIMATES {
        let (a, b) = (one.numbers(dataset), other.numbers(dataset));
        let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(a.len() == b.len() && worst < 1e-12, "{what}: {dataset} differs by {worst:e}");
    }
    assert_eq!(counts(one), counts(other), "{what}");
}

#[test]
fn a_sampled_result_claims_no_bound_and_states_its_errors() {
    let outcome = alone(&job("trajectories = 300"));
    assert_eq!(trajectories(&outcome), 704, "one for each shot, in whole batches");
    assert_eq!(counts(&outcome).1.iter().sum::<u64>(), 700);
    for dataset in
        ["results/expectations/lower", "results/expectations/upper", "results/probabilities/3_0/renormalised"]
    {
        assert!(outcome.numbers(dataset).iter().all(|bound| bound.is_nan()), "{dataset}");
    }
    assert!(["error", "purity", "purity_upper"].iter().all(|name| outcome.attribute(name).is_nan()));
    let (values, errors) = (outcome.numbers(ESTIMATES[0]), outcome.numbers(ESTIMATES[1]));
    assert!(errors.iter().all(|error| (1e-4..0.05).contains(error)), "{errors:?}");
    let terms = outcome.numbers(ESTIMATES[4]);
    assert!((values[3] - (-1.25 * terms[0] + 0.5 * terms[1] + 2.0)).abs() < 1e-12);
    assert_eq!((terms[2], outcome.numbers(ESTIMATES[5])[2]), (1.0, 0.0), "the identity is known");
    assert!(outcome.finished.stdout.contains("No bound is proven"));
    assert!(!outcome.finished.stdout.contains("certified"));
}

#[test]
fn sampling_ends_when_the_errors_are_small_enough() {
    let outcome = alone(&job("standard_error = 1e-2"));
    let errors = [outcome.numbers(ESTIMATES[1]), outcome.numbers(ESTIMATES[3])].concat();
    assert!(errors.iter().all(|error| *error <= 1e-2), "{errors:?}");
    assert!((704..20_000).contains(&trajectories(&outcome)), "{}", trajectories(&outcome));
    let capped = alone(&job("standard_error = 1e-9\ntrajectories = 1100"));
    assert_eq!(trajectories(&capped), 1104);
}

#[test]
fn trajectories_are_the_same_on_all_ranks() {
    if skipped() {
        return;
    }
    let one = alone(&job("standard_error = 1e-2"));
    for ranks in rank_counts() {
        let other = job("standard_error = 1e-2").run(ranks);
        assert_same(&one, &other, &format!("a state a rank, {ranks} ranks"));
        assert!(other.integers("trace/bytes").iter().all(|bytes| *bytes == 0));
    }
    // A batch takes 256 KiB.
    for ranks in rank_counts().into_iter().filter(|ranks| *ranks > 1) {
        let other = job("standard_error = 1e-2\nmemory = \"128 KiB\"").run(ranks);
        assert_same(&one, &other, &format!("a state on two ranks, {ranks} ranks"));
        super::assert_bytes_are_planned(&other, "sampled");
        assert!(other.integers("trace/bytes").iter().any(|bytes| *bytes > 0));
    }
}

#[test]
fn more_ranks_than_batches_are_idle() {
    if skipped() {
        return;
    }
    let rest = "[engine]\nkind = \"trajectories\"\ntrajectories = 20\n[observe]\nexpectations = [\"Z0\"]\n";
    let job = JobFolder::new(&fixture("lret/random_n10_d13_s42.qasm"), rest);
    let ranks = rank_counts().into_iter().max().unwrap();
    let (one, other) = (alone(&job).numbers(ESTIMATES[0]), job.run(ranks));
    assert!((one[0] - other.numbers(ESTIMATES[0])[0]).abs() < 1e-12);
    let idle: u64 = other.file.dataset("provenance/idle_ranks").unwrap().read_scalar().unwrap();
    assert_eq!(idle as usize, ranks.saturating_sub(2), "two batches");
}
