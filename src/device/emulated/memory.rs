//! The memory of the emulated GPU: counted, and full of what is no number until something is written there.
//!
//! A range that can grow is a range of addresses without memory, of which more and more pages are given some; whoever
//! touches the others is stopped by the system.

use crate::error::{Error, Result};
use std::alloc::Layout;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ptr;

/// What the memory of every allocation is aligned to.
const ALIGNMENT: usize = 256;
/// New memory is filled with this byte: numbers of it are not numbers.
const POISON: u8 = 0xff;
/// Ranges grow in pieces of so many bytes: whole pages of any machine.
pub(super) const UNIT: usize = 1 << 16;

/// All memory of one device, and what it has of the host's.
pub(super) struct Memory {
    total: u64,
    used: Cell<u64>,
    used_on_host: Cell<u64>,
    blocks: RefCell<HashMap<u64, Block>>,
}

#[derive(Debug, Clone, Copy)]
enum Block {
    Fixed(Layout),
    OnHost(Layout),
    Growing { most: usize, bytes: usize },
}

impl Memory {
    pub(super) fn new(total: u64) -> Memory {
        Memory { total, used: Cell::new(0), used_on_host: Cell::new(0), blocks: RefCell::default() }
    }

    /// Bytes that can be allocated, and bytes in all.
    pub(super) fn state(&self) -> (u64, u64) {
        (self.total - self.used.get(), self.total)
    }

    /// Bytes of the host.
    pub(super) fn on_host(&self) -> u64 {
        self.used_on_host.get()
    }

    pub(super) fn allocate(&self, bytes: usize) -> Result<u64> {
        self.check(bytes.max(1))?;
        let (address, layout) = self.poisoned(bytes)?;
        self.used.set(self.used.get() + layout.size() as u64);
        self.blocks.borrow_mut().insert(address, Block::Fixed(layout));
        Ok(address)
    }

    pub(super) fn allocate_on_host(&self, bytes: usize) -> Result<u64> {
        let (address, layout) = self.poisoned(bytes)?;
        self.used_on_host.set(self.on_host() + layout.size() as u64);
        self.blocks.borrow_mut().insert(address, Block::OnHost(layout));
        Ok(address)
    }

    /// Fails unless so many more bytes fit.
    fn check(&self, bytes: usize) -> Result<()> {
        if bytes as u64 <= self.state().0 { Ok(()) } else { Err(self.exhausted(bytes)) }
    }

    fn exhausted(&self, bytes: usize) -> Error {
        let what = format!("the emulated GPU has no memory for {bytes} bytes, only for {}", self.state().0);
        Error::resource(what)
            .next("make the state smaller; RHOSHARD_EMULATED_MEMORY sets the bytes of the emulated GPU")
    }

    fn poisoned(&self, bytes: usize) -> Result<(u64, Layout)> {
        let layout = Layout::from_size_align(bytes.max(1), ALIGNMENT).map_err(|_| self.exhausted(bytes))?;
        // SAFETY: the layout has a size, and the memory just allocated has that size.
        unsafe {
            let address = std::alloc::alloc(layout);
            if address.is_null() {
                return Err(self.exhausted(bytes));
            }
            address.write_bytes(POISON, layout.size());
            Ok((address as u64, layout))
        }
    }

    /// Addresses for so many bytes, none of which may be touched.
    pub(super) fn reserve(&self, bytes: usize) -> Result<u64> {
        let most = bytes.next_multiple_of(UNIT);
        let (none, flags) = (libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE);
        // SAFETY: a new mapping at an address of the system's choice.
        let address = unsafe { libc::mmap(ptr::null_mut(), most, none, flags, -1, 0) };
        if address == libc::MAP_FAILED {
            return Err(Error::resource(format!("the system has no addresses for {most} bytes")));
        }
        self.blocks.borrow_mut().insert(address as u64, Block::Growing { most, bytes: 0 });
        Ok(address as u64)
    }

