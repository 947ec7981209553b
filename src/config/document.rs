//! The raw side: TOML tables and values that know their names and lines, and the errors they give.
//!
//! It serves every kind of TOML file the program reads; what tables and keys there are is said by the [`Tables`].

use crate::error::{Error, Result, nearest};
use std::ops::RangeInclusive;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Every table of a kind of file and its keys; the top level has the empty name.
pub(super) type Tables = &'static [(&'static str, &'static [&'static str])];

/// The tables of a job file.
pub(super) const JOB: Tables = &[
    ("", &["job", "seed", "circuit", "noise", "engine", "observe", "output", "checkpoint"]),
    ("circuit", &["file", "initial", "parameters", "while_passes"]),
    ("noise", OF_NOISE),
    ("noise.depolarizing", OF_DEPOLARIZING),
    ("noise.readout", OF_READOUT),
    ("noise.idle", OF_IDLE),
    ("noise.rule", OF_RULE),
    (
        "engine",
        &[
            "kind",
            "budget",
            "cut",
            "prune",
            "compression",
            "max_rank",
            "tail",
            "trajectories",
            "standard_error",
            "memory",
            "strict",
            "precision",
            "threads",
            "device",
            "gpu",
            "spill",
        ],
    ),
    ("engine.tail", &["blocks", "columns"]),
    (
        "observe",
        &[
            "expectations",
            "expectations_file",
            "variance",
            "probabilities",
            "shots",
            "reduced",
            "entropy",
            "spectrum",
            "negativity",
            "fidelity",
        ],
    ),
    ("output", &["file", "state"]),
    ("checkpoint", &["every", "folder"]),
    ("observe.negativity", &["a", "b"]),
    ("observe.fidelity", &["state", "circuit", "file"]),
];

/// The tables of a noise model file.
pub(super) const NOISE: Tables =
    &[("", OF_NOISE), ("depolarizing", OF_DEPOLARIZING), ("readout", OF_READOUT), ("idle", OF_IDLE), ("rule", OF_RULE)];

const OF_NOISE: &[&str] = &["model", "layout", "strict", "readout", "depolarizing", "idle", "rule"];
const OF_DEPOLARIZING: &[&str] = &["one_qubit", "two_qubit"];
/// Of the tables of the array.
const OF_READOUT: &[&str] = &["qubits", "matrix"];
const OF_IDLE: &[&str] = &["schedule", "t1", "t2", "excited", "durations"];
/// With the parameters of all channels.
const OF_RULE: &[&str] = &[
    "gates",
    "qubits",
    "place",
    "on",
    "otherwise",
    "channel",
    "paulis",
    "matrices",
    "p",
    "p_x",
    "p_y",
    "p_z",
    "p_0",
    "p_1",
    "gamma",
    "angle",
    "t1",
    "t2",
    "time",
    "excited",
];

/// Reads TOML.
pub(super) fn parse(text: &str) -> Result<Spanned<DeTable<'_>>> {
    DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        let near = text.get(span.clone()).unwrap_or_default().lines().next().unwrap_or_default();
        let near = if near.is_empty() { String::new() } else { format!(", at `{near}`") };
        Error::input(format!("wrong TOML: {}{near}", error.message().replace('\n', " ")))
            .at_line(line_of(text, span.start))
            .allowed("lines `key = value` under `[section]` headers; text in double quotes, each key once")
    })
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count()
}

/// The text of a file and the tables it may have.
#[derive(Clone, Copy)]
struct Source<'a> {
    text: &'a str,
    tables: Tables,
}

/// A table whose keys are known to be allowed. One that the file leaves out has no entries.
pub(super) struct Table<'a> {
    name: String,
    source: Source<'a>,
    line: Option<usize>,
    entries: Option<&'a DeTable<'a>>,
}

impl<'a> Table<'a> {
    /// The whole file.
    pub(super) fn top(text: &'a str, tables: Tables, entries: &'a DeTable<'a>) -> Result<Self> {
        Self::top_unchecked(text, tables, entries).check_keys()
    }

