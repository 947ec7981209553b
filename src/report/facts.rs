//! What is said of a run in few words.

use super::number::{UNKNOWN, bytes, count, interval, plural, seconds, short};
use super::run::Run;
use crate::io::number::scientific_at_least;

/// Whether something is as the user wanted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    Bad,
    Neither,
}

/// One number and its name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fact {
    pub name: &'static str,
    pub value: String,
    /// What more there is to say.
    pub detail: String,
    pub verdict: Verdict,
}

/// A fact that is neither good nor bad.
pub(super) fn fact(name: &'static str, value: String, detail: String) -> Fact {
    Fact { name, value, detail, verdict: Verdict::Neither }
}

/// The summary of a run; the same names in the same order for every run.
pub(super) fn facts(run: &Run) -> Vec<Fact> {
    vec![engine(run), error(run), budget(run), trace(run), rank(run), purity(run), time(run), place(run)]
}

/// What may be claimed of the numbers of these runs.
pub(super) fn claim(runs: &[Run]) -> &'static str {
    let proven = runs.iter().all(Run::is_proven);
    match (proven, runs.iter().any(Run::is_sampled)) {
        (true, false) => "Every exact value lies in its interval: proven, not estimated.",
        (true, true) => {
            "Every exact value lies in its interval: proven. Values with a standard error are estimates without bias."
        }
        (false, _) if runs.iter().any(Run::is_proven) => {
            "Intervals are proven. Runs of trajectories have none: their values are estimates with standard errors."
        }
        (false, _) => "Every value is an estimate with a standard error. Nothing is proven.",
    }
}

fn engine(run: &Run) -> Fact {
    let (state, made) = (&run.record.state, &run.record.provenance);
    let name = match (made.engine.as_str(), state.trajectories) {
        ("", 0) => UNKNOWN,
        ("", _) => "trajectories",
        (name, _) => name,
    };
    let qubits = plural(state.qubits as u64, "qubit");
    let detail = match (state.trajectories, state.tail) {
        (0, [0, _]) => qubits,
        (0, [blocks, columns]) => format!("{qubits}, tail of {blocks} × {columns} columns"),
        (number, _) => format!("{qubits}, {} trajectories", count(number)),
    };
    fact("Engine", name.into(), if state.qubits == 0 { String::new() } else { detail })
}

fn error(run: &Run) -> Fact {
    let state = &run.record.state;
    if state.error.is_nan() {
        return fact("Certified error", UNKNOWN.into(), "nothing is proven".into());
    }
    let rounding = if state.rounding > 0.0 {
        format!("; {} of it rounding", scientific_at_least(state.rounding))
    } else {
        String::new()
    };
    let detail = format!("trace norm{rounding}");
    fact("Certified error", scientific_at_least(state.error), detail)
}

fn budget(run: &Run) -> Fact {
    let state = &run.record.state;
    if state.budget.is_nan() {
        return fact("Budget", "none stated".into(), String::new());
    }
    let (value, verdict) = if state.budget_met { ("✓ met", Verdict::Good) } else { ("✗ missed", Verdict::Bad) };
    let share = 100.0 * state.error / state.budget;
    let detail =
        if share.is_finite() { format!("{share:.0}% of {}", state.budget) } else { format!("of {}", state.budget) };
    Fact { name: "Budget", value: value.into(), detail, verdict }
}

fn trace(run: &Run) -> Fact {
    let state = &run.record.state;
    let value = if state.trace.is_nan() { UNKNOWN.into() } else { format!("{:.6}", state.trace) };
    let cut =
        if state.discarded > 0.0 { format!("{} cut away", short(state.discarded)) } else { "nothing cut away".into() };
    fact("Trace", value, if state.discarded.is_nan() { String::new() } else { cut })
}

fn rank(run: &Run) -> Fact {
    let rank = run.record.state.rank as u64;
    let detail = match (run.is_proven(), run.widest() > rank) {
        (false, _) => "columns in a batch".into(),
        (true, true) => format!("columns; {} at most", count(run.widest())),
        (true, false) => "columns".into(),
    };
    fact("Rank", if rank > 0 { count(rank) } else { UNKNOWN.into() }, detail)
}

fn purity(run: &Run) -> Fact {
    let state = &run.record.state;
    let text = interval(state.purity_lower, state.purity_upper);
    fact("Purity", if text == UNKNOWN { short(state.purity) } else { text }, String::new())
}

fn time(run: &Run) -> Fact {
    let (made, passes) = (&run.record.provenance, run.record.state.passes);
    let value = if made.engine_seconds > 0.0 { seconds(made.engine_seconds) } else { UNKNOWN.into() };
    fact("Time", value, if passes > 1 { format!("in the engine, {passes} passes") } else { "in the engine".into() })
}

fn place(run: &Run) -> Fact {
    let made = &run.record.provenance;
    let most =
        made.peak_memory.iter().max().map_or(String::new(), |most| format!(", {} each at most", bytes(*most as f64)));
    let value = if made.ranks > 0 { plural(made.ranks, "rank") } else { UNKNOWN.into() };
    fact(
        "Ran on",
        value,
        if made.threads > 0 { format!("{}{most}", plural(made.threads, "thread")) } else { String::new() },
    )
}
