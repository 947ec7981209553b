//! rhoshard
fn main() {}
