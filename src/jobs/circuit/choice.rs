//! `kind = "auto"`: the engine that is predicted to be the fastest at the stated accuracy.
//!
//! All engines but low-rank have a price beforehand. What low-rank costs is known only as its widths come, so it is tried
//! where it may win, and gives way when it turns out dearer (`hand_over.rs`): as with skis that one can rent or buy, the
//! total is at most about twice the best. Prices rest on the default machine, so that the choice is the same everywhere.

mod table;

use super::inputs::{Inputs, Material, Start, check_pure};
use crate::comm::on_root;
use crate::config::{Compression, Config, EngineKind, LARGEST_DEFAULT_TRAJECTORIES, Machine};
use crate::driver::Context;
use crate::engine::trajectories::BATCH;
use crate::error::{Error, Result};
use crate::model::Operation;
use crate::plan::machine::Speed;
use crate::plan::widths::Profile;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// The engines that compete, in the order of the table.
const ENGINES: [EngineKind; 4] =
    [EngineKind::LowRank, EngineKind::Density, EngineKind::Statevector, EngineKind::Trajectories];
/// An engine that takes fewer seconds is not worth trying another before.
const WORTH_A_TRY: f64 = 0.01;

/// What one engine would take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Offer {
    engine: EngineKind,
    /// Predicted; for low-rank the least it can be, unless nothing widens it.
    seconds: Option<f64>,
    /// Whether it may turn out to take longer.
    at_least: bool,
    /// Bytes on one rank at the start.
    memory_bytes: Option<u64>,
    /// What is known of the error.
    error: String,
    /// Why it is not in question.
    out: Option<String>,
}

/// How the engine was chosen.
pub(super) struct Choice {
    /// The job as it was written.
    pub(super) asked: Config,
    /// One for each engine.
    offers: Vec<Offer>,
    chosen: EngineKind,
    why: String,
    /// What takes over when low-rank turns out dearer.
    pub(super) rival: Option<Box<Rival>>,
    /// Why it did.
    pub(super) handed_over: Option<String>,
    /// Seconds that choosing took.
    pub(super) seconds: f64,
}

/// The engine that low-rank is compared with as it goes, on the same ranks.
pub(super) struct Rival {
    pub(super) inputs: Inputs,
    /// Predicted.
    pub(super) seconds: f64,
}

/// An engine with its offer, planned unless it is out.
struct Candidate {
    offer: Offer,
    inputs: Option<Inputs>,
}

/// What is to be done, decided on one rank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Decision {
    /// Index into [`ENGINES`].
    chosen: usize,
    /// The engine that takes over, if it comes to that.
    rival: Option<usize>,
    why: String,
}

/// Prices of engines on this rank.
pub(super) struct Prices {
    pub(super) machine: Machine,
    pub(super) threads: usize,
}

impl Prices {
    /// Of the default machine, with the threads of this run.
    pub(super) fn new() -> Prices {
        Prices { machine: Machine::defaults(), threads: rayon::current_num_threads() }
    }

    /// Seconds of all passes; for low-rank those of one pass that never widens.
    fn seconds(&self, inputs: &Inputs) -> f64 {
        let bytes = inputs.precision().amplitude_bytes();
        let mut widths = Profile::constant(inputs.first_columns() as u64).along(&inputs.plan, Compression::Lazy);
        widths.compresses.fill(false);
        let pass = inputs.plan.predict(&widths, &Speed::new(&self.machine, self.threads, bytes), bytes).seconds.total();
        let sampled = inputs.config.engine.standard_error.map(|error| {
            let batches = trajectories(error, &inputs.config).max(inputs.config.observe.shots).div_ceil(BATCH as u64);
            batches.max(2).div_ceil(inputs.members as u64)
        });
        pass * sampled.unwrap_or(1) as f64
    }
}

