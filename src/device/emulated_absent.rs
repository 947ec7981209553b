//! Stands in for the emulated GPU in builds without it.

use super::Device;
use crate::error::{Error, Result};
use std::rc::Rc;

/// The GPU on the CPU.
///
/// # Errors
/// Always: this build has none.
pub fn open() -> Result<Rc<dyn Device>> {
    Err(absent())
}

/// As [`open`], with so many bytes of memory.
///
/// # Errors
/// Always: this build has none.
pub fn with_memory(_bytes: u64) -> Result<Rc<dyn Device>> {
    Err(absent())
}

/// As [`with_memory`], of a device whose memory cannot grow.
///
/// # Errors
/// Always: this build has none.
pub fn without_growth(_bytes: u64) -> Result<Rc<dyn Device>> {
    Err(absent())
}

/// As [`open`], with one barrier of each kernel left out.
///
/// # Errors
/// Always: this build has none.
pub fn without_barrier(_number: u32) -> Result<Rc<dyn Device>> {
    Err(absent())
}

/// How many kernels this thread has run so far: none.
pub fn launches() -> u64 {
    0
}

/// How many eigenproblems this thread has solved so far: none.
pub fn solved() -> u64 {
    0
}

fn absent() -> Error {
    Error::resource("this build has no emulated GPU")
        .next("build with `--features emulated-gpu` (it needs a C++ compiler)")
}
