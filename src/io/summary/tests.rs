use super::*;
use crate::io::record::Provenance;

fn expectation(name: &str) -> Expectation {
    Expectation { name: name.into(), value: 0.1234567, lower: 0.1200005, upper: 0.1260001, ..Expectation::default() }
}

fn record() -> RunRecord {
    let group = ProbabilityGroup {
        qubits: vec![3, 0],
        value: vec![0.1, 0.6, 0.1, 0.2],
        lower: vec![0.09, 0.59, 0.09, 0.19],
        upper: vec![0.11, 0.61, 0.11, 0.21],
        ..ProbabilityGroup::default()
    };
    RunRecord {
        expectations: vec![expectation("Z0"), expectation(&"XYZ".repeat(40))],
        probabilities: vec![group],
        counts: Some(Counts { bitstrings: vec!["0001".into(), "1001".into()], counts: vec![300, 700] }),
        state: StateSummary {
            qubits: 4,
            rank: 53,
            trace: 0.9954,
            error: 4.601e-3,
            purity_lower: 0.98,
            purity_upper: 0.9901,
            budget: 5e-3,
            budget_met: true,
            ..StateSummary::default()
        },
        provenance: Provenance { ranks: 3, idle_ranks: 1, threads: 1, engine_seconds: 0.257, ..Provenance::default() },
        ..RunRecord::default()
    }
}

#[test]
fn what_the_search_for_the_cut_cost_is_told() {
    let mut record = record();
    record.state.passes = 2;
    record.timing = vec![crate::io::record::Phase { name: "last_pass".into(), seconds: 0.2 }];
    let text = summary(&record, Path::new("result.h5"));
    assert!(text.contains("        2 passes to find the cut, 1.28 times the last one alone\n"), "{text}");
}

#[test]
fn a_summary_reads_like_this() {
    let expected = "\
Every exact value lies in [lower, upper]: proven, not estimated.

observable                                   value          lower          upper
Z0                                        0.123457       0.120000       0.126001
XYZXYZXYZXYZXYZXY…ZXYZXYZXYZXYZXYZ        0.123457       0.120000       0.126001

qubits 0 3                                   value          lower          upper
  01                                      0.600000       0.590000       0.610000
  11                                      0.200000       0.190000       0.210000
  00                                      0.100000       0.090000       0.110000
  10                                      0.100000       0.090000       0.110000

1000 shots                                   count
1001                                           700
0001                                           300

state   4 qubits, rank 53, trace 0.995400, purity in [0.980000, 0.990100]
error   4.61e-3 certified in trace norm, within the budget of 5e-3
time    0.26 s in the engine on 3 ranks (1 idle), 1 thread each
result  out/result.h5
";
    // The middle of a long name is left out so that it fills its column exactly.
    let shown = summary(&record(), Path::new("out/result.h5"));
    let fixed = |text: &str| text.lines().filter(|line| !line.starts_with("XYZ")).collect::<Vec<_>>().join("\n");
    assert_eq!(fixed(&shown), fixed(expected));
    let long = shown.lines().find(|line| line.starts_with("XYZ")).expect("the long name is shown");
    assert!(long.contains('…') && long.chars().count() == 80, "{long}");
}

#[test]
fn a_sampled_result_claims_no_bound() {
    let mut record = record();
    record.state = StateSummary { trajectories: 1008, rank: 16, qubits: 4, error: f64::NAN, ..record.state };
    record.expectations =
        vec![Expectation { stderr: 0.0123456, lower: f64::NAN, upper: f64::NAN, ..expectation("Z0") }];
    record.probabilities[0].stderr = vec![0.01; 4];
    let text = summary(&record, Path::new("r.h5"));
    assert!(text.starts_with("Estimates; stderr is one standard deviation of each. No bound is proven.\n"), "{text}");
    assert!(text.contains("Z0                                        0.123457       0.012346\n"), "{text}");
    assert!(text.contains("  01                                      0.600000       0.010000\n"), "{text}");
    assert!(text.contains("state   4 qubits, sampled by 1008 trajectories in batches of 16\n"), "{text}");
    assert!(["proven, not", "certified", "lower", "NaN"].iter().all(|word| !text.contains(word)), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn a_large_result_fits_a_screen_and_80_columns() {
    let mut record = record();
    record.expectations = (0..57).map(|index| expectation(&format!("{}Z{index}", "X0 ".repeat(index)))).collect();
    let many = ProbabilityGroup {
        qubits: (0..40).collect(),
        value: vec![1e-3; 1000],
        lower: vec![0.0; 1000],
        upper: vec![1.0; 1000],
        ..ProbabilityGroup::default()
    };
    record.probabilities = vec![many; 9];
    record.counts = Some(Counts { bitstrings: vec!["01".repeat(30); 99], counts: vec![1; 99] });
    let shown = summary(&record, Path::new("r.h5"));
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert!(shown.lines().count() <= 50, "{} lines", shown.lines().count());
    for expected in ["... and 47 more in the file", "... and 89 more", "... and 7 more groups", "... and 996 more"] {
        assert!(shown.contains(expected), "`{expected}` is missing in\n{shown}");
    }
}

#[test]
fn a_missed_or_absent_budget_is_said() {
    let mut record = record();
    record.state.budget_met = false;
    assert!(summary(&record, Path::new("r.h5")).contains("MISSED the budget of 5e-3"));
    record.state.budget = f64::NAN;
    assert!(summary(&record, Path::new("r.h5")).contains("no budget was stated"));
}

#[test]
fn a_run_that_only_keeps_its_state_promises_no_interval() {
    let shown = summary(&RunRecord::default(), Path::new("r.h5"));
    assert!(shown.starts_with("state   0 qubits"), "{shown}");
}

#[test]
fn a_summary_with_a_tail_shows_both_errors() {
    let mut record = record();
    record.state.tail = [8, 16];
    record.expectations.iter_mut().for_each(|one| one.stderr = 1.2e-5);
    record.probabilities[0].stderr = vec![2e-4; 4];
    let text = summary(&record, Path::new("result.h5"));
    let heading = "observable                    value         stderr          lower          upper\n";
    assert!(text.contains(heading), "{text}");
    assert!(
        text.contains("\nZ0                         0.123457       0.000012       0.120000       0.126001\n"),
        "{text}"
    );
    assert!(text.contains("\ntail    8 blocks of 16 sampled columns\n"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}
