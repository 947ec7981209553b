//! What a job is predicted to take: on the ranks asked for, and on 1 to 4096.

use super::choice::{ASSUMED_WIDTH, Prices};
use super::inputs::Inputs;
use super::pilot;
use crate::comm::on_root;
use crate::config::{EngineKind, Machine, TailShape};
use crate::driver::Context;
use crate::error::{Error, Result};
use crate::io::WidthTrace;
use crate::jobs::{PlanOptions, WidthSource};
use crate::plan::Plan;
use crate::plan::machine::Speed;
use crate::plan::predict::Prediction;
use crate::plan::widths::{Matching, Profile, Widths};
use serde::Serialize;
use std::path::Path;

/// The table has a row for each power of two up to this.
pub(super) const MOST_RANKS: usize = 4096;

/// The prediction and what it rests on.
#[derive(Debug, Clone)]
pub(super) struct Forecast {
    /// Where the machine's numbers are from.
    pub(super) machine: String,
    /// Whether the links between ranks were measured.
    pub(super) links: bool,
    /// Where the widths are from.
    pub(super) source: String,
    /// Threads of each rank.
    pub(super) threads: usize,
    /// For the plan of the job.
    pub(super) widths: Widths,
    /// For the plan of the job.
    pub(super) prediction: Prediction,
    /// For other numbers of ranks.
    pub(super) table: Vec<Row>,
}

/// One number of ranks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Row {
    /// Ranks started.
    pub(super) ranks: usize,
    /// Ranks that hold rows; the others would be idle.
    pub(super) shards: usize,
    /// Rows on each of them.
    pub(super) rows: usize,
    /// Most bytes of the factor on each.
    pub(super) memory_bytes: u64,
    /// Bytes each sends in exchanges and for observables.
    pub(super) sent_bytes: f64,
    /// Partners it sends them to, in sum.
    pub(super) messages: f64,
    /// Seconds of one pass over the circuit; of all passes if trajectories are sampled.
    pub(super) seconds: f64,
    /// The seconds of one rank over `ranks * seconds`.
    pub(super) efficiency: f64,
}

/// Reads what is asked for and predicts, with the rates of the machine `named` or the default one; collective.
pub(super) fn forecast(
    inputs: &Inputs,
    context: &Context<'_>,
    options: &PlanOptions,
    named: Option<String>,
) -> Result<Forecast> {
    let machine = &inputs.prices.machine;
    let (profile, source) = read_profile(inputs, context, &options.widths)?;
    let threads = inputs.config.engine.threads.unwrap_or(machine.threads);
    let bytes = inputs.precision().amplitude_bytes();
    let speed = Speed::new(machine, threads, bytes);
    let along = |plan: &Plan| {
        let mut widths = profile.along(plan, inputs.config.engine.compression);
        if inputs.config.engine.kind != EngineKind::LowRank {
            widths.compresses.fill(false);
        }
        widths
    };
    let widths = along(&inputs.plan);
    let prediction = inputs.plan.predict(&widths, &speed, bytes);
    let mut table: Vec<Row> = Vec::new();
    let mut ranks = 1;
    while ranks <= MOST_RANKS {
        let row = match table.last() {
            // No further sharding: whatever is added is idle.
            Some(last) if last.shards < last.ranks => Row { ranks, efficiency: last.efficiency / 2.0, ..last.clone() },
            _ => {
                let plan = inputs.plan_for(ranks)?;
                let widths = along(&plan);
                let prediction = plan.predict(&widths, &speed, bytes);
                let one = table.first().map(|row| row.seconds);
                row(inputs, &plan, ranks, &widths, &prediction, one)
            }
        };
        table.push(row);
        ranks *= 2;
    }
    let source = match inputs.config.engine.kind {
        EngineKind::LowRank | EngineKind::Auto => format!("{source}{}", matching(&widths, &inputs.plan)),
        EngineKind::Density | EngineKind::Statevector | EngineKind::Trajectories => source,
    };
    let links = named.is_some() && machine.network.is_some();
    let machine = named.unwrap_or_else(|| default_source(machine));
    Ok(Forecast { machine, links, source, threads, widths, prediction, table })
}

