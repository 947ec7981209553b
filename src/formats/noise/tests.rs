use super::*;
use crate::model::channel::{Channel, Relaxation};
use crate::model::noise::{Place, Schedule};

fn native(text: &str) -> Result<NoiseModel> {
    read(text.as_bytes(), "noise.toml").map(|(model, _)| model)
}

fn aer(error: &str) -> String {
    read(format!("{{\"errors\": [{error}]}}").as_bytes(), "noise.json").unwrap_err().to_string()
}

#[test]
fn a_native_model_holds_everything() {
    let model = native(
        r#"
readout = [{ qubits = [0], matrix = [[0.99, 0.01], [0.02, 0.98]] }]
depolarizing = { one_qubit = 1e-4 }
[idle]
schedule = "alap"
t1 = [50e-6, 60e-6]
t2 = 70e-6
durations = { x = 35e-9 }
[[rule]]
gates = ["cx", "cz"]
qubits = [[0, 1], [1, 0]]
place = "before"
channel = "two_qubit_depolarizing"
p = 0.01
[[rule]]
gates = "x"
on = [2]
otherwise = true
channel = "pauli"
paulis = { X = 0.1, Z = 0.2 }
[[rule]]
channel = "kraus"
matrices = [[[1, 0], [0, [0, 1]]]]
"#,
    )
    .unwrap();
    let idle = model.idle.as_ref().unwrap();
    assert_eq!(idle.schedule, Schedule::Alap);
    assert_eq!(idle.relaxation[1], Relaxation { t1: 60e-6, t2: 70e-6, excited: 0.0 });
    let [pair, crosstalk, every] = &model.rules[..] else { panic!("three rules") };
    assert_eq!((pair.place, pair.qubits.len()), (Place::Before, 2));
    assert_eq!(pair.channel, Channel::named("two_qubit_depolarizing", &[0.01]).unwrap());
    assert_eq!(
        (crosstalk.on.as_deref(), crosstalk.otherwise, crosstalk.channel.kraus().len()),
        (Some(&[2][..]), true, 3)
    );
    assert!(every.gates.is_empty() && every.channel.kraus()[0][(1, 1)] == num_complex::Complex64::I);
    let again = native(&to_toml(&model).unwrap()).unwrap();
    assert_eq!((again.idle, again.readout, again.rules.len()), (model.idle, model.readout, 3));
}

