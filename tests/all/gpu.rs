//! Whole jobs with the kernels of the GPU: on the emulated one, or on a real one where `RHOSHARD_TEST_GPU=cuda` says so.

mod jobs;
mod memory;

use crate::support::{JobFolder, Outcome, finish, rhoshard, say};
use jobs::{assert_agree, job, jobs};
use std::process::Command;

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

const PLANNED: &str = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[12] q;\nh q;\ncx q[0], q[11];\n";

/// A state of full rank: 256 columns on 8 qubits, the least that the device's solver is asked for.
const WIDE: &str = "OPENQASM 3.0;
include \"stdgates.inc\";
qubit[8] q;
for int i in [0:7] { ry(0.3 + 0.2 * i) q[i]; }
for int i in [0:6] { cx q[i], q[i + 1]; rx(0.2 + 0.1 * i) q[i + 1]; }
for int i in [0:6] { cx q[i + 1], q[i]; ry(0.4) q[i]; }
";

#[test]
fn wide_eigenproblems_are_solved_on_the_gpu() {
    let Some(device) = device() else { return };
    let rest = "kind = \"low-rank\"\ncut = 1e-12\n[observe]\nexpectations = [\"Z0\", \"X4 X1\", \"Y0 Y2 Z6\"]\n\
                probabilities = [[4, 0]]\n[noise]\ndepolarizing = { one_qubit = 2e-2, two_qubit = 8e-2 }\n";
    let [gpu, cpu] = [device.as_str(), "cpu"].map(|device| {
        let job = job(WIDE, rest, device);
        let mut command = Command::new(rhoshard());
        // The width is not to be limited by memory.
        command.env("RHOSHARD_EMULATED_MEMORY", (1_u64 << 37).to_string());
        command.args(["run", "-vv"]).arg(job.path("job.toml"));
        let finished = finish(command).expect_success("a right job");
        Outcome { file: hdf5::File::open(job.path("job.h5")).unwrap(), finished }
    });
    let solved = |outcome: &Outcome| outcome.finished.stderr.contains("solves an eigenproblem of 256 columns");
    assert!(solved(&gpu) && !solved(&cpu), "{}", gpu.finished.stderr);
    assert!(!gpu.finished.stderr.contains("left to the CPU"), "{}", gpu.finished.stderr);
    assert_eq!(gpu.rank(), 256);
    assert_agree(&gpu, &cpu, 1e-10, "wide");
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
    for part in
        ["Gram matrix and rotation", "Whole", "HermitianBlocks", "eigenproblem of 256", "64 flips at 32 columns"]
    {
        assert!(printed.contains(part), "{printed}");
    }
    let found: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let gates = found["gates"].as_array().unwrap();
    assert!(gates.len() > 50 && gates.iter().all(|gate| gate["seconds"].as_f64().unwrap() > 0.0));
}

#[test]
fn a_plan_is_predicted_from_what_was_measured_on_the_device() {
    let Some(device) = device() else { return };
    let job = job(PLANNED, "[observe]\nexpectations = [\"Z0\"]\n", "cpu");
    let mut command = Command::new(rhoshard());
    command.args(["bench", "machine", "--device", &device, "--output"]).arg(job.path("gpu.toml"));
    finish(command).expect_success("bench machine");
    let text = std::fs::read_to_string(job.path("gpu.toml")).unwrap();
    assert!(text.contains("GPU") && text.contains("[gpu]") && text.contains("answer = "), "{text}");
    let mut command = Command::new(rhoshard());
    command.args(["plan", "--json", "--machine"]).arg(job.path("gpu.toml")).arg(job.path("job.toml"));
    let plan: serde_json::Value = serde_json::from_str(&finish(command).expect_success("plan").stdout).unwrap();
    let seconds = plan["predicted"]["seconds"]["total"].as_f64();
    assert!(seconds.is_some_and(|seconds| seconds > 0.0), "{plan}");
}

