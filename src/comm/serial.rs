//! One rank: every exchange is with oneself.

use super::Communicator;

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
    fn barrier(&self) {}
    fn sum(&self, _values: &mut [f64]) {}
    fn maximum(&self, _values: &mut [f64]) {}
    fn broadcast(&self, _bytes: &mut [u8], _root: usize) {}
    fn gather(&self, bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
        Some(vec![bytes.to_vec()])
    }
    fn exchange(&self, _partner: usize, send: &[u8], receive: &mut [u8]) {
        receive.copy_from_slice(send);
    }
    fn split(&self, _colour: usize) -> Box<dyn Communicator> {
        Box::new(Serial)
    }
    fn split_node(&self) -> Box<dyn Communicator> {
        Box::new(Serial)
    }
}
