//! What `rhoshard plan` prints, and what it refuses.

use crate::support::{Finished, JobFolder, finish, rhoshard};
use rhoshard::config::Machine;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

const CIRCUIT: &str = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[6] q;\n\
    for int i in [0:4] { h q[i]; cx q[i], q[i + 1]; rx(0.3) q[i]; }\n";
const REST: &str = "[noise]\ndepolarizing = { one_qubit = 0.01, two_qubit = 0.02 }\n\
    [engine]\ncut = 1e-4\n[observe]\nexpectations = [\"Z0\", \"X5\"]\n";

fn job() -> JobFolder {
    JobFolder::new(CIRCUIT, REST)
}

/// Runs the job without a launcher.
fn run(job: &JobFolder) {
    let mut command = Command::new(rhoshard());
    command.args(["run", "job.toml"]).current_dir(job.folder.path());
    finish(command).expect_success("run");
}

fn plan(job: &JobFolder, arguments: &[&str]) -> Finished {
    let mut command = Command::new(rhoshard());
    command.args(["plan", "job.toml"]).args(arguments).current_dir(job.folder.path());
    finish(command)
}

fn planned(job: &JobFolder, arguments: &[&str]) -> String {
    plan(job, arguments).expect_success(&format!("plan {arguments:?}")).stdout
}

fn json(job: &JobFolder, arguments: &[&str]) -> Value {
    serde_json::from_str(&planned(job, &[arguments, &["--json"]].concat())).unwrap()
}

/// Writes the defaults as a machine file, with `text` in the place of `line`.
fn write_machine(path: &Path, line: &str, text: &str) {
    let lines = Machine::defaults().toml();
    let lines: Vec<&str> = lines.lines().map(|other| if other.starts_with(line) { text } else { other }).collect();
    std::fs::write(path, lines.join("\n")).unwrap();
}

