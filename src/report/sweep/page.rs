//! The page of a sweep.

use super::super::facts::{Fact, Verdict, fact};
use super::super::figure::Table;
use super::super::html::escape;
use super::super::number::{UNKNOWN, count, exact, plural, seconds};
use super::super::page::details::{folded, section};
use super::super::page::{document, header_of, pictures, side_by_side, table};
use super::{Sweep, best};
use crate::io::sweep::table::Status;
use std::collections::BTreeMap;

/// Kinds of failures in the page.
const MOST_FAILURES: usize = 30;
/// A job file that is longer is left in the table.
const LONGEST_JOB: usize = 1 << 16;

/// The page.
pub(crate) fn page(sweep: &Sweep) -> String {
    let header = header_of("rhoshard sweep", &sweep.label, claim(sweep));
    let (summary, best) = (side_by_side(&facts(sweep)), best_points(sweep));
    let details = failures(sweep) + &job(sweep) + &provenance(sweep);
    document(&sweep.label, &header, &[&summary, "\n", &best, &pictures(&sweep.figures()), &details].concat())
}

fn claim(sweep: &Sweep) -> &'static str {
    let Some(subject) = sweep.subject() else { return "No point has a result yet." };
    let proven = |point: &usize| subject.lower[*point].is_finite() && subject.upper[*point].is_finite();
    if !sweep.done.is_empty() && sweep.done.iter().all(proven) {
        return "Every exact value lies in its interval: proven, not estimated.";
    }
    let sampled = sweep.done.iter().any(|point| subject.stderr[*point] > 0.0);
    if sampled { "Values with a standard error are estimates." } else { "" }
}

fn facts(sweep: &Sweep) -> Vec<Fact> {
    vec![points(sweep), optimum(sweep), sampler(sweep), time(sweep)]
}

fn number(sweep: &Sweep, status: Status) -> usize {
    sweep.table.status.iter().filter(|found| **found == status).count()
}

fn points(sweep: &Sweep) -> Fact {
    let all = sweep.table.status.len() as u64;
    let others = [(Status::Failed, "failed"), (Status::Pending, "not run yet"), (Status::Skipped, "not needed")];
    let others =
        others.map(|(status, word)| (number(sweep, status), word)).into_iter().filter(|(number, _)| *number > 0);
    let detail: Vec<String> = others.map(|(number, word)| format!("{} {word}", count(number as u64))).collect();
    let verdict = if number(sweep, Status::Failed) > 0 { Verdict::Bad } else { Verdict::Neither };
    let value = format!("{} of {}", count(number(sweep, Status::Done) as u64), count(all));
    let detail = if detail.is_empty() { "done".into() } else { format!("done; {}", detail.join(", ")) };
    Fact { name: "Points", value, detail, verdict }
}

fn optimum(sweep: &Sweep) -> Fact {
    let (Some(objective), Some(subject)) = (&sweep.table.definition.objective, sweep.subject()) else {
        return fact("Best", UNKNOWN.into(), "nothing is to be optimised".into());
    };
    let of = format!("{} {}", if objective.minimise { "smallest" } else { "largest" }, objective.result);
    match best::best(sweep) {
        Some(point) => fact("Best", exact(subject.value[point]), format!("{of}, at {}", sweep.place_of(point))),
        None => fact("Best", UNKNOWN.into(), format!("no point counts for the {of}")),
    }
}

fn sampler(sweep: &Sweep) -> Fact {
    let definition = &sweep.table.definition;
    let axes = plural(definition.axes.len() as u64, "axis").replace("axiss", "axes");
    fact("Sampler", definition.sampler.clone(), axes)
}

fn time(sweep: &Sweep) -> Fact {
    let known = || sweep.table.seconds.iter().copied().filter(|seconds| !seconds.is_nan());
    let longest = known().fold(0.0, f64::max);
    fact("Time", seconds(known().sum()), format!("of all points together; the longest {}", seconds(longest)))
}

fn best_points(sweep: &Sweep) -> String {
    let Some(best) = best::table(sweep).filter(|best| !best.rows.is_empty()) else { return String::new() };
    let note = escape(&best::note(sweep));
    let note = if note.is_empty() { note } else { format!("<p class=\"note\">{note}</p>") };
    section("Best points", &format!("{note}{}", table(&best)))
}

/// Failed points by the first line of their error.
fn failures(sweep: &Sweep) -> String {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for point in (0..sweep.table.status.len()).filter(|point| sweep.table.status[*point] == Status::Failed) {
        let line = sweep.table.error[point].lines().find(|line| !line.trim().is_empty()).unwrap_or(UNKNOWN);
        groups.entry(line).or_default().push(point);
    }
    let mut groups: Vec<(&str, Vec<usize>)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, points)| (std::cmp::Reverse(points.len()), points[0]));
    if groups.is_empty() {
        return String::new();
    }
    let left_out = groups.len().saturating_sub(MOST_FAILURES);
    let row = |(error, points): &(&str, Vec<usize>)| {
        let first = format!("point {}: {}", count(sweep.table.index[points[0]]), sweep.place_of(points[0]));
        vec![error.to_string(), count(points.len() as u64), first]
    };
    let rows = groups.iter().take(MOST_FAILURES).map(row).collect();
    let failed = Table { head: ["error", "points", "the first"].map(String::from).into(), rows, left_out };
    section("Failures", &table(&failed))
}

fn job(sweep: &Sweep) -> String {
    let text = &sweep.table.job;
    if text.is_empty() || text.len() > LONGEST_JOB { String::new() } else { folded("Job file", text) }
}

fn provenance(sweep: &Sweep) -> String {
    let definition = &sweep.table.definition;
    let row =
        |name: &str, text: &str| format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escape(name), escape(text));
    let fixed = [
        ("Job", definition.job.clone()),
        ("Runs", count(sweep.table.runs)),
        ("Versions", sweep.table.versions.join(", ")),
        ("Ranks that share a point", count(definition.ranks_per_point)),
    ];
    let rows: String = fixed.iter().map(|(name, text)| row(name, text)).collect();
    let inputs: String =
        definition.inputs.iter().map(|(path, hash)| row(&format!("SHA-256 of {path}"), hash)).collect();
    let table = format!("<div class=\"scroll\"><table class=\"text\"><tbody>{rows}{inputs}</tbody></table></div>");
    section("Provenance", &table)
}
