//! Sweeps on one rank: points, seeds, what is kept from run to run, and what happens when the machine fails.

use super::support::sweep::{Sweep, assert_same, journals, numbers, texts};
use super::support::{Finished, finish};
use std::process::Command;
use std::sync::OnceLock;

/// A function of the axis `function.arguments.x`.
fn function(name: &str) -> String {
    format!("[base]\njob = \"function\"\n[base.function]\nname = \"{name}\"\n")
}

const CIRCUIT: &str = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\ninput float theta;\nqubit[3] q;\nry(theta) q[0];\n\
                       cx q[0], q[1];\ncx q[1], q[2];\n";

fn circuit_sweep(rest: &str) -> Sweep {
    let sweep = Sweep::new(rest);
    std::fs::write(sweep.path("circuit.qasm"), CIRCUIT).unwrap();
    std::fs::write(
        sweep.path("base.toml"),
        "job = \"circuit\"\n[circuit]\nfile = \"circuit.qasm\"\nparameters = { theta = 0.0 }\n\
         [observe]\nexpectations = [\"Z0 Z2\", \"Z0\"]\nshots = 200\nprobabilities = [[0, 1, 2]]\n",
    )
    .unwrap();
    sweep
}

#[test]
fn a_circuit_is_run_at_every_point_of_a_grid() {
    let sweep = circuit_sweep(
        "[sweep]\nbase = \"base.toml\"\nmaximise = \"expectations/Z0\"\n[axes]\n\
         \"circuit.parameters.theta\" = { linear = [0, 3], points = 4 }\n\"engine.kind\" = [\"low-rank\", \"density\"]\n",
    );
    let finished = sweep.run(1, &[]).expect_success("a grid");
    assert!(finished.stdout.contains("points  8 done") && finished.stdout.contains("best    expectations/Z0 = "));
    let table = sweep.table("results");
    let theta = numbers(&table, "/parameters/circuit.parameters.theta");
    assert_eq!(theta, [0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
    assert_eq!(texts(&table, "/parameters/engine.kind")[..2], ["low-rank", "density"]);
    let [value, lower, upper] =
        ["value", "lower", "upper"].map(|part| numbers(&table, &format!("/values/expectations/Z0/{part}")));
    for (index, theta) in theta.iter().enumerate() {
        let exact = theta.cos();
        assert!((value[index] - exact).abs() < 1e-12, "point {index}");
        assert!(lower[index] <= exact && exact <= upper[index], "point {index}");
    }
    assert!(texts(&table, "/status").iter().all(|status| status == "done"));
    assert!(
        table.contains_key("/values/state/error/value") && table.contains_key("/values/probabilities/0_1_2/5/value")
    );
    assert!(!sweep.path("base.h5").exists(), "points write no files of their own");
}

#[test]
fn seeds_come_from_the_content_of_a_point() {
    let axes = |values: &str| {
        format!("[axes]\n\"function.arguments.x\" = {values}\n\"function.arguments.y\" = [5]\n{}", function("sum"))
    };
    let sweep = Sweep::new(&axes("[1, 2, 3]"));
    let draws = |sweep: &Sweep| numbers(&sweep.results(1), "/values/draw/value");
    let first = draws(&sweep);
    assert!(first[0] != first[1] && first[1] != first[2]);
    // Grown and turned round: the points that were there keep their numbers, and are not run again.
    sweep.rewrite(&axes("[4, 3, 2, 1]"));
    let grown = draws(&sweep);
    assert_eq!(grown[1..], [first[2], first[1], first[0]]);
    assert!(sweep.ended().values().all(|ended| ended.len() == 1) && sweep.ended().len() == 4);
    let other = Sweep::new(&format!("seed = 2\n{}", axes("[1, 2, 3]")));
    assert_ne!(draws(&other), first, "another seed of the sweep");
    let given = Sweep::new(&format!("[axes]\nseed = [7, 8]\n{}", function("sum")));
    assert_ne!(draws(&given)[0], draws(&given)[1]);
}

#[test]
fn a_finished_sweep_runs_nothing_again() {
    let sweep = Sweep::new(&format!("[axes]\n\"function.arguments.x\" = [1, 2]\n{}", function("sphere")));
    let first = sweep.results(1);
    let again = sweep.run(1, &[]).expect_success("again");
    assert!(again.stdout.contains("2 done, 0 run now"), "{}", again.stdout);
    assert_same(&first, &sweep.table("results"), "again");
    // The table can be made from the journals alone.
    std::fs::remove_file(sweep.path("job.h5")).unwrap();
    assert_same(&first, &sweep.results(1), "from the journals");
}

#[test]
fn points_that_are_the_same_are_run_once() {
    let sweep = Sweep::new(&format!("[axes]\n\"function.arguments.x\" = [1.0, 2.0, 1.0]\n{}", function("sphere")));
    let values = numbers(&sweep.results(1), "/values/value/value");
    assert_eq!((values, sweep.ended().len()), (vec![1.0, 4.0, 1.0], 2));
}

#[test]
fn failed_points_are_told_and_can_be_run_again_alone() {
    let sweep = Sweep::new(&format!("[axes]\n\"function.arguments.x\" = [2, 0, 4]\n{}", function("reciprocal")));
    let finished = sweep.run(1, &[]);
    assert_eq!(finished.status.code(), Some(4), "{}", finished.stderr);
    for expected in ["1 of 3 points failed", "point 1 (function.arguments.x = 0)", "has no value", "--only failed"] {
        assert!(finished.stderr.contains(expected), "{expected} in {}", finished.stderr);
    }
    let table = sweep.table("results");
    assert_eq!(texts(&table, "/status"), ["done", "failed", "done"]);
    assert!(texts(&table, "/error")[1].contains("has no value") && numbers(&table, "/values/value/value")[1].is_nan());
    assert!(sweep.run(1, &[]).stderr.contains("1 of 3 points failed"), "a plain run leaves it as it is");
    assert_eq!(sweep.ended().values().map(Vec::len).max(), Some(1));
    assert_eq!(sweep.run(1, &["--only", "failed"]).status.code(), Some(4));
    let mut counts: Vec<usize> = sweep.ended().values().map(Vec::len).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 1, 2], "only the failed point was run again");
    assert_same(&table, &sweep.table("results"), "the same error");
}