    /// The whole file, in which there may be other keys.
    pub(super) fn top_unchecked(text: &'a str, tables: Tables, entries: &'a DeTable<'a>) -> Self {
        Table { name: String::new(), source: Source { text, tables }, line: None, entries: Some(entries) }
    }

    /// The table under this key, empty if absent.
    pub(super) fn table(&self, key: &str) -> Result<Table<'a>> {
        match self.get(key) {
            Some(value) => value.table()?.check_keys(),
            None => Ok(Table { name: self.path(key), source: self.source, line: None, entries: None }),
        }
    }

    /// The value of a known key.
    pub(super) fn get(&self, key: &str) -> Option<Value<'a>> {
        debug_assert!(self.known().is_none_or(|known| known.contains(&key)), "{key} must be listed in the tables");
        let value = self.entries?.get(key)?;
        Some(Value { name: self.path(key), source: self.source, value })
    }

    /// The value of a key that must be there; `example` shows how to write it.
    pub(super) fn require(&self, key: &str, example: &str) -> Result<Value<'a>> {
        self.get(key).ok_or_else(|| {
            let error = Error::input(format!("`{}` is missing", self.path(key)));
            let error = match self.name.as_str() {
                "" => error.next(format!("write `{example}` at the top of the file")),
                name => error.next(format!("write `{example}` under `[{name}]`")),
            };
            self.line.into_iter().fold(error, Error::at_line)
        })
    }

    /// All keys with their values, for tables whose keys are the user's own.
    pub(super) fn entries(&self) -> impl Iterator<Item = (String, Value<'a>)> {
        let entries = self.entries.into_iter().flatten();
        entries.map(|(key, value)| {
            let key = key.get_ref().to_string();
            (key.clone(), Value { name: self.path(&key), source: self.source, value })
        })
    }

    /// The line of its first character; 0 if the file leaves it out.
    pub(super) fn line(&self) -> usize {
        self.line.unwrap_or(0)
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.into() } else { format!("{}.{key}", self.name) }
    }

    /// Tables of an array are known by the name of the array.
    fn known(&self) -> Option<&'static [&'static str]> {
        let own = self.name.split('[').next().unwrap_or_default();
        self.source.tables.iter().find(|(name, _)| *name == own).map(|(_, keys)| *keys)
    }

    /// Refuses the first key, by line, that no one reads; a table that is not listed has keys of the user's own.
    pub(super) fn check_keys(self) -> Result<Self> {
        let Some(known) = self.known() else { return Ok(self) };
        let keys = self.entries.into_iter().flatten().map(|(key, _)| key);
        let unknown = keys.filter(|key| !known.contains(&key.get_ref().as_ref()));
        match unknown.min_by_key(|key| key.span().start) {
            Some(key) => Err(self.unknown_key(key.get_ref(), key.span().start, known)),
            None => Ok(self),
        }
    }

    fn unknown_key(&self, key: &str, offset: usize, known: &[&str]) -> Error {
        let place = if self.name.is_empty() { "at the top of the file".into() } else { format!("in `{}`", self.name) };
        let error = Error::input(format!("unknown key `{key}` {place}"))
            .at_line(line_of(self.source.text, offset))
            .allowed(known.join(", "));
        let elsewhere = self.source.tables.iter().find(|(_, keys)| keys.contains(&key)).map(|(name, _)| *name);
        match (elsewhere, nearest(key, known.iter().copied())) {
            (Some(""), _) => error.next(format!("`{key}` belongs at the top of the file, above the first section")),
            (Some(name), _) => error.next(format!("`{key}` belongs under `[{name}]`")),
            (None, Some(near)) => error.next(format!("did you mean `{near}`?")),
            (None, None) => error,
        }
    }
}

