//! Which operations may trade places.

use crate::backend::LocalOperation;

/// The qubits an operation touches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Footprint {
    /// Bits whose values it mixes.
    mixed: usize,
    /// Bits it is diagonal in: controls, and the targets of diagonals.
    diagonal: usize,
    branches: bool,
}

impl Footprint {
    pub(super) fn of(operation: &LocalOperation) -> Self {
        let diagonal = match operation {
            LocalOperation::Dense { controls, .. } | LocalOperation::Permutation { controls, .. } => {
                controls.iter().map(|control| 1 << control.bit).sum()
            }
            LocalOperation::Diagonal { targets, controls, .. } => {
                targets.iter().chain(controls.iter().map(|control| &control.bit)).map(|bit| 1usize << bit).sum()
            }
            LocalOperation::Branch { .. } => 0,
        };
        let branches = matches!(operation, LocalOperation::Branch { .. });
        Footprint { mixed: operation.mixed_bits(), diagonal, branches }
    }
}

/// What has been left for later: later operations may go first if they commute with all of it.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Skipped {
    mixed: usize,
    diagonal: usize,
    branches: bool,
}

impl Skipped {
    pub(super) fn add(&mut self, footprint: &Footprint) {
        self.mixed |= footprint.mixed;
        self.diagonal |= footprint.diagonal;
        self.branches |= footprint.branches;
    }

    /// Operations on different qubits commute, and so do those that are diagonal in all qubits they share. Columns are
    /// numbered in the order of the branches, so that these stay in order.
    pub(super) fn lets_pass(&self, later: &Footprint) -> bool {
        let mixes = later.mixed & (self.mixed | self.diagonal) | later.diagonal & self.mixed;
        mixes == 0 && !(later.branches && self.branches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::LocalControl;
    use crate::linalg::Matrix;

    fn dense(targets: &[usize], control: Option<usize>) -> LocalOperation {
        let size = 1 << targets.len();
        let controls = control.map(|bit| LocalControl { bit, value: true }).into_iter().collect();
        LocalOperation::Dense { matrix: Matrix::zeros((size, size)), targets: targets.to_vec(), controls }
    }

    fn branch(target: usize) -> LocalOperation {
        LocalOperation::Branch { matrices: vec![], targets: vec![target], sources: vec![0], choice: vec![] }
    }

    fn commute(first: &LocalOperation, second: &LocalOperation) -> bool {
        let mut skipped = Skipped::default();
        skipped.add(&Footprint::of(first));
        skipped.lets_pass(&Footprint::of(second))
    }

    #[test]
    fn shared_qubits_block_unless_both_are_diagonal_in_them() {
        assert!(commute(&dense(&[0], None), &dense(&[1], None)));
        assert!(!commute(&dense(&[0], None), &dense(&[1, 0], None)));
        assert!(commute(&dense(&[0], Some(2)), &dense(&[1], Some(2))));
        assert!(!commute(&dense(&[0], Some(2)), &dense(&[2], None)));
        assert!(!commute(&dense(&[2], None), &dense(&[0], Some(2))));
        let diagonal = LocalOperation::Diagonal { entries: vec![], targets: vec![2, 3], controls: vec![] };
        assert!(commute(&dense(&[0], Some(2)), &diagonal) && !commute(&dense(&[3], None), &diagonal));
    }

    #[test]
    fn branches_stay_in_order() {
        assert!(!commute(&branch(0), &branch(1)));
        assert!(commute(&branch(0), &dense(&[1], None)) && commute(&dense(&[1], None), &branch(0)));
    }
}
