//! Values known while a circuit is unrolled, and the operators on them.

mod function;
mod operator;

use super::ast::{Expression, ExpressionKind, Index, Operand, TypeName};
use super::parser::Version;
use super::scope::{Scopes, Symbol};
use crate::error::{Error, Result};
use num_complex::Complex64;
use std::f64::consts::{E, PI, TAU};

pub use operator::binary;

/// A value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A truth value.
    Boolean(bool),
    /// An integer; wide enough that 64-bit arithmetic never overflows unseen.
    Integer(i128),
    /// A real number.
    Real(f64),
    /// A complex number, from imaginary literals.
    Complex(Complex64),
}

impl std::fmt::Display for Value {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Boolean(value) => write!(out, "{value}"),
            Value::Integer(value) => write!(out, "{value}"),
            Value::Real(value) => write!(out, "{value}"),
            Value::Complex(value) => write!(out, "{value}"),
        }
    }
}

impl Value {
    /// As a finite real number.
    pub fn real(self) -> Result<f64> {
        let value = match self {
            Value::Boolean(value) => f64::from(u8::from(value)),
            Value::Integer(value) => value as f64,
            Value::Real(value) => value,
            Value::Complex(_) => return Err(Error::input(format!("{self} is not a real number"))),
        };
        if value.is_finite() {
            Ok(value)
        } else {
            Err(Error::input(format!("the value {value} is not a finite number")))
        }
    }

    /// As a finite complex number.
    pub fn complex(self) -> Result<Complex64> {
        match self {
            Value::Complex(value) if value.is_finite() => Ok(value),
            Value::Complex(value) => Err(Error::input(format!("the value {value} is not a finite number"))),
            other => other.real().map(Complex64::from),
        }
    }

    /// As an integer, if it is a whole number.
    pub fn integer(self) -> Result<i128> {
        match self {
            Value::Boolean(value) => Ok(value.into()),
            Value::Integer(value) => Ok(value),
            Value::Real(value) if value.fract() == 0.0 && value.abs() < 1e18 => Ok(value as i128),
            other => Err(Error::input(format!("{other} is not an integer")).next("write `int(...)` to cut it off")),
        }
    }

    /// As a truth value: numbers are true unless they are zero.
    pub fn truth(self) -> Result<bool> {
        match self {
            Value::Boolean(value) => Ok(value),
            Value::Integer(value) => Ok(value != 0),
            other => other.real().map(|value| value != 0.0),
        }
    }

    /// Converted as an explicit cast does: real numbers are cut off at the decimal point.
    pub fn cast(self, type_name: TypeName) -> Result<Value> {
        match (type_name, self) {
            (TypeName::Int | TypeName::Uint, Value::Real(value)) => {
                Value::Real(value.trunc()).assigned(type_name, None)
            }
            (TypeName::Bool, value) => value.truth().map(Value::Boolean),
            _ => self.assigned(type_name, None),
        }
    }

    /// Converted as an assignment to a variable of this type and width does.
    ///
    /// # Errors
    /// Input error for a value that the type cannot hold.
    pub fn assigned(self, type_name: TypeName, width: Option<u32>) -> Result<Value> {
        match type_name {
            TypeName::Float | TypeName::Angle => self.real().map(Value::Real),
            TypeName::Bool => self.truth().map(Value::Boolean),
            TypeName::Int | TypeName::Uint => {
                let value = self.integer()?;
                let (low, high) = integer_range(type_name, width.unwrap_or(64));
                if (low..=high).contains(&value) {
                    return Ok(Value::Integer(value));
                }
                Err(Error::input(format!("the value {value} does not fit its type `{}`", type_name.text()))
                    .allowed(format!("{low} to {high}")))
            }
        }
    }
}

/// Smallest and largest value of an integer type of 1 to 64 bits.
fn integer_range(type_name: TypeName, width: u32) -> (i128, i128) {
    match type_name {
        TypeName::Uint => (0, (1 << width) - 1),
        _ => (-(1 << (width - 1)), (1 << (width - 1)) - 1),
    }
}

/// How the quotient of two integers is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Division {
    /// Rounded towards zero: indices, ranges, integer variables.
    Integer,
    /// As real numbers: angles and exponents, so that `rx(1/2)` and `pow(1/2)` mean a half.
    Real,
}

/// Evaluates expressions in given scopes.
pub struct Evaluator<'e> {
    /// The names.
    pub scopes: &'e Scopes,
    /// The language; in OpenQASM 2 all arithmetic is real.
    pub version: Version,
    /// How integers are divided.
    pub division: Division,
}

