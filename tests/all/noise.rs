//! Noise models of others against what Qiskit Aer finds with them (`scripts/noise_numbers.py`).

use crate::reference::DensityMatrix;
use crate::support;
use num_complex::Complex64;
use rhoshard::formats::noise::{Source, read, to_aer, to_toml};
use rhoshard::formats::qasm;
use rhoshard::linalg::Matrix;
use rhoshard::model::channel::Form;
use rhoshard::model::noise::Rule;
use rhoshard::model::{Channel, Circuit, NoiseModel, PauliString};
use serde_json::Value;
use std::path::Path;

fn data(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/noise").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn recorded(name: &str) -> Value {
    serde_json::from_slice(&data(name)).unwrap()
}

fn circuit(case: &Value) -> Circuit {
    let text = case["circuit"].as_str().unwrap();
    qasm::parse(text.as_bytes(), "case".as_ref(), &qasm::Options::default(), &mut |_| panic!("nothing is included"))
        .unwrap()
}

fn model(case: &Value) -> NoiseModel {
    let bytes = case["model"].as_str().map_or_else(|| case["model"].to_string().into_bytes(), data);
    let (model, source) = read(&bytes, "model.json").unwrap();
    assert_eq!(source, Source::Aer);
    model
}

/// The largest difference from the recorded expectation values.
fn difference(case: &Value, model: &NoiseModel) -> f64 {
    let noisy = model.apply(&circuit(case), None, true).unwrap().circuit;
    let state = DensityMatrix::run(&noisy);
    let expected = case["expectations"].as_object().unwrap().iter();
    let off = |(text, value): (&String, &Value)| {
        let string = PauliString::parse(text, state.qubits()).unwrap_or_else(|error| panic!("{text}: {error}"));
        (state.expectation(string) - value.as_f64().unwrap()).abs()
    };
    expected.map(off).fold(0.0, f64::max)
}

#[test]
fn aer_models_give_what_aer_finds() {
    let cases = recorded("aer.json");
    let cases = cases["cases"].as_array().unwrap();
    assert!(cases.len() >= 19);
    for case in cases {
        let (name, off) = (case["name"].as_str().unwrap(), difference(case, &model(case)));
        println!("{name}: {off:.1e}");
        assert!(off < 1e-10, "{name}: {off:.1e}");
    }
}

#[test]
fn models_written_and_read_again_are_the_same() {
    for case in recorded("aer.json")["cases"].as_array().unwrap() {
        let model = model(case);
        let native = to_toml(&model).unwrap();
        let (again, source) = read(native.as_bytes(), "model.toml").unwrap_or_else(|error| panic!("{error}\n{native}"));
        assert_eq!(source, Source::Native);
        assert!(difference(case, &again) < 1e-10, "{}, native", case["name"]);
        let (again, _) = read(to_aer(&model).unwrap().as_bytes(), "model.json").unwrap();
        assert!(difference(case, &again) < 1e-10, "{}, for Aer", case["name"]);
        let rows =
            |model: &NoiseModel| model.readout.of_qubits.iter().flat_map(|one| one.rows.concat()).collect::<Vec<_>>();
        let off = rows(&again).iter().zip(rows(&model)).map(|(one, other)| (one - other).abs()).fold(0.0, f64::max);
        assert!(rows(&again).len() == rows(&model).len() && off < 1e-15);
    }
}

fn rule<'m>(model: &'m NoiseModel, gate: &Value) -> Option<&'m Rule> {
    let qubits: Vec<usize> =
        gate["qubits"].as_array().unwrap().iter().map(|one| one.as_u64().unwrap() as usize).collect();
    model.rules.iter().find(|rule| rule.gates[0] == gate["gate"].as_str().unwrap() && rule.qubits[0] == qubits)
}

fn superoperator(gate: &Value) -> Matrix {
    let parts = |part: usize| gate["superoperator"][part].as_array().unwrap().iter().map(|one| one.as_f64().unwrap());
    let entries: Vec<Complex64> = parts(0).zip(parts(1)).map(|(re, im)| Complex64::new(re, im)).collect();
    let size = entries.len().isqrt();
    Matrix::from_shape_vec((size, size), entries).unwrap()
}

#[test]
fn a_calibration_gives_the_errors_that_aer_derives_from_it() {
    let expected = &recorded("ibm.json")["lagos"];
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/props_lagos.json");
    let (model, source) = read(&std::fs::read(path).unwrap(), "props_lagos.json").unwrap();
    assert_eq!(source, Source::Ibm);
    let gates = expected["gates"].as_array().unwrap();
    assert!(gates.len() > 30);
    for gate in gates {
        let channel = &rule(&model, gate).unwrap_or_else(|| panic!("no noise of {gate}")).channel;
        let theirs = Channel::from_matrix(Form::Superoperator, channel.qubits(), &superoperator(gate)).unwrap();
        let off = (channel.superoperator() - theirs.superoperator()).iter().map(|one| one.norm()).fold(0.0, f64::max);
        assert!(off < 1e-12, "{} on {}: {off:.1e}", gate["gate"], gate["qubits"]);
    }
    assert_eq!(model.rules.len(), gates.len(), "no noise that Aer does not have");
    let readout = expected["readout"].as_array().unwrap();
    for (ours, theirs) in model.readout.of_qubits.iter().zip(readout) {
        let rows: Vec<Vec<f64>> = serde_json::from_value(theirs[1].clone()).unwrap();
        assert_eq!(ours.qubits, [theirs[0][0].as_u64().unwrap() as usize]);
        assert!(ours.rows.iter().flatten().zip(rows.iter().flatten()).all(|(one, other)| (one - other).abs() < 1e-12));
    }
}

