//! The table of a sweep for people: what is derived from it, its figures and its page.

mod along;
mod best;
mod bins;
mod map;
mod page;
mod strands;
mod trade;

pub(super) use page::page;

use super::figure::Figure;
use crate::config::sweep::Constraint;
use crate::error::{Error, Result, nearest};
use crate::io::sweep::table::Status;
use crate::io::sweep::{AxisColumn, StoredResult, StoredSweep};
use std::path::Path;

/// A sweep to report.
pub(super) struct Sweep {
    /// Its table's name.
    pub label: String,
    table: StoredSweep,
    /// The result that all figures are about: the objective, else the first; its place among the results.
    subject: Option<usize>,
    /// Results that are weighed against each other.
    weighed: Option<[usize; 2]>,
    /// Points that have the subject, in the order of the sweep.
    done: Vec<usize>,
}

/// Makes figures of a sweep.
type Plot = for<'a> fn(&'a Sweep) -> Vec<Figure<'a>>;

/// What makes figures, in the order of the page. One that has nothing to show makes none.
const FIGURES: [Plot; 5] = [map::heat, along::axes, best::progress, trade::pareto, strands::parallel];

/// What some points have in common: the best of them if there is an objective, else their mean.
#[derive(Debug, Clone, PartialEq)]
struct Summary {
    value: f64,
    /// The proven interval; NaN where there is none.
    lower: f64,
    upper: f64,
    stderr: f64,
    /// How many they are.
    points: usize,
    /// The one that the value is of, if it is of one.
    point: Option<usize>,
}

/// An axis whose values are numbers.
#[derive(Debug, Clone, Copy)]
struct NumericAxis<'a> {
    /// Its place in the definition.
    place: usize,
    name: &'a str,
    values: &'a [f64],
    is_logarithmic: bool,
}

