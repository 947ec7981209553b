//! Whole jobs under `mpirun`: the same results on every number of ranks, and no hang when something fails.

#![allow(clippy::unwrap_used)]

#[path = "mpirun/auto.rs"]
mod auto;
#[path = "mpirun/checkpoints.rs"]
mod checkpoints;
#[path = "mpirun/gpu.rs"]
mod gpu;
#[path = "mpirun/observables.rs"]
mod observables;
#[path = "mpirun/overlap.rs"]
mod overlap;
#[path = "mpirun/report.rs"]
mod report;
#[path = "mpirun/scaling.rs"]
mod scaling;
#[path = "mpirun/snapshots.rs"]
mod snapshots;
mod support;
#[path = "mpirun/sweep.rs"]
mod sweep;
#[path = "mpirun/trajectories.rs"]
mod trajectories;

use rhoshard::comm::{self, Communicator, Message, agree, bytes_from_root, on_root};
use rhoshard::error::{Error, Result};
use std::process::Command;
use support::{JobFolder, Outcome, finish, grid, host_device, on_ranks, rank_counts, rhoshard, skipped};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");

fn fixture(name: &str) -> String {
    std::fs::read_to_string(format!("{FIXTURES}/{name}")).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every number of the results, and the rank, against the first outcome.
fn assert_equal(one: &Outcome, other: &Outcome, datasets: &[&str], what: &str) {
    assert_eq!(one.rank(), other.rank(), "{what}: rank");
    for attribute in ["trace", "error", "purity"] {
        let difference = (one.attribute(attribute) - other.attribute(attribute)).abs();
        assert!(difference < 1e-10, "{what}: {attribute} differs by {difference:e}");
    }
    for dataset in datasets {
        let (a, b) = (one.numbers(dataset), other.numbers(dataset));
        assert_eq!(a.len(), b.len());
        let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-10, "{what}: {dataset} differs by {worst:e}");
    }
}

/// The bytes sent in every step are those of the plan, per column, times the width.
fn assert_bytes_are_planned(outcome: &Outcome, what: &str) {
    let [bytes, planned, width] =
        ["trace/bytes", "trace/bytes_per_column", "trace/width"].map(|at| outcome.integers(at));
    for (step, sent) in bytes.iter().enumerate() {
        assert_eq!(*sent, planned[step] * width[step], "{what}: bytes of step {step}");
    }
}

/// Runs the job on every number of ranks and compares.
fn same_on_all_ranks(job: &JobFolder, datasets: &[&str], what: &str) {
    if skipped() {
        return;
    }
    let one = job.run(1);
    for ranks in rank_counts() {
        let other = job.run(ranks);
        let what = format!("{what} on {ranks} ranks");
        assert_equal(&one, &other, datasets, &what);
        assert_bytes_are_planned(&other, &what);
        let crossed = other.integers("trace/bytes").iter().sum::<u64>();
        assert_eq!(crossed > 0, ranks > 1, "{what}: several ranks exchange, one does not");
    }
}

const VALUES: &[&str] = &[
    "results/expectations/value",
    "results/expectations/lower",
    "results/expectations/upper",
    "results/expectations/renormalised",
];

fn ghz(qubits: usize) -> String {
    let chain: String = (1..qubits).map(|qubit| format!("cx q[{}], q[{qubit}];\n", qubit - 1)).collect();
    format!("OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[{qubits}] q;\nh q[0];\n{chain}")
}

#[test]
fn ghz_at_budgets_inside_a_multiplet() {
    // Each of the many single errors has the same weight: a budget in between falls into a multiplet.
    for budget in ["2e-2", "5e-3", "1.3e-3"] {
        let rest = format!(
            "[noise]\ndepolarizing = {{ one_qubit = 1e-3, two_qubit = 2e-3 }}\n[engine]\nbudget = {budget}\n\
             [observe]\nexpectations = [\"XXXXXXXX\", \"Z0 Z7\", \"Y0 Y1 X2 X3 X4 X5 X6 X7\", \"Z3\", \"X6 - 0.5*Z1 Z5\"]\n\
             probabilities = [[7, 0]]\n"
        );
        let datasets: Vec<&str> = VALUES.iter().copied().chain(["results/probabilities/7_0/value"]).collect();
        same_on_all_ranks(&JobFolder::new(&ghz(8), &rest), &datasets, &format!("GHZ at {budget}"));
    }
}

