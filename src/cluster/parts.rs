//! Sets of the parts of a job, counted from 1, and their division into arrays.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::RangeInclusive;

/// A set of parts, written `1-3,7`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Parts {
    /// Rising, with a gap between each two.
    ranges: Vec<RangeInclusive<u64>>,
}

impl Parts {
    /// All of so many.
    pub fn all(count: u64) -> Parts {
        (1..=count).collect()
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.ranges.iter().map(|range| range.end() - range.start() + 1).sum()
    }

    /// None.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Each, rising.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.ranges.iter().flat_map(Clone::clone)
    }

    /// The place of a part among these, from 1.
    pub fn index_of(&self, part: u64) -> Option<u64> {
        self.iter().position(|other| other == part).map(|place| place as u64 + 1)
    }

    /// Arrays of at most `largest` parts each, in order.
    pub fn split(&self, largest: u64) -> Vec<Parts> {
        let all: Vec<u64> = self.iter().collect();
        let largest = usize::try_from(largest).unwrap_or(usize::MAX).max(1);
        all.chunks(largest).map(|chunk| chunk.iter().copied().collect()).collect()
    }

    /// The words of a bash array that has each part at its place: `{1..3} 7`.
    pub fn bash(&self) -> String {
        let word = |range: &RangeInclusive<u64>| match (range.start(), range.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{{{first}..{last}}}"),
        };
        self.ranges.iter().map(word).collect::<Vec<_>>().join(" ")
    }
}

/// Of parts that rise.
impl FromIterator<u64> for Parts {
    fn from_iter<T: IntoIterator<Item = u64>>(parts: T) -> Parts {
        let mut ranges: Vec<RangeInclusive<u64>> = Vec::new();
        for part in parts {
            match ranges.last_mut() {
                Some(last) if *last.end() + 1 == part => *last = *last.start()..=part,
                _ => ranges.push(part..=part),
            }
        }
        Parts { ranges }
    }
}

impl fmt::Display for Parts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, range) in self.ranges.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            match (range.start(), range.end()) {
                (first, last) if first == last => write!(out, "{comma}{first}")?,
                (first, last) => write!(out, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

impl From<Parts> for String {
    fn from(parts: Parts) -> String {
        parts.to_string()
    }
}

impl TryFrom<String> for Parts {
    type Error = String;

    fn try_from(text: String) -> Result<Parts, String> {
        let wrong = || format!("`{text}` is no set of parts such as 1-3,7");
        let mut parts: Vec<u64> = Vec::new();
        for range in text.split(',').filter(|range| !range.is_empty()) {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last) = (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
            if first == 0 || first > last || parts.last().is_some_and(|before| *before >= first) || last > 10_000_000 {
                return Err(wrong());
            }
            parts.extend(first..=last);
        }
        Ok(parts.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sets_are_written_in_ranges() {
        let parts: Parts = [1, 2, 3, 7, 9, 10].into_iter().collect();
        assert_eq!((parts.to_string(), parts.bash()), ("1-3,7,9-10".into(), "{1..3} 7 {9..10}".into()));
        assert_eq!((parts.count(), parts.index_of(7), parts.index_of(8)), (6, Some(4), None));
        for wrong in ["a", "0", "3-1", "1,1", "2-3,1", "1-99999999999", "1-"] {
            assert!(Parts::try_from(wrong.to_string()).is_err(), "{wrong}");
        }
        assert!(Parts::try_from(String::new()).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn text_is_read_back(set in proptest::collection::btree_set(1u64..500, 0..60)) {
            let parts: Parts = set.iter().copied().collect();
            prop_assert_eq!(parts.iter().collect::<Vec<_>>(), set.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(Parts::try_from(parts.to_string()), Ok(parts));
        }

        #[test]
        fn arrays_hold_every_part_once_and_are_never_too_large(
            set in proptest::collection::btree_set(1u64..3000, 1..300),
            largest in 1u64..100,
        ) {
            let parts: Parts = set.iter().copied().collect();
            let arrays = parts.split(largest);
            prop_assert!(arrays.iter().all(|array| (1..=largest).contains(&array.count())));
            let together: Vec<u64> = arrays.iter().flat_map(|array| array.iter().collect::<Vec<_>>()).collect();
            prop_assert_eq!(together, set.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(arrays.len() as u64, parts.count().div_ceil(largest));
        }
    }
}
