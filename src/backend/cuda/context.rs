//! What all shards of one device share: the device, memory for tables and memory to work in.

use super::arguments::{Plain, bytes_of};
use crate::backend::Precision;
use crate::device::{Device, Launch, Memory, Stream, kernels};
use crate::error::Result;
use std::cell::RefCell;
use std::rc::Rc;

/// Bytes of tables from the start; more are allocated only for larger ones.
const TABLE_BYTES: usize = 1 << 22;
/// What everything in memory is aligned to.
const ALIGNMENT: usize = 256;
/// Threads of a block, but for the kernels that need many registers.
pub(super) const THREADS: u32 = 256;

/// The value, where only a broken device or a defect of ours leaves none.
///
/// A verb of a shard has no way to fail: what may run out is reserved before. So it panics with the error, which ends the
/// whole job with its words and its exit code.
pub(super) fn done<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| std::panic::panic_any(error))
}

/// One device and its memory for intermediate results.
pub(super) struct Context {
    pub(super) device: Rc<dyn Device>,
    pub(super) precision: Precision,
    tables: RefCell<Tables>,
    workspace: RefCell<Memory>,
    /// Memory for messages: the communication stream has its own.
    messages: RefCell<Memory>,
}

/// A ring of memory. Calls on a stream run in order, so what is overwritten has been used.
struct Tables {
    memory: Memory,
    next: usize,
    /// Smaller rings of before: tables of the same call may still lie there.
    outgrown: Vec<Memory>,
}

impl Context {
    pub(super) fn new(device: Rc<dyn Device>, precision: Precision) -> Result<Context> {
        let tables = Tables { memory: Memory::new(device.clone(), TABLE_BYTES)?, next: 0, outgrown: Vec::new() };
        let small = || Ok(RefCell::new(Memory::new(device.clone(), ALIGNMENT)?));
        let (workspace, messages) = (small()?, small()?);
        Ok(Context { device, precision, tables: RefCell::new(tables), workspace, messages })
    }

    /// Bytes of an amplitude.
    pub(super) fn amplitude(&self) -> usize {
        self.precision.amplitude_bytes()
    }

    /// Copies a table to the device; it stays until as much as the ring holds has been copied after it.
    pub(super) fn table(&self, bytes: &[u8]) -> u64 {
        let mut tables = self.tables.borrow_mut();
        let length = bytes.len().next_multiple_of(ALIGNMENT);
        if 4 * length > tables.memory.bytes() {
            // A call takes few tables: with room for four of the largest none meets another of the same call.
            let larger = done(Memory::new(self.device.clone(), 4 * length.max(tables.memory.bytes() / 2)));
            let outgrown = std::mem::replace(&mut tables.memory, larger);
            tables.outgrown.push(outgrown);
            tables.next = 0;
        } else if tables.next + length > tables.memory.bytes() {
            tables.next = 0;
        }
        let address = tables.memory.address() + tables.next as u64;
        tables.next += length;
        done(self.device.upload(Stream::Compute, bytes, address));
        address
    }

    /// As [`Context::table`], of plain values.
    pub(super) fn table_of<T: Plain>(&self, values: &[T]) -> u64 {
        self.table(bytes_of(values))
    }

    /// Makes sure that the verbs find so many bytes to work in.
    pub(super) fn reserve(&self, bytes: usize) -> Result<()> {
        self.grow(&self.workspace, bytes)
    }

    fn grow(&self, memory: &RefCell<Memory>, bytes: usize) -> Result<()> {
        if bytes > memory.borrow().bytes() {
            memory.replace(Memory::new(self.device.clone(), bytes)?);
        }
        Ok(())
    }

    /// Address of memory for a message, whose content lasts until the next call.
    pub(super) fn message(&self, bytes: usize) -> u64 {
        done(self.grow(&self.messages, bytes));
        self.messages.borrow().address()
    }

    /// Addresses of pieces of memory of these sizes, whose content lasts until the next call.
    pub(super) fn workspace<const N: usize>(&self, bytes: [usize; N]) -> [u64; N] {
        let aligned = bytes.map(|bytes| bytes.next_multiple_of(ALIGNMENT));
        done(self.reserve(aligned.iter().sum()));
        let mut next = self.workspace.borrow().address();
        aligned.map(|bytes| {
            let address = next;
            next += bytes as u64;
            address
        })
    }

    /// Runs a kernel in the shards' precision.
    pub(super) fn launch(&self, kernel: &str, blocks: u32, threads: u32, shared: usize, arguments: &[u8]) {
        self.launch_on(Stream::Compute, kernel, Launch { blocks, threads, shared: shared as u32 }, arguments);
    }

    /// As [`Context::launch`], on a stream.
    pub(super) fn launch_on(&self, stream: Stream, kernel: &str, launch: Launch, arguments: &[u8]) {
        if launch.blocks == 0 {
            return;
        }
        let name = format!("{kernel}{}", kernels::suffix(self.precision));
        // SAFETY: the structures of `arguments` are those of the kernels, and shards name their own memory and workspace.
        done(unsafe { self.device.launch(stream, &name, launch, arguments) });
    }

    /// Copies bytes from the device.
    pub(super) fn download(&self, from: u64, bytes: &mut [u8]) {
        done(self.device.download(Stream::Compute, from, bytes));
    }
}
