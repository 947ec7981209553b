//! Classical variables and the inputs bound from outside.

use super::super::ast::{BitSource, Expression, Operand, TypeName, Variable};
use super::super::scope::Symbol;
use super::super::value::{Division, Value, binary};
use super::Expander;
use crate::error::{Error, Result, nearest};
use std::collections::BTreeMap;

/// The `input` declarations met so far and the values bound to them.
pub struct Inputs<'a> {
    parameters: &'a BTreeMap<String, f64>,
    declared: Vec<String>,
    /// Name and line of those without a value.
    missing: Vec<(String, usize)>,
}

impl<'a> Inputs<'a> {
    /// Before the first declaration.
    pub fn new(parameters: &'a BTreeMap<String, f64>) -> Self {
        Inputs { parameters, declared: vec![], missing: vec![] }
    }

    /// The value of an input; 0 for one without a value, so that the rest of the file can be looked through for more.
    fn bind(&mut self, name: &str, line: usize) -> f64 {
        self.declared.push(name.into());
        self.parameters.get(name).copied().unwrap_or_else(|| {
            self.missing.push((name.into(), line));
            0.0
        })
    }

    /// Refuses inputs without a value.
    pub fn check_bound(&self) -> Result<()> {
        let Some((_, line)) = self.missing.first() else { return Ok(()) };
        let names: Vec<String> = self.missing.iter().map(|(name, _)| format!("`{name}`")).collect();
        let example: Vec<String> = self.missing.iter().map(|(name, _)| format!("{name} = 0.3")).collect();
        Err(Error::input(format!("no value is given for input {}", names.join(", ")))
            .at_line(*line)
            .next(format!("bind it in the job file: `[circuit] parameters = {{ {} }}`", example.join(", "))))
    }

    /// Refuses values for inputs that do not exist.
    pub fn check_declared(&self) -> Result<()> {
        let Some(name) = self.parameters.keys().find(|name| !self.declared.contains(name)) else { return Ok(()) };
        let error = Error::input(format!("a value is given for `{name}`, but the circuit declares no such input"));
        let error = match self.declared.is_empty() {
            true => error.allowed("no parameters: the circuit has no `input` declaration"),
            false => error.allowed(self.declared.join(", ")),
        };
        match nearest(name, self.declared.iter().map(String::as_str)) {
            Some(near) => Err(error.next(format!("did you mean `{near}`?"))),
            None => Err(error),
        }
    }
}

impl Expander<'_> {
    pub(super) fn declare_variable(&mut self, variable: &Variable) -> Result<()> {
        let Variable { type_name, name, constant, input, .. } = variable;
        let width = self.width(variable)?;
        let value = match &variable.value {
            _ if *input => Some(Value::Real(self.bind_input(name)?)),
            Some(value) => Some(self.evaluate(value, division(*type_name))?),
            None => None,
        };
        let value = value.map(|value| value.assigned(*type_name, width)).transpose()?;
        let symbol = Symbol::Variable { value, type_name: (*type_name, width), constant: *constant || *input };
        self.scopes.declare(name, symbol)
    }

    fn bind_input(&mut self, name: &str) -> Result<f64> {
        if !self.scopes.is_global() {
            return Err(Error::input(format!("input `{name}` must not be declared in a block")));
        }
        Ok(self.inputs.bind(name, self.line))
    }

    /// The width of an integer type in bits; other types have none that matters here.
    fn width(&self, variable: &Variable) -> Result<Option<u32>> {
        let integer = matches!(variable.type_name, TypeName::Int | TypeName::Uint);
        let Some(width) = variable.width.as_ref().filter(|_| integer) else { return Ok(None) };
        let width = self.integer(width)?;
        let checked = u32::try_from(width).ok().filter(|width| (1..=64).contains(width));
        checked
            .map(Some)
            .ok_or_else(|| Error::input(format!("the width of an integer is {width} bits")).allowed("1 to 64"))
    }

    /// `name = value;` or `name += value;`
    pub(super) fn assign(&mut self, target: &Operand, operator: Option<&'static str>, value: &BitSource) -> Result<()> {
        let name = &target.name;
        match (self.scopes.find(name), value) {
            (Some(Symbol::Bits(_)), BitSource::Measure(source)) if operator.is_none() => {
                let bits = self.bits(target)?;
                self.measure_into(source, &bits)
            }
            (Some(Symbol::Bits(_)), _) => Err(Error::input(format!("bits of `{name}` take measured values only"))
                .allowed(format!("{name} = measure q;"))),
            (Some(Symbol::Variable { .. }), BitSource::Value(_)) if !target.indices.is_empty() => {
                Err(Error::input(format!("`{name}` is a number, it has no elements")))
            }
            (Some(Symbol::Variable { value: old, type_name, .. }), BitSource::Value(value)) => {
                let new = self.assigned_value(*old, *type_name, operator, value)?;
                self.store(name, new)
            }
            (Some(_), _) => Err(Error::input(format!("`{name}` cannot be assigned to"))),
            (None, _) => Err(self.scopes.unknown("variable or bit", name)),
        }
    }

    /// The value of `old operator= value`, as the variable's type holds it.
    fn assigned_value(
        &self,
        old: Option<Value>,
        (type_name, width): (TypeName, Option<u32>),
        operator: Option<&'static str>,
        value: &Expression,
    ) -> Result<Value> {
        let division = division(type_name);
        let mut new = self.evaluate(value, division)?;
        if let Some(operator) = operator {
            let old = old.ok_or_else(|| Error::input("the variable has no value yet"))?;
            new = binary(operator, old, new, division)?;
        }
        new.assigned(type_name, width)
    }

    fn store(&mut self, name: &str, new: Value) -> Result<()> {
        let Some((Symbol::Variable { value, constant, .. }, place)) = self.scopes.find_mut(name) else {
            return Err(self.scopes.unknown("variable", name));
        };
        if *constant {
            return Err(Error::input(format!("`{name}` is constant")));
        }
        if self.conditional.is_some_and(|outside| place <= outside) {
            return Err(Error::input(format!("the value of `{name}` would depend on a measurement"))
                .allowed("gates, measure and reset in an `if` on measured bits"));
        }
        *value = Some(new);
        Ok(())
    }
}

/// Integers divide as integers where an integer is wanted.
fn division(type_name: TypeName) -> Division {
    match type_name {
        TypeName::Float | TypeName::Angle => Division::Real,
        _ => Division::Integer,
    }
}
