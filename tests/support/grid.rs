//! What a process grid promises, checked from one rank of any communicator.

use rhoshard::comm::Communicator;
use rhoshard::comm::grid::{Grid, Place, Shape};

/// Divides the ranks and checks places, sizes and who meets whom; collective.
pub fn check(world: &dyn Communicator, rows: usize, ensemble: usize) {
    let Ok(shape) = Shape::filling(world.size(), rows, ensemble) else {
        assert!(!rows.is_power_of_two() || rows * ensemble > world.size());
        return;
    };
    assert!(shape.sweep == world.size() / (rows * ensemble));
    let grid = Grid::split(world, shape).unwrap();
    let used = rows * ensemble * shape.sweep;
    assert_eq!((grid.idle, grid.place.is_none()), (world.size() - used, world.rank() >= used));
    let Some(Place { row, member, group }) = grid.place else {
        assert!([&grid.rows, &grid.ensemble, &grid.sweep].iter().all(|axis| axis.size() == grid.idle));
        return;
    };
    assert_eq!(world.rank(), (group * ensemble + member) * rows + row);
    let rank_of = |place: Place| (place.group * ensemble + place.member) * rows + place.row;
    let own = Place { row, member, group };
    meets(&*grid.rows, world, row, (0..rows).map(|row| rank_of(Place { row, ..own })).collect());
    meets(&*grid.ensemble, world, member, (0..ensemble).map(|member| rank_of(Place { member, ..own })).collect());
    meets(&*grid.sweep, world, group, (0..shape.sweep).map(|group| rank_of(Place { group, ..own })).collect());
}

/// The axis joins exactly these world ranks, in this order.
fn meets(axis: &dyn Communicator, world: &dyn Communicator, coordinate: usize, expected: Vec<usize>) {
    assert_eq!((axis.rank(), axis.size()), (coordinate, expected.len()));
    let mut ranks = vec![0.0; axis.size()];
    ranks[axis.rank()] = world.rank() as f64;
    axis.sum(&mut ranks);
    assert_eq!(ranks, expected.iter().map(|rank| *rank as f64).collect::<Vec<f64>>());
}
