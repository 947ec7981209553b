//! Gates and modifiers: matrices with their phases.

use super::*;
use crate::model::gate::{GATES, Library};

/// Two bodies on the same qubits have the same unitary, phase included.
fn assert_equal_bodies(left: &str, right: &str) {
    let declared = |body: &str| three(&format!("include \"qelib1.inc\"; qubit[4] q; {body}"));
    assert_same(&declared(left), &declared(right), &format!("{left}  against  {right}"));
}

#[test]
fn modifiers_make_the_library_gates() {
    for (modified, plain) in [
        ("ctrl @ rz(0.7) q[0], q[1];", "crz(0.7) q[0], q[1];"),
        ("ctrl @ rx(0.7) q[0], q[1];", "crx(0.7) q[0], q[1];"),
        ("ctrl @ p(0.7) q[0], q[1];", "cp(0.7) q[0], q[1];"),
        ("ctrl @ x q[2], q[1];", "cx q[2], q[1];"),
        ("ctrl @ sx q[2], q[1];", "csx q[2], q[1];"),
        ("ctrl @ h q[2], q[1];", "ch q[2], q[1];"),
        ("ctrl @ ctrl @ x q[0], q[1], q[2];", "ccx q[0], q[1], q[2];"),
        ("ctrl(2) @ x q[0], q[1], q[2];", "ccx q[0], q[1], q[2];"),
        ("ctrl(3) @ sx q[0], q[1], q[2], q[3];", "c3sqrtx q[0], q[1], q[2], q[3];"),
        ("ctrl @ swap q[0], q[1], q[2];", "cswap q[0], q[1], q[2];"),
        ("ctrl @ u(0.1, 0.2, 0.3) q[0], q[1];", "cu3(0.1, 0.2, 0.3) q[0], q[1];"),
        ("ctrl @ gphase(0.4) q[1];", "p(0.4) q[1];"),
        ("ctrl @ ctrl @ gphase(0.4) q[1], q[0];", "cp(0.4) q[1], q[0];"),
        ("negctrl @ gphase(0.4) q[1];", "x q[1]; p(0.4) q[1]; x q[1];"),
        ("negctrl @ x q[0], q[1];", "x q[0]; cx q[0], q[1]; x q[0];"),
        ("negctrl(2) @ x q[0], q[1], q[2];", "x q[0]; x q[1]; ccx q[0], q[1], q[2]; x q[0]; x q[1];"),
        ("negctrl @ ctrl @ x q[0], q[1], q[2];", "x q[0]; ccx q[0], q[1], q[2]; x q[0];"),
        ("inv @ s q[0];", "sdg q[0];"),
        ("inv @ ctrl @ sx q[0], q[1];", "ctrl @ sxdg q[0], q[1];"),
        ("ctrl @ inv @ sx q[0], q[1];", "ctrl @ sxdg q[0], q[1];"),
        ("inv @ U(0.1, 0.2, 0.3) q[0];", "U(-0.1, -0.3, -0.2) q[0];"),
        ("ctrl @ inv @ U(0.1, 0.2, 0.3) q[1], q[0];", "ctrl @ U(-0.1, -0.3, -0.2) q[1], q[0];"),
    ] {
        assert_equal_bodies(modified, plain);
    }
}

#[test]
fn powers_take_the_principal_branch() {
    for (power, plain) in [
        ("pow(0.5) @ x q[0];", "sx q[0];"),
        ("pow(1/2) @ z q[0];", "s q[0];"),
        ("inv @ pow(1/2) @ z q[0];", "sdg q[0];"),
        ("pow(-0.5) @ x q[0];", "sxdg q[0];"),
        ("pow(0.25) @ z q[0];", "t q[0];"),
        ("pow(-2) @ s q[0];", "z q[0];"),
        ("pow(2) @ sx q[0];", "x q[0];"),
        ("pow(0) @ x q[0];", ""),
        ("pow(1000003) @ x q[0];", "x q[0];"),
        ("pow(1000001) @ s q[0];", "s q[0];"),
        ("ctrl @ pow(0.5) @ x q[0], q[1];", "csx q[0], q[1];"),
        ("pow(0.5) @ ctrl @ x q[0], q[1];", "csx q[0], q[1];"),
        ("pow(0.5) @ cx q[0], q[1];", "csx q[0], q[1];"),
        ("pow(3) @ rx(0.4) q[0];", "rx(1.2) q[0];"),
        ("pow(1.5) @ rx(0.4) q[0];", "rx(0.6) q[0];"),
        ("pow(0.5) @ iswap q[0], q[1]; pow(0.5) @ iswap q[0], q[1];", "iswap q[0], q[1];"),
        ("pow(0.5) @ swap q[0], q[1]; pow(0.5) @ swap q[0], q[1];", "swap q[0], q[1];"),
    ] {
        assert_equal_bodies(power, plain);
    }
}

