//! The process grid: ranks that share one state, members of an ensemble of states, groups that share a sweep.
//!
//! Rank `(group * ensemble + member) * rows + row`: the ranks of one state are neighbours, so that launchers, which fill
//! one node after the other, give its exchanges the fastest links. Ranks beyond the product are idle.

use super::Communicator;
use crate::error::{Error, Result};

/// The lengths of the three axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Ranks that hold one state: a power of two.
    pub rows: usize,
    /// States that are evolved at the same time and averaged.
    pub ensemble: usize,
    /// Groups that work on different points of a sweep.
    pub sweep: usize,
}

/// Where a rank stands in the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its part of the state.
    pub row: usize,
    /// The member of the ensemble it works on.
    pub member: usize,
    /// The sweep group it belongs to.
    pub group: usize,
}

/// The grid as seen from one rank. The communicators of an idle rank join idle ranks only.
pub struct Grid {
    /// The lengths of the axes.
    pub shape: Shape,
    /// This rank's place; nothing when it is idle.
    pub place: Option<Place>,
    /// How many ranks are idle.
    pub idle: usize,
    /// The ranks of one state: they differ in `row`.
    pub rows: Box<dyn Communicator>,
    /// The ranks that hold the same rows of all members: they differ in `member`.
    pub ensemble: Box<dyn Communicator>,
    /// The ranks at the same place of all groups: they differ in `group`.
    pub sweep: Box<dyn Communicator>,
}

impl Shape {
    /// As many sweep groups as `ranks` suffice for.
    ///
    /// # Errors
    /// Input error when they do not suffice for one, or `rows` is not a power of two.
    pub fn filling(ranks: usize, rows: usize, ensemble: usize) -> Result<Shape> {
        let sweep = (ranks / rows.saturating_mul(ensemble).max(1)).max(1);
        let shape = Shape { rows, ensemble, sweep };
        shape.check(ranks).map(|()| shape)
    }

    fn check(&self, ranks: usize) -> Result<()> {
        let Shape { rows, ensemble, sweep } = *self;
        if !rows.is_power_of_two() || ensemble == 0 || sweep == 0 {
            return Err(Error::input(format!("no grid of {rows} x {ensemble} x {sweep} ranks"))
                .allowed("a power of two of ranks for each state, at least one member and one sweep group"));
        }
        match rows.checked_mul(ensemble).and_then(|ranks| ranks.checked_mul(sweep)) {
            Some(needed) if needed <= ranks => Ok(()),
            _ => Err(Error::input(format!(
                "{ranks} ranks are too few for {sweep} sweep groups of {ensemble} states on {rows} ranks each"
            ))
            .next("start more ranks, or ask for fewer members or ranks of a state")),
        }
    }

    fn ranks(&self) -> usize {
        self.rows * self.ensemble * self.sweep
    }

    fn place(&self, rank: usize) -> Option<Place> {
        let (state, row) = (rank / self.rows, rank % self.rows);
        let place = Place { row, member: state % self.ensemble, group: state / self.ensemble };
        (rank < self.ranks()).then_some(place)
    }
}

impl Grid {
    /// Divides the ranks; collective over `world`.
    ///
    /// # Errors
    /// Input error, the same on every rank, when the ranks are too few or `rows` is not a power of two.
    pub fn split(world: &dyn Communicator, shape: Shape) -> Result<Grid> {
        shape.check(world.size())?;
        let place = shape.place(world.rank());
        // A colour for each line of the grid, and one above all of them for the idle ranks.
        let axis =
            |line: fn(&Shape, Place) -> usize| world.split(place.map_or(shape.ranks(), |place| line(&shape, place)));
        Ok(Grid {
            shape,
            place,
            idle: world.size() - shape.ranks(),
            rows: axis(|shape, place| place.group * shape.ensemble + place.member),
            ensemble: axis(|shape, place| place.group * shape.rows + place.row),
            sweep: axis(|shape, place| place.member * shape.rows + place.row),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::Serial;

    #[test]
    fn a_place_is_found_from_the_rank() {
        let shape = Shape::filling(27, 4, 3).unwrap();
        assert_eq!((shape.sweep, shape.ranks()), (2, 24));
        assert_eq!(shape.place(0), Some(Place { row: 0, member: 0, group: 0 }));
        assert_eq!(shape.place(7), Some(Place { row: 3, member: 1, group: 0 }));
        assert_eq!(shape.place(23), Some(Place { row: 3, member: 2, group: 1 }));
        assert_eq!(shape.place(24), None);
    }

    #[test]
    fn impossible_grids_are_refused() {
        for (ranks, rows, ensemble) in [(4, 3, 1), (4, 0, 1), (4, 4, 2), (4, 1, 0), (1, 1 << 62, 1 << 62)] {
            let error = Shape::filling(ranks, rows, ensemble).unwrap_err();
            assert!(error.allowed.is_some() || error.next.is_some(), "{error}");
        }
        assert!(Grid::split(&Serial, Shape { rows: 1, ensemble: 1, sweep: 2 }).is_err());
    }

    #[test]
    fn one_rank_is_a_grid() {
        let grid = Grid::split(&Serial, Shape::filling(1, 1, 1).unwrap()).unwrap();
        assert_eq!((grid.place, grid.idle), (Some(Place { row: 0, member: 0, group: 0 }), 0));
    }
}