#[test]
fn wrong_native_models_say_where_and_what() {
    let cases = [
        ("[[rule]]\ngates = [\"x\"]\n", "noise.toml:1: `rule[0].channel` is missing"),
        ("[[rule]]\nchannel = \"depolarising\"\np = 0.1\n", "noise.toml:1: unknown channel `depolarising`"),
        ("[[rule]]\nchannel = \"bit_flip\"\nq = 0.1\n", "noise.toml:3: unknown key `q` in `rule[0]`"),
        ("[[rule]]\nchannel = \"bit_flip\"\ngamma = 0.1\n", "channel `bit_flip` has no parameter `gamma`"),
        ("[[rule]]\nchannel = \"bit_flip\"\np = 1.1\n", "noise.toml:1: parameter p of channel `bit_flip` is 1.1"),
        ("[[rule]]\nchannel = \"kraus\"\nmatrices = [[[1, 0], [0, 0.9]]]\n", "not trace preserving"),
        ("[[rule]]\nchannel = \"kraus\"\nmatrices = [[[1, 0], [0]]]\n", "rows of a matrix are of different lengths"),
        (
            "[[rule]]\nchannel = \"kraus\"\nmatrices = [[[1, [0, 1, 2]]]]\n",
            "noise.toml:3: `rule[0].matrices[0][0][1]` is no complex",
        ),
        ("[[rule]]\nchannel = \"thermal_relaxation\"\nt1 = 1\nt2 = 3\ntime = 1\n", "T2 = 3 is longer than 2 T1 = 2"),
        (
            "[[rule]]\nqubits = [[0, 0]]\nchannel = \"bit_flip\"\np = 0.1\n",
            "noise.toml:2: `rule[0].qubits[0][1]` repeats qubit 0",
        ),
        ("readout = [[0.9, 0.2], [0, 1]]\n", "its sum is 1.1"),
        ("readout = [{ qubits = [0], matrix = [[1, 0]] }]\n", "has not 2 rows and columns"),
        ("idle = { t1 = 1e-6 }\n", "idle noise needs `t2`"),
        ("idle = { t1 = 1e-6, t2 = 3e-6 }\n", "T2 = 0.000003 is longer"),
        ("model = \"other.json\"\n", "noise.toml:1: `model` names a model within a model"),
        ("rul = 1\n", "noise.toml:1: unknown key `rul`"),
    ];
    for (text, expected) in cases {
        let message = native(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{text}\n{message}");
    }
}

#[test]
fn wrong_aer_models_say_which_error_and_what() {
    let circuit = |instruction: &str, probabilities: &str| {
        format!(
            r#"{{"type": "qerror", "operations": ["x"], "instructions": [[{instruction}]], "probabilities": {probabilities}}}"#
        )
    };
    let cases = [
        (r#"{"type": "other"}"#.to_string(), "errors[0]: it is of type other"),
        (r#"{"type": "qerror", "operations": ["x"]}"#.to_string(), "`instructions` is missing"),
        (circuit(r#"{"name": "x", "qubits": [0]}"#, "[0.5]"), "sum to 0.5"),
        (circuit(r#"{"name": "x", "qubits": [0]}"#, "[0.5, 0.5]"), "1 circuits have 2 probabilities"),
        (circuit(r#"{"name": "magic", "qubits": [0]}"#, "[1]"), "instruction `magic`: it is unknown"),
        (circuit(r#"{"name": "x", "qubits": [5]}"#, "[1]"), "it acts on 6 qubits"),
        (
            circuit(r#"{"name": "pauli", "qubits": [0, 1], "params": ["X"]}"#, "[1]"),
            "a channel on 1 qubits is applied to 2",
        ),
        (
            circuit(r#"{"name": "kraus", "qubits": [0], "params": [[[[1, 0], [0, 0]], [[0, 0], [0.5, 0]]]]}"#, "[1]"),
            "trace preserving",
        ),
        (
            r#"{"type": "roerror", "probabilities": [[0.9, 0.2], [0, 1]], "gate_qubits": [[0]]}"#.to_string(),
            "its sum is 1.1",
        ),
        (
            r#"{"type": "plerror", "operations": ["x"], "instructions": [], "rates": [0.1]}"#.to_string(),
            "one rate for each",
        ),
    ];
    for (error, expected) in cases {
        let message = aer(&error);
        assert!(message.starts_with("noise.json") && message.contains(expected), "{error}\n{message}");
    }
    let no_model = |text: &str| read(text.as_bytes(), "noise.json").unwrap_err().to_string();
    assert!(no_model("{\"a\": 1}").contains("this JSON is no noise model"));
    assert!(no_model("{\"basis_gates\": [], \"gates\": []}").contains("name its properties"));
    assert!(no_model("{\"errors\": [").contains("noise.json:1: wrong JSON"));
}

#[test]
fn a_calibration_cuts_t2_and_refuses_nonsense() {
    let properties = |t1: &str, gates: &str| {
        format!(
            r#"{{"qubits": [[{{"name": "T1", "unit": "us", "value": {t1}}}, {{"name": "T2", "unit": "us", "value": 300}}]], "gates": [{gates}]}}"#
        )
    };
    let length = r#"{"gate": "x", "qubits": [0], "parameters": [{"name": "gate_length", "unit": "ns", "value": 50}]}"#;
    let (model, source) = read(properties("100", length).as_bytes(), "props.json").unwrap();
    let device = model.device.as_ref().unwrap();
    assert!((device.relaxation[0].t2 - 200e-6).abs() < 1e-12 && source == Source::Ibm);
    let expected = Relaxation { t1: 100e-6, t2: 200e-6, excited: 0.0 }.during(50e-9).unwrap().superoperator();
    assert!((model.rules[0].channel.superoperator() - expected).iter().all(|entry| entry.norm() < 1e-15));
    let refused = |text: String| read(text.as_bytes(), "props.json").unwrap_err().to_string();
    assert!(refused(properties("-1", length)).contains("qubit 0 has T1"));
    assert!(refused(properties("100", &length.replace("[0]", "[3]"))).contains("`gates`"));
}
