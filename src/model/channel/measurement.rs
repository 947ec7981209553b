//! Measurement in the computational basis, outcome forgotten: `K_b = |b><b|`. Branch `b` carries outcome `b`.

use super::{Channel, real};

/// The dephasing channel of a measurement of one qubit; operator `b` belongs to outcome `b`.
pub fn measurement() -> Channel {
    Channel::trusted("measure", vec![real([[1.0, 0.0], [0.0, 0.0]]), real([[0.0, 0.0], [0.0, 1.0]])])
}
