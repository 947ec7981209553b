//! Wrong jobs are files in `tests/configs/bad` that carry what the program must say about them in their first lines:
//!
//! ```text
//! # expect: text           part of the message; may be repeated
//! # expect-line: N         the line of the job file that the message names
//! # expect-code: N         the exit code, 2 if left out
//! # found-by: config       the job file alone shows the error, so that `jobs::read` must find it
//! ```
//! Each is run by the program in a copy of its folder: it must end with that message and code, without a panic, within
//! the deadline, and leave no file behind. Right jobs in `tests/configs/good` must pass `check`.

#![allow(clippy::unwrap_used)]

use rayon::prelude::*;
use rhoshard::config::{self, text};
use rhoshard::jobs;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

const JOBS: &[&str] = &["circuit"];
const HEADERS: &[&str] = &["expect", "expect-line", "expect-code", "found-by"];
const DEADLINE: Duration = Duration::from_secs(60);

/// A job file and what its first lines say.
struct Case {
    name: String,
    bytes: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl Case {
    fn all(folder: &str) -> Vec<Case> {
        let is_job = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "toml");
        let mut jobs: Vec<PathBuf> = entries(&folder_path(folder)).filter(is_job).collect();
        jobs.sort();
        assert!(!jobs.is_empty());
        jobs.iter().map(|path| Case::read(path)).collect()
    }

    fn read(path: &Path) -> Case {
        let bytes = fs::read(path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let comments = text.lines().map_while(|line| line.strip_prefix("# "));
        let headers = comments.filter_map(|line| line.split_once(": "));
        let headers: Vec<_> = headers.map(|(key, value)| (key.to_string(), value.to_string())).collect();
        let unknown = headers.iter().find(|(key, _)| !HEADERS.contains(&key.as_str()));
        assert!(unknown.is_none(), "{}: unknown header {unknown:?}", path.display());
        Case { name: path.file_name().unwrap().to_string_lossy().into(), headers, bytes }
    }

    fn header(&self, key: &str) -> Option<&str> {
        self.headers.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn is_found_by_config(&self) -> bool {
        self.header("found-by") == Some("config")
    }

    /// What is wrong with this message, if anything.
    fn complaint(&self, message: &str) -> Option<String> {
        let mut expected: Vec<String> =
            self.headers.iter().filter(|(key, _)| key == "expect").map(|(_, value)| value.clone()).collect();
        assert!(!expected.is_empty(), "{} says not what to expect", self.name);
        expected.extend(self.header("expect-line").map(|line| format!("{}:{line}:", self.name)));
        let missing = expected.into_iter().find(|text| !message.contains(text.as_str()))?;
        Some(format!("{}: `{missing}` is missing in\n{message}", self.name))
    }
}

fn folder_path(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs").join(folder)
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for path in entries(from) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Every file below a folder with its content.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for path in entries(folder) {
        if path.is_dir() {
            files.extend(contents(&path));
        } else {
            let content = fs::read(&path).unwrap();
            files.insert(path, content);
        }
    }
    files
}

/// What became of one run of the program in `folder`: `None` for the code if it had to be killed.
fn run(arguments: &[&str], folder: &Path) -> (Option<i32>, String) {
    let logs = tempfile::tempdir().unwrap();
    let log = logs.path().join("stderr");
    let mut child = Command::new(env!("CARGO_BIN_EXE_rhoshard"))
        .args(arguments)
        .current_dir(folder)
        .stdout(File::create(logs.path().join("stdout")).unwrap())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let code = wait(&mut child).and_then(|status| status.code());
    (code, String::from_utf8_lossy(&fs::read(log).unwrap()).into())
}

fn wait(child: &mut Child) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < DEADLINE {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

fn report(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "{} complaint(s):\n{}", complaints.len(), complaints.join("\n---\n"));
}

/// Runs one wrong job in a fresh copy of the folder.
fn complaint_about_run(case: &Case) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    copy(&folder_path("bad"), folder.path());
    let before = contents(folder.path());
    let (code, message) = run(&["run", &case.name], folder.path());
    let expected: i32 = case.header("expect-code").unwrap_or("2").parse().unwrap();
    if code != Some(expected) {
        return Some(format!("{}: exit code {code:?}, not {expected}, with\n{message}", case.name));
    }
    if message.contains("panicked") {
        return Some(format!("{}: a panic\n{message}", case.name));
    }
    if contents(folder.path()) != before {
        let left: Vec<_> = contents(folder.path()).into_keys().filter(|path| !before.contains_key(path)).collect();
        return Some(format!("{}: files changed or were left behind: {left:?}", case.name));
    }
    case.complaint(&message)
}

#[test]
fn the_program_refuses_every_bad_job() {
    report(Case::all("bad").par_iter().filter_map(complaint_about_run).collect());
}

#[test]
fn what_the_job_file_alone_shows_is_found_by_its_reader() {
    let read = |case: &Case| text::decode(&case.bytes, &case.name).and_then(|text| jobs::read(text, &case.name));
    let complaint = |case: &Case| match (read(case), case.is_found_by_config()) {
        (Err(error), true) => case.complaint(&error.to_string()),
        (Ok(_), false) => None,
        (Ok(_), true) => Some(format!("{}: accepted", case.name)),
        (Err(error), false) => Some(format!("{}: found too early: {error}", case.name)),
    };
    report(Case::all("bad").iter().filter_map(complaint).collect());
}

#[test]
fn a_job_file_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("empty.toml"), "").unwrap();
    fs::create_dir(folder.path().join("folder.toml")).unwrap();
    for name in ["empty.toml", "folder.toml", "none.toml"] {
        let (code, message) = run(&["run", name], folder.path());
        assert!(code == Some(2) && message.contains(name) && !message.contains("panicked"), "{code:?} {message}");
    }
}

#[test]
fn good_jobs_are_read_and_mean_the_same_when_printed() {
    for case in Case::all("good") {
        let job = config::parse_bytes(&case.bytes, &case.name, JOBS).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(config::parse(&job.effective_toml(), &case.name, JOBS).unwrap(), job);
    }
}

#[test]
fn good_jobs_pass_the_check() {
    let folder = tempfile::tempdir().unwrap();
    copy(&folder_path("good"), folder.path());
    let before = contents(folder.path());
    let complaint = |case: Case| {
        let (code, message) = run(&["check", &case.name], folder.path());
        (code != Some(0)).then(|| format!("{}: exit code {code:?} with\n{message}", case.name))
    };
    report(Case::all("good").into_par_iter().filter_map(complaint).collect());
    assert!(contents(folder.path()) == before, "`check` must write nothing");
}
