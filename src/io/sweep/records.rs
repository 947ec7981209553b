//! What all journals of a sweep say together.

use super::folder::run_and_part;
use super::{Part, SweepFolder};
use crate::error::Result;
pub use crate::io::journal::Point;
use crate::io::journal::{Begin, Ended, Entry, JournalReader, Key};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

/// What is known of the sweep so far; [`Records::update`] reads what is new.
#[derive(Debug)]
pub struct Records {
    folder: SweepFolder,
    readers: BTreeMap<PathBuf, File>,
    /// The last word on every point.
    ended: HashMap<Key, Ended>,
}

/// One journal.
#[derive(Debug)]
struct File {
    reader: JournalReader,
    writer: Writer,
}

/// What one rank is or was doing.
#[derive(Debug, Clone, PartialEq)]
pub struct Writer {
    /// The run.
    pub run: u64,
    /// The points that the run takes.
    pub part: Part,
    /// Who it is; nothing as long as its first entry has not been read.
    pub begin: Option<Begin>,
    /// The point that it began last and has not ended, and when.
    pub running: Option<(Point, f64)>,
    /// Points that it ended.
    pub ended: u64,
    /// Seconds that these took.
    pub busy: f64,
    /// When it was last heard of, in seconds since its run began.
    pub elapsed: f64,
    /// Whether it said that it has ended, and why before the end of the sweep.
    pub closed: Option<Option<String>>,
}

/// How a point stands.
#[derive(Debug, Clone, PartialEq)]
pub enum PointState<'a> {
    /// It was run, or failed.
    Ended(&'a Ended),
    /// A rank of the last run of its part began it.
    Running {
        /// Which rank, and where.
        writer: &'a Writer,
        /// When, in seconds since the run began.
        since: f64,
    },
    /// It has not been begun, or the run that began it has ended.
    Pending,
}

impl Records {
    /// Nothing read yet.
    pub fn new(folder: &SweepFolder) -> Records {
        Records { folder: folder.clone(), readers: BTreeMap::new(), ended: HashMap::new() }
    }

    /// Reads what the journals have got since the last time.
    ///
    /// # Errors
    /// Resource error when the folder or a journal cannot be read.
    pub fn update(&mut self) -> Result<()> {
        // Older runs come first, so that the last word is the youngest run's.
        for path in self.folder.journals()? {
            let (run, part) = run_and_part(&path).unwrap_or((0, Part::WHOLE));
            let file = self
                .readers
                .entry(path.clone())
                .or_insert_with(|| File { reader: JournalReader::new(&path), writer: Writer::new(run, part) });
            for entry in file.reader.read()? {
                file.writer.note(&entry);
                if let Entry::Ended(ended) = entry {
                    self.ended.insert(ended.point.key, ended);
                }
            }
        }
        Ok(())
    }

    /// The last word on a point, if it has ended.
    pub fn ended(&self, key: &Key) -> Option<&Ended> {
        self.ended.get(key)
    }

    /// All points that have ended, in no order.
    pub fn all_ended(&self) -> impl Iterator<Item = &Ended> {
        self.ended.values()
    }

    /// Every rank of every run, older runs first.
    pub fn writers(&self) -> impl Iterator<Item = &Writer> {
        self.readers.values().map(|file| &file.writer)
    }

    /// The number of the last run; 0 if there was none.
    pub fn last_run(&self) -> u64 {
        self.writers().map(|writer| writer.run).max().unwrap_or(0)
    }

    /// The ranks of the last run of each part: nobody else can be running.
    pub fn current(&self) -> impl Iterator<Item = &Writer> {
        let mut last: HashMap<Part, u64> = HashMap::new();
        for writer in self.writers() {
            let run = last.entry(writer.part).or_default();
            *run = writer.run.max(*run);
        }
        self.writers().filter(move |writer| last.get(&writer.part) == Some(&writer.run))
    }

    /// How a point stands.
    pub fn state(&self, key: &Key) -> PointState<'_> {
        if let Some(ended) = self.ended.get(key) {
            return PointState::Ended(ended);
        }
        let running = self.current().filter(|writer| writer.closed.is_none()).find_map(|writer| {
            let (point, since) = writer.running.as_ref()?;
            (point.key == *key).then_some(PointState::Running { writer, since: *since })
        });
        running.unwrap_or(PointState::Pending)
    }

    /// The versions of the program that wrote journals.
    pub fn versions(&self) -> BTreeSet<String> {
        self.writers().filter_map(|writer| Some(writer.begin.as_ref()?.version.clone())).collect()
    }

    /// Journals that were damaged, and how many bytes of each.
    pub fn damaged(&self) -> impl Iterator<Item = (&std::path::Path, u64)> {
        let all = self.readers.values().map(|file| (file.reader.path(), file.reader.damaged()));
        all.filter(|(_, bytes)| *bytes > 0)
    }
}

