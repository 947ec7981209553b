//! How long the parts of a step take on one rank of a machine.
//!
//! A rate is measured at two widths; the time of a row is taken as linear in its columns, so a fixed cost for each row
//! and a cost for each amplitude come out of the two numbers. Nothing is predicted to be faster than what was measured.
//!
//! A GPU runs each operation as a pass of its own, in the longer of the times of its memory and its arithmetic, once it has
//! been launched; where the host decides by a number, it waits for it.

use super::cost::CompressionCost;
use crate::config::Machine;
use crate::config::machine::{EIGENVALUE_SIZES, GATE_WIDTHS, PRODUCT_WIDTHS};

/// How an exchange is cut, as `state/pipeline.rs` does: chunks of at most so many bytes over all partners, and up to
/// [`CHUNKS`] of messages of at least [`SMALLEST_MESSAGE`].
const CHUNK_BYTES: f64 = (4u64 << 20) as f64;
const SMALLEST_MESSAGE: f64 = (64u64 << 10) as f64;
const CHUNKS: f64 = 8.0;

/// The shape of an operation on the rows of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One matrix on `k` qubits.
    Dense(usize),
    /// Each column its own matrix on `k` qubits.
    Branch(usize),
    /// A diagonal.
    Diagonal,
    /// A permutation.
    Permutation,
    /// An overlap with the rows after a flip.
    Overlap,
}

/// A rank at work: a machine, and the threads the rank has.
#[derive(Debug, Clone, Copy)]
pub struct Speed<'a> {
    machine: &'a Machine,
    /// Threads over those of the measurement: what computes scales with it, memory and links do not; 1 on a GPU.
    threads: f64,
    /// Bytes of an amplitude.
    amplitude: f64,
}

