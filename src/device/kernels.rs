//! The sources of the kernels, embedded: whoever has the program has its kernels.

use crate::linalg::Precision;

/// Name and text of every file of `kernels/`, sorted by name.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/kernels.rs"));

/// A file of `kernels/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Its name, for instance `dense.cu`.
    pub name: &'static str,
    /// Its content.
    pub text: &'static str,
}

/// The sources that hold kernels.
pub fn sources() -> impl Iterator<Item = Source> {
    files(".cu")
}

/// What the sources include.
pub fn headers() -> impl Iterator<Item = Source> {
    files(".cuh")
}

fn files(ending: &'static str) -> impl Iterator<Item = Source> {
    FILES.iter().filter(move |(name, _)| name.ends_with(ending)).map(|(name, text)| Source { name, text })
}

/// How the C++ compiler knows the numbers' type, `REAL`.
pub fn real(precision: Precision) -> &'static str {
    match precision {
        Precision::Double => "double",
        Precision::Single => "float",
    }
}

/// What the names of a precision's kernels end with: `dense_across_2_f64`.
pub fn suffix(precision: Precision) -> &'static str {
    match precision {
        Precision::Double => "_f64",
        Precision::Single => "_f32",
    }
}

/// The options that make the kernels of a precision out of the sources; the language is C++17.
pub fn definitions(precision: Precision) -> Vec<String> {
    let (real, suffix) = (real(precision), suffix(precision));
    let defined = |name: &str, value: &str| format!("--define-macro={name}={value}");
    let standard = "--std=c++17".to_string();
    vec![standard, defined("REAL", real), defined("SUFFIX", suffix), defined("KERNELS", &format!("kernels{suffix}"))]
}

/// The precision of a kernel, and its name without that: `overlaps` of `overlaps_f64`.
pub fn split_name(kernel: &str) -> Option<(&str, Precision)> {
    let both = [Precision::Double, Precision::Single];
    both.into_iter().find_map(|precision| Some((kernel.strip_suffix(suffix(precision))?, precision)))
}

/// The sources in the order in which it pays to look for the kernel: those that name it, or that it is named by, first.
pub fn likely_sources(name: &str) -> Vec<Source> {
    let names = |source: &Source| mentions(source.text, name) || name.starts_with(source.name.trim_end_matches(".cu"));
    let (mut naming, others): (Vec<Source>, Vec<Source>) = sources().partition(names);
    naming.extend(others);
    naming
}

/// Whether the name stands in the text as a word of its own.
fn mentions(text: &str, name: &str) -> bool {
    text.split(|character: char| !character.is_alphanumeric() && character != '_').any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_headers_are_embedded() {
        assert!(sources().any(|source| source.text.contains("KERNEL(")));
        assert!(headers().any(|header| header.name == "common.cuh"));
    }

    #[test]
    fn a_kernel_is_looked_for_where_it_is_named() {
        let (name, precision) = split_name("row_weights_f32").unwrap();
        assert_eq!((name, precision), ("row_weights", Precision::Single));
        assert_eq!(likely_sources(name)[0].name, "sums.cu");
        assert_eq!(likely_sources("dense_across_2")[0].name, "dense.cu");
        assert_eq!(likely_sources(name).len(), sources().count());
        assert_eq!(split_name("overlaps"), None);
        assert!(mentions("KERNEL(dense_2)(", "dense_2") && !mentions("dense_21", "dense_2"));
    }
}
