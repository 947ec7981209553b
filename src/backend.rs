//! Local mathematics on one shard.
