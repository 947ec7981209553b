//! A quick coarse run on one rank: how wide the factor gets, before the run itself.

use super::inputs::{Inputs, Start};
use super::{first_stair, settings};
use crate::backend::cpu::Cpu;
use crate::comm::Serial;
use crate::engine::Engine;
use crate::engine::low_rank::{LowRank, Settings};
use crate::error::Result;
use crate::plan::Plan;
use serde::{Deserialize, Serialize};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// At most this many columns after a compression.
const LARGEST_RANK: usize = 64;
/// At most this many columns at any time.
const LARGEST_WIDTH: usize = 256;
/// Bytes of the factor at [`LARGEST_RANK`] beyond which no pilot is tried.
const LARGEST_FACTOR: u64 = 64 << 20;
/// A pilot that takes longer is given up.
const DEADLINE: Duration = Duration::from_millis(1500);

/// What a pilot found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Pilot {
    /// Eigenvalues below this were cut.
    pub(super) cut: f64,
    /// Whether the cap on columns decided anything, so that the widths are too small.
    pub(super) limited: bool,
    /// Kind of each step and the width after it.
    pub(super) rows: Vec<(String, u64)>,
}

/// Runs the circuit with the first stair's cut (or the job's own) and few columns; nothing if it is too large or slow.
///
/// # Errors
/// What a run can fail of.
pub(super) fn fly(inputs: &Inputs) -> Result<Option<Pilot>> {
    let Start::Basis(index) = inputs.start else { return Ok(None) };
    let plan = inputs.plan_for(1)?;
    if plan.column_bytes(inputs.precision().amplitude_bytes()) > LARGEST_FACTOR / LARGEST_RANK as u64 {
        return Ok(None);
    }
    let settings = capped(inputs);
    let (backend, physical) = (Cpu::new(inputs.precision()), plan.start.to_physical(index));
    let mut engine = LowRank::from_basis_state(Rc::new(Serial), &backend, plan.qubits, physical, settings)?;
    let Some(rows) = widths(&mut engine, &plan)? else { return Ok(None) };
    Ok(Some(Pilot { cut: settings.cut, limited: engine.limited(), rows }))
}

fn capped(inputs: &Inputs) -> Settings {
    let engine = &inputs.config.engine;
    let first = first_stair(inputs);
    let max_rank = engine.max_rank.map_or(LARGEST_RANK, |rank| rank.min(LARGEST_RANK));
    Settings { max_rank: Some(max_rank), max_width: LARGEST_WIDTH, ..settings(inputs, first.as_ref()) }
}

/// The width after every step; nothing when time runs out.
fn widths(engine: &mut LowRank, plan: &Plan) -> Result<Option<Vec<(String, u64)>>> {
    let begin = Instant::now();
    let mut rows = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        let report = engine.step(step)?;
        rows.push((step.action.name().to_string(), report.width as u64));
        if begin.elapsed() > DEADLINE {
            return Ok(None);
        }
    }
    Ok(Some(rows))
}
