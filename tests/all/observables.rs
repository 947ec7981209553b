//! What is asked of the final state beside expectation values, by the whole program: every engine against the numbers of a public
//! program (`scripts/reference_observables.py`), intervals of coarse runs around them, and closed forms.

mod data;
mod jobs;

use crate::support::{JobFolder, Outcome, finish, rhoshard};
use data::{Exact, exact};
use jobs::{VALUES, comparing, complex, fidelities, job, run};

/// Rounding of the recorded numbers and of ours.
const TOLERANCE: f64 = 1e-10;
fn distance_of(outcome: &Outcome, group: &str) -> f64 {
    outcome.file.group(group).unwrap().attr("distance").unwrap().read_scalar().unwrap()
}

/// Values and bounds of all tables against the exact ones; `tolerance` is what values may be off by.
fn check_tables(outcome: &Outcome, exact: &Exact, tolerance: f64, what: &str) {
    for ((group, [value, lower, upper]), expected) in VALUES.iter().zip(exact.tables()) {
        let [value, lower, upper] = [value, lower, upper].map(|name| outcome.numbers(&format!("{group}/{name}")));
        assert_eq!(value.len(), expected.len(), "{what}: {group}");
        for (row, number) in expected.iter().enumerate() {
            let (found, low, high) = (value[row], lower[row], upper[row]);
            let shown = format!("{what}: {group}[{row}] is {found} in [{low}, {high}], exactly {number}");
            assert!((found - number).abs() <= tolerance, "{shown}");
            assert!(low - TOLERANCE <= *number && *number <= high + TOLERANCE, "{shown}");
            assert!(low <= found && found <= high, "{shown}");
        }
    }
}

/// Half the trace norm is at most half the root of the dimension times the Frobenius norm, and at least half the latter.
fn check_matrices(outcome: &Outcome, exact: &Exact, tolerance: f64, what: &str) {
    for (name, expected) in exact.matrices() {
        let group = format!("results/reduced/{name}");
        let found = complex(outcome, &format!("{group}/value"));
        let distance = (&found - &expected).iter().map(|entry| entry.norm_sqr()).sum::<f64>().sqrt();
        let stated = distance_of(outcome, &group);
        assert!(distance / 2.0 <= stated + TOLERANCE, "{what}: {name} is {distance} away, at most {stated} stated");
        assert!(distance <= tolerance, "{what}: {name} is {distance} away");
        assert!((found.diag().sum().re - 1.0).abs() < 1e-12, "{what}: the trace of {name}");
    }
}

fn check_spectrum(outcome: &Outcome, exact: &Exact, tolerance: f64, what: &str) {
    let mut found = outcome.numbers("results/spectrum/eigenvalue");
    assert!(found.is_sorted_by(|one, other| one >= other), "{what}: {found:?}");
    found.resize(exact.eigenvalues.len(), 0.0);
    let distance: f64 = found.iter().zip(&exact.eigenvalues).map(|(a, b)| (a - b).abs()).sum();
    assert!(distance <= distance_of(outcome, "results/spectrum") + TOLERANCE, "{what}: {distance}");
    assert!(distance <= tolerance, "{what}: {distance}");
}

#[test]
fn engines_agree_with_a_public_program() {
    let exact = exact();
    for engine in ["kind = \"low-rank\"\ncut = 0.0", "kind = \"density\"", "kind = \"auto\"\nbudget = 1e-9"] {
        let outcome = run(&job(&exact, engine));
        check_tables(&outcome, &exact, 1e-9, engine);
        check_matrices(&outcome, &exact, TOLERANCE, engine);
        check_spectrum(&outcome, &exact, 1e-9, engine);
    }
}

#[test]
fn intervals_of_coarse_runs_hold_the_exact_numbers() {
    let exact = exact();
    for budget in ["1e-3", "1e-2", "5e-2", "0.2", "0.5"] {
        let outcome = run(&job(&exact, &format!("budget = {budget}")));
        let tolerance = 20.0 * budget.parse::<f64>().unwrap();
        check_tables(&outcome, &exact, tolerance, budget);
        check_matrices(&outcome, &exact, tolerance, budget);
        check_spectrum(&outcome, &exact, tolerance, budget);
    }
    let single = run(&job(&exact, "cut = 0.0\nprecision = \"single\""));
    check_tables(&single, &exact, 1e-4, "single precision");
}

