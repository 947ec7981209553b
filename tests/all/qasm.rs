//! The OpenQASM reader on real files, on wrong ones, and on damaged ones.

use proptest::prelude::*;
use rhoshard::error::{Error, Result};
use rhoshard::formats::qasm::{Options, parse};
use rhoshard::model::{Circuit, Operation, Unitary};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

type Complex = num_complex::Complex64;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// All `.qasm` files of a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "qasm"));
    files.sort();
    files
}

fn no_files(path: &Path) -> Result<Vec<u8>> {
    Err(Error::input("no such file").in_file(path.display()))
}

fn with_theta() -> Options {
    Options { parameters: BTreeMap::from([("theta".to_string(), 0.3)]), ..Options::default() }
}

fn read(source: &[u8], file: &Path) -> Result<Circuit> {
    parse(source, file, &Options::default(), &mut no_files)
}

fn fixture(name: &str) -> Circuit {
    let path = fixtures().join(name);
    let source = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    read(&source, &path).unwrap_or_else(|error| panic!("{error}"))
}

/// Numbers of gates, measurements, resets, conditions, barriers and channels.
fn counts(circuit: &Circuit) -> [usize; 6] {
    let mut counts = [0; 6];
    for statement in &circuit.statements {
        let kind = match statement.operation {
            Operation::Gate(_) => 0,
            Operation::Measure { .. } => 1,
            Operation::Reset { .. } => 2,
            Operation::If { .. } => 3,
            Operation::Barrier { .. } => 4,
            Operation::Channel { .. } => 5,
        };
        counts[kind] += 1;
    }
    counts
}

#[test]
fn every_fixture_is_read() {
    for (folder, least) in [("qasmbench", 27), ("lret", 16)] {
        let files = files(&fixtures().join(folder));
        assert!(files.len() >= least, "{folder} has {} files", files.len());
        for file in files {
            let circuit = read(&std::fs::read(&file).unwrap(), &file).unwrap_or_else(|error| panic!("{error}"));
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            let stated = name.rsplit(['n', 'h']).next().and_then(|digits| digits.parse::<usize>().ok());
            // gcm_h6 is named after a molecule; the random circuits carry depth and seed behind the size.
            if folder == "qasmbench" && name != "gcm_h6" {
                assert_eq!(Some(circuit.qubits()), stated, "{name}");
            }
        }
    }
}

/// The numbers were counted in the text of the files by another program; those of the adder by hand.
#[test]
fn fixtures_have_the_gates_their_text_has() {
    for (name, qubits, expected) in [
        ("qasmbench/adder_n10.qasm", 10, [30, 5, 0, 0, 0, 0]),
        ("qasmbench/basis_change_n3.qasm", 3, [33, 3, 0, 0, 0, 0]),
        ("qasmbench/bv_n19.qasm", 19, [56, 18, 0, 0, 2, 0]),
        ("qasmbench/dnn_n16.qasm", 16, [2016, 16, 0, 0, 0, 0]),
        ("qasmbench/error_correctiond3_n5.qasm", 5, [114, 5, 0, 0, 0, 0]),
        ("qasmbench/gcm_h6.qasm", 13, [3148, 1, 0, 0, 0, 0]),
        ("qasmbench/inverseqft_n4.qasm", 4, [8, 4, 0, 6, 1, 0]),
        ("qasmbench/ising_n26.qasm", 26, [280, 26, 0, 0, 1, 0]),
        ("qasmbench/multiplier_n15.qasm", 15, [70, 3, 0, 0, 0, 0]),
        ("qasmbench/qft_n18.qasm", 18, [783, 18, 0, 0, 1, 0]),
        ("qasmbench/shor_n5.qasm", 5, [16, 3, 2, 4, 0, 0]),
        ("qasmbench/square_root_n18.qasm", 18, [480, 13, 65, 0, 0, 0]),
        ("qasmbench/vqe_n4.qasm", 4, [89, 4, 0, 0, 1, 0]),
        ("lret/random_n8_d13_s42.qasm", 8, [150, 0, 0, 0, 0, 104]),
    ] {
        let circuit = fixture(name);
        assert_eq!((circuit.qubits(), counts(&circuit)), (qubits, expected), "{name}");
    }
}

