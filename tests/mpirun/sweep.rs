//! Sweeps on several ranks: the same table on any number, killed at random, told to stop.

use super::support::sweep::{Sweep, Table, assert_same, numbers};
use super::support::{rank_counts, skipped};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const CIRCUIT: &str = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\ninput float theta;\nqubit[4] q;\nry(theta) q[0];\n\
                       cx q[0], q[1];\ncx q[1], q[2];\ncx q[2], q[3];\nh q[3];\n";

fn circuits(rest: &str) -> Sweep {
    let sweep = Sweep::new(&format!(
        "[sweep]\nbase = \"base.toml\"\n{rest}[axes]\n\"circuit.parameters.theta\" = {{ linear = [0, 3], points = 5 }}\n\
         \"engine.kind\" = [\"low-rank\", \"trajectories\", \"statevector\"]\n\
         \"noise.readout\" = [0.0, 0.02]\n"
    ));
    std::fs::write(sweep.path("circuit.qasm"), CIRCUIT).unwrap();
    std::fs::write(
        sweep.path("base.toml"),
        "job = \"circuit\"\n[circuit]\nfile = \"circuit.qasm\"\nparameters = { theta = 0.0 }\n\
         [noise]\ndepolarizing = { one_qubit = 1e-3 }\n[observe]\nexpectations = [\"Z0 Z2\", \"X3\"]\nshots = 100\n",
    )
    .unwrap();
    sweep
}

/// Runs a sweep some of whose points fail: the state-vector engine takes no noise.
fn with_failures(sweep: &Sweep, ranks: usize) -> Table {
    let finished = sweep.run(ranks, &[]);
    assert_eq!(finished.status.code(), Some(4), "{}", finished.stderr);
    assert!(finished.stderr.contains("10 of 30 points failed"), "{}", finished.stderr);
    sweep.table("results")
}

#[test]
fn the_table_is_the_same_on_any_number_of_ranks() {
    if skipped() {
        return;
    }
    let expected = with_failures(&circuits(""), 1);
    for ranks in rank_counts() {
        let sweep = circuits("");
        assert_same(&expected, &with_failures(&sweep, ranks), &format!("{ranks} ranks"));
        assert!(sweep.ended().values().all(|ended| ended.len() == 1));
    }
}

#[test]
fn ranks_that_share_a_point_give_the_same_table_too() {
    if skipped() {
        return;
    }
    let alone = with_failures(&circuits(""), 1);
    let mut first: Option<Table> = None;
    for ranks in rank_counts().into_iter().filter(|ranks| *ranks >= 2) {
        let shared = with_failures(&circuits("ranks_per_point = 2\n"), ranks);
        let value = "/values/expectations/X3/value";
        for (one, other) in numbers(&alone, value).iter().zip(numbers(&shared, value)) {
            assert!((one - other).abs() < 1e-10 || one.is_nan() && other.is_nan(), "{one} {other}");
        }
        match &first {
            Some(first) => assert_same(first, &shared, &format!("{ranks} ranks, two a point")),
            None => first = Some(shared),
        }
    }
}

fn functions(points: usize, seconds: f64) -> String {
    format!(
        "[axes]\n\"function.arguments.x\" = {{ whole = [1, {points}] }}\n[base]\njob = \"function\"\n[base.function]\n\
         name = \"sphere\"\nseconds = {seconds}\n"
    )
}

const BAYESIAN: &str = "[sweep]\nsampler = \"bayesian\"\npoints = 24\nbatch = 4\nminimise = \"value\"\n[axes]\n\
                        \"function.arguments.x\" = { linear = [-5, 10] }\n\"function.arguments.y\" = { linear = [0, 15] }\n\
                        [base]\njob = \"function\"\n[base.function]\nname = \"branin\"\nseconds = 0.02\n";

#[test]
fn bayesian_optimisation_is_the_same_on_any_number_of_ranks() {
    if skipped() {
        return;
    }
    let expected = Sweep::new(BAYESIAN).results(1);
    for ranks in rank_counts() {
        assert_same(&expected, &Sweep::new(BAYESIAN).results(ranks), &format!("{ranks} ranks"));
    }
}

