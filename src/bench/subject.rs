//! What a machine file is measured of: the CPU, or a GPU for each rank.

use crate::backend::{Backend, LocalOperation, RowSet, Shard};
use crate::comm::{Communicator, agree};
use crate::config::machine::{Gpu, Memory};
use crate::config::{DeviceKind, Precision};
use crate::device::{self, Device, Rectangle, Stream};
use crate::driver::computer::{Wish, computer};
use crate::error::Result;
use crate::linalg::Matrix;
use num_complex::Complex64;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use super::Stopwatch;

/// Rows whose values are written at once.
const ROWS_AT_ONCE: usize = 1 << 16;
/// Amplitudes for each thread of a CPU's shard in the cache: 1 MiB.
const CACHED_AMPLITUDES: usize = 1 << 16;
/// Amplitudes of a GPU's shard, whose operations are all passes over memory: 1 GiB; fewer for an emulation, which is slow.
const GPU_AMPLITUDES: [usize; 2] = [1 << 26, 1 << 14];
/// Rows of the shard of the products: out of the caches at the larger width.
const PRODUCT_ROWS: usize = 1 << 15;
const GPU_PRODUCT_ROWS: [usize; 2] = [1 << 20, 1 << 9];
/// Launches and answers in one repetition.
const CALLS: usize = 100;

/// What computes, and how the ranks are connected.
pub(super) struct Subject {
    backend: Rc<dyn Backend>,
    gpu: Option<Rc<dyn Device>>,
    /// The ranks, whose messages lie where the shards do.
    pub(super) comm: Rc<dyn Communicator>,
    /// Seconds until it could be used.
    start: f64,
}

impl Subject {
    /// Of this kind of device, on all ranks; collective.
    ///
    /// # Errors
    /// Resource error, the same on every rank, when a device cannot be had.
    pub(super) fn new(comm: &dyn Communicator, device: DeviceKind) -> Result<Subject> {
        let begin = Instant::now();
        let computer = computer(comm, Wish { device, gpu: None, precision: Precision::Double, spill: false })?;
        let (backend, gpu) = (computer.backend.clone(), computer.device());
        let connected = computer.connected(comm.split(0).into())?;
        let mut subject = Subject { backend, gpu, comm: connected, start: 0.0 };
        let used = subject.shard(1 << 10, 1).map(|mut shard| {
            shard.run(vec![flip(0)]);
            shard.column_norms();
        });
        agree(comm, used)?;
        subject.start = begin.elapsed().as_secs_f64();
        Ok(subject)
    }

    /// Its name, if it is not the host itself.
    pub(super) fn name(&self) -> Option<String> {
        self.gpu.as_ref().map(|gpu| gpu.name())
    }

    /// Waits until everything called is done.
    pub(super) fn wait(&self) {
        if let Some(gpu) = &self.gpu {
            // Whoever cannot go on ends the measurement, as the other ranks wait for this one.
            gpu.synchronize(Stream::Compute).unwrap_or_else(|error| std::panic::panic_any(error));
        }
    }

    fn of_gpu(&self, [real, emulated]: [usize; 2]) -> Option<usize> {
        self.gpu.as_ref().map(|gpu| if gpu.identity().is_some() { real } else { emulated })
    }

    /// Amplitudes of the shard that operations are measured on.
    pub(super) fn amplitudes(&self) -> usize {
        self.of_gpu(GPU_AMPLITUDES).unwrap_or(CACHED_AMPLITUDES * rayon::current_num_threads().next_power_of_two())
    }

    /// Rows of the shard that products are measured on.
    pub(super) fn product_rows(&self) -> usize {
        self.of_gpu(GPU_PRODUCT_ROWS).unwrap_or(PRODUCT_ROWS)
    }

    /// A shard in double precision whose columns are full of different numbers.
    pub(super) fn shard(&self, rows: usize, columns: usize) -> Result<Box<dyn Shard>> {
        let mut shard = self.backend.allocate(rows, columns)?;
        shard.append_zeros(columns);
        let entry = |row: usize, column: usize| Complex64::new(1.0 / (1 + row % 97 + column) as f64, 0.5);
        let count = ROWS_AT_ONCE.min(rows);
        for first in (0..rows).step_by(count) {
            let set = RowSet { bits: (0..rows.ilog2() as usize).collect(), value: 0, first, count };
            let values = (first..first + count).flat_map(|row| (0..columns).map(move |column| entry(row, column)));
            shard.set_rows(&set, &values.collect::<Vec<Complex64>>());
        }
        Ok(shard)
    }

    /// What a GPU copies within its memory, in place of the arrays of a CPU.
    pub(super) fn copies(&self, watch: &Stopwatch<'_>) -> Result<Option<Memory>> {
        let Some(gpu) = &self.gpu else { return Ok(None) };
        let bytes = self.amplitudes() * size_of::<Complex64>();
        let memory = || device::Memory::new(gpu.clone(), bytes);
        let (from, to) = agree(watch.comm(), memory().and_then(|from| Ok((from, memory()?))))?;
        let [from, to] = [from.address(), to.address()].map(|address| Rectangle { address, pitch: bytes });
        let failed = Cell::new(None);
        let seconds = watch.together(|| {
            let copied = gpu.copy(Stream::Compute, from, to, bytes, 1).and_then(|()| gpu.synchronize(Stream::Compute));
            failed.set(copied.err());
        });
        agree(watch.comm(), failed.take().map_or(Ok(()), Err))?;
        let rate = 2.0 * bytes as f64 / seconds;
        Ok(Some(Memory { triad: rate, scale: rate, grow: 0.0 }))
    }

    /// What a GPU takes beside the work itself.
    pub(super) fn overheads(&self, watch: &Stopwatch<'_>) -> Result<Option<Gpu>> {
        if self.gpu.is_none() {
            return Ok(None);
        }
        let mut shard = agree(watch.comm(), self.shard(1 << 10, 1))?;
        let launches = watch.together(|| {
            (0..CALLS).for_each(|call| shard.run(vec![flip(call % 8)]));
            self.wait();
        });
        let answers = watch.together(|| {
            (0..CALLS).for_each(|_| {
                std::hint::black_box(shard.row(0));
            });
        });
        let mut start = [self.start];
        watch.comm().maximum(&mut start);
        Ok(Some(Gpu { launch: launches / CALLS as f64, answer: answers / CALLS as f64, start: start[0] }))
    }
}

/// A dense operation on one qubit.
fn flip(target: usize) -> LocalOperation {
    let matrix = Matrix::from_shape_fn((2, 2), |(row, column)| Complex64::from(u8::from(row != column) as f64));
    LocalOperation::Dense { matrix, targets: vec![target], controls: Vec::new() }
}
