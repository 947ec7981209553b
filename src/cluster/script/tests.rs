//! Scripts as texts, and as what they do where the batch system and the launcher are stand-ins.

use super::*;
use crate::cluster::request::tests::profile;
use proptest::prelude::*;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn request() -> Request {
    Request {
        nodes: 2,
        ranks: 8,
        ranks_per_node: 4,
        threads: 16,
        gpus_per_node: 0,
        memory_per_node: Some(64 << 30),
        seconds: 5400,
        parts: None,
        predicted: 1.0,
        longest: 0.0,
    }
}

fn piece(parts: Option<(&str, u64)>) -> Piece {
    Piece {
        number: 3,
        parts: parts.map(|(parts, of)| (Parts::try_from(parts.to_string()).unwrap(), of)),
        folder: "/home/ann/my jobs".into(),
        job_file: "scan.toml".into(),
        submissions: "/home/ann/my jobs/scan.submit".into(),
        program: "/opt/rhoshard".into(),
        arguments: Vec::new(),
        results: Vec::new(),
    }
}

/// A profile of another batch system.
fn profile_of(scheduler: &str, more: &str) -> Profile {
    let text = format!(
        "scheduler = \"{scheduler}\"\n[queue]\npartition = \"day\"\naccount = \"p1\"\nparallel_environment = \"mpi\"\n\
         time_limit = \"24:00:00\"\nmost_nodes = 4\n[node]\ncores = 64\nmemory = \"256 GiB\"\n{more}\n"
    );
    Profile::parse(text.as_bytes(), "p.toml").unwrap()
}

