//! `[checkpoint]`: when and where a run is saved. Lengths of time have units: `"30 min"`, `"2 h"`.

use super::Located;
use super::check::{located_string, optional};
use super::document::{Table, Value};
use crate::error::Result;
use serde::{Serialize, Serializer};

/// Seconds between checkpoints of a job that says nothing about them.
const DEFAULT_EVERY: f64 = 1800.0;
/// The longest time between two: 1000 days.
const LONGEST: f64 = 8.64e7;
/// The units and their seconds.
const UNITS: [(&str, f64); 5] = [("ms", 1e-3), ("s", 1.0), ("min", 60.0), ("h", 3600.0), ("d", 86400.0)];
const NEVER: &str = "never";
const ALLOWED: &str = "a time such as \"30 min\" or \"2 h\" (ms, s, min, h, d), a number of seconds, or \"never\"";

/// `[checkpoint]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckpointSection {
    /// Seconds from one checkpoint to the next (default half an hour); nothing for none but those of a signal or the wall-time limit.
    #[serde(serialize_with = "seconds_or_never")]
    pub every: Option<f64>,
    /// The folder, relative to the job file (default: the result file's name with `.checkpoint`).
    pub folder: Option<Located<String>>,
}

impl Default for CheckpointSection {
    fn default() -> Self {
        CheckpointSection { every: Some(DEFAULT_EVERY), folder: None }
    }
}

fn seconds_or_never<S: Serializer>(every: &Option<f64>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    match every {
        Some(seconds) => serializer.serialize_f64(*seconds),
        None => serializer.serialize_str(NEVER),
    }
}

pub(super) fn section(table: &Table) -> Result<CheckpointSection> {
    let every = optional(table, "every", every)?.unwrap_or(Some(DEFAULT_EVERY));
    let folder = optional(table, "folder", located_string)?;
    Ok(CheckpointSection { every, folder })
}

fn every(value: &Value) -> Result<Option<f64>> {
    let found = match value.is_string() {
        true => match value.string()?.trim() {
            NEVER => return Ok(None),
            text => seconds(text),
        },
        false => value.number().ok(),
    };
    let sensible = found.filter(|seconds| (1e-3..=LONGEST).contains(seconds));
    sensible.map(Some).ok_or_else(|| value.error("is no time between two checkpoints").allowed(ALLOWED))
}

/// Seconds of a time with its unit.
fn seconds(text: &str) -> Option<f64> {
    let split = text.find(|next: char| next.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.trim().parse::<f64>().ok().map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    fn parsed(section: &str) -> Result<CheckpointSection> {
        let text = format!("job = \"circuit\"\n[circuit]\nfile = \"a.qasm\"\n[checkpoint]\n{section}\n");
        parse(&text, "job.toml", &["circuit"]).map(|config| config.checkpoint)
    }

    #[test]
    fn times_have_units() {
        let times = [("30 min", 1800.0), ("2h", 7200.0), ("1.5 d", 129_600.0), ("90 s", 90.0), ("250 ms", 0.25)];
        for (text, expected) in times {
            assert_eq!(parsed(&format!("every = \"{text}\"")).unwrap().every, Some(expected), "{text}");
        }
        assert_eq!(parsed("every = 12").unwrap().every, Some(12.0));
        assert_eq!(parsed("every = \"never\"").unwrap().every, None);
        assert_eq!(parsed("").unwrap(), CheckpointSection::default());
        for wrong in ["\"30\"", "\"min\"", "\"2 weeks\"", "\"-1 h\"", "0", "\"nan s\"", "\"1e9 d\"", "true", "\"2 H\""]
        {
            let error = parsed(&format!("every = {wrong}")).unwrap_err();
            assert!(error.to_string().contains("30 min") && error.line == Some(5), "{wrong}: {error}");
        }
    }

    #[test]
    fn the_effective_job_says_the_same() {
        for section in ["", "every = \"never\"", "every = \"5 s\"\nfolder = \"scratch/a\""] {
            let text = format!("job = \"circuit\"\n[circuit]\nfile = \"a.qasm\"\n[checkpoint]\n{section}\n");
            let config = parse(&text, "job.toml", &["circuit"]).unwrap();
            assert_eq!(parse(&config.effective_toml(), "job.toml", &["circuit"]).unwrap(), config, "{section}");
        }
    }
}
