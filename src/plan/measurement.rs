//! What happens when, with classical bits resolved: which measurements are final, which outcomes are recorded, and on
//! which of them later statements depend.
//!
//! A `measure` after which its qubit has no operation but barriers, and on whose bit no later `if` depends, is *final*:
//! it is not applied, and results refer to the state just before it. An earlier one is a dephasing channel at its place;
//! if its bit is still read, its two branches carry different values in the classical register (bits of it are called
//! slots here). A slot that is not read any more is set to zero, so that its branches become one again.
//!
//! A snapshot refers to the state at its place with all that is applied before; it reads no bit and writes none.
//!
//! A condition holds for a whole body, which may measure the bits it tests: where statements follow such a measurement,
//! the body depends on a slot of its own that is set when the body begins.

use crate::error::{Error, Result};
use crate::model::{Circuit, Operation, Statement};

/// Outcomes of earlier measurements that the classical register can carry.
pub const LARGEST_TRACKED_BITS: usize = 64;

/// Where a classical bit's value at the end comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitSource {
    /// Never written: 0.
    Zero,
    /// A final measurement of this logical qubit.
    Qubit(usize),
    /// This bit of the classical register.
    Register(usize),
}

/// What bits of the classical register must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Condition {
    /// The bits that are tested; none: it always holds.
    pub mask: u64,
    /// Their values.
    pub value: u64,
}

impl Condition {
    /// Whether a register satisfies it.
    pub fn holds(&self, register: u64) -> bool {
        register & self.mask == self.value
    }

    /// Whether there is nothing to test.
    pub fn is_empty(&self) -> bool {
        self.mask == 0
    }
}

/// What is done at one place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Event<'a> {
    /// A statement that is no measurement, `if` or barrier.
    Statement(&'a Statement),
    /// A measurement that is applied; the outcome goes to this slot, if it is read at all.
    Measure(&'a Statement, usize, Option<usize>),
    /// A slot takes whether the condition holds. It was zero before.
    Set(usize),
    /// A slot becomes zero.
    Clear(usize),
}

/// An event and what it depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Item<'a> {
    pub(super) event: Event<'a>,
    pub(super) condition: Condition,
    pub(super) line: usize,
}

/// A circuit with its classical bits resolved.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Resolved<'a> {
    /// In order of time.
    pub(super) items: Vec<Item<'a>>,
    /// For each classical bit.
    pub(super) bits: Vec<BitSource>,
    /// Slots of the classical register in use.
    pub(super) slots: usize,
}

/// Resolves a circuit; `outcomes` says whether bits are read at the end.
pub(super) fn resolve(circuit: &Circuit, outcomes: bool) -> Result<Resolved<'_>> {
    let mut flat = Flat { items: Vec::new(), conditions: Vec::new(), variables: circuit.bits() };
    flat.statements(&circuit.statements);
    // Once to find out which bits are in the register at the end, once more knowing it.
    let mut liveness = Liveness::new(circuit, outcomes, flat.variables);
    flat.items.iter().rev().for_each(|item| drop(liveness.mark(item.clone())));
    let at_the_end = liveness.sources.iter().map(|source| outcomes && matches!(source, BitSource::Register(_)));
    let mut liveness = Liveness { live: at_the_end.collect(), ..Liveness::new(circuit, outcomes, flat.variables) };
    let marked: Vec<Tested<'_>> = flat.items.into_iter().rev().flat_map(|item| liveness.mark(item)).collect();
    let mut slots = Slots { of: vec![None; flat.variables], taken: Vec::new() };
    let items = marked.into_iter().rev().filter_map(|item| slots.assign(item)).collect();
    let used = slots.taken.len();
    if used > LARGEST_TRACKED_BITS {
        return Err(Error::input(format!("{used} outcomes of measurements are read later"))
            .allowed(format!("up to {LARGEST_TRACKED_BITS}"))
            .next("leave out `shots`, or measure fewer qubits that are used again later"));
    }
    let sources = liveness.sources[..circuit.bits()].iter().zip(&slots.of);
    let bits = sources.map(|(source, slot)| match (source, slot) {
        (BitSource::Register(_), Some(slot)) => BitSource::Register(*slot),
        (BitSource::Register(_), None) => BitSource::Zero,
        (other, _) => *other,
    });
    Ok(Resolved { bits: bits.collect(), items, slots: used })
}

