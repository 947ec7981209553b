//! A GPU through the CUDA driver: the only module, with its folder, `backend/cuda` and `comm/nccl`, that speaks CUDA.

mod cache;
mod compiler;
mod eigen;
mod events;
mod failure;
mod gpus;
pub mod libraries;
mod memory;
mod modules;
mod products;
mod ranges;
mod staging;

use super::{Device, Eigenproblem, Event, Gpu, HermitianProduct, Launch, Mark, Product, Rectangle, Stream};
use crate::error::{Error, Result};
use cudarc::driver::{DriverError, result, sys};
use eigen::Solver;
use events::Events;
use memory::Ranges;
use modules::{Modules, Versions};
use products::Products;
use staging::Staging;
use std::cell::{OnceCell, RefCell};
use std::ffi::c_void;
use std::ptr;
use std::rc::Rc;

pub use gpus::{count, survey};
pub use ranges::{Range, range};

/// Opens a GPU, by its number among those that this process sees. A thread works with the one it has opened last.
///
/// # Errors
/// Resource error that says which library, GPU or access is missing.
pub fn open(number: usize) -> Result<Rc<dyn Device>> {
    let count = count()?;
    if number >= count {
        let what = format!("there is no GPU {number}");
        return Err(Error::resource(what).allowed(format!("0 to {}", count - 1)).next("see `rhoshard info`"));
    }
    // Everything a run needs is found missing here, not in its middle.
    libraries::NVRTC.load()?;
    libraries::CUBLAS.load()?;
    Ok(Rc::new(Cuda::open(number)?))
}

/// One GPU with its two streams.
struct Cuda {
    gpu: Gpu,
    modules: Modules,
    ranges: Ranges,
    events: RefCell<Events>,
    marks: RefCell<Events>,
    compute: Queue,
    communication: Queue,
    /// The last to go: everything else lives in it.
    context: Context,
}

/// The device's primary context, which libraries share.
struct Context(sys::CUdevice);

impl Context {
    /// Makes it the thread's current one.
    fn enter(device: sys::CUdevice) -> std::result::Result<Context, DriverError> {
        // SAFETY: the handle comes from the driver; the context is given back by `drop`.
        let retained = unsafe { result::primary_ctx::retain(device)? };
        let context = Context(device);
        // SAFETY: the context was just made.
        unsafe { result::ctx::set_current(retained) }.map(|()| context)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: what was made in the context is gone. A failure changes nothing.
        let _ = unsafe { result::primary_ctx::release(self.0) };
    }
}

/// A stream and what works on it.
struct Queue {
    stream: sys::CUstream,
    staging: OnceCell<RefCell<Staging>>,
    products: OnceCell<Products>,
    solver: OnceCell<Solver>,
}

fn explain(action: &str) -> impl Fn(DriverError) -> Error + '_ {
    move |error| failure::driver(action, error)
}

impl Cuda {
    fn open(number: usize) -> Result<Cuda> {
        use sys::CUdevice_attribute_enum::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN as SHARED;
        let (device, gpu) = gpus::describe(number)?;
        let opening = format!("opening GPU {number} ({})", gpu.name);
        let shared = gpus::attribute_of(device, SHARED).map_err(explain(&opening))?;
        let context = Context::enter(device).map_err(explain(&opening))?;
        let (compute, communication) = Queue::both().map_err(explain(&opening))?;
        let versions = Versions { architecture: gpu.architecture, driver: gpus::driver_version()? };
        let (modules, ranges) = (Modules::new(versions, shared), Ranges::new(device));
        let (events, marks) = (RefCell::new(Events::new()), RefCell::new(Events::timed()));
        Ok(Cuda { gpu, modules, ranges, events, marks, compute, communication, context })
    }

    fn queue(&self, stream: Stream) -> &Queue {
        match stream {
            Stream::Compute => &self.compute,
            Stream::Communication => &self.communication,
        }
    }

    fn wait_for_all(&self) -> std::result::Result<(), DriverError> {
        // SAFETY: the streams live as long as the device.
        [&self.compute, &self.communication]
            .into_iter()
            .try_for_each(|queue| unsafe { result::stream::synchronize(queue.stream) })
    }

    fn out_of_memory(&self, bytes: usize) -> Error {
        let there = match self.memory() {
            Ok((free, total)) => format!("{free} of {total} bytes are free"),
            Err(error) => format!("how much is free is not known ({})", error.what),
        };
        Error::resource(format!("{bytes} bytes do not fit into the memory of the GPU {}: {there}", self.gpu.name))
            .next(failure::MEMORY_ADVICE)
    }
}

impl Queue {
    /// The compute stream, and the communication stream, whose small kernels go first.
    fn both() -> std::result::Result<(Queue, Queue), DriverError> {
        let (_, highest) = result::stream::get_priority_range()?;
        Ok((Queue::new(0)?, Queue::new(highest)?))
    }

    fn new(priority: i32) -> std::result::Result<Queue, DriverError> {
        let stream = result::stream::create_with_priority(result::stream::StreamKind::NonBlocking, priority)?;
        Ok(Queue { stream, staging: OnceCell::new(), products: OnceCell::new(), solver: OnceCell::new() })
    }

