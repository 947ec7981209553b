//! What people and result files are told of a choice.

use super::{Choice, Offer, trajectories};
use crate::config::EngineKind;
use crate::jobs::circuit::describe::seconds;
use crate::jobs::circuit::inputs::{Inputs, human_bytes};
use std::fmt::Write;

impl Offer {
    /// Of an engine that is not in question.
    pub(super) fn out(engine: EngineKind, why: &str) -> Offer {
        let (seconds, memory_bytes) = (None, None);
        Offer { engine, seconds, at_least: false, memory_bytes, error: String::new(), out: Some(why.into()) }
    }

    /// The engine and why it is out.
    pub(super) fn reason(&self) -> String {
        format!("{}: {}", self.engine.name(), self.out.as_deref().unwrap_or("could run"))
    }

    fn line(&self, chosen: bool) -> String {
        let mark = if chosen { "*" } else { " " };
        let name = self.engine.name();
        if let Some(why) = &self.out {
            return format!("{mark} {name:<14}{:>12}{:>14}  {why}", "out", "");
        }
        let least = if self.at_least { "from " } else { "" };
        let time = self.seconds.map_or_else(String::new, |time| format!("{least}{}", seconds(time)));
        let memory =
            self.memory_bytes.map_or_else(String::new, |bytes| format!("{least}{}", human_bytes(bytes as f64)));
        format!("{mark} {name:<14}{time:>12}{memory:>14}  {}", self.error)
    }
}

/// What is known of an engine's error.
pub(super) fn error_of(inputs: &Inputs) -> String {
    let engine = &inputs.config.engine;
    match (engine.kind, engine.budget, engine.standard_error) {
        (EngineKind::Trajectories, _, Some(error)) => {
            format!("standard error {error:.0e} by {} trajectories, unproven", trajectories(error, &inputs.config))
        }
        (EngineKind::LowRank, Some(budget), _) if inputs.plan.branch_weights().is_empty() => {
            format!("rounding only, within {budget:.1e}")
        }
        (EngineKind::LowRank, Some(budget), _) => format!("up to {budget:.1e}, proven"),
        _ => "rounding only, proven".into(),
    }
}

impl Choice {
    /// The table it was made from, and what was chosen and why.
    pub(in crate::jobs::circuit) fn table(&self) -> String {
        let mut text = format!("  {:<14}{:>12}{:>14}  error\n", "engine", "predicted", "memory a rank");
        for offer in &self.offers {
            let _ = writeln!(text, "{}", offer.line(offer.engine == self.chosen));
        }
        let _ = write!(text, "chosen: {}, as {}", self.chosen.name(), self.why);
        text
    }

    /// The table and what became of the choice.
    pub(in crate::jobs::circuit) fn record(&self) -> String {
        match &self.handed_over {
            None => self.table(),
            Some(why) => format!("{}\nhanded over: {why}", self.table()),
        }
    }

    /// The engine that gave the results, and why.
    pub(in crate::jobs::circuit) fn summary(&self) -> String {
        match &self.handed_over {
            None => format!("engine  {}, as {}\n", self.chosen.name(), self.why),
            Some(why) => format!("engine  {why}\n"),
        }
    }

    /// The same for programs.
    pub(in crate::jobs::circuit) fn json(&self) -> serde_json::Value {
        let takes_over = self.rival.as_ref().map(|rival| rival.inputs.config.engine.kind);
        serde_json::json!({
            "offers": self.offers, "chosen": self.chosen, "takes_over": takes_over, "why": self.why,
        })
    }
}
