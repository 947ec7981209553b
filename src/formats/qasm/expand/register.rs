//! Registers: declaration, aliases, measurement, reset and barrier.

use super::super::ast::{BitSource, Expression, Name, Operand};
use super::super::limits;
use super::super::scope::{Run, Symbol};
use super::Expander;
use super::operand::check_distinct;
use crate::error::{Error, Result};
use crate::model::{Operation, Register};

impl Expander<'_> {
    pub(super) fn declare_qubits(&mut self, name: &Name, size: Option<&Expression>) -> Result<()> {
        if !self.scopes.is_global() {
            return Err(Error::input(format!("qubits `{name}` must not be declared in a block")));
        }
        let count = self.size(name, size)?;
        let run = append(&mut self.circuit.quantum_registers, name, count, "qubits")?;
        self.scopes.declare(name, Symbol::Qubits(scalar_or_register(run, size)))
    }

    pub(super) fn declare_bits(
        &mut self,
        name: &Name,
        size: Option<&Expression>,
        value: Option<&BitSource>,
    ) -> Result<()> {
        let count = self.size(name, size)?;
        let run = append(&mut self.circuit.classical_registers, name, count, "bits")?;
        let run = scalar_or_register(run, size);
        self.scopes.declare(name, Symbol::Bits(run.clone()))?;
        match value {
            None => Ok(()),
            Some(BitSource::Measure(source)) => self.measure_into(source, &run),
            Some(BitSource::Value(value)) if self.integer(value)? == 0 => Ok(()),
            Some(_) => Err(Error::input(format!("bits `{name}` start at 0 here; another value is not supported"))),
        }
    }

    /// The size of a register; 1 when none is given.
    fn size(&self, name: &str, size: Option<&Expression>) -> Result<usize> {
        let size = size.map_or(Ok(1), |size| self.integer(size))?;
        usize::try_from(size).ok().filter(|size| (1..=limits::REGISTER_SIZE).contains(size)).ok_or_else(|| {
            Error::input(format!("the size of register `{name}` is {size}"))
                .allowed(format!("1 to {}", limits::REGISTER_SIZE))
        })
    }

    /// `let name = a ++ b;`
    pub(super) fn alias(&mut self, name: &Name, parts: &[Operand]) -> Result<()> {
        let classical = matches!(self.scopes.find(&parts[0].name), Some(Symbol::Bits(_)));
        let select = |part| if classical { self.bits(part) } else { self.qubits(part) };
        let runs = parts.iter().map(select).collect::<Result<Vec<_>>>()?;
        let run = match <[Run; 1]>::try_from(runs) {
            Ok([run]) => run,
            Err(runs) => Run::Register(runs.iter().flat_map(Run::as_slice).copied().collect()),
        };
        check_distinct(run.as_slice(), || format!("alias `{name}` holds an element twice"))?;
        self.count(run.as_slice().len())?;
        self.scopes.declare(name, if classical { Symbol::Bits(run) } else { Symbol::Qubits(run) })
    }

    pub(super) fn measure(&mut self, source: &Operand, target: Option<&Operand>) -> Result<()> {
        match target {
            Some(target) => {
                let bits = self.bits(target)?;
                self.measure_into(source, &bits)
            }
            None => self.each_qubit(source, |qubit| Operation::Measure { qubit, bit: None }),
        }
    }

    /// Measures each qubit of `source` into the bit at the same place of `target`.
    pub(super) fn measure_into(&mut self, source: &Operand, target: &Run) -> Result<()> {
        let qubits = self.qubits(source)?;
        let (from, into) = (qubits.as_slice(), target.as_slice());
        if from.len() != into.len() {
            return Err(Error::input(format!("{} qubit(s) cannot be measured into {} bit(s)", from.len(), into.len()))
                .allowed("registers of one size"));
        }
        from.iter().zip(into).try_for_each(|(&qubit, &bit)| self.emit(Operation::Measure { qubit, bit: Some(bit) }))
    }

    pub(super) fn reset(&mut self, operand: &Operand) -> Result<()> {
        self.each_qubit(operand, |qubit| Operation::Reset { qubit })
    }

    fn each_qubit(&mut self, operand: &Operand, operation: impl Fn(usize) -> Operation) -> Result<()> {
        let qubits = self.qubits(operand)?;
        qubits.as_slice().iter().try_for_each(|&qubit| self.emit(operation(qubit)))
    }

    pub(super) fn barrier(&mut self, operands: &[Operand], snapshot: Option<&Name>) -> Result<()> {
        let runs = operands.iter().map(|operand| self.qubits(operand)).collect::<Result<Vec<_>>>()?;
        let mut qubits: Vec<usize> = runs.iter().flat_map(Run::as_slice).copied().collect();
        if operands.is_empty() {
            qubits = (0..self.circuit.qubits()).collect();
        }
        self.count(qubits.len())?;
        let snapshot = snapshot.map(|name| self.snapshot(name)).transpose()?;
        if self.composite.is_some() { Ok(()) } else { self.emit(Operation::Barrier { qubits, snapshot }) }
    }

    /// A snapshot is of the whole state, so it is taken once and always.
    fn snapshot(&self, name: &Name) -> Result<String> {
        let refused = |place: &str| {
            Error::input(format!("the snapshot `{name}` is inside {place}"))
                .next("move its barrier before or behind that")
        };
        match (self.composite.is_some(), self.conditional.is_some()) {
            (true, _) => Err(refused("a gate that is applied as a whole")),
            (_, true) => Err(refused("an `if` or `while` on measured bits")),
            _ => Ok(name.to_string()),
        }
    }
}

/// Adds a register behind the others.
fn append(registers: &mut Vec<Register>, name: &Name, size: usize, what: &str) -> Result<Vec<usize>> {
    let start = registers.last().map_or(0, |last| last.start + last.size);
    if start + size > limits::REGISTER_SIZE {
        return Err(Error::input(format!("the circuit has more than {} {what}", limits::REGISTER_SIZE)));
    }
    registers.push(Register { name: name.to_string(), start, size });
    Ok((start..start + size).collect())
}

/// A declaration without a size makes a single qubit or bit, which gate calls do not broadcast over.
fn scalar_or_register(run: Vec<usize>, size: Option<&Expression>) -> Run {
    if size.is_some() { Run::Register(run.into()) } else { Run::One(run[0]) }
}
