//! The `[noise]` rules of a job, applied to a circuit.

/// Depolarizing noise after every gate as written.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NoiseRule {
    /// Probability of the one-qubit channel after one-qubit gates.
    pub one_qubit: f64,
    /// Probability of the two-qubit channel after two-qubit gates.
    pub two_qubit: f64,
}
