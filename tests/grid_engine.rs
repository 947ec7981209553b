//! Jobs on a real Grid Engine, started by `tests/grid_engine/cluster.sh` (one host of eight slots and 4 GiB, arrays of at most
//! five elements):
//!
//! ```text
//! bash tests/grid_engine/cluster.sh cargo test --profile ci --test grid_engine -- --test-threads=4
//! ```
//! Without one they are skipped, loudly; with `RHOSHARD_REQUIRE_GRID_ENGINE=1` that is a failure.

#![allow(clippy::unwrap_used)]

mod support;

use rhoshard::cluster::standing::Standing;
use std::process::Command;
use std::time::Duration;
use support::finish;
use support::queue::{self, NOTES_ITSELF, Place, SWEEP, counted, counter, squares, table};

/// True where there is no Grid Engine and none is required.
fn skipped() -> bool {
    queue::skipped("Grid Engine", "grid_engine", "SGE_ROOT")
}

/// A job and the profile of the test cluster, with more of its sections.
fn on_grid_engine(sections: &str) -> Place {
    Place::new(&profile("400 MB", sections))
}

/// The same with a shell script in the place of the program.
fn on_grid_engine_with(script: &str, sections: &str) -> Place {
    Place::with_program(script, &profile("400 MB", sections))
}

/// With the memory of a rank. The log says how often Grid Engine has started the job again.
fn profile(memory: &str, sections: &str) -> String {
    let root = "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1";
    format!(
        "scheduler = \"gridengine\"\nsetup = [\"{root}\", \"{NOTES_ITSELF}\", \"echo RESTARTED=$RESTARTED\"]\n\
         [queue]\nparallel_environment = \"mpi\"\ntime_limit = \"1:00:00\"\n[node]\ncores = 4\nmemory = \"3500 MB\"\n\
         [job]\nthreads = 1\nmemory = \"{memory}\"\n[launcher]\ncommand = \"mpirun\"\n{sections}\n"
    )
}

/// What a command of Grid Engine says.
fn ask(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments);
    finish(command).expect_success(program).stdout
}

/// A field of `qstat -j`.
fn field(job: &str, name: &str) -> String {
    let text = ask("qstat", &["-j", job]);
    let found = text.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
    found.unwrap_or_else(|| panic!("no {name} in\n{text}")).trim().to_string()
}

/// Waits until a job is out of the queue and looks whether it comes back.
fn is_gone(job: &str) -> bool {
    std::thread::sleep(Duration::from_secs(4));
    !ask("qstat", &[]).lines().any(|line| line.split_whitespace().next() == Some(job))
}

#[test]
fn the_same_numbers_on_one_and_two_ranks() {
    if skipped() {
        return;
    }
    // Memory counts for each slot: were it asked for by the job, two ranks would take more than the host has.
    queue::the_same_numbers(&["1", "2"], || Place::new(&profile("1200 MB", "")));
}

#[test]
fn a_sweep_goes_on_as_often_as_its_time_ends_and_gives_the_table_of_one_that_never_stopped() {
    if skipped() {
        return;
    }
    // Twelve seconds on two ranks, of which each start has at most five.
    let place = on_grid_engine("[requeue]\nwarning = \"0:02:00\"");
    for name in ["adder.toml", "whole.toml"] {
        let points = "11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]";
        std::fs::write(place.path(name), SWEEP.replace("11]", points)).unwrap();
    }
    place.submit(&["--ranks", "2", "--parts", "1", "--time", "0:02:06"]);
    let job = place.job();
    place.rhoshard(&["run", "whole.toml"]).expect_success("run");
    let end = place.wait_for_end();
    let log = place.read("adder.submit/1-1.log");
    assert_eq!(end.parts[&1].standing, Standing::Done, "{log}");
    let again = place.submissions().times_again(1, 1);
    assert!(again >= 2 && log.matches("the wall-time limit is near").count() as u64 == again, "{again}: {log}");
    let started = |restarted| log.matches(&format!("RESTARTED={restarted}\n")).count() as u64;
    assert_eq!((started(0), started(1), place.job()), (1, again, job), "{log}");
    let found = table(&place.path("adder.h5"));
    assert_eq!(found, table(&place.path("whole.h5")));
    assert_eq!(found[0], squares(24));
}

#[test]
fn a_job_is_not_started_again_for_ever() {
    if skipped() {
        return;
    }
    let place = on_grid_engine_with("echo start >> starts\nexit 99\n", "[requeue]\nmost = 1");
    place.submit(&[]);
    let end = place.wait_for_end();
    assert_eq!(end.parts[&1].standing, Standing::Interrupted);
    assert_eq!(place.read("starts").lines().count(), 2);
    assert!(place.read("adder.submit/1-1.log").contains("started again 1 times"));
}

#[test]
fn a_job_that_is_suspended_saves_and_starts_again() {
    if skipped() {
        return;
    }
    let place = on_grid_engine_with(&counter(10), "");
    std::fs::write(place.path("table"), "").unwrap();
    place.submit(&[]);
    place.wait_for_file("starts");
    std::thread::sleep(Duration::from_millis(1500));
    ask("qmod", &["-sj", &place.job()]);
    let end = place.wait_for_end();
    assert_eq!(end.parts[&1].standing, Standing::Done, "{}", place.read("adder.submit/1-1.log"));
    assert_eq!((place.read("table"), place.read("starts").lines().count()), (counted(10), 2));
    assert_eq!(place.submissions().times_again(1, 1), 1);
}

