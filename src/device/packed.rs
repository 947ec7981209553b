//! Memory for what is packed, on the host or on a device.

use super::{Memory, PinnedMemory};

/// Bytes that travel.
pub enum Packed {
    /// In memory of the host.
    Host(Vec<u8>),
    /// In memory of the host that a device's copies reach without a detour.
    Pinned(PinnedMemory),
    /// In memory of a device.
    Device(Memory),
}

impl Default for Packed {
    fn default() -> Self {
        Packed::Host(Vec::new())
    }
}

impl From<Vec<u8>> for Packed {
    fn from(bytes: Vec<u8>) -> Self {
        Packed::Host(bytes)
    }
}

impl Packed {
    /// Bytes in it.
    pub fn bytes(&self) -> usize {
        match self {
            Packed::Host(bytes) => bytes.len(),
            Packed::Pinned(memory) => memory.bytes(),
            Packed::Device(memory) => memory.bytes(),
        }
    }

    /// Address of its first byte, on the host or on the device.
    pub fn address(&self) -> u64 {
        match self {
            Packed::Host(bytes) => bytes.as_ptr().expose_provenance() as u64,
            Packed::Pinned(memory) => memory.address(),
            Packed::Device(memory) => memory.address(),
        }
    }

    /// As [`Packed::address`], for those who write there.
    pub fn address_mut(&mut self) -> u64 {
        match self {
            Packed::Host(bytes) => bytes.as_mut_ptr().expose_provenance() as u64,
            Packed::Pinned(_) | Packed::Device(_) => self.address(),
        }
    }

    /// What is in it, where the host can read it: not in a device's memory.
    pub fn host(&self) -> Option<&[u8]> {
        match self {
            Packed::Host(bytes) => Some(bytes),
            Packed::Pinned(memory) => Some(memory.content()),
            Packed::Device(_) => None,
        }
    }

    /// As [`Packed::host`], to be written.
    pub fn host_mut(&mut self) -> Option<&mut [u8]> {
        match self {
            Packed::Host(bytes) => Some(bytes),
            Packed::Pinned(memory) => Some(memory.content_mut()),
            Packed::Device(_) => None,
        }
    }
}
