//! `rhoshard bench machine`: the numbers of a machine file.

use super::subject::Subject;
use super::{Amount, Measured, Stopwatch};
use crate::backend::{LocalOperation, Shard};
use crate::comm::{Communicator, Message, node::Node};
use crate::config::machine::{
    EIGENVALUE_SIZES, Eigenvalues, GATE_WIDTHS, Gates, Gpu, Memory, Network, PRODUCT_WIDTHS, Products,
};
use crate::config::{DeviceKind, Machine};
use crate::error::{Error, Result};
use crate::linalg::{Matrix, adjoint, multiply};
use num_complex::Complex64;
use rayon::prelude::*;
use std::ops::Deref;

/// Seconds for each measurement.
const BUDGET: f64 = 0.25;
/// Numbers of one array of the memory measurements: 256 MiB, more than any cache.
const STREAM_NUMBERS: usize = 1 << 25;
/// Numbers that a thread takes at a time.
const STREAM_PART: usize = 1 << 15;
/// Operations in the cache between two passes over memory.
const OPERATIONS: usize = 8;
/// Row bits that the operations touch.
const TOUCHED_BITS: usize = 8;
/// Dimension of the product of two square matrices.
const PRODUCT_DIMENSION: usize = 512;
/// Bytes of a long message.
const LONG_MESSAGE: usize = 4 << 20;
/// Numbers of the sum over all ranks: 1 MiB.
const REDUCED_NUMBERS: usize = 1 << 17;
/// Short messages in one repetition.
const SHORT_MESSAGES: usize = 200;
/// The cache of a GPU, whose operations are all passes over memory: as good as nothing.
const NO_CACHE: f64 = 64.0;

/// Measures this machine with the ranks and threads at hand, or with a GPU for each rank; collective.
///
/// # Errors
/// Resource error when memory for the arrays, or a device, is not to be had.
pub fn machine(comm: &dyn Communicator, node: &Node, device: DeviceKind) -> Result<Measured> {
    let subject = Subject::new(comm, device)?;
    let watch = &Watch { stopwatch: Stopwatch::new(comm, BUDGET), subject: &subject };
    let (memory, mut others) = match subject.copies(watch)? {
        Some(memory) => (Memory { triad: digits(memory.triad), scale: digits(memory.scale), ..memory }, Vec::new()),
        None => Stream::new(node).measure(watch)?,
    };
    let grow = crate::comm::agree(comm, grow(watch))?;
    let gates = gates(watch)?;
    let products = products(watch)?;
    let eigenvalues = eigenvalues(watch)?;
    let overheads = subject.overheads(watch)?;
    let rounded = |gpu: Gpu| Gpu { launch: digits(gpu.launch), answer: digits(gpu.answer), start: digits(gpu.start) };
    others.push(("Hermitian eigenproblem, n = 512, over n^3", eigenvalues.n_512 / 512f64.powi(3), "s"));
    let machine = Machine {
        host: subject.name().map_or(node.host.clone(), |name| format!("{}, {name}", node.host)),
        ranks: comm.size(),
        threads: rayon::current_num_threads(),
        cache: if overheads.is_some() { NO_CACHE } else { level_two_cache() },
        memory: Memory { grow: digits(grow), ..memory },
        gates,
        products,
        eigenvalues,
        network: network(watch)?,
        gpu: overheads.map(rounded),
    };
    Ok(Measured { machine, others })
}

/// Times of one subject.
struct Watch<'a> {
    stopwatch: Stopwatch<'a>,
    subject: &'a Subject,
}

impl<'a> Deref for Watch<'a> {
    type Target = Stopwatch<'a>;

    fn deref(&self) -> &Stopwatch<'a> {
        &self.stopwatch
    }
}

/// The arrays of the memory measurements.
struct Stream {
    numbers: usize,
}

