//! OpenQASM 2 and 3: text in, circuit out.
//!
//! `lexer` makes tokens, `parser` makes statements (one at a time, the same for both versions), `expand` carries them
//! out: it evaluates what is known before the run, unrolls loops, expands gate definitions and lowers everything to a
//! [`Circuit`].
//!
//! # Choices where the language leaves room
//! - `qelib1.inc` (with Qiskit's extensions) and `stdgates.inc` are built in: their gates are primitive, one
//!   [`Gate`](crate::model::Gate) a call. A call with a modifier is one gate on all its qubits. The gates of a user's
//!   definition are expanded, unless [`Options::whole`] names them; each carries the line of the outermost call.
//! - A definition may replace a gate of `qelib1.inc` (files written for an older version of it bring their own), but
//!   not one of `stdgates.inc`, as OpenQASM 3 forbids it.
//! - Values of type `angle` are real numbers, not reduced modulo 2 pi. Integers divide as integers where an integer is
//!   wanted (indices, ranges, `int` variables) and as real numbers elsewhere: `rx(1/2)`, `pow(1/2) @`.
//! - `if` on measured bits becomes [`Operation::If`](crate::model::Operation::If) when it tests bits for values.
//! - `box { ... }` without a duration is a plain block.

mod ast;
mod expand;
mod lexer;
mod limits;
mod parser;
mod scope;
#[cfg(test)]
mod tests;
mod value;

use crate::config::DEFAULT_WHILE_PASSES;
use crate::error::{Error, Result};
use crate::model::Circuit;
use expand::Expander;
use parser::Parser;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Fetches an included file; the path is already resolved relative to the including file.
pub type Read<'r> = dyn FnMut(&Path) -> Result<Vec<u8>> + 'r;

/// What a circuit file leaves open.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The values of its `input` variables.
    pub parameters: BTreeMap<String, f64>,
    /// Gates that are one gate each, with their noise, even if the file defines them in terms of others.
    pub whole: BTreeSet<String>,
    /// A `while` on measured bits ends after so many passes, whatever its condition then is.
    pub while_passes: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { parameters: BTreeMap::new(), whole: BTreeSet::new(), while_passes: DEFAULT_WHILE_PASSES }
    }
}

/// Reads a circuit. `file` is its path as the user gave it.
///
/// # Errors
/// Input error, with file and line, for anything that is not a circuit this program can represent.
pub fn parse(source: &[u8], file: &Path, options: &Options, read: &mut Read<'_>) -> Result<Circuit> {
    parse_file(source, file, options, read).map_err(|error| error.in_file(file.display()))
}

fn parse_file(source: &[u8], file: &Path, options: &Options, read: &mut Read<'_>) -> Result<Circuit> {
    let mut parser = Parser::new(decode(source)?, 1, parser::Version::Two, "the end of the file")?;
    let version = parser.header()?.ok_or_else(|| {
        Error::input("the file does not say its version of OpenQASM")
            .at_line(1)
            .next("start it with `OPENQASM 2.0;` or `OPENQASM 3.0;`")
    })?;
    let mut expander = Expander::new(version, file, options, read);
    let outcome = expander.run(&mut parser);
    expander.finish(outcome)
}

/// The text of a file.
///
/// # Errors
/// Input error when it is not text.
fn decode(source: &[u8]) -> Result<&str> {
    let text = match std::str::from_utf8(source) {
        Ok(text) => text,
        Err(error) => return Err(not_text(&source[..error.valid_up_to()])),
    };
    text.find('\0').map_or(Ok(text), |end| Err(not_text(&source[..end])))
}

/// The error for a file whose text ends after `valid`.
fn not_text(valid: &[u8]) -> Error {
    let line = 1 + valid.iter().filter(|&&byte| byte == b'\n').count();
    Error::input("the file is not text (UTF-8)").at_line(line).next("check that the path names an OpenQASM file")
}
