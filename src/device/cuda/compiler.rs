//! Kernels from source to machine code, by NVRTC.

use super::failure;
use super::libraries::NVRTC;
use crate::device::kernels::{self, Source};
use crate::error::{Error, Result};
use crate::linalg::Precision;
use cudarc::nvrtc::sys;
use std::ffi::{CString, c_char};
use std::ptr;

/// Compiles for one architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compiler {
    /// Compute capability, for instance (9, 0).
    architecture: (u32, u32),
}

impl Compiler {
    /// For GPUs of this compute capability.
    ///
    /// # Errors
    /// Resource error when NVRTC is missing.
    pub fn new(architecture: (u32, u32)) -> Result<Compiler> {
        NVRTC.load().map(|_| Compiler { architecture })
    }

    /// What the compiler is told about a source, besides the source.
    pub fn options(&self, precision: Precision) -> Vec<String> {
        let (major, minor) = self.architecture;
        let mut options = kernels::definitions(precision);
        options.push(format!("--gpu-architecture=sm_{major}{minor}"));
        // Names source lines in profilers and costs nothing.
        options.push("--generate-line-info".into());
        options
    }

    /// The machine code of a source (a cubin).
    ///
    /// # Errors
    /// Resource error with the compiler's log.
    pub fn compile(&self, source: Source, precision: Precision) -> Result<Vec<u8>> {
        let program = Program::new(source)?;
        program.compile(&self.options(precision))?;
        program.cubin()
    }
}

/// Version of NVRTC, major and minor.
///
/// # Errors
/// Resource error when it is missing.
pub fn version() -> Result<(u32, u32)> {
    NVRTC.load()?;
    let (mut major, mut minor) = (0, 0);
    // SAFETY: the library is loaded, and both places may be written.
    let result = unsafe { sys::nvrtcVersion(&mut major, &mut minor) };
    checked("asking NVRTC's version", result, "").map(|()| (major as u32, minor as u32))
}

fn checked(action: &str, result: sys::nvrtcResult, log: &str) -> Result<()> {
    match result {
        sys::nvrtcResult::NVRTC_SUCCESS => Ok(()),
        result => Err(failure::compiler(action, result, log)),
    }
}

/// A source that NVRTC has taken in, and its headers.
struct Program {
    handle: sys::nvrtcProgram,
    name: &'static str,
}

impl Program {
    fn new(source: Source) -> Result<Program> {
        let [text, name] = [source.text, source.name].map(c_text);
        let (text, name) = (text?, name?);
        let headers = kernels::headers().map(|header| c_text(header.text)).collect::<Result<Vec<_>>>()?;
        let names = kernels::headers().map(|header| c_text(header.name)).collect::<Result<Vec<_>>>()?;
        let pointers = |texts: &[CString]| texts.iter().map(|text| text.as_ptr()).collect::<Vec<*const c_char>>();
        let (headers, names) = (pointers(&headers), pointers(&names));
        let mut handle = ptr::null_mut();
        // SAFETY: all texts end with a zero byte and outlive the call, which copies them; both lists are equally long.
        let result = unsafe {
            let (headers, names, count) = (headers.as_ptr(), names.as_ptr(), headers.len() as i32);
            sys::nvrtcCreateProgram(&mut handle, text.as_ptr(), name.as_ptr(), count, headers, names)
        };
        checked(&format!("reading kernels/{}", source.name), result, "")?;
        Ok(Program { handle, name: source.name })
    }

    fn compile(&self, options: &[String]) -> Result<()> {
        let options = options.iter().map(|option| c_text(option)).collect::<Result<Vec<_>>>()?;
        let pointers: Vec<*const c_char> = options.iter().map(|option| option.as_ptr()).collect();
        // SAFETY: the program is alive, and the options end with zero bytes and outlive the call.
        let result = unsafe { sys::nvrtcCompileProgram(self.handle, pointers.len() as i32, pointers.as_ptr()) };
        checked(&format!("compiling kernels/{}", self.name), result, &self.log())
    }

    /// What the compiler said; nothing if it cannot be had.
    fn log(&self) -> String {
        let mut size = 0;
        // SAFETY: the program is alive, and the place may be written.
        unsafe { sys::nvrtcGetProgramLogSize(self.handle, &mut size) };
        let mut log = vec![0; size];
        if size > 0 {
            // SAFETY: the buffer has the size that was asked for.
            unsafe { sys::nvrtcGetProgramLog(self.handle, log.as_mut_ptr()) };
        }
        failure::buffer_text(&log)
    }

    fn cubin(&self) -> Result<Vec<u8>> {
        let action = format!("taking the machine code of kernels/{}", self.name);
        let mut size = 0;
        // SAFETY: the program is alive, and the place may be written.
        checked(&action, unsafe { sys::nvrtcGetCUBINSize(self.handle, &mut size) }, "")?;
        let mut code = vec![0u8; size];
        // SAFETY: the buffer has the size that was asked for.
        checked(&action, unsafe { sys::nvrtcGetCUBIN(self.handle, code.as_mut_ptr().cast()) }, "")?;
        Ok(code)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: the program is alive, and nobody uses it afterwards. Whether it succeeds changes nothing.
        unsafe { sys::nvrtcDestroyProgram(&mut self.handle) };
    }
}

fn c_text(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::internal("the source of a kernel holds a zero byte"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NVRTC where there is one: it takes no GPU.
    fn compiler() -> Option<Compiler> {
        let compiler = Compiler::new((9, 0));
        if let Err(error) = &compiler {
            eprintln!("skipped: {error}");
        }
        compiler.ok()
    }

    #[test]
    fn every_source_compiles_in_both_precisions() {
        let Some(compiler) = compiler() else { return };
        assert!(version().unwrap() >= (12, 0));
        for source in kernels::sources() {
            for precision in [Precision::Double, Precision::Single] {
                let code = compiler.compile(source, precision).unwrap();
                assert!(code.starts_with(b"\x7fELF"), "{}", source.name);
            }
        }
    }

    #[test]
    fn what_the_compiler_says_is_told() {
        let Some(compiler) = compiler() else { return };
        let wrong = Source { name: "wrong.cu", text: "#include \"common.cuh\"\nKERNEL(wrong)() { unknown = 1; }\n" };
        let message = compiler.compile(wrong, Precision::Double).unwrap_err().to_string();
        for part in ["kernels/wrong.cu", "wrong.cu(2)", "\"unknown\" is undefined"] {
            assert!(message.contains(part), "{message}");
        }
        let future = Compiler { architecture: (99, 0) };
        let message = future.compile(kernels::sources().next().unwrap(), Precision::Double).unwrap_err().to_string();
        assert!(message.contains("architecture"), "{message}");
    }
}
