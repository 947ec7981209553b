//! The integration tests, in one program: linked once, with the oracle and the helpers compiled once.
//!
//! Apart stay those that need a process or a build of their own: `mpirun.rs`, started under a launcher; `gpu_driver.rs`, which sets
//! the environment; `result_file.rs`, which writes and reopens HDF5 files, while the programs that other tests start would inherit
//! the open files and their locks; `bad_inputs.rs`, which also tests the serial build and needs nothing else built.

#![allow(clippy::unwrap_used)]

#[path = "../reference/mod.rs"]
mod reference;
#[path = "../support/mod.rs"]
mod support;

mod auto;
mod certified;
mod checkpoints;
mod cluster;
mod compare;
mod device_exchange;
mod docs;
mod engine;
mod engines;
mod exchange;
mod gpu;
mod grid;
mod layers;
mod noise;
mod observables;
mod oracle;
mod plan;
mod qasm;
mod report;
mod scaling;
mod snapshots;
mod sweep;
mod tail;
mod trajectories;
