//! Runs of this program on several ranks, started from here and waited for.

use crate::comm::library_version;
use crate::error::{Error, Result};
use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

/// Lines of its output that are shown of a run that failed.
const SHOWN: usize = 10;

/// What starts a program on several ranks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launcher {
    /// The command and its options, before the number of ranks; nothing in a serial build.
    words: Vec<String>,
}

impl Launcher {
    /// The command `named`, else that of the variable `MPIRUN`, else the first that is on the PATH of those that
    /// belong to the MPI library of this build.
    ///
    /// # Errors
    /// Resource error when it is not on the PATH.
    pub fn find(named: Option<&str>) -> Result<Launcher> {
        let library = library_version();
        let variable = std::env::var("MPIRUN").ok().filter(|text| !text.trim().is_empty());
        Launcher::among(named, variable.as_deref(), &candidates(&library), is_on_path)
    }

    fn among(
        named: Option<&str>,
        variable: Option<&str>,
        candidates: &[&str],
        exists: impl Fn(&str) -> bool,
    ) -> Result<Launcher> {
        let words = |text: &str| text.split_whitespace().map(str::to_string).collect::<Vec<String>>();
        let wanted = named.or(variable).map(words).filter(|words| !words.is_empty());
        let found = match wanted {
            Some(words) => exists(&words[0]).then_some(words),
            None if candidates.is_empty() => Some(Vec::new()),
            None => candidates.iter().find(|candidate| exists(candidate)).map(|candidate| words(candidate)),
        };
        let missing = named.or(variable).unwrap_or("mpirun");
        found.map(|words| Launcher { words }).ok_or_else(|| {
            Error::resource(format!("the launcher `{missing}` is not on the PATH"))
                .allowed("--launcher 'COMMAND', the variable MPIRUN, or mpirun, mpiexec, srun of the MPI library of this build")
                .next("load the module of that library")
        })
    }

    /// The words of a command that runs this program with these arguments on so many ranks.
    ///
    /// # Errors
    /// Input error for several ranks in a serial build; resource error when this program cannot find itself.
    pub fn command(&self, ranks: usize, arguments: &[OsString]) -> Result<Vec<OsString>> {
        if self.words.is_empty() && ranks > 1 {
            return Err(Error::input(format!("{ranks} ranks in a build without MPI"))
                .allowed("1 rank")
                .next("build with the feature `mpi`"));
        }
        let program = std::env::current_exe()
            .map_err(|cause| Error::resource(format!("the path of this program is unknown: {cause}")))?;
        let launch: Vec<OsString> = match self.words.is_empty() {
            true => Vec::new(),
            false => self.words.iter().cloned().chain(["-n".into(), ranks.to_string()]).map(OsString::from).collect(),
        };
        Ok(launch.into_iter().chain([program.into()]).chain(arguments.iter().cloned()).collect())
    }
}

/// Runs a command to its end, all it says into the file `log`.
///
/// # Errors
/// Resource error when it does not start; the same with its last words when it fails.
pub fn run(command: &[OsString], log: &Path) -> Result<()> {
    let (program, arguments) = command.split_first().ok_or_else(|| Error::internal("an empty command"))?;
    let unwritable = |cause| Error::resource(format!("cannot be written: {cause}")).in_file(log.display());
    let output = File::create(log).map_err(unwritable)?;
    let complaints = output.try_clone().map_err(unwritable)?;
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(complaints)
        .status()
        .map_err(|cause| Error::resource(format!("{} does not start: {cause}", program.display())))?;
    if status.success() {
        return Ok(());
    }
    let said = std::fs::read(log).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(SHOWN)..].join("\n  ");
    Err(Error::resource(format!("a run failed ({status}):\n  {last}"))
        .in_file(log.display())
        .next(format!("repeat it by hand: {}", typed(command))))
}

/// A command as one types it.
pub fn typed(command: &[OsString]) -> String {
    let word = |word: &OsString| {
        let word = word.to_string_lossy();
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:,+@%".contains(letter);
        if !word.is_empty() && word.chars().all(plain) {
            word.into()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    };
    command.iter().map(word).collect::<Vec<String>>().join(" ")
}

/// Launchers of an MPI library, the surest first; none in a serial build.
fn candidates(library: &str) -> Vec<&'static str> {
    match library {
        _ if library.starts_with("none") => Vec::new(),
        _ if library.contains("Open MPI") => vec!["mpirun.openmpi", "mpirun", "mpiexec", "srun"],
        _ if library.contains("MPICH") => vec!["mpirun.mpich", "mpirun", "mpiexec", "srun"],
        _ => vec!["mpirun", "mpiexec", "srun"],
    }
}

fn is_on_path(program: &str) -> bool {
    if program.contains('/') {
        return Path::new(program).is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn a_launcher_that_is_named_comes_first() {
        let all = |_: &str| true;
        let of = |named, variable| Launcher::among(named, variable, &["a", "b"], all).unwrap().words.join(" ");
        assert_eq!(of(Some("srun --mpi=pmix"), Some("mpirun")), "srun --mpi=pmix");
        assert_eq!(of(None, Some("mpirun --bind-to none")), "mpirun --bind-to none");
        assert_eq!(of(None, None), "a");
        assert_eq!(Launcher::among(None, None, &["a", "b"], |name| name == "b").unwrap().words, ["b"]);
        let error = Launcher::among(Some("nowhere -x"), None, &["a"], |_| false).unwrap_err().to_string();
        assert!(error.contains("`nowhere -x` is not on the PATH") && error.contains("--launcher"), "{error}");
    }

    #[test]
    fn a_serial_build_runs_one_rank() {
        let serial = Launcher::among(None, None, &candidates("none (built without)"), |_| false).unwrap();
        let command = serial.command(1, &words("run a.toml")).unwrap();
        assert_eq!(command[1..], words("run a.toml"));
        assert!(serial.command(2, &[]).unwrap_err().to_string().contains("without MPI"));
    }

    #[test]
    fn what_a_run_says_goes_to_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("run.log");
        run(&["sh".into(), "-c".into(), "echo yes; echo no >&2".into()], &log).unwrap();
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "yes\nno\n");
        let error = run(&["sh".into(), "-c".into(), "echo broken; exit 3".into()], &log).unwrap_err().to_string();
        assert!(
            error.contains("broken") && error.contains("run.log") && error.contains("'echo broken; exit 3'"),
            "{error}"
        );
        assert!(run(&["no-such-program".into()], &log).unwrap_err().to_string().contains("does not start"));
    }

    #[test]
    fn commands_can_be_typed() {
        assert_eq!(typed(&["a".into(), "b c".into(), "it's".into(), "".into()]), r"a 'b c' 'it'\''s' ''");
    }
}
