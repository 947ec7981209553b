//! How wide the factor is at each step: what turns costs per column into totals.

use super::{Action, Plan};
use crate::config::Compression;

/// Width below which the lazy rule does not compress; the engine's.
pub const SMALLEST_COMPRESSED_WIDTH: u64 = 4;

/// The widths along a circuit, from wherever they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    start: u64,
    source: Source,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// The same throughout.
    Constant,
    /// Kind of each step of some plan of the circuit and the width after it.
    Trace(Vec<(String, u64)>),
}

/// How the rows of a profile were given to the steps of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// One width throughout, a compression whenever each qubit has had a channel.
    Constant,
    /// The same steps but for exchanges, which change no width: exact.
    Steps,
    /// Other steps: by the fraction of the circuit that is done.
    Fraction,
}

/// A plan's widths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Widths {
    /// Columns before the first step.
    pub start: u64,
    /// Columns after each step.
    pub after: Vec<u64>,
    /// Whether the step compresses the factor.
    pub compresses: Vec<bool>,
    /// How they were found.
    pub matching: Matching,
}

impl Profile {
    /// This width throughout.
    pub fn constant(width: u64) -> Profile {
        Profile { start: width, source: Source::Constant }
    }

    /// The trace of a run that started with `start` columns: kind of each step, width after it.
    pub fn trace(start: u64, rows: Vec<(String, u64)>) -> Profile {
        let rows = rows.into_iter().filter(|(kind, _)| kind != EXCHANGE).collect();
        Profile { start, source: Source::Trace(rows) }
    }

    /// The widths at the steps of a plan.
    pub fn along(&self, plan: &Plan, compression: Compression) -> Widths {
        let (after, matching) = match &self.source {
            Source::Constant => (vec![self.start; plan.steps.len()], Matching::Constant),
            Source::Trace(rows) => matched(rows, self.start, plan),
        };
        let compresses = match matching {
            Matching::Constant => every_layer(plan),
            Matching::Steps | Matching::Fraction => by_rule(plan, compression, self.start, &after),
        };
        Widths { start: self.start, after, compresses, matching }
    }
}

impl Widths {
    /// Columns before a step.
    pub fn before(&self, step: usize) -> u64 {
        step.checked_sub(1).map_or(self.start, |previous| self.after[previous])
    }

    /// The most columns at any time.
    pub fn most(&self) -> u64 {
        self.after.iter().copied().fold(self.start, u64::max)
    }
}

const EXCHANGE: &str = "exchange";

/// Gives each step the width after the same operation, or the same part of all operations, of the trace.
fn matched(rows: &[(String, u64)], start: u64, plan: &Plan) -> (Vec<u64>, Matching) {
    let is_exchange = |step: &super::Step| step.action.name() == EXCHANGE;
    let kinds: Vec<&str> = plan.steps.iter().filter(|step| !is_exchange(step)).map(|step| step.action.name()).collect();
    let same = kinds.iter().copied().eq(rows.iter().map(|(kind, _)| kind.as_str()));
    let (mut done, mut width) = (0, start);
    let width_after = |step: &super::Step| {
        if !is_exchange(step) {
            done += 1;
            let row = (done * rows.len()).div_ceil(kinds.len());
            width = row.checked_sub(1).map_or(start, |row| rows[row].1);
        }
        width
    };
    (plan.steps.iter().map(width_after).collect(), if same { Matching::Steps } else { Matching::Fraction })
}

/// Compressions where the engine's rule asks for one, and where the width fell.
fn by_rule(plan: &Plan, compression: Compression, start: u64, after: &[u64]) -> Vec<bool> {
    let (mut compressed, mut highest) = (start, start);
    let compresses = |(step, after): (&super::Step, &u64)| {
        let wide = match compression {
            Compression::EveryChannel => true,
            Compression::Lazy => highest >= 2 * compressed && highest >= SMALLEST_COMPRESSED_WIDTH,
        };
        let compresses = match step.action {
            Action::Measure { .. } => true,
            Action::CompressIfWide => wide || *after < highest,
            _ => false,
        };
        if compresses {
            compressed = *after;
        }
        let at_a_place = matches!(step.action, Action::CompressIfWide);
        highest = if at_a_place { *after } else { highest.max(*after) };
        compresses
    };
    plan.steps.iter().zip(after).map(compresses).collect()
}

