//! What `check` and `plan` print.

use super::inputs::{Inputs, human_bytes};
use crate::config::Config;
use crate::driver::Context;
use crate::error::Result;
use crate::plan::{Action, Step};
use std::fmt::Write;

/// Widths for which the plan shows totals.
const WIDTHS: [u64; 4] = [1, 16, 64, 256];

/// Checks all inputs; the effective configuration and one line on the circuit.
pub(in crate::jobs) fn check(config: Config, context: &Context<'_>) -> Result<String> {
    let inputs = Inputs::read(config, context, context.comm.size())?;
    super::reserve_output(&inputs, context)?;
    inputs.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let (circuit, plan) = (&inputs.circuit, &inputs.plan);
    let mut text = inputs.config.effective_toml();
    let _ = writeln!(
        text,
        "\n# {} is valid: {} qubits, {} classical bits, {} statements with noise, {} steps",
        inputs.config.path,
        circuit.qubits(),
        circuit.bits(),
        circuit.statements.len(),
        plan.steps.len()
    );
    Ok(text)
}

/// The plan for `ranks` ranks.
pub(in crate::jobs) fn plan(config: Config, context: &Context<'_>, ranks: usize, verbose: bool) -> Result<String> {
    let inputs = Inputs::read(config, context, ranks)?;
    let plan = &inputs.plan;
    let mut text = String::new();
    let _ = writeln!(text, "{}: {} qubits on {ranks} rank(s)", inputs.config.circuit.file.value, plan.qubits);
    let _ = writeln!(
        text,
        "  {} rank(s) hold 2^{} rows each, {} idle; {} columns at most, in {} a rank",
        plan.shards,
        plan.local_qubits(),
        ranks - plan.shards,
        inputs.max_width().min(1 << plan.qubits),
        human_bytes(inputs.memory as f64)
    );
    let totals = plan.totals(inputs.precision().amplitude_bytes());
    let _ = writeln!(text, "\nsteps");
    for (kind, count) in &totals.steps {
        let _ = writeln!(text, "  {kind:<18}{count:>10}");
    }
    let _ = writeln!(text, "\nfor each column of the factor, on each rank");
    for (what, value) in [
        ("memory", human_bytes(inputs.column_bytes() as f64)),
        ("read and written", human_bytes(totals.cost.memory as f64)),
        ("sent to others", human_bytes(totals.cost.sent as f64)),
        ("sent, exact bytes", totals.cost.sent.to_string()),
        ("partners, in sum", totals.cost.messages.to_string()),
    ] {
        let _ = writeln!(text, "  {what:<18}{value:>14}");
    }
    let _ = writeln!(text, "\nif the factor had this many columns throughout");
    let _ = writeln!(text, "  {:<10}{:>16}{:>16}", "columns", "memory a rank", "sent a rank");
    for width in WIDTHS {
        let memory = human_bytes((width * inputs.column_bytes()) as f64);
        let sent = human_bytes((width * totals.cost.sent) as f64);
        let _ = writeln!(text, "  {width:<10}{memory:>16}{sent:>16}");
    }
    if verbose {
        let _ = writeln!(text, "\n{:>7} {:>6}  {:<17} what (physical qubits)", "step", "line", "kind");
        for (index, step) in plan.steps.iter().enumerate() {
            let _ = writeln!(text, "{index:>7} {:>6}  {:<17} {}", step.line, step.action.name(), detail(step));
        }
    }
    Ok(text)
}

/// The operands of a step.
fn detail(step: &Step) -> String {
    match &step.action {
        Action::Unitary { targets, controls, .. }
        | Action::Permutation { targets, controls, .. }
        | Action::Diagonal { targets, controls, .. } => {
            let controls: Vec<String> = controls
                .iter()
                .map(|control| format!("{}{}", if control.value { "" } else { "not " }, control.qubit))
                .collect();
            let on = if controls.is_empty() { String::new() } else { format!(" if {}", controls.join(", ")) };
            format!("{targets:?}{on}")
        }
        Action::Relabel { first, second } => format!("logical {first} <-> {second}"),
        Action::Exchange { pairs } => {
            pairs.iter().map(|(rank, row)| format!("{rank} <-> {row}")).collect::<Vec<_>>().join(", ")
        }
        Action::Channel { channel, targets, record } => {
            let outcome = record.map_or_else(String::new, |bit| format!(", outcome to register bit {bit}"));
            format!("{} {targets:?}, {} branches{outcome}", channel.name(), channel.kraus().len())
        }
        Action::CompressIfWide => String::new(),
        Action::Measure { overlaps, .. } => format!("{} groups of Pauli strings", overlaps.len()),
    }
}
