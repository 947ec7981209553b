//! What a job is planned for and what its plan says that it takes.

use crate::config::DeviceKind;
use crate::config::cluster::Profile;
use crate::error::{Error, Result};
use std::path::PathBuf;

/// Threads of a rank on a CPU where neither the job nor the profile says a number.
const DEFAULT_THREADS: u64 = 4;

/// What the ranks of a job will have, before their number is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conditions {
    /// Threads of a rank.
    pub threads: u64,
    /// Bytes that a rank may have at most: all of a node's, or of a GPU.
    pub memory: u64,
    /// Each rank has a GPU.
    pub gpu: bool,
    /// The machine file to predict with.
    pub machine: Option<PathBuf>,
}

impl Conditions {
    /// Those of a cluster for a job that wants this device and, perhaps, this number of threads.
    ///
    /// # Errors
    /// Input error when the job demands a GPU and the nodes have none, or more threads than they have cores.
    pub fn new(profile: &Profile, machine: Option<PathBuf>, device: DeviceKind, wanted: Option<usize>) -> Result<Self> {
        let node = &profile.node;
        if device == DeviceKind::Cuda && node.gpus == 0 {
            return Err(Error::input("the job says `device = \"cuda\"`, and the nodes of this cluster have no GPUs")
                .next("choose a cluster whose profile says `gpus` under `[node]`, or device = \"auto\""));
        }
        let gpu = node.gpus > 0 && matches!(device, DeviceKind::Cuda | DeviceKind::Auto);
        let usual = if gpu { (node.cores / node.gpus).max(1) } else { DEFAULT_THREADS.min(node.cores) };
        let threads = wanted.map(|threads| threads as u64).or(profile.job.threads).unwrap_or(usual);
        if threads > node.cores {
            let what = format!("the job says `threads = {threads}`, and the nodes of this cluster have {}", node.cores);
            return Err(Error::input(what).next("lower `threads` under `[engine]`, or leave it out"));
        }
        let memory = if gpu { node.gpu_memory.unwrap_or(node.memory) } else { node.memory };
        Ok(Conditions { threads, memory, gpu, machine })
    }
}

/// What a job takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Needs {
    /// What it was planned for.
    pub conditions: Conditions,
    /// On rising numbers of ranks, at least one; those on which the job cannot run are left out.
    pub on: Vec<OnRanks>,
    /// The points of a sweep; nothing for a job that is not split.
    pub points: Option<u64>,
    /// Predicted seconds of the longest point of a sweep, which is not divided.
    pub longest: f64,
}

/// What a job takes on a number of ranks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OnRanks {
    /// Ranks.
    pub ranks: u64,
    /// Bytes of each for the state.
    pub memory: u64,
    /// Predicted seconds of the job, or of a point of a sweep on average.
    pub seconds: f64,
}

impl Needs {
    /// What so many runs take, one after the other.
    pub fn repeated(&self, runs: u64) -> Needs {
        let on = self.on.iter().map(|on| OnRanks { seconds: on.seconds * runs as f64, ..*on });
        Needs { on: on.collect(), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::request::tests::profile;

    #[test]
    fn threads_are_those_of_the_job_the_profile_or_a_few() {
        let threads =
            |text: &str, device, wanted| Conditions::new(&profile(text), None, device, wanted).unwrap().threads;
        assert_eq!(threads("", DeviceKind::Auto, None), 4);
        assert_eq!(threads("[job]\nthreads = 8", DeviceKind::Auto, None), 8);
        assert_eq!(threads("[job]\nthreads = 8", DeviceKind::Auto, Some(2)), 2);
        assert_eq!(threads("GPUS", DeviceKind::Auto, None), 16, "a quarter of the node with each of four GPUs");
        assert_eq!(threads("GPUS", DeviceKind::Cpu, None), 4);
    }

    #[test]
    fn gpus_are_for_jobs_that_take_them() {
        let of = |text: &str, device| Conditions::new(&profile(text), None, device, None);
        assert!(of("GPUS", DeviceKind::Auto).unwrap().gpu && !of("GPUS", DeviceKind::Cpu).unwrap().gpu);
        assert_eq!(of("GPUS", DeviceKind::Cuda).unwrap().memory, 80 << 30);
        assert!(!of("", DeviceKind::Auto).unwrap().gpu);
        assert!(of("", DeviceKind::Cuda).unwrap_err().what.contains("have no GPUs"));
    }

    #[test]
    fn more_threads_than_cores_are_refused() {
        let error = Conditions::new(&profile(""), None, DeviceKind::Auto, Some(65)).unwrap_err();
        assert!(error.what.contains("threads = 65") && error.what.contains("have 64"), "{error}");
    }
}