#[test]
fn too_many_failures_end_a_sweep_which_can_go_on_later() {
    let sweep = |limit: &str| {
        format!("[sweep]\n{limit}[axes]\n\"function.arguments.x\" = [0.0, -0.0, 1, 2, 3]\n{}", function("reciprocal"))
    };
    let job = Sweep::new(&sweep("max_failures = 2\n"));
    let finished = job.run(1, &[]);
    assert_eq!(finished.status.code(), Some(4), "{}", finished.stderr);
    assert!(finished.stderr.contains("2 points failed, as many as `max_failures` allows"), "{}", finished.stderr);
    assert_eq!(texts(&job.table("results"), "/status"), ["failed", "failed", "pending", "pending", "pending"]);
    job.rewrite(&sweep(""));
    job.run(1, &[]);
    assert_eq!(texts(&job.table("results"), "/status")[2..], ["done", "done", "done"]);
}

#[test]
fn a_target_leaves_out_the_points_after_the_first_that_reaches_it() {
    let sweep = Sweep::new(&format!(
        "[sweep]\nminimise = \"value\"\nstop_at = 4.0\n[axes]\n\"function.arguments.x\" = [5, 3, 2, 1, 0]\n{}",
        function("sphere")
    ));
    let table = sweep.results(1);
    assert_eq!(texts(&table, "/status"), ["done", "done", "done", "skipped", "skipped"]);
    assert!(numbers(&table, "/values/value/value")[3].is_nan());
}

#[test]
fn constraints_decide_what_is_the_best() {
    let sweep = Sweep::new(&format!(
        "[sweep]\nminimise = \"value\"\nconstraints = [\"value >= 3\"]\n[axes]\n\"function.arguments.x\" = [1, 2, 3]\n{}",
        function("sphere")
    ));
    let finished = sweep.run(1, &[]).expect_success("constraints");
    assert!(finished.stdout.contains("best    value = 4\n          function.arguments.x = 2\n"), "{}", finished.stdout);
    let missing = Sweep::new(&format!(
        "[sweep]\nminimise = \"valu\"\n[axes]\n\"function.arguments.x\" = [1]\n{}",
        function("sphere")
    ));
    let finished = missing.run(1, &[]);
    assert!(finished.stderr.contains("there is no result `valu`"), "{}", finished.stderr);
}

