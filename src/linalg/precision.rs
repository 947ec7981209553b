//! Single and double precision of the stored amplitudes.

use serde::Serialize;

/// Precision of the stored amplitudes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Two 32-bit floats for each amplitude.
    Single,
    /// Two 64-bit floats for each amplitude.
    Double,
}

impl Precision {
    /// Bytes of one complex amplitude.
    pub fn amplitude_bytes(self) -> usize {
        match self {
            Precision::Single => 8,
            Precision::Double => 16,
        }
    }

    /// Unit roundoff `u`: the largest relative error of one rounded operation.
    pub fn unit_roundoff(self) -> f64 {
        match self {
            Precision::Single => f64::from(f32::EPSILON) / 2.0,
            Precision::Double => f64::EPSILON / 2.0,
        }
    }

    /// Columns that fill 64 bytes: the unit in which a reserve grows.
    pub fn column_padding(self) -> usize {
        64 / self.amplitude_bytes()
    }

    /// The reserved width for at least `width` columns: padded to 64 bytes, but 1 for a pure state.
    pub fn reserve_for(self, width: usize) -> usize {
        if width <= 1 { 1 } else { width.next_multiple_of(self.column_padding()) }
    }
}
