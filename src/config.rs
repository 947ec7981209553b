//! Job files: raw TOML in, checked configuration out.