    /// Gives a reserved range so many bytes of memory in all.
    pub(super) fn extend(&self, address: u64, wanted: usize) -> Result<()> {
        let block = self.blocks.borrow().get(&address).copied();
        let Some(Block::Growing { most, bytes }) = block else {
            return Err(Error::internal("memory that was not reserved cannot grow"));
        };
        let wanted = wanted.next_multiple_of(UNIT).max(bytes);
        if wanted > most {
            return Err(Error::internal("a range of memory grows beyond its end"));
        }
        self.check(wanted - bytes)?;
        // SAFETY: the pages lie in a mapping of our own, and nothing has used them before.
        unsafe {
            let fresh = (address as *mut u8).add(bytes);
            if libc::mprotect(fresh.cast(), wanted - bytes, libc::PROT_READ | libc::PROT_WRITE) != 0 {
                return Err(self.exhausted(wanted - bytes));
            }
            fresh.write_bytes(POISON, wanted - bytes);
        }
        self.used.set(self.used.get() + (wanted - bytes) as u64);
        self.blocks.borrow_mut().insert(address, Block::Growing { most, bytes: wanted });
        Ok(())
    }

    pub(super) fn release(&self, address: u64) {
        let Some(block) = self.blocks.borrow_mut().remove(&address) else { return };
        let (used, bytes) = match block {
            Block::Fixed(layout) => (&self.used, layout.size()),
            Block::OnHost(layout) => (&self.used_on_host, layout.size()),
            Block::Growing { bytes, .. } => (&self.used, bytes),
        };
        used.set(used.get() - bytes as u64);
        // SAFETY: the block was made in this way and is forgotten.
        unsafe {
            match block {
                Block::Fixed(layout) | Block::OnHost(layout) => std::alloc::dealloc(address as *mut u8, layout),
                Block::Growing { most, .. } => drop(libc::munmap(address as *mut _, most)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_at(address: u64, count: usize) -> Vec<u8> {
        // SAFETY: the tests read memory that they have just been given.
        unsafe { std::slice::from_raw_parts(address as *const u8, count) }.to_vec()
    }

    #[test]
    fn a_range_keeps_its_content_when_it_grows_and_what_is_new_is_poisoned() {
        let memory = Memory::new(10 * UNIT as u64);
        let address = memory.reserve(4 * UNIT).unwrap();
        assert_eq!(memory.state().0, 10 * UNIT as u64, "addresses are no memory");
        memory.extend(address, 100).unwrap();
        assert_eq!(memory.state().0, 9 * UNIT as u64);
        // SAFETY: the range has so much memory.
        unsafe { (address as *mut u8).write_bytes(7, UNIT) };
        memory.extend(address, 2 * UNIT + 1).unwrap();
        assert_eq!(memory.state().0, 7 * UNIT as u64);
        assert_eq!(bytes_at(address, 3 * UNIT), [vec![7; UNIT], vec![POISON; 2 * UNIT]].concat());
        let other = memory.allocate(7 * UNIT).unwrap();
        assert!(memory.extend(address, 4 * UNIT).unwrap_err().what.contains("no memory for 65536 bytes, only for 0"));
        assert_eq!(bytes_at(address, UNIT), vec![7; UNIT]);
        assert!(memory.extend(other, UNIT).is_err() && memory.extend(address, 5 * UNIT).is_err());
        memory.release(address);
        memory.release(other);
        assert_eq!(memory.state().0, memory.total);
    }

    #[test]
    fn memory_of_the_host_is_counted_apart() {
        let memory = Memory::new(100);
        let address = memory.allocate_on_host(1000).unwrap();
        assert_eq!((memory.on_host(), memory.state().0), (1000, 100));
        assert_eq!(bytes_at(address, 1000), [POISON; 1000]);
        memory.release(address);
        assert_eq!(memory.on_host(), 0);
    }
}
