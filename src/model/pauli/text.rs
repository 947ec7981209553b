//! Reader of Pauli text such as `0.5*X0 X1 - 1.25*Z3` or `IIIIIIIIZZ`.
//!
//! ```text
//! sum    = [sign] term { sign term }
//! term   = number | [number ["*"]] factor { ["*"] factor }
//! factor = letter digits      sparse: one Pauli on that qubit
//!        | letters            dense: one letter a qubit, the highest qubit leftmost; a lone I is the identity
//! letter = "I" | "X" | "Y" | "Z"
//! ```
//! A number alone is that multiple of the identity. A qubit may appear once in a term. Several signs in a row
//! multiply, since generated text often holds `+ -0.5*Z0`.

use super::{MAXIMUM_QUBITS, PauliString, PauliSum};
use crate::error::{Error, Result};

/// What the grammar allows, for messages.
const GRAMMAR: &str = "for example `Z0`, `Z0 Z1`, `0.5*X0 X1 - 1.25*Z3`, or one letter I, X, Y, Z a qubit, the \
                       highest qubit leftmost";

impl PauliSum {
    /// Reads an observable on `qubits` qubits (63 at most).
    ///
    /// Sparse terms name the qubits (`0.5*X0 X1 - 1.25*Z3`), dense ones have one letter a qubit, qubit
    /// `qubits - 1` leftmost; a bare number or `I` is the identity.
    ///
    /// # Errors
    /// Input error for text outside the grammar, a dense string of the wrong length, a qubit out of range or repeated
    /// within a term, and coefficients that are complex or not finite.
    pub fn parse(text: &str, qubits: usize) -> Result<PauliSum> {
        let mut reader = Reader::new(text, qubits)?;
        let mut terms = Vec::new();
        while terms.is_empty() || !reader.rest.is_empty() {
            let sign = reader.signs();
            let coefficient = reader.coefficient()?;
            let string = reader.string(coefficient.is_some())?;
            terms.push((sign * coefficient.unwrap_or(1.0), string));
        }
        let sum = PauliSum { terms };
        if !sum.coefficient_norm().is_finite() {
            return Err(reader.error("the sum of the coefficients' magnitudes is not a finite number"));
        }
        Ok(sum)
    }
}

impl PauliString {
    /// Reads one Pauli string without coefficient, sparse (`X0 X1`) or dense (`IIXX`), on `qubits` qubits.
    ///
    /// # Errors
    /// As [`PauliSum::parse`]; a coefficient or a second term is an error too.
    pub fn parse(text: &str, qubits: usize) -> Result<PauliString> {
        let mut reader = Reader::new(text, qubits)?;
        let string = reader.string(false)?;
        if !reader.rest.is_empty() {
            return Err(reader.error(format!("one Pauli string is expected, but `{}` follows", clipped(reader.rest))));
        }
        Ok(string)
    }
}

