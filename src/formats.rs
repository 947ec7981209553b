//! Readers and writers of foreign formats.

pub mod columns;
pub mod noise;
pub mod pauli;
pub mod qasm;
