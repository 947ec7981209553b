//! What the parser makes of one statement, before any name is looked up.

use std::rc::Rc;

/// A name in the source; cheap to copy.
pub type Name = Rc<str>;

/// An expression and its depth as a tree.
#[derive(Debug)]
pub struct Expression {
    /// What it is.
    pub kind: ExpressionKind,
    /// Depth of the tree, a leaf being 1; bounds every recursion over it.
    pub depth: usize,
}

/// The forms of an expression.
#[derive(Debug)]
pub enum ExpressionKind {
    /// An integer literal.
    Integer(i128),
    /// A real literal.
    Real(f64),
    /// An imaginary literal.
    Imaginary(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A bit string such as `"0101"`.
    Text(Name),
    /// A variable, register, bit or constant, perhaps indexed.
    Operand(Operand),
    /// A prefix operator.
    Unary(&'static str, Box<Expression>),
    /// An infix operator.
    Binary(&'static str, Box<Expression>, Box<Expression>),
    /// A function.
    Call(Name, Vec<Expression>),
    /// A conversion such as `float(x)`.
    Cast(TypeName, Box<Expression>),
}

/// A register, bit, qubit or variable with any number of `[...]` after it.
#[derive(Debug)]
pub struct Operand {
    /// Its name.
    pub name: Name,
    /// The indices, outermost first.
    pub indices: Vec<Index>,
}

/// What stands in `[...]`.
#[derive(Debug)]
pub enum Index {
    /// One element.
    One(Expression),
    /// `start:step:stop`, each part optional, the stop included.
    Range(Range),
    /// `{a, b, c}`.
    Set(Vec<Expression>),
}

/// `start:stop` or `start:step:stop`; the stop is included.
#[derive(Debug)]
pub struct Range {
    /// The first value.
    pub start: Option<Expression>,
    /// The step, 1 if absent.
    pub step: Option<Expression>,
    /// The last value.
    pub stop: Option<Expression>,
}

/// A classical type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeName {
    /// Signed integer.
    Int,
    /// Unsigned integer.
    Uint,
    /// Real number.
    Float,
    /// Real number, read as radians (not reduced modulo 2 pi).
    Angle,
    /// Truth value.
    Bool,
}

impl TypeName {
    /// The type of this name.
    pub fn parse(name: &str) -> Option<TypeName> {
        Some(match name {
            "int" => TypeName::Int,
            "uint" => TypeName::Uint,
            "float" => TypeName::Float,
            "angle" => TypeName::Angle,
            "bool" => TypeName::Bool,
            _ => return None,
        })
    }

    /// The name in the source.
    pub fn text(self) -> &'static str {
        match self {
            TypeName::Int => "int",
            TypeName::Uint => "uint",
            TypeName::Float => "float",
            TypeName::Angle => "angle",
            TypeName::Bool => "bool",
        }
    }
}

/// A statement and its line.
#[derive(Debug)]
pub struct Statement {
    /// What it says.
    pub kind: StatementKind,
    /// Its line, from 1.
    pub line: usize,
}

/// The forms of a statement.
#[derive(Debug)]
pub enum StatementKind {
    /// `include "file";`
    Include(Name),
    /// `qubit[n] q;` or `qreg q[n];`; without a size it is a single qubit.
    Qubits {
        /// Name of the register.
        name: Name,
        /// Number of qubits.
        size: Option<Expression>,
    },
    /// `bit[n] c;` or `creg c[n];`; without a size it is a single bit.
    Bits {
        /// Name of the register.
        name: Name,
        /// Number of bits.
        size: Option<Expression>,
        /// The initial value.
        value: Option<BitSource>,
    },
    /// A classical variable or constant.
    Variable(Variable),
    /// `name = value;` or `name += value;` of a variable or bits.
    Assign {
        /// What is assigned to.
        target: Operand,
        /// The operator before `=`, if any.
        operator: Option<&'static str>,
        /// The value.
        value: BitSource,
    },
    /// `let name = a ++ b;`
    Alias {
        /// The new name.
        name: Name,
        /// What is joined.
        parts: Vec<Operand>,
    },
    /// A gate definition.
    Gate(Rc<Definition>),
    /// `opaque name(parameters) qubits;`
    Opaque(Name),
    /// A gate call.
    Call(Call),
    /// `measure q -> c;`, `c = measure q;` or `measure q;`
    Measure {
        /// The measured qubits.
        source: Operand,
        /// The bits that take the outcomes.
        target: Option<Operand>,
    },
    /// `reset q;`
    Reset(Operand),
    /// `barrier q, r;`
    Barrier {
        /// Without operands it spans all qubits.
        operands: Vec<Operand>,
        /// The name that `@rhoshard.snapshot NAME` before it gives.
        snapshot: Option<Name>,
    },
    /// `if (condition) ... else ...`
    If {
        /// The condition.
        condition: Expression,
        /// What happens when it holds.
        then: Vec<Statement>,
        /// What happens otherwise; empty without `else`.
        otherwise: Vec<Statement>,
    },
    /// `while (condition) ...`
    While {
        /// The condition.
        condition: Expression,
        /// What happens as long as it holds.
        body: Vec<Statement>,
    },
    /// `for int i in [a:b] ...`
    For {
        /// The loop variable.
        variable: Name,
        /// Its values.
        values: Index,
        /// The loop's body.
        body: Vec<Statement>,
    },
    /// `{ ... }` or `box { ... }`
    Block(Vec<Statement>),
    /// `#pragma braket ...`
    Pragma(Pragma),
    /// A pragma without meaning here, an annotation, an empty statement.
    Nothing,
}

/// What is assigned to bits: a measurement or an expression.
#[derive(Debug)]
pub enum BitSource {
    /// `measure q`
    Measure(Operand),
    /// A value known when the circuit is read.
    Value(Expression),
}

/// The declaration of a classical variable.
#[derive(Debug)]
pub struct Variable {
    /// Its type.
    pub type_name: TypeName,
    /// Its width in bits.
    pub width: Option<Expression>,
    /// Its name.
    pub name: Name,
    /// Its initial value.
    pub value: Option<Expression>,
    /// `const`: cannot be assigned to, visible in gate definitions.
    pub constant: bool,
    /// `input`: bound from outside.
    pub input: bool,
}

/// A gate definition.
#[derive(Debug)]
pub struct Definition {
    /// The gate's name.
    pub name: Name,
    /// Names of its parameters.
    pub parameters: Vec<Name>,
    /// Names of its qubits.
    pub qubits: Vec<Name>,
    /// Its body.
    pub body: Vec<Statement>,
}

/// A gate call.
#[derive(Debug)]
pub struct Call {
    /// Modifiers, in source order.
    pub modifiers: Vec<Modifier>,
    /// The gate's name.
    pub name: Name,
    /// The angles.
    pub parameters: Vec<Expression>,
    /// The qubits.
    pub operands: Vec<Operand>,
}

/// A gate modifier.
#[derive(Debug)]
pub enum Modifier {
    /// `ctrl(n) @` or `negctrl(n) @`
    Control {
        /// The controls' value: `true` for `ctrl`.
        value: bool,
        /// Number of controls.
        count: Option<Expression>,
    },
    /// `inv @`
    Inverse,
    /// `pow(k) @`
    Power(Expression),
}

/// A pragma of the Braket convention, without the word `braket`.
#[derive(Debug)]
pub struct Pragma {
    /// What it asks for.
    pub kind: PragmaKind,
    /// Its qubits, most significant first; `None` for `all`.
    pub operands: Option<Vec<Operand>>,
}

/// A matrix of complex expressions, row by row.
pub type Rows = Vec<Vec<Expression>>;

/// The pragmas that act.
#[derive(Debug)]
pub enum PragmaKind {
    /// `noise NAME(parameters)`
    Noise(Name, Vec<Expression>),
    /// `noise kraus([[...]], ...)`
    Kraus(Vec<Rows>),
    /// `unitary([[...]])`
    Unitary(Rows),
}
