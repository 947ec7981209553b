//! Runs the commands of a batch system, with a deadline and errors in words.

use super::scheduler::{Call, Scheduler};
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A batch system that is alive answers within this.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// How often it is looked whether a command has ended.
const LOOK: Duration = Duration::from_millis(10);

/// What a command said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its exit code is 0.
    pub success: bool,
    /// Its standard output.
    pub output: String,
    /// Its standard error.
    pub complaint: String,
}

impl Answer {
    /// What it complains about: some commands do so on their standard output.
    pub fn complaints(&self) -> &str {
        if self.complaint.trim().is_empty() { &self.output } else { &self.complaint }
    }
}

/// Runs a command in a folder and waits for what it says.
///
/// # Errors
/// Resource error when it does not start or does not end before the deadline; then it is killed.
pub fn ask(call: &Call, folder: &Path, system: &dyn Scheduler, deadline: Duration) -> Result<Answer> {
    let mut command = Command::new(call.program);
    command.args(&call.arguments).current_dir(folder).stdin(input(call, folder)?);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|cause| {
        let error = Error::resource(format!("`{}` does not start: {cause}", call.program));
        error.next(if cause.kind() == ErrorKind::NotFound { system.advice() } else { "see whether it starts by hand" })
    })?;
    let (output, complaint) = (read(child.stdout.take()), read(child.stderr.take()));
    let Some(status) = wait(&mut child, deadline) else {
        return Err(Error::resource(format!("`{}` gave no answer within {} s", call.typed(), deadline.as_secs()))
            .next("see whether the batch system is up, and try again"));
    };
    Ok(Answer { success: status.success(), output: text(output), complaint: text(complaint) })
}

/// As [`ask`], but a command that fails is an error too.
///
/// # Errors
/// Those of [`ask`], and a resource error with what the command complains about.
pub fn run(call: &Call, folder: &Path, system: &dyn Scheduler) -> Result<String> {
    let answer = ask(call, folder, system, DEADLINE)?;
    match answer.success {
        true => Ok(answer.output),
        false => Err(failed(call, &answer)),
    }
}

/// The error of a command that failed.
pub fn failed(call: &Call, answer: &Answer) -> Error {
    let said: Vec<&str> = answer.complaints().lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    Error::resource(format!("`{}` failed: {}", call.typed(), said.join("; ")))
        .next("correct the profile of the cluster if the site wants other options")
}

fn input(call: &Call, folder: &Path) -> Result<Stdio> {
    let Some(file) = &call.input else { return Ok(Stdio::null()) };
    let path = folder.join(file);
    let unreadable = |cause| Error::resource(format!("cannot be read: {cause}")).in_file(path.display());
    File::open(&path).map(Stdio::from).map_err(unreadable)
}

/// Reads to the end while the command runs, so that it never waits for a reader.
fn read(stream: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What could not be read is missing in a message.
        let _ = stream.map(|mut stream| stream.read_to_end(&mut bytes));
        bytes
    })
}

fn text(reader: JoinHandle<Vec<u8>>) -> String {
    String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
}

/// Waits for the end; kills it at the deadline.
fn wait(child: &mut Child, deadline: Duration) -> Option<ExitStatus> {
    let begin = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if begin.elapsed() < deadline => std::thread::sleep(LOOK),
            _ => break,
        }
    }
    // It may have ended just now.
    let _ = child.kill();
    let _ = child.wait();
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::scheduler::scheduler;
    use crate::config::cluster::SchedulerKind;

    fn shell(line: &str) -> Call {
        Call { program: "sh", arguments: vec!["-c".into(), line.into()], input: None }
    }

    fn of(call: &Call, deadline: u64) -> Result<Answer> {
        ask(call, &std::env::temp_dir(), scheduler(SchedulerKind::Slurm), Duration::from_millis(deadline))
    }

    #[test]
    fn answers_and_complaints_are_told_apart() {
        let answer = of(&shell("echo yes; echo no >&2; exit 3"), 10_000).unwrap();
        assert_eq!(answer, Answer { success: false, output: "yes\n".into(), complaint: "no\n".into() });
        let error = failed(&shell("x"), &answer);
        assert_eq!(error.what, "`sh -c x` failed: no");
        let answer = of(&shell("echo denied; exit 1"), 10_000).unwrap();
        assert_eq!(answer.complaints(), "denied\n");
        // More than a pipe holds.
        assert_eq!(of(&shell("head -c 1000000 /dev/zero; echo"), 10_000).unwrap().output.len(), 1_000_001);
    }

    #[test]
    fn a_command_that_is_not_there_says_what_to_load() {
        let error = of(&Call { program: "no-such-sbatch", arguments: Vec::new(), input: None }, 1000).unwrap_err();
        assert!(error.what.contains("`no-such-sbatch` does not start"), "{error}");
        assert!(error.next.unwrap().contains("module load slurm"));
    }

    #[test]
    fn a_command_that_hangs_is_ended() {
        let begin = Instant::now();
        let error = of(&shell("exec sleep 60"), 200).unwrap_err();
        assert!(error.what.contains("gave no answer") && begin.elapsed() < Duration::from_secs(30), "{error}");
    }

    #[test]
    fn a_file_can_be_the_input() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a b"), "text").unwrap();
        let call = Call { input: Some("a b".into()), ..shell("cat") };
        let system = scheduler(SchedulerKind::Lsf);
        assert_eq!(run(&call, folder.path(), system).unwrap(), "text");
        assert!(run(&Call { input: Some("c".into()), ..call }, folder.path(), system).is_err());
    }
}
