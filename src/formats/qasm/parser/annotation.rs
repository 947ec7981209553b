//! Annotations: `@word text`, a line of its own before a statement.

use super::super::ast::StatementKind;
use super::super::lexer::Token;
use super::{Parser, Version};
use crate::error::Result;

/// The annotation of a barrier at which observables are taken as well.
const SNAPSHOT: &str = "rhoshard.snapshot";

impl Parser<'_> {
    /// An annotation; those of other programs mean nothing here, and OpenQASM 2 has none but the program's own.
    pub(super) fn annotation(&mut self) -> Result<StatementKind> {
        let text = self.lexer.skip_line();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        if word == SNAPSHOT {
            return self.snapshot(rest.trim());
        }
        if word.starts_with("rhoshard") {
            return Err(self.error(format!("unknown annotation `@{word}`")).allowed(format!("@{SNAPSHOT} NAME")));
        }
        if self.version == Version::Two {
            return Err(self.error("annotations are part of OpenQASM 3").allowed(format!("@{SNAPSHOT} NAME")));
        }
        self.advance().map(|()| StatementKind::Nothing)
    }

    /// The barrier that the annotation must stand before.
    fn snapshot(&mut self, name: &str) -> Result<StatementKind> {
        if name.is_empty() {
            return Err(self.error("a snapshot needs a name").allowed(format!("@{SNAPSHOT} NAME")));
        }
        self.advance()?;
        if self.token != Token::Name("barrier") {
            return Err(self.unexpected("the barrier of the snapshot"));
        }
        self.advance()?;
        match self.barrier()? {
            StatementKind::Barrier { operands, .. } => {
                Ok(StatementKind::Barrier { operands, snapshot: Some(name.into()) })
            }
            other => Ok(other),
        }
    }
}
