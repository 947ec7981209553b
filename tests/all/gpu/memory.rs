//! Jobs for which the emulated GPU has too little memory.

use super::jobs::{assert_agree, job};
use super::run;
use crate::support::{Outcome, finish, rhoshard};
use std::process::Command;

/// Variable that sets the memory of the emulated GPU.
const MEMORY: &str = "RHOSHARD_EMULATED_MEMORY";

const OBSERVE: &str =
    "[observe]\nexpectations = [\"Z0\", \"X4 X1\", \"Y0 Y2 Z6\", \"0.5*Z3 Z5 - X6\"]\nprobabilities = [[4, 0]]\n";

/// A circuit on so many qubits, gates near and far.
fn layers(qubits: usize) -> String {
    let last = qubits - 1;
    format!(
        "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[{qubits}] q;
for int i in [0:{last}] {{ h q[i]; rz(0.3 * i) q[i]; }}
for int i in [0:{}] {{ cx q[i], q[i + 1]; ry(0.4) q[i]; }}
cp(0.7) q[{last}], q[0];
ccx q[0], q[3], q[{last}];
for int i in [0:{}] {{ cx q[i + 1], q[i]; rx(0.2 * i) q[i]; }}
",
        last - 1,
        last - 1
    )
}

/// Name, circuit, sections beside `[engine] device`, and the bytes of a device that cannot hold the state.
fn large_jobs() -> Vec<(&'static str, String, String, u64)> {
    let noise = "[noise]\ndepolarizing = { one_qubit = 2e-4, two_qubit = 2e-3 }\n";
    vec![
        ("low-rank", layers(11), format!("budget = 1e-2\n{OBSERVE}{noise}"), 1 << 19),
        ("density", layers(8), format!("kind = \"density\"\n{OBSERVE}{noise}"), 1 << 19),
        ("statevector", layers(17), format!("kind = \"statevector\"\n{OBSERVE}"), 1 << 21),
    ]
}

#[test]
fn a_state_that_spills_is_the_same() {
    if !cfg!(feature = "emulated-gpu") {
        return;
    }
    for (name, circuit, rest, bytes) in large_jobs() {
        let spilled = job(&circuit, &format!("spill = true\n{rest}"), "emulated");
        let mut command = Command::new(rhoshard());
        command.args(["run", "-v"]).arg(spilled.path("job.toml")).env(MEMORY, bytes.to_string());
        let finished = finish(command).expect_success(name);
        assert!(finished.stderr.contains("lies in the host's memory"), "{name}: {}", finished.stderr);
        let spilled = Outcome { file: hdf5::File::open(spilled.path("job.h5")).unwrap(), finished };
        assert_agree(&spilled, &run(&job(&circuit, &rest, "cpu")), 1e-10, name);
    }
}

#[test]
fn without_spill_the_same_state_is_refused_with_what_would_fit() {
    if !cfg!(feature = "emulated-gpu") {
        return;
    }
    for (name, circuit, rest, bytes) in large_jobs().into_iter().skip(1) {
        let job = job(&circuit, &rest, "emulated");
        let mut command = Command::new(rhoshard());
        command.args(["run", "--quiet"]).arg(job.path("job.toml")).env(MEMORY, bytes.to_string());
        let finished = finish(command);
        assert_eq!(finished.status.code(), Some(2), "{name}: {}", finished.stderr);
        for part in ["does not fit: it needs", "B are free", "use at least", "`spill = true`"] {
            assert!(finished.stderr.contains(part), "{name}: {}", finished.stderr);
        }
    }
}

#[test]
fn a_verb_that_finds_no_memory_ends_the_job_with_an_error_in_words() {
    if !cfg!(feature = "emulated-gpu") {
        return;
    }
    // There is room for the state, but not for the weights of its rows, which are half as many bytes.
    let rest = "memory = \"1 MiB\"\nkind = \"statevector\"\n[observe]\nprobabilities = [[4, 0]]\n";
    let job = job(&layers(9), rest, "emulated");
    let mut command = Command::new(rhoshard());
    command.args(["run", "--quiet"]).arg(job.path("job.toml")).env(MEMORY, "12000");
    let finished = finish(command);
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    assert!(finished.stderr.contains("error: the emulated GPU has no memory for"), "{}", finished.stderr);
    assert!(finished.stderr.contains("next: ") && !finished.stderr.contains("panicked"), "{}", finished.stderr);
    assert!(!job.path("job.h5").exists());
}
