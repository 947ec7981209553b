//! Rules: a channel beside the gates of some names, on some qubits.

use super::{Places, listed};
use crate::error::{Error, Result};
use crate::model::channel::Channel;
use crate::model::circuit::{Gate, Operation, Statement, Unitary};

/// What else than gates a rule may name: noise before a measurement, noise after a reset.
pub(super) const OTHER_PLACES: [&str; 2] = ["measure", "reset"];

/// On which side of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// Before it.
    Before,
    /// After it.
    #[default]
    After,
}

/// A channel for some gates. A channel on as many qubits as the gate acts on these in order, one on a single qubit acts on each
/// of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Names of the gates; none for all, but for `measure` and `reset`, which must be named.
    pub gates: Vec<String>,
    /// The qubits, in the gate's order, on which it must act; none for any.
    pub qubits: Vec<Vec<usize>>,
    /// On which side of the gate. It is always before a measurement and after a reset.
    pub place: Place,
    /// Other qubits that the channel acts on, in place of the gate's: crosstalk.
    pub on: Option<Vec<usize>>,
    /// Only where none of the rules before this one is.
    pub otherwise: bool,
    /// What happens.
    pub channel: Channel,
}

impl Rule {
    /// After every gate.
    pub fn new(channel: Channel) -> Rule {
        Rule { gates: Vec::new(), qubits: Vec::new(), place: Place::After, on: None, otherwise: false, channel }
    }

    fn matches(&self, name: &str, qubits: &[usize]) -> bool {
        let named = if self.gates.is_empty() {
            !OTHER_PLACES.contains(&name)
        } else {
            self.gates.iter().any(|gate| gate == name)
        };
        named && (self.qubits.is_empty() || self.qubits.iter().any(|listed| listed == qubits))
    }

    /// The lists of qubits of the model that the channel acts on; nothing if it does not fit a rule for every gate.
    fn targets(&self, name: &str, qubits: &[usize]) -> Result<Vec<Vec<usize>>> {
        let arity = self.channel.qubits();
        match &self.on {
            Some(on) if on.len() == arity => Ok(vec![on.clone()]),
            None if arity == qubits.len() => Ok(vec![qubits.to_vec()]),
            None if arity == 1 => Ok(qubits.iter().map(|qubit| vec![*qubit]).collect()),
            None if self.gates.is_empty() => Ok(Vec::new()),
            on => Err(Error::input(format!(
                "the channel `{}` on {arity} qubits does not fit gate `{name}` on {}",
                self.channel.name(),
                listed(on.as_deref().unwrap_or(qubits))
            ))
            .allowed("a channel on one qubit, or on as many as the gate or the list `on` has")),
        }
    }
}

/// The statements with the channels of the rules.
pub(super) fn insert(rules: &[Rule], layout: &Places, statements: &[Statement]) -> Result<Vec<Statement>> {
    let mut noisy = Vec::with_capacity(2 * statements.len());
    for statement in statements {
        let (name, qubits): (&str, &[usize]) = match &statement.operation {
            Operation::Gate(gate) => (&gate.name, &gate.qubits),
            Operation::Measure { qubit, .. } => ("measure", std::slice::from_ref(qubit)),
            Operation::Reset { qubit } => ("reset", std::slice::from_ref(qubit)),
            Operation::If { bits, value, body, otherwise } => {
                let (body, otherwise) = (insert(rules, layout, body)?, insert(rules, layout, otherwise)?);
                let operation = Operation::If { bits: bits.clone(), value: *value, body, otherwise };
                noisy.push(Statement { operation, line: statement.line });
                continue;
            }
            _ => {
                noisy.push(statement.clone());
                continue;
            }
        };
        let (before, after) = beside(rules, layout, (name, qubits), statement.line)?;
        noisy.extend(before);
        noisy.push(statement.clone());
        noisy.extend(after);
    }
    Ok(noisy)
}

/// What comes before and after one gate.
fn beside(
    rules: &[Rule],
    layout: &Places,
    (name, qubits): (&str, &[usize]),
    line: usize,
) -> Result<(Vec<Statement>, Vec<Statement>)> {
    let physical = layout.physical_list(qubits);
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let mut applied = false;
    for rule in rules.iter().filter(|rule| !qubits.is_empty() && rule.matches(name, &physical)) {
        if rule.otherwise && applied {
            continue;
        }
        applied = true;
        if rule.channel.is_identity() {
            continue;
        }
        let side = match (name, rule.place) {
            ("measure", _) => &mut before,
            ("reset", _) => &mut after,
            (_, Place::Before) => &mut before,
            (_, Place::After) => &mut after,
        };
        for targets in rule.targets(name, &physical)? {
            let logical: Option<Vec<usize>> = targets.iter().map(|qubit| layout.logical(*qubit)).collect();
            side.extend(logical.map(|qubits| Statement { operation: operation(&rule.channel, qubits), line }));
        }
    }
    Ok((before, after))
}

/// A channel of one operator is a gate: nothing branches.
pub(super) fn operation(channel: &Channel, qubits: Vec<usize>) -> Operation {
    if let [matrix] = channel.kraus() {
        let unitary = Unitary { controls: Vec::new(), targets: qubits.clone(), matrix: matrix.clone() };
        return Operation::Gate(Gate { name: channel.name().into(), qubits, body: vec![unitary] });
    }
    Operation::Channel { channel: channel.clone(), qubits }
}
