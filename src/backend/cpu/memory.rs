//! Memory of a shard and of scratch tiles.

use super::scalar::BLOCK_BYTES;
use num_complex::Complex;
use rayon::prelude::*;
use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// One block of memory, aligned as the vectors are.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Block([u8; BLOCK_BYTES]);

impl Block {
    pub(super) const ZERO: Block = Block([0; BLOCK_BYTES]);
}

/// Bytes that one thread zeroes at a time: whole huge pages.
const PIECE: usize = 4 << 20;

/// Amplitudes in pages of their own, so that they are aligned, lie in huge pages where the system has them, and grow
/// without a second copy.
pub(super) struct Buffer<T> {
    start: *mut Complex<T>,
    length: usize,
}

// SAFETY: the buffer owns its memory, like a vector.
unsafe impl<T: Send> Send for Buffer<T> {}
// SAFETY: as above; shared access only reads.
unsafe impl<T: Sync> Sync for Buffer<T> {}

impl<T: super::scalar::Real> Buffer<T> {
    pub(super) fn new() -> Self {
        Buffer { start: std::ptr::dangling_mut::<Block>().cast(), length: 0 }
    }

    /// Grows to `length` amplitudes; the new ones are zero, and each page of them is first touched by a thread of the
    /// pool. `None` when the memory is not to be had; nothing has changed then.
    pub(super) fn grow(&mut self, length: usize) -> Option<()> {
        let bytes = length.checked_mul(size_of::<Complex<T>>())?;
        let old = self.length * size_of::<Complex<T>>();
        // SAFETY: the old pages are those of this buffer.
        self.start = unsafe { map(self.start.cast(), old, bytes) }?.cast();
        self.length = length;
        // SAFETY: the mapping has `bytes` bytes, of which the first `old` are in use.
        let fresh = unsafe { std::slice::from_raw_parts_mut(self.start.cast::<u8>().add(old), bytes - old) };
        if fresh.len() > PIECE {
            fresh.par_chunks_mut(PIECE).for_each(|piece| piece.fill(0));
        }
        Some(())
    }
}

/// Maps `bytes` bytes, of which the first `old` are those at `start`; the rest is zero.
///
/// # Safety
/// `start` and `old` come from an earlier call, or `old` is zero.
unsafe fn map(start: *mut libc::c_void, old: usize, bytes: usize) -> Option<*mut libc::c_void> {
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping of its own; or the caller's, all of which it gives up.
    let mapped = unsafe {
        match old {
            0 => libc::mmap(std::ptr::null_mut(), bytes, access, kind, -1, 0),
            _ => libc::mremap(start, old, bytes, libc::MREMAP_MAYMOVE),
        }
    };
    if mapped == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the range was just mapped; advice that is not taken changes nothing.
    unsafe { libc::madvise(mapped, bytes, libc::MADV_HUGEPAGE) };
    Some(mapped)
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        if self.length > 0 {
            // SAFETY: the mapping is this buffer's and nothing borrows it any more.
            unsafe { libc::munmap(self.start.cast(), self.length * size_of::<Complex<T>>()) };
        }
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [Complex<T>];

    fn deref(&self) -> &[Complex<T>] {
        // SAFETY: the mapping holds `length` amplitudes, zero or written.
        unsafe { std::slice::from_raw_parts(self.start, self.length) }
    }
}

impl<T> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [Complex<T>] {
        // SAFETY: as above, and the borrow is unique.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.length) }
    }
}

/// Calls `work` with this thread's scratch memory of `blocks` blocks, whose content is arbitrary.
pub(super) fn with_scratch<R>(blocks: usize, work: impl FnOnce(&mut [Block]) -> R) -> R {
    thread_local! {
        static SCRATCH: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
    }
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.len() < blocks {
            scratch.resize(blocks, Block::ZERO);
        }
        work(&mut scratch[..blocks])
    })
}

/// Bytes of the cache that a core has for itself.
pub(super) fn cache_bytes() -> usize {
    // SAFETY: sysconf has no preconditions.
    let level_2 = unsafe { libc::sysconf(libc::_SC_LEVEL2_CACHE_SIZE) };
    if level_2 > 0 { level_2 as usize } else { 1 << 20 }
}
