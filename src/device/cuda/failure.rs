//! What CUDA's libraries answer, in words.

use crate::error::Error;
use cudarc::cublas::sys as blas;
use cudarc::cusolver::sys as solver;
use cudarc::driver::{DriverError, sys::CUresult};
use cudarc::nvrtc::sys as nvrtc;
use std::ffi::{CStr, c_char};

/// A driver call that failed.
pub(super) fn driver(action: &str, error: DriverError) -> Error {
    let name = error.error_name().map(text).unwrap_or_else(|_| format!("error {}", error.0 as u32));
    let meaning = error.error_string().map(text).unwrap_or_else(|_| "unknown".into());
    explained(action, error.0, &format!("{name} ({meaning})"))
}

fn explained(action: &str, code: CUresult, answer: &str) -> Error {
    let what = format!("{action} failed on the GPU: {answer}");
    match code {
        CUresult::CUDA_ERROR_ILLEGAL_ADDRESS
        | CUresult::CUDA_ERROR_MISALIGNED_ADDRESS
        | CUresult::CUDA_ERROR_LAUNCH_FAILED
        | CUresult::CUDA_ERROR_ILLEGAL_INSTRUCTION
        | CUresult::CUDA_ERROR_INVALID_VALUE => {
            Error::internal(what).next("report it with the job; `device = \"cpu\"` under `[engine]` does without the GPU")
        }
        CUresult::CUDA_ERROR_OUT_OF_MEMORY => Error::resource(what).next(MEMORY_ADVICE),
        CUresult::CUDA_ERROR_NO_DEVICE => Error::resource(what).next("see CUDA_VISIBLE_DEVICES, and what `nvidia-smi` shows"),
        CUresult::CUDA_ERROR_SYSTEM_DRIVER_MISMATCH | CUresult::CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE => {
            Error::resource(what).next("the driver's library and its kernel module differ: restart the machine")
        }
        CUresult::CUDA_ERROR_INVALID_IMAGE
        | CUresult::CUDA_ERROR_NO_BINARY_FOR_GPU
        | CUresult::CUDA_ERROR_INVALID_SOURCE => Error::resource(what)
            .next("the driver is older than NVRTC: install the NVRTC of the driver's CUDA version (`rhoshard info` shows both)"),
        _ => Error::resource(what).next("see what `nvidia-smi` and the system's log say; `device = \"cpu\"` does without the GPU"),
    }
}

/// What helps when the memory does not suffice.
pub(super) const MEMORY_ADVICE: &str =
    "use more ranks with a GPU each, set `memory` or `max_rank` under `[engine]`, or take precision = \"single\"";

/// A cuBLAS call that failed.
pub(super) fn products(action: &str, status: blas::cublasStatus_t) -> Error {
    // SAFETY: the library is loaded; the text it gives is its own constant.
    let meaning = text(unsafe { CStr::from_ptr(blas::cublasGetStatusString(status)) });
    let error = Error::resource(format!("{action} failed in cuBLAS: {meaning}"));
    match status {
        blas::cublasStatus_t::CUBLAS_STATUS_ALLOC_FAILED => error.next(MEMORY_ADVICE),
        blas::cublasStatus_t::CUBLAS_STATUS_ARCH_MISMATCH => error.next("install a cuBLAS that supports this GPU"),
        _ => error.next(
            "see whether `rhoshard info` shows libraries of one CUDA version; `device = \"cpu\"` does without them",
        ),
    }
}

/// A cuSOLVER call that failed.
pub(super) fn eigenproblem(action: &str, status: solver::cusolverStatus_t) -> Error {
    let error = Error::resource(format!("{action} failed in cuSOLVER: {status:?}"));
    match status {
        solver::cusolverStatus_t::CUSOLVER_STATUS_ALLOC_FAILED => error.next(MEMORY_ADVICE),
        _ => error.next("see whether `rhoshard info` shows libraries of one CUDA version"),
    }
}

/// An NVRTC call that failed; `log` is what the compiler said.
pub(super) fn compiler(action: &str, result: nvrtc::nvrtcResult, log: &str) -> Error {
    // SAFETY: the library is loaded; the text it gives is its own constant.
    let meaning = text(unsafe { CStr::from_ptr(nvrtc::nvrtcGetErrorString(result)) });
    let error = Error::resource(format!("{action} failed: {meaning}{}", beginning_of(log)));
    match result {
        nvrtc::nvrtcResult::NVRTC_ERROR_INVALID_OPTION => error.next(
            "this NVRTC does not know the GPU's architecture: install one that does (`rhoshard info` shows both)",
        ),
        nvrtc::nvrtcResult::NVRTC_ERROR_BUILTIN_OPERATION_FAILURE => {
            error.next("libnvrtc-builtins must lie beside libnvrtc: install both from one package")
        }
        _ => error.next("report it; `device = \"cpu\"` under `[engine]` does without the GPU"),
    }
}

/// The first lines of a compiler's log; the rest follows from them as a rule.
fn beginning_of(log: &str) -> String {
    log.lines().filter(|line| !line.trim().is_empty()).take(8).map(|line| format!("\n    {line}")).collect()
}

fn text(text: &CStr) -> String {
    text.to_string_lossy().into_owned()
}

/// The text in a buffer that a C function has filled.
pub(super) fn buffer_text(buffer: &[c_char]) -> String {
    let bytes: Vec<u8> = buffer.iter().map(|byte| *byte as u8).take_while(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_wild_address_is_our_defect_and_too_little_memory_is_not() {
        let wild =
            explained("the kernel dense_f64", CUresult::CUDA_ERROR_ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS");
        assert_eq!(wild.kind, ErrorKind::Internal);
        assert!(wild.to_string().contains("the kernel dense_f64 failed"), "{wild}");
        let full = explained("a product", CUresult::CUDA_ERROR_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY");
        assert!(full.kind == ErrorKind::Resource && full.to_string().contains("max_rank"), "{full}");
    }

    #[test]
    fn a_log_is_cut() {
        let log: String = (0..100).map(|line| format!("error {line}\n\n")).collect();
        assert_eq!(beginning_of(&log).lines().count(), 9);
        assert_eq!(beginning_of(""), "");
    }
}
