//! Depolarizing noise after every gate of a circuit.

use crate::error::Result;
use crate::model::channel::{Channel, check_probability};
use crate::model::circuit::{Circuit, Gate, Operation, Statement};

/// Depolarizing noise after every gate as written.
///
/// Gates of user-defined gates' bodies count one by one, a modified gate (`ctrl @` and so on) counts as one gate on
/// all its qubits, `id` counts; a gate on no qubit (a global phase), barriers, measurements, resets and channels get
/// none.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NoiseRule {
    /// Probability of the one-qubit channel after one-qubit gates.
    pub one_qubit: f64,
    /// Probability of the two-qubit channel after two-qubit gates.
    pub two_qubit: f64,
}

impl NoiseRule {
    /// The circuit with a channel inserted after every gate, in the bodies of conditions too, and warnings.
    ///
    /// One-qubit gates are followed by `depolarizing(one_qubit)`, two-qubit gates by
    /// `two_qubit_depolarizing(two_qubit)`, larger ones by `depolarizing(one_qubit)` on each of their qubits, with one
    /// warning for the whole circuit. A probability of zero inserts nothing. An inserted channel has its gate's line.
    ///
    /// # Errors
    /// Input error if a probability is outside [0, 1].
    pub fn apply(&self, circuit: &Circuit) -> Result<(Circuit, Vec<String>)> {
        let mut insertion = Insertion {
            rule: *self,
            one_qubit: channel("depolarizing", self.one_qubit, "one_qubit")?,
            two_qubit: channel("two_qubit_depolarizing", self.two_qubit, "two_qubit")?,
            first_large: None,
            large_gates: 0,
        };
        let statements = insertion.statements(&circuit.statements);
        Ok((Circuit { statements, ..circuit.clone() }, insertion.warnings()))
    }
}

/// The channel, or `None` when its probability is zero.
fn channel(name: &str, probability: f64, key: &str) -> Result<Option<Channel>> {
    check_probability(probability, &format!("the depolarizing noise `{key}`"))?;
    if probability == 0.0 { Ok(None) } else { Channel::named(name, &[probability]).map(Some) }
}

/// One walk over a circuit.
struct Insertion {
    rule: NoiseRule,
    one_qubit: Option<Channel>,
    two_qubit: Option<Channel>,
    /// Name and line of the first gate on three or more qubits.
    first_large: Option<(String, usize)>,
    large_gates: usize,
}

impl Insertion {
    fn statements(&mut self, statements: &[Statement]) -> Vec<Statement> {
        let mut noisy = Vec::with_capacity(2 * statements.len());
        for statement in statements {
            match &statement.operation {
                Operation::Gate(gate) => {
                    noisy.push(statement.clone());
                    noisy.extend(self.after(gate, statement.line));
                }
                Operation::If { bits, value, body, otherwise } => {
                    let (body, otherwise) = (self.statements(body), self.statements(otherwise));
                    let operation = Operation::If { bits: bits.clone(), value: *value, body, otherwise };
                    noisy.push(Statement { operation, line: statement.line });
                }
                _ => noisy.push(statement.clone()),
            }
        }
        noisy
    }

    /// The noise of one gate.
    fn after(&mut self, gate: &Gate, line: usize) -> Vec<Statement> {
        let place = |channel: &Option<Channel>, qubits: &[usize]| {
            let operation = Operation::Channel { channel: channel.clone()?, qubits: qubits.to_vec() };
            Some(Statement { operation, line })
        };
        match gate.qubits.len() {
            2 => place(&self.two_qubit, &gate.qubits).into_iter().collect(),
            qubits => {
                if qubits > 2 {
                    self.large_gates += 1;
                    self.first_large.get_or_insert_with(|| (gate.name.clone(), line));
                }
                gate.qubits.iter().filter_map(|qubit| place(&self.one_qubit, &[*qubit])).collect()
            }
        }
    }

