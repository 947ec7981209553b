//! Compiled kernels on disk, so that only the first run on a kind of machine compiles.
//!
//! A file is named by the hash of all that its content depends on and begins with the hash of its content. One that is
//! damaged counts as absent; a folder that cannot be written costs a warning and compiling every time.

use crate::error::Result;
use sha2::{Digest, Sha256};
use std::cell::Cell;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Names the folder itself.
pub const FOLDER: &str = "RHOSHARD_CACHE";

const HASH_BYTES: usize = 32;

/// A folder of compiled kernels.
#[derive(Debug)]
pub struct Cache {
    /// Nothing when no home is known.
    folder: Option<PathBuf>,
    /// Whether it has been said that nothing can be stored.
    warned: Cell<bool>,
}

impl Cache {
    /// The folder that the environment names.
    pub fn of_environment() -> Cache {
        Cache::new(folder(|name| std::env::var(name).ok().filter(|value| !value.is_empty())))
    }

    fn new(folder: Option<PathBuf>) -> Cache {
        Cache { folder, warned: Cell::new(false) }
    }

    /// What is stored under the name, else what `compile` makes, which is stored.
    ///
    /// # Errors
    /// Those of `compile`; trouble with the disk is only warned of.
    pub fn get(&self, name: &str, compile: impl FnOnce() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        let Some(folder) = &self.folder else { return compile() };
        let file = folder.join(name);
        if let Some(content) = std::fs::read(&file).ok().and_then(intact) {
            return Ok(content);
        }
        let content = compile()?;
        let stored = store(&file, &content);
        if let Some(cause) = stored.err().filter(|_| !self.warned.replace(true)) {
            tracing::warn!(
                "compiled kernels cannot be kept in {} ({cause}), so that every run compiles them: set {FOLDER}",
                folder.display()
            );
        }
        Ok(content)
    }
}

/// The hash of all parts, which cannot run into each other.
pub fn key<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn folder(variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let below = |name: &str, path: &str| Some(Path::new(&variable(name)?).join(path));
    variable(FOLDER)
        .map(PathBuf::from)
        .or_else(|| below("XDG_CACHE_HOME", "rhoshard"))
        .or_else(|| below("HOME", ".cache/rhoshard"))
}

/// The content, if its hash says that it is what was stored.
fn intact(mut stored: Vec<u8>) -> Option<Vec<u8>> {
    let (hash, content) = stored.split_at_checked(HASH_BYTES)?;
    if Sha256::digest(content)[..] != *hash {
        return None;
    }
    stored.drain(..HASH_BYTES);
    Some(stored)
}

/// Whole or not at all, also when several ranks store it at the same time.
fn store(file: &Path, content: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(&Sha256::digest(content))?;
    temporary.write_all(content)?;
    temporary.persist(file).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn compiled_anew() -> Result<Vec<u8>> {
        Ok(b"code".to_vec())
    }

    fn not_to_be_called() -> Result<Vec<u8>> {
        Err(Error::internal("compiled again"))
    }

    #[test]
    fn what_is_stored_is_found_and_what_is_damaged_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(folder.path().join("new/folder")));
        assert_eq!(cache.get("a.cubin", compiled_anew).unwrap(), b"code");
        assert_eq!(cache.get("a.cubin", not_to_be_called).unwrap(), b"code");
        let file = folder.path().join("new/folder/a.cubin");
        let whole = std::fs::read(&file).unwrap();
        for damaged in [&whole[..whole.len() - 1], b"", b"short", &[&whole[..], b"x"].concat()] {
            std::fs::write(&file, damaged).unwrap();
            assert!(cache.get("a.cubin", not_to_be_called).is_err());
            assert_eq!(cache.get("a.cubin", compiled_anew).unwrap(), b"code");
            assert_eq!(std::fs::read(&file).unwrap(), whole);
        }
        assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn without_a_folder_everything_works() {
        assert_eq!(Cache::new(None).get("a", compiled_anew).unwrap(), b"code");
        let file = tempfile::NamedTempFile::new().unwrap();
        let under_a_file = Cache::new(Some(file.path().join("folder")));
        assert_eq!(under_a_file.get("a", compiled_anew).unwrap(), b"code");
    }

    #[test]
    fn the_folder_is_the_one_named_else_the_cache_of_the_user() {
        let of = |pairs: &'static [(&str, &str)]| {
            folder(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string()))
        };
        assert_eq!(of(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x"), (FOLDER, "/f")]), Some("/f".into()));
        assert_eq!(of(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")]), Some("/x/rhoshard".into()));
        assert_eq!(of(&[("HOME", "/h")]), Some("/h/.cache/rhoshard".into()));
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn keys_differ_wherever_a_part_does() {
        let keys = [key(["a", "b"]), key(["ab", ""]), key(["a", "b", ""]), key(["b", "a"])];
        assert!(keys.iter().all(|key| key.len() == 64));
        assert!((1..4).all(|other| !keys[..other].contains(&keys[other])));
    }
}
