//! The text of a `QubitOperator` of OpenFermion, as its `print` gives it.
//!
//! ```text
//! 0.5 [X0 Y1] +
//! (-0.25+0j) [Z3] +
//! 1.0 []
//! ```
//! Each term is a coefficient and, in brackets, the letters other than I with their qubits; `+` stands between terms.

use super::{Term, coefficient, content};
use crate::error::{Error, Result};
use crate::model::PauliString;

/// Reads the terms, in the order of the text.
///
/// # Errors
/// Input error with the line: what is not such a sum, a complex coefficient, a qubit out of range or twice in a term.
pub(super) fn parse(text: &str, qubits: usize) -> Result<Vec<Term>> {
    let mut terms = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut rest = content(line);
        while !rest.is_empty() {
            let read = term(rest, terms.is_empty(), qubits);
            let (term, after) = read.map_err(|error| error.at_line(index + 1))?;
            terms.push(term);
            rest = after;
        }
    }
    Ok(terms)
}

/// The term at the start of a line, and what follows it and its `+`.
fn term(text: &str, is_first: bool, qubits: usize) -> Result<(Term, &str)> {
    let shape = || {
        Error::input(format!("`{text}` is not a term of a QubitOperator"))
            .allowed("`coefficient [X0 Y1]`, with `+` between terms, one or more a line")
    };
    let (number, rest) = text.split_once('[').ok_or_else(shape)?;
    let (letters, rest) = rest.split_once(']').ok_or_else(shape)?;
    // The sign may stand at the end of the line before, or in front of the term.
    let number = number.trim();
    let number = if is_first { number } else { number.strip_prefix("+ ").unwrap_or(number).trim_start() };
    let coefficient = coefficient::parse(number)?;
    let string = match letters.trim() {
        "" => PauliString::identity(),
        letters => PauliString::parse(letters, qubits)?,
    };
    let rest = rest.trim_start();
    match rest.strip_prefix('+') {
        Some(rest) => Ok(((coefficient, string), rest.trim_start())),
        None if rest.is_empty() => Ok(((coefficient, string), rest)),
        None => Err(shape()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_file;

    #[test]
    fn terms_on_lines_or_on_one_line() {
        for text in [
            "0.5 [X0 Y1] +\n(-0.25+0j) [Z3] +\n1.0 []\n",
            "0.5 [X0 Y1] + (-0.25+0j) [Z3] + 1.0 []",
            "# made elsewhere\n(0.5-0j) [X0 Y1]\n+ -0.25 [Z3]\n+ 1.0 []",
        ] {
            let sum = parse_file(text.as_bytes(), "h.txt", 4).unwrap();
            assert_eq!(sum.to_string(), "0.5*X0 Y1 - 0.25*Z3 + I", "{text}");
        }
    }

    #[test]
    fn errors_name_the_line() {
        let wrong = [
            ("0.5 [X0 Y1] +\n(0.5+0.1j) [Z1]", "h.txt:2: the coefficient `(0.5+0.1j)` is complex"),
            ("0.5 [X0 Y4]", "h.txt:1: the qubit of `Y4` is out of range"),
            ("0.5 [X0 X0]", "h.txt:1: qubit 0 appears twice"),
            ("1 []\n[X0]", "h.txt:2: `` is not a coefficient"),
            ("0.5 [X0", "h.txt:1: `0.5 [X0` is not a term"),
            ("0.5 [X0] 0.5 [X1]", "h.txt:1: `0.5 [X0] 0.5 [X1]` is not a term"),
            ("0.5 [X0]\n0.5 X1", "h.txt:2: `0.5 X1` is not a term"),
        ];
        for (text, expected) in wrong {
            let message = parse_file(text.as_bytes(), "h.txt", 4).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{text:?}: {message}");
        }
    }
}