impl Stream {
    fn new(node: &Node) -> Stream {
        let fitting = (node.default_memory() / 8 / size_of::<f64>() as u64) as usize;
        Stream { numbers: STREAM_NUMBERS.min(fitting).max(STREAM_PART) }
    }

    fn measure(&self, watch: &Stopwatch<'_>) -> Result<(Memory, Vec<Amount>)> {
        let [mut a, b, c] = [0.0, 1.0, 2.0].map(|value| filled(self.numbers, value));
        let mut triad = || {
            let sources = b.par_chunks(STREAM_PART).zip(c.par_chunks(STREAM_PART));
            a.par_chunks_mut(STREAM_PART).zip(sources).for_each(|(a, (b, c))| {
                a.iter_mut().zip(b.iter().zip(c)).for_each(|(a, (b, c))| *a = *b + 3.0 * *c);
            });
        };
        let bytes = (self.numbers * size_of::<f64>()) as f64;
        let together = 3.0 * bytes / watch.together(&mut triad);
        let alone = 3.0 * bytes / watch.alone(&mut triad)?;
        let scale = 2.0 * bytes
            / watch.together(|| {
                a.par_chunks_mut(STREAM_PART).for_each(|a| a.iter_mut().for_each(|a| *a *= 0.999));
            });
        let ranks = watch.comm().size() as f64;
        let others = vec![
            ("triad, one rank while the others wait", alone, "B/s"),
            ("triad, all ranks together", together * ranks, "B/s"),
            ("in-place scale, all ranks together", scale * ranks, "B/s"),
        ];
        Ok((Memory { triad: digits(together), scale: digits(scale), grow: 0.0 }, others))
    }
}

/// An array whose pages are touched by the threads that use them.
fn filled(numbers: usize, value: f64) -> Vec<f64> {
    let mut array = vec![0.0; numbers];
    array.par_chunks_mut(STREAM_PART).for_each(|part| part.fill(value));
    array
}

/// Bytes per second of the larger room when a shard makes room for twice as many columns.
fn grow(watch: &Watch<'_>) -> Result<f64> {
    let ([small, large], rows) = ([32, 64], watch.subject.product_rows());
    let mut result = Ok(());
    let slot = std::cell::RefCell::new(None);
    let seconds = watch.each_with(
        || {
            let fresh = watch.subject.shard(rows, small);
            watch.subject.wait();
            slot.replace(fresh.ok());
        },
        || {
            let grown = slot.borrow_mut().as_mut().map(|shard: &mut Box<dyn Shard>| shard.reserve(large));
            if !matches!(grown, Some(Ok(()))) {
                result = Err(Error::resource("no memory for the shards of the measurement"));
            }
            watch.subject.wait();
        },
    );
    result.map(|()| (rows * large * size_of::<Complex64>()) as f64 / seconds)
}

/// A unitary without zeros: the discrete Fourier transform of `2^qubits` points.
fn fourier(qubits: usize) -> Matrix {
    let size = 1usize << qubits;
    let root = |power: usize| std::f64::consts::TAU * (power % size) as f64 / size as f64;
    let scale = (size as f64).sqrt().recip();
    Matrix::from_shape_fn((size, size), |(row, column)| Complex64::from_polar(scale, root(row * column)))
}

/// Qubits of operation number `index`: all the low row bits in turn.
fn targets(index: usize, count: usize) -> Vec<usize> {
    (0..count).map(|offset| (index + 3 * offset) % TOUCHED_BITS).collect()
}