#[test]
fn the_tables_fit_a_page_and_say_where_their_numbers_are_from() {
    let job = job();
    let text = planned(&job, &["--ranks", "4", "-v"]);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    for expected in [
        "machine: defaults; measure with `rhoshard bench machine`",
        "links between ranks: defaults",
        "widths: a pilot run at cut 1.0e-4",
        "sent, exact bytes",
        "   32   as 16: the circuit cannot be sharded further",
        " 4096   as 16: the circuit cannot be sharded further",
        "compress-if-wide",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
}

#[test]
fn the_sources_named_are_those_used() {
    let job = job();
    run(&job);
    write_machine(&job.path("machine.toml"), "host", "host = \"abacus\"");
    let text = planned(&job, &["--machine", "machine.toml", "--profile", "job.h5", "--ranks", "2"]);
    assert!(text.contains("machine: machine.toml (abacus, measured with 1 rank of 4 threads)"), "{text}");
    assert!(text.contains("widths: job.h5, step by step") && !text.contains("links between ranks"), "{text}");
    let text = planned(&job, &["--width", "7"]);
    assert!(text.contains("widths: --width 7, compressed after every 6 channels"), "{text}");
}

#[test]
fn a_slower_machine_takes_longer() {
    let job = job();
    write_machine(&job.path("fast.toml"), "scale", "scale = 1e12");
    write_machine(&job.path("slow.toml"), "scale", "scale = 1e5");
    let seconds = |machine| json(&job, &["--machine", machine])["predicted"]["seconds"]["gates"].as_f64().unwrap();
    assert!(seconds("slow.toml") > 2.0 * seconds("fast.toml"));
}

#[test]
fn the_parts_add_up() {
    let job = job();
    let value = json(&job, &["--width", "16", "--ranks", "4"]);
    let seconds = &value["predicted"]["seconds"];
    let parts = ["gates", "compression", "communication", "observables"];
    let sum: f64 = parts.iter().map(|part| seconds[part].as_f64().unwrap()).sum();
    assert!((sum / seconds["total"].as_f64().unwrap() - 1.0).abs() < 1e-12);
    let row = &value["table"][2];
    assert_eq!((&row["ranks"], &row["shards"], &row["rows"]), (&4.into(), &4.into(), &16.into()));
    assert_eq!(row["seconds"], seconds["total"]);
    let sent = value["per_column"]["sent_bytes"].as_f64().unwrap();
    assert_eq!(row["sent_bytes"].as_f64().unwrap(), 16.0 * sent);
    assert_eq!(value["table"].as_array().unwrap().len(), 13);
}

#[test]
fn wrong_machine_files_and_profiles_are_refused() {
    let job = job();
    let refused = |arguments: &[&str], expected: &[&str]| {
        let finished = plan(&job, arguments);
        assert_eq!(finished.status.code(), Some(2), "{arguments:?}");
        for text in expected {
            assert!(finished.stderr.contains(text), "{text} is not in\n{}", finished.stderr);
        }
    };
    write_machine(&job.path("negative.toml"), "triad", "triad = -2.0");
    refused(&["--machine", "negative.toml"], &["negative.toml:12: `memory.triad` is -2", "a number above zero"]);
    write_machine(&job.path("unknown.toml"), "triad", "triads = 1.0");
    refused(&["--machine", "unknown.toml"], &["unknown.toml:12: unknown key `triads`", "did you mean `triad`?"]);
    write_machine(&job.path("missing.toml"), "gram", "");
    refused(&["--machine", "missing.toml"], &["`products.gram` is missing", "measure anew"]);
    refused(&["--machine", "absent.toml"], &["absent.toml: cannot be read"]);
    refused(&["--profile", "absent.h5"], &["absent.h5"]);
    refused(&["--profile", "job.toml"], &["is not an HDF5 file"]);
    let other = JobFolder::new("OPENQASM 3.0;\nqubit[2] q;\n", "");
    run(&other);
    std::fs::copy(other.path("job.h5"), job.path("other.h5")).unwrap();
    refused(&["--profile", "other.h5"], &["the result is of 2 qubit(s), the circuit has 6"]);
}

#[test]
fn plans_for_all_numbers_of_ranks_are_quick() {
    let folder = tempfile::tempdir().unwrap();
    let circuit = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/lret/random_n20_d13_s42.qasm");
    let text = format!("job = \"circuit\"\n[circuit]\nfile = \"{circuit}\"\n");
    std::fs::write(folder.path().join("job.toml"), text).unwrap();
    let begin = Instant::now();
    let mut command = Command::new(rhoshard());
    command.args(["plan", "job.toml", "--width", "64"]).current_dir(folder.path());
    let text = finish(command).expect_success("plan").stdout;
    // A hang or a cost that grows with the state, not a measurement.
    assert!(begin.elapsed().as_secs() < 30 && text.contains("\n   4096 "), "{text}");
}

/// A noiseless chain of gates on so many qubits, or a noisy one, for an engine with so much memory on each rank.
fn chain(qubits: usize, engine: &str, memory: &str) -> JobFolder {
    let circuit = format!(
        "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[{qubits}] q;\nh q;\nfor int i in [1:{}] {{ cx q[i - 1], q[i]; }}\n",
        qubits - 1
    );
    let noise = if engine == "statevector" { "" } else { "[noise]\ndepolarizing = { one_qubit = 1e-4 }\n" };
    let rest =
        format!("{noise}[engine]\nkind = \"{engine}\"\nmemory = \"{memory}\"\n[observe]\nexpectations = [\"Z0\"]\n");
    JobFolder::new(&circuit, &rest)
}

const ENGINES: [&str; 5] = ["statevector", "density", "low-rank", "trajectories", "auto"];
/// A density matrix of 30 qubits has 2^64 bytes, one of 32 qubits 2^64 entries.
const LARGE: [usize; 7] = [26, 29, 30, 31, 32, 33, 40];

#[test]
fn states_that_do_not_fit_are_refused_at_any_size() {
    for (engine, qubits) in ENGINES.iter().flat_map(|engine| LARGE.map(|qubits| (engine, qubits))) {
        let finished = plan(&chain(qubits, engine, "64 MiB"), &[]);
        assert_eq!(finished.status.code(), Some(2), "{engine}, {qubits} qubits: {}", finished.stderr);
        assert!(finished.stderr.contains("does not fit"), "{engine}, {qubits} qubits: {}", finished.stderr);
    }
    let finished = plan(&chain(30, "density", "64 MiB"), &[]);
    for text in ["a density matrix of 30 qubits", "2^60 entries", "up to 25 qubits", "kind = \"low-rank\""] {
        assert!(finished.stderr.contains(text), "{text} is not in\n{}", finished.stderr);
    }
}

#[test]
fn states_that_fit_on_many_ranks_are_planned_for_few_as_well() {
    for (engine, qubits) in [("density", 25), ("statevector", 40), ("low-rank", 40), ("trajectories", 40), ("auto", 40)]
    {
        let value = json(&chain(qubits, engine, "8192 TiB"), &["--ranks", "4096", "--width", "64"]);
        let one = &value["table"][0];
        let column = if engine == "density" { 2 * qubits } else { qubits };
        let bytes = one["memory_bytes"].as_u64().unwrap();
        assert!(one["ranks"] == 1 && bytes >= 16 << column, "{engine}: {one}");
        assert!(one["seconds"].as_f64().unwrap() > value["table"][12]["seconds"].as_f64().unwrap(), "{engine}");
    }
}

#[test]
fn outcomes_that_are_read_later_count_for_a_density_matrix() {
    // 42 outcomes of one qubit, all of them read by `counts`, above the 16 qubits of ket and bra.
    let circuit = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[8] q;\nbit[42] c;\n\
                   for int i in [0:41] { h q[0]; c[i] = measure q[0]; }\nh q[0];\n";
    let rest = |engine: &str| {
        format!(
            "[noise]\ndepolarizing = {{ one_qubit = 1e-4 }}\n[engine]\nkind = \"{engine}\"\nmemory = \"64 MiB\"\n\
             [observe]\nshots = 10\n"
        )
    };
    let refused = plan(&JobFolder::new(circuit, &rest("density")), &[]);
    assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
    let expected = "a density matrix of 8 qubits with 42 outcome(s) that are read later does not fit on any machine";
    assert!(refused.stderr.contains(expected) && refused.stderr.contains("up to 4 qubits"), "{}", refused.stderr);
    let text = planned(&JobFolder::new(circuit, &rest("auto")), &["--width", "4"]);
    assert!(text.contains("does not fit"), "{text}");
}
