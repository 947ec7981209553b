//! Coefficients as other programs write them: complex numbers whose imaginary part is zero.

use crate::error::{Error, Result};
use num_complex::Complex64;

/// The real number that a text stands for, for instance `0.5`, `(-0.25+0j)` or `1e-3`.
///
/// # Errors
/// Input error for what is no number, is not finite, or has an imaginary part.
pub(super) fn parse(word: &str) -> Result<f64> {
    let inside = word.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(word);
    let number: Complex64 = inside.trim().parse().map_err(|_| {
        Error::input(format!("`{word}` is not a coefficient")).allowed("a number such as `0.5` or `(-0.25+0j)`")
    })?;
    real(number.re, number.im, word)
}

/// The real part of a number whose imaginary part is zero; `word` is its text.
///
/// # Errors
/// Input error for what is not finite or has an imaginary part.
pub(super) fn real(real: f64, imaginary: f64, word: &str) -> Result<f64> {
    if imaginary == 0.0 { finite(real, word) } else { Err(complex(word)) }
}

/// The number, if it is finite.
///
/// # Errors
/// Input error for what is not finite.
pub(super) fn finite(value: f64, word: &str) -> Result<f64> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(Error::input(format!("the coefficient `{word}` is not a finite number")))
}

/// What is said of a coefficient with an imaginary part.
pub(super) fn complex(word: &str) -> Error {
    Error::input(format!("the coefficient `{word}` is complex"))
        .allowed("real coefficients: an observable is Hermitian")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_python_are_read() {
        let right =
            [("0.5", 0.5), ("(-0.25+0j)", -0.25), ("1e-3", 1e-3), ("(1e-05-0j)", 1e-5), ("-2", -2.0), ("0j", 0.0)];
        for (word, expected) in right {
            assert_eq!(parse(word).unwrap(), expected, "{word}");
        }
        let wrong =
            [("1j", "is complex"), ("(0.5-1e-9j)", "is complex"), ("inf", "not a finite"), ("x", "is not a coe")];
        for (word, expected) in wrong {
            assert!(parse(word).unwrap_err().what.contains(expected), "{word}");
        }
    }
}
