//! `rhoshard bench gpu`: what the kernels of a GPU reach of what its memory and its libraries do.

mod algebra;

use crate::backend::cuda::Cuda;
use crate::backend::{Backend, LocalOperation, Precision, Shard};
use crate::config::DeviceKind;
use crate::device::{Device, Memory, Rectangle, Stream};
use crate::driver::computer;
use crate::error::{Error, Result};
use crate::linalg::Matrix;
use num_complex::Complex64;
use serde::Serialize;
use std::rc::Rc;
use std::time::Instant;

pub use algebra::{Eigen, Overlaps, Products};

/// A measurement is repeated for at least so long.
const LEAST_SECONDS: f64 = 0.05;
/// Widths at which gates are measured: a pure state, and a factor.
const WIDTHS: [usize; 2] = [1, 32];

/// All that was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// The device.
    pub device: String,
    /// Bytes of the shards that were measured on.
    pub shard_bytes: usize,
    /// Bytes per second read and written by a copy within the device's memory.
    pub copy: f64,
    /// Gates, by shape, width and target.
    pub gates: Vec<Gate>,
    /// Gram matrices and rotations, by width.
    pub products: Vec<Products>,
    /// Eigenproblems, by width.
    pub eigenproblems: Vec<Eigen>,
    /// Overlaps after one flip, and after many.
    pub overlaps: Vec<Overlaps>,
}

/// One operation on one place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gate {
    /// Its shape.
    pub shape: &'static str,
    /// Columns of the shard.
    pub width: usize,
    /// The target qubits.
    pub targets: Vec<usize>,
    /// Seconds of one.
    pub seconds: f64,
    /// Of the bytes that it reads and writes a second, the part of what a copy does.
    pub of_copy: f64,
}

/// Measures on shards of so many bytes.
///
/// # Errors
/// Resource error when there is no such device, or no memory on it.
pub fn measure(kind: DeviceKind, shard_bytes: usize) -> Result<Found> {
    let device = computer::open(kind)?;
    let backend = Cuda::new(device.clone(), Precision::Double)?;
    let bench = Bench { device, backend, shard_bytes };
    let copy = bench.copy()?;
    let mut gates = Vec::new();
    for width in WIDTHS {
        gates.extend(bench.gates(width, copy)?);
    }
    let (products, eigenproblems, overlaps) = (bench.products()?, bench.eigenproblems()?, bench.overlaps()?);
    Ok(Found { device: bench.device.name(), shard_bytes, copy, gates, products, eigenproblems, overlaps })
}

struct Bench {
    device: Rc<dyn Device>,
    backend: Cuda,
    shard_bytes: usize,
}

impl Bench {
    /// Seconds of what `call` starts, in the mean of as many as it takes; one before them does not count.
    fn seconds(&self, mut call: impl FnMut() -> Result<()>) -> Result<f64> {
        call()?;
        self.device.synchronize(Stream::Compute)?;
        let mut repeats = 1;
        loop {
            let begin = Instant::now();
            for _ in 0..repeats {
                call()?;
            }
            self.device.synchronize(Stream::Compute)?;
            let seconds = begin.elapsed().as_secs_f64();
            if seconds >= LEAST_SECONDS {
                return Ok(seconds / f64::from(repeats));
            }
            repeats *= 4;
        }
    }

    /// Bytes read and written a second.
    fn copy(&self) -> Result<f64> {
        let half = self.shard_bytes / 2;
        let memory = Memory::new(self.device.clone(), 2 * half)?;
        let at = |offset: usize| Rectangle { address: memory.address() + offset as u64, pitch: half };
        self.device.clear(Stream::Compute, at(0), half, 1)?;
        let seconds = self.seconds(|| self.device.copy(Stream::Compute, at(0), at(half), half, 1))?;
        Ok(2.0 * half as f64 / seconds)
    }

    /// A shard of this width, with something in it.
    fn shard(&self, width: usize) -> Result<Box<dyn Shard>> {
        let rows = (self.shard_bytes / (16 * width)).max(2);
        let mut shard = self.backend.allocate(1 << rows.ilog2(), width)?;
        shard.append_zeros(width);
        shard.set_row(0, &vec![Complex64::ONE; width]);
        Ok(shard)
    }

    fn gates(&self, width: usize, copy: f64) -> Result<Vec<Gate>> {
        let mut shard = self.shard(width)?;
        let qubits = shard.rows().ilog2() as usize;
        let bytes = (2 * 16 * shard.rows() * width) as f64;
        let mut found = Vec::new();
        for (shape, count) in [("dense", 1), ("dense", 2), ("dense", 3), ("dense", 4), ("dense", 5), ("diagonal", 2)] {
            for first in 0..qubits {
                let targets: Vec<usize> = (0..count).map(|place| (first + place) % qubits).collect();
                if targets[1..].contains(&targets[0]) {
                    continue;
                }
                let operation = operation(shape, &targets);
                let seconds = self.seconds(|| {
                    shard.run(vec![operation.clone()]);
                    Ok(())
                })?;
                found.push(Gate { shape, width, targets, seconds, of_copy: bytes / seconds / copy });
            }
        }
        Ok(found)
    }
}

/// A unitary one, so that it can be repeated.
fn operation(shape: &str, targets: &[usize]) -> LocalOperation {
    let (size, controls) = (1 << targets.len(), Vec::new());
    let targets = targets.to_vec();
    if shape == "diagonal" {
        let entries = (0..size).map(|index| Complex64::cis(f64::from(index))).collect();
        return LocalOperation::Diagonal { entries, targets, controls };
    }
    // Householder's reflection at the vector of ones: no entry is zero.
    let reflected = |(row, column): (usize, usize)| f64::from(row == column) - 2.0 / f64::from(size);
    let matrix = Matrix::from_shape_fn((size as usize, size as usize), |place| Complex64::from(reflected(place)));
    LocalOperation::Dense { matrix, targets, controls }
}

/// What was found, as a table: for each shape and width the slowest and the fastest place.
pub fn table(found: &Found) -> String {
    let mut text = format!(
        "{}, shards of {:.1} GiB\ncopy {:.0} GB/s (read and written)\n\n{:<12}{:>8}{:>10}{:>10}{:>10}  slowest targets\n",
        found.device,
        found.shard_bytes as f64 / (1u64 << 30) as f64,
        found.copy / 1e9,
        "gate",
        "columns",
        "least",
        "median",
        "most"
    );
    let mut gates: Vec<&Gate> = found.gates.iter().collect();
    gates.sort_by(|one, other| one.of_copy.total_cmp(&other.of_copy));
    let kind = |gate: &Gate| (gate.width, gate.shape, gate.targets.len());
    let mut kinds: Vec<_> = found.gates.iter().map(kind).collect();
    kinds.dedup();
    for (width, shape, count) in kinds {
        let own: Vec<&&Gate> = gates.iter().filter(|gate| kind(gate) == (width, shape, count)).collect();
        let (Some(first), Some(last)) = (own.first(), own.last()) else { continue };
        let percent = |gate: &Gate| format!("{:.0} %", 100.0 * gate.of_copy);
        let (least, median, most) = (percent(first), percent(own[own.len() / 2]), percent(last));
        let name = format!("{shape} {count}");
        text += &format!("{name:<12}{width:>8}{least:>10}{median:>10}{most:>10}  {:?}\n", first.targets);
    }
    text + &algebra::table(found)
}

/// The numbers as JSON.
pub fn json(found: &Found) -> Result<String> {
    serde_json::to_string_pretty(found).map_err(|error| Error::internal(format!("numbers are not JSON: {error}")))
}
