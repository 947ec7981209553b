//! Noise models of Qiskit Aer, as `NoiseModel.to_dict(serializable=True)` writes them (qiskit-aer 0.17, 0.18).
//!
//! A `qerror` is a mixture of small circuits of Kraus operators, superoperators, unitaries, Pauli strings, resets and gates; a
//! `plerror` a Pauli-Lindblad model; a `roerror` a confusion matrix. In all of them the first qubit is the least significant.
//! Errors for stated qubits come before those for all qubits of a gate, which are only for qubits without any of their own.

use crate::error::{Error, Result};
use crate::linalg::{Matrix, embedded, multiply};
use crate::model::NoiseModel;
use crate::model::channel::superoperator::of_unitary;
use crate::model::channel::{Channel, Given, PauliTable, measurement, reset};
use crate::model::gate::GATES;
use crate::model::noise::{Place, Readout, ReadoutTable, Rule};
use num_complex::Complex64;
use serde_json::{Value, json};

/// Channels of the program act on no more qubits.
const LARGEST: usize = 3;

pub(super) fn model(json: &Value) -> Result<NoiseModel> {
    let errors = list(&json["errors"], "errors")?;
    let (mut own, mut rest, mut readout) = (Vec::new(), Vec::new(), Vec::new());
    for (number, error) in errors.iter().enumerate() {
        let mut read = || match error["type"].as_str() {
            Some("qerror") => rules(error, &quantum(error)?),
            Some("plerror") => rules(error, &pauli_lindblad(error)?),
            Some("roerror") => {
                readout.extend(confusion(error)?);
                Ok(Vec::new())
            }
            other => Err(Error::input(format!("it is of type {}", other.unwrap_or("unknown")))
                .allowed("qerror, plerror, roerror")),
        };
        let found = read().map_err(|error| Error { what: format!("errors[{number}]: {}", error.what), ..error })?;
        for rule in found {
            if rule.otherwise { rest.push(rule) } else { own.push(rule) }
        }
    }
    own.extend(rest);
    Ok(NoiseModel { rules: own, readout: ReadoutTable::new(readout)?, ..NoiseModel::default() })
}

/// A rule for each list of qubits that an error may have of its own, or one for all.
fn rules(error: &Value, channel: &Channel) -> Result<Vec<Rule>> {
    let gates = list(&error["operations"], "operations")?;
    let gates = gates.iter().map(|name| name.as_str().map(str::to_string).ok_or_else(|| wrong("operations", "names")));
    let gates = gates.collect::<Result<Vec<_>>>()?;
    let places = qubit_lists(error, "gate_qubits")?;
    let noisy = qubit_lists(error, "noise_qubits")?;
    if !noisy.is_empty() && noisy.len() != places.len() {
        return Err(wrong("noise_qubits", "as many lists of qubits as `gate_qubits`"));
    }
    let rule = Rule { gates, ..Rule::new(channel.clone()) };
    if places.is_empty() {
        return Ok(vec![Rule { otherwise: true, ..rule }]);
    }
    let own = |(number, place): (usize, &Vec<usize>)| {
        let on = noisy.get(number).filter(|on| *on != place).cloned();
        Rule { qubits: vec![place.clone()], on, ..rule.clone() }
    };
    Ok(places.iter().enumerate().map(own).collect())
}

/// The channel of a `qerror`.
fn quantum(error: &Value) -> Result<Channel> {
    let circuits = list(&error["instructions"], "instructions")?;
    let probabilities = numbers(&error["probabilities"], "probabilities")?;
    if circuits.len() != probabilities.len() || circuits.is_empty() {
        return Err(Error::input(format!("{} circuits have {} probabilities", circuits.len(), probabilities.len()))
            .allowed("one probability for each circuit"));
    }
    let sum: f64 = probabilities.iter().sum();
    if probabilities.iter().any(|one| !(-1e-12..=1.0 + 1e-9).contains(one)) || (sum - 1.0).abs() > 1e-6 {
        return Err(Error::input(format!("the probabilities of the circuits sum to {sum}"))
            .allowed("probabilities that sum to 1"));
    }
    let circuits = circuits.iter().map(|circuit| list(circuit, "instructions")).collect::<Result<Vec<_>>>()?;
    let used = circuits.iter().copied().flatten().map(|one| qubits(&one["qubits"], "qubits"));
    let used = used.collect::<Result<Vec<_>>>()?.concat().into_iter().max().unwrap_or(0) + 1;
    // An error may leave the last qubits of its gates alone.
    let of_gates = qubit_lists(error, "noise_qubits")?.into_iter().chain(qubit_lists(error, "gate_qubits")?).next();
    let size = of_gates.map_or(used, |place| used.max(place.len()));
    if size > LARGEST {
        return Err(Error::input(format!("it acts on {size} qubits")).allowed(format!("at most {LARGEST}")));
    }
    let term = |(circuit, probability): (&&Vec<Value>, f64)| Ok((probability / sum, sequence(circuit, size)?));
    let terms = circuits.iter().zip(probabilities).map(term).collect::<Result<Vec<_>>>()?;
    Channel::mixture("aer", size, &terms)
}

