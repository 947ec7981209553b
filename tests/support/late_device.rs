//! A device that does what is called on its streams as late as it may: when the host waits for it, or when another stream
//! that is run waits for it. Whoever forgets to let one stream wait for the other finds what was there before.

use rhoshard::device::{Device, Eigenproblem, Event, HermitianProduct, Launch, Mark, Product, Rectangle, Stream};
use rhoshard::error::{Error, Result};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// What is done when its turn comes.
type Work = Box<dyn FnOnce(&dyn Device) -> Result<()>>;

/// What a stream has to do.
enum Call {
    Work(Work),
    /// Waits for a place of a stream.
    Wait(Stream, u64),
}

/// The calls of a stream that have not run, and how many have.
#[derive(Default)]
struct Queue {
    open: RefCell<VecDeque<Call>>,
    done: Cell<u64>,
}

/// Runs the calls of another device late.
pub struct Late {
    device: Rc<dyn Device>,
    queues: [Queue; 2],
    /// The stream and the place of each event.
    events: RefCell<Vec<(Stream, u64)>>,
    /// Whether the streams never wait for each other: for a test of this device.
    pub deaf: bool,
}

impl Late {
    /// Over a device that does everything at once.
    pub fn new(device: Rc<dyn Device>) -> Late {
        Late { device, queues: Default::default(), events: RefCell::default(), deaf: false }
    }

    fn queue(&self, stream: Stream) -> &Queue {
        &self.queues[usize::from(stream == Stream::Communication)]
    }

    fn call(&self, stream: Stream, work: impl FnOnce(&dyn Device) -> Result<()> + 'static) -> Result<()> {
        self.queue(stream).open.borrow_mut().push_back(Call::Work(Box::new(work)));
        Ok(())
    }

    fn called(&self, stream: Stream) -> u64 {
        let queue = self.queue(stream);
        queue.done.get() + queue.open.borrow().len() as u64
    }

    /// Runs a stream's calls up to a place.
    fn run(&self, stream: Stream, place: u64) -> Result<()> {
        let queue = self.queue(stream);
        while queue.done.get() < place {
            let call = queue.open.borrow_mut().pop_front().expect("a place is that of a call");
            queue.done.set(queue.done.get() + 1);
            match call {
                Call::Work(work) => work(&*self.device)?,
                Call::Wait(other, place) => self.run(other, place)?,
            }
        }
        Ok(())
    }

    fn run_all(&self) -> Result<()> {
        [Stream::Communication, Stream::Compute].into_iter().try_for_each(|stream| self.synchronize(stream))
    }
}

impl Device for Late {
    fn name(&self) -> String {
        format!("{}, late", self.device.name())
    }
    fn memory(&self) -> Result<(u64, u64)> {
        self.device.memory()
    }
    fn multiprocessors(&self) -> u32 {
        self.device.multiprocessors()
    }
    fn allocate(&self, bytes: usize) -> Result<u64> {
        self.device.allocate(bytes)
    }
    fn release(&self, address: u64) {
        self.run_all().unwrap();
        self.device.release(address);
    }
    fn upload(&self, stream: Stream, data: &[u8], to: u64) -> Result<()> {
        let data = data.to_vec();
        self.call(stream, move |device| device.upload(stream, &data, to))
    }
    fn download(&self, stream: Stream, from: u64, data: &mut [u8]) -> Result<()> {
        self.synchronize(stream)?;
        self.device.download(stream, from, data)
    }
    fn clear(&self, stream: Stream, at: Rectangle, bytes: usize, rows: usize) -> Result<()> {
        self.call(stream, move |device| device.clear(stream, at, bytes, rows))
    }
    fn copy(&self, stream: Stream, from: Rectangle, to: Rectangle, bytes: usize, rows: usize) -> Result<()> {
        self.call(stream, move |device| device.copy(stream, from, to, bytes, rows))
    }
    unsafe fn launch(&self, stream: Stream, kernel: &str, launch: Launch, arguments: &[u8]) -> Result<()> {
        let (kernel, arguments) = (kernel.to_string(), arguments.to_vec());
        // SAFETY: the caller answers for the arguments.
        self.call(stream, move |device| unsafe { device.launch(stream, &kernel, launch, &arguments) })
    }
    fn multiply(&self, stream: Stream, product: &Product) -> Result<()> {
        let product = *product;
        self.call(stream, move |device| device.multiply(stream, &product))
    }
    fn multiply_hermitian(&self, stream: Stream, product: &HermitianProduct) -> Result<()> {
        let product = *product;
        self.call(stream, move |device| device.multiply_hermitian(stream, &product))
    }
    fn solve(&self, stream: Stream, problem: &Eigenproblem) -> Result<bool> {
        self.synchronize(stream)?;
        self.device.solve(stream, problem)
    }
    fn synchronize(&self, stream: Stream) -> Result<()> {
        self.run(stream, self.called(stream))
    }
    fn record(&self, stream: Stream) -> Result<Event> {
        self.events.borrow_mut().push((stream, self.called(stream)));
        Ok(Event(self.events.borrow().len() as u64 - 1))
    }
    fn wait(&self, stream: Stream, event: Event) -> Result<()> {
        let (other, place) = self.events.borrow()[event.0 as usize];
        if !self.deaf && other != stream {
            self.queue(stream).open.borrow_mut().push_back(Call::Wait(other, place));
        }
        Ok(())
    }
    fn mark(&self, stream: Stream) -> Result<Mark> {
        self.record(stream).map(|event| Mark(event.0))
    }
    /// One for each call in between.
    fn seconds_between(&self, from: Mark, to: Mark) -> Result<Option<f64>> {
        let passed = self.has_passed(Event(from.0))? && self.has_passed(Event(to.0))?;
        Ok(passed.then(|| to.0.saturating_sub(from.0) as f64))
    }
    fn growth_unit(&self) -> Option<usize> {
        self.device.growth_unit()
    }
    fn reserve(&self, bytes: usize) -> Result<u64> {
        self.device.reserve(bytes)
    }
    fn extend(&self, address: u64, bytes: usize) -> Result<()> {
        self.device.extend(address, bytes)
    }
    fn allocate_on_host(&self, bytes: usize) -> Result<u64> {
        self.device.allocate_on_host(bytes)
    }
    fn host_memory(&self) -> u64 {
        self.device.host_memory()
    }
    /// Does one call more whenever it is asked.
    fn has_passed(&self, event: Event) -> Result<bool> {
        let (stream, place) = *self.events.borrow().get(event.0 as usize).ok_or_else(|| Error::internal("no event"))?;
        let done = self.queue(stream).done.get();
        self.run(stream, place.min(done + 1))?;
        Ok(done >= place)
    }
}
