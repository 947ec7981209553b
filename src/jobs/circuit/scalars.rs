//! The numbers of a run that a table of many runs has columns for.

use crate::io::{Bounded, Entropy, Expectation, Fidelity, ProbabilityGroup, RunRecord, Scalar, StateSummary};

/// Distributions of more outcomes have no columns: what is asked of them is better asked as an expectation value.
const MOST_OUTCOMES: usize = 64;

/// All of them, under the names that they have below `/results` in a result file.
pub(super) fn of(record: &RunRecord) -> Vec<Scalar> {
    let mut scalars = state(&record.state);
    scalars.extend(record.expectations.iter().map(expectation));
    let named = |folder: &'static str| move |row: &Bounded| bounded(format!("{folder}/{}", row.name), row);
    scalars.extend(record.variances.iter().map(named("variances")));
    scalars.extend(record.negativities.iter().map(named("negativities")));
    scalars.extend(record.entropies.iter().flat_map(entropy));
    scalars.extend(record.fidelities.iter().flat_map(fidelity));
    let small = record.probabilities.iter().filter(|group| group.value.len() <= MOST_OUTCOMES);
    scalars.extend(small.flat_map(probabilities));
    scalars
}

fn state(state: &StateSummary) -> Vec<Scalar> {
    let plain = |name: &str, value: f64| Scalar::plain(format!("state/{name}"), value);
    let purity = Scalar { lower: state.purity_lower, upper: state.purity_upper, ..plain("purity", state.purity) };
    vec![
        plain("rank", state.rank as f64),
        plain("trace", state.trace),
        plain("error", state.error),
        plain("discarded", state.discarded),
        plain("rounding", state.rounding),
        plain("budget_met", f64::from(u8::from(state.budget_met))),
        plain("cut", state.cut),
        plain("passes", state.passes as f64),
        plain("trajectories", state.trajectories as f64),
        purity,
    ]
}

fn expectation(row: &Expectation) -> Scalar {
    let Expectation { name, value, lower, upper, stderr, .. } = row;
    Scalar { name: format!("expectations/{name}"), value: *value, lower: *lower, upper: *upper, stderr: *stderr }
}

fn bounded(name: String, row: &Bounded) -> Scalar {
    Scalar { lower: row.lower, upper: row.upper, ..Scalar::plain(name, row.value) }
}

fn entropy(row: &Entropy) -> [Scalar; 2] {
    let name = |part: &str| format!("entropies/{}/{part}", row.name);
    [bounded(name("von_neumann"), &row.von_neumann), bounded(name("renyi_2"), &row.renyi_2)]
}

fn fidelity(row: &Fidelity) -> [Scalar; 2] {
    let name = |part: &str| format!("fidelities/{}/{part}", row.name);
    [bounded(name("fidelity"), &row.fidelity), bounded(name("trace_distance"), &row.trace_distance)]
}

fn probabilities(group: &ProbabilityGroup) -> impl Iterator<Item = Scalar> {
    let scalar = |index: usize| Scalar {
        name: format!("probabilities/{}/{index}", group.name()),
        value: group.value[index],
        lower: group.lower[index],
        upper: group.upper[index],
        stderr: group.stderr[index],
    };
    (0..group.value.len()).map(scalar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_name_of_its_own_and_large_distributions_are_left_out() {
        let group = |qubits: Vec<usize>| {
            let values = vec![0.5; 1 << qubits.len()];
            ProbabilityGroup {
                qubits,
                value: values.clone(),
                lower: values.clone(),
                upper: values.clone(),
                stderr: values,
                ..ProbabilityGroup::default()
            }
        };
        let bounded = Bounded { name: "Z0".into(), value: 0.25, lower: 0.2, upper: 0.3, ..Bounded::default() };
        let record = RunRecord {
            expectations: vec![Expectation {
                name: "Z0".into(),
                value: 0.5,
                stderr: f64::NAN,
                ..Expectation::default()
            }],
            variances: vec![bounded.clone()],
            entropies: vec![Entropy { name: "0_1".into(), ..Entropy::default() }],
            fidelities: vec![Fidelity { name: "0".into(), ..Fidelity::default() }],
            probabilities: vec![group(vec![1, 0]), group((0..7).collect())],
            ..RunRecord::default()
        };
        let scalars = of(&record);
        let mut names: Vec<&str> = scalars.iter().map(|scalar| &*scalar.name).collect();
        assert!(names.contains(&"probabilities/1_0/3") && !names.iter().any(|name| name.contains("0_1_2_3")));
        let variance = scalars.iter().find(|scalar| scalar.name == "variances/Z0").unwrap();
        assert_eq!((variance.value, variance.lower, variance.upper), (0.25, 0.2, 0.3));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
