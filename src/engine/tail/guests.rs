//! Columns of the tail that still lie in the core's memory.
//!
//! A branch that is drawn for a block is formed like a branch of the core, as one more column: nothing has to be run for its
//! sake before the core's operations run anyway. Until the core is compressed it is a guest there. It takes part in the gates,
//! takes its own branches of channels, and counts for nothing: its weight, as the core sees it, is zero.

use super::sketch::Stream;
use crate::state::Branch;
use serde::{Deserialize, Serialize};

/// What a channel does to guests, and which come.
#[derive(Debug, Default)]
pub(in crate::engine) struct Ride {
    /// Column of the core, Kraus operator, and register afterwards.
    pub(in crate::engine) guests: Vec<(usize, usize, u64)>,
    /// Branches that become guests.
    pub(in crate::engine) newcomers: Vec<Branch>,
}

/// A column of the tail in the core's memory.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Guest {
    /// Of the core.
    pub(super) column: usize,
    pub(super) block: usize,
    /// Of all that it stands for; zero once another one stands for that.
    pub(super) weight: f64,
}

/// The guests of one block.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) block: usize,
    /// How many there are in the groups before.
    pub(super) first: usize,
    /// Of the core.
    pub(super) columns: Vec<usize>,
    pub(super) weights: Vec<f64>,
}

impl Group {
    pub(super) fn weight(&self) -> f64 {
        self.weights.iter().sum()
    }
}

/// How an event is represented.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    pub(super) weight: f64,
    /// What a guest should weigh at least.
    pub(super) share: f64,
    /// Guests that come to a block at most.
    pub(super) most: usize,
}

/// The guests, by rising column of the core.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Guests {
    list: Vec<Guest>,
    /// For each block the guest that stands for branches of events that weigh little.
    standing: Vec<Option<usize>>,
}

impl Guests {
    pub(super) fn new(blocks: usize) -> Guests {
        Guests { list: Vec::new(), standing: vec![None; blocks] }
    }