/// The text and what is left of it.
struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
    qubits: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, qubits: usize) -> Result<Self> {
        if qubits > MAXIMUM_QUBITS {
            return Err(Error::input(format!("observables on {qubits} qubits are not supported"))
                .allowed(format!("at most {MAXIMUM_QUBITS} qubits")));
        }
        Ok(Reader { text: text.trim(), rest: text.trim(), qubits })
    }

    /// The product of the signs that come next; 1 if none does.
    fn signs(&mut self) -> f64 {
        let mut sign = 1.0;
        while let Some(next) = self.rest.chars().next().filter(|next| matches!(next, '+' | '-')) {
            sign *= if next == '-' { -1.0 } else { 1.0 };
            self.skip(1);
        }
        sign
    }

    /// The number that comes next, if one does.
    fn coefficient(&mut self) -> Result<Option<f64>> {
        if self.rest.starts_with('(') {
            return Err(self.parenthesis());
        }
        let length = number_length(self.rest);
        if length == 0 {
            return Ok(None);
        }
        let word = &self.rest[..length];
        if self.rest[length..].starts_with(['i', 'j']) {
            return Err(self.complex(&self.rest[..length + 1]));
        }
        let value: f64 = word.parse().map_err(|_| self.error(format!("`{word}` is not a number")))?;
        if !value.is_finite() {
            return Err(self.error(format!("the coefficient `{word}` is too large")));
        }
        self.skip(length);
        Ok(Some(value))
    }

    /// The factors of one term, multiplied. Without a coefficient at least one is needed.
    fn string(&mut self, has_coefficient: bool) -> Result<PauliString> {
        let mut product = Product::default();
        let mut may_end = has_coefficient;
        loop {
            if may_end && self.rest.starts_with('*') {
                self.skip(1);
                may_end = false;
            }
            if may_end && (self.rest.is_empty() || self.rest.starts_with(['+', '-'])) {
                return Ok(product.string);
            }
            self.factor(&mut product)?;
            may_end = true;
        }
    }

    /// One factor: a letter with a qubit number, or a dense string.
    fn factor(&mut self, product: &mut Product) -> Result<()> {
        let letters = prefix(self.rest, |next| next.is_ascii_alphabetic());
        let digits = prefix(&self.rest[letters.len()..], |next| next.is_ascii_digit());
        let word = &self.rest[..letters.len() + digits.len()];
        if letters.is_empty() {
            return Err(self.unexpected());
        }
        self.check_letters(letters)?;
        match (letters, digits) {
            ("I", "") => {}
            (_, "") => self.dense(letters, product)?,
            _ if letters.len() == 1 => self.sparse(letters, digits, product)?,
            _ => {
                return Err(self
                    .error(format!("`{word}` is neither sparse nor dense"))
                    .allowed("one letter with a qubit number, such as `Z0`, or letters only, one a qubit"));
            }
        }
        self.skip(word.len());
        Ok(())
    }

    fn sparse(&self, letter: &str, digits: &str, product: &mut Product) -> Result<()> {
        let qubit = digits.parse().ok().filter(|qubit| *qubit < self.qubits).ok_or_else(|| {
            self.error(format!("the qubit of `{letter}{digits}` is out of range")).allowed(self.range())
        })?;
        self.multiply(product, letter.as_bytes()[0], qubit)
    }

    fn dense(&self, letters: &str, product: &mut Product) -> Result<()> {
        if letters.len() != self.qubits {
            let (count, qubits) = (letters.len(), self.qubits);
            return Err(self
                .error(format!("a dense Pauli string needs {qubits} letters, one a qubit, and this one has {count}"))
                .allowed(format!("{qubits} letters, the highest qubit leftmost; or qubit numbers, such as `Z0 Z1`")));
        }
        letters.bytes().rev().enumerate().try_for_each(|(qubit, letter)| self.multiply(product, letter, qubit))
    }

    fn multiply(&self, product: &mut Product, letter: u8, qubit: usize) -> Result<()> {
        let bit = 1 << qubit;
        if product.seen & bit != 0 {
            return Err(self
                .error(format!("qubit {qubit} appears twice in one term"))
                .next("multiply the Pauli matrices of that qubit by hand and write one"));
        }
        product.seen |= bit;
        product.string.x |= if matches!(letter, b'X' | b'Y') { bit } else { 0 };
        product.string.z |= if matches!(letter, b'Z' | b'Y') { bit } else { 0 };
        Ok(())
    }

    fn check_letters(&self, letters: &str) -> Result<()> {
        let Some(wrong) = letters.chars().find(|letter| !"IXYZ".contains(*letter)) else { return Ok(()) };
        if matches!(letters, "i" | "j") {
            return Err(self.complex(letters));
        }
        let error = self.error(format!("unknown Pauli letter `{wrong}`")).allowed("I, X, Y, Z");
        let upper = letters.to_ascii_uppercase();
        let is_lower_case = upper.chars().all(|letter| "IXYZ".contains(letter));
        Err(if is_lower_case { error.next(format!("write it in upper case: `{upper}`")) } else { error })
    }

    fn unexpected(&self) -> Error {
        let what = match self.rest.chars().next() {
            None if self.text.is_empty() => "the observable is empty".into(),
            None => "the text ends where a Pauli letter is expected".into(),
            Some('(') => return self.parenthesis(),
            Some(next) if number_length(self.rest) > 0 => {
                return self
                    .error(format!("the number that starts with `{next}` is not at the start of its term"))
                    .allowed("one coefficient a term, in front: `0.5*X0 X1`");
            }
            Some(next) => format!("unexpected `{next}`"),
        };
        self.error(what).allowed(GRAMMAR)
    }

    fn parenthesis(&self) -> Error {
        let inside = prefix(&self.rest[1..], |next| next != ')');
        if inside.contains(['i', 'j']) && inside.contains(|next: char| next.is_ascii_digit()) {
            return self.complex(&self.rest[..self.rest.len().min(inside.len() + 2)]);
        }
        self.error("parentheses are not allowed").allowed(GRAMMAR)
    }

    fn complex(&self, coefficient: &str) -> Error {
        self.error(format!("the coefficient `{}` is complex", clipped(coefficient)))
            .allowed("real coefficients: an observable is Hermitian")
    }

    fn range(&self) -> String {
        match self.qubits {
            0 => "no qubit: the circuit has none".into(),
            qubits => format!("qubits 0 to {}", qubits - 1),
        }
    }

    fn error(&self, what: impl Into<String>) -> Error {
        let what = what.into();
        if self.text.is_empty() {
            Error::input(what)
        } else {
            Error::input(format!("{what}, in `{}`", clipped(self.text)))
        }
    }

    /// Drops so many bytes and the white space after them.
    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest[bytes..].trim_start();
    }
}

