use super::*;
use crate::config::sweep::{Constraint, Objective};
use crate::io::Scalar;
use crate::io::journal::{Begin, Entry, Journal, Point};
use crate::io::sweep::SweepFolder;
use crate::watch::Watch;
use std::path::Path;
use std::time::Instant;

pub(crate) fn definition(points: u64) -> Definition {
    Definition {
        job: "job.toml".into(),
        job_folder: "/".into(),
        table: "job.h5".into(),
        points,
        sampler: "grid".into(),
        axes: vec!["x".into()],
        logarithmic: Vec::new(),
        objective: Some(Objective { result: "value".into(), minimise: true }),
        constraints: vec![Constraint { result: "error".into(), at_most: true, bound: 0.5 }],
        ranks_per_point: 1,
        inputs: Vec::new(),
    }
}

pub(crate) fn begin(rank: u64) -> Begin {
    let [host, started, version] = ["node7", "2026-01-01T00:00:00Z", "1"].map(String::from);
    Begin { rank, ranks: 2, host, process: 7, started, version }
}

pub(crate) fn point(index: u64) -> Point {
    let mut key = Key([0; 16]);
    key.0[..8].copy_from_slice(&index.to_le_bytes());
    Point { index, key, parameters: vec![Parameter::Number(index as f64 / 8.0)] }
}

pub(crate) fn started(index: u64, elapsed: f64) -> Entry {
    Entry::Started { point: point(index), elapsed }
}

/// A point with an objective and an error, or a failure.
pub(crate) fn ended(index: u64, result: std::result::Result<(f64, f64), &str>, seconds: f64, elapsed: f64) -> Entry {
    let bounded = |value| Scalar { lower: value - 0.125, upper: value + 0.125, ..Scalar::plain("value", value) };
    let result = result.map(|(value, error)| vec![bounded(value), Scalar::plain("error", error)]);
    let result = result.map_err(str::to_string);
    Entry::Ended(Ended { point: point(index), result, attempts: 1, seconds, elapsed })
}

fn closed(elapsed: f64, why: Option<&str>) -> Entry {
    Entry::Closed { elapsed, interrupted: why.map(str::to_string) }
}

/// A folder with a sweep of so many points.
pub(crate) fn folder(path: &Path, points: u64) -> SweepFolder {
    let folder = SweepFolder::new(path);
    folder.create().unwrap();
    folder.define(&definition(points)).unwrap();
    folder
}

pub(crate) fn write(journal: &Journal, entries: Vec<Entry>) {
    entries.into_iter().for_each(|entry| journal.append(entry).unwrap());
    journal.commit().unwrap();
}

pub(crate) fn journal(folder: &SweepFolder, run: u64, rank: u64) -> Journal {
    Journal::create(&folder.journal(run, Part::WHOLE, rank as usize), begin(rank)).unwrap()
}

/// Two ranks in the middle of ten points.
pub(crate) fn in_progress() -> Overview {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path(), 10);
    let _lock = folder.lock(Part::WHOLE).unwrap();
    let (one, two) = (journal(&folder, 1, 0), journal(&folder, 1, 1));
    write(&one, vec![ended(0, Ok((0.25, 0.5)), 1.0, 1.0), ended(2, Ok((0.125, 0.625)), 2.0, 4.0), started(4, 4.0)]);
    write(&two, vec![ended(1, Err("no memory\n  next: use more ranks"), 2.5, 4.0)]);
    Watch::open(&folder).unwrap().overview()
}

#[test]
fn a_sweep_in_progress_is_described() {
    let overview = in_progress();
    assert_eq!(overview.counts, Counts { done: 2, failed: 1, running: 1, pending: 6 });
    assert!(overview.is_running && !overview.is_over && overview.runs == 1);
    // Two points in 4 s and one in 4 s; seven are left.
    assert_eq!((overview.points_per_second, overview.seconds_left), (Some(0.75), Some(7.0 / 0.75)));
    let best = overview.best.as_ref().unwrap();
    assert_eq!((best.index, best.value, best.lower), (0, 0.25, 0.125), "point 2 is better and misses the constraint");
    assert_eq!(best.parameters, [("x".to_string(), Parameter::Number(0.0))]);
    assert_eq!(overview.slowest, Some(Slowest { index: 1, seconds: 2.5 }));
    assert_eq!(overview.failures, [Failure { error: "no memory".into(), points: 1, first: 1 }]);
    assert_eq!(overview.ranks.len(), 2);
    let RankState { rank, host, ended, running, heard, .. } = &overview.ranks[0];
    assert_eq!((*rank, &**host, *ended, *running, *heard), (0, "node7", 2, Some((4, 4.0)), 4.0));
    assert_eq!((overview.interrupted.len(), overview.damaged.len()), (0, 0));
}

