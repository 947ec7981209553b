//! The face of `cuda.rs` in a build without CUDA: no GPU, and how to get one.

use super::{Device, Survey};
use crate::error::{Error, Result};
use std::rc::Rc;

const ABSENT: &str = "this program is built without the feature `cuda`";

/// What is there for jobs on GPUs.
pub fn survey() -> Survey {
    Survey { gpus: Err(format!("none: {ABSENT}")), libraries: Vec::new() }
}

/// Number of GPUs that this process sees.
///
/// # Errors
/// Resource error: there are none.
pub fn count() -> Result<usize> {
    Err(Error::resource(ABSENT).next("build it with the default features, or set `device = \"cpu\"` under `[engine]`"))
}

/// Opens a GPU.
///
/// # Errors
/// As [`count`].
pub fn open(_number: usize) -> Result<Rc<dyn Device>> {
    count().and(Err(Error::internal(ABSENT)))
}

/// A range that nobody hears of.
pub struct Range;

/// Begins a range that nobody hears of.
pub fn range(_name: impl FnOnce() -> String) -> Range {
    Range
}
