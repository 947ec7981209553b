//! One rank: every exchange is with oneself.

use super::transfer::Finished;
use super::{Communicator, Message, Transfer};

/// The communicator of a single process.
#[derive(Debug, Clone, Copy)]
pub struct Serial;

impl Communicator for Serial {
    fn rank(&self) -> usize {
        0
    }
    fn size(&self) -> usize {
        1
    }
    fn sum(&self, _values: &mut [f64]) {}
    fn maximum(&self, _values: &mut [f64]) {}
    fn broadcast(&self, _bytes: &mut [u8], _root: usize) {}
    fn gather(&self, bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
        Some(vec![bytes.to_vec()])
    }
    fn start(&self, mut messages: Vec<Message>) -> Box<dyn Transfer + '_> {
        for Message { bytes, send, receive, .. } in &mut messages {
            if let (Some(send), Some(receive)) = (send.host(), receive.host_mut()) {
                receive[..*bytes].copy_from_slice(&send[..*bytes]);
            }
        }
        Box::new(Finished(messages))
    }
    fn split(&self, _colour: usize) -> Box<dyn Communicator> {
        Box::new(Serial)
    }
    fn split_node(&self) -> Box<dyn Communicator> {
        Box::new(Serial)
    }
}
