//! NCCL's functions, from the library under its real name, and its answers in words.

use crate::device::cuda::libraries::NCCL;
use crate::error::{Error, Result};
use std::ffi::{CStr, c_char, c_void};

/// Everything went well.
pub(super) const SUCCESS: i32 = 0;
/// It goes on by itself.
pub(super) const IN_PROGRESS: i32 = 7;
/// `ncclUint8`.
pub(super) const BYTES: i32 = 1;
/// `ncclFloat64`.
pub(super) const DOUBLES: i32 = 8;
/// `ncclSum`.
pub(super) const SUM: i32 = 0;

/// `ncclComm_t`.
pub(super) type Connection = *mut c_void;
/// `cudaStream_t`.
pub(super) type CudaStream = *mut c_void;
/// The content of `ncclUniqueId`.
pub(super) type UniqueId = [u8; 128];

/// `ncclUniqueId`, which is passed by value.
#[repr(C)]
struct PassedId(UniqueId);

type Place = *mut c_void;
type Source = *const c_void;

/// The functions in use; all have had these signatures since NCCL 2.7. Statuses are numbers, not an enumeration, because a
/// newer library may know more of them.
#[derive(Clone, Copy)]
pub(super) struct Functions {
    error_text: unsafe extern "C" fn(i32) -> *const c_char,
    /// Absent before 2.13.
    last_error: Option<unsafe extern "C" fn(Connection) -> *const c_char>,
    unique_id: unsafe extern "C" fn(*mut PassedId) -> i32,
    connect: unsafe extern "C" fn(*mut Connection, i32, PassedId, i32) -> i32,
    pub(super) destroy: unsafe extern "C" fn(Connection) -> i32,
    pub(super) abort: unsafe extern "C" fn(Connection) -> i32,
    pub(super) async_error: unsafe extern "C" fn(Connection, *mut i32) -> i32,
    pub(super) group_start: unsafe extern "C" fn() -> i32,
    pub(super) group_end: unsafe extern "C" fn() -> i32,
    pub(super) send: unsafe extern "C" fn(Source, usize, i32, i32, Connection, CudaStream) -> i32,
    pub(super) receive: unsafe extern "C" fn(Place, usize, i32, i32, Connection, CudaStream) -> i32,
    pub(super) broadcast: unsafe extern "C" fn(Source, Place, usize, i32, i32, Connection, CudaStream) -> i32,
    pub(super) all_gather: unsafe extern "C" fn(Source, Place, usize, i32, Connection, CudaStream) -> i32,
    pub(super) all_reduce: unsafe extern "C" fn(Source, Place, usize, i32, i32, Connection, CudaStream) -> i32,
}

impl Functions {
    /// Looks the functions up.
    pub(super) fn load() -> Result<Functions> {
        // SAFETY: the signatures are those of nccl.h.
        unsafe {
            Ok(Functions {
                error_text: NCCL.function("ncclGetErrorString")?,
                last_error: NCCL.function("ncclGetLastError").ok(),
                unique_id: NCCL.function("ncclGetUniqueId")?,
                connect: NCCL.function("ncclCommInitRank")?,
                destroy: NCCL.function("ncclCommDestroy")?,
                abort: NCCL.function("ncclCommAbort")?,
                async_error: NCCL.function("ncclCommGetAsyncError")?,
                group_start: NCCL.function("ncclGroupStart")?,
                group_end: NCCL.function("ncclGroupEnd")?,
                send: NCCL.function("ncclSend")?,
                receive: NCCL.function("ncclRecv")?,
                broadcast: NCCL.function("ncclBroadcast")?,
                all_gather: NCCL.function("ncclAllGather")?,
                all_reduce: NCCL.function("ncclAllReduce")?,
            })
        }
    }

    /// The id of a new group, which its ranks connect by.
    pub(super) fn unique_id(&self) -> Result<UniqueId> {
        let mut id = PassedId([0; 128]);
        // SAFETY: the place may be written.
        match unsafe { (self.unique_id)(&mut id) } {
            SUCCESS => Ok(id.0),
            status => Err(self.explain("making the id of a group of GPUs", status, std::ptr::null_mut())),
        }
    }

    /// Joins a group; returns once all ranks have.
    pub(super) fn connect(&self, id: UniqueId, rank: usize, ranks: usize) -> Result<Connection> {
        let mut connection = std::ptr::null_mut();
        // SAFETY: the place may be written, and a context of the rank's GPU is current.
        match unsafe { (self.connect)(&mut connection, ranks as i32, PassedId(id), rank as i32) } {
            SUCCESS => Ok(connection),
            status => Err(self.explain(&format!("connecting {ranks} GPUs"), status, connection)),
        }
    }

    /// What a status means, and what NCCL says about the last error.
    pub(super) fn explain(&self, action: &str, status: i32, connection: Connection) -> Error {
        // SAFETY: the library's texts are its own and end with a zero byte; the connection is null or was made by it.
        let [meaning, detail] = unsafe {
            let detail = self.last_error.map_or(std::ptr::null(), |last_error| last_error(connection));
            [text((self.error_text)(status)), text(detail)]
        };
        let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
        Error::resource(format!("{action} failed in NCCL: {meaning} (error {status}){detail}"))
            .next("run with NCCL_DEBUG=INFO to see more, or with RHOSHARD_TRANSPORT=staged, which does without NCCL")
    }
}

/// Nothing for a null pointer.
///
/// # Safety
/// The text ends with a zero byte.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nccl_answers_without_a_gpu() {
        let functions = match Functions::load() {
            Ok(functions) => functions,
            Err(error) => return eprintln!("skipped: {error}"),
        };
        let [one, other] = [functions.unique_id().unwrap(), functions.unique_id().unwrap()];
        assert!(one != other && one != [0; 128]);
        let error = functions.explain("an exchange", 5, std::ptr::null_mut()).to_string();
        assert!(error.contains("an exchange failed in NCCL: invalid usage") && error.contains("staged"), "{error}");
    }
}
