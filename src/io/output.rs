//! A result file is there whole or not at all.
//!
//! Everything goes to a temporary file in the same directory; when it is complete and on the disk it takes the
//! target's name in one step. Until then an older result stays as it is, and a failure removes the temporary.

use super::atomic::{behind_link, directory, publish, temporary};
use super::hdf::{describe, failure};
use super::record::RunRecord;
use super::{schema, writer};
use crate::error::{Error, Result};
use hdf5::{Dataset, Group};
use ndarray::ArrayView2;
use num_complex::Complex64;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A place for the result, found writable before the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    path: PathBuf,
}

impl Output {
    /// Checks that a result can be written to `path`: that its directory exists and takes new files, and that
    /// nothing but a file is there. Leaves no trace.
    ///
    /// # Errors
    /// An input error that names the path and says what to do.
    pub fn reserve(path: &Path) -> Result<Output> {
        // The file behind a link is the one to replace, not the link.
        let path = behind_link(path);
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => return Err(refusal(&path, "is a directory", "name a file in it")),
            Ok(found) if !found.is_file() => return Err(refusal(&path, "is not a regular file", "name another file")),
            _ => {}
        }
        if path.file_name().is_none() {
            return Err(refusal(&path, "is not the name of a file", "name a file, for instance result.h5"));
        }
        temporary(&path).map_err(|cause| refusal(&path, &cannot_write(&path, &cause), &way_out(&path, &cause)))?;
        Ok(Output { path })
    }

    /// Where the result will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the whole record, without the factor `L`.
    ///
    /// # Errors
    /// A resource error if the disk or the library fails; the temporary is gone then and an older result unharmed.
    pub fn commit(self, record: &RunRecord) -> Result<()> {
        self.begin(record, false)?.finish()
    }

    /// Writes the record to a temporary file; with `store_factor`, room is made for `L` of shape
    /// `2^qubits x rank`, whose rows the caller then gives to [`OpenOutput::write_rows`].
    ///
    /// # Errors
    /// As for [`Output::commit`].
    pub fn begin(self, record: &RunRecord, store_factor: bool) -> Result<OpenOutput> {
        let temporary = temporary(&self.path).map_err(|cause| {
            let next = way_out(&self.path, &cause);
            Error::resource(cannot_write(&self.path, &cause)).in_file(self.path.display()).next(next)
        })?;
        let fill = || -> hdf5::Result<(hdf5::File, Option<Factor>)> {
            let file = hdf5::File::create(temporary.path())?;
            let group = writer::write(&file, record)?;
            let create = || Factor::create(&group, (1 << record.state.qubits, record.state.rank));
            let factor = store_factor.then(create).transpose()?;
            Ok((file, factor))
        };
        let (file, factor) = fill().map_err(|cause| failure(&self.path, "write the result", &cause))?;
        Ok(OpenOutput { factor, file, temporary, path: self.path })
    }
}

/// A result that is being written. Dropping it unfinished removes the temporary file.
#[derive(Debug)]
pub struct OpenOutput {
    // Dropped in this order: HDF5 closes a file only once nothing in it is open.
    factor: Option<Factor>,
    file: hdf5::File,
    temporary: NamedTempFile,
    path: PathBuf,
}

impl OpenOutput {
    /// Writes rows of the factor `L`, whole rows in row-major order, from the logical row `first_row` on.
    ///
    /// Rows may come in any order; each must come once before [`OpenOutput::finish`].
    ///
    /// # Errors
    /// A resource error if the disk or the library fails; an internal one if the rows are not in the factor's shape.
    pub fn write_rows(&mut self, first_row: u64, rows: &[Complex64]) -> Result<()> {
        let factor = self.factor.as_mut().ok_or_else(|| Error::internal("no room was made for the factor"))?;
        let range = factor.range(first_row, rows.len())?;
        factor.write(range, rows).map_err(|cause| failure(&self.path, "write the state", &cause))
    }

    /// Brings the file to the disk and gives it its name.
    ///
    /// # Errors
    /// As for [`Output::commit`]; an internal error if rows of the factor are missing or came twice.
    pub fn finish(self) -> Result<()> {
        if let Some(factor) = self.factor {
            factor.check_complete()?;
        }
        let written = self.file.flush().and_then(|()| self.file.close());
        written.map_err(|cause| failure(&self.path, "write the result", &cause))?;
        publish(self.temporary, &self.path).map_err(|cause| {
            let next = way_out(&self.path, &cause);
            Error::resource(format!("cannot write the result: {cause}")).in_file(self.path.display()).next(next)
        })
    }
}

/// The dataset of the factor and the rows it has.
#[derive(Debug)]
struct Factor {
    dataset: Dataset,
    shape: (usize, usize),
    written: Vec<Range<usize>>,
}

impl Factor {
    /// Contiguous on the disk: rows are written once and not compressed, so chunks would only cost.
    fn create(group: &Group, shape: (usize, usize)) -> hdf5::Result<Factor> {
        let dataset =
            group.new_dataset::<Complex64>().shape(shape).obj_track_times(false).create(schema::FACTOR.name)?;
        describe(&dataset, &schema::FACTOR)?;
        Ok(Factor { dataset, shape, written: Vec::new() })
    }

    /// The rows that `entries` entries from `first_row` on cover.
    fn range(&self, first_row: u64, entries: usize) -> Result<Range<usize>> {
        let (height, width) = self.shape;
        let start = usize::try_from(first_row).unwrap_or(usize::MAX);
        let end = start.saturating_add(entries / width.max(1));
        if width == 0 || !entries.is_multiple_of(width) || end > height {
            let what = format!("{entries} entries from row {first_row} are not rows of a {height} x {width} factor");
            return Err(Error::internal(what));
        }
        Ok(start..end)
    }

    fn write(&mut self, range: Range<usize>, rows: &[Complex64]) -> hdf5::Result<()> {
        let block = ArrayView2::from_shape((range.len(), self.shape.1), rows).map_err(hdf5::Error::from)?;
        self.dataset.write_slice(block, (range.clone(), ..))?;
        self.written.push(range);
        Ok(())
    }

    fn check_complete(mut self) -> Result<()> {
        self.written.sort_by_key(|range| (range.start, range.end));
        let reached = self.written.iter().try_fold(0, |next, range| (range.start == next).then_some(range.end));
        match reached {
            Some(end) if end == self.shape.0 => Ok(()),
            _ => Err(Error::internal("rows of the factor are missing or were written twice")),
        }
    }
}

fn refusal(path: &Path, what: &str, next: &str) -> Error {
    Error::input(format!("cannot write the result here: {what}")).in_file(path.display()).next(next)
}

fn cannot_write(path: &Path, cause: &io::Error) -> String {
    let directory = directory(path).display();
    match cause.kind() {
        io::ErrorKind::NotFound => format!("the directory `{directory}` does not exist"),
        io::ErrorKind::NotADirectory => format!("`{directory}` is not a directory"),
        _ => format!("no file can be made in the directory `{directory}` ({cause})"),
    }
}

fn way_out(path: &Path, cause: &io::Error) -> String {
    let directory = directory(path).display();
    match cause.kind() {
        io::ErrorKind::NotFound => format!("make it (mkdir -p {directory}) or change `file` in [output]"),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("free some space on the file system of `{directory}` or change `file` in [output]")
        }
        _ => "change its permissions or `file` in [output]".into(),
    }
}
