//! `rhoshard bench machine`, `rhoshard bench gpu`, `rhoshard bench exchange`.

use crate::bench::{self, Measured};
use crate::comm::{Communicator, keep_on_root, node::Node};
use crate::config::DeviceKind;
use crate::config::machine::{GATE_WIDTHS, PRODUCT_WIDTHS};
use crate::error::{Error, Result};
use crate::io;
use std::fmt::Write;
use std::path::Path;

/// Measures, prints a table and writes the machine file if one is named. Collective.
pub(super) fn machine(
    comm: &dyn Communicator,
    node: &Node,
    device: DeviceKind,
    output: Option<&Path>,
) -> Result<String> {
    // Found out before a minute of measuring, not after.
    keep_on_root(comm, || output.map_or(Ok(()), check_folder))?;
    let measured = bench::machine(comm, node, device)?;
    let mut text = table(&measured);
    match output {
        Some(path) => {
            keep_on_root(comm, || io::replace_file(path, measured.machine.toml().as_bytes()))?;
            let _ = writeln!(text, "\nwritten to {0}; use it with `rhoshard plan JOB --machine {0}`", path.display());
        }
        None => text += "\nwrite it to a file with --output FILE\n",
    }
    Ok(text)
}

/// Measures one GPU, gives a table and writes the numbers if a file is named.
pub(super) fn gpu(device: DeviceKind, shard_bytes: usize, output: Option<&Path>) -> Result<String> {
    output.map_or(Ok(()), check_folder)?;
    let found = bench::gpu::measure(device, shard_bytes)?;
    if let Some(path) = output {
        io::replace_file(path, bench::gpu::json(&found)?.as_bytes())?;
    }
    Ok(bench::gpu::table(&found))
}

/// Measures messages between GPUs, gives a table and writes the numbers if a file is named. Collective.
pub(super) fn exchange(comm: &dyn Communicator, device: DeviceKind, output: Option<&Path>) -> Result<String> {
    keep_on_root(comm, || output.map_or(Ok(()), check_folder))?;
    let found = bench::exchange::exchange(comm, device)?;
    if let Some(path) = output {
        keep_on_root(comm, || io::replace_file(path, found.json()?.as_bytes()))?;
    }
    Ok(found.table())
}

fn check_folder(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() && !path.is_dir() {
        return Ok(());
    }
    let what = if path.is_dir() { "is a folder" } else { "cannot be written: its folder does not exist" };
    Err(Error::input(what).in_file(path.display()).next("name a file in a folder that exists"))
}

/// Every number with its unit.
fn table(measured: &Measured) -> String {
    let machine = &measured.machine;
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{}: {} rank(s) of {} thread(s)\nOne rank's share while all work, unless it says otherwise.\n",
        machine.host, machine.ranks, machine.threads
    );
    let mut row = |name: &str, value: f64, unit: &str| {
        let _ = writeln!(text, "{name:<45}{:>16}", scaled(value, unit));
    };
    row("level 2 cache of a core", machine.cache, "B");
    row("triad a = b + s c", machine.memory.triad, "B/s");
    row("in-place scale a = s a", machine.memory.scale, "B/s");
    row("room for more columns", machine.memory.grow, "B/s");
    measured.others.iter().for_each(|(name, value, unit)| row(name, *value, unit));
    row("product of matrices, n = 512", machine.products.multiply, "flop/s");
    for (size, value) in [(128, machine.eigenvalues.n_128), (256, machine.eigenvalues.n_256)] {
        row(&format!("Hermitian eigenproblem, n = {size}, root alone"), value, "s");
    }
    row("Hermitian eigenproblem, n = 512, root alone", machine.eigenvalues.n_512, "s");
    if let Some(network) = machine.network {
        row("exchange of 8 bytes", network.latency, "s");
        row("exchange of 4 MiB, each way", network.bandwidth, "B/s");
        row("sum of 1 MiB over all ranks", network.all_reduce, "B/s");
    }
    let columns =
        |widths: [usize; 2]| widths.map(|width| format!("{width} column{}", if width == 1 { "" } else { "s" }));
    let [few, many] = columns(GATE_WIDTHS);
    let _ = writeln!(text, "\n{:<45}{few:>16}{many:>16}", "on a shard in the cache (amp: amplitudes)");
    let gates = &machine.gates;
    for (name, rates) in [
        ("dense, 1 qubit", gates.dense_1),
        ("dense, 2 qubits", gates.dense_2),
        ("dense, 3 qubits", gates.dense_3),
        ("a matrix for each column, 1 qubit", gates.branch_1),
        ("a matrix for each column, 2 qubits", gates.branch_2),
        ("diagonal, 2 qubits", gates.diagonal),
        ("permutation, 2 qubits", gates.permutation),
        ("overlap after a flip", gates.overlap),
    ] {
        let values = rates.map(|rate| scaled(rate, "amp/s"));
        let _ = writeln!(text, "{name:<45}{:>16}{:>16}", values[0], values[1]);
    }
    let [few, many] = columns(PRODUCT_WIDTHS);
    let _ = writeln!(text, "\n{:<45}{few:>16}{many:>16}", "on a shard in memory");
    for (name, rates) in [("Gram matrix", machine.products.gram), ("rotation", machine.products.rotate)] {
        let values = rates.map(|rate| scaled(rate, "flop/s"));
        let _ = writeln!(text, "{name:<45}{:>16}{:>16}", values[0], values[1]);
    }
    text
}

/// A number in the thousands of its unit that suit: `12.3 GB/s`, `4.56 ms`.
fn scaled(value: f64, unit: &str) -> String {
    let prefixes = ["p", "n", "u", "m", "", "k", "M", "G", "T", "P"];
    let power = (value.log10() / 3.0).floor().clamp(-4.0, 5.0);
    format!("{:.2} {}{unit}", value / 10f64.powf(3.0 * power), prefixes[(power + 4.0) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Machine;

    #[test]
    fn numbers_take_the_unit_that_suits() {
        assert_eq!(scaled(1.234e10, "B/s"), "12.34 GB/s");
        assert_eq!(scaled(4.56e-3, "s"), "4.56 ms");
        assert_eq!(scaled(1.0, "s"), "1.00 s");
    }

    #[test]
    fn the_table_fits_a_terminal() {
        let others = vec![("triad, one rank while the others wait", 1e10, "B/s")];
        let text = table(&Measured { machine: Machine::defaults(), others });
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_refused_before_measuring() {
        let error = check_folder(Path::new("/no/such/folder/machine.toml")).unwrap_err();
        assert!(error.to_string().contains("its folder does not exist"));
        assert!(check_folder(Path::new("machine.toml")).is_ok());
        assert!(check_folder(Path::new("/")).unwrap_err().what.contains("is a folder"));
    }
}