/// Saves when it is told to, and then ends as the program does.
const SAVES: &str = "trap 'touch saved; exit 99' USR1\ntrap '' USR2\ntouch started\nsleep 100 & wait\n";

#[test]
fn what_is_cancelled_saves_and_stays_cancelled() {
    if skipped() {
        return;
    }
    let ways: [fn(&Place); 2] = [
        |place| {
            let said = place.rhoshard(&["cancel", "adder.toml"]).expect_success("cancel").stdout;
            assert!(said.contains(&format!("cancelled {}", place.job())), "{said}");
        },
        |place| {
            ask("qdel", &[&place.job()]);
        },
    ];
    for (number, cancel) in ways.into_iter().enumerate() {
        let place = on_grid_engine_with(SAVES, "");
        place.submit(&[]);
        place.wait_for_file("started");
        let refused = place.rhoshard(&["submit", "adder.toml", "--cluster", "test"]);
        assert!(!refused.status.success() && refused.stderr.contains("in the queue already"), "{}", refused.stderr);
        cancel(&place);
        let end = place.wait_for_end();
        let log = place.read("adder.submit/1-1.log");
        let expected = if number == 0 { Standing::Cancelled } else { Standing::Interrupted };
        assert_eq!(end.parts[&1].standing, expected, "{log}");
        assert!(place.path("saved").exists() && log.contains("cancelled; what was saved stays"), "{log}");
        assert!(is_gone(&place.job()));
    }
}

#[test]
fn a_sweep_that_is_cancelled_goes_on_when_it_is_retried() {
    if skipped() {
        return;
    }
    let place = on_grid_engine("");
    std::fs::write(place.path("adder.toml"), SWEEP).unwrap();
    place.submit(&["--ranks", "2", "--parts", "1"]);
    place.wait("to run", |standing| standing.parts[&1].standing == Standing::Running);
    std::thread::sleep(Duration::from_secs(4));
    place.rhoshard(&["cancel", "adder.toml"]).expect_success("cancel");
    let end = place.wait_for_end();
    let log = place.read("adder.submit/1-1.log");
    assert_eq!(end.parts[&1].standing, Standing::Cancelled, "{log}");
    assert!(log.contains("the sweep was interrupted"), "{log}");
    place.rhoshard(&["retry", "adder.toml"]).expect_success("retry");
    let end = place.wait_for_end();
    assert_eq!((end.parts[&1].standing.clone(), end.parts[&1].number), (Standing::Done, 2));
    assert_eq!(table(&place.path("adder.h5"))[0], squares(12));
}

#[test]
fn what_failed_is_retried() {
    if skipped() {
        return;
    }
    queue::what_failed_is_retried(&on_grid_engine_with(queue::BROKEN, ""));
}

#[test]
fn a_job_that_is_killed_is_lost_and_can_be_retried() {
    if skipped() {
        return;
    }
    queue::what_is_killed_is_lost_and_can_be_retried(&on_grid_engine_with(queue::SLEEPS, ""));
}

#[test]
fn arrays_are_split_chained_and_retried_in_part() {
    if skipped() {
        return;
    }
    let place = on_grid_engine_with(queue::TWELVE_PARTS, "[array]\nat_once = 3");
    queue::arrays_are_split_chained_and_retried_in_part(&place, "qconf -sconf", |jobs| {
        assert_eq!(field(&jobs[2], "jid_predecessor_list (req)"), jobs[1]);
        assert_eq!(field(&jobs[1], "maximum concurrency"), "3");
        let held = Standing::Waiting("held, or after another job".into());
        assert_eq!(place.standing().where_standing(|standing| *standing == held).to_string(), "6-12");
    });
}

#[test]
fn what_grid_engine_refuses_is_said_in_its_words() {
    if skipped() {
        return;
    }
    let place = on_grid_engine("");
    let profile =
        place.read("slurm/test.toml").replace("parallel_environment = \"mpi\"", "parallel_environment = \"absent\"");
    std::fs::write(place.path("slurm/test.toml"), profile).unwrap();
    let refused = place.rhoshard(&["submit", "adder.toml", "--cluster", "test"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("parallel environment \"absent\" does not exist"), "{}", refused.stderr);
}

#[test]
fn a_job_that_cannot_start_waits_with_the_reason_and_can_be_cancelled() {
    if skipped() {
        return;
    }
    let place = on_grid_engine("");
    let profile = format!("directives = [\"-o /no/such/folder\"]\n{}", place.read("slurm/test.toml"));
    std::fs::write(place.path("slurm/test.toml"), profile).unwrap();
    place.submit(&[]);
    let reason = Standing::Waiting("it could not start: `qstat -explain E`".into());
    place.wait("the error", |standing| standing.parts[&1].standing == reason);
    place.rhoshard(&["cancel", "adder.toml"]).expect_success("cancel");
    assert_eq!(place.wait_for_end().parts[&1].standing, Standing::Cancelled);
}