impl Evaluator<'_> {
    /// The value of the expression.
    ///
    /// # Errors
    /// Input error for unknown names, for values known only while the circuit runs, and for impossible arithmetic.
    pub fn evaluate(&self, expression: &Expression) -> Result<Value> {
        match &expression.kind {
            ExpressionKind::Integer(value) => Ok(Value::Integer(*value)),
            ExpressionKind::Real(value) => Ok(Value::Real(*value)),
            ExpressionKind::Imaginary(value) => Ok(Value::Complex(Complex64::new(0.0, *value))),
            ExpressionKind::Boolean(value) => Ok(Value::Boolean(*value)),
            ExpressionKind::Text(text) => bit_string(text),
            ExpressionKind::Operand(operand) => self.operand(operand),
            ExpressionKind::Unary(symbol, value) => operator::unary(symbol, self.evaluate(value)?),
            ExpressionKind::Binary(symbol, left, right) => {
                operator::binary(symbol, self.evaluate(left)?, self.evaluate(right)?, self.division())
                    .map_err(|error| self.power_hint(symbol, error))
            }
            ExpressionKind::Call(name, arguments) => self.call(name, arguments),
            ExpressionKind::Cast(type_name, value) => self.evaluate(value)?.cast(*type_name),
        }
    }

    fn division(&self) -> Division {
        if self.version == Version::Two { Division::Real } else { self.division }
    }

    fn power_hint(&self, symbol: &str, error: Error) -> Error {
        match (symbol, self.version) {
            ("^", Version::Three) => error.next("`^` is exclusive or in OpenQASM 3; a power is written `**`"),
            _ => error,
        }
    }

    fn operand(&self, operand: &Operand) -> Result<Value> {
        let name = &operand.name;
        match self.scopes.find(name) {
            Some(Symbol::Bits(_)) => {
                Err(Error::input(format!("the value of `{name}` is known only when the circuit runs"))
                    .allowed("measured bits in conditions: `if (c == 2)`, `if (c[0])`, `if (!c[0])`"))
            }
            Some(Symbol::Qubits(_)) => Err(Error::input(format!("`{name}` is a quantum register, not a number"))),
            Some(_) if !operand.indices.is_empty() => {
                Err(Error::input(format!("`{name}` is a number, it has no elements")))
            }
            Some(Symbol::Variable { value: Some(value), .. }) => Ok(*value),
            Some(Symbol::Variable { value: None, .. }) => Err(Error::input(format!("`{name}` has no value yet"))),
            None => constant(name).ok_or_else(|| self.scopes.unknown("name", name)),
        }
    }

    fn call(&self, name: &str, arguments: &[Expression]) -> Result<Value> {
        if name == "sizeof" {
            return self.size_of(arguments);
        }
        let values = arguments.iter().map(|argument| self.evaluate(argument)).collect::<Result<Vec<_>>>()?;
        function::call(name, &values)
    }

    fn size_of(&self, arguments: &[Expression]) -> Result<Value> {
        if let [Expression { kind: ExpressionKind::Operand(Operand { name, indices }), .. }] = arguments
            && indices.is_empty()
            && let Some(Symbol::Bits(run) | Symbol::Qubits(run)) = self.scopes.find(name)
        {
            return Ok(Value::Integer(run.as_slice().len() as i128));
        }
        Err(Error::input("`sizeof` takes the name of a register"))
    }
}

fn constant(name: &str) -> Option<Value> {
    match name {
        "pi" | "π" => Some(Value::Real(PI)),
        "tau" | "τ" => Some(Value::Real(TAU)),
        "euler" | "ℇ" => Some(Value::Real(E)),
        _ => None,
    }
}

/// A bit string such as `"0101"` as an integer, its last character the least significant bit.
fn bit_string(text: &str) -> Result<Value> {
    let digits = text.replace('_', "");
    i128::from_str_radix(&digits, 2)
        .ok()
        .filter(|_| digits.bytes().all(|digit| digit.is_ascii_digit()))
        .map(Value::Integer)
        .ok_or_else(|| Error::input(format!("\"{text}\" is not a string of at most 127 bits")))
}

/// Whether the expression reads a classical bit, so that its value is known only while the circuit runs.
pub fn reads_bits(expression: &Expression, scopes: &Scopes) -> bool {
    let reads = |inner: &Expression| reads_bits(inner, scopes);
    match &expression.kind {
        ExpressionKind::Operand(operand) => {
            matches!(scopes.find(&operand.name), Some(Symbol::Bits(_)))
                || operand.indices.iter().any(|index| match index {
                    Index::One(value) => reads(value),
                    _ => false,
                })
        }
        ExpressionKind::Unary(_, value) | ExpressionKind::Cast(_, value) => reads(value),
        ExpressionKind::Binary(_, left, right) => reads(left) || reads(right),
        ExpressionKind::Call(name, arguments) => &**name != "sizeof" && arguments.iter().any(reads),
        _ => false,
    }
}
