//! Who may write where.

use super::Definition;
use crate::error::{Error, Result};
use crate::io::replace_file;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// One of several runs that share the points of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Part {
    /// Which one, from 1.
    pub number: u64,
    /// How many there are.
    pub of: u64,
}

impl Part {
    /// All of the sweep.
    pub const WHOLE: Part = Part { number: 1, of: 1 };

    /// Whether a point is one of this part's: neighbours go to different parts, as they take alike long.
    pub fn holds(self, index: u64) -> bool {
        index % self.of == self.number - 1
    }
}

/// The folder of a sweep.
#[derive(Debug, Clone)]
pub struct SweepFolder {
    path: PathBuf,
}

/// Leave to write a part; dropping it, or the end of the process in whatever way, gives it back.
#[derive(Debug)]
pub struct FolderLock {
    _files: Vec<File>,
}

const DEFINITION: &str = "sweep.json";
/// Longer than [`SweepFolder::held`] holds a lock.
const INSTANT: std::time::Duration = std::time::Duration::from_millis(50);
const ENDING: &str = "journal";

impl SweepFolder {
    /// The folder at this path, which need not be there.
    pub fn new(path: &Path) -> SweepFolder {
        SweepFolder { path: path.to_path_buf() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the folder, unless it is there.
    ///
    /// # Errors
    /// Input error when it cannot be made.
    pub fn create(&self) -> Result<()> {
        fs::create_dir_all(&self.path).map_err(|cause| {
            Error::input(format!("the folder of the sweep cannot be made: {cause}"))
                .in_file(self.path.display())
                .next("check the permissions and the free space, or name another folder: `folder` under `[sweep]`")
        })
    }

    /// Takes a part of the sweep for this process. A run of all points excludes every other, parts exclude themselves only.
    ///
    /// # Errors
    /// Resource error when another run holds it, or the folder cannot be written.
    pub fn lock(&self, part: Part) -> Result<FolderLock> {
        let all = self.open_lock("lock")?;
        if part == Part::WHOLE {
            self.take(&all, "lock", File::try_lock)?;
            return Ok(FolderLock { _files: vec![signed(all)] });
        }
        self.take(&all, "lock", File::try_lock_shared)?;
        let name = format!("lock-{}-of-{}", part.number, part.of);
        let own = self.open_lock(&name)?;
        self.take(&own, &name, File::try_lock)?;
        Ok(FolderLock { _files: vec![all, signed(own)] })
    }

    /// The parts that runs hold at this moment. A run that was killed holds nothing, whatever its journals say.
    ///
    /// # Errors
    /// As [`SweepFolder::journals`].
    pub fn held(&self) -> Result<Vec<Part>> {
        if self.is_held("lock") {
            return Ok(vec![Part::WHOLE]);
        }
        let parts = self.entries()?.into_iter().filter_map(|path| {
            let name = path.file_name()?.to_str()?;
            let (number, of) = name.strip_prefix("lock-")?.split_once("-of-")?;
            let part = Part { number: number.parse().ok()?, of: of.parse().ok()? };
            self.is_held(name).then_some(part)
        });
        Ok(parts.collect())
    }

    /// Whether another process holds a lock so that nobody else can.
    fn is_held(&self, name: &str) -> bool {
        let Ok(file) = File::open(self.path.join(name)) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Takes the right to write the table, waiting for whoever has it.
    ///
    /// # Errors
    /// Resource error when the folder cannot be written.
    pub fn lock_table(&self) -> Result<FolderLock> {
        let file = self.open_lock("lock-table")?;
        file.lock().map_err(|cause| self.unwritable(&cause))?;
        Ok(FolderLock { _files: vec![file] })
    }

    fn open_lock(&self, name: &str) -> Result<File> {
        let opened = OpenOptions::new().read(true).append(true).create(true).open(self.path.join(name));
        opened.map_err(|cause| self.unwritable(&cause))
    }

    fn take(
        &self,
        file: &File,
        name: &str,
        take: impl Fn(&File) -> std::result::Result<(), TryLockError>,
    ) -> Result<()> {
        let taken = take(file).or_else(|_| {
            // Whoever looks at the folder holds its locks for an instant.
            std::thread::sleep(INSTANT);
            take(file)
        });
        match taken {
            Ok(()) => Ok(()),
            Err(TryLockError::Error(cause)) => Err(self.unwritable(&cause)),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let known = File::open(self.path.join(name)).and_then(|mut file| file.read_to_string(&mut holder));
                let holder = known.ok().and_then(|_| holder.lines().last()).unwrap_or("another process").to_string();
                Err(Error::resource(format!("the sweep is being run by {holder}"))
                    .in_file(self.path.display())
                    .next("wait for that run, or end it; `rhoshard status` on the folder shows how far it is"))
            }
        }
    }

    fn unwritable(&self, cause: &std::io::Error) -> Error {
        Error::resource(format!("the folder of the sweep cannot be written: {cause}"))
            .in_file(self.path.display())
            .next("check its permissions and the free space, or name another folder: `folder` under `[sweep]`")
    }

    /// Stores the definition.
    ///
    /// # Errors
    /// Resource error when it cannot be written.
    pub fn define(&self, definition: &Definition) -> Result<()> {
        let text = serde_json::to_string_pretty(definition).expect("plain data encodes");
        replace_file(&self.path.join(DEFINITION), text.as_bytes())
    }

    /// Reads the definition.
    ///
    /// # Errors
    /// Input error when the folder is not that of a sweep.
    pub fn definition(&self) -> Result<Definition> {
        let path = self.path.join(DEFINITION);
        let refuse = |what: String| {
            Error::input(what)
                .in_file(self.path.display())
                .next("name a folder that `rhoshard run` made for a sweep, `STEM.sweep`")
        };
        let text = fs::read_to_string(&path)
            .map_err(|cause| refuse(format!("is not the folder of a sweep: {DEFINITION}: {cause}")))?;
        serde_json::from_str(&text).map_err(|cause| refuse(format!("{DEFINITION} cannot be read: {cause}")))
    }

    /// All journals, older runs first.
    ///
    /// # Errors
    /// Resource error when the folder cannot be read.
    pub fn journals(&self) -> Result<Vec<PathBuf>> {
        let mut paths = self.entries()?;
        paths.retain(|path| path.extension().is_some_and(|ending| ending == ENDING));
        paths.sort();
        Ok(paths)
    }

    fn entries(&self) -> Result<Vec<PathBuf>> {
        let unreadable = |cause: std::io::Error| {
            Error::resource(format!("the folder of the sweep cannot be read: {cause}")).in_file(self.path.display())
        };
        let entries = fs::read_dir(&self.path).map_err(unreadable)?;
        entries.map(|entry| entry.map(|entry| entry.path()).map_err(unreadable)).collect()
    }

    /// The number of a new run: one more than the last.
    ///
    /// # Errors
    /// As [`SweepFolder::journals`].
    pub fn next_run(&self) -> Result<u64> {
        let runs = self.journals()?.into_iter().filter_map(|path| run_and_part(&path));
        Ok(runs.map(|(run, _)| run).max().map_or(1, |last| last + 1))
    }

    /// The journal of a rank in a run: `RUN-KofN-RANK.journal`.
    pub fn journal(&self, run: u64, part: Part, rank: usize) -> PathBuf {
        self.path.join(format!("{run:06}-{}of{}-{rank:06}.{ENDING}", part.number, part.of))
    }
}

/// The run and the part that the name of a journal tells.
pub(super) fn run_and_part(journal: &Path) -> Option<(u64, Part)> {
    let mut names = journal.file_stem()?.to_str()?.split('-');
    let run = names.next()?.parse().ok()?;
    let (number, of) = names.next()?.split_once("of")?;
    Some((run, Part { number: number.parse().ok()?, of: of.parse().ok()? }))
}

/// Writes into a lock who holds it, for whoever finds it taken. That is a courtesy: nothing depends on it.
fn signed(mut file: File) -> File {
    let host = crate::comm::node::host_name();
    let _ = file.set_len(0);
    let _ = writeln!(file, "process {} on {host}", std::process::id());
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_keeps_others_out_and_says_who_holds_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = SweepFolder::new(&root.path().join("a.sweep"));
        folder.create().unwrap();
        let held = folder.lock(Part::WHOLE).unwrap();
        let error = folder.lock(Part::WHOLE).unwrap_err();
        assert!(error.what.contains(&format!("process {}", std::process::id())), "{error}");
        assert!(folder.lock(Part { number: 1, of: 2 }).is_err());
        drop(held);
        let one = folder.lock(Part { number: 1, of: 2 }).unwrap();
        let _two = folder.lock(Part { number: 2, of: 2 }).unwrap();
        assert!(folder.lock(Part { number: 1, of: 2 }).is_err() && folder.lock(Part::WHOLE).is_err());
        drop(one);
        assert!(folder.lock(Part { number: 1, of: 2 }).is_ok());
    }

    #[test]
    fn who_holds_what_is_seen_without_taking_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = SweepFolder::new(root.path());
        assert_eq!(folder.held().unwrap(), []);
        let whole = folder.lock(Part::WHOLE).unwrap();
        assert_eq!(folder.held().unwrap(), [Part::WHOLE]);
        drop(whole);
        let part = Part { number: 2, of: 3 };
        let _held = folder.lock(part).unwrap();
        drop(folder.lock(Part { number: 1, of: 3 }).unwrap());
        assert_eq!(folder.held().unwrap(), [part]);
        assert!(folder.lock(Part { number: 3, of: 3 }).is_ok(), "looking takes nothing");
    }