#[test]
fn bernstein_vazirani_at_budgets_inside_a_multiplet() {
    let secret = 0b1011011;
    let oracle: String =
        (0..7).filter(|bit| secret >> bit & 1 == 1).map(|bit| format!("cx q[{bit}], q[7];\n")).collect();
    let layer: String = (0..7).map(|bit| format!("h q[{bit}];\n")).collect();
    let circuit = format!(
        "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[8];\ncreg c[7];\n{layer}x q[7];\nh q[7];\n{oracle}{layer}\
         measure q[0] -> c[0];\nmeasure q[3] -> c[3];\n"
    );
    for budget in ["3e-2", "4e-3"] {
        let rest = format!(
            "[noise]\ndepolarizing = {{ one_qubit = 1e-3, two_qubit = 1e-3 }}\n[engine]\nbudget = {budget}\n\
             [observe]\nexpectations = [\"Z0\", \"Z1 Z2\", \"X7\", \"ZZZZZZZZ\"]\n"
        );
        same_on_all_ranks(&JobFolder::new(&circuit, &rest), VALUES, &format!("Bernstein-Vazirani at {budget}"));
    }
}

#[test]
fn a_dense_random_circuit() {
    let rest =
        "[engine]\nbudget = 0.0073\n[observe]\nexpectations = [\"Z0\", \"X9 X0\", \"Y4 Z8\", \"0.3*X1 X2 X3 - Z9\"]\n";
    same_on_all_ranks(&JobFolder::new(&fixture("lret/random_n10_d13_s42.qasm"), rest), VALUES, "random circuit");
}

#[test]
fn counts_with_outcomes_of_earlier_measurements() {
    if skipped() {
        return;
    }
    let circuit = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[6] q;\nbit[6] c;\nh q[0];\ncx q[0], q[5];\n\
                   c[0] = measure q[0];\nreset q[0];\nry(0.7) q[0];\nc[1] = measure q[0];\nh q[0];\nh q[3];\n\
                   c[5] = measure q[5];\nc[3] = measure q[3];\n";
    let job = JobFolder::new(circuit, "[noise]\nreadout = 0.02\n[engine]\ncut = 0.0\n[observe]\nshots = 5000\n");
    let rows =
        |outcome: &Outcome| (outcome.texts("results/counts/bitstring"), outcome.integers("results/counts/count"));
    let expected = rows(&job.run(1));
    assert_eq!(expected.1.iter().sum::<u64>(), 5000);
    // Bits 0 and 5 agree but for readout errors: 2 * 0.02 * 0.98 of the shots.
    let disagree = expected.0.iter().zip(&expected.1).filter(|(bits, _)| bits[0..1] != bits[5..6]);
    let disagree = disagree.map(|(_, count)| *count).sum::<u64>() as f64 / 5000.0;
    assert!((disagree - 0.0392).abs() < 0.012, "{disagree}");
    for ranks in rank_counts() {
        assert_eq!(rows(&job.run(ranks)), expected, "counts on {ranks} ranks");
    }
}

#[test]
fn a_stored_state_goes_on_where_it_ended() {
    if skipped() {
        return;
    }
    for ranks in rank_counts() {
        let first = JobFolder::new(&ghz(5), "[engine]\ncut = 1e-5\n[output]\nstate = true\n");
        first.run(ranks);
        let undo: String = (1..5).rev().map(|qubit| format!("cx q[{}], q[{qubit}];\n", qubit - 1)).collect();
        let circuit = format!("OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[5] q;\n{undo}h q[0];\n");
        let second = JobFolder::new(
            &circuit,
            "initial = \"first.h5\"\n[engine]\ncut = 0.0\n[observe]\nprobabilities = [[0, 1, 2, 3, 4]]\n",
        );
        std::fs::copy(first.path("job.h5"), second.path("first.h5")).unwrap();
        let probabilities = second.run(ranks).numbers("results/probabilities/0_1_2_3_4/value");
        assert!((probabilities[0] - 1.0).abs() < 1e-12, "{ranks} ranks: back to |00000>, found {}", probabilities[0]);
    }
}

