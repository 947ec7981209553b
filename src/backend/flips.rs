//! Rows and the rows after a flip: one of each pair is enough.

use num_complex::Complex64;

/// What the rows `r` with a zero at the highest bit of the flip have summed up to, completed by the other half.
pub(super) fn with_other_half(sum: Complex64, flip: usize, sign: usize) -> Complex64 {
    match (flip, (sign & flip).count_ones() % 2) {
        (0, _) => sum,
        (_, 0) => Complex64::from(2.0 * sum.re),
        _ => Complex64::new(0.0, 2.0 * sum.im),
    }
}

/// The number without a one at the highest bit of the flip, counted up from 0.
pub(super) fn half(number: usize, flip: usize) -> usize {
    match flip {
        0 => number,
        _ => {
            let below = (1 << flip.ilog2()) - 1;
            number & below | (number & !below) << 1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_of_each_pair_is_in_the_half() {
        for flip in [1, 0b100, 0b110, 0b1011] {
            let halves: Vec<usize> = (0..8).map(|number| half(number, flip)).collect();
            let mut all: Vec<usize> = halves.iter().flat_map(|row| [*row, row ^ flip]).collect();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..16), "{flip}: {halves:?}");
        }
        assert_eq!(half(5, 0), 5);
    }
}
