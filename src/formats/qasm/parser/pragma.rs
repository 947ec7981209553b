//! Pragmas of the Braket convention.

use super::super::ast::{Pragma, PragmaKind, Rows, StatementKind};
use super::super::lexer::Token;
use super::{Parser, Version};
use crate::error::{Error, Result};
use crate::model::channel::CHANNELS;

/// The statement of a pragma, whose text (after the word `pragma`) stands at `line`.
///
/// Pragmas of other vendors are ignored, as the language asks. `result` is ignored too (the job's `[observe]` says
/// what is computed), and so is `verbatim`, which forbids rewriting that this program does not do.
pub(super) fn parse(text: &str, line: usize) -> Result<StatementKind> {
    let mut words = text.split_whitespace();
    if words.next() != Some("braket") {
        return foreign(text, line);
    }
    let word = words.next().unwrap_or("");
    match word {
        "verbatim" => return Ok(StatementKind::Nothing),
        "result" => {
            tracing::warn!(
                "line {line} of the circuit: `braket result` is ignored; the job's [observe] says what is computed"
            );
            return Ok(StatementKind::Nothing);
        }
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

/// A pragma of another vendor: ignored, unless it speaks of noise, which a typing error must not drop silently.
fn foreign(text: &str, line: usize) -> Result<StatementKind> {
    let names: Vec<&str> = CHANNELS.iter().map(|kind| kind.name).chain(["noise", "kraus"]).collect();
    let is_name = |word: &str| names.contains(&word);
    if text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(is_name) {
        return Err(Error::input(format!("the pragma `{}` speaks of noise, but is not of a known kind", text.trim()))
            .at_line(line)
            .allowed("#pragma braket noise CHANNEL(parameters) q[i]")
            .next("correct its first words, or remove it if it is meant for another program"));
    }
    tracing::warn!("line {line} of the circuit: the pragma `{}` is ignored", text.trim());
    Ok(StatementKind::Nothing)
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
