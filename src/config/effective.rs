//! The checked configuration as TOML.

use super::{Config, NoiseSection};
use serde::ser::{Serialize, SerializeStruct, Serializer};

pub(super) fn toml(config: &Config) -> String {
    toml::to_string(config).expect("a checked configuration holds only what TOML can say")
}

/// The section as a job file writes it.
impl Serialize for NoiseSection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Depolarizing {
            one_qubit: f64,
            two_qubit: f64,
        }
        let mut section = serializer.serialize_struct("noise", 2)?;
        section.serialize_field("readout", &self.readout)?;
        let depolarizing = Depolarizing { one_qubit: self.one_qubit, two_qubit: self.two_qubit };
        section.serialize_field("depolarizing", &depolarizing)?;
        section.end()
    }
}