/// Of a device of 127 qubits the fidelities, from the file itself if it is at hand.
#[test]
fn a_large_device_has_the_fidelities_that_aer_derives() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/ibm/props_brisbane.json");
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    let (model, _) = read(&bytes, "props_brisbane.json").unwrap();
    let recorded = recorded("ibm.json");
    let gates = recorded["brisbane"]["gates"].as_array().unwrap();
    assert!(gates.len() > 400);
    for gate in gates {
        let channel = &rule(&model, gate).unwrap_or_else(|| panic!("no noise of {gate}")).channel;
        assert!((channel.average_gate_fidelity() - gate["fidelity"].as_f64().unwrap()).abs() < 1e-12, "{gate}");
    }
    assert_eq!(model.readout.of_qubits.len(), recorded["brisbane"]["readout"].as_array().unwrap().len());
}

/// Counts under the readout errors of Aer's reference cases, whose distributions are known.
#[test]
fn readout_matrices_misread_as_stated() {
    let one = [[0.9, 0.1], [0.3, 0.7]];
    let two = [[0.3, 0.0, 0.0, 0.7], [0.0, 0.6, 0.4, 0.0], [0.0, 0.0, 1.0, 0.0], [0.1, 0.0, 0.0, 0.9]];
    let json = |matrix: String, qubits: &str| {
        format!(
            "{{\"errors\": [{{\"type\": \"roerror\", \"operations\": [\"measure\"], \"probabilities\": {matrix}{qubits}}}]}}"
        )
    };
    let table = |text: String| read(text.as_bytes(), "readout.json").unwrap().0.readout;
    let all = table(json(format!("{one:?}"), ""));
    assert_eq!((all.of_qubits.len(), all.of_others.unwrap().rows), (0, one.map(Vec::from).to_vec()));
    let pair = table(json(format!("{two:?}"), ", \"gate_qubits\": [[0, 1]]"));
    assert_eq!((&pair.of_qubits[0].qubits[..], &pair.of_qubits[0].rows), (&[0, 1][..], &two.map(Vec::from).to_vec()));
}

/// Counts of whole jobs under the readout and measurement errors of Aer's reference cases, against their distributions.
#[test]
fn counts_are_misread_in_proportion() {
    const SHOTS: f64 = 100_000.0;
    let one = "[[0.9, 0.1], [0.3, 0.7]]";
    let two = "[[0.3, 0, 0, 0.7], [0, 0.6, 0.4, 0], [0, 0, 1, 0], [0.1, 0, 0, 0.9]]";
    let model = |matrix: &str, qubits: &str| {
        format!(
            "{{\"errors\": [{{\"type\": \"roerror\", \"operations\": [\"measure\"], \"probabilities\": {matrix}{qubits}}}]}}"
        )
    };
    let bell = "h q[0];\ncx q[0], q[1];\nmeasure q -> c;\n";
    let plus = "h q;\nmeasure q -> c;\n";
    let flip = |qubits: &str| {
        format!(
            "{{\"errors\": [{{\"type\": \"qerror\", \"operations\": [\"measure\"], \"probabilities\": [0.25, 0.75], \"instructions\": \
             [[{{\"name\": \"x\", \"qubits\": [0]}}], [{{\"name\": \"id\", \"qubits\": [0]}}]]{qubits}}}]}}"
        )
    };
    let zero = "measure q -> c;\n";
    // Probabilities of 00, 01, 10, 11, the last qubit leftmost.
    let cases = [
        (bell, model(one, ", \"gate_qubits\": [[0]]"), [0.45, 0.05, 0.15, 0.35]),
        (bell, model(one, ", \"gate_qubits\": [[1]]"), [0.45, 0.15, 0.05, 0.35]),
        (bell, model(one, ""), [0.45, 0.15, 0.15, 0.25]),
        (plus, model(two, ", \"gate_qubits\": [[0, 1]]"), [0.1, 0.15, 0.35, 0.4]),
        (zero, flip(""), [9.0 / 16.0, 3.0 / 16.0, 3.0 / 16.0, 1.0 / 16.0]),
        (zero, flip(", \"gate_qubits\": [[1]]"), [0.75, 0.0, 0.25, 0.0]),
    ];
    for (circuit, model, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("model.json", &model);
        write("circuit.qasm", &format!("OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[2];\ncreg c[2];\n{circuit}"));
        write(
            "job.toml",
            &format!(
                "job = \"circuit\"\n[circuit]\nfile = \"circuit.qasm\"\n[noise]\nmodel = \"model.json\"\n[observe]\nshots = {SHOTS}\n"
            ),
        );
        let mut command = std::process::Command::new(support::rhoshard());
        command.args(["run", "job.toml"]).current_dir(folder.path());
        let printed = support::finish(command).expect_success("run").stdout;
        for (bits, expected) in ["00", "01", "10", "11"].iter().zip(expected) {
            let count = printed
                .lines()
                .filter_map(|line| line.trim_end().strip_prefix(bits))
                .find_map(|rest| rest.trim().parse::<f64>().ok());
            let (share, sigma) = (count.unwrap_or(0.0) / SHOTS, (expected * (1.0 - expected) / SHOTS).sqrt());
            assert!((share - expected).abs() <= 4.0 * sigma, "{model}, {bits}: {share} is not {expected}");
        }
    }
}
