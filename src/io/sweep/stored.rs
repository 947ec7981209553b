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
    /// Its name, with `/` between the folder and the rest; a further `/` has become `_`.
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
        let stored = match name.split_once('/') {
            Some((folder, rest)) if !folder.is_empty() => format!("{folder}/{}", link_name(rest)),
            _ => link_name(name),
        };
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

    /// A result is a group with a dataset `value`; any other group is a folder of them.
    fn results(&self, at: &Group, rows: usize) -> Result<Vec<StoredResult>> {
        let mut results = Vec::new();
        for name in at.member_names().map_err(|_| self.damaged(at, "."))? {
            let group = self.group(at, &name)?;
            if group.dataset("value").is_ok() {
                results.push(self.result(&group, name, rows)?);
                continue;
            }
            for inner in group.member_names().map_err(|_| self.damaged(&group, "."))? {
                let full = format!("{name}/{inner}");
                results.push(self.result(&self.group(&group, &inner)?, full, rows)?);
            }
        }
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
