//! Pragmas of the Braket convention.

use super::super::ast::{Pragma, PragmaKind, Rows, StatementKind};
use super::super::lexer::Token;
use super::{Parser, Version};
use crate::error::{Error, Result};

/// The statement of a pragma, whose text (after the word `pragma`) stands at `line`.
///
/// Pragmas of other vendors are ignored, as the language asks. `result` is ignored too (the job's `[observe]` says
/// what is computed), and so is `verbatim`, which forbids rewriting that this program does not do.
pub(super) fn parse(text: &str, line: usize) -> Result<StatementKind> {
    let mut words = text.split_whitespace();
    if words.next() != Some("braket") {
        return Ok(StatementKind::Nothing);
    }
    let word = words.next().unwrap_or("");
    match word {
        "result" | "verbatim" => return Ok(StatementKind::Nothing),
        _ if word.starts_with("noise") || word.starts_with("unitary") => {}
        _ => {
            return Err(Error::input(format!("unknown pragma `braket {word}`"))
                .at_line(line)
                .allowed("noise, unitary, result, verbatim"));
        }
    }
    let body = text.trim_start().strip_prefix("braket").unwrap_or("");
    Parser::new(body, line, Version::Three, "the end of the pragma")?.pragma().map(StatementKind::Pragma)
}

impl Parser<'_> {
    fn pragma(&mut self) -> Result<Pragma> {
        let kind = match self.token {
            Token::Name("noise") => self.advance().and_then(|()| self.noise())?,
            Token::Name("unitary") => self.advance().and_then(|()| self.unitary())?,
            _ => return Err(self.unexpected("`noise` or `unitary`")),
        };
        let operands = if self.accept_name("all")? { None } else { Some(self.list(Self::operand)?) };
        self.accept(";")?;
        if self.token != Token::End {
            return Err(self.unexpected("the end of the pragma"));
        }
        Ok(Pragma { kind, operands })
    }

    fn noise(&mut self) -> Result<PragmaKind> {
        let name = self.identifier("the name of a channel")?;
        if &*name != "kraus" {
            return Ok(PragmaKind::Noise(name, self.arguments()?));
        }
        self.expect("(")?;
        let matrices = self.list(Self::matrix)?;
        self.expect(")")?;
        Ok(PragmaKind::Kraus(matrices))
    }

    fn unitary(&mut self) -> Result<PragmaKind> {
        self.expect("(")?;
        let matrix = self.matrix()?;
        self.expect(")")?;
        Ok(PragmaKind::Unitary(matrix))
    }

    /// `[[a, b], [c, d]]`
    fn matrix(&mut self) -> Result<Rows> {
        self.expect("[")?;
        let rows = self.list(|parser| {
            parser.expect("[")?;
            let row = parser.list(Self::expression)?;
            parser.expect("]")?;
            Ok(row)
        })?;
        self.expect("]")?;
        Ok(rows)
    }
}
