//! Text to tokens, one at a time, each with its line.

use crate::error::{Error, Result};
use std::borrow::Cow;

/// A piece of the text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Token<'s> {
    /// A keyword or identifier.
    Name(&'s str),
    /// An integer literal.
    Integer(i128),
    /// A literal with a decimal point or an exponent.
    Real(f64),
    /// An imaginary literal such as `0.5im`.
    Imaginary(f64),
    /// A string literal, without its quotes.
    Text(&'s str),
    /// The rest of the line after `#pragma` or `pragma`.
    Pragma(&'s str),
    /// An operator or a separator.
    Symbol(&'static str),
    /// The end of the text.
    End,
}

impl std::fmt::Display for Token<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Token::Name(name) => write!(out, "`{name}`"),
            Token::Integer(value) => write!(out, "`{value}`"),
            Token::Real(value) => write!(out, "`{value}`"),
            Token::Imaginary(value) => write!(out, "`{value}im`"),
            Token::Text(text) => write!(out, "\"{text}\""),
            Token::Pragma(_) => write!(out, "a pragma"),
            Token::Symbol(symbol) => write!(out, "`{symbol}`"),
            Token::End => write!(out, "the end of the file"),
        }
    }
}

/// The most frequent first, and a symbol before its beginnings, so that `==` is not read as `=` twice.
const SYMBOLS: &[&str] = &[
    ";", ",", "[", "]", "(", ")", "{", "}", "@", ":", "~", "**=", "<<=", ">>=", "->", "==", "!=", "<=", ">=", "&&",
    "||", "<<", ">>", "++", "**", "+=", "-=", "*=", "/=", "%=", "^=", "&=", "|=", "=", "+", "-", "*", "/", "%", "^",
    "<", ">", "!", "&", "|",
];

const TIME_UNITS: &[&str] = &["ns", "us", "µs", "μs", "ms", "s", "dt"];

/// Reads tokens from the text.
pub struct Lexer<'s> {
    text: &'s str,
    position: usize,
    line: usize,
}

impl<'s> Lexer<'s> {
    /// Starts at the given line number.
    pub fn new(text: &'s str, line: usize) -> Self {
        Lexer { text: text.strip_prefix('\u{feff}').unwrap_or(text), position: 0, line }
    }

    fn rest(&self) -> &'s str {
        &self.text[self.position..]
    }

    /// The next token and its line.
    pub fn token(&mut self) -> Result<(Token<'s>, usize)> {
        self.skip_blank()?;
        let line = self.line;
        let token = match self.rest().chars().next() {
            None => Ok(Token::End),
            Some(first) if is_name_start(first) => Ok(self.name()),
            Some(first) if first.is_ascii_digit() => self.number(),
            Some('.') if self.rest()[1..].starts_with(|next: char| next.is_ascii_digit()) => self.number(),
            Some(quote @ ('"' | '\'')) => self.string(quote),
            Some('#') => self.directive(),
            Some(other) => self.symbol(other),
        };
        token.map(|token| (token, line)).map_err(|error| error.at_line(line))
    }

    /// Skips what is left of the current line.
    pub fn skip_line(&mut self) -> &'s str {
        let rest = self.rest();
        let skipped = &rest[..rest.find('\n').unwrap_or(rest.len())];
        self.position += skipped.len();
        skipped.trim()
    }

    fn skip_blank(&mut self) -> Result<()> {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            self.advance(blank);
            let rest = &rest[blank..];
            if rest.starts_with("//") {
                self.skip_line();
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let end = comment.find("*/").ok_or_else(|| {
                    Error::input("a comment that starts with `/*` does not end")
                        .at_line(self.line)
                        .next("close it with `*/`")
                })?;
                self.advance(end + 4);
            } else {
                return Ok(());
            }
        }
    }

    /// Moves on by `bytes`, counting lines.
    fn advance(&mut self, bytes: usize) {
        self.line += self.rest()[..bytes].bytes().filter(|&byte| byte == b'\n').count();
        self.position += bytes;
    }

    fn name(&mut self) -> Token<'s> {
        let rest = self.rest();
        let length = rest.find(|c: char| !is_name_part(c)).unwrap_or(rest.len());
        self.position += length;
        match &rest[..length] {
            "pragma" => Token::Pragma(self.skip_line()),
            name => Token::Name(name),
        }
    }

    fn directive(&mut self) -> Result<Token<'s>> {
        let line = self.skip_line();
        match line.strip_prefix("#pragma") {
            Some(text) if text.is_empty() || text.starts_with(char::is_whitespace) => Ok(Token::Pragma(text.trim())),
            _ => Err(Error::input(format!("unknown directive `{line}`")).allowed("#pragma")),
        }
    }

    fn string(&mut self, quote: char) -> Result<Token<'s>> {
        let body = &self.rest()[1..];
        match body.find([quote, '\n']).filter(|&end| body[end..].starts_with(quote)) {
            Some(end) => {
                self.position += end + 2;
                Ok(Token::Text(&body[..end]))
            }
            None => Err(Error::input("a string does not end on its line").next(format!("close it with `{quote}`"))),
        }
    }

    fn symbol(&mut self, first: char) -> Result<Token<'s>> {
        let rest = self.rest();
        if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            self.position += symbol.len();
            return Ok(Token::Symbol(symbol));
        }
        if first == '$' {
            return Err(Error::input("hardware qubits (`$0`) are not supported").next("declare a register of qubits"));
        }
        Err(Error::input(format!("unexpected character `{}`", first.escape_debug())))
    }

    fn number(&mut self) -> Result<Token<'s>> {
        let rest = self.rest();
        let length = number_length(rest);
        let suffix_length = rest[length..].find(|c: char| !is_name_part(c)).unwrap_or(rest.len() - length);
        let (literal, suffix) = (&rest[..length], &rest[length..length + suffix_length]);
        self.position += length + suffix_length;
        let digits = if literal.contains('_') { literal.replace('_', "").into() } else { Cow::Borrowed(literal) };
        match suffix {
            "" => parse_number(&digits),
            "im" => Ok(Token::Imaginary(parse_real(&digits)?)),
            unit if TIME_UNITS.contains(&unit) => {
                Err(Error::input(format!("`{literal}{unit}` is a duration; timing is not supported by this reader")))
            }
            _ => Err(Error::input(format!("`{literal}{suffix}` is neither a number nor a name"))),
        }
    }
}