    /// Those that were replaced included.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn weight(&self) -> f64 {
        self.list.iter().map(|guest| guest.weight).sum()
    }

    /// Those that were not replaced.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Guest> {
        self.list.iter().filter(|guest| guest.weight > 0.0)
    }

    /// Adds one behind all others.
    fn add(&mut self, column: usize, block: usize, weight: f64) {
        self.list.push(Guest { column, block, weight });
    }

    /// Those that were not replaced are columns from `first` on now, in their order, behind new ones of these blocks and weights.
    pub(super) fn line_up(&mut self, first: usize, new: impl Iterator<Item = (usize, f64)>) {
        let old: Vec<usize> = (0..self.list.len()).filter(|guest| self.list[*guest].weight > 0.0).collect();
        let mut list: Vec<Guest> = new.map(|(block, weight)| Guest { column: 0, block, weight }).collect();
        let before = list.len();
        for standing in self.standing.iter_mut().flatten() {
            *standing = before + old.partition_point(|guest| guest < standing);
        }
        list.extend(old.iter().map(|guest| self.list[*guest]));
        list.iter_mut().zip(first..).for_each(|(guest, column)| guest.column = column);
        self.list = list;
    }

    /// Takes up an event for a block; gives, for each guest that comes, to a column from `first` on, the point in [0, 1) along the
    /// event's weights where its branch is.
    ///
    /// An event of a share or more is represented by new guests, at equal distances along the weights. Many events that weigh less
    /// share a guest: one branch stands for all so far, the one before or one of this event's.
    pub(super) fn take_up(&mut self, block: usize, event: Event, first: usize, stream: &mut Stream) -> Vec<f64> {
        let Event { weight, share, most } = event;
        let (coin, start) = (stream.uniform(), stream.uniform());
        if weight >= share {
            let count = ((weight / share) as usize).min(most);
            (0..count).for_each(|number| self.add(first + number, block, weight / count as f64));
            return (0..count).map(|number| (start + number as f64) / count as f64).collect();
        }
        let before = self.standing[block];
        let total = weight + before.map_or(0.0, |guest| self.list[guest].weight);
        let replaced = coin * total < weight;
        if replaced {
            before.iter().for_each(|guest| self.list[*guest].weight = 0.0);
            self.add(first, block, total);
        } else {
            before.iter().for_each(|guest| self.list[*guest].weight = total);
        }
        let standing = if replaced { Some(self.list.len() - 1) } else { before };
        self.standing[block] = standing.filter(|_| total < share);
        if replaced { vec![start] } else { Vec::new() }
    }

    /// The columns, of so many, that are none of these.
    pub(super) fn others(&self, width: usize) -> Vec<usize> {
        let mut own = vec![true; width];
        self.list.iter().for_each(|guest| own[guest.column] = false);
        (0..width).filter(|column| own[*column]).collect()
    }

    /// All of them by block, but those that were replaced; there are none afterwards.
    pub(super) fn leave(&mut self) -> Vec<Group> {
        let mut groups = Vec::new();
        let mut first = 0;
        for block in 0..self.standing.len() {
            let own = self.iter().filter(|guest| guest.block == block);
            let (columns, weights): (Vec<usize>, Vec<f64>) = own.map(|guest| (guest.column, guest.weight)).unzip();
            let count = columns.len();
            if count > 0 {
                groups.push(Group { block, first, columns, weights });
            }
            first += count;
        }
        *self = Guests::new(self.standing.len());
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn light(weight: f64) -> Event {
        Event { weight, share: 10.0, most: 4 }
    }

    #[test]
    fn of_light_events_one_stands_for_all_in_proportion_to_its_weight() {
        const DRAWS: u32 = 20_000;
        let weights = [0.1, 0.4, 0.2, 0.3];
        let mut chosen = [0.0; 4];
        for draw in 0..DRAWS {
            let (mut guests, mut stream) = (Guests::new(1), Stream::new(5, u64::from(draw)));
            for (event, weight) in weights.iter().enumerate() {
                guests.take_up(0, light(*weight), event, &mut stream);
            }
            let left: Vec<Guest> = guests.iter().copied().collect();
            assert_eq!(left.len(), 1);
            assert!((left[0].weight - 1.0).abs() < 1e-12);
            chosen[left[0].column] += 1.0 / f64::from(DRAWS);
        }
        let spread = 4.0 * (0.25 / f64::from(DRAWS)).sqrt();
        assert!(chosen.iter().zip(weights).all(|(found, weight)| (found - weight).abs() < spread), "{chosen:?}");
    }

    #[test]
    fn the_one_that_stands_for_others_is_known_after_lining_up() {
        let (mut guests, mut stream) = (Guests::new(1), Stream::new(5, 1));
        guests.take_up(0, Event { weight: 1.0, share: 0.5, most: 4 }, 3, &mut stream);
        guests.take_up(0, light(1e-12), 5, &mut stream);
        guests.line_up(20, [(0, 0.7)].into_iter());
        // All but certain to take the place of the light one.
        guests.take_up(0, light(0.1), 30, &mut stream);
        let left: Vec<(usize, f64)> = guests.iter().map(|guest| (guest.column, guest.weight)).collect();
        assert_eq!(left, [(20, 0.7), (21, 0.5), (22, 0.5), (30, 0.1 + 1e-12)]);
    }

    #[test]
    fn a_heavy_event_brings_guests_at_equal_distances() {
        let (mut guests, mut stream) = (Guests::new(2), Stream::new(5, 1));
        let points = guests.take_up(1, Event { weight: 1.0, share: 0.3, most: 4 }, 7, &mut stream);
        assert_eq!(points.len(), 3);
        assert!(points.windows(2).all(|pair| (pair[1] - pair[0] - 1.0 / 3.0).abs() < 1e-12));
        let groups = guests.leave();
        assert_eq!((groups[0].block, &groups[0].columns[..]), (1, &[7, 8, 9][..]));
        assert!((groups[0].weight() - 1.0).abs() < 1e-12);
        assert_eq!(guests.len(), 0);
    }
}
