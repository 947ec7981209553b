//! The values of an axis in a few groups: each by itself if they are few, else ranges of equal length.

use super::super::number::{exact, short};
use super::NumericAxis;

/// Groups of values, in ascending order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bins {
    /// Each value by itself.
    Values(Vec<f64>),
    /// So many ranges from `low` to `high`, in logarithms if so.
    Ranges { low: f64, high: f64, count: usize, is_logarithmic: bool },
}

impl Bins {
    /// The groups of an axis at some points: its values if they are at most `most`, else `ranges` ranges.
    pub fn of(axis: &NumericAxis<'_>, points: &[usize], most: usize, ranges: usize) -> Bins {
        let mut values: Vec<f64> = points.iter().map(|point| axis.values[*point]).filter(|at| at.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        // -0 and 0 are one value.
        values.dedup_by(|one, other| one == other);
        if values.len() <= most {
            return Bins::Values(values);
        }
        let (low, high) = (values[0], values[values.len() - 1]);
        Bins::Ranges { low, high, count: ranges, is_logarithmic: axis.is_logarithmic && low > 0.0 }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Bins::Values(values) => values.len(),
            Bins::Ranges { count, .. } => *count,
        }
    }

    /// Whether different values can be in one group.
    pub fn are_ranges(&self) -> bool {
        matches!(self, Bins::Ranges { .. })
    }

    /// The group of a value.
    pub fn place(&self, value: f64) -> Option<usize> {
        match self {
            Bins::Values(values) => values.iter().position(|known| *known == value),
            Bins::Ranges { low, high, count, is_logarithmic } => {
                let at = |value: f64| if *is_logarithmic { value.ln() } else { value };
                let part = (at(value) - at(*low)) / (at(*high) - at(*low));
                part.is_finite().then(|| ((part * *count as f64) as usize).min(count - 1))
            }
        }
    }

    /// The middle of a group.
    pub fn middle(&self, place: usize) -> f64 {
        self.at(place as f64 + 0.5)
    }

    /// What a group is called on an axis.
    pub fn tick(&self, place: usize) -> String {
        match self {
            Bins::Values(values) => tick(values[place]),
            Bins::Ranges { .. } => short(self.middle(place)),
        }
    }

    /// What a group is called by itself.
    pub fn title(&self, place: usize) -> String {
        match self {
            Bins::Values(values) => exact(values[place]),
            Bins::Ranges { .. } => {
                format!("{} to {}", short(self.at(place as f64)), short(self.at(place as f64 + 1.0)))
            }
        }
    }

    fn at(&self, place: f64) -> f64 {
        match self {
            Bins::Values(values) => values[place as usize],
            Bins::Ranges { low, high, count, is_logarithmic } => {
                let part = place / *count as f64;
                if *is_logarithmic { low * (high / low).powf(part) } else { low + (high - low) * part }
            }
        }
    }
}

/// At most `most` of so many places, the first and the last among them, at equal distances.
pub(super) fn spread(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let shown = count.min(most);
    (0..shown).map(move |index| index * (count - 1) / (shown - 1).max(1))
}

/// The shorter of the exact number and three digits of it.
pub(super) fn tick(value: f64) -> String {
    let (exact, short) = (exact(value), short(value));
    if exact.len() <= short.len() { exact } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn axis(values: &[f64], is_logarithmic: bool) -> NumericAxis<'_> {
        NumericAxis { place: 0, name: "x", values, is_logarithmic }
    }

    #[test]
    fn the_first_and_the_last_are_among_those_shown() {
        assert_eq!(spread(3, 6).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(spread(316, 6).collect::<Vec<_>>(), [0, 63, 126, 189, 252, 315]);
        assert_eq!(spread(1, 6).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn few_values_stand_by_themselves() {
        let values = [2.0, 1.0, f64::NAN, 2.0, -0.0, 0.0];
        let bins = Bins::of(&axis(&values, false), &[0, 1, 2, 3, 4, 5], 3, 9);
        assert_eq!((bins.count(), bins.are_ranges()), (3, false));
        assert_eq!(
            [0.0, 1.0, 2.0, 1.5, f64::NAN].map(|value| bins.place(value)),
            [Some(0), Some(1), Some(2), None, None]
        );
        assert_eq!((bins.middle(2), bins.title(1)), (2.0, "1".to_string()));
    }

    #[test]
    fn ranges_of_a_logarithmic_axis_have_equal_ratios() {
        let values = [1e-4, 1e-3, 1e-2, 1.0];
        let bins = Bins::of(&axis(&values, true), &[0, 1, 2, 3], 2, 4);
        assert_eq!([1e-4, 9e-4, 1.1e-3, 1.0].map(|value| bins.place(value)), [Some(0), Some(0), Some(1), Some(3)]);
        assert!((bins.middle(0) - 10_f64.powf(-3.5)).abs() < 1e-15);
        assert_eq!(bins.title(3), "0.100 to 1.00");
    }

    proptest! {
        #[test]
        fn every_value_is_in_the_range_of_its_group(values in prop::collection::vec(-1e3..1e3f64, 5..60)) {
            let all: Vec<usize> = (0..values.len()).collect();
            let bins = Bins::of(&axis(&values, false), &all, 4, 7);
            for value in &values {
                let place = bins.place(*value).unwrap() as f64;
                prop_assert!(bins.at(place) - 1e-9 <= *value && *value <= bins.at(place + 1.0) + 1e-9);
            }
        }
    }
}
