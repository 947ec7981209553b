//! Records the commit the program is built from, so that every result file can name it, and embeds the kernels.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=.git/HEAD");
    println!("cargo:rerun-if-changed=.git/logs/HEAD");
    let hash = Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=12"])
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string())
        .unwrap_or_else(|| "unknown".into());
    println!("cargo:rustc-env=RHOSHARD_COMMIT={hash}");
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo:rustc-env=RHOSHARD_TARGET={target}");
    let profile = std::env::var("PROFILE").unwrap_or_default();
    println!("cargo:rustc-env=RHOSHARD_PROFILE={profile}");
    embed_kernels();
    #[cfg(feature = "emulated-gpu")]
    emulated_gpu::compile();
}

/// Writes the table of `src/device/kernels.rs`: name and text of every file of `kernels/`, by name.
fn embed_kernels() {
    let folder = Path::new(&variable("CARGO_MANIFEST_DIR")).join("kernels");
    println!("cargo:rerun-if-changed={}", folder.display());
    let entries = std::fs::read_dir(&folder).expect("the folder `kernels` is part of the source");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a readable entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "cu" || ending == "cuh"));
    files.sort();
    let row = |path: &std::path::PathBuf| {
        let name = path.file_name().expect("a listed file has a name");
        format!("    ({:?}, include_str!({:?})),\n", name.to_string_lossy(), path)
    };
    let table: String = files.iter().map(row).collect();
    let target = Path::new(&variable("OUT_DIR")).join("kernels.rs");
    std::fs::write(target, format!("&[\n{table}]\n")).expect("the build's own folder is writable");
}

fn variable(name: &str) -> String {
    std::env::var(name).expect("cargo sets it for build scripts")
}

/// The kernels of the GPU for the host, in both precisions; in double also with each of their barriers left out, for the
/// tests that must notice it.
#[cfg(feature = "emulated-gpu")]
mod emulated_gpu {
    /// The numbers that kernels give their barriers.
    const BARRIERS: std::ops::Range<u32> = 0..4;

    /// `address,undefined`, for instance: kernels are compiled to notice what they must not do (scripts/kernels-asan.sh).
    const SANITIZERS: &str = "RHOSHARD_SANITIZE";

    pub fn compile() {
        println!("cargo:rerun-if-changed=kernels");
        println!("cargo:rerun-if-env-changed={SANITIZERS}");
        if std::env::var(SANITIZERS).is_ok() {
            ["asan", "ubsan"].iter().for_each(|library| println!("cargo:rustc-link-arg=-l{library}"));
        }
        kernels("double", "_f64", &[]);
        kernels("float", "_f32", &[]);
        for barrier in BARRIERS {
            let number = barrier.to_string();
            kernels("double", &format!("_f64_without_{barrier}"), &[("SKIPPED_BARRIER", number.as_str())]);
        }
        compiler().file("kernels/shim/emulate.cpp").compile("rhoshard_emulate");
    }

    fn compiler() -> cc::Build {
        let mut build = cc::Build::new();
        // What CUDA's compiler understands and this one does not need to.
        build.cpp(true).std("c++17").opt_level(2).flag("-Wno-unknown-pragmas").flag("-Wno-unused-function");
        if let Ok(sanitizers) = std::env::var(SANITIZERS) {
            build.flag(format!("-fsanitize={sanitizers}")).flag("-fno-sanitize-recover=undefined").debug(true);
        }
        build
    }

    fn kernels(real: &str, suffix: &str, more: &[(&str, &str)]) {
        let mut build = compiler();
        build.define("REAL", real).define("SUFFIX", suffix).define("KERNELS", format!("kernels{suffix}").as_str());
        for (name, value) in more {
            build.define(name, Some(*value));
        }
        // Kernels are found by name, so no other code refers to them.
        build.link_lib_modifier("+whole-archive");
        build.file("kernels/shim/kernels.cpp").compile(&format!("rhoshard_kernels{suffix}"));
    }
}
