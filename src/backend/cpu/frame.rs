//! Where the rows of a tile lie in memory, and which of them an operation takes together.

/// Reals ahead of those in use that are called into the cache, and the most that are.
const AHEAD: usize = 256;
const FARTHEST_AHEAD: usize = 4096;

/// Where a tile's amplitudes lie. Each bit of the row index either selects an amplitude within a block (a lane) or is
/// a distance; distances and lengths are in real numbers.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// The bits of the row index within a block, the lowest first. Empty where blocks hold columns.
    pub(super) lanes: Vec<usize>,
    /// The other bits of the tile and the distance between rows that differ in them, the nearest first.
    pub(super) bits: Vec<(usize, usize)>,
    /// Length of a row: whole blocks.
    pub(super) length: usize,
}

impl Frame {
    /// True when the bit varies within the tile.
    pub(super) fn holds(&self, bit: usize) -> bool {
        self.lanes.contains(&bit) || self.distance(bit).is_some()
    }

    fn distance(&self, bit: usize) -> Option<usize> {
        self.bits.iter().find(|(own, _)| *own == bit).map(|(_, distance)| *distance)
    }

    /// Distance from row zero of the row whose listed bits are those of `value`; bits that are lanes count nothing.
    pub(super) fn offset(&self, bits: &[usize], value: usize) -> usize {
        let set = bits.iter().enumerate().filter(|(place, _)| value >> place & 1 == 1);
        set.map(|(_, bit)| self.distance(*bit).unwrap_or(0)).sum()
    }

    /// Distances of the rows whose bits in `fixed` are zero, joined to runs where they touch; of each row the part
    /// `first .. first + length`.
    pub(super) fn groups(&self, fixed: usize, first: usize, length: usize) -> Groups {
        let free = self.bits.iter().filter(|(bit, _)| fixed >> bit & 1 == 0);
        let mut distances: Vec<usize> = free.map(|(_, distance)| *distance).collect();
        let mut run = length;
        while distances.first() == Some(&run) && run > 0 {
            distances.remove(0);
            run *= 2;
        }
        let ahead = ahead(distances.first().copied());
        // Two places far apart in turn: two streams are read faster than one.
        if let Some(farthest) = distances.pop() {
            distances.insert(0, farthest);
        }
        let (low, high) = distances.split_at(distances.len().div_ceil(2));
        let mut outer = sums(high);
        outer.iter_mut().for_each(|distance| *distance += first);
        Groups { outer, inner: sums(low), run, ahead }
    }
}

/// How far ahead memory is called for, in reals, when the next group lies `next` behind a run: in the next group, unless
/// that is near, where the processor follows by itself, or so far that a part of the run itself is better. (Measured: the
/// bandwidth over target qubits is flat within 15 %; with one distance for all, that of runs of 4 KiB is a quarter less.)
fn ahead(next: Option<usize>) -> usize {
    match next {
        Some(next) if 2 * AHEAD < next && next <= FARTHEST_AHEAD => next,
        _ => AHEAD,
    }
}

/// All sums of some of the distances, in the order of the bits.
fn sums(distances: &[usize]) -> Vec<usize> {
    distances.iter().fold(vec![0], |mut sums, distance| {
        let shifted: Vec<usize> = sums.iter().map(|sum| sum + distance).collect();
        sums.extend(shifted);
        sums
    })
}

/// Runs of memory that an operation treats alike: one at each sum of an outer and an inner distance.
#[derive(Debug, Clone)]
pub(super) struct Groups {
    pub(super) outer: Vec<usize>,
    pub(super) inner: Vec<usize>,
    /// Length of a run.
    pub(super) run: usize,
    /// Distance of the memory to call for from the one in use.
    pub(super) ahead: usize,
}

impl Groups {
    /// Calls `work` with the start of every run.
    #[inline(always)]
    pub(super) fn for_each(&self, mut work: impl FnMut(usize)) {
        for outer in &self.outer {
            for inner in &self.inner {
                work(outer + inner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_places_take_turns_and_the_next_group_is_called_for_unless_it_is_near_or_far() {
        let bits = (0..8).map(|bit| (bit, 512 << bit)).collect();
        let frame = Frame { lanes: vec![], bits, length: 512 };
        let groups = frame.groups(1, 0, 512);
        assert_eq!((groups.inner[1], groups.ahead), (512 << 7, 1024));
        assert_eq!([Some(128), Some(512), Some(8192), None].map(ahead), [AHEAD; 4]);
    }

    #[test]
    fn runs_are_joined_and_every_row_is_in_one() {
        let frame = Frame { lanes: vec![], bits: vec![(0, 8), (1, 16), (5, 32), (7, 128)], length: 8 };
        let groups = frame.groups(1 << 5, 0, 8);
        assert_eq!((groups.run, &groups.inner[..], &groups.outer[..]), (32, &[0, 128][..], &[0][..]));
        let part = frame.groups(0, 4, 4);
        assert_eq!((part.run, part.inner.len() * part.outer.len(), part.outer[0]), (4, 16, 4));
        assert_eq!(frame.offset(&[7, 0], 0b11), 136);
    }
}
