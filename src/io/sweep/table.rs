//! The table of a sweep: parameters and results of all points in one HDF5 file.
