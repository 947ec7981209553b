//! The one error type: what went wrong, where, what is allowed and what to do next.
//!
//! An [`Error`] is plain data, so that the rank that met it can send it to all the others and every rank reports
//! the same text and ends with the same exit code.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Result with the program's error type.
pub type Result<T> = std::result::Result<T, Error>;

/// What sort of failure this is; decides the exit code (see [`ErrorKind::exit_code`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorKind {
    /// The user's input is wrong: a key, a gate, a probability, a missing or unreadable file.
    Input,
    /// The machine cannot do it: memory, disk, a library, the launcher.
    Resource,
    /// The requested error budget was missed and the job said `strict = true`.
    BudgetMissed,
    /// Points of a sweep failed; the others are in its table.
    PointsFailed,
    /// The run was told to stop and saved what it had: started again, it goes on.
    Interrupted,
    /// A defect of this program.
    Internal,
}

impl ErrorKind {
    /// Exit code of a run that ends with this kind of error: 1 resource or internal, 2 input, 3 budget missed, 4 points
    /// failed, 99 interrupted (with which Grid Engine, and SLURM where a site says so, start a job again).
    pub fn exit_code(self) -> u8 {
        match self {
            ErrorKind::Input => 2,
            ErrorKind::BudgetMissed => 3,
            ErrorKind::PointsFailed => 4,
            ErrorKind::Interrupted => 99,
            ErrorKind::Resource | ErrorKind::Internal => 1,
        }
    }
}

/// A failure that a person can act on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct Error {
    /// The sort of failure.
    pub kind: ErrorKind,
    /// The file it is about, as the user wrote its path.
    pub file: Option<String>,
    /// The line in that file, from 1.
    pub line: Option<usize>,
    /// What is wrong, one sentence, no full stop.
    pub what: String,
    /// What would be allowed here.
    pub allowed: Option<String>,
    /// What to do next.
    pub next: Option<String>,
}

impl Error {
    fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Error { kind, file: None, line: None, what: what.into(), allowed: None, next: None }
    }

    /// The user's input is wrong.
    pub fn input(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, what)
    }

    /// The machine cannot do it.
    pub fn resource(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Resource, what)
    }

    /// The budget was missed in a strict job.
    pub fn budget_missed(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::BudgetMissed, what)
    }

    /// Points of a sweep failed.
    pub fn points_failed(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::PointsFailed, what)
    }

    /// The run was told to stop and can go on later.
    pub fn interrupted(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Interrupted, what)
    }

    /// A defect of this program.
    pub fn internal(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, what)
    }

    /// Names the file, unless one is named already.
    pub fn in_file(mut self, file: impl fmt::Display) -> Self {
        self.file.get_or_insert_with(|| file.to_string());
        self
    }

    /// Names the line (from 1), unless one is named already.
    pub fn at_line(mut self, line: usize) -> Self {
        self.line.get_or_insert(line);
        self
    }

    /// Says what would be allowed.
    pub fn allowed(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }

    /// Says what to do next, unless that is said already.
    pub fn next_if_none(mut self, next: impl Into<String>) -> Self {
        self.next.get_or_insert_with(|| next.into());
        self
    }

    /// Says what to do next.
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(out, "{file}:{line}: ")?,
            (Some(file), None) => write!(out, "{file}: ")?,
            (None, Some(line)) => write!(out, "line {line}: ")?,
            (None, None) => {}
        }
        write!(out, "{}", self.what)?;
        if let Some(allowed) = &self.allowed {
            write!(out, "\n  allowed: {allowed}")?;
        }
        if let Some(next) = &self.next {
            write!(out, "\n  next: {next}")?;
        }
        Ok(())
    }
}

/// The entry of `known` nearest to `word`, if one is near enough to be a likely slip of the pen.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= likely_slips(candidate.len().max(word.len())))
        .min()
        .map(|(_, candidate)| candidate)
}

/// Slips that are likely in a word of this length; a word of two letters may be anything.
fn likely_slips(length: usize) -> usize {
    if length <= 2 { 0 } else { 1 + length / 4 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_where_what_allowed_and_next() {
        let error = Error::input("unknown key `budgt`")
            .in_file("job.toml")
            .at_line(7)
            .allowed("kind, budget")
            .next("did you mean `budget`?");
        assert_eq!(
            error.to_string(),
            "job.toml:7: unknown key `budgt`\n  allowed: kind, budget\n  next: did you mean `budget`?"
        );
        assert_eq!(error.kind.exit_code(), 2);
    }

    #[test]
    fn the_first_place_named_wins() {
        let error = Error::input("x").in_file("inner.inc").at_line(3).in_file("outer.qasm").at_line(9);
        assert_eq!((error.file.as_deref(), error.line), (Some("inner.inc"), Some(3)));
    }

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("budgt", ["kind", "budget"]), Some("budget"));
        assert_eq!(nearest("zzzzzz", ["kind", "budget"]), None);
        assert_eq!(nearest("b", ["x", "h"]), None, "one letter says nothing");
        assert_eq!(nearest("cutt", ["cuta", "cut"]), nearest("cutt", ["cut", "cuta"]), "order does not matter");
    }
}
