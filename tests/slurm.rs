//! Jobs on a real SLURM, started by `tests/slurm/cluster.sh` (one node of four cores, arrays of at most five elements):
//!
//! ```text
//! bash tests/slurm/cluster.sh cargo test --profile ci --test slurm
//! ```
//! Without a cluster they are skipped, loudly; with `RHOSHARD_REQUIRE_SLURM=1` that is a failure.

#![allow(clippy::unwrap_used)]

mod support;

use rhoshard::cluster::folder::Folder;
use rhoshard::cluster::standing::{JobStanding, Standing};
use std::process::Command;
use std::time::{Duration, Instant};
use support::queue::{self, DEADLINE, NOTES_ITSELF, Place, ROOT, SWEEP, counted, counter, squares, table};
use support::{finish, rhoshard};

/// True where there is no cluster and none is required.
fn skipped() -> bool {
    queue::skipped("SLURM", "slurm", "SLURM_CONF")
}

/// A job and the profile of the test cluster, with more of its sections.
fn on_slurm(sections: &str) -> Place {
    Place::new(&profile(sections))
}

/// The same with a shell script in the place of the program.
fn on_slurm_with(script: &str, sections: &str) -> Place {
    Place::with_program(script, &profile(sections))
}

fn profile(sections: &str) -> String {
    format!(
        "scheduler = \"slurm\"\nsetup = [\"{NOTES_ITSELF}\"]\n[queue]\npartition = \"main\"\ntime_limit = \"1:00:00\"\n\
         [node]\ncores = 4\nmemory = \"3500 MB\"\n[job]\nthreads = 1\nmemory = \"500 MB\"\n\
         [launcher]\ncommand = \"srun\"\noptions = [\"--mpi=pmix\"]\n{sections}\n"
    )
}

/// What a command of SLURM says.
fn slurm(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments);
    finish(command).expect_success(program).stdout
}

/// A field of `scontrol show job`.
fn field(job: &str, name: &str) -> String {
    let text = slurm("scontrol", &["show", "job", job]);
    let found = text.split_whitespace().find_map(|word| word.strip_prefix(&format!("{name}=")));
    found.unwrap_or_else(|| panic!("no {name} in\n{text}")).to_string()
}

/// A requeued job waits two minutes; this lets it start at once, but not before SLURM has forgotten its first run.
fn start_now(job: &str, restarts: u64) {
    let begin = Instant::now();
    while field(job, "Restarts") != restarts.to_string() || field(job, "JobState") != "PENDING" {
        let now = || slurm("scontrol", &["show", "job", job]);
        assert!(begin.elapsed() < DEADLINE, "job {job} is not requeued:\n{}", now());
        std::thread::sleep(Duration::from_millis(300));
    }
    std::thread::sleep(Duration::from_millis(2500));
    slurm("scontrol", &["update", &format!("jobid={job}"), "StartTime=now"]);
}

#[test]
fn the_same_numbers_on_one_two_and_four_tasks() {
    if skipped() {
        return;
    }
    queue::the_same_numbers(&["1", "2", "4"], || on_slurm(""));
}

#[test]
fn a_job_that_is_warned_saves_is_requeued_and_ends_as_if_nothing_had_been() {
    if skipped() {
        return;
    }
    // SLURM sends the signal up to a minute early: here about twenty seconds after the start.
    let place = on_slurm_with(&counter(40), "[requeue]\nwarning = \"0:00:55\"");
    std::fs::write(place.path("table"), "").unwrap();
    place.submit(&["--time", "0:01:00"]);
    let job = place.job();
    start_now(&job, 1);
    let end = place.wait_for_end();
    assert_eq!(end.parts[&1].standing, Standing::Done, "{}", place.read("adder.submit/1-1.log"));
    assert_eq!(place.read("table"), counted(40));
    assert_eq!(place.read("starts").lines().count(), 2);
    assert_eq!(place.submissions().times_again(1, 1), 1);
    assert_eq!(field(&job, "Restarts"), "1");
}

