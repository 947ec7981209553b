//! What people and result files are told of a choice.

use super::market::{Found, Offer};
use super::{Choice, trajectories};
use crate::config::{Config, EngineKind};
use crate::jobs::circuit::describe::seconds;
use crate::jobs::circuit::sizes::human_bytes;
use std::fmt::Write;

impl Offer {
    /// The engine and why it is out.
    pub(super) fn reason(&self) -> String {
        format!("{}: {}", self.engine.name(), self.out.as_deref().unwrap_or("could run"))
    }

    fn line(&self, chosen: bool) -> String {
        let (mark, name) = (if chosen { "*" } else { " " }, self.engine.name());
        if let Some(why) = &self.out {
            return format!("{mark} {name:<14}{:>14}{:>16}  {why}", "out", "");
        }
        let (about, least) = match self.found {
            Found::Planned => ("", ""),
            Found::About => ("about ", ""),
            Found::AtLeast => ("from ", "from "),
        };
        let time = self.seconds.map_or_else(String::new, |time| format!("{about}{}", seconds(time)));
        let memory =
            self.memory_bytes.map_or_else(String::new, |bytes| format!("{least}{}", human_bytes(bytes as f64)));
        format!("{mark} {name:<14}{time:>14}{memory:>16}  {}", self.error)
    }
}

/// What is known of an engine's error.
pub(super) fn error_of(config: &Config) -> String {
    let engine = &config.engine;
    match (engine.kind, engine.budget, engine.standard_error) {
        (EngineKind::Trajectories, _, Some(error)) => {
            format!("{error:.0e} by {} trajectories, not proven", trajectories(error, config))
        }
        (EngineKind::LowRank, Some(budget), _) => format!("up to {budget:.1e}"),
        _ => "rounding only".into(),
    }
}

impl Choice {
    /// The table it was made from, and what was chosen and why.
    pub(in crate::jobs::circuit) fn table(&self) -> String {
        let mut text = format!("  {:<14}{:>14}{:>16}  error\n", "engine", "predicted", "memory a rank");
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
        let takes_over = self.rival.as_ref().map(|rival| rival.name());
        serde_json::json!({
            "offers": self.offers, "chosen": self.chosen, "takes_over": takes_over, "why": self.why,
        })
    }
}
