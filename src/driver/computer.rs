//! What a rank computes with: the CPU, or a GPU.

use crate::backend::Backend;
use crate::backend::cpu::Cpu;
use crate::backend::cuda::{Cuda, SQUARE_BYTES};
use crate::comm::device::Devices;
use crate::comm::node::Node;
use crate::comm::{Communicator, agree};
use crate::config::{DeviceKind, Precision};
use crate::device::{Clock, Device, Meter, cuda, emulated};
use crate::error::{Error, Result};
use std::path::PathBuf;
use std::rc::Rc;

/// Of the free memory of a GPU, the part that is planned with; the rest is for what libraries set up when they are first used.
const USABLE: f64 = 0.9;
/// Where memory cannot grow in place, a shard that grows is there twice, once with half as many columns.
const TWICE: f64 = 1.5;

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
    /// Bytes of a GPU, or of its host if shards may spill, for the state of each rank, the same on every rank; on the CPU the
    /// host's memory counts.
    pub memory: Option<u64>,
    /// Bytes of that memory that products need, for the square of the number of columns.
    pub square: u64,
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
    /// Whether shards for which a GPU has no memory may lie in the host's.
    pub spill: bool,
}

/// What is asked for, the same kind on every rank. Collective.
///
/// # Errors
/// Resource error, the same on every rank, when a GPU is demanded and a rank finds none that it can use.
pub fn computer(comm: &dyn Communicator, wish: Wish) -> Result<Computer> {
    match wish.device {
        DeviceKind::Cpu => Ok(on_cpu(wish.precision)),
        DeviceKind::Emulated => on_device(comm, wish, 0, emulated::open()),
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
    let backend = Rc::new(Cpu::new(precision));
    Computer { backend, device: None, clock: None, gpus: Vec::new(), memory: None, square: 0 }
}

fn on_gpu(comm: &dyn Communicator, wish: Wish) -> Result<Computer> {
    let own = comm.split_node().rank();
    let number = wish.gpu.map_or_else(|| cuda::count().map(|count| own % count), Ok);
    let device = number.clone().and_then(cuda::open);
    on_device(comm, wish, number.unwrap_or(0), device)
}

/// The device, shared by all ranks of the node that have the same number.
fn on_device(comm: &dyn Communicator, wish: Wish, number: usize, device: Result<Rc<dyn Device>>) -> Result<Computer> {
    let sharing = comm.split_node().split(number).size() as f64;
    let host = if wish.spill { Node::of(comm).default_memory() } else { 0 };
    let made = device.map(|device| metered(device, comm.rank())).and_then(|device| {
        let backend = Cuda::spilling(device.clone(), wish.precision, host)?;
        let own = room_on(&*device, sharing, backend.working_bytes() as f64)?;
        // In the host's memory a growing shard is always there twice.
        Ok((device.name(), own.max(host as f64 / TWICE), backend, device))
    });
    let (name, room, backend, device) = agree(comm, made)?;
    tracing::info!("computing on {name}");
    let names = comm.gather(name.as_bytes()).unwrap_or_default();
    let gpus = names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    // The least of all ranks, as they decide alike.
    let mut least = [-room];
    comm.maximum(&mut least);
    let (backend, clock) = (Rc::new(backend), Some(Rc::new(Clock::new(device.clone()))));
    let memory = Some(-least[0] as u64);
    Ok(Computer { backend, device: Some(device), clock, gpus, memory, square: SQUARE_BYTES })
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

/// Bytes of a device for the state of one of the ranks that share it, and for products of its columns:
/// `USABLE free / ranks - working`, over `TWICE` where memory cannot grow in place. A state of `w` columns of `c` bytes fits if
/// `c w + SQUARE_BYTES w^2` is no more.
fn room_on(device: &dyn Device, sharing: f64, working: f64) -> Result<f64> {
    let own = (USABLE * device.memory()?.0 as f64 / sharing - working).max(0.0);
    Ok(if device.growth_unit().is_some() { own } else { own / TWICE })
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
        Wish { device, gpu, precision: Precision::Single, spill: false }
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

    #[test]
    fn what_is_planned_with_can_be_allocated_and_is_most_of_a_gpu() {
        for (spill, total) in [(false, 1 << 28), (false, 1 << 24), (true, 1 << 24)] {
            let Ok(device) = emulated::with_memory(total) else { return };
            let computer =
                on_device(&Serial, Wish { spill, ..wish(DeviceKind::Emulated, None) }, 0, Ok(device.clone()));
            let computer = computer.unwrap();
            let (memory, rows) = (computer.memory.unwrap(), 1 << 14);
            assert!(memory as f64 > 0.75 * total as f64 && spill == (memory > total), "{memory} of {total}");
            if !spill {
                let columns = memory as usize / (8 * rows) / 8 * 8;
                let mut shard = computer.backend.allocate(rows, columns / 2).unwrap();
                shard.append_zeros(columns / 2);
                shard.reserve(columns - columns / 8).unwrap();
                assert!(device.memory().unwrap().0 < total / 4);
            }
        }
    }

    #[test]
    fn less_is_planned_with_where_memory_cannot_grow() {
        let (Ok(growing), Ok(fixed)) = (emulated::with_memory(3000), emulated::without_growth(3000)) else { return };
        let room = |device: &Rc<dyn Device>| room_on(&**device, 2.0, 150.0).unwrap();
        assert_eq!((room(&growing), room(&fixed)), (1200.0, 800.0));
    }
}