#[test]
fn powers_of_definitions_are_powers_of_the_whole() {
    let definition = "gate g a, b { h a; cx a, b; t b; gphase(0.3); }";
    let circuit = |body: &str| three(&format!("{definition} qubit[3] q; {body}"));
    let once = "pow(1) @ g q[2], q[0];";
    for (power, plain) in [
        ("pow(2) @ g q[2], q[0];".to_string(), once.repeat(2)),
        (format!("pow(-1) @ g q[2], q[0]; {once}"), String::new()),
        ("pow(1/3) @ g q[2], q[0];".repeat(3), once.into()),
        ("ctrl @ pow(1/2) @ g q[1], q[2], q[0];".repeat(2), "ctrl @ g q[1], q[2], q[0];".into()),
        ("pow(-20001) @ g q[2], q[0];".into(), "pow(-20000) @ g q[2], q[0]; inv @ g q[2], q[0];".into()),
    ] {
        assert_same(&circuit(&power), &circuit(&plain), &power);
    }
}

#[test]
fn a_controlled_definition_keeps_its_phases() {
    let definitions =
        "gate mine(a) q { gphase(-a/2); U(0, 0, a) q; } gate twice(a) q, r { mine(a) q; ctrl @ mine(a) q, r; }";
    let circuit = |body: &str| three(&format!("{definitions} qubit[3] q; {body}"));
    let nested = circuit("ctrl @ twice(0.7) q[2], q[0], q[1];");
    let plain = circuit("crz(0.7) q[2], q[0]; ctrl(2) @ rz(0.7) q[2], q[0], q[1];");
    assert_same(&nested, &plain, "nested");
    assert_eq!(gates(&nested), ["ctrl @ twice [2, 0, 1]"]);
    let negative = circuit("inv @ negctrl @ mine(0.7) q[0], q[1];");
    assert_same(&negative, &circuit("x q[0]; crz(-0.7) q[0], q[1]; x q[0];"), "negative");
}

#[test]
fn the_controlled_u_has_the_form_of_the_specification() {
    let built_in = three("qubit[2] q; ctrl @ U(0.3, 0.5, 0.7) q[0], q[1];");
    let library = three("qubit[2] q; cu(0.3, 0.5, 0.7, 0.3/2) q[0], q[1];");
    assert_same(&built_in, &library, "ctrl @ U = cu with gamma = theta/2");
    let decomposed = two(
        "qreg q[2]; u1(0.3/2) q[0]; u1((0.7+0.5)/2) q[0]; u1((0.7-0.5)/2) q[1]; cx q[0],q[1]; u3(-0.3/2,0,-(0.5+0.7)/2) q[1];
         cx q[0],q[1]; u3(0.3/2,0.5,0) q[1];",
    );
    assert!(same_up_to_phase(&built_in, &decomposed));
}

