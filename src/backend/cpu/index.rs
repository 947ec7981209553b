//! Index arithmetic on rows: groups of rows that a gate mixes, and indices spread over chosen bits.

/// The index whose bits at the set bits of `mask`, from the lowest, are those of `number`, all others zero.
pub(super) fn spread(number: usize, mask: usize) -> usize {
    let (mut index, mut number, mut mask) = (0, number, mask);
    while mask != 0 && number != 0 {
        let bit = mask & mask.wrapping_neg();
        index |= if number & 1 == 1 { bit } else { 0 };
        number >>= 1;
        mask ^= bit;
    }
    index
}

/// The value of the listed bits of `index`; the first is the least significant.
pub(super) fn gather_bits(index: usize, bits: &[usize]) -> usize {
    bits.iter().enumerate().map(|(place, bit)| (index >> bit & 1) << place).sum()
}

/// The index whose listed bits are those of `value`; the first is the least significant.
pub(super) fn scatter_bits(value: usize, bits: &[usize]) -> usize {
    bits.iter().enumerate().map(|(place, bit)| (value >> place & 1) << bit).sum()
}

/// The groups of `2^k` rows that a gate on `k` targets mixes.
#[derive(Debug, Clone)]
pub(super) struct RowGroups {
    outside: usize,
    /// Offset of each member of a group from its first row, in the order of the matrix index.
    pub(super) offsets: Vec<usize>,
    /// Number of groups.
    pub(super) count: usize,
}

impl RowGroups {
    pub(super) fn new(rows: usize, targets: &[usize]) -> Self {
        let mask: usize = targets.iter().map(|bit| 1usize << bit).sum();
        RowGroups {
            outside: (rows - 1) & !mask,
            offsets: (0..1 << targets.len()).map(|value| scatter_bits(value, targets)).collect(),
            count: rows >> targets.len(),
        }
    }

    /// First row (all target bits zero) of a group.
    pub(super) fn first_row(&self, group: usize) -> usize {
        spread(group, self.outside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_visit_every_row_once() {
        let groups = RowGroups::new(32, &[4, 1]);
        let mut rows: Vec<usize> = (0..groups.count)
            .flat_map(|group| groups.offsets.iter().map(move |offset| (group, *offset)))
            .map(|(group, offset)| groups.first_row(group) + offset)
            .collect();
        rows.sort_unstable();
        assert!(rows.into_iter().eq(0..32));
        assert_eq!(groups.offsets, [0, 16, 2, 18]);
    }

    #[test]
    fn bits_are_gathered_and_scattered_in_the_order_listed() {
        assert_eq!(gather_bits(0b1010, &[1, 2, 3]), 0b101);
        assert_eq!(scatter_bits(0b01, &[3, 0]), 0b1000);
        assert_eq!(spread(0b101, 0b11010), 0b10010);
    }
}
