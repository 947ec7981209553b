//! From journals to the table and the summary.

use super::points::Points;
use super::run::early_end;
use super::supply::Pool;
use super::{Home, SweepJob};
use crate::error::{Error, Result};
use crate::io::Scalar;
use crate::io::sweep::table::{About, Row, Status, write};
use crate::io::sweep::{Definition, Records};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Failed points that a summary tells of.
const SHOWN_ERRORS: usize = 3;

/// Reads what is new in the journals and makes the table.
pub(super) fn refresh(job: &SweepJob<'_>, home: &Home, pool: &Pool<'_>) -> Result<()> {
    let mut records = Records::new(&home.folder);
    records.update()?;
    make(job, home, &home.definition, &rows(job, &records, pool), &records)
}

/// The final table, and what to say.
pub(super) fn conclude(
    job: &SweepJob<'_>,
    home: &Home,
    pool: &Pool<'_>,
    broken: Option<Error>,
    inputs: &[PathBuf],
) -> Result<String> {
    let _lock = home.folder.lock_table()?;
    let mut records = Records::new(&home.folder);
    records.update()?;
    let rows = rows(job, &records, pool);
    let mut definition = home.definition.clone();
    add_inputs(&mut definition, inputs);
    home.folder.define(&definition)?;
    make(job, home, &definition, &rows, &records)?;
    let summary = summary(job, &rows, pool);
    let path = &job.setting.config.output.value;
    if let Some(error) = early_end(pool, broken) {
        let count = count(&rows, Status::Done);
        let what = format!("{}; {count} of {} points are done, all in {path}", error.what, rows.len());
        return Err(Error { what, ..error }.next_if_none("the same command goes on with the others"));
    }
    match count(&rows, Status::Failed) {
        0 => Ok(summary),
        failed => {
            let error = Error::points_failed(format!(
                "{failed} of {} points failed; the others are in {path}\n{}",
                rows.len(),
                errors(job, &rows)
            ));
            Err(error
                .next(format!("mend what they name, then `rhoshard run {} --only failed`", job.setting.config.path)))
        }
    }
}

fn make(job: &SweepJob<'_>, home: &Home, definition: &Definition, rows: &[Row<'_>], records: &Records) -> Result<()> {
    let about = About {
        job: job.context.job_text.clone(),
        base: job.setting.base_text.clone(),
        versions: records.versions(),
        runs: records.last_run(),
    };
    let _ = home;
    write(&job.context.resolve(&job.setting.config.output.value), definition, rows, &about)
}

/// All points in the order of the sweep.
fn rows<'a>(job: &SweepJob<'_>, records: &'a Records, pool: &Pool<'_>) -> Vec<Row<'a>> {
    let points = &job.setting.points;
    let count = if points.are_chosen() { pool.places().len() as u64 } else { points.known() };
    let row = |index: u64| {
        let coordinates = pool.places().get(index as usize).map_or(&[][..], |place| place);
        let values = points.values(index, coordinates);
        let (key, _) = points.template.identity(&values);
        let skipped = pool.reached().is_some_and(|reached| index > reached);
        Row { index, key, parameters: Points::parameters(&values), ended: records.ended(&key), skipped }
    };
    (0..count).map(row).collect()
}

fn count(rows: &[Row<'_>], status: Status) -> usize {
    rows.iter().filter(|row| row.status() == status).count()
}

fn summary(job: &SweepJob<'_>, rows: &[Row<'_>], pool: &Pool<'_>) -> String {
    let mut text = String::new();
    let seconds = job.begun.elapsed().as_secs_f64();
    let run = pool.tally();
    let _ = writeln!(
        text,
        "points  {} done, {} run now in {seconds:.1} s",
        count(rows, Status::Done),
        run.done + run.failed
    );
    for (status, meaning) in [(Status::Pending, "left for other parts"), (Status::Skipped, "not needed")] {
        if count(rows, status) > 0 {
            let _ = writeln!(text, "        {} {meaning}", count(rows, status));
        }
    }
    if let (Some((value, index)), Some(objective)) = (pool.best(), &job.setting.config.objective) {
        let _ = writeln!(text, "best    {} = {value}", objective.result);
        if let Some(row) = rows.get(index as usize) {
            let paths = job.setting.points.space.paths();
            paths.zip(&row.parameters).for_each(|(path, value)| {
                let _ = writeln!(text, "          {path} = {value}");
            });
            text += &bounds(row, &objective.result);
        }
    }
    let _ = writeln!(text, "table   {}", job.setting.config.output.value);
    text
}

/// The proven interval of a result, if it has one.
fn bounds(row: &Row<'_>, result: &str) -> String {
    let scalars = row.ended.and_then(|ended| ended.result.as_ref().ok());
    let found = scalars.and_then(|scalars| scalars.iter().find(|scalar| scalar.name == result));
    match found {
        Some(Scalar { lower, upper, .. }) if !lower.is_nan() => format!("        proven: {lower} to {upper}\n"),
        _ => String::new(),
    }
}

fn errors(job: &SweepJob<'_>, rows: &[Row<'_>]) -> String {
    let failed = rows.iter().filter(|row| row.status() == Status::Failed);
    let line = |row: &Row<'_>| {
        let error = row.ended.and_then(|ended| ended.result.as_ref().err()).map_or("", |error| error);
        let values: Vec<String> = job
            .setting
            .points
            .space
            .paths()
            .zip(&row.parameters)
            .map(|(path, value)| format!("{path} = {value}"))
            .collect();
        format!("  point {} ({}): {}", row.index, values.join(", "), error.lines().next().unwrap_or_default())
    };
    failed.take(SHOWN_ERRORS).map(line).collect::<Vec<_>>().join("\n")
}

/// Adds files that were read for the first time.
fn add_inputs(definition: &mut Definition, paths: &[PathBuf]) {
    for path in paths {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string();
        if definition.inputs.iter().any(|(known, _)| *known == path) {
            continue;
        }
        if let Some(hash) = hash(Path::new(&path)) {
            definition.inputs.push((path, hash));
        }
    }
    definition.inputs.sort();
}

/// Refuses to go on with points that were computed from other files.
///
/// # Errors
/// Input error that names the file.
pub(super) fn check_inputs(inputs: &[(String, String)]) -> Result<()> {
    match inputs.iter().find(|(path, known)| hash(Path::new(path)).is_some_and(|hash| hash != *known)) {
        None => Ok(()),
        Some((path, _)) => Err(Error::input("the file has changed since points of this sweep were run with it")
            .in_file(path)
            .next("bring it back, or begin anew: remove the folder of the sweep, or name another under `[sweep]`")),
    }
}

/// The SHA-256 of a file that can be read.
fn hash(path: &Path) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    Some(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}
