//! Readers and writers of foreign formats.

pub mod pauli;
pub mod qasm;
