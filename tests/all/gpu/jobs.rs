//! Whole jobs on the GPU, and the same on the CPU.

use crate::support::{JobFolder, Outcome};

/// What is compared, where a job has it.
const DATASETS: [&str; 10] = [
    "results/expectations/value",
    "results/expectations/lower",
    "results/expectations/stderr",
    "results/probabilities/4_0/value",
    "results/probabilities/4_0/upper",
    "results/counts/count",
    "results/reduced/0_2/value",
    "results/entropies/von_neumann",
    "results/spectrum/eigenvalue",
    "results/snapshots/error",
];

/// A circuit with everything: dense gates, diagonals, permutations, controls, noise, measured bits that decide, resets, a swap.
const CIRCUIT: &str = "OPENQASM 3.0;
include \"stdgates.inc\";
qubit[7] q;
bit[1] c;
for int i in [0:6] { h q[i]; rz(0.3 * i) q[i]; }
for int i in [0:5] { cx q[i], q[i + 1]; ry(0.4) q[i]; }
ccx q[0], q[3], q[6];
swap q[1], q[5];
cp(0.7) q[6], q[2];
@rhoshard.snapshot early
barrier q;
c[0] = measure q[1];
if (c[0] == 1) { x q[2]; ry(0.3) q[3]; }
reset q[4];
for int i in [0:5] { cx q[i + 1], q[i]; rx(0.2) q[i]; }
crx(0.9) q[0], q[4];
";

/// The same without noise or measurements.
const PURE: &str = "OPENQASM 3.0;
include \"stdgates.inc\";
qubit[9] q;
for int i in [0:8] { h q[i]; }
for int i in [0:7] { for int j in [i + 1:8] { cp(pi / 2 ** (j - i)) q[j], q[i]; } }
for int i in [0:7] { cx q[i], q[i + 1]; u3(0.2, 0.3 * i, 0.1) q[i]; }
ccx q[0], q[8], q[4];
";

const OBSERVE: &str =
    "[observe]\nexpectations = [\"Z0\", \"X4 X1\", \"Y0 Y2 Z6\", \"0.5*Z3 Z5 - X6\"]\nprobabilities = [[4, 0]]\n";
const NOISE: &str = "[noise]\ndepolarizing = { one_qubit = 2e-3, two_qubit = 8e-3 }\n";
/// What is not linear in the state.
const MORE: &str = "reduced = [[0, 2]]\nentropy = true\nspectrum = true\nshots = 200\n";

/// Name, circuit, sections beside `[engine] device`, and the difference allowed.
pub fn jobs() -> Vec<(&'static str, &'static str, String, f64)> {
    let noisy = |engine: &str, more: &str| format!("{engine}\n{OBSERVE}{more}{NOISE}");
    let pure = |engine: &str| format!("{engine}\n{OBSERVE}");
    vec![
        ("low-rank by budget", CIRCUIT, noisy("budget = 3e-2", MORE), 1e-10),
        ("low-rank, every channel", CIRCUIT, noisy("cut = 1e-3\ncompression = \"every-channel\"", ""), 1e-10),
        // Eigenvectors of nearly equal eigenvalues are drawn, which rounding turns: values move by 5e-11 between numbers of
        // ranks on the CPU alone, where their standard errors are 1e-4.
        ("low-rank with a tail", CIRCUIT, noisy("kind = \"low-rank\"\nbudget = 2e-1\ntail = {}", ""), 1e-9),
        ("density", CIRCUIT, noisy("kind = \"density\"", MORE), 1e-10),
        ("trajectories", CIRCUIT, noisy("kind = \"trajectories\"\ntrajectories = 200", ""), 1e-10),
        ("statevector", PURE, pure("kind = \"statevector\""), 1e-10),
        ("low-rank, single", CIRCUIT, noisy("budget = 1e-1\nprecision = \"single\"", ""), 1e-5),
        ("statevector, single", PURE, pure("kind = \"statevector\"\nprecision = \"single\""), 1e-5),
    ]
}

/// A job on this device.
pub fn job(circuit: &str, rest: &str, device: &str) -> JobFolder {
    JobFolder::new(circuit, &format!("[engine]\ndevice = \"{device}\"\n{rest}"))
}

/// Fails unless all numbers of both agree.
pub fn assert_agree(one: &Outcome, other: &Outcome, most: f64, what: &str) {
    let mut compared = 0;
    for name in DATASETS.iter().filter(|name| one.file.link_exists(name)) {
        let [a, b] = [one, other].map(|outcome| numbers(outcome, name));
        assert_eq!(a.len(), b.len(), "{what}: {name}");
        for (a, b) in a.iter().zip(&b) {
            assert!((a - b).abs() <= most || a.is_nan() && b.is_nan(), "{what}: {name}: {a} and {b}");
        }
        compared += a.len();
    }
    assert!(compared > 10, "{what}: nothing is compared");
    assert_eq!(one.rank(), other.rank(), "{what}: rank");
}

fn numbers(outcome: &Outcome, name: &str) -> Vec<f64> {
    if name == "results/reduced/0_2/value" {
        let raw: Vec<num_complex::Complex64> = outcome.file.dataset(name).unwrap().read_raw().unwrap();
        return raw.iter().flat_map(|entry| [entry.re, entry.im]).collect();
    }
    outcome.numbers(name)
}
