//! The file of one rank.
//!
//! ```text
//! head     16 bytes: "rhoshard part" and zeros
//! content  facts, then rows, as they were written
//! table    CRC-32 of each block of 4 MiB of the content, 4 bytes each
//! foot     24 bytes: length of the facts, length of the content, format, CRC-32 of head, table and foot before it
//! ```
//! All numbers are little-endian. A block is believed only after its checksum was compared, so a part can be read in pieces.

use super::PartInfo;
use super::folder::{name_durably, partial};
use super::manifest::FORMAT;
use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

const HEAD: &[u8; 16] = b"rhoshard part\0\0\0";
const FOOT: usize = 24;
/// Bytes under one checksum.
const BLOCK: usize = 4 << 20;
/// Buffers on their way to the thread that writes.
const AHEAD: usize = 2;

/// A part that is being written, by a thread of its own: the next rows are fetched meanwhile. Dropping it unfinished removes the file.
pub struct PartWriter {
    path: PathBuf,
    full: Option<SyncSender<Vec<u8>>>,
    empty: Receiver<Vec<u8>>,
    thread: Option<JoinHandle<io::Result<(File, Table)>>>,
    facts: u64,
    content: u64,
}

impl PartWriter {
    /// Begins a file that will have this name.
    ///
    /// # Errors
    /// Resource error when it cannot be written.
    pub fn create(path: &Path) -> Result<PartWriter> {
        let file = File::create(partial(path)).map_err(|cause| unwritten(path, &cause))?;
        let (full, filled) = sync_channel(AHEAD);
        let (emptied, empty) = sync_channel(AHEAD + 2);
        let thread = std::thread::spawn(move || write_all(file, &filled, &emptied));
        let path = path.to_path_buf();
        Ok(PartWriter { path, full: Some(full), empty, thread: Some(thread), facts: 0, content: 0 })
    }

    /// Writes the facts; they come before everything else.
    ///
    /// # Errors
    /// Resource error when they cannot be written.
    pub fn facts(&mut self, facts: &[u8]) -> Result<()> {
        debug_assert_eq!(self.content, 0);
        self.facts = facts.len() as u64;
        self.rows(facts.to_vec()).map(|_| ())
    }

    /// Writes rows; gives a buffer to be used again.
    ///
    /// # Errors
    /// Resource error when they cannot be written.
    pub fn rows(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        self.content += bytes.len() as u64;
        let sent = self.full.as_ref().is_some_and(|full| full.send(bytes).is_ok());
        match sent {
            true => Ok(self.empty.try_recv().unwrap_or_default()),
            false => self.written().map(|_| Vec::new()),
        }
    }

    /// Brings the file to the disk and gives it its name.
    ///
    /// # Errors
    /// Resource error when that fails.
    pub fn finish(mut self) -> Result<PartInfo> {
        let (file, table) = self.written()?;
        let table = table.finish();
        let lengths = lengths(self.facts, self.content);
        let checksum = checksum(HEAD, &table, &lengths);
        let foot = [&lengths[..], &checksum.to_le_bytes()].concat();
        let end = [table, foot].concat();
        let complete = (&file).write_all(&end).and_then(|()| file.sync_all()).and_then(|()| name_durably(&self.path));
        complete.map_err(|cause| unwritten(&self.path, &cause))?;
        Ok(PartInfo { bytes: HEAD.len() as u64 + self.content + end.len() as u64, checksum })
    }

    /// What the thread has written, once it is done.
    fn written(&mut self) -> Result<(File, Table)> {
        self.full = None;
        let ended = self.thread.take().map(JoinHandle::join);
        let gone = || Error::internal("the thread that writes a checkpoint is gone");
        ended.and_then(std::result::Result::ok).ok_or_else(gone)?.map_err(|cause| unwritten(&self.path, &cause))
    }
}

impl Drop for PartWriter {
    fn drop(&mut self) {
        self.full = None;
        self.thread.take().map(JoinHandle::join);
        // Nothing is there any more once it has its name.
        let _ = fs::remove_file(partial(&self.path));
    }
}

fn write_all(mut file: File, filled: &Receiver<Vec<u8>>, emptied: &SyncSender<Vec<u8>>) -> io::Result<(File, Table)> {
    let mut table = Table::default();
    file.write_all(HEAD)?;
    for bytes in filled {
        file.write_all(&bytes)?;
        table.add(&bytes);
        // With too many buffers around one is let go.
        let _ = emptied.try_send(bytes);
    }
    Ok((file, table))
}

/// The checksums of blocks.
#[derive(Default)]
struct Table {
    bytes: Vec<u8>,
    open: crc32fast::Hasher,
    /// Bytes of the block that is open.
    length: usize,
}

impl Table {
    fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (own, rest) = bytes.split_at(bytes.len().min(BLOCK - self.length));
            self.open.update(own);
            self.length += own.len();
            bytes = rest;
            if self.length == BLOCK {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        let checksum = std::mem::take(&mut self.open).finalize();
        self.bytes.extend(checksum.to_le_bytes());
        self.length = 0;
    }

    fn finish(mut self) -> Vec<u8> {
        if self.length > 0 {
            self.close();
        }
        self.bytes
    }
}

/// The foot without its checksum.
fn lengths(facts: u64, content: u64) -> Vec<u8> {
    [&facts.to_le_bytes()[..], &content.to_le_bytes(), &FORMAT.to_le_bytes()].concat()
}

/// What the manifest compares: everything but the content.
fn checksum(head: &[u8], table: &[u8], lengths: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    [head, table, lengths].iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}

