//! What every engine would take, or why it is out.

use super::{Prices, for_engine, table};
use crate::config::EngineKind;
use crate::engine::trajectories::BATCH;
use crate::error::Result;
use crate::jobs::circuit::inputs::{Inputs, Material, Start, check_pure};
use crate::model::Operation;
use crate::plan::{LARGEST_STATE, density_qubits, tracked_outcomes};
use serde::Serialize;
use std::collections::BTreeMap;

/// The engines that compete, in the order of the table.
pub(super) const ENGINES: [EngineKind; 4] =
    [EngineKind::LowRank, EngineKind::Density, EngineKind::Statevector, EngineKind::Trajectories];
const LOW_RANK: usize = 0;
const DENSITY: usize = 1;
const STATEVECTOR: usize = 2;
const TRAJECTORIES: usize = 3;
/// A density matrix of so many qubits (1 MiB) is in the cache, and takes less than trying something else ...
const SMALL: usize = 8;
/// ... or of so many, if the noise is so strong that low-rank has little hope.
const SMALL_FOR_STRONG_NOISE: usize = 10;
/// The noise is strong if the budget does not allow to leave out what takes more errors than this: of pairs of errors there are
/// more than such a density matrix has columns.
const ERRORS: i32 = 1;

/// How a number was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Found {
    /// From the engine's own plan.
    Planned,
    /// From the plan of another engine.
    About,
    /// For a factor that never widens.
    AtLeast,
}

/// What one engine would take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Offer {
    pub(super) engine: EngineKind,
    pub(super) seconds: Option<f64>,
    pub(super) found: Found,
    /// Bytes on one rank at the start.
    pub(super) memory_bytes: Option<u64>,
    /// What is known of the error.
    pub(super) error: String,
    /// Why it is not in question.
    pub(super) out: Option<String>,
}

impl Offer {
    /// Of an engine that is not in question.
    pub(super) fn out(engine: EngineKind, why: &str) -> Offer {
        let (seconds, memory_bytes, error) = (None, None, String::new());
        Offer { engine, seconds, found: Found::Planned, memory_bytes, error, out: Some(why.into()) }
    }

    /// Of an engine with a plan of its own.
    fn planned(inputs: &Inputs, prices: &Prices) -> Offer {
        let columns = inputs.precision().reserve_for(inputs.first_columns()) as u64;
        let engine = inputs.config.engine.kind;
        let noisy = inputs.plan.steps.iter().any(|step| step.action.channel().is_some());
        let widens = engine == EngineKind::LowRank && noisy;
        Offer {
            engine,
            seconds: Some(prices.planned(inputs)),
            found: if widens { Found::AtLeast } else { Found::Planned },
            memory_bytes: Some(inputs.column_bytes().saturating_mul(columns)),
            error: table::error_of(&inputs.config),
            out: None,
        }
    }

    /// Of an engine without a plan, from that of another.
    fn about(job: &Material, reference: &Inputs, prices: &Prices) -> Offer {
        let engine = job.config.engine.kind;
        let (seconds, columns) = match engine {
            EngineKind::Density => (prices.density(reference), reference.plan.dense_columns()),
            EngineKind::Trajectories => (prices.trajectories(&job.config, reference), BATCH as f64),
            _ => (prices.planned(reference), 1.0),
        };
        Offer {
            engine,
            seconds: Some(seconds),
            found: Found::About,
            memory_bytes: Some((reference.column_bytes() as f64 * columns) as u64),
            error: table::error_of(&job.config),
            out: None,
        }
    }
}

/// The offers, and the plans that were made for them, by the place of the engine.
pub(super) struct Market {
    pub(super) offers: Vec<Offer>,
    pub(super) planned: BTreeMap<usize, Inputs>,
}

