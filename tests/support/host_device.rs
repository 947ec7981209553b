//! A device whose memory is the host's, and what exchanges between such devices must do, whatever the ranks are.

// Every test binary includes this module and uses its own part of it.
#![allow(dead_code)]

use rhoshard::comm::device::DeviceCommunicator;
use rhoshard::comm::staged::Staged;
use rhoshard::comm::{Communicator, Message};
use rhoshard::device::{
    Device, Eigenproblem, Event, HermitianProduct, Launch, Mark, Memory, Packed, Product, Rectangle, Stream,
};
use rhoshard::error::{Error, Result};
use std::alloc::Layout;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// A device whose memory is the host's and whose streams are always done; it has no kernels.
#[derive(Default)]
pub struct Host {
    memory: RefCell<HashMap<u64, Layout>>,
    /// Set, every copy to it fails.
    broken: bool,
}

impl Host {
    /// A device that takes no data.
    pub fn broken() -> Host {
        Host { broken: true, ..Host::default() }
    }

    fn works(&self) -> Result<()> {
        if self.broken { Err(Error::resource("the device is broken")) } else { Ok(()) }
    }
}

fn rows(at: Rectangle, bytes: usize, count: usize) -> impl Iterator<Item = *mut [u8]> {
    let row = move |row| std::ptr::slice_from_raw_parts_mut((at.address as usize + row * at.pitch) as *mut u8, bytes);
    (0..count).map(row)
}

impl Device for Host {
    fn name(&self) -> String {
        "host memory".into()
    }
    fn memory(&self) -> Result<(u64, u64)> {
        Ok((1 << 30, 1 << 30))
    }
    fn multiprocessors(&self) -> u32 {
        1
    }
    fn allocate(&self, bytes: usize) -> Result<u64> {
        let layout = Layout::from_size_align(bytes.max(1), 256).unwrap();
        // SAFETY: the layout is not empty.
        let address = unsafe { std::alloc::alloc(layout) } as u64;
        self.memory.borrow_mut().insert(address, layout);
        Ok(address)
    }
    fn release(&self, address: u64) {
        let layout = self.memory.borrow_mut().remove(&address).unwrap();
        // SAFETY: it was allocated with this layout.
        unsafe { std::alloc::dealloc(address as *mut u8, layout) };
    }
    fn upload(&self, _: Stream, data: &[u8], to: u64) -> Result<()> {
        self.works()?;
        // SAFETY: tests name memory of this size.
        unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), to as *mut u8, data.len()) };
        Ok(())
    }
    fn download(&self, _: Stream, from: u64, data: &mut [u8]) -> Result<()> {
        // SAFETY: tests name memory of this size.
        unsafe { std::ptr::copy_nonoverlapping(from as *const u8, data.as_mut_ptr(), data.len()) };
        Ok(())
    }
    fn clear(&self, _: Stream, at: Rectangle, bytes: usize, count: usize) -> Result<()> {
        // SAFETY: as in `upload`.
        rows(at, bytes, count).for_each(|row| unsafe { (*row).fill(0) });
        Ok(())
    }
    fn copy(&self, _: Stream, from: Rectangle, to: Rectangle, bytes: usize, count: usize) -> Result<()> {
        self.works()?;
        // SAFETY: as in `upload`; the two do not overlap.
        rows(from, bytes, count)
            .zip(rows(to, bytes, count))
            .for_each(|(from, to)| unsafe { (*to).copy_from_slice(&*from) });
        Ok(())
    }
    unsafe fn launch(&self, _: Stream, kernel: &str, _: Launch, _: &[u8]) -> Result<()> {
        Err(Error::internal(format!("host memory has no kernel {kernel}")))
    }
    fn multiply(&self, _: Stream, _: &Product) -> Result<()> {
        Err(Error::internal("host memory multiplies nothing"))
    }
    fn multiply_hermitian(&self, _: Stream, _: &HermitianProduct) -> Result<()> {
        Err(Error::internal("host memory multiplies nothing"))
    }
    fn solve(&self, _: Stream, _: &Eigenproblem) -> Result<bool> {
        Err(Error::internal("host memory solves nothing"))
    }
    fn synchronize(&self, _: Stream) -> Result<()> {
        Ok(())
    }
    fn record(&self, _: Stream) -> Result<Event> {
        Ok(Event(0))
    }
    fn wait(&self, _: Stream, _: Event) -> Result<()> {
        Ok(())
    }
    fn mark(&self, _: Stream) -> Result<Mark> {
        Ok(Mark(0))
    }
    fn seconds_between(&self, _: Mark, _: Mark) -> Result<Option<f64>> {
        Ok(Some(0.0))
    }
    fn allocate_on_host(&self, bytes: usize) -> Result<u64> {
        self.allocate(bytes)
    }
    fn has_passed(&self, _: Event) -> Result<bool> {
        Ok(true)
    }
}

