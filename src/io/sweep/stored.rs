//! Reads the table of a sweep back.

use super::Definition;
use super::table::{FORMAT, Status, VERSION};
use crate::error::{Error, Result};
use crate::io::hdf::link_name;
use crate::io::state_file::{open_any, refusal};
use hdf5::types::{TypeDescriptor, VarLenUnicode};
use hdf5::{Group, H5Type};
use std::path::Path;

/// A table as it was written.
#[derive(Debug, Clone)]
pub struct StoredSweep {
    /// Axes, objective and constraints.
    pub definition: Definition,
    /// The sweep's job file.
    pub job: String,
    /// Versions of the program that ran points.
    pub versions: Vec<String>,
    /// How often the sweep was started.
    pub runs: u64,
    /// The place of each point in the sweep.
    pub index: Vec<u64>,
    /// What each point is: a hash in hexadecimal.
    pub key: Vec<String>,
    /// What became of each.
    pub status: Vec<Status>,
    /// Why it failed, if it did.
    pub error: Vec<String>,
    /// The values of the axes, in the order of the definition.
    pub axes: Vec<StoredAxis>,
    /// The results, in the order of their names.
    pub results: Vec<StoredResult>,
    /// Wall time of each point, in seconds; NaN where it was not run.
    pub seconds: Vec<f64>,
}

/// One axis and its value at each point.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAxis {
    /// The place in the job: keys joined by dots.
    pub path: String,
    /// The values.
    pub values: AxisColumn,
}

/// Values of an axis.
#[derive(Debug, Clone, PartialEq)]
pub enum AxisColumn {
    /// Numbers; NaN where the axis does not apply.
    Numbers(Vec<f64>),
    /// Words; empty where the axis does not apply.
    Words(Vec<String>),
}

/// One result of every point; NaN where a number is not known.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredResult {
    /// Its name as the table has it.
    pub name: String,
    /// The result.
    pub value: Vec<f64>,
    /// The proven lower bound.
    pub lower: Vec<f64>,
    /// The proven upper bound.
    pub upper: Vec<f64>,
    /// The standard error.
    pub stderr: Vec<f64>,
}

/// Whether a file is the table of a sweep.
pub fn is_table(path: &Path) -> bool {
    let format = hdf5::File::open(path)
        .and_then(|file| file.attr("format"))
        .and_then(|format| format.read_scalar::<VarLenUnicode>());
    format.is_ok_and(|format| format.as_str() == FORMAT)
}

impl AxisColumn {
    /// The value at a point, as a text.
    pub fn text(&self, point: usize) -> String {
        match self {
            AxisColumn::Numbers(numbers) if numbers[point].is_nan() => "-".into(),
            AxisColumn::Numbers(numbers) => format!("{}", numbers[point]),
            AxisColumn::Words(words) => words[point].clone(),
        }
    }
}

impl StoredSweep {
    /// Reads a table.
    ///
    /// # Errors
    /// Input error that says what is wrong: the file is missing, damaged, no table, of a newer schema, or contradicts
    /// itself.
    pub fn read(path: &Path) -> Result<StoredSweep> {
        let file = open_any(path)?;
        let reader = Reader { path };
        reader.check(&file)?;
        let results = reader.group(&file, "results")?;
        let rows = reader.numbers::<u64>(&results, "index")?.len();
        let config = reader.group(&file, "config")?;
        let definition: Definition = serde_json::from_str(&reader.text(&config, "definition")?)
            .map_err(|_| reader.damaged(&config, "definition"))?;
        let provenance = reader.group(&file, "provenance")?;
        Ok(StoredSweep {
            job: reader.text(&config, "job")?,
            versions: reader.texts(&provenance, "versions")?,
            runs: reader.numbers(&provenance, "runs")?.first().copied().unwrap_or(0),
            index: reader.column(&results, "index", rows)?,
            key: reader.words(&results, "key", rows)?,
            status: reader.status(&results, rows)?,
            error: reader.words(&results, "error", rows)?,
            axes: reader.axes(&reader.group(&results, "parameters")?, &definition, rows)?,
            results: reader.results(&reader.group(&results, "values")?, rows)?,
            seconds: reader.column(&reader.group(&file, "timing")?, "seconds", rows)?,
            definition,
        })
    }

    /// The result of this name, as a job file says it.
    pub fn result(&self, name: &str) -> Option<&StoredResult> {
        let stored = name.split('/').map(link_name).collect::<Vec<_>>().join("/");
        self.results.iter().find(|result| result.name == stored)
    }

    /// Whether a point satisfies all constraints; without its results it does not.
    pub fn is_feasible(&self, point: usize) -> bool {
        self.definition.constraints.iter().all(|constraint| {
            let found = self.result(&constraint.result).map(|result| result.value[point]);
            found.is_some_and(|value| constraint.excess(value) <= 0.0)
        })
    }
}

struct Reader<'a> {
    path: &'a Path,
}

