//! Memory that grows where it lies, and memory of the host.
//!
//! The driver separates addresses from memory: a range of addresses is reserved, and pieces of memory are mapped into it one
//! behind the other. Copies, kernels and products see one range. Not every GPU and driver can do that.

use super::{explain, failure, gpus};
use crate::error::{Error, Result};
use cudarc::driver::{DriverError, result, sys};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_void;

/// What is not plain memory of the device, by address.
pub(super) struct Ranges {
    device: sys::CUdevice,
    /// Pieces have a multiple of so many bytes; nothing where ranges cannot grow.
    unit: Option<usize>,
    held: RefCell<HashMap<u64, Held>>,
}

enum Held {
    Growing(Range),
    /// Pinned memory of the host, at its address there.
    OnHost(*mut c_void, usize),
}

struct Range {
    /// Bytes of addresses.
    most: usize,
    /// Its memory, from the beginning without a gap.
    pieces: Vec<Piece>,
}

struct Piece {
    handle: sys::CUmemGenericAllocationHandle,
    bytes: usize,
}

type Answer<T> = std::result::Result<T, DriverError>;

impl Ranges {
    pub(super) fn new(device: sys::CUdevice) -> Ranges {
        Ranges { device, unit: unit_of(device), held: RefCell::default() }
    }

    pub(super) fn unit(&self) -> Option<usize> {
        self.unit
    }

    /// Addresses for so many bytes.
    pub(super) fn reserve(&self, bytes: usize) -> Result<u64> {
        let unit = self.unit.ok_or_else(|| Error::internal("the memory of this GPU cannot grow"))?;
        let (most, mut address) = (bytes.next_multiple_of(unit), 0);
        // SAFETY: the place may be written; the driver chooses the address.
        let reserved = unsafe { sys::cuMemAddressReserve(&mut address, most, unit, 0, 0) }.result();
        reserved.map_err(explain("reserving addresses"))?;
        self.held.borrow_mut().insert(address, Held::Growing(Range { most, pieces: Vec::new() }));
        Ok(address)
    }

    /// Gives a range memory for so many bytes; `exhausted` is the error when there is no more.
    pub(super) fn extend(&self, address: u64, bytes: usize, exhausted: impl Fn(usize) -> Error) -> Result<()> {
        let mut held = self.held.borrow_mut();
        let (Some(Held::Growing(range)), Some(unit)) = (held.get_mut(&address), self.unit) else {
            return Err(Error::internal("memory that was not reserved cannot grow"));
        };
        let has: usize = range.pieces.iter().map(|piece| piece.bytes).sum();
        let more = bytes.next_multiple_of(unit).saturating_sub(has);
        if has + more > range.most {
            return Err(Error::internal("a range of memory grows beyond its end"));
        }
        if more > 0 {
            let mapped = mapped(self.device, address + has as u64, more);
            range.pieces.push(mapped.map_err(|error| match error.0 {
                sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => exhausted(more),
                _ => failure::driver(&format!("adding {more} bytes of memory"), error),
            })?);
        }
        Ok(())
    }

    /// New pinned memory of the host; its address on the device.
    pub(super) fn allocate_on_host(&self, bytes: usize) -> Result<u64> {
        let flags = sys::CU_MEMHOSTALLOC_PORTABLE | sys::CU_MEMHOSTALLOC_DEVICEMAP;
        let failed = |error| match error {
            DriverError(sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY) => Error::resource(format!(
                "the host has no {bytes} bytes of memory that the GPU can reach"
            ))
            .next("use more nodes, set `memory` under `[engine]`, or see `ulimit -l` and the job's memory limit"),
            error => failure::driver(&format!("allocating {bytes} bytes of pinned host memory"), error),
        };
        // SAFETY: the memory is given back by `release`, and nobody has its address yet. Nothing cannot be allocated.
        let own = unsafe { result::malloc_host(bytes.max(1), flags) }.map_err(failed)?;
        let mut address = 0;
        // SAFETY: the memory was just allocated to be mapped, and the place may be written.
        let found = unsafe { sys::cuMemHostGetDevicePointer_v2(&mut address, own, 0) }.result();
        // SAFETY: nobody has the address yet.
        let found = found.or_else(|error| unsafe { result::free_host(own) }.and(Err(error)));
        found.map_err(failed)?;
        self.held.borrow_mut().insert(address, Held::OnHost(own, bytes.max(1)));
        Ok(address)
    }