#[test]
fn the_text_says_all_of_it_within_80_columns() {
    let mut overview = in_progress();
    let text = overview.text();
    for expected in [
        "sweep    job.toml, 10 points, grid",
        "state    running",
        "points   [============............................] 30 %",
        "         2 done, 1 failed, 1 running, 6 to do",
        "speed    a point every 1.3 s, about 9.3 s left",
        "best     value = 0.25 at point 0",
        "         proven in [0.125, 0.375]",
        "         x = 0",
        "slowest  point 1 took 2.5 s",
        "failed   1 point, first 1: no memory",
        "ranks    0 on node7: 2 ended, at point 4 since +4.0 s, last heard of +4.0 s",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    overview.failures = vec![Failure { error: "é".repeat(200), points: 1 << 40, first: 3 }; 30];
    overview.ranks = vec![RankState { host: "a-very-long-name".repeat(9), ..overview.ranks[0].clone() }; 40];
    overview.job = "folder/".repeat(30);
    let text = overview.text();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("... and 22 more") && text.contains("... and 24 more"), "{text}");
}

#[test]
fn the_json_has_the_same_numbers() {
    let json: serde_json::Value = serde_json::to_value(in_progress()).unwrap();
    assert_eq!((json["counts"]["done"].as_u64(), json["best"]["value"].as_f64()), (Some(2), Some(0.25)));
    assert_eq!(json["best"]["parameters"][0][0], "x");
    assert!(json["best"]["stderr"].is_null(), "what is not known is null");
}

#[test]
fn a_sweep_is_followed_step_by_step() {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path(), 2);
    let mut watch = Watch::open(&folder).unwrap();
    let overview = watch.overview();
    assert_eq!((overview.runs, overview.is_over, overview.counts.pending), (0, false, 2));
    assert!(overview.text().contains("not started yet"), "{}", overview.text());
    let lock = folder.lock(Part::WHOLE).unwrap();
    let journal = journal(&folder, 1, 0);
    let mut after = |entries: Vec<Entry>| {
        write(&journal, entries);
        watch.update().unwrap();
        let overview = watch.overview();
        (overview.counts.done, overview.counts.running, overview.counts.pending, overview.is_over)
    };
    assert_eq!(after(vec![]), (0, 0, 2, false));
    assert_eq!(after(vec![started(0, 0.5)]), (0, 1, 1, false));
    assert_eq!(after(vec![ended(0, Ok((1.0, 0.0)), 0.5, 1.0)]), (1, 0, 1, false));
    assert_eq!(after(vec![started(1, 1.0)]), (1, 1, 0, false));
    assert_eq!(after(vec![ended(1, Ok((2.0, 0.0)), 0.5, 2.0), closed(2.0, None)]), (2, 0, 0, false));
    drop(lock);
    assert_eq!(after(vec![]), (2, 0, 0, true));
    let text = watch.overview().text();
    assert!(text.contains("state    ended\n") && text.contains("1 points/s in 2.0 s"), "{text}");
}

#[test]
fn a_run_that_was_killed_runs_no_more() {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path(), 4);
    write(&journal(&folder, 1, 0), vec![ended(0, Ok((1.0, 0.0)), 1.0, 1.0), started(1, 1.0)]);
    let overview = Watch::open(&folder).unwrap().overview();
    assert!(!overview.is_running && !overview.is_over && overview.seconds_left.is_none());
    assert_eq!(overview.counts, Counts { done: 1, failed: 0, running: 0, pending: 3 });
    let killed = RunEnd { run: 1, started: "2026-01-01T00:00:00Z".into(), reason: None, lost: 1 };
    assert_eq!(overview.interrupted, [killed]);
    write(&journal(&folder, 2, 0), vec![closed(3.0, Some("SIGTERM"))]);
    let overview = Watch::open(&folder).unwrap().overview();
    assert_eq!(overview.interrupted[1].reason.as_deref(), Some("SIGTERM"));
    assert!(!overview.is_over && overview.text().contains("goes on"), "{}", overview.text());
}

