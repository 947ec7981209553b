//! The two kinds of charts all figures are: lines over an axis, and rows of bars or intervals.

pub(super) mod lines;
pub(super) mod rows;