    /// Bytes of pinned memory of the host.
    pub(super) fn on_host(&self) -> u64 {
        let bytes = |held: &Held| if let Held::OnHost(_, bytes) = held { *bytes as u64 } else { 0 };
        self.held.borrow().values().map(bytes).sum()
    }

    /// Gives memory of any kind back, which nothing uses any more.
    pub(super) fn release(&self, address: u64) -> Answer<()> {
        let held = self.held.borrow_mut().remove(&address);
        // SAFETY: the memory was made in the same way, and the caller forgets the address.
        unsafe {
            match held {
                Some(Held::Growing(range)) => range.give_back(address),
                Some(Held::OnHost(own, _)) => result::free_host(own),
                None => result::free_sync(address),
            }
        }
    }
}

impl Range {
    /// Piece by piece, the last one first, and then the addresses.
    unsafe fn give_back(self, address: u64) -> Answer<()> {
        let mut end = address + self.pieces.iter().map(|piece| piece.bytes as u64).sum::<u64>();
        for piece in self.pieces.into_iter().rev() {
            end -= piece.bytes as u64;
            // SAFETY: the piece is mapped there, whole.
            unsafe {
                sys::cuMemUnmap(end, piece.bytes).result()?;
                sys::cuMemRelease(piece.handle).result()?;
            }
        }
        // SAFETY: the range was reserved with this size, and nothing is mapped there any more.
        unsafe { sys::cuMemAddressFree(address, self.most) }.result()
    }
}

/// The least that ranges grow by; nothing where they cannot.
fn unit_of(device: sys::CUdevice) -> Option<usize> {
    use sys::CUdevice_attribute_enum::CU_DEVICE_ATTRIBUTE_VIRTUAL_ADDRESS_MANAGEMENT_SUPPORTED as SUPPORTED;
    // A driver that does not know the question cannot do it.
    gpus::attribute_of(device, SUPPORTED).ok().filter(|supported| *supported != 0)?;
    let (mut bytes, properties) = (0, properties(device));
    let least = sys::CUmemAllocationGranularity_flags_enum::CU_MEM_ALLOC_GRANULARITY_MINIMUM;
    // SAFETY: the place may be written, and the properties are those of memory of the device.
    unsafe { sys::cuMemGetAllocationGranularity(&mut bytes, &properties, least) }.result().ok()?;
    Some(bytes).filter(|bytes| *bytes > 0)
}

/// New memory of so many bytes at addresses that have none.
fn mapped(device: sys::CUdevice, address: u64, bytes: usize) -> Answer<Piece> {
    let mut handle = 0;
    // SAFETY: the place may be written, and the properties are those of memory of the device.
    unsafe { sys::cuMemCreate(&mut handle, bytes, &properties(device), 0) }.result()?;
    let access = sys::CUmemAccessDesc {
        location: location(device),
        flags: sys::CUmemAccess_flags_enum::CU_MEM_ACCESS_FLAGS_PROT_READWRITE,
    };
    // SAFETY: the addresses lie in a range of our own and have no memory; what was done is undone if the rest fails.
    unsafe {
        let mapped = sys::cuMemMap(address, bytes, 0, handle, 0).result();
        let usable = mapped.and_then(|()| {
            let usable = sys::cuMemSetAccess(address, bytes, &access, 1).result();
            usable.or_else(|error| sys::cuMemUnmap(address, bytes).result().and(Err(error)))
        });
        usable.or_else(|error| sys::cuMemRelease(handle).result().and(Err(error)))?;
    }
    Ok(Piece { handle, bytes })
}

fn location(device: sys::CUdevice) -> sys::CUmemLocation {
    sys::CUmemLocation { type_: sys::CUmemLocationType_enum::CU_MEM_LOCATION_TYPE_DEVICE, id: device }
}

fn properties(device: sys::CUdevice) -> sys::CUmemAllocationProp {
    sys::CUmemAllocationProp {
        type_: sys::CUmemAllocationType_enum::CU_MEM_ALLOCATION_TYPE_PINNED,
        requestedHandleTypes: sys::CUmemAllocationHandleType_enum::CU_MEM_HANDLE_TYPE_NONE,
        location: location(device),
        win32HandleMetaData: std::ptr::null_mut(),
        allocFlags: sys::CUmemAllocationProp_st__bindgen_ty_1 {
            compressionType: 0,
            gpuDirectRDMACapable: 0,
            usage: 0,
            reserved: [0; 4],
        },
    }
}
