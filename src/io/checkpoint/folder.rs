//! The folder of a checkpoint and the names in it.

use super::manifest::Manifest;
use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

const MANIFEST: &str = ".manifest.json";
const PART: &str = ".bin";
const PARTIAL: &str = ".partial";

/// A folder for the checkpoints of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder at this path; it need not be there.
    pub fn new(path: impl Into<PathBuf>) -> Folder {
        Folder { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The generations that are complete, the newest first.
    ///
    /// # Errors
    /// Resource error when the folder is there and cannot be read.
    pub fn generations(&self) -> Result<Vec<u64>> {
        let number = |name: &String| name.strip_suffix(MANIFEST)?.parse::<u64>().ok();
        let mut found: Vec<u64> = self.names()?.iter().filter_map(number).collect();
        found.sort_unstable_by(|one, other| other.cmp(one));
        Ok(found)
    }

    /// The manifest of a generation.
    ///
    /// # Errors
    /// Resource error when it cannot be read or is damaged; input error when another version of the program wrote it.
    pub fn manifest(&self, generation: u64) -> Result<Manifest> {
        let path = self.manifest_path(generation);
        let content = fs::read(&path).map_err(|cause| self.failed(&path, "cannot be read", &cause))?;
        Manifest::from_json(&content, &path)
    }

    /// Where rank `rank` of a generation has its part.
    pub fn part(&self, generation: u64, rank: usize) -> PathBuf {
        self.path.join(format!("{generation}.rank-{rank}{PART}"))
    }

    /// Removes everything that a checkpoint has, and the folder if nothing else is in it.
    ///
    /// # Errors
    /// Resource error when something cannot be removed.
    pub fn remove(&self) -> Result<()> {
        self.remove_generations(|_| true)?;
        match fs::remove_dir(&self.path) {
            Err(cause) if !matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {
                Err(self.failed(&self.path, "cannot be removed", &cause))
            }
            _ => Ok(()),
        }
    }

    /// Makes the folder; gives the number of the next generation.
    pub(super) fn begin(&self) -> Result<u64> {
        fs::create_dir_all(&self.path).map_err(|cause| self.failed(&self.path, "cannot be made", &cause))?;
        Ok(self.names()?.iter().filter_map(|name| generation_of(name)).max().map_or(1, |newest| newest + 1))
    }

    /// Writes the manifest of a generation whose parts are all there.
    pub(super) fn publish(&self, manifest: &Manifest) -> Result<()> {
        for (rank, part) in manifest.parts.iter().enumerate() {
            let path = self.part(manifest.generation, rank);
            if fs::metadata(&path).map(|found| found.len()).ok() != Some(part.bytes) {
                return Err(Error::resource("is not seen by the first rank as its own rank wrote it")
                    .in_file(path.display())
                    .next("name a folder that all nodes share: `folder` under `[checkpoint]`"));
            }
        }
        let path = self.manifest_path(manifest.generation);
        write_durably(&path, &manifest.to_json()).map_err(|cause| self.failed(&path, "cannot be written", &cause))
    }

    /// Removes the files of these generations, of whatever else is in the folder nothing.
    pub(super) fn remove_generations(&self, which: impl Fn(u64) -> bool) -> Result<()> {
        let mut names = self.names()?;
        // A manifest goes before its parts: what has one is complete.
        names.sort_by_key(|name| !name.ends_with(MANIFEST));
        for name in names.iter().filter(|name| generation_of(name).is_some_and(&which)) {
            let path = self.path.join(name);
            match fs::remove_file(&path) {
                Err(cause) if cause.kind() != ErrorKind::NotFound => {
                    tracing::warn!("{}", self.failed(&path, "cannot be removed", &cause));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn manifest_path(&self, generation: u64) -> PathBuf {
        self.path.join(format!("{generation}{MANIFEST}"))
    }

    fn names(&self) -> Result<Vec<String>> {
        let entries = match fs::read_dir(&self.path) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|cause| self.failed(&self.path, "cannot be read", &cause))?,
        };
        Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
    }

    fn failed(&self, path: &Path, what: &str, cause: &io::Error) -> Error {
        Error::resource(format!("{what}: {cause}"))
            .in_file(path.display())
            .next("check the space, the quota and the permissions there, or name another `folder` under `[checkpoint]`")
    }
}

/// The generation of a file that a checkpoint made, whole or not.
fn generation_of(name: &str) -> Option<u64> {
    let whole = name.strip_suffix(PARTIAL).unwrap_or(name);
    let number = whole.strip_suffix(MANIFEST).or_else(|| Some(whole.strip_suffix(PART)?.split_once(".rank-")?.0));
    number?.parse().ok()
}

/// The name that a file has until it is complete.
pub(super) fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(PARTIAL);
    name.into()
}

/// Gives a file that is on the disk its name, and brings the name to the disk.
pub(super) fn name_durably(path: &Path) -> io::Result<()> {
    fs::rename(partial(path), path)?;
    match File::open(crate::io::atomic::directory(path))?.sync_all() {
        // Some file systems cannot flush a folder; the file itself is safe on the disk.
        Err(cause) if matches!(cause.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        outcome => outcome,
    }
}

fn write_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(partial(path))?;
    file.write_all(content)?;
    file.sync_all()?;
    name_durably(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_checkpoints_have_a_generation() {
        for (name, expected) in [
            ("7.manifest.json", Some(7)),
            ("7.manifest.json.partial", Some(7)),
            ("12.rank-3.bin", Some(12)),
            ("12.rank-3.bin.partial", Some(12)),
            ("notes.txt", None),
            ("rank-3.bin", None),
            ("x.rank-3.bin", None),
            ("7.json", None),
        ] {
            assert_eq!(generation_of(name), expected, "{name}");
        }
    }
}
