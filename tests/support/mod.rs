//! Runs the program, alone or under `mpirun`, with a deadline, and reads its result files.

#![allow(dead_code, clippy::unwrap_used)]

pub mod grid;
pub mod host_device;
pub mod queue;
pub mod sweep;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// No run of the tests takes longer than this unless it hangs.
const DEADLINE: Duration = Duration::from_secs(240);

/// What a finished program left.
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    pub seconds: f64,
}

impl Finished {
    /// Fails the test unless the program succeeded.
    pub fn expect_success(self, what: &str) -> Finished {
        assert!(self.status.success(), "{what}: {}\n{}\n{}", self.status, self.stdout, self.stderr);
        self
    }
}

/// The rank counts to test, from `RHOSHARD_TEST_RANKS` ("1 2 3 4"); none when the tests run without a launcher.
pub fn rank_counts() -> Vec<usize> {
    let text = std::env::var("RHOSHARD_TEST_RANKS").unwrap_or_default();
    text.split_whitespace().map(|count| count.parse().expect("RHOSHARD_TEST_RANKS lists numbers")).collect()
}

/// Says loudly that tests under `mpirun` are skipped, or fails if they are required.
pub fn skipped() -> bool {
    let skip = rank_counts().is_empty();
    if skip {
        assert!(std::env::var("CI").is_err(), "CI must set RHOSHARD_TEST_RANKS and RHOSHARD_TEST_MPIRUN");
        say("SKIPPED: set RHOSHARD_TEST_RANKS=\"1 2 3 4\" (and RHOSHARD_TEST_MPIRUN) to run on several ranks\n");
    }
    skip
}

/// Writes past the capture of the test runner, which would hide it.
pub fn say(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}

/// `program` on `ranks` ranks: directly for one rank, else under the launcher.
pub fn on_ranks(ranks: usize, program: &Path) -> Command {
    let launcher = std::env::var("RHOSHARD_TEST_MPIRUN").unwrap_or_else(|_| "mpirun".into());
    let mut words = launcher.split_whitespace();
    let mut command = Command::new(words.next().expect("RHOSHARD_TEST_MPIRUN names a launcher"));
    command.args(words).arg("-n").arg(ranks.to_string()).arg(program);
    command
}

/// Whether the launcher is that of MPICH.
pub fn is_mpich() -> bool {
    let launcher = on_ranks(1, Path::new("")).get_program().to_owned();
    let version = Command::new(launcher).arg("--version").output().expect("a launcher says its version");
    String::from_utf8_lossy(&version.stdout).contains("HYDRA")
}

/// The program under test.
pub fn rhoshard() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_rhoshard"))
}

/// Runs a command to its end, or kills it at the deadline and fails the test.
pub fn finish(mut command: Command) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    command.stdin(std::process::Stdio::null());
    command.stdout(File::create(path("out")).unwrap()).stderr(File::create(path("err")).unwrap());
    let begin = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begin.elapsed() > DEADLINE {
            let _ = child.kill();
            panic!("{command:?} did not end within {DEADLINE:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let text = |name: &str| String::from_utf8_lossy(&std::fs::read(path(name)).unwrap()).into_owned();
    Finished { status, stdout: text("out"), stderr: text("err"), seconds: begin.elapsed().as_secs_f64() }
}

/// A folder with a job file and its circuit.
pub struct JobFolder {
    pub folder: tempfile::TempDir,
}

impl JobFolder {
    /// Writes `job.toml`, whose result is `job.h5`, and the circuit; `rest` goes below `[circuit]`.
    pub fn new(circuit: &str, rest: &str) -> JobFolder {
        let folder = tempfile::tempdir().unwrap();
        let job = format!("job = \"circuit\"\n[circuit]\nfile = \"circuit.qasm\"\n{rest}");
        std::fs::write(folder.path().join("circuit.qasm"), circuit).unwrap();
        std::fs::write(folder.path().join("job.toml"), job).unwrap();
        JobFolder { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the job and opens the result.
    pub fn run(&self, ranks: usize) -> Outcome {
        let mut command = on_ranks(ranks, rhoshard());
        command.arg("run").arg(self.path("job.toml"));
        let finished = finish(command).expect_success(&format!("{ranks} ranks"));
        Outcome { file: hdf5::File::open(self.path("job.h5")).unwrap(), finished }
    }
}

/// A run and its result file.
pub struct Outcome {
    pub file: hdf5::File,
    pub finished: Finished,
}

impl Outcome {
    pub fn numbers(&self, name: &str) -> Vec<f64> {
        self.file.dataset(name).unwrap_or_else(|_| panic!("{name} is missing")).read_raw().unwrap()
    }

    pub fn integers(&self, name: &str) -> Vec<u64> {
        self.file.dataset(name).unwrap_or_else(|_| panic!("{name} is missing")).read_raw().unwrap()
    }

    pub fn texts(&self, name: &str) -> Vec<String> {
        let texts: Vec<hdf5::types::VarLenUnicode> = self.file.dataset(name).unwrap().read_raw().unwrap();
        texts.iter().map(ToString::to_string).collect()
    }

    pub fn attribute(&self, name: &str) -> f64 {
        self.file.group("results/state").unwrap().attr(name).unwrap().read_scalar().unwrap()
    }

    pub fn rank(&self) -> u64 {
        self.file.group("results/state").unwrap().attr("rank").unwrap().read_scalar().unwrap()
    }
}
