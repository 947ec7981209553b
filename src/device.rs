//! One GPU, or its emulation on the host: memory, streams, kernels, dense linear algebra.
//!
//! Everything above speaks to a [`Device`]; whether kernels run on a GPU through the CUDA driver or on the CPU through the
//! host shim is decided here and nowhere else, so that the CPU runs the very host code and the very kernels of the GPU.
//! Addresses are those of the device; calls on one stream run in order, calls return before they are done unless they say
//! otherwise.

mod clock;
#[cfg(feature = "cuda")]
pub mod cuda;
#[cfg(not(feature = "cuda"))]
#[path = "device/cuda_absent.rs"]
pub mod cuda;
#[cfg(feature = "emulated-gpu")]
pub mod emulated;
#[cfg(not(feature = "emulated-gpu"))]
#[path = "device/emulated_absent.rs"]
pub mod emulated;
pub mod kernels;
mod meter;
mod packed;
mod survey;

use crate::error::{Error, Result};
use crate::linalg::Precision;
use std::rc::Rc;

pub use clock::{Clock, StreamTimes};
pub use meter::Meter;
pub use packed::Packed;
pub use survey::{Gpu, Survey};

/// Calls on different streams may overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Kernels and products.
    Compute,
    /// Packing, copies to the host and collectives.
    Communication,
}

/// A point in the order of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event(pub u64);

/// A point in the order of a stream whose time is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(pub u64);

/// How many threads a kernel gets; all in one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// Blocks.
    pub blocks: u32,
    /// Threads of each.
    pub threads: u32,
    /// Bytes of dynamic shared memory of each.
    pub shared: u32,
}

/// How a factor of a product is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Plain,
    /// Transposed.
    Transposed,
    /// Conjugated and transposed.
    Adjoint,
}

/// A column-major matrix of complex numbers on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operand {
    /// Address of its first entry.
    pub address: u64,
    /// Entries from one column to the next.
    pub stride: usize,
    /// How it is read.
    pub form: Form,
}

/// `result = left right + keep result`, column-major, complex.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Product {
    /// Of all entries.
    pub precision: Precision,
    /// Rows of the result.
    pub rows: usize,
    /// Columns of the result.
    pub columns: usize,
    /// Length of the sums.
    pub inner: usize,
    /// The left factor.
    pub left: Operand,
    /// The right factor.
    pub right: Operand,
    /// Address of the result.
    pub result: u64,
    /// Entries from one column of the result to the next.
    pub stride: usize,
    /// Whether the product is added to what is there.
    pub accumulate: bool,
}

/// `result = factor factor^dagger + keep result`, column-major, complex, in double precision, of which only what lies on and
/// above the diagonal is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HermitianProduct {
    /// Rows and columns of the result, rows of the factor.
    pub size: usize,
    /// Columns of the factor: the length of the sums.
    pub inner: usize,
    /// Address of the factor.
    pub factor: u64,
    /// Entries from one column of the factor to the next.
    pub factor_stride: usize,
    /// Address of the result.
    pub result: u64,
    /// Entries from one column of the result to the next.
    pub stride: usize,
    /// Whether the product is added to what is there.
    pub accumulate: bool,
}

/// The eigenproblem of a Hermitian matrix, column-major, complex, in double precision, columns one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eigenproblem {
    /// Rows and columns.
    pub size: usize,
    /// Address of the matrix, read on and above the diagonal only. Eigenvectors, as columns, take its place.
    pub matrix: u64,
    /// Address of the eigenvalues, to be written in ascending order.
    pub values: u64,
}

/// A rectangle of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rectangle {
    /// Address of its first byte.
    pub address: u64,
    /// Bytes from one row to the next.
    pub pitch: usize,
}

