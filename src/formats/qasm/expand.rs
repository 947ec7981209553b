//! Carries out statements: evaluates, unrolls, expands, and lowers to a circuit.

mod classical;
mod condition;
mod gate;
mod modifier;
mod operand;
mod pragma;
mod register;
mod unitary;

use super::ast::{Expression, Index, Name, Range, Statement, StatementKind, TypeName};
use super::parser::{Parser, Version};
use super::scope::{Scopes, Symbol};
use super::value::{Division, Evaluator, Value};
use super::{Options, Read, decode, limits};
use crate::error::{Error, Result};
use crate::model::gate::Library;
use crate::model::{Circuit, Operation, Statement as Lowered, Unitary};
use classical::Inputs;
use gate::KnownGate;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// The state of the reader between statements.
pub struct Expander<'a> {
    version: Version,
    /// The file that is being read.
    file: PathBuf,
    read: &'a mut Read<'a>,
    include_depth: usize,
    circuit: Circuit,
    scopes: Scopes,
    gates: HashMap<Name, KnownGate>,
    /// Number of statements that are being carried out, each within the one before.
    depth: usize,
    inputs: Inputs<'a>,
    /// Defined gates that are not expanded.
    whole: &'a BTreeSet<String>,
    /// Passes of a `while` on measured bits.
    while_passes: usize,
    steps: usize,
    /// While the body of a modified gate is collected: its unitaries so far.
    composite: Option<Vec<Unitary>>,
    /// Inside an `if` on measured bits: the number of local names outside it.
    conditional: Option<usize>,
    /// Line of the circuit file that lowered statements carry.
    line: usize,
    /// Whether `line` stays as it is: in gate definitions and included files.
    line_is_fixed: bool,
}

