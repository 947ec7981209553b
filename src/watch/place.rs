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
    let usual = path.with_extension("sweep");
    match sweep(&text, &path.display().to_string()) {
        Ok(config) => Ok(SweepFolder::new(&path.parent().unwrap_or(Path::new("")).join(config.folder.value))),
        // A job file that takes definitions, or is being changed, may not be readable by itself.
        Err(_) if usual.is_dir() => Ok(SweepFolder::new(&usual)),
        Err(error) => Err(error),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use std::fs::create_dir;

    const JOB: &str = "job = \"sweep\"\n[axes]\nx = [1, 2]\n[base]\njob = \"function\"\n";

    #[test]
    fn a_folder_and_a_job_file_lead_to_the_same_sweep() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        create_dir(path("job.sweep")).unwrap();
        create_dir(path("elsewhere")).unwrap();
        fs::write(path("job.toml"), JOB).unwrap();
        fs::write(path("named.toml"), JOB.replace("[axes]", "[sweep]\nfolder = \"elsewhere\"\n[axes]")).unwrap();
        for name in ["job.sweep", "job.toml"] {
            assert_eq!(find(&path(name)).unwrap().path(), path("job.sweep"));
        }
        assert_eq!(find(&path("named.toml")).unwrap().path(), path("elsewhere"));
        fs::write(path("job.toml"), JOB.replace("[1, 2]", "{values}")).unwrap();
        assert_eq!(find(&path("job.toml")).unwrap().path(), path("job.sweep"), "it takes definitions");
    }

    #[test]
    fn any_other_path_is_refused_with_what_to_do() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        fs::write(path("new.toml"), JOB).unwrap();
        fs::write(path("circuit.toml"), "job = \"circuit\"\n").unwrap();
        fs::write(path("wrong.toml"), "job = \"sweep\"\n[axes").unwrap();
        for (name, texts) in [
            ("absent", &["cannot be read", "allowed: the folder of a sweep", "next: check the path"][..]),
            ("new.toml", &["has no folder yet", "next: start it: rhoshard run"]),
            ("circuit.toml", &["is the job file of a circuit", "allowed: a file with job = \"sweep\"", "next:"]),
            ("wrong.toml", &["wrong.toml:2"]),
        ] {
            let error = find(&path(name)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Input);
            for text in texts {
                assert!(error.to_string().contains(text), "{text} is not in\n{error}");
            }
        }
    }
}
