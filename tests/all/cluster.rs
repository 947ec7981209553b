//! `submit`, `status`, `logs`, `cancel` and `retry` with stand-ins for the commands of PBS and LSF (tests/support/schedulers),
//! which run the scripts for real. SLURM itself is in tests/slurm.rs.

use crate::support::{Finished, finish, rhoshard};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Six points of a test function; the base job is written below.
const SWEEP: &str = "\
job = \"sweep\"
[axes]
\"function.arguments.x\" = [0, 1, 2, 3, 4, 5]
[base]
job = \"function\"
[base.function]
name = \"NAME\"
seconds = SECONDS
arguments = { x = 0 }
";

/// A folder with a sweep, and a batch system that is not one.
struct Place {
    folder: tempfile::TempDir,
    scheduler: &'static str,
}

impl Place {
    fn new(scheduler: &'static str, function: &str, seconds: &str, more: &str) -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap(), scheduler };
        std::fs::create_dir(place.path("state")).unwrap();
        place.write_sweep(function, seconds);
        let profile = format!(
            "scheduler = \"{scheduler}\"\n[queue]\ntime_limit = \"1:00:00\"\n[node]\ncores = 4\nmemory = \"4 GiB\"\n\
             [launcher]\ncommand = \"none\"\n{more}\n"
        );
        std::fs::write(place.path("here.toml"), profile).unwrap();
        place
    }

