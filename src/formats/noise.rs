//! Noise models: from the sections of a job or of a native file (TOML), from Qiskit Aer's JSON, and from calibrations of IBM
//! backends; and back to the first two.

mod aer;
mod ibm;
mod native;

use crate::config::{NoiseSection, noise_file, text};
use crate::error::{Error, Result};
use crate::model::NoiseModel;
use crate::model::noise::Device;
use serde_json::Value;

pub use aer::to_json as to_aer;
pub use native::to_toml;

/// What a noise model file was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// TOML.
    Native,
    /// JSON of Qiskit Aer's `NoiseModel.to_dict(serializable=True)`.
    Aer,
    /// JSON of the properties of an IBM backend.
    Ibm,
}

impl Source {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Source::Native => "native noise model",
            Source::Aer => "Qiskit Aer noise model",
            Source::Ibm => "IBM backend properties",
        }
    }
}

/// Reads a noise model file of any kind, which its content tells.
///
/// # Errors
/// Input error that names the file and what in it is wrong.
pub fn read(bytes: &[u8], file: &str) -> Result<(NoiseModel, Source)> {
    let text = text::decode(bytes, file)?;
    if !text.trim_start().starts_with('{') {
        let model = native::model(&noise_file(text, file)?, None).map_err(|error| error.in_file(file))?;
        return Ok((NoiseModel { source: file.into(), ..model }, Source::Native));
    }
    let json: Value = serde_json::from_str(text)
        .map_err(|error| Error::input(format!("wrong JSON: {error}")).at_line(error.line()).in_file(file))?;
    let read = || {
        match &json {
        Value::Object(object) if object.contains_key("errors") => Ok((aer::model(&json)?, Source::Aer)),
        Value::Object(object) if object.contains_key("qubits") && object.contains_key("gates") => {
            Ok((ibm::model(&json)?, Source::Ibm))
        }
        Value::Object(object) if object.contains_key("basis_gates") => {
            Err(Error::input("this is the configuration of a backend, which holds no errors").next(
                "name its properties, the JSON of `backend.properties().to_dict()`: gates and couplings are in there too",
            ))
        }
        _ => Err(Error::input("this JSON is no noise model").allowed(
            "the JSON of a noise model of Qiskit Aer, with `errors`; or of the properties of an IBM backend, with `qubits` and `gates`",
        )),
    }
    };
    let (model, source) = read().map_err(|error: Error| error.in_file(file))?;
    Ok((NoiseModel { source: file.into(), ..model }, source))
}

/// The noise model of a section, but for the file it may name; idle noise takes what the section leaves out from the device.
///
/// # Errors
/// Input error with the line of a rule that is wrong.
pub fn from_section(section: &NoiseSection, device: Option<&Device>) -> Result<NoiseModel> {
    native::model(section, device)
}

/// The model of a file together with that of a job: the job's rules come after those of the file, and what else it says counts.
pub fn combined(file: NoiseModel, job: NoiseModel) -> NoiseModel {
    NoiseModel {
        depolarizing: if job.depolarizing == Default::default() { file.depolarizing } else { job.depolarizing },
        rules: file.rules.into_iter().chain(job.rules).collect(),
        idle: job.idle.or(file.idle),
        readout: if job.readout.is_empty() { file.readout } else { job.readout },
        ..file
    }
}

#[cfg(test)]
mod tests;
