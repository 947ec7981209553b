//! The noise of a job: that of the model file it names, and its own.

use crate::config::Config;
use crate::driver::Context;
use crate::error::{Error, Result};
use crate::formats;
use crate::model::noise::{Readout, ReadoutTable};
use crate::model::{Circuit, NoiseModel};
use std::collections::BTreeSet;

/// Read and checked as far as it can be without the circuit.
pub(super) struct Noise {
    file: NoiseModel,
    own: NoiseModel,
}

impl Noise {
    /// Reads the model file, if there is one; collective.
    pub(super) fn read(config: &Config, context: &Context<'_>) -> Result<Noise> {
        let file = match &config.noise.model {
            None => NoiseModel::default(),
            Some(name) => {
                let path = context.resolve(&name.value);
                let bytes = context.read(&path, &name.value).map_err(|error| config.locate(name, error))?;
                formats::noise::read(&bytes, &name.value)?.0
            }
        };
        let own = formats::noise::from_section(&config.noise, file.device.as_ref());
        let own = own.map_err(|error| error.in_file(&config.path))?;
        if file.idle.is_some() && own.idle.is_some() {
            return Err(Error::input("the noise model and the job both have idle noise")
                .in_file(&config.path)
                .next("leave one of them out"));
        }
        Ok(Noise { file, own })
    }

    /// Gates whose noise is stated by name: one gate each, even where the circuit defines them.
    pub(super) fn named_gates(&self) -> BTreeSet<String> {
        self.file.named_gates().into_iter().chain(self.own.named_gates()).collect()
    }

    /// The circuit with its noise, how its qubits are misread, and warnings.
    pub(super) fn apply(self, config: &Config, circuit: &Circuit) -> Result<(Circuit, ReadoutTable, Vec<String>)> {
        let layout = config.noise.layout.as_ref();
        let places = layout.map(|layout| &layout.value[..]);
        let strict = config.noise.strict;
        let locate = |error: Error| match layout {
            Some(layout) => config.locate(layout, error),
            None => error.in_file(&config.path),
        };
        let mut warnings = self.own.check_qubits(places, circuit.qubits(), strict).map_err(locate)?;
        let model = formats::noise::combined(self.file, self.own);
        let noisy = model.apply(circuit, places, strict).map_err(locate)?;
        warnings.extend(noisy.warnings);
        let logical = |qubit: &usize| match places {
            Some(places) => places.iter().position(|place| place == qubit),
            None => Some(*qubit).filter(|qubit| *qubit < circuit.qubits()),
        };
        let of_circuit = |matrix: Readout| {
            let qubits = matrix.qubits.iter().map(logical).collect::<Option<Vec<_>>>()?;
            Some(Readout { qubits, ..matrix })
        };
        let of_qubits = model.readout.of_qubits.into_iter().filter_map(of_circuit).collect();
        Ok((noisy.circuit, ReadoutTable { of_qubits, ..model.readout }, warnings))
    }
}
