//! `device = "auto"`: the GPU where the whole job is predicted to take less there than on the CPU,
//!
//! ```text
//! start + sharing * seconds(GPU)  <  seconds(CPU)
//! ```
//!
//! where `start` is what it takes to get a GPU ready and `sharing` the ranks that share one. Both prices are of one plan
//! (`choice/prices.rs`) and known before anything is opened: a job of milliseconds does not wait a second for CUDA. One rank
//! decides, so that all do the same.

use super::choice::Prices;
use super::describe::seconds;
use super::inputs::{Inputs, wish};
use crate::comm::{Communicator, on_root};
use crate::config::{Config, DeviceKind, Machine};
use crate::driver::Context;
use crate::driver::computer::{Computer, Wish, sharing};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// What jobs may run on, and how fast it is.
pub(super) struct Devices {
    /// The device that `auto` weighs against the CPU; without one it takes what is there.
    accelerator: Option<DeviceKind>,
    cpu: Prices,
    gpu: Prices,
}

impl Default for Devices {
    fn default() -> Devices {
        let [cpu, gpu] = [Machine::defaults(), Machine::default_gpu()].map(Prices::of);
        Devices { accelerator: Some(DeviceKind::Cuda), cpu, gpu }
    }
}

impl Devices {
    /// Those of one machine, whatever is here.
    pub(super) fn named(prices: &Prices) -> Devices {
        Devices { accelerator: None, cpu: prices.clone(), gpu: prices.clone() }
    }

    fn prices(&self, device: DeviceKind) -> &Prices {
        if device == DeviceKind::Cpu { &self.cpu } else { &self.gpu }
    }
}

/// How a device is opened: for a run, or for those who only plan one.
pub(super) type Open = fn(&dyn Communicator, Wish) -> Result<Computer>;

/// A job that is read, checked and planned for what it computes with.
pub(super) struct Ready {
    pub(super) inputs: Inputs,
    pub(super) computer: Computer,
    /// What `auto` took and why, if there was a GPU to weigh.
    pub(super) device: Option<String>,
}

/// Reads, checks and plans for `ranks` ranks; collective.
///
/// # Errors
/// Those of the inputs; resource error when a device is demanded that cannot be had.
pub(super) fn ready(
    config: Config,
    context: &Context<'_>,
    ranks: usize,
    devices: &Devices,
    open: Open,
) -> Result<Ready> {
    let wish = wish(&config);
    let on = |device| {
        let computer = open(context.comm, Wish { device, ..wish }).map_err(|error| error.in_file(&context.job_file))?;
        let inputs = Inputs::read(config.clone(), context, ranks, &computer, devices.prices(device).clone())?;
        Ok(Ready { inputs, computer, device: None })
    };
    match (wish.device, devices.accelerator) {
        (DeviceKind::Auto, Some(accelerator)) => {
            choose(context.comm, Wish { device: accelerator, ..wish }, devices, on)
        }
        (device, _) => on(device),
    }
}

/// The job on the CPU or on the wished GPU. That takes it also where the CPU cannot run it, and the CPU where the GPU fails.
fn choose(
    comm: &dyn Communicator,
    wish: Wish,
    devices: &Devices,
    on: impl Fn(DeviceKind) -> Result<Ready>,
) -> Result<Ready> {
    let sharing = match sharing(comm, wish) {
        Ok(sharing) => sharing,
        Err(error) => {
            tracing::info!("device: the CPU, as {}", error.what);
            return on(DeviceKind::Cpu);
        }
    };
    let on_cpu = match on(DeviceKind::Cpu) {
        Ok(ready) => ready,
        Err(error) => {
            let device = Some(format!("the GPU, as on the CPU {}", error.what));
            return on(wish.device).map(|ready| Ready { device, ..ready }).map_err(|_| error);
        }
    };
    let verdict = on_root(comm, || Ok(Verdict::of(&on_cpu.inputs, devices, sharing)))?;
    tracing::info!("device: {}", verdict.why);
    let on_gpu = verdict.gpu.then(|| on(wish.device));
    let ready = match on_gpu {
        Some(Err(error)) => {
            let why = format!("the CPU, as the GPU fails: {}", error.what);
            tracing::warn!("device: {why}");
            return Ok(Ready { device: Some(why), ..on_cpu });
        }
        Some(Ok(ready)) => ready,
        None => on_cpu,
    };
    Ok(Ready { device: Some(verdict.why), ..ready })
}