/// `qelib1.inc` as published, its definitions read as a user's, against the built-in gates, up to a global phase.
#[test]
fn library_gates_equal_the_published_definitions() {
    let library = std::fs::read_to_string(fixtures().join("qasmbench/qelib1.inc")).unwrap();
    let mut compared = 0;
    for (name, parameters, qubits) in signatures(&library) {
        let angles = ["0.31", "-1.2", "2.3"][..parameters].join(",");
        let operands: Vec<String> = (0..qubits).map(|qubit| format!("q[{}]", (qubit + 2) % qubits)).collect();
        let call = format!("qreg q[{qubits}]; {name}({angles}) {};", operands.join(","));
        let built_in = format!("OPENQASM 2.0; include \"qelib1.inc\"; {call}");
        let defined = format!("OPENQASM 2.0; {} {call}", repaired(&library));
        let [built_in, defined] =
            [built_in, defined].map(|source| unitary(&read(source.as_bytes(), Path::new("x")).unwrap()));
        let overlap: Complex = built_in.iter().zip(&defined).map(|(a, b)| a.conj() * b).sum();
        assert!((overlap.norm() - (1 << qubits) as f64).abs() < 1e-12, "{name}");
        compared += 1;
    }
    assert_eq!(compared, 35);
}

/// This edition of the file has three wrong signs, which Qiskit corrected later: its `c3sqrtx` is the inverse of the
/// root, and its `c4x` is not a controlled X.
fn repaired(library: &str) -> String {
    let (before, after) = library.split_once("gate c3sqrtx").expect("the file defines c3sqrtx");
    let (root, _) = after.split_once("gate c4x").expect("the file ends with c4x");
    let root = root.replace("cu1(-pi/8)", "cu1(MINUS)").replace("cu1(pi/8)", "cu1(-pi/8)").replace("MINUS", "pi/8");
    let c4x = "h e; cu1(pi/2) d,e; h e; c3x a,b,c,d; h e; cu1(-pi/2) d,e; h e; c3x a,b,c,d; c3sqrtx a,b,c,e;";
    format!("{before}gate c3sqrtx{root}gate c4x a,b,c,d,e {{ {c4x} }}")
}

/// Name, number of parameters and of qubits of each gate defined in the text.
fn signatures(text: &str) -> Vec<(String, usize, usize)> {
    let definitions = text.lines().filter_map(|line| line.strip_prefix("gate "));
    let signature = |line: &str| {
        let head = line.split('{').next().unwrap_or("").trim();
        let name: String = head.chars().take_while(|c| c.is_alphanumeric()).collect();
        let rest = &head[name.len()..];
        let (parameters, qubits) = match rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            Some((parameters, qubits)) => (parameters.split(',').count(), qubits),
            None => (0, rest),
        };
        (name, parameters, qubits.split(',').count())
    };
    definitions.map(signature).collect()
}

/// The unitary of a circuit of gates, entry by entry, column after column.
fn unitary(circuit: &Circuit) -> Vec<Complex> {
    let size = 1 << circuit.qubits();
    let column = |start: usize| {
        let mut state = vec![Complex::ZERO; size];
        state[start] = Complex::ONE;
        for statement in &circuit.statements {
            let Operation::Gate(gate) = &statement.operation else { panic!("only gates") };
            state = gate.body.iter().fold(state, |state, step| applied(step, &state));
        }
        state
    };
    (0..size).flat_map(column).collect()
}

fn applied(unitary: &Unitary, state: &[Complex]) -> Vec<Complex> {
    let mut result = vec![Complex::ZERO; state.len()];
    for (from, &amplitude) in state.iter().enumerate() {
        if unitary.controls.iter().any(|control| (from >> control.qubit & 1 == 1) != control.value) {
            result[from] += amplitude;
            continue;
        }
        let column: usize = unitary.targets.iter().enumerate().map(|(at, &qubit)| (from >> qubit & 1) << at).sum();
        for row in 0..unitary.matrix.nrows() {
            let put = |to: usize, (at, &qubit): (usize, &usize)| to & !(1 << qubit) | (row >> at & 1) << qubit;
            result[unitary.targets.iter().enumerate().fold(from, put)] += amplitude * unitary.matrix[(row, column)];
        }
    }
    result
}

