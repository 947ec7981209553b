//! `job = "function"`: a test function of a few numbers.

use super::check::optional;
use super::document::{self, Table, Value};
use crate::error::{Error, Result};
use std::collections::BTreeMap;

const TABLES: document::Tables = &[
    ("", &["job", "seed", "function", "output"]),
    ("function", &["name", "arguments", "seconds"]),
    ("output", &["file"]),
];
const LARGEST_INTEGER: u64 = i64::MAX as u64;
/// Nobody waits longer.
const LONGEST: f64 = 1e6;

/// A checked test function.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionConfig {
    /// Its name.
    pub name: String,
    /// Its arguments by name.
    pub arguments: BTreeMap<String, f64>,
    /// Seconds that it takes to be computed (default 0).
    pub seconds: f64,
    /// Seed of its random number (default 1).
    pub seed: u64,
}

/// Reads and checks the text of a job file; `known` are the functions' names.
///
/// # Errors
/// Input error with file and line.
pub fn function(text: &str, file: &str, known: &[&str]) -> Result<FunctionConfig> {
    read(text, known).map_err(|error: Error| error.in_file(file))
}

fn read(text: &str, known: &[&str]) -> Result<FunctionConfig> {
    let document = document::parse(text)?;
    let top = Table::top(text, TABLES, document.get_ref())?;
    let section = top.table("function")?;
    let choices: Vec<(&str, &str)> = known.iter().map(|name| (*name, *name)).collect();
    let name = section.require("name", "name = \"branin\"").map_err(|error| error.allowed(known.join(", ")))?;
    let arguments = section.table("arguments")?;
    let seconds = |value: &Value| value.number_where(|number| (0.0..=LONGEST).contains(&number), "seconds, 0 to 1e6");
    Ok(FunctionConfig {
        name: name.choice(&choices)?.to_string(),
        arguments: arguments.entries().map(|(name, value)| Ok((name, value.number()?))).collect::<Result<_>>()?,
        seconds: optional(&section, "seconds", seconds)?.unwrap_or(0.0),
        seed: optional(&top, "seed", |value| value.whole(0..=LARGEST_INTEGER))?.unwrap_or(1),
    })
}