#[test]
fn points_come_from_a_table_or_a_sampler() {
    let sweep = Sweep::new(&format!("[sweep]\nfrom = \"points.csv\"\n{}", function("sum")));
    std::fs::write(sweep.path("points.csv"), "function.arguments.x, function.arguments.y\n1,2\n3,4.5\n").unwrap();
    assert_eq!(numbers(&sweep.results(1), "/values/value/value"), [3.0, 7.5]);
    for sampler in ["random", "latin-hypercube", "sobol"] {
        let sweep = Sweep::new(&format!(
            "[sweep]\nsampler = \"{sampler}\"\npoints = 16\n[axes]\n\"function.arguments.x\" = {{ log = [1e-3, 1] }}\n\
             \"function.arguments.y\" = {{ whole = [3, 5] }}\n{}",
            function("sum")
        ));
        let table = sweep.results(1);
        let x = numbers(&table, "/parameters/function.arguments.x");
        assert!(x.len() == 16 && x.iter().all(|x| (1e-3..=1.0).contains(x)), "{sampler}: {x:?}");
        let small = x.iter().filter(|x| **x < 10f64.powf(-1.5)).count();
        assert!(sampler == "random" || small == 8, "{sampler}: {small} of 16 in the lower half");
    }
}

#[test]
fn bayesian_optimisation_finds_the_smallest_value_and_goes_on_where_it_was() {
    let job = |points: usize| {
        format!(
            "[sweep]\nsampler = \"bayesian\"\npoints = {points}\nbatch = 2\nminimise = \"value\"\n[axes]\n\
             \"function.arguments.x\" = {{ linear = [-5, 10] }}\n\"function.arguments.y\" = {{ linear = [0, 15] }}\n{}",
            function("branin")
        )
    };
    let whole = Sweep::new(&job(40));
    let table = whole.results(1);
    let best = numbers(&table, "/values/value/value").into_iter().fold(f64::INFINITY, f64::min);
    assert!(best - 0.397887 < 1e-2, "{best}");
    let resumed = Sweep::new(&job(15));
    resumed.results(1);
    resumed.rewrite(&job(40));
    assert_same(&table, &resumed.results(1), "more points later");
    assert!(resumed.ended().values().all(|ended| ended.len() == 1));
}

#[test]
fn parts_make_the_whole_together() {
    let text = format!("[axes]\n\"function.arguments.x\" = {{ whole = [1, 20] }}\n{}", function("sphere"));
    let (whole, parts) = (Sweep::new(&text), Sweep::new(&text));
    for part in ["3/3", "1/3", "2/3"] {
        parts.run(1, &["--part", part]).expect_success(part);
    }
    assert_same(&whole.results(1), &parts.table("results"), "three parts");
    assert!(parts.ended().values().all(|ended| ended.len() == 1));
    let wrong = parts.run(1, &["--part", "4/3"]);
    assert!(wrong.status.code() == Some(2) && wrong.stderr.contains("K from 1 to N"), "{}", wrong.stderr);
}

#[test]
fn two_runs_of_one_sweep_do_not_meet() {
    let sweep = Sweep::new(&format!(
        "[axes]\n\"function.arguments.x\" = {{ whole = [1, 40] }}\n{}seconds = 0.05\n",
        function("sphere")
    ));
    let mut first = sweep.command(1, &["-q"]).spawn().unwrap();
    while journals(&sweep.path("job.sweep")).is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let second = sweep.run(1, &[]);
    assert_eq!(second.status.code(), Some(1), "{}", second.stderr);
    assert!(second.stderr.contains(&format!("is being run by process {}", first.id())), "{}", second.stderr);
    assert!(first.wait().unwrap().success());
}

#[test]
fn a_changed_input_is_noticed() {
    let sweep = circuit_sweep("[sweep]\nbase = \"base.toml\"\n[axes]\n\"circuit.parameters.theta\" = [0.5]\n");
    sweep.results(1);
    std::fs::write(sweep.path("circuit.qasm"), CIRCUIT.replace("cx q[1], q[2];", "cx q[1], q[2];\nx q[0];")).unwrap();
    let finished = sweep.run(1, &[]);
    assert_eq!(finished.status.code(), Some(2), "{}", finished.stderr);
    assert!(finished.stderr.contains("circuit.qasm: the file has changed since"), "{}", finished.stderr);
}

#[test]
fn what_a_sweep_is_can_be_checked_and_planned() {
    let sweep = circuit_sweep(
        "[sweep]\nbase = \"base.toml\"\n[axes]\n\"circuit.parameters.theta\" = [0.5, 1.0]\n\"engine.budget\" = [0.1, 7.0]\n",
    );
    let run = |verb: &str| {
        let mut command = Command::new(super::support::rhoshard());
        command.arg(verb).arg(sweep.path("job.toml"));
        finish(command).expect_success(verb).stdout
    };
    let check = run("check");
    assert!(
        check.contains("grid sweep of 4 points") && check.contains("point 1 will fail") && check.contains("is 7"),
        "{check}"
    );
    assert!(run("plan").contains("4 points on 1 rank(s) each"));
    assert!(!sweep.path("job.sweep").exists());
}

