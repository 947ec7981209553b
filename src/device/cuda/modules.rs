//! Kernels by name: compiled, loaded and looked up on first use.

use super::cache::{self, Cache};
use super::compiler::{self, Compiler};
use super::failure;
use crate::device::kernels::{self, Source};
use crate::error::{Error, Result};
use crate::linalg::Precision;
use cudarc::driver::{DriverError, result, sys};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::CString;

/// What compiled kernels depend on besides their sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Versions {
    /// Compute capability.
    pub(super) architecture: (u32, u32),
    /// CUDA version of the driver, as it tells it: 13000.
    pub(super) driver: u32,
}

/// The kernels of one device.
pub(super) struct Modules {
    versions: Versions,
    /// Bytes of shared memory that a block may have, static and dynamic.
    shared: u32,
    cache: Cache,
    functions: RefCell<HashMap<String, sys::CUfunction>>,
    loaded: RefCell<HashMap<(&'static str, &'static str), sys::CUmodule>>,
}

impl Modules {
    pub(super) fn new(versions: Versions, shared: u32) -> Modules {
        let cache = Cache::of_environment();
        Modules { versions, shared, cache, functions: RefCell::default(), loaded: RefCell::default() }
    }

    /// The kernel of this name, for instance `dense_f64`.
    pub(super) fn function(&self, kernel: &str) -> Result<sys::CUfunction> {
        if let Some(function) = self.functions.borrow().get(kernel) {
            return Ok(*function);
        }
        let function = self.find(kernel)?;
        self.allow_shared_memory(kernel, function)?;
        self.functions.borrow_mut().insert(kernel.into(), function);
        Ok(function)
    }

    fn find(&self, kernel: &str) -> Result<sys::CUfunction> {
        let unknown = || Error::internal(format!("there is no kernel `{kernel}`"));
        let (name, precision) = kernels::split_name(kernel).ok_or_else(unknown)?;
        let symbol = CString::new(kernel).map_err(|_| unknown())?;
        for source in kernels::likely_sources(name) {
            let module = self.module(source, precision)?;
            // SAFETY: the module is loaded and stays so.
            match unsafe { result::module::get_function(module, symbol.clone()) } {
                Ok(function) => return Ok(function),
                Err(DriverError(sys::CUresult::CUDA_ERROR_NOT_FOUND)) => {}
                Err(error) => return Err(failure::driver(&format!("looking up the kernel {kernel}"), error)),
            }
        }
        Err(unknown())
    }

    fn module(&self, source: Source, precision: Precision) -> Result<sys::CUmodule> {
        let place = (source.name, kernels::real(precision));
        if let Some(module) = self.loaded.borrow().get(&place) {
            return Ok(*module);
        }
        let code = self.code(source, precision)?;
        // SAFETY: the code is a whole cubin, as the cache has checked or the compiler has made; the driver copies it.
        let module = unsafe { result::module::load_data(code.as_ptr().cast()) };
        let module = module.map_err(|error| failure::driver(&format!("loading kernels/{}", source.name), error))?;
        self.loaded.borrow_mut().insert(place, module);
        Ok(module)
    }

    /// From the cache, or compiled.
    fn code(&self, source: Source, precision: Precision) -> Result<Vec<u8>> {
        let compiler = Compiler::new(self.versions.architecture)?;
        let (major, minor) = self.versions.architecture;
        let real = kernels::real(precision);
        let key = file_key(source, &compiler.options(precision), self.versions.driver, compiler::version()?);
        let stem = source.name.trim_end_matches(".cu");
        let file = format!("{stem}-{real}-sm_{major}{minor}-{}.cubin", &key[..32]);
        self.cache.get(&file, || {
            tracing::info!("compiling kernels/{} for {real}, sm_{major}{minor}", source.name);
            compiler.compile(source, precision)
        })
    }

    /// More than 48 KiB of dynamic shared memory must be allowed to each kernel.
    fn allow_shared_memory(&self, kernel: &str, function: sys::CUfunction) -> Result<()> {
        use sys::CUfunction_attribute_enum as Attribute;
        let action = || format!("allowing shared memory to the kernel {kernel}");
        // SAFETY: the function belongs to a loaded module.
        unsafe {
            let fixed = Attribute::CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES;
            let fixed = result::function::get_function_attribute(function, fixed);
            let fixed = fixed.map_err(|error| failure::driver(&action(), error))?;
            let dynamic = Attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
            let most = self.shared as i32 - fixed;
            let set = result::function::set_function_attribute(function, dynamic, most);
            set.map_err(|error| failure::driver(&action(), error))
        }
    }

    /// Unloads all; the device's context is the current one.
    pub(super) fn unload(&self) {
        self.functions.borrow_mut().clear();
        for (_, module) in self.loaded.borrow_mut().drain() {
            // SAFETY: its functions have just been forgotten. A failure leaves it to the end of the context.
            let _ = unsafe { result::module::unload(module) };
        }
    }
}

/// The hash of everything that the machine code of a source depends on.
fn file_key(source: Source, options: &[String], driver: u32, nvrtc: (u32, u32)) -> String {
    let versions = format!("driver {driver}, NVRTC {}.{}", nvrtc.0, nvrtc.1);
    let headers = kernels::headers().flat_map(|header| [header.name, header.text]);
    let own = [source.name, source.text, &versions];
    cache::key(own.into_iter().chain(options.iter().map(String::as_str)).chain(headers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_code_is_kept_for_one_source_one_machine_and_one_compiler() {
        let source = kernels::sources().next().unwrap();
        let options = |real: &str| vec!["--gpu-architecture=sm_90".to_string(), format!("-DREAL={real}")];
        let first = file_key(source, &options("double"), 13000, (13, 0));
        let changed = Source { text: "// other", ..source };
        let others = [
            file_key(changed, &options("double"), 13000, (13, 0)),
            file_key(source, &options("float"), 13000, (13, 0)),
            file_key(source, &options("double"), 12080, (13, 0)),
            file_key(source, &options("double"), 13000, (12, 9)),
        ];
        assert!(!others.contains(&first));
        assert_eq!(first, file_key(source, &options("double"), 13000, (13, 0)));
    }
}
