//! What `check` and `plan` print.

mod numbers;

use super::device::{self, Devices, Open, Ready};
use super::forecast::{Forecast, Row, forecast, read_machine};
use super::inputs::Inputs;
use super::sizes::human_bytes;
use crate::config::{Config, EngineKind};
use crate::driver::Context;
use crate::driver::computer::expected;
use crate::error::Result;
use crate::jobs::PlanOptions;
use crate::plan::{Action, Condition, Step};
pub(super) use numbers::seconds;
use numbers::{human_flops, percent};
use std::fmt::Write;

/// Widths for which the plan shows totals.
const WIDTHS: [u64; 4] = [1, 16, 64, 256];

/// For those who only plan, what is not there is no obstacle.
const EXPECTED: Open = |comm, wish| Ok(expected(comm, wish));

/// Checks all inputs; the effective configuration and one line on the circuit.
pub(super) fn check(config: Config, context: &Context<'_>) -> Result<String> {
    let ranks = context.comm.size();
    let Ready { inputs, .. } = device::ready(config, context, ranks, &Devices::default(), EXPECTED)?;
    super::reserve_output(&inputs, context)?;
    inputs.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let (circuit, plan) = (&inputs.circuit, &inputs.plan);
    let mut text = inputs.effective_toml();
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

/// The plan for some number of ranks, and what it is predicted to take.
pub(super) fn plan(config: Config, context: &Context<'_>, options: &PlanOptions) -> Result<String> {
    let named = read_machine(context, options.machine.as_deref(), config.engine.threads)?;
    let devices = named.as_ref().map_or_else(Devices::default, |(prices, _)| Devices::named(prices));
    let Ready { inputs, device, .. } = device::ready(config, context, options.ranks, &devices, EXPECTED)?;
    let forecast = forecast(&inputs, context, options, named.map(|(_, source)| source))?;
    if options.json {
        return Ok(json(&inputs, options.ranks, device, &forecast));
    }
    let mut text = String::new();
    costs(&mut text, &inputs, options.ranks);
    if let Some(device) = device {
        let _ = writeln!(text, "\ndevice: {device}");
    }
    prediction(&mut text, &inputs, &forecast);
    table(&mut text, &inputs, &forecast.table);
    if options.verbose {
        steps(&mut text, &inputs, &forecast);
    }
    Ok(text)
}

/// What is known without the widths.
fn costs(text: &mut String, inputs: &Inputs, ranks: usize) {
    let plan = &inputs.plan;
    let _ = writeln!(text, "{}: {} qubits on {ranks} rank(s)", inputs.config.circuit.file.value, plan.system);
    let _ = writeln!(
        text,
        "  {} rank(s) hold 2^{} rows each, {} idle; {} column(s) at most, in {} a rank",
        plan.shards * inputs.members,
        plan.local_qubits(),
        ranks - plan.shards * inputs.members,
        most_columns(inputs),
        human_bytes(inputs.memory as f64)
    );
    let totals = plan.totals(inputs.precision().amplitude_bytes());
    if let Some(choice) = &inputs.choice {
        let _ = writeln!(text, "\n{}", choice.table());
    }
    let _ = writeln!(text, "\nsteps");
    for (kind, count) in &totals.steps {
        let _ = writeln!(text, "  {kind:<18}{count:>10}");
    }
    let _ = writeln!(text, "\nfor each column of the factor, on each rank");
    for (what, value, note) in [
        ("memory", human_bytes(inputs.column_bytes() as f64), ""),
        ("read and written", human_bytes(totals.cost.memory as f64), "  if each step had a pass of its own"),
        ("computed", human_flops(totals.cost.flops as f64), ""),
        ("sent to others", human_bytes(totals.cost.sent as f64), ""),
        ("sent, exact bytes", totals.cost.sent.to_string(), ""),
        ("partners, in sum", totals.cost.messages.to_string(), ""),
    ] {
        let _ = writeln!(text, "  {what:<18}{value:>14}{note}");
    }
    if inputs.config.engine.kind == EngineKind::LowRank {
        totals_by_width(text, inputs, totals.cost.sent);
    }
}

/// What a factor of so many columns takes.
fn totals_by_width(text: &mut String, inputs: &Inputs, sent_per_column: u64) {
    let _ = writeln!(text, "\nif the factor had this many columns throughout");
    let _ = writeln!(text, "  {:<10}{:>16}{:>16}", "columns", "memory a rank", "sent a rank");
    for width in WIDTHS {
        let memory = human_bytes(width as f64 * inputs.column_bytes() as f64);
        let sent = human_bytes(width as f64 * sent_per_column as f64);
        let _ = writeln!(text, "  {width:<10}{memory:>16}{sent:>16}");
    }
}

/// As many as fit, or as there can be.
fn most_columns(inputs: &Inputs) -> usize {
    match inputs.config.engine.kind {
        EngineKind::LowRank | EngineKind::Auto => inputs.max_width().min(1 << inputs.plan.qubits),
        EngineKind::Density | EngineKind::Statevector => 1,
        EngineKind::Trajectories => inputs.first_columns(),
    }
}

/// The prediction for the ranks asked for.
fn prediction(text: &mut String, inputs: &Inputs, forecast: &Forecast) {
    let Forecast { machine, links, source, threads, widths, prediction, .. } = forecast;
    let _ = writeln!(text, "\npredicted for one pass over the circuit, {threads} thread(s) a rank");
    let _ = writeln!(text, "  machine: {machine}");
    if let Some(gpu) = inputs.prices.machine.gpu {
        let _ = writeln!(text, "  The GPU takes {} more until it is ready.", seconds(gpu.start));
    }
    if !links {
        let _ = writeln!(text, "  links between ranks: defaults; measure with `rhoshard bench machine` under mpirun");
    }
    let _ = writeln!(text, "  widths: {source}");
    if super::first_stair(inputs).is_some() {
        let _ = writeln!(text, "  A run by budget makes a few passes, of falling cut and growing width.");
    }
    if let Some(batches) = inputs.most_batches() {
        let (columns, members) = (inputs.first_columns(), inputs.members);
        let _ =
            writeln!(text, "  A pass is for {columns} trajectories; at most {batches} passes, {members} at a time.");
    }
    let work = &prediction.seconds;
    let (passes, traffic) = (prediction.passes, human_bytes(prediction.traffic));
    let (count, most) = (prediction.compressions, widths.most());
    let sent = human_bytes(prediction.sent);
    for (what, time, note) in [
        ("gates and channels", work.gates, format!("{traffic} read and written in {passes} passes over the shard")),
        ("compression", work.compression, format!("{count} compressions, {most} columns at most")),
        ("communication", work.communication, format!("{sent} sent by a rank to {:.0} partners", prediction.messages)),
        ("observables", work.observables, "purity and Pauli strings".into()),
        ("total", work.total(), human_flops(prediction.flops) + " by a rank"),
    ] {
        let _ = writeln!(text, "  {what:<18}{:>12}  {note}", seconds(time));
    }
}

/// One line for each number of ranks.
fn table(text: &mut String, inputs: &Inputs, rows: &[Row]) {
    let _ = writeln!(text, "\npredicted for other numbers of ranks, each as fast as the one above");
    let headings = ["ranks", "rows each", "memory each", "sent by each", "messages", "time", "efficiency"];
    let line = |cells: [String; 7]| {
        let [ranks, rows, memory, sent, messages, time, efficiency] = cells;
        format!("  {ranks:>5} {rows:>10} {memory:>13} {sent:>13} {messages:>9} {time:>12} {efficiency:>11}")
    };
    let _ = writeln!(text, "{}", line(headings.map(String::from)));
    for row in rows {
        if row.shards < row.ranks {
            let _ = writeln!(text, "  {:>5}   as {}: the circuit cannot be sharded further", row.ranks, row.shards);
            continue;
        }
        let too_much = if row.memory_bytes > inputs.memory { "*" } else { "" };
        let _ = writeln!(
            text,
            "{}",
            line([
                row.ranks.to_string(),
                format!("2^{}", row.rows.trailing_zeros()),
                format!("{}{too_much}", human_bytes(row.memory_bytes as f64)),
                human_bytes(row.sent_bytes),
                format!("{:.0}", row.messages),
                seconds(row.seconds),
                percent(row.efficiency),
            ])
        );
    }
    if rows.iter().any(|row| row.shards == row.ranks && row.memory_bytes > inputs.memory) {
        let _ = writeln!(text, "  * more than the {} a rank has here", human_bytes(inputs.memory as f64));
    }
}

/// Every step with its width and its time.
fn steps(text: &mut String, inputs: &Inputs, forecast: &Forecast) {
    let headings = ("step", "line", "columns", "time", "kind");
    let (step, line, columns, time, kind) = headings;
    let _ = writeln!(text, "\n{step:>7} {line:>6} {columns:>8} {time:>12}  {kind:<17} what (physical qubits)");
    for (index, step) in inputs.plan.steps.iter().enumerate() {
        let (width, time) = (forecast.widths.after[index], seconds(forecast.prediction.steps[index]));
        let kind = step.action.name();
        let _ = writeln!(text, "{index:>7} {:>6} {width:>8} {time:>12}  {kind:<17} {}", step.line, detail(step));
    }
}

/// The same for programs.
fn json(inputs: &Inputs, ranks: usize, device: Option<String>, forecast: &Forecast) -> String {
    let plan = &inputs.plan;
    let (totals, prediction) = (plan.totals(inputs.precision().amplitude_bytes()), &forecast.prediction);
    let mut by_kind = serde_json::to_value(prediction.seconds).unwrap_or_default();
    by_kind["total"] = prediction.seconds.total().into();
    let mut value = serde_json::json!({
        "circuit": inputs.config.circuit.file.value,
        "qubits": plan.system,
        "ranks": ranks,
        "shards": plan.shards,
        "threads": forecast.threads,
        "steps": totals.steps,
        "per_column": {
            "memory_bytes": inputs.column_bytes(),
            "sent_bytes": totals.cost.sent,
            "messages": totals.cost.messages,
            "flops": totals.cost.flops,
        },
        "device": device,
        "machine": forecast.machine,
        "links_measured": forecast.links,
        "widths": { "source": forecast.source, "most": forecast.widths.most() },
        "predicted": {
            "seconds": by_kind,
            "passes": prediction.passes,
            "compressions": prediction.compressions,
            "traffic_bytes": prediction.traffic,
            "flops": prediction.flops,
            "sent_bytes": prediction.sent,
            "messages": prediction.messages,
        },
        "table": forecast.table,
    });
    if let Some(choice) = &inputs.choice {
        value["choice"] = choice.json();
    }
    format!("{value:#}\n")
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
        Action::Conditional { condition, action } => {
            let step = Step { action: (**action).clone(), ..step.clone() };
            format!("{} {}, if {}", action.name(), detail(&step), tested(condition))
        }
        Action::Classical { bit, condition: None } => format!("register bit {bit} is not read any more"),
        Action::Classical { bit, condition: Some(condition) } => format!("register bit {bit} = {}", tested(condition)),
        Action::CompressIfWide => String::new(),
        Action::Measure { overlaps, snapshot, .. } => {
            let name = snapshot.as_ref().map_or_else(String::new, |name| format!("{name}, "));
            format!("{name}{} groups of Pauli strings", overlaps.len())
        }
    }
}

/// The bits of the register that are tested.
fn tested(condition: &Condition) -> String {
    let bits = (0..64).filter(|bit| condition.mask >> bit & 1 == 1);
    let bits: Vec<String> = bits.map(|bit| format!("bit {bit} is {}", condition.value >> bit & 1)).collect();
    bits.join(" and ")
}
