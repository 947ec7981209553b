//! Reads from a result file how wide the factor was at each step.

use super::schema;
use super::state_file::{open_result, refusal};
use crate::error::{Error, Result};
use hdf5::types::VarLenUnicode;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The widths along a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WidthTrace {
    /// Number of qubits of the circuit.
    pub qubits: u64,
    /// Kind of each step and the columns after it.
    pub rows: Vec<(String, u64)>,
}

impl WidthTrace {
    /// Reads the trace of a result file.
    ///
    /// # Errors
    /// An input error that says what is wrong: the file is missing, damaged, no result, or has no trace.
    pub fn read(path: &Path) -> Result<WidthTrace> {
        let file = open_result(path)?;
        let without = |_| no_trace(path);
        let state = file.group("results/state").map_err(without)?;
        let qubits = state.attr("qubits").and_then(|attribute| attribute.read_scalar()).map_err(without)?;
        let trace = file.group("trace").map_err(without)?;
        let widths = trace.dataset(schema::WIDTH.name).and_then(|data| data.read_raw::<u64>()).map_err(without)?;
        let kinds = trace.dataset(schema::KIND.name).and_then(|data| data.read_raw::<VarLenUnicode>());
        let kinds: Vec<String> = kinds.map_err(without)?.iter().map(ToString::to_string).collect();
        if kinds.len() != widths.len() || kinds.is_empty() {
            return Err(no_trace(path));
        }
        Ok(WidthTrace { qubits, rows: kinds.into_iter().zip(widths).collect() })
    }
}

fn no_trace(path: &Path) -> Error {
    refusal(path, "the result file holds no trace of the width").next("repeat the run that made it")
}