/// Each file of `tests/configs/qasm_bad` starts with `// expect: text` and, where the line matters, `// line: number`.
#[test]
fn wrong_files_are_refused_with_their_message() {
    let files = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs/qasm_bad"));
    assert!(files.len() >= 40, "{} files", files.len());
    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        let marked = |mark: &str| source.lines().find_map(|line| line.split_once(mark)).map(|(_, text)| text.trim());
        let expected = marked("// expect:").unwrap_or_else(|| panic!("{} states no expectation", file.display()));
        let error = match read(source.as_bytes(), &file) {
            Err(error) => error,
            Ok(_) => panic!("{} was accepted", file.display()),
        };
        assert!(error.to_string().contains(expected), "{}: expected `{expected}`, got\n{error}", file.display());
        assert_eq!(error.file, Some(file.display().to_string()));
        if let Some(line) = marked("// line:") {
            assert_eq!(error.line, line.parse().ok(), "{}: {error}", file.display());
        }
    }
}

#[test]
fn long_files_are_read() {
    let gates: usize = 100_000;
    let mut source = String::from("OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[20];\n");
    for gate in 0..gates {
        source += &format!("cx q[{}],q[{}];\nrz(pi/{}) q[{}];\n", gate % 20, (gate + 7) % 20, gate + 1, gate % 20);
    }
    let circuit = read(source.as_bytes(), Path::new("long.qasm")).unwrap();
    assert_eq!(circuit.statements.len(), 2 * gates);
}

/// Damages `source`: removes, repeats, swaps or overwrites bytes, or cuts it short.
fn damaged(mut source: Vec<u8>, damage: &[(u8, prop::sample::Index, prop::sample::Index)]) -> Vec<u8> {
    for (kind, first, second) in damage {
        if source.is_empty() {
            break;
        }
        let (a, b) = (first.index(source.len()), second.index(source.len()));
        let (low, high) = (a.min(b), a.max(b));
        match kind % 6 {
            0 => drop(source.drain(low..(low + 1 + high % 7).min(source.len()))),
            1 => source.swap(a, b),
            2 => source.truncate(source.len() - (source.len() - high).min(40)),
            3 => source[a] = source[b],
            4 => source[a] = (b % 256) as u8,
            _ => {
                let piece: Vec<u8> = source[low..(low + 20).min(source.len())].to_vec();
                drop(source.splice(high..high, piece));
            }
        }
    }
    source
}

/// A file that uses every construct, so that damage reaches all of them.
const EVERYTHING: &str = "OPENQASM 3.0;
include \"stdgates.inc\";
input float theta;
qubit[4] q; qubit a; bit[4] c; bit d;
const int n = 3; float x = pi / 2 + sin(0.5) ** 2; bool b = n > 2 && !(n == 4);
gate g(t, u) r, s { rz(t * u) r; ctrl @ gphase(t) s; for int k in [0:1] { cx r, s; } }
let both = q[0:1] ++ q[{3}];
for int i in [0:n-1] { g(x, i) q[i], q[(i + 1) % 4]; if (i == 2) h q; else { x q[-1]; } }
ctrl(2) @ pow(1/2) @ inv @ g(0.1, 2) q[0], a, q[1], q[2];
#pragma braket noise kraus([[0.9, 0], [0, 0.9]], [[0, 0.4358898943540674im], [-0.4358898943540674im, 0]]) q[0]
#pragma braket noise two_qubit_depolarizing(0.1) q[0], q[1]
#pragma braket unitary([[0, 1], [1, 0]]) a
c = measure q; d = measure a; barrier q, a; reset both;
if (c == 5) { x a; } if (!d) y a; else { z a; }
box { negctrl @ swap q[0], q[1], a; }
";

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_never_panic(
        choice in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<u8>(), any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..6),
    ) {
        let small = ["adder_n10", "inverseqft_n4", "shor_n5", "simon_n6", "qec_en_n5", "teleportation_n3"];
        let source = match choice.index(small.len() + 4) {
            at if at < small.len() => std::fs::read(fixtures().join(format!("qasmbench/{}.qasm", small[at]))).unwrap(),
            _ => EVERYTHING.into(),
        };
        let options = with_theta();
        let outcome = parse(&damaged(source, &damage), Path::new("damaged.qasm"), &options, &mut no_files);
        if let Err(error) = outcome {
            prop_assert!(!error.what.is_empty() && error.file.is_some());
            prop_assert!(error.kind == rhoshard::error::ErrorKind::Input, "{error}");
        }
    }
}

#[test]
fn the_undamaged_file_is_accepted() {
    let options = with_theta();
    parse(EVERYTHING.as_bytes(), Path::new("everything.qasm"), &options, &mut no_files).unwrap();
}