/// Kills every process that has this in its environment, and the launcher.
fn kill_all(mark: &str) {
    loop {
        let mut killed = 0;
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(process) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            if environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
                // SAFETY: kill takes any number; the process is one of this test's, by its mark.
                unsafe { libc::kill(process, libc::SIGKILL) };
                killed += 1;
            }
        }
        if killed == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn spawn_marked(mut command: Command, mark: &str) -> std::process::Child {
    let (name, value) = mark.split_once('=').unwrap();
    command.env(name, value).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Runs the sweep 20 times, each killed at a random moment, and once more to its end.
fn killed_at_random(text: &str, expected: &Table, what: &str) {
    let sweep = Sweep::new(text);
    let (mut kills, mut progress) = (0, Vec::new());
    let mut durable: BTreeMap<_, usize> = BTreeMap::new();
    for round in 0..20u64 {
        let mark = format!("RHOSHARD_TEST_MARK={}-{what}-{round}", std::process::id());
        let mut child = spawn_marked(sweep.command(2, &[]), &mark);
        // 0.3 to 1.8 seconds, spread by the golden ratio: the start, points, and table of a run are all hit.
        let moment = Duration::from_secs_f64(0.3 + 1.5 * (round as f64 * 0.618_034).fract());
        let begun = Instant::now();
        while begun.elapsed() < moment && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        kills += usize::from(child.try_wait().unwrap().is_none());
        kill_all(&mark);
        let _ = child.kill();
        child.wait().unwrap();
        let ended = sweep.ended();
        for (key, count) in &durable {
            assert_eq!(ended.get(key).map(Vec::len), Some(*count), "{what}: a durable point was run again, or is lost");
        }
        progress.push(ended.len());
        durable = ended.into_iter().map(|(key, results)| (key, results.len())).collect();
    }
    assert_same(expected, &sweep.results(2), what);
    assert!(sweep.ended().values().all(|ended| ended.len() == 1), "{what}: a point was run twice");
    eprintln!("{what}: {kills} kills; points done after each: {progress:?}");
    assert!(progress.iter().any(|done| *done > 0), "{what}: nothing was durable before the last run");
    assert!(kills >= 10, "{what}: only {kills} runs were still going on when they were killed");
}

#[test]
fn killed_at_random_moments_a_sweep_ends_as_if_nothing_had_happened() {
    if skipped() || !rank_counts().contains(&2) {
        return;
    }
    let text = functions(400, 0.04);
    killed_at_random(&text, &Sweep::new(&text).results(4.min(*rank_counts().last().unwrap())), "grid");
}

#[test]
fn killed_at_random_moments_an_optimisation_goes_the_same_way() {
    if skipped() || !rank_counts().contains(&2) {
        return;
    }
    let text = BAYESIAN.replace("seconds = 0.02", "seconds = 0.4").replace("points = 24", "points = 60");
    killed_at_random(&text, &Sweep::new(&text).results(2), "optimisation");
}

#[test]
fn a_signal_ends_a_sweep_with_everything_saved() {
    if skipped() {
        return;
    }
    for ranks in rank_counts().into_iter().filter(|ranks| *ranks > 1) {
        let sweep = Sweep::new(&functions(200, 0.05));
        let mark = sweep.path("interrupted");
        let mut command = sweep.command(ranks, &[]);
        command.env("RHOSHARD_INTERRUPTED", &mark).stdin(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        while sweep.ended().len() < 10 {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it was told to");
            std::thread::sleep(Duration::from_millis(20));
        }
        // SAFETY: the launcher is a child that has not been waited for.
        unsafe { libc::kill(child.id() as i32, libc::SIGUSR1) };
        let begun = Instant::now();
        let code = child.wait().unwrap().code();
        // MPICH's mpirun, when it has passed on a signal, ends with 0 in some runs; the file tells for certain.
        let own = code == Some(0) && super::support::is_mpich();
        assert!(code == Some(99) || own, "{ranks} ranks: {code:?}");
        assert!(mark.exists(), "{ranks} ranks");
        assert!(begun.elapsed() < Duration::from_secs(20));
        let done = sweep.ended().len();
        assert!((10..200).contains(&done), "{done}");
        assert!(sweep.path("job.h5").exists(), "the table of what was done");
        let again = sweep.run(ranks, &[]).expect_success("again");
        assert!(again.stdout.contains("200 done"), "{}", again.stdout);
        assert!(sweep.ended().values().all(|ended| ended.len() == 1));
    }
}

#[test]
fn a_limit_of_time_ends_a_sweep_early_enough() {
    if skipped() {
        return;
    }
    let sweep = Sweep::new(&functions(2000, 0.05));
    let mut command = sweep.command(*rank_counts().last().unwrap(), &[]);
    command.env("RHOSHARD_WALL_TIME", "3");
    let finished = super::finish(command);
    assert_eq!(finished.status.code(), Some(99), "{}", finished.stderr);
    assert!(finished.seconds < 20.0 && finished.stderr.contains("the wall-time limit is near"), "{}", finished.stderr);
    assert!(!sweep.ended().is_empty());
}

#[test]
fn a_point_that_takes_more_ranks_than_there_are_is_refused_on_all() {
    if skipped() {
        return;
    }
    let sweep = Sweep::new(&format!("[sweep]\nranks_per_point = 8\n{}", functions(3, 0.0)));
    let finished = sweep.run(2, &[]);
    assert_eq!(finished.status.code(), Some(2));
    assert_eq!(finished.stderr.matches("a point takes 8 ranks, and 2 were started").count(), 1, "{}", finished.stderr);
}
