//! How a channel splits the columns of a factor: which branches are formed, and which are left out.

use super::basis::by_weight;
use super::compression::{CLUSTER_WIDTH, threshold};
use super::tail::{Dropped, Ride};
use crate::model::Channel;
use crate::plan::Condition;
use crate::state::{Branch, Column};

/// How a channel splits the columns.
pub(super) struct Split {
    /// The operator that each existing column takes: that behind the last for the identity.
    pub(super) kept: Vec<usize>,
    /// The existing columns after it.
    pub(super) columns: Vec<Column>,
    /// The new ones.
    pub(super) branches: Vec<Branch>,
}

impl Split {
    /// All branches whose weight may reach `prune`, of the columns for which the condition holds. With `record` the branch
    /// number goes to that bit of the register.
    pub(super) fn of(
        channel: &Channel,
        record: Option<usize>,
        condition: Condition,
        columns: &[Column],
        prune: f64,
    ) -> Split {
        let bounds = channel.bounds();
        let kept = strongest(bounds);
        let branch = |column: &Column, kraus: usize| branched(column, kraus, bounds, record);
        let least = threshold(prune);
        let branches = (0..bounds.len()).filter(|kraus| *kraus != kept).flat_map(|kraus| {
            columns.iter().enumerate().filter_map(move |(source, column)| {
                let holds = condition.holds(column.register);
                let column = branch(column, kraus);
                (holds && column.weight > 0.0 && column.weight >= least).then_some(Branch { source, kraus, column })
            })
        });
        let old = |column: &Column| match condition.holds(column.register) {
            true => (kept, branch(column, kept)),
            false => (bounds.len(), *column),
        };
        let branches = branches.collect();
        let (kept, columns) = columns.iter().map(old).unzip();
        Split { kept, branches, columns }
    }

    /// The branches of the columns that it leaves out, with the bounds on their weights.
    pub(super) fn left_out(
        &self,
        channel: &Channel,
        record: Option<usize>,
        condition: Condition,
        columns: &[Column],
    ) -> Vec<Dropped> {
        let bounds = channel.bounds();
        let mut formed = vec![false; columns.len() * bounds.len()];
        self.branches.iter().for_each(|one| formed[one.source * bounds.len() + one.kraus] = true);
        let kept = strongest(bounds);
        let split = |column: &Column| column.weight > 0.0 && condition.holds(column.register);
        let sources = columns.iter().enumerate().filter(|(_, column)| split(column));
        let dropped = sources.flat_map(|(source, column)| {
            let left = |kraus: &usize| *kraus != kept && !formed[source * bounds.len() + kraus];
            let branch = move |kraus| Dropped { source, kraus, column: branched(column, kraus, bounds, record) };
            (0..bounds.len()).filter(left).map(branch).collect::<Vec<_>>()
        });
        dropped.collect()
    }

    /// Guests of the core take their own branches, and new ones come.
    pub(super) fn take_along(&mut self, ride: Ride) {
        for (column, kraus, register) in ride.guests {
            self.kept[column] = kraus;
            self.columns[column].register = register;
        }
        self.branches.extend(ride.newcomers);
    }

    /// Keeps at most `most` branches: the strongest, and never a part of equally strong ones.
    pub(super) fn keep_strongest(&mut self, most: usize) {
        self.branches.sort_by(|one, other| by_weight(one.column.weight, other.column.weight));
        if let Some(first_dropped) = self.branches.get(most).map(|branch| branch.column.weight) {
            let whole = |branch: &&Branch| first_dropped < branch.column.weight * (1.0 - CLUSTER_WIDTH);
            let count = self.branches.iter().take_while(whole).count();
            self.branches.truncate(count);
        }
    }
}

/// A column after the Kraus operator with this number.
fn branched(column: &Column, kraus: usize, bounds: &[f64], record: Option<usize>) -> Column {
    Column { weight: column.weight * bounds[kraus].min(1.0), register: recorded(column.register, record, kraus) }
}

/// A register after the branch with this number.
pub(super) fn recorded(register: u64, record: Option<usize>, branch: usize) -> u64 {
    record.map_or(register, |bit| register & !(1 << bit) | (branch as u64) << bit)
}

/// The index of the largest bound; the first of equals.
fn strongest(bounds: &[f64]) -> usize {
    (0..bounds.len()).fold(0, |best, index| if bounds[index] > bounds[best] { index } else { best })
}
