//! An engine that takes over does so on every number of ranks alike.

use super::support::{Finished, JobFolder, Outcome, rank_counts, skipped};
use super::{VALUES, assert_bytes_are_planned, assert_equal};

#[test]
fn density_takes_over_from_low_rank_on_all_ranks() {
    if skipped() {
        return;
    }
    let job = job("budget = 1e-2");
    let one = job.run(1);
    for ranks in rank_counts() {
        let other = job.run(ranks);
        let what = format!("auto on {ranks} ranks");
        assert_equal(&one, &other, VALUES, &what);
        assert_bytes_are_planned(&other, &what);
        assert_handed_over(&other, "density", &what);
    }
}

#[test]
fn trajectories_take_over_from_low_rank_on_all_ranks() {
    if skipped() {
        return;
    }
    let job = job("standard_error = 0.1");
    let one = job.run(1).numbers(VALUES[0]);
    for ranks in rank_counts() {
        let other = job.run(ranks);
        let what = format!("sampled auto on {ranks} ranks");
        assert_handed_over(&other, "trajectories", &what);
        for (found, expected) in other.numbers(VALUES[0]).iter().zip(&one) {
            assert!((found - expected).abs() < 1e-10, "{what}: {found} is not {expected}");
        }
    }
}

/// It is said once, whatever the number of ranks.
fn assert_handed_over(outcome: &Outcome, to: &str, what: &str) {
    let Finished { stdout, stderr, .. } = &outcome.finished;
    assert_eq!(stdout.matches(&format!("engine  {to}, after ")).count(), 1, "{what}: {stdout}");
    assert_eq!(stderr.matches("chosen: low-rank").count(), 1, "{what}: {stderr}");
}

/// Strong noise on eleven qubits, on which low-rank is tried first.
fn job(accuracy: &str) -> JobFolder {
    let layer = |layer: usize| {
        let turned = (0..11).map(|qubit| format!("ry({}.3) q[{qubit}];\n", (qubit + layer) % 5)).collect::<String>();
        let pairs = (layer % 2..10).step_by(2).map(|qubit| format!("cx q[{qubit}], q[{}];\n", qubit + 1));
        turned + &pairs.collect::<String>()
    };
    let circuit: String = (0..4).map(layer).collect();
    let circuit = format!("OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[11] q;\n{circuit}");
    let rest = format!(
        "[noise]\ndepolarizing = {{ one_qubit = 2e-2, two_qubit = 2e-2 }}\n[engine]\nkind = \"auto\"\n{accuracy}\n\
         [observe]\nexpectations = [\"Z0\", \"X10 X0\", \"Y4 Z8\"]\n"
    );
    JobFolder::new(&circuit, &rest)
}
