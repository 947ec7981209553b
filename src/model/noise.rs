//! Noise models: what follows gates, what idle qubits suffer, and how bits are misread.

mod depolarizing;
mod idle;
mod readout;
mod rule;

pub use depolarizing::NoiseRule;
pub use idle::{Durations, Idle, Schedule};
pub use readout::{Readout, ReadoutTable};
pub use rule::{Place, Rule};

use super::channel::Relaxation;
use super::circuit::{Circuit, Gate, Operation, Statement};
use crate::error::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};

/// Noise for any circuit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NoiseModel {
    /// Where it comes from, for messages.
    pub source: String,
    /// Depolarizing noise after every gate.
    pub depolarizing: NoiseRule,
    /// In the order they are applied in.
    pub rules: Vec<Rule>,
    /// Of idle qubits.
    pub idle: Option<Idle>,
    /// Of measured bits.
    pub readout: ReadoutTable,
    /// What is known of the device, if it is one.
    pub device: Option<Device>,
}

/// A device: only its gates may be used, at their places.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Device {
    /// The places where each gate may stand.
    pub places: BTreeMap<String, BTreeSet<Vec<usize>>>,
    /// How its qubits relax.
    pub relaxation: Vec<Relaxation>,
    /// How long its gates take.
    pub durations: Durations,
}

