//! The cube that is searched: which axes are continuous, and which hold a list.

use serde::{Deserialize, Serialize};

/// What an axis of the unit cube stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dimension {
    /// Any number of `[0, 1]`.
    Continuous,
    /// The entries of an ordered list of this length (numbers, say): near entries are alike. Entry `i` of `k` lies at
    /// `(i + 1/2) / k`.
    Levels(usize),
    /// The entries of a list without order (names, say), at the same places: any two are equally unlike.
    Choices(usize),
}

impl Dimension {
    /// Entries of the list; `None` for a continuous axis.
    pub fn entries(self) -> Option<usize> {
        match self {
            Dimension::Continuous => None,
            Dimension::Levels(entries) | Dimension::Choices(entries) => Some(entries),
        }
    }

    /// The place of entry `index` of a list of `entries`.
    pub fn place(index: usize, entries: usize) -> f64 {
        (index as f64 + 0.5) / entries as f64
    }

    /// The entry of a list of `entries` that a coordinate lies nearest to.
    pub fn index(coordinate: f64, entries: usize) -> usize {
        ((coordinate * entries as f64) as usize).min(entries - 1)
    }

    /// The allowed coordinate nearest to this one.
    fn snap(self, coordinate: f64) -> f64 {
        let coordinate = coordinate.clamp(0.0, 1.0);
        self.entries().map_or(coordinate, |entries| Dimension::place(Dimension::index(coordinate, entries), entries))
    }

    /// How far two coordinates are apart, for the model: with a sign, but for lists without order.
    pub(super) fn difference(self, one: f64, other: f64) -> f64 {
        match self {
            Dimension::Choices(_) => f64::from(u8::from(one != other)),
            _ => one - other,
        }
    }
}

/// Points nearer than this along every axis are one point.
const SAME: f64 = 1e-9;

/// The allowed point nearest to this one.
pub(super) fn snapped(dimensions: &[Dimension], point: &[f64]) -> Vec<f64> {
    dimensions.iter().zip(point).map(|(dimension, coordinate)| dimension.snap(*coordinate)).collect()
}

/// Whether a point is one of these.
pub(super) fn is_among<'a>(point: &[f64], mut others: impl Iterator<Item = &'a Vec<f64>>) -> bool {
    others.any(|other| point.iter().zip(other).all(|(one, other)| (one - other).abs() < SAME))
}

/// The number of points when every axis holds a list; `None` when some axis is continuous or when they are too many to count.
pub(super) fn points(dimensions: &[Dimension]) -> Option<usize> {
    dimensions.iter().try_fold(1_usize, |product, dimension| product.checked_mul(dimension.entries()?))
}

/// Point `index` of a cube of lists; the first axis runs fastest.
pub(super) fn point(dimensions: &[Dimension], mut index: usize) -> Vec<f64> {
    let entries = dimensions.iter().filter_map(|dimension| dimension.entries());
    let place = |entries: usize| {
        let place = Dimension::place(index % entries, entries);
        index /= entries;
        place
    };
    entries.map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_and_indices_belong_together(entries in 1_usize..1000, coordinate in 0.0..=1.0) {
            for index in 0..entries {
                prop_assert_eq!(Dimension::index(Dimension::place(index, entries), entries), index);
            }
            let snapped = Dimension::Levels(entries).snap(coordinate);
            prop_assert!((snapped - coordinate).abs() <= 0.5 / entries as f64 + 1e-12);
            prop_assert_eq!(Dimension::Choices(entries).snap(snapped), snapped);
        }
    }

    #[test]
    fn a_cube_of_lists_is_counted_and_listed() {
        let dimensions = [Dimension::Levels(2), Dimension::Choices(3)];
        assert_eq!(points(&dimensions), Some(6));
        let all: Vec<_> = (0..6).map(|index| point(&dimensions, index)).collect();
        assert_eq!((&all[1][..], &all[2][..]), (&[0.75, 1.0 / 6.0][..], &[0.25, 0.5][..]));
        assert!((1..6).all(|index| !is_among(&all[index], all[..index].iter())));
        assert_eq!(points(&[Dimension::Levels(2), Dimension::Continuous]), None);
        assert_eq!(points(&[Dimension::Levels(usize::MAX); 2]), None);
    }

    #[test]
    fn entries_without_order_are_equally_unlike() {
        let choices = Dimension::Choices(3);
        assert_eq!(
            [choices.difference(0.1, 0.5), choices.difference(0.1, 0.9), choices.difference(0.5, 0.5)],
            [1.0, 1.0, 0.0]
        );
        assert_eq!(Dimension::Levels(2).difference(0.25, 0.75), -0.5);
    }
}
