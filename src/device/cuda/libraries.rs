//! Finds NVIDIA's libraries and loads them, under the names they really have, from where they really are.
//!
//! `cudarc` asks the loader for bare names. What is loaded here beforehand answers to those by the name inside the file
//! (`DT_SONAME`), so that folders named at run time work, Python wheels among them. A library that stays missing is an
//! error here; `cudarc` would panic.

use crate::error::{Error, Result};
use libloading::os::unix::{Library as Handle, RTLD_GLOBAL, RTLD_LAZY};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Names folders to look in before the system's own, separated by colons.
pub const SEARCH_PATH: &str = "RHOSHARD_CUDA_PATH";

/// A library of NVIDIA.
#[derive(Debug, PartialEq, Eq)]
pub struct Library {
    /// What people call it.
    pub name: &'static str,
    /// File names, the best first; the last one is without a version.
    files: &'static [&'static str],
    /// Functions that an old version lacks.
    needs: &'static [&'static str],
    /// How to get it.
    get: &'static str,
}

/// The driver.
pub const DRIVER: Library = Library {
    name: "CUDA driver",
    files: &["libcuda.so.1", "libcuda.so"],
    needs: &["cuDevicePrimaryCtxRetain", "cuMemcpy2DAsync_v2", "cuDeviceGetUuid_v2"],
    get: "install NVIDIA's driver; in a container, start it with the GPUs (--gpus all, --nv)",
};
/// Compiles kernels.
pub const NVRTC: Library = Library {
    name: "NVRTC",
    files: &["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"],
    needs: &["nvrtcGetCUBIN"],
    get: "install the CUDA toolkit 12 or 13, or `pip install nvidia-cuda-nvrtc`",
};
/// Matrix products.
pub const CUBLAS: Library = Library {
    name: "cuBLAS",
    files: &["libcublas.so.13", "libcublas.so.12", "libcublas.so"],
    needs: &["cublasZgemm_v2_64", "cublasCgemm_v2_64", "cublasZherk_v2_64"],
    get: "install the CUDA toolkit 12 or 13, or `pip install nvidia-cublas`",
};
/// Eigenproblems.
pub const CUSOLVER: Library = Library {
    name: "cuSOLVER",
    files: &["libcusolver.so.12", "libcusolver.so.11", "libcusolver.so"],
    needs: &["cusolverDnZheevd", "cusolverDnZheevd_bufferSize", "cusolverDnSetStream"],
    get: "install the CUDA toolkit 12 or 13, or `pip install nvidia-cusolver`",
};
/// Collectives between GPUs.
pub const NCCL: Library = Library {
    name: "NCCL",
    // The second is the link of development packages.
    files: &["libnccl.so.2", "libnccl.so"],
    needs: &["ncclCommGetAsyncError"],
    get: "`apt-get install libnccl2` from NVIDIA's repository, or `pip install nvidia-nccl-cu13`",
};