/// Reads nothing more: chooses, and plans for what is chosen. Collective.
///
/// # Errors
/// Those of planning; input error when no engine can run the job.
pub(super) fn choose(material: Material, context: &Context<'_>, ranks: usize) -> Result<Inputs> {
    let begin = Instant::now();
    let prices = Prices::new();
    let mut candidates = Vec::new();
    for engine in ENGINES {
        candidates.push(candidate(&material, engine, ranks, &prices)?);
    }
    let offers: Vec<Offer> = candidates.iter().map(|candidate| candidate.offer.clone()).collect();
    let competes = material.config.engine.standard_error.is_some();
    let Decision { chosen, rival, why } =
        on_root(context.comm, || decide(&offers, competes).ok_or_else(|| nothing_runs(&material, &offers, ranks)))?;
    let missing = || Error::internal("an engine was chosen that is out");
    let mut inputs = candidates[chosen].inputs.take().ok_or_else(missing)?;
    let rival = match rival {
        Some(rival) => on_same_ranks(&mut inputs, candidates[rival].inputs.take().ok_or_else(missing)?, &prices)?,
        None => None,
    };
    inputs.choice = Some(Choice {
        asked: material.config,
        offers,
        chosen: ENGINES[chosen],
        why,
        rival,
        handed_over: None,
        seconds: begin.elapsed().as_secs_f64(),
    });
    Ok(inputs)
}

/// The job for one engine.
fn for_engine(material: &Material, engine: EngineKind) -> Material {
    let mut material = material.clone();
    let section = &mut material.config.engine;
    section.kind = engine;
    if engine == EngineKind::Trajectories {
        section.standard_error = section.standard_error.or(section.budget);
        section.trajectories = section.trajectories.or(Some(LARGEST_DEFAULT_TRAJECTORIES));
        section.budget = None;
    } else {
        (section.standard_error, section.trajectories) = (None, None);
    }
    material
}

/// Trajectories that make the standard error of a Pauli string, whose variance is at most 1, this small: `1 / error^2`.
fn trajectories(error: f64, config: &Config) -> u64 {
    let needed = (1.0 / (error * error)).ceil() as u64;
    needed.min(config.engine.trajectories.unwrap_or(u64::MAX))
}

/// What an engine would take, or why it is out.
///
/// # Errors
/// What is wrong with the circuit.
fn candidate(material: &Material, engine: EngineKind, ranks: usize, prices: &Prices) -> Result<Candidate> {
    let out = |why: &str| Candidate { offer: Offer::out(engine, why), inputs: None };
    let material = for_engine(material, engine);
    if let Some(why) = impossible(&material, engine, ranks) {
        return Ok(out(why));
    }
    let inputs = Inputs::planned(material, ranks, None)?;
    if inputs.check_memory().is_err() {
        return Ok(out("does not fit"));
    }
    if inputs.check_rounding().is_err() {
        return Ok(out("rounds by more than the budget"));
    }
    let widens = engine == EngineKind::LowRank && inputs.plan.steps.iter().any(|step| step.action.channel().is_some());
    let columns = inputs.precision().reserve_for(inputs.first_columns()) as u64;
    let offer = Offer {
        engine,
        seconds: Some(prices.seconds(&inputs)),
        at_least: widens,
        memory_bytes: Some(inputs.column_bytes().saturating_mul(columns)),
        error: table::error_of(&inputs),
        out: None,
    };
    Ok(Candidate { offer, inputs: Some(inputs) })
}

/// Why an engine cannot run the job, as far as that is known without a plan.
fn impossible(material: &Material, engine: EngineKind, ranks: usize) -> Option<&'static str> {
    let Material { config, circuit, start, .. } = material;
    let has_factor = matches!(engine, EngineKind::LowRank | EngineKind::Statevector);
    if matches!(start, Start::Factor(..)) && engine != EngineKind::LowRank {
        return Some("starts from no result file");
    }
    if config.output.state && !has_factor {
        return Some("has no factor to write");
    }
    if engine == EngineKind::Trajectories && config.engine.strict {
        return Some("`strict` needs a bound");
    }
    let is_channel = |operation: &Operation| matches!(operation, Operation::Channel { .. });
    let noisy = || circuit.statements.iter().any(|statement| is_channel(&statement.operation));
    if engine == EngineKind::Statevector && (noisy() || check_pure(config, circuit).is_err()) {
        return Some("not pure");
    }
    // A plan for so many qubits may be one for no machine at all.
    let qubits = circuit.qubits() as i32 * if engine == EngineKind::Density { 2 } else { 1 };
    let bytes = config.engine.precision.amplitude_bytes() as f64 * 2f64.powi(qubits);
    (bytes / ranks as f64 > material.memory as f64).then_some("does not fit")
}

