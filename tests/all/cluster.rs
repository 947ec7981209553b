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
        finish(command)
    }

    fn says(&self, arguments: &[&str]) -> String {
        self.rhoshard(arguments).expect_success(&arguments.join(" ")).stdout
    }

    /// Waits until `status` says this.
    fn wait_for(&self, what: &str) -> String {
        let begin = Instant::now();
        loop {
            let status = self.says(&["status", "scan.toml"]);
            if status.contains(what) {
                return status;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "no `{what}` in\n{status}");
            std::thread::sleep(Duration::from_millis(100));
        }
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
