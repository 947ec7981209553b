//! The table of a sweep: parameters and results of all points in one HDF5 file.
//!
//! `/results` holds what running the sweep again would give again, whatever the ranks, the order and the interruptions;
//! `/timing` the rest. `docs/sweeps.md` has the schema.

use super::Definition;
use crate::error::{Error, Result};
use crate::io::Scalar;
use crate::io::atomic::{behind_link, publish, temporary};
use crate::io::hdf::{attribute, column, failure, group, link_name, scalar, text, text_column};
use crate::io::journal::{Ended, Key, Parameter};
use crate::io::schema::Field;
use hdf5::Group;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Attribute of the root group that tells a table from any other HDF5 file.
pub const FORMAT: &str = "rhoshard sweep";
/// Version of the schema.
pub const VERSION: u32 = 1;

/// What became of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It has results.
    Done,
    /// It was run and has none.
    Failed,
    /// It has not been run yet.
    Pending,
    /// It is not needed: the objective was reached before it.
    Skipped,
}

impl Status {
    /// As the table has it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Done => "done",
            Status::Failed => "failed",
            Status::Pending => "pending",
            Status::Skipped => "skipped",
        }
    }
}

/// One point.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<'a> {
    /// Its place in the sweep.
    pub index: u64,
    /// What it is.
    pub key: Key,
    /// The values of the axes.
    pub parameters: Vec<Parameter>,
    /// What became of it, if it was run.
    pub ended: Option<&'a Ended>,
    /// Whether it is not needed.
    pub skipped: bool,
}

impl Row<'_> {
    /// What became of it.
    pub fn status(&self) -> Status {
        match self.ended {
            _ if self.skipped => Status::Skipped,
            None => Status::Pending,
            Some(Ended { result: Ok(_), .. }) => Status::Done,
            Some(Ended { result: Err(_), .. }) => Status::Failed,
        }
    }

    fn scalars(&self) -> &[Scalar] {
        match self.ended.map(|ended| &ended.result) {
            Some(Ok(scalars)) if !self.skipped => scalars,
            _ => &[],
        }
    }

    fn error(&self) -> String {
        match self.ended.map(|ended| &ended.result) {
            Some(Err(error)) if !self.skipped => error.clone(),
            _ => String::new(),
        }
    }
}

/// What else is written.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The sweep's job file.
    pub job: String,
    /// The job that was repeated.
    pub base: String,
    /// Versions of the program that ran points.
    pub versions: BTreeSet<String>,
    /// Runs of the sweep so far.
    pub runs: u64,
}