#[test]
fn a_failed_point_that_runs_again_is_running_and_then_done() {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path(), 1);
    write(&journal(&folder, 1, 0), vec![ended(0, Err("no memory"), 1.0, 1.0), closed(1.0, None)]);
    let _lock = folder.lock(Part::WHOLE).unwrap();
    let again = journal(&folder, 2, 0);
    write(&again, vec![started(0, 0.0)]);
    let overview = Watch::open(&folder).unwrap().overview();
    assert_eq!(overview.counts, Counts { running: 1, ..Counts::default() });
    assert_eq!(overview.failures, []);
    write(&again, vec![ended(0, Ok((1.0, 0.0)), 1.0, 1.0)]);
    assert_eq!(Watch::open(&folder).unwrap().overview().counts, Counts { done: 1, ..Counts::default() });
}

#[test]
fn parts_of_a_sweep_run_side_by_side() {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path(), 10);
    let parts = [Part { number: 1, of: 2 }, Part { number: 2, of: 2 }];
    let _locks = parts.map(|part| folder.lock(part).unwrap());
    for (run, part) in parts.into_iter().enumerate() {
        let run = run as u64;
        let journal = Journal::create(&folder.journal(run + 1, part, 0), begin(0)).unwrap();
        write(&journal, vec![ended(run, Ok((1.0, 0.0)), 1.0, 2.0), started(run + 2, 2.0)]);
    }
    let overview = Watch::open(&folder).unwrap().overview();
    assert_eq!(overview.counts, Counts { done: 2, failed: 0, running: 2, pending: 6 });
    assert_eq!((overview.points_per_second, overview.interrupted.len()), (Some(1.0), 0));
    assert!(!overview.is_over);
}

#[test]
fn a_sweep_is_over_when_all_its_parts_are() {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path(), 10);
    for number in 1..=2 {
        assert!(!Watch::open(&folder).unwrap().overview().is_over, "before part {number}");
        let journal = Journal::create(&folder.journal(number, Part { number, of: 2 }, 0), begin(0)).unwrap();
        write(&journal, vec![closed(1.0, None)]);
    }
    let overview = Watch::open(&folder).unwrap().overview();
    assert!(overview.is_over && overview.text().contains("10 not needed"), "{}", overview.text());
}

#[test]
fn points_of_another_form_of_the_sweep_do_not_count() {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path(), 2);
    let mut elsewhere = point(7);
    elsewhere.index = 0;
    let Entry::Ended(first) = ended(0, Ok((1.0, 0.0)), 1.0, 1.0) else { unreachable!() };
    let other = Entry::Ended(Ended { point: elsewhere, ..first.clone() });
    write(&journal(&folder, 1, 0), vec![Entry::Ended(first), other, ended(5, Ok((0.0, 0.0)), 1.0, 2.0)]);
    let overview = Watch::open(&folder).unwrap().overview();
    assert_eq!((overview.counts.done, overview.counts.pending, overview.superseded), (1, 1, 2));
}

#[test]
fn damage_is_told_and_its_points_are_pending() {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path(), 3);
    write(&journal(&folder, 1, 0), (0..3).map(|index| ended(index, Ok((1.0, 0.0)), 1.0, 1.0)).collect());
    let path = folder.journal(1, Part::WHOLE, 0);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let overview = Watch::open(&folder).unwrap().overview();
    assert_eq!((overview.counts.done, overview.counts.pending, overview.damaged.len()), (2, 1, 1));
    assert!(overview.text().contains("damaged"), "{}", overview.text());
}

/// The bar is one second; the time is printed, as machines differ.
#[test]
fn a_hundred_thousand_points_are_read_at_once() {
    let root = tempfile::tempdir().unwrap();
    let count = 100_000;
    let folder = folder(root.path(), count);
    for rank in 0..4 {
        let mine = (rank..count).step_by(4);
        write(&journal(&folder, 1, rank), mine.map(|index| ended(index, Ok((index as f64, 0.0)), 0.1, 1.0)).collect());
    }
    let begun = Instant::now();
    let overview = Watch::open(&folder).unwrap().overview();
    let (text, metrics) = (overview.text(), overview.prometheus());
    println!("status of {count} points: {:?}", begun.elapsed());
    assert_eq!((overview.counts.done, overview.best.as_ref().unwrap().index), (count, 0));
    assert!(text.contains("100 %") && metrics.contains("state=\"done\"} 100000"));
}
