//! What a job computes with: the CPU, or a GPU for each rank.

use crate::backend::Backend;
use crate::backend::cpu::Cpu;
use crate::comm::{Communicator, agree};
use crate::config::{DeviceKind, EngineSection, Precision};
use crate::device::{Device, cuda};
use crate::error::{Error, Result};
use std::rc::Rc;

/// What this rank computes with.
#[derive(Clone)]
pub(super) struct Computer {
    /// Makes its shards.
    pub(super) backend: Rc<dyn Backend>,
    /// The GPU of every rank, on the root rank; none on the CPU.
    pub(super) gpus: Vec<String>,
}

/// What the job asks for, the same kind on every rank. Collective.
///
/// # Errors
/// Resource error, the same on every rank, when the job demands a GPU and a rank finds none that it can use.
pub(super) fn backend_for(comm: &dyn Communicator, engine: &EngineSection) -> Result<Computer> {
    if engine.device == DeviceKind::Cpu {
        return Ok(on_cpu(engine.precision));
    }
    match (on_gpu(comm, engine), engine.device) {
        (Ok(computer), _) => Ok(computer),
        (Err(error), DeviceKind::Cuda) => Err(demanded(error)),
        (Err(error), _) => {
            tracing::info!("computing on the CPU: {}", error.what);
            Ok(on_cpu(engine.precision))
        }
    }
}

fn on_cpu(precision: Precision) -> Computer {
    Computer { backend: Rc::new(Cpu::new(precision)), gpus: Vec::new() }
}

fn on_gpu(comm: &dyn Communicator, engine: &EngineSection) -> Result<Computer> {
    let own = comm.split_node().rank();
    let opened = number(own, engine.gpu).and_then(cuda::open);
    let made = opened.and_then(|device| Ok((device.name(), cuda_backend(device, engine.precision)?)));
    let (name, backend) = agree(comm, made)?;
    tracing::info!("computing on {name}");
    let names = comm.gather(name.as_bytes()).unwrap_or_default();
    let gpus = names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    Ok(Computer { backend, gpus })
}

/// The GPU of the `own`-th rank of a node: the one that the job names, else one after the other.
fn number(own: usize, named: Option<usize>) -> Result<usize> {
    named.map_or_else(|| cuda::count().map(|count| own % count), Ok)
}

/// Here the backend of GPUs is made, once there is one: `Rc::new(Cuda::new(device, precision))`.
fn cuda_backend(device: Rc<dyn Device>, _precision: Precision) -> Result<Rc<dyn Backend>> {
    Err(Error::resource(format!("this version does not compute on GPUs yet, though there is {}", device.name()))
        .next("set device = \"cpu\" under `[engine]`"))
}

fn demanded(mut error: Error) -> Error {
    error.what = format!("device = \"cuda\" cannot be had: {}", error.what);
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::Serial;
    use crate::config;

    fn engine(keys: &str) -> EngineSection {
        let text = format!("job = \"circuit\"\n[circuit]\nfile = \"a.qasm\"\n[engine]\n{keys}\n");
        config::parse(&text, "job.toml", &["circuit"]).unwrap().engine
    }

    #[test]
    fn the_cpu_is_had_everywhere_and_a_gpu_not() {
        for keys in ["device = \"cpu\"", "precision = \"single\"\ngpu = 255"] {
            let engine = engine(keys);
            let computer = backend_for(&Serial, &engine).unwrap();
            assert_eq!((computer.backend.precision(), computer.gpus.len()), (engine.precision, 0));
        }
        let error = backend_for(&Serial, &engine("device = \"cuda\"\ngpu = 255")).err().unwrap();
        assert!(error.what.starts_with("device = \"cuda\" cannot be had: "), "{error}");
        assert!(error.next.is_some());
    }

    #[test]
    fn the_job_names_the_gpu_or_nobody_does() {
        assert_eq!(number(5, Some(2)).unwrap(), 2);
        let count = cuda::count().ok();
        assert_eq!(number(5, None).ok(), count.map(|count| 5 % count));
    }
}
