//! The GPUs of this node: what they are, without using them.

use super::libraries::{CUSOLVER, DRIVER, Library, NCCL};
use super::{compiler, eigen, failure, products};
use crate::device::{Gpu, Survey};
use crate::error::{Error, Result};
use cudarc::driver::{result, sys};

/// What is there for jobs on GPUs.
pub fn survey() -> Survey {
    let nvrtc = || compiler::version().map(|(major, minor)| format!("{major}.{minor}"));
    let libraries = [
        version_of(&DRIVER, driver_description),
        version_of(&super::libraries::NVRTC, nvrtc),
        version_of(&super::libraries::CUBLAS, products::version),
        version_of(&CUSOLVER, eigen::version),
        version_of(&NCCL, nccl_version),
    ];
    let gpus = list().map_err(|error| format!("none: {}", error.what));
    Survey { gpus, libraries: libraries.into() }
}

/// The version, or how to get the library, or why it cannot be used.
fn version_of(
    library: &'static Library,
    version: impl FnOnce() -> Result<String>,
) -> (&'static str, std::result::Result<String, String>) {
    let found = match library.load() {
        Ok(_) => version().map_err(|error| error.what),
        Err(error) => Err(library.advice(&error)),
    };
    (library.name, found)
}

/// Number of GPUs that this process sees.
///
/// # Errors
/// Resource error that says whether the driver, a GPU or access to it is missing.
pub fn count() -> Result<usize> {
    DRIVER.load()?;
    let count = result::init().and_then(|()| result::device::get_count());
    match count.map_err(|error| failure::driver("starting CUDA", error))? {
        0 => {
            Err(Error::resource("the driver shows no GPU")
                .next("see CUDA_VISIBLE_DEVICES, and what `nvidia-smi` shows"))
        }
        count => Ok(count as usize),
    }
}

fn list() -> Result<Vec<Gpu>> {
    (0..count()?).map(|number| describe(number).map(|(_, gpu)| gpu)).collect()
}

/// The driver's handle of a GPU and what it is.
pub(super) fn describe(number: usize) -> Result<(sys::CUdevice, Gpu)> {
    try_describe(number).map_err(|error| failure::driver(&format!("asking for GPU {number}"), error))
}

fn try_describe(number: usize) -> std::result::Result<(sys::CUdevice, Gpu), result::DriverError> {
    use sys::CUdevice_attribute_enum as Attribute;
    let device = result::device::get(number as i32)?;
    let attribute = |attribute| attribute_of(device, attribute);
    let gpu = Gpu {
        name: result::device::get_name(device)?,
        architecture: (
            attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
            attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
        ),
        // SAFETY: the handle comes from the driver.
        memory: unsafe { result::device::total_mem(device)? } as u64,
        multiprocessors: attribute(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
        single_per_double: attribute(Attribute::CU_DEVICE_ATTRIBUTE_SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO)?,
    };
    Ok((device, gpu))
}

/// A number that is never negative.
pub(super) fn attribute_of(
    device: sys::CUdevice,
    attribute: sys::CUdevice_attribute_enum,
) -> std::result::Result<u32, result::DriverError> {
    // SAFETY: the handle comes from the driver.
    unsafe { result::device::get_attribute(device, attribute) }.map(|value| value as u32)
}

/// The CUDA version of the driver: 13000 for 13.0.
pub(super) fn driver_version() -> Result<u32> {
    DRIVER.load()?;
    let mut version = 0;
    // SAFETY: the library is loaded, and the place may be written.
    let answer = unsafe { sys::cuDriverGetVersion(&mut version) }.result();
    answer.map(|()| version as u32).map_err(|error| failure::driver("asking the driver's version", error))
}

/// `580.65.06 (CUDA 13.0)`; the first only where the kernel module tells it.
fn driver_description() -> Result<String> {
    let version = driver_version()?;
    let cuda = format!("CUDA {}.{}", version / 1000, version % 1000 / 10);
    let module = std::fs::read_to_string("/proc/driver/nvidia/version").unwrap_or_default();
    let release =
        module.split_whitespace().find(|word| word.split('.').filter(|part| part.parse::<u32>().is_ok()).count() > 1);
    Ok(release.map_or(cuda.clone(), |release| format!("{release} ({cuda})")))
}

fn nccl_version() -> Result<String> {
    let mut version = 0i32;
    // SAFETY: NCCL's function has this signature in all its versions, and the place may be written.
    let status = unsafe { NCCL.function::<unsafe extern "C" fn(*mut i32) -> i32>("ncclGetVersion")?(&mut version) };
    match status {
        0 => Ok(format!("{}.{}.{}", version / 10_000, version / 100 % 100, version % 100)),
        status => Err(Error::resource(format!("NCCL does not tell its version (error {status})"))),
    }
}
