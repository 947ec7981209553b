//! The gate table: every library gate with its parameters, controls and matrix.