/// `stdgates.inc` of the specification, its definitions renamed so that each is compared with the built-in gate.
const STDGATES: &str = "
gate p_(l) a { ctrl @ gphase(l) a; }
gate x_ a { U(pi, 0, pi) a; gphase(-pi/2); }
gate y_ a { U(pi, pi/2, pi/2) a; gphase(-pi/2); }
gate z_ a { p_(pi) a; }
gate h_ a { U(pi/2, 0, pi) a; gphase(-pi/4); }
gate s_ a { pow(1/2) @ z_ a; }
gate sdg_ a { inv @ pow(1/2) @ z_ a; }
gate t_ a { pow(1/2) @ s_ a; }
gate tdg_ a { inv @ pow(1/2) @ s_ a; }
gate sx_ a { pow(1/2) @ x_ a; }
gate rx_(v) a { U(v, -pi/2, pi/2) a; gphase(-v/2); }
gate ry_(v) a { U(v, 0, 0) a; gphase(-v/2); }
gate rz_(v) a { gphase(-v/2); U(0, 0, v) a; }
gate cx_ a, b { ctrl @ x_ a, b; }
gate cy_ a, b { ctrl @ y_ a, b; }
gate cz_ a, b { ctrl @ z_ a, b; }
gate cp_(l) a, b { ctrl @ p_(l) a, b; }
gate crx_(v) a, b { ctrl @ rx_(v) a, b; }
gate cry_(v) a, b { ctrl @ ry_(v) a, b; }
gate crz_(v) a, b { ctrl @ rz_(v) a, b; }
gate ch_ a, b { ctrl @ h_ a, b; }
gate swap_ a, b { cx_ a, b; cx_ b, a; cx_ a, b; }
gate ccx_ a, b, c { ctrl @ ctrl @ x_ a, b, c; }
gate cswap_ a, b, c { ctrl @ swap_ a, b, c; }
gate cu_(v, f, l, g) a, b { p_(g - v/2) a; ctrl @ U(v, f, l) a, b; }
gate phase_(l) q { U(0, 0, l) q; }
gate cphase_(l) a, b { ctrl @ phase_(l) a, b; }
gate id_ a { U(0, 0, 0) a; }
gate u1_(l) q { U(0, 0, l) q; }
gate u2_(f, l) q { gphase(-(f+l+pi/2)/2); U(pi/2, f, l) q; }
gate u3_(v, f, l) q { gphase(-(f+l+v)/2); U(v, f, l) q; }
";

#[test]
fn every_standard_gate_equals_its_definition_phase_included() {
    let standard = GATES.iter().filter(|kind| kind.is_in(Library::Stdgates) && kind.name != "CX");
    for kind in standard {
        let name = kind.name;
        let angles = ["0.31", "-1.2", "2.3", "0.7"][..kind.parameters].join(", ");
        let angles = if angles.is_empty() { angles } else { format!("({angles})") };
        // Under a control the global phase of the gate counts.
        let operands = ["q[2]", "q[0]", "q[1]"][..kind.qubits()].join(", ");
        let circuit = |name: &str| three(&format!("{STDGATES} qubit[4] q; ctrl @ {name}{angles} q[3], {operands};"));
        assert_same(&circuit(name), &circuit(&format!("{name}_")), name);
    }
}

#[test]
fn the_gates_of_qelib1_that_are_newer_equal_their_definitions() {
    for (call, definition) in [
        ("sx q[0];", "sdg q[0]; h q[0]; sdg q[0];"),
        ("sxdg q[0];", "s q[0]; h q[0]; s q[0];"),
        ("csx q[0], q[1];", "h q[1]; cu1(pi/2) q[0], q[1]; h q[1];"),
        ("cp(0.7) q[0], q[1];", "p(0.35) q[0]; cx q[0], q[1]; p(-0.35) q[1]; cx q[0], q[1]; p(0.35) q[1];"),
        (
            "cu(0.3, 0.5, 0.7, 0.9) q[0], q[1];",
            "p(0.9) q[0]; p(0.6) q[0]; p(0.1) q[1]; cx q[0], q[1]; u(-0.15, 0, -0.6) q[1]; cx q[0], q[1]; u(0.15, 0.5, 0) q[1];",
        ),
        (
            "ryy(0.7) q[0], q[1];",
            "rx(pi/2) q[0]; rx(pi/2) q[1]; cx q[0], q[1]; rz(0.7) q[1]; cx q[0], q[1]; rx(-pi/2) q[0]; rx(-pi/2) q[1];",
        ),
        ("iswap q[0], q[1];", "s q[0]; s q[1]; h q[0]; cx q[0], q[1]; cx q[1], q[0]; h q[1];"),
        (
            "c4x q[0], q[1], q[2], q[3], q[4];",
            "h q[4]; cu1(pi/2) q[3], q[4]; h q[4]; c3x q[0], q[1], q[2], q[3]; h q[4]; cu1(-pi/2) q[3], q[4]; h q[4]; c3x q[0], q[1], q[2], q[3]; c3sqrtx q[0], q[1], q[2], q[4];",
        ),
    ] {
        let circuit = |body: &str| two(&format!("qreg q[5]; {body}"));
        assert!(same_up_to_phase(&circuit(call), &circuit(definition)), "{call}");
    }
}