/// The library that makes calls fail, built once.
fn faults() -> &'static str {
    static LIBRARY: OnceLock<(tempfile::TempDir, String)> = OnceLock::new();
    let (_, library) = LIBRARY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("faults.so").display().to_string();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/faults.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o", &library, source, "-ldl"]);
        finish(compiler).expect_success("the C compiler");
        (folder, library)
    });
    library
}

fn with_fault(sweep: &Sweep, name: &str, value: &str) -> Finished {
    let mut command = sweep.command(1, &[]);
    command.env("LD_PRELOAD", faults()).env(name, value);
    finish(command)
}

const ENOSPC: i32 = 28;
const EIO: i32 = 5;
const EROFS: i32 = 30;

#[test]
fn a_failing_disk_gives_clear_errors_and_loses_nothing_durable() {
    let text =
        format!("[axes]\n\"function.arguments.x\" = {{ whole = [1, 60] }}\n{}seconds = 0.02\n", function("sphere"));
    let expected = Sweep::new(&text).results(1);
    for (fault, message) in [
        (format!("write:.journal:3:{ENOSPC}"), "the journal cannot be written: No space left"),
        (format!("fsync:.journal:3:{EIO}"), "the journal cannot be written: Input/output error"),
        (format!("open:.journal:1:{EROFS}"), "the journal cannot be written: Read-only file system"),
        (format!("open:job.sweep:1:{EROFS}"), "the folder of the sweep cannot be"),
        (format!("fsync:job.h5:1:{EIO}"), "the table cannot be written: Input/output error"),
        (format!("write:job.h5:1:{ENOSPC}"), "cannot write the table: No space left"),
        (format!("fsync:sweep.json:1:{EIO}"), "sweep.json: cannot be written: Input/output error"),
    ] {
        let sweep = Sweep::new(&text);
        let finished = with_fault(&sweep, "FAULT", &fault);
        let code = finished.status.code();
        assert!(code == Some(1) || code == Some(2), "{fault}: {code:?}\n{}", finished.stderr);
        assert!(finished.stderr.contains(message), "{fault}: {}", finished.stderr);
        assert!(
            finished.stderr.contains("next: ") && !finished.stderr.contains("panicked"),
            "{fault}: {}",
            finished.stderr
        );
        // Where the journal fails, what was durable before is in a whole table.
        assert!(!fault.contains("job.h5") || !sweep.path("job.h5").exists(), "{fault}: a half-written table");
        let before = sweep.ended();
        assert_same(&expected, &sweep.results(1), &fault);
        let after = sweep.ended();
        assert!(before.keys().all(|key| after[key].len() == 1), "{fault}: a durable point was run again");
    }
}

#[test]
fn a_table_that_cannot_take_its_name_is_made_by_the_next_run() {
    let text = format!("[axes]\n\"function.arguments.x\" = {{ whole = [1, 9] }}\n{}", function("sphere"));
    let expected = Sweep::new(&text).results(1);
    let sweep = Sweep::new(&text);
    // No file can be renamed to a folder.
    std::fs::create_dir(sweep.path("job.h5")).unwrap();
    let finished = sweep.run(1, &[]);
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("job.h5: the table cannot be written: ") && finished.stderr.contains("next: "),
        "{}",
        finished.stderr
    );
    assert_eq!(
        std::fs::read_dir(sweep.folder.path()).unwrap().count(),
        3,
        "the job, the folder of its journals, and job.h5"
    );
    std::fs::remove_dir(sweep.path("job.h5")).unwrap();
    assert_same(&expected, &sweep.results(1), "after the folder is gone");
    assert!(sweep.ended().values().all(|ended| ended.len() == 1));
}

#[test]
fn a_clock_that_jumps_back_changes_nothing() {
    let text =
        format!("[axes]\n\"function.arguments.x\" = {{ whole = [1, 20] }}\n{}seconds = 0.01\n", function("sphere"));
    let (plain, jumping) = (Sweep::new(&text), Sweep::new(&text));
    with_fault(&jumping, "FAULT_CLOCK", "86400").expect_success("a jumping clock");
    assert_same(&plain.results(1), &jumping.table("results"), "a jumping clock");
    let seconds = numbers(&jumping.table("timing"), "/seconds");
    assert!(seconds.iter().all(|seconds| (0.01..60.0).contains(seconds)), "{seconds:?}");
}
