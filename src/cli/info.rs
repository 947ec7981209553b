//! `rhoshard info`.

use crate::comm::{self, Communicator, node::Node};
use crate::device::{Survey, cuda};
use crate::jobs::JOBS;
use std::fmt::Write;

/// What this build is and what it finds here; `verbose` also says what jobs on GPUs would take where there are none.
pub(super) fn describe(comm: &dyn Communicator, verbose: bool) -> String {
    let node = Node::of(comm);
    let mut text = String::new();
    let mut line = |what: &str, value: String| {
        let _ = writeln!(text, "{what:<13}{value}");
    };
    line("rhoshard", format!("{} ({})", env!("CARGO_PKG_VERSION"), env!("RHOSHARD_COMMIT")));
    line("build", format!("{}, {} profile", env!("RHOSHARD_TARGET"), env!("RHOSHARD_PROFILE")));
    line("parallel", comm::build_description().into());
    line("MPI", comm::library_version());
    line("HDF5", crate::io::library_version());
    line("processor", features());
    line("node", format!("{}, {} cores, {:.1} GiB free", node.host, node.cores, gibibytes(node.free_memory)));
    line("ranks", format!("{} in all, {} on this node", comm.size(), node.ranks));
    line("threads", format!("{} a rank ({} cores usable by this one)", node.default_threads(), node.usable_cores));
    for (what, value) in gpu_lines(&cuda::survey(), verbose) {
        line(what, value);
    }
    for kind in JOBS {
        line("job", format!("{}: {}", kind.name, kind.about));
    }
    if let Some(warning) = node.binding_warning() {
        line("warning", warning);
    }
    text
}

/// The GPUs and the libraries that jobs on them take. Where there is no GPU, one line says why.
fn gpu_lines(survey: &Survey, verbose: bool) -> Vec<(&'static str, String)> {
    let libraries = survey.libraries.iter().map(|(name, found)| {
        let state = found.as_ref().unwrap_or_else(|missing| missing);
        (*name, state.clone())
    });
    match &survey.gpus {
        Ok(gpus) => {
            let listed =
                gpus.iter().enumerate().map(|(number, gpu)| ("GPU", format!("{number}: {}", gpu.description())));
            let warnings = gpus.iter().filter_map(|gpu| Some(("warning", gpu.warning()?)));
            listed.chain(libraries).chain(warnings).collect()
        }
        Err(why) if verbose => [("GPU", why.clone())].into_iter().chain(libraries).collect(),
        Err(why) => vec![("GPU", format!("{why}; jobs run on the CPU (`rhoshard info -v` says more)"))],
    }
}

fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / (1u64 << 30) as f64
}

/// The vector units that matter for speed.
#[cfg(target_arch = "x86_64")]
fn features() -> String {
    let known = [
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
    ];
    let found: Vec<&str> = known.iter().filter(|(_, present)| *present).map(|(name, _)| *name).collect();
    format!("x86-64 with {}", if found.is_empty() { "sse2".into() } else { found.join(", ") })
}

/// The vector units that matter for speed.
#[cfg(not(target_arch = "x86_64"))]
fn features() -> String {
    std::env::consts::ARCH.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Gpu;

    fn survey(gpus: std::result::Result<Vec<Gpu>, String>) -> Survey {
        let missing = "missing; tried libnccl.so.2; install it".to_string();
        Survey { gpus, libraries: vec![("cuBLAS", Ok("13.1.0".into())), ("NCCL", Err(missing))] }
    }

    #[test]
    fn without_a_gpu_one_line_suffices() {
        let survey = survey(Err("none: CUDA driver is missing".into()));
        let lines = gpu_lines(&survey, false);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].1.starts_with("none: CUDA driver is missing; jobs run on the CPU"));
        assert_eq!(gpu_lines(&survey, true).len(), 3);
    }

    #[test]
    fn gpus_come_with_their_libraries_and_warnings() {
        let gpu = Gpu {
            name: "NVIDIA L40S".into(),
            architecture: (8, 9),
            memory: 44 << 30,
            multiprocessors: 142,
            single_per_double: 64,
        };
        let lines = gpu_lines(&survey(Ok(vec![gpu])), false);
        let names: Vec<&str> = lines.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["GPU", "cuBLAS", "NCCL", "warning"]);
        assert!(lines[0].1.starts_with("0: NVIDIA L40S, sm_89") && lines[2].1.contains("libnccl.so.2"));
    }
}