#[test]
fn pure_states_have_no_entropy_but_entanglement() {
    let ghz = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[4] q;\nh q[0];\ncx q[0], q[1];\ncx q[1], q[2];\ncx q[2], q[3];\n";
    let observe = "[observe]\nexpectations = [\"Z0 + Z1 + Z2 + Z3\", \"XXXX\"]\nvariance = true\nentropy = true\nspectrum = true\n\
                   reduced = [[0], [0, 3]]\nnegativity = [{ a = [0], b = [1, 2, 3] }, { a = [0], b = [1] }]\n";
    for engine in ["kind = \"statevector\"", "kind = \"low-rank\"", "kind = \"density\""] {
        let outcome = run(&JobFolder::new(ghz, &format!("[engine]\n{engine}\n{observe}")));
        let close = |name: &str, expected: &[f64]| {
            let found = outcome.numbers(name);
            let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9);
            assert!(found.len() == expected.len() && near, "{engine}: {name} is {found:?}, not {expected:?}");
        };
        let half = std::f64::consts::LN_2;
        close("results/variances/value", &[16.0, 0.0]);
        close("results/entropies/von_neumann", &[half, half, 0.0]);
        close("results/entropies/renyi_2", &[half, half, 0.0]);
        close("results/negativities/value", &[0.5, 0.0]);
        close("results/negativities/upper", &[0.5, 0.0]);
        let name = |place: usize| outcome.texts("results/entropies/name")[place].clone();
        assert_eq!([name(0), name(1), name(2)], ["0", "0_3", "all"]);
        assert_eq!(outcome.texts("results/negativities/name"), ["0|1_2_3", "0|1"]);
        assert!((outcome.numbers("results/spectrum/eigenvalue")[0] - 1.0).abs() < 1e-12);
    }
}

#[test]
fn matrices_are_sampled_and_what_is_not_linear_is_the_cores() {
    let exact = exact();
    let sampled =
        format!("[engine]\nkind = \"trajectories\"\ntrajectories = 8000\n[observe]\nreduced = {:?}\n", exact.groups());
    let with_tail = format!("[engine]\nbudget = 0.2\ntail = {{}}\n{}", exact.observe());
    for rest in [sampled, with_tail] {
        let outcome = run(&JobFolder::new(&exact.circuit, &rest));
        for (name, expected) in exact.matrices() {
            let [value, stderr] =
                ["value", "stderr"].map(|part| complex(&outcome, &format!("results/reduced/{name}/{part}")));
            let off = |found: f64, exact: f64, error: f64| (found - exact).abs() / (5.0 * error + 1e-12);
            let entries = value.iter().zip(&expected).zip(&stderr);
            let worst = entries.map(|((v, e), s)| off(v.re, e.re, s.re).max(off(v.im, e.im, s.im))).fold(0.0, f64::max);
            assert!(worst < 1.0, "{name} is {worst} times five standard errors off");
            assert!((value.diag().sum().re - 1.0).abs() < 1e-12);
        }
        if outcome.numbers("results/entropies/von_neumann").is_empty() {
            assert!(distance_of(&outcome, "results/reduced/0").is_nan());
        } else {
            check_tables(&outcome, &exact, 5.0, "with a tail");
        }
    }
}

#[test]
fn trajectories_do_not_compete_for_what_they_do_not_give() {
    let job = "[engine]\nkind = \"auto\"\nstandard_error = 0.3\n[observe]\nentropy = true\n";
    let outcome = run(&JobFolder::new(&exact().circuit, job));
    let text = |name: &str| outcome.file.dataset(name).unwrap().read_scalar::<hdf5::types::VarLenUnicode>().unwrap();
    assert_ne!(text("provenance/engine").as_str(), "trajectories");
    assert!(text("provenance/choice").as_str().contains("only expectation values can be sampled"));
}

