//! What the plan costs, per column of the factor and per rank.
//!
//! These are counts, exact for what they count; how long it takes on a machine is for [`super::predict`].

use super::{Action, OverlapGroup, Plan};
use std::collections::BTreeMap;

/// Flops of a complex multiply-add.
const MULTIPLY_ADD: u64 = 8;
/// Flops of a complex product.
const PRODUCT: u64 = 6;

/// The cost of one step for one column on one rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Bytes sent to other ranks.
    pub sent: u64,
    /// Ranks sent to.
    pub messages: u64,
    /// Bytes read from and written to memory, if the step has a pass over the shard of its own.
    pub memory: u64,
    /// Real additions and multiplications: `8 * 2^k` an amplitude for a dense operation on `k` qubits, 6 for a diagonal
    /// or a permutation, 8 for each group of Pauli strings.
    pub flops: u64,
}

/// Sums over the plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// Steps of each kind.
    pub steps: BTreeMap<&'static str, usize>,
    /// The sum of the costs of all steps; at the largest number when it is larger.
    pub cost: Cost,
}

/// What one compression of a factor of `width` columns to `kept` costs on a rank with `rows` of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CompressionCost {
    /// Flops of the Gram matrix `L^dagger L`, half of a complex product as it is Hermitian: `4 width^2 rows`.
    pub gram: f64,
    /// Flops of the rotation `L V`: `8 width kept rows`.
    pub rotate: f64,
    /// Dimension of the Hermitian eigenproblem: `min(width, 2^n)`.
    pub eigenproblem: u64,
    /// Bytes of the Gram matrix, which is summed over the ranks: `16 width^2`.
    pub reduced: f64,
    /// Bytes of the rotation, which one rank sends to all: `16 width kept`.
    pub broadcast: f64,
}

impl CompressionCost {
    /// The cost for a plan's shards.
    pub fn of(plan: &Plan, width: u64, kept: u64) -> CompressionCost {
        let (rows, columns, left) = (plan.local_rows() as f64, width as f64, kept as f64);
        CompressionCost {
            gram: 4.0 * columns * columns * rows,
            rotate: 8.0 * columns * left * rows,
            eigenproblem: width.min(1 << plan.qubits.min(63)),
            reduced: 16.0 * columns * columns,
            broadcast: 16.0 * columns * left,
        }
    }

    /// Flops on the shard; those of the eigenproblem are not counted, its time is measured.
    pub fn flops(&self) -> f64 {
        self.gram + self.rotate
    }
}

impl Plan {
    /// Bytes of one column of one shard; the largest number when they are more.
    pub fn column_bytes(&self, amplitude_bytes: usize) -> u64 {
        (self.local_rows() as u64).saturating_mul(amplitude_bytes as u64)
    }

    /// Columns of this plan's size that have the size of a density matrix: `2^n`, for each value of the outcomes that are
    /// carried along.
    pub fn dense_columns(&self) -> f64 {
        ((self.system + self.tracked) as f64).exp2()
    }

    /// The cost of an action for one column; a channel's is for each column and branch. Counts beyond 64 bits are at the largest
    /// number.
    pub fn cost(&self, action: &Action, amplitude_bytes: usize) -> Cost {
        let column = self.column_bytes(amplitude_bytes);
        let both = column.saturating_mul(2);
        let per_row = |flops: u64| flops.saturating_mul(self.local_rows() as u64);
        let dense = |targets: &[usize]| per_row(MULTIPLY_ADD.saturating_mul(power(targets.len())));
        match action {
            Action::Unitary { controls, targets, .. } => {
                let part = controls.len().min(63);
                Cost { memory: both >> part, flops: dense(targets) >> part, ..Cost::default() }
            }
            Action::Permutation { controls, .. } => {
                let part = controls.len().min(63);
                Cost { memory: both >> part, flops: per_row(PRODUCT) >> part, ..Cost::default() }
            }
            Action::Diagonal { controls, .. } => {
                let flops = per_row(PRODUCT) >> controls.len().min(63);
                Cost { memory: both, flops, ..Cost::default() }
            }
            Action::Channel { targets, .. } => Cost { memory: both, flops: dense(targets), ..Cost::default() },
            Action::Exchange { pairs } => {
                let moved = column - column / power(pairs.len());
                Cost { sent: moved, messages: power(pairs.len()) - 1, memory: moved.saturating_mul(2), flops: 0 }
            }
            Action::Measure { overlaps, .. } => {
                let crossing = overlaps.iter().filter(|group| self.crosses(group)).count() as u64;
                let groups = overlaps.len() as u64;
                Cost {
                    sent: crossing.saturating_mul(column),
                    messages: crossing,
                    memory: groups.saturating_mul(column),
                    flops: per_row(groups.saturating_mul(MULTIPLY_ADD)),
                }
            }
            Action::Conditional { action, .. } => self.cost(action, amplitude_bytes),
            Action::Classical { .. } | Action::Relabel { .. } | Action::CompressIfWide => Cost::default(),
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
            let sum = &mut totals.cost;
            sum.sent = sum.sent.saturating_add(cost.sent);
            sum.messages = sum.messages.saturating_add(cost.messages);
            sum.memory = sum.memory.saturating_add(cost.memory);
            sum.flops = sum.flops.saturating_add(cost.flops);
        }
        totals
    }
}

