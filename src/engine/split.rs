//! How a channel splits the columns of a factor: which branches are formed, and which are left out.

use super::at_once::Member;
use super::basis::by_weight;
use super::compression::{CLUSTER_WIDTH, threshold};
use super::tail::Dropped;
use crate::model::Channel;
use crate::plan::Condition;
use crate::state::{Branch, Column};
use std::collections::HashSet;

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
        mut found: impl FnMut(Dropped),
    ) {
        let bounds = channel.bounds();
        let formed: HashSet<(usize, usize)> = self.branches.iter().map(|one| (one.source, one.kraus)).collect();
        let kept = strongest(bounds);
        for (source, column) in columns.iter().enumerate().filter(|(_, column)| condition.holds(column.register)) {
            for kraus in (0..bounds.len()).filter(|kraus| *kraus != kept && !formed.contains(&(source, *kraus))) {
                let column = branched(column, kraus, bounds, record);
                found(Dropped { member: Member { kraus, source }, column });
            }
        }
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
    Column {
        weight: column.weight * bounds[kraus].min(1.0),
        register: record.map_or(column.register, |bit| column.register & !(1 << bit) | (kraus as u64) << bit),
    }
}

/// The index of the largest bound; the first of equals.
fn strongest(bounds: &[f64]) -> usize {
    (0..bounds.len()).fold(0, |best, index| if bounds[index] > bounds[best] { index } else { best })
}
