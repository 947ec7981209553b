use super::super::Watch;
use super::super::overview::tests::{definition, ended, folder, journal, point, started, write};
use super::*;
use crate::error::ErrorKind;
use crate::io::journal::{Entry, Journal};
use crate::io::sweep::table::{About, Row, write as write_table};
use crate::io::sweep::{SweepFolder, table};
use tempfile::TempDir;

struct Case {
    root: TempDir,
    folder: SweepFolder,
}

impl Case {
    fn new(points: u64) -> Case {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(&root.path().join("job.sweep"), points);
        folder.define(&Definition { job_folder: root.path().display().to_string(), ..definition(points) }).unwrap();
        Case { root, folder }
    }

    fn explain(&self, index: Option<u64>) -> String {
        let text = Watch::open(&self.folder).unwrap().explain(index).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        text
    }

    /// A table with these keys and, at these places, points that are not needed.
    fn table(&self, keys: &[u64], skipped: &[u64]) {
        let row = |(index, key): (usize, &u64)| Row {
            index: index as u64,
            key: point(*key).key,
            parameters: vec![Parameter::Number(index as f64 / 8.0)],
            ended: None,
            skipped: skipped.contains(&(index as u64)),
        };
        let rows: Vec<Row<'_>> = keys.iter().enumerate().map(row).collect();
        let path = self.root.path().join("job.h5");
        write_table(&path, &definition(keys.len() as u64), &rows, &About::default()).unwrap();
        assert_eq!(table::FORMAT, "rhoshard sweep");
    }

    fn expect(&self, index: u64, texts: &[&str]) {
        let found = self.explain(Some(index));
        for text in texts {
            assert!(found.contains(text), "{text} is not in\n{found}");
        }
    }
}

#[test]
fn each_reason_is_told_with_what_to_do() {
    let case = Case::new(6);
    case.expect(3, &["point 3 has not been run: the sweep was never started", "next: start it: rhoshard run job.toml"]);
    case.table(&[0, 1, 2, 0, 4, 5], &[5]);
    case.expect(4, &["x = 0.5"]);
    case.expect(3, &["point 3 is the same as point 0", "next: see point 0"]);
    case.expect(5, &["point 5 is not needed: the objective reached `stop_at`", "take `stop_at` out"]);

    let lock = case.folder.lock(Part::WHOLE).unwrap();
    let journal = journal(&case.folder, 1, 0);
    let failed = ended(1, Err("no memory\n  next: use more ranks"), 1.0, 2.0);
    write(&journal, vec![ended(0, Ok((0.5, 0.0)), 2.0, 2.0), failed, started(2, 75.0)]);
    case.expect(0, &["point 0 is done: it took 2.0 s", "x = 0", "next: its results are in job.h5"]);
    case.expect(
        1,
        &["point 1 has failed:\n    no memory\n      next: use more ranks\n", "rhoshard run job.toml --only failed"],
    );
    case.expect(2, &["point 2 is being run: rank 0 on node7, since 1 min 15 s of the run", "next: wait"]);
    case.expect(4, &["point 4 waits behind other points of the run in progress", "next: wait"]);
    drop(lock);
    case.expect(4, &["has not been run, and no run is in progress", "next: go on: rhoshard run job.toml"]);
    case.expect(2, &["begun once by runs that ended in the middle of it, last by run 1"]);
}

#[test]
fn a_point_that_kills_its_runs_is_counted() {
    let case = Case::new(2);
    for run in 1..=3 {
        write(&journal(&case.folder, run, 0), vec![started(0, 0.0)]);
    }
    case.expect(0, &["begun 3 times by runs that ended in the middle of it, last by run 3", "more memory"]);
    assert!(!case.explain(Some(1)).contains("begun"));
}

#[test]
fn a_part_that_nobody_runs_is_named() {
    let case = Case::new(9);
    let part = Part { number: 2, of: 3 };
    let _lock = case.folder.lock(part).unwrap();
    let _journal = Journal::create(&case.folder.journal(1, part, 0), super::super::overview::tests::begin(0)).unwrap();
    case.expect(4, &["waits behind other points of the run of its part"]);
    case.expect(5, &["belongs to part 3/3, which nobody is running", "rhoshard run job.toml --part 3/3"]);
}

#[test]
fn damage_is_one_of_the_reasons() {
    let case = Case::new(3);
    let entries: Vec<Entry> = (0..3).map(|index| ended(index, Ok((1.0, 0.0)), 1.0, 1.0)).collect();
    write(&journal(&case.folder, 1, 0), entries);
    let path = case.folder.journal(1, Part::WHOLE, 0);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let told: Vec<u64> = (0..3).filter(|index| case.explain(Some(*index)).contains("journals are damaged")).collect();
    assert_eq!(told.len(), 1, "of the point whose result is lost, and of no other");
}

#[test]
fn all_points_without_a_result_are_grouped() {
    let case = Case::new(40);
    let failed = |index| ended(index, Err(if index < 12 { "no memory" } else { "no such gate" }), 1.0, 1.0);
    write(
        &journal(&case.folder, 1, 0),
        (1..14).map(failed).chain([ended(0, Ok((1.0, 0.0)), 1.0, 1.0), started(20, 5.0)]).collect(),
    );
    let text = case.explain(None);
    for expected in [
        "1 of 40 points have a result",
        "11 points failed: no memory\n  points 1, 2, 3, 4, 5, 6, 7, 8, ...\n2 points failed: no such gate\n  points 12, 13\n",
        "  next: mend what they name, then: rhoshard run job.toml --only failed\n",
        "1 point begun by runs that ended in the middle of them\n  point 20\n",
        "26 points to do, and no run is in progress\n  next: rhoshard run job.toml\n",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    case.table(&[0, 1, 2, 2], &[3]);
    let text = case.explain(None);
    assert!(text.contains("of them 1 after the one") && text.contains("of them 1 the same as others"), "{text}");
}

#[test]
fn a_point_that_is_not_there_is_refused() {
    let case = Case::new(3);
    let error = Watch::open(&case.folder).unwrap().explain(Some(3)).unwrap_err();
    assert!(error.kind == ErrorKind::Input && error.allowed.as_deref() == Some("0 to 2") && error.next.is_some());
}
