//! `rhoshard bench scaling --collect` on results with known times, and the options of `run` that a study is made with.

use crate::support::{Finished, JobFolder, finish, rhoshard};
use rhoshard::io::{ConfigRecord, Output, Phase, Provenance, RunRecord, StateSummary, StoredRun};
use std::path::Path;
use std::process::Command;

fn program(arguments: &[&str]) -> Finished {
    let mut command = Command::new(rhoshard());
    // Programs that other tests start meanwhile inherit this one's open files, and with them their locks.
    command.args(arguments).env("HDF5_USE_FILE_LOCKING", "FALSE");
    finish(command)
}

fn write(folder: &Path, ranks: u64, run: u64, seconds: f64) {
    let record = RunRecord {
        state: StateSummary { qubits: 12, rank: 1, ..StateSummary::default() },
        provenance: Provenance {
            ranks,
            threads: 4,
            engine_seconds: seconds,
            engine: "density".into(),
            hosts: vec!["a".into(); ranks as usize],
            peak_memory: vec![1; ranks as usize],
            ..Provenance::default()
        },
        timing: vec![Phase { name: "communication".into(), seconds: 0.25 * seconds }],
        config: ConfigRecord { circuit_sha256: "c".into(), ..ConfigRecord::default() },
        ..RunRecord::default()
    };
    Output::reserve(&folder.join(format!("{ranks}-{run}.h5"))).unwrap().commit(&record).unwrap();
}

#[test]
fn results_of_submitted_jobs_are_collected() {
    let folder = tempfile::tempdir().unwrap();
    // t(R) = 1 + 11 / R; of three runs each the median is that.
    for ranks in [1, 2, 4] {
        let time = 1.0 + 11.0 / ranks as f64;
        [0.9, 1.0, 3.0]
            .iter()
            .enumerate()
            .for_each(|(run, factor)| write(folder.path(), ranks, run as u64, factor * time));
    }
    let path = folder.path().to_str().unwrap();
    let unsaid = program(&["bench", "scaling", "--collect", path]);
    assert_eq!(unsaid.status.code(), Some(2));
    assert!(unsaid.stderr.contains("--strong or --weak"), "{}", unsaid.stderr);

    let table = program(&["bench", "scaling", "--collect", path, "--strong"]).expect_success("collect").stdout;
    let expected = "     4       4     12    3     3.75     3.20       80 %  25 %   3.75        -";
    assert!(table.lines().any(|line| line == expected), "{table}");
    let json = std::fs::read_to_string(folder.path().join("scaling.json")).unwrap();
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    let efficiency: Vec<f64> =
        found["rows"].as_array().unwrap().iter().map(|row| row["efficiency"].as_f64().unwrap()).collect();
    for (efficiency, expected) in efficiency.iter().zip([1.0, 12.0 / 13.0, 0.8]) {
        assert!((efficiency - expected).abs() < 1e-12, "{efficiency}");
    }
    let weak = program(&["bench", "scaling", "--collect", path, "--weak", "--qubits", "12"]);
    assert!(weak.status.code() == Some(2) && weak.stderr.contains("not one more for each doubling"), "{}", weak.stderr);
}

#[test]
fn wrong_arguments_are_refused() {
    let refused = |arguments: &[&str], said: &str| {
        let finished = program(&[&["bench", "scaling"], arguments].concat());
        assert_eq!(finished.status.code(), Some(2), "{arguments:?}: {}", finished.stderr);
        assert!(finished.stderr.contains(said), "{arguments:?}: {}", finished.stderr);
    };
    refused(&[], "required");
    refused(&["a.toml", "--strong", "--weak", "--qubits", "2"], "cannot be used with");
    refused(&["a.toml", "--weak"], "--qubits");
    refused(&["a.toml"], "--strong or --weak");
    refused(&["a.toml", "--strong", "--ranks", "0,1"], "0");
    refused(&["a.toml", "--strong", "--dry-run", "--collect", "b"], "cannot be used with");
    refused(&["--collect", "/no/such/folder", "--strong"], "/no/such/folder: cannot be read");
}

#[test]
fn a_run_may_define_names_and_name_its_result() {
    let job = JobFolder::new("OPENQASM 3.0;\nqubit[2] q;\n", "[observe]\nexpectations = [\"{which}\"]\n");
    let (file, other) = (job.path("job.toml"), job.path("other.h5"));
    let (file, other) = (file.to_str().unwrap(), other.to_str().unwrap());
    program(&["run", file, "--define", "which=Z1", "--output", other]).expect_success("a run");
    assert!(!job.path("job.h5").exists());
    let stored = StoredRun::read(Path::new(other)).unwrap().record;
    assert_eq!(stored.expectations[0].name, "Z1");
    assert!(stored.timing.iter().any(|phase| phase.name == "communication" && phase.seconds >= 0.0));
    for (definition, said) in [("other=1", "{other} does not occur"), ("which", "NAME=VALUE")] {
        let refused = program(&["check", file, "--define", definition]);
        assert!(refused.status.code() == Some(2) && refused.stderr.contains(said), "{}", refused.stderr);
    }
    let refused =
        program(&["run", file, "--define", "which=Z1", "--output", job.path("circuit.qasm").to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(refused.stderr.contains("is a file that the job reads"), "{}", refused.stderr);
}
