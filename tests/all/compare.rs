//! `rhoshard compare` on the results of real runs.

use crate::support::{Finished, JobFolder, finish, rhoshard};
use std::process::Command;

const BELL: &str = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[2] q;\nry(0.3) q[0];\ncx q[0], q[1];\n";

fn job(engine: &str) -> JobFolder {
    let noise = "[noise]\ndepolarizing = { one_qubit = 1e-3, two_qubit = 1e-3 }\n";
    let observe = "[observe]\nexpectations = [\"Z0\"]\nprobabilities = [[0, 1]]\nreduced = [[0]]\nentropy = true\n";
    let job = JobFolder::new(BELL, &format!("{noise}[engine]\n{engine}\n{observe}"));
    let mut command = Command::new(rhoshard());
    command.arg("run").arg(job.path("job.toml"));
    finish(command).expect_success(engine);
    job
}

fn compare(one: &JobFolder, other: &JobFolder, tolerance: &str) -> Finished {
    let mut command = Command::new(rhoshard());
    command.arg("compare").args([one.path("job.h5"), other.path("job.h5")]).args(["--tolerance", tolerance]);
    finish(command)
}

#[test]
fn equal_runs_agree_and_others_differ_by_so_much() {
    let (exact, again, coarse) = (job("budget = 1e-8"), job("budget = 1e-8"), job("budget = 1e-1"));
    let same = compare(&exact, &again, "0").expect_success("two runs of one job");
    assert!(same.stdout.contains("datasets and attributes agree"), "{}", same.stdout);
    let differ = compare(&exact, &coarse, "1e-6");
    assert_eq!(differ.status.code(), Some(1));
    assert!(
        differ.stderr.contains("differ by more than 1e-6") && differ.stderr.contains("results/"),
        "{}",
        differ.stderr
    );
    compare(&exact, &coarse, "inf").expect_success("a tolerance that forgives everything");
}

#[test]
fn what_is_no_result_is_refused() {
    let job = job("budget = 1e-8");
    std::fs::copy(job.path("job.toml"), job.path("copy.h5")).unwrap();
    let mut command = Command::new(rhoshard());
    command.arg("compare").args([job.path("job.h5"), job.path("copy.h5")]);
    let finished = finish(command);
    assert!(finished.status.code() == Some(2) && finished.stderr.contains("copy.h5"), "{}", finished.stderr);
}
