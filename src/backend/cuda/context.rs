//! What all shards of one device share: the device, memory for tables and memory to work in.

use super::arguments::{Plain, bytes_of};
use super::spill::Blocks;
use crate::backend::Precision;
use crate::device::{Device, Launch, Memory, Stream, kernels};
use crate::error::{Error, Result};
use num_complex::Complex64;
use std::cell::{OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// Bytes of a panel of rows, if there are rows enough; fewer on a device with little memory, of which it takes no more than
/// `1 / SMALL_PART`.
const PANEL_BYTES: usize = 1 << 26;
const SMALL_PART: u64 = 64;
/// The ring of tables is that much smaller than a panel from the start; it has room for four tables of that size at most.
const TABLE_PART: usize = 16;
/// No call reads more tables.
const TABLES_OF_A_CALL: usize = 3;
/// Bytes of a complex number in double precision.
pub(super) const ENTRY: usize = size_of::<Complex64>();
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
    panel_bytes: usize,
    /// Bytes of the host's memory that shards may take.
    host_bytes: u64,
    /// What spilled shards compute in, from the first on.
    blocks: OnceCell<Blocks>,
    tables: RefCell<Tables>,
    workspace: RefCell<Memory>,
}

/// A ring of memory. Calls on a stream run in order, so what is overwritten has been used.
struct Tables {
    memory: Memory,
    next: usize,
    /// Smaller rings of before: tables of the same call may still lie there.
    outgrown: Vec<Memory>,
    /// The last tables that are too large for a ring, which would have room for four of them.
    large: VecDeque<Memory>,
}

impl Context {
    pub(super) fn new(device: Rc<dyn Device>, precision: Precision, host_bytes: u64) -> Result<Context> {
        let panel_bytes = PANEL_BYTES.min((device.memory()?.1 / SMALL_PART) as usize);
        let memory = Memory::new(device.clone(), (panel_bytes / TABLE_PART).next_multiple_of(ALIGNMENT))?;
        let tables = RefCell::new(Tables { memory, next: 0, outgrown: Vec::new(), large: VecDeque::new() });
        let workspace = RefCell::new(Memory::new(device.clone(), ALIGNMENT)?);
        let blocks = OnceCell::new();
        Ok(Context { device, precision, panel_bytes, host_bytes, blocks, tables, workspace })
    }

    /// Bytes of a panel of rows, if there are rows enough.
    pub(super) fn panel_bytes(&self) -> usize {
        self.panel_bytes
    }

    /// Whether shards for which the device has no memory may lie in the host's.
    pub(super) fn may_spill(&self) -> bool {
        self.host_bytes > 0
    }

    /// Memory of the host for a shard.
    pub(super) fn host_memory(&self, bytes: usize) -> Result<Memory> {
        let free = self.host_bytes.saturating_sub(self.device.host_memory());
        if bytes as u64 > free {
            return Err(Error::resource(format!("{bytes} bytes of the host's memory are not free, only {free}")));
        }
        Memory::on_host(self.device.clone(), bytes)
    }

    /// Memory for blocks of spilled shards, allocated once.
    pub(super) fn make_blocks(&self) -> Result<()> {
        if self.blocks.get().is_none() {
            let blocks = Blocks::new(self)?;
            self.blocks.get_or_init(|| blocks);
        }
        Ok(())
    }

    pub(super) fn blocks(&self) -> &Blocks {
        self.blocks.get().expect("blocks are made when a shard is spilled")
    }

    /// Bytes of an amplitude.
    pub(super) fn amplitude(&self) -> usize {
        self.precision.amplitude_bytes()
    }

    /// Copies a table to the device; it stays until as much as the ring holds has been copied after it.
    pub(super) fn table(&self, bytes: &[u8]) -> u64 {
        let mut tables = self.tables.borrow_mut();
        let length = bytes.len().next_multiple_of(ALIGNMENT);
        if length > self.panel_bytes / TABLE_PART {
            return self.large_table(bytes, &mut tables.large);
        }
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

    /// Memory of its own; that of a table which no call reads any more is given back first.
    fn large_table(&self, bytes: &[u8], large: &mut VecDeque<Memory>) -> u64 {
        if large.len() == TABLES_OF_A_CALL {
            large.pop_front();
        }
        let memory = done(Memory::new(self.device.clone(), bytes.len()));
        let address = memory.address();
        large.push_back(memory);
        done(self.device.upload(Stream::Compute, bytes, address));
        address
    }

    /// As [`Context::table`], of plain values.
    pub(super) fn table_of<T: Plain>(&self, values: &[T]) -> u64 {
        self.table(bytes_of(values))
    }

    /// Makes sure that the verbs find so many bytes to work in; what is there may be lost. Where the memory cannot grow, it is
    /// given back before the new is asked for: there may not be room for both.
    pub(super) fn reserve(&self, bytes: usize) -> Result<()> {
        let before = self.workspace.borrow().bytes();
        if self.workspace.borrow_mut().grow(bytes)? {
            return Ok(());
        }
        let anew = |bytes| Memory::growable(self.device.clone(), bytes);
        drop(self.workspace.replace(anew(ALIGNMENT)?));
        let (found, outcome) = match anew(bytes) {
            Ok(grown) => (grown, Ok(())),
            Err(error) => (anew(before)?, Err(error)),
        };
        self.workspace.replace(found);
        outcome
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
