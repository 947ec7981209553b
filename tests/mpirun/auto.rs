//! An engine that takes over does so on every number of ranks alike.

use super::support::{JobFolder, rank_counts, skipped};
use super::{VALUES, assert_bytes_are_planned, assert_equal};

#[test]
fn density_takes_over_from_low_rank_on_all_ranks() {
    if skipped() {
        return;
    }
    let layer = |layer: usize| {
        let turned = (0..11).map(|qubit| format!("ry({}.3) q[{qubit}];\n", (qubit + layer) % 5)).collect::<String>();
        let pairs = (layer % 2..10).step_by(2).map(|qubit| format!("cx q[{qubit}], q[{}];\n", qubit + 1));
        turned + &pairs.collect::<String>()
    };
    let circuit: String = (0..4).map(layer).collect();
    let circuit = format!("OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[11] q;\n{circuit}");
    let rest = "[noise]\ndepolarizing = { one_qubit = 2e-2, two_qubit = 2e-2 }\n[engine]\nkind = \"auto\"\n\
                [observe]\nexpectations = [\"Z0\", \"X10 X0\", \"Y4 Z8\"]\n";
    let job = JobFolder::new(&circuit, rest);
    let one = job.run(1);
    for ranks in rank_counts() {
        let other = job.run(ranks);
        let what = format!("auto on {ranks} ranks");
        assert_equal(&one, &other, VALUES, &what);
        assert_bytes_are_planned(&other, &what);
        let said = other.finished.stdout.matches("engine  density, after ").count();
        assert_eq!(said, 1, "{what}: {}", other.finished.stdout);
        assert_eq!(other.finished.stderr.matches("chosen: low-rank").count(), 1, "{what}: {}", other.finished.stderr);
    }
}
