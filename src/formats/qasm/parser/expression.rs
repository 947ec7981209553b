//! Expressions, operands and indices, by precedence climbing.

use super::super::ast::{Expression, ExpressionKind, Index, Operand, Range, TypeName};
use super::super::lexer::Token;
use super::super::limits;
use super::{Parser, Version};
use crate::error::{Error, Result};

/// Prefix operators bind tighter than every infix operator but the power.
const PREFIX: u8 = 11;
const POWER: u8 = 12;

/// How tightly an infix operator binds.
fn precedence(symbol: &str, version: Version) -> Option<u8> {
    let level = match (symbol, version) {
        ("^", Version::Two) | ("**", Version::Three) => POWER,
        ("==", _) => 6,
        ("+" | "-", _) => 9,
        ("*" | "/", _) => 10,
        (_, Version::Two) => return None,
        ("||", _) => 1,
        ("&&", _) => 2,
        ("|", _) => 3,
        ("^", _) => 4,
        ("&", _) => 5,
        ("!=", _) => 6,
        ("<" | "<=" | ">" | ">=", _) => 7,
        ("<<" | ">>", _) => 8,
        ("%", _) => 10,
        _ => return None,
    };
    Some(level)
}

impl<'s> Parser<'s> {
    /// An expression.
    pub(super) fn expression(&mut self) -> Result<Expression> {
        self.infix(1)
    }

    /// An expression whose operators bind at least as tightly as `minimum`.
    fn infix(&mut self, minimum: u8) -> Result<Expression> {
        self.expression_depth += 1;
        if self.expression_depth > limits::EXPRESSION_DEPTH {
            return Err(self.too_deep());
        }
        let mut left = self.prefix()?;
        while let Token::Symbol(symbol) = self.token
            && let Some(level) = precedence(symbol, self.version).filter(|level| *level >= minimum)
        {
            self.advance()?;
            let right = self.infix(if level == POWER { POWER } else { level + 1 })?;
            let depth = left.depth.max(right.depth);
            let symbol = if level == POWER { "**" } else { symbol };
            left = self.node(ExpressionKind::Binary(symbol, Box::new(left), Box::new(right)), depth)?;
        }
        self.expression_depth -= 1;
        Ok(left)
    }

    fn prefix(&mut self) -> Result<Expression> {
        let token = self.token;
        let literal = match token {
            Token::Integer(value) => ExpressionKind::Integer(value),
            Token::Real(value) => ExpressionKind::Real(value),
            Token::Imaginary(value) => ExpressionKind::Imaginary(value),
            Token::Text(text) if self.version == Version::Three => ExpressionKind::Text(text.into()),
            Token::Name(name) => {
                self.advance()?;
                return self.named(name);
            }
            Token::Symbol(symbol) => return self.prefix_symbol(symbol),
            _ => return Err(self.unexpected("an expression")),
        };
        self.advance()?;
        self.node(literal, 0)
    }

    fn prefix_symbol(&mut self, symbol: &'static str) -> Result<Expression> {
        match symbol {
            "(" => {
                self.advance()?;
                let inner = self.expression()?;
                self.expect(")")?;
                Ok(inner)
            }
            "-" | "+" | "!" | "~" => {
                self.advance()?;
                let operand = self.infix(PREFIX)?;
                let depth = operand.depth;
                self.node(ExpressionKind::Unary(symbol, Box::new(operand)), depth)
            }
            _ => Err(self.unexpected("an expression")),
        }
    }

    /// The expression that starts with `name`, which has been read.
    fn named(&mut self, name: &'s str) -> Result<Expression> {
        match (name, TypeName::parse(name)) {
            ("true", _) => self.node(ExpressionKind::Boolean(true), 0),
            ("false", _) => self.node(ExpressionKind::Boolean(false), 0),
            ("measure", _) => Err(self.error("`measure` cannot be part of an expression").allowed("c = measure q;")),
            (_, Some(type_name)) if self.version == Version::Three => self.cast(type_name),
            _ if self.token == Token::Symbol("(") => {
                let arguments = self.arguments()?;
                let depth = deepest(&arguments);
                self.node(ExpressionKind::Call(name.into(), arguments), depth)
            }
            _ => {
                let operand = self.operand_of(name)?;
                let depth = operand.indices.iter().map(index_depth).max().unwrap_or(0);
                self.node(ExpressionKind::Operand(operand), depth)
            }
        }
    }

