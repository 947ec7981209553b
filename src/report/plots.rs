//! All figures of a report: the one table of them. Every figure shows one run or several.

mod counts;
mod expectations;
mod probabilities;
mod quantities;
mod reduced;
mod snapshots;
mod spectrum;
mod time;
mod trace;

use super::figure::Figure;
use super::run::Run;

/// Makes figures of some runs.
type Plot = for<'a> fn(&'a [Run]) -> Vec<Figure<'a>>;

/// What makes figures, in the order of the page. One that has nothing to show makes none.
const PLOTS: [Plot; 15] = [
    expectations::values,
    expectations::differences,
    snapshots::observables,
    trace::width,
    trace::error,
    probabilities::groups,
    counts::most_frequent,
    quantities::variances,
    quantities::entropies,
    quantities::negativities,
    quantities::fidelities,
    reduced::matrices,
    spectrum::eigenvalues,
    time::by_kind,
    time::bytes,
];

/// The figures that these runs have something for.
pub(super) fn figures(runs: &[Run]) -> Vec<Figure<'_>> {
    PLOTS.iter().flat_map(|plot| plot(runs)).collect()
}

/// The names of the runs.
fn labels(runs: &[Run]) -> Vec<String> {
    runs.iter().map(|run| run.label.clone()).collect()
}

/// The first columns, then those of each run, with its name when there are several.
fn heads(runs: &[Run], first: &[&str], each: &[&str]) -> Vec<String> {
    let of = |run: &Run| {
        let named =
            |column: &&str| if runs.len() > 1 { format!("{column}, {}", run.label) } else { column.to_string() };
        each.iter().map(named).collect::<Vec<String>>()
    };
    first.iter().map(ToString::to_string).chain(runs.iter().flat_map(of)).collect()
}
