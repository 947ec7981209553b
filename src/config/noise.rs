//! The `[noise]` table of a job, which is also what a noise model file in TOML holds.

use super::Located;
use super::check::{located, located_string, optional, probability};
use super::document::{Table, Value};
use crate::error::{Error, Result};
use serde::Serialize;
use std::collections::BTreeMap;

/// Row by row, each entry its real and its imaginary part.
pub type MatrixSection = Vec<Vec<[f64; 2]>>;

/// `[noise]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NoiseSection {
    /// A file: a noise model of Qiskit Aer, properties of an IBM backend, or a native model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Located<String>>,
    /// For each qubit of the circuit the qubit of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<Located<Vec<usize>>>,
    /// Whether a model that does not fit the circuit is an error; else it is a warning.
    pub strict: bool,
    /// Misread bits, default none.
    pub readout: ReadoutSection,
    /// After every gate.
    pub depolarizing: DepolarizingSection,
    /// Noise of idle qubits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<IdleSection>,
    /// In order.
    #[serde(rename = "rule", skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Located<RuleSection>>,
}

impl Default for NoiseSection {
    fn default() -> NoiseSection {
        NoiseSection {
            model: None,
            layout: None,
            strict: true,
            readout: ReadoutSection::default(),
            depolarizing: DepolarizingSection::default(),
            idle: None,
            rules: Vec::new(),
        }
    }
}

/// `[noise.depolarizing]`: probabilities, default 0.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct DepolarizingSection {
    /// After one-qubit gates.
    pub one_qubit: f64,
    /// After two-qubit gates.
    pub two_qubit: f64,
}

/// `noise.readout`
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ReadoutSection {
    /// Each bit is read wrongly with this probability.
    Symmetric(f64),
    /// One matrix for each qubit.
    Matrix(Vec<Vec<f64>>),
    /// Matrices of qubits and of groups.
    Tables(Vec<ReadoutMatrix>),
}

impl Default for ReadoutSection {
    fn default() -> ReadoutSection {
        ReadoutSection::Symmetric(0.0)
    }
}

/// One matrix of `noise.readout`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReadoutMatrix {
    /// Its qubits, the first the least significant bit.
    pub qubits: Vec<usize>,
    /// A row for each true value.
    pub matrix: Vec<Vec<f64>>,
}

/// `[noise.idle]`: times in seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IdleSection {
    /// `asap` or `alap`.
    pub schedule: &'static str,
    /// Of all qubits, or of each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub t1: Vec<f64>,
    /// Of all qubits, or of each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub t2: Vec<f64>,
    /// Population of |1> in equilibrium.
    pub excited: f64,
    /// By gate.
    pub durations: BTreeMap<String, f64>,
}

/// One `[[noise.rule]]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleSection {
    /// Names of the gates; none for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<String>,
    /// Qubits of the gate; none for any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub qubits: Vec<Vec<usize>>,
    /// `before` or `after`.
    pub place: &'static str,
    /// Qubits that the channel acts on instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<usize>>,
    /// Only where no rule before it acts.
    pub otherwise: bool,
    /// Kind of the channel.
    pub channel: String,
    /// Its parameters.
    #[serde(flatten)]
    pub numbers: BTreeMap<String, f64>,
    /// Its Pauli strings.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub paulis: BTreeMap<String, f64>,
    /// Its matrices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matrices: Vec<MatrixSection>,
}

/// Keys of a rule that are no parameters of its channel.
const OF_RULES: [&str; 8] = ["gates", "qubits", "place", "on", "otherwise", "channel", "paulis", "matrices"];
/// No device has more qubits.
const LARGEST_PLACE: u64 = 100_000;
const SCHEDULES: &[(&str, &str)] = &[("asap", "asap"), ("alap", "alap")];
const PLACES: &[(&str, &str)] = &[("after", "after"), ("before", "before")];

pub(super) fn section(table: &Table) -> Result<NoiseSection> {
    let depolarizing = table.table("depolarizing")?;
    let rules = |value: &Value| {
        value.items("an array of rules, `[[noise.rule]]`")?.iter().map(|value| located(value, rule)).collect()
    };
    Ok(NoiseSection {
        model: optional(table, "model", located_string)?,
        layout: optional(table, "layout", |value| located(value, |value| places(value)))?,
        strict: optional(table, "strict", Value::flag)?.unwrap_or(true),
        readout: optional(table, "readout", readout)?.unwrap_or_default(),
        depolarizing: DepolarizingSection {
            one_qubit: optional(&depolarizing, "one_qubit", probability)?.unwrap_or(0.0),
            two_qubit: optional(&depolarizing, "two_qubit", probability)?.unwrap_or(0.0),
        },
        idle: optional(table, "idle", |_| idle(&table.table("idle")?))?,
        rules: optional(table, "rule", rules)?.unwrap_or_default(),
    })
}

/// Distinct qubits.
fn places(value: &Value) -> Result<Vec<usize>> {
    let mut qubits = Vec::new();
    for item in value.items("an array of qubits such as [3, 5]")? {
        let qubit = item.whole(0..=LARGEST_PLACE)? as usize;
        if qubits.contains(&qubit) {
            return Err(item.error(format!("repeats qubit {qubit}")).allowed("each qubit once"));
        }
        qubits.push(qubit);
    }
    if qubits.is_empty() { Err(value.error("is empty").allowed("at least one qubit")) } else { Ok(qubits) }
}

