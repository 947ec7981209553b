//! The text of a script, a function of what it is for and nothing else.
//!
//! A script starts the program, passes the batch system's warning on to it, waits until it has really ended, and leaves its
//! exit code in the file `SUBMISSION-INDEX.exit` beside the log. When the program ended with 99 (interrupted, all saved),
//! the job is started again, unless it was cancelled or was started again too often.

use super::parts::Parts;
use super::request::Request;
use super::scheduler::{Head, scheduler};
use super::words::{counted, quoted};
use crate::config::cluster::{Launcher, Profile};
use std::fmt::Write;
use std::path::PathBuf;

/// One job or one array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The number of the submission, from 1.
    pub number: u64,
    /// The parts that it runs, and of how many; nothing for a job that is not split.
    pub parts: Option<(Parts, u64)>,
    /// The folder of the job file, absolute.
    pub folder: PathBuf,
    /// The name of the job file in that folder.
    pub job_file: String,
    /// The folder of scripts, logs and exit codes, absolute.
    pub submissions: PathBuf,
    /// The program, where the profile does not name it.
    pub program: String,
    /// More arguments of `run`.
    pub arguments: Vec<String>,
    /// Result files, absolute, of several runs that are made one after the other; none for one run, whose result goes where the
    /// job says.
    pub results: Vec<String>,
}

impl Piece {
    /// Elements of its array; nothing for a single job.
    pub fn elements(&self) -> Option<u64> {
        // Some batch systems refuse arrays of one.
        self.parts.as_ref().map(|(parts, _)| parts.count()).filter(|count| *count > 1)
    }