/// The string of a term so far and the qubits that have appeared, identities included.
#[derive(Default)]
struct Product {
    string: PauliString,
    seen: u64,
}

/// Length in bytes of the decimal number the text starts with; 0 if it starts with none.
fn number_length(text: &str) -> usize {
    let digits = |text: &str| prefix(text, |next| next.is_ascii_digit()).len();
    let whole = digits(text);
    let fraction = text[whole..].strip_prefix('.').map_or(0, |rest| 1 + digits(rest));
    if whole + fraction.saturating_sub(1) == 0 {
        return 0;
    }
    let mantissa = whole + fraction;
    let Some(exponent) = text[mantissa..].strip_prefix(['e', 'E']) else { return mantissa };
    let sign = usize::from(exponent.starts_with(['+', '-']));
    match digits(&exponent[sign..]) {
        0 => mantissa,
        count => mantissa + 1 + sign + count,
    }
}

/// The longest start of the text whose characters all pass.
fn prefix(text: &str, passes: impl Fn(char) -> bool) -> &str {
    &text[..text.find(|next| !passes(next)).unwrap_or(text.len())]
}

/// The text, cut where it is too long for a message.
fn clipped(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn terms(text: &str, qubits: usize) -> Vec<(f64, u64, u64)> {
        let sum = PauliSum::parse(text, qubits).unwrap_or_else(|error| panic!("{error}"));
        sum.terms.iter().map(|(coefficient, string)| (*coefficient, string.x, string.z)).collect()
    }

    #[test]
    fn sparse_text() {
        assert_eq!(terms("Z0", 10), [(1.0, 0, 1)]);
        assert_eq!(terms(" Z0 Z1 ", 10), [(1.0, 0, 3)]);
        assert_eq!(terms("0.5*X0 X1 - 1.25*Z3", 10), [(0.5, 3, 0), (-1.25, 0, 8)]);
        assert_eq!(terms("-Y62", 63), [(-1.0, 1 << 62, 1 << 62)]);
        assert_eq!(terms("1e-3 X0Z1 + -2.5E+1*I2 Y0 -.5*Z0*Z1", 3), [(1e-3, 1, 2), (-25.0, 1, 1), (-0.5, 0, 3)]);
    }

    #[test]
    fn dense_text() {
        assert_eq!(terms("IIIIIIIIZZ", 10), [(1.0, 0, 3)]);
        assert_eq!(terms("XIY - 2*ZZI", 3), [(1.0, 5, 1), (-2.0, 0, 6)]);
        assert_eq!(terms("X", 1), [(1.0, 1, 0)]);
    }

    #[test]
    fn constants_are_multiples_of_the_identity() {
        assert_eq!(terms("2.5", 4), [(2.5, 0, 0)]);
        assert_eq!(terms("1 - 0.5 * Z0", 4), [(1.0, 0, 0), (-0.5, 0, 1)]);
        assert_eq!(terms("I", 4), [(1.0, 0, 0)]);
        assert_eq!(terms("3*I + Z1", 4), [(3.0, 0, 0), (1.0, 0, 2)]);
    }

    #[test]
    fn wrong_text_is_refused_with_what_is_wrong() {
        let wrong = [
            ("", "empty"),
            ("   ", "empty"),
            ("Z10", "allowed: qubits 0 to 9"),
            ("Z99999999999999999999999", "out of range"),
            ("ZZ", "needs 10 letters, one a qubit, and this one has 2"),
            ("Z", "needs 10 letters"),
            ("IIIIIIIIIIIZZ", "this one has 13"),
            ("Z0 X0", "qubit 0 appears twice"),
            ("I0 X0", "qubit 0 appears twice"),
            ("IIIIIIIIIZ Z1", "qubit 1 appears twice"),
            ("0.5j*Z0", "`0.5j` is complex"),
            ("1i Z0", "`1i` is complex"),
            ("j*Z0", "`j` is complex"),
            ("(1+2j)*Z0", "`(1+2j)` is complex"),
            ("(0.5+0j) Z0", "real coefficients"),
            ("(1+2j", "complex"),
            ("2*(X0 + X1)", "parentheses"),
            ("(X0)", "parentheses"),
            ("z0 z1", "upper case: `Z`"),
            ("xx", "upper case: `XX`"),
            ("Q3", "unknown Pauli letter `Q`"),
            ("ZX3", "neither sparse nor dense"),
            ("Z_3", "needs 10 letters"),
            ("Z0 +", "text ends"),
            ("-", "text ends"),
            ("0.5*", "text ends"),
            ("*Z0", "unexpected `*`"),
            ("0.5**Z0", "unexpected `*`"),
            ("Z0 , Z1", "unexpected `,`"),
            ("Z0 @ Z1", "unexpected `@`"),
            ("X0*0.5", "in front"),
            ("0.5 2 Z0", "in front"),
            (". Z0", "unexpected `.`"),
            ("1e999*Z0", "too large"),
            ("1e308*Z0 + 1e308*Z1", "not a finite number"),
            ("inf*Z0", "unknown Pauli letter `i`"),
            ("Zé", "needs 10 letters"),
            ("\u{2212}Z0", "unexpected"),
        ];
        for (text, expected) in wrong {
            let error = PauliSum::parse(text, 10).unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
        assert!(PauliSum::parse("Z0", 64).unwrap_err().what.contains("64 qubits"));
        assert!(PauliSum::parse("Z0", 0).unwrap_err().to_string().contains("has none"));
    }

    #[test]
    fn one_string_alone() {
        assert_eq!(PauliString::parse("X0 Y1", 2).unwrap(), PauliString { x: 3, z: 2 });
        for (text, expected) in [("X0 + Z1", "follows"), ("2 X0", "in front"), ("", "empty")] {
            let error = PauliString::parse(text, 2).unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn long_text_is_cut_in_messages() {
        let error = PauliSum::parse(&"Q".repeat(5000), 10).unwrap_err();
        assert!(error.what.len() < 150 && error.what.contains("..."), "{error}");
    }

    fn any_sum() -> impl Strategy<Value = PauliSum> {
        let coefficient = prop_oneof![Just(1.0), Just(-1.0), Just(0.0), -1e3..1e3, -1e-9..1e-9];
        let term = (coefficient, 0u64..1 << 9, 0u64..1 << 9).prop_map(|(c, x, z)| (c, PauliString { x, z }));
        proptest::collection::vec(term, 1..8).prop_map(|terms| PauliSum { terms })
    }

    proptest! {
        #[test]
        fn printing_and_reading_is_the_identity(sum in any_sum()) {
            prop_assert_eq!(PauliSum::parse(&sum.to_string(), 9).unwrap(), sum);
        }

        #[test]
        fn no_text_panics(text in "[IXYZxzij0-9+*(). e\u{e9}-]{0,24}", qubits in 0usize..65) {
            let _ = PauliSum::parse(&text, qubits);
            let _ = PauliString::parse(&text, qubits);
        }
    }
}
