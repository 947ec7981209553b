//! What happened in a sweep, as it happens: one file for each rank and run that only ever grows.
//!
//! An entry is one frame: a mark of four bytes, the length and the CRC-32 of the content (32 bits each, little-endian),
//! and the content, MessagePack. A frame that was cut off or damaged is passed over, and the entries after it are found
//! by the next mark; a point whose entry is lost is simply run again. Every run writes files of its own, so none is ever
//! opened for writing twice.
//!
//! Entries become durable together ([`Journal`]): a thread writes what has come in, and flushes it to the disk, before
//! the first of it is [`COMMIT`] old.

mod frame;
mod reader;
mod writer;

pub use reader::JournalReader;
pub use writer::{COMMIT, Journal};

use super::Scalar;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Which point it is: a hash of everything that its results depend on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(pub [u8; 16]);

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

/// The value of one axis at a point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Parameter {
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Whole(i64),
    /// Any other number.
    Number(f64),
    /// Words, also lists and tables as TOML writes them.
    Text(String),
    /// The axis does not apply to this point.
    Absent(()),
}

impl fmt::Display for Parameter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Parameter::Flag(flag) => write!(out, "{flag}"),
            Parameter::Whole(number) => write!(out, "{number}"),
            Parameter::Number(number) => write!(out, "{number}"),
            Parameter::Text(text) => out.write_str(text),
            Parameter::Absent(()) => out.write_str("-"),
        }
    }
}

/// One entry of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    /// The first of every file.
    Begin(Begin),
    /// A point is being run.
    Started {
        /// Which one.
        point: Point,
        /// Seconds since the run began.
        elapsed: f64,
    },
    /// A point has ended.
    Ended(Ended),
    /// The rank has nothing left to run.
    Closed {
        /// Seconds since the run began.
        elapsed: f64,
        /// Why it ended before all points were run, if so.
        interrupted: Option<String>,
    },
}

/// Who writes a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// The rank.
    pub rank: u64,
    /// All ranks of the run.
    pub ranks: u64,
    /// Its host.
    pub host: String,
    /// Its process on that host.
    pub process: u32,
    /// When the run began, UTC, RFC 3339: for people, as clocks jump.
    pub started: String,
    /// Version and commit of the program.
    pub version: String,
}

/// A point of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Its place in the sweep, from 0.
    pub index: u64,
    /// What it is.
    pub key: Key,
    /// The values of the axes, in the order of the sweep's definition.
    pub parameters: Vec<Parameter>,
}

/// A point that has ended, for good or ill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// Which one.
    pub point: Point,
    /// What it found, or the error of its last attempt.
    pub result: Result<Vec<Scalar>, String>,
    /// How often it was tried in this run.
    pub attempts: u32,
    /// Wall time of the last attempt.
    pub seconds: f64,
    /// Seconds since the run began.
    pub elapsed: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn ended(index: u64, value: f64) -> Entry {
        let mut key = Key([0; 16]);
        key.0[..8].copy_from_slice(&index.to_le_bytes());
        let parameters = vec![Parameter::Number(0.1), Parameter::Whole(-3), Parameter::Text("é".into())];
        Entry::Ended(Ended {
            point: Point { index, key, parameters },
            result: Ok(vec![Scalar {
                name: "state/trace".into(),
                value,
                lower: -0.0,
                upper: f64::INFINITY,
                stderr: 1e-300,
            }]),
            attempts: 1,
            seconds: 0.25,
            elapsed: 1.5,
        })
    }

    #[test]
    fn numbers_keep_every_bit() {
        for value in [0.1 + 0.2, -0.0, f64::MIN_POSITIVE / 3.0, f64::MAX, f64::NEG_INFINITY] {
            let bytes = rmp_serde::to_vec(&ended(7, value)).unwrap();
            assert_eq!(rmp_serde::from_slice::<Entry>(&bytes).unwrap(), ended(7, value));
        }
        let parameters = [
            Parameter::Flag(true),
            Parameter::Whole(1),
            Parameter::Number(1.0),
            Parameter::Text("1".into()),
            Parameter::Absent(()),
        ];
        let bytes = rmp_serde::to_vec(&parameters).unwrap();
        assert_eq!(rmp_serde::from_slice::<Vec<Parameter>>(&bytes).unwrap(), parameters, "a whole number stays one");
    }
}
