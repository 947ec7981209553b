//! What was submitted and what became of it: the folder `STEM.submit` beside a job file.
//!
//! ```text
//! submissions.jsonl     a line for each submission, only ever appended to
//! 3.sh                  the script of submission 3, as it was submitted
//! 3-7.log               what its element 7 printed (element 1 of a job that is no array)
//! 3-7.exit              its exit code, written by the script when the program has ended
//! 3-7.again             how often the script has started it again
//! 3-7.jobs              the jobs that it goes on in, where a job that is started again gets a new name
//! 3.cancelled           it was cancelled with `rhoshard cancel`: do not start it again
//! ```

use super::parts::Parts;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Ends the name of the folder.
const ENDING: &str = "submit";
const RECORDS: &str = "submissions.jsonl";

/// One line of `submissions.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Its number, from 1.
    pub number: u64,
    /// The number of the submission that the whole job began with; a retry keeps it.
    pub begun: u64,
    /// What finds the profile again.
    pub cluster: String,
    /// The batch system, by its name in profiles.
    pub scheduler: String,
    /// The job, by the name that the batch system gave it.
    pub job: String,
    /// The parts that it runs, in the order of the array's elements; nothing for a job that is not split.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parts: Option<Parts>,
    /// The parts of the whole job.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub of: Option<u64>,
    /// What stands for `{NAME}` in the job file, each as `NAME=VALUE`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub definitions: Vec<String>,
    /// When it was submitted, in seconds since 1970.
    pub time: u64,
}

impl Submission {
    /// The parts and the elements of the array that run them: one of each for a job that is not split.
    pub fn elements(&self) -> Vec<(u64, u64)> {
        let parts = self.parts.clone().unwrap_or_else(|| Parts::all(1));
        parts.iter().zip(1..).collect()
    }
}

