//! Tests of the job file as a whole.

use super::*;

const JOBS: &[&str] = &["circuit", "sweep"];
const SMALL: &str = "job = \"circuit\"\n[circuit]\nfile = \"a.qasm\"\n";
const FULL: &str = r#"job = "circuit"
seed = 7
[circuit]
file = "adder_n10.qasm"
initial = "0000000000"
parameters = { theta = 0.3, phi = 1 }
[noise]
depolarizing = { one_qubit = 1e-4, two_qubit = 1e-3 }
readout = 0.01
[engine]
kind = "low-rank"
budget = 5e-3
compression = "every-channel"
max_rank = 100
memory = "4 GiB"
strict = true
precision = "single"
threads = 3
device = "cuda"
gpu = 1
spill = true
[observe]
expectations = [
  "Z0",
  "0.5*X0 X1 - 1.25*Z3",
]
expectations_file = "h2.pauli"
probabilities = [[0, 1, 2], [3]]
shots = 1000
variance = true
reduced = [[2, 0], [5]]
entropy = true
spectrum = true
negativity = [{ a = [0], b = [1, 2] }]
fidelity = [{ state = "0000000001" }, { circuit = "ideal.qasm" }, { file = "earlier.h5" }]
[output]
file = "result.h5"
state = true
"#;

fn read(text: &str) -> Config {
    parse(text, "jobs/job.toml", JOBS).unwrap_or_else(|error| panic!("{error}"))
}

fn message(text: &str) -> String {
    match parse(text, "job.toml", JOBS) {
        Err(error) => error.to_string(),
        Ok(config) => panic!("accepted: {config:?}"),
    }
}

/// The smallest job with these lines added; they start at line 4.
fn message_with(lines: &str) -> String {
    message(&format!("{SMALL}{lines}"))
}

#[test]
fn defaults_are_filled_in() {
    let config = read(SMALL);
    assert_eq!((config.job.as_str(), config.seed), ("circuit", 1));
    assert_eq!((config.circuit.file.value.as_str(), config.circuit.file.line), ("a.qasm", 3));
    assert_eq!(config.circuit.initial, None);
    assert!(config.circuit.parameters.value.is_empty());
    assert_eq!(config.noise, NoiseSection::default());
    assert_eq!(config.observe, ObserveSection::default());
    assert_eq!((config.output.file.value.as_str(), config.output.file.line), ("job.h5", 0));
    let engine = config.engine;
    assert_eq!((engine.kind, engine.budget, engine.cut, engine.prune), (EngineKind::LowRank, Some(1e-2), None, None));
    assert_eq!((engine.compression, engine.precision), (Compression::Lazy, Precision::Double));
    assert_eq!((engine.max_rank, engine.memory, engine.threads, engine.strict), (None, None, None, false));
    assert_eq!((engine.device, engine.gpu, engine.spill), (DeviceKind::Auto, None, false));
}

#[test]
fn trajectories_have_a_number_and_no_budget() {
    let sampled = |keys: &str| read(&format!("{SMALL}\n[engine]\nkind = \"trajectories\"\n{keys}")).engine;
    let engine = sampled("");
    assert_eq!((engine.trajectories, engine.standard_error, engine.budget), (Some(1000), None, None));
    let engine = sampled("standard_error = 1e-3");
    assert_eq!((engine.trajectories, engine.standard_error), (Some(1_000_000), Some(1e-3)));
    assert_eq!(sampled("standard_error = 1e-3\ntrajectories = 50").trajectories, Some(50));
    assert_eq!(read(SMALL).engine.trajectories, None);
}

#[test]
fn a_tail_has_blocks_and_columns() {
    let tail = |keys: &str| read(&format!("{SMALL}\n[engine]\n{keys}")).engine.tail;
    assert_eq!(tail("tail = {}"), Some(TailShape { blocks: 8, columns: 16 }));
    assert_eq!(tail("tail = { blocks = 4 }"), Some(TailShape { blocks: 4, columns: 16 }));
    assert_eq!(tail("budget = 0.1"), None);
    let config = read(&format!("{SMALL}\n[engine]\ntail = {{ columns = 6 }}"));
    assert_eq!(read(&config.effective_toml()), config);
}

#[test]
fn a_choice_is_left_open_with_a_budget_or_a_standard_error() {
    let open = |keys: &str| read(&format!("{SMALL}\n[engine]\nkind = \"auto\"\n{keys}"));
    let engine = open("").engine;
    assert_eq!((engine.kind, engine.budget, engine.trajectories), (EngineKind::Auto, Some(1e-2), None));
    let engine = open("standard_error = 1e-3").engine;
    assert_eq!((engine.budget, engine.standard_error, engine.trajectories), (Some(1e-3), Some(1e-3), None));
    let config = open("budget = 0.1\nstandard_error = 1e-3\ntrajectories = 50\nstrict = true");
    assert_eq!((config.engine.budget, config.engine.trajectories), (Some(0.1), Some(50)));
    assert_eq!(read(&config.effective_toml()), config);
}