/// Whether the GPU is worth it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Verdict {
    gpu: bool,
    why: String,
}

impl Verdict {
    fn of(inputs: &Inputs, devices: &Devices, sharing: usize) -> Verdict {
        let start = devices.gpu.machine.gpu.map_or(0.0, |gpu| gpu.start);
        let [cpu, gpu] = [&devices.cpu, &devices.gpu].map(|prices| prices.expected(inputs));
        Verdict::between(cpu, sharing as f64 * gpu, start)
    }

    /// From the seconds on the CPU, on the GPU once it is ready, and until it is.
    fn between(cpu: f64, gpu: f64, start: f64) -> Verdict {
        let worth = start + gpu < cpu;
        let (on_cpu, on_gpu, ready) = (seconds(cpu), seconds(start + gpu), seconds(start));
        let why = match worth {
            true => format!("the GPU, predicted {on_gpu} with {ready} to get ready; the CPU {on_cpu}"),
            false => format!("the CPU, predicted {on_cpu}; the GPU {on_gpu} with {ready} to get ready"),
        };
        Verdict { gpu: worth, why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::Serial;
    use crate::comm::node::Node;
    use crate::config::Precision;
    use crate::config::machine::Gpu;
    use crate::driver::computer::computer;
    use std::cell::RefCell;

    const CIRCUIT: &str = "h q;\nfor int i in [1:7] { cx q[i - 1], q[i]; ry(0.3) q[i]; }\n";

    /// A folder with a job of 8 qubits, and what it runs in.
    fn job(engine: &str) -> (tempfile::TempDir, Config, Context<'static>) {
        job_of(8, engine)
    }

    fn job_of(qubits: usize, engine: &str) -> (tempfile::TempDir, Config, Context<'static>) {
        let folder = tempfile::tempdir().unwrap();
        let circuit = format!("OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[{qubits}] q;\n{CIRCUIT}");
        let text = format!(
            "job = \"circuit\"\n[circuit]\nfile = \"circuit.qasm\"\n[noise]\ndepolarizing = {{ one_qubit = 1e-3 }}\n\
             [engine]\n{engine}\n[observe]\nexpectations = [\"Z0\"]\n"
        );
        std::fs::write(folder.path().join("circuit.qasm"), circuit).unwrap();
        std::fs::write(folder.path().join("job.toml"), &text).unwrap();
        let config = crate::config::parse(&text, "job.toml", &["circuit"]).unwrap();
        let context = Context {
            comm: &Serial,
            node: Node::of(&Serial),
            quiet: true,
            folder: folder.path().to_path_buf(),
            job_file: folder.path().join("job.toml").display().to_string(),
            job_text: text,
            output: None,
            writes: true,
            command: String::new(),
            inputs: RefCell::default(),
            interruption: Default::default(),
            selection: crate::driver::Selection::default(),
            fresh: false,
        };
        (folder, config, context)
    }

    /// The emulated GPU in the place of CUDA's, with the rates of the default one and this start.
    fn devices(start: f64) -> Devices {
        let gpu = Machine { gpu: Some(Gpu { launch: 1e-9, answer: 1e-9, start }), ..Machine::default_gpu() };
        Devices { accelerator: Some(DeviceKind::Emulated), gpu: Prices::of(gpu), ..Devices::default() }
    }

    /// Seconds that the GPU would save, were it ready.
    fn saved(inputs: &Inputs) -> f64 {
        let devices = devices(1.0);
        devices.cpu.expected(inputs) - devices.gpu.expected(inputs)
    }

    const ENGINES: [&str; 4] =
        ["budget = 1e-2", "kind = \"density\"", "kind = \"auto\"", "kind = \"trajectories\"\ntrajectories = 1000"];

    #[test]
    fn the_gpu_is_worth_it_beyond_what_it_takes_to_get_ready() {
        assert!(Verdict::between(3.0, 1.0, 1.9).gpu && !Verdict::between(3.0, 1.0, 2.1).gpu);
        assert!(!Verdict::between(1.0, 1.0, 0.0).gpu);
        for engine in ENGINES {
            let (_folder, config, context) = job(engine);
            let ready = ready(config, &context, 1, &devices(1.0), |_, wish| {
                computer(&Serial, Wish { device: DeviceKind::Cpu, ..wish })
            });
            let inputs = ready.unwrap().inputs;
            let start = saved(&inputs);
            assert!(start > 0.0, "{engine}");
            let gpu = |factor: f64, sharing| Verdict::of(&inputs, &devices(factor * start), sharing).gpu;
            assert_eq!([gpu(0.99, 1), gpu(1.01, 1)], [true, false], "{engine}");
            assert!(!gpu(0.99, 1000), "{engine}: a GPU that many ranks share");
        }
    }

    #[test]
    fn an_engine_that_would_take_over_counts_if_it_is_cheaper() {
        // 64 columns of 11 qubits are fewer amplitudes than a density matrix has, and more than two batches of trajectories.
        for (accuracy, name, cheaper) in
            [("budget = 1e-2", "density", false), ("standard_error = 0.3", "trajectories", true)]
        {
            let (_folder, config, context) = job_of(11, &format!("kind = \"auto\"\ndevice = \"cpu\"\n{accuracy}"));
            let mut inputs = ready(config, &context, 1, &devices(1.0), computer).unwrap().inputs;
            let prices = Prices::of(Machine::defaults());
            let with_rival = prices.expected(&inputs);
            let rival = inputs.choice.as_mut().and_then(|choice| choice.rival.take()).unwrap();
            let alone = prices.expected(&inputs);
            assert_eq!((rival.name(), with_rival < alone), (name, cheaper), "{with_rival} {alone}");
            assert!(with_rival > 0.0 && with_rival <= alone);
        }
    }

    #[test]
    fn what_is_said_fits_a_line_of_the_summary() {
        for (cpu, gpu) in [(1e-3, 2e-3), (1e5, 1e3)] {
            let why = Verdict::between(cpu, gpu, 1.0).why;
            assert!(why.starts_with(if gpu < cpu { "the GPU, predicted" } else { "the CPU, predicted" }), "{why}");
            assert!("device  ".len() + why.len() <= 80, "{why}");
        }
    }

    #[test]
    fn the_emulated_gpu_goes_through_the_same_decision() {
        if computer(
            &Serial,
            Wish { device: DeviceKind::Emulated, gpu: None, precision: Precision::Double, spill: false },
        )
        .is_err()
        {
            return;
        }
        for engine in ENGINES {
            let (_folder, config, context) = job(&format!("{engine}\ndevice = \"auto\""));
            let run = |start| ready(config.clone(), &context, 1, &devices(start), computer).unwrap();
            let (slow, quick) = (run(1e6), run(1e-12));
            assert!(slow.computer.gpus.is_empty() && slow.device.unwrap().starts_with("the CPU, "), "{engine}");
            assert_eq!(quick.computer.gpus, ["emulated GPU"], "{engine}");
            assert!(quick.device.unwrap().starts_with("the GPU, ") && quick.computer.memory.is_some(), "{engine}");
            assert!(quick.inputs.prices.machine.gpu.is_some() && slow.inputs.prices.machine.gpu.is_none());
        }
    }

    #[test]
    fn a_demand_is_not_weighed() {
        let (_folder, config, context) = job("device = \"cpu\"");
        let ready = ready(config, &context, 1, &devices(1e-12), computer).unwrap();
        assert!(ready.computer.gpus.is_empty() && ready.device.is_none());
    }
}