/// A compression after as many channels as there are qubits, and at the end.
fn every_layer(plan: &Plan) -> Vec<bool> {
    let mut channels = 0;
    let compresses = |step: &super::Step| match step.action {
        Action::Measure { .. } => true,
        Action::CompressIfWide => {
            channels += 1;
            channels % plan.qubits.max(1) == 0
        }
        _ => false,
    };
    plan.steps.iter().map(compresses).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Layout, channel};
    use crate::plan::Step;

    /// So many one-qubit channels, each with the place to compress after it.
    pub fn channels(count: usize) -> Vec<Action> {
        let channel = channel::measurement();
        let pair =
            || [Action::Channel { channel: channel.clone(), targets: vec![0], record: None }, Action::CompressIfWide];
        (0..count).flat_map(|_| pair()).collect()
    }

    /// A plan of these actions on one rank, and the measurement.
    pub fn measured(mut actions: Vec<Action>, qubits: usize) -> Plan {
        let layout = Layout::new((0..qubits).collect());
        actions.push(Action::Measure { layout: layout.clone(), overlaps: Vec::new(), snapshot: None });
        let step = |action| Step { action, line: 0, operations: 1 };
        let steps = actions.into_iter().map(step).collect();
        Plan {
            system: qubits,
            qubits,
            shards: 1,
            start: layout,
            steps,
            strings: Vec::new(),
            bits: Vec::new(),
            tracked: 0,
            replaced: None,
        }
    }

    fn rows(widths: &[(&str, u64)]) -> Vec<(String, u64)> {
        widths.iter().map(|(kind, width)| (kind.to_string(), *width)).collect()
    }

    const TRACE: [(&str, u64); 7] = [
        ("channel", 4),
        ("compress-if-wide", 2),
        ("exchange", 2),
        ("channel", 3),
        ("compress-if-wide", 3),
        ("channel", 6),
        ("compress-if-wide", 6),
    ];

    #[test]
    fn a_trace_of_the_same_steps_is_exact_whatever_was_exchanged() {
        let plan = measured(channels(3), 1);
        let mut trace = rows(&TRACE);
        trace.push(("measure".into(), 5));
        let widths = Profile::trace(1, trace).along(&plan, Compression::Lazy);
        assert_eq!(widths.matching, Matching::Steps);
        assert_eq!(widths.after, [4, 2, 3, 3, 6, 6, 5]);
        // The width fell; it has not doubled; it has, though nothing was cut; the end.
        assert_eq!(widths.compresses, [false, true, false, false, false, true, true]);
        assert_eq!((widths.before(0), widths.before(2), widths.most()), (1, 2, 6));
    }

    #[test]
    fn another_circuit_of_the_kind_is_matched_by_fraction() {
        let plan = measured(channels(1), 1);
        let widths = Profile::trace(1, rows(&TRACE)).along(&plan, Compression::Lazy);
        assert_eq!(widths.matching, Matching::Fraction);
        assert_eq!(widths.after, [2, 3, 6]);
    }

    #[test]
    fn every_channel_is_compressed_when_the_job_says_so() {
        let plan = measured(channels(2), 1);
        let trace = rows(&[("channel", 4), ("compress-if-wide", 4), ("channel", 5), ("compress-if-wide", 5)]);
        let widths = Profile::trace(4, trace).along(&plan, Compression::EveryChannel);
        assert_eq!(widths.compresses, [false, true, false, true, true]);
    }

    #[test]
    fn a_constant_width_is_compressed_once_a_layer() {
        let plan = measured(channels(4), 2);
        let widths = Profile::constant(64).along(&plan, Compression::Lazy);
        assert_eq!(widths.compresses, [false, false, false, true, false, false, false, true, true]);
        assert!(widths.after.iter().all(|width| *width == 64));
    }

    #[test]
    fn an_empty_trace_is_the_start() {
        let widths = Profile::trace(3, Vec::new()).along(&measured(channels(1), 1), Compression::Lazy);
        assert_eq!(widths.after, [3, 3, 3]);
    }
}