#[test]
fn every_key_is_read() {
    let config = read(FULL);
    assert_eq!(config.seed, 7);
    assert_eq!(config.circuit.initial.as_ref().unwrap().value, InitialState::Bits("0".repeat(10)));
    assert_eq!(config.circuit.parameters.value, BTreeMap::from([("theta".into(), 0.3), ("phi".into(), 1.0)]));
    assert_eq!(
        config.noise,
        NoiseSection {
            readout: ReadoutSection::Symmetric(0.01),
            depolarizing: DepolarizingSection { one_qubit: 1e-4, two_qubit: 1e-3 },
            ..NoiseSection::default()
        }
    );
    let engine = &config.engine;
    assert_eq!((engine.budget, engine.compression), (Some(5e-3), Compression::EveryChannel));
    assert_eq!((engine.max_rank, engine.memory, engine.threads), (Some(100), Some(4 << 30), Some(3)));
    assert_eq!((engine.strict, engine.precision), (true, Precision::Single));
    assert_eq!((engine.device, engine.gpu, engine.spill), (DeviceKind::Cuda, Some(1), true));
    let lines: Vec<usize> = config.observe.expectations.iter().map(|text| text.line).collect();
    assert_eq!(lines, [24, 25]);
    assert_eq!(config.observe.probabilities[0].value, [0, 1, 2]);
    assert_eq!((config.observe.shots, config.output.state), (1000, true));
    let observe = &config.observe;
    assert!(observe.variance && observe.entropy && observe.spectrum && observe.is_nonlinear());
    assert_eq!((&observe.reduced[0].value[..], observe.reduced.len()), (&[2, 0][..], 2));
    assert_eq!(observe.negativity[0].value.qubits(), [0, 1, 2]);
    let names: Vec<&str> = observe.fidelity.iter().map(|other| other.value.name()).collect();
    assert_eq!(names, ["0000000001", "ideal.qasm", "earlier.h5"]);
}

#[test]
fn the_effective_job_is_the_same_job() {
    let by_cut = format!("{SMALL}initial = \"b.h5\"\n[engine]\ncut = 1e-7\nmemory = 1024\n");
    for text in [SMALL, FULL, by_cut.as_str()] {
        let config = read(text);
        let effective = config.effective_toml();
        assert_eq!(read(&effective), config, "{effective}");
        assert_eq!(read(&effective).effective_toml(), effective);
    }
    assert!(read(SMALL).effective_toml().contains("budget = 0.01"));
}

#[test]
fn a_run_is_decided_by_a_budget_or_by_cuts() {
    let engine = |lines: &str| {
        let engine = read(&format!("{SMALL}[engine]\n{lines}")).engine;
        (engine.budget, engine.cut, engine.prune)
    };
    assert_eq!(engine("budget = 1"), (Some(1.0), None, None));
    assert_eq!(engine("cut = 1e-4"), (None, Some(1e-4), Some(1e-5)));
    assert_eq!(engine("cut = 1e-4\ncompression = \"every-channel\""), (None, Some(1e-4), Some(0.0)));
    assert_eq!(engine("cut = 0\nprune = 1e-6\nbudget = 0.1\nstrict = true"), (Some(0.1), Some(0.0), Some(1e-6)));
}

#[test]
fn files_are_relative_to_the_job_file() {
    let config = read(SMALL);
    assert_eq!(config.resolve("a.qasm"), Path::new("jobs/a.qasm"));
    assert_eq!(config.resolve("/data/a.qasm"), Path::new("/data/a.qasm"));
    let here = parse(SMALL, "job.toml", JOBS).unwrap();
    assert_eq!(here.resolve("a.qasm"), Path::new("a.qasm"));
}

#[test]
fn late_errors_name_the_line_of_the_job_file() {
    let config = read(SMALL);
    let error = config.locate(&config.circuit.file, Error::input("no such file"));
    assert_eq!(error.to_string(), "jobs/job.toml:3: no such file");
    let inner = config.locate(&config.circuit.file, Error::input("x").in_file("a.qasm"));
    assert_eq!(inner.to_string(), "a.qasm: x");
    assert_eq!(config.locate(&config.output.file, Error::input("x")).to_string(), "jobs/job.toml: x");
}

