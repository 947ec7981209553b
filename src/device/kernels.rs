//! The sources of the kernels, for the compiler at run time, and the names that it gives them.

use crate::linalg::Precision;

/// Name and text of each source; kernels of one precision may be compiled in one module or in one for each source.
pub const SOURCES: &[(&str, &str)] = &[
    ("branch.cu", include_str!("../../kernels/branch.cu")),
    ("dense.cu", include_str!("../../kernels/dense.cu")),
    ("diagonal.cu", include_str!("../../kernels/diagonal.cu")),
    ("overlaps.cu", include_str!("../../kernels/overlaps.cu")),
    ("panels.cu", include_str!("../../kernels/panels.cu")),
    ("permutation.cu", include_str!("../../kernels/permutation.cu")),
    ("sums.cu", include_str!("../../kernels/sums.cu")),
];

/// Name and text of what sources include.
pub const HEADERS: &[(&str, &str)] = &[
    ("common.cuh", include_str!("../../kernels/common.cuh")),
    ("groups.cuh", include_str!("../../kernels/groups.cuh")),
];

/// What the names of a precision's kernels end with: `dense_across_2_f64`.
pub fn suffix(precision: Precision) -> &'static str {
    match precision {
        Precision::Single => "_f32",
        Precision::Double => "_f64",
    }
}

/// The options that make the kernels of a precision out of the sources; the language is C++17.
pub fn definitions(precision: Precision) -> Vec<String> {
    let (real, suffix) = match precision {
        Precision::Single => ("float", suffix(precision)),
        Precision::Double => ("double", suffix(precision)),
    };
    let defined = |name: &str, value: &str| format!("--define-macro={name}={value}");
    let standard = "--std=c++17".to_string();
    vec![standard, defined("REAL", real), defined("SUFFIX", suffix), defined("KERNELS", &format!("kernels{suffix}"))]
}
