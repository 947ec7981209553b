//! The whole program on real circuits: its intervals hold the exact numbers of a public simulator, its certified error
//! holds the exact trace distance, and its ranks are those of the method it improves on.

use crate::reference::DensityMatrix;
use crate::reference::recorded::{Recorded, data, recorded};
use crate::support::{JobFolder, Outcome, finish, rhoshard};
use ndarray::Array2;
use num_complex::Complex64;
use rhoshard::formats::qasm;
use std::process::Command;

/// Rounding of the recorded numbers.
const RECORDED: f64 = 1e-10;

fn run(job: &JobFolder) -> Outcome {
    let mut command = Command::new(rhoshard());
    command.args(["run", "--quiet"]).arg(job.path("job.toml"));
    let finished = finish(command).expect_success("a right job");
    Outcome { file: hdf5::File::open(job.path("job.h5")).unwrap(), finished }
}

/// The job that asks for every recorded number.
fn job_of(entry: &Recorded, engine: &str) -> JobFolder {
    let noise = entry.noise_rule();
    let observables: Vec<String> = entry.expectations.keys().map(|text| format!("{text:?}")).collect();
    let circuit = std::fs::read_to_string(data().join(&entry.file)).unwrap();
    let rest = format!(
        "[noise]\ndepolarizing = {{ one_qubit = {}, two_qubit = {} }}\n[engine]\n{engine}\n\
         [observe]\nexpectations = [{}]\nprobabilities = [{:?}]\n",
        noise.one_qubit,
        noise.two_qubit,
        observables.join(", "),
        entry.probability_qubits
    );
    JobFolder::new(&circuit, &rest)
}

/// The group of the recorded probabilities in the result file.
fn group_of(entry: &Recorded) -> String {
    let names: Vec<String> = entry.probability_qubits.iter().map(usize::to_string).collect();
    format!("results/probabilities/{}", names.join("_"))
}

fn assert_holds(outcome: &Outcome, group: &str, exact: &[f64], what: &str) {
    let [lower, upper] = ["lower", "upper"].map(|bound| outcome.numbers(&format!("{group}/{bound}")));
    assert_eq!(lower.len(), exact.len());
    for (index, value) in exact.iter().enumerate() {
        assert!(
            lower[index] - RECORDED <= *value && *value <= upper[index] + RECORDED,
            "{what}: {group}[{index}] = {value} is outside [{}, {}]",
            lower[index],
            upper[index]
        );
    }
}

#[test]
fn intervals_hold_the_numbers_of_a_public_simulator() {
    for entry in [recorded("qasmbench_exact.json"), recorded("lret_exact.json")].concat() {
        let exact: Vec<f64> = entry.expectations.values().copied().collect();
        // Hundreds of gates at one error in a hundred leave a state of full rank: no small budget is asked for there.
        let mixed = entry.noise.is_some() && entry.gates > 300;
        let budgets: &[&str] = if mixed { &["cut = 1e-4"] } else { &["budget = 2e-1", "budget = 1e-2"] };
        for engine in budgets.iter().copied().chain(["cut = 1e-3\nmax_rank = 7"]) {
            let outcome = run(&job_of(&entry, engine));
            let what = format!("{} with {engine}", entry.file);
            assert_holds(&outcome, "results/expectations", &exact, &what);
            assert_holds(&outcome, &group_of(&entry), &entry.probabilities, &what);
            let [low, high] = ["purity_lower", "purity_upper"].map(|name| outcome.attribute(name));
            assert!(low - RECORDED <= entry.purity && entry.purity <= high + RECORDED, "{what}: purity");
        }
    }
}

#[test]
fn without_a_cut_the_values_are_exact() {
    for entry in recorded("qasmbench_exact.json").into_iter().filter(|entry| entry.qubits <= 6) {
        let outcome = run(&job_of(&entry, "cut = 0.0"));
        for (found, exact) in outcome.numbers("results/expectations/value").iter().zip(entry.expectations.values()) {
            assert!((found - exact).abs() < 1e-10, "{}: {found}, exact {exact}", entry.file);
        }
        let probabilities = outcome.numbers(&format!("{}/value", group_of(&entry)));
        assert!(probabilities.iter().zip(&entry.probabilities).all(|(found, exact)| (found - exact).abs() < 1e-10));
    }
}

fn lret(qubits: usize, seed: u64) -> String {
    let path = data().join(format!("lret/random_n{qubits}_d13_s{seed}.qasm"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn factor(outcome: &Outcome) -> Array2<Complex64> {
    outcome.file.dataset("results/state/factor").unwrap().read().unwrap()
}

/// Trace distance of the program's state to the exact one, and its certified error.
fn distance_and_error(circuit: &str, engine: &str) -> (f64, f64) {
    let outcome = run(&JobFolder::new(circuit, &format!("[engine]\n{engine}\n[output]\nstate = true\n")));
    let mut no_includes = |_: &std::path::Path| unreachable!("the library is built in");
    let parsed = qasm::parse(circuit.as_bytes(), "lret".as_ref(), &qasm::Options::default(), &mut no_includes).unwrap();
    (DensityMatrix::run(&parsed).trace_distance(&factor(&outcome)), outcome.attribute("error"))
}

#[test]
fn the_certified_error_holds_the_exact_trace_distance() {
    for (qubits, budget) in [(6, "0.01"), (8, "0.005"), (10, "0.0073"), (12, "0.0114")] {
        for seed in 42..=44 {
            let (distance, error) = distance_and_error(&lret(qubits, seed), &format!("budget = {budget}"));
            let what = format!("{qubits} qubits, seed {seed}: distance {distance:e}, error {error:e}");
            assert!(distance <= error + 1e-10, "{what}");
            assert!(error - distance < 1e-8, "the meter is exact, not only a bound; {what}");
        }
    }
}

#[test]
fn compression_after_every_channel_reproduces_the_published_mean_ranks() {
    // Mean ranks over seeds 42, 43, 44 at eigenvalue cut 1e-4, from the table of the LRET method.
    for (qubits, published) in [(8, 52.67), (10, 71.0), (12, 98.67)] {
        let rank = |seed| {
            let engine = "[engine]\ncut = 1e-4\ncompression = \"every-channel\"\n";
            run(&JobFolder::new(&lret(qubits, seed), engine)).rank() as f64
        };
        let mean = (42..=44).map(rank).sum::<f64>() / 3.0;
        assert!((mean / published - 1.0).abs() < 0.1, "{qubits} qubits: mean rank {mean}, published {published}");
    }
}

#[test]
fn ranks_at_the_comparison_budgets() {
    // Ranks of the prototype at these budgets, seed 42.
    for (qubits, budget, prototype) in [(8, "0.005", 53.0), (10, "0.0073", 74.0), (12, "0.0114", 163.0)] {
        let outcome = run(&JobFolder::new(&lret(qubits, 42), &format!("[engine]\nbudget = {budget}\n")));
        let rank = outcome.rank() as f64;
        assert!(rank <= 1.3 * prototype, "{qubits} qubits: rank {rank}, the prototype's {prototype}");
    }
}
