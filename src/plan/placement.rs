//! Where qubits are kept, and when ranks exchange them.
//!
//! The index of a basis state is split in row bits (local) and rank bits. A dense gate or a channel needs its targets
//! local; diagonal gates and controls do not. [`schedule`] decides when qubits trade places; here its decisions become
//! steps with physical qubits.

mod schedule;

use super::fusion::footprint;
use super::lowering::Lowered;
use super::{Action, Step};
use crate::model::{Control, Layout};
use schedule::{Event, Item};

/// How many ranks hold a shard: the largest power of two that leaves every gate enough local qubits.
pub(super) fn shards(qubits: usize, ranks: usize, actions: &[Lowered]) -> usize {
    let needed = actions.iter().map(|lowered| needs_local(&lowered.action).len()).max().unwrap_or(0);
    let sharded = (qubits - needed.min(qubits)).min(ranks.max(1).ilog2() as usize);
    1 << sharded
}

/// The qubits an action needs local.
pub(super) fn needs_local(action: &Action) -> &[usize] {
    match action {
        Action::Unitary { targets, .. } | Action::Permutation { targets, .. } | Action::Channel { targets, .. } => {
            targets
        }
        Action::Conditional { action, .. } => needs_local(action),
        _ => &[],
    }
}

/// The actions in an order that keeps to the same qubits as long as it can; it does not depend on the number of ranks.
pub(super) fn gathered(actions: Vec<Lowered>, qubits: usize) -> Vec<Lowered> {
    let items: Vec<Item> = actions.iter().map(|lowered| item(&lowered.action)).collect();
    let mut actions: Vec<Option<Lowered>> = actions.into_iter().map(Some).collect();
    let order = schedule::gathered(&items, qubits).into_iter();
    order.map(|index| actions[index].take().expect("every action runs once")).collect()
}

/// What placement makes of a circuit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    /// The starting layout.
    pub(super) start: Layout,
    /// The steps with physical qubits and exchanges in between.
    pub(super) steps: Vec<Step>,
    /// The final layout.
    pub(super) layout: Layout,
}

/// Places the actions on `shards` shards; the relabels come last.
pub(super) fn place(actions: Vec<Lowered>, relabels: Vec<Lowered>, qubits: usize, shards: usize) -> Placed {
    let items: Vec<Item> = actions.iter().map(|lowered| item(&lowered.action)).collect();
    place_from(starting_layout(&items, qubits), actions, relabels, qubits, shards)
}

/// As [`place`], from a given layout.
pub(super) fn place_from(
    start: Layout,
    actions: Vec<Lowered>,
    relabels: Vec<Lowered>,
    qubits: usize,
    shards: usize,
) -> Placed {
    let items: Vec<Item> = actions.iter().map(|lowered| item(&lowered.action)).collect();
    let mut placed = Placed { layout: start.clone(), start, steps: Vec::with_capacity(2 * actions.len()) };
    let mut actions: Vec<Option<Lowered>> = actions.into_iter().map(Some).collect();
    let local = qubits - shards.trailing_zeros() as usize;
    let at_home = (0..qubits).filter(|qubit| placed.start.physical(*qubit) < local).map(|qubit| 1 << qubit).sum();
    let mut line = 0;
    for event in schedule::cheapest(&items, qubits, at_home) {
        match event {
            Event::Exchange(pairs) => placed.exchange(&pairs),
            Event::Run(index) => {
                let lowered = actions[index].take().expect("every action runs once");
                line = lowered.line;
                placed.run(lowered);
            }
        }
    }
    relabels.into_iter().for_each(|relabel| placed.run(Lowered { line, ..relabel }));
    placed
}

impl Placed {
    fn exchange(&mut self, pairs: &[(usize, usize)]) {
        let places = |(come, go): &(usize, usize)| (self.layout.physical(*come), self.layout.physical(*go));
        let physical: Vec<(usize, usize)> = pairs.iter().map(places).collect();
        pairs.iter().for_each(|(come, go)| self.layout.swap_logical(*come, *go));
        self.steps.push(Step { action: Action::Exchange { pairs: physical }, line: 0, operations: 0 });
    }

    fn run(&mut self, Lowered { action, line, operations }: Lowered) {
        if let Action::Relabel { first, second } = action {
            self.layout.swap_logical(first, second);
        }
        if let Some(Step { action: Action::Exchange { .. }, line: before, .. }) = self.steps.last_mut() {
            *before = line;
        }
        let is_channel = action.channel().is_some();
        self.steps.push(Step { action: physical(action, &self.layout), line, operations });
        if is_channel {
            self.steps.push(Step { action: Action::CompressIfWide, line, operations: 0 });
        }
    }
}

fn item(action: &Action) -> Item {
    let (qubits, mixed) = footprint(action);
    let needs = needs_local(action).iter().map(|qubit| 1 << qubit).sum();
    Item { qubits, mixed, needs, channel: action.channel().is_some() }
}

/// Qubits in the order of their first use, the latest on the rank bits; the initial product state lies anywhere.
fn starting_layout(items: &[Item], qubits: usize) -> Layout {
    let first = |qubit: &usize| items.iter().position(|item| item.needs >> qubit & 1 == 1).unwrap_or(usize::MAX);
    let mut order: Vec<usize> = (0..qubits).collect();
    order.sort_by_cached_key(first);
    let mut physical = vec![0; qubits];
    order.iter().enumerate().for_each(|(place, qubit)| physical[*qubit] = place);
    Layout::new(physical)
}

/// The action with logical qubits replaced by their places.
pub(super) fn physical(action: Action, layout: &Layout) -> Action {
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
        Action::Conditional { condition, action } => {
            Action::Conditional { condition, action: Box::new(physical(*action, layout)) }
        }
        Action::Measure { layout: wires, overlaps, snapshot } => {
            Action::Measure { layout: wires.followed_by(layout), overlaps, snapshot }
        }
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
        let steps = place(actions, vec![], 5, 4).steps;
        for step in &steps {
            assert!(needs_local(&step.action).iter().all(|place| *place < 3), "{step:?}");
        }
    }

    #[test]
    fn qubits_needed_soon_travel_together() {
        // Qubits 0 and 1 are done; 2 and 3 start sharded and are both needed next: one all-to-all of two bits.
        let steps = place(vec![dense(&[0]), dense(&[1]), dense(&[2]), dense(&[3])], vec![], 4, 4).steps;
        assert_eq!(exchanges(&steps), [vec![(2, 1), (3, 0)]]);
    }

    #[test]
    fn one_shard_needs_no_exchange() {
        let placed = place(vec![dense(&[0, 3]), dense(&[2])], vec![], 4, 1);
        assert!(exchanges(&placed.steps).is_empty());
        assert_eq!(placed.start, placed.layout);
    }
}