/// What runs, and what takes over; nothing if every engine is out. Trajectories compete only if the job says how exact they
/// must be; else they come last, as they prove nothing.
fn decide(offers: &[Offer], sampled_competes: bool) -> Option<Decision> {
    let find = |engine: EngineKind| {
        let place = offers.iter().position(|offer| offer.engine == engine && offer.out.is_none())?;
        Some((place, offers[place].seconds?))
    };
    let run = |(chosen, _): (usize, f64), why: &str| Some(Decision { chosen, rival: None, why: why.into() });
    if let Some(pure) = find(EngineKind::Statevector) {
        return run(pure, "the circuit is pure");
    }
    let sampled = find(EngineKind::Trajectories);
    let density = find(EngineKind::Density);
    let others = [density, sampled.filter(|_| sampled_competes)].into_iter().flatten();
    let rival = others.min_by(|one, other| one.1.total_cmp(&other.1));
    let Some(low_rank) = find(EngineKind::LowRank) else {
        return match rival {
            Some(rival) => run(rival, "it is the fastest that can run"),
            None => run(sampled?, "nothing certified can run"),
        };
    };
    match rival {
        None => run(low_rank, ALONE),
        Some(rival) if rival.1 <= low_rank.1 => run(rival, "low-rank cannot be faster"),
        Some(rival) if rival.1 <= WORTH_A_TRY => run(rival, "it takes next to nothing"),
        Some((rival, _)) => Some(Decision {
            chosen: low_rank.0,
            rival: Some(rival),
            why: format!("{} takes over once low-rank turns out dearer", offers[rival].engine.name()),
        }),
    }
}

/// Low-rank goes on whatever it costs, down to the rank that memory allows. This is the place for a low-rank run that samples
/// what it cuts.
const ALONE: &str = "no other certified engine can run, so it goes on whatever the width";

/// Brings both engines to the same ranks, so that one can take over from the other; no rival if it does not fit there.
fn on_same_ranks(low_rank: &mut Inputs, rival: Inputs, prices: &Prices) -> Result<Option<Box<Rival>>> {
    let mut rival = rival;
    if rival.plan.shards != low_rank.plan.shards || rival.members > 1 {
        let ranks = low_rank.plan.shards;
        rival = Inputs::planned((*rival).clone(), ranks, Some(ranks))?;
        if rival.plan.shards < ranks {
            let ranks = rival.plan.shards;
            *low_rank = Inputs::planned((**low_rank).clone(), ranks, Some(ranks))?;
        }
    }
    let fits = low_rank.check_memory().is_ok() && rival.check_memory().is_ok();
    let seconds = prices.seconds(&rival);
    Ok(fits.then(|| Box::new(Rival { inputs: rival, seconds })))
}

/// The error of a job that no engine can run.
fn nothing_runs(material: &Material, offers: &[Offer], ranks: usize) -> Error {
    let reasons: Vec<String> = offers.iter().map(Offer::reason).collect();
    let of_low_rank = Inputs::planned(for_engine(material, EngineKind::LowRank), ranks, None)
        .and_then(|inputs| inputs.check_memory().and_then(|()| inputs.check_rounding()));
    let error = of_low_rank.err().unwrap_or_else(|| Error::input("each is out for a reason of its own"));
    Error { what: format!("no engine can run this job ({}): {}", reasons.join(", "), error.what), ..error }
}
