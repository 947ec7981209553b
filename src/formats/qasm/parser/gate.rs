//! Gate definitions, calls and modifiers.

use super::super::ast::{Call, Definition, Modifier, Name, Statement, StatementKind};
use super::super::lexer::Token;
use super::Parser;
use crate::error::{Error, Result};
use std::rc::Rc;

impl<'s> Parser<'s> {
    /// `gate name(parameters) qubits { body }`
    pub(super) fn gate_definition(&mut self) -> Result<StatementKind> {
        let (name, parameters, qubits) = self.signature()?;
        let body = self.block()?;
        check_body(&name, &body)?;
        Ok(StatementKind::Gate(Rc::new(Definition { name, parameters, qubits, body })))
    }

    /// `opaque name(parameters) qubits;`
    pub(super) fn opaque(&mut self) -> Result<StatementKind> {
        let (name, ..) = self.signature()?;
        self.expect(";")?;
        Ok(StatementKind::Opaque(name))
    }

    fn signature(&mut self) -> Result<(Name, Vec<Name>, Vec<Name>)> {
        let name = self.identifier("the name of a gate")?;
        let mut parameters = vec![];
        if self.accept("(")? && !self.accept(")")? {
            parameters = self.list(|parser| parser.identifier("the name of a parameter"))?;
            self.expect(")")?;
        }
        let qubits = self.list(|parser| parser.identifier("the name of a qubit"))?;
        for (index, entry) in parameters.iter().chain(&qubits).enumerate() {
            if parameters.iter().chain(&qubits).take(index).any(|earlier| earlier == entry) {
                return Err(self.error(format!("gate `{name}` names `{entry}` twice")));
            }
        }
        Ok((name, parameters, qubits))
    }

    /// The gate call whose name has been read.
    pub(super) fn call(&mut self, name: &'s str) -> Result<StatementKind> {
        self.call_with(vec![], name.into())
    }

    /// The gate call whose first modifier's keyword has been read.
    pub(super) fn modified_call(&mut self, first: &'s str) -> Result<StatementKind> {
        let mut modifiers = vec![self.modifier(first)?];
        loop {
            let Token::Name(word) = self.token else { return Err(self.unexpected("a gate")) };
            self.advance()?;
            match word {
                "ctrl" | "negctrl" | "inv" | "pow" => modifiers.push(self.modifier(word)?),
                name => return self.call_with(modifiers, name.into()),
            }
        }
    }

    fn modifier(&mut self, word: &str) -> Result<Modifier> {
        let line = self.line;
        let mut arguments = if self.token == Token::Symbol("(") { self.arguments()? } else { vec![] };
        self.expect("@")?;
        let argument = arguments.pop();
        if !arguments.is_empty() {
            return Err(Error::input(format!("modifier `{word}` takes one argument")).at_line(line));
        }
        match (word, argument) {
            ("ctrl", count) => Ok(Modifier::Control { value: true, count }),
            ("negctrl", count) => Ok(Modifier::Control { value: false, count }),
            ("inv", None) => Ok(Modifier::Inverse),
            ("pow", Some(power)) => Ok(Modifier::Power(power)),
            ("inv", _) => Err(Error::input("modifier `inv` takes no argument").at_line(line)),
            _ => Err(Error::input("modifier `pow` takes one argument").at_line(line).allowed("pow(k) @")),
        }
    }

    fn call_with(&mut self, modifiers: Vec<Modifier>, name: Name) -> Result<StatementKind> {
        let parameters = if self.token == Token::Symbol("(") { self.arguments()? } else { vec![] };
        let operands = if self.token == Token::Symbol(";") { vec![] } else { self.list(Self::operand)? };
        self.expect(";")?;
        Ok(StatementKind::Call(Call { modifiers, name, parameters, operands }))
    }
}

/// Only unitary statements may stand in a gate definition.
fn check_body(name: &str, body: &[Statement]) -> Result<()> {
    for statement in body {
        match &statement.kind {
            StatementKind::Call(_) | StatementKind::Barrier { .. } | StatementKind::Nothing => {}
            StatementKind::For { body, .. } | StatementKind::Block(body) => check_body(name, body)?,
            StatementKind::If { then, otherwise, .. } => {
                check_body(name, then)?;
                check_body(name, otherwise)?;
            }
            _ => {
                return Err(Error::input(format!("this statement cannot stand in the definition of gate `{name}`"))
                    .at_line(statement.line)
                    .allowed("gate calls, barrier, `for` and `if` with known values"));
            }
        }
    }
    Ok(())
}