fn gates(watch: &Watch<'_>) -> Result<Gates> {
    let dense = |qubits: usize| {
        move |index: usize, _: usize| LocalOperation::Dense {
            matrix: fourier(qubits),
            targets: targets(index, qubits),
            controls: Vec::new(),
        }
    };
    let branch = |qubits: usize| {
        move |index: usize, width: usize| LocalOperation::Branch {
            matrices: vec![fourier(qubits); 4],
            targets: targets(index, qubits),
            sources: Vec::new(),
            choice: (0..width).map(|column| column % 4).collect(),
        }
    };
    let diagonal = |index: usize, _: usize| LocalOperation::Diagonal {
        entries: (0..4).map(|value| Complex64::from_polar(1.0, value as f64)).collect(),
        targets: targets(index, 2),
        controls: Vec::new(),
    };
    let permutation = |index: usize, _: usize| LocalOperation::Permutation {
        images: vec![0, 3, 2, 1],
        factors: vec![Complex64::ONE; 4],
        targets: targets(index, 2),
        controls: Vec::new(),
    };
    Ok(Gates {
        dense_1: gate_rates(watch, dense(1))?,
        dense_2: gate_rates(watch, dense(2))?,
        dense_3: gate_rates(watch, dense(3))?,
        branch_1: gate_rates(watch, branch(1))?,
        branch_2: gate_rates(watch, branch(2))?,
        diagonal: gate_rates(watch, diagonal)?,
        permutation: gate_rates(watch, permutation)?,
        overlap: overlap_rates(watch)?,
    })
}

/// A shard of so many columns: every thread of a CPU holds a part of it in its cache.
fn gate_shard(watch: &Watch<'_>, width: usize) -> Result<Box<dyn Shard>> {
    crate::comm::agree(watch.comm(), watch.subject.shard(watch.subject.amplitudes() / width, width))
}

/// Amplitudes per second of a kind of operation, given by its number and the width, at both widths.
fn gate_rates(watch: &Watch<'_>, operation: impl Fn(usize, usize) -> LocalOperation) -> Result<[f64; 2]> {
    let rate = |width: usize| -> Result<f64> {
        let mut shard = gate_shard(watch, width)?;
        let program: Vec<LocalOperation> = (0..OPERATIONS).map(|index| operation(index, width)).collect();
        let copies = std::cell::RefCell::new(Vec::new());
        let seconds = watch.each_with(
            || {
                copies.replace(program.clone());
            },
            || {
                shard.run(copies.take());
                watch.subject.wait();
            },
        );
        Ok((OPERATIONS * shard.rows() * width) as f64 / seconds)
    };
    Ok([rate(GATE_WIDTHS[0])?, rate(GATE_WIDTHS[1])?].map(digits))
}

fn overlap_rates(watch: &Watch<'_>) -> Result<[f64; 2]> {
    let rate = |width: usize| -> Result<f64> {
        let shard = gate_shard(watch, width)?;
        let seconds = watch.together(|| {
            std::hint::black_box(shard.flip_overlaps(1, &[2]));
        });
        Ok((shard.rows() * width) as f64 / seconds)
    };
    Ok([rate(GATE_WIDTHS[0])?, rate(GATE_WIDTHS[1])?].map(digits))
}

fn products(watch: &Watch<'_>) -> Result<Products> {
    let square = sample(PRODUCT_DIMENSION);
    let seconds = watch.together(|| {
        std::hint::black_box(multiply(&square, &square));
    });
    let multiply = 8.0 * (PRODUCT_DIMENSION as f64).powi(3) / seconds;
    let rates = |width: usize| -> Result<(f64, f64)> {
        let rows = watch.subject.product_rows();
        let mut shard = crate::comm::agree(watch.comm(), watch.subject.shard(rows, width))?;
        let gram = watch.together(|| {
            std::hint::black_box(shard.gram());
        });
        let unitary = fourier(width.ilog2() as usize);
        let rotate = watch.together(|| {
            shard.rotate(&unitary);
            watch.subject.wait();
        });
        let square = (width * width * rows) as f64;
        Ok((4.0 * square / gram, 8.0 * square / rotate))
    };
    let (few, many) = (rates(PRODUCT_WIDTHS[0])?, rates(PRODUCT_WIDTHS[1])?);
    Ok(Products { multiply: digits(multiply), gram: [few.0, many.0].map(digits), rotate: [few.1, many.1].map(digits) })
}