/// The superoperator of a circuit.
fn sequence(circuit: &[Value], size: usize) -> Result<Matrix> {
    let mut product = crate::linalg::identity(1 << (2 * size));
    for instruction in circuit {
        let places = qubits(&instruction["qubits"], "qubits")?;
        let name = instruction["name"].as_str().ok_or_else(|| wrong("name", "the name of an instruction"))?;
        let step = superoperator(name, instruction, &places, size)
            .map_err(|error| Error { what: format!("instruction `{name}`: {}", error.what), ..error })?;
        product = multiply(&step, &product);
    }
    Ok(product)
}

fn superoperator(name: &str, instruction: &Value, places: &[usize], size: usize) -> Result<Matrix> {
    let parameters = || list(&instruction["params"], "params");
    let channel = |channel: Channel| -> Result<Matrix> {
        if channel.qubits() != places.len() {
            return Err(Error::input(format!(
                "a channel on {} qubits is applied to {}",
                channel.qubits(),
                places.len()
            )));
        }
        Ok(channel.embedded(size, places).superoperator())
    };
    let given = |matrices: Vec<Matrix>| Given { matrices, ..Given::default() };
    match name {
        "id" | "barrier" => Ok(crate::linalg::identity(1 << (2 * size))),
        "reset" => channel(reset()),
        "measure" => channel(measurement()),
        "kraus" => {
            let operators = parameters()?.iter().map(matrix).collect::<Result<Vec<_>>>()?;
            channel(Channel::specified("kraus", &given(operators))?)
        }
        "superop" => channel(Channel::specified("superoperator", &given(vec![matrix(first(parameters()?)?)?]))?),
        "unitary" => {
            let unitary = matrix(first(parameters()?)?)?;
            channel(Channel::specified("kraus", &given(vec![unitary]))?)
        }
        "pauli" => {
            let text = first(parameters()?)?.as_str().ok_or_else(|| wrong("params", "a Pauli string"))?;
            let paulis: PauliTable = [(text.to_string(), 1.0)].into();
            channel(Channel::specified("pauli", &Given { paulis, ..Given::default() })?)
        }
        _ => gate(name, instruction, places, size),
    }
}

/// A gate by its name.
fn gate(name: &str, instruction: &Value, places: &[usize], size: usize) -> Result<Matrix> {
    let kind = GATES.iter().find(|kind| kind.name == name && kind.qubits() == places.len());
    let kind = kind.ok_or_else(|| {
        Error::input("it is unknown").allowed("kraus, superop, unitary, pauli, reset, id, and gates of qelib1.inc")
    })?;
    let parameters =
        if instruction["params"].is_null() { Vec::new() } else { numbers(&instruction["params"], "params")? };
    if parameters.len() != kind.parameters {
        return Err(
            Error::input(format!("it has {} parameters", parameters.len())).allowed(format!("{}", kind.parameters))
        );
    }
    let body = kind.apply(&parameters, places).body;
    let whole = |unitary: &crate::model::Unitary| {
        let controls: Vec<usize> = unitary.controls.iter().map(|control| control.qubit).collect();
        let all: Vec<usize> = unitary.targets.iter().copied().chain(controls.iter().copied()).collect();
        let (inner, dimension) = (unitary.matrix.nrows(), 1usize << all.len());
        let controlled = Matrix::from_shape_fn((dimension, dimension), |(row, column)| {
            let first = dimension - inner;
            if row >= first && column >= first {
                unitary.matrix[(row - first, column - first)]
            } else {
                Complex64::from(f64::from(row == column))
            }
        });
        of_unitary(&embedded(&controlled, size, &all))
    };
    Ok(body.iter().map(whole).fold(crate::linalg::identity(1 << (2 * size)), |product, step| multiply(&step, &product)))
}

fn pauli_lindblad(error: &Value) -> Result<Channel> {
    let circuits = list(&error["instructions"], "instructions")?;
    let rates = numbers(&error["rates"], "rates")?;
    let text = |circuit: &Value| {
        let text = circuit[0]["params"][0].as_str();
        text.map(str::to_string).ok_or_else(|| wrong("instructions", "Pauli strings, one for each rate"))
    };
    let strings = circuits.iter().map(text).collect::<Result<Vec<_>>>()?;
    if strings.len() != rates.len() {
        return Err(wrong("rates", "one rate for each Pauli string"));
    }
    let mut paulis = PauliTable::new();
    strings.into_iter().zip(rates).for_each(|(string, rate)| *paulis.entry(string).or_default() += rate);
    Channel::specified("pauli_lindblad", &Given { paulis, ..Given::default() })
}

