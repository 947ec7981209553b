//! Registers, loops, conditions, measurement, inputs, includes.

use super::*;

fn operations(circuit: &Circuit) -> Vec<String> {
    circuit.statements.iter().map(|statement| describe(&statement.operation)).collect()
}

fn describe(operation: &Operation) -> String {
    match operation {
        Operation::Gate(gate) => format!("{} {:?}", gate.name, gate.qubits),
        Operation::Measure { qubit, bit: Some(bit) } => format!("measure {qubit} {bit}"),
        Operation::Measure { qubit, bit: None } => format!("measure {qubit}"),
        Operation::Reset { qubit } => format!("reset {qubit}"),
        Operation::Barrier { qubits, snapshot: None } => format!("barrier {qubits:?}"),
        Operation::Barrier { qubits, snapshot: Some(name) } => format!("barrier {qubits:?} snapshot {name}"),
        Operation::Channel { channel, qubits } => format!("{} {qubits:?}", channel.name()),
        Operation::If { bits, value, body, otherwise } => {
            let told = |body: &[crate::model::Statement]| {
                body.iter().map(|statement| describe(&statement.operation)).collect::<Vec<String>>()
            };
            let otherwise = if otherwise.is_empty() { String::new() } else { format!(" else {:?}", told(otherwise)) };
            format!("if {bits:?} {value} {:?}{otherwise}", told(body))
        }
    }
}

#[test]
fn registers_number_qubits_and_bits_in_the_order_of_declaration() {
    let circuit = two("qreg a[2]; creg c[1]; qreg b[3]; creg d[2]; x b[0]; measure b[2] -> d[1];");
    assert_eq!((circuit.qubits(), circuit.bits()), (5, 3));
    assert_eq!((circuit.quantum_registers[1].start, circuit.classical_registers[1].start), (2, 1));
    assert_eq!(operations(&circuit), ["x [2]", "measure 4 2"]);
}

#[test]
fn calls_broadcast_over_registers() {
    let circuit =
        two("qreg a[2]; qreg b[2]; creg c[2]; h a; cx a, b; cx a[0], b; measure a -> c; reset b; barrier a, b[0];");
    let expected = [
        "h [0]",
        "h [1]",
        "cx [0, 2]",
        "cx [1, 3]",
        "cx [0, 2]",
        "cx [0, 3]",
        "measure 0 0",
        "measure 1 1",
        "reset 2",
        "reset 3",
        "barrier [0, 1, 2]",
    ];
    assert_eq!(operations(&circuit), expected);
}

#[test]
fn expressions_of_openqasm_2_are_real_arithmetic() {
    for (expression, value) in [
        ("-pi/2", -std::f64::consts::FRAC_PI_2),
        ("2^3^2/512", 1.0),
        ("-2^2", -4.0),
        ("1/4*2", 0.5),
        ("sin(1)^2+cos(1)^2", 1.0),
        ("ln(exp(0.5))+sqrt(4)-tan(0)", 2.5),
        ("3-2-1", 0.0),
    ] {
        let circuit = two(&format!("qreg q[1]; p({expression}) q[0]; u1(-({value:e})) q[0];"));
        let near = unitary(&circuit) - crate::linalg::identity(2);
        assert!(near.iter().all(|entry| entry.norm() < 1e-14), "{expression}");
    }
}

#[test]
fn both_versions_give_the_same_circuit() {
    let old = two(
        "qreg q[3]; creg c[3]; gate g(a) x, y { rz(a/2) x; cx x, y; } h q; g(pi/3) q[0], q[2]; barrier q; measure q -> c;
         if (c == 5) x q[1]; reset q[0];",
    );
    let new = three(
        "qubit[3] q; bit[3] c; gate g(a) x, y { rz(a/2) x; cx x, y; } h q; g(pi/3) q[0], q[2]; barrier q; c = measure q;
         if (c == 5) { x q[1]; } reset q[0];",
    );
    let without_lines = |mut circuit: Circuit| {
        circuit.statements.iter_mut().for_each(|statement| {
            statement.line = 0;
            if let Operation::If { body, .. } = &mut statement.operation {
                body.iter_mut().for_each(|inner| inner.line = 0);
            }
        });
        circuit
    };
    assert_eq!(without_lines(old), without_lines(new));
}

#[test]
fn expanded_gates_carry_the_line_of_the_call() {
    let circuit =
        read("OPENQASM 2.0;\ninclude \"qelib1.inc\";\ngate g a {\n h a;\n t a;\n}\nqreg q[1];\n\ng q[0];").unwrap();
    assert_eq!(circuit.statements.iter().map(|statement| statement.line).collect::<Vec<_>>(), [9, 9]);
}

#[test]
fn loops_unroll_with_their_scopes() {
    let circuit = three(
        "qubit[6] q; const int n = 3; int total = 0;
         for int i in [0:n-1] { int k = i * 2; x q[k]; total += k; }
         for uint[8] i in [5:-2:0] y q[i];
         for int i in {1, 5} z q[i];
         for int i in [3:2] h q[i];
         if (total == 6) s q[0]; else t q[0];",
    );
    assert_eq!(operations(&circuit), ["x [0]", "x [2]", "x [4]", "y [5]", "y [3]", "y [1]", "z [1]", "z [5]", "s [0]"]);
}

