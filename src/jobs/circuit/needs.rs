//! What a circuit job needs of a cluster, from the plan and the forecast that `rhoshard plan` prints.

use super::choice::Prices;
use super::device::{self, Devices, Ready};
use super::forecast::{Forecast, MOST_RANKS, forecast, read_machine};
use super::inputs::Inputs;
use crate::cluster::{Conditions, Needs, OnRanks};
use crate::config::{Config, DeviceKind, Machine};
use crate::driver::Context;
use crate::driver::computer::computer;
use crate::error::{Error, Result};
use crate::jobs::PlanOptions;

/// Memory and time on 1 to 4096 ranks of nodes like these; what the machine this runs on has does not count.
pub(in crate::jobs) fn needs(config: Config, context: &Context<'_>, conditions: Conditions) -> Result<Needs> {
    let config = on_nodes(config, &conditions);
    let named = read_machine(context, conditions.machine.as_deref(), config.engine.threads)?;
    let prices = named.as_ref().map_or_else(|| usual_prices(&conditions), |(prices, _)| prices.clone());
    let (ranks, inputs) = fewest_ranks(&config, context, &Devices::named(&prices))?;
    let options = PlanOptions { ranks, ..PlanOptions::default() };
    let forecast = forecast(&inputs, context, &options, named.map(|(_, source)| source))?;
    needs_of(&forecast, ranks, &inputs, conditions)
}

/// The job as it would be on a node: with its threads, and with all of its memory at most.
fn on_nodes(mut config: Config, conditions: &Conditions) -> Config {
    let engine = &mut config.engine;
    engine.threads.get_or_insert(conditions.threads as usize);
    engine.memory.get_or_insert(conditions.memory);
    // Prices and memory say what it computes with; nothing of it is here.
    (engine.device, engine.gpu) = (DeviceKind::Cpu, None);
    config
}

fn usual_prices(conditions: &Conditions) -> Prices {
    let machine = if conditions.gpu { Machine::default_gpu() } else { Machine::defaults() };
    Prices { machine, threads: conditions.threads as usize }
}

/// The fewest ranks, a power of two, on which the state fits, and the plan for them.
fn fewest_ranks(config: &Config, context: &Context<'_>, devices: &Devices) -> Result<(usize, Inputs)> {
    let on = |ranks| {
        let ready = device::ready(config.clone(), context, ranks, devices, computer);
        ready.map(|Ready { inputs, .. }| inputs)
    };
    let error = match on(1) {
        Ok(inputs) => return Ok((1, inputs)),
        Err(error) => error,
    };
    // What is wrong on any number of ranks is not for want of memory.
    on(MOST_RANKS).map_err(|_| error.clone())?;
    let more = std::iter::successors(Some(2), |ranks| Some(2 * ranks)).take_while(|ranks| *ranks <= MOST_RANKS);
    more.into_iter().find_map(|ranks| Some((ranks, on(ranks).ok()?))).ok_or(error)
}