/// A variable (a classical bit of the circuit, or above those a flag) and the value it must have.
type Test = (usize, bool);

/// An event whose slots are still variables, and what must hold for it.
#[derive(Clone)]
struct Tested<'a> {
    event: Event<'a>,
    tests: Vec<Test>,
    line: usize,
}

/// Statements without nesting.
struct Flat<'a> {
    items: Vec<Tested<'a>>,
    /// Of the bodies around.
    conditions: Vec<Test>,
    /// Classical bits and flags so far.
    variables: usize,
}

impl<'a> Flat<'a> {
    fn statements(&mut self, statements: &'a [Statement]) {
        for statement in statements {
            match &statement.operation {
                Operation::Barrier { snapshot: None, .. } => {}
                Operation::If { bits, value, body, otherwise } => {
                    self.branch(bits, *value, [body, otherwise], statement.line);
                }
                Operation::Measure { qubit, bit } => self.add(Event::Measure(statement, *qubit, *bit), statement.line),
                _ => self.add(Event::Statement(statement), statement.line),
            }
        }
    }

    fn add(&mut self, event: Event<'a>, line: usize) {
        self.items.push(Tested { event, tests: self.conditions.clone(), line });
    }

    fn branch(&mut self, bits: &[usize], value: u64, [body, otherwise]: [&'a [Statement]; 2], line: usize) {
        let tests: Vec<Test> = bits.iter().enumerate().map(|(place, bit)| (*bit, value >> place & 1 == 1)).collect();
        // A single bit that stays as it is can be tested for its other value as well.
        let flagged = overwrites(body, &tests, true)
            || !otherwise.is_empty()
                && (tests.len() > 1 || overwrites(body, &tests, false) || overwrites(otherwise, &tests, true));
        if flagged {
            let flag = self.variables;
            self.variables += 1;
            let all = self.joined(&tests);
            self.items.extend(all.map(|tests| Tested { event: Event::Set(flag), tests, line }));
            self.body(&[(flag, true)], body);
            self.body(&[(flag, false)], otherwise);
        } else {
            self.body(&tests, body);
            if let [(bit, value)] = tests[..] {
                self.body(&[(bit, !value)], otherwise);
            }
        }
    }

    fn body(&mut self, tests: &[Test], body: &'a [Statement]) {
        let Some(all) = self.joined(tests) else { return };
        let outside = std::mem::replace(&mut self.conditions, all);
        self.statements(body);
        self.conditions = outside;
    }

    /// The tests and those around; nothing if they ask for both values of a bit.
    fn joined(&self, tests: &[Test]) -> Option<Vec<Test>> {
        let mut all = [&self.conditions[..], tests].concat();
        all.sort_unstable();
        all.dedup();
        all.windows(2).all(|pair| pair[0].0 != pair[1].0).then_some(all)
    }
}

/// Whether a measurement of the body writes a tested bit; with `but_last` it may be the last statement.
fn overwrites(body: &[Statement], tests: &[Test], but_last: bool) -> bool {
    let acts = |statement: &&Statement| !matches!(statement.operation, Operation::Barrier { .. });
    let last = body.iter().filter(acts).count().saturating_sub(1);
    body.iter().filter(acts).enumerate().any(|(place, statement)| {
        let harmless = but_last && place == last && matches!(statement.operation, Operation::Measure { .. });
        !harmless && writes(statement, tests)
    })
}

fn writes(statement: &Statement, tests: &[Test]) -> bool {
    match &statement.operation {
        Operation::Measure { bit: Some(bit), .. } => tests.iter().any(|(tested, _)| tested == bit),
        Operation::If { body, otherwise, .. } => body.iter().chain(otherwise).any(|inner| writes(inner, tests)),
        _ => false,
    }
}

/// Which values are read later; the circuit is walked from its end.
struct Liveness {
    /// Whether qubits have a later operation.
    used: Vec<bool>,
    /// Whether variables are read later, before they are written again.
    live: Vec<bool>,
    /// Where bits are read at the end; the number of a register bit is not known yet.
    sources: Vec<BitSource>,
    /// Whether that is decided.
    decided: Vec<bool>,
    outcomes: bool,
}

impl Liveness {
    fn new(circuit: &Circuit, outcomes: bool, variables: usize) -> Liveness {
        let no = vec![false; variables];
        let (used, sources) = (vec![false; circuit.qubits()], vec![BitSource::Zero; variables]);
        Liveness { used, live: no.clone(), sources, decided: no, outcomes }
    }

