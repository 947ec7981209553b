//! Files that are there whole or not at all.
//!
//! Everything goes to a temporary file in the same directory, which takes the target's name in one step once it is on
//! the disk.

use crate::error::{Error, Result};
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Writes a file in the place of an older one of that name, which stays as it is if anything fails.
///
/// # Errors
/// An input error if no file can be there, a resource error if the disk fails.
pub fn replace_file(path: &Path, content: &[u8]) -> Result<()> {
    let path = behind_link(path);
    let refuse = |what: &str| Error::input(what).in_file(path.display()).next("name a file in a folder that exists");
    match fs::metadata(&path) {
        Ok(found) if found.is_dir() => return Err(refuse("is a folder, not a file")),
        Ok(found) if !found.is_file() => return Err(refuse("is not a regular file")),
        _ => {}
    }
    let mut file = temporary(&path).map_err(|cause| refuse(&format!("cannot be written: {cause}")))?;
    let written = file.write_all(content).and_then(|()| publish(file, &path));
    written.map_err(|cause| {
        let next = "check the free space and the quota of its folder";
        Error::resource(format!("cannot be written: {cause}")).in_file(path.display()).next(next)
    })
}

/// Where a symbolic link leads, also when nothing is there yet; any other path as it is.
pub(super) fn behind_link(path: &Path) -> PathBuf {
    match (fs::canonicalize(path), fs::read_link(path)) {
        (Ok(target), Ok(_)) => target,
        (Err(_), Ok(link)) => directory(path).join(link),
        _ => path.to_path_buf(),
    }
}

/// The directory a path is in.
pub(super) fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A hidden temporary file beside `path`, with the permissions of an ordinary new file.
pub(super) fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(".partial")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(directory(path))
}

/// Brings the temporary file to the disk, renames it, and brings the new name to the disk.
pub(super) fn publish(temporary: NamedTempFile, path: &Path) -> io::Result<()> {
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|failed| failed.error)?;
    match fs::File::open(directory(path))?.sync_all() {
        // Some file systems cannot flush a directory; the result itself is safe on the disk.
        Err(cause) if matches!(cause.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.html");
        replace_file(&path, b"old").unwrap();
        replace_file(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_a_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_path_buf(), folder.path().join("absent/page.html")] {
            assert_eq!(replace_file(&path, b"x").unwrap_err().kind, ErrorKind::Input, "{}", path.display());
        }
    }
}