/// `2^exponent`, at the largest number when it is larger.
fn power(exponent: usize) -> u64 {
    u32::try_from(exponent).ok().and_then(|exponent| 1u64.checked_shl(exponent)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::identity;
    use crate::model::{Control, Layout};
    use num_complex::Complex64;

    /// Five qubits on four ranks: 8 rows, columns of 128 bytes in double precision.
    fn plan() -> Plan {
        Plan {
            system: 5,
            qubits: 5,
            shards: 4,
            start: Layout::new((0..5).collect()),
            steps: Vec::new(),
            strings: Vec::new(),
            bits: Vec::new(),
            tracked: 0,
            replaced: None,
        }
    }

    fn cost(action: Action) -> Cost {
        plan().cost(&action, 16)
    }

    #[test]
    fn gates_read_and_write_the_shard_and_count_their_flops() {
        let control = Control { qubit: 4, value: true };
        let unitary =
            |targets: Vec<usize>, controls| Action::Unitary { matrix: identity(1 << targets.len()), targets, controls };
        assert_eq!(cost(unitary(vec![0], vec![])), Cost { memory: 256, flops: 8 * 2 * 8, ..Cost::default() });
        assert_eq!(cost(unitary(vec![0, 1], vec![])), Cost { memory: 256, flops: 8 * 4 * 8, ..Cost::default() });
        let controlled = cost(unitary(vec![1], vec![control]));
        assert_eq!(controlled, Cost { memory: 128, flops: 8 * 8, ..Cost::default() });
        let diagonal = Action::Diagonal { entries: vec![Complex64::ONE; 2], targets: vec![4], controls: vec![] };
        assert_eq!(cost(diagonal), Cost { memory: 256, flops: 6 * 8, ..Cost::default() });
        let permutation = Action::Permutation {
            images: vec![1, 0],
            factors: vec![Complex64::ONE; 2],
            targets: vec![0],
            controls: vec![control],
        };
        assert_eq!(cost(permutation), Cost { memory: 128, flops: 3 * 8, ..Cost::default() });
    }

    #[test]
    fn costs_beyond_64_bits_are_at_the_largest_number() {
        let plan = Plan { system: 31, qubits: 62, shards: 1, ..plan() };
        let unitary = Action::Unitary { matrix: identity(16), targets: vec![0, 1, 31, 32], controls: vec![] };
        assert_eq!(plan.column_bytes(16), u64::MAX);
        assert_eq!(plan.cost(&unitary, 16), Cost { memory: u64::MAX, flops: u64::MAX, ..Cost::default() });
        let diagonal = Action::Diagonal { entries: vec![Complex64::ONE; 2], targets: vec![4], controls: vec![] };
        assert_eq!(plan.cost(&diagonal, 16), Cost { memory: u64::MAX, flops: u64::MAX, ..Cost::default() });
        assert_eq!([power(0), power(63), power(64), power(1 << 40)], [1, 1 << 63, u64::MAX, u64::MAX]);
    }

    #[test]
    fn an_exchange_sends_all_but_what_stays() {
        let one = cost(Action::Exchange { pairs: vec![(3, 0)] });
        assert_eq!(one, Cost { sent: 64, messages: 1, memory: 128, flops: 0 });
        let two = cost(Action::Exchange { pairs: vec![(3, 0), (4, 1)] });
        assert_eq!(two, Cost { sent: 96, messages: 3, memory: 192, flops: 0 });
    }

    #[test]
    fn strings_that_flip_a_rank_bit_take_a_shard_from_a_partner() {
        let group = |flip| OverlapGroup { flip, members: vec![(0, 0, 0)] };
        let layout = Layout::new((0..5).collect());
        let measure = Action::Measure { layout, overlaps: vec![group(0b00001), group(0b01000)], snapshot: None };
        assert_eq!(cost(measure), Cost { sent: 128, messages: 1, memory: 256, flops: 2 * 8 * 8 });
    }

    #[test]
    fn a_compression_is_counted_by_its_products() {
        let cost = CompressionCost::of(&plan(), 10, 4);
        assert_eq!((cost.gram, cost.rotate), (4.0 * 100.0 * 8.0, 8.0 * 40.0 * 8.0));
        assert_eq!((cost.reduced, cost.broadcast, cost.eigenproblem), (1600.0, 640.0, 10));
        assert_eq!(CompressionCost::of(&plan(), 100, 4).eigenproblem, 32, "a factor has no more than 2^n of rank");
        assert_eq!(cost.flops(), 3200.0 + 2560.0);
    }
}