impl Sweep {
    /// Reads a table.
    ///
    /// # Errors
    /// As of [`StoredSweep::read`].
    pub fn read(path: &Path) -> Result<Sweep> {
        let table = StoredSweep::read(path)?;
        let label = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Sweep::of(table, label))
    }

    fn of(table: StoredSweep, label: String) -> Sweep {
        let place = |name: &str| {
            let found = table.result(name)?;
            table.results.iter().position(|result| std::ptr::eq(result, found))
        };
        let objective = table.definition.objective.as_ref().and_then(|objective| place(&objective.result));
        let subject = objective.or((!table.results.is_empty()).then_some(0));
        let has_subject = |point: &usize| {
            table.status[*point] == Status::Done && subject.is_some_and(|at| !table.results[at].value[*point].is_nan())
        };
        let done = (0..table.index.len()).filter(has_subject).collect();
        let constrained = table.definition.constraints.iter().filter_map(|constraint| place(&constraint.result));
        let others = constrained.chain(0..table.results.len());
        let weighed =
            subject.and_then(|subject| others.into_iter().find(|other| *other != subject).map(|at| [at, subject]));
        Sweep { label, subject, weighed, done, table }
    }

    /// With these results weighed against each other instead.
    ///
    /// # Errors
    /// Input error when there is no such result.
    pub fn weighing(mut self, x: Option<&str>, y: Option<&str>) -> Result<Sweep> {
        let place = |name: &str| {
            let found = self.table.result(name).ok_or_else(|| self.unknown(name))?;
            Ok(self.table.results.iter().position(|result| std::ptr::eq(result, found)))
        };
        let (x, y) = (x.map(place).transpose()?.flatten(), y.map(place).transpose()?.flatten());
        let other = |than: usize| (0..self.table.results.len()).find(|at| *at != than);
        let default = |taken: Option<usize>| {
            let usual = self.weighed.into_iter().flatten().find(|at| Some(*at) != taken);
            usual.or_else(|| other(taken.unwrap_or(0)))
        };
        self.weighed = match (x, y) {
            (None, None) => self.weighed,
            (Some(x), Some(y)) => Some([x, y]),
            (Some(x), None) => self.subject.filter(|subject| *subject != x).or(default(Some(x))).map(|y| [x, y]),
            (None, Some(y)) => default(Some(y)).map(|x| [x, y]),
        };
        Ok(self)
    }

    fn unknown(&self, name: &str) -> Error {
        let names: Vec<&str> = self.table.results.iter().map(|result| &*result.name).collect();
        let error = Error::input(format!("the sweep has no result `{name}`")).allowed(names.join(", "));
        match nearest(name, names) {
            Some(near) => error.next(format!("did you mean `{near}`?")),
            None => error,
        }
    }

    /// All figures, in the order of the page.
    pub fn figures(&self) -> Vec<Figure<'_>> {
        FIGURES.iter().flat_map(|figures| figures(self)).collect()
    }

    fn subject(&self) -> Option<&StoredResult> {
        self.subject.map(|at| &self.table.results[at])
    }

    /// The value of the subject where small is good.
    fn cost(&self, value: f64) -> f64 {
        self.table.definition.objective.as_ref().map_or(value, |objective| objective.cost(value))
    }

    /// Whether there is something to be optimised.
    fn has_objective(&self) -> bool {
        self.table.definition.objective.is_some()
    }

    fn is_chosen(&self) -> bool {
        self.table.definition.sampler == "bayesian"
    }

    /// Whether axes have a few values each, all combined.
    fn is_grid(&self) -> bool {
        self.table.definition.sampler == "grid"
    }

    /// Whether small values of a result are good: as objective and constraints say, else they are.
    fn is_small_good(&self, result: &StoredResult) -> bool {
        let named = |name: &str| self.table.result(name).is_some_and(|found| std::ptr::eq(found, result));
        let definition = &self.table.definition;
        if let Some(objective) = definition.objective.as_ref().filter(|objective| named(&objective.result)) {
            return objective.minimise;
        }
        let constraint = definition.constraints.iter().find(|constraint: &&Constraint| named(&constraint.result));
        constraint.is_none_or(|constraint| constraint.at_most)
    }

    fn summary(&self, points: &[usize]) -> Option<Summary> {
        let subject = self.subject()?;
        let of = |point: usize| Summary {
            value: subject.value[point],
            lower: subject.lower[point],
            upper: subject.upper[point],
            stderr: subject.stderr[point],
            points: points.len(),
            point: Some(point),
        };
        if self.has_objective() || points.len() == 1 {
            let cost = |point: &usize| self.cost(subject.value[*point]);
            return points.iter().copied().min_by(|one, other| cost(one).total_cmp(&cost(other))).map(of);
        }
        let mean = |column: &[f64]| points.iter().map(|point| column[*point]).sum::<f64>() / points.len() as f64;
        let squares = points.iter().map(|point| subject.stderr[*point].powi(2)).sum::<f64>();
        (!points.is_empty()).then(|| Summary {
            value: mean(&subject.value),
            lower: mean(&subject.lower),
            upper: mean(&subject.upper),
            stderr: squares.sqrt() / points.len() as f64,
            points: points.len(),
            point: None,
        })
    }

    /// What a summary of several points is, for notes.
    fn kind_of_summary(&self) -> &'static str {
        if self.has_objective() { "the best" } else { "the mean" }
    }

    /// Axes with at least two different numbers among the points that are done.
    fn numeric_axes(&self) -> Vec<NumericAxis<'_>> {
        let logarithmic = &self.table.definition.logarithmic;
        let numeric = self.table.axes.iter().enumerate().filter_map(|(place, axis)| match &axis.values {
            AxisColumn::Numbers(values) => {
                let is_logarithmic = logarithmic.contains(&axis.path);
                Some(NumericAxis { place, name: self.axis_name(place), values, is_logarithmic })
            }
            AxisColumn::Words(_) => None,
        });
        numeric.filter(|axis| self.varies(axis)).collect()
    }

    fn varies(&self, axis: &NumericAxis<'_>) -> bool {
        let mut known = self.done.iter().map(|point| axis.values[*point]).filter(|value| value.is_finite());
        known.next().is_some_and(|first| known.any(|other| other != first))
    }

    /// The last key of an axis, or all of it where another ends alike.
    fn axis_name(&self, place: usize) -> &str {
        let last = |path: &str| path.rsplit('.').next().map_or(0, |last| path.len() - last.len());
        let path = &self.table.axes[place].path;
        let name = &path[last(path)..];
        let alike = self.table.axes.iter().filter(|axis| axis.path[last(&axis.path)..] == *name).count();
        if alike > 1 { path } else { name }
    }

    /// `x = 1, y = 2`.
    fn place_of(&self, point: usize) -> String {
        let axes = self.table.axes.iter().enumerate();
        axes.map(|(place, axis)| format!("{} = {}", self.axis_name(place), axis.values.text(point)))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

#[cfg(test)]
mod tests;
