//! `rhoshard noise show` and `rhoshard noise convert`.

use crate::comm::{Communicator, keep_on_root, on_root};
use crate::error::{Error, Result};
use crate::formats::noise::{Source, read, to_aer, to_toml};
use crate::io::replace_file;
use crate::model::NoiseModel;
use crate::model::noise::Rule;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Tables of more lines show the best, the median and the worst of each gate only, unless all are asked for.
const LONGEST_TABLE: usize = 40;

/// The noise of a model file as tables.
///
/// # Errors
/// Those of reading it.
pub(super) fn show(comm: &dyn Communicator, file: &Path, all: bool) -> Result<String> {
    on_root(comm, || {
        let (model, source) = load(file)?;
        Ok(describe(&model, source, all))
    })
}

/// Writes a model file in another form, which the ending of `output` tells.
///
/// # Errors
/// Those of reading and writing it, and an input error for what the other form cannot say.
pub(super) fn convert(comm: &dyn Communicator, file: &Path, output: &Path) -> Result<String> {
    keep_on_root(comm, || {
        let (model, _) = load(file)?;
        let text = match output.extension().and_then(|ending| ending.to_str()) {
            Some("json") => to_aer(&model)?,
            Some("toml") => to_toml(&model)?,
            _ => {
                return Err(Error::input(format!("{} names neither JSON nor TOML", output.display()))
                    .allowed("a name that ends in .json (for Qiskit Aer) or .toml (native)"));
            }
        };
        if file.canonicalize().is_ok_and(|file| output.canonicalize().is_ok_and(|output| output == file)) {
            return Err(Error::input("the output would overwrite the model").next("give another name"));
        }
        replace_file(output, text.as_bytes())
    })?;
    Ok(format!("noise model written to {}\n", output.display()))
}

fn load(file: &Path) -> Result<(NoiseModel, Source)> {
    let name = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|cause| Error::input(format!("cannot read it: {cause}")).in_file(&name))?;
    read(&bytes, &name)
}

fn describe(model: &NoiseModel, source: Source, all: bool) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}: {}, {} channels", model.source, source.name(), model.rules.len());
    qubits(&mut text, model);
    channels(&mut text, model, all);
    if model.depolarizing != Default::default() {
        let (one, two) = (model.depolarizing.one_qubit, model.depolarizing.two_qubit);
        let _ = writeln!(text, "\ndepolarizing after every gate: {one} on one qubit, {two} on two");
    }
    if let Some(idle) = &model.idle {
        let _ = writeln!(text, "\nidle qubits relax, scheduled {:?}", idle.schedule);
    }
    text
}

/// A line for each qubit whose relaxation or readout is known.
fn qubits(text: &mut String, model: &NoiseModel) {
    let relaxation = match (&model.device, &model.idle) {
        (Some(device), _) => &device.relaxation[..],
        (None, Some(idle)) => &idle.relaxation[..],
        (None, None) => &[],
    };
    let own = |qubit: usize| model.readout.of_qubits.iter().find(|matrix| matrix.qubits == [qubit]);
    let known =
        model.readout.of_qubits.iter().filter(|matrix| matrix.qubits.len() == 1).map(|matrix| matrix.qubits[0] + 1);
    let count = known.max().unwrap_or(0).max(relaxation.len());
    if count > 0 {
        let _ = writeln!(text, "\n  qubit      T1, us      T2, us   read 1 for 0   read 0 for 1");
    }
    for qubit in 0..count {
        let time = |seconds: Option<f64>| {
            seconds.filter(|time| time.is_finite()).map_or("-".into(), |time| format!("{:.1}", time * 1e6))
        };
        let read = |row: usize| own(qubit).map_or("-".into(), |matrix| format!("{:.4}", matrix.rows[row][1 - row]));
        let (t1, t2) = (relaxation.get(qubit).map(|one| one.t1), relaxation.get(qubit).map(|one| one.t2));
        let _ = writeln!(text, "{qubit:>7} {:>11} {:>11} {:>14} {:>14}", time(t1), time(t2), read(0), read(1));
    }
    for matrix in model.readout.of_qubits.iter().filter(|matrix| matrix.qubits.len() > 1) {
        let _ = writeln!(text, "  qubits {:?} are misread together", matrix.qubits);
    }
    if let Some(matrix) = &model.readout.of_others {
        let _ = writeln!(
            text,
            "  every other qubit: 1 read for 0 {:.4}, 0 for 1 {:.4}",
            matrix.rows[0][1], matrix.rows[1][0]
        );
    }
}

/// The channels with their average gate fidelities.
fn channels(text: &mut String, model: &NoiseModel, all: bool) {
    if model.rules.is_empty() {
        return;
    }
    if all || model.rules.len() <= LONGEST_TABLE {
        let _ = writeln!(text, "\n  gate             qubits      Kraus operators   average gate infidelity");
        for rule in &model.rules {
            let infidelity = 1.0 - rule.channel.average_gate_fidelity();
            let _ = writeln!(
                text,
                "  {:<16} {:<11} {:>15} {infidelity:>25.3e}",
                gates(rule),
                places(rule),
                rule.channel.kraus().len()
            );
        }
        return;
    }
    let mut of_gates = BTreeMap::<String, Vec<f64>>::new();
    for rule in &model.rules {
        of_gates.entry(gates(rule)).or_default().push(1.0 - rule.channel.average_gate_fidelity());
    }
    let _ = writeln!(text, "\n  gate              places    average gate infidelity: least       median         most");
    for (name, mut infidelities) in of_gates {
        infidelities.sort_by(f64::total_cmp);
        let (least, most) = (infidelities[0], infidelities[infidelities.len() - 1]);
        let median = infidelities[infidelities.len() / 2];
        let _ = writeln!(text, "  {name:<16} {:>7} {least:>33.3e} {median:>12.3e} {most:>12.3e}", infidelities.len());
    }
    let _ = writeln!(text, "every place on its own: --all");
}

fn gates(rule: &Rule) -> String {
    if rule.gates.is_empty() { "every gate".into() } else { rule.gates.join(" ") }
}

fn places(rule: &Rule) -> String {
    let list = |qubits: &Vec<usize>| qubits.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    let on = rule.on.as_ref().map_or(String::new(), |on| format!(" on {}", list(on)));
    match (rule.qubits.is_empty(), rule.otherwise) {
        (true, true) => format!("others{on}"),
        (true, false) => format!("any{on}"),
        _ => format!("{}{on}", rule.qubits.iter().map(list).collect::<Vec<_>>().join(" ")),
    }
}
