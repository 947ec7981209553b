//! Rows and the rows after a flip: one of each pair is enough, and flips with the same high bits pair the same blocks of rows.

use num_complex::Complex64;
use std::collections::BTreeMap;

/// Rows of a block.
pub(super) const BLOCK: usize = 64;

/// A flip and its sign masks.
pub(super) type Flips = (usize, Vec<usize>);

/// The overlaps of all flips with each of their masks: where at least so many flips have the same high bits by `many`, which gives the
/// sums of one flip after the other, else by `alone`.
pub(super) fn overlaps(
    groups: &[Flips],
    (rows, least): (usize, usize),
    many: impl Fn(usize, &[&Flips]) -> Vec<Complex64>,
    alone: impl Fn(&Flips) -> Vec<Complex64>,
) -> Vec<Vec<Complex64>> {
    let mut sums = vec![None; groups.len()];
    for (high, members) in together(groups, rows, least) {
        let flips: Vec<&Flips> = members.iter().map(|index| &groups[*index]).collect();
        let mut found = many(high, &flips).into_iter();
        for index in members {
            sums[index] = Some(found.by_ref().take(groups[index].1.len()).collect());
        }
    }
    sums.into_iter().zip(groups).map(|(sums, group)| sums.unwrap_or_else(|| alone(group))).collect()
}

/// By their high bits, those of the flips of which at least so many have the same; the others are left.
fn together(groups: &[Flips], rows: usize, least: usize) -> BTreeMap<usize, Vec<usize>> {
    let mut by_high: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    if rows >= BLOCK {
        groups.iter().enumerate().for_each(|(index, (flip, _))| by_high.entry(flip / BLOCK).or_default().push(index));
    }
    by_high.retain(|_, members| members.len() >= least);
    by_high
}

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
    fn flips_are_taken_together_where_many_share_their_high_bits() {
        let flips: Vec<Flips> = (0..8).chain([64, 65]).map(|flip| (flip, vec![0])).collect();
        assert_eq!(together(&flips, 1 << 10, 3), BTreeMap::from([(0, (0..8).collect())]));
        assert_eq!(together(&flips, 1 << 10, 2).len(), 2);
        assert!(together(&flips, 32, 3).is_empty());
    }

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
