//! MPI through `rsmpi`: the only module that names the crate.

mod transfer;

use super::waiting::counted;
use super::{Communicator, Message, Transfer, panics};
use crate::error::{Error, Result};
use ::mpi::collective::SystemOperation;
use ::mpi::datatype::PartitionMut;
use ::mpi::environment::Universe;
use ::mpi::ffi;
use ::mpi::topology::{Color, Communicator as _, SimpleCommunicator};
use ::mpi::traits::{CommunicatorCollectives, Root};
use ::mpi::{Count, Threading};

/// The largest message handed to the library at once; MPI counts are 32-bit.
const LARGEST_MESSAGE: usize = 1 << 30;

/// Holds MPI open; finalises it when dropped.
pub(super) struct Library {
    _universe: Universe,
}

pub(super) fn start() -> Result<(Library, Box<dyn Communicator>)> {
    let (universe, threading) = ::mpi::initialize_with_threading(Threading::Funneled)
        .ok_or_else(|| Error::internal("MPI was already initialised"))?;
    if threading < Threading::Funneled {
        return Err(Error::resource("this MPI library does not allow threads in a rank")
            .next("use an MPI library built with thread support (MPI_THREAD_FUNNELED)"));
    }
    let world = Mpi(universe.world());
    let abort = |code| {
        // SAFETY: MPI is initialised, and MPI_Abort may be called from any state.
        unsafe { ffi::MPI_Abort(ffi::RSMPI_COMM_WORLD, code) };
    };
    panics::end_the_job(world.rank(), world.size(), abort);
    Ok((Library { _universe: universe }, Box::new(world)))
}

/// The MPI library in use, its first line.
pub fn library_version() -> String {
    let text = ::mpi::environment::library_version().unwrap_or_else(|_| "unknown".into());
    text.lines().next().unwrap_or("unknown").split(", package").next().unwrap_or("unknown").trim().to_string()
}

/// How distributed runs are built in.
pub fn build_description() -> &'static str {
    "MPI"
}

/// Whether the library says that it takes addresses of GPUs: by the function that OpenMPI and MPICH have for it where they are
/// built for CUDA, or, as Cray's has none, by the variable that switches it on there.
fn knows_cuda() -> bool {
    let switched_on = std::env::var("MPICH_GPU_SUPPORT_ENABLED").is_ok_and(|value| value == "1");
    // SAFETY: the name ends with a zero.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"MPIX_Query_cuda_support".as_ptr()) };
    if found.is_null() {
        return switched_on;
    }
    // SAFETY: the function of this name takes nothing and returns a truth value, in both libraries.
    let query = unsafe { std::mem::transmute::<*mut libc::c_void, extern "C" fn() -> i32>(found) };
    switched_on || query() == 1
}

struct Mpi(SimpleCommunicator);

impl Mpi {
    fn reduce(&self, values: &mut [f64], operation: SystemOperation) {
        for chunk in values.chunks_mut(LARGEST_MESSAGE / size_of::<f64>()) {
            let own = chunk.to_vec();
            counted(|| self.0.all_reduce_into(&own[..], chunk, operation));
        }
    }
}

impl Communicator for Mpi {
    fn rank(&self) -> usize {
        self.0.rank() as usize
    }

    fn size(&self) -> usize {
        self.0.size() as usize
    }

    fn sum(&self, values: &mut [f64]) {
        self.reduce(values, SystemOperation::sum());
        // Some reduction algorithms add in another order on each rank; decisions need the same bits everywhere.
        let bytes = as_bytes_mut(values);
        self.broadcast(bytes, 0);
    }

    fn maximum(&self, values: &mut [f64]) {
        self.reduce(values, SystemOperation::max());
    }

    fn broadcast(&self, bytes: &mut [u8], root: usize) {
        for chunk in bytes.chunks_mut(LARGEST_MESSAGE) {
            counted(|| self.0.process_at_rank(root as i32).broadcast_into(chunk));
        }
    }

    fn gather(&self, bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut lengths = vec![0 as Count; self.size()];
        counted(|| self.0.all_gather_into(&(bytes.len() as Count), &mut lengths[..]));
        let total: usize = lengths.iter().map(|length| *length as usize).sum();
        assert!(total <= LARGEST_MESSAGE, "gathered messages are chunked by the caller");
        if total == 0 {
            // Empty buffers share one address, which MPI takes for overlapping ones.
            return (self.rank() == 0).then(|| vec![Vec::new(); self.size()]);
        }
        let root = self.0.process_at_rank(0);
        if self.rank() != 0 {
            counted(|| root.gather_varcount_into(bytes));
            return None;
        }
        let starts: Vec<Count> = lengths
            .iter()
            .scan(0, |sum, length| {
                *sum += length;
                Some(*sum - length)
            })
            .collect();
        let mut all = vec![0u8; total];
        let mut parts = PartitionMut::new(&mut all[..], &lengths[..], &starts[..]);
        counted(|| root.gather_varcount_into_root(bytes, &mut parts));
        let piece = |(start, length): (&Count, &Count)| all[*start as usize..(start + length) as usize].to_vec();
        Some(starts.iter().zip(&lengths).map(piece).collect())
    }

    fn start(&self, messages: Vec<Message>) -> Box<dyn Transfer + '_> {
        Box::new(transfer::Requests::start(&self.0, messages))
    }

    fn takes_device_memory(&self) -> bool {
        knows_cuda()
    }

    fn split(&self, colour: usize) -> Box<dyn Communicator> {
        let group = self.0.split_by_color(Color::with_value(colour as i32)).expect("every rank passes a colour");
        Box::new(Mpi(group))
    }

    fn split_node(&self) -> Box<dyn Communicator> {
        Box::new(Mpi(self.0.split_shared(self.0.rank())))
    }
}

fn as_bytes_mut(values: &mut [f64]) -> &mut [u8] {
    // SAFETY: any bytes are valid f64 and the other way round; the length is that of the same memory.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values)) }
}