    fn warnings(self) -> Vec<String> {
        let is_noisy = self.one_qubit.is_some() || self.two_qubit.is_some();
        let warning = |(name, line): (String, usize)| {
            format!(
                "{} gate(s) act on three or more qubits, the first `{name}` at line {line} of the circuit: the noise \
                 rule has no channel for them, so the one-qubit channel (probability {}) follows on each of their \
                 qubits",
                self.large_gates, self.rule.one_qubit
            )
        };
        self.first_large.filter(|_| is_noisy).map(warning).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Register;

    const RULE: NoiseRule = NoiseRule { one_qubit: 0.01, two_qubit: 0.02 };

    fn gate(name: &str, qubits: &[usize]) -> Operation {
        Operation::Gate(Gate { name: name.into(), qubits: qubits.to_vec(), body: vec![] })
    }

    fn circuit(operations: Vec<Operation>) -> Circuit {
        let register = Register { name: "q".into(), start: 0, size: 4 };
        let statements =
            operations.into_iter().enumerate().map(|(index, operation)| Statement { operation, line: index + 3 });
        Circuit { quantum_registers: vec![register], classical_registers: vec![], statements: statements.collect() }
    }

    /// Names, qubits and lines, short enough to compare by eye.
    fn outline(statements: &[Statement]) -> Vec<String> {
        let describe = |statement: &Statement| match &statement.operation {
            Operation::Gate(gate) => format!("{} {:?} @{}", gate.name, gate.qubits, statement.line),
            Operation::Channel { channel, qubits } => format!("{} {qubits:?} @{}", channel.name(), statement.line),
            Operation::If { body, .. } => format!("if {:?}", outline(body)),
            other => format!("{other:?}"),
        };
        statements.iter().map(describe).collect()
    }

    #[test]
    fn channels_follow_gates_by_their_number_of_qubits() {
        let written = circuit(vec![gate("id", &[3]), gate("cx", &[2, 0]), gate("gphase", &[])]);
        let (noisy, warnings) = RULE.apply(&written).unwrap();
        let expected =
            ["id [3] @3", "depolarizing [3] @3", "cx [2, 0] @4", "two_qubit_depolarizing [2, 0] @4", "gphase [] @5"];
        assert_eq!(outline(&noisy.statements), expected);
        assert_eq!((noisy.qubits(), warnings.len()), (4, 0));
        let Operation::Channel { channel, .. } = &noisy.statements[1].operation else { panic!("a channel") };
        assert_eq!(channel, &Channel::named("depolarizing", &[0.01]).unwrap());
    }

    #[test]
    fn larger_gates_take_the_one_qubit_channel_with_one_warning() {
        let written = circuit(vec![gate("ccx", &[0, 1, 2]), gate("ccx", &[3, 1, 2])]);
        let (noisy, warnings) = RULE.apply(&written).unwrap();
        let first = ["ccx [0, 1, 2] @3", "depolarizing [0] @3", "depolarizing [1] @3", "depolarizing [2] @3"];
        assert_eq!(outline(&noisy.statements)[..4], first);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with("2 gate(s)") && warnings[0].contains("`ccx` at line 3"), "{}", warnings[0]);
    }

    #[test]
    fn what_is_no_gate_gets_none_and_conditions_are_entered() {
        let pragma = Operation::Channel { channel: Channel::named("bit_flip", &[0.1]).unwrap(), qubits: vec![0] };
        let silent = vec![
            Operation::Barrier { qubits: vec![0, 1], snapshot: None },
            Operation::Measure { qubit: 0, bit: None },
            Operation::Reset { qubit: 0 },
            pragma,
        ];
        let written = circuit(silent);
        assert_eq!(RULE.apply(&written).unwrap().0, written);
        let body = vec![Statement { operation: gate("x", &[1]), line: 9 }];
        let (noisy, _) =
            RULE.apply(&circuit(vec![Operation::If { bits: vec![0], value: 1, body, otherwise: vec![] }])).unwrap();
        assert_eq!(outline(&noisy.statements), [r#"if ["x [1] @9", "depolarizing [1] @9"]"#]);
    }

    #[test]
    fn zero_probabilities_insert_nothing() {
        let written = circuit(vec![gate("x", &[1]), gate("cx", &[0, 1]), gate("ccx", &[0, 1, 2])]);
        assert_eq!(NoiseRule::default().apply(&written).unwrap(), (written.clone(), vec![]));
        let only_two = NoiseRule { one_qubit: 0.0, two_qubit: 0.1 };
        let (noisy, warnings) = only_two.apply(&written).unwrap();
        assert_eq!((noisy.statements.len(), warnings.len()), (4, 1), "the larger gate without noise is worth a word");
    }

    #[test]
    fn probabilities_are_checked_even_without_gates() {
        for rule in [NoiseRule { one_qubit: 1.5, ..RULE }, NoiseRule { two_qubit: f64::NAN, ..RULE }] {
            assert!(rule.apply(&circuit(vec![])).unwrap_err().what.contains("_qubit`"));
        }
    }
}