    /// The conversion whose type has been read.
    fn cast(&mut self, type_name: TypeName) -> Result<Expression> {
        self.designator()?;
        self.expect("(")?;
        let value = self.expression()?;
        self.expect(")")?;
        let depth = value.depth;
        self.node(ExpressionKind::Cast(type_name, Box::new(value)), depth)
    }

    /// `(a, b, ...)`, perhaps empty.
    pub(super) fn arguments(&mut self) -> Result<Vec<Expression>> {
        self.expect("(")?;
        if self.accept(")")? {
            return Ok(vec![]);
        }
        let arguments = self.list(Self::expression)?;
        self.expect(")")?;
        Ok(arguments)
    }

    /// A register, qubit, bit or variable with its indices.
    pub(super) fn operand(&mut self) -> Result<Operand> {
        let Token::Name(name) = self.token else { return Err(self.unexpected("the name of a register")) };
        self.advance()?;
        self.operand_of(name)
    }

    /// The operand whose name has been read.
    pub(super) fn operand_of(&mut self, name: &'s str) -> Result<Operand> {
        let mut indices = vec![];
        while self.token == Token::Symbol("[") {
            if indices.len() == limits::EXPRESSION_DEPTH {
                return Err(self.too_deep());
            }
            indices.push(self.index()?);
        }
        Ok(Operand { name: name.into(), indices })
    }

    /// `[index]`, `[start:stop]`, `[start:step:stop]` or `[{a, b}]`.
    pub(super) fn index(&mut self) -> Result<Index> {
        self.expect("[")?;
        let index = if self.token == Token::Symbol("{") { Index::Set(self.set()?) } else { self.index_or_range()? };
        self.expect("]")?;
        Ok(index)
    }

    fn index_or_range(&mut self) -> Result<Index> {
        let start = self.range_part()?;
        if !self.accept(":")? {
            return start.map(Index::One).ok_or_else(|| self.unexpected("an index"));
        }
        let second = self.range_part()?;
        if !self.accept(":")? {
            return Ok(Index::Range(Range { start, step: None, stop: second }));
        }
        let stop = self.range_part()?;
        Ok(Index::Range(Range { start, step: second, stop }))
    }

    fn range_part(&mut self) -> Result<Option<Expression>> {
        match self.token {
            Token::Symbol(":" | "]") => Ok(None),
            _ => self.expression().map(Some),
        }
    }

    /// `{a, b, c}`
    pub(super) fn set(&mut self) -> Result<Vec<Expression>> {
        self.expect("{")?;
        let values = self.list(Self::expression)?;
        self.expect("}")?;
        Ok(values)
    }

    fn node(&self, kind: ExpressionKind, depth: usize) -> Result<Expression> {
        if depth >= limits::EXPRESSION_DEPTH {
            return Err(self.too_deep());
        }
        Ok(Expression { kind, depth: depth + 1 })
    }

    fn too_deep(&self) -> Error {
        self.error(format!("an expression is more than {} operators or parentheses deep", limits::EXPRESSION_DEPTH))
    }
}

fn deepest<'a>(expressions: impl IntoIterator<Item = &'a Expression>) -> usize {
    expressions.into_iter().map(|expression| expression.depth).max().unwrap_or(0)
}

fn index_depth(index: &Index) -> usize {
    match index {
        Index::One(value) => value.depth,
        Index::Set(values) => deepest(values),
        Index::Range(range) => deepest([&range.start, &range.step, &range.stop].into_iter().flatten()),
    }
}