#[test]
fn wrong_input_is_reported_once_and_ends_all_ranks() {
    if skipped() {
        return;
    }
    let job = JobFolder::new("OPENQASM 3.0;\nqubit[2] q;\nU(0, 0, 0) q[7];\n", "");
    for ranks in rank_counts() {
        let mut command = on_ranks(ranks, rhoshard());
        command.arg("run").arg(job.path("job.toml"));
        let finished = finish(command);
        assert_eq!(finished.status.code(), Some(2), "{}", finished.stderr);
        assert_eq!(finished.stderr.matches("circuit.qasm:3").count(), 1, "{}", finished.stderr);
        assert!(!job.path("job.h5").exists() && finished.seconds < 30.0);
    }
}

#[test]
fn the_wrong_launcher_is_noticed() {
    let job = JobFolder::new(&ghz(2), "");
    let mut command = Command::new(rhoshard());
    command.arg("run").arg(job.path("job.toml")).env_remove("OMPI_COMM_WORLD_SIZE").env("SLURM_STEP_NUM_TASKS", "4");
    let finished = finish(command);
    assert_eq!(finished.status.code(), Some(1));
    assert!(finished.stderr.contains("started 4 ranks"), "{}", finished.stderr);
    assert!(!job.path("job.h5").exists());
}

/// Peak memory of each rank in bytes.
fn peak_memory(outcome: &Outcome) -> f64 {
    outcome.integers("provenance/peak_memory").into_iter().max().unwrap() as f64
}

#[test]
fn memory_a_rank_halves_with_every_doubling_of_ranks() {
    if skipped() || rank_counts().iter().all(|ranks| *ranks < 4) {
        return;
    }
    // 20 qubits, up to 48 columns after a compression: about 1.5 GiB of state at its peak, exchanged several times.
    let mut circuit = String::from("OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[20] q;\n");
    (0..20).for_each(|qubit| circuit.push_str(&format!("ry({}) q[{qubit}];\n", 0.3 + 0.1 * qubit as f64)));
    (0..19).for_each(|qubit| circuit.push_str(&format!("cx q[{qubit}], q[{}];\n", qubit + 1)));
    (0..8).for_each(|qubit| circuit.push_str(&format!("#pragma braket noise bit_flip(0.2) q[{qubit}]\n")));
    circuit.push_str("h q[0];\nh q[19];\n");
    let job = JobFolder::new(&circuit, "[engine]\ncut = 0.0\nmax_rank = 48\n[observe]\nexpectations = [\"X0 X19\"]\n");
    let peaks: Vec<f64> = [1, 2, 4]
        .map(|ranks| {
            let outcome = job.run(ranks);
            assert_bytes_are_planned(&outcome, &format!("{ranks} ranks"));
            peak_memory(&outcome)
        })
        .into();
    eprintln!("peak bytes a rank on 1, 2, 4 ranks: {peaks:?}");
    assert!(peaks[0] / peaks[1] >= 1.8 && peaks[1] / peaks[2] >= 1.8, "{peaks:?}");
}

