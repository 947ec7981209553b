//! `job = "sweep"`: a job file over and over, with other values at some places.

use super::Located;
use super::check::{located_string, optional};
use super::document::{self, Table, Value};
use crate::error::{Error, Result, nearest};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The most points of one sweep.
pub const MAXIMUM_POINTS: u64 = 10_000_000;
/// The most points that Bayesian optimisation looks back on.
pub const MAXIMUM_OBSERVATIONS: u64 = 2000;
/// The points that Bayesian optimisation begins with, if the job names no number: this many and two for each axis.
pub const DEFAULT_INITIAL: u64 = 4;
/// The expected improvement, over the spread of the values, below which Bayesian optimisation ends if the job says nothing.
pub const DEFAULT_TOLERANCE: f64 = 1e-6;

const LARGEST_INTEGER: u64 = i64::MAX as u64;
const MAXIMUM_RANKS: u64 = 1 << 20;
const MAXIMUM_RETRIES: u64 = 100;

const TABLES: document::Tables =
    &[("", &["job", "seed", "sweep", "axes", "base", "output"]), ("sweep", KEYS), ("output", &["file"])];
/// The keys of `[sweep]`.
pub const KEYS: &[&str] = &[
    "base",
    "sampler",
    "points",
    "from",
    "ranks_per_point",
    "retries",
    "max_failures",
    "minimise",
    "maximise",
    "constraints",
    "stop_at",
    "initial",
    "batch",
    "tolerance",
    "folder",
];
const OF_AXIS: [&str; 7] = ["values", "linear", "log", "whole", "points", "zip", "when"];
const SAMPLERS: &[(&str, Sampler)] = &[
    ("grid", Sampler::Grid),
    ("random", Sampler::Random),
    ("latin-hypercube", Sampler::LatinHypercube),
    ("sobol", Sampler::Sobol),
    ("bayesian", Sampler::Bayesian),
];

/// A checked sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepConfig {
    /// The job file's path as the user wrote it; paths within are relative to its folder.
    pub path: String,
    /// Seed of the sampler and, with its content, of every point (default 1).
    pub seed: u64,
    /// The job that is repeated.
    pub base: Base,
    /// How points are chosen.
    pub sampler: Sampler,
    /// How many; for all samplers but the grid, and the most there can be for the Bayesian one.
    pub points: u64,
    /// A CSV or JSON-lines file whose columns are axes that advance together.
    pub from: Option<Located<String>>,
    /// What varies.
    pub axes: Vec<Axis>,
    /// Ranks that share a point: a power of two (default 1).
    pub ranks_per_point: usize,
    /// How often a point is tried again where the machine failed it (default 1).
    pub retries: u32,
    /// Failed points after which no more are begun; no limit if absent.
    pub max_failures: Option<u64>,
    /// What is to be optimised.
    pub objective: Option<Objective>,
    /// What a point must satisfy to count as the best.
    pub constraints: Vec<Constraint>,
    /// Value of the objective that is good enough: points after the first that reaches it are left out.
    pub stop_at: Option<f64>,
    /// Of the Bayesian sampler.
    pub bayesian: BayesianSection,
    /// The folder of the journals, relative to the job file.
    pub folder: Located<String>,
    /// The table of results, relative to the job file.
    pub output: Located<String>,
}

/// The job that a sweep repeats.
#[derive(Debug, Clone, PartialEq)]
pub enum Base {
    /// A job file, relative to that of the sweep.
    File(Located<String>),
    /// The table `[base]` of the sweep's own file.
    Inline(toml::Table),
}

/// How points are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampler {
    /// Every combination.
    Grid,
    /// Independent and uniform.
    Random,
    /// Uniform with one point in each stratum of each axis.
    LatinHypercube,
    /// A low-discrepancy sequence.
    Sobol,
    /// Where a Gaussian process expects the largest improvement of the objective.
    Bayesian,
}

