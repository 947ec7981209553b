//! Built-in functions.

use super::Division;
use super::{Value, operator};
use crate::error::{Error, Result, nearest};

/// A function of one real number.
type RealFunction = fn(f64) -> f64;

/// The functions of one real number; the short names are those of OpenQASM 2.
const REAL: &[(&str, RealFunction)] = &[
    ("sin", f64::sin),
    ("cos", f64::cos),
    ("tan", f64::tan),
    ("arcsin", f64::asin),
    ("arccos", f64::acos),
    ("arctan", f64::atan),
    ("asin", f64::asin),
    ("acos", f64::acos),
    ("atan", f64::atan),
    ("exp", f64::exp),
    ("log", f64::ln),
    ("ln", f64::ln),
    ("sqrt", f64::sqrt),
    ("floor", f64::floor),
    ("ceiling", f64::ceil),
];

/// The other functions.
const OTHER: &[&str] = &["pow", "mod", "popcount", "sizeof"];

/// The function of this name.
///
/// # Errors
/// Input error for an unknown function, a wrong number of arguments, or a point outside its domain.
pub fn call(name: &str, arguments: &[Value]) -> Result<Value> {
    let real = REAL.iter().find(|(known, _)| *known == name);
    match (name, real, arguments) {
        (_, Some((_, function)), [argument]) => real_function(name, *function, argument.real()?),
        ("pow", _, [base, exponent]) => operator::binary("**", *base, *exponent, Division::Real),
        ("mod", _, [left, right]) => operator::binary("%", *left, *right, Division::Real),
        ("popcount", _, [argument]) => Ok(Value::Integer(argument.integer()?.count_ones().into())),
        _ if real.is_some() || OTHER.contains(&name) => {
            Err(Error::input(format!("function `{name}` does not take {} argument(s)", arguments.len())))
        }
        _ => Err(unknown(name)),
    }
}

fn real_function(name: &str, function: RealFunction, argument: f64) -> Result<Value> {
    let value = function(argument);
    if !value.is_finite() {
        return Err(Error::input(format!("`{name}({argument})` is not a finite real number")));
    }
    let whole = matches!(name, "floor" | "ceiling") && value.abs() < 1e18;
    Ok(if whole { Value::Integer(value as i128) } else { Value::Real(value) })
}

fn unknown(name: &str) -> Error {
    let names: Vec<&str> = REAL.iter().map(|(known, _)| *known).chain(OTHER.iter().copied()).collect();
    let error = Error::input(format!("unknown function `{name}`")).allowed(names.join(", "));
    match nearest(name, names.iter().copied()) {
        Some(near) => error.next(format!("did you mean `{near}`?")),
        None => error,
    }
}