    /// What comes of an item, in reverse order of time: variables are cleared after they are read for the last time.
    fn mark<'a>(&mut self, Tested { event, tests, line }: Tested<'a>) -> Vec<Tested<'a>> {
        let read_last: Vec<usize> = tests.iter().map(|test| test.0).filter(|variable| !self.live[*variable]).collect();
        let Some(event) = self.event(event, !tests.is_empty()) else { return Vec::new() };
        tests.iter().for_each(|(variable, _)| self.live[*variable] = true);
        let clear = |variable| Tested { event: Event::Clear(variable), tests: Vec::new(), line };
        read_last.into_iter().map(clear).chain([Tested { event, tests, line }]).collect()
    }

    /// The event, if it has any effect.
    fn event<'a>(&mut self, event: Event<'a>, conditional: bool) -> Option<Event<'a>> {
        match event {
            Event::Statement(statement) => {
                operands(&statement.operation).iter().for_each(|qubit| self.used[*qubit] = true);
                Some(event)
            }
            Event::Measure(statement, qubit, bit) => self.measurement(statement, qubit, bit, conditional),
            Event::Set(flag) => std::mem::take(&mut self.live[flag]).then_some(event),
            Event::Clear(_) => Some(event),
        }
    }

    fn measurement<'a>(
        &mut self,
        statement: &'a Statement,
        qubit: usize,
        bit: Option<usize>,
        conditional: bool,
    ) -> Option<Event<'a>> {
        let used = std::mem::replace(&mut self.used[qubit], true);
        let is_final = !used && !conditional && bit.is_none_or(|bit| !self.live[bit]);
        if let Some(bit) = bit.filter(|bit| !self.decided[*bit]) {
            // Where its condition fails, an earlier measurement decides; both write the register.
            self.decided[bit] = !conditional;
            self.sources[bit] = if is_final { BitSource::Qubit(qubit) } else { BitSource::Register(bit) };
            self.live[bit] |= self.outcomes && !is_final;
        }
        if is_final {
            return None;
        }
        let record = bit.filter(|bit| self.live[*bit]);
        if let Some(bit) = bit {
            self.live[bit] &= conditional;
        }
        Some(Event::Measure(statement, qubit, record))
    }
}

/// Slots are given to variables when they are written and taken back when they are cleared.
struct Slots {
    of: Vec<Option<usize>>,
    taken: Vec<bool>,
}

impl Slots {
    /// The item with slots instead of variables; nothing if its condition cannot hold.
    fn assign<'a>(&mut self, Tested { event, tests, line }: Tested<'a>) -> Option<Item<'a>> {
        let mut condition = Condition::default();
        for (variable, value) in tests {
            match self.of[variable] {
                Some(slot) => {
                    // Slots beyond the largest are refused in the end.
                    condition.mask |= 1u64.checked_shl(slot as u32).unwrap_or(0);
                    condition.value |= u64::from(value).checked_shl(slot as u32).unwrap_or(0);
                }
                // Never written, so zero.
                None if value => return None,
                None => {}
            }
        }
        let event = match event {
            Event::Statement(_) => event,
            Event::Measure(statement, qubit, bit) => Event::Measure(statement, qubit, bit.map(|bit| self.slot(bit))),
            Event::Set(flag) => Event::Set(self.slot(flag)),
            Event::Clear(variable) => {
                let slot = self.of[variable].take()?;
                self.taken[slot] = false;
                Event::Clear(slot)
            }
        };
        Some(Item { event, condition, line })
    }

    fn slot(&mut self, variable: usize) -> usize {
        if let Some(slot) = self.of[variable] {
            return slot;
        }
        let slot = self.taken.iter().position(|taken| !taken).unwrap_or(self.taken.len());
        if slot == self.taken.len() {
            self.taken.push(false);
        }
        self.taken[slot] = true;
        self.of[variable] = Some(slot);
        slot
    }
}

