use super::*;
use crate::model::channel::{Channel, Relaxation};
use crate::model::{Register, Unitary};

fn gate(name: &str, qubits: &[usize]) -> Operation {
    Operation::Gate(Gate { name: name.into(), qubits: qubits.to_vec(), body: vec![] })
}

fn circuit(operations: Vec<Operation>) -> Circuit {
    let register = Register { name: "q".into(), start: 0, size: 3 };
    let statements = operations.into_iter().map(|operation| Statement { operation, line: 7 }).collect();
    Circuit { quantum_registers: vec![register], classical_registers: vec![], statements }
}

fn outline(circuit: &Circuit) -> Vec<String> {
    let tell = |statement: &Statement| match &statement.operation {
        Operation::Gate(gate) => format!("{} {:?}", gate.name, gate.qubits),
        Operation::Channel { channel, qubits } => format!("{} {qubits:?}", channel.name()),
        Operation::Measure { qubit, .. } => format!("measure {qubit}"),
        Operation::Reset { qubit } => format!("reset {qubit}"),
        other => format!("{other:?}"),
    };
    circuit.statements.iter().map(tell).collect()
}

fn flip() -> Channel {
    Channel::named("bit_flip", &[0.1]).unwrap()
}

fn rule(gates: &[&str]) -> Rule {
    Rule { gates: gates.iter().map(|name| name.to_string()).collect(), ..Rule::new(flip()) }
}

fn model(rules: Vec<Rule>) -> NoiseModel {
    NoiseModel { rules, ..NoiseModel::default() }
}

fn applied(model: &NoiseModel, operations: Vec<Operation>) -> Vec<String> {
    outline(&model.apply(&circuit(operations), None, true).unwrap().circuit)
}

#[test]
fn rules_match_names_and_qubits() {
    let only = Rule { qubits: vec![vec![1, 0]], ..rule(&["cx"]) };
    let operations = || vec![gate("cx", &[0, 1]), gate("cx", &[1, 0]), gate("x", &[1])];
    assert_eq!(
        applied(&model(vec![only]), operations()),
        ["cx [0, 1]", "cx [1, 0]", "bit_flip [1]", "bit_flip [0]", "x [1]"]
    );
    let every = applied(&model(vec![Rule::new(flip())]), operations());
    assert_eq!(every.iter().filter(|line| line.starts_with("bit")).count(), 5);
}

#[test]
fn noise_comes_before_measurements_and_after_resets_only_if_they_are_named() {
    let operations = || vec![Operation::Reset { qubit: 0 }, Operation::Measure { qubit: 1, bit: None }];
    assert_eq!(applied(&model(vec![Rule::new(flip())]), operations()), ["reset 0", "measure 1"]);
    let named = model(vec![rule(&["measure", "reset"])]);
    assert_eq!(applied(&named, operations()), ["reset 0", "bit_flip [0]", "bit_flip [1]", "measure 1"]);
}

#[test]
fn a_rule_may_act_elsewhere_and_before() {
    let crosstalk = Rule { on: Some(vec![2]), place: Place::Before, ..rule(&["x"]) };
    assert_eq!(applied(&model(vec![crosstalk]), vec![gate("x", &[0])]), ["bit_flip [2]", "x [0]"]);
}

#[test]
fn the_rest_is_for_what_no_rule_before_it_took() {
    let own = Rule { qubits: vec![vec![0]], ..rule(&["x"]) };
    let rest = Rule { otherwise: true, channel: Channel::named("phase_flip", &[0.1]).unwrap(), ..rule(&["x"]) };
    let found = applied(&model(vec![own, rest]), vec![gate("x", &[0]), gate("x", &[1])]);
    assert_eq!(found, ["x [0]", "bit_flip [0]", "x [1]", "phase_flip [1]"]);
}

#[test]
fn a_coherent_error_is_a_gate_without_noise_of_its_own() {
    let angle = [("X".to_string(), 0.1)].into();
    let given = crate::model::channel::Given { paulis: angle, ..Default::default() };
    let coherent = Rule::new(Channel::specified("over_rotation", &given).unwrap());
    let noisy = model(vec![coherent, Rule::new(flip())]).apply(&circuit(vec![gate("x", &[0])]), None, true).unwrap();
    assert_eq!(outline(&noisy.circuit), ["x [0]", "over_rotation [0]", "bit_flip [0]"]);
    let Operation::Gate(Gate { body, .. }) = &noisy.circuit.statements[1].operation else { panic!("a gate") };
    assert!(matches!(&body[..], [Unitary { targets, .. }] if targets == &[0]));
}

#[test]
fn a_layout_says_which_qubits_of_the_model_are_meant() {
    let own = Rule { qubits: vec![vec![5, 4]], ..rule(&["cx"]) };
    let elsewhere = Rule { qubits: vec![vec![5, 4]], on: Some(vec![6]), ..rule(&["cx"]) };
    let written = circuit(vec![gate("cx", &[2, 0])]);
    let found =
        |rule: Rule, layout: &[usize]| outline(&model(vec![rule]).apply(&written, Some(layout), true).unwrap().circuit);
    assert_eq!(found(own.clone(), &[4, 6, 5]), ["cx [2, 0]", "bit_flip [2]", "bit_flip [0]"]);
    assert_eq!(found(own, &[5, 6, 4]), ["cx [2, 0]"]);
    assert_eq!(found(elsewhere.clone(), &[4, 6, 5]), ["cx [2, 0]", "bit_flip [1]"]);
    assert_eq!(found(elsewhere, &[4, 7, 5]), ["cx [2, 0]"], "a qubit that the circuit does not have");
    assert!(model(vec![]).apply(&written, Some(&[0, 1]), true).unwrap_err().what.contains("2 qubits, the circuit 3"));
}

