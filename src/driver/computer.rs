//! What a rank computes with: the CPU, or a GPU.

use crate::backend::Backend;
use crate::backend::cpu::Cpu;
use crate::backend::cuda::Cuda;
use crate::comm::device::Devices;
use crate::comm::{Communicator, agree};
use crate::config::{DeviceKind, Precision};
use crate::device::{Clock, Device, Meter, cuda, emulated};
use crate::error::{Error, Result};
use std::path::PathBuf;
use std::rc::Rc;

/// Of the free memory of a GPU, the part that states may take: growing, a shard is there twice, once with half as many
/// columns, and products need room to work in.
const USABLE: f64 = 0.8 / 1.5;

/// Names the file, but for `.RANK.json`, for what a GPU spends its time on.
const KERNEL_TIMES: &str = "RHOSHARD_KERNEL_TIMES";

/// What this rank computes with.
#[derive(Clone)]
pub struct Computer {
    /// Makes its shards.
    pub backend: Rc<dyn Backend>,
    /// Where they lie; nothing on the CPU.
    device: Option<Rc<dyn Device>>,
    /// Takes the times of the device's streams.
    pub clock: Option<Rc<Clock>>,
    /// The GPU of every rank, in the order of ranks, on the root rank; none on the CPU.
    pub gpus: Vec<String>,
    /// Bytes of a GPU for the state of each rank, the same on every rank; on the CPU the host's memory counts.
    pub memory: Option<u64>,
}

impl Computer {
    /// The device that shards lie on; nothing on the CPU.
    pub fn device(&self) -> Option<Rc<dyn Device>> {
        self.device.clone()
    }

    /// The ranks of a communicator, for states over them: with a device each, messages go from one to the other. Collective.
    ///
    /// # Errors
    /// Resource error, the same on every rank, when the devices cannot be connected.
    pub fn connected(&self, comm: Rc<dyn Communicator>) -> Result<Rc<dyn Communicator>> {
        match (&self.device, &self.clock) {
            (Some(device), Some(clock)) => Ok(Rc::new(Devices::new(comm, device.clone(), clock.clone())?)),
            _ => Ok(comm),
        }
    }
}

/// What a job asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// The kind of device.
    pub device: DeviceKind,
    /// The number of the GPU on its node; without one, ranks take one after the other.
    pub gpu: Option<usize>,
    /// Of all amplitudes.
    pub precision: Precision,
}

/// What is asked for, the same kind on every rank. Collective.
///
/// # Errors
/// Resource error, the same on every rank, when a GPU is demanded and a rank finds none that it can use.
pub fn computer(comm: &dyn Communicator, wish: Wish) -> Result<Computer> {
    match wish.device {
        DeviceKind::Cpu => Ok(on_cpu(wish.precision)),
        DeviceKind::Emulated => on_device(comm, wish.precision, 0, emulated::open()),
        DeviceKind::Cuda => on_gpu(comm, wish).map_err(demanded),
        DeviceKind::Auto => on_gpu(comm, wish).or_else(|error| {
            tracing::info!("computing on the CPU: {}", error.what);
            Ok(on_cpu(wish.precision))
        }),
    }
}

/// What a job would compute with, for those who only plan it: without the GPU that it demands, the CPU. Collective.
pub fn expected(comm: &dyn Communicator, wish: Wish) -> Computer {
    computer(comm, wish).unwrap_or_else(|error| {
        tracing::warn!("{}; the memory of this machine counts instead", error.what);
        on_cpu(wish.precision)
    })
}

/// How many ranks share a GPU of a node at most; found without getting any ready. Collective.
///
/// # Errors
/// Resource error, the same on every rank, when one finds no GPU.
pub fn sharing(comm: &dyn Communicator, wish: Wish) -> Result<usize> {
    let found = match wish.device {
        DeviceKind::Emulated => emulated::open().map(|_| 1),
        _ => cuda::count(),
    };
    let found = agree(comm, found)?;
    let gpus = if wish.gpu.is_some() { 1 } else { found };
    let mut most = [comm.split_node().size().div_ceil(gpus) as f64];
    comm.maximum(&mut most);
    Ok(most[0] as usize)
}

