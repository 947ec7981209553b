//! The job kinds.