#[test]
fn unknown_keys_are_refused_in_every_section() {
    let cases = [
        ("[engine]\nbudgt = 1", "job.toml:5: unknown key `budgt` in `engine`", "did you mean `budget`?"),
        ("fil = 1", "job.toml:4: unknown key `fil` in `circuit`", "allowed: file, initial, parameters"),
        ("[noise]\nreadou = 1", "job.toml:5: unknown key `readou` in `noise`", "`readout`?"),
        (
            "[noise]\ndepolarizing = { oneq = 1 }",
            "job.toml:5: unknown key `oneq` in `noise.depolarizing`",
            "allowed: one_qubit, two_qubit",
        ),
        ("[observe]\n\nshot = 1", "job.toml:6: unknown key `shot` in `observe`", "`shots`?"),
        ("[output]\nfiles = \"\"", "job.toml:5: unknown key `files` in `output`", "`file`?"),
        ("[enginee]\n", "job.toml:4: unknown key `enginee` at the top of the file", "`engine`?"),
        ("seed = 1", "job.toml:4: unknown key `seed` in `circuit`", "`seed` belongs at the top"),
        ("shots = 1", "job.toml:4: unknown key `shots` in `circuit`", "`shots` belongs under `[observe]`"),
    ];
    for (lines, what, next) in cases {
        let message = message_with(lines);
        assert!(message.starts_with(what) && message.contains(next), "{message}");
    }
}

#[test]
fn an_unknown_key_is_named_before_a_missing_one() {
    assert!(message("jb = \"circuit\"").contains("did you mean `job`?"));
}

#[test]
fn unknown_words_list_the_known_ones() {
    let kind = message_with("[engine]\nkind = \"lowrank\"");
    assert!(
        kind.starts_with("job.toml:5: `engine.kind` is `lowrank`, which is unknown\n  allowed: low-rank"),
        "{kind}"
    );
    assert!(kind.contains("did you mean \"low-rank\"?"), "{kind}");
    let job = message(&SMALL.replace("\"circuit\"", "\"dynamics\""));
    assert!(job.starts_with("job.toml:1: `job` is `dynamics`") && job.contains("allowed: circuit, sweep"), "{job}");
    let missing = message("[circuit]\nfile = \"a.qasm\"");
    assert!(missing.contains("`job` is missing\n  allowed: circuit, sweep"), "{missing}");
    assert!(message_with("[engine]\ncompression = \"lasy\"").contains("allowed: lazy, every-channel"));
    assert!(message_with("[engine]\nprecision = \"half\"").contains("allowed: double, single"));
}

#[test]
fn what_is_missing_is_named() {
    let file = message("job = \"circuit\"\n\n[circuit]\n");
    assert!(file.starts_with("job.toml:3: `circuit.file` is missing"), "{file}");
    let section = message("job = \"circuit\"\n");
    assert!(section.contains("`circuit.file` is missing") && section.contains("under `[circuit]`"), "{section}");
}

