//! Result files: the schema, atomic replacement, determinism, stored states, damaged files.
#![allow(clippy::unwrap_used)] // the helpers below are test code too

use hdf5::types::{TypeDescriptor, VarLenUnicode};
use ndarray::Array2;
use num_complex::Complex64;
use rhoshard::device::StreamTimes;
use rhoshard::error::{ErrorKind, Result};
use rhoshard::io::*;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

const QUBITS: usize = 3;
const RANK: usize = 2;

/// Row-major `L` with `tr(L L^dagger) = 0.99`, entries all different.
fn factor() -> Vec<Complex64> {
    let raw: Vec<Complex64> = (0..RANK << QUBITS).map(|k| Complex64::new(k as f64 - 3.0, 0.5 * k as f64)).collect();
    let norm: f64 = raw.iter().map(Complex64::norm_sqr).sum();
    raw.into_iter().map(|entry| entry * (0.99 / norm).sqrt()).collect()
}

fn group(qubits: Vec<usize>) -> ProbabilityGroup {
    let size = 1 << qubits.len();
    let all = |value: f64| vec![value / size as f64; size];
    let (value, lower, upper) = (all(1.0), all(0.99), all(1.01));
    ProbabilityGroup { qubits, renormalised: value.clone(), stderr: all(f64::NAN), value, lower, upper }
}

fn bounded(name: &str) -> Bounded {
    Bounded { name: name.into(), value: 0.5, lower: 0.4, upper: 0.6, renormalised: 0.51 }
}

fn reduced(qubits: Vec<usize>) -> ReducedMatrix {
    let rows = 1 << qubits.len();
    let entry = |(row, column): (usize, usize)| Complex64::from(if row == column { 1.0 / rows as f64 } else { 0.0 });
    let nothing = Array2::from_elem((rows, rows), Complex64::new(f64::NAN, f64::NAN));
    ReducedMatrix { qubits, value: Array2::from_shape_fn((rows, rows), entry), stderr: nothing, distance: 0.01 }
}

fn snapshot(name: &str) -> Snapshot {
    let known = Expectation { name: "Z0".into(), value: 0.5, lower: 0.4, upper: 0.6, ..Expectation::default() };
    Snapshot::new(name, 7, &state(), vec![known.clone(), known], vec![group(vec![2, 0])])
}

fn state() -> StateSummary {
    StateSummary {
        tail: [8, 16],
        qubits: QUBITS,
        rank: RANK,
        trace: 0.99,
        error: 0.01 + 1e-13,
        discarded: 0.01,
        rounding: 1e-13,
        purity: 0.9,
        purity_lower: 0.9,
        purity_upper: 0.92,
        budget: 0.05,
        budget_met: true,
        cut: 1e-4,
        prune: 1e-5,
        passes: 3,
        trajectories: 0,
    }
}

fn step(step: u64, kind: &str, bytes: u64) -> TraceRow {
    // Half of the communication was hidden, where there was any.
    let communication = bytes as f64 * 1e-6;
    let streams = Some(StreamTimes { compute: 0.25, communication, waiting: communication / 2.0 });
    TraceRow { step, kind: kind.into(), width: 2, bytes, bytes_per_column: bytes / 2, streams, ..TraceRow::default() }
}

fn provenance() -> Provenance {
    Provenance {
        version: "0.1.0".into(),
        commit: "unknown".into(),
        command: "rhoshard run job.toml".into(),
        started: rfc3339(SystemTime::UNIX_EPOCH + Duration::from_secs(951_782_400)),
        hosts: vec!["node1".into(), "node2".into()],
        peak_memory: vec![1 << 20, 1 << 21],
        ranks: 2,
        idle_ranks: 0,
        threads: 4,
        gpus: Vec::new(),
        mpi_version: "Open MPI 4.1.4".into(),
        hdf5_version: library_version(),
        engine_seconds: 1.25,
        engine: "density".into(),
        choice: "chosen: density".into(),
    }
}