/// The rows of the forecast that can be used.
fn needs_of(forecast: &Forecast, fewest: usize, inputs: &Inputs, conditions: Conditions) -> Result<Needs> {
    let start = inputs.prices.machine.gpu.map_or(0.0, |gpu| gpu.start);
    let usable = forecast.table.iter().filter(|row| row.ranks >= fewest && row.shards == row.ranks);
    let on: Vec<OnRanks> = usable
        .map(|row| OnRanks {
            ranks: row.ranks as u64,
            // An engine keeps to the memory there is, whatever width it would take.
            memory: row.memory_bytes.min(inputs.memory),
            seconds: row.seconds + start,
        })
        .collect();
    match on.is_empty() {
        true => Err(Error::internal("a forecast without any usable number of ranks")),
        false => Ok(Needs { conditions, on, points: None, longest: 0.0 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::Serial;
    use crate::comm::node::Node;
    use crate::config;
    use crate::driver::Selection;
    use crate::driver::interruption::Interruption;
    use std::cell::RefCell;

    /// The needs of a chain of gates on so many qubits.
    fn of(qubits: usize, engine: &str, conditions: &Conditions) -> Result<Needs> {
        let folder = tempfile::tempdir().unwrap();
        let circuit = format!(
            "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[{qubits}] q;\nh q;\n\
             for int i in [1:{}] {{ cx q[i - 1], q[i]; }}\n",
            qubits - 1
        );
        std::fs::write(folder.path().join("circuit.qasm"), circuit).unwrap();
        let text = format!(
            "job = \"circuit\"\n[circuit]\nfile = \"circuit.qasm\"\n[noise]\ndepolarizing = {{ one_qubit = 1e-4 }}\n\
             [engine]\n{engine}\n[observe]\nexpectations = [\"Z0\"]\n"
        );
        let path = folder.path().join("job.toml").display().to_string();
        std::fs::write(&path, &text).unwrap();
        let context = Context {
            comm: &Serial,
            node: Node::of(&Serial),
            quiet: true,
            folder: folder.path().to_path_buf(),
            job_file: path.clone(),
            job_text: text.clone(),
            output: None,
            writes: true,
            command: String::new(),
            inputs: RefCell::default(),
            interruption: Interruption::default(),
            selection: Selection::default(),
            fresh: false,
        };
        needs(config::parse(&text, &path, &["circuit"])?, &context, conditions.clone())
    }

    const NODE: Conditions = Conditions { threads: 4, memory: 64 << 30, gpu: false, machine: None };

    #[test]
    fn a_pure_state_needs_its_bytes_divided_by_the_ranks() {
        let needs = of(20, "kind = \"density\"\nmemory = \"64 TiB\"", &NODE).unwrap();
        assert_eq!(needs.on[0].ranks, 1);
        let bytes = |ranks: u64| needs.on.iter().find(|on| on.ranks == ranks).unwrap().memory as f64;
        // 4^20 amplitudes of 16 bytes.
        assert_eq!(bytes(1), 16.0 * 4f64.powi(20));
        assert_eq!(bytes(8), 2.0 * 4f64.powi(20));
        assert!(
            needs.on.windows(2).all(|pair| pair[0].ranks * 2 == pair[1].ranks && pair[0].seconds > pair[1].seconds)
        );
        assert_eq!(needs.points, None);
    }

    #[test]
    fn the_memory_of_a_node_says_how_many_ranks_there_are_at_least() {
        let needs = of(18, "kind = \"density\"", &NODE).unwrap();
        // 2^40 bytes on nodes of 2^36.
        assert_eq!(needs.on[0].ranks, 16);
        assert!(needs.on.iter().all(|on| on.memory <= 64 << 30));
        let small = Conditions { memory: 1 << 20, ..NODE };
        let error = of(26, "kind = \"density\"", &small).unwrap_err();
        assert!(error.what.contains("does not fit"), "{error}");
    }

    #[test]
    fn a_gpu_takes_its_time_to_start_and_less_for_the_rest() {
        let engine = "kind = \"density\"";
        let (cpu, gpu) = (of(15, engine, &NODE).unwrap(), of(15, engine, &Conditions { gpu: true, ..NODE }).unwrap());
        let start = Machine::default_gpu().gpu.unwrap().start;
        assert!(gpu.on[0].seconds > start && gpu.on[0].seconds - start < cpu.on[0].seconds);
    }

    #[test]
    fn wrong_jobs_are_refused_as_everywhere() {
        let error = of(4, "kind = \"statevector\"", &NODE).unwrap_err();
        assert_eq!(error.kind.exit_code(), 2, "{error}");
        let missing = Conditions { machine: Some("nowhere.toml".into()), ..NODE };
        assert!(of(4, "", &missing).unwrap_err().to_string().contains("nowhere.toml"));
    }
}