/// Memory with a content.
fn memory(device: &Rc<dyn Device>, content: &[u8]) -> Memory {
    let memory = Memory::new(device.clone(), content.len()).unwrap();
    device.upload(Stream::Communication, content, memory.address()).unwrap();
    memory
}

/// As the stream finds it.
fn content(memory: &Memory, stream: Stream) -> Vec<u8> {
    let mut content = vec![0; memory.bytes()];
    memory.device().download(stream, memory.address(), &mut content).unwrap();
    content
}

/// What rank `from` sends to rank `to` in a round.
fn message(from: usize, to: usize, round: usize, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|index| (index * 7 + from * 31 + to * 101 + round * 13) as u8).collect()
}

/// All verbs among the ranks of the communicator, staged; `large` bytes where it counts.
pub fn check(comm: Rc<dyn Communicator>, large: usize) {
    let device: Rc<dyn Device> = Rc::new(Host::default());
    let (rank, size) = (comm.rank(), comm.size());
    check_verbs(&Staged::new(comm, device.clone()), &device, [rank, size], large);
}

/// As [`check`], for any transport and device; of the `[rank, size]`.
pub fn check_verbs(comm: &dyn DeviceCommunicator, device: &Rc<dyn Device>, [rank, size]: [usize; 2], large: usize) {
    check_sum(comm, device, rank, size, large / 8);
    for bytes in [1, large] {
        check_gather_and_broadcast(comm, device, rank, size, bytes);
    }
    check_swaps(comm, device, rank, size);
    comm.synchronize().unwrap();
}

fn check_sum(comm: &dyn DeviceCommunicator, device: &Rc<dyn Device>, rank: usize, size: usize, count: usize) {
    let values = (0..count).flat_map(|index| ((rank + 1) as f64 * 0.1 + index as f64).to_le_bytes());
    let memory = memory(device, &values.collect::<Vec<u8>>());
    comm.sum(memory.address(), count).unwrap();
    let constant = (1..=size).map(|rank| rank as f64 * 0.1).sum::<f64>();
    for (index, bytes) in content(&memory, Stream::Communication).as_chunks().0.iter().enumerate() {
        let (found, expected) = (f64::from_le_bytes(*bytes), constant + (index * size) as f64);
        assert!((found - expected).abs() <= 1e-12 * expected, "{index}: {found}, not {expected}");
    }
}

fn check_gather_and_broadcast(
    comm: &dyn DeviceCommunicator,
    device: &Rc<dyn Device>,
    rank: usize,
    size: usize,
    bytes: usize,
) {
    let own = memory(device, &message(rank, 0, 0, bytes));
    let all = memory(device, &vec![0; bytes * size]);
    comm.all_gather(own.address(), bytes, all.address()).unwrap();
    let gathered = content(&all, Stream::Communication);
    for other in 0..size {
        assert!(gathered[other * bytes..][..bytes] == message(other, 0, 0, bytes), "{size} ranks, part {other}");
    }
    comm.broadcast(own.address(), bytes, size - 1).unwrap();
    assert!(content(&own, Stream::Communication) == message(size - 1, 0, 0, bytes));
}

/// All to all, with several transfers on their way.
fn check_swaps(comm: &dyn DeviceCommunicator, device: &Rc<dyn Device>, rank: usize, size: usize) {
    let (bytes, rounds) = (1000, 6);
    let partners: Vec<usize> = (0..size).filter(|partner| *partner != rank).collect();
    let start = |round: usize| {
        let swap = |partner: &usize| Message {
            partner: *partner,
            bytes,
            // Larger than what is sent.
            send: Packed::Device(memory(device, &message(rank, *partner, round, bytes + 24))),
            receive: Packed::Device(memory(device, &vec![0; bytes + 8])),
        };
        comm.start(partners.iter().map(swap).collect()).unwrap()
    };
    let mut open: VecDeque<_> = (0..2).map(start).collect();
    for round in 0..rounds {
        let mut transfer = open.pop_front().unwrap();
        open.extend((round + 2 < rounds).then(|| start(round + 2)));
        transfer.progress();
        for found in transfer.finish() {
            let Packed::Device(received) = &found.receive else { panic!("what arrives is on the device") };
            let expected = [message(found.partner, rank, round, bytes), vec![0; 8]].concat();
            assert_eq!(content(received, Stream::Compute), expected, "round {round}");
        }
    }
}