impl Reader<'_> {
    fn check(&self, file: &hdf5::File) -> Result<()> {
        if !is_table(self.path) {
            return Err(refusal(self.path, "is an HDF5 file, but not the table of a sweep")
                .allowed("the table that `rhoshard run` writes for a sweep"));
        }
        match file.attr("schema_version").and_then(|version| version.read_scalar::<u32>()) {
            Ok(version) if version <= VERSION => Ok(()),
            Ok(version) => {
                let what = format!("the file has schema version {version}, newer than this program knows");
                Err(refusal(self.path, what)
                    .allowed(format!("versions up to {VERSION}"))
                    .next("use a newer version of the program"))
            }
            Err(_) => Err(self.damaged(file, "schema_version")),
        }
    }

    fn damaged(&self, at: &Group, name: &str) -> Error {
        let what = format!("`{}/{name}` cannot be read as what it should be", at.name().trim_end_matches('/'));
        refusal(self.path, what).next("start the sweep again: it runs no point twice and makes its table anew")
    }

    fn group(&self, at: &Group, name: &str) -> Result<Group> {
        at.group(name).map_err(|_| self.damaged(at, name))
    }

    fn numbers<T: H5Type>(&self, at: &Group, name: &str) -> Result<Vec<T>> {
        at.dataset(name).and_then(|data| data.read_raw()).map_err(|_| self.damaged(at, name))
    }

    fn column<T: H5Type>(&self, at: &Group, name: &str, rows: usize) -> Result<Vec<T>> {
        let values = self.numbers(at, name)?;
        if values.len() == rows { Ok(values) } else { Err(self.damaged(at, name)) }
    }

    fn texts(&self, at: &Group, name: &str) -> Result<Vec<String>> {
        let texts: Vec<VarLenUnicode> = self.numbers(at, name)?;
        Ok(texts.iter().map(ToString::to_string).collect())
    }

    fn words(&self, at: &Group, name: &str, rows: usize) -> Result<Vec<String>> {
        let texts = self.texts(at, name)?;
        if texts.len() == rows { Ok(texts) } else { Err(self.damaged(at, name)) }
    }

    fn text(&self, at: &Group, name: &str) -> Result<String> {
        Ok(self.texts(at, name)?.into_iter().next().unwrap_or_default())
    }

    fn status(&self, at: &Group, rows: usize) -> Result<Vec<Status>> {
        let all = [Status::Done, Status::Failed, Status::Pending, Status::Skipped];
        let named = |name: String| all.into_iter().find(|status| status.name() == name);
        let found: Option<Vec<Status>> = self.words(at, "status", rows)?.into_iter().map(named).collect();
        found.ok_or_else(|| self.damaged(at, "status"))
    }

    fn axes(&self, at: &Group, definition: &Definition, rows: usize) -> Result<Vec<StoredAxis>> {
        let axis =
            |path: &String| Ok(StoredAxis { path: path.clone(), values: self.axis(at, &link_name(path), rows)? });
        definition.axes.iter().map(axis).collect()
    }

    fn axis(&self, at: &Group, name: &str, rows: usize) -> Result<AxisColumn> {
        let kind = at.dataset(name).and_then(|data| data.dtype()).and_then(|kind| kind.to_descriptor());
        match kind.map_err(|_| self.damaged(at, name))? {
            TypeDescriptor::VarLenUnicode => self.words(at, name, rows).map(AxisColumn::Words),
            TypeDescriptor::Integer(_) => {
                let whole: Vec<i64> = self.column(at, name, rows)?;
                Ok(AxisColumn::Numbers(whole.into_iter().map(|number| number as f64).collect()))
            }
            _ => self.column(at, name, rows).map(AxisColumn::Numbers),
        }
    }

    /// A group with a dataset `value` is a result; any of its groups are those of results whose names begin with its own.
    fn results(&self, at: &Group, rows: usize) -> Result<Vec<StoredResult>> {
        let mut results = Vec::new();
        let mut left = vec![(at.clone(), String::new())];
        while let Some((group, name)) = left.pop() {
            for member in group.member_names().map_err(|_| self.damaged(&group, "."))? {
                if let Ok(inner) = group.group(&member) {
                    let full = if name.is_empty() { member } else { format!("{name}/{member}") };
                    left.push((inner, full));
                }
            }
            if group.dataset("value").is_ok() {
                results.push(self.result(&group, name, rows)?);
            }
        }
        results.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(results)
    }

    fn result(&self, at: &Group, name: String, rows: usize) -> Result<StoredResult> {
        let optional = |column: &str| match at.link_exists(column) {
            true => self.column(at, column, rows),
            false => Ok(vec![f64::NAN; rows]),
        };
        Ok(StoredResult {
            name,
            value: self.column(at, "value", rows)?,
            lower: optional("lower")?,
            upper: optional("upper")?,
            stderr: optional("stderr")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::io::Scalar;
    use crate::io::journal::{Ended, Key, Parameter, Point};
    use crate::io::sweep::table::{About, Row, write};
    use std::path::PathBuf;
    use tempfile::TempDir;

    fn definition() -> Definition {
        Definition {
            job: "job.toml".into(),
            job_folder: "/".into(),
            table: "job.h5".into(),
            points: 3,
            sampler: "grid".into(),
            axes: ["a.b", "kind", "rank/x"].map(String::from).into(),
            logarithmic: vec!["a.b".into()],
            objective: None,
            constraints: Vec::new(),
            ranks_per_point: 1,
            inputs: vec![("/in".into(), "00".into())],
        }
    }

    fn parameters(index: u64) -> Vec<Parameter> {
        let rank = if index == 1 { Parameter::Absent(()) } else { Parameter::Whole(8) };
        vec![Parameter::Whole(index as i64), Parameter::Text(format!("kind {index}")), rank]
    }

    fn written() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("job.h5");
        let key = |index: u64| Key([index as u8; 16]);
        let ended = |index: u64, result| {
            let point = Point { index, key: key(index), parameters: parameters(index) };
            Ended { point, result, attempts: 1, seconds: 0.5, elapsed: 1.0 }
        };
        let bounded = Scalar { lower: 0.4, upper: 0.6, ..Scalar::plain("expectations/Z0/Z1", 0.5) };
        let done = ended(0, Ok(vec![bounded, Scalar::plain("value", 1.5), Scalar::plain("state/value", 2.5)]));
        let failed = ended(1, Err("no memory".into()));
        let row =
            |index: u64, ended| Row { index, key: key(index), parameters: parameters(index), ended, skipped: false };
        let rows = [row(0, Some(&done)), row(1, Some(&failed)), row(2, None)];
        let about = About { job: "text".into(), runs: 4, versions: ["1".to_string()].into(), ..About::default() };
        write(&path, &definition(), &rows, &about).unwrap();
        (folder, path)
    }

    #[test]
    fn a_table_is_read_as_it_was_written() {
        let (_folder, path) = written();
        assert!(is_table(&path));
        let stored = StoredSweep::read(&path).unwrap();
        assert_eq!((stored.definition.clone(), &*stored.job, stored.runs), (definition(), "text", 4));
        assert_eq!(stored.status, [Status::Done, Status::Failed, Status::Pending]);
        assert_eq!(
            (stored.index.clone(), stored.error.clone()),
            (vec![0, 1, 2], ["", "no memory", ""].map(String::from).into())
        );
        assert_eq!(stored.key[1], Key([1; 16]).to_string());
        assert_eq!(stored.axes[0].values, AxisColumn::Numbers(vec![0.0, 1.0, 2.0]));
        assert_eq!([0, 1, 2].map(|point| stored.axes[1].values.text(point)), ["kind 0", "kind 1", "kind 2"]);
        assert_eq!([0, 1, 2].map(|point| stored.axes[2].values.text(point)), ["8", "-", "8"]);
        let names: Vec<&str> = stored.results.iter().map(|result| &*result.name).collect();
        assert_eq!(names, ["expectations/Z0/Z1", "state/value", "value"]);
        let result = stored.result("expectations/Z0/Z1").unwrap();
        assert!((result.value[0], result.lower[0], result.upper[0]) == (0.5, 0.4, 0.6) && result.value[1].is_nan());
        assert!(stored.result("value").unwrap().lower[0].is_nan() && stored.result("absent").is_none());
        assert_eq!(stored.result("state/value").unwrap().value[0], 2.5);
        assert!(stored.seconds[0] == 0.5 && stored.seconds[2].is_nan());
    }

    #[test]
    fn what_is_no_table_or_is_spoilt_is_refused() {
        let (folder, path) = written();
        let refused = |path: &Path| {
            let error = StoredSweep::read(path).unwrap_err();
            assert!(error.kind == ErrorKind::Input && error.file.is_some(), "{error}");
            error.to_string()
        };
        assert!(refused(&folder.path().join("absent.h5")).contains("cannot be read"));
        let foreign = folder.path().join("foreign.h5");
        hdf5::File::create(&foreign).unwrap().close().unwrap();
        assert!(!is_table(&foreign) && refused(&foreign).contains("not the table of a sweep"));
        let edit = |change: &dyn Fn(&hdf5::File)| {
            let copy = folder.path().join("copy.h5");
            std::fs::copy(&path, &copy).unwrap();
            let file = hdf5::File::open_rw(&copy).unwrap();
            change(&file);
            file.close().unwrap();
            refused(&copy)
        };
        let newer = edit(&|file| file.attr("schema_version").unwrap().write_scalar(&99_u32).unwrap());
        assert!(newer.contains("schema version 99") && newer.contains("next: use a newer version"), "{newer}");
        let without = edit(&|file| file.unlink("results/status").unwrap());
        assert!(
            without.contains("`/results/status` cannot be read") && without.contains("next: start the sweep again")
        );
        let short = edit(&|file| {
            file.unlink("timing/seconds").unwrap();
            let timing = file.group("timing").unwrap();
            timing.new_dataset_builder().with_data(&[1.0]).create("seconds").unwrap();
        });
        assert!(short.contains("`/timing/seconds`"), "{short}");
    }
}
