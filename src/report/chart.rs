//! The kinds of charts all figures are: lines over an axis and rows of bars or intervals for runs; curves over powers of two for
//! scaling studies; graphs, cells of colour and parallel coordinates for sweeps.

pub(super) mod curves;
pub(super) mod graphs;
pub(super) mod heat;
pub(super) mod lines;
pub(super) mod parallel;
pub(super) mod rows;
