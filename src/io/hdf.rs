//! The few HDF5 calls the rest of the folder is made of.
//!
//! The `hdf5` crate keeps the library from printing its own error stacks, so every failure comes back as a value.

use super::schema::Field;
use crate::error::Error;
use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, Group, H5Type, Location};
use ndarray::Array2;
use std::path::Path;
use std::str::FromStr;

/// Version of the HDF5 library in use, for instance `1.10.8`.
pub fn library_version() -> String {
    let (major, minor, release) = hdf5::library_version();
    format!("{major}.{minor}.{release}")
}

/// A failure of the library while doing `action` to `path`.
pub(super) fn failure(path: &Path, action: &str, cause: &hdf5::Error) -> Error {
    let cause = reason(cause);
    let next = if cause.contains("lock") {
        "another program may have the file open; on file systems without locks set HDF5_USE_FILE_LOCKING=FALSE"
    } else {
        "check the free space, quota and permissions of its folder"
    };
    Error::resource(format!("cannot {action}: {cause}")).in_file(path.display()).next(next)
}

/// The operating system's reason, if the library quotes one amid its addresses and sizes, else the whole text.
pub(super) fn reason(cause: &hdf5::Error) -> String {
    let text = cause.to_string();
    let quoted = text.split("error message = '").nth(1).and_then(|rest| rest.split('\'').next());
    quoted.unwrap_or(&text).to_string()
}

/// Text as HDF5 stores it: UTF-8 ended by a zero byte, so a zero inside is replaced by U+FFFD.
pub(super) fn text(value: &str) -> VarLenUnicode {
    VarLenUnicode::from_str(&value.replace('\0', "\u{FFFD}")).expect("zero bytes were replaced")
}

/// A name that can be a link: HDF5 reserves `/` and a lone `.`.
pub(super) fn link_name(name: &str) -> String {
    match name {
        "" | "." => "_".into(),
        _ => name.replace(['/', '\0'], "_"),
    }
}

/// Writes a scalar attribute.
pub(super) fn attribute<T: H5Type>(place: &Location, name: &str, value: &T) -> hdf5::Result<()> {
    place.new_attr::<T>().create(name)?.write_scalar(value)
}

/// A new group that says what it holds.
pub(super) fn group(parent: &Group, name: &str, meaning: &str) -> hdf5::Result<Group> {
    let group = parent.create_group(name)?;
    attribute(&group, "meaning", &text(meaning))?;
    Ok(group)
}

/// A one-dimensional dataset.
pub(super) fn column<T: H5Type>(group: &Group, field: &Field, values: &[T]) -> hdf5::Result<()> {
    // Object times would make two files of the same run differ.
    describe(&group.new_dataset_builder().with_data(values).obj_track_times(false).create(field.name)?, field)
}

/// A two-dimensional dataset.
pub(super) fn matrix<T: H5Type>(group: &Group, field: &Field, values: &Array2<T>) -> hdf5::Result<()> {
    describe(&group.new_dataset_builder().with_data(values).obj_track_times(false).create(field.name)?, field)
}

/// A one-dimensional dataset of texts.
pub(super) fn text_column<'a>(
    group: &Group,
    field: &Field,
    values: impl Iterator<Item = &'a String>,
) -> hdf5::Result<()> {
    column(group, field, &values.map(|value| text(value)).collect::<Vec<_>>())
}

/// A dataset with a single value.
pub(super) fn scalar<T: H5Type>(group: &Group, field: &Field, value: &T) -> hdf5::Result<()> {
    let dataset = group.new_dataset::<T>().obj_track_times(false).create(field.name)?;
    dataset.write_scalar(value)?;
    describe(&dataset, field)
}

/// Writes unit and meaning of a dataset.
pub(super) fn describe(dataset: &Dataset, field: &Field) -> hdf5::Result<()> {
    if !field.unit.is_empty() {
        attribute(dataset, "unit", &text(field.unit))?;
    }
    attribute(dataset, "meaning", &text(field.meaning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_what_the_operating_system_said() {
        let text = "H5Fflush(): write failed: errno = 28, error message = 'No space left on device', buf = 0x7f";
        assert_eq!(reason(&text.into()), "No space left on device");
        assert_eq!(reason(&"H5Fopen(): unable to open file".into()), "H5Fopen(): unable to open file");
    }

    #[test]
    fn names_that_hdf5_reserves_become_links_all_the_same() {
        assert_eq!(["", ".", "a/b", "h2.pauli"].map(link_name), ["_", "_", "a_b", "h2.pauli"]);
    }
}