/// One device of one rank.
pub trait Device {
    /// What it is, for instance `NVIDIA H200`.
    fn name(&self) -> String;
    /// Bytes that can be allocated, and bytes in all.
    ///
    /// # Errors
    /// Resource error when the device does not answer; the same holds for every other call.
    fn memory(&self) -> Result<(u64, u64)>;
    /// Multiprocessors: so many blocks run at the same time, or a few times as many.
    fn multiprocessors(&self) -> u32;
    /// New memory, aligned to 256 bytes, its content undefined.
    ///
    /// # Errors
    /// Resource error that says how much was asked for and how much there is.
    fn allocate(&self, bytes: usize) -> Result<u64>;
    /// Memory that was reserved grows in pieces of so many bytes; nothing on a device whose memory cannot grow.
    fn growth_unit(&self) -> Option<usize> {
        None
    }
    /// Addresses for so many bytes, aligned to 256 bytes, that have no memory yet: see [`Device::extend`].
    fn reserve(&self, _bytes: usize) -> Result<u64> {
        Err(Error::internal("the memory of this device cannot grow"))
    }
    /// Gives a reserved range memory for so many bytes from its beginning; what it has already keeps its content, that of
    /// the rest is undefined.
    ///
    /// # Errors
    /// Resource error as that of [`Device::allocate`]; the range is unchanged then.
    fn extend(&self, _address: u64, _bytes: usize) -> Result<()> {
        Err(Error::internal("the memory of this device cannot grow"))
    }
    /// New memory of the host that all calls reach as they do the device's own, but by the bus. Its content is undefined.
    ///
    /// # Errors
    /// Resource error when the host has none, or the device does not reach it.
    fn allocate_on_host(&self, _bytes: usize) -> Result<u64> {
        Err(Error::resource("this device reaches no memory of the host"))
    }
    /// Bytes of the host's memory that it has now.
    fn host_memory(&self) -> u64 {
        0
    }
    /// Gives memory of any kind back, once everything that was called before is done.
    fn release(&self, address: u64);
    /// Copies bytes to the device; `data` may change once the call returns.
    fn upload(&self, stream: Stream, data: &[u8], to: u64) -> Result<()>;
    /// Copies bytes from the device, and waits for them.
    fn download(&self, stream: Stream, from: u64, data: &mut [u8]) -> Result<()>;
    /// Sets bytes to zero: `rows` rows of `bytes` bytes.
    fn clear(&self, stream: Stream, at: Rectangle, bytes: usize, rows: usize) -> Result<()>;
    /// Copies `rows` rows of `bytes` bytes; the two do not overlap. Either may lie in pinned host memory.
    fn copy(&self, stream: Stream, from: Rectangle, to: Rectangle, bytes: usize, rows: usize) -> Result<()>;
    /// Runs a kernel of `kernels/`. `arguments` are the bytes of its one argument, a structure.
    ///
    /// # Safety
    /// The structure is the one that the kernel takes, and its addresses are those of memory as large as the kernel expects.
    unsafe fn launch(&self, stream: Stream, kernel: &str, launch: Launch, arguments: &[u8]) -> Result<()>;
    /// A matrix product.
    fn multiply(&self, stream: Stream, product: &Product) -> Result<()>;
    /// A matrix times its own adjoint.
    fn multiply_hermitian(&self, stream: Stream, product: &HermitianProduct) -> Result<()>;
    /// Eigenvalues and eigenvectors, and waits for them; false if the iteration did not converge.
    ///
    /// # Errors
    /// Resource error also where the device's library for it is missing.
    fn solve(&self, stream: Stream, problem: &Eigenproblem) -> Result<bool>;
    /// Waits until everything called on the stream is done.
    fn synchronize(&self, stream: Stream) -> Result<()>;
    /// The place that the stream has come to.
    fn record(&self, stream: Stream) -> Result<Event>;
    /// What is called on the stream from now on waits for the event.
    fn wait(&self, stream: Stream, event: Event) -> Result<()>;
    /// As [`Device::record`], with its time; for what takes times, as it costs more.
    fn mark(&self, stream: Stream) -> Result<Mark>;
    /// Seconds from one mark to another; nothing until both have passed.
    fn seconds_between(&self, from: Mark, to: Mark) -> Result<Option<f64>>;
    /// The driver's own handle of a stream, for libraries that put work on it themselves; nothing where there is no driver.
    fn stream_handle(&self, _stream: Stream) -> Option<u64> {
        None
    }
    /// What tells it from every other device of all nodes; nothing for an emulation.
    fn identity(&self) -> Option<[u8; 16]> {
        None
    }
    /// Whether everything before the event is done.
    fn has_passed(&self, event: Event) -> Result<bool>;
    /// Whether everything called on the stream is done; a device that cannot tell waits for it.
    fn is_idle(&self, stream: Stream) -> Result<bool> {
        self.synchronize(stream).map(|()| true)
    }
}