impl Writer {
    /// A rank of which nothing has been read yet.
    pub fn new(run: u64, part: Part) -> Writer {
        Writer { run, part, begin: None, running: None, ended: 0, busy: 0.0, elapsed: 0.0, closed: None }
    }

    fn note(&mut self, entry: &Entry) {
        match entry {
            Entry::Begin(begin) => self.begin = Some(begin.clone()),
            Entry::Started { point, elapsed } => {
                self.running = Some((point.clone(), *elapsed));
                self.elapsed = *elapsed;
            }
            Entry::Ended(ended) => {
                self.running = None;
                self.ended += 1;
                self.busy += ended.seconds;
                self.elapsed = ended.elapsed;
            }
            Entry::Closed { elapsed, interrupted } => {
                self.elapsed = *elapsed;
                self.closed = Some(interrupted.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::Scalar;
    use crate::io::journal::Journal;
    use crate::io::sweep::Part;

    fn begin(rank: u64) -> Begin {
        let [host, started, version] = ["node", "2026-01-01T00:00:00Z", "1"].map(String::from);
        Begin { rank, ranks: 2, host, process: 7, started, version }
    }

    fn point(index: u64) -> Point {
        Point { index, key: Key([index as u8; 16]), parameters: Vec::new() }
    }

    fn ended(index: u64, result: std::result::Result<f64, &str>, elapsed: f64) -> Entry {
        let result = result.map(|value| vec![Scalar::plain("a", value)]).map_err(str::to_string);
        Entry::Ended(Ended { point: point(index), result, attempts: 1, seconds: 0.5, elapsed })
    }

    #[test]
    fn the_last_run_has_the_last_word() {
        let root = tempfile::tempdir().unwrap();
        let folder = SweepFolder::new(root.path());
        let mut records = Records::new(&folder);
        records.update().unwrap();
        assert_eq!((records.last_run(), records.state(&point(0).key)), (0, PointState::Pending));

        let first = Journal::create(&folder.journal(1, Part::WHOLE, 0), begin(0)).unwrap();
        first.append(ended(0, Err("no memory"), 1.0)).unwrap();
        first.append(Entry::Started { point: point(1), elapsed: 1.0 }).unwrap();
        first.commit().unwrap();
        records.update().unwrap();
        assert!(matches!(records.state(&point(0).key), PointState::Ended(ended) if ended.result.is_err()));
        let PointState::Running { writer, since } = records.state(&point(1).key) else { panic!("it runs") };
        assert_eq!((writer.begin.as_ref().unwrap().rank, since, writer.busy), (0, 1.0, 0.5));

        let second = Journal::create(&folder.journal(2, Part::WHOLE, 1), begin(1)).unwrap();
        second.append(ended(0, Ok(0.25), 2.0)).unwrap();
        second.append(Entry::Closed { elapsed: 3.0, interrupted: None }).unwrap();
        second.commit().unwrap();
        records.update().unwrap();
        assert!(matches!(records.state(&point(0).key), PointState::Ended(ended) if ended.result.is_ok()));
        assert_eq!(records.state(&point(1).key), PointState::Pending, "its run is over");
        assert_eq!((records.last_run(), records.versions().len(), records.damaged().count()), (2, 1, 0));
    }
    #[test]
    fn parts_run_beside_each_other() {
        let root = tempfile::tempdir().unwrap();
        let folder = SweepFolder::new(root.path());
        for (run, number) in [(1, 1), (2, 2), (3, 2)] {
            let journal = Journal::create(&folder.journal(run, Part { number, of: 2 }, 0), begin(0)).unwrap();
            journal.append(Entry::Started { point: point(run), elapsed: 1.0 }).unwrap();
            journal.commit().unwrap();
        }
        let mut records = Records::new(&folder);
        records.update().unwrap();
        assert_eq!(
            records.current().map(|writer| (writer.run, writer.part.number)).collect::<Vec<_>>(),
            [(1, 1), (3, 2)]
        );
        let running = |index| matches!(records.state(&point(index).key), PointState::Running { .. });
        assert!(running(1) && !running(2) && running(3), "the second part was begun again");
    }
}
