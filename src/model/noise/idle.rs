//! Idle qubits: thermal relaxation while a qubit waits, by a schedule of the circuit.

use super::rule::operation;
use super::{LONGEST_LIST, Places};
use crate::error::{Error, Result};
use crate::model::channel::Relaxation;
use crate::model::circuit::{Circuit, Operation, Statement};
use std::collections::{BTreeMap, BTreeSet};

/// When gates begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Schedule {
    /// As soon as their qubits are free.
    #[default]
    Asap,
    /// As late as the gates after them allow.
    Alap,
}

/// How long gates take, in seconds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Durations {
    /// By name.
    pub by_gate: BTreeMap<String, f64>,
    /// By name and qubits, before those by name alone.
    pub by_place: BTreeMap<(String, Vec<usize>), f64>,
}

impl Durations {
    fn of(&self, name: &str, physical: Vec<usize>) -> Option<f64> {
        self.by_place.get(&(name.to_string(), physical)).or_else(|| self.by_gate.get(name)).copied()
    }

    pub(super) fn names(&self) -> BTreeSet<String> {
        self.by_gate.keys().chain(self.by_place.keys().map(|(name, _)| name)).cloned().collect()
    }
}

/// Noise of qubits that wait. All wait for each other at the beginning, at barriers, and at the end.
#[derive(Debug, Clone, PartialEq)]
pub struct Idle {
    /// When gates begin.
    pub schedule: Schedule,
    /// How each qubit of the model relaxes; the last one is that of all others.
    pub relaxation: Vec<Relaxation>,
    /// How long gates take. A measurement takes no time unless it is said.
    pub durations: Durations,
}

/// When a statement acts, and on what.
struct Event {
    qubits: Vec<usize>,
    duration: f64,
    start: f64,
}

impl Idle {
    /// The circuit with a relaxation wherever a qubit waits.
    ///
    /// # Errors
    /// Input error for gates without a duration, all of them listed, for a circuit with conditions, which has no schedule, and
    /// for times that are not physical.
    pub(super) fn apply(&self, circuit: &Circuit, layout: &Places) -> Result<Circuit> {
        let mut events = self.events(circuit, layout)?;
        match self.schedule {
            Schedule::Asap => schedule(events.iter_mut(), layout.qubits()),
            Schedule::Alap => {
                let end = schedule(events.iter_mut().rev(), layout.qubits());
                events.iter_mut().for_each(|event| event.start = end - event.start - event.duration);
                end
            }
        };
        let end = events.iter().map(|event| event.start + event.duration).fold(0.0, f64::max);
        let mut free = vec![0.0; layout.qubits()];
        let mut statements = Vec::with_capacity(2 * circuit.statements.len());
        for (event, statement) in events.iter().zip(&circuit.statements) {
            for qubit in &event.qubits {
                statements.extend(self.wait(*qubit, event.start - free[*qubit], layout, statement.line)?);
                free[*qubit] = event.start + event.duration;
            }
            statements.push(statement.clone());
        }
        for (qubit, free) in free.into_iter().enumerate() {
            statements.extend(self.wait(qubit, end - free, layout, 0)?);
        }
        Ok(Circuit { statements, ..circuit.clone() })
    }

    fn events(&self, circuit: &Circuit, layout: &Places) -> Result<Vec<Event>> {
        let mut untimed = BTreeSet::new();
        let mut events = Vec::with_capacity(circuit.statements.len());
        for statement in &circuit.statements {
            let (name, qubits): (&str, Vec<usize>) = match &statement.operation {
                Operation::Gate(gate) => (&gate.name, gate.qubits.clone()),
                Operation::Measure { qubit, .. } => ("measure", vec![*qubit]),
                Operation::Reset { qubit } => ("reset", vec![*qubit]),
                Operation::Barrier { qubits, .. } | Operation::Channel { qubits, .. } => ("barrier", qubits.clone()),
                Operation::If { .. } => {
                    return Err(Error::input("a circuit with conditions has no schedule, so no idle noise")
                        .at_line(statement.line)
                        .next("leave `noise.idle` out"));
                }
            };
            let duration = self.durations.of(name, layout.physical_list(&qubits));
            let instant = matches!(name, "barrier" | "measure") || qubits.is_empty();
            if duration.is_none() && !instant {
                untimed.insert(name.to_string());
            }
            events.push(Event { qubits, duration: duration.unwrap_or(0.0), start: 0.0 });
        }
        if untimed.is_empty() {
            return Ok(events);
        }
        let names: Vec<String> = untimed.into_iter().take(LONGEST_LIST).collect();
        Err(Error::input(format!("idle noise needs durations, and these gates have none: {}", names.join(", ")))
            .next("add them to `durations` under `[noise.idle]`, in seconds; 0 for gates that take no time"))
    }

    fn wait(&self, qubit: usize, time: f64, layout: &Places, line: usize) -> Result<Option<Statement>> {
        // Sums of durations in another order are not quite equal.
        const NOTHING: f64 = 1e-15;
        let Some(relaxation) = self.relaxation.get(layout.physical(qubit)).or(self.relaxation.last()) else {
            return Ok(None);
        };
        if time <= NOTHING {
            return Ok(None);
        }
        let channel = relaxation.during(time)?;
        Ok((!channel.is_identity()).then(|| Statement { operation: operation(&channel, vec![qubit]), line }))
    }
}

/// Lets each event begin when its qubits are free; when the last one ends.
fn schedule<'e>(events: impl Iterator<Item = &'e mut Event>, qubits: usize) -> f64 {
    let mut free = vec![0.0f64; qubits];
    for event in events {
        event.start = event.qubits.iter().map(|qubit| free[*qubit]).fold(0.0, f64::max);
        event.qubits.iter().for_each(|qubit| free[*qubit] = event.start + event.duration);
    }
    free.into_iter().fold(0.0, f64::max)
}
