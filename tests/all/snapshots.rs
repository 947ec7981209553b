//! Snapshots at named barriers: what they say is what the circuit that ends there says.

mod circuit;

use crate::support::{JobFolder, Outcome, finish, rhoshard};
use circuit::{PARTS, job, rows};
use std::process::Command;

fn run(job: &JobFolder) -> Outcome {
    let mut command = Command::new(rhoshard());
    command.args(["run", "--quiet"]).arg(job.path("job.toml"));
    let finished = finish(command).expect_success("a right job");
    Outcome { file: hdf5::File::open(job.path("job.h5")).unwrap(), finished }
}

/// For each part of the circuit all values at its end, by a density matrix.
fn exact() -> Vec<[Vec<f64>; 3]> {
    let values = |parts: usize| {
        let found = run(&job(parts, false, "kind = \"density\""));
        ["expectations", "probabilities/4_0", "probabilities/2"]
            .map(|name| found.numbers(&format!("results/{name}/value")))
    };
    (1..=PARTS.len()).map(values).collect()
}

fn of_snapshots(found: &Outcome, part: &str) -> Vec<[Vec<f64>; 3]> {
    let [a, b, c] =
        ["expectations", "probabilities/4_0", "probabilities/2"].map(|name| rows(found, &format!("{name}/{part}")));
    a.into_iter().zip(b).zip(c).map(|((a, b), c)| [a, b, c]).collect()
}

/// Calls `check` with every exact value and its counterparts.
fn compare(exact: &[[Vec<f64>; 3]], parts: [Vec<[Vec<f64>; 3]>; 2], check: impl Fn(f64, [f64; 2])) {
    assert!(parts.iter().all(|part| part.len() == exact.len()), "one row a snapshot");
    for (index, exact) in exact.iter().enumerate() {
        for (kind, exact) in exact.iter().enumerate() {
            for (place, exact) in exact.iter().enumerate() {
                check(*exact, [0, 1].map(|part: usize| parts[part][index][kind][place]));
            }
        }
    }
}

#[test]
fn a_density_matrix_says_what_the_circuit_that_ends_there_says() {
    let (found, exact) = (run(&job(3, true, "kind = \"density\"")), exact());
    let value = of_snapshots(&found, "value");
    compare(&exact, [value.clone(), value], |exact, [value, _]| assert!((exact - value).abs() < 1e-12));
    assert_eq!(found.texts("results/snapshots/name"), ["part 0", "part 1", "part 2"]);
    assert_eq!(found.integers("results/snapshots/line"), [12, 19, 27]);
    // The last snapshot is the end.
    assert_eq!(rows(&found, "expectations/value")[2], found.numbers("results/expectations/value"));
    let purity = found.numbers("results/snapshots/purity");
    assert!((purity[2] - found.attribute("purity")).abs() < 1e-12 && purity[0] > purity[1]);
}

#[test]
fn certified_intervals_hold_on_the_way() {
    let exact = exact();
    for engine in ["budget = 5e-2", "budget = 1e-3", "cut = 1e-3", "kind = \"low-rank\"\nbudget = 2e-2\ntail = {}"] {
        let found = run(&job(3, true, engine));
        compare(&exact, ["lower", "upper"].map(|part| of_snapshots(&found, part)), |exact, [lower, upper]| {
            assert!(lower <= exact && exact <= upper, "{engine}: {exact} is not in [{lower}, {upper}]");
        });
        let error = found.numbers("results/snapshots/error");
        assert!(error.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12), "{engine}: errors only grow: {error:?}");
    }
}

#[test]
fn sampled_values_are_estimates_on_the_way() {
    let exact = exact();
    for engine in [
        "kind = \"trajectories\"\ntrajectories = 20000",
        "kind = \"low-rank\"\nbudget = 2e-1\ncut = 3e-3\ntail = { blocks = 32, columns = 8 }",
    ] {
        let found = run(&job(3, true, engine));
        compare(&exact, ["value", "stderr"].map(|part| of_snapshots(&found, part)), |exact, [value, stderr]| {
            assert!(stderr.is_finite(), "{engine}");
            assert!((exact - value).abs() <= 6.0 * stderr + 1e-9, "{engine}: {exact}, {value} +- {stderr}");
        });
    }
}

#[test]
fn a_pure_state_passes_a_snapshot_in_every_turn_of_a_loop() {
    let circuit = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[2] q;\nfor int i in [1:4] {\n  ry(pi / 8) q[0];\n  \
                   @rhoshard.snapshot step\n  barrier q;\n}\nswap q[0], q[1];\n";
    let job = JobFolder::new(circuit, "[engine]\nkind = \"statevector\"\n[observe]\nexpectations = [\"Z0\"]\n");
    let found = run(&job);
    assert_eq!(found.texts("results/snapshots/name"), ["step"; 4]);
    for (turn, row) in rows(&found, "expectations/value").iter().enumerate() {
        let expected = ((turn + 1) as f64 * std::f64::consts::PI / 8.0).cos();
        assert!((row[0] - expected).abs() < 1e-14, "{row:?}");
    }
    assert!(found.finished.stdout.is_empty(), "--quiet");
    let shown = finish({
        let mut command = Command::new(rhoshard());
        command.arg("run").arg(job.path("job.toml"));
        command
    });
    assert!(shown.stdout.contains("Z0 at") && shown.stdout.contains("0.92387953"), "{}", shown.stdout);
}
