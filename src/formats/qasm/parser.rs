//! Tokens to statements, for both versions of the language: recursive descent with one token of lookahead.
//!
//! Statements are handed out one at a time, so a long file is never held as a whole tree.

mod annotation;
mod declaration;
mod expression;
mod gate;
mod pragma;

use super::ast::{BitSource, Index, Name, Operand, Statement, StatementKind, TypeName};
use super::lexer::{Lexer, Token};
use super::limits;
use crate::error::{Error, Result};

/// Version of the language, from the file's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// OpenQASM 2.0
    Two,
    /// OpenQASM 3.0 and 3.1
    Three,
}

/// Parts of OpenQASM 3 that need hardware, timing or values known only while the circuit runs.
const UNSUPPORTED: &[&str] = &[
    "switch",
    "def",
    "defcal",
    "defcalgrammar",
    "cal",
    "extern",
    "duration",
    "stretch",
    "delay",
    "durationof",
    "array",
    "complex",
    "break",
    "continue",
    "return",
    "end",
    "nop",
    "readonly",
    "mutable",
];

/// Reads statements from the text.
pub struct Parser<'s> {
    lexer: Lexer<'s>,
    token: Token<'s>,
    line: usize,
    previous_line: usize,
    version: Version,
    expression_depth: usize,
    block_depth: usize,
    /// What the text is, for messages.
    source: &'static str,
}

impl<'s> Parser<'s> {
    /// Starts at the given line number.
    pub fn new(text: &'s str, line: usize, version: Version, source: &'static str) -> Result<Self> {
        let mut lexer = Lexer::new(text, line);
        let (token, line) = lexer.token()?;
        let (expression_depth, block_depth) = (0, 0);
        Ok(Parser { lexer, token, line, previous_line: line, version, expression_depth, block_depth, source })
    }

    /// Reads the header if the text has one, and from then on its version; says which version it is.
    pub fn header(&mut self) -> Result<Option<Version>> {
        if self.token == Token::End {
            return Err(Error::input("the file is empty: it holds no statement"));
        }
        if !self.accept_name("OPENQASM")? {
            return Ok(None);
        }
        self.version = match self.token {
            Token::Integer(2) | Token::Real(2.0) => Version::Two,
            Token::Integer(3) | Token::Real(3.0 | 3.1) => Version::Three,
            other => return Err(self.error(format!("unknown version {other} of OpenQASM")).allowed("2.0, 3.0, 3.1")),
        };
        self.advance()?;
        self.expect(";")?;
        Ok(Some(self.version))
    }

    /// The next statement, or `None` at the end of the text.
    pub fn next_statement(&mut self) -> Result<Option<Statement>> {
        if self.token == Token::End { Ok(None) } else { self.statement().map(Some) }
    }

    fn statement(&mut self) -> Result<Statement> {
        let line = self.line;
        self.block_depth += 1;
        if self.block_depth > limits::BLOCK_DEPTH {
            return Err(self.error(format!("blocks are nested more than {} deep", limits::BLOCK_DEPTH)));
        }
        let kind = self.statement_kind().map_err(|error| error.at_line(line))?;
        self.block_depth -= 1;
        Ok(Statement { kind, line })
    }

    fn statement_kind(&mut self) -> Result<StatementKind> {
        match self.token {
            Token::Pragma(text) => {
                let line = self.line;
                self.advance()?;
                pragma::parse(text, line)
            }
            Token::Symbol(";") => self.advance().map(|()| StatementKind::Nothing),
            Token::Symbol("@") => self.annotation(),
            Token::Symbol("{") if self.version == Version::Three => self.block().map(StatementKind::Block),
            Token::Name(word) => {
                self.advance()?;
                self.keyword_statement(word)
            }
            _ => Err(self.unexpected("a statement")),
        }
    }

    /// The statement that starts with `word`, which has been read.
    fn keyword_statement(&mut self, word: &'s str) -> Result<StatementKind> {
        match word {
            "OPENQASM" => Err(self.error("`OPENQASM` must be the first statement of the file")),
            "include" => self.include(),
            "qreg" => self.register(true),
            "creg" => self.register(false),
            "gate" => self.gate_definition(),
            "opaque" => self.opaque(),
            "measure" => self.measure(),
            "reset" => self.operand_statement(StatementKind::Reset),
            "barrier" => self.barrier(),
            "if" => self.conditional(),
            _ if self.version == Version::Two => self.call(word),
            _ => self.keyword_statement_3(word),
        }
    }

    /// The statements that only OpenQASM 3 has.
    fn keyword_statement_3(&mut self, word: &'s str) -> Result<StatementKind> {
        match word {
            "qubit" => self.qubits(),
            "bit" => self.bits(),
            "const" | "input" | "output" => self.qualified(word),
            "let" => self.alias(),
            "for" => self.repetition(),
            "while" => self.while_loop(),
            "box" => self.timed_box(),
            "ctrl" | "negctrl" | "inv" | "pow" => self.modified_call(word),
            _ if UNSUPPORTED.contains(&word) => Err(self.unsupported(word)),
            _ => match TypeName::parse(word) {
                Some(type_name) => self.variable(type_name, false, false),
                None => self.assignment_or_call(word),
            },
        }
    }

    fn unsupported(&self, word: &str) -> Error {
        Error::input(format!("`{word}` is not supported by this reader"))
            .at_line(self.previous_line)
            .allowed("gates, measure, reset, barrier, `for` and `if` with known values, `if` on measured bits")
    }

    fn include(&mut self) -> Result<StatementKind> {
        let Token::Text(file) = self.token else { return Err(self.unexpected("a file name in quotes")) };
        let kind = StatementKind::Include(file.into());
        self.advance()?;
        self.expect(";")?;
        Ok(kind)
    }

