//! The list of a `SparsePauliOp` of Qiskit as JSON.
//!
//! ```text
//! [["XXII", 0.5], ["IIZZ", [0.3, 0.0]]]        dense: one letter a qubit, the rightmost is qubit 0
//! [["XX", [0, 1], 0.5], ["Z", [3], -1.0]]      sparse: the letters of the listed qubits, in their order
//! ```
//! That is `json.dump` of what `to_list()` and `to_sparse_list()` give. A coefficient is a number, a pair of real and imaginary
//! part, or a text such as `"(0.5+0j)"`.

use super::{Term, coefficient};
use crate::error::{Error, Result};
use crate::model::PauliString;
use serde_json::Value;
use std::fmt::Write;

/// Reads the terms, in the order of the list.
///
/// # Errors
/// Input error: no JSON (with the line), or with the number of the term what is not of this form, a complex coefficient, letters
/// that do not fit the qubits.
pub(super) fn parse(text: &str, qubits: usize) -> Result<Vec<Term>> {
    let list: Vec<Value> = serde_json::from_str(text).map_err(|cause| {
        Error::input(format!("the file starts with `[` but is not a list in JSON: {cause}"))
            .at_line(cause.line().max(1))
    })?;
    let numbered = list.iter().enumerate();
    let located = |number: usize, error: Error| Error { what: format!("term {}: {}", number + 1, error.what), ..error };
    numbered.map(|(number, value)| term(value, qubits).map_err(|error| located(number, error))).collect()
}

fn term(value: &Value, qubits: usize) -> Result<Term> {
    let parts = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let (letters, string, coefficient) = match parts {
        [Value::String(letters), coefficient] => (letters, letters.clone(), coefficient),
        [Value::String(letters), Value::Array(places), coefficient] => (letters, sparse(letters, places)?, coefficient),
        _ => return Err(shape(value)),
    };
    // Without a letter there is nothing to be read but the identity.
    let string = if letters.is_empty() { PauliString::identity() } else { PauliString::parse(&string, qubits)? };
    Ok((number(coefficient)?, string))
}

/// The letters with their qubits, for instance `X0 X1`.
fn sparse(letters: &str, places: &[Value]) -> Result<String> {
    if letters.chars().count() != places.len() {
        let (count, places) = (letters.chars().count(), places.len());
        return Err(Error::input(format!("`{letters}` has {count} letters for {places} qubits"))
            .allowed("one letter for each listed qubit"));
    }
    let mut text = String::new();
    for (letter, place) in letters.chars().zip(places) {
        let place = place.as_u64().ok_or_else(|| Error::input(format!("`{place}` is not a qubit")))?;
        let _ = write!(text, "{letter}{place} ");
    }
    Ok(text)
}

fn number(value: &Value) -> Result<f64> {
    let word = value.to_string();
    let part = |value: &Value| value.as_f64().ok_or_else(|| shape(value));
    match value {
        Value::Number(_) => coefficient::finite(part(value)?, &word),
        Value::String(text) => coefficient::parse(text),
        Value::Array(parts) if parts.len() == 2 => coefficient::real(part(&parts[0])?, part(&parts[1])?, &word),
        _ => Err(shape(value)),
    }
}

fn shape(value: &Value) -> Error {
    Error::input(format!("`{value}` is not of the form of a SparsePauliOp's list"))
        .allowed("terms `[\"XXII\", 0.5]` or `[\"XX\", [0, 1], 0.5]`; a complex number is `[real, imaginary]`")
}

#[cfg(test)]
mod tests {
    use super::super::parse_file;

    #[test]
    fn dense_and_sparse_terms() {
        let text = r#" [["XXII", 0.5], ["IIZZ", [0.3, 0.0]], ["ZX", [1, 3], "(-2+0j)"], ["", [], 1], ["IIII", 1e-3]]"#;
        let sum = parse_file(text.as_bytes(), "h.json", 4).unwrap();
        assert_eq!(sum.to_string(), "0.5*X2 X3 + 0.3*Z0 Z1 - 2.0*Z1 X3 + I + 0.001*I");
    }

    #[test]
    fn errors_name_the_term() {
        let wrong = [
            ("[[\"XX\", 0.5],\n [\"XX\", 0.5}]", "h.json:2: the file starts with `[` but is not a list"),
            (r#"[["ZZ", 1], ["XXX", 0.5]]"#, "h.json: term 2: a dense Pauli string needs 2 letters"),
            (r#"[["XX", [0.5, 0.1]]]"#, "h.json: term 1: the coefficient `[0.5,0.1]` is complex"),
            (r#"[["XX", "1j"]]"#, "h.json: term 1: the coefficient `1j` is complex"),
            (r#"[["XX", [0], 1]]"#, "h.json: term 1: `XX` has 2 letters for 1 qubits"),
            (r#"[["XX", [0, 0], 1]]"#, "h.json: term 1: qubit 0 appears twice"),
            (r#"[["XX", [0, 2], 1]]"#, "h.json: term 1: the qubit of `X2` is out of range"),
            (r#"[["XX", [0, -1], 1]]"#, "h.json: term 1: `-1` is not a qubit"),
            (r#"[{"XX": 1}]"#, "h.json: term 1: `{\"XX\":1}` is not of the form"),
            (r#"[["XX"]]"#, "h.json: term 1: `[\"XX\"]` is not of the form"),
            ("[]", "h.json: the file holds no term"),
        ];
        for (text, expected) in wrong {
            let message = parse_file(text.as_bytes(), "h.json", 2).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{text:?}: {message}");
        }
    }
}
