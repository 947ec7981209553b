//! Result files and progress.
