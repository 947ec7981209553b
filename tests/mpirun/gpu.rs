//! Jobs with the kernels of the GPU on several ranks.

#[path = "../gpu/jobs.rs"]
mod jobs;

use crate::support::{rank_counts, say, skipped};
use jobs::{assert_agree, job, jobs};

#[test]
fn any_number_of_ranks_finds_the_same_with_the_kernels_of_the_gpu() {
    if skipped() {
        return;
    }
    if !cfg!(feature = "emulated-gpu") {
        say("SKIPPED: build with --features emulated-gpu to run the kernels of the GPU on the CPU\n");
        return;
    }
    for (name, circuit, rest, most) in jobs() {
        let cpu = job(circuit, &rest, "cpu").run(1);
        let gpu = job(circuit, &rest, "emulated");
        for ranks in rank_counts() {
            assert_agree(&gpu.run(ranks), &cpu, most, &format!("{name} on {ranks} ranks"));
        }
    }
}
