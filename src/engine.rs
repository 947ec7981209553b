//! Representations of the state: each runs the plan's steps under its own policy for channels.

mod at_once;
pub mod budget;
pub mod certificate;
pub mod compression;
pub mod low_rank;
pub mod rounding;