fn readout(value: &Value) -> Result<ReadoutSection> {
    const ALLOWED: &str = "a probability; a matrix [[p00, p01], [p10, p11]], a row for each true value; or tables { qubits = [0], matrix = [[...], [...]] }";
    if !value.is_array() {
        return Ok(ReadoutSection::Symmetric(probability(value)?));
    }
    let items = value.items(ALLOWED)?;
    if items.iter().all(Value::is_array) {
        return Ok(ReadoutSection::Matrix(confusion(value)?));
    }
    let matrix = |item: &Value| {
        let table = item.table()?.check_keys()?;
        let qubits = places(&table.require("qubits", "qubits = [0]")?)?;
        Ok(ReadoutMatrix {
            qubits,
            matrix: confusion(&table.require("matrix", "matrix = [[0.99, 0.01], [0.02, 0.98]]")?)?,
        })
    };
    Ok(ReadoutSection::Tables(items.iter().map(matrix).collect::<Result<_>>()?))
}

fn confusion(value: &Value) -> Result<Vec<Vec<f64>>> {
    let row = |row: &Value| row.items("a row of probabilities")?.iter().map(probability).collect();
    value.items("rows of probabilities")?.iter().map(row).collect()
}

fn idle(table: &Table) -> Result<IdleSection> {
    let time = |value: &Value| value.number_where(|number| number > 0.0, "a time in seconds, greater than 0");
    let times = |value: &Value| match value.is_array() {
        true => value.items("a time in seconds, or one for each qubit")?.iter().map(time).collect(),
        false => Ok(vec![time(value)?]),
    };
    let duration = |value: &Value| value.number_where(|number| number >= 0.0, "a time in seconds, 0 or more");
    let durations = table.table("durations")?;
    Ok(IdleSection {
        schedule: optional(table, "schedule", |value| value.choice(SCHEDULES))?.unwrap_or("asap"),
        t1: optional(table, "t1", times)?.unwrap_or_default(),
        t2: optional(table, "t2", times)?.unwrap_or_default(),
        excited: optional(table, "excited", probability)?.unwrap_or(0.0),
        durations: durations.entries().map(|(name, value)| Ok((name, duration(&value)?))).collect::<Result<_>>()?,
    })
}

fn rule(value: &Value) -> Result<RuleSection> {
    let table = value.table()?.check_keys()?;
    let strings = |value: &Value| match value.is_string() {
        true => Ok(vec![value.string()?]),
        false => value.items("names of gates such as [\"cx\", \"cz\"]")?.iter().map(Value::string).collect(),
    };
    let lists = |value: &Value| value.items("lists of qubits such as [[0, 1], [1, 0]]")?.iter().map(places).collect();
    let mut rule = RuleSection {
        gates: optional(&table, "gates", strings)?.unwrap_or_default(),
        qubits: optional(&table, "qubits", lists)?.unwrap_or_default(),
        place: optional(&table, "place", |value| value.choice(PLACES))?.unwrap_or("after"),
        on: optional(&table, "on", places)?,
        otherwise: optional(&table, "otherwise", Value::flag)?.unwrap_or(false),
        channel: table.require("channel", "channel = \"depolarizing\"")?.string()?,
        numbers: BTreeMap::new(),
        paulis: optional(&table, "paulis", |value| {
            value.table()?.entries().map(|(name, value)| Ok((name, value.number()?))).collect()
        })?
        .unwrap_or_default(),
        matrices: optional(&table, "matrices", |value| {
            value.items("an array of matrices")?.iter().map(matrix).collect()
        })?
        .unwrap_or_default(),
    };
    for (name, value) in table.entries().filter(|(name, _)| !OF_RULES.contains(&name.as_str())) {
        rule.numbers.insert(name, value.number()?);
    }
    Ok(rule)
}

/// Rows of numbers or of pairs [real, imaginary].
fn matrix(value: &Value) -> Result<MatrixSection> {
    const ENTRY: &str = "a number, or a pair [real, imaginary]";
    let entry = |value: &Value| {
        if !value.is_array() {
            return Ok([value.number()?, 0.0]);
        }
        let parts = value.items(ENTRY)?.iter().map(Value::number).collect::<Result<Vec<_>>>()?;
        <[f64; 2]>::try_from(parts).map_err(|_| value.error("is no complex number").allowed(ENTRY))
    };
    let row = |row: &Value| row.items("a row of the matrix")?.iter().map(entry).collect();
    value.items("a matrix, row by row")?.iter().map(row).collect()
}

/// Reads a noise model file in TOML, which holds what `[noise]` of a job holds, but for the name of another model.
///
/// # Errors
/// Input error with the line of whatever is not allowed.
pub fn noise_file(text: &str, file: &str) -> Result<NoiseSection> {
    let read = || {
        let document = super::document::parse(text)?;
        let top = Table::top(text, super::document::NOISE, document.get_ref())?;
        match top.get("model") {
            Some(value) => Err(value.error("names a model within a model").next("put all rules into one file")),
            None => section(&top),
        }
    };
    read().map_err(|error: Error| error.in_file(file))
}