fn unwritten(path: &Path, cause: &io::Error) -> Error {
    Error::resource(format!("cannot be written: {cause}"))
        .in_file(path.display())
        .next("check the space and the quota there, or name another `folder` under `[checkpoint]`")
}

/// A part that is being read.
pub struct PartReader {
    path: PathBuf,
    file: File,
    table: Vec<u8>,
    facts: u64,
    content: u64,
    /// A block that was compared with its checksum, and its number.
    block: Option<(u64, Vec<u8>)>,
}

impl PartReader {
    /// Opens the part that a manifest tells of.
    ///
    /// # Errors
    /// Resource error when it cannot be read, or is not what the manifest says.
    pub fn open(path: &Path, info: &PartInfo) -> Result<PartReader> {
        let file = File::open(path).map_err(|cause| unread(path, &cause))?;
        let length = file.metadata().map_err(|cause| unread(path, &cause))?.len();
        if length != info.bytes || length < (HEAD.len() + FOOT) as u64 {
            return Err(damaged(path, &format!("it has {length} bytes, not {}", info.bytes)));
        }
        let mut foot = [0; FOOT];
        file.read_exact_at(&mut foot, length - FOOT as u64).map_err(|cause| unread(path, &cause))?;
        let number = |at: usize| u64::from_le_bytes(foot[at..at + 8].try_into().expect("eight bytes"));
        let (facts, content) = (number(0), number(8));
        let blocks = content.div_ceil(BLOCK as u64);
        let expected = content.checked_add(HEAD.len() as u64 + 4 * blocks + FOOT as u64);
        if facts > content || foot[16..20] != FORMAT.to_le_bytes() || expected != Some(length) {
            return Err(damaged(path, "its lengths do not fit"));
        }
        let mut table = vec![0; 4 * blocks as usize];
        let mut head = [0; HEAD.len()];
        let table_read = file.read_exact_at(&mut table, HEAD.len() as u64 + content);
        table_read.and_then(|()| file.read_exact_at(&mut head, 0)).map_err(|cause| unread(path, &cause))?;
        let found = checksum(&head, &table, &foot[..FOOT - 4]);
        if found != info.checksum || foot[FOOT - 4..] != found.to_le_bytes() {
            return Err(damaged(path, "its table of checksums differs"));
        }
        Ok(PartReader { path: path.to_path_buf(), file, table, facts, content, block: None })
    }

    /// The facts.
    ///
    /// # Errors
    /// Resource error when they cannot be read or are damaged.
    pub fn facts(&mut self) -> Result<Vec<u8>> {
        let mut facts = vec![0; self.facts as usize];
        self.read(0, &mut facts)?;
        Ok(facts)
    }

    /// Reads everything once, to see that nothing is damaged.
    ///
    /// # Errors
    /// Resource error when it cannot be read or is damaged.
    pub fn verify(&mut self) -> Result<()> {
        (0..self.content.div_ceil(BLOCK as u64)).try_for_each(|number| self.block(number).map(|_| ()))
    }

    /// Bytes of the rows.
    pub fn row_bytes(&self) -> u64 {
        self.content - self.facts
    }

    /// Rows from an offset on, counted from the first row.
    ///
    /// # Errors
    /// Resource error when they cannot be read or are damaged.
    pub fn rows(&mut self, offset: u64, out: &mut [u8]) -> Result<()> {
        self.read(self.facts + offset, out)
    }

    fn read(&mut self, mut at: u64, mut out: &mut [u8]) -> Result<()> {
        if at + out.len() as u64 > self.content {
            return Err(damaged(&self.path, "it holds fewer rows than it should"));
        }
        while !out.is_empty() {
            let (number, within) = (at / BLOCK as u64, (at % BLOCK as u64) as usize);
            let block = self.block(number)?;
            let count = out.len().min(block.len() - within);
            let (own, rest) = out.split_at_mut(count);
            own.copy_from_slice(&block[within..within + count]);
            (at, out) = (at + count as u64, rest);
        }
        Ok(())
    }

    fn block(&mut self, number: u64) -> Result<&[u8]> {
        if self.block.as_ref().is_none_or(|(known, _)| *known != number) {
            let start = number * BLOCK as u64;
            let mut bytes = self.block.take().map(|(_, bytes)| bytes).unwrap_or_default();
            bytes.resize((self.content - start).min(BLOCK as u64) as usize, 0);
            let read = self.file.read_exact_at(&mut bytes, HEAD.len() as u64 + start);
            read.map_err(|cause| unread(&self.path, &cause))?;
            if crc32fast::hash(&bytes).to_le_bytes() != self.table[4 * number as usize..][..4] {
                return Err(damaged(&self.path, &format!("the checksum of block {number} differs")));
            }
            self.block = Some((number, bytes));
        }
        Ok(self.block.as_ref().map(|(_, bytes)| &bytes[..]).unwrap_or_default())
    }
}

fn unread(path: &Path, cause: &io::Error) -> Error {
    Error::resource(format!("cannot be read: {cause}")).in_file(path.display())
}

fn damaged(path: &Path, how: &str) -> Error {
    Error::resource(format!("is damaged: {how}")).in_file(path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_full_disk_is_an_error_that_says_so_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.rank-0.bin");
        std::os::unix::fs::symlink("/dev/full", partial(&path)).unwrap();
        let mut writer = PartWriter::create(&path).unwrap();
        let written = (0..8).try_for_each(|_| writer.rows(vec![1; 1 << 20]).map(|_| ()));
        let error = written.and_then(|()| writer.finish().map(|_| ())).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Resource);
        assert!(error.to_string().contains("1.rank-0.bin") && error.what.contains("No space left"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
