//! Reset to |0>: `K_0 = |0><0|`, `K_1 = |0><1|`.

use super::{Channel, real};

/// The channel that puts one qubit into |0> and forgets what it was.
pub fn reset() -> Channel {
    Channel::trusted("reset", vec![real([[1.0, 0.0], [0.0, 0.0]]), real([[0.0, 1.0], [0.0, 0.0]])])
}