#[test]
fn a_warning_to_the_script_reaches_the_program_as_often_as_it_comes() {
    if skipped() {
        return;
    }
    let place = on_slurm_with(&counter(12), "");
    std::fs::write(place.path("table"), "").unwrap();
    place.submit(&[]);
    let job = place.job();
    for restarts in 1..=2 {
        place.wait("another start", |_| {
            let starts = std::fs::read_to_string(place.path("starts")).unwrap_or_default();
            starts.lines().count() as u64 == restarts
        });
        std::thread::sleep(Duration::from_millis(1500));
        slurm("scancel", &["--signal=USR1", "--batch", &job]);
        place.wait("waiting", |standing| matches!(standing.parts[&1].standing, Standing::Waiting(_)));
        start_now(&job, restarts);
    }
    let end = place.wait_for_end();
    assert_eq!(end.parts[&1].standing, Standing::Done);
    assert_eq!((place.read("table"), place.read("starts").lines().count()), (counted(12), 3));
}

#[test]
fn a_job_is_not_started_again_for_ever() {
    if skipped() {
        return;
    }
    let place = on_slurm_with("echo start >> starts\nexit 99\n", "[requeue]\nmost = 1");
    place.submit(&[]);
    start_now(&place.job(), 1);
    let end = place.wait_for_end();
    assert_eq!(end.parts[&1].standing, Standing::Interrupted);
    assert_eq!(place.read("starts").lines().count(), 2);
    assert!(place.read("adder.submit/1-1.log").contains("started again 1 times"));
}

#[test]
fn what_is_cancelled_stays_cancelled() {
    if skipped() {
        return;
    }
    let ways: [fn(&Place); 2] = [
        |place| {
            let said = place.rhoshard(&["cancel", "adder.toml"]).expect_success("cancel").stdout;
            assert!(said.contains(&format!("cancelled {}", place.job())), "{said}");
        },
        |place| {
            slurm("scancel", &[&place.job()]);
        },
    ];
    for (number, cancel) in ways.into_iter().enumerate() {
        let place = on_slurm_with("trap 'exit 99' TERM\ntouch started\nsleep 100 & wait\n", "");
        place.submit(&[]);
        place.wait_for_file("started");
        let refused = place.rhoshard(&["submit", "adder.toml", "--cluster", "test"]);
        assert!(!refused.status.success() && refused.stderr.contains("in the queue already"), "{}", refused.stderr);
        cancel(&place);
        let end = place.wait_for_end();
        let expected = if number == 0 { Standing::Cancelled } else { Standing::Interrupted };
        assert_eq!(end.parts[&1].standing, expected, "{}", place.read("adder.submit/1-1.log"));
        // The job is gone from the queue for good, not about to come back.
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(
            (field(&place.job(), "JobState"), field(&place.job(), "Restarts")),
            ("CANCELLED".into(), "0".into())
        );
    }
}

#[test]
fn what_failed_is_retried() {
    if skipped() {
        return;
    }
    queue::what_failed_is_retried(&on_slurm_with(queue::BROKEN, ""));
}

#[test]
fn a_job_that_is_killed_is_lost_and_can_be_retried() {
    if skipped() {
        return;
    }
    queue::what_is_killed_is_lost_and_can_be_retried(&on_slurm_with(queue::SLEEPS, ""));
}

#[test]
fn arrays_are_split_chained_and_retried_in_part() {
    if skipped() {
        return;
    }
    let place = on_slurm_with(queue::TWELVE_PARTS, "[array]\nat_once = 3");
    queue::arrays_are_split_chained_and_retried_in_part(&place, "scontrol show config", |jobs| {
        let last = slurm("scontrol", &["show", "job", &jobs[2]]);
        assert!(last.contains(&format!("Dependency=afterany:{}", jobs[1])), "{last}");
        assert!(slurm("scontrol", &["show", "job", &jobs[1]]).contains("ArrayTaskThrottle=3"));
    });
}

#[test]
fn a_sweep_in_parts_that_are_interrupted_gives_the_table_of_one_that_is_not() {
    if skipped() {
        return;
    }
    let place = on_slurm("");
    std::fs::write(place.path("adder.toml"), SWEEP).unwrap();
    std::fs::write(place.path("whole.toml"), SWEEP).unwrap();
    place.rhoshard(&["run", "whole.toml"]).expect_success("run");
    let said = place.submit(&["--parts", "2"]);
    assert!(said.contains("parts 1-2"), "{said}");
    place.wait("two parts that run", |standing| standing.where_standing(|one| *one == Standing::Running).count() == 2);
    std::thread::sleep(Duration::from_millis(2500));
    let element = format!("{}_1", place.job());
    slurm("scancel", &["--signal=USR1", "--batch", &element]);
    start_now(&element, 1);
    let end = place.wait_for_end();
    let log = place.read("adder.submit/1-1.log");
    assert!(end.parts.values().all(|part| part.standing == Standing::Done), "{log}");
    assert_eq!(place.submissions().times_again(1, 1), 1, "{log}");
    let found = table(&place.path("adder.h5"));
    assert_eq!(found, table(&place.path("whole.h5")));
    assert_eq!(found[0], squares(12));
}