#[test]
fn unknown_gates_are_listed_or_warned_of() {
    let wrong = model(vec![rule(&["cxx", "x", "hh"])]);
    let written = circuit(vec![gate("x", &[0])]);
    let error = wrong.apply(&written, None, true).unwrap_err();
    assert!(error.what.ends_with("unknown gates: cxx, hh"), "{error}");
    let noisy = wrong.apply(&written, None, false).unwrap();
    assert_eq!((noisy.warnings.len(), outline(&noisy.circuit).len()), (1, 2));
}

#[test]
fn a_device_that_lacks_a_gate_says_which() {
    let places = [("cx".to_string(), [vec![0, 1]].into())].into();
    let device = Some(Device { places, ..Device::default() });
    let device = NoiseModel { device, ..model(vec![rule(&["cx"])]) };
    assert!(device.apply(&circuit(vec![gate("cx", &[0, 1])]), None, true).is_ok());
    let error = device.apply(&circuit(vec![gate("cx", &[1, 0]), gate("h", &[2])]), None, true).unwrap_err();
    assert!(error.what.contains("has no cx on (1, 0), no h on (2)"), "{error}");
    assert_eq!(device.apply(&circuit(vec![gate("h", &[2])]), None, false).unwrap().warnings.len(), 1);
}

#[test]
fn a_channel_that_does_not_fit_its_gate_is_refused() {
    let two = Rule { channel: Channel::named("two_qubit_depolarizing", &[0.1]).unwrap(), ..rule(&["x"]) };
    let error = model(vec![two.clone()]).apply(&circuit(vec![gate("x", &[0])]), None, true).unwrap_err();
    assert!(error.what.contains("does not fit gate `x`"), "{error}");
    let every = Rule { gates: vec![], ..two };
    assert_eq!(applied(&model(vec![every]), vec![gate("x", &[0]), gate("cx", &[0, 1])]).len(), 3);
}

mod idle {
    use super::*;

    fn waiting(schedule: Schedule) -> NoiseModel {
        let durations = [("x".to_string(), 1.0), ("cx".to_string(), 3.0), ("rz".to_string(), 0.0)].into();
        let durations = Durations { by_gate: durations, by_place: [(("x".to_string(), vec![2]), 2.0)].into() };
        let relaxation = vec![Relaxation { t1: 10.0, t2: 10.0, excited: 0.0 }];
        NoiseModel { idle: Some(Idle { schedule, relaxation, durations }), ..NoiseModel::default() }
    }

    /// The qubits that wait, and how long, from the weight of the coherence that is left.
    fn waits(model: &NoiseModel, operations: Vec<Operation>) -> Vec<String> {
        let noisy = model.apply(&circuit(operations), None, true).unwrap().circuit;
        let tell = |statement: &Statement| match &statement.operation {
            Operation::Channel { channel, qubits } => {
                let left = channel.superoperator()[(1, 1)].re;
                format!("wait {} for {:.3}", qubits[0], -10.0 * left.ln())
            }
            Operation::Gate(gate) => format!("{} {:?}", gate.name, gate.qubits),
            other => format!("{other:?}"),
        };
        noisy.statements.iter().map(tell).collect()
    }

    #[test]
    fn as_soon_as_possible_qubits_wait_afterwards() {
        let found = waits(
            &waiting(Schedule::Asap),
            vec![gate("x", &[0]), gate("x", &[2]), gate("rz", &[1]), gate("cx", &[0, 1])],
        );
        let expected = ["x [0]", "x [2]", "rz [1]", "wait 1 for 1.000", "cx [0, 1]", "wait 2 for 2.000"];
        assert_eq!(found, expected);
    }

    #[test]
    fn as_late_as_possible_qubits_wait_before() {
        let found = waits(
            &waiting(Schedule::Alap),
            vec![gate("x", &[0]), gate("x", &[2]), gate("rz", &[1]), gate("cx", &[0, 1])],
        );
        let expected = ["x [0]", "wait 2 for 2.000", "x [2]", "wait 1 for 1.000", "rz [1]", "cx [0, 1]"];
        assert_eq!(found, expected);
    }

    #[test]
    fn barriers_align_and_what_has_no_time_is_listed() {
        let barrier = Operation::Barrier { qubits: vec![0, 1, 2], snapshot: None };
        let found = waits(&waiting(Schedule::Asap), vec![gate("x", &[0]), barrier, gate("x", &[1])]);
        assert_eq!(found[1..3], ["wait 1 for 1.000", "wait 2 for 1.000"]);
        let error =
            waiting(Schedule::Asap).apply(&circuit(vec![gate("h", &[0]), gate("t", &[0])]), None, true).unwrap_err();
        assert!(error.what.contains("h, t"), "{error}");
        let condition = Operation::If { bits: vec![], value: 0, body: vec![], otherwise: vec![] };
        assert!(waiting(Schedule::Asap).apply(&circuit(vec![condition]), None, true).is_err());
    }
}
