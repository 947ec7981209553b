//! Runs sweeps and compares their tables.

use super::{Finished, finish, on_ranks, rhoshard};
use rhoshard::io::journal::{Entry, JournalReader, Key};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The numbers of a dataset as bits, or its texts.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    Bits(Vec<u64>),
    Texts(Vec<String>),
}

/// All datasets below a group, by path.
pub type Table = BTreeMap<String, Column>;

/// A folder with the job file of a sweep, `job.toml`.
pub struct Sweep {
    pub folder: tempfile::TempDir,
}

impl Sweep {
    /// Writes the job file, `job = "sweep"` and what follows.
    pub fn new(rest: &str) -> Sweep {
        let sweep = Sweep { folder: tempfile::tempdir().unwrap() };
        sweep.rewrite(rest);
        sweep
    }

    /// Another content of the job file.
    pub fn rewrite(&self, rest: &str) {
        std::fs::write(self.path("job.toml"), format!("job = \"sweep\"\n{rest}")).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command that runs it: directly, or on so many ranks of the launcher.
    pub fn command(&self, ranks: usize, options: &[&str]) -> Command {
        let mut command = if ranks == 1 { Command::new(rhoshard()) } else { on_ranks(ranks, rhoshard()) };
        // Named as a user would: the folder's place is in no error.
        command.args(["run", "job.toml"]).args(options).current_dir(self.folder.path());
        command
    }

    pub fn run(&self, ranks: usize, options: &[&str]) -> Finished {
        finish(self.command(ranks, options))
    }

    /// Runs it to a good end and gives its results.
    pub fn results(&self, ranks: usize) -> Table {
        self.run(ranks, &[]).expect_success(&format!("a sweep on {ranks} ranks"));
        self.table("results")
    }

    /// All that is below a group of the table.
    pub fn table(&self, group: &str) -> Table {
        // A program that another test starts would inherit the open file and its lock.
        let copy = self.folder.path().join(format!("copy-{}.h5", std::process::id()));
        std::fs::copy(self.path("job.h5"), &copy).unwrap();
        let mut table = Table::new();
        read(&hdf5::File::open(&copy).unwrap().group(group).unwrap(), "", &mut table);
        std::fs::remove_file(copy).unwrap();
        table
    }

    /// How often each point ended, and which ones, over all journals.
    pub fn ended(&self) -> BTreeMap<Key, Vec<bool>> {
        let mut ended: BTreeMap<Key, Vec<bool>> = BTreeMap::new();
        for path in journals(&self.path("job.sweep")) {
            for entry in JournalReader::new(&path).read().unwrap() {
                if let Entry::Ended(point) = entry {
                    ended.entry(point.point.key).or_default().push(point.result.is_ok());
                }
            }
        }
        ended
    }
}

pub fn journals(folder: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    all.filter(|path| path.extension().is_some_and(|ending| ending == "journal")).collect()
}

fn read(group: &hdf5::Group, path: &str, table: &mut Table) {
    for name in group.member_names().unwrap() {
        let path = format!("{path}/{name}");
        if let Ok(inner) = group.group(&name) {
            read(&inner, &path, table);
            continue;
        }
        let data = group.dataset(&name).unwrap();
        let column = if let Ok(texts) = data.read_raw::<hdf5::types::VarLenUnicode>() {
            Column::Texts(texts.iter().map(ToString::to_string).collect())
        } else if data.dtype().unwrap().is::<f64>() {
            Column::Bits(data.read_raw::<f64>().unwrap().iter().map(|number| number.to_bits()).collect())
        } else if data.dtype().unwrap().is::<i64>() {
            Column::Bits(data.read_raw::<i64>().unwrap().iter().map(|number| *number as u64).collect())
        } else {
            Column::Bits(data.read_raw::<u64>().unwrap())
        };
        table.insert(path, column);
    }
}

/// The numbers of a column.
pub fn numbers(table: &Table, path: &str) -> Vec<f64> {
    match &table.get(path).unwrap_or_else(|| panic!("no {path} in {:?}", table.keys())) {
        Column::Bits(bits) => bits.iter().map(|bits| f64::from_bits(*bits)).collect(),
        Column::Texts(texts) => panic!("{path} holds {texts:?}"),
    }
}

/// The texts of a column.
pub fn texts(table: &Table, path: &str) -> Vec<String> {
    match &table.get(path).unwrap_or_else(|| panic!("no {path} in {:?}", table.keys())) {
        Column::Texts(texts) => texts.clone(),
        Column::Bits(_) => panic!("{path} holds numbers"),
    }
}

/// Fails with the first dataset that differs.
pub fn assert_same(one: &Table, other: &Table, what: &str) {
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>(), "{what}: datasets");
    for (path, column) in one {
        assert!(*column == other[path], "{what}: {path} differs:\n{column:?}\n{:?}", other[path]);
    }
}
