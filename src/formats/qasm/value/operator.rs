//! Prefix and infix operators.

use super::{Division, Value};
use crate::error::{Error, Result};
use num_complex::Complex64;

/// A prefix operator.
pub fn unary(symbol: &str, value: Value) -> Result<Value> {
    match (symbol, value) {
        ("+", _) => Ok(value),
        ("!", _) => value.truth().map(|value| Value::Boolean(!value)),
        ("-", Value::Complex(value)) => Ok(Value::Complex(-value)),
        ("-", Value::Real(value)) => Ok(Value::Real(-value)),
        ("-", _) => value.integer()?.checked_neg().map(Value::Integer).ok_or_else(overflow),
        _ => Err(Error::input("`~` needs the bits of a register, whose values are known only when the circuit runs")),
    }
}

/// An infix operator.
pub fn binary(symbol: &str, left: Value, right: Value, division: Division) -> Result<Value> {
    match symbol {
        "&&" => Ok(Value::Boolean(left.truth()? && right.truth()?)),
        "||" => Ok(Value::Boolean(left.truth()? || right.truth()?)),
        "==" | "!=" => Ok(Value::Boolean((left.complex()? == right.complex()?) == (symbol == "=="))),
        "<" => Ok(Value::Boolean(left.real()? < right.real()?)),
        "<=" => Ok(Value::Boolean(left.real()? <= right.real()?)),
        ">" => Ok(Value::Boolean(left.real()? > right.real()?)),
        ">=" => Ok(Value::Boolean(left.real()? >= right.real()?)),
        "&" | "|" | "<<" | ">>" => bitwise(symbol, left.integer()?, right.integer()?),
        _ => arithmetic(symbol, left, right, division),
    }
}

fn bitwise(symbol: &str, left: i128, right: i128) -> Result<Value> {
    let shift = u32::try_from(right).ok().filter(|shift| *shift < 64);
    let value = match (symbol, shift) {
        ("&", _) => left & right,
        ("|", _) => left | right,
        ("<<", Some(shift)) if left.unsigned_abs() < 1 << 63 => left << shift,
        (">>", Some(shift)) => left >> shift,
        _ => return Err(Error::input(format!("{left} cannot be shifted by {right}")).allowed("shifts by 0 to 63")),
    };
    Ok(Value::Integer(value))
}

/// `+ - * / % **` (the power, which OpenQASM 2 writes `^`) and `^`, the exclusive or of OpenQASM 3.
fn arithmetic(symbol: &str, left: Value, right: Value, division: Division) -> Result<Value> {
    match (left, right) {
        (Value::Complex(_), _) | (_, Value::Complex(_)) => complex(symbol, left.complex()?, right.complex()?),
        (Value::Real(_), _) | (_, Value::Real(_)) => real(symbol, left.real()?, right.real()?),
        _ => integer(symbol, left.integer()?, right.integer()?, division),
    }
}

fn complex(symbol: &str, left: Complex64, right: Complex64) -> Result<Value> {
    Ok(Value::Complex(match symbol {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "/" => left / right,
        _ => return Err(Error::input(format!("`{symbol}` takes real numbers"))),
    }))
}

fn real(symbol: &str, left: f64, right: f64) -> Result<Value> {
    if right == 0.0 && matches!(symbol, "/" | "%") {
        return Err(division_by_zero());
    }
    Ok(Value::Real(match symbol {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "/" => left / right,
        "%" => left % right,
        "**" => left.powf(right),
        _ => return Err(Error::input(format!("`{symbol}` takes integers"))),
    }))
}

fn integer(symbol: &str, left: i128, right: i128, division: Division) -> Result<Value> {
    let value = match symbol {
        "+" => left.checked_add(right),
        "-" => left.checked_sub(right),
        "*" => left.checked_mul(right),
        "/" | "%" if right == 0 => return Err(division_by_zero()),
        "/" if division == Division::Real && left % right != 0 => return Ok(Value::Real(left as f64 / right as f64)),
        "/" => left.checked_div(right),
        "%" => left.checked_rem(right),
        "**" if right < 0 => return Ok(Value::Real((left as f64).powf(right as f64))),
        "**" => u32::try_from(right).ok().and_then(|power| left.checked_pow(power)),
        _ => Some(left ^ right),
    };
    match value {
        Some(value) => Ok(Value::Integer(value)),
        None if division == Division::Real && symbol != "^" => real(symbol, left as f64, right as f64),
        None => Err(overflow()),
    }
}

fn overflow() -> Error {
    Error::input("an integer has more than 127 bits").next("use real numbers: write `2.0` for `2`")
}

fn division_by_zero() -> Error {
    Error::input("division by zero")
}
