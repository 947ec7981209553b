//! Jobs that ask for what is recorded, and what they found.

use super::data::Exact;
use crate::support::{JobFolder, Outcome, finish, rhoshard};
use ndarray::Array2;
use num_complex::Complex64;

/// Every dataset with a value, and its bounds.
pub const VALUES: [(&str, [&str; 3]); 4] = [
    ("results/variances", ["value", "lower", "upper"]),
    ("results/negativities", ["value", "lower", "upper"]),
    ("results/entropies", ["von_neumann", "von_neumann_lower", "von_neumann_upper"]),
    ("results/entropies", ["renyi_2", "renyi_2_lower", "renyi_2_upper"]),
];

pub fn run(job: &JobFolder) -> Outcome {
    let mut command = std::process::Command::new(rhoshard());
    command.args(["run", "--quiet"]).arg(job.path("job.toml"));
    let finished = finish(command).expect_success("a right job");
    Outcome { file: hdf5::File::open(job.path("job.h5")).unwrap(), finished }
}

/// A job that asks for every recorded number.
pub fn job(exact: &Exact, engine: &str) -> JobFolder {
    JobFolder::new(&exact.circuit, &format!("[engine]\n{engine}\n{}", exact.observe()))
}

pub fn complex(outcome: &Outcome, name: &str) -> Array2<Complex64> {
    outcome.file.dataset(name).unwrap().read().unwrap()
}

/// A job that compares with a basis state, a pure circuit, and the result of the other circuit at this accuracy.
pub fn comparing(exact: &Exact, engine: &str, other: &str) -> JobFolder {
    let states = "fidelity = [{ state = \"0110\" }, { circuit = \"pure.qasm\" }, { file = \"other.h5\" }]";
    let job = JobFolder::new(&exact.circuit, &format!("[engine]\n{engine}\n[observe]\n{states}\n"));
    std::fs::write(job.path("pure.qasm"), &exact.pure).unwrap();
    let made = JobFolder::new(&exact.other, &format!("[engine]\n{other}\n[output]\nstate = true\n"));
    run(&made);
    std::fs::copy(made.path("job.h5"), job.path("other.h5")).unwrap();
    job
}

pub fn fidelities(outcome: &Outcome) -> [[Vec<f64>; 3]; 2] {
    let of = |name: String| outcome.numbers(&format!("results/fidelities/{name}"));
    ["fidelity", "trace_distance"].map(|name| ["", "_lower", "_upper"].map(|bound| of(format!("{name}{bound}"))))
}
