//! Pragmas of the Braket convention.

use super::*;
use crate::linalg::multiply;
use crate::model::Channel;

fn channels(circuit: &Circuit) -> Vec<(&Channel, &[usize])> {
    let found = circuit.statements.iter().filter_map(|statement| match &statement.operation {
        Operation::Channel { channel, qubits } => Some((channel, qubits.as_slice())),
        _ => None,
    });
    found.collect()
}

#[test]
fn named_channels_act_at_their_place() {
    let circuit = three(
        "qubit[3] q; x q[0];\n#pragma braket noise bit_flip(0.1) q[0]\n#pragma braket noise pauli_channel(0.1, 0.2, 1/10) q[2]
         #pragma braket noise two_qubit_dephasing(0.1) q[0], q[2]\n#pragma braket noise depolarizing(0.01) q\n
         #pragma braket noise phase_damping(0.2) all\n",
    );
    let found: Vec<String> =
        channels(&circuit).iter().map(|(channel, qubits)| format!("{} {qubits:?}", channel.name())).collect();
    assert_eq!(found[..3], ["bit_flip [0]", "pauli_channel [2]", "two_qubit_dephasing [2, 0]"]);
    assert_eq!(found[3..6], ["depolarizing [0]", "depolarizing [1]", "depolarizing [2]"]);
    assert_eq!(found.len(), 9);
}

#[test]
fn kraus_operators_take_complex_numbers() {
    let circuit = three(
        "qubit[1] q;\n#pragma braket noise kraus([[0.9486832980505138, 0], [0, 0.9486832980505138]], [[0, -0.31622776601683794im], [0.31622776601683794im, 0]]) q[0]\n",
    );
    let (channel, qubits) = channels(&circuit)[0];
    assert_eq!((channel.kraus().len(), qubits), (2, &[0][..]));
    let y = channel.kraus()[1].mapv(|entry| entry / 0.1f64.sqrt());
    assert!((y[(0, 1)] + Complex64::I).norm() < 1e-12 && (y[(1, 0)] - Complex64::I).norm() < 1e-12);
}

/// The first listed qubit is the most significant bit: `diag(1,1,i,-i)` is a controlled gate of the first qubit.
#[test]
fn matrices_list_the_most_significant_qubit_first() {
    let control = "[[1,0,0,0],[0,1,0,0],[0,0,0,1],[0,0,1,0]]";
    let cx = three("qubit[2] q; cx q[0], q[1];");
    let matrix = three(&format!("qubit[2] q;\n#pragma braket unitary({control}) q[0], q[1]\n"));
    assert_same(&matrix, &cx, "unitary");
    assert_eq!(gates(&matrix), ["unitary [0, 1]"]);
    let kraus = three(&format!("qubit[2] q;\n#pragma braket noise kraus({control}) q[0], q[1]\n"));
    let (channel, qubits) = channels(&kraus)[0];
    assert_eq!(qubits, [1, 0]);
    let unitary_of_channel = Unitary { controls: vec![], targets: qubits.to_vec(), matrix: channel.kraus()[0].clone() };
    let mut state = vec![Complex64::ZERO; 4];
    state[1] = Complex64::ONE;
    assert_eq!(applied(&unitary_of_channel, &state)[3], Complex64::ONE, "control on qubit 0 flips qubit 1");
}

#[test]
fn a_rounded_unitary_is_made_unitary() {
    let circuit = three(
        "qubit[1] q;\n#pragma braket unitary([[0.7071067812, 0.7071067812], [0.7071067812, -0.7071067812]]) q[0]\n",
    );
    let Operation::Gate(gate) = &circuit.statements[0].operation else { panic!("not a gate") };
    let squared = multiply(&gate.body[0].matrix, &gate.body[0].matrix);
    assert!((squared - crate::linalg::identity(2)).iter().all(|entry| entry.norm() < 1e-15));
}

#[test]
fn results_and_verbatim_boxes_are_passed_over() {
    let circuit =
        three("qubit[1] q;\n#pragma braket verbatim\nbox{ x q[0]; }\n#pragma braket result expectation z(q[0])\n");
    assert_eq!(gates(&circuit), ["x [0]"]);
}