/// A record with something everywhere.
fn record() -> RunRecord {
    let expectation = |name: &str, value: f64| Expectation {
        name: name.into(),
        value,
        lower: value - 0.01,
        upper: value + 0.01,
        renormalised: value / 0.99,
        stderr: f64::NAN,
    };
    let term = Term { name: "XXI".into(), coefficient: -0.5, value: 0.1, lower: 0.09, upper: 0.11, stderr: 0.02 };
    RunRecord {
        expectations: vec![expectation("Z0", 0.5), expectation("0.5*X0 X1 - 1.25*Z2", -0.25)],
        terms: vec![Terms { name: "molecules/h2.pauli".into(), terms: vec![term.clone(), term] }],
        probabilities: vec![group(vec![2, 0]), group(vec![1]), group(vec![2, 0])],
        counts: Some(Counts { bitstrings: vec!["000".into(), "111".into()], counts: vec![400, 600] }),
        variances: vec![bounded("Z0")],
        reduced: vec![reduced(vec![2, 0])],
        entropies: vec![Entropy { name: "2_0".into(), von_neumann: bounded(""), renyi_2: bounded("") }],
        negativities: vec![bounded("2|0")],
        fidelities: vec![Fidelity { name: "010".into(), fidelity: bounded("010"), trace_distance: bounded("010") }],
        snapshots: vec![snapshot("early"), snapshot("late")],
        spectrum: Some(StoredSpectrum { eigenvalues: vec![0.9, 0.09], distance: 0.01 }),
        state: state(),
        trace: vec![step(0, "unitary", 0), step(1, "exchange", 256)],
        timing: vec![Phase { name: "plan".into(), seconds: 0.1 }, Phase { name: "evolve".into(), seconds: 1.25 }],
        config: ConfigRecord {
            effective_toml: "job = \"circuit\"\n".into(),
            job_sha256: "00".repeat(32),
            circuit_text: format!("OPENQASM 3;\n// {}\nqubit[3] q;\n", "ψ".repeat(100_000)),
            circuit_sha256: "11".repeat(32),
        },
        provenance: provenance(),
    }
}

fn write(path: &Path, record: &RunRecord) -> Result<()> {
    Output::reserve(path)?.commit(record)
}

/// Writes the record with its factor, the rows in two blocks, the later one first.
fn write_with_state(path: &Path, record: &RunRecord) -> Result<()> {
    let mut open = Output::reserve(path)?.begin(record, true)?;
    let (factor, split) = (factor(), 5);
    open.write_rows(split as u64, &factor[split * RANK..])?;
    open.write_rows(0, &factor[..split * RANK])?;
    open.finish()
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.h5");
    (folder, path)
}