/// The folder of a job's submissions; it may not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// That of a job file.
    ///
    /// # Errors
    /// Input error for a path that scripts cannot name.
    pub fn of_job(job: &Path) -> Result<Folder> {
        let path = absolute(job)?.with_extension(ENDING);
        Ok(Folder { path })
    }

    /// Those that a path means: of a job file, a folder of submissions, or all in a folder.
    ///
    /// # Errors
    /// Input error when nothing was submitted there.
    pub fn all_of(path: &Path) -> Result<Vec<Folder>> {
        let is_records = |path: &Path| path.join(RECORDS).is_file();
        let nothing = |what: &str| {
            Error::input(what).in_file(path.display()).next("submit it: `rhoshard submit JOB.toml --cluster NAME`")
        };
        if is_records(path) {
            return Ok(vec![Folder { path: absolute(path)? }]);
        }
        if !path.is_dir() {
            let folder = Folder::of_job(path)?;
            let found = is_records(&folder.path).then_some(folder);
            return found.map(|folder| vec![folder]).ok_or_else(|| nothing("nothing was submitted for this job"));
        }
        let unreadable = |cause| Error::resource(format!("cannot be read: {cause}")).in_file(path.display());
        let entries = std::fs::read_dir(path).map_err(unreadable)?.filter_map(|entry| Some(entry.ok()?.path()));
        let mut paths: Vec<PathBuf> = entries.filter(|path| is_records(path)).collect();
        paths.sort_by_cached_key(|path| in_order(&path.to_string_lossy()));
        let folders = paths.iter().map(|path| Ok(Folder { path: absolute(path)? })).collect::<Result<Vec<Folder>>>()?;
        if folders.is_empty() { Err(nothing("nothing was submitted in this folder")) } else { Ok(folders) }
    }

    /// Where it is, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the job, without the ending of its file.
    pub fn name(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// All submissions, the first one first.
    ///
    /// # Errors
    /// Resource error when they cannot be read; input error for a line that is none of ours.
    pub fn submissions(&self) -> Result<Vec<Submission>> {
        let file = self.path.join(RECORDS);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(unusable("cannot be read", cause, &file)),
        };
        // A last line without its end was being written when the power went.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let submission = |(line, text): (usize, &str)| {
            serde_json::from_str(text).map_err(|cause| {
                let error = Error::input(format!("this is no submission: {cause}")).in_file(file.display());
                error.at_line(line + 1).next("remove the line, or the folder if nothing in it is needed any more")
            })
        };
        whole.lines().enumerate().map(submission).collect()
    }

    /// The submissions of the job as it was last begun, retries included.
    ///
    /// # Errors
    /// As [`Folder::submissions`].
    pub fn last_round(&self) -> Result<Vec<Submission>> {
        let mut all = self.submissions()?;
        let begun = all.last().map_or(0, |last| last.begun);
        all.retain(|submission| submission.begun == begun);
        Ok(all)
    }

    /// Adds a line.
    ///
    /// # Errors
    /// Resource error when it cannot be written.
    pub fn add(&self, submission: &Submission) -> Result<()> {
        let file = self.path.join(RECORDS);
        let line = serde_json::to_string(submission).expect("plain data encodes") + "\n";
        let written = OpenOptions::new().create(true).append(true).open(&file).and_then(|mut open| {
            open.write_all(line.as_bytes())?;
            open.sync_all()
        });
        written.map_err(|cause| unusable("cannot be written", cause, &file))
    }

    /// The first number that no script has.
    pub fn next_number(&self) -> u64 {
        let number = |name: std::ffi::OsString| name.to_str()?.strip_suffix(".sh")?.parse::<u64>().ok();
        let entries = std::fs::read_dir(&self.path).into_iter().flatten();
        let last = entries.filter_map(|entry| number(entry.ok()?.file_name())).max();
        last.map_or(1, |last| last + 1)
    }

    /// Writes a new script and gives its file's name; the number belongs to it from then on.
    ///
    /// # Errors
    /// Resource error when it cannot be written, or when another program has just taken the number.
    pub fn add_script(&self, number: u64, text: &str) -> Result<String> {
        let name = format!("{number}.sh");
        let file = self.path.join(&name);
        let written = std::fs::create_dir_all(&self.path).and_then(|()| {
            let mut open = File::create_new(&file)?;
            open.write_all(text.as_bytes())?;
            open.sync_all()
        });
        written.map(|()| name).map_err(|cause| unusable("cannot be written", cause, &file))
    }

    /// The exit code that a script has left.
    pub fn exit_code(&self, number: u64, element: u64) -> Option<i32> {
        self.small(&format!("{number}-{element}.exit"))?.trim().parse().ok()
    }

    /// How often a script has started its job again.
    pub fn times_again(&self, number: u64, element: u64) -> u64 {
        self.small(&format!("{number}-{element}.again")).and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    /// The jobs in which an element goes on.
    pub fn successors(&self, number: u64, element: u64) -> Vec<String> {
        let text = self.small(&format!("{number}-{element}.jobs")).unwrap_or_default();
        text.lines().map(|line| line.trim().to_string()).filter(|line| !line.is_empty()).collect()
    }

    /// Forbids that scripts start this submission again.
    ///
    /// # Errors
    /// Resource error when that cannot be written.
    pub fn mark_cancelled(&self, number: u64) -> Result<()> {
        let file = self.path.join(format!("{number}.cancelled"));
        File::create(&file).map(|_| ()).map_err(|cause| unusable("cannot be written", cause, &file))
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self, number: u64) -> bool {
        self.path.join(format!("{number}.cancelled")).exists()
    }

    /// What an element has printed.
    pub fn log(&self, number: u64, element: u64) -> PathBuf {
        self.path.join(format!("{number}-{element}.log"))
    }

    /// When any of its elements printed last; nothing if none has.
    pub fn printed(&self) -> Option<SystemTime> {
        let entries = std::fs::read_dir(&self.path).ok()?.filter_map(|entry| entry.ok());
        let logs = entries.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "log"));
        logs.filter_map(|log| log.metadata().ok()?.modified().ok()).max()
    }

    fn small(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.path.join(name)).ok()
    }
}

/// What names are sorted by, so that `ranks2` comes before `ranks16`: digits in a row count as a number.
fn in_order(name: &str) -> Vec<(String, u128)> {
    let is_digit = |letter: &char| letter.is_ascii_digit();
    let (mut pieces, mut rest) = (Vec::new(), name);
    while !rest.is_empty() {
        let words = rest.find(|letter| is_digit(&letter)).unwrap_or(rest.len());
        let digits = rest[words..].find(|letter| !is_digit(&letter)).map_or(rest.len(), |digits| words + digits);
        pieces.push((rest[..words].to_string(), rest[words..digits].parse().unwrap_or(u128::MAX)));
        rest = &rest[digits..];
    }
    pieces
}

fn unusable(what: &str, cause: std::io::Error, file: &Path) -> Error {
    Error::resource(format!("{what}: {cause}")).in_file(file.display())
}

