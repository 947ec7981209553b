//! Counter-based random numbers, keyed by seed, purpose and index.
