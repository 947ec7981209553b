//! Ranks as threads of the test: the sharded code runs as it does under `mpirun`, in one process and in a debugger.

use rhoshard::comm::{Communicator, Message, Transfer};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A message queue from each rank to each rank.
type Queues = Vec<Vec<(Sender<Vec<u8>>, Mutex<Mailbox>)>>;

/// The receiving end: messages belong to the receives in the order in which those were posted, whichever looks first.
struct Mailbox {
    receiver: Receiver<Vec<u8>>,
    posted: usize,
    arrived: usize,
    waiting: BTreeMap<usize, Vec<u8>>,
}

impl Mailbox {
    fn post(&mut self) -> usize {
        self.posted += 1;
        self.posted - 1
    }

    fn take(&mut self, ticket: usize, patience: Duration) -> Option<Vec<u8>> {
        while !self.waiting.contains_key(&ticket) {
            let message = self.receiver.recv_timeout(patience).ok()?;
            self.waiting.insert(self.arrived, message);
            self.arrived += 1;
        }
        self.waiting.remove(&ticket)
    }
}

/// Longer than any rank of a test computes before it sends.
const PATIENCE: Duration = Duration::from_secs(60);

/// A group of ranks within one process.
#[derive(Clone)]
pub struct Threads {
    queues: Arc<Queues>,
    /// World ranks of the group.
    members: Vec<usize>,
    rank: usize,
}

/// Runs `work` on `size` ranks and gives their results in rank order. Ranks are threads; a panic in one fails the test.
pub fn run<T: Send>(size: usize, work: impl Fn(Box<dyn Communicator>) -> T + Sync) -> Vec<T> {
    let queue = || {
        let (sender, receiver) = channel();
        (sender, Mutex::new(Mailbox { receiver, posted: 0, arrived: 0, waiting: BTreeMap::new() }))
    };
    let queues: Arc<Queues> = Arc::new((0..size).map(|_| (0..size).map(|_| queue()).collect()).collect());
    std::thread::scope(|scope| {
        let start = |rank| {
            let comm = Threads { queues: queues.clone(), members: (0..size).collect(), rank };
            let work = &work;
            scope.spawn(move || work(Box::new(comm)))
        };
        let handles: Vec<_> = (0..size).map(start).collect();
        handles.into_iter().map(|handle| handle.join().expect("no rank panics")).collect()
    })
}

impl Threads {
    fn send(&self, to: usize, bytes: &[u8]) {
        let queue = &self.queues[self.members[self.rank]][self.members[to]];
        queue.0.send(bytes.to_vec()).expect("the queue lives as long as the ranks");
    }

    fn post(&self, from: usize) -> usize {
        self.mailbox(from).lock().expect("no rank panics").post()
    }

    fn take(&self, from: usize, ticket: usize, patience: Duration) -> Option<Vec<u8>> {
        self.mailbox(from).lock().expect("no rank panics").take(ticket, patience)
    }

    fn mailbox(&self, from: usize) -> &Mutex<Mailbox> {
        &self.queues[self.members[from]][self.members[self.rank]].1
    }

    fn receive(&self, from: usize) -> Vec<u8> {
        self.take(from, self.post(from), PATIENCE).expect("every message that is awaited is sent")
    }

    fn reduce(&self, values: &mut [f64], combine: impl Fn(f64, f64) -> f64) {
        let own: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        if let Some(all) = self.gather(&own) {
            let decode = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().expect("eight bytes"));
            for part in &all[1..] {
                values
                    .iter_mut()
                    .zip(part.chunks_exact(8))
                    .for_each(|(sum, bytes)| *sum = combine(*sum, decode(bytes)));
            }
        }
        let mut bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.broadcast(&mut bytes, 0);
        let decoded = bytes.chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().expect("eight bytes")));
        values.iter_mut().zip(decoded).for_each(|(value, sum)| *value = sum);
    }
}

impl Communicator for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.members.len()
    }

    fn sum(&self, values: &mut [f64]) {
        self.reduce(values, |sum, value| sum + value);
    }

    fn maximum(&self, values: &mut [f64]) {
        self.reduce(values, f64::max);
    }

    fn broadcast(&self, bytes: &mut [u8], root: usize) {
        if self.rank == root {
            (0..self.size()).filter(|rank| *rank != root).for_each(|rank| self.send(rank, bytes));
        } else {
            bytes.copy_from_slice(&self.receive(root));
        }
    }

    fn gather(&self, bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
        if self.rank > 0 {
            self.send(0, bytes);
            return None;
        }
        Some((0..self.size()).map(|rank| if rank == 0 { bytes.to_vec() } else { self.receive(rank) }).collect())
    }

    fn start(&self, messages: Vec<Message>) -> Box<dyn Transfer + '_> {
        messages.iter().for_each(|message| self.send(message.partner, &sent(message)));
        let open = messages.iter().map(|message| Some(self.post(message.partner))).collect();
        Box::new(Flight { comm: self, messages, open })
    }

    fn split(&self, colour: usize) -> Box<dyn Communicator> {
        let mut colours = (colour as u64).to_le_bytes().to_vec();
        let all = self.gather(&colours);
        colours = all.map(|all| all.concat()).unwrap_or_else(|| vec![0; 8 * self.size()]);
        self.broadcast(&mut colours, 0);
        let own = (colour as u64).to_le_bytes();
        let same: Vec<usize> = (0..self.size()).filter(|rank| colours[8 * rank..8 * rank + 8] == own).collect();
        let rank = same.iter().position(|member| *member == self.rank).expect("a rank has its own colour");
        let members = same.into_iter().map(|member| self.members[member]).collect();
        Box::new(Threads { queues: self.queues.clone(), members, rank })
    }

    fn split_node(&self) -> Box<dyn Communicator> {
        Box::new(self.clone())
    }
}

/// What a message says; it may lie on a device whose memory is the host's.
fn sent(message: &Message) -> Vec<u8> {
    assert!(message.send.bytes() >= message.bytes);
    let start: *const u8 = std::ptr::with_exposed_provenance(message.send.address() as usize);
    // SAFETY: the buffer holds so many bytes.
    unsafe { std::slice::from_raw_parts(start, message.bytes) }.to_vec()
}

fn place(message: &mut Message, bytes: &[u8]) {
    assert!(message.receive.bytes() >= message.bytes && bytes.len() == message.bytes);
    let start: *mut u8 = std::ptr::with_exposed_provenance_mut(message.receive.address_mut() as usize);
    // SAFETY: the buffer holds so many bytes, and is this message's own.
    unsafe { start.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
}

/// Messages of which some are still awaited: those with a ticket.
struct Flight<'a> {
    comm: &'a Threads,
    messages: Vec<Message>,
    open: Vec<Option<usize>>,
}

impl Flight<'_> {
    fn look(&mut self, patience: Duration) -> bool {
        for (message, open) in self.messages.iter_mut().zip(&mut self.open) {
            let bytes = open.and_then(|ticket| self.comm.take(message.partner, ticket, patience));
            if let Some(bytes) = bytes {
                place(message, &bytes);
                *open = None;
            }
        }
        self.open.iter().all(Option::is_none)
    }
}

impl Transfer for Flight<'_> {
    fn progress(&mut self) -> bool {
        self.look(Duration::ZERO)
    }

    fn finish(mut self: Box<Self>) -> Vec<Message> {
        assert!(self.look(PATIENCE), "every message that is awaited is sent");
        std::mem::take(&mut self.messages)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.look(PATIENCE);
        }
    }
}