impl Market {
    /// Asks every engine. One is planned first, and prices those that need no plan of their own yet.
    ///
    /// # Errors
    /// What is wrong with the circuit.
    pub(super) fn open(material: &Material, ranks: usize, prices: &Prices) -> Result<Market> {
        let jobs = ENGINES.map(|engine| for_engine(material, engine));
        let out: Vec<Option<&str>> = jobs.iter().map(|job| impossible(job, ranks)).collect();
        let first = match (out[STATEVECTOR], out[DENSITY]) {
            (None, _) => STATEVECTOR,
            (_, None) if is_small(material) => DENSITY,
            _ => LOW_RANK,
        };
        let mut market = Market { offers: Vec::new(), planned: BTreeMap::new() };
        let of_first = match out[first] {
            Some(why) => Offer::out(ENGINES[first], why),
            None => market.plan(&jobs[first], first, ranks, prices)?,
        };
        for (place, job) in jobs.iter().enumerate() {
            let sampled = place == TRAJECTORIES && material.config.engine.standard_error.is_some();
            let offer = match (out[place], market.planned.get(&first)) {
                _ if place == first => of_first.clone(),
                (Some(why), _) => Offer::out(ENGINES[place], why),
                (None, Some(_)) if first == DENSITY && place == LOW_RANK => {
                    Offer::out(ENGINES[place], "not worth a try, rho is small")
                }
                (None, Some(reference)) if !sampled => Offer::about(job, reference, prices),
                _ => market.plan(job, place, ranks, prices)?,
            };
            market.offers.push(offer);
        }
        Ok(market)
    }

    /// Plans for an engine and keeps the plan if it can run.
    fn plan(&mut self, job: &Material, place: usize, ranks: usize, prices: &Prices) -> Result<Offer> {
        let inputs = Inputs::planned(job.clone(), ranks, None)?;
        if inputs.check_memory().is_err() {
            return Ok(Offer::out(ENGINES[place], "does not fit"));
        }
        if inputs.check_rounding().is_err() {
            return Ok(Offer::out(ENGINES[place], "rounds by more than the budget"));
        }
        let offer = Offer::planned(&inputs, prices);
        self.planned.insert(place, inputs);
        Ok(offer)
    }
}

/// Whether a density matrix takes less than trying low-rank and planning for it.
fn is_small(material: &Material) -> bool {
    let qubits = material.circuit.qubits();
    qubits <= SMALL || qubits <= SMALL_FOR_STRONG_NOISE && noise_is_strong(material)
}

/// Whether the probability of more than [`ERRORS`] errors, by a Poisson distribution, exceeds the budget.
fn noise_is_strong(material: &Material) -> bool {
    let weaker = |operation: &Operation| match operation {
        Operation::Channel { channel, .. } => 1.0 - channel.bounds().iter().copied().fold(0.0, f64::max),
        _ => 0.0,
    };
    let expected: f64 = material.circuit.statements.iter().map(|statement| weaker(&statement.operation).max(0.0)).sum();
    let (mut term, mut few) = ((-expected).exp(), 0.0);
    for errors in 0..=ERRORS {
        few += term;
        term *= expected / f64::from(errors + 1);
    }
    1.0 - few > material.config.engine.budget.unwrap_or(0.0)
}

/// Why an engine cannot run the job, as far as that is known without a plan.
fn impossible(job: &Material, ranks: usize) -> Option<&'static str> {
    let Material { config, circuit, start, memory, .. } = job;
    let engine = config.engine.kind;
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
    if engine == EngineKind::Trajectories && config.observe.is_nonlinear() {
        return Some("only expectation values can be sampled without a bias");
    }
    let is_channel = |operation: &Operation| matches!(operation, Operation::Channel { .. });
    let noisy = || circuit.statements.iter().any(|statement| is_channel(&statement.operation));
    if engine == EngineKind::Statevector && (noisy() || check_pure(config, circuit).is_err()) {
        return Some("not pure");
    }
    // A plan for so many qubits may be one for no machine at all.
    let qubits = match engine {
        // What is wrong with the outcomes is wrong for every engine: the one that is planned says it.
        EngineKind::Density => {
            density_qubits(circuit.qubits(), tracked_outcomes(circuit, config.observe.shots > 0).unwrap_or(0))
        }
        _ => circuit.qubits(),
    };
    let bytes = config.engine.precision.amplitude_bytes() as f64 * (qubits as f64).exp2();
    (qubits > LARGEST_STATE || bytes / ranks as f64 > *memory as f64).then_some("does not fit")
}