fn names_in(folder: &TempDir) -> Vec<String> {
    fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn message(error: rhoshard::error::Error) -> String {
    assert_eq!(error.kind, ErrorKind::Input, "{error}");
    assert!(error.file.is_some(), "{error}");
    error.to_string()
}

/// Every dataset of a group and below, by path.
fn datasets(group: &hdf5::Group) -> Vec<String> {
    let mut found: Vec<String> = group.datasets().unwrap().iter().map(|dataset| dataset.name()).collect();
    for inner in group.groups().unwrap() {
        found.extend(datasets(&inner));
    }
    found
}

/// The cells of each row of the table in the documentation.
fn documented() -> Vec<Vec<String>> {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/result-format.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `/"));
    rows.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect()).collect()
}

fn type_name(found: &TypeDescriptor) -> String {
    match found {
        TypeDescriptor::VarLenUnicode => "text".into(),
        TypeDescriptor::Boolean => "bool".into(),
        TypeDescriptor::Compound(_) => "complex128".into(),
        other => other.to_string(),
    }
}

fn text_attribute(place: &hdf5::Location, name: &str) -> Option<String> {
    place.attr(name).ok().map(|found| found.read_scalar::<VarLenUnicode>().unwrap().to_string())
}

#[test]
fn the_file_and_its_documentation_say_the_same() {
    let (_folder, path) = folder();
    write_with_state(&path, &record()).unwrap();
    let file = hdf5::File::open(&path).unwrap();
    let mut known = BTreeSet::new();
    for row in documented() {
        let names: Vec<&str> =
            row[0].split('`').filter(|part| part.starts_with('/') || !part.trim().is_empty()).collect();
        let place = names[0].replace("<a_b>", "2_0").replace("<name>", "molecules_h2.pauli");
        let (kind, shape, dtype, unit) = (&row[1], &row[2], &row[3], &row[4]);
        let (found, rank) = if kind == "attribute" {
            let attribute = file.group(&place).unwrap().attr(names[1]).unwrap_or_else(|_| panic!("{row:?}"));
            (attribute.dtype().unwrap(), attribute.ndim())
        } else {
            let dataset = file.dataset(&place).unwrap_or_else(|_| panic!("{place} is missing"));
            assert_eq!(text_attribute(&dataset, "unit").unwrap_or_default(), *unit, "{place}");
            assert!(text_attribute(&dataset, "meaning").is_some_and(|meaning| meaning.len() > 5), "{place}");
            (dataset.dtype().unwrap(), dataset.ndim())
        };
        assert_eq!(type_name(&found.to_descriptor().unwrap()), *dtype, "{row:?}");
        assert_eq!(rank, if shape == "()" { 0 } else { 1 + shape.matches(',').count() }, "{row:?}");
        known.insert(place);
    }
    let undocumented: Vec<String> = datasets(&file)
        .into_iter()
        .filter(|name| !known.contains(&name.replace("probabilities/1/", "probabilities/2_0/")))
        .collect();
    assert!(undocumented.is_empty(), "{undocumented:?}");
}

#[test]
fn what_was_written_is_read_back() {
    let (folder, path) = folder();
    let record = record();
    write(&path, &record).unwrap();
    assert_eq!(names_in(&folder), ["result.h5"]);
    let file = hdf5::File::open(&path).unwrap();
    let numbers = |name: &str| file.dataset(name).unwrap().read_raw::<f64>().unwrap();
    let text = |name: &str| file.dataset(name).unwrap().read_scalar::<VarLenUnicode>().unwrap().to_string();
    assert_eq!(numbers("results/expectations/lower"), [0.49, -0.26]);
    assert!(numbers("results/expectations/stderr").iter().all(|value| value.is_nan()));
    assert_eq!(numbers("results/probabilities/2_0/value"), [0.25; 4]);
    assert_eq!(numbers("results/terms/molecules_h2.pauli/coefficient"), [-0.5, -0.5]);
    assert_eq!(file.dataset("results/counts/count").unwrap().read_raw::<u64>().unwrap(), [400, 600]);
    assert_eq!(text("config/circuit_text"), record.config.circuit_text);
    assert_eq!(text("provenance/started"), "2000-02-29T00:00:00Z");
    let state = file.group("results/state").unwrap();
    assert!(state.attr("budget_met").unwrap().read_scalar::<bool>().unwrap());
    assert_eq!(state.attr("error").unwrap().read_scalar::<f64>().unwrap(), record.state.error);
}

#[test]
fn an_empty_record_is_a_valid_file() {
    let (_folder, path) = folder();
    write(&path, &RunRecord::default()).unwrap();
    let file = hdf5::File::open(&path).unwrap();
    assert_eq!(file.dataset("results/expectations/value").unwrap().shape(), [0]);
    assert!(!file.group("results").unwrap().link_exists("counts"));
}

#[test]
fn two_writes_of_one_record_are_the_same_bytes() {
    let (folder, first) = folder();
    let second = folder.path().join("again.h5");
    write_with_state(&first, &record()).unwrap();
    // Past the resolution of the object times HDF5 would store if asked to.
    std::thread::sleep(Duration::from_millis(1100));
    write_with_state(&second, &record()).unwrap();
    assert!(fs::read(first).unwrap() == fs::read(second).unwrap());
}

