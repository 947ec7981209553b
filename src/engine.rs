//! Representations of the state.
