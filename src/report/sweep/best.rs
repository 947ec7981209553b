//! The best points: how they were come upon, and which they are.

use super::super::chart::graphs::{Graph, Graphs, Spot, Style};
use super::super::figure::{Figure, Table};
use super::super::number::{count, exact, plural, seconds};
use super::Sweep;
use crate::io::sweep::StoredResult;

/// Points of the table.
const MOST: usize = 10;

/// The best so far after each evaluation, of a sweep that chooses its points.
pub(super) fn progress(sweep: &Sweep) -> Vec<Figure<'_>> {
    let Some(subject) = sweep.subject().filter(|_| sweep.is_chosen() && sweep.done.len() > 1) else {
        return Vec::new();
    };
    let steps = improvements(sweep);
    let row =
        |point: &usize| vec![count(sweep.table.index[*point]), exact(subject.value[*point]), sweep.place_of(*point)];
    let best = steps.last().map_or("none".into(), |point| count(sweep.table.index[*point]));
    let chart = course(sweep, subject, &steps);
    vec![Figure {
        name: "progress".into(),
        title: format!("Progress of {}", subject.name),
        note: format!("The best came with point {best}."),
        table: Table::of(["point", &subject.name, "at"].map(String::from).into(), steps.iter().map(row)),
        table_first: false,
        draw: Box::new(move |width| chart.draw(width)),
    }]
}

/// Every point as a dot, and the best so far as a line that falls or rises at `steps` and ends with the last point.
fn course(sweep: &Sweep, subject: &StoredResult, steps: &[usize]) -> Graphs {
    let number = |point: usize| sweep.table.index[point] as f64;
    let at = |point: &usize| (number(*point), subject.value[*point]);
    let best: Vec<(f64, f64)> = steps.iter().map(at).collect();
    let last = sweep.done.last().copied().unwrap_or(0);
    let end = best.last().map(|(_, value)| (number(last), *value));
    let spot = |point: &usize| {
        let (index, value) = (count(sweep.table.index[*point]), exact(subject.value[*point]));
        let tip = format!("point {index}\n{} {value}\n{}", subject.name, sweep.place_of(*point));
        Spot { x: number(*point), y: Some(subject.value[*point]), tip }
    };
    let graph = |points, style, series| Graph { points, band: Vec::new(), style, series };
    Graphs {
        labels: vec!["the best so far".into(), "each point".into()],
        graphs: vec![
            graph(sweep.done.iter().map(at).collect(), Style::Dots, 1),
            graph(best.into_iter().chain(end).collect(), Style::Steps, 0),
        ],
        spots: sweep.done.iter().map(spot).collect(),
        x_title: "evaluation".into(),
        y_title: subject.name.clone(),
        x_logarithmic: false,
    }
}

/// Points that were better than all before, among those that satisfy the constraints.
fn improvements(sweep: &Sweep) -> Vec<usize> {
    let Some(subject) = sweep.subject() else { return Vec::new() };
    let mut least = f64::INFINITY;
    let better = |point: &usize| {
        let cost = sweep.cost(subject.value[*point]);
        let better = cost < least && sweep.table.is_feasible(*point);
        least = if better { cost } else { least };
        better
    };
    sweep.done.iter().copied().filter(better).collect()
}

/// The best point, if there is an objective and a point that satisfies the constraints.
pub(super) fn best(sweep: &Sweep) -> Option<usize> {
    sweep.has_objective().then(|| improvements(sweep).last().copied()).flatten()
}

/// The best ten points.
pub(super) fn table(sweep: &Sweep) -> Option<Table> {
    let subject = sweep.subject().filter(|_| sweep.has_objective())?;
    let mut points: Vec<usize> = sweep.done.iter().copied().filter(|point| sweep.table.is_feasible(*point)).collect();
    // The sort is stable: of equal points the first counts.
    points.sort_by(|one, other| sweep.cost(subject.value[*one]).total_cmp(&sweep.cost(subject.value[*other])));
    let left_out = points.len().saturating_sub(MOST);
    let bounded = points.iter().any(|point| subject.lower[*point].is_finite());
    let sampled = points.iter().any(|point| subject.stderr[*point] > 0.0);
    let axes = (0..sweep.table.axes.len()).map(|place| sweep.axis_name(place).to_string());
    let optional = [(bounded, "lower"), (bounded, "upper"), (sampled, "standard error")];
    let optional = optional.into_iter().filter(|(is_there, _)| *is_there).map(|(_, name)| name.to_string());
    let head =
        ["point".to_string(), subject.name.clone()].into_iter().chain(optional).chain(axes).chain(["time".into()]);
    let row = |point: usize| {
        let numbers =
            [(true, &subject.value), (bounded, &subject.lower), (bounded, &subject.upper), (sampled, &subject.stderr)];
        let numbers = numbers.into_iter().filter(|(is_there, _)| *is_there).map(|(_, column)| exact(column[point]));
        let axes = sweep.table.axes.iter().map(|axis| axis.values.text(point));
        let first = std::iter::once(count(sweep.table.index[point]));
        first.chain(numbers).chain(axes).chain([seconds(sweep.table.seconds[point])]).collect()
    };
    points.truncate(MOST);
    Some(Table { head: head.collect(), rows: points.into_iter().map(row).collect(), left_out })
}

/// What is said of the points that count.
pub(super) fn note(sweep: &Sweep) -> String {
    let constraints: Vec<String> = sweep
        .table
        .definition
        .constraints
        .iter()
        .map(|constraint| {
            format!(
                "{} {} {}",
                constraint.result,
                if constraint.at_most { "<=" } else { ">=" },
                exact(constraint.bound)
            )
        })
        .collect();
    if constraints.is_empty() {
        return String::new();
    }
    let missed = sweep.done.iter().filter(|point| !sweep.table.is_feasible(**point)).count();
    format!(
        "Constraints: {}. {} not.",
        constraints.join(", "),
        plural(missed as u64, "point") + if missed == 1 { " does" } else { " do" }
    )
}