#[cfg(feature = "cuda")]
#[test]
fn steps_have_names_for_those_who_follow_nvtx() {
    let Some(device) = device() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (library, heard) = (folder.path().join("tool.so"), folder.path().join("ranges"));
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&library);
    compiler.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/fake_nvtx.c"));
    assert!(compiler.status().unwrap().success());
    let (_, circuit, rest, _) = jobs().swap_remove(0);
    let job = job(circuit, &rest, &device);
    let mut command = Command::new(rhoshard());
    command.env("NVTX_INJECTION64_PATH", &library).env("FAKE_NVTX_FILE", &heard);
    command.args(["run", "--quiet"]).arg(job.path("job.toml"));
    finish(command).expect_success("a job that a tool listens to");
    let ranges = std::fs::read_to_string(heard).unwrap();
    let steps = ranges.lines().filter(|line| line.starts_with("step ")).count();
    assert!(steps > 10 && ranges.starts_with("step 0: "), "{ranges}");
    for inner in ["\n  pass of ", "\n  Gram matrix of ", "\n  rotation of "] {
        assert!(ranges.contains(inner), "{inner:?} is not within a step: {ranges}");
    }
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

#[test]
fn what_a_device_spends_its_time_on_is_written_down() {
    let Some(device) = device() else { return };
    let (_, circuit, rest, _) = jobs().swap_remove(0);
    let job = job(circuit, &rest, &device);
    let mut command = Command::new(rhoshard());
    command.env("RHOSHARD_KERNEL_TIMES", job.path("times"));
    command.args(["run", "--quiet"]).arg(job.path("job.toml"));
    finish(command).expect_success("a job whose kernels are timed");
    let found: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(job.path("times.0.json")).unwrap()).unwrap();
    let number = |name: &str| found[name].as_f64().unwrap();
    assert!(number("busy") > 0.0 && number("busy") <= number("seconds") * 1.001, "{found}");
    assert!((number("gaps") - (1.0 - number("busy") / number("seconds"))).abs() < 1e-6, "{found}");
    let calls = found["calls"].as_array().unwrap();
    let sum: f64 = calls.iter().map(|call| call["seconds"].as_f64().unwrap()).sum();
    assert!((sum - number("busy")).abs() < 1e-9, "{found}");
    for name in ["branch_", "product", "download"] {
        let is_meant = |call: &serde_json::Value| call["name"].as_str().unwrap().starts_with(name);
        assert!(calls.iter().any(|call| is_meant(call) && call["calls"].as_u64() > Some(0)), "{name}: {found}");
    }
}

/// The profiler's script with these programs beside those that every script needs.
fn profile(folder: &std::path::Path, arguments: &[&str]) -> crate::support::Finished {
    let mut command = Command::new("bash");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/profile.sh")).args(arguments).current_dir(folder);
    command.env("PROGRAM", rhoshard()).env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    finish(command)
}

#[test]
fn a_job_runs_under_a_profiler_where_there_is_one() {
    let job = job("OPENQASM 3.0;\nqubit[2] q;\nU(1, 2, 3) q[0];\n", "[observe]\nexpectations = [\"Z0\"]\n", "cpu");
    let path = job.path("job.toml");
    let (folder, name) = (path.parent().unwrap(), path.to_str().unwrap());
    if !std::path::Path::new("/usr/bin/nsys").exists() {
        let missing = profile(folder, &[name]);
        assert_eq!(missing.status.code(), Some(77), "{}", missing.stderr);
        assert!(missing.stderr.contains("nsys is not installed; next:"), "{}", missing.stderr);
    }
    // A profiler that runs what it is given, and knows of two kernels with a gap between them.
    let nsys = "#!/bin/bash\ncase \"$*\" in\n\
        profile*) while [[ $1 != */rhoshard ]]; do shift; done; exec \"$@\" ;;\n\
        *cuda_gpu_trace*) printf 'Start (ns),Duration (ns)\\n1000,300\\n1100,400\\n1900,100\\n' ;;\nesac\n";
    let tool = folder.join("nsys");
    std::fs::write(&tool, nsys).unwrap();
    std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let finished = profile(folder, &[name]).expect_success("a job under a profiler");
    assert!(finished.stdout.contains("gaps: 40.0 %") && job.path("job.h5").exists(), "{}", finished.stdout);
    let refused = profile(folder, &["--ranks", "many", name]);
    assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
}
