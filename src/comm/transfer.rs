//! Messages on their way while the rank computes.

/// A message to a partner, and room for the equally long one that the partner sends at the same time.
#[derive(Debug, Default)]
pub struct Message {
    /// Rank of the partner.
    pub partner: usize,
    /// What it is sent.
    pub send: Vec<u8>,
    /// What arrives from it, once the transfer has finished.
    pub receive: Vec<u8>,
}

/// Messages on their way. It owns their buffers until all have left and arrived; dropping it waits for that.
pub trait Transfer {
    /// Lets the library move data; true once all messages have left and arrived.
    fn progress(&mut self) -> bool;
    /// Waits for all messages and gives them back.
    fn finish(self: Box<Self>) -> Vec<Message>;
}

/// A transfer that had finished when it began: with oneself.
pub(super) struct Finished(pub(super) Vec<Message>);

impl Transfer for Finished {
    fn progress(&mut self) -> bool {
        true
    }
    fn finish(self: Box<Self>) -> Vec<Message> {
        self.0
    }
}