    fn measure(&mut self) -> Result<StatementKind> {
        let source = self.operand()?;
        let target = if self.accept("->")? { Some(self.operand()?) } else { None };
        self.expect(";")?;
        Ok(StatementKind::Measure { source, target })
    }

    fn operand_statement(&mut self, kind: fn(Operand) -> StatementKind) -> Result<StatementKind> {
        let operand = self.operand()?;
        self.expect(";")?;
        Ok(kind(operand))
    }

    fn barrier(&mut self) -> Result<StatementKind> {
        let operands = if self.token == Token::Symbol(";") { vec![] } else { self.list(Self::operand)? };
        self.expect(";")?;
        Ok(StatementKind::Barrier { operands, snapshot: None })
    }

    fn conditional(&mut self) -> Result<StatementKind> {
        self.expect("(")?;
        let condition = self.expression()?;
        self.expect(")")?;
        let then = self.body()?;
        let three = self.version == Version::Three;
        let otherwise = if three && self.accept_name("else")? { self.body()? } else { vec![] };
        Ok(StatementKind::If { condition, then, otherwise })
    }

    fn while_loop(&mut self) -> Result<StatementKind> {
        self.expect("(")?;
        let condition = self.expression()?;
        self.expect(")")?;
        Ok(StatementKind::While { condition, body: self.body()? })
    }

    fn repetition(&mut self) -> Result<StatementKind> {
        if let Token::Name(word) = self.token
            && TypeName::parse(word).is_some()
        {
            self.advance()?;
            self.designator()?;
        }
        let variable = self.identifier("a loop variable")?;
        if !self.accept_name("in")? {
            return Err(self.unexpected("`in`"));
        }
        let values = self.loop_values()?;
        let body = self.body()?;
        Ok(StatementKind::For { variable, values, body })
    }

    fn loop_values(&mut self) -> Result<Index> {
        if self.token == Token::Symbol("{") {
            return Ok(Index::Set(self.set()?));
        }
        match self.index()? {
            Index::One(_) => Err(self.error("a loop needs a range or a set").allowed("[a:b], [a:step:b], {a, b, c}")),
            values => Ok(values),
        }
    }

    fn timed_box(&mut self) -> Result<StatementKind> {
        match self.token {
            Token::Symbol("{") => self.block().map(StatementKind::Block),
            _ => Err(Error::input("a `box` with a duration is not supported by this reader").at_line(self.line)),
        }
    }

    fn assignment_or_call(&mut self, word: &'s str) -> Result<StatementKind> {
        let compound = |symbol: &'static str| symbol.strip_suffix('=').filter(|operator| is_assignable(operator));
        match self.token {
            Token::Symbol(symbol) if symbol == "[" || compound(symbol).is_some() => {}
            _ => return self.call(word),
        }
        let target = self.operand_of(word)?;
        let Token::Symbol(symbol) = self.token else { return Err(self.unexpected("`=`")) };
        let operator = compound(symbol).ok_or_else(|| self.unexpected("`=`"))?;
        self.advance()?;
        let value = self.bit_source()?;
        self.expect(";")?;
        Ok(StatementKind::Assign { target, operator: Some(operator).filter(|operator| !operator.is_empty()), value })
    }

    fn bit_source(&mut self) -> Result<BitSource> {
        if self.accept_name("measure")? {
            return self.operand().map(BitSource::Measure);
        }
        self.expression().map(BitSource::Value)
    }

    /// A block, or one statement.
    fn body(&mut self) -> Result<Vec<Statement>> {
        if self.token == Token::Symbol("{") { self.block() } else { Ok(vec![self.statement()?]) }
    }

    fn block(&mut self) -> Result<Vec<Statement>> {
        let line = self.line;
        self.expect("{")?;
        let mut statements = vec![];
        while !self.accept("}")? {
            if self.token == Token::End {
                return Err(Error::input("the block that starts here does not end")
                    .at_line(line)
                    .next("close it with `}`"));
            }
            statements.push(self.statement()?);
        }
        Ok(statements)
    }

    fn advance(&mut self) -> Result<()> {
        self.previous_line = self.line;
        (self.token, self.line) = self.lexer.token()?;
        Ok(())
    }

    fn accept(&mut self, symbol: &'static str) -> Result<bool> {
        let found = self.token == Token::Symbol(symbol);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn accept_name(&mut self, name: &str) -> Result<bool> {
        let found = self.token == Token::Name(name);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, symbol: &'static str) -> Result<()> {
        if self.accept(symbol)? { Ok(()) } else { Err(self.unexpected(&format!("`{symbol}`"))) }
    }

    fn identifier(&mut self, what: &str) -> Result<Name> {
        let Token::Name(name) = self.token else { return Err(self.unexpected(what)) };
        self.advance()?;
        Ok(name.into())
    }

    /// One or more items separated by commas.
    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.accept(",")? {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn error(&self, what: impl Into<String>) -> Error {
        Error::input(what).at_line(self.line)
    }

    /// The error for a token that is not what the grammar asks for; a missing end is reported on the line it is
    /// missing from.
    fn unexpected(&self, expected: &str) -> Error {
        let line = if expected == "`;`" { self.previous_line } else { self.line };
        let found = if self.token == Token::End { self.source.into() } else { self.token.to_string() };
        Error::input(format!("expected {expected}, found {found}")).at_line(line)
    }
}

/// Whether `operator=` is an assignment; the empty operator is a plain one.
fn is_assignable(operator: &str) -> bool {
    ["", "+", "-", "*", "/", "%", "**", "<<", ">>", "^", "&", "|"].contains(&operator)
}
