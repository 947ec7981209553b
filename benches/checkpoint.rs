//! A checkpoint against `dd conv=fsync` of as many bytes in the same folder: the ratio of their rates, both with everything on the disk.
//! Folder and MiB may be given: `cargo bench --bench checkpoint -- /scratch 4096`.

use rhoshard::backend::{Precision, cpu::Cpu};
use rhoshard::comm::Serial;
use rhoshard::io::checkpoint::{self, FORMAT, Folder, Manifest};
use rhoshard::state::State;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::Instant;

const QUBITS: usize = 16;
const REPEATS: usize = 5;

/// A state of so many MiB in which no two rows are alike.
fn state(mebibytes: usize) -> State {
    let columns = (mebibytes << 20 >> QUBITS) / 16;
    let mut state = State::new(Rc::new(Serial), &Cpu::new(Precision::Double), QUBITS, columns).expect("memory");
    let value = |seed: u64| num_complex::Complex64::new((seed as f64).sin(), (seed as f64).cos());
    let rows =
        |first: u64, count: usize| Ok((0..count as u64 * columns as u64).map(|own| value(first + own)).collect());
    state.import_rows(columns, &|row| row, rows).expect("rows");
    state
}

fn seconds(work: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    work();
    begin.elapsed().as_secs_f64()
}

fn save(state: &State, folder: &Folder) {
    let manifest = Manifest { format: FORMAT, ..Manifest::default() };
    checkpoint::write(&Serial, folder, manifest, |part| state.store(|rows| part.rows(rows))).expect("a checkpoint");
}

fn dd(folder: &Path, mebibytes: usize) {
    let target = folder.join("dd.bin");
    let of = format!("of={}", target.display());
    let arguments = ["if=/dev/zero", &of, "bs=4M", &format!("count={}", mebibytes / 4), "conv=fsync", "status=none"];
    assert!(Command::new("dd").args(arguments).status().expect("dd").success());
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let root = arguments.first().map_or(temporary.path(), Path::new);
    let mebibytes: usize = arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or(1024);
    let state = state(mebibytes);
    let mut ratios = Vec::new();
    println!("{mebibytes} MiB in {}", root.display());
    println!("{:>12} {:>12} {:>8}", "checkpoint", "dd", "ratio");
    for _ in 0..REPEATS {
        let folder = Folder::new(root.join("bench.checkpoint"));
        let own = seconds(|| save(&state, &folder));
        folder.remove().expect("removed");
        let other = seconds(|| dd(root, mebibytes));
        std::fs::remove_file(root.join("dd.bin")).expect("removed");
        let rate = |seconds: f64| mebibytes as f64 / seconds;
        println!("{:>7.0} MiB/s {:>6.0} MiB/s {:>8.2}", rate(own), rate(other), other / own);
        ratios.push(other / own);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio {:.2}", ratios[REPEATS / 2]);
}
