//! Columns of the tail that still lie in the core's memory.
//!
//! A branch that is drawn for a block is formed like a branch of the core, as one more column: nothing has to be run for its
//! sake before the core's operations run anyway. Until the core is rotated it is a guest there. It takes part in the gates, takes
//! its own branches of channels, and counts for nothing: its weight, as the core sees it, is zero.

use crate::state::Branch;

/// Where a column of the tail belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Home {
    pub(super) block: usize,
    pub(super) place: usize,
}

/// What a channel does to guests, and which come.
#[derive(Debug, Default)]
pub(in crate::engine) struct Ride {
    /// Column of the core, Kraus operator, and register afterwards.
    pub(in crate::engine) guests: Vec<(usize, usize, u64)>,
    /// Branches that become guests.
    pub(in crate::engine) newcomers: Vec<Branch>,
}

/// The guests, by rising column of the core.
#[derive(Debug, Default)]
pub(super) struct Guests {
    /// One that was replaced has no home any more.
    list: Vec<(usize, Option<Home>)>,
}

impl Guests {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds one behind all others; it replaces one of the same home.
    pub(super) fn add(&mut self, column: usize, home: Home) {
        self.list.iter_mut().filter(|(_, other)| *other == Some(home)).for_each(|(_, other)| *other = None);
        self.list.push((column, Some(home)));
    }

    /// Columns and places of the guests of a block.
    pub(super) fn of(&self, block: usize) -> impl Iterator<Item = (usize, usize)> {
        let own = move |(column, home): &(usize, Option<Home>)| {
            home.filter(|home| home.block == block).map(|home| (*column, home.place))
        };
        self.list.iter().filter_map(own)
    }

    /// Those that have a home.
    pub(super) fn housed(&self) -> (Vec<usize>, Vec<Home>) {
        self.list.iter().filter_map(|(column, home)| home.map(|home| (*column, home))).unzip()
    }

    /// The columns, of so many, that are none of these.
    pub(super) fn others(&self, width: usize) -> Vec<usize> {
        let mut own = vec![true; width];
        self.list.iter().for_each(|(column, _)| own[*column] = false);
        (0..width).filter(|column| own[*column]).collect()
    }
}
