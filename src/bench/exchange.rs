//! `rhoshard bench exchange`: messages between the memories of devices, checked and timed.
//!
//! Each rank swaps messages with the one whose number differs in the lowest bit, or with itself where there is one rank; one
//! without such a partner only takes part in the collectives. The bytes of a rate are those that a rank sends; as many
//! arrive at the same time.

use super::Stopwatch;
use crate::comm::device::{DeviceCommunicator, connect};
use crate::comm::{Communicator, Message, agree};
use crate::config::{DeviceKind, Precision};
use crate::device::{Device, Memory, Packed, Stream};
use crate::driver::computer::{Wish, computer};
use crate::error::{Error, Result};
use serde::Serialize;
use std::fmt::Write;
use std::rc::Rc;

/// Bytes of the messages.
const SIZES: [usize; 5] = [8, 64 << 10, 1 << 20, 16 << 20, 64 << 20];
/// Seconds for each of them.
const BUDGET: f64 = 0.3;

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exchanges {
    /// How messages travel.
    pub transport: &'static str,
    /// Ranks, with a device each.
    pub ranks: usize,
    /// The device of the root rank.
    pub device: String,
    /// One for each length of messages.
    pub messages: Vec<Timed>,
}

/// A message each way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Timed {
    /// Its length.
    pub bytes: usize,
    /// Seconds until it has left and the partner's has arrived.
    pub seconds: f64,
}

/// Checks every verb and measures the messages. Collective.
///
/// # Errors
/// Resource error when a rank has no device or they cannot be connected; internal error when bytes arrive wrong. The same on
/// every rank.
pub fn exchange(comm: &dyn Communicator, kind: DeviceKind) -> Result<Exchanges> {
    let computer = computer(comm, Wish { device: kind, gpu: None, precision: Precision::Double, spill: false })?;
    let device = computer.device().ok_or_else(|| {
        Error::resource("there is no GPU to exchange with")
            .next("see `rhoshard info`; `rhoshard bench machine` measures hosts")
    })?;
    let all: Rc<dyn Communicator> = comm.split(0).into();
    let link = connect(all, device.clone())?;
    let ranks = Ranks { comm, device, link };
    agree(comm, ranks.collectives())?;
    let messages = SIZES.iter().map(|bytes| ranks.swap(*bytes)).collect::<Result<_>>()?;
    let transport = ranks.link.transport();
    Ok(Exchanges { transport, ranks: comm.size(), device: ranks.device.name(), messages })
}

impl Exchanges {
    /// For programs.
    ///
    /// # Errors
    /// Internal error when a number has no JSON form.
    pub fn json(&self) -> Result<String> {
        serde_json::to_string_pretty(self)
            .map_err(|error| Error::internal(format!("the numbers have no JSON form: {error}")))
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = format!("{} ranks, {}, through {}\n\n", self.ranks, self.device, self.transport);
        let _ = writeln!(text, "{:>12} {:>14} {:>10}", "bytes", "microseconds", "GB/s");
        for Timed { bytes, seconds } in &self.messages {
            let _ = writeln!(text, "{bytes:>12} {:>14.1} {:>10.2}", seconds * 1e6, *bytes as f64 / seconds * 1e-9);
        }
        text
    }
}

struct Ranks<'a> {
    comm: &'a dyn Communicator,
    device: Rc<dyn Device>,
    link: Box<dyn DeviceCommunicator>,
}

/// What a rank sends: bytes that tell it and their place.
fn content(rank: usize, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|place| (place * 31 + place / 251 + rank * 101) as u8).collect()
}

impl Ranks<'_> {
    fn memory(&self, content: &[u8]) -> Result<Memory> {
        let memory = Memory::new(self.device.clone(), content.len())?;
        self.device.upload(Stream::Communication, content, memory.address())?;
        Ok(memory)
    }

    fn read(&self, memory: &Memory, bytes: usize) -> Result<Vec<u8>> {
        let mut content = vec![0; bytes];
        self.link.synchronize()?;
        self.device.download(Stream::Communication, memory.address(), &mut content)?;
        Ok(content)
    }

    fn collectives(&self) -> Result<()> {
        let (rank, size) = (self.comm.rank(), self.comm.size());
        let (own, all) = (self.memory(&content(rank, 64))?, self.memory(&vec![0; 64 * size])?);
        self.link.all_gather(own.address(), 64, all.address())?;
        let expected: Vec<u8> = (0..size).flat_map(|rank| content(rank, 64)).collect();
        same("gathered", &self.read(&all, 64 * size)?, &expected)?;
        self.link.broadcast(own.address(), 64, size - 1)?;
        same("broadcast", &self.read(&own, 64)?, &content(size - 1, 64))?;
        let numbers = self.memory(&[1.0, rank as f64].map(f64::to_le_bytes).concat())?;
        self.link.sum(numbers.address(), 2)?;
        let sums = [size as f64, (size * (size - 1) / 2) as f64];
        same("sums of", &self.read(&numbers, 16)?, &sums.map(f64::to_le_bytes).concat())
    }

    /// The time of one message each way, whose content is checked.
    fn swap(&self, bytes: usize) -> Result<Timed> {
        let own = self.comm.rank();
        let partner = Some(if self.comm.size() == 1 { 0 } else { own ^ 1 }).filter(|rank| *rank < self.comm.size());
        let message = |partner: usize| -> Result<Message> {
            let (send, receive) = (self.memory(&content(own, bytes))?, self.memory(&vec![0; bytes])?);
            Ok(Message { partner, bytes, send: Packed::Device(send), receive: Packed::Device(receive) })
        };
        let mut messages = agree(self.comm, partner.map(message).transpose())?.map(|message| vec![message]);
        let mut failed = Ok(());
        let seconds = Stopwatch::new(self.comm, BUDGET).together(|| {
            if let Some(sent) = messages.take() {
                let swapped = self.link.start(sent).map(|transfer| messages = Some(transfer.finish()));
                failed = swapped
                    .and_then(|()| self.device.synchronize(Stream::Compute))
                    .and_then(|()| self.link.synchronize());
            }
        });
        let arrived = failed.and_then(|()| match messages.as_deref() {
            Some([Message { partner, receive: Packed::Device(received), .. }]) => {
                same("swapped", &self.read(received, bytes)?, &content(*partner, bytes))
            }
            _ => Ok(()),
        });
        agree(self.comm, arrived)?;
        Ok(Timed { bytes, seconds })
    }
}

fn same(what: &str, found: &[u8], expected: &[u8]) -> Result<()> {
    let wrong = found.iter().zip(expected).position(|(found, expected)| found != expected);
    match wrong {
        None => Ok(()),
        Some(place) => {
            Err(Error::internal(format!("{what} bytes are wrong from byte {place} of {} on", expected.len())))
        }
    }
}
