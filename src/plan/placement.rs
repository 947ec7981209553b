//! Where qubits are kept, and when ranks exchange them.
//!
//! The index of a basis state is split in row bits (local) and rank bits. A dense gate or a channel needs its targets
//! local; diagonal gates and controls do not. When a target is sharded, it trades places with the local qubit whose
//! next such use is farthest away (Belady's rule, optimal for one bit at a time); further sharded qubits that are
//! needed sooner than the local ones they would replace travel in the same all-to-all, which moves `1 - 2^-m` of the
//! shard for `m` bits instead of a half for each.

use super::lowering::Lowered;
use super::{Action, Step};
use crate::model::{Control, Layout};

/// Never used again.
const NEVER: usize = usize::MAX;

/// How many ranks hold a shard: the largest power of two that leaves every gate enough local qubits.
pub(super) fn shards(qubits: usize, ranks: usize, actions: &[Lowered]) -> usize {
    let needed = actions.iter().map(|lowered| needs_local(&lowered.action).len()).max().unwrap_or(0);
    let sharded = (qubits - needed.min(qubits)).min(ranks.max(1).ilog2() as usize);
    1 << sharded
}

/// The qubits an action needs local.
fn needs_local(action: &Action) -> &[usize] {
    match action {
        Action::Unitary { targets, .. } | Action::Permutation { targets, .. } | Action::Channel { targets, .. } => {
            targets
        }
        _ => &[],
    }
}

/// The starting layout, the steps with physical qubits and exchanges in between, and the final layout.
pub(super) fn place(actions: Vec<Lowered>, qubits: usize, shards: usize) -> (Layout, Vec<Step>, Layout) {
    let mut uses = Uses::of(&actions, qubits);
    let local = qubits - shards.trailing_zeros() as usize;
    let start = starting_layout(&uses, qubits);
    let mut layout = start.clone();
    let mut steps = Vec::with_capacity(actions.len());
    for (index, Lowered { action, line, operations }) in actions.into_iter().enumerate() {
        uses.advance(index);
        let pairs = exchange(needs_local(&action), &layout, &uses, local);
        if !pairs.is_empty() {
            pairs.iter().for_each(|(sharded, row)| layout.swap_physical(*sharded, *row));
            steps.push(Step { action: Action::Exchange { pairs }, line, operations: 0 });
        }
        if let Action::Relabel { first, second } = action {
            layout.swap_logical(first, second);
        }
        let is_channel = matches!(action, Action::Channel { .. });
        steps.push(Step { action: physical(action, &layout), line, operations });
        if is_channel {
            steps.push(Step { action: Action::CompressIfWide, line, operations: 0 });
        }
    }
    (start, steps, layout)
}

/// For each logical qubit, the actions that need it local, in order.
struct Uses {
    of_qubit: Vec<Vec<usize>>,
    next: Vec<usize>,
}

impl Uses {
    fn of(actions: &[Lowered], qubits: usize) -> Uses {
        let mut of_qubit = vec![Vec::new(); qubits];
        for (index, Lowered { action, .. }) in actions.iter().enumerate() {
            needs_local(action).iter().for_each(|qubit| of_qubit[*qubit].push(index));
        }
        Uses { of_qubit, next: vec![0; qubits] }
    }

    /// Forgets the uses before action `index`.
    fn advance(&mut self, index: usize) {
        for (uses, next) in self.of_qubit.iter().zip(&mut self.next) {
            while uses.get(*next).is_some_and(|at| *at < index) {
                *next += 1;
            }
        }
    }

    /// The next action that needs the qubit.
    fn next(&self, qubit: usize) -> usize {
        self.of_qubit[qubit].get(self.next[qubit]).copied().unwrap_or(NEVER)
    }
}

/// Qubits in the order of their first use, the latest on the rank bits; the initial product state lies anywhere.
fn starting_layout(uses: &Uses, qubits: usize) -> Layout {
    let mut order: Vec<usize> = (0..qubits).collect();
    order.sort_by_key(|qubit| uses.next(*qubit));
    let mut physical = vec![0; qubits];
    order.iter().enumerate().for_each(|(place, qubit)| physical[*qubit] = place);
    Layout::new(physical)
}

