//! Properties of IBM backends (calibrations): for each gate depolarizing noise, then thermal relaxation during it.
//!
//! As in Qiskit Aer's `NoiseModel.from_backend_properties`: the gate's error `1 - F` is that of both together, so of an average
//! gate fidelity `F_r` of the relaxation the depolarizing parameter is `d (F_r - F) / (d F_r - 1)` on dimension `d`, if the gate is
//! worse than relaxation alone. `T2` is cut to `2 T1`. Readout is `prob_meas1_prep0` and `prob_meas0_prep1`.

use crate::error::{Error, Result};
use crate::model::NoiseModel;
use crate::model::channel::{Channel, Relaxation};
use crate::model::noise::{Device, Readout, ReadoutTable, Rule};
use serde_json::Value;

/// One qubit, times in seconds.
struct Qubit {
    relaxation: Relaxation,
    readout: Option<[f64; 2]>,
}

pub(super) fn model(json: &Value) -> Result<NoiseModel> {
    let qubits = json["qubits"].as_array().ok_or_else(|| wrong("qubits"))?;
    let qubits = qubits.iter().enumerate().map(|(number, one)| qubit(number, one)).collect::<Result<Vec<_>>>()?;
    let (mut rules, mut device) = (Vec::new(), Device::default());
    device.relaxation = qubits.iter().map(|qubit| qubit.relaxation).collect();
    for gate in json["gates"].as_array().ok_or_else(|| wrong("gates"))? {
        let name = gate["gate"].as_str().ok_or_else(|| wrong("gates"))?;
        let place = gate["qubits"].as_array().into_iter().flatten().map(|one| one.as_u64().map(|one| one as usize));
        let place = place.collect::<Option<Vec<_>>>().filter(|place| place.iter().all(|one| *one < qubits.len()));
        let place = place.ok_or_else(|| wrong("gates"))?;
        device.places.entry(name.into()).or_default().insert(place.clone());
        let length = parameter(&gate["parameters"], "gate_length").map_or(0.0, |(value, unit)| value * seconds(unit));
        device.durations.by_place.insert((name.into(), place.clone()), length);
        let relaxation: Vec<Relaxation> = place.iter().map(|one| qubits[*one].relaxation).collect();
        let about = |error: Error| Error { what: format!("gate {name} on {place:?}: {}", error.what), ..error };
        let noise = noise(&gate["parameters"], length, &relaxation).map_err(about)?;
        let qubits = vec![place.clone()];
        rules.extend(noise.map(|channel| Rule { gates: vec![name.into()], qubits, ..Rule::new(channel) }));
    }
    let readout = qubits.iter().enumerate().filter_map(|(number, qubit)| Some((number, qubit.readout?)));
    let matrix = |(number, [one, zero]): (usize, [f64; 2])| {
        Readout::new(vec![number], vec![vec![1.0 - one, one], vec![zero, 1.0 - zero]])
    };
    let readout = readout.map(matrix).collect::<Result<Vec<_>>>()?;
    Ok(NoiseModel { rules, readout: ReadoutTable::new(readout)?, device: Some(device), ..NoiseModel::default() })
}

fn qubit(number: usize, properties: &Value) -> Result<Qubit> {
    let time =
        |name: &str| parameter(properties, name).map(|(value, unit)| value * seconds(unit)).unwrap_or(f64::INFINITY);
    let (t1, t2) = (time("T1"), time("T2"));
    if !(t1 > 0.0 && t2 > 0.0) {
        return Err(
            Error::input(format!("qubit {number} has T1 = {t1} s, T2 = {t2} s")).allowed("times greater than 0")
        );
    }
    let value = |name| parameter(properties, name).map(|(value, _)| value);
    let both = value("prob_meas1_prep0").zip(value("prob_meas0_prep1")).map(|(one, zero)| [one, zero]);
    let readout = both.or(value("readout_error").map(|error| [error, error])).filter(|errors| *errors != [0.0, 0.0]);
    Ok(Qubit { relaxation: Relaxation { t1, t2: t2.min(2.0 * t1), excited: 0.0 }, readout })
}

/// The noise of a gate on qubits that relax so, if there is any.
fn noise(parameters: &Value, length: f64, qubits: &[Relaxation]) -> Result<Option<Channel>> {
    let error = parameter(parameters, "gate_error").map(|(value, _)| value);
    let count = qubits.len();
    let relaxation = qubits.iter().enumerate().map(|(place, one)| Ok(one.during(length)?.embedded(count, &[place])));
    let relaxation = relaxation.collect::<Result<Vec<Channel>>>()?;
    let maps = || relaxation.iter().map(Channel::superoperator);
    let together =
        maps().reduce(|product, next| crate::linalg::multiply(&next, &product)).ok_or_else(|| wrong("gates"))?;
    let dimension = (1usize << count) as f64;
    // Of the superoperator's trace d^2 F_process, and F = (d F_process + 1) / (d + 1).
    let fidelity = (together.diag().sum().re / dimension + 1.0) / (dimension + 1.0);
    let error = error.unwrap_or(0.0).min(dimension / (dimension + 1.0));
    let parameter = if error > 1.0 - fidelity {
        dimension * (error - (1.0 - fidelity)) / (dimension * fidelity - 1.0)
    } else {
        0.0
    };
    if parameter == 0.0 && relaxation.iter().all(Channel::is_identity) {
        return Ok(None);
    }
    let largest = (dimension * dimension) / (dimension * dimension - 1.0);
    let map = crate::linalg::multiply(&together, &depolarizing(count, parameter.min(largest)));
    Channel::mixture("calibrated", count, &[(1.0, map)]).map(Some)
}

/// `rho -> (1 - p) rho + p tr(rho) I / d`, on `rho` read row by row.
fn depolarizing(qubits: usize, parameter: f64) -> crate::linalg::Matrix {
    let dimension = 1usize << qubits;
    let on_diagonal = |index: usize| index.is_multiple_of(dimension + 1);
    crate::linalg::Matrix::from_shape_fn((dimension * dimension, dimension * dimension), |(row, column)| {
        let kept = if row == column { 1.0 - parameter } else { 0.0 };
        let mixed = if on_diagonal(row) && on_diagonal(column) { parameter / dimension as f64 } else { 0.0 };
        (kept + mixed).into()
    })
}

/// Value and unit of a named parameter of a list.
fn parameter<'v>(list: &'v Value, name: &str) -> Option<(f64, &'v str)> {
    let found = list.as_array()?.iter().find(|one| one["name"] == name)?;
    Some((found["value"].as_f64()?, found["unit"].as_str().unwrap_or("")))
}

/// Without a unit, and for gates, Qiskit takes nanoseconds.
fn seconds(unit: &str) -> f64 {
    match unit {
        "s" => 1.0,
        "ms" => 1e-3,
        "us" | "µs" => 1e-6,
        _ => 1e-9,
    }
}

fn wrong(key: &str) -> Error {
    Error::input(format!("`{key}` of the backend's properties is missing or not what it should be"))
        .next("take the JSON of `backend.properties().to_dict()`")
}
