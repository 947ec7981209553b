//! Circuits, gates, channels, noise and observables as plain data.
//!
//! # Conventions
//! Qubits are numbered in declaration order over registers; qubit 0 is the least significant bit of the basis index.
//! In a multi-qubit matrix the *first* qubit of the accompanying list is the least significant bit of the matrix
//! index. Readers convert: Braket pragmas list the most significant qubit first, Aer's JSON the least.

pub mod channel;
pub mod circuit;
pub mod gate;
pub mod layout;
pub mod noise;
pub mod pauli;

pub use channel::Channel;
pub use circuit::{Circuit, Control, Gate, Operation, Register, Statement, Unitary};
pub use layout::{BitMap, Layout};
pub use noise::{NoiseModel, NoiseRule};
pub use pauli::{PauliString, PauliSum};
