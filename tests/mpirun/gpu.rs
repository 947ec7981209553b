//! Jobs with the kernels of the GPU on several ranks.

#[path = "../all/gpu/jobs.rs"]
mod jobs;

use crate::support::{JobFolder, Outcome, finish, on_ranks, rank_counts, rhoshard, say, skipped};
use jobs::{assert_agree, job, jobs};
use std::path::Path;

/// Whether there is nothing to test, and a word why.
fn nothing_to_do() -> bool {
    let missing = !skipped() && !cfg!(feature = "emulated-gpu");
    if missing {
        say("SKIPPED: build with --features emulated-gpu to run the kernels of the GPU on the CPU\n");
    }
    missing || skipped()
}

#[test]
fn any_number_of_ranks_finds_the_same_with_the_kernels_of_the_gpu() {
    if nothing_to_do() {
        return;
    }
    for (name, circuit, rest, most) in jobs() {
        let [cpu, gpu] = ["cpu", "emulated"].map(|device| job(circuit, &rest, device));
        for ranks in rank_counts() {
            // On as many ranks: gates are put together otherwise on more of them, so that the bound on rounding differs.
            assert_agree(&gpu.run(ranks), &cpu.run(ranks), most, &format!("{name} on {ranks} ranks"));
        }
    }
}

/// Runs the job with messages carried by this transport.
fn run_over(transport: &str, job: &JobFolder, ranks: usize) -> Outcome {
    // `env` starts the program, as every MPI hands a command on as it is.
    let mut command = on_ranks(ranks, Path::new("env"));
    command.arg(format!("RHOSHARD_TRANSPORT={transport}")).arg(rhoshard()).arg("run").arg(job.path("job.toml"));
    let finished = finish(command).expect_success(&format!("{transport} on {ranks} ranks"));
    Outcome { file: hdf5::File::open(job.path("job.h5")).unwrap(), finished }
}

#[test]
fn every_transport_finds_the_same_and_its_time_is_taken() {
    if nothing_to_do() {
        return;
    }
    let (_, circuit, rest, most) = jobs().swap_remove(0);
    let [cpu, gpu] = ["cpu", "emulated"].map(|device| job(circuit, &rest, device));
    for ranks in rank_counts().into_iter().filter(|ranks| ranks.is_power_of_two()) {
        let expected = cpu.run(ranks);
        assert!(!expected.file.link_exists("trace/compute_seconds"), "the CPU has no streams");
        for transport in ["staged", "mpi"] {
            let found = run_over(transport, &gpu, ranks);
            assert_agree(&found, &expected, most, &format!("{transport} on {ranks} ranks"));
            let [computing, sending, overlap] = ["compute_seconds", "communication_seconds", "overlap"]
                .map(|name| found.numbers(&format!("trace/{name}")));
            assert!(computing.iter().sum::<f64>() > 0.0, "{transport} on {ranks} ranks: {computing:?}");
            assert_eq!(sending.iter().sum::<f64>() > 0.0, ranks > 1, "{transport} on {ranks} ranks: {sending:?}");
            for (sending, overlap) in sending.iter().zip(&overlap) {
                assert!(if *sending > 0.0 { (0.0..=1.0).contains(overlap) } else { overlap.is_nan() }, "{overlap}");
            }
            let said = found.finished.stdout.contains("streams computing");
            assert_eq!(said, ranks > 1, "{}", found.finished.stdout);
        }
    }
}

#[test]
fn messages_between_devices_are_measured() {
    if nothing_to_do() {
        return;
    }
    for ranks in rank_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("exchange.json");
        let mut command = on_ranks(ranks, rhoshard());
        command.args(["bench", "exchange", "--device", "emulated", "--output"]).arg(&file);
        let printed = finish(command).expect_success(&format!("bench exchange on {ranks} ranks")).stdout;
        assert!(printed.contains("through host memory and MPI"), "{printed}");
        let found: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let messages = found["messages"].as_array().unwrap();
        assert!(messages.len() == 5 && messages.iter().all(|one| one["seconds"].as_f64().unwrap() > 0.0), "{found}");
    }
}

#[test]
fn a_rank_that_runs_out_of_memory_ends_the_job_with_an_error_in_words() {
    if nothing_to_do() {
        return;
    }
    let (_, circuit, _, _) = jobs().into_iter().find(|(name, ..)| *name == "statevector").unwrap();
    // There is room for half of the state, but not for what is computed from it.
    let rest = "memory = \"1 MiB\"\nkind = \"statevector\"\n[observe]\nprobabilities = [[4, 0]]\n";
    let job = job(circuit, rest, "emulated");
    let mut command = on_ranks(2, Path::new("env"));
    command.arg("RHOSHARD_EMULATED_MEMORY=6000").arg(rhoshard()).args(["run", "--quiet"]).arg(job.path("job.toml"));
    let finished = finish(command);
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    assert!(finished.stderr.contains("error: the emulated GPU has no memory for"), "{}", finished.stderr);
    assert!(finished.stderr.contains("next: ") && !finished.stderr.contains("panicked"), "{}", finished.stderr);
    assert!(!job.path("job.h5").exists());
}