    /// What the job is called: as the folder of its scripts, which is called as the job file.
    fn stem(&self) -> String {
        self.submissions.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The text of a script.
pub fn script(profile: &Profile, request: &Request, piece: &Piece) -> String {
    let system = scheduler(profile.scheduler);
    let (stem, elements) = (piece.stem(), piece.elements());
    let head = Head { profile, request, stem: &stem, number: piece.number, elements };
    let mut text = String::from("#!/bin/bash\n");
    // Writing to a string cannot fail.
    for line in system.head(&head) {
        let _ = writeln!(text, "{line}");
    }
    title(&mut text, profile, piece);
    places(&mut text, profile, piece);
    environment(&mut text, profile, request);
    program(&mut text, profile, request, piece);
    ending(&mut text, profile);
    text
}

/// What the script is, below the head, for a comment above could end it in some batch systems.
fn title(text: &mut String, profile: &Profile, piece: &Piece) {
    let what = match &piece.parts {
        Some((parts, of)) => format!("{} of {of} of a sweep", counted(parts.count(), "part")),
        None if piece.results.is_empty() => "one job".into(),
        None => format!("{}, one after the other", counted(piece.results.len() as u64, "run")),
    };
    let by_hand = scheduler(profile.scheduler).submit(&format!("{}.sh", piece.number), None).typed();
    let _ = writeln!(
        text,
        "\n# Made by rhoshard {}: {what}. By hand, in this folder: {by_hand}",
        env!("CARGO_PKG_VERSION")
    );
}

/// Folders, the number of the part, the log.
fn places(text: &mut String, profile: &Profile, piece: &Piece) {
    let system = scheduler(profile.scheduler);
    let _ = writeln!(text, "submission={}", piece.number);
    let _ = writeln!(text, "folder={} # scripts, logs, exit codes", quoted(&piece.submissions.to_string_lossy()));
    match piece.elements() {
        // A job of its own that goes on where an element of the array stopped is told which one it was.
        Some(_) => {
            let variable = system.index_variable();
            let _ = writeln!(text, "index=${{RHOSHARD_INDEX:-${variable}}}");
        }
        None => text.push_str("index=1\n"),
    }
    if let Some((parts, of)) = &piece.parts {
        let _ = writeln!(text, "parts=({}) # of {of}, one for each element of the array", parts.bash());
        text.push_str("part=${parts[index - 1]}\n");
    }
    text.push_str("record=$folder/$submission-$index\n");
    if !system.writes_log() {
        text.push_str("exec >> \"$record.log\" 2>&1\n");
    }
    text.push_str("rm -f \"$record.exit\" \"$record.interrupted\"\n");
    let _ = writeln!(text, "cd {} || exit 1", quoted(&piece.folder.to_string_lossy()));
}

/// Modules and whatever the site wants.
fn environment(text: &mut String, profile: &Profile, request: &Request) {
    text.push_str("\n# The environment of the program.\n");
    if !profile.modules.is_empty() {
        let _ = writeln!(text, "module load {}", profile.modules.join(" "));
    }
    for line in &profile.setup {
        let _ = writeln!(text, "{line}");
    }
    let threads = request.threads;
    match profile.launcher {
        // From version 22.05 on srun does not take this from the job.
        Launcher::Srun => {
            let _ = writeln!(text, "export SRUN_CPUS_PER_TASK={threads}");
        }
        // Open MPI binds up to two ranks to a core each, whatever threads they have.
        Launcher::Mpirun => {
            text.push_str(
                "export OMPI_MCA_hwloc_base_binding_policy=none PRTE_MCA_hwloc_default_binding_policy=none\n",
            );
        }
        Launcher::None => {}
    }
    let _ = writeln!(text, "export RHOSHARD_THREADS={threads} # of each rank, unless the job says otherwise");
}

const WAITING: &str = "
# Before the time ends a signal arrives; the program saves its work and ends with code 99. A signal ends `wait`
# early, so it is called again until the program itself has ended.
program= warned= cancelled= signalled=
pass_on() { signalled=1; [[ -z $program ]] || kill -s \"$1\" \"$program\" 2>/dev/null; }
trap 'warned=1; pass_on USR1' USR1
trap 'cancelled=1; pass_on TERM' TERM INT
";

const WAIT: &str = "\
\x20   \"$@\" &
    program=$!
    code=127
    while :; do
        signalled=
        wait \"$program\"
        status=$?
        ((status == 127)) || code=$status # 127: the program had ended before a signal came
        [[ -n $signalled ]] || break
    done
    program=
    # Warned before it could listen, the program had nothing to lose.
    [[ -z $warned$cancelled ]] || ((code != 138 && code != 140)) || code=99
    # A launcher that has passed on a signal may end with a code of its own.
    [[ ! -e $record.interrupted ]] || code=99
    return \"$code\"
}
";

/// Starts the program and waits for it: once, or for each result that is not there yet.
fn program(text: &mut String, profile: &Profile, request: &Request, piece: &Piece) {
    text.push_str(WAITING);
    text.push_str(scheduler(profile.scheduler).traps());
    text.push_str("export RHOSHARD_INTERRUPTED=$record.interrupted # The program makes it when it ends with 99.\n");
    text.push_str("# Runs a command to its end; its exit code is in `code`.\nrun() {\n");
    if !scheduler(profile.scheduler).warns() {
        let seconds = request.seconds.saturating_sub(profile.warning).max(1);
        text.push_str("    # This batch system gives no warning: the program looks at the clock.\n");
        let _ = writeln!(text, "    export RHOSHARD_WALL_TIME=$(({seconds} - SECONDS))");
        text.push_str("    ((RHOSHARD_WALL_TIME > 0)) || warned=1\n");
    }
    text.push_str("    [[ -z $warned$cancelled ]] || { code=99; return 99; }\n");
    text.push_str(WAIT);
    let command = command(profile, request, piece);
    if piece.results.is_empty() {
        let _ = writeln!(text, "run {command}");
        return;
    }
    text.push_str("code=0\nresults=(\n");
    for result in &piece.results {
        let _ = writeln!(text, "    {}", quoted(result));
    }
    let _ = write!(
        text,
        ")\nfor result in \"${{results[@]}}\"; do\n\
         \x20   # A job that is started again goes on with the first run that has not ended.\n\
         \x20   [[ -e $result ]] || run {command} || break\n\
         done\n"
    );
}

/// The command line of a run.
fn command(profile: &Profile, request: &Request, piece: &Piece) -> String {
    let mut words = launcher(profile, request);
    words.push(quoted(profile.program.as_ref().unwrap_or(&piece.program)));
    words.push("run".into());
    words.extend(piece.arguments.iter().map(|argument| quoted(argument)));
    if let Some((_, of)) = &piece.parts {
        words.push(format!("--part \"$part/{of}\""));
    }
    if !piece.results.is_empty() {
        words.push("--output \"$result\"".into());
    }
    // A name is never taken for an option.
    let job = if piece.job_file.starts_with('-') { format!("./{}", piece.job_file) } else { piece.job_file.clone() };
    words.push(quoted(&job));
    words.join(" ")
}

fn launcher(profile: &Profile, request: &Request) -> Vec<String> {
    let ranks = request.ranks;
    let command = match profile.launcher {
        Launcher::Srun => format!("srun --ntasks={ranks}"),
        Launcher::Mpirun => format!("mpirun -n {ranks}"),
        Launcher::None => return Vec::new(),
    };
    std::iter::once(command).chain(profile.launcher_options.iter().map(|option| quoted(option))).collect()
}

/// Starts the job again, or ends it.
fn ending(text: &mut String, profile: &Profile) {
    let system = scheduler(profile.scheduler);
    let most = profile.requeues;
    let body = |lines: &str| lines.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let _ = write!(
        text,
        "\necho \"$code\" > \"$record.exit\"\n\
         is_cancelled() {{\n    [[ -n $cancelled || -e $folder/$submission.cancelled ]] && return\n{}}}\n\
         start_again() {{\n{}}}\n",
        body(system.is_cancelled()),
        body(system.start_again()),
    );
    let _ = write!(
        text,
        "if ((code == 99)) && is_cancelled; then\n\
         \x20   echo \"cancelled; what was saved stays\" >&2\n\
         \x20   exit 143 # Not 99, which starts a job again at some sites.\n\
         fi\n\
         if ((code == 99)); then\n\
         \x20   again=$(cat \"$record.again\" 2>/dev/null || echo 0)\n\
         \x20   if ((again < {most})); then\n\
         \x20       echo $((again + 1)) > \"$record.again\"\n\
         \x20       start_again\n\
         \x20   else\n\
         \x20       echo \"started again {most} times; the next time: rhoshard retry\" >&2\n\
         \x20       exit 1\n\
         \x20   fi\n\
         fi\n\
         exit \"$code\"\n"
    );
}

#[cfg(test)]
mod tests;
