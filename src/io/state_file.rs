//! Reads the state that an earlier run stored in its result file.

use super::hdf::{failure, reason};
use super::schema;
use crate::error::{Error, Result};
use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, Group, H5Type};
use num_complex::Complex64;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The first bytes of every HDF5 file.
const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

/// A stored state `rho~ = L L^dagger`, opened for reading by ranges of rows.
#[derive(Debug)]
pub struct StateFile {
    /// Number of qubits; `L` has `2^qubits` rows.
    pub qubits: usize,
    /// Columns of `L`.
    pub rank: usize,
    /// `tr(rho~)`: the error meter goes on from here.
    pub trace: f64,
    /// Rounding bound of the run that made it.
    pub rounding: f64,
    factor: Dataset,
    path: PathBuf,
}

impl StateFile {
    /// Opens a result file and checks that it holds a state.
    ///
    /// # Errors
    /// An input error that says what is wrong: the file is missing, is not HDF5, is truncated, is no result file, is
    /// of a newer schema, holds no state, or a state that contradicts itself.
    pub fn open(path: &Path) -> Result<StateFile> {
        let file = open_result(path)?;
        let group = file.group("results/state").map_err(|_| no_state(path))?;
        let factor = group.dataset(schema::FACTOR.name).map_err(|_| no_state(path))?;
        let state = StateFile {
            qubits: attribute::<u64>(path, &group, "qubits")? as usize,
            rank: attribute::<u64>(path, &group, "rank")? as usize,
            trace: attribute(path, &group, "trace")?,
            rounding: attribute(path, &group, "rounding")?,
            factor,
            path: path.to_path_buf(),
        };
        state.check()?;
        Ok(state)
    }

    /// Rows `first_row .. first_row + count` of `L` in logical order, row-major, `count * rank` entries.
    ///
    /// # Errors
    /// A resource error if reading fails, an input error if an entry is not finite, an internal one if the rows are
    /// not there.
    pub fn read_rows(&self, first_row: u64, count: u64) -> Result<Vec<Complex64>> {
        let end = first_row.checked_add(count).filter(|end| *end <= 1 << self.qubits);
        let end = end.ok_or_else(|| Error::internal(format!("rows {first_row} + {count} are not in the state")))?;
        let selection = (first_row as usize..end as usize, ..);
        let rows = self.factor.read_slice_2d::<Complex64, _>(selection);
        let rows = rows.map_err(|cause| failure(&self.path, "read the state", &cause))?;
        if rows.iter().all(|entry| entry.is_finite()) {
            Ok(rows.into_raw_vec_and_offset().0)
        } else {
            Err(contradiction(&self.path, "entries of its factor are not finite"))
        }
    }

    fn check(&self) -> Result<()> {
        let complex = self.factor.dtype().is_ok_and(|found| found.is::<Complex64>());
        if !complex {
            return Err(contradiction(&self.path, "its factor is not complex double"));
        }
        let shape = self.factor.shape();
        let height = u32::try_from(self.qubits).ok().and_then(|qubits| 1_usize.checked_shl(qubits));
        if self.rank < 1 || height.is_none_or(|height| shape != [height, self.rank]) {
            let expected = format!("2^{} x {}", self.qubits, self.rank);
            return Err(contradiction(&self.path, &format!("its factor has shape {shape:?} instead of {expected}")));
        }
        let sound = self.trace > 0.0 && self.trace.is_finite() && self.rounding >= 0.0 && self.rounding.is_finite();
        if sound { Ok(()) } else { Err(contradiction(&self.path, "its trace or rounding bound is not sound")) }
    }
}

/// Opens a result file of a schema this program knows.
pub(super) fn open_result(path: &Path) -> Result<hdf5::File> {
    let file = open_any(path)?;
    check_schema(path, &file)?;
    Ok(file)
}

/// Opens an HDF5 file, whatever is in it.
pub(super) fn open_any(path: &Path) -> Result<hdf5::File> {
    check_signature(path)?;
    hdf5::File::open(path).map_err(|cause| cannot_open(path, &reason(&cause)))
}

fn cannot_open(path: &Path, reason: &str) -> Error {
    // What the operating system says of a locked file.
    if reason.contains("temporarily unavailable") {
        return Error::resource("cannot be read: another program has it open for writing")
            .in_file(path.display())
            .next("wait for that program to end, or set HDF5_USE_FILE_LOCKING=FALSE");
    }
    refusal(path, format!("the file is truncated or damaged ({reason})")).next("copy it again, or repeat its run")
}

pub(super) fn refusal(path: &Path, what: impl Into<String>) -> Error {
    Error::input(what).in_file(path.display())
}

fn contradiction(path: &Path, what: &str) -> Error {
    refusal(path, format!("the stored state contradicts itself: {what}")).next("repeat the run that made the file")
}

fn no_state(path: &Path) -> Error {
    refusal(path, "the result file holds no state")
        .next("repeat its run with `state = true` in [output], which stores the state")
}

/// Tells a missing, unreadable, empty or foreign file by its first bytes, with a better message than HDF5's.
fn check_signature(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(refusal(path, "is a directory, not a result file").next("name a file in it"));
    }
    let mut start = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(SIGNATURE.len() as u64).read_to_end(&mut start));
    read.map_err(|cause| {
        let next = "check the path; in a job file it is relative to the folder of that file";
        refusal(path, format!("cannot be read: {cause}")).next(next)
    })?;
    match start.is_empty() {
        true => Err(refusal(path, "the file is empty").next("copy it again, or repeat its run")),
        false if start != SIGNATURE => {
            Err(refusal(path, "is not an HDF5 file").allowed("a result file, which `rhoshard run` writes"))
        }
        false => Ok(()),
    }
}

fn check_schema(path: &Path, file: &Group) -> Result<()> {
    let read = |name| file.attr(name).and_then(|attribute| attribute.read_scalar::<VarLenUnicode>());
    if read("format").map_or(true, |format| format.as_str() != schema::FORMAT) {
        return Err(refusal(path, "is an HDF5 file, but not a result of this program")
            .allowed("a result file, which `rhoshard run` writes"));
    }
    let version: u32 = attribute(path, file, "schema_version")?;
    if version > schema::SCHEMA_VERSION {
        let what = format!("the file has schema version {version}, newer than this program knows");
        return Err(refusal(path, what)
            .allowed(format!("versions up to {}", schema::SCHEMA_VERSION))
            .next("use a newer version of the program"));
    }
    Ok(())
}

fn attribute<T: H5Type>(path: &Path, group: &Group, name: &str) -> Result<T> {
    group
        .attr(name)
        .and_then(|attribute| attribute.read_scalar())
        .map_err(|_| contradiction(path, &format!("the attribute `{name}` is missing or of another type")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_locked_file_is_not_called_damaged() {
        let locked = cannot_open(Path::new("a.h5"), "Resource temporarily unavailable");
        assert!(locked.kind == ErrorKind::Resource && locked.what.contains("open for writing"), "{locked}");
        let short = cannot_open(Path::new("a.h5"), "truncated file: eof = 96");
        assert!(short.kind == ErrorKind::Input && short.what.contains("damaged"), "{short}");
    }
}
