//! A noisy circuit with three snapshots, and the same circuit ended at each.

use crate::support::{JobFolder, Outcome};

/// Parts of the circuit; there is a snapshot after each.
pub const PARTS: [&str; 3] = [
    "h q[0];\ncx q[0], q[1];\nrx(0.7) q[2];\ncx q[1], q[3];\nswap q[0], q[4];\nry(1.1) q[0];\ncp(0.4) q[4], q[2];\n",
    "c[0] = measure q[1];\nif (c[0] == 1) { x q[2]; ry(0.3) q[3]; }\nu3(0.2, 0.5, 0.9) q[5];\ncx q[5], q[0];\nswap q[5], q[2];\n",
    "reset q[3];\nh q[3];\ncx q[3], q[5];\nrz(0.8) q[4];\nccx q[0], q[4], q[1];\nrx(0.3) q[1];\n",
];

/// Observables on every qubit, a swapped one among them.
pub const OBSERVE: &str = "[observe]\nexpectations = [\"Z0\", \"X4 X1\", \"0.5*Y0 X2 - Z3 Z5 + 0.25*I\", \"Z1\"]\nprobabilities = [[4, 0], [2]]\n";

/// Header and gates of the circuit up to the end of this part; with snapshots if wanted.
pub fn circuit(parts: usize, snapshots: bool) -> String {
    let mark = |index: usize| match snapshots {
        true => format!("@rhoshard.snapshot part {index}\nbarrier q;\n"),
        false => String::new(),
    };
    let body: String = (0..parts).map(|index| PARTS[index].to_string() + &mark(index)).collect();
    format!("OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[6] q;\nbit[1] c;\n{body}")
}

/// A job on it; `noise` and `engine` are lines of those sections.
pub fn job(parts: usize, snapshots: bool, engine: &str) -> JobFolder {
    let noise = "[noise]\ndepolarizing = { one_qubit = 2e-3, two_qubit = 5e-3 }\n";
    JobFolder::new(&circuit(parts, snapshots), &format!("{noise}[engine]\n{engine}\n{OBSERVE}"))
}

/// A number of the snapshots: one row a snapshot.
pub fn rows(outcome: &Outcome, name: &str) -> Vec<Vec<f64>> {
    let table: ndarray::Array2<f64> =
        outcome.file.dataset(&format!("results/snapshots/{name}")).unwrap().read().unwrap();
    table.rows().into_iter().map(|row| row.to_vec()).collect()
}
