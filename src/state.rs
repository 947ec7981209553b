//! The sharded state.
