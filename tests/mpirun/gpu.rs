//! Jobs with the kernels of the GPU on several ranks.

#[path = "../all/gpu/jobs.rs"]
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
        let [cpu, gpu] = ["cpu", "emulated"].map(|device| job(circuit, &rest, device));
        for ranks in rank_counts() {
            // On as many ranks: gates are put together otherwise on more of them, so that the bound on rounding differs.
            assert_agree(&gpu.run(ranks), &cpu.run(ranks), most, &format!("{name} on {ranks} ranks"));
        }
    }
}