/// Memory that is given back when it is dropped.
pub struct Memory {
    device: Rc<dyn Device>,
    address: u64,
    bytes: usize,
    /// As many bytes as it can have where it lies.
    most: usize,
}

impl Memory {
    /// New memory, its content undefined.
    ///
    /// # Errors
    /// As [`Device::allocate`].
    pub fn new(device: Rc<dyn Device>, bytes: usize) -> Result<Memory> {
        let address = device.allocate(bytes)?;
        Ok(Memory { device, address, bytes, most: bytes })
    }

    /// New memory that can grow to all that the device has, if that device's can, and if it is no less than one of the
    /// pieces in which it does.
    ///
    /// # Errors
    /// As [`Device::allocate`].
    pub fn growable(device: Rc<dyn Device>, bytes: usize) -> Result<Memory> {
        let most = device.memory()?.1 as usize;
        if device.growth_unit().is_none_or(|unit| bytes < unit) || bytes > most {
            return Memory::new(device, bytes);
        }
        let address = device.reserve(most)?;
        let mut memory = Memory { device, address, bytes: 0, most };
        memory.grow(bytes)?;
        Ok(memory)
    }

    /// New memory of the host.
    ///
    /// # Errors
    /// As [`Device::allocate_on_host`].
    pub fn on_host(device: Rc<dyn Device>, bytes: usize) -> Result<Memory> {
        let address = device.allocate_on_host(bytes)?;
        Ok(Memory { device, address, bytes, most: bytes })
    }

    /// Gives it so many bytes where it lies; says whether it can have as many there.
    ///
    /// # Errors
    /// As [`Device::extend`].
    pub fn grow(&mut self, bytes: usize) -> Result<bool> {
        if bytes > self.bytes && bytes <= self.most {
            self.device.extend(self.address, bytes)?;
            self.bytes = bytes;
        }
        Ok(bytes <= self.bytes)
    }

    /// Address of its first byte.
    pub fn address(&self) -> u64 {
        self.address
    }

    /// Its size.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The device it is on.
    pub fn device(&self) -> &Rc<dyn Device> {
        &self.device
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.device.release(self.address);
    }
}

/// Pinned host memory that is given back when it is dropped.
pub struct PinnedMemory {
    device: Rc<dyn Device>,
    address: u64,
    bytes: usize,
}

impl PinnedMemory {
    /// New memory, its content zero.
    ///
    /// # Errors
    /// As [`Device::allocate_on_host`].
    pub fn new(device: Rc<dyn Device>, bytes: usize) -> Result<PinnedMemory> {
        let address = device.allocate_on_host(bytes)?;
        // SAFETY: it is memory of the host of this size, and nobody else knows of it yet.
        unsafe { std::ptr::with_exposed_provenance_mut::<u8>(address as usize).write_bytes(0, bytes) };
        Ok(PinnedMemory { device, address, bytes })
    }

    /// Address of its first byte, on the host and on the device.
    pub fn address(&self) -> u64 {
        self.address
    }

    /// Its size.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is in it; copies to it must have been waited for.
    pub fn content(&self) -> &[u8] {
        // SAFETY: it is memory of the host of this size, initialised when it was made, until this is dropped.
        unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance(self.address as usize), self.bytes) }
    }

    /// As [`PinnedMemory::content`], to be written; copies from it must have been waited for too.
    pub fn content_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `content`.
        unsafe {
            std::slice::from_raw_parts_mut(std::ptr::with_exposed_provenance_mut(self.address as usize), self.bytes)
        }
    }
}

impl Drop for PinnedMemory {
    fn drop(&mut self) {
        self.device.release(self.address);
    }
}
