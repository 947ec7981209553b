//! Open quantum systems with a certified error on every number, sharded over MPI ranks.
//!
//! The layers, lowest first (ARCHITECTURE.md is the map): `error`, `linalg`, `rng`, `config`; `model`, `formats`,
//! `device`, `sampling`; `comm`, `backend`; `plan`, `state`, `engine`; `io`; `driver`, `cluster`; `jobs`, `bench`, `validate`,
//! `report`, `watch`; `scaling`; `cli`.

pub mod archive;
pub mod backend;
pub mod bench;
pub mod cli;
pub mod cluster;
pub mod comm;
pub mod config;
pub mod device;
pub mod driver;
pub mod engine;
pub mod error;
pub mod formats;
pub mod io;
pub mod jobs;
pub mod linalg;
pub mod model;
pub mod plan;
pub mod report;
pub mod rng;
pub mod sampling;
pub mod scaling;
pub mod state;
pub mod validate;
pub mod watch;
