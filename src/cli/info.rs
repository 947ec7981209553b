//! `rhoshard info`.

use crate::comm::{self, Communicator, node::Node};
use crate::jobs::JOBS;
use std::fmt::Write;

/// What this build is and what it finds here.
pub(super) fn describe(comm: &dyn Communicator) -> String {
    let node = Node::of(comm);
    let mut text = String::new();
    let mut line = |what: &str, value: String| {
        let _ = writeln!(text, "{what:<12}{value}");
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
    line("GPU", "not supported by this version".into());
    for kind in JOBS {
        line("job", format!("{}: {}", kind.name, kind.about));
    }
    if let Some(warning) = node.binding_warning() {
        line("warning", warning);
    }
    text
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