#[test]
fn indices_take_ranges_sets_aliases_and_negative_values() {
    let circuit = three(
        "qubit[5] q; qubit a; let low = q[0:1]; let both = q[3:4] ++ low; let odd = q[1:2:4];
         x q[-1]; y q[{0, 3}]; z low; h both[0]; s both[-1]; t odd; x q[3:]; y q[:1]; z q[4:-2:0]; x a; y both[1:2][0];",
    );
    let expected = [
        "x [4]", "y [0]", "y [3]", "z [0]", "z [1]", "h [3]", "s [1]", "t [1]", "t [3]", "x [3]", "x [4]", "y [0]",
        "y [1]", "z [4]", "z [2]", "z [0]", "x [5]", "y [4]",
    ];
    assert_eq!(operations(&circuit), expected);
}

#[test]
fn measurement_takes_all_its_forms() {
    let circuit = three(
        "qubit[3] q; bit[3] c; bit single; measure q[0]; c[1] = measure q[1]; measure q -> c; single = measure q[2];
         bit[2] later = measure q[0:1]; output bit result; result = measure q[0]; bit[2] zero = \"00\";",
    );
    let expected = [
        "measure 0",
        "measure 1 1",
        "measure 0 0",
        "measure 1 1",
        "measure 2 2",
        "measure 2 3",
        "measure 0 4",
        "measure 1 5",
        "measure 0 6",
    ];
    assert_eq!(operations(&circuit), expected);
    assert_eq!(circuit.bits(), 9);
}

#[test]
fn other_values_of_a_register_are_the_other_branch() {
    let circuit = three(
        "qubit q; bit[2] c; if (c != 2) x q; if (c == 1) y q; else z q; if (c != 3) x q; else y q;
         if (c[0] || !c[1]) s q; if (!(c == 0)) t q;",
    );
    let expected = [
        "if [0, 1] 2 [] else [\"x [0]\"]",
        "if [0, 1] 1 [\"y [0]\"] else [\"z [0]\"]",
        "if [0, 1] 3 [\"y [0]\"] else [\"x [0]\"]",
        "if [0, 1] 2 [] else [\"s [0]\"]",
        "if [0, 1] 0 [] else [\"t [0]\"]",
    ];
    assert_eq!(operations(&circuit), expected);
}

#[test]
fn while_loops_end_by_their_condition_or_their_limit() {
    let known = three("qubit q; int i = 0; while (i < 3) { x q; i += 1; }");
    assert_eq!(operations(&known), ["x [0]"; 3]);
    let source = "OPENQASM 3.0; include \"stdgates.inc\"; qubit q; bit c = 1; while (c) { h q; c = measure q; }";
    let options = Options { while_passes: 2, ..Options::default() };
    let measured = parse(source.as_bytes(), Path::new("test.qasm"), &options, &mut no_files);
    assert_eq!(measured.map(|circuit| circuit.statements.len()).ok(), None, "a bit has no value before it is measured");
    let source = source.replace("bit c = 1;", "bit c; c = measure q;").replace("(c)", "(!c)");
    let measured = parse(source.as_bytes(), Path::new("test.qasm"), &options, &mut no_files).unwrap();
    assert_eq!(operations(&measured)[1..], ["if [0] 0 [\"h [0]\", \"measure 0 0\"]"; 2]);
    assert!(refusal("OPENQASM 3.0; while (true) { }").what.contains("steps"));
}

