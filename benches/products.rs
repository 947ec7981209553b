//! Gram matrix and rotation of a tall shard against the rate of a square complex product, in one run.
//!
//! Flops: `8 n^3` for a product of `n x n` matrices, `4 w^2 rows` for a Hermitian Gram matrix of `w` columns, `8 w k rows`
//! for a rotation to `k` columns. Writes `benches/results/products.json`.

use num_complex::Complex64;
use rhoshard::backend::{Backend, Precision, RowSet, Shard, cpu::Cpu};
use rhoshard::linalg::{Matrix, multiply};
use std::time::Instant;

/// Shapes: rows of the shard, columns before and after the rotation.
const SHAPES: [(usize, usize, usize); 4] =
    [(1 << 12, 300, 150), (1 << 14, 300, 150), (1 << 16, 320, 160), (1 << 18, 200, 100)];
const REPEATS: usize = 5;

fn entry(seed: usize) -> Complex64 {
    let mixed = (seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Complex64::new((mixed >> 40) as f64 / (1 << 24) as f64 - 0.5, (mixed & 0xff_ffff) as f64 / (1 << 24) as f64 - 0.5)
}

fn matrix(rows: usize, columns: usize) -> Matrix {
    Matrix::from_shape_fn((rows, columns), |(row, column)| entry(row * columns + column))
}

fn shard(rows: usize, columns: usize) -> Box<dyn Shard> {
    let mut shard = Cpu::new(Precision::Double).allocate(rows, columns).expect("memory for a benchmark");
    shard.append_zeros(columns);
    let mut bytes = vec![0; shard.packed_bytes(rows)];
    bytes
        .chunks_exact_mut(8)
        .enumerate()
        .for_each(|(seed, value)| value.copy_from_slice(&entry(seed).re.to_le_bytes()));
    shard.unpack(
        &RowSet { bits: (0..rows.trailing_zeros() as usize).collect(), value: 0, first: 0, count: rows },
        &bytes.into(),
    );
    shard
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
    let square = |n: usize| {
        let (a, b) = (matrix(n, n), matrix(n, n));
        8.0 * (n as f64).powi(3) / fastest(|| drop(std::hint::black_box(multiply(&a, &b)))) / 1e9
    };
    let mut records = Vec::new();
    println!(
        "{:>8} {:>6} {:>6} {:>10} {:>10} {:>10} {:>10} {:>8}",
        "rows", "w", "kept", "gemm", "gram", "rotate", "both", "ratio"
    );
    for (rows, width, kept) in SHAPES {
        let peak = square(512).max(square(1024));
        let rotation = matrix(width, kept);
        let (tall, wide) = (rows as f64, width as f64);
        let gram_flops = 4.0 * wide * wide * tall;
        let rotate_flops = 8.0 * wide * kept as f64 * tall;
        let source = shard(rows, width);
        let gram = fastest(|| drop(std::hint::black_box(source.gram())));
        let mut shards: Vec<_> = (0..REPEATS).map(|_| shard(rows, width)).collect();
        let rotate = fastest(|| shards.pop().expect("one for each repeat").rotate(&rotation));
        let both = (gram_flops + rotate_flops) / (gram + rotate) / 1e9;
        let rates = [gram_flops / gram / 1e9, rotate_flops / rotate / 1e9];
        println!(
            "{rows:>8} {width:>6} {kept:>6} {peak:>10.1} {:>10.1} {:>10.1} {both:>10.1} {:>8.2}",
            rates[0],
            rates[1],
            both / peak
        );
        records.push(serde_json::json!({
            "rows": rows, "width": width, "kept": kept, "threads": rayon::current_num_threads(),
            "gemm_flops_per_second": peak * 1e9, "gram_flops_per_second": rates[0] * 1e9,
            "rotate_flops_per_second": rates[1] * 1e9, "both_flops_per_second": both * 1e9, "ratio": both / peak,
        }));
    }
    let text = serde_json::to_string_pretty(&serde_json::json!({ "records": records })).expect("plain data encodes");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/results");
    std::fs::create_dir_all(folder).expect("the folder of results");
    std::fs::write(format!("{folder}/products.json"), text).expect("the file of results");
}
