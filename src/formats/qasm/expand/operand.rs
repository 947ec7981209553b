//! Which qubits and bits an operand selects.

use super::super::ast::{Index, Operand, Range};
use super::super::parser::Version;
use super::super::scope::{Run, Symbol};
use super::Expander;
use crate::error::{Error, Result};
use std::collections::HashSet;

impl Expander<'_> {
    /// The qubits of an operand.
    pub(super) fn qubits(&self, operand: &Operand) -> Result<Run> {
        match self.scopes.find(&operand.name) {
            Some(Symbol::Qubits(run)) => self.select(operand, run, "qubit"),
            Some(_) => Err(Error::input(format!("`{}` is not a quantum register", operand.name))),
            None => Err(self.scopes.unknown("qubit or register", &operand.name)),
        }
    }

    /// The classical bits of an operand.
    pub(super) fn bits(&self, operand: &Operand) -> Result<Run> {
        match self.scopes.find(&operand.name) {
            Some(Symbol::Bits(run)) => self.select(operand, run, "bit"),
            Some(_) => Err(Error::input(format!("`{}` is not a classical register", operand.name))),
            None => Err(self.scopes.unknown("bit or register", &operand.name)),
        }
    }

    fn select(&self, operand: &Operand, run: &Run, what: &str) -> Result<Run> {
        let mut selected = run.clone();
        for index in &operand.indices {
            let Run::Register(elements) = &selected else {
                return Err(Error::input(format!("`{}` is a single {what}: it takes no index", operand.name)));
            };
            selected = self.select_index(&operand.name, elements, index, what)?;
        }
        check_selection(&operand.name, &selected, what)?;
        Ok(selected)
    }

    fn select_index(&self, name: &str, elements: &[usize], index: &Index, what: &str) -> Result<Run> {
        let element = |value| self.position(name, elements.len(), value, what).map(|position| elements[position]);
        match index {
            Index::One(value) => Ok(Run::One(element(self.integer(value)?)?)),
            Index::Set(values) => {
                let chosen = values.iter().map(|value| element(self.integer(value)?));
                Ok(Run::Register(chosen.collect::<Result<_>>()?))
            }
            Index::Range(range) => {
                Ok(Run::Register(self.range(range, elements.len())?.map(element).collect::<Result<_>>()?))
            }
        }
    }

    /// The element an index names; negative ones count from the end in OpenQASM 3.
    fn position(&self, name: &str, size: usize, index: i128, what: &str) -> Result<usize> {
        let from_end = self.version == Version::Three && index < 0;
        let position = if from_end { index.saturating_add(size as i128) } else { index };
        let allowed = match self.version {
            Version::Two => format!("0 to {}", size - 1),
            Version::Three => format!("0 to {}, or -{size} to -1 from the end", size - 1),
        };
        usize::try_from(position).ok().filter(|position| *position < size).ok_or_else(|| {
            Error::input(format!("index {index} is out of range: `{name}` has {size} {what}(s)")).allowed(allowed)
        })
    }

    /// The indices of a range over `size` elements. A bound that is negative counts from the end.
    fn range(&self, range: &Range, size: usize) -> Result<impl Iterator<Item = i128> + use<>> {
        let last = size as i128 - 1;
        let step = range.step.as_ref().map_or(Ok(1), |step| self.integer(step))?;
        let bound = |bound: &Option<_>, default| -> Result<i128> {
            let Some(bound) = bound else { return Ok(default) };
            let value = self.integer(bound)?;
            Ok(if value < 0 { value.saturating_add(size as i128) } else { value })
        };
        let (first, stop) = if step < 0 { (last, 0) } else { (0, last) };
        let (start, stop) = (bound(&range.start, first)?, bound(&range.stop, stop)?);
        let length = range_length(start, step, stop)?;
        Ok((0..length).map(move |pass| start + pass * step))
    }
}

/// Number of values of `start:step:stop`, the stop included.
pub(super) fn range_length(start: i128, step: i128, stop: i128) -> Result<i128> {
    if step == 0 {
        return Err(Error::input("the step of a range is 0"));
    }
    let distance = stop.checked_sub(start).and_then(|distance| distance.checked_div(step)).filter(|n| *n < i128::MAX);
    match distance {
        Some(_) if (step > 0) != (stop >= start) && stop != start => Ok(0),
        Some(passes) => Ok(passes + 1),
        None => Err(Error::input("a range has more than 127-bit length")),
    }
}

/// A slice must hold something, and nothing twice.
fn check_selection(name: &str, run: &Run, what: &str) -> Result<()> {
    if run.as_slice().is_empty() {
        return Err(Error::input(format!("the range selects no {what} of `{name}`")));
    }
    check_distinct(run.as_slice(), || format!("a {what} of `{name}` is selected twice"))
}

/// Refuses an index that occurs twice.
pub(super) fn check_distinct(indices: &[usize], what: impl Fn() -> String) -> Result<()> {
    let distinct = match indices.len() {
        0..=16 => indices.iter().enumerate().all(|(at, index)| !indices[..at].contains(index)),
        _ => indices.iter().collect::<HashSet<_>>().len() == indices.len(),
    };
    if distinct { Ok(()) } else { Err(Error::input(what())) }
}