impl<'a> Speed<'a> {
    /// A rank with `threads` threads that keeps amplitudes of so many bytes.
    pub fn new(machine: &'a Machine, threads: usize, amplitude_bytes: usize) -> Speed<'a> {
        let amplitude = amplitude_bytes as f64;
        let threads = if machine.gpu.is_some() { 1.0 } else { threads as f64 / machine.threads as f64 };
        Speed { machine, threads, amplitude }
    }

    /// Whether operations share passes over the shard.
    pub fn shares_passes(&self) -> bool {
        self.machine.gpu.is_none()
    }

    /// Seconds of a pass that reads and writes so many bytes and whose operations take `operations` seconds in the cache.
    pub fn pass(&self, bytes: f64, operations: f64) -> f64 {
        let memory = self.memory(bytes);
        self.machine.gpu.map_or(memory + operations, |gpu| gpu.launch + memory.max(operations))
    }

    /// Seconds of an operation on so many amplitudes among others. Where they share passes the memory is left out.
    pub fn among_others(&self, amplitudes: f64, operation: f64) -> f64 {
        if self.shares_passes() { operation } else { self.pass(2.0 * self.amplitude * amplitudes, operation) }
    }

    /// Seconds that a GPU takes for so many launches of kernels and numbers that the host waits for.
    pub fn launches(&self, launches: f64, answers: f64) -> f64 {
        self.machine.gpu.map_or(0.0, |gpu| launches * gpu.launch + answers * gpu.answer)
    }

    /// Row bits of a tile of a cache-blocked pass: `2^m` rows of `width` columns fill half of a core's cache at most.
    pub fn tile_bits(&self, width: u64) -> u32 {
        let rows = self.machine.cache / 2.0 / (self.amplitude * width.max(1) as f64);
        if rows < 2.0 { 1 } else { rows.log2() as u32 }
    }

    /// Seconds to read and write so many bytes of memory (both counted).
    pub fn memory(&self, bytes: f64) -> f64 {
        bytes / self.machine.memory.scale
    }

    /// Seconds to make room so that a shard takes `bytes`.
    pub fn grow(&self, bytes: f64) -> f64 {
        bytes / self.machine.memory.grow
    }

    /// Seconds of an operation on `rows` rows of `width` columns in the cache.
    pub fn gate(&self, shape: Shape, rows: f64, width: u64) -> f64 {
        let gates = &self.machine.gates;
        // Each further qubit doubles the products of an amplitude.
        let larger = |rates: [f64; 2], measured: usize, qubits: usize| {
            let factor = (measured as f64 - qubits as f64).exp2();
            rates.map(|rate| rate * factor)
        };
        let rates = match shape {
            Shape::Dense(0 | 1) => gates.dense_1,
            Shape::Dense(2) => gates.dense_2,
            Shape::Dense(qubits) => larger(gates.dense_3, 3, qubits),
            Shape::Branch(0 | 1) => gates.branch_1,
            Shape::Branch(qubits) => larger(gates.branch_2, 2, qubits),
            Shape::Diagonal => gates.diagonal,
            Shape::Permutation => gates.permutation,
            Shape::Overlap => gates.overlap,
        };
        let widths = GATE_WIDTHS.map(|width| width as f64);
        let row = |place: usize| widths[place] / rates[place];
        rows * line(widths, [row(0), row(1)], width as f64) / self.threads
    }

    /// Seconds of the parts of a compression of `width` columns that run on every rank: the Gram matrix, the rotation.
    pub fn products(&self, cost: &CompressionCost, width: u64) -> f64 {
        let products = &self.machine.products;
        (cost.gram / at_width(products.gram, width) + cost.rotate / at_width(products.rotate, width)) / self.threads
    }

    /// Seconds of a product of two matrices of so many flops.
    pub fn multiply(&self, flops: f64) -> f64 {
        flops / self.machine.products.multiply / self.threads
    }

    /// Seconds of a Hermitian eigenproblem: a power law through the two nearest sizes measured, the cube beyond them.
    pub fn eigenvalues(&self, dimension: u64) -> f64 {
        let sizes = EIGENVALUE_SIZES.map(|size| size as f64);
        let measured = &self.machine.eigenvalues;
        let seconds = [measured.n_128, measured.n_256, measured.n_512];
        let dimension = dimension.max(1) as f64;
        if dimension >= sizes[2] {
            return seconds[2] * (dimension / sizes[2]).powi(3);
        }
        let first = usize::from(dimension > sizes[1]);
        let power = (seconds[first + 1] / seconds[first]).log2().clamp(1.0, 3.0);
        seconds[first] * (dimension / sizes[first]).powf(power)
    }

    /// Seconds until `bytes` have gone to each of `partners` ranks and as many have come back: the latency of each
    /// message and the bandwidth of the link.
    pub fn exchange(&self, partners: f64, bytes: f64) -> f64 {
        let network = self.network();
        let worthwhile = (bytes / SMALLEST_MESSAGE).floor().clamp(1.0, CHUNKS);
        let chunks = (partners * bytes / CHUNK_BYTES).ceil().max(worthwhile);
        partners * chunks * network.latency + partners * bytes / network.bandwidth
    }

    /// Seconds of a sum of `bytes` over `ranks` ranks: a tree's latency there and back, then the measured rate.
    pub fn all_reduce(&self, ranks: usize, bytes: f64) -> f64 {
        if ranks == 1 {
            return 0.0;
        }
        2.0 * (ranks as f64).log2() * self.network().latency + bytes / self.network().all_reduce
    }

    /// Seconds until `bytes` of one rank are on `ranks` ranks, down a tree.
    pub fn broadcast(&self, ranks: usize, bytes: f64) -> f64 {
        (ranks as f64).log2() * (self.network().latency + bytes / self.network().bandwidth)
    }

    fn network(&self) -> crate::config::machine::Network {
        let assumed = || Machine::defaults().network.expect("the defaults have a network");
        self.machine.network.unwrap_or_else(assumed)
    }
}

/// The rate of a product of the shard at this width: the time of a row is `a w^2 + b w` through both measured points.
fn at_width(rates: [f64; 2], width: u64) -> f64 {
    let widths = PRODUCT_WIDTHS.map(|width| width as f64);
    let width = width.max(1) as f64;
    // Time of a row over its columns, in units of one multiply-add a second.
    let column = |place: usize| widths[place] / rates[place];
    width / line(widths, [column(0), column(1)], width)
}

/// The line through two points; never below what the faster of the two would take in proportion.
fn line(at: [f64; 2], values: [f64; 2], x: f64) -> f64 {
    let slope = (values[1] - values[0]) / (at[1] - at[0]);
    let least = (values[0] / at[0]).min(values[1] / at[1]);
    (values[0] + slope * (x - at[0])).max(least * x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::machine::{Gpu, Network};

    fn machine() -> Machine {
        let mut machine = Machine::defaults();
        machine.threads = 2;
        machine.cache = 65536.0;
        machine.gates.dense_1 = [1e6, 4e6];
        machine.gates.dense_3 = [1e6, 1e6];
        machine.products.gram = [1e9, 2e9];
        machine.products.rotate = [1e9, 1e9];
        machine.eigenvalues = crate::config::machine::Eigenvalues { n_128: 1.0, n_256: 4.0, n_512: 32.0 };
        machine.network = Some(Network { latency: 1e-3, bandwidth: 1e6, all_reduce: 1e6 });
        machine
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12 * expected.abs().max(1.0), "{found} instead of {expected}");
    }

    #[test]
    fn a_row_takes_a_fixed_time_and_one_for_each_column() {
        let machine = machine();
        let speed = Speed::new(&machine, 2, 16);
        // A row of 1 column takes 1 us, one of 32 takes 8 us: 7/31 us for each further column, but beyond 32 in
        // proportion: nothing is faster than the fastest rate measured.
        close(speed.gate(Shape::Dense(1), 1e6, 1), 1.0);
        close(speed.gate(Shape::Dense(1), 1e6, 32), 8.0);
        close(speed.gate(Shape::Dense(1), 1e6, 16), 1.0 + 15.0 * 7.0 / 31.0);
        close(speed.gate(Shape::Dense(1), 1e6, 64), 16.0);
        close(speed.gate(Shape::Dense(4), 1e6, 32), 64.0);
        close(Speed::new(&machine, 4, 16).gate(Shape::Dense(1), 1e6, 32), 4.0);
    }

    #[test]
    fn products_are_faster_with_more_columns() {
        let machine = machine();
        let speed = Speed::new(&machine, 2, 16);
        let gram = |gram, width| speed.products(&CompressionCost { gram, ..CompressionCost::default() }, width);
        close(gram(1e9, 32), 1.0);
        close(gram(1e9, 128), 0.5);
        close(gram(1e9, 512), 0.5);
        assert!(gram(1e9, 8) > 1.0);
    }

    #[test]
    fn eigenvalues_follow_what_was_measured() {
        let machine = machine();
        let speed = Speed::new(&machine, 2, 16);
        for (dimension, seconds) in [(128, 1.0), (256, 4.0), (512, 32.0), (1024, 256.0), (64, 0.25)] {
            close(speed.eigenvalues(dimension), seconds);
        }
    }

    #[test]
    fn links_have_a_latency_and_a_rate() {
        let machine = machine();
        let speed = Speed::new(&machine, 2, 16);
        // One chunk, eight of at least 64 KiB, 24 of at most 4 MiB.
        close(speed.exchange(3.0, 1e5), 3.0 * (1e-3 + 0.1));
        close(speed.exchange(1.0, 9e6), 8e-3 + 9.0);
        close(speed.exchange(1.0, 1e8), 24e-3 + 100.0);
        close(speed.all_reduce(4, 1e6), 4e-3 + 1.0);
        assert_eq!((speed.all_reduce(1, 1e6), speed.broadcast(1, 1e6)), (0.0, 0.0));
    }

    #[test]
    fn a_gpu_launches_each_operation_and_waits_for_numbers() {
        let cpu = machine();
        let mut gpu = Machine { gpu: Some(Gpu { launch: 1e-3, answer: 1e-2, start: 1.0 }), ..cpu.clone() };
        gpu.memory.scale = 1e6;
        let (cpu, speed) = (Speed::new(&cpu, 4, 16), Speed::new(&gpu, 4, 16));
        assert!(cpu.shares_passes() && !speed.shares_passes());
        // The longer of memory and arithmetic, not the sum; threads are of no use.
        close(speed.pass(2e6, 0.5), 2.001);
        close(speed.pass(2e6, 5.0), 5.001);
        close(speed.among_others(1e6, 1.0), 32.001);
        close(speed.gate(Shape::Dense(1), 1e6, 1), 1.0);
        close(speed.launches(3.0, 2.0), 0.023);
        assert_eq!((cpu.launches(3.0, 2.0), cpu.among_others(1e6, 1.0)), (0.0, 1.0));
    }

    #[test]
    fn a_tile_fills_half_of_the_cache() {
        let machine = machine();
        let speed = Speed::new(&machine, 2, 16);
        // 32 KiB: 2048 rows of one column, 32 of 64, and a pair of rows at least.
        assert_eq!([1, 64, 65, 1 << 20].map(|width| speed.tile_bits(width)), [11, 5, 4, 1]);
    }
}
