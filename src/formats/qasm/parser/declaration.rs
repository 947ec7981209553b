//! Declarations of registers, variables and aliases.

use super::super::ast::{Expression, StatementKind, TypeName, Variable};
use super::super::lexer::Token;
use super::Parser;
use crate::error::{Error, Result};

impl Parser<'_> {
    /// `qreg name[size];` or `creg name[size];`
    pub(super) fn register(&mut self, quantum: bool) -> Result<StatementKind> {
        let name = self.identifier("the name of a register")?;
        let size = self.designator()?;
        self.expect(";")?;
        Ok(if quantum { StatementKind::Qubits { name, size } } else { StatementKind::Bits { name, size, value: None } })
    }

    /// `qubit[size] name;`
    pub(super) fn qubits(&mut self) -> Result<StatementKind> {
        let size = self.designator()?;
        let name = self.identifier("the name of a register")?;
        self.expect(";")?;
        Ok(StatementKind::Qubits { name, size })
    }

    /// `bit[size] name = value;`
    pub(super) fn bits(&mut self) -> Result<StatementKind> {
        let size = self.designator()?;
        let name = self.identifier("the name of a register")?;
        let value = if self.accept("=")? { Some(self.bit_source()?) } else { None };
        self.expect(";")?;
        Ok(StatementKind::Bits { name, size, value })
    }

    /// The declaration after `const`, `input` or `output`.
    pub(super) fn qualified(&mut self, qualifier: &str) -> Result<StatementKind> {
        let Token::Name(word) = self.token else { return Err(self.unexpected("a type")) };
        let type_name = TypeName::parse(word);
        if type_name.is_none() && !(qualifier == "output" && word == "bit") {
            return Err(self.error(format!("`{qualifier} {word}` is not supported by this reader")).allowed(
                match qualifier {
                    "output" => "bit, int, uint, float, angle, bool",
                    _ => "int, uint, float, angle, bool",
                },
            ));
        }
        self.advance()?;
        match type_name {
            Some(type_name) => self.variable(type_name, qualifier == "const", qualifier == "input"),
            None => self.bits(),
        }
    }

    /// `float[width] name = value;`, the type having been read.
    pub(super) fn variable(&mut self, type_name: TypeName, constant: bool, input: bool) -> Result<StatementKind> {
        let width = self.designator()?;
        let name = self.identifier("a name")?;
        let value = if self.accept("=")? { Some(self.expression()?) } else { None };
        if constant && value.is_none() {
            return Err(Error::input(format!("constant `{name}` has no value")).at_line(self.previous_line));
        }
        if input && value.is_some() {
            return Err(Error::input(format!("input `{name}` takes its value from outside"))
                .at_line(self.previous_line)
                .next("remove `= ...`, or remove `input`"));
        }
        self.expect(";")?;
        Ok(StatementKind::Variable(Variable { type_name, width, name, value, constant, input }))
    }

    /// `let name = a ++ b;`
    pub(super) fn alias(&mut self) -> Result<StatementKind> {
        let name = self.identifier("a name")?;
        self.expect("=")?;
        let mut parts = vec![self.operand()?];
        while self.accept("++")? {
            parts.push(self.operand()?);
        }
        self.expect(";")?;
        Ok(StatementKind::Alias { name, parts })
    }

    /// `[size]`, if present.
    pub(super) fn designator(&mut self) -> Result<Option<Expression>> {
        if !self.accept("[")? {
            return Ok(None);
        }
        let size = self.expression()?;
        self.expect("]")?;
        Ok(Some(size))
    }
}