/// The first GPU of this node, or the emulated one.
///
/// # Errors
/// Resource error when there is none; input error for the CPU.
pub fn open(device: DeviceKind) -> Result<Rc<dyn Device>> {
    match device {
        DeviceKind::Cpu => Err(Error::input("the CPU is no GPU").allowed("auto, cuda, emulated")),
        DeviceKind::Emulated => emulated::open(),
        DeviceKind::Cuda | DeviceKind::Auto => cuda::open(0),
    }
}

fn on_cpu(precision: Precision) -> Computer {
    Computer { backend: Rc::new(Cpu::new(precision)), device: None, clock: None, gpus: Vec::new(), memory: None }
}

fn on_gpu(comm: &dyn Communicator, wish: Wish) -> Result<Computer> {
    let own = comm.split_node().rank();
    let number = wish.gpu.map_or_else(|| cuda::count().map(|count| own % count), Ok);
    let device = number.clone().and_then(cuda::open);
    on_device(comm, wish.precision, number.unwrap_or(0), device)
}

/// The device, shared by all ranks of the node that have the same number.
fn on_device(
    comm: &dyn Communicator,
    precision: Precision,
    number: usize,
    device: Result<Rc<dyn Device>>,
) -> Result<Computer> {
    let sharing = comm.split_node().split(number).size() as f64;
    let made = device.map(|device| metered(device, comm.rank())).and_then(|device| {
        let (name, free) = (device.name(), device.memory()?.0 as f64);
        Ok((name, free, Cuda::new(device.clone(), precision)?, device))
    });
    let (name, free, backend, device) = agree(comm, made)?;
    tracing::info!("computing on {name}");
    let names = comm.gather(name.as_bytes()).unwrap_or_default();
    let gpus = names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    // The least of all ranks, as they decide alike.
    let mut least = [-USABLE * free / sharing];
    comm.maximum(&mut least);
    let clock = Some(Rc::new(Clock::new(device.clone())));
    Ok(Computer { backend: Rc::new(backend), device: Some(device), clock, gpus, memory: Some(-least[0] as u64) })
}

/// The device, which writes what it spent its time on to a file of this rank, if that is asked for.
fn metered(device: Rc<dyn Device>, rank: usize) -> Rc<dyn Device> {
    match std::env::var_os(KERNEL_TIMES) {
        Some(path) => {
            let file = PathBuf::from(path).with_extension(format!("{rank}.json"));
            Rc::new(Meter::new(device, file))
        }
        None => device,
    }
}

fn demanded(mut error: Error) -> Error {
    error.what = format!("device = \"cuda\" cannot be had: {}", error.what);
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::Serial;

    fn wish(device: DeviceKind, gpu: Option<usize>) -> Wish {
        Wish { device, gpu, precision: Precision::Single }
    }

    #[test]
    fn the_cpu_is_had_everywhere_and_a_gpu_not() {
        for device in [DeviceKind::Cpu, DeviceKind::Auto] {
            let computer = computer(&Serial, wish(device, Some(255))).unwrap();
            assert_eq!((computer.backend.precision(), computer.gpus.len()), (Precision::Single, 0));
        }
        let error = computer(&Serial, wish(DeviceKind::Cuda, Some(255))).err().unwrap();
        assert!(error.what.starts_with("device = \"cuda\" cannot be had: "), "{error}");
        assert!(error.next.is_some());
        assert_eq!(expected(&Serial, wish(DeviceKind::Cuda, Some(255))).memory, None);
    }

    #[test]
    fn an_emulated_gpu_has_its_own_memory() {
        if let Ok(computer) = computer(&Serial, wish(DeviceKind::Emulated, None)) {
            assert_eq!(computer.gpus, ["emulated GPU"]);
            assert!(computer.memory.is_some_and(|memory| memory > 1 << 30));
        }
    }
}