impl Sampler {
    /// As a job file names it.
    pub fn name(self) -> &'static str {
        SAMPLERS.iter().find(|(_, sampler)| *sampler == self).map_or("", |(name, _)| name)
    }
}

/// Of `sampler = "bayesian"`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BayesianSection {
    /// Points before the first model.
    pub initial: u64,
    /// Points that are chosen together (default 1): as many can run at the same time.
    pub batch: u64,
    /// Expected improvement, over the spread of the values, below which it ends.
    pub tolerance: f64,
}

/// One place in the base job that varies.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The place: keys joined by dots.
    pub path: String,
    /// Its line in the job file.
    pub line: usize,
    /// What it can be.
    pub values: AxisValues,
    /// Axes with the same name here advance together.
    pub zip: Option<String>,
    /// Places and what they must be for this axis to apply; elsewhere the base job's value stays.
    pub when: Vec<(String, Vec<toml::Value>)>,
}

/// What an axis can be.
#[derive(Debug, Clone, PartialEq)]
pub enum AxisValues {
    /// One of these.
    List(Vec<toml::Value>),
    /// A number in a range.
    Range {
        /// Its ends.
        ends: [f64; 2],
        /// How it is spaced.
        scale: Scale,
        /// How many on a grid.
        points: Option<u64>,
    },
}

/// How the numbers of a range are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    Linear,
    /// Their logarithms are spaced evenly.
    Log,
    /// Whole numbers, evenly.
    Whole,
}

/// A scalar result that is to be as small or as large as possible.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// The result, for instance `expectations/Z0`.
    pub result: String,
    /// Whether small is good.
    pub minimise: bool,
}

impl Objective {
    /// The value where small is good.
    pub fn cost(&self, value: f64) -> f64 {
        if self.minimise { value } else { -value }
    }
}

/// A bound on a scalar result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Constraint {
    /// The result.
    pub result: String,
    /// Whether it must not exceed the bound, or not fall below it.
    pub at_most: bool,
    /// The bound.
    pub bound: f64,
}

impl Constraint {
    /// How far a value is on the wrong side: zero or negative where it satisfies the constraint.
    pub fn excess(&self, value: f64) -> f64 {
        if self.at_most { value - self.bound } else { self.bound - value }
    }
}

/// Reads and checks the text of a sweep's job file.
///
/// # Errors
/// Input error with file and line.
pub fn sweep(text: &str, file: &str) -> Result<SweepConfig> {
    read(text, file).map_err(|error| error.in_file(file))
}

fn read(text: &str, file: &str) -> Result<SweepConfig> {
    let document = document::parse(text)?;
    let top = Table::top(text, TABLES, document.get_ref())?;
    // The same once more without places, for values that are only passed on.
    let plain: toml::Table = toml::from_str(text).map_err(|error| Error::input(format!("wrong TOML: {error}")))?;
    let section = top.table("sweep")?;
    let axes = axes(&top, &plain)?;
    let sampler = optional(&section, "sampler", |value| value.choice(SAMPLERS))?.unwrap_or(Sampler::Grid);
    let objective = objective(&section)?;
    let config = SweepConfig {
        path: file.into(),
        seed: optional(&top, "seed", |value| value.whole(0..=LARGEST_INTEGER))?.unwrap_or(1),
        base: base(&top, &section, &plain)?,
        points: points(&section, sampler)?,
        from: optional(&section, "from", located_string)?,
        ranks_per_point: ranks_per_point(&section)?,
        retries: optional(&section, "retries", |value| value.whole(0..=MAXIMUM_RETRIES))?.unwrap_or(1) as u32,
        max_failures: optional(&section, "max_failures", |value| value.whole(1..=LARGEST_INTEGER))?,
        constraints: constraints(&section)?,
        stop_at: stop_at(&section, objective.as_ref())?,
        bayesian: bayesian(&section, sampler, axes.len() as u64)?,
        folder: folder(&section, file, "folder", ".sweep")?,
        output: folder(&top.table("output")?, file, "file", ".h5")?,
        sampler,
        axes,
        objective,
    };
    check_together(&config, &section, &top)?;
    Ok(config)
}

