//! Programs that this one starts.

pub mod local;
