//! Which measurements are final, and where the classical bits' values come from.
//!
//! A `measure` after which its qubit has no operation but barriers is *final*: it is not applied, and results refer to
//! the state just before it. An earlier one is a dephasing channel at its place; if its bit is still read at the end,
//! its two branches carry different values in the columns' classical register.

use crate::error::{Error, Result};
use crate::model::{Circuit, Operation, Statement};

/// Outcomes of earlier measurements that the columns' classical register can carry.
pub const LARGEST_TRACKED_BITS: usize = 64;

/// Where a classical bit's value at the end comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitSource {
    /// Never written: 0.
    Zero,
    /// A final measurement of this logical qubit.
    Qubit(usize),
    /// This bit of the columns' classical register.
    Register(usize),
}

/// What becomes of one `measure` statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Not applied.
    Final,
    /// A dephasing channel; the outcome goes to this bit of the register, if it is read at all.
    Dephase(Option<usize>),
}

/// The fate of every measurement and the source of every bit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measurements {
    /// For each statement of the circuit; `None` for those that do not measure.
    pub(super) fates: Vec<Option<Fate>>,
    /// For each classical bit.
    pub(super) bits: Vec<BitSource>,
}

impl Measurements {
    /// Outcomes carried in the register.
    pub(super) fn tracked(&self) -> usize {
        self.bits.iter().filter(|source| matches!(source, BitSource::Register(_))).count()
    }
}

/// Decides for a whole circuit; `outcomes` says whether bits are read at the end.
pub(super) fn analyse(circuit: &Circuit, outcomes: bool) -> Result<Measurements> {
    let mut used_later = vec![false; circuit.qubits()];
    let mut written_later = vec![false; circuit.bits()];
    let mut fates = vec![None; circuit.statements.len()];
    let mut bits = vec![BitSource::Zero; circuit.bits()];
    let mut tracked = 0;
    for (index, statement) in circuit.statements.iter().enumerate().rev() {
        if let Operation::Measure { qubit, bit } = statement.operation {
            let read = bit.filter(|bit| !std::mem::replace(&mut written_later[*bit], true));
            let fate = if used_later[qubit] { dephase(read, outcomes, &mut tracked) } else { Fate::Final };
            if let Some(bit) = read {
                bits[bit] = source(fate, qubit);
            }
            fates[index] = Some(fate);
        }
        operands(statement).for_each(|qubit| used_later[qubit] = true);
    }
    if tracked > LARGEST_TRACKED_BITS {
        return Err(Error::input(format!("{tracked} measurements before the end of the circuit are read by `shots`"))
            .allowed(format!("up to {LARGEST_TRACKED_BITS}"))
            .next("leave out `shots`, or measure fewer qubits that are used again later"));
    }
    Ok(Measurements { fates, bits })
}

fn dephase(read: Option<usize>, outcomes: bool, tracked: &mut usize) -> Fate {
    let record = (outcomes && read.is_some()).then(|| {
        *tracked += 1;
        *tracked - 1
    });
    Fate::Dephase(record)
}

fn source(fate: Fate, qubit: usize) -> BitSource {
    match fate {
        Fate::Final => BitSource::Qubit(qubit),
        Fate::Dephase(Some(record)) => BitSource::Register(record),
        Fate::Dephase(None) => BitSource::Zero,
    }
}

/// The qubits an operation acts on; barriers act on none.
fn operands(statement: &Statement) -> Box<dyn Iterator<Item = usize> + '_> {
    match &statement.operation {
        Operation::Gate(gate) => Box::new(gate.qubits.iter().copied()),
        Operation::Channel { qubits, .. } => Box::new(qubits.iter().copied()),
        Operation::Measure { qubit, .. } | Operation::Reset { qubit } => Box::new(std::iter::once(*qubit)),
        Operation::Barrier { .. } => Box::new(std::iter::empty()),
        Operation::If { body, .. } => Box::new(body.iter().flat_map(operands)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Gate, Register};

    fn circuit(operations: Vec<Operation>) -> Circuit {
        let register = |name: &str| vec![Register { name: name.into(), start: 0, size: 2 }];
        let statements = operations.into_iter().map(|operation| Statement { operation, line: 1 }).collect();
        Circuit { quantum_registers: register("q"), classical_registers: register("c"), statements }
    }

    fn measure(qubit: usize, bit: usize) -> Operation {
        Operation::Measure { qubit, bit: Some(bit) }
    }

    fn gate(qubit: usize) -> Operation {
        Operation::Gate(Gate { name: "x".into(), qubits: vec![qubit], body: vec![] })
    }

    #[test]
    fn a_measurement_before_a_barrier_is_final() {
        let found = analyse(&circuit(vec![measure(0, 1), Operation::Barrier { qubits: vec![0] }]), true).unwrap();
        assert_eq!(found.fates[0], Some(Fate::Final));
        assert_eq!(found.bits, [BitSource::Zero, BitSource::Qubit(0)]);
    }

    #[test]
    fn an_earlier_measurement_is_tracked_only_if_its_bit_is_read() {
        let operations = vec![measure(0, 0), gate(0), measure(1, 1), gate(1), measure(1, 1)];
        let read = analyse(&circuit(operations.clone()), true).unwrap();
        assert_eq!(read.fates[0], Some(Fate::Dephase(Some(0))));
        assert_eq!(read.fates[2], Some(Fate::Dephase(None)), "bit 1 is overwritten later");
        assert_eq!(read.bits, [BitSource::Register(0), BitSource::Qubit(1)]);
        let unread = analyse(&circuit(operations), false).unwrap();
        assert_eq!(unread.fates[0], Some(Fate::Dephase(None)));
        assert_eq!(unread.tracked(), 0);
    }

    #[test]
    fn noise_and_reset_after_a_measurement_make_it_an_earlier_one() {
        let found = analyse(&circuit(vec![measure(0, 0), Operation::Reset { qubit: 0 }]), true).unwrap();
        assert_eq!(found.fates[0], Some(Fate::Dephase(Some(0))));
    }
}