#[test]
fn values_are_checked() {
    let cases = [
        ("[noise]\nreadout = 1.5", "job.toml:5: `noise.readout` is 1.5\n  allowed: a probability"),
        ("[noise]\nreadout = -0.1", "`noise.readout` is -0.1"),
        ("[noise]\nreadout = nan", "`noise.readout` is not finite"),
        ("[noise]\ndepolarizing = { two_qubit = 2 }", "`noise.depolarizing.two_qubit` is 2\n"),
        ("[noise]\ndepolarizing = 0.1", "a table with the keys one_qubit, two_qubit"),
        ("[engine]\nbudget = 0", "write `cut = 0`"),
        ("[engine]\nbudget = 1.1", "greater than 0 and at most 1"),
        ("[engine]\nbudget = inf", "`engine.budget` is not finite"),
        ("[engine]\nbudget = \"small\"", "`engine.budget` is a string\n"),
        ("[engine]\ncut = -1e-9", "at least 0 and less than 1"),
        ("[engine]\ncut = 1", "at least 0 and less than 1"),
        ("[engine]\n\nprune = 1e-5", "job.toml:6: `engine.prune` is given without `engine.cut`"),
        ("[engine]\ncut = 0\nstrict = true", "`engine.strict` needs a budget"),
        ("[engine]\nstrict = \"yes\"", "true or false, without quotes"),
        ("[engine]\nmax_rank = 0", "`engine.max_rank` is 0\n  allowed: a whole number, 1 to 9223372036854775807"),
        ("[engine]\nmax_rank = 1e3", "is a number with a fraction or exponent\n  allowed: a whole number"),
        ("[engine]\nthreads = 100000", "allowed: a whole number, 1 to 4096"),
        ("[engine]\nmemory = \"4 Gib\"\nmemory = 1", "job.toml:6: wrong TOML: duplicate key"),
        ("[engine]\nmemory = \"lots\"", "`engine.memory` is no amount of memory\n  allowed: a positive amount"),
        ("[engine]\nmemory = 0", "no amount of memory"),
        ("[engine]\nmemory = 1.5", "no amount of memory"),
        ("[observe]\nshots = -1", "`observe.shots` is -1\n  allowed: a whole number, 0 to 1000000000"),
        ("[observe]\nshots = 10_000_000_000", "`observe.shots` is 10000000000"),
        ("[observe]\nexpectations = \"Z0\"", "`observe.expectations` is a string\n  allowed: an array of strings"),
        ("[observe]\nexpectations = [\"Z0\",\n1]", "job.toml:6: `observe.expectations[1]` is a whole number"),
        ("[observe]\nexpectations = [\" \"]", "`observe.expectations[0]` is empty"),
        ("[observe]\nprobabilities = [0, 1]", "`observe.probabilities[0]` is a whole number\n  allowed: a group"),
        ("[observe]\nprobabilities = [[]]", "`observe.probabilities[0]` is an empty group"),
        ("[observe]\nprobabilities = [[0, 1, 0]]", "`observe.probabilities[0][2]` repeats qubit 0"),
        ("[observe]\nprobabilities = [[0, 1],\n[0, 1]]", "job.toml:6: `observe.probabilities[1]` repeats the group"),
        (
            "[observe]\nprobabilities = [[63]]",
            "`observe.probabilities[0][0]` is 63\n  allowed: a whole number, 0 to 62",
        ),
        ("[observe]\nprobabilities = [[-1]]", "`observe.probabilities[0][0]` is -1"),
        (
            "[observe]\nprobabilities = [[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24]]",
            "2^25 outcomes",
        ),
        ("[output]\nfile = \"\"", "`output.file` is empty"),
        ("[output]\nfile = \"results/\"", "names no file"),
        ("[output]\nfile = \"./a.qasm\"", "job.toml:5: the result `./a.qasm` would overwrite an input"),
        ("[output]\nfile = \"job.toml\"", "would overwrite an input"),
        ("[output]\nstate = 1", "`output.state` is a whole number"),
        ("initial = \"0120\"", "job.toml:4: `circuit.initial` is `0120`, neither a bit string nor a result file"),
        ("initial = 0", "`circuit.initial` is a whole number"),
        ("initial = \"job.h5\"", "would overwrite an input"),
        ("parameters = { theta = \"pi\" }", "`circuit.parameters.theta` is a string\n  allowed: a number"),
        ("parameters = 3", "`circuit.parameters` is a whole number\n  allowed: a table"),
        ("[[noise]]\nreadout = 0", "`noise` is an array"),
    ];
    for (lines, expected) in cases {
        let message = message_with(lines);
        assert!(message.starts_with("job.toml") && message.contains(expected), "{lines}\n-> {message}");
    }
    assert!(message(&SMALL.replace("[circuit]", "seed = -3\n[circuit]")).starts_with("job.toml:2: `seed` is -3"));
    assert!(message("job = 1979-05-27").contains("a date or time"));
}

#[test]
fn wrong_toml_is_refused_with_its_line() {
    for (lines, place) in [
        ("[engine", "job.toml:4: wrong TOML"),
        ("seed 3", "job.toml:4: wrong TOML"),
        ("initial = \"000", "job.toml:4: wrong TOML"),
        ("initial = [\n1,", "job.toml:5: wrong TOML"),
        ("initial = zero", "job.toml:4: wrong TOML"),
        ("[circuit]\n", "job.toml:4: wrong TOML: duplicate key"),
        ("file = \"b\"", "job.toml:4: wrong TOML: duplicate key"),
        ("[engine]\nmax_rank = 99999999999999999999", "job.toml:5: `engine.max_rank` is 99999999999999999999"),
    ] {
        let message = message_with(lines);
        assert!(message.starts_with(place), "{lines}\n-> {message}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    let deep = format!("initial = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(message_with(&deep).starts_with("job.toml:4: wrong TOML"));
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    assert_eq!(parse_bytes(SMALL.as_bytes(), "job.toml", JOBS).unwrap(), parse(SMALL, "job.toml", JOBS).unwrap());
    let message = parse_bytes(b"\x89HDF\r\n\x1a\n", "job.toml", JOBS).unwrap_err().to_string();
    assert!(message.starts_with("job.toml:1: this is not a text file"), "{message}");
    assert!(parse_bytes(b"", "job.toml", JOBS).unwrap_err().what.contains("empty"));
}

#[test]
fn lines_count_in_files_of_any_system() {
    let windows = format!("{SMALL}[engine]\nbudgt = 1").replace('\n', "\r\n");
    assert!(message(&windows).starts_with("job.toml:5:"));
}
