//! The kinds of charts all figures are: lines over an axis, rows of bars or intervals, and curves over powers of two.

pub(super) mod curves;
pub(super) mod lines;
pub(super) mod rows;