#[test]
fn a_zero_byte_in_a_text_is_no_reason_to_lose_a_result() {
    let (_folder, path) = folder();
    let mut record = record();
    record.expectations[0].name = "Z\0".into();
    write(&path, &record).unwrap();
    let names = hdf5::File::open(&path).unwrap().dataset("results/expectations/name").unwrap();
    assert_eq!(names.read_raw::<VarLenUnicode>().unwrap()[0].as_str(), "Z\u{FFFD}");
}

#[test]
fn an_old_result_survives_every_failure_and_gives_way_to_success() {
    let (folder, path) = folder();
    fs::write(&path, "old").unwrap();
    let begin = || Output::reserve(&path).unwrap().begin(&record(), true).unwrap();
    let old = |what: &str| {
        assert_eq!(fs::read(&path).unwrap(), b"old", "{what}");
        assert_eq!(names_in(&folder), ["result.h5"], "{what}");
    };
    let mut open = begin();
    open.write_rows(0, &factor()[..RANK]).unwrap();
    assert_eq!(names_in(&folder).len(), 2, "a temporary file is beside the old one");
    drop(open);
    old("given up");
    let mut open = begin();
    open.write_rows(1, &factor()[RANK..]).unwrap();
    assert!(open.finish().is_err());
    old("a row is missing");
    let mut open = begin();
    open.write_rows(0, &factor()).unwrap();
    open.write_rows(0, &factor()[..RANK]).unwrap();
    assert!(open.finish().is_err());
    old("a row came twice");
    let mut open = begin();
    assert!(open.write_rows(0, &factor()[1..]).is_err());
    assert!(open.write_rows(1, &factor()).is_err());
    assert!(open.write_rows(u64::MAX, &factor()).is_err());
    drop(open);
    old("rows of a wrong shape");
    write(&path, &record()).unwrap();
    assert!(hdf5::File::open(&path).is_ok());
}

#[test]
fn a_directory_that_vanishes_during_the_run_is_an_error_with_a_way_out() {
    let (folder, _) = folder();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let output = Output::reserve(&inner.join("result.h5")).unwrap();
    fs::remove_dir(&inner).unwrap();
    let error = output.commit(&record()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Resource);
    assert!(error.to_string().contains("mkdir -p"), "{error}");
}

#[test]
fn a_place_that_cannot_be_written_is_refused_before_the_run() {
    let (folder, path) = folder();
    let refused = |path: &Path| message(Output::reserve(path).unwrap_err());
    assert!(refused(folder.path()).contains("is a directory"));
    assert!(refused(Path::new("")).contains("not the name of a file"));
    assert!(refused(&folder.path().join("nowhere/result.h5")).contains("nowhere` does not exist"));
    assert!(refused(Path::new("/dev/null")).contains("not a regular file"));
    fs::write(&path, "old").unwrap();
    assert!(refused(&path.join("result.h5")).contains("is not a directory"));
    assert_eq!(names_in(&folder), ["result.h5"]);
    // To a superuser every directory is writable, but for that of a virtual file system.
    assert!(refused(Path::new("/proc/result.h5")).contains("/proc"));
}

#[test]
fn a_read_only_file_is_replaced_and_a_link_is_followed() {
    let (folder, path) = folder();
    let target = folder.path().join("target.h5");
    fs::write(&target, "old").unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o444)).unwrap();
    symlink(&target, &path).unwrap();
    write(&path, &record()).unwrap();
    assert!(path.is_symlink() && hdf5::File::open(&target).is_ok());
}

#[test]
fn a_result_has_the_permissions_of_any_new_file() {
    let (folder, path) = folder();
    write(&path, &record()).unwrap();
    let ordinary = folder.path().join("ordinary");
    fs::write(&ordinary, "").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&path), mode(&ordinary));
}

#[test]
fn a_stored_state_comes_back_bit_for_bit() {
    let (_folder, path) = folder();
    write_with_state(&path, &record()).unwrap();
    let stored = StateFile::open(&path).unwrap();
    assert_eq!((stored.qubits, stored.rank, stored.trace, stored.rounding), (QUBITS, RANK, 0.99, 1e-13));
    assert_eq!(stored.read_rows(0, 1 << QUBITS).unwrap(), factor());
    assert_eq!(stored.read_rows(3, 2).unwrap(), factor()[3 * RANK..5 * RANK]);
    assert_eq!(stored.read_rows(8, 0).unwrap(), []);
    assert!(stored.read_rows(7, 2).is_err() && stored.read_rows(u64::MAX, 2).is_err());
}