    fn staging(&self) -> Result<&RefCell<Staging>> {
        made_once(&self.staging, || Staging::new(self.stream).map(RefCell::new))
    }

    fn products(&self) -> Result<&Products> {
        made_once(&self.products, || Products::new(self.stream))
    }

    fn solver(&self) -> Result<&Solver> {
        made_once(&self.solver, || Solver::new(self.stream))
    }

    /// Gives back what works on the stream, and the stream.
    fn close(&mut self) {
        self.solver.take();
        self.products.take();
        self.staging.take();
        // SAFETY: nothing uses the stream any more. A failure leaves it to the end of the context.
        let _ = unsafe { result::stream::destroy(self.stream) };
    }
}

/// What the cell holds, made if it is empty.
fn made_once<T>(cell: &OnceCell<T>, make: impl FnOnce() -> Result<T>) -> Result<&T> {
    match cell.get() {
        Some(value) => Ok(value),
        None => make().map(|value| cell.get_or_init(|| value)),
    }
}

impl Device for Cuda {
    fn name(&self) -> String {
        self.gpu.name.clone()
    }

    fn memory(&self) -> Result<(u64, u64)> {
        let (free, total) = result::mem_get_info().map_err(explain("asking for free memory"))?;
        Ok((free as u64, total as u64))
    }

    fn multiprocessors(&self) -> u32 {
        self.gpu.multiprocessors
    }

    fn allocate(&self, bytes: usize) -> Result<u64> {
        // SAFETY: nobody has the new memory's address yet. Nothing cannot be allocated.
        match unsafe { result::malloc_sync(bytes.max(1)) } {
            Ok(address) => Ok(address),
            Err(DriverError(sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY)) => Err(self.out_of_memory(bytes)),
            Err(error) => Err(failure::driver(&format!("allocating {bytes} bytes"), error)),
        }
    }

    fn growth_unit(&self) -> Option<usize> {
        self.ranges.unit()
    }

    fn reserve(&self, bytes: usize) -> Result<u64> {
        self.ranges.reserve(bytes)
    }

    fn extend(&self, address: u64, bytes: usize) -> Result<()> {
        self.ranges.extend(address, bytes, |more| self.out_of_memory(more))
    }

    fn allocate_on_host(&self, bytes: usize) -> Result<u64> {
        self.ranges.allocate_on_host(bytes)
    }

    fn host_memory(&self) -> u64 {
        self.ranges.on_host()
    }

    fn release(&self, address: u64) {
        let released = self.wait_for_all().and_then(|()| self.ranges.release(address));
        if let Err(error) = released {
            tracing::warn!("{}", failure::driver("giving memory back", error));
        }
    }

    fn upload(&self, stream: Stream, data: &[u8], to: u64) -> Result<()> {
        self.queue(stream).staging()?.borrow_mut().upload(data, to)
    }

    fn download(&self, stream: Stream, from: u64, data: &mut [u8]) -> Result<()> {
        self.queue(stream).staging()?.borrow_mut().download(from, data)
    }

    fn clear(&self, stream: Stream, at: Rectangle, bytes: usize, rows: usize) -> Result<()> {
        let stream = self.queue(stream).stream;
        if bytes == 0 || rows == 0 {
            return Ok(());
        }
        // SAFETY: the caller's rectangle lies in memory of the device.
        let cleared = unsafe {
            if rows == 1 || at.pitch == bytes {
                result::memset_d8_async(at.address, 0, bytes * rows, stream)
            } else if (at.address | at.pitch as u64 | bytes as u64).is_multiple_of(4) {
                // Whole words are written several times as fast as bytes.
                sys::cuMemsetD2D32Async(at.address, at.pitch, 0, bytes / 4, rows, stream).result()
            } else {
                sys::cuMemsetD2D8Async(at.address, at.pitch, 0, bytes, rows, stream).result()
            }
        };
        cleared.map_err(explain("clearing memory"))
    }

    fn copy(&self, stream: Stream, from: Rectangle, to: Rectangle, bytes: usize, rows: usize) -> Result<()> {
        let stream = self.queue(stream).stream;
        if bytes == 0 || rows == 0 {
            return Ok(());
        }
        // SAFETY: the caller's rectangles lie in memory of the device and do not overlap.
        let copied = unsafe {
            if rows == 1 || from.pitch == bytes && to.pitch == bytes {
                // Which of the memories is the host's, the driver sees from the addresses.
                sys::cuMemcpyAsync(to.address, from.address, bytes * rows, stream).result()
            } else {
                sys::cuMemcpy2DAsync_v2(&rectangle_copy(from, to, bytes, rows), stream).result()
            }
        };
        copied.map_err(explain("copying memory"))
    }