/// Runs one of the ignored tests below on real ranks.
fn on_real_ranks(ranks: usize, test: &str) -> support::Finished {
    let mut command = on_ranks(ranks, &std::env::current_exe().unwrap());
    command.args([test, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
    finish(command)
}

#[test]
fn the_communicator_keeps_its_promises() {
    if skipped() {
        return;
    }
    for ranks in rank_counts() {
        let finished = on_real_ranks(ranks, "rank_checks_the_communicator");
        assert!(finished.status.success(), "{ranks} ranks:\n{}\n{}", finished.stdout, finished.stderr);
        assert_eq!(finished.stdout.matches("1 passed").count(), ranks, "{}", finished.stdout);
    }
}

#[test]
fn a_panic_on_one_rank_ends_the_job() {
    if skipped() {
        return;
    }
    for ranks in rank_counts().into_iter().filter(|ranks| *ranks > 1) {
        let finished = on_real_ranks(ranks, "rank_panics_alone");
        assert!(!finished.status.success());
        assert!(finished.seconds < 30.0, "{ranks} ranks took {} s", finished.seconds);
        assert!(finished.stderr.contains("this rank panics"), "{}", finished.stderr);
    }
}

#[test]
#[ignore = "runs under mpirun, started by another test"]
fn rank_panics_alone() {
    let world = comm::start().unwrap();
    let comm = world.communicator();
    if comm.rank() == 1 {
        panic!("this rank panics");
    }
    comm.sum(&mut [0.0]);
}

#[test]
#[ignore = "runs under mpirun, started by another test"]
fn rank_checks_the_communicator() {
    let world = comm::start().unwrap();
    let comm = world.communicator();
    let (rank, size) = (comm.rank(), comm.size());
    let mut values = [1.0, rank as f64];
    comm.sum(&mut values);
    assert_eq!(values, [size as f64, (size * (size - 1) / 2) as f64]);
    let mut values = [-(rank as f64)];
    comm.maximum(&mut values);
    assert_eq!(values, [0.0]);
    let mut bytes = [rank as u8; 3];
    comm.broadcast(&mut bytes, size - 1);
    assert_eq!(bytes, [size as u8 - 1; 3]);
    let gathered = comm.gather(&vec![rank as u8; rank]);
    assert_eq!(gathered, (rank == 0).then(|| (0..size).map(|rank| vec![rank as u8; rank]).collect()));
    if rank ^ 1 < size {
        check_transfers(comm, rank ^ 1);
    }
    check_groups_and_agreement(comm);
    host_device::check(comm.split(0).into(), (17 << 20) + 8);
    for (rows, ensemble) in [(1, 1), (1, 2), (2, 1), (2, 2), (4, 1), (1, 3), (3, 1)] {
        grid::check(comm, rows, ensemble);
    }
}

/// Several transfers at once, finished in another order than started, and one dropped before its end.
fn check_transfers(comm: &dyn Communicator, partner: usize) {
    let message = |number: u8, bytes: usize| vec![Message::of(partner, vec![number ^ comm.rank() as u8; bytes])];
    let arrives = |messages: Vec<Message>, number: u8| {
        let received = messages[0].received().unwrap();
        assert!(received.iter().all(|byte| *byte == number ^ partner as u8));
    };
    let mut first = comm.start(message(16, 1 << 20));
    let second = comm.start(message(32, 100));
    let empty = comm.start(message(48, 0));
    drop(comm.start(message(64, 3 << 20)));
    arrives(second.finish(), 32);
    arrives(comm.start(message(80, 1 << 20)).finish(), 80);
    while !first.progress() {}
    assert!(first.progress(), "it stays finished");
    arrives(first.finish(), 16);
    arrives(empty.finish(), 48);
}

fn check_groups_and_agreement(comm: &dyn Communicator) {
    let (rank, size) = (comm.rank(), comm.size());
    let group = comm.split(rank % 2);
    assert_eq!((group.rank(), group.size()), (rank / 2, (size - rank % 2).div_ceil(2)));
    assert_eq!(comm.split_node().size(), size);
    assert_eq!(on_root(comm, || Ok(vec![comm.rank() + 7])).unwrap(), [7]);
    assert_eq!(bytes_from_root(comm, || Ok(vec![9; 1000])).unwrap(), vec![9; 1000]);
    let from_root: Result<u8> = on_root(comm, || Err(Error::input("no such file")));
    assert_eq!(from_root.unwrap_err().what, "no such file");
    let last = size - 1;
    let outcome = agree(comm, if rank == last { Err(Error::resource("full")) } else { Ok(1) });
    let error = outcome.unwrap_err();
    assert!(error.what.starts_with("full") && (size == 1 || error.what.contains(&format!("on rank {last} of {size}"))));
    assert_eq!(agree(comm, Ok(rank)).unwrap(), rank);
}

#[test]
fn the_bytes_predicted_from_a_trace_are_those_sent() {
    if skipped() {
        return;
    }
    let circuit = fixture("lret/random_n6_d13_s42.qasm");
    let job = JobFolder::new(&circuit, "[engine]\ncut = 1e-3\n[observe]\nexpectations = [\"X0 X5\", \"Z3\"]\n");
    for ranks in rank_counts() {
        let sent: u64 = job.run(ranks).integers("trace/bytes").iter().sum();
        let mut command = Command::new(rhoshard());
        command.args(["plan", "job.toml", "--profile", "job.h5", "--json", "--ranks", &ranks.to_string()]);
        command.current_dir(job.folder.path());
        let text = finish(command).expect_success("plan").stdout;
        let plan: serde_json::Value = serde_json::from_str(&text).unwrap();
        let shards = plan["shards"].as_f64().unwrap();
        assert_eq!(plan["predicted"]["sent_bytes"].as_f64().unwrap() * shards, sent as f64, "{ranks} ranks");
    }
}
