//! The face of `nccl.rs` in a build without CUDA.

use super::Communicator;
use super::device::DeviceCommunicator;
use crate::device::Device;
use crate::error::{Error, Result};
use std::rc::Rc;

/// Whether NCCL can be used.
pub(super) fn available() -> Result<()> {
    Err(Error::resource("this program is built without the feature `cuda`").next("build it with the default features"))
}

/// Connects the devices of a group.
pub(super) fn connect(_comm: Rc<dyn Communicator>, _device: Rc<dyn Device>) -> Result<Box<dyn DeviceCommunicator>> {
    available().and(Err(Error::internal("there is no NCCL")))
}
