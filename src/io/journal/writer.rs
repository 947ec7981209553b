//! Writes a journal: entries are durable within a second, and nobody waits for the disk.

use super::{Begin, Entry, frame};
use crate::error::{Error, Result};
use crate::io::atomic::directory;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The age of an entry when it is brought to the disk; what the disk takes comes on top.
pub const COMMIT: Duration = Duration::from_millis(200);

/// A journal that is being written.
pub struct Journal {
    sender: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
    /// Why nothing can be written any more.
    failure: Arc<OnceLock<Error>>,
}

enum Order {
    Append(Box<Entry>),
    /// Everything so far is to be durable; answered when it is, or never will be.
    Commit(SyncSender<()>),
}

impl Journal {
    /// Makes the file, which must not be there, and its first entry; both are durable when this returns.
    ///
    /// # Errors
    /// Resource error when it cannot be made.
    pub fn create(path: &Path, begin: Begin) -> Result<Journal> {
        let made = OpenOptions::new().append(true).create_new(true).open(path);
        let file = made.map_err(|cause| failure_of(path, &cause))?;
        let failure = Arc::new(OnceLock::new());
        let (sender, orders) = channel();
        let mut keeper =
            Keeper { file, path: path.to_path_buf(), frames: Vec::new(), started: None, failure: failure.clone() };
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || keeper.keep(&orders));
        let thread = thread.map_err(|cause| Error::resource(format!("no thread for the journal: {cause}")))?;
        let journal = Journal { sender: Some(sender), thread: Some(thread), failure };
        journal.append(Entry::Begin(begin))?;
        journal.commit()?;
        // The name of the file has to be durable too.
        let named = File::open(directory(path)).and_then(|folder| folder.sync_all());
        match named {
            Err(cause) if !cannot_flush_folders(&cause) => Err(failure_of(path, &cause)),
            _ => Ok(journal),
        }
    }

    /// Adds an entry, durable within a second.
    ///
    /// # Errors
    /// Resource error when an earlier entry could not be written; nothing is written after that.
    pub fn append(&self, entry: Entry) -> Result<()> {
        self.order(Order::Append(Box::new(entry)))
    }

    /// Waits until all entries so far are durable.
    ///
    /// # Errors
    /// Resource error when they could not be written.
    pub fn commit(&self) -> Result<()> {
        let (answer, answered) = sync_channel(1);
        self.order(Order::Commit(answer))?;
        // The thread answers or has ended with a failure.
        let _ = answered.recv();
        self.state()
    }

    fn order(&self, order: Order) -> Result<()> {
        self.state()?;
        let sender = self.sender.as_ref().expect("it is there until the journal is dropped");
        sender.send(order).or_else(|_| self.state())
    }

    fn state(&self) -> Result<()> {
        self.failure.get().map_or(Ok(()), |failure| Err(failure.clone()))
    }
}

impl Drop for Journal {
    /// Waits for the entries to be written; whoever wants to know whether they were calls [`Journal::commit`] before.
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the thread owns.
struct Keeper {
    file: File,
    path: PathBuf,
    /// Not written yet.
    frames: Vec<u8>,
    /// The last beginning of a point, not among the frames yet: if the point ends before they are written, nobody needs to
    /// know when it began.
    started: Option<Entry>,
    failure: Arc<OnceLock<Error>>,
}

impl Keeper {
    fn keep(&mut self, orders: &Receiver<Order>) {
        let mut due = None;
        loop {
            let order = match due {
                None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => orders.recv_timeout(Instant::saturating_duration_since(&due, Instant::now())),
            };
            let written = match order {
                Ok(Order::Append(entry)) => {
                    self.take(*entry);
                    due = due.or_else(|| Some(Instant::now() + COMMIT));
                    continue;
                }
                Ok(Order::Commit(answer)) => self.write().inspect(|()| {
                    let _ = answer.send(());
                }),
                Err(RecvTimeoutError::Timeout) => self.write(),
                Err(RecvTimeoutError::Disconnected) => {
                    let _ = self.write();
                    return;
                }
            };
            if written.is_err() {
                // Dropping the receiver, and the answers in it, tells whoever waits.
                return;
            }
            due = None;
        }
    }

