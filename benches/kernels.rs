//! How close the gate kernels come to the memory bandwidth: each pass over a shard far larger than the caches against
//! `x *= c` over as much memory, measured in turn in the same run.
//!
//! The harness is its own because the result is a ratio of two measurements that alternate, so that what else the
//! machine does meets both; common harnesses measure one thing at a time. `--quick` takes smaller shards.

use num_complex::Complex64;
use rayon::prelude::*;
use rhoshard::backend::cpu::Cpu;
use rhoshard::backend::{Backend, LocalControl, LocalOperation, Precision, Shard};
use rhoshard::linalg::Matrix;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Pairs of measurements, of which the median counts.
const REPEATS: usize = 5;

struct Kernel {
    name: &'static str,
    target: String,
    operation: LocalOperation,
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let bytes: usize = if quick { 1 << 28 } else { 1 << 30 };
    let mut reference = huge_pages(bytes / 8);
    println!(
        "{:10} {:9} {:7} {:12} {:>9} {:>9} {:>6}",
        "kernel", "precision", "columns", "target", "GB/s", "scale", "ratio"
    );
    let mut records = Vec::new();
    let plan = [(Precision::Double, vec![1, 2, 4, 32, 256]), (Precision::Single, vec![1, 8, 64])];
    for (precision, widths) in plan {
        for columns in widths {
            let rows = 1usize << (bytes / precision.amplitude_bytes() / precision.reserve_for(columns)).ilog2();
            let mut shard = filled(precision, rows, columns);
            for kernel in kernels(rows.ilog2() as usize, precision == Precision::Double) {
                if only.as_ref().is_none_or(|name| kernel.name.contains(name.as_str())) {
                    records.push(measure(&mut *shard, &mut reference, precision, &kernel));
                }
            }
        }
    }
    let pure = pure_program(if quick { 22 } else { 24 });
    if only.is_none() {
        let machine = json!({"threads": rayon::current_num_threads(), "processor": processor()});
        let document = json!({"machine": machine, "quick": quick, "pure_state": pure, "records": records});
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/results/kernels.json");
        let text = serde_json::to_string_pretty(&document).expect("plain values");
        std::fs::write(path, text + "\n").expect("the results folder can be written");
    }
}

/// Numbers in huge pages, as a shard's are, first touched by the threads that scale them.
fn huge_pages(length: usize) -> Vec<f64> {
    let mut values: Vec<f64> = Vec::with_capacity(length);
    // SAFETY: advice about memory the vector owns; advice that is not taken changes nothing.
    unsafe {
        let page = 4096;
        let start = values.as_mut_ptr().addr().next_multiple_of(page);
        libc::madvise(start as *mut libc::c_void, 8 * length - page, libc::MADV_HUGEPAGE);
    }
    (0..length).into_par_iter().map(|_| 1.0).collect_into_vec(&mut values);
    values
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("model name"));
    line.map_or("unknown", |line| line.trim_start_matches([' ', '\t', ':'])).to_string()
}

fn filled(precision: Precision, rows: usize, columns: usize) -> Box<dyn Shard> {
    let mut shard = Cpu::new(precision).allocate(rows, columns).expect("memory for the benchmark");
    shard.append_zeros(columns);
    let value = Complex64::new(0.6, -0.3) / (rows as f64).sqrt();
    (0..rows).step_by((rows >> 12).max(1)).for_each(|row| shard.set_row(row, &vec![value; columns]));
    shard
}

/// A unitary without structure: reflections about vectors, so that repeated use neither grows nor shrinks.
fn unitary(size: usize, seed: usize) -> Matrix {
    let entry = |index: usize| ((index * 7919 + seed * 104729 + 13) % 1009) as f64 / 1009.0 - 0.45;
    let reflection = |salt: usize| {
        let vector: Vec<Complex64> =
            (0..size).map(|index| Complex64::new(entry(2 * index + salt), entry(2 * index + 1 + 3 * salt))).collect();
        let norm: f64 = vector.iter().map(|value| value.norm_sqr()).sum();
        Matrix::from_shape_fn((size, size), |(row, column)| {
            let own = if row == column { 1.0 } else { 0.0 };
            own - 2.0 / norm * vector[row] * vector[column].conj()
        })
    };
    reflection(1).dot(&reflection(2))
}