impl Library {
    /// The library, loaded once and for good.
    ///
    /// # Errors
    /// Resource error that says which names were tried where, and how to get the library.
    pub fn load(&'static self) -> Result<&'static Handle> {
        static LOADED: Mutex<BTreeMap<&str, &'static Handle>> = Mutex::new(BTreeMap::new());
        let mut loaded = LOADED.lock().map_err(|_| Error::internal("the table of libraries is poisoned"))?;
        if let Some(handle) = loaded.get(self.name) {
            return Ok(handle);
        }
        let named = std::env::var(SEARCH_PATH).unwrap_or_default();
        let handle = Box::leak(Box::new(self.open(&candidates(self.files, &search_folders(&named)))?));
        self.check_unversioned()?;
        loaded.insert(self.name, handle);
        Ok(handle)
    }

    /// A function of the library.
    ///
    /// # Safety
    /// `F` is the function's type.
    ///
    /// # Errors
    /// As [`Library::load`], and when the library has no such function.
    pub unsafe fn function<F: Copy>(&'static self, name: &str) -> Result<F> {
        // SAFETY: as the caller promises.
        let found = unsafe { self.load()?.get::<F>(name.as_bytes()) };
        let missing = |_| Error::resource(format!("{} is too old: it lacks {name}", self.name)).next(self.get);
        found.map(|function| *function).map_err(missing)
    }

    fn open(&self, candidates: &[PathBuf]) -> Result<Handle> {
        let mut reasons = Vec::new();
        for candidate in candidates {
            // SAFETY: the initialisers of NVIDIA's libraries may run at any time.
            match unsafe { Handle::open(Some(candidate), RTLD_LAZY | RTLD_GLOBAL) } {
                Ok(handle) => return self.check(handle, candidate),
                Err(error) if candidate.is_file() => reasons.push(reason(&error)),
                Err(_) => {}
            }
        }
        Err(self.missing(&reasons))
    }

    /// `cudarc` takes the name without a version first, if the loader knows it, whatever has been loaded before. What it
    /// finds must not be older than what was found here: it would panic.
    fn check_unversioned(&self) -> Result<()> {
        let Some(name) = self.files.last() else { return Ok(()) };
        // SAFETY: as in `open`.
        match unsafe { Handle::open(Some(*name), RTLD_LAZY) } {
            Ok(handle) => self.check(handle, Path::new(name)).map(std::mem::forget),
            Err(_) => Ok(()),
        }
    }

    fn check(&self, handle: Handle, file: &Path) -> Result<Handle> {
        // SAFETY: the symbols are only looked up, never called.
        let lacks = |symbol: &&&str| unsafe { handle.get::<*const ()>(symbol.as_bytes()) }.is_err();
        match self.needs.iter().find(lacks) {
            None => Ok(handle),
            Some(symbol) => {
                Err(Error::resource(format!("{} ({}) is too old: it lacks {symbol}", self.name, file.display()))
                    .next(self.get))
            }
        }
    }

    fn missing(&self, reasons: &[String]) -> Error {
        let broken = reasons.first().map(|reason| format!(" ({reason})")).unwrap_or_default();
        Error::resource(format!("{} is missing{broken}", self.name))
            .allowed(format!("{}, in the folders of {SEARCH_PATH} or of the system's loader", self.files.join(", ")))
            .next(self.get)
    }

    /// One line about a library that could not be loaded.
    pub fn advice(&self, error: &Error) -> String {
        let state = error.what.trim_start_matches(self.name).trim_start_matches(" is ");
        let tried = error.allowed.as_ref().map(|_| format!("; tried {}", self.files.join(", "))).unwrap_or_default();
        format!("{state}{tried}; {}", self.get)
    }
}

/// What the loader says, without the frame around it.
fn reason(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// Every file that may be the library; bare names go to the system's loader, with its LD_LIBRARY_PATH.
fn candidates(files: &[&str], folders: &[PathBuf]) -> Vec<PathBuf> {
    let in_folders = folders.iter().flat_map(|folder| files.iter().map(|file| folder.join(file)));
    let bare = files.iter().map(PathBuf::from);
    let usual = files.iter().map(|file| Path::new("/usr/local/cuda/lib64").join(file));
    in_folders.filter(|path| path.exists()).chain(bare).chain(usual).collect()
}

/// The folders named and those below them where toolkits and Python wheels keep libraries: `lib64`, `lib`, `*/lib` and
/// `nvidia/*/lib`.
fn search_folders(named: &str) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for folder in named.split(':').filter(|folder| !folder.is_empty()).map(PathBuf::from) {
        let below = subfolders(&folder).into_iter().chain(subfolders(&folder.join("nvidia")));
        let below: Vec<PathBuf> = below.map(|package| package.join("lib")).collect();
        let own = [folder.clone(), folder.join("lib64"), folder.join("lib")];
        folders.extend(own.into_iter().chain(below).filter(|folder| folder.is_dir()));
    }
    folders
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABSENT: Library =
        Library { name: "Absent", files: &["libabsent.so.7", "libabsent.so"], needs: &[], get: "write it" };

    #[test]
    fn a_missing_library_says_what_was_tried_and_how_to_get_it() {
        let message = ABSENT.load().unwrap_err().to_string();
        for part in ["Absent is missing", "libabsent.so.7, libabsent.so", SEARCH_PATH, "write it"] {
            assert!(message.contains(part), "{message}");
        }
        let advice = ABSENT.advice(&ABSENT.load().unwrap_err());
        assert_eq!(advice, "missing; tried libabsent.so.7, libabsent.so; write it");
    }

    #[test]
    fn wheels_and_toolkits_are_searched() {
        let folder = tempfile::tempdir().unwrap();
        let lib = folder.path().join("nvidia/cu13/lib");
        std::fs::create_dir_all(&lib).unwrap();
        std::fs::create_dir_all(folder.path().join("lib64")).unwrap();
        std::fs::write(lib.join("libabsent.so"), "no library").unwrap();
        let named = format!("/no/such/folder::{}", folder.path().display());
        let folders = search_folders(&named);
        assert_eq!(folders, [folder.path().to_path_buf(), folder.path().join("lib64"), lib.clone()]);
        let found = candidates(ABSENT.files, &folders);
        assert_eq!(found[..2], [lib.join("libabsent.so"), PathBuf::from("libabsent.so.7")]);
        let message = ABSENT.open(&found).unwrap_err().to_string();
        assert!(message.contains("libabsent.so: "), "the loader's reason is told: {message}");
    }

    #[test]
    fn a_library_without_a_needed_function_is_too_old() {
        let old = Library { name: "C", files: &["libc.so.6"], needs: &["strlen", "no_such_function"], get: "update" };
        let message = old.open(&[PathBuf::from("libc.so.6")]).unwrap_err().to_string();
        assert!(message.contains("too old") && message.contains("no_such_function"), "{message}");
    }
}
