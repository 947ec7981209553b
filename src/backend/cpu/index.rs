//! Index arithmetic on rows: indices gathered from and spread over chosen bits.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_gathered_and_scattered_in_the_order_listed() {
        assert_eq!(gather_bits(0b1010, &[1, 2, 3]), 0b101);
        assert_eq!(scatter_bits(0b01, &[3, 0]), 0b1000);
        assert_eq!(spread(0b101, 0b11010), 0b10010);
    }
}
