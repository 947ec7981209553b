//! The rest of a plan on another number of ranks: a run that goes on where other ranks have left it.
//!
//! Which operations there are and the order of the channels were decided when the circuit was planned, for the ranks there were
//! then; they stay as they are, so that widths, cuts and results do too. Only where the qubits lie is decided anew, from
//! where they are.

use super::lowering::Lowered;
use super::placement::{self, Placed, physical};
use super::{Action, Plan, Step};
use crate::model::Layout;

impl Plan {
    /// Where the logical qubits are before a step.
    pub fn layout_before(&self, position: usize) -> Layout {
        let (first, mut layout) = match &self.replaced {
            Some((first, layout)) if *first <= position => (*first, layout.clone()),
            _ => (0, self.start.clone()),
        };
        self.steps[first..position].iter().for_each(|step| follow(&mut layout, &step.action));
        layout
    }

    /// The same plan up to `position`, from there on for so many ranks. The rows begin with the layout that they have there.
    pub fn replaced(&self, position: usize, ranks: usize) -> Plan {
        let layout = self.layout_before(position);
        let (between, actions, relabels) = self.rest(position, layout.clone());
        let shards = placement::shards(self.qubits, ranks, &actions);
        let Placed { steps, layout: last, .. } =
            placement::place_from(layout.clone(), actions, relabels, self.qubits, shards);
        let mut plan = Plan { shards, replaced: Some((position, layout)), ..self.clone() };
        plan.steps.truncate(position);
        plan.steps.extend(between.into_iter().chain(steps));
        let measure = Action::Measure { layout: last, overlaps: Vec::new(), snapshot: None };
        plan.steps.push(Step { action: measure, line: 0, operations: 0 });
        if self.measures_overlaps() {
            let strings = &self.strings;
            plan.steps[position..].iter_mut().for_each(|step| step.action.find_overlaps(strings));
        }
        plan
    }

    /// Density matrices have entries instead.
    fn measures_overlaps(&self) -> bool {
        self.qubits == self.system
    }

    /// The steps from `position` on, on logical qubits: the compression that the step before left to do, actions, relabels.
    fn rest(&self, position: usize, mut layout: Layout) -> (Option<Step>, Vec<Lowered>, Vec<Lowered>) {
        let mut steps = self.steps[position..].iter().peekable();
        let between = steps.next_if(|step| step.action == Action::CompressIfWide).cloned();
        let (mut actions, mut relabels) = (Vec::new(), Vec::new());
        for Step { action, line, operations } in steps {
            let lowered = |action| Lowered { action, line: *line, operations: *operations };
            match action {
                // Made again when the actions are placed.
                Action::Exchange { .. } | Action::CompressIfWide | Action::Measure { snapshot: None, .. } => {}
                Action::Relabel { .. } => relabels.push(lowered(action.clone())),
                action => actions.push(lowered(physical(action.clone(), &layout.inverse()))),
            }
            follow(&mut layout, action);
        }
        (between, actions, relabels)
    }
}

/// What a step does to the layout.
fn follow(layout: &mut Layout, action: &Action) {
    match action {
        Action::Exchange { pairs } => pairs.iter().for_each(|(one, other)| layout.swap_physical(*one, *other)),
        Action::Relabel { first, second } => layout.swap_logical(*first, *second),
        _ => {}
    }
}
