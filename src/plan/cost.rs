//! What the plan costs, per column of the factor and per rank.

use super::{Action, OverlapGroup, Plan};
use std::collections::BTreeMap;

/// The cost of one step for one column on one rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Bytes sent to other ranks.
    pub sent: u64,
    /// Ranks sent to.
    pub messages: u64,
    /// Bytes read from and written to memory.
    pub memory: u64,
}

/// Sums over the plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// Steps of each kind.
    pub steps: BTreeMap<&'static str, usize>,
    /// The sum of the costs of all steps.
    pub cost: Cost,
}

impl Plan {
    /// Bytes of one column of one shard.
    pub fn column_bytes(&self, amplitude_bytes: usize) -> u64 {
        self.local_rows() as u64 * amplitude_bytes as u64
    }

    /// The cost of an action for one column; a channel's is for each column and branch.
    pub fn cost(&self, action: &Action, amplitude_bytes: usize) -> Cost {
        let column = self.column_bytes(amplitude_bytes);
        match action {
            Action::Unitary { controls, .. } | Action::Permutation { controls, .. } => {
                Cost { memory: (2 * column) >> controls.len().min(63), ..Cost::default() }
            }
            Action::Diagonal { .. } | Action::Channel { .. } => Cost { memory: 2 * column, ..Cost::default() },
            Action::Exchange { pairs } => {
                let moved = column - (column >> pairs.len());
                Cost { sent: moved, messages: (1 << pairs.len()) - 1, memory: 2 * moved }
            }
            Action::Measure { overlaps, .. } => {
                let crossing = overlaps.iter().filter(|group| self.crosses(group)).count() as u64;
                Cost { sent: crossing * column, messages: crossing, memory: overlaps.len() as u64 * column }
            }
            Action::Relabel { .. } | Action::CompressIfWide => Cost::default(),
        }
    }

    /// Whether the strings of a group flip a sharded qubit, so that a partner's shard is needed.
    pub fn crosses(&self, group: &OverlapGroup) -> bool {
        group.flip >> self.local_qubits() != 0
    }

    /// Sums over all steps.
    pub fn totals(&self, amplitude_bytes: usize) -> Totals {
        let mut totals = Totals::default();
        for step in &self.steps {
            *totals.steps.entry(step.action.name()).or_default() += 1;
            let cost = self.cost(&step.action, amplitude_bytes);
            totals.cost.sent += cost.sent;
            totals.cost.messages += cost.messages;
            totals.cost.memory += cost.memory;
        }
        totals
    }
}
