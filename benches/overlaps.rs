//! Pauli strings by the thousand: overlaps of rows with flipped rows of a tall shard, against the rate of a square complex product in
//! one run. Seconds for strings with random flips, with few of them, and all diagonal.

use num_complex::Complex64;
use rhoshard::backend::{Backend, Precision, RowSet, Shard, cpu::Cpu};
use rhoshard::linalg::{Matrix, multiply};
use std::collections::BTreeMap;
use std::time::Instant;

const QUBITS: usize = 14;
const COLUMNS: usize = 50;
const STRINGS: usize = 5000;
const REPEATS: usize = 5;

/// Well mixed numbers, the same every time.
fn mixed(seed: usize) -> u64 {
    let mut value = (seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    value = (value ^ value >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value ^ value >> 27
}

fn part(seed: usize) -> f64 {
    (mixed(seed) >> 11) as f64 / (1u64 << 53) as f64 - 0.5
}

fn shard() -> Box<dyn Shard> {
    let rows = 1 << QUBITS;
    let mut shard = Cpu::new(Precision::Double).allocate(rows, COLUMNS).expect("memory for a benchmark");
    shard.append_zeros(COLUMNS);
    let mut bytes = vec![0; shard.packed_bytes(rows)];
    let values = bytes.chunks_exact_mut(8).enumerate();
    values.for_each(|(seed, value)| value.copy_from_slice(&part(seed).to_le_bytes()));
    shard.unpack(&RowSet { bits: (0..QUBITS).collect(), value: 0, first: 0, count: rows }, &bytes.into());
    shard
}

/// Strings whose flips are this function of their number, by flip.
fn strings(flip: impl Fn(usize) -> usize) -> Vec<(usize, Vec<usize>)> {
    let mask = (1 << QUBITS) - 1;
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for number in 0..STRINGS {
        groups.entry(flip(number) & mask).or_default().push(mixed(number + STRINGS) as usize & mask);
    }
    groups.into_iter().collect()
}

/// Seconds of the fastest call.
fn fastest(mut work: impl FnMut()) -> f64 {
    let time = |_| {
        let begin = Instant::now();
        work();
        begin.elapsed().as_secs_f64()
    };
    (0..REPEATS).map(time).fold(f64::INFINITY, f64::min)
}

fn main() {
    let square = Matrix::from_shape_fn((1024, 1024), |(row, column)| Complex64::new(part(row + 7 * column), 0.1));
    let product = fastest(|| drop(std::hint::black_box(multiply(&square, &square))));
    println!("product of 1024 x 1024: {:.1} Gflop/s", 8.0 * 1024f64.powi(3) / product / 1e9);
    let shard = shard();
    let random = |number: usize| mixed(number) as usize;
    let few = |number: usize| mixed(number % 400) as usize;
    println!("{STRINGS} strings, {QUBITS} qubits, {COLUMNS} columns, {} threads", rayon::current_num_threads());
    for (name, groups) in [("random", strings(random)), ("few flips", strings(few)), ("diagonal", strings(|_| 0))] {
        let seconds = fastest(|| drop(std::hint::black_box(shard.all_flip_overlaps(&groups))));
        println!("{name:<10} {:>5} flips {seconds:>8.3} s", groups.len());
    }
}