    fn take(&mut self, entry: Entry) {
        match &entry {
            Entry::Started { .. } => self.started = Some(entry),
            Entry::Ended(ended) => {
                let same = |started: &Entry| matches!(started, Entry::Started { point, .. } if point.index == ended.point.index);
                if self.started.as_ref().is_some_and(same) {
                    self.started = None;
                }
                self.encode(&entry);
            }
            _ => self.encode(&entry),
        }
    }

    fn encode(&mut self, entry: &Entry) {
        let content = rmp_serde::to_vec(entry).expect("plain data encodes");
        frame::write(&mut self.frames, &content);
    }

    /// Writes and flushes. After a failure nobody knows what is on the disk, so nothing is tried again.
    fn write(&mut self) -> std::result::Result<(), ()> {
        if let Some(started) = self.started.take() {
            self.encode(&started);
        }
        if self.frames.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&self.frames).and_then(|()| self.file.sync_data());
        self.frames.clear();
        written.map_err(|cause| {
            let _ = self.failure.set(failure_of(&self.path, &cause));
        })
    }
}

/// Some file systems cannot flush a folder; a file that was flushed is found there all the same.
fn cannot_flush_folders(cause: &std::io::Error) -> bool {
    matches!(cause.kind(), std::io::ErrorKind::InvalidInput | std::io::ErrorKind::Unsupported)
}

fn failure_of(path: &Path, cause: &std::io::Error) -> Error {
    Error::resource(format!("the journal cannot be written: {cause}"))
        .in_file(path.display())
        .next("check the free space, quota and permissions of its folder; the same command then goes on, and nothing durable is lost")
}

#[cfg(test)]
mod tests {
    use super::super::tests::ended;
    use super::super::{JournalReader, Point};
    use super::*;

    fn begin() -> Begin {
        let [host, started, version] = ["node", "2026-01-01T00:00:00Z", "1"].map(String::from);
        Begin { rank: 0, ranks: 1, host, process: 7, started, version }
    }

    #[test]
    fn an_entry_is_on_the_disk_within_a_second_without_any_call() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.journal");
        let journal = Journal::create(&path, begin()).unwrap();
        let mut reader = JournalReader::new(&path);
        assert_eq!(reader.read().unwrap(), [Entry::Begin(begin())]);
        let entry = ended(0, 0.5);
        journal.append(entry.clone()).unwrap();
        let waited = Instant::now();
        let mut found = Vec::new();
        while found.is_empty() {
            found = reader.read().unwrap();
            assert!(waited.elapsed() < Duration::from_secs(60), "it never comes");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(found, [entry]);
        assert!(waited.elapsed() >= COMMIT / 2, "entries are written together");
    }

    #[test]
    fn a_beginning_is_told_only_of_points_that_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.journal");
        let journal = Journal::create(&path, begin()).unwrap();
        let started = |entry: &Entry| match entry {
            Entry::Ended(ended) => Entry::Started { point: Point { ..ended.point.clone() }, elapsed: 1.0 },
            _ => unreachable!(),
        };
        let (one, two) = (ended(0, 0.5), ended(1, 0.5));
        for entry in [started(&one), one.clone(), started(&two)] {
            journal.append(entry).unwrap();
        }
        journal.commit().unwrap();
        let mut reader = JournalReader::new(&path);
        assert_eq!(reader.read().unwrap()[1..], [one, started(&two)]);
    }

    #[test]
    fn an_existing_file_is_left_alone_and_a_folder_that_is_not_there_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.journal");
        std::fs::write(&path, "theirs").unwrap();
        assert!(Journal::create(&path, begin()).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"theirs");
        let error = Journal::create(&folder.path().join("absent/a.journal"), begin()).err().unwrap();
        assert!(error.to_string().contains("absent") && error.next.is_some(), "{error}");
    }

    #[test]
    fn everything_is_there_when_the_journal_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.journal");
        let journal = Journal::create(&path, begin()).unwrap();
        let entries: Vec<Entry> = (0..1000).map(|index| ended(index, 0.5)).collect();
        entries.iter().for_each(|entry| journal.append(entry.clone()).unwrap());
        drop(journal);
        assert_eq!(JournalReader::new(&path).read().unwrap()[1..], entries);
    }
}
