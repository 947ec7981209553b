//! The process grid on ranks as threads.

use crate::reference::ranks;
use crate::support::grid;

#[test]
fn every_grid_has_its_places_and_axes() {
    for world in 1..=13 {
        ranks::run(world, |comm| {
            for rows in [1, 2, 3, 4, 8] {
                (1..=4).for_each(|ensemble| grid::check(&*comm, rows, ensemble));
            }
        });
    }
}