impl<'a> Expander<'a> {
    /// Before the first statement of `file`.
    pub fn new(
        version: Version,
        file: &Path,
        options: &'a Options,
        read: &'a mut (dyn FnMut(&Path) -> Result<Vec<u8>> + 'a),
    ) -> Self {
        let mut expander = Expander {
            version,
            file: file.into(),
            read,
            include_depth: 0,
            circuit: Circuit::default(),
            scopes: Scopes::default(),
            gates: HashMap::new(),
            depth: 0,
            inputs: Inputs::new(&options.parameters),
            whole: &options.whole,
            while_passes: options.while_passes,
            steps: 0,
            composite: None,
            conditional: None,
            line: 0,
            line_is_fixed: false,
        };
        expander.add_library(match version {
            Version::Two => Library::OpenQasm2,
            Version::Three => Library::OpenQasm3,
        });
        expander
    }

    /// Carries out all statements that the parser has left.
    pub fn run(&mut self, parser: &mut Parser<'_>) -> Result<()> {
        while let Some(statement) = parser.next_statement()? {
            self.execute(&statement)?;
        }
        Ok(())
    }

    /// The circuit, when `outcome` is good and every input has its value.
    pub fn finish(self, outcome: Result<()>) -> Result<Circuit> {
        self.inputs.check_bound()?;
        outcome?;
        self.inputs.check_declared()?;
        if self.circuit.qubits() == 0 {
            return Err(
                Error::input("the circuit declares no qubit").allowed("qreg q[2]; or, in OpenQASM 3, qubit[2] q;")
            );
        }
        Ok(self.circuit)
    }

    fn execute(&mut self, statement: &Statement) -> Result<()> {
        if !self.line_is_fixed {
            self.line = statement.line;
        }
        self.depth += 1;
        self.check_depth()
            .and_then(|()| self.count(1))
            .and_then(|()| self.dispatch(&statement.kind))
            .map_err(|error| error.at_line(statement.line))?;
        self.depth -= 1;
        Ok(())
    }

    fn check_depth(&self) -> Result<()> {
        if self.depth <= limits::EXPANSION_DEPTH {
            return Ok(());
        }
        Err(Error::input(format!("gate definitions and blocks are more than {} deep", limits::EXPANSION_DEPTH))
            .next("check for definitions that call one another in a circle"))
    }

    fn dispatch(&mut self, statement: &StatementKind) -> Result<()> {
        match statement {
            StatementKind::Include(name) => self.include(name),
            StatementKind::Qubits { name, size } => self.declare_qubits(name, size.as_ref()),
            StatementKind::Bits { name, size, value } => self.declare_bits(name, size.as_ref(), value.as_ref()),
            StatementKind::Variable(variable) => self.declare_variable(variable),
            StatementKind::Assign { target, operator, value } => self.assign(target, *operator, value),
            StatementKind::Alias { name, parts } => self.alias(name, parts),
            StatementKind::Gate(definition) => self.define(definition),
            StatementKind::Opaque(name) => self.define_opaque(name),
            StatementKind::Call(call) => self.call(call),
            StatementKind::Measure { source, target } => self.measure(source, target.as_ref()),
            StatementKind::Reset(operand) => self.reset(operand),
            StatementKind::Barrier { operands, snapshot } => self.barrier(operands, snapshot.as_ref()),
            StatementKind::If { condition, then, otherwise } => self.branch(condition, then, otherwise),
            StatementKind::While { condition, body } => self.repeat_while(condition, body),
            StatementKind::For { variable, values, body } => self.repeat(variable, values, body),
            StatementKind::Block(body) => self.block(body),
            StatementKind::Pragma(pragma) => self.pragma(pragma),
            StatementKind::Nothing => Ok(()),
        }
    }

    /// Counts work, so that no text of a few lines runs for ever or fills the memory.
    fn count(&mut self, steps: usize) -> Result<()> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps <= limits::STEPS { Ok(()) } else { Err(too_long()) }
    }

    /// Adds a statement to the circuit.
    fn emit(&mut self, operation: Operation) -> Result<()> {
        self.count(1)?;
        self.circuit.statements.push(Lowered { operation, line: self.line });
        Ok(())
    }

    fn block(&mut self, body: &[Statement]) -> Result<()> {
        self.scopes.open();
        body.iter().try_for_each(|statement| self.execute(statement))?;
        self.scopes.close();
        Ok(())
    }

    fn evaluate(&self, expression: &Expression, division: Division) -> Result<Value> {
        Evaluator { scopes: &self.scopes, version: self.version, division }.evaluate(expression)
    }

    fn integer(&self, expression: &Expression) -> Result<i128> {
        self.evaluate(expression, Division::Integer)?.integer()
    }

    fn include(&mut self, name: &str) -> Result<()> {
        if !self.scopes.is_global() {
            return Err(Error::input("`include` must not stand in a block"));
        }
        match (name, self.version) {
            ("qelib1.inc", _) => self.add_library(Library::Qelib1),
            ("stdgates.inc", Version::Three) => self.add_library(Library::Stdgates),
            ("stdgates.inc", Version::Two) => {
                return Err(Error::input("`stdgates.inc` belongs to OpenQASM 3").next("include \"qelib1.inc\" instead"));
            }
            _ => return self.include_file(name),
        }
        Ok(())
    }

    fn include_file(&mut self, name: &str) -> Result<()> {
        if self.include_depth == limits::INCLUDE_DEPTH {
            return Err(Error::input(format!("files include one another more than {} deep", limits::INCLUDE_DEPTH)));
        }
        let path = self.file.parent().unwrap_or(Path::new("")).join(name);
        let source = (self.read)(&path).map_err(|error| not_included(&path, error))?;
        let before = (std::mem::replace(&mut self.file, path.clone()), self.line_is_fixed);
        (self.line_is_fixed, self.include_depth) = (true, self.include_depth + 1);
        self.run_source(&source).map_err(|error| error.in_file(path.display()))?;
        (self.file, self.line_is_fixed) = before;
        self.include_depth -= 1;
        Ok(())
    }

    fn run_source(&mut self, source: &[u8]) -> Result<()> {
        let mut parser = Parser::new(decode(source)?, 1, self.version, "the end of the file")?;
        match parser.header()? {
            Some(version) if version != self.version => {
                Err(Error::input("an included file must have the version of the file that includes it").at_line(1))
            }
            _ => self.run(&mut parser),
        }
    }

    /// `for variable in values body`, unrolled.
    fn repeat(&mut self, variable: &Name, values: &Index, body: &[Statement]) -> Result<()> {
        match values {
            Index::Set(set) => {
                for expression in set {
                    let value = self.integer(expression)?;
                    self.pass(variable, value, body)?;
                }
                Ok(())
            }
            Index::Range(range) => self.repeat_range(variable, range, body),
            Index::One(_) => Err(Error::internal("the parser let a loop over one value pass")),
        }
    }

    fn repeat_range(&mut self, variable: &Name, range: &Range, body: &[Statement]) -> Result<()> {
        let (Some(start), Some(stop)) = (&range.start, &range.stop) else {
            return Err(Error::input("the range of a loop needs a start and a stop").allowed("[a:b], [a:step:b]"));
        };
        let (start, stop) = (self.integer(start)?, self.integer(stop)?);
        let step = range.step.as_ref().map_or(Ok(1), |step| self.integer(step))?;
        let passes = operand::range_length(start, step, stop)?;
        if passes > (limits::STEPS - self.steps) as i128 {
            return Err(Error::input(format!("the loop makes {passes} passes; {}", too_long().what))
                .next("a circuit of this length cannot be simulated: shorten the loop"));
        }
        (0..passes).try_for_each(|pass| self.pass(variable, start + pass * step, body))
    }

    /// One pass of a loop.
    fn pass(&mut self, variable: &Name, value: i128, body: &[Statement]) -> Result<()> {
        self.count(1)?;
        self.scopes.open();
        let type_name = (TypeName::Int, None);
        let symbol = Symbol::Variable { value: Some(Value::Integer(value)), type_name, constant: false };
        self.scopes.bind(variable, symbol);
        self.block(body)?;
        self.scopes.close();
        Ok(())
    }
}

/// The error for an included file that cannot be read, which belongs to the line of the `include`.
fn not_included(path: &Path, error: Error) -> Error {
    let what = format!("cannot include `{}`: {}", path.display(), error.what);
    Error { file: None, line: None, what, ..error }
}

fn too_long() -> Error {
    Error::input(format!("unrolling the circuit takes more than {} steps, the limit of this reader", limits::STEPS))
}