/// A circuit with its noise.
#[derive(Debug, Clone, PartialEq)]
pub struct Noisy {
    /// With channels, and coherent errors as gates.
    pub circuit: Circuit,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl NoiseModel {
    /// The circuit with this noise, its qubits being those of `layout` in the model; without one, those of the same numbers.
    /// Noise of qubits that the circuit does not have is left out.
    ///
    /// # Errors
    /// Input error if the model names unknown gates or the circuit has gates that the device lacks, all of them listed, unless
    /// `strict` is false: then these are warnings. Input error, always, for values that make no channel and channels that do
    /// not fit their gates.
    pub fn apply(&self, circuit: &Circuit, layout: Option<&[usize]>, strict: bool) -> Result<Noisy> {
        let layout = Places::new(layout, circuit.qubits())?;
        let mut warnings = Vec::new();
        for problem in [self.unknown_gates(circuit), self.missing_places(circuit, &layout)].into_iter().flatten() {
            if strict {
                return Err(problem);
            }
            warnings.push(problem.what);
        }
        let circuit = match &self.idle {
            Some(idle) => idle.apply(circuit, &layout)?,
            None => circuit.clone(),
        };
        let (mut circuit, depolarizing) = self.depolarizing.apply(&circuit)?;
        warnings.extend(depolarizing);
        if !self.rules.is_empty() {
            circuit.statements = rule::insert(&self.rules, &layout, &circuit.statements)?;
        }
        Ok(Noisy { circuit, warnings })
    }

    /// Names of gates that rules name.
    pub fn named_gates(&self) -> BTreeSet<String> {
        let of_rules = self.rules.iter().flat_map(|rule| rule.gates.iter().cloned());
        let of_device = self.device.iter().flat_map(|device| device.places.keys().cloned());
        let timed = self.idle.iter().flat_map(|idle| idle.durations.names());
        of_rules.chain(of_device).chain(timed).collect()
    }

    /// Refuses, or with `strict` false warns of, qubits of rules and readout matrices that are none of the circuit's.
    ///
    /// # Errors
    /// Input error that lists them.
    pub fn check_qubits(&self, layout: Option<&[usize]>, qubits: usize, strict: bool) -> Result<Vec<String>> {
        let layout = Places::new(layout, qubits)?;
        let of_rules = self.rules.iter().flat_map(|rule| rule.qubits.iter().chain(&rule.on));
        let named = of_rules.chain(self.readout.of_qubits.iter().map(|matrix| &matrix.qubits)).flatten();
        let unknown: BTreeSet<usize> = named.copied().filter(|qubit| layout.logical(*qubit).is_none()).collect();
        if unknown.is_empty() {
            return Ok(Vec::new());
        }
        let list: Vec<String> = unknown.iter().take(LONGEST_LIST).map(usize::to_string).collect();
        let what = format!("the noise rules name qubits that the circuit does not have: {}", list.join(", "));
        if !strict {
            return Ok(vec![what]);
        }
        Err(Error::input(what)
            .allowed(format!("the {qubits} qubits of the circuit, or those of `layout`"))
            .next("correct the numbers, or set `strict = false` under `[noise]`"))
    }

    fn unknown_gates(&self, circuit: &Circuit) -> Option<Error> {
        // A device says what its gates are.
        if self.device.is_some() {
            return None;
        }
        let mut used = BTreeSet::new();
        for_each_gate(&circuit.statements, &mut |gate| {
            used.insert(gate.name.clone());
        });
        let known = |name: &str| {
            super::gate::GATES.iter().any(|kind| kind.name == name)
                || rule::OTHER_PLACES.contains(&name)
                || used.contains(name)
        };
        let unknown: Vec<String> = self
            .named_gates()
            .into_iter()
            .filter(|name| !known(name) && !DEVICE_GATES.contains(&name.as_str()))
            .collect();
        if unknown.is_empty() {
            return None;
        }
        let what = format!("the noise model{} names unknown gates: {}", self.from(), unknown.join(", "));
        Some(
            Error::input(what)
                .allowed("gates of the libraries, gates that the circuit defines, measure, reset")
                .next("correct the names, or set `strict = false` under `[noise]`"),
        )
    }

    /// Gates of the circuit at places where the device has none.
    fn missing_places(&self, circuit: &Circuit, layout: &Places) -> Option<Error> {
        let places = &self.device.as_ref()?.places;
        let mut missing = BTreeSet::new();
        for_each_gate(&circuit.statements, &mut |gate| {
            let physical = layout.physical_list(&gate.qubits);
            if !gate.qubits.is_empty() && !places.get(&gate.name).is_some_and(|known| known.contains(&physical)) {
                missing.insert(format!("{} on {}", gate.name, listed(&physical)));
            }
        });
        if missing.is_empty() {
            return None;
        }
        let count = missing.len();
        let first: Vec<String> = missing.into_iter().take(LONGEST_LIST).collect();
        let more = if count > LONGEST_LIST { format!(" and {} more", count - LONGEST_LIST) } else { String::new() };
        let what = format!("the device{} has no {}{more}", self.from(), first.join(", no "));
        Some(
            Error::input(what)
                .allowed(format!("its gates: {}", places.keys().cloned().collect::<Vec<_>>().join(", ")))
                .next("transpile the circuit to the device, choose other qubits with `layout` under `[noise]`, or set `strict = false` there: then they have no noise"),
        )
    }

    fn from(&self) -> String {
        if self.source.is_empty() { String::new() } else { format!(" {}", self.source) }
    }
}

/// Gates of devices that no library of OpenQASM has; a circuit defines them.
const DEVICE_GATES: [&str; 4] = ["ecr", "delay", "rzx", "iswap"];
/// Messages name no more than so many things.
const LONGEST_LIST: usize = 8;

fn listed(qubits: &[usize]) -> String {
    format!("({})", qubits.iter().map(usize::to_string).collect::<Vec<_>>().join(", "))
}

fn for_each_gate(statements: &[Statement], visit: &mut impl FnMut(&Gate)) {
    for statement in statements {
        match &statement.operation {
            Operation::Gate(gate) => visit(gate),
            Operation::If { body, otherwise, .. } => {
                for_each_gate(body, visit);
                for_each_gate(otherwise, visit);
            }
            _ => {}
        }
    }
}

/// Which qubits of the model those of the circuit are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Places {
    physical: Vec<usize>,
}

impl Places {
    pub(crate) fn new(layout: Option<&[usize]>, qubits: usize) -> Result<Places> {
        let Some(layout) = layout else { return Ok(Places { physical: (0..qubits).collect() }) };
        if layout.len() != qubits {
            return Err(Error::input(format!("the layout has {} qubits, the circuit {qubits}", layout.len()))
                .allowed("one qubit of the noise model for each qubit of the circuit"));
        }
        Ok(Places { physical: layout.to_vec() })
    }

    pub(crate) fn qubits(&self) -> usize {
        self.physical.len()
    }

    pub(crate) fn physical(&self, qubit: usize) -> usize {
        self.physical[qubit]
    }

    fn physical_list(&self, qubits: &[usize]) -> Vec<usize> {
        qubits.iter().map(|qubit| self.physical(*qubit)).collect()
    }

    /// The circuit's qubit at a place, if it has one there.
    pub(crate) fn logical(&self, physical: usize) -> Option<usize> {
        self.physical.iter().position(|place| *place == physical)
    }
}

#[cfg(test)]
mod tests;