fn confusion(error: &Value) -> Result<Vec<Readout>> {
    let rows = list(&error["probabilities"], "probabilities")?;
    let rows = rows.iter().map(|row| numbers(row, "probabilities")).collect::<Result<Vec<_>>>()?;
    let places = qubit_lists(error, "gate_qubits")?;
    let places = if places.is_empty() { vec![Vec::new()] } else { places };
    places.into_iter().map(|place| Readout::new(place, rows.clone())).collect()
}

/// Rows of entries that are pairs [real, imaginary].
fn matrix(value: &Value) -> Result<Matrix> {
    let complex = |entry: &Value| match entry {
        Value::Array(_) => Some(Complex64::new(entry[0].as_f64()?, entry[1].as_f64()?)),
        other => Some(other.as_f64()?.into()),
    };
    let rows = list(value, "params")?.iter().map(|row| row.as_array()?.iter().map(complex).collect::<Option<Vec<_>>>());
    let rows =
        rows.collect::<Option<Vec<_>>>().ok_or_else(|| wrong("params", "matrices of pairs [real, imaginary]"))?;
    let columns = rows.first().map_or(0, Vec::len);
    Matrix::from_shape_vec((rows.len(), columns), rows.concat()).map_err(|_| wrong("params", "rows of equal length"))
}

fn wrong(key: &str, allowed: &str) -> Error {
    Error::input(format!("`{key}` is missing or not what it should be")).allowed(allowed)
}

fn list<'v>(value: &'v Value, key: &str) -> Result<&'v Vec<Value>> {
    value.as_array().ok_or_else(|| wrong(key, "an array"))
}

fn first(values: &[Value]) -> Result<&Value> {
    values.first().ok_or_else(|| wrong("params", "one parameter"))
}

fn numbers(value: &Value, key: &str) -> Result<Vec<f64>> {
    let numbers = list(value, key)?.iter().map(Value::as_f64).collect::<Option<Vec<_>>>();
    numbers.ok_or_else(|| wrong(key, "numbers"))
}

fn qubits(value: &Value, key: &str) -> Result<Vec<usize>> {
    let qubits =
        list(value, key)?.iter().map(|one| one.as_u64().map(|qubit| qubit as usize)).collect::<Option<Vec<_>>>();
    qubits.ok_or_else(|| wrong(key, "numbers of qubits"))
}

/// The lists of qubits under a key; none if it is left out or empty.
fn qubit_lists(error: &Value, key: &str) -> Result<Vec<Vec<usize>>> {
    if error[key].is_null() {
        return Ok(Vec::new());
    }
    let lists = list(&error[key], key)?.iter().map(|value| qubits(value, key)).collect::<Result<Vec<_>>>()?;
    Ok(lists.into_iter().filter(|place| !place.is_empty()).collect())
}

/// The model as JSON for Aer.
///
/// # Errors
/// Input error for what Aer's models cannot say: noise of every gate, noise before gates, on other qubits, of idle qubits.
pub fn to_json(model: &NoiseModel) -> Result<String> {
    let cannot = |what: &str| {
        Err(Error::input(format!("a noise model of Qiskit Aer cannot say {what}")).next("write a native one (.toml)"))
    };
    if model.idle.is_some() {
        return cannot("what idle qubits suffer");
    }
    if model.depolarizing != Default::default() {
        return cannot("what all gates have in common, without a list of them");
    }
    let mut errors = Vec::new();
    for rule in &model.rules {
        if rule.gates.is_empty() {
            return cannot("what all gates have in common, without a list of them");
        }
        if rule.place == Place::Before || rule.on.is_some() {
            return cannot("what comes before a gate or acts elsewhere");
        }
        let pairs = |entry: &Complex64| json!([entry.re, entry.im]);
        let rows = |matrix: &Matrix| {
            matrix.rows().into_iter().map(|row| row.iter().map(pairs).collect()).collect::<Vec<Vec<Value>>>()
        };
        let operators: Vec<Vec<Vec<Value>>> = rule.channel.kraus().iter().map(rows).collect();
        let places: Vec<usize> = (0..rule.channel.qubits()).collect();
        let mut error = json!({
            "type": "qerror",
            "operations": rule.gates,
            "instructions": [[{ "name": "kraus", "qubits": places, "params": operators }]],
            "probabilities": [1.0],
        });
        if !rule.qubits.is_empty() {
            error["gate_qubits"] = json!(rule.qubits);
        }
        errors.push(error);
    }
    for matrix in model.readout.of_qubits.iter().chain(&model.readout.of_others) {
        let mut error = json!({ "type": "roerror", "operations": ["measure"], "probabilities": matrix.rows });
        if !matrix.qubits.is_empty() {
            error["gate_qubits"] = json!([matrix.qubits]);
        }
        errors.push(error);
    }
    serde_json::to_string_pretty(&json!({ "errors": errors }))
        .map_err(|error| Error::internal(format!("a noise model cannot be written as JSON: {error}")))
}
