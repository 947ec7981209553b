//! Limits of the reader: far above any circuit that can be simulated, low enough that no file exhausts the machine.

/// Work done while a circuit is unrolled: statements carried out, passes of loops, gates made. A gate takes one or two
/// steps and about 400 bytes.
pub const STEPS: usize = 10_000_000;
/// Depth of an expression: nested parentheses, or operators in a row.
pub const EXPRESSION_DEPTH: usize = 200;
/// Depth of nested blocks (`for`, `if`, `box`).
pub const BLOCK_DEPTH: usize = 60;
/// Depth of statements within statements while a circuit is unrolled: gate definitions that call one another, and the
/// blocks in them.
pub const EXPANSION_DEPTH: usize = 250;
/// Depth of files that include one another.
pub const INCLUDE_DEPTH: usize = 16;
/// Qubits, and classical bits, of one circuit.
pub const REGISTER_SIZE: usize = 1_000_000;
/// Qubits of a gate that is raised to a power as a dense matrix.
pub const POWER_QUBITS: usize = 6;
/// Unitaries an integer power may repeat before it is computed as a dense matrix instead.
pub const POWER_REPEATS: usize = 10_000;
/// Bits of one tested condition: its value is a 64-bit integer.
pub const CONDITION_BITS: usize = 64;
