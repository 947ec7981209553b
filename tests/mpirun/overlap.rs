//! What the ranks ask of MPI, seen from outside through its profiling interface (tests/pmpi/log.c).

use crate::support::{JobFolder, Outcome, finish, on_ranks, rank_counts, rhoshard, skipped};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Two layers of gates on every qubit: each pulls the sharded qubits in, alone and in pairs. One gate in between is
/// controlled by a sharded qubit, so that ranks run different operations. The observables need a partner's shard.
fn job() -> JobFolder {
    let qubits = 20;
    let mut circuit = format!("OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[{qubits}] q;\n");
    for layer in 0..3 {
        (0..qubits).for_each(|qubit| circuit.push_str(&format!("ry({}) q[{qubit}];\n", 0.3 + 0.1 * f64::from(qubit))));
        (1..qubits).for_each(|qubit| circuit.push_str(&format!("cx q[{}], q[{qubit}];\n", qubit - 1)));
        if layer == 0 {
            circuit.push_str("#pragma braket noise bit_flip(0.2) q[3]\n#pragma braket noise bit_flip(0.1) q[5]\n");
        }
    }
    let observables = "expectations = [\"X0 X19\", \"Y0 Y5 X19 X12\", \"Z0\", \"X18 X17 X16 X1\"]";
    JobFolder::new(&circuit, &format!("[engine]\ncut = 0.0\n[observe]\n{observables}\n"))
}

/// The shim as a library to preload; nothing, and a word to the reader, when there is no compiler for it.
fn compiled_log(folder: &Path) -> Option<PathBuf> {
    let compiler = std::env::var("MPICC").unwrap_or_else(|_| "mpicc".into());
    let library = folder.join("log.so");
    let mut words = compiler.split_whitespace();
    let mut command = Command::new(words.next().expect("MPICC names a compiler"));
    command.args(words);
    command.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&library);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pmpi/log.c"));
    match command.output() {
        Ok(output) => {
            assert!(output.status.success(), "{compiler}: {}", String::from_utf8_lossy(&output.stderr));
            Some(library)
        }
        Err(error) => {
            crate::support::say(&format!("SKIPPED: the log of MPI calls needs {compiler} (set MPICC): {error}\n"));
            None
        }
    }
}

/// Runs the job with the log preloaded into each rank; gives the numbers of each.
fn run_logged(job: &JobFolder, ranks: usize, library: &Path) -> (Outcome, Vec<BTreeMap<String, u64>>) {
    // `env` starts the program: the launcher itself is left alone, and every MPI hands a command on as it is.
    let mut command = on_ranks(ranks, Path::new("env"));
    let log = job.path("log");
    command.arg(format!("LD_PRELOAD={}", library.display())).arg(format!("RHOSHARD_MPI_LOG={}", log.display()));
    command.arg(rhoshard()).arg("run").arg(job.path("job.toml"));
    let finished = finish(command).expect_success(&format!("{ranks} ranks with the log"));
    let outcome = Outcome { file: hdf5::File::open(job.path("job.h5")).unwrap(), finished };
    let read = |rank: usize| {
        let text = std::fs::read_to_string(job.path(&format!("log.{rank}"))).unwrap();
        let pair = |line: &str| line.split_once(' ').map(|(name, value)| (name.into(), value.parse().unwrap()));
        text.lines().filter_map(pair).collect()
    };
    (outcome, (0..ranks).map(read).collect())
}

/// How many messages carry `bytes` to each of `partners`, by the rule in ARCHITECTURE.md: a chunk is at most 4 MiB for
/// all partners together; a transfer of 64 KiB or more is cut into up to 8 chunks of at least that.
fn messages(bytes: u64, partners: u64) -> u64 {
    let at_least = (bytes * partners).div_ceil(4 << 20).next_power_of_two();
    let worthwhile = 1 << (bytes >> 16).max(1).ilog2();
    at_least.max(worthwhile.min(8)) * partners
}

/// The messages that one rank sends in the whole run, from the bytes of the trace.
fn expected_messages(outcome: &Outcome, ranks: u64) -> u64 {
    let column = (16 << 20) / ranks;
    // The trace holds sums over the ranks, which all send the same.
    let share = |at: &str| outcome.integers(at).into_iter().map(|sum| sum / ranks).collect::<Vec<u64>>();
    let (bytes, per_column) = (share("trace/bytes"), share("trace/bytes_per_column"));
    let width = outcome.integers("trace/width");
    let kinds = outcome.texts("trace/kind");
    let steps = (0..bytes.len()).filter(|step| bytes[*step] > 0);
    steps
        .map(|step| match kinds[step].as_str() {
            "exchange" => {
                let stay = column - per_column[step];
                messages(stay * width[step], column / stay - 1)
            }
            "measure" => per_column[step] / column * messages(column * width[step], 1),
            other => panic!("a step `{other}` sends {} bytes", bytes[step]),
        })
        .sum()
}

#[test]
fn messages_are_on_their_way_while_tiles_run() {
    if skipped() {
        return;
    }
    let job = job();
    let Some(library) = compiled_log(job.folder.path()) else { return };
    for ranks in rank_counts().into_iter().filter(|ranks| *ranks > 1 && ranks.is_power_of_two()) {
        let (outcome, logs) = run_logged(&job, ranks, &library);
        let sent: u64 = outcome.integers("trace/bytes").iter().sum();
        for (rank, log) in logs.iter().enumerate() {
            eprintln!("rank {rank} of {ranks}: {log:?}");
            assert!(log["open_most"] >= 4 && log["tests_open"] >= 100, "rank {rank} of {ranks}: {log:?}");
            assert!(log["unfinished"] > 0, "rank {rank} of {ranks}: nothing was still on its way: {log:?}");
            assert_eq!(log["bytes"] * ranks as u64, sent, "rank {rank} of {ranks} sends what /trace says");
            assert_eq!((log["blocking"], log["open_at_end"]), (0, 0), "rank {rank} of {ranks}: {log:?}");
            assert_eq!(log["messages"], log["received"]);
            assert_eq!(
                log["messages"],
                expected_messages(&outcome, ranks as u64),
                "messages of rank {rank} of {ranks}"
            );
        }
    }
}