fn kernels(qubits: usize, all_targets: bool) -> Vec<Kernel> {
    let top = qubits - 1;
    let dense = |targets: Vec<usize>, controls: Vec<LocalControl>| LocalOperation::Dense {
        matrix: unitary(1 << targets.len(), 1),
        targets,
        controls,
    };
    let mut kernels = Vec::new();
    let mut add = |name, target: &[usize], operation| {
        kernels.push(Kernel { name, target: format!("{target:?}"), operation });
    };
    for target in (0..qubits).filter(|target| all_targets || target % 5 == 0) {
        add("dense1", &[target], dense(vec![target], vec![]));
    }
    for pair in [[0, 1], [0, top], [top / 2, top / 2 + 1], [3, top - 2], [top - 1, top]] {
        add("dense2", &pair, dense(pair.to_vec(), vec![]));
    }
    for three in [[0, 1, 2], [1, top / 2, top], [top - 2, top - 1, top]] {
        add("dense3", &three, dense(three.to_vec(), vec![]));
    }
    for target in [0, top / 2, top] {
        let entries = vec![Complex64::new(0.8, -0.6), Complex64::new(0.6, 0.8)];
        add("diagonal", &[target], LocalOperation::Diagonal { entries, targets: vec![target], controls: vec![] });
        let (images, factors) = (vec![1, 0], vec![Complex64::ONE; 2]);
        add(
            "permute",
            &[target],
            LocalOperation::Permutation { images, factors, targets: vec![target], controls: vec![] },
        );
    }
    for (control, target) in [(0, top), (top, 0), (top / 2, top / 2 + 1)] {
        add("controlled", &[control, target], dense(vec![target], vec![LocalControl { bit: control, value: true }]));
    }
    kernels
}

fn measure(shard: &mut dyn Shard, reference: &mut [f64], precision: Precision, kernel: &Kernel) -> Value {
    let bytes = (2 * precision.amplitude_bytes() * shard.rows() * shard.width()) as f64;
    let mut run = || time(|| shard.run(vec![kernel.operation.clone()]));
    run();
    let (mut own, mut scale) = (Vec::new(), Vec::new());
    for _ in 0..REPEATS {
        scale.push(16.0 * reference.len() as f64 / time(|| scale_in_place(reference)).as_secs_f64());
        own.push(bytes / run().as_secs_f64());
    }
    let (own, scale) = (median(own), median(scale));
    let (columns, ratio) = (shard.width(), own / scale);
    let name = if precision == Precision::Double { "double" } else { "single" };
    let Kernel { name: kernel, target, .. } = kernel;
    println!("{kernel:10} {name:9} {columns:7} {target:12} {:9.2} {:9.2} {ratio:6.2}", own / 1e9, scale / 1e9);
    json!({"kernel": kernel, "precision": name, "columns": columns, "target": target, "bytes_per_second": own,
        "in_place_scale_bytes_per_second": scale, "ratio": ratio})
}

/// With the memory ahead called for, as the kernels do: the best that one stream for each thread gets.
fn scale_in_place(values: &mut [f64]) {
    values.par_chunks_mut(1 << 16).for_each(|chunk| {
        for line in chunk.chunks_mut(8) {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a prefetch reads nothing, and every x86-64 processor has it.
            unsafe {
                use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
                _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().wrapping_byte_add(2048).cast());
            }
            line.iter_mut().for_each(|value| *value *= 1.000_000_1);
        }
    });
}

/// Processor time of all threads so far, which a busy machine does not stretch as it does the clock's.
fn processor_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes the time to the place given.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Dense gates on random pairs of qubits of a pure state, all in one program.
fn pure_program(qubits: usize) -> Value {
    let gates = 32;
    let mut shard = filled(Precision::Double, 1 << qubits, 1);
    let mut state = 12345usize;
    let mut pick = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let program: Vec<LocalOperation> = (0..gates)
        .map(|gate| {
            let first = pick(qubits);
            let targets = vec![first, (first + 1 + pick(qubits - 1)) % qubits];
            LocalOperation::Dense { matrix: unitary(4, gate), targets, controls: vec![] }
        })
        .collect();
    let passes = shard.passes(program.clone(), 0).len();
    shard.run(program.clone());
    let processor_start = processor_seconds();
    let seconds = median((0..REPEATS).map(|_| time(|| shard.run(program.clone())).as_secs_f64()).collect());
    let per_gate = seconds / gates as f64;
    let processor = (processor_seconds() - processor_start) / (REPEATS * gates) as f64;
    println!(
        "pure state, {qubits} qubits, {gates} gates on two qubits: {passes} passes, {:.2} ms a gate, {:.2} ms of processor time",
        per_gate * 1e3,
        processor * 1e3
    );
    json!({"qubits": qubits, "gates": gates, "passes": passes, "seconds_per_gate": per_gate, "processor_seconds_per_gate": processor})
}