/// Submits a template from the folder, waits until the job has ended, and gives its log.
fn template(place: &Place, name: &str, variables: &[(&str, &str)]) -> String {
    let job = submit_template(place, name, variables);
    end_of_template(place, &job)
}

fn submit_template(place: &Place, name: &str, variables: &[(&str, &str)]) -> String {
    std::fs::create_dir_all(place.path("configs")).unwrap();
    for file in ["adder.toml", "adder_n10.qasm"] {
        std::fs::copy(format!("{ROOT}/configs/{file}"), place.path(&format!("configs/{file}"))).unwrap();
    }
    let mut command = Command::new("sbatch");
    command.args(["--parsable", &format!("{ROOT}/slurm/{name}.sbatch")]).current_dir(&place.folder);
    command.env("PROGRAM", rhoshard()).envs(variables.iter().copied());
    finish(command).expect_success(name).stdout.trim().to_string()
}

/// The log of a job, or of all elements of an array, once it has ended.
fn end_of_template(place: &Place, job: &str) -> String {
    let begin = Instant::now();
    while !slurm("squeue", &["--noheader", "--format=%F"]).lines().all(|other| other.trim() != job) {
        assert!(begin.elapsed() < DEADLINE, "{}", slurm("scontrol", &["show", "job", job]));
        std::thread::sleep(Duration::from_millis(300));
    }
    let is_log = |name: &str| {
        name.ends_with(".log") && (name.contains(&format!("-{job}.")) || name.contains(&format!("-{job}_")))
    };
    let names =
        std::fs::read_dir(&place.folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| is_log(name)).map(|name| place.read(&name)).collect()
}

#[test]
fn the_templates_run_as_they_are() {
    if skipped() {
        return;
    }
    for name in ["one_node", "many_nodes", "gpus"] {
        let place = on_slurm("");
        let log = template(&place, name, &[]);
        assert!(log.contains("Z5 Z6 Z7 Z8 Z9") && place.path("configs/adder.h5").exists(), "{name}: {log}");
    }
    let place = on_slurm("");
    std::fs::write(place.path("sweep.toml"), SWEEP).unwrap();
    let log = template(&place, "array_sweep", &[]);
    assert_eq!(table(&place.path("sweep.h5"))[0], squares(12), "{log}");
}

#[test]
fn the_templates_that_measure_print_a_line_for_each_number_of_ranks() {
    if skipped() {
        return;
    }
    let place = on_slurm("");
    for (name, columns) in [("strong_scaling", 4), ("weak_scaling", 4)] {
        let log = template(&place, name, &[("QUBITS", "10")]);
        let rows: Vec<Vec<&str>> = log.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        let ranks: Vec<&str> = rows.iter().map(|row| row[0]).collect();
        assert_eq!(ranks, ["1", "2", "4"], "{name}: {log}");
        assert!(rows.iter().all(|row| row.len() == columns && row[3].ends_with('%')) && rows[0][3] == "100%", "{log}");
    }
}

#[test]
fn the_template_that_saves_goes_on_after_a_warning() {
    if skipped() {
        return;
    }
    let place = on_slurm_with(&counter(12), "");
    std::fs::write(place.path("table"), "").unwrap();
    let program = place.path("program.sh");
    let job =
        submit_template(&place, "many_nodes", &[("PROGRAM", program.to_str().unwrap()), ("LAUNCH", "srun --ntasks=1")]);
    place.wait_for_file("starts");
    std::thread::sleep(Duration::from_millis(1500));
    slurm("scancel", &["--signal=USR1", "--batch", &job]);
    start_now(&job, 1);
    end_of_template(&place, &job);
    assert_eq!((place.read("table"), place.read("starts").lines().count()), (counted(12), 2));
}

