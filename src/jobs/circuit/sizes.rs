//! States that do not fit, and bytes for people.

use crate::backend::Precision;
use crate::config::Config;
use crate::driver::Context;
use crate::error::{Error, Result};
use crate::plan::LARGEST_STATE;

/// Refuses states beyond any machine before their size overflows.
pub(super) fn check_size(config: &Config, context: &Context<'_>, qubits: usize) -> Result<()> {
    if qubits == 0 {
        return Err(Error::input("the circuit declares no qubit")
            .in_file(context.resolve(&config.circuit.file.value).display())
            .next("declare one, for instance `qubit[2] q;`"));
    }
    if qubits <= LARGEST_STATE {
        return Ok(());
    }
    let bytes = config.engine.precision.amplitude_bytes() as f64 * 2f64.powf(qubits as f64);
    let size = if bytes < 1e24 { human_bytes(bytes) } else { "more than any machine has".into() };
    Err(Error::input(format!("a state of {qubits} qubits does not fit: one column takes {size}"))
        .in_file(context.resolve(&config.circuit.file.value).display())
        .allowed(format!("up to {LARGEST_STATE} qubits, as far as memory over all ranks goes"))
        .next("cut the circuit into smaller ones"))
}

/// The error of a state that does not fit, with what would.
pub(super) fn does_not_fit(qubits: usize, bytes: f64, memory: u64, shards: usize, precision: Precision) -> Error {
    let fitting = (bytes / memory.max(1) as f64 * shards as f64).log2().ceil().exp2();
    let mut next = format!("use at least {fitting} ranks with as much memory each, or a larger `[engine] memory`");
    if precision == Precision::Double {
        next.push_str(", or precision = \"single\" (half the bytes)");
    }
    Error::input(format!(
        "a state of {qubits} qubits does not fit: it needs {} on each of {shards} rank(s), {} are free",
        human_bytes(bytes),
        human_bytes(memory as f64)
    ))
    .next(format!("{next}; a larger budget lowers the number of columns later on"))
}

/// Bytes for people, three digits.
pub(super) fn human_bytes(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let place = if bytes < 1.0 { 0 } else { (bytes.log2() / 10.0) as usize }.min(units.len() - 1);
    let scaled = bytes / 1024f64.powi(place as i32);
    if place == 0 { format!("{scaled:.0} B") } else { format!("{scaled:.1} {}", units[place]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_with_their_unit() {
        assert_eq!(human_bytes(512.0), "512 B");
        assert_eq!(human_bytes(1.5 * 1024.0 * 1024.0), "1.5 MiB");
        assert_eq!(human_bytes(2f64.powi(64)), "16.0 EiB");
    }

    #[test]
    fn what_does_not_fit_says_what_would() {
        let error = does_not_fit(40, 16.0 * 2f64.powi(38), 1 << 34, 4, Precision::Double);
        assert!(error.what.contains("4.0 TiB") && error.what.contains("16.0 GiB"), "{error}");
        assert!(error.next.unwrap().contains("at least 1024 ranks"));
    }
}
