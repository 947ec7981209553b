//! `kind = "auto"`: the engine that is predicted to be the fastest at the stated accuracy.
//!
//! All engines but low-rank have a price beforehand. What low-rank costs is known only as its widths come, so it is tried
//! where it may win, and gives way when it turns out dearer (`hand_over.rs`): as with skis that one can rent or buy, the
//! total is at most about twice the best. Prices rest on the default machine, or the default GPU where the job runs on one, so
//! that the choice is the same everywhere. A plan may take longer than a small run, so only what is going to run is planned: other prices are made from its steps.

mod market;
mod prices;
mod table;

use super::inputs::{Inputs, Material};
use crate::comm::on_root;
use crate::config::{Config, EngineKind, LARGEST_DEFAULT_TRAJECTORIES};
use crate::driver::Context;
use crate::error::{Error, Result};
use market::{ENGINES, Market, Offer};
use serde::{Deserialize, Serialize};
use std::time::Instant;

pub(super) use prices::{ASSUMED_WIDTH, Prices};

/// How the engine was chosen.
pub(super) struct Choice {
    /// The job as it was written.
    pub(super) asked: Config,
    /// One for each engine.
    offers: Vec<Offer>,
    chosen: EngineKind,
    why: String,
    /// What takes over when low-rank turns out dearer.
    pub(super) rival: Option<Rival>,
    /// Why it did.
    pub(super) handed_over: Option<String>,
    /// Seconds that choosing took.
    pub(super) seconds: f64,
}

/// The engine that low-rank is compared with as it goes.
pub(super) struct Rival {
    material: Material,
    /// Predicted.
    pub(super) seconds: f64,
}

impl Rival {
    /// Its name in job files.
    pub(super) fn name(&self) -> &'static str {
        self.material.config.engine.kind.name()
    }

    /// Plans for exactly so many ranks, which share one state; nothing if it cannot run there.
    ///
    /// # Errors
    /// Those of planning.
    pub(super) fn plan(&self, ranks: usize) -> Result<Option<Inputs>> {
        let mut inputs = Inputs::planned(self.material.clone(), ranks, Some(ranks))?;
        inputs.members = 1;
        let fits = inputs.check_memory().is_ok() && inputs.check_rounding().is_ok();
        Ok((fits && inputs.plan.shards == ranks).then_some(inputs))
    }
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

/// Chooses, and plans for what is chosen. Collective.
///
/// # Errors
/// Those of planning; input error when no engine can run the job.
pub(super) fn choose(material: Material, context: &Context<'_>, ranks: usize) -> Result<Inputs> {
    let begin = Instant::now();
    let Market { offers, mut planned } = Market::open(&material, ranks, &material.prices)?;
    let sampled = material.config.engine.standard_error.is_some();
    let Decision { chosen, rival, why } =
        on_root(context.comm, || decide(&offers, sampled).ok_or_else(|| nothing_runs(&material, &offers, ranks)))?;
    let mut inputs = match planned.remove(&chosen) {
        Some(inputs) => inputs,
        None => Inputs::planned(for_engine(&material, ENGINES[chosen]), ranks, None)?,
    };
    let rival = rival.map(|rival| Rival {
        material: for_engine(&material, ENGINES[rival]),
        seconds: offers[rival].seconds.unwrap_or(f64::INFINITY),
    });
    let seconds = begin.elapsed().as_secs_f64();
    let (asked, chosen) = (material.config, ENGINES[chosen]);
    inputs.choice = Some(Choice { asked, offers, chosen, why, rival, handed_over: None, seconds });
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
    let competing = [find(EngineKind::Density), sampled.filter(|_| sampled_competes)].into_iter().flatten();
    let rival = competing.min_by(|one, other| one.1.total_cmp(&other.1));
    let Some(low_rank) = find(EngineKind::LowRank) else {
        return match rival {
            Some(rival) => run(rival, "it is the fastest of those left"),
            None => run(sampled?, "nothing certified can run"),
        };
    };
    match rival {
        None => run(low_rank, ALONE),
        Some(rival) if rival.1 <= low_rank.1 => run(rival, "low-rank cannot be faster"),
        Some((rival, _)) => Some(Decision {
            chosen: low_rank.0,
            rival: Some(rival),
            why: format!("it may be the fastest; {} takes over once it is not", offers[rival].engine.name()),
        }),
    }
}

/// Low-rank goes on whatever it costs, down to the rank that memory allows; from there on it samples what it cuts
/// (`hand_over.rs`).
const ALONE: &str = "nothing else with a proven error fits; it goes on whatever the width";

/// The error of a job that no engine can run.
fn nothing_runs(material: &Material, offers: &[Offer], ranks: usize) -> Error {
    let reasons: Vec<String> = offers.iter().map(Offer::reason).collect();
    let of_low_rank = Inputs::planned(for_engine(material, EngineKind::LowRank), ranks, None)
        .and_then(|inputs| inputs.check_memory().and_then(|()| inputs.check_rounding()));
    let error = of_low_rank.err().unwrap_or_else(|| Error::input("each is out for a reason of its own"));
    Error { what: format!("no engine can run this job ({}): {}", reasons.join(", "), error.what), ..error }
}

#[cfg(test)]
mod tests;