#[test]
fn a_large_density_matrix_has_bounds_only() {
    let circuit = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[12] q;\nh q[0];\ncx q[0], q[1];\n";
    let job = "[engine]\nkind = \"density\"\n[observe]\nentropy = true\nspectrum = true\n";
    let outcome = run(&JobFolder::new(circuit, job));
    assert!(outcome.numbers("results/entropies/von_neumann")[0].is_nan());
    assert!(outcome.numbers("results/entropies/von_neumann_lower")[0] < 1e-9);
    assert!(outcome.numbers("results/entropies/renyi_2")[0].abs() < 1e-9);
    assert!(outcome.file.group("results/spectrum").is_err());
}

#[test]
fn the_terminal_shows_what_was_found() {
    let outcome = {
        let job = job(&exact(), "budget = 1e-2");
        let mut command = std::process::Command::new(rhoshard());
        command.arg("run").arg(job.path("job.toml"));
        finish(command).expect_success("a right job")
    };
    for expected in [
        "variance of ",
        "entropy in nats",
        "von Neumann, qubits 2 0",
        "Renyi-2, all qubits",
        "negativity of qubits",
        "1_0|3_2",
        "eigenvalue of ",
        "density matrix, qubits 0 ",
    ] {
        assert!(outcome.stdout.contains(expected), "`{expected}` is missing in\n{}", outcome.stdout);
    }
    assert!(outcome.stdout.lines().filter(|line| !line.starts_with("result")).all(|line| line.chars().count() <= 80));
}

fn check_closeness(outcome: &Outcome, exact: &Exact, tolerance: f64, what: &str) {
    for (kind, [value, lower, upper]) in fidelities(outcome).iter().enumerate() {
        for (row, expected) in exact.closeness().iter().map(|both| both[kind]).enumerate() {
            let shown =
                format!("{what}: row {row} is {} in [{}, {}], exactly {expected}", value[row], lower[row], upper[row]);
            assert!((value[row] - expected).abs() <= tolerance, "{shown}");
            assert!(lower[row] - TOLERANCE <= expected && expected <= upper[row] + TOLERANCE, "{shown}");
        }
    }
}

#[test]
fn states_are_compared_as_a_public_program_does() {
    let exact = exact();
    for engine in ["cut = 0.0", "kind = \"density\""] {
        let outcome = run(&comparing(&exact, engine, "cut = 0.0"));
        check_closeness(&outcome, &exact, 1e-7, engine);
        assert_eq!(outcome.texts("results/fidelities/name"), ["0110", "pure.qasm", "other.h5"]);
    }
    for (one, other) in [("1e-2", "1e-2"), ("0.1", "1e-3"), ("1e-3", "0.1"), ("0.3", "0.3")] {
        let outcome = run(&comparing(&exact, &format!("budget = {one}"), &format!("budget = {other}")));
        check_closeness(&outcome, &exact, 0.5, &format!("{one} and {other}"));
        let [[_, lower, upper], _] = fidelities(&outcome);
        assert!(upper[1] - lower[1] <= one.parse::<f64>().unwrap(), "the interval is as wide as what is missing");
    }
}

#[test]
fn a_state_is_as_near_to_itself_as_can_be() {
    let ghz = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[12] q;\nh q[0];\ncx q[0], q[1];\ncx q[1], q[11];\n";
    for (engine, difference) in
        [("kind = \"statevector\"", true), ("kind = \"low-rank\"", true), ("kind = \"density\"", false)]
    {
        let observe = "[observe]\nfidelity = [{ circuit = \"circuit.qasm\" }, { state = \"100000000011\" }]\n";
        let outcome = run(&JobFolder::new(ghz, &format!("[engine]\n{engine}\n{observe}")));
        let [[fidelity, _, _], [distance, lower, upper]] = fidelities(&outcome);
        assert!((fidelity[0] - 1.0).abs() < 1e-12 && (fidelity[1] - 0.5).abs() < 1e-12, "{engine}: {fidelity:?}");
        // sqrt(1 - F), for both are pure.
        let apart = 0.5f64.sqrt();
        assert!(upper[0] < 1e-5 && lower[1] - 1e-9 <= apart && apart <= upper[1] + 1e-9, "{engine}: {upper:?}");
        assert_eq!(distance[0].is_nan(), !difference, "{engine}");
    }
}