/// A path from the root, that scripts can name. Links are kept: they may lead elsewhere on the nodes.
///
/// # Errors
/// Input error for one that is not UTF-8.
pub fn absolute(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).map_err(|cause| unusable("cannot be used", cause, path))?;
    match absolute.to_str() {
        Some(_) => Ok(absolute),
        None => {
            Err(Error::input("the path is not UTF-8").in_file(path.display()).next("rename the folder or the file"))
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::cluster) fn submission(number: u64, begun: u64, job: &str, parts: Option<(&str, u64)>) -> Submission {
        Submission {
            number,
            begun,
            cluster: "slurm".into(),
            scheduler: "slurm".into(),
            job: job.into(),
            parts: parts.map(|(parts, _)| Parts::try_from(parts.to_string()).unwrap()),
            of: parts.map(|(_, of)| of),
            definitions: Vec::new(),
            time: 0,
        }
    }

    #[test]
    fn what_is_added_is_read_back() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::of_job(&place.path().join("a b.toml")).unwrap();
        assert_eq!((folder.submissions().unwrap(), folder.next_number()), (Vec::new(), 1));
        assert_eq!(folder.add_script(1, "x").unwrap(), "1.sh");
        assert!(folder.add_script(1, "y").is_err(), "a number is taken once");
        let all = [
            submission(1, 1, "10", Some(("1-3,5", 8))),
            submission(2, 2, "11", None),
            submission(3, 2, "12[].s", None),
        ];
        all.iter().for_each(|submission| folder.add(submission).unwrap());
        assert_eq!(folder.submissions().unwrap(), all);
        assert_eq!(folder.last_round().unwrap(), all[1..]);
        assert_eq!(folder.next_number(), 2);
        assert_eq!(all[0].elements(), [(1, 1), (2, 2), (3, 3), (5, 4)]);
        assert_eq!(all[1].elements(), [(1, 1)]);
        let line = std::fs::read_to_string(folder.path().join(RECORDS)).unwrap().lines().next().unwrap().to_string();
        assert!(line.contains("\"parts\":\"1-3,5\",\"of\":8") && !line.contains("definitions"), "{line}");
        let defined = Submission { definitions: vec!["n=3".into(), "a b=it's".into()], ..submission(4, 4, "13", None) };
        folder.add(&defined).unwrap();
        assert_eq!(folder.last_round().unwrap(), [defined]);
    }

    #[test]
    fn names_are_sorted_as_people_do() {
        let mut names = ["ranks16", "b", "ranks2", "a10x", "a10", "a9x", "ranks2-3", "7"];
        names.sort_by_cached_key(|name| in_order(name));
        assert_eq!(names, ["7", "a9x", "a10", "a10x", "b", "ranks2", "ranks2-3", "ranks16"]);
        assert_eq!(in_order("99999999999999999999999999999999999999999").len(), 1, "any number of digits");
    }

    #[test]
    fn half_a_line_is_left_out_and_a_wrong_one_is_named() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::of_job(&place.path().join("job.toml")).unwrap();
        folder.add_script(1, "x").unwrap();
        folder.add(&submission(1, 1, "10", None)).unwrap();
        let file = folder.path().join(RECORDS);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{text}{{\"numb")).unwrap();
        assert_eq!(folder.submissions().unwrap().len(), 1);
        std::fs::write(&file, format!("{text}{{\"numb\n")).unwrap();
        let error = folder.submissions().unwrap_err();
        assert_eq!(error.line, Some(2));
    }

    #[test]
    fn a_path_means_a_job_a_folder_of_submissions_or_a_folder_of_jobs() {
        let place = tempfile::tempdir().unwrap();
        let error = Folder::all_of(place.path()).unwrap_err();
        assert!(error.what.contains("in this folder"), "{error}");
        let jobs = ["b.toml", "a.toml"].map(|name| place.path().join(name));
        for job in &jobs {
            let folder = Folder::of_job(job).unwrap();
            folder.add_script(1, "x").unwrap();
            folder.add(&submission(1, 1, "10", None)).unwrap();
        }
        let names = |path: &Path| Folder::all_of(path).unwrap().iter().map(Folder::name).collect::<Vec<_>>();
        assert_eq!(names(place.path()), ["a", "b"]);
        assert_eq!(names(&jobs[0]), ["b"]);
        assert_eq!(names(&place.path().join("b.submit")), ["b"]);
        let error = Folder::all_of(&place.path().join("c.toml")).unwrap_err();
        assert!(error.what.contains("for this job"), "{error}");
    }
}
