//! From what a user names to the folder of a sweep.

use crate::config::sweep::sweep;
use crate::error::{Error, Result};
use crate::io::sweep::{StoredSweep, SweepFolder, is_table};
use std::fs;
use std::path::Path;

/// The folder of a sweep that is named by itself, by its job file or by its table.
///
/// # Errors
/// Input error that says what the path is instead.
pub fn find(path: &Path) -> Result<SweepFolder> {
    let found = if path.is_dir() {
        SweepFolder::new(path)
    } else if path.is_file() && is_table(path) {
        of_table(path)?
    } else {
        of_job(path)?
    };
    if found.path().is_dir() {
        return Ok(found);
    }
    Err(Error::input(format!("the sweep has no folder yet: {}", found.path().display()))
        .in_file(path.display())
        .next(format!("start it: rhoshard run {}", path.display())))
}

fn of_job(path: &Path) -> Result<SweepFolder> {
    let text = fs::read_to_string(path).map_err(|cause| {
        Error::input(format!("cannot be read: {cause}"))
            .in_file(path.display())
            .allowed("the folder of a sweep, STEM.sweep, its job file or its table")
            .next("check the path")
    })?;
    // A file that is no TOML says so when the sweep is read from it.
    let job = text.parse::<toml::Table>().ok().and_then(|table| Some(table.get("job")?.as_str()?.to_string()));
    if let Some(job) = job.filter(|job| job != "sweep") {
        return Err(Error::input(format!("is the job file of a {job}, not of a sweep"))
            .in_file(path.display())
            .allowed("a file with job = \"sweep\"")
            .next("its result is in one file: `rhoshard report` shows it"));
    }
    let config = sweep(&text, &path.display().to_string())?;
    Ok(SweepFolder::new(&path.parent().unwrap_or(Path::new("")).join(config.folder.value)))
}

/// The folder that the table's own job text names, from where the job was, else beside the table.
fn of_table(path: &Path) -> Result<SweepFolder> {
    let stored = StoredSweep::read(path)?;
    let config = sweep(&stored.job, &stored.definition.job)?;
    let there = Path::new(&stored.definition.job_folder).join(&config.folder.value);
    if there.is_dir() {
        return Ok(SweepFolder::new(&there));
    }
    let name = there.file_name().unwrap_or_default();
    Ok(SweepFolder::new(&path.parent().unwrap_or(Path::new("")).join(name)))
}
