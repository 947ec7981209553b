//! Scaling studies make their own runs: on one rank and two, resumed, and what stops them.

use crate::support::{Finished, JobFolder, finish, on_ranks, rhoshard, skipped};
use crate::{fixture, ghz};
use rhoshard::io::StoredRun;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn scaling(arguments: &[&str]) -> Finished {
    let mut command = Command::new(rhoshard());
    command.args(["bench", "scaling"]).args(arguments);
    if let Ok(launcher) = std::env::var("RHOSHARD_TEST_MPIRUN") {
        command.env("MPIRUN", launcher);
    }
    finish(command)
}

fn findings(folder: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join("scaling.json")).unwrap()).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The engine's seconds in a result file.
fn seconds(folder: &Path, name: &str) -> f64 {
    StoredRun::read(&folder.join(name)).unwrap().record.provenance.engine_seconds
}

#[test]
fn a_strong_study_is_made_resumed_and_collected() {
    if skipped() {
        return;
    }
    let rest = "[engine]\nbudget = 0.0073\nthreads = 1\n[observe]\nexpectations = [\"Z0\"]\n";
    let job = JobFolder::new(&fixture("lret/random_n10_d13_s42.qasm"), rest);
    let (file, folder) = (job.path("job.toml"), job.path("job-strong"));
    let made = scaling(&[text(&file), "--strong", "--ranks", "2,1", "--repeat", "1"]).expect_success("a study");
    assert!(made.stderr.contains("run 1 of 1 on 2 ranks"), "{}", made.stderr);
    assert!(made.stdout.lines().filter(|line| !line.contains("written")).all(|line| line.chars().count() <= 80));
    assert!(!job.path("job.h5").exists(), "the job's own result is left alone");

    let found = findings(&folder);
    let rows = found["rows"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["ranks"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2]);
    let [one, two] = ["ranks1-run1.h5", "ranks2-run1.h5"].map(|name| seconds(&folder, name));
    assert_eq!(rows[1]["seconds"].as_f64().unwrap(), two);
    assert!((rows[1]["speed_up"].as_f64().unwrap() - one / two).abs() < 1e-12 * one / two);
    assert!(rows[1]["communication"].as_f64().unwrap() > rows[0]["communication"].as_f64().unwrap());
    let predicted = |row: usize| rows[row]["predicted"]["seconds"].as_f64().unwrap();
    assert!(predicted(0) > 0.0 && predicted(1) > 0.0 && rows[1]["predicted"]["communication"].as_f64().unwrap() > 0.0);

    // A longer study keeps what there is.
    let commands = scaling(&[text(&file), "--strong", "--ranks", "1,2", "--repeat", "2", "--dry-run"]);
    let commands = commands.expect_success("a dry run").stdout;
    assert_eq!(
        commands.matches("ranks1-run2.h5").count() + commands.matches("ranks2-run2.h5").count(),
        2,
        "{commands}"
    );
    assert!(!commands.contains("run1.h5") && commands.contains("--collect"), "{commands}");
    let incomplete = scaling(&["--collect", text(&folder)]).expect_success("half a study").stdout;
    assert!(incomplete.contains("2 of 4 runs have no result yet"), "{incomplete}");
    scaling(&[text(&file), "--strong", "--ranks", "1,2", "--repeat", "2"]).expect_success("the rest");
    assert_eq!(seconds(&folder, "ranks1-run1.h5"), one, "a run that was there is not repeated");
    let found = findings(&folder);
    assert!(found["rows"].as_array().unwrap().iter().all(|row| row["runs"] == 2));
    for name in ["scaling.csv", "scaling.html", "speed-up.svg", "efficiency.svg", "ranks2-run2.log"] {
        assert!(folder.join(name).exists(), "{name}");
    }
}

#[test]
fn a_weak_study_has_a_qubit_more_on_two_ranks() {
    if skipped() {
        return;
    }
    let job = JobFolder::new("", "[engine]\nkind = \"statevector\"\nthreads = 1\n[observe]\nexpectations = [\"Z0\"]\n");
    let template = std::fs::read_to_string(job.path("job.toml")).unwrap().replace("circuit.qasm", "ghz_{qubits}.qasm");
    std::fs::write(job.path("job.toml"), template).unwrap();
    for qubits in [10, 11] {
        std::fs::write(job.path(&format!("ghz_{qubits}.qasm")), ghz(qubits)).unwrap();
    }
    let (file, folder) = (job.path("job.toml"), job.path("out"));
    let arguments = |ranks: &str| -> Vec<String> {
        let words = format!("{} --weak --qubits 10 --ranks {ranks} --repeat 1 --output {}", text(&file), text(&folder));
        words.split_whitespace().map(String::from).collect()
    };
    let run = |ranks: &str| scaling(&arguments(ranks).iter().map(String::as_str).collect::<Vec<_>>());
    run("1,2").expect_success("a weak study");
    let found = findings(&folder);
    let qubits: Vec<u64> =
        found["rows"].as_array().unwrap().iter().map(|row| row["qubits"].as_u64().unwrap()).collect();
    assert_eq!((found["kind"].as_str(), &qubits[..]), (Some("weak"), &[10, 11][..]));
    // The circuit of four ranks is missing: said before anything runs.
    let refused = run("1,2,4");
    assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("ghz_12.qasm") && !refused.stderr.contains("run 1 of"), "{}", refused.stderr);
}

#[test]
fn what_stops_a_study_is_said() {
    if skipped() {
        return;
    }
    let job = JobFolder::new(&ghz(3), "[observe]\nexpectations = [\"Z0\"]\n");
    let file = job.path("job.toml");
    let refused = |arguments: &[&str], code: i32, said: &str| {
        let finished = scaling(&[&[text(&file)], arguments].concat());
        assert_eq!(finished.status.code(), Some(code), "{}", finished.stderr);
        assert!(finished.stderr.contains(said), "{}", finished.stderr);
    };
    refused(&["--strong", "--launcher", "no-such-launcher"], 1, "`no-such-launcher` is not on the PATH");
    refused(&["--weak", "--qubits", "3", "--ranks", "1,3"], 2, "power of two");
    refused(&["--weak", "--qubits", "3"], 2, "{qubits} does not occur");
    refused(
        &["--strong", "--launcher", "false", "--output", text(&job.path("failed"))],
        1,
        "repeat it by hand: false -n 1",
    );
    let mut launched = on_ranks(2, rhoshard());
    launched.args(["bench", "scaling", "--strong"]).arg::<&PathBuf>(&file);
    let launched = finish(launched);
    assert!(!launched.status.success() && launched.stderr.contains("starts ranks itself"), "{}", launched.stderr);
}
