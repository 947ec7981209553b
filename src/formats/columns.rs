//! Tables of values: CSV with a line of names, or JSON lines with the same names in each.

use crate::error::{Error, Result};
use std::collections::BTreeMap;

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its values, one for each row.
    pub values: Vec<toml::Value>,
}

/// Reads a table; `file` ends in `.csv`, or in `.jsonl` or `.ndjson`.
///
/// In CSV whole numbers, other numbers, `true` and `false` are what they look like, all else is text.
///
/// # Errors
/// Input error with file and line: another ending, rows of different lengths, names that are missing or there twice, values that
/// no job file can hold, no row.
pub fn read(text: &str, file: &str) -> Result<Vec<Column>> {
    let columns = match file.rsplit_once('.').map(|(_, ending)| ending) {
        Some("csv") => csv(text),
        Some("jsonl" | "ndjson") => json_lines(text),
        _ => Err(Error::input("is no table").allowed("files that end in .csv, .jsonl or .ndjson")),
    };
    let columns = columns.and_then(|columns| match columns.first() {
        Some(first) if !first.values.is_empty() => Ok(columns),
        _ => Err(Error::input("the table has no rows").next("give at least one line of values")),
    });
    columns.map_err(|error| error.in_file(file))
}

fn csv(text: &str) -> Result<Vec<Column>> {
    let wrong = |error: csv::Error| {
        let line = error.position().map(|place| place.line() as usize);
        let error = Error::input(format!("wrong CSV: {}", error.to_string().replace("CSV error: ", "")));
        line.into_iter().fold(error, Error::at_line)
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let names = reader.headers().map_err(wrong)?.clone();
    let mut columns = names_of(names.iter())?;
    for row in reader.records() {
        let row = row.map_err(wrong)?;
        columns.iter_mut().zip(row.iter()).for_each(|(column, text)| column.values.push(value(text)));
    }
    Ok(columns)
}

fn names_of<'a>(names: impl Iterator<Item = &'a str>) -> Result<Vec<Column>> {
    let mut columns: Vec<Column> = Vec::new();
    for name in names {
        if name.is_empty() || columns.iter().any(|column| column.name == name) {
            let what =
                if name.is_empty() { "a column has no name".into() } else { format!("two columns are named `{name}`") };
            return Err(Error::input(what).at_line(1).allowed("a first line of different names"));
        }
        columns.push(Column { name: name.into(), values: Vec::new() });
    }
    Ok(columns)
}

/// What a field of a CSV file is.
fn value(text: &str) -> toml::Value {
    let number = || text.parse::<f64>().ok().filter(|number| number.is_finite()).map(toml::Value::Float);
    let whole = text.parse::<i64>().ok().map(toml::Value::Integer);
    let flag = || text.parse::<bool>().ok().map(toml::Value::Boolean);
    whole.or_else(number).or_else(flag).unwrap_or_else(|| toml::Value::String(text.into()))
}

fn json_lines(text: &str) -> Result<Vec<Column>> {
    let mut columns: Vec<Column> = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let row: BTreeMap<String, toml::Value> = serde_json::from_str(line).map_err(|error| {
            Error::input(format!("wrong JSON: {error}")).at_line(index + 1).allowed("an object on each line")
        })?;
        if columns.is_empty() {
            columns = names_of(row.keys().map(String::as_str))?;
        }
        if row.len() != columns.len() || columns.iter().any(|column| !row.contains_key(&column.name)) {
            let names: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
            let error = Error::input("this line has other names than the first").at_line(index + 1);
            return Err(error.allowed(format!("exactly {}", names.join(", "))));
        }
        columns.iter_mut().zip(row.into_values()).for_each(|(column, value)| column.values.push(value));
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_give_the_same_columns() {
        let csv =
            read("engine.budget, noise.readout,engine.kind\n1e-2,0,low-rank\n0.5, 1 ,\"a, b\"\n", "a.csv").unwrap();
        let json = "{\"engine.budget\": 1e-2, \"noise.readout\": 0, \"engine.kind\": \"low-rank\"}\n\n\
                    {\"noise.readout\": 1, \"engine.kind\": \"a, b\", \"engine.budget\": 0.5}\n";
        let mut sorted = csv.clone();
        sorted.sort_by(|one, other| one.name.cmp(&other.name));
        assert_eq!(sorted, read(json, "b/a.jsonl").unwrap());
        assert_eq!(csv[0].values, [toml::Value::Float(0.01), toml::Value::Float(0.5)]);
        assert_eq!(csv[1].values, [toml::Value::Integer(0), toml::Value::Integer(1)]);
    }

    #[test]
    fn wrong_tables_are_refused_with_their_line() {
        for (text, file, expected) in [
            ("a,b\n1,2\n3\n", "t.csv", "t.csv:3: wrong CSV"),
            ("a,a\n1,2\n", "t.csv", "t.csv:1: two columns are named `a`"),
            ("a,\n1,2\n", "t.csv", "t.csv:1: a column has no name"),
            ("a,b\n", "t.csv", "t.csv: the table has no rows"),
            ("{\"a\": 1}\n{\"b\": 1}\n", "t.jsonl", "t.jsonl:2: this line has other names"),
            ("{\"a\": 1}\n{\"a\": null}\n", "t.jsonl", "t.jsonl:2: wrong JSON"),
            ("[1]\n", "t.ndjson", "t.ndjson:1: wrong JSON"),
            ("a\n1\n", "t.txt", "t.txt: is no table"),
        ] {
            let message = read(text, file).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