#[test]
fn a_file_cut_short_anywhere_is_an_error() {
    let (folder, path) = folder();
    write_with_state(&path, &record()).unwrap();
    let whole = fs::read(&path).unwrap();
    let short = folder.path().join("short.h5");
    for length in [9, 100, 512, 2048, whole.len() / 2, whole.len() - 1] {
        fs::write(&short, &whole[..length]).unwrap();
        let text = message(StateFile::open(&short).unwrap_err());
        assert!(text.contains("truncated or damaged"), "{length} bytes: {text}");
    }
}

#[test]
fn a_file_that_holds_no_state_says_why() {
    let (folder, path) = folder();
    let refused = |path: &Path| message(StateFile::open(path).unwrap_err());
    assert!(refused(&path).contains("cannot be read"));
    assert!(refused(folder.path()).contains("is a directory"));
    fs::write(&path, "").unwrap();
    assert!(refused(&path).contains("is empty"));
    fs::write(&path, "OPENQASM 2.0;").unwrap();
    assert!(refused(&path).contains("is not an HDF5 file"));
    hdf5::File::create(&path).unwrap();
    assert!(refused(&path).contains("not a result of this program"));
    write(&path, &record()).unwrap();
    assert!(refused(&path).contains("`state = true`"));
}

#[test]
fn a_state_that_contradicts_itself_is_refused() {
    let (_folder, path) = folder();
    let spoilt = |spoil: &dyn Fn(&hdf5::Group)| {
        write_with_state(&path, &record()).unwrap();
        spoil(&hdf5::File::open_rw(&path).unwrap());
        message(StateFile::open(&path).and_then(|stored| stored.read_rows(0, 8)).unwrap_err())
    };
    let set = |file: &hdf5::Group, name: &str, value: u64| {
        file.group("results/state").unwrap().attr(name).unwrap().write_scalar(&value).unwrap();
    };
    let version = |file: &hdf5::Group| file.attr("schema_version").unwrap().write_scalar(&99_u32).unwrap();
    assert!(spoilt(&version).contains("newer than this program knows"));
    for (name, value) in [("qubits", 4), ("qubits", 64), ("qubits", u64::MAX), ("rank", 0), ("rank", 3)] {
        assert!(spoilt(&|file| set(file, name, value)).contains("has shape [8, 2]"), "{name} = {value}");
    }
    let trace = |file: &hdf5::Group| {
        file.group("results/state").unwrap().attr("trace").unwrap().write_scalar(&f64::NAN).unwrap();
    };
    assert!(spoilt(&trace).contains("trace or rounding"));
    let without = |file: &hdf5::Group| file.group("results/state").unwrap().delete_attr("rounding").unwrap();
    assert!(spoilt(&without).contains("`rounding` is missing"));
    let entry = |file: &hdf5::Group| {
        let infinite = ndarray::arr2(&[[Complex64::new(f64::INFINITY, 0.0)]]);
        file.dataset("results/state/factor").unwrap().write_slice(&infinite, (2..3, 1..2)).unwrap();
    };
    assert!(spoilt(&entry).contains("not finite"));
    let real = |file: &hdf5::Group| {
        file.unlink("results/state/factor").unwrap();
        file.new_dataset::<f64>().shape((8, 2)).create("results/state/factor").unwrap();
    };
    assert!(spoilt(&real).contains("not complex double"));
}

/// Leaves a full file where the environment asks for one, for checks by other programs.
#[test]
fn a_sample_file_is_left_for_other_readers_on_request() {
    if let Some(path) = std::env::var_os("RHOSHARD_SAMPLE_RESULT") {
        write_with_state(Path::new(&path), &record()).unwrap();
    }
}
