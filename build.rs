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