/// Writes the table in the place of an older one.
///
/// # Errors
/// Resource error if the disk or the library fails; an older table is unharmed then.
pub fn write(path: &Path, definition: &Definition, rows: &[Row<'_>], about: &About) -> Result<()> {
    let path = behind_link(path);
    let unwritable = |cause: std::io::Error| {
        Error::resource(format!("the table cannot be written: {cause}"))
            .in_file(path.display())
            .next("check the free space, quota and permissions of its folder; the journals are whole, the same command makes it again")
    };
    let file = temporary(&path).map_err(unwritable)?;
    let fill = || {
        let table = hdf5::File::create(file.path())?;
        fill(&table, definition, rows, about)?;
        table.flush()?;
        table.close()
    };
    fill().map_err(|cause| failure(&path, "write the table", &cause))?;
    publish(file, &path).map_err(unwritable)
}

fn fill(table: &hdf5::File, definition: &Definition, rows: &[Row<'_>], about: &About) -> hdf5::Result<()> {
    attribute(table, "format", &text(FORMAT))?;
    attribute(table, "schema_version", &VERSION)?;
    let results = group(table, "results", "one row a point; running the sweep again gives the same")?;
    numbers(&results, "index", "", "place in the sweep, from 0", rows, |row| row.index)?;
    texts(&results, "key", "hash of all that the results depend on", rows, |row| row.key.to_string())?;
    texts(&results, "status", "done, failed, pending or skipped", rows, |row| row.status().name().into())?;
    texts(&results, "error", "why the point failed", rows, |row| row.error())?;
    let parameters = group(&results, "parameters", "values of the axes")?;
    for (axis, path) in definition.axes.iter().enumerate() {
        parameter(&parameters, path, rows, axis)?;
    }
    values(&group(&results, "values", "scalar results; lower <= exact value <= upper is proven")?, rows)?;
    timing(table, rows)?;
    let config = group(table, "config", "the input")?;
    scalar(&config, &field("job", "the job file of the sweep"), &text(&about.job))?;
    scalar(&config, &field("base", "the job that was repeated"), &text(&about.base))?;
    scalar(
        &config,
        &field("definition", "axes, objective and constraints, JSON"),
        &text(&definition_text(definition)),
    )?;
    let provenance = group(table, "provenance", "who computed this")?;
    text_column(&provenance, &field("versions", "versions of the program that ran points"), about.versions.iter())?;
    scalar(&provenance, &field("runs", "how often the sweep was started"), &about.runs)
}

fn definition_text(definition: &Definition) -> String {
    serde_json::to_string(definition).expect("plain data encodes")
}

/// `seconds` and `attempts`: these differ from run to run.
fn timing(table: &hdf5::File, rows: &[Row<'_>]) -> hdf5::Result<()> {
    let timing = group(table, "timing", "what differs from run to run; one row a point")?;
    let seconds = |row: &Row<'_>| row.ended.map_or(f64::NAN, |ended| ended.seconds);
    numbers(&timing, "seconds", "s", "wall time of the last attempt", rows, seconds)?;
    numbers(&timing, "attempts", "1", "attempts of the run that ended the point", rows, |row| {
        row.ended.map_or(0, |ended| u64::from(ended.attempts))
    })
}

/// Fields whose name is known only when the table is written.
fn field(name: &'static str, meaning: &'static str) -> Field {
    Field { name, unit: "", meaning }
}

fn numbers<T: hdf5::H5Type>(
    at: &Group,
    name: &'static str,
    unit: &'static str,
    meaning: &'static str,
    rows: &[Row<'_>],
    value: impl Fn(&Row<'_>) -> T,
) -> hdf5::Result<()> {
    column(at, &Field { name, unit, meaning }, &rows.iter().map(value).collect::<Vec<_>>())
}

fn texts(
    at: &Group,
    name: &'static str,
    meaning: &'static str,
    rows: &[Row<'_>],
    value: impl Fn(&Row<'_>) -> String,
) -> hdf5::Result<()> {
    let all: Vec<String> = rows.iter().map(value).collect();
    text_column(at, &field(name, meaning), all.iter())
}

/// One axis: whole numbers or numbers if all values are such, else text. Where it does not apply, NaN, or nothing.
fn parameter(at: &Group, path: &str, rows: &[Row<'_>], axis: usize) -> hdf5::Result<()> {
    let values: Vec<&Parameter> = rows.iter().filter_map(|row| row.parameters.get(axis)).collect();
    let data = at.new_dataset_builder();
    let name = link_name(path);
    let name = name.as_str();
    if !values.is_empty() && values.iter().all(|value| matches!(value, Parameter::Whole(_))) {
        let whole = |value: &&Parameter| if let Parameter::Whole(number) = value { *number } else { 0 };
        let values: Vec<i64> = values.iter().map(whole).collect();
        data.with_data(&values).obj_track_times(false).create(name)?;
    } else if values.iter().all(|value| number(value).is_some()) {
        let values: Vec<f64> = values.iter().filter_map(|value| number(value)).collect();
        data.with_data(&values).obj_track_times(false).create(name)?;
    } else {
        let word = |value: &&Parameter| match value {
            Parameter::Absent(()) => text(""),
            value => text(&value.to_string()),
        };
        let values: Vec<_> = values.iter().map(word).collect();
        data.with_data(&values).obj_track_times(false).create(name)?;
    }
    Ok(())
}

fn number(value: &Parameter) -> Option<f64> {
    match value {
        Parameter::Whole(number) => Some(*number as f64),
        Parameter::Number(number) => Some(*number),
        Parameter::Absent(()) => Some(f64::NAN),
        Parameter::Flag(_) | Parameter::Text(_) => None,
    }
}

/// The four numbers of one result, a column each.
type Columns = [Vec<f64>; 4];

/// A group for each result that any point has, in the order of their names; of bounds and errors only columns with a number.
fn values(at: &Group, rows: &[Row<'_>]) -> hdf5::Result<()> {
    let mut results: BTreeMap<&str, Columns> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        for Scalar { name, value, lower, upper, stderr } in row.scalars() {
            let columns = results.entry(name).or_insert_with(|| std::array::from_fn(|_| vec![f64::NAN; rows.len()]));
            for (column, number) in columns.iter_mut().zip([value, lower, upper, stderr]) {
                column[index] = *number;
            }
        }
    }
    let fields = [
        Field { name: "value", unit: "", meaning: "the result" },
        Field { name: "lower", unit: "", meaning: "proven lower bound of the exact value" },
        Field { name: "upper", unit: "", meaning: "proven upper bound of the exact value" },
        Field { name: "stderr", unit: "", meaning: "standard error of a sampled value" },
    ];
    for (name, columns) in results {
        let at = nested(at, name)?;
        for (field, numbers) in fields.iter().zip(&columns) {
            if field.name == "value" || numbers.iter().any(|number| !number.is_nan()) {
                column(&at, field, numbers)?;
            }
        }
    }
    Ok(())
}

/// The group for `expectations/Z0`, with those above it.
fn nested(at: &Group, name: &str) -> hdf5::Result<Group> {
    name.split('/').try_fold(at.clone(), |at, part| {
        let part = link_name(part);
        match at.group(&part) {
            Ok(there) => Ok(there),
            // A column of a result whose name this one begins with.
            Err(_) if at.link_exists(&part) => group(&at, &format!("{part}_"), "results of this name"),
            Err(_) => group(&at, &part, "results of this name"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::journal::Point;

    fn definition() -> Definition {
        Definition {
            job: "job.toml".into(),
            job_folder: "/".into(),
            table: "job.h5".into(),
            points: 3,
            sampler: "grid".into(),
            axes: ["a.b", "kind", "rank", "x"].map(String::from).into(),
            logarithmic: Vec::new(),
            objective: None,
            constraints: Vec::new(),
            ranks_per_point: 1,
            inputs: Vec::new(),
        }
    }

    fn parameters(index: u64) -> Vec<Parameter> {
        let rank = if index == 1 { Parameter::Absent(()) } else { Parameter::Whole(8) };
        vec![Parameter::Whole(index as i64), Parameter::Text("low-rank".into()), rank, Parameter::Number(0.5)]
    }

    fn ended(index: u64, result: std::result::Result<Vec<Scalar>, String>) -> Ended {
        let point = Point { index, key: Key([index as u8; 16]), parameters: parameters(index) };
        Ended { point, result, attempts: 2, seconds: 0.5, elapsed: 1.0 }
    }

    fn row(index: u64, ended: Option<&Ended>) -> Row<'_> {
        Row { index, key: Key([index as u8; 16]), parameters: parameters(index), ended, skipped: false }
    }

    #[test]
    fn a_table_holds_parameters_results_and_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("job.h5");
        let bounded = Scalar { lower: 0.4, upper: 0.6, ..Scalar::plain("expectations/Z0/Z1", 0.5) };
        let done = ended(0, Ok(vec![bounded, Scalar::plain("value", 1.5)]));
        let failed = ended(1, Err("no memory".into()));
        let rows =
            [row(0, Some(&done)), row(1, Some(&failed)), row(2, None), Row { skipped: true, ..row(3, Some(&done)) }];
        write(&path, &definition(), &rows, &About::default()).unwrap();
        let file = hdf5::File::open(&path).unwrap();
        let texts = |name: &str| -> Vec<String> {
            let texts: Vec<hdf5::types::VarLenUnicode> = file.dataset(name).unwrap().read_raw().unwrap();
            texts.iter().map(ToString::to_string).collect()
        };
        let floats = |name: &str| -> Vec<f64> { file.dataset(name).unwrap().read_raw().unwrap() };
        assert_eq!(texts("results/status"), ["done", "failed", "pending", "skipped"]);
        assert_eq!(texts("results/error"), ["", "no memory", "", ""]);
        assert_eq!(file.dataset("results/parameters/a.b").unwrap().read_raw::<i64>().unwrap(), [0, 1, 2, 3]);
        assert!(floats("results/parameters/rank")[1].is_nan() && floats("results/parameters/rank")[2] == 8.0);
        assert_eq!(texts("results/parameters/kind")[0], "low-rank");
        let values = floats("results/values/expectations/Z0/Z1/value");
        assert!(values[0] == 0.5 && values[1..].iter().all(|value| value.is_nan()), "a skipped point has no results");
        assert_eq!(floats("results/values/expectations/Z0/Z1/lower")[0], 0.4);
        assert!(file.dataset("results/values/value/lower").is_err() && floats("results/values/value/value")[0] == 1.5);
        assert_eq!(floats("timing/seconds")[0], 0.5);
    }

    #[test]
    fn a_folder_that_takes_no_file_is_named_and_an_older_table_stays() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(&folder.path().join("absent/job.h5"), &definition(), &[], &About::default()).unwrap_err();
        assert!(error.to_string().contains("absent/job.h5") && error.next.is_some());
    }
}
