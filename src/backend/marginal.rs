//! Sums over all rows whose listed bits have the same value, shared out so that every backend adds in a fixed order.
//!
//! A *part* is the rows that agree in the listed bits and in as many of the lowest others as it takes to have parts enough; so
//! neighbouring parts are neighbouring rows whichever bits are listed. The rows of a part are added one after the other, then parts in
//! pairs, bit by bit.

/// Parts there are at least, if there are rows enough: a GPU has about as many threads.
const LEAST_PARTS: u32 = 17;

/// Which rows make up a part.
pub(super) struct Parts<'a> {
    bits: &'a [usize],
    /// Bits of the row index that tell parts apart; part `i` has there the bits of `i`.
    pub(super) mask: usize,
    /// The other bits: the rows of one part.
    pub(super) summed: usize,
}

impl Parts<'_> {
    /// For sums over the rows of a shard by the values of the listed bits.
    pub(super) fn of(rows: usize, bits: &[usize]) -> Parts<'_> {
        let mut mask: usize = bits.iter().fold(0, |mask, bit| mask | 1 << bit);
        for bit in 0..rows.ilog2() {
            if mask.count_ones() < LEAST_PARTS {
                mask |= 1 << bit;
            }
        }
        Parts { bits, mask, summed: (rows - 1) & !mask }
    }

    /// How many.
    pub(super) fn count(&self) -> usize {
        1 << self.mask.count_ones()
    }

    /// Rows of each.
    pub(super) fn rows(&self) -> usize {
        1 << self.summed.count_ones()
    }

    /// From the sums of the parts to those of the values of the listed bits, the first least significant.
    pub(super) fn finished(&self, mut sums: Vec<f64>) -> Vec<f64> {
        let mut places: Vec<usize> = (0..usize::BITS as usize).filter(|bit| self.mask >> bit & 1 == 1).collect();
        for place in (0..places.len()).rev().filter(|place| !self.bits.contains(&places[*place])).collect::<Vec<_>>() {
            sums = without_bit(&sums, place);
            places.remove(place);
        }
        if places == self.bits {
            return sums;
        }
        let from = |bit: &usize| places.iter().position(|place| place == bit).unwrap_or_default();
        let from: Vec<usize> = self.bits.iter().map(from).collect();
        let number =
            |value: usize| from.iter().enumerate().map(|(bit, place)| (value >> bit & 1) << place).sum::<usize>();
        (0..sums.len()).map(|value| sums[number(value)]).collect()
    }
}

/// The number that comes next of those without a one outside `mask`; 0 after the last.
pub(super) fn next_within(number: usize, mask: usize) -> usize {
    number.wrapping_sub(mask) & mask
}

/// Adds the sums that differ in one bit of their index.
fn without_bit(sums: &[f64], bit: usize) -> Vec<f64> {
    let half = 1 << bit;
    let pairs = sums.chunks_exact(2 * half).map(|both| both.split_at(half));
    pairs.flat_map(|(low, high)| low.iter().zip(high).map(|(one, other)| one + other)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart_by_the_listed_bits_and_the_lowest_others() {
        let bits = [19, 4];
        let parts = Parts::of(1 << 20, &bits);
        assert_eq!((parts.mask, parts.summed), (1 << 19 | 0xffff, 0b111 << 16));
        assert_eq!((parts.count(), parts.rows()), (1 << 17, 8));
        let all = Parts::of(8, &bits[..0]);
        assert_eq!((all.count(), all.rows()), (8, 1));
    }

    #[test]
    fn sums_of_parts_become_those_of_the_listed_bits_in_their_order() {
        let values: Vec<f64> = (0..32).map(|row| f64::from(row * row)).collect();
        for bits in [vec![], vec![3], vec![4, 0], vec![1, 3, 2], (0..5).collect()] {
            let mut expected = vec![0.0; 1 << bits.len()];
            for (row, value) in values.iter().enumerate() {
                expected[bits.iter().enumerate().map(|(place, bit)| (row >> bit & 1) << place).sum::<usize>()] += value;
            }
            assert_eq!(Parts::of(32, &bits).finished(values.clone()), expected, "{bits:?}");
        }
    }

    #[test]
    fn numbers_within_a_mask_come_in_order() {
        let all: Vec<usize> =
            std::iter::successors(Some(0), |number| Some(next_within(*number, 0b10110))).take(9).collect();
        assert_eq!(all, [0, 0b10, 0b100, 0b110, 0b10000, 0b10010, 0b10100, 0b10110, 0]);
    }
}