fn base(top: &Table, section: &Table, plain: &toml::Table) -> Result<Base> {
    match (section.get("base"), plain.get("base")) {
        (Some(value), None) => located_string(&value).map(Base::File),
        (None, Some(_)) => {
            top.table("base")?;
            let table = plain.get("base").and_then(toml::Value::as_table).cloned().unwrap_or_default();
            Ok(Base::Inline(table))
        }
        (Some(value), Some(_)) => {
            Err(value.error("is given beside the table [base]").next("keep one: a job file, or its content"))
        }
        (None, None) => Err(Error::input("the job that is repeated is missing")
            .at_line(section.line().max(1))
            .allowed("`base = \"job.toml\"` under `[sweep]`, or its content under `[base]`")),
    }
}

fn points(section: &Table, sampler: Sampler) -> Result<u64> {
    let most = if sampler == Sampler::Bayesian { MAXIMUM_OBSERVATIONS } else { MAXIMUM_POINTS };
    match (section.get("points"), sampler) {
        (Some(value), Sampler::Grid) => Err(value
            .error("is for samplers that draw points")
            .next("give the number of points to each axis, or a sampler")),
        (None, Sampler::Grid) => Ok(0),
        (Some(value), _) => value.whole(1..=most),
        (None, _) => section.require("points", "points = 64")?.whole(1..=most),
    }
}

fn ranks_per_point(section: &Table) -> Result<usize> {
    let Some(value) = section.get("ranks_per_point") else { return Ok(1) };
    let ranks = value.whole(1..=MAXIMUM_RANKS)?;
    if ranks.is_power_of_two() {
        return Ok(ranks as usize);
    }
    Err(value.error(format!("is {ranks}")).allowed("a power of two: a state is divided by qubits"))
}

fn objective(section: &Table) -> Result<Option<Objective>> {
    match (section.get("minimise"), section.get("maximise")) {
        (Some(_), Some(value)) => Err(value.error("is given beside `sweep.minimise`").next("keep one of them")),
        (Some(value), None) => Ok(Some(Objective { result: value.string()?, minimise: true })),
        (None, Some(value)) => Ok(Some(Objective { result: value.string()?, minimise: false })),
        (None, None) => Ok(None),
    }
}

fn constraints(section: &Table) -> Result<Vec<Constraint>> {
    const ALLOWED: &str = "texts like \"state/error <= 1e-3\" or \"expectations/Z0 >= 0.5\"";
    let Some(value) = section.get("constraints") else { return Ok(Vec::new()) };
    let constraint = |item: &Value| {
        let text = item.string().map_err(|error| error.allowed(ALLOWED))?;
        let parts = [("<=", true), (">=", false)].iter().find_map(|(sign, at_most)| {
            let (result, bound) = text.split_once(sign)?;
            let bound = bound.trim().parse::<f64>().ok().filter(|bound| bound.is_finite())?;
            let result = result.trim().to_string();
            (!result.is_empty()).then_some(Constraint { result, at_most: *at_most, bound })
        });
        parts.ok_or_else(|| item.error(format!("is `{text}`")).allowed(ALLOWED))
    };
    value.items(ALLOWED)?.iter().map(constraint).collect()
}

fn stop_at(section: &Table, objective: Option<&Objective>) -> Result<Option<f64>> {
    match (section.get("stop_at"), objective) {
        (Some(value), None) => {
            Err(value.error("needs something to compare with").next("name a result: `minimise` or `maximise`"))
        }
        (Some(value), Some(_)) => value.number().map(Some),
        (None, _) => Ok(None),
    }
}