    #[test]
    fn every_point_is_in_one_part() {
        for of in 1..5 {
            for index in 0..20 {
                assert_eq!((1..=of).filter(|number| Part { number: *number, of }.holds(index)).count(), 1);
            }
        }
    }

    #[test]
    fn runs_are_counted() {
        let root = tempfile::tempdir().unwrap();
        let folder = SweepFolder::new(root.path());
        assert_eq!(folder.next_run().unwrap(), 1);
        fs::write(folder.journal(1, Part::WHOLE, 0), "").unwrap();
        fs::write(folder.journal(12, Part { number: 3, of: 4 }, 2), "").unwrap();
        fs::write(root.path().join("notes.txt"), "").unwrap();
        assert_eq!((folder.next_run().unwrap(), folder.journals().unwrap().len()), (13, 2));
        let of = |run, part| run_and_part(&folder.journal(run, part, 5));
        assert_eq!(of(7, Part { number: 3, of: 4 }), Some((7, Part { number: 3, of: 4 })));
        assert_eq!(run_and_part(Path::new("notes.journal")), None);
    }

    #[test]
    fn another_folder_is_no_sweep() {
        let root = tempfile::tempdir().unwrap();
        let error = SweepFolder::new(root.path()).definition().unwrap_err();
        assert!(error.what.contains("is not the folder of a sweep") && error.next.is_some());
    }
}
