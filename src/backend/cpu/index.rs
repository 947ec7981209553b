//! Index arithmetic on rows: groups of rows that a gate mixes, and rows with fixed bits.

use crate::backend::LocalControl;

/// Spreads consecutive numbers over the bits that are not fixed.
#[derive(Debug, Clone)]
pub(super) struct Deposit {
    /// Fixed bits, ascending.
    fixed: Vec<usize>,
}

impl Deposit {
    /// For row indices below `rows` with the bits of `mask` fixed.
    pub(super) fn new(mask: usize, rows: usize) -> Self {
        debug_assert!(mask < rows, "fixed bits are bits of the row index");
        Deposit { fixed: (0..usize::BITS as usize).filter(|bit| mask >> bit & 1 == 1).collect() }
    }

    /// The `number`-th index whose fixed bits are all zero.
    pub(super) fn spread(&self, number: usize) -> usize {
        self.fixed.iter().fold(number, |index, bit| {
            let low = index & ((1 << bit) - 1);
            ((index - low) << 1) | low
        })
    }
}

/// The value of the listed bits of `index`; the first is the least significant.
pub(super) fn gather_bits(index: usize, bits: &[usize]) -> usize {
    bits.iter().enumerate().map(|(place, bit)| (index >> bit & 1) << place).sum()
}

/// The groups of `2^k` rows that a gate on `k` targets mixes, where its controls hold.
#[derive(Debug, Clone)]
pub(super) struct RowGroups {
    deposit: Deposit,
    control_value: usize,
    /// Offset of each member of a group from its first row, in the order of the matrix index.
    pub(super) offsets: Vec<usize>,
    /// Number of groups.
    pub(super) count: usize,
}

impl RowGroups {
    pub(super) fn new(rows: usize, targets: &[usize], controls: &[LocalControl]) -> Self {
        let bits = targets.iter().copied().chain(controls.iter().map(|control| control.bit));
        let mask = bits.map(|bit| 1usize << bit).sum();
        let member = |index: usize| targets.iter().enumerate().map(|(place, bit)| (index >> place & 1) << bit).sum();
        RowGroups {
            deposit: Deposit::new(mask, rows),
            control_value: controls.iter().map(|control| usize::from(control.value) << control.bit).sum(),
            offsets: (0..1 << targets.len()).map(member).collect(),
            count: rows >> (targets.len() + controls.len()),
        }
    }

    /// First row (all target bits zero) of a group.
    pub(super) fn first_row(&self, group: usize) -> usize {
        self.deposit.spread(group) | self.control_value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_visit_every_controlled_row_once() {
        let controls = [LocalControl { bit: 3, value: true }, LocalControl { bit: 0, value: false }];
        let groups = RowGroups::new(32, &[4, 1], &controls);
        let mut rows: Vec<usize> = (0..groups.count)
            .flat_map(|group| groups.offsets.iter().map(move |offset| (group, *offset)))
            .map(|(group, offset)| groups.first_row(group) + offset)
            .collect();
        rows.sort_unstable();
        let expected: Vec<usize> = (0..32).filter(|row| row & 8 != 0 && row & 1 == 0).collect();
        assert_eq!(rows, expected);
        assert_eq!(groups.offsets, [0, 16, 2, 18]);
    }

    #[test]
    fn bits_are_gathered_in_the_order_listed() {
        assert_eq!(gather_bits(0b1010, &[1, 2, 3]), 0b101);
    }
}
