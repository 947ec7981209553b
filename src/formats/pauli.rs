//! Observable files: a sum of Pauli strings in one of three forms, told apart by their content.
//!
//! ```text
//! # the hydrogen molecule
//! -1.0523732457728592  II
//!  0.39793742484318045 IZ     # dense, the highest qubit leftmost
//!  0.18093119978423156 X0 X1  # or sparse
//! ```
//! One term a line, `coefficient PAULISTRING`; `#` starts a comment; blank lines are skipped. A file that starts with `[` is
//! the list of a SparsePauliOp of Qiskit (`sparse_list`); one with brackets elsewhere the text of a QubitOperator of OpenFermion
//! (`qubit_operator`). The whole file is one observable.

mod coefficient;
mod qubit_operator;
mod sparse_list;

use crate::config::text::decode;
use crate::error::{Error, Result};
use crate::model::{PauliString, PauliSum};

/// A coefficient and its string.
type Term = (f64, PauliString);

/// Reads an observable file for `qubits` qubits; `file` is its name in messages.
///
/// # Errors
/// Input error with file and line (in JSON: the number of the term): not text, a term that is not a finite real coefficient
/// and a Pauli string that fits the qubits, or no term at all.
pub fn parse_file(bytes: &[u8], file: &str, qubits: usize) -> Result<PauliSum> {
    let text = decode(bytes, file)?;
    let has_brackets = || text.lines().any(|line| content(line).contains('['));
    let terms = if text.trim_start().starts_with('[') {
        sparse_list::parse(text, qubits)
    } else if has_brackets() {
        qubit_operator::parse(text, qubits)
    } else {
        lines(text, qubits)
    };
    let sum = PauliSum { terms: terms.map_err(|error| error.in_file(file))? };
    match sum.terms.is_empty() {
        true => Err(shape("the file holds no term").in_file(file)),
        false if !sum.coefficient_norm().is_finite() => {
            Err(Error::input("the sum of the coefficients' magnitudes is not a finite number").in_file(file))
        }
        false => Ok(sum),
    }
}

/// A line without its comment.
fn content(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim()
}

/// One term a line.
fn lines(text: &str, qubits: usize) -> Result<Vec<Term>> {
    let numbered = text.lines().enumerate().filter(|(_, line)| !content(line).is_empty());
    numbered.map(|(index, line)| term(content(line), qubits).map_err(|error| error.at_line(index + 1))).collect()
}

/// One line: both parts are needed, so that a line cut short is not taken for a multiple of the identity.
fn term(content: &str, qubits: usize) -> Result<Term> {
    let (number, string) = content.split_once(char::is_whitespace).unwrap_or((content, ""));
    let coefficient = coefficient(number)?;
    if string.is_empty() {
        return Err(shape(format!("no Pauli string follows the coefficient `{number}`")));
    }
    Ok((coefficient, PauliString::parse(string, qubits)?))
}

fn coefficient(word: &str) -> Result<f64> {
    match word.parse::<f64>() {
        Ok(value) => coefficient::finite(value, word),
        Err(_) if is_complex(word) => Err(coefficient::complex(word)),
        Err(_) => Err(shape(format!("the line starts with `{word}`, not with a real coefficient"))),
    }
}

/// True for `0.5j`, `(1+2j)`, `1i` and the like.
fn is_complex(word: &str) -> bool {
    let inside = word.trim_matches(['(', ')']);
    inside.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) && inside.ends_with(['i', 'j'])
}

fn shape(what: impl Into<String>) -> Error {
    Error::input(what).allowed("one `coefficient PAULISTRING` a line, for example `0.5 X0 X1` or `-1.25 IIZZ`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        parse_file(text.as_bytes(), "h2.pauli", 2).unwrap_err().to_string()
    }

    #[test]
    fn dense_and_sparse_lines_comments_and_blank_lines() {
        let text = "# hydrogen\r\n-1.05\tII # constant\n\n  +0.39 IZ\n1e-3   X0 Y1\n-.5 I\n";
        let sum = parse_file(text.as_bytes(), "h2.pauli", 2).unwrap();
        assert_eq!(sum.to_string(), "-1.05*I + 0.39*Z0 + 0.001*X0 Y1 - 0.5*I");
    }

    #[test]
    fn errors_name_file_and_line() {
        let wrong = [
            ("# c\n0.5 ZZZ\n", "h2.pauli:2: a dense Pauli string needs 2 letters"),
            ("0.5 Z2", "h2.pauli:1: the qubit of `Z2` is out of range"),
            ("1 Z0\n0.17", "h2.pauli:2: no Pauli string follows the coefficient `0.17`"),
            ("Z0 Z1", "h2.pauli:1: the line starts with `Z0`"),
            ("(0.5+0j) ZZ", "h2.pauli:1: the coefficient `(0.5+0j)` is complex"),
            ("2j ZZ", "h2.pauli:1: the coefficient `2j` is complex"),
            ("nan ZZ", "h2.pauli:1: the coefficient `nan` is not a finite number"),
            ("0.5 Z0 + 0.5 Z1", "h2.pauli:1: one Pauli string is expected"),
            ("1e308 ZZ\n1e308 XX", "h2.pauli: the sum"),
            ("# nothing\n", "h2.pauli: the file holds no term"),
            ("", "h2.pauli"),
            ("1 Z0\n\u{0}", "h2.pauli:2: "),
        ];
        for (text, expected) in wrong {
            assert!(message(text).starts_with(expected), "{text:?}: {}", message(text));
        }
    }
}