fn bayesian(section: &Table, sampler: Sampler, axes: u64) -> Result<BayesianSection> {
    let superfluous = ["initial", "batch", "tolerance"].iter().find_map(|key| section.get(key));
    if let (Some(value), true) = (superfluous, sampler != Sampler::Bayesian) {
        return Err(value.error("is for sampler = \"bayesian\"").next("leave it out, or change `sampler`"));
    }
    let whole = |key| optional(section, key, |value| value.whole(1..=MAXIMUM_OBSERVATIONS));
    let positive = |value: &Value| value.number_where(|number| number >= 0.0, "a number, at least 0");
    Ok(BayesianSection {
        initial: whole("initial")?.unwrap_or(DEFAULT_INITIAL + 2 * axes),
        batch: whole("batch")?.unwrap_or(1),
        tolerance: optional(section, "tolerance", positive)?.unwrap_or(DEFAULT_TOLERANCE),
    })
}

fn folder(section: &Table, file: &str, key: &str, ending: &str) -> Result<Located<String>> {
    let stem = Path::new(file).file_stem().unwrap_or_default().to_string_lossy();
    let named = optional(section, key, located_string)?;
    Ok(named.unwrap_or_else(|| Located { value: format!("{stem}{ending}"), line: 0 }))
}

fn axes(top: &Table, plain: &toml::Table) -> Result<Vec<Axis>> {
    let contents = plain.get("axes").and_then(toml::Value::as_table);
    let mut axes: Vec<Axis> = top
        .table("axes")?
        .entries()
        .map(|(path, value)| {
            let content = contents.and_then(|contents| contents.get(&path));
            let content = content.ok_or_else(|| Error::internal(format!("axis {path} was read once only")))?;
            axis(path, &value, content)
        })
        .collect::<Result<_>>()?;
    // The order of the file: the last axis varies fastest.
    axes.sort_by_key(|axis| axis.line);
    Ok(axes)
}

fn axis(path: String, value: &Value, content: &toml::Value) -> Result<Axis> {
    let line = value.line();
    if path.split('.').any(|part| part.trim().is_empty()) {
        return Err(value
            .error("is no place in a job file")
            .allowed("keys joined by dots, in quotes: \"engine.budget\""));
    }
    match content {
        toml::Value::Array(values) => {
            Ok(Axis { path, line, values: list(value, values)?, zip: None, when: Vec::new() })
        }
        toml::Value::Table(content) => {
            let table = value.table()?;
            check_keys_of_axis(value, content)?;
            Ok(Axis {
                line,
                values: values(value, &table, content)?,
                zip: optional(&table, "zip", Value::string)?,
                when: conditions(&table, content)?,
                path,
            })
        }
        _ => Err(value
            .error("is a single value")
            .allowed(AXIS)
            .next("a value that does not vary belongs to the base job")),
    }
}

const AXIS: &str = "a list of values, { linear = [0, 1], points = 5 }, { log = [1e-4, 1e-2], points = 20 }, \
                    { whole = [1, 8] } or { values = [...] }, each with `zip` and `when` if need be";

fn check_keys_of_axis(value: &Value, content: &toml::Table) -> Result<()> {
    let Some(unknown) = content.keys().find(|key| !OF_AXIS.contains(&key.as_str())) else { return Ok(()) };
    let error = value.error(format!("has the unknown key `{unknown}`")).allowed(OF_AXIS.join(", "));
    Err(match nearest(unknown, OF_AXIS) {
        Some(near) => error.next(format!("did you mean `{near}`?")),
        None => error.next("the place of an axis is written in quotes: \"noise.readout\" = [0.01, 0.02]"),
    })
}

fn list(value: &Value, values: &[toml::Value]) -> Result<AxisValues> {
    if values.is_empty() {
        return Err(value.error("is empty").allowed("at least one value"));
    }
    Ok(AxisValues::List(values.to_vec()))
}

