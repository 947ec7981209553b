//! From a circuit to explicit steps.
