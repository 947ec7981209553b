//! Hermitian eigenproblems by cuSOLVER.

use super::failure;
use super::libraries::CUSOLVER;
use crate::device::Eigenproblem;
use crate::error::{Error, Result};
use cudarc::cusolver::sys;
use cudarc::driver::sys::CUstream;
use std::ffi::c_int;
use std::ptr;

/// Bytes of one entry of a matrix.
const ENTRY: usize = size_of::<sys::cuDoubleComplex>();

/// cuSOLVER for one stream.
pub(super) struct Solver {
    handle: sys::cusolverDnHandle_t,
}

impl Solver {
    /// For eigenproblems on the stream, of the current context.
    pub(super) fn new(stream: CUstream) -> Result<Solver> {
        CUSOLVER.load()?;
        let mut handle = ptr::null_mut();
        // SAFETY: the library is loaded, a context is current, and the place may be written.
        checked("starting cuSOLVER", unsafe { sys::cusolverDnCreate(&mut handle) })?;
        let solver = Solver { handle };
        // SAFETY: the handle was just made, and the stream outlives it.
        checked("giving cuSOLVER a stream", unsafe { sys::cusolverDnSetStream(handle, stream.cast()) })?;
        Ok(solver)
    }

    /// Bytes of memory to work in.
    pub(super) fn workspace(&self, problem: &Eigenproblem) -> Result<usize> {
        let (size, mut entries) = (size(problem)?, 0);
        let (matrix, values) = (problem.matrix as *const _, problem.values as *const _);
        // SAFETY: the handle is alive, the caller's addresses are those of such a problem, and the place may be written.
        let status = unsafe {
            sys::cusolverDnZheevd_bufferSize(self.handle, VECTORS, UPPER, size, matrix, size, values, &mut entries)
        };
        checked(&action(problem), status)?;
        usize::try_from(entries).map(|entries| entries * ENTRY).map_err(|_| too_large(problem))
    }

    /// Solves it in so many bytes at an address; a number that is not 0 at `outcome` will say that it did not converge.
    pub(super) fn solve(&self, problem: &Eigenproblem, (work, bytes): (u64, usize), outcome: u64) -> Result<()> {
        let size = size(problem)?;
        let entries = c_int::try_from(bytes / ENTRY).map_err(|_| too_large(problem))?;
        let (matrix, values, work, outcome) =
            (problem.matrix as *mut _, problem.values as *mut _, work as *mut _, outcome as *mut _);
        // SAFETY: as above, and the memory to work in is as large as it was asked to be.
        let status = unsafe {
            sys::cusolverDnZheevd(self.handle, VECTORS, UPPER, size, matrix, size, values, work, entries, outcome)
        };
        checked(&action(problem), status)
    }
}

impl Drop for Solver {
    fn drop(&mut self) {
        // SAFETY: the handle is ours. A failure changes nothing.
        unsafe { sys::cusolverDnDestroy(self.handle) };
    }
}

/// Version of cuSOLVER.
///
/// # Errors
/// Resource error when it is missing.
pub(super) fn version() -> Result<String> {
    use sys::libraryPropertyType_t as Part;
    CUSOLVER.load()?;
    let part = |part| {
        let mut value = 0;
        // SAFETY: the library is loaded, and the place may be written.
        checked("asking cuSOLVER's version", unsafe { sys::cusolverGetProperty(part, &mut value) }).map(|()| value)
    };
    let [major, minor, patch] = [Part::MAJOR_VERSION, Part::MINOR_VERSION, Part::PATCH_LEVEL].map(part);
    Ok(format!("{}.{}.{}", major?, minor?, patch?))
}

const VECTORS: sys::cusolverEigMode_t = sys::cusolverEigMode_t::CUSOLVER_EIG_MODE_VECTOR;
const UPPER: sys::cublasFillMode_t = sys::cublasFillMode_t::CUBLAS_FILL_MODE_UPPER;

fn checked(action: &str, status: sys::cusolverStatus_t) -> Result<()> {
    match status {
        sys::cusolverStatus_t::CUSOLVER_STATUS_SUCCESS => Ok(()),
        status => Err(failure::eigenproblem(action, status)),
    }
}

fn action(problem: &Eigenproblem) -> String {
    format!("the eigenproblem of {} columns", problem.size)
}

/// Rows as cuSOLVER takes them.
fn size(problem: &Eigenproblem) -> Result<c_int> {
    c_int::try_from(problem.size).map_err(|_| too_large(problem))
}

fn too_large(problem: &Eigenproblem) -> Error {
    Error::resource(format!("{} is too large for cuSOLVER", action(problem)))
}