#[test]
fn conditions_on_measured_bits_become_tests() {
    let circuit = three(
        "qubit[2] q; bit[2] c; bit d; c = measure q; d = measure q[0];
         if (c == 2) x q[0]; if (3 == c) { x q[0]; y q[1]; } if (d) z q[0]; if (!c[1]) z q[1]; if (c[0] == 1) h q[0];
         if (d != true) h q[1]; if (c[1] && !d) s q[0]; if (c == \"01\") t q[0]; if (d) x q[0]; else y q[0];
         if (c == 1) { if (d) x q[1]; }",
    );
    let expected = [
        "if [0, 1] 2 [\"x [0]\"]",
        "if [0, 1] 3 [\"x [0]\", \"y [1]\"]",
        "if [2] 1 [\"z [0]\"]",
        "if [1] 0 [\"z [1]\"]",
        "if [0] 1 [\"h [0]\"]",
        "if [2] 0 [\"h [1]\"]",
        "if [1, 2] 1 [\"s [0]\"]",
        "if [0, 1] 1 [\"t [0]\"]",
        "if [2] 1 [\"x [0]\"] else [\"y [0]\"]",
        "if [0, 1] 1 [\"if [2] 1 [\\\"x [1]\\\"]\"]",
    ];
    assert_eq!(operations(&circuit)[3..], expected);
}

#[test]
fn classical_values_follow_their_types() {
    let circuit = three(
        "qubit[20] q; const float half = 1/2; int k = 7 / 2; float f = 7 / 2; uint[4] u = 15; bool b = k == 3 && u > 14;
         angle a = half * pi; int m = int(3.9) + int[8](-2.5); const int bits = popcount(13) + sizeof(q) % 7;
         if (b) x q[k]; if (f == 3.5) x q[m]; x q[bits]; x q[2**3]; x q[mod(17, 5)]; x q[1 << 4]; x q[(6 ^ 3) & 7 | 8];
         x q[floor(7.9)]; rz(a) q[0]; k -= 3; k = k + 1; x q[k];",
    );
    let expected = ["x [3]", "x [1]", "x [9]", "x [8]", "x [2]", "x [16]", "x [13]", "x [7]", "rz [0]", "x [1]"];
    assert_eq!(operations(&circuit), expected);
}

#[test]
fn inputs_are_bound_from_outside() {
    let source = "OPENQASM 3.0; include \"stdgates.inc\"; input float theta; input int k; qubit[3] q; rx(theta) q[k];";
    let bound = |pairs: &[(&str, f64)]| {
        let parameters = pairs.iter().map(|(name, value)| (name.to_string(), *value)).collect();
        let options = Options { parameters, ..Options::default() };
        parse(source.as_bytes(), Path::new("test.qasm"), &options, &mut no_files)
    };
    assert_same(&bound(&[("theta", 0.3), ("k", 2.0)]).unwrap(), &three("qubit[3] q; rx(0.3) q[2];"), "bound");
    let missing = bound(&[("k", 1.0)]).unwrap_err();
    assert!(missing.to_string().contains("`theta`") && missing.to_string().contains("parameters = { theta = 0.3 }"));
    let unknown = bound(&[("theta", 0.3), ("k", 1.0), ("thetta", 0.1)]).unwrap_err();
    assert_eq!(unknown.next.as_deref(), Some("did you mean `theta`?"));
    assert_eq!(unknown.allowed.as_deref(), Some("theta, k"));
    assert!(bound(&[("theta", 0.3), ("k", 1.5)]).unwrap_err().what.contains("1.5"));
}

#[test]
fn included_files_are_read_relative_to_the_file_that_includes_them() {
    let mut asked = vec![];
    let mut files = |path: &Path| {
        asked.push(path.to_string_lossy().into_owned());
        match asked.len() {
            1 => Ok(b"include \"deep/inner.inc\";\n gate outer a { inner a; }".to_vec()),
            _ => Ok(b"gate inner a { U(0,0,0.1) a; }".to_vec()),
        }
    };
    let source = b"OPENQASM 2.0;\n\ninclude \"lib/mine.inc\"; qreg q[1];\nouter q[0];";
    let circuit = parse(source, Path::new("jobs/main.qasm"), &Options::default(), &mut files).unwrap();
    assert_eq!(gates(&circuit), ["U [0]"]);
    assert_eq!(asked, ["jobs/lib/mine.inc", "jobs/lib/deep/inner.inc"]);
}

#[test]
fn a_definition_may_replace_a_gate_of_qelib1_but_not_of_stdgates() {
    let circuit = two("gate rzz(a) x, y { cx x, y; u1(a) y; cx x, y; } qreg q[2]; rzz(0.1) q[0], q[1];");
    assert_eq!(gates(&circuit), ["cx [0, 1]", "u1 [1]", "cx [0, 1]"]);
    let own = read("OPENQASM 3.0; gate h a { U(pi/2, 0, pi) a; } qubit q; h q;").unwrap();
    assert_eq!(gates(&own), ["U [0]"]);
    let taken = refusal("OPENQASM 3.0; include \"stdgates.inc\"; gate h a { U(pi/2, 0, pi) a; } qubit q; h q;");
    assert!(taken.what.contains("defined by `stdgates.inc`"));
}

#[test]
fn definitions_see_constants_and_their_own_names_only() {
    let circuit = three("const float c = 0.5; gate g(a) x { for int i in [1:2] rz(a * c * i) x; } qubit x; g(1.0) x;");
    assert_eq!(gates(&circuit), ["rz [0]", "rz [0]"]);
    let hidden = refusal("OPENQASM 3.0; include \"stdgates.inc\"; qubit q; gate g a { x q; } g q;");
    assert!(hidden.what.contains("unknown qubit"), "{hidden}");
}

#[test]
fn names_that_are_words_of_openqasm_3_are_free_in_openqasm_2() {
    let circuit = two(
        "gate inv a { x a; } gate box a { inv a; } qreg qubit[2]; creg bit[2]; box qubit[1]; measure qubit -> bit;",
    );
    assert_eq!(gates(&circuit), ["x [1]"]);
}

#[test]
fn words_without_effect_are_accepted() {
    let circuit = three(
        "qubit[2] q;\n@note keep this\nx q[0];;\n#pragma other vendor ( [ text\npragma another thing\nbox { y q[0]; }\n
         { z q[1]; } /* a\n comment */ barrier; gphase(0.3);",
    );
    assert_eq!(operations(&circuit), ["x [0]", "y [0]", "z [1]", "barrier [0, 1]"]);
}
