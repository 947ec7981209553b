//! Whole jobs with the kernels of the GPU: on the emulated one, or on a real one where `RHOSHARD_TEST_GPU=cuda` says so.

#![allow(clippy::unwrap_used)]

#[path = "gpu/jobs.rs"]
mod jobs;
#[path = "gpu/memory.rs"]
mod memory;
mod support;

use jobs::{assert_agree, job, jobs};
use std::process::Command;
use support::{JobFolder, Outcome, finish, rhoshard, say};

/// The device to test; none in a build that has none.
fn device() -> Option<String> {
    let named = std::env::var("RHOSHARD_TEST_GPU").ok();
    let emulated = cfg!(feature = "emulated-gpu").then(|| "emulated".to_string());
    let device = named.or(emulated);
    if device.is_none() {
        assert!(std::env::var("CI").is_err(), "CI must build with --features emulated-gpu");
        say("SKIPPED: build with --features emulated-gpu to run the kernels of the GPU on the CPU\n");
    }
    device
}

fn run(job: &JobFolder) -> Outcome {
    let mut command = Command::new(rhoshard());
    command.args(["run", "--quiet"]).arg(job.path("job.toml"));
    let finished = finish(command).expect_success("a right job");
    Outcome { file: hdf5::File::open(job.path("job.h5")).unwrap(), finished }
}

#[test]
fn every_engine_finds_on_the_gpu_what_it_finds_on_the_cpu() {
    let Some(device) = device() else { return };
    for (name, circuit, rest, most) in jobs() {
        let [gpu, cpu] = [device.as_str(), "cpu"].map(|device| run(&job(circuit, &rest, device)));
        assert_agree(&gpu, &cpu, most, name);
        assert!(gpu.texts("provenance/gpus").len() == 1 && cpu.texts("provenance/gpus").is_empty(), "{name}");
    }
}

#[test]
fn results_known_in_closed_form_come_out_right() {
    let Some(device) = device() else { return };
    let mut command = Command::new(rhoshard());
    command.args(["validate", "--device", &device]);
    let printed = finish(command).expect_success("validate").stdout;
    assert!(printed.contains("computed on") && !printed.contains("WRONG"), "{printed}");
}

#[test]
fn kernels_are_measured() {
    let Some(device) = device() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gpu.json");
    let mut command = Command::new(rhoshard());
    command.args(["bench", "gpu", "--memory", "1", "--device", &device, "--output"]).arg(&file);
    let printed = finish(command).expect_success("bench gpu").stdout;
    assert!(printed.contains("Gram matrix and rotation"), "{printed}");
    let found: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let gates = found["gates"].as_array().unwrap();
    assert!(gates.len() > 50 && gates.iter().all(|gate| gate["seconds"].as_f64().unwrap() > 0.0));
}

#[test]
fn a_state_that_the_gpu_cannot_hold_is_an_error_in_words() {
    let Some(device) = device() else { return };
    let circuit = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[40] q;\nh q;\n";
    let rest = "kind = \"statevector\"\n[observe]\nexpectations = [\"Z0\"]\n";
    for (memory, code) in [("", 2), ("memory = \"64 TiB\"\n", 1)] {
        let job = job(circuit, &format!("{memory}{rest}"), &device);
        let mut command = Command::new(rhoshard());
        command.args(["run", "--quiet"]).arg(job.path("job.toml"));
        let finished = finish(command);
        assert_eq!(finished.status.code(), Some(code), "{}", finished.stderr);
        assert!(finished.stderr.contains("next:") && !finished.stderr.contains("panicked"), "{}", finished.stderr);
        assert!(!job.path("job.h5").exists());
    }
}