    unsafe fn launch(&self, stream: Stream, kernel: &str, launch: Launch, arguments: &[u8]) -> Result<()> {
        if launch.blocks == 0 || launch.threads == 0 {
            return Ok(());
        }
        let function = self.modules.function(kernel)?;
        let Launch { blocks, threads, shared } = launch;
        let mut size = arguments.len();
        let mut packed = packed_arguments(arguments, &mut size);
        let stream = self.queue(stream).stream;
        // SAFETY: the caller answers for the structure; the driver copies it, and checks its size, before it returns.
        let launched = unsafe {
            let (one, none) = (1, ptr::null_mut());
            sys::cuLaunchKernel(
                function,
                blocks,
                one,
                one,
                threads,
                one,
                one,
                shared,
                stream,
                none,
                packed.as_mut_ptr(),
            )
        };
        launched.result().map_err(|error| {
            let action = format!("the kernel {kernel} ({blocks} blocks of {threads} threads, {shared} bytes shared)");
            failure::driver(&action, error)
        })
    }

    fn multiply(&self, stream: Stream, product: &Product) -> Result<()> {
        self.queue(stream).products()?.multiply(product)
    }

    fn multiply_hermitian(&self, stream: Stream, product: &HermitianProduct) -> Result<()> {
        self.queue(stream).products()?.multiply_hermitian(product)
    }

    fn solve(&self, stream: Stream, problem: &Eigenproblem) -> Result<bool> {
        let solver = self.queue(stream).solver()?;
        let bytes = solver.workspace(problem)?;
        let mut outcome = [0; size_of::<i32>()];
        let work = self.allocate(bytes + outcome.len())?;
        let at = work + bytes as u64;
        let solved = solver.solve(problem, (work, bytes), at).and_then(|()| self.download(stream, at, &mut outcome));
        self.release(work);
        solved.map(|()| i32::from_ne_bytes(outcome) == 0)
    }

    fn synchronize(&self, stream: Stream) -> Result<()> {
        // SAFETY: the stream lives as long as the device.
        unsafe { result::stream::synchronize(self.queue(stream).stream) }.map_err(explain("what ran before"))
    }

    fn record(&self, stream: Stream) -> Result<Event> {
        self.events.borrow_mut().record(self.queue(stream).stream).map(Event)
    }

    fn wait(&self, stream: Stream, event: Event) -> Result<()> {
        self.events.borrow().wait(self.queue(stream).stream, event.0)
    }

    fn mark(&self, stream: Stream) -> Result<Mark> {
        self.marks.borrow_mut().record(self.queue(stream).stream).map(Mark)
    }

    fn seconds_between(&self, from: Mark, to: Mark) -> Result<Option<f64>> {
        self.marks.borrow().seconds_between(from.0, to.0)
    }

    fn stream_handle(&self, stream: Stream) -> Option<u64> {
        Some(self.queue(stream).stream as u64)
    }

    fn identity(&self) -> Option<[u8; 16]> {
        let uuid = result::device::get_uuid(self.context.0).ok()?;
        Some(uuid.bytes.map(|byte| byte as u8))
    }

    fn has_passed(&self, event: Event) -> Result<bool> {
        self.events.borrow().has_passed(event.0)
    }

    fn is_idle(&self, stream: Stream) -> Result<bool> {
        // SAFETY: the stream lives as long as the device.
        match unsafe { sys::cuStreamQuery(self.queue(stream).stream) } {
            sys::CUresult::CUDA_ERROR_NOT_READY => Ok(false),
            answer => answer.result().map(|()| true).map_err(explain("what ran before")),
        }
    }
}

impl Drop for Cuda {
    fn drop(&mut self) {
        // A failure has been reported where it happened; here all that matters is that nothing runs any more.
        let _ = self.wait_for_all();
        self.compute.close();
        self.communication.close();
        self.modules.unload();
    }
}

/// The driver's list for arguments in one block of memory; their size is named so that it can refuse a wrong one.
fn packed_arguments(arguments: &[u8], size: &mut usize) -> [*mut c_void; 5] {
    // CU_LAUNCH_PARAM_BUFFER_POINTER, CU_LAUNCH_PARAM_BUFFER_SIZE and CU_LAUNCH_PARAM_END.
    let [pointer, length, end] = [1, 2, 0].map(ptr::without_provenance_mut::<c_void>);
    [pointer, arguments.as_ptr().cast_mut().cast(), length, ptr::from_mut(size).cast(), end]
}

fn rectangle_copy(from: Rectangle, to: Rectangle, bytes: usize, rows: usize) -> sys::CUDA_MEMCPY2D {
    // Which of the memories is the host's, the driver sees from the addresses.
    const ANYWHERE: sys::CUmemorytype = sys::CUmemorytype_enum::CU_MEMORYTYPE_UNIFIED;
    sys::CUDA_MEMCPY2D {
        srcXInBytes: 0,
        srcY: 0,
        srcMemoryType: ANYWHERE,
        srcHost: ptr::null(),
        srcDevice: from.address,
        srcArray: ptr::null_mut(),
        srcPitch: from.pitch,
        dstXInBytes: 0,
        dstY: 0,
        dstMemoryType: ANYWHERE,
        dstHost: ptr::null_mut(),
        dstDevice: to.address,
        dstArray: ptr::null_mut(),
        dstPitch: to.pitch,
        WidthInBytes: bytes,
        Height: rows,
    }
}