/// A value with its dotted name.
pub(super) struct Value<'a> {
    name: String,
    source: Source<'a>,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Value<'a> {
    /// Its line.
    pub(super) fn line(&self) -> usize {
        line_of(self.source.text, self.value.span().start)
    }

    /// An error about this value: `what` follows its name.
    pub(super) fn error(&self, what: impl AsRef<str>) -> Error {
        Error::input(format!("`{}` {}", self.name, what.as_ref())).at_line(self.line())
    }

    fn wrong_type(&self) -> Error {
        self.error(format!(
            "is {}",
            match self.value.get_ref() {
                DeValue::String(_) => "a string",
                DeValue::Integer(_) => "a whole number",
                DeValue::Float(_) => "a number with a fraction or exponent",
                DeValue::Boolean(_) => "true or false",
                DeValue::Datetime(_) => "a date or time",
                DeValue::Array(_) => "an array",
                DeValue::Table(_) => "a table",
            }
        ))
    }

    /// Any finite number.
    pub(super) fn number(&self) -> Result<f64> {
        let value = match self.value.get_ref() {
            DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix()).ok().map(|n| n as f64),
            DeValue::Float(digits) => digits.as_str().parse().ok(),
            _ => return Err(self.wrong_type().allowed("a number")),
        };
        value
            .filter(|value: &f64| value.is_finite())
            .ok_or_else(|| self.error("is not finite").allowed("a finite number"))
    }

    /// A number that passes; `allowed` says which do.
    pub(super) fn number_where(&self, passes: impl Fn(f64) -> bool, allowed: &str) -> Result<f64> {
        let value = self.number().map_err(|error| error.allowed(allowed))?;
        if passes(value) { Ok(value) } else { Err(self.error(format!("is {value}")).allowed(allowed)) }
    }

    /// A whole number in a range.
    pub(super) fn whole(&self, range: RangeInclusive<u64>) -> Result<u64> {
        let allowed = format!("a whole number, {} to {}", range.start(), range.end());
        let DeValue::Integer(digits) = self.value.get_ref() else { return Err(self.wrong_type().allowed(allowed)) };
        let value = u64::from_str_radix(digits.as_str(), digits.radix()).ok();
        value.filter(|value| range.contains(value)).ok_or_else(|| self.error(format!("is {digits}")).allowed(allowed))
    }

    /// `true` or `false`.
    pub(super) fn flag(&self) -> Result<bool> {
        self.value.get_ref().as_bool().ok_or_else(|| self.wrong_type().allowed("true or false, without quotes"))
    }

    /// A string that is not empty.
    pub(super) fn string(&self) -> Result<String> {
        let value = self.value.get_ref().as_str().ok_or_else(|| self.wrong_type().allowed("a string, in quotes"))?;
        if value.trim().is_empty() { Err(self.error("is empty")) } else { Ok(value.into()) }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let word = self.string().map_err(|error| error.allowed(names.join(", ")))?;
        let chosen = choices.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
        chosen.ok_or_else(|| {
            let error = self.error(format!("is `{word}`, which is unknown")).allowed(names.join(", "));
            match nearest(&word, names.iter().copied()) {
                Some(near) => error.next(format!("did you mean \"{near}\"?")),
                None => error,
            }
        })
    }

    /// The items of an array; `allowed` says of what.
    pub(super) fn items(&self, allowed: &str) -> Result<Vec<Value<'a>>> {
        let items = self.value.get_ref().as_array().ok_or_else(|| self.wrong_type().allowed(allowed))?;
        let item = |(index, value)| Value { name: format!("{}[{index}]", self.name), source: self.source, value };
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// A table whose keys are not looked at.
    pub(super) fn table(&self) -> Result<Table<'a>> {
        let table = Table { name: self.name.clone(), source: self.source, line: Some(self.line()), entries: None };
        match (self.value.get_ref().as_table(), table.known()) {
            (Some(entries), _) => Ok(Table { entries: Some(entries), ..table }),
            (None, Some(known)) => {
                Err(self.wrong_type().allowed(format!("a table with the keys {}", known.join(", "))))
            }
            (None, None) => Err(self.wrong_type().allowed("a table, `{ name = value }`")),
        }
    }

    /// True for an array.
    pub(super) fn is_array(&self) -> bool {
        self.value.get_ref().as_array().is_some()
    }

    /// True for a string.
    pub(super) fn is_string(&self) -> bool {
        self.value.get_ref().is_str()
    }
}
