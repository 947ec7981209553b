//! Gate modifiers on lists of unitaries.

use super::super::ast::Modifier;
use super::super::limits;
use super::super::value::Division;
use super::Expander;
use super::unitary::{dense, matrix_power};
use crate::error::{Error, Result};
use crate::model::{Control, Unitary};

/// A modifier with its argument evaluated; its text is that of the source.
pub enum Applied {
    /// `ctrl(count) @`, or `negctrl` when the value is `false`.
    Control {
        /// The value of the controls.
        value: bool,
        /// Their number.
        count: usize,
    },
    /// `inv @`
    Inverse,
    /// `pow(exponent) @`
    Power(f64),
}

impl Applied {
    /// Number of qubits the modifier adds.
    pub fn controls(&self) -> usize {
        match self {
            Applied::Control { count, .. } => *count,
            _ => 0,
        }
    }
}

impl std::fmt::Display for Applied {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Applied::Control { value, count } => {
                write!(out, "{}", if *value { "ctrl" } else { "negctrl" })?;
                if *count == 1 { Ok(()) } else { write!(out, "({count})") }
            }
            Applied::Inverse => write!(out, "inv"),
            Applied::Power(exponent) => write!(out, "pow({exponent})"),
        }
    }
}

impl Expander<'_> {
    /// Evaluates the argument of a modifier.
    pub(super) fn modifier(&self, modifier: &Modifier) -> Result<Applied> {
        match modifier {
            Modifier::Inverse => Ok(Applied::Inverse),
            Modifier::Power(exponent) => Ok(Applied::Power(self.evaluate(exponent, Division::Real)?.real()?)),
            Modifier::Control { value, count } => {
                let count = count.as_ref().map_or(Ok(1), |count| self.integer(count))?;
                let checked = usize::try_from(count).ok().filter(|count| (1..=limits::REGISTER_SIZE).contains(count));
                let count = checked.ok_or_else(|| {
                    Error::input(format!("a modifier asks for {count} controls")).allowed("1 or more")
                })?;
                Ok(Applied::Control { value: *value, count })
            }
        }
    }
}

/// The unitaries of a gate under its modifiers, which are applied from the last to the first. `qubits` are all its
/// qubits: the controls of the first modifier, of the second, ..., then those of the gate itself.
pub fn apply(modifiers: &[Applied], mut body: Vec<Unitary>, qubits: &[usize]) -> Result<Vec<Unitary>> {
    let mut start: usize = modifiers.iter().map(Applied::controls).sum();
    for modifier in modifiers.iter().rev() {
        match modifier {
            Applied::Control { value, count } => {
                start -= count;
                let controls = qubits[start..start + count].iter().map(|&qubit| Control { qubit, value: *value });
                body.iter_mut().for_each(|unitary| drop(unitary.controls.splice(..0, controls.clone())));
            }
            Applied::Inverse => body = inverse(&body),
            Applied::Power(exponent) => body = power(body, *exponent, &qubits[start..])?,
        }
    }
    Ok(body)
}

fn inverse(body: &[Unitary]) -> Vec<Unitary> {
    body.iter().rev().map(Unitary::inverse).collect()
}

/// The body raised to a power: a single unitary by its matrix, an integer power by repetition, everything else as one
/// dense matrix on `qubits`.
fn power(body: Vec<Unitary>, exponent: f64, qubits: &[usize]) -> Result<Vec<Unitary>> {
    let repeats = exponent.abs() * body.len() as f64;
    match <[Unitary; 1]>::try_from(body) {
        Ok([unitary]) if unitary.targets.len() <= limits::POWER_QUBITS => {
            Ok(vec![Unitary { matrix: matrix_power(&unitary.matrix, exponent)?, ..unitary }])
        }
        Ok([unitary]) => repeated_or_dense(vec![unitary], exponent, repeats, qubits),
        Err(body) => repeated_or_dense(body, exponent, repeats, qubits),
    }
}

fn repeated_or_dense(body: Vec<Unitary>, exponent: f64, repeats: f64, qubits: &[usize]) -> Result<Vec<Unitary>> {
    if exponent.fract() == 0.0 && repeats <= limits::POWER_REPEATS as f64 {
        let body = if exponent < 0.0 { inverse(&body) } else { body };
        return Ok(vec![body; exponent.abs() as usize].concat());
    }
    if qubits.len() > limits::POWER_QUBITS {
        return Err(Error::input(format!("`pow({exponent}) @` of a gate on {} qubits is not supported", qubits.len()))
            .allowed(format!(
                "gates on at most {} qubits, or integer powers that repeat at most {} unitaries",
                limits::POWER_QUBITS,
                limits::POWER_REPEATS
            )));
    }
    let matrix = matrix_power(&dense(&body, qubits), exponent)?;
    Ok(vec![Unitary { controls: vec![], targets: qubits.to_vec(), matrix }])
}
