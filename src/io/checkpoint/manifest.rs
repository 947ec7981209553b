//! What a generation of a checkpoint consists of.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The version of the format: of the files and of the facts in them. A program reads its own only.
pub const FORMAT: u32 = 1;

/// The list of a generation, and what decides who may go on with it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`] of the program that wrote it.
    pub format: u32,
    /// Its version.
    pub version: String,
    /// Rises with every checkpoint of a run.
    pub generation: u64,
    /// The hash of the job and all its inputs.
    pub job: String,
    /// When it was written.
    pub written: String,
    /// How far the run was, for people.
    pub progress: String,
    /// Seconds that the run had taken.
    pub seconds: f64,
    /// The files, one for each rank that worked.
    pub parts: Vec<PartInfo>,
}

/// The file of one rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartInfo {
    /// Bytes in all.
    pub bytes: u64,
    /// CRC-32 of its table of checksums.
    pub checksum: u32,
}

impl Manifest {
    /// As it stands in its file.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("plain data encodes");
        text.push(b'\n');
        text
    }

    /// From its file's content.
    ///
    /// # Errors
    /// Resource error when it is damaged; input error when another version wrote it.
    pub(super) fn from_json(content: &[u8], path: &Path) -> Result<Manifest> {
        let damaged = |cause: serde_json::Error| {
            Error::resource(format!("is damaged: {cause}")).in_file(path.display()).next("start over with --fresh")
        };
        let value: serde_json::Value = serde_json::from_slice(content).map_err(damaged)?;
        let format = value.get("format").and_then(serde_json::Value::as_u64);
        if let Some(other) = format.filter(|format| *format != u64::from(FORMAT)) {
            let what = format!("is a checkpoint in format {other}, this program has format {FORMAT}");
            return Err(Error::input(what)
                .in_file(path.display())
                .next("go on with the version of the program that wrote it, or start over with --fresh"));
        }
        serde_json::from_value(value).map_err(damaged)
    }
}