fn head_of(scheduler: &str, request: &Request, parts: Option<(&str, u64)>) -> String {
    let text = script(&profile_of(scheduler, ""), request, &piece(parts));
    text.lines().skip(1).take_while(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_script_for_slurm() {
    let more = "[launcher]\noptions = [\"--mpi=pmix\", \"a b\"]\n[requeue]\nmost = 7\nwarning = \"0:05:00\"\n\
                [array]\nat_once = 10";
    let mut profile = profile(more);
    (profile.modules, profile.setup) = (vec!["gcc".into(), "openmpi/4.1".into()], vec!["export A=\"b c\"".into()]);
    profile.directives = vec!["--exclusive".into()];
    let expected = r##"#!/bin/bash
#SBATCH --job-name=scan
#SBATCH --nodes=2
#SBATCH --ntasks=8
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=16
#SBATCH --mem=65536M
#SBATCH --time=01:30:00
#SBATCH --signal=B:USR1@300
#SBATCH --requeue
#SBATCH --output=3-%a.log
#SBATCH --open-mode=append
#SBATCH --array=1-4%10
#SBATCH --exclusive

# Made by rhoshard VERSION: 4 parts of 8 of a sweep. By hand, in this folder: sbatch --parsable 3.sh
submission=3
folder='/home/ann/my jobs/scan.submit' # scripts, logs, exit codes
index=${RHOSHARD_INDEX:-$SLURM_ARRAY_TASK_ID}
parts=({1..3} 7) # of 8, one for each element of the array
part=${parts[index - 1]}
record=$folder/$submission-$index
rm -f "$record.exit" "$record.interrupted"
cd '/home/ann/my jobs' || exit 1

# The environment of the program.
module load gcc openmpi/4.1
export A="b c"
export SRUN_CPUS_PER_TASK=16
export RHOSHARD_THREADS=16 # of each rank, unless the job says otherwise

# Before the time ends a signal arrives; the program saves its work and ends with code 99. A signal ends `wait`
# early, so it is called again until the program itself has ended.
program= warned= cancelled= signalled=
pass_on() { signalled=1; [[ -z $program ]] || kill -s "$1" "$program" 2>/dev/null; }
trap 'warned=1; pass_on USR1' USR1
trap 'cancelled=1; pass_on TERM' TERM INT
export RHOSHARD_INTERRUPTED=$record.interrupted # The program makes it when it ends with 99.
# Runs a command to its end; its exit code is in `code`.
run() {
    [[ -z $warned$cancelled ]] || { code=99; return 99; }
    "$@" &
    program=$!
    code=127
    while :; do
        signalled=
        wait "$program"
        status=$?
        ((status == 127)) || code=$status # 127: the program had ended before a signal came
        [[ -n $signalled ]] || break
    done
    program=
    # Warned before it could listen, the program had nothing to lose.
    [[ -z $warned$cancelled ]] || ((code != 138 && code != 140)) || code=99
    # A launcher that has passed on a signal may end with a code of its own.
    [[ ! -e $record.interrupted ]] || code=99
    return "$code"
}
run srun --ntasks=8 --mpi=pmix 'a b' /opt/rhoshard run --part "$part/8" scan.toml

echo "$code" > "$record.exit"
is_cancelled() {
    [[ -n $cancelled || -e $folder/$submission.cancelled ]] && return
    scontrol show job "$SLURM_JOB_ID" | grep -q -e 'JobState=CANCELLED' -e 'JobState=COMPLETING'
}
start_again() {
    local attempt
    for attempt in 1 2 3; do
        scontrol requeue "$SLURM_JOB_ID" && break
        sleep 5 # It may still be busy with the end of the step.
    done
    # SLURM ends this run of the script, and may have begun to.
    [[ -n $cancelled ]] || { sleep 60 & wait "$!"; }
    # Where requeueing is not allowed, this code may do it (RequeueExit in slurm.conf).
    exit 99
}
if ((code == 99)) && is_cancelled; then
    echo "cancelled; what was saved stays" >&2
    exit 143 # Not 99, which starts a job again at some sites.
fi
if ((code == 99)); then
    again=$(cat "$record.again" 2>/dev/null || echo 0)
    if ((again < 7)); then
        echo $((again + 1)) > "$record.again"
        start_again
    else
        echo "started again 7 times; the next time: rhoshard retry" >&2
        exit 1
    fi
fi
exit "$code"
"##;
    let text = script(&profile, &request(), &piece(Some(("1-3,7", 8))));
    assert_eq!(text, expected.replace("VERSION", env!("CARGO_PKG_VERSION")));
}

#[test]
fn heads_for_pbs_and_torque() {
    let expected = "\
#PBS -N scan
#PBS -q day
#PBS -A p1
#PBS -l select=2:ncpus=64:mpiprocs=4:ompthreads=16:mem=65536mb
#PBS -l walltime=01:30:00
#PBS -r y
#PBS -j oe
#PBS -o /dev/null
";
    assert_eq!(head_of("pbs", &request(), None), expected);
    assert_eq!(head_of("pbs", &request(), Some(("2-9", 9))), format!("{expected}#PBS -J 1-8%20\n"));
    let torque =
        expected.replace("-l select=2:ncpus=64:mpiprocs=4:ompthreads=16:mem=65536mb", "-l nodes=2:ppn=64,mem=131072mb");
    assert_eq!(head_of("torque", &request(), None), torque);
    assert_eq!(head_of("torque", &request(), Some(("2-9", 9))), format!("{torque}#PBS -t 1-8%20\n"));
    let gpus = Request { gpus_per_node: 4, memory_per_node: None, ..request() };
    assert!(head_of("pbs", &gpus, None).contains("ompthreads=16:ngpus=4\n"));
    assert!(head_of("torque", &gpus, None).contains("ppn=64:gpus=4\n"));
}

#[test]
fn heads_for_lsf() {
    let expected = "\
#BSUB -J \"scan\"
#BSUB -q day
#BSUB -P p1
#BSUB -n 8
#BSUB -R \"span[ptile=4]\"
#BSUB -R \"affinity[core(16)]\"
#BSUB -R \"rusage[mem=16384MB/task]\"
#BSUB -W 1:30
#BSUB -wa USR1 -wt 2
#BSUB -r
#BSUB -Q 99
#BSUB -o 3.lsf
";
    assert_eq!(head_of("lsf", &request(), None), expected);
    assert_eq!(head_of("lsf", &request(), Some(("2-9", 9))), expected.replace("scan", "scan[1-8]%20"));
    let gpus = Request { gpus_per_node: 4, memory_per_node: None, ..request() };
    assert!(head_of("lsf", &gpus, None).contains("core(16)]\"\n#BSUB -gpu \"num=4\"\n"));
}

#[test]
fn heads_for_grid_engine() {
    let expected = "\
#$ -N scan
#$ -S /bin/bash
#$ -cwd
#$ -q day
#$ -P p1
#$ -pe mpi 128
#$ -l mem_free=1024M
#$ -l h_rt=01:30:00
#$ -r y
#$ -notify
#$ -j y
#$ -o 3-1.log
";
    assert_eq!(head_of("gridengine", &request(), None), expected);
    let array = expected.replace("3-1.log", "3-$TASK_ID.log") + "#$ -t 1-8 -tc 20\n";
    assert_eq!(head_of("gridengine", &request(), Some(("2-9", 9))), array);
}

#[test]
fn one_part_is_no_array() {
    let text = script(&profile(""), &request(), &piece(Some(("5", 8))));
    assert!(!text.contains("--array") && text.contains("index=1\nparts=(5) ") && text.contains("3-1.log"), "{text}");
}

#[test]
fn more_arguments_and_names_like_options_are_passed_on() {
    let piece = Piece { job_file: "-x.toml".into(), arguments: vec!["--only".into(), "failed".into()], ..piece(None) };
    let text = script(&profile("[launcher]\ncommand = \"none\""), &request(), &piece);
    assert!(text.contains("\nrun /opt/rhoshard run --only failed ./-x.toml\n"), "{text}");
}

#[test]
fn several_runs_follow_each_other() {
    let results = vec!["/data/it's/ranks8-run1.h5".into(), "/data/it's/ranks8-run3.h5".into()];
    let text = script(&profile(""), &request(), &Piece { results, ..piece(None) });
    let expected = r##"
code=0
results=(
    '/data/it'\''s/ranks8-run1.h5'
    '/data/it'\''s/ranks8-run3.h5'
)
for result in "${results[@]}"; do
    # A job that is started again goes on with the first run that has not ended.
    [[ -e $result ]] || run srun --ntasks=8 /opt/rhoshard run --output "$result" scan.toml || break
done

echo "$code" > "$record.exit"
"##;
    assert!(text.contains(expected), "{text}");
    assert!(text.contains(": 2 runs, one after the other. By hand"), "{text}");
}

/// A folder with stand-ins for the commands of a batch system and for the program.
struct Stage {
    place: tempfile::TempDir,
    folder: PathBuf,
    profile: Profile,
    piece: Piece,
}

/// Writes its arguments to `calls`, beside itself.
const RECORDS: &str = "printf '%s\\n' \"$(basename \"$0\") $*\" >> \"$(dirname \"$0\")/calls\"\n";

impl Stage {
    /// `name` names the job and is part of its folder's name; `program` is the body of the program's script.
    fn new(scheduler: &str, name: &str, program: &str) -> Stage {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join(format!("folder {name}"));
        let submissions = folder.join("x.submit");
        std::fs::create_dir_all(&submissions).unwrap();
        let piece = Piece {
            folder: folder.clone(),
            job_file: format!("{name}.toml"),
            submissions,
            program: place.path().join("program").display().to_string(),
            ..piece(Some(("2,4", 5)))
        };
        let stage = Stage { folder, profile: profile_of(scheduler, "[requeue]\nmost = 2"), piece, place };
        stage.stand_in("srun", "shift; exec \"$@\"\n");
        stage.stand_in("mpirun", "shift 2; exec \"$@\"\n");
        // SLURM ends the script of a job that is requeued.
        stage.stand_in("scontrol", &format!("{RECORDS}[[ $1 != requeue ]] || kill -TERM \"$PPID\"\n"));
        stage.stand_in("qsub", &format!("{RECORDS}cat > \"$(dirname \"$0\")/again.sh\"\necho 77.server\n"));
        stage.stand_in("program", program);
        stage
    }

    fn stand_in(&self, name: &str, body: &str) {
        let path = self.place.path().join(name);
        std::fs::write(&path, format!("#!/bin/bash\n{body}")).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// Begins the second element of the array.
    fn begin(&self) -> Child {
        let text = script(&self.profile, &request(), &self.piece);
        let file = self.piece.submissions.join("3.sh");
        std::fs::write(&file, text).unwrap();
        let path = format!("{}:{}", self.place.path().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command.arg(&file).env("PATH", path).current_dir(&self.piece.submissions).stdin(Stdio::null());
        command.env("SLURM_JOB_ID", "12").stdout(Stdio::null()).stderr(Stdio::null());
        for index in ["SLURM_ARRAY_TASK_ID", "PBS_ARRAY_INDEX", "LSB_JOBINDEX", "SGE_TASK_ID"] {
            command.env(index, "2");
        }
        command.spawn().unwrap()
    }

    /// Runs it to its end: the exit code and that in the file.
    fn run(&self) -> (Option<i32>, String) {
        let code = self.begin().wait().unwrap().code();
        (code, self.left("3-2.exit").trim().into())
    }

    /// A file in the folder of submissions; empty if it is not there.
    fn left(&self, name: &str) -> String {
        std::fs::read_to_string(self.piece.submissions.join(name)).unwrap_or_default()
    }

    fn calls(&self) -> String {
        std::fs::read_to_string(self.place.path().join("calls")).unwrap_or_default()
    }

    /// Sends a signal once the program has begun, and waits for the end.
    fn signal(&self, name: &str) -> Option<i32> {
        let mut child = self.begin();
        let begin = Instant::now();
        while !self.folder.join("begun").exists() {
            assert!(begin.elapsed() < Duration::from_secs(30), "the program does not begin");
            std::thread::sleep(Duration::from_millis(20));
        }
        let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        child.wait().unwrap().code()
    }
}

const SAVES: &str = "trap 'sleep 0.3; echo saved > saved; exit 99' USR1 TERM\ntouch begun\nsleep 20 & wait\nsleep 20\n";

#[test]
fn the_exit_code_of_the_program_is_left_and_passed_on() {
    for (scheduler, code) in [("slurm", 0), ("slurm", 3), ("pbs", 0), ("pbs", 13), ("lsf", 4), ("gridengine", 1)] {
        let stage = Stage::new(scheduler, "job", &format!("echo \"$@\" > arguments; exit {code}\n"));
        assert_eq!(stage.run(), (Some(code), code.to_string()), "{scheduler}");
        let arguments = std::fs::read_to_string(stage.folder.join("arguments")).unwrap();
        assert_eq!(arguments, "run --part 4/5 job.toml\n", "{scheduler}");
        assert_eq!(stage.calls(), "", "{scheduler}");
    }
}

#[test]
fn an_interrupted_program_is_started_again_but_not_for_ever() {
    let stage = Stage::new("slurm", "job", "exit 99\n");
    for again in ["1", "2"] {
        assert_eq!(stage.run(), (Some(99), "99".into()));
        assert_eq!(stage.left("3-2.again").trim(), again);
    }
    assert_eq!(stage.calls().matches("scontrol requeue 12\n").count(), 2);
    assert_eq!(stage.run(), (Some(1), "99".into()));
    assert_eq!(stage.calls().matches("requeue").count(), 2);
}

#[test]
fn grid_engine_and_lsf_start_again_what_ends_with_99() {
    for scheduler in ["gridengine", "lsf"] {
        let stage = Stage::new(scheduler, "job", "exit 99\n");
        assert_eq!(stage.run(), (Some(99), "99".into()), "{scheduler}");
        assert_eq!((stage.calls(), stage.left("3-2.again")), (String::new(), "1\n".into()), "{scheduler}");
    }
}

#[test]
fn pbs_gets_the_script_once_more_for_the_element_alone() {
    let stage = Stage::new("pbs", "job", "exit 99\n");
    assert_eq!(stage.run(), (Some(99), "99".into()));
    assert_eq!(stage.calls(), "qsub -v RHOSHARD_INDEX=2\n");
    assert_eq!(stage.left("3-2.jobs"), "77.server\n");
    let again = std::fs::read_to_string(stage.place.path().join("again.sh")).unwrap();
    let without_array: String = stage
        .left("3.sh")
        .lines()
        .filter(|line| !line.starts_with("#PBS -J"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(again, without_array);
    assert!(again.contains("#PBS -q day") && stage.left("3.sh").contains("#PBS -J 1-2%20"));
}

#[test]
fn a_warning_reaches_the_program_and_the_script_waits_until_it_has_saved() {
    for scheduler in ["slurm", "lsf", "gridengine"] {
        let stage = Stage::new(scheduler, "job", SAVES);
        assert_eq!(stage.signal("USR1"), Some(99), "{scheduler}");
        assert!(stage.folder.join("saved").exists() && stage.left("3-2.exit") == "99\n", "{scheduler}");
        assert_eq!(stage.left("3-2.again"), "1\n", "{scheduler}");
    }
}

#[test]
fn what_is_terminated_or_cancelled_saves_and_is_not_started_again() {
    for scheduler in ["slurm", "lsf", "pbs"] {
        let stage = Stage::new(scheduler, "job", SAVES);
        assert_eq!(stage.signal("TERM"), Some(143), "{scheduler}");
        assert!(stage.folder.join("saved").exists() && stage.left("3-2.exit") == "99\n", "{scheduler}");
        assert!(!stage.calls().contains("requeue") && !stage.calls().contains("qsub"), "{scheduler}");
        let stage = Stage::new(scheduler, "job", "exit 99\n");
        std::fs::write(stage.piece.submissions.join("3.cancelled"), "").unwrap();
        assert_eq!(stage.run(), (Some(143), "99".into()), "{scheduler}");
        assert_eq!(stage.left("3-2.again"), "", "{scheduler}");
    }
    let stage = Stage::new("gridengine", "job", SAVES);
    assert_eq!(stage.signal("USR2"), Some(143), "Grid Engine's notice");
    assert_eq!((stage.left("3-2.exit"), stage.left("3-2.again")), ("99\n".into(), String::new()));
    assert!(stage.folder.join("saved").exists());
    let stage = Stage::new("slurm", "job", "exit 99\n");
    stage.stand_in("scontrol", &format!("{RECORDS}echo '   JobState=COMPLETING Reason=None'\n"));
    assert_eq!(stage.run(), (Some(143), "99".into()), "cancelled by others");
}

#[test]
fn a_program_that_is_warned_before_it_listens_is_started_again() {
    let stage = Stage::new("slurm", "job", "touch begun\nexec sleep 20\n");
    assert_eq!(stage.signal("USR1"), Some(99));
    assert_eq!((stage.left("3-2.exit"), stage.left("3-2.again")), ("99\n".into(), "1\n".into()));
}

/// A stage whose job makes three runs; `program` finds the result's name in `$result`.
fn several(scheduler: &str, program: &str) -> Stage {
    let begin = "echo \"${@: -1} $3\" >> starts; result=$3\n";
    let mut stage = Stage::new(scheduler, "job", &format!("{begin}{program}"));
    let results = (1..=3).map(|run| stage.folder.join(format!("run {run}.h5")).display().to_string());
    stage.piece = Piece { parts: None, results: results.collect(), ..stage.piece };
    stage
}

/// The runs that were started, by their numbers.
fn starts(stage: &Stage) -> String {
    let text = std::fs::read_to_string(stage.folder.join("starts")).unwrap();
    assert!(text.lines().all(|line| line.starts_with("job.toml ")), "{text}");
    text.lines().filter_map(|line| line.trim_end_matches(".h5").chars().last()).collect()
}

#[test]
fn a_job_of_several_runs_that_is_interrupted_goes_on_with_the_one_that_was() {
    let stage =
        several("gridengine", "[[ $result != *2.h5 || -e again ]] || { touch again; exit 99; }\ntouch \"$result\"\n");
    let begin = || (stage.begin().wait().unwrap().code(), stage.left("3-1.exit"));
    assert_eq!(begin(), (Some(99), "99\n".into()));
    assert_eq!(begin(), (Some(0), "0\n".into()));
    assert_eq!(starts(&stage), "1223");
    assert_eq!(begin(), (Some(0), "0\n".into()), "nothing is left");
    assert_eq!(starts(&stage), "1223");
}

#[test]
fn a_run_that_fails_is_the_last_of_its_job() {
    let stage = several("slurm", "[[ $result != *2.h5 ]] || exit 3\ntouch \"$result\"\n");
    assert_eq!(stage.begin().wait().unwrap().code(), Some(3));
    assert_eq!((starts(&stage), stage.left("3-1.exit")), ("12".into(), "3\n".into()));
}

#[test]
fn after_a_warning_no_further_run_begins() {
    for (signal, code) in [("USR1", 99), ("TERM", 143)] {
        let stage = several("lsf", "trap '' USR1 TERM\ntouch begun\nsleep 1\ntouch \"$result\"\n");
        assert_eq!(stage.signal(signal), Some(code));
        assert_eq!((starts(&stage), stage.left("3-1.exit")), ("1".into(), "99\n".into()), "{signal}");
    }
}

#[test]
fn a_run_for_which_no_time_is_left_waits_for_the_next_start() {
    // Four seconds until the time of the warning, which PBS does not tell.
    let mut stage = several("pbs", "sleep 4.2\ntouch \"$result\"\n");
    stage.profile.warning = request().seconds - 4;
    assert_eq!(stage.begin().wait().unwrap().code(), Some(99));
    assert_eq!((starts(&stage), stage.left("3-1.exit")), ("1".into(), "99\n".into()));
    assert!(stage.calls().starts_with("qsub "), "{}", stage.calls());
}

#[test]
fn what_was_interrupted_is_started_again_whatever_the_launcher_ends_with() {
    for own in [0, 1, 143] {
        let stage = Stage::new("slurm", "job", "echo saved > \"$RHOSHARD_INTERRUPTED\"; exit 99\n");
        stage.stand_in("srun", &format!("shift; \"$@\"; exit {own}\n"));
        assert_eq!(stage.run(), (Some(99), "99".into()), "{own}");
        assert_eq!(stage.left("3-2.again"), "1\n", "{own}");
        // It is of no account for the next start.
        stage.stand_in("program", "exit 0\n");
        stage.stand_in("srun", "shift; exec \"$@\"\n");
        assert_eq!(stage.run(), (Some(0), "0".into()), "{own}");
    }
}

#[test]
fn where_there_is_no_warning_the_program_is_told_the_time() {
    for scheduler in ["pbs", "torque", "gridengine"] {
        let stage = Stage::new(scheduler, "job", "echo \"$RHOSHARD_WALL_TIME $RHOSHARD_THREADS\" > ../said\n");
        assert_eq!(stage.run().0, Some(0), "{scheduler}");
        let said = std::fs::read_to_string(stage.place.path().join("said")).unwrap();
        let (left, threads) = said.trim().split_once(' ').unwrap();
        // An hour and a half less the two minutes of the warning.
        assert!((5270..=5280).contains(&left.parse::<i32>().unwrap()) && threads == "16", "{scheduler}: {said}");
    }
}

#[test]
fn a_launcher_that_is_not_there_is_said_in_the_log() {
    let stage = Stage::new("pbs", "job", "");
    stage.stand_in("mpirun", "exec no-such-program\n");
    assert_eq!(stage.run(), (Some(127), "127".into()));
    assert!(stage.left("3-2.log").contains("no-such-program"), "{}", stage.left("3-2.log"));
}

fn is_right(file: &Path) -> bool {
    Command::new("bash").arg("-n").arg(file).status().unwrap().success()
}

proptest! {
    // Each runs a shell.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn odd_names_arrive_as_they_are(name in "[a-z '\"$`\\\\!*?&;|<>(){}#~=%é\n-]{1,12}", pbs in proptest::bool::ANY) {
        prop_assume!(name != "." && name != "..");
        let scheduler = if pbs { "pbs" } else { "slurm" };
        let program = "for word in \"$@\"; do printf '%s\\0' \"$word\"; done > arguments\n";
        let mut stage = Stage::new(scheduler, &name, program);
        let definition = format!("n={name}");
        stage.piece.arguments = vec!["--define".into(), definition.clone()];
        prop_assert_eq!(stage.run().0, Some(0));
        prop_assert!(is_right(&stage.piece.submissions.join("3.sh")));
        let arguments = std::fs::read_to_string(stage.folder.join("arguments")).unwrap();
        let job = if name.starts_with('-') { format!("./{name}.toml") } else { format!("{name}.toml") };
        let expected = ["run", "--define", &definition, "--part", "4/5", &job];
        prop_assert_eq!(arguments.split_terminator('\0').collect::<Vec<_>>(), expected);
    }
}
