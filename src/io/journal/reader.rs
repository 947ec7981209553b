//! Reads journals, also of runs that are still going on.

use super::Entry;
use super::frame::{self, Found};
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A journal and how far it was read.
#[derive(Debug)]
pub struct JournalReader {
    path: PathBuf,
    /// Bytes that were read.
    position: u64,
    /// Bytes that are no entry and have whole ones behind them.
    damaged: u64,
}

impl JournalReader {
    /// Reads from the beginning.
    pub fn new(path: &Path) -> JournalReader {
        JournalReader { path: path.to_path_buf(), position: 0, damaged: 0 }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that were damaged on the disk; what was cut off at the end does not count.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// The entries that have come since the last call.
    ///
    /// # Errors
    /// Resource error when the file cannot be read.
    pub fn read(&mut self) -> Result<Vec<Entry>> {
        let bytes = self.new_bytes().map_err(|cause| {
            Error::resource(format!("the journal cannot be read: {cause}"))
                .in_file(self.path.display())
                .next("check the folder's permissions and its file system")
        })?;
        let (mut at, mut damaged, mut entries) = (0, 0, Vec::new());
        loop {
            match frame::read(&bytes, at) {
                Found::Frame(content, next) => {
                    match rmp_serde::from_slice(content) {
                        Ok(entry) => entries.push(entry),
                        // A later version may write entries that this one does not know.
                        Err(_) => damaged += (next - at) as u64,
                    }
                    at = next;
                }
                Found::Damage(next) => {
                    damaged += (next - at) as u64;
                    at = next;
                }
                Found::Cut | Found::End => break,
            }
        }
        self.position += at as u64;
        self.damaged += damaged;
        Ok(entries)
    }

    fn new_bytes(&self) -> std::io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.position))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::ended;
    use super::*;

    fn frames(entries: &[Entry]) -> Vec<u8> {
        let mut bytes = Vec::new();
        entries.iter().for_each(|entry| frame::write(&mut bytes, &rmp_serde::to_vec(entry).unwrap()));
        bytes
    }

    #[test]
    fn a_growing_file_is_read_piece_by_piece() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.journal");
        let entries: Vec<Entry> = (0..5).map(|index| ended(index, 0.5)).collect();
        let bytes = frames(&entries);
        let mut reader = JournalReader::new(&path);
        assert!(reader.read().unwrap_err().what.contains("cannot be read"));
        let mut found = Vec::new();
        for end in (0..=bytes.len()).step_by(7).chain([bytes.len()]) {
            std::fs::write(&path, &bytes[..end]).unwrap();
            found.extend(reader.read().unwrap());
        }
        assert_eq!((found, reader.damaged()), (entries, 0));
    }

    #[test]
    fn damage_in_the_middle_is_counted_and_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.journal");
        let mut bytes = frames(&[ended(0, 0.5), ended(1, 0.5), ended(2, 0.5)]);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let mut reader = JournalReader::new(&path);
        assert_eq!(reader.read().unwrap(), [ended(0, 0.5), ended(2, 0.5)]);
        assert_eq!(reader.damaged(), bytes.len() as u64 / 3);
    }
}
