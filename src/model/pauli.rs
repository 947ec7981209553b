//! Pauli strings and real sums of them.

/// A Pauli string as two bit masks: on qubit `q` it is X if only `x` has bit `q`, Z if only `z` has, Y if both.
///
/// The operator is `i^{|x AND z|} X^x Z^z`, which is Hermitian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct PauliString {
    /// Qubits with X or Y.
    pub x: u64,
    /// Qubits with Z or Y.
    pub z: u64,
}

/// A real linear combination of Pauli strings: a Hermitian observable.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PauliSum {
    /// Coefficient and string of each term, in the order written; equal strings are not merged.
    pub terms: Vec<(f64, PauliString)>,
}