fn row(inputs: &Inputs, plan: &Plan, ranks: usize, widths: &Widths, prediction: &Prediction, one: Option<f64>) -> Row {
    let precision = inputs.precision();
    let reserved = precision.reserve_for(usize::try_from(widths.most()).unwrap_or(usize::MAX / 64)) as u64;
    let reserved = reserved + inputs.config.engine.tail.map_or(0, TailShape::in_memory) as u64;
    let members = inputs.members_on(ranks, plan.shards);
    let passes = inputs.most_batches().map_or(1, |batches| batches.div_ceil(members as u64));
    let seconds = prediction.seconds.total() * passes as f64;
    Row {
        ranks,
        shards: plan.shards * members,
        rows: plan.local_rows(),
        memory_bytes: plan.column_bytes(precision.amplitude_bytes()).saturating_mul(reserved),
        sent_bytes: prediction.sent,
        messages: prediction.messages,
        seconds,
        efficiency: one.unwrap_or(seconds) / (ranks as f64 * seconds),
    }
}

/// Where the numbers of a default machine are from.
fn default_source(machine: &Machine) -> String {
    match machine.gpu {
        Some(_) => format!("defaults for a GPU: {}", machine.host),
        None => "defaults; measure with `rhoshard bench machine`".into(),
    }
}

/// The prices of a machine file and where they are from, if one is named. Collective.
///
/// # Errors
/// Input error when it cannot be read or is wrong.
pub(super) fn read_machine(
    context: &Context<'_>,
    path: Option<&Path>,
    threads: Option<usize>,
) -> Result<Option<(Prices, String)>> {
    let Some(path) = path else { return Ok(None) };
    let named = path.display().to_string();
    let machine = Machine::parse(&context.read(path, &named)?, &named)?;
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let (ranks, its_threads) = (plural(machine.ranks, "rank"), plural(machine.threads, "thread"));
    let source = format!("{named} ({}, measured with {ranks} of {its_threads})", machine.host);
    let threads = threads.unwrap_or(machine.threads);
    Ok(Some((Prices { machine, threads }, source)))
}

/// The widths and where they are from.
fn read_profile(inputs: &Inputs, context: &Context<'_>, source: &WidthSource) -> Result<(Profile, String)> {
    let start = inputs.first_columns() as u64;
    match inputs.config.engine.kind {
        EngineKind::LowRank | EngineKind::Auto => {}
        EngineKind::Density | EngineKind::Statevector => return Ok((Profile::constant(1), "one column".into())),
        EngineKind::Trajectories => return Ok((Profile::constant(start), format!("{start} trajectories in a batch"))),
    }
    match source {
        WidthSource::Constant(width) => Ok((Profile::constant(*width), format!("--width {width}"))),
        WidthSource::Result(path) => {
            let trace = on_root(context.comm, || WidthTrace::read(path))?;
            if trace.qubits != inputs.plan.system as u64 {
                return Err(Error::input(format!(
                    "the result is of {} qubit(s), the circuit has {}",
                    trace.qubits, inputs.plan.system
                ))
                .in_file(path.display())
                .allowed("a result of the same circuit"));
            }
            Ok((Profile::trace(start, trace.rows), path.display().to_string()))
        }
        WidthSource::Pilot => {
            let width = ASSUMED_WIDTH.max(start);
            let assumed = || {
                (Profile::constant(width), format!("{width} assumed, no pilot run in reasonable time; see --profile"))
            };
            Ok(on_root(context.comm, || pilot::fly(inputs))?.map_or_else(assumed, |pilot| {
                let capped = if pilot.limited { ", capped at 64 columns" } else { "" };
                let source = format!("a pilot run at cut {:.1e}{capped}", pilot.cut);
                (Profile::trace(start, pilot.rows), source)
            }))
        }
    }
}

/// How the widths were given to the steps.
fn matching(widths: &Widths, plan: &Plan) -> String {
    match widths.matching {
        Matching::Steps => ", step by step".into(),
        Matching::Fraction => ", by the fraction of the circuit done, as its steps are others".into(),
        Matching::Constant => format!(", compressed after every {} channels", plan.qubits),
    }
}