#[test]
fn a_strong_study_runs_in_a_job_for_each_number_of_ranks_and_is_collected() {
    if skipped() {
        return;
    }
    let place = on_slurm("");
    let arguments =
        ["bench", "scaling", "adder.toml", "--strong", "--ranks", "1,2", "--repeat", "2", "--submit", "test"];
    let said = place.rhoshard(&arguments).expect_success("a study").stdout;
    assert_eq!(said.matches("submitted job").count(), 2, "{said}");
    let collect =
        || place.rhoshard(&["bench", "scaling", "--collect", "adder-strong"]).expect_success("collect").stdout;
    let begin = Instant::now();
    let table = loop {
        let said = collect();
        if said.contains("written ") && !said.contains("no result yet") {
            break said;
        }
        assert!(begin.elapsed() < DEADLINE, "{said}");
        assert!(!said.contains("failed") && !said.contains("lost"), "{said}");
        std::thread::sleep(Duration::from_millis(300));
    };
    let found: serde_json::Value = serde_json::from_str(&place.read("adder-strong/scaling.json")).unwrap();
    let rows = found["rows"].as_array().unwrap();
    let numbers = |name: &str| rows.iter().map(|row| row[name].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(
        (numbers("ranks"), numbers("runs"), numbers("threads")),
        (vec![1, 2], vec![2, 2], vec![1, 1]),
        "{table}"
    );
    assert!(rows.iter().all(|row| row["predicted"]["seconds"].as_f64().unwrap() > 0.0), "{table}");
    for name in ["speed-up.svg", "efficiency.svg", "scaling.html", "scaling.csv"] {
        assert!(place.path(&format!("adder-strong/{name}")).exists(), "{name}");
    }
    // The jobs asked for what their numbers of ranks need, and for no array.
    for ranks in ["1", "2"] {
        let script = place.read(&format!("adder-strong/ranks{ranks}.submit/1.sh"));
        assert!(script.contains(&format!("#SBATCH --ntasks={ranks}\n")) && !script.contains("--array"), "{script}");
        assert_eq!(place.read(&format!("adder-strong/ranks{ranks}.submit/1-1.exit")), "0\n");
    }
    let said = place.rhoshard(&["retry", "adder-strong"]).expect_success("retry").stdout;
    assert!(said.contains("2 ranks: every run has its result") && said.contains("nothing to submit"), "{said}");
    let status = place.rhoshard(&["status", "adder-strong"]).expect_success("status").stdout;
    assert_eq!(status.matches("  done\n").count(), 2, "{status}");
}

#[test]
fn a_study_that_was_killed_goes_on_with_the_runs_that_are_left() {
    if skipped() {
        return;
    }
    // The program is cancelled in its second run; then it goes on with that.
    let script =
        "echo \"$3\" >> runs\n[[ $3 != *run2.h5 || -e fixed ]] || { touch started; sleep 100 & wait; }\ntouch \"$3\"\n";
    let place = on_slurm_with(script, "");
    let arguments = ["bench", "scaling", "adder.toml", "--strong", "--ranks", "1", "--repeat", "3", "--submit", "test"];
    place.rhoshard(&arguments).expect_success("a study");
    place.wait_for_file("started");
    let said = place.rhoshard(&arguments).expect_success("again").stdout;
    assert!(said.contains("1 rank, runs 2-3: in the queue already, running") && !said.contains("submitted"), "{said}");
    place.rhoshard(&["cancel", "adder-strong"]).expect_success("cancel");
    let folder = Folder::of_job(&place.path("adder-strong/ranks1")).unwrap();
    let begin = Instant::now();
    let active = || !JobStanding::of(&folder).unwrap().where_standing(Standing::is_active).is_empty();
    while active() {
        assert!(begin.elapsed() < DEADLINE, "it is not cancelled");
        std::thread::sleep(Duration::from_millis(300));
    }
    std::fs::write(place.path("fixed"), "").unwrap();
    let said = place.rhoshard(&["retry", "adder-strong"]).expect_success("retry").stdout;
    assert!(said.contains("2 runs, one after the other") && said.contains("submitted job"), "{said}");
    while active() {
        assert!(begin.elapsed() < DEADLINE, "it does not end");
        std::thread::sleep(Duration::from_millis(300));
    }
    let runs: Vec<char> = place.read("runs").lines().filter_map(|line| line.chars().rev().nth(3)).collect();
    assert_eq!(runs, ['1', '2', '2', '3']);
    assert_eq!(JobStanding::of(&folder).unwrap().parts[&1].standing, Standing::Done);
}