fn values(value: &Value, table: &Table, content: &toml::Table) -> Result<AxisValues> {
    let kinds = ["values", "linear", "log", "whole"];
    let given: Vec<&str> = kinds.into_iter().filter(|kind| content.contains_key(*kind)).collect();
    let [kind] = given[..] else {
        return Err(value.error(format!("has {} of {}", given.len(), kinds.join(", "))).allowed("exactly one of them"));
    };
    if kind == "values" {
        return match content.get(kind).and_then(toml::Value::as_array) {
            Some(values) => list(value, values),
            None => Err(value.error("has `values` that are no list").allowed(AXIS)),
        };
    }
    let ends = table.require(kind, "linear = [0, 1]")?;
    let scale = match kind {
        "linear" => Scale::Linear,
        "log" => Scale::Log,
        _ => Scale::Whole,
    };
    let points = optional(table, "points", |value| value.whole(1..=MAXIMUM_POINTS))?;
    Ok(AxisValues::Range { ends: range(&ends, scale)?, scale, points })
}

fn range(value: &Value, scale: Scale) -> Result<[f64; 2]> {
    let allowed = match scale {
        Scale::Linear => "two numbers, the first not above the second",
        Scale::Log => "two numbers greater than 0, the first not above the second",
        Scale::Whole => "two whole numbers, the first not above the second",
    };
    let items = value.items(allowed)?;
    let ends: Vec<f64> =
        items.iter().map(Value::number).collect::<Result<_>>().map_err(|error| error.allowed(allowed))?;
    let fits = |end: &f64| match scale {
        Scale::Linear => true,
        Scale::Log => *end > 0.0,
        Scale::Whole => end.fract() == 0.0 && end.abs() < 2f64.powi(53),
    };
    match ends[..] {
        [low, high] if low <= high && ends.iter().all(fits) => Ok([low, high]),
        _ => Err(value.error(format!("is {ends:?}")).allowed(allowed)),
    }
}

fn conditions(table: &Table, content: &toml::Table) -> Result<Vec<(String, Vec<toml::Value>)>> {
    let Some(value) = table.get("when") else { return Ok(Vec::new()) };
    let Some(places) = content.get("when").and_then(toml::Value::as_table) else {
        return Err(value.error("is no table").allowed("{ \"engine.kind\" = \"low-rank\" }, or a list of values"));
    };
    let allowed = |value: &toml::Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    Ok(places.iter().map(|(place, value)| (place.clone(), allowed(value))).collect())
}

/// What cannot be seen from one key alone.
fn check_together(config: &SweepConfig, section: &Table, top: &Table) -> Result<()> {
    if config.axes.is_empty() && config.from.is_none() {
        return Err(Error::input("nothing varies: there is no axis")
            .at_line(top.table("axes")?.line().max(1))
            .next("give `[axes]` with lines like \"engine.budget\" = [1e-2, 1e-3], or `from = \"points.csv\"` under `[sweep]`"));
    }
    let drawn = config.sampler != Sampler::Grid;
    for axis in &config.axes {
        let wrong = |what: &str, next: &str| {
            Err(Error::input(format!("axis `{}` {what}", axis.path)).at_line(axis.line).next(next))
        };
        match (&axis.values, drawn) {
            (AxisValues::Range { points: Some(_), .. }, true) => {
                return wrong(
                    "has `points`, but the sampler draws them",
                    "leave them out: `points` under `[sweep]` counts",
                );
            }
            (AxisValues::Range { points: None, scale: Scale::Linear | Scale::Log, .. }, false) => {
                return wrong("has no `points`", "say how many: { linear = [0, 1], points = 5 }");
            }
            _ => {}
        }
        if config.sampler == Sampler::Bayesian && !axis.when.is_empty() {
            return wrong("has a condition", "a Bayesian sweep has none: run one for each case");
        }
    }
    if let (Some(value), true) = (section.get("from"), drawn) {
        return Err(value.error("is given with a sampler that draws points").next("leave out `sampler`"));
    }
    if config.sampler == Sampler::Bayesian && config.objective.is_none() {
        return Err(Error::input("a Bayesian sweep needs an objective")
            .at_line(section.line())
            .next("name a result under `[sweep]`: minimise = \"expectations/Z0\""));
    }
    Ok(())
}
