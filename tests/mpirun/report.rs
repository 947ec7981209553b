//! A report is made once, whatever the number of ranks.

use crate::support::{JobFolder, finish, on_ranks, rank_counts, rhoshard, skipped};

#[test]
fn a_report_is_written_and_announced_once() {
    if skipped() {
        return;
    }
    let job = JobFolder::new("OPENQASM 3.0;\nqubit[2] q;\n", "[observe]\nexpectations = [\"Z0\"]\n");
    job.run(1);
    for ranks in rank_counts() {
        let report = |name: &str| {
            let mut command = on_ranks(ranks, rhoshard());
            command.arg("report").arg(job.path(name));
            finish(command)
        };
        let printed = report("job.h5").expect_success("report").stdout;
        assert_eq!(printed.matches("job.html").count(), 1, "{printed}");
        let refused = report("circuit.qasm");
        assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
        assert_eq!(refused.stderr.matches("is not an HDF5 file").count(), 1, "{}", refused.stderr);
    }
}
