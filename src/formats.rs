//! Readers and writers of foreign formats.

pub mod qasm;