fn is_name_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn is_name_part(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Length of the numeric literal that `text` starts with.
fn number_length(text: &str) -> usize {
    if ["0x", "0X", "0b", "0B", "0o", "0O"].iter().any(|prefix| text.starts_with(prefix)) {
        return text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    }
    let digits = |from: usize| {
        let rest = &text[from..];
        from + rest.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(rest.len())
    };
    let mut end = digits(0);
    if text[end..].starts_with('.') {
        end = digits(end + 1);
    }
    if text[end..].starts_with(['e', 'E']) {
        let sign = text[end + 1..].starts_with(['+', '-']) as usize;
        let exponent = digits(end + 1 + sign);
        if exponent > end + 1 + sign {
            end = exponent;
        }
    }
    end
}

fn parse_number(digits: &str) -> Result<Token<'static>> {
    let radix = match digits.get(..2) {
        Some("0x" | "0X") => 16,
        Some("0b" | "0B") => 2,
        Some("0o" | "0O") => 8,
        _ if digits.contains(['.', 'e', 'E']) => return Ok(Token::Real(parse_real(digits)?)),
        _ => 10,
    };
    let body = if radix == 10 { digits } else { &digits[2..] };
    match i128::from_str_radix(body, radix) {
        Ok(value) => Ok(Token::Integer(value)),
        Err(_) => Err(Error::input(format!("`{digits}` is not an integer of at most 127 bits"))),
    }
}

fn parse_real(digits: &str) -> Result<f64> {
    digits.parse().map_err(|_| Error::input(format!("`{digits}` is not a number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Result<Vec<(Token<'_>, usize)>> {
        let mut lexer = Lexer::new(text, 1);
        let mut tokens = vec![];
        loop {
            match lexer.token()? {
                (Token::End, _) => return Ok(tokens),
                token => tokens.push(token),
            }
        }
    }

    #[test]
    fn numbers_take_all_their_forms() {
        let expected = [
            Token::Integer(10),
            Token::Real(1.5),
            Token::Real(0.5),
            Token::Real(2.0),
            Token::Real(1e-3),
            Token::Integer(255),
            Token::Integer(5),
            Token::Imaginary(0.3),
            Token::Integer(1000),
        ];
        let read = tokens("10 1.5 .5 2. 1e-3 0xff 0b101 0.3im 1_000").unwrap();
        assert_eq!(read.into_iter().map(|(token, _)| token).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn lines_are_counted_through_comments_and_strings() {
        let read = tokens("a // x\n/* b\n\n*/ c \"d\"\n#pragma e f\ng").unwrap();
        let lines: Vec<usize> = read.iter().map(|(_, line)| *line).collect();
        assert_eq!(lines, [1, 4, 4, 5, 6]);
        assert_eq!(read[3].0, Token::Pragma("e f"));
    }

    #[test]
    fn unfinished_text_is_refused_with_its_line() {
        for (text, line) in [("a\n/* b\n", 2), ("\n\n\"abc\nd", 3), ("3abc", 1), ("1e", 1), ("0xg", 1), ("5ns", 1)] {
            assert_eq!(tokens(text).unwrap_err().line, Some(line), "{text}");
        }
    }
}