/// The (sharded, local) places to swap before an action that needs `needed` local.
fn exchange(needed: &[usize], layout: &Layout, uses: &Uses, local: usize) -> Vec<(usize, usize)> {
    let place = |qubit: usize| layout.physical(qubit);
    let missing: Vec<usize> = needed.iter().copied().filter(|qubit| place(*qubit) >= local).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let mut victims: Vec<usize> =
        (0..layout.qubits()).filter(|qubit| place(*qubit) < local && !needed.contains(qubit)).collect();
    victims.sort_by_key(|qubit| std::cmp::Reverse((uses.next(*qubit), place(*qubit))));
    let mut others: Vec<usize> =
        (0..layout.qubits()).filter(|qubit| place(*qubit) >= local && !needed.contains(qubit)).collect();
    others.sort_by_key(|qubit| (uses.next(*qubit), place(*qubit)));
    let (forced, spare) = victims.split_at(missing.len());
    let welcome = others.iter().zip(spare).take_while(|(come, go)| uses.next(**come) < uses.next(**go));
    let pairs = missing.iter().zip(forced).chain(welcome);
    pairs.map(|(come, go)| (place(*come), place(*go))).collect()
}

/// The action with logical qubits replaced by their places.
fn physical(action: Action, layout: &Layout) -> Action {
    let places = |qubits: Vec<usize>| qubits.into_iter().map(|qubit| layout.physical(qubit)).collect();
    let moved = |controls: Vec<Control>| {
        let control = |control: Control| Control { qubit: layout.physical(control.qubit), ..control };
        controls.into_iter().map(control).collect()
    };
    match action {
        Action::Unitary { matrix, targets, controls } => {
            Action::Unitary { matrix, targets: places(targets), controls: moved(controls) }
        }
        Action::Diagonal { entries, targets, controls } => {
            Action::Diagonal { entries, targets: places(targets), controls: moved(controls) }
        }
        Action::Permutation { images, factors, targets, controls } => {
            Action::Permutation { images, factors, targets: places(targets), controls: moved(controls) }
        }
        Action::Channel { channel, targets, record } => Action::Channel { channel, targets: places(targets), record },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::identity;

    fn dense(targets: &[usize]) -> Lowered {
        let matrix = identity(1 << targets.len());
        Lowered {
            action: Action::Unitary { matrix, targets: targets.to_vec(), controls: vec![] },
            line: 1,
            operations: 1,
        }
    }

    fn exchanges(steps: &[Step]) -> Vec<Vec<(usize, usize)>> {
        let pairs = |step: &Step| match &step.action {
            Action::Exchange { pairs } => Some(pairs.clone()),
            _ => None,
        };
        steps.iter().filter_map(pairs).collect()
    }

    #[test]
    fn ranks_beyond_a_power_of_two_or_beyond_the_gates_are_idle() {
        let actions = [dense(&[0, 1])];
        assert_eq!(shards(5, 3, &actions), 2);
        assert_eq!(shards(5, 1000, &actions), 8);
        assert_eq!(shards(2, 4, &actions), 1);
        assert_eq!(shards(3, 4, &[]), 4);
    }

    #[test]
    fn every_target_is_local_when_it_is_used() {
        let pairs = [[0, 1], [2, 3], [4, 0], [1, 3], [4, 2], [0, 3]];
        let actions: Vec<Lowered> = pairs.iter().map(|pair| dense(pair)).collect();
        let (_, steps, _) = place(actions, 5, 4);
        for step in &steps {
            assert!(needs_local(&step.action).iter().all(|place| *place < 3), "{step:?}");
        }
    }

    #[test]
    fn qubits_needed_soon_travel_together() {
        // Qubits 0 and 1 are done; 2 and 3 start sharded and are both needed next: one all-to-all of two bits.
        let (_, steps, _) = place(vec![dense(&[0]), dense(&[1]), dense(&[2]), dense(&[3])], 4, 4);
        assert_eq!(exchanges(&steps), [vec![(2, 1), (3, 0)]]);
    }

    #[test]
    fn one_shard_needs_no_exchange() {
        let (start, steps, end) = place(vec![dense(&[0, 3]), dense(&[2])], 4, 1);
        assert!(exchanges(&steps).is_empty());
        assert_eq!(start, end);
    }
}