    fn write_sweep(&self, function: &str, seconds: &str) {
        std::fs::write(self.path("scan.toml"), SWEEP.replace("NAME", function).replace("SECONDS", seconds)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn rhoshard(&self, arguments: &[&str]) -> Finished {
        let fakes = format!("{ROOT}/tests/support/schedulers/{}", self.scheduler);
        let mut command = Command::new(rhoshard());
        command.args(arguments).current_dir(self.folder.path());
        command.env("PATH", format!("{fakes}:{}", std::env::var("PATH").unwrap()));
        command.env("FAKE_SCHEDULER", self.path("state"));
        // Programs that other tests start meanwhile inherit open files, and with them their locks.
        command.env("HDF5_USE_FILE_LOCKING", "FALSE");
        finish(command)
    }

    fn says(&self, arguments: &[&str]) -> String {
        self.rhoshard(arguments).expect_success(&arguments.join(" ")).stdout
    }

    /// Waits until `status` says this.
    fn wait_for(&self, what: &str) -> String {
        self.wait_until(&["status", "scan.toml"], what)
    }

    /// Repeats a command until it says this.
    fn wait_until(&self, command: &[&str], what: &str) -> String {
        let begin = Instant::now();
        loop {
            let said = self.says(command);
            if said.contains(what) {
                return said;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "no `{what}` in\n{said}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The error of a command that is refused with this exit code.
    fn refuses(&self, arguments: &[&str], code: i32) -> String {
        let refused = self.rhoshard(arguments);
        assert_eq!(refused.status.code(), Some(code), "{arguments:?}: {}{}", refused.stdout, refused.stderr);
        refused.stderr
    }

    /// A job of two qubits or, with `{qubits}`, of as many as that stands for, and a program that waits for a file `go`.
    fn with_circuit(self) -> Place {
        let circuit = |qubits: &str| format!("OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[{qubits}] q;\nh q;\n");
        for qubits in ["2", "3", "4"] {
            std::fs::write(self.path(&format!("plus_{qubits}.qasm")), circuit(qubits)).unwrap();
        }
        let rest = "[engine]\nkind = \"statevector\"\nthreads = 1\n[observe]\nexpectations = [\"X0\"]\n";
        for (name, qubits) in [("plus", "2"), ("family", "{qubits}")] {
            let text = format!("job = \"circuit\"\n[circuit]\nfile = \"plus_{qubits}.qasm\"\n{rest}");
            std::fs::write(self.path(&format!("{name}.toml")), text).unwrap();
        }
        let program = self.path("program.sh");
        let script =
            format!("#!/bin/bash\nuntil [[ -e go ]]; do sleep 0.05; done\nexec {} \"$@\"\n", rhoshard().display());
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let profile = std::fs::read_to_string(self.path("here.toml")).unwrap();
        std::fs::write(self.path("here.toml"), format!("program = \"./program.sh\"\n{profile}")).unwrap();
        self
    }

    fn values(&self) -> Vec<f64> {
        let file = hdf5::File::open(self.path("scan.h5")).unwrap();
        file.dataset("results/values/value/value").unwrap().read_raw().unwrap()
    }
}

#[test]
fn a_sweep_in_parts_ends_with_one_table() {
    for (scheduler, job) in [("pbs", "101[].fake"), ("lsf", "3001")] {
        let place = Place::new(scheduler, "sphere", "0.01", "");
        let said = place.says(&["submit", "scan.toml", "--cluster", "here.toml", "--parts", "3"]);
        assert!(said.contains(&format!("submitted job {job}: parts 1-3")), "{said}");
        let status = place.wait_for("0        0      3        0");
        assert!(status.contains(job) && !status.contains("next:"), "{status}");
        assert_eq!(place.values(), [0.0, 1.0, 4.0, 9.0, 16.0, 25.0]);
        assert!(place.says(&["retry", "scan.toml"]).contains("nothing to retry"));
        let log = place.says(&["logs", "scan.toml", "--part", "2"]);
        assert!(log.contains("1-2.log"), "{log}");
    }
}

#[test]
fn arrays_that_are_too_large_are_split_and_follow_each_other() {
    let place = Place::new("lsf", "sphere", "0.01", "");
    let said = place.says(&["submit", "scan.toml", "--cluster", "here.toml", "--parts", "5"]);
    assert!(said.contains("2 arrays of at most 3 elements (`bparams -a`)"), "{said}");
    assert!(said.contains("submitted job 3002: parts 4-5, after 3001"), "{said}");
    place.wait_for("0        0      3        0");
    place.wait_for("0        0      2        0");
    assert_eq!(place.values(), [0.0, 1.0, 4.0, 9.0, 16.0, 25.0]);
}

#[test]
fn failed_points_are_run_again_where_that_is_asked_for() {
    let place = Place::new("pbs", "reciprocal", "0.01", "");
    place.says(&["submit", "scan.toml", "--cluster", "here.toml", "--parts", "2"]);
    let status = place.wait_for("part 1: failed with exit code 4 (points failed)");
    assert!(status.contains("retry --only failed"), "{status}");
    assert!(place.says(&["retry", "scan.toml"]).contains("nothing to retry"));
    let said = place.says(&["retry", "scan.toml", "--only", "failed", "--dry-run"]);
    assert!(said.contains("run --only failed --part \"$part/2\" scan.toml") && said.contains("parts=(1)"), "{said}");
}

#[test]
fn a_job_that_ran_out_of_time_goes_on_by_itself() {
    for scheduler in ["pbs", "lsf"] {
        // Six points of half a second in what remains of a job of 3 s after a warning of 1 s.
        let place = Place::new(scheduler, "sphere", "0.5", "[requeue]\nwarning = \"0:00:01\"");
        place.says(&["submit", "scan.toml", "--cluster", "here.toml", "--parts", "1", "--time", "0:00:03"]);
        if scheduler == "lsf" {
            // LSF would send the signal.
            std::thread::sleep(Duration::from_millis(1500));
            let pid = std::fs::read_to_string(place.path("state/3001.pid")).unwrap();
            let mut kill = Command::new("kill");
            kill.args(["-s", "USR1", pid.trim()]);
            finish(kill).expect_success("kill");
        }
        place.wait_for("0        0      1        0");
        assert_eq!(place.values().len(), 6, "{scheduler}");
        let again = std::fs::read_to_string(place.path("scan.submit/1-1.again")).unwrap();
        assert!(again.trim().parse::<u32>().unwrap() >= 1, "{scheduler}");
        let jobs = place.path("scan.submit/1-1.jobs").exists();
        assert_eq!(jobs, scheduler == "pbs", "PBS goes on under another name");
    }
}

#[test]
fn what_is_cancelled_stays_and_can_be_retried() {
    for scheduler in ["pbs", "lsf"] {
        let place = Place::new(scheduler, "sphere", "1.0", "");
        place.says(&["submit", "scan.toml", "--cluster", "here.toml", "--parts", "2"]);
        place.wait_for("1        1");
        let refused = place.rhoshard(&["submit", "scan.toml", "--cluster", "here.toml"]);
        assert!(refused.stderr.contains("parts 1-2 of 2 are in the queue already"), "{}", refused.stderr);
        std::thread::sleep(Duration::from_millis(700));
        assert!(place.says(&["cancel", "scan.toml"]).contains("cancelled"));
        let status = place.wait_for("parts 1-2: cancelled");
        assert!(status.contains("`rhoshard retry` submits it again"), "{status}");
        assert!(place.says(&["cancel", "scan.toml"]).contains("nothing is in the queue"));
        place.write_sweep("sphere", "1.0");
        place.says(&["retry", "scan.toml"]);
        place.wait_for("0        0      2        0");
        assert_eq!(place.values(), [0.0, 1.0, 4.0, 9.0, 16.0, 25.0]);
    }
}

#[test]
fn what_the_batch_system_refuses_is_said_in_its_words() {
    for (scheduler, words) in [("pbs", "Queue is not enabled"), ("lsf", "No such queue")] {
        let place = Place::new(scheduler, "sphere", "0.01", "");
        let profile = std::fs::read_to_string(place.path("here.toml")).unwrap();
        let profile = profile.replace("[queue]", "[queue]\npartition = \"closed\"");
        std::fs::write(place.path("here.toml"), profile).unwrap();
        let refused = place.rhoshard(&["submit", "scan.toml", "--cluster", "here.toml"]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
        let status = place.rhoshard(&["status", "scan.toml"]);
        assert_eq!(status.status.code(), Some(2));
        assert!(status.stderr.contains("nothing was submitted"), "{}", status.stderr);
    }
}

#[test]
fn a_batch_system_that_is_not_there_is_said_with_what_to_load() {
    let place = Place::new("gridengine", "sphere", "0.01", "");
    let refused = place.rhoshard(&["submit", "scan.toml", "--cluster", "here.toml"]);
    assert!(
        refused.stderr.contains("`qsub` does not start") && refused.stderr.contains("settings.sh"),
        "{}",
        refused.stderr
    );
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn a_dry_run_changes_nothing() {
    let place = Place::new("gridengine", "sphere", "0.01", "");
    let said = place.says(&["submit", "scan.toml", "--cluster", "here.toml", "--dry-run"]);
    assert!(
        said.contains("#!/bin/bash\n#$ -N scan\n") && said.contains("# in ") && said.contains("qsub -terse 1.sh"),
        "{said}"
    );
    assert!(!place.path("scan.submit").exists() && !place.path("scan.sweep").exists());
    for name in ["slurm", "gpu", "pbs", "torque", "lsf", "gridengine"] {
        let text = place.says(&["submit", "--profile", name]);
        std::fs::write(place.path("mine.toml"), text).unwrap();
        let said = place.says(&["submit", "scan.toml", "--cluster", "mine.toml", "--dry-run"]);
        assert!(said.contains("#!/bin/bash"), "{said}");
    }
}

#[test]
fn several_of_a_command_that_works_once_are_refused() {
    let place = Place::new("pbs", "sphere", "0.01", "");
    let mut command = Command::new(rhoshard());
    command.args(["submit", "scan.toml", "--cluster", "here.toml"]).current_dir(place.folder.path());
    command.env("OMPI_COMM_WORLD_SIZE", "4");
    let refused = finish(command);
    assert!(refused.stderr.contains("started 4 of this command"), "{}", refused.stderr);
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn definitions_go_with_the_job_and_with_its_retries() {
    let place = Place::new("pbs", "{function}", "0.01", "");
    let sweep = std::fs::read_to_string(place.path("scan.toml")).unwrap();
    std::fs::write(place.path("scan.toml"), format!("# {{note}}\n{sweep}")).unwrap();
    let submit = ["submit", "scan.toml", "--cluster", "here.toml", "--parts", "2"];
    let defined = ["--define", "function=reciprocal", "--define", "note=it's a $test"];
    assert!(place.refuses(&submit, 2).contains("{function}"), "the plan is that of the job as it will run");
    assert!(place.refuses(&[&submit[..], &["--define", "a=1"]].concat(), 2).contains("{a} does not occur"));
    let script = "run --define function=reciprocal --define 'note=it'\\''s a $test' --part \"$part/2\" scan.toml";
    let said = place.says(&[&submit[..], &defined, &["--dry-run"]].concat());
    assert!(said.contains(script), "{said}");
    let said = place.says(&[&submit[..], &defined].concat());
    assert!(said.contains("with function=reciprocal, note=it's a $test\n"), "{said}");
    // 1/x fails at 0: so the script has passed the definitions on.
    let status = place.wait_for("parts 1-2: failed with exit code 4 (points failed)");
    assert!(status.contains("with function=reciprocal, note=it's a $test\n"), "{status}");
    let retry = ["retry", "scan.toml", "--only", "failed", "--dry-run"];
    let expected = script.replace(" --part", " --only failed --part");
    for again in [&[][..], &defined] {
        let said = place.says(&[&retry[..], again].concat());
        assert!(said.contains(&expected), "{said}");
    }
    let refused = place.refuses(&[&retry[..], &["--define", "function=sphere"]].concat(), 2);
    assert!(
        refused.contains("scan.toml: it was submitted with --define function=reciprocal --define note="),
        "{refused}"
    );
    place.says(&retry[..4]);
    place.wait_for("parts 1-2: failed with exit code 4 (points failed)");
    let records = std::fs::read_to_string(place.path("scan.submit/submissions.jsonl")).unwrap();
    assert_eq!(
        records.matches("\"definitions\":[\"function=reciprocal\",\"note=it's a $test\"]").count(),
        2,
        "{records}"
    );
}

#[test]
fn a_scaling_study_is_submitted_once_cancelled_retried_and_collected() {
    for scheduler in ["pbs", "lsf"] {
        let place = Place::new(scheduler, "sphere", "0.01", "").with_circuit();
        let submit = ["bench", "scaling", "plus.toml", "--strong", "--ranks", "1,2", "--submit", "here.toml"];
        let collect = ["bench", "scaling", "--collect", "plus-strong"];
        let twice = [&submit[..], &["--repeat", "2"]].concat();
        let said = place.says(&twice);
        assert_eq!(said.matches("submitted job").count(), 2, "{said}");
        assert!(said.contains("1 node, 2 ranks of 1 thread") && said.contains("2 runs, one after the other"), "{said}");
        place.wait_until(
            &collect,
            "4 of 4 runs have no result yet:\n  1 rank, runs 1-2: running\n  2 ranks, runs 1-2: ",
        );
        place.wait_until(&collect, "\n  2 ranks, runs 1-2: running\n");
        let status = place.says(&["status", "plus-strong"]);
        assert!(status.contains("ranks1, on here") && status.contains("ranks2, on here"), "{status}");

        // What is in the queue is not submitted again, nor run here.
        let said = place.says(&twice);
        assert!(said.contains("1 rank, runs 1-2: in the queue already, running"), "{said}");
        assert!(said.contains("nothing to submit") && !said.contains("submitted job"), "{said}");
        let here =
            ["bench", "scaling", "plus.toml", "--strong", "--ranks", "1,2", "--repeat", "2", "--launcher", "true"];
        assert!(place.refuses(&here, 2).contains("in the queue already"));

        assert_eq!(place.says(&["cancel", "plus-strong"]).matches("cancelled").count(), 2);
        place.wait_until(&collect, "1 rank, runs 1-2: cancelled\n  2 ranks, runs 1-2: cancelled\n");
        assert!(place.refuses(&["retry", "plus-strong", "--ranks", "2"], 2).contains("says itself what its jobs are"));
        assert!(place.refuses(&["retry", "plus-strong/ranks2"], 2).contains("retry the study"));
        std::fs::write(place.path("go"), "").unwrap();
        let said = place.says(&["retry", "plus-strong"]);
        assert_eq!(said.matches("submitted job").count(), 2, "{said}");
        let table = place.wait_until(&collect, "written ");
        assert!(table.contains("strong scaling of plus.toml by the statevector engine"), "{table}");
        let done = place.wait_until(&["status", "plus-strong"], "0        0      1        0\n  done\nranks2");
        assert!(!done.contains("next:"), "{done}");
        place.wait_until(&["retry", "plus-strong"], "2 ranks: every run has its result");
        let table = place.says(&collect);
        assert!(!table.contains("no result yet"), "{table}");
        let names = ["ranks1-run1.h5", "ranks1-run2.h5", "ranks2-run1.h5", "ranks2-run2.h5", "scaling.html"];
        assert!(names.iter().all(|name| place.path(&format!("plus-strong/{name}")).exists()), "{table}");
        std::thread::sleep(Duration::from_millis(20));
        let last = place.path("plus-strong/ranks2.submit/2-1.log");
        let printed = std::fs::read_to_string(&last).unwrap();
        assert!(printed.contains("ranks2-run1.h5") && printed.contains("ranks2-run2.h5"), "{printed}");
        std::fs::write(&last, printed + "later\n").unwrap();
        let log = place.says(&["logs", "plus-strong"]);
        assert!(log.ends_with("later\n"), "that of the last to print: {log}");
        assert!(place.refuses(&["logs", "plus-strong", "--part", "1"], 2).contains("ranks1, ranks2"));

        // A longer study submits the runs that it adds.
        let said = place.says(&[&submit[..], &["--repeat", "3", "--dry-run"]].concat());
        assert!(said.contains("ranks1-run3.h5") && said.contains("ranks2-run3.h5"), "{said}");
        assert!(!said.contains("run1.h5") && !said.contains("run2.h5"), "{said}");
    }
}

#[test]
fn a_dry_run_of_a_study_prints_a_script_for_each_number_of_ranks() {
    let place = Place::new("slurm", "sphere", "0.01", "").with_circuit();
    let heads = [
        ("slurm", "#SBATCH --ntasks=2\n", "sbatch --parsable 1.sh", "srun --ntasks=2"),
        ("pbs", "#PBS -l select=1:ncpus=2:mpiprocs=2:ompthreads=1:mem=", "qsub 1.sh", "mpirun -n 2"),
        ("torque", "#PBS -l nodes=1:ppn=2,mem=", "qsub 1.sh", "mpirun -n 2"),
        ("lsf", "#BSUB -n 2\n", "bsub < 1.sh", "mpirun -n 2"),
        ("gridengine", "#$ -pe mpi 2\n", "qsub -terse 1.sh", "mpirun -n 2"),
    ];
    for (cluster, head, submit, launcher) in heads {
        let weak = ["bench", "scaling", "family.toml", "--weak", "--qubits", "3", "--ranks", "1,2", "--repeat", "2"];
        let said = place.says(&[&weak[..], &["--submit", cluster, "--time", "0:20:00", "--dry-run"]].concat());
        assert_eq!(said.matches("#!/bin/bash").count(), 2, "{cluster}: {said}");
        assert!(said.contains(head) && said.contains(submit) && said.contains("time 00:20:00"), "{cluster}: {said}");
        let folder = place.path("family-weak").canonicalize().unwrap_or(place.path("family-weak"));
        for (ranks, qubits) in [(1, 3), (2, 4)] {
            let (folder, launcher) = (folder.display(), launcher.replace('2', &ranks.to_string()));
            let results =
                format!("results=(\n    {folder}/ranks{ranks}-run1.h5\n    {folder}/ranks{ranks}-run2.h5\n)\n");
            let run = format!("run --define qubits={qubits} --output \"$result\" family.toml || break");
            assert!(said.contains(&results) && said.contains(&format!("|| run {launcher} ")), "{cluster}: {said}");
            assert!(
                said.contains(&run) && said.contains(&format!("folder={folder}/ranks{ranks}.submit")),
                "{cluster}: {said}"
            );
        }
        assert!(said.contains("\n# then: rhoshard bench scaling --collect "), "{cluster}: {said}");
        assert!(!place.path("family-weak").exists(), "a dry run changes nothing");
    }
}

#[test]
fn studies_that_cannot_be_submitted_are_refused_before_any_job_is() {
    let place = Place::new("pbs", "sphere", "0.01", "").with_circuit();
    let study = |rest: &[&'static str]| [&["bench", "scaling"], rest, &["--submit", "here.toml"]].concat();
    let said = place.refuses(&study(&["scan.toml", "--strong"]), 2);
    assert!(said.contains("scan.toml: a scaling study is of one circuit, not of a sweep"), "{said}");
    // The node has four cores; the circuit of four ranks is missing.
    let said = place.refuses(&study(&["plus.toml", "--strong", "--ranks", "1,8"]), 2);
    assert!(said.contains("plus.toml: the job does not fit: on 8 ranks"), "{said}");
    let said = place.refuses(&study(&["family.toml", "--weak", "--qubits", "3", "--ranks", "1,2,4"]), 2);
    assert!(said.contains("plus_5.qasm"), "{said}");
    assert!(place.refuses(&study(&["plus.toml", "--strong", "--launcher", "srun"]), 2).contains("cannot be used with"));
    assert!(place.refuses(&["bench", "scaling", "plus.toml", "--strong", "--time", "1:00:00"], 2).contains("--submit"));
    assert!(
        place.refuses(&["bench", "scaling", "plus.toml", "--strong", "--submit", "nowhere"], 2).contains("nowhere")
    );
    assert!(
        !place.path("plus-strong").exists()
            && !place.path("family-weak").exists()
            && !place.path("scan-strong").exists()
    );
    assert_eq!(std::fs::read_dir(place.path("state")).unwrap().count(), 0, "nothing was submitted");
    let local = place.says(&["bench", "scaling", "plus.toml", "--strong", "--launcher", "true", "--dry-run"]);
    assert!(local.contains("true -n 4"), "{local}");
    assert!(place.refuses(&["retry", "plus-strong"], 2).contains("nothing was submitted for this study"));
}