/// A square matrix of different numbers.
fn sample(dimension: usize) -> Matrix {
    let entry = |row: usize, column: usize| (row * 7 + column * 13) % 101;
    Matrix::from_shape_fn((dimension, dimension), |(row, column)| {
        Complex64::new(entry(row, column) as f64 / 101.0 - 0.5, entry(column, row + 1) as f64 / 101.0)
    })
}

fn eigenvalues(watch: &Watch<'_>) -> Result<Eigenvalues> {
    let shard = crate::comm::agree(watch.comm(), watch.subject.shard(1, 1))?;
    let seconds = |dimension: usize| {
        let sample = sample(dimension);
        let gram = multiply(&adjoint(&sample), &sample);
        watch.alone(|| {
            std::hint::black_box(shard.eigen(&gram));
        })
    };
    let [n_128, n_256, n_512] = EIGENVALUE_SIZES.map(seconds);
    Ok(Eigenvalues { n_128: digits(n_128?), n_256: digits(n_256?), n_512: digits(n_512?) })
}

/// Exchanges in pairs, all pairs at once, each rank with the one half of them away (on another node, if there are
/// several); nothing on one rank.
fn network(watch: &Watch<'_>) -> Result<Option<Network>> {
    let comm = &*watch.subject.comm;
    let paired = 1usize << comm.size().ilog2();
    if paired == 1 {
        return Ok(None);
    }
    let partner = Some(comm.rank() ^ (paired / 2)).filter(|_| comm.rank() < paired);
    let message = |partner: usize, bytes: usize| -> Result<Message> {
        Ok(Message { partner, bytes, send: comm.buffer(bytes)?, receive: comm.buffer(bytes)? })
    };
    let exchange = |bytes: usize, count: usize| -> Result<f64> {
        let message = crate::comm::agree(comm, partner.map(|partner| message(partner, bytes)).transpose())?;
        let mut messages: Vec<Message> = message.into_iter().collect();
        let seconds = watch.together(|| {
            for _ in 0..count {
                messages = comm.start(std::mem::take(&mut messages)).finish();
                watch.subject.wait();
            }
        });
        Ok(seconds / count as f64)
    };
    let latency = exchange(8, SHORT_MESSAGES)?;
    let bandwidth = LONG_MESSAGE as f64 / exchange(LONG_MESSAGE, 4)?;
    let mut numbers = vec![0.0; REDUCED_NUMBERS];
    let reduced = watch.together(|| comm.sum(&mut numbers));
    let all_reduce = size_of_val(&numbers[..]) as f64 / reduced;
    Ok(Some(Network { latency: digits(latency), bandwidth: digits(bandwidth), all_reduce: digits(all_reduce) }))
}

/// Bytes of a core's level 2 cache, or 1 MiB if the system does not say.
fn level_two_cache() -> f64 {
    let text = std::fs::read_to_string("/sys/devices/system/cpu/cpu0/cache/index2/size").ok();
    let kibibytes = text.and_then(|text| text.trim().strip_suffix('K')?.parse::<f64>().ok());
    kibibytes.filter(|size| *size > 0.0).unwrap_or(1024.0) * 1024.0
}

/// The number with four digits: more would be noise.
fn digits(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::unitarity_defect;

    #[test]
    fn the_sample_operations_are_sound() {
        assert!((0..4).all(|qubits| unitarity_defect(&fourier(qubits)) < 1e-12));
        for index in 0..OPERATIONS {
            let mut bits = targets(index, 3);
            bits.sort_unstable();
            bits.dedup();
            assert!(bits.len() == 3 && bits.iter().all(|bit| *bit < TOUCHED_BITS));
        }
    }

    #[test]
    fn four_digits_are_kept() {
        assert_eq!((digits(1.23456e9), digits(5.0e-6)), (1.235e9, 5e-6));
    }
}