/// The qubits an operation acts on.
fn operands(operation: &Operation) -> &[usize] {
    match operation {
        Operation::Gate(gate) => &gate.qubits,
        Operation::Channel { qubits, .. } => qubits,
        Operation::Reset { qubit } => std::slice::from_ref(qubit),
        Operation::Measure { .. } | Operation::Barrier { .. } | Operation::If { .. } => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Gate, Register};

    fn circuit(operations: Vec<Operation>) -> Circuit {
        let register = |name: &str| vec![Register { name: name.into(), start: 0, size: 2 }];
        Circuit { quantum_registers: register("q"), classical_registers: register("c"), statements: body(operations) }
    }

    fn body(operations: Vec<Operation>) -> Vec<Statement> {
        operations.into_iter().map(|operation| Statement { operation, line: 1 }).collect()
    }

    fn measure(qubit: usize, bit: usize) -> Operation {
        Operation::Measure { qubit, bit: Some(bit) }
    }

    fn gate(qubit: usize) -> Operation {
        Operation::Gate(Gate { name: "x".into(), qubits: vec![qubit], body: vec![] })
    }

    fn when(bit: usize, value: u64, operations: Vec<Operation>) -> Operation {
        Operation::If { bits: vec![bit], value, body: body(operations), otherwise: vec![] }
    }

    /// A letter for each event, with its slot, and the condition.
    fn told(circuit: &Circuit, outcomes: bool) -> (Vec<String>, Vec<BitSource>) {
        let resolved = resolve(circuit, outcomes).unwrap();
        let tell = |item: &Item| {
            let event = match item.event {
                Event::Statement(_) => "gate".to_string(),
                Event::Measure(_, qubit, None) => format!("measure {qubit}"),
                Event::Measure(_, qubit, Some(slot)) => format!("measure {qubit} -> {slot}"),
                Event::Set(slot) => format!("set {slot}"),
                Event::Clear(slot) => format!("clear {slot}"),
            };
            let Condition { mask, value } = item.condition;
            if mask == 0 { event } else { format!("{event} if {value:b}/{mask:b}") }
        };
        (resolved.items.iter().map(tell).collect(), resolved.bits)
    }

    #[test]
    fn a_measurement_before_a_barrier_is_final() {
        let (events, bits) =
            told(&circuit(vec![measure(0, 1), Operation::Barrier { qubits: vec![0], snapshot: None }]), true);
        assert!(events.is_empty());
        assert_eq!(bits, [BitSource::Zero, BitSource::Qubit(0)]);
    }

    #[test]
    fn an_earlier_measurement_is_recorded_only_if_its_bit_is_read() {
        let circuit = circuit(vec![measure(0, 0), gate(0), measure(1, 1), gate(1), measure(1, 1)]);
        let (events, bits) = told(&circuit, true);
        assert_eq!(events, ["measure 0 -> 0", "gate", "measure 1", "gate"], "bit 1 is overwritten later");
        assert_eq!(bits, [BitSource::Register(0), BitSource::Qubit(1)]);
        let (events, bits) = told(&circuit, false);
        assert_eq!(events[0], "measure 0");
        assert_eq!(bits[0], BitSource::Zero);
    }

    #[test]
    fn noise_and_reset_after_a_measurement_make_it_an_earlier_one() {
        let (events, _) = told(&circuit(vec![measure(0, 0), Operation::Reset { qubit: 0 }]), true);
        assert_eq!(events, ["measure 0 -> 0", "gate"]);
    }

    #[test]
    fn a_measurement_that_decides_is_applied_and_forgotten_afterwards() {
        let circuit = circuit(vec![measure(0, 0), when(0, 1, vec![gate(1), gate(1)])]);
        assert_eq!(told(&circuit, false).0, ["measure 0 -> 0", "gate if 1/1", "gate if 1/1", "clear 0"]);
        let (events, bits) = told(&circuit, true);
        assert_eq!(events.len(), 3, "it is read at the end");
        assert_eq!(bits[0], BitSource::Register(0));
    }

    #[test]
    fn a_body_that_measures_what_it_tests_keeps_its_condition() {
        let repeat = when(0, 1, vec![gate(0), measure(0, 0), gate(1)]);
        let (events, _) = told(&circuit(vec![measure(0, 0), repeat, when(0, 0, vec![gate(1)])]), false);
        let expected = [
            "measure 0 -> 0",
            "set 1 if 1/1",
            "gate if 10/10",
            "measure 0 -> 0 if 10/10",
            "gate if 10/10",
            "clear 1",
            "gate if 0/1",
            "clear 0",
        ];
        assert_eq!(events, expected);
    }

    #[test]
    fn bits_that_were_never_written_are_zero() {
        let circuit = circuit(vec![when(0, 1, vec![gate(0)]), when(1, 0, vec![gate(1)])]);
        assert_eq!(told(&circuit, true).0, ["gate"]);
    }
}
