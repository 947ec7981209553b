//! The unbiased tail: what the core of a low-rank state drops, sampled.
//!
//! `rho = L L^dagger + R`, with `L` the core and `R` all that was cut from it, moved on by the rest of the circuit. A block of the
//! tail is a few columns `T` with `E[T T^dagger] = R`: whatever the core drops, each block takes up by a draw of its own, and a
//! column of the tail takes one branch of every channel at random (`branching.rs`) and keeps its weight. So `L L^dagger + T T^dagger`
//! has trace 1 for every draw, the mean over blocks estimates `R` without bias, and the blocks, drawn independently, tell its
//! standard error. Nothing goes back from the tail to the core: what is certified of the core stays as it is.
//!
//! What a compression drops is taken up as superpositions of trace exactly that of what was dropped (`tail/sketch.rs`), and so are
//! a block's columns when it is full (`tail/block.rs`). Of the branches that are not formed a few stand for all, drawn in proportion
//! to their weights; these are formed among the core's own and moved when the core is next rotated (`tail/guests.rs`).

mod block;
mod drawn;
mod guests;
mod sketch;
mod superposition;

use super::branching::{self, Law};
use super::compression::Spectrum;
use super::split::recorded;
use super::{Final, run_gate};
use crate::archive::Archive;
use crate::backend::Backend;
use crate::comm::Communicator;
use crate::config::TailShape;
use crate::error::Result;
use crate::linalg::{Matrix, adjoint, multiply};
use crate::model::{Channel, Layout, PauliString};
use crate::plan::{Action, Condition, Plan};
use crate::state::{Branch, Column, Combined, Outcome, Reduced, State};
use block::Block;
use drawn::from_root;
use guests::{Event, Group, Guest, Guests};
use num_complex::Complex64;
use sketch::{Class, NEGLIGIBLE, Stream, sketch};
use std::rc::Rc;
use superposition::{Draft, Part, superpose};

pub(super) use drawn::Drawn;
pub(super) use guests::Ride;

/// The part of a block's columns that one event may fill.
const PARTS_OF_BLOCK: usize = 4;
/// A guest should weigh as much as a column of a block this many times as large: superposing many in few columns costs little
/// precision, for what they overlap in is small.
const GUESTS_OF_A_SHARE: usize = 8;

/// A branch of a column of the core that the core leaves out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Dropped {
    /// Column of the core.
    pub(super) source: usize,
    /// Kraus operator.
    pub(super) kraus: usize,
    /// Its squared norm, exactly, and its register.
    pub(super) column: Column,
}

/// What a channel meets in the core's memory.
pub(super) struct Met<'a> {
    /// The columns, guests included.
    pub(super) columns: &'a [Column],
    /// Random numbers of the guests among them.
    pub(super) numbers: Vec<f64>,
    /// The reduced states on the targets of those guests whose branch depends on it.
    pub(super) seen: Reduced,
    pub(super) dropped: Vec<Dropped>,
    /// The column that the first new guest will be.
    pub(super) first: usize,
}

/// A sampled tail.
pub struct Tail {
    blocks: Vec<Block>,
    guests: Guests,
    shape: TailShape,
    seed: u64,
    /// Events so far: each has random numbers of its own.
    events: u64,
    /// The noise of the channels so far and of all.
    noise: (f64, f64),
}

impl Tail {
    /// A tail of a core that has dropped nothing yet and is to run this plan, with the core's ranks and backend.
    ///
    /// # Errors
    /// Resource error when there is no memory for it.
    pub fn new(
        comm: &Rc<dyn Communicator>,
        backend: &dyn Backend,
        plan: &Plan,
        shape: TailShape,
        seed: u64,
    ) -> Result<Tail> {
        let block = |_| State::new(comm.clone(), backend, plan.qubits, shape.columns).map(Block::new);
        let blocks = (0..shape.blocks).map(block).collect::<Result<_>>()?;
        let all = plan.steps.iter().filter_map(|step| step.action.channel()).map(noise).sum();
        Ok(Tail { blocks, guests: Guests::new(shape.blocks), shape, seed, events: 0, noise: (0.0, all) })
    }

    fn event(&mut self) -> Stream {
        self.events += 1;
        Stream::new(self.seed, self.events)
    }

    /// Queues a gate or runs an exchange.
    pub(super) fn gate(&mut self, action: &Action) -> Result<()> {
        self.blocks.iter_mut().try_for_each(|block| run_gate(&mut block.state, action).map(|_| ()))
    }

    /// Columns of the tail that lie in the core's memory.
    pub(super) fn guests(&self) -> usize {
        self.guests.len()
    }

    /// Makes sure that there is room for the guests that a channel may bring.
    pub(super) fn make_room(&mut self, core: &mut State) -> Result<()> {
        // A compression may bring as many after it.
        let most = 2 * self.shape.blocks * self.most();
        if self.guests.len() + most > self.shape.width() { self.settle(core) } else { Ok(()) }
    }

    /// Columns that one event may bring to a block at most.
    fn most(&self) -> usize {
        (self.shape.columns / PARTS_OF_BLOCK).max(1)
    }

    /// What the tail will weigh, once an event has added this weight: about as much more than now as there is more noise to
    /// come. Were columns made for what it weighs now, most would be made early, for little.
    fn expected(&self, added: f64) -> f64 {
        let (passed, all) = self.noise;
        let trace = self.guests.weight() + self.blocks.iter().map(Block::trace).sum::<f64>();
        (trace / self.blocks.len() as f64 + added) * (all / passed).max(1.0)
    }

    /// Columns for a part of the tail of this weight.
    fn columns_for(&self, weight: f64) -> usize {
        let share = self.expected(0.0).max(weight) / self.shape.columns as f64;
        ((weight / share) as usize).clamp(1, self.most())
    }

    /// Columns of the block that has most.
    fn fullest(&self) -> usize {
        self.blocks.iter().map(Block::width).max().unwrap_or(0)
    }

    /// Puts superpositions of its guests into each block. The core's own columns are all that is left in its memory.
    pub(super) fn settle(&mut self, core: &mut State) -> Result<()> {
        if self.guests.len() == 0 {
            return Ok(());
        }
        core.flush()?;
        let own = self.guests.others(core.width());
        let groups = self.guests.leave();
        let counts: Vec<usize> = groups.iter().map(|group| self.columns_for(group.weight())).collect();
        self.make_room_in_blocks(counts.iter().copied().max().unwrap_or(0))?;
        let mut stream = self.event();
        let lists: Vec<&[usize]> = groups.iter().map(|group| &group.columns[..]).collect();
        let grams = core.grams_of(&lists);
        let drawn = from_root(core.comm(), || {
            let mut draft = Draft::new(lists.concat().len());
            for ((group, gram), count) in groups.iter().zip(&grams).zip(counts) {
                let described: Vec<Column> = group.columns.iter().map(|column| core.columns()[*column]).collect();
                let part = Part { first: group.first, gram, weights: &group.weights, columns: &described };
                superpose(&mut draft, &part, (group.block, count), &mut stream);
            }
            Ok(draft.finish().to_bytes())
        })?;
        let rotation = |group: &Group| drawn.part(group.first..group.first + group.columns.len(), group.block);
        let parts: Vec<(&[usize], Matrix)> = groups.iter().map(|group| (&group.columns[..], rotation(group))).collect();
        let combined = core.combined(&parts, drawn.columns.clone());
        core.arrange(&own);
        self.put(&drawn, &combined)
    }

    /// Makes sure that every block has room for so many more columns.
    fn make_room_in_blocks(&mut self, count: usize) -> Result<()> {
        if self.fullest() + count <= self.shape.columns {
            return Ok(());
        }
        let mut stream = self.event();
        let columns = self.shape.columns / 2;
        self.blocks.iter_mut().try_for_each(|block| block.merge(columns, &mut stream))
    }

    /// Puts columns where they belong.
    fn put(&mut self, drawn: &Drawn, columns: &Combined) -> Result<()> {
        for (number, block) in self.blocks.iter_mut().enumerate() {
            let own = (0..drawn.owners.len()).filter(|from| drawn.owners[*from] == number);
            let pairs: Vec<(usize, usize)> = own.map(|from| (block.add(drawn.columns[from].weight), from)).collect();
            if !pairs.is_empty() {
                block.state.flush()?;
                block.state.put(&pairs, columns)?;
            }
        }
        Ok(())
    }

    /// The numbers that decide the branches of the guests.
    pub(super) fn numbers(&mut self) -> Vec<f64> {
        let mut stream = self.event();
        self.guests.iter().map(|_| stream.uniform()).collect()
    }

    /// The guests, of these columns, whose branch depends on their state.
    pub(super) fn unsure(
        &self,
        law: &Law<'_>,
        condition: Condition,
        columns: &[Column],
        numbers: &[f64],
    ) -> Vec<usize> {
        let guests = self.guests.iter().map(|guest| guest.column).zip(numbers);
        let unsure = |(column, number): &(usize, &f64)| {
            condition.holds(columns[*column].register) && law.unseen(**number).is_none()
        };
        guests.filter(unsure).map(|(column, _)| column).collect()
    }

    /// Each column takes a branch of the channel, if the condition holds for it, and of the branches that the core leaves out
    /// some become guests. To be called after [`Tail::make_room`].
    pub(super) fn channel(
        &mut self,
        law: &Law<'_>,
        (targets, record): (&[usize], Option<usize>),
        condition: Condition,
        met: &Met<'_>,
    ) -> Result<Ride> {
        let mut stream = self.event();
        self.noise.0 += noise(law.channel);
        for block in &mut self.blocks {
            let numbers: Vec<f64> = (0..block.width()).map(|_| stream.uniform()).collect();
            branching::channel(&mut block.state, law, (targets, record), condition, &numbers)?;
        }
        let guest = |(guest, number): (&Guest, &f64)| {
            let register = met.columns[guest.column].register;
            if !condition.holds(register) {
                return (guest.column, law.channel.kraus().len(), register);
            }
            let branch = law.seen(*number, &met.seen, guest.column);
            (guest.column, branch, recorded(register, record, branch))
        };
        let guests = self.guests.iter().zip(&met.numbers).map(guest).collect();
        Ok(Ride { guests, newcomers: self.leave_out(&met.dropped, met.first) })
    }

    /// The branches that become guests, of those that the core leaves out.
    fn leave_out(&mut self, dropped: &[Dropped], first: usize) -> Vec<Branch> {
        let below = sums(dropped.iter().map(|one| one.column.weight));
        let weight = below.last().copied().unwrap_or(0.0);
        if weight <= NEGLIGIBLE {
            return Vec::new();
        }
        let share = self.expected(weight) / (GUESTS_OF_A_SHARE * self.shape.columns) as f64;
        let event = Event { weight, share, most: self.most() };
        let mut stream = self.event();
        let mut newcomers = Vec::new();
        for block in 0..self.blocks.len() {
            for point in self.guests.take_up(block, event, first + newcomers.len(), &mut stream) {
                let one = &dropped[below.partition_point(|sum| *sum <= point * weight).min(dropped.len() - 1)];
                let column = Column { weight: 0.0, register: one.column.register };
                newcomers.push(Branch { source: one.source, kraus: one.kraus, column });
            }
        }
        newcomers
    }

    /// Prepares for a compression: runs what the core has queued and lets the guests be the last of its columns. Gives the event
    /// its number.
    pub(super) fn prepare(&mut self, core: &mut State) -> Result<()> {
        self.events += 1;
        core.flush()?;
        if self.guests.len() > 0 {
            let mut columns = self.guests.others(core.width());
            let own = columns.len();
            columns.extend(self.guests.iter().map(|guest| guest.column));
            core.arrange(&columns);
            self.guests.line_up(own, std::iter::empty());
        }
        Ok(())
    }

    /// For each block columns in place of what a compression drops, after [`Tail::prepare`].
    pub(super) fn draw(&self, spectra: &[Spectrum]) -> Drawn {
        let mut stream = Stream::new(self.seed, self.events);
        let width = spectra.iter().map(|spectrum| spectrum.members.len()).sum();
        let mut drawn = Draft::new(width);
        let dropped: Vec<(&Spectrum, Matrix, Class)> = spectra.iter().filter_map(dropped).collect();
        let (classes, of): (Vec<Class>, Vec<(&Spectrum, Matrix)>) =
            dropped.into_iter().map(|(spectrum, vectors, class)| (class, (spectrum, vectors))).unzip();
        let count = self.columns_for(classes.iter().map(Class::trace).sum());
        for block in 0..self.blocks.len() {
            for one in sketch(&classes, count, &mut stream) {
                let (spectrum, vectors) = &of[one.class];
                let column = Column { weight: one.weight, register: spectrum.register };
                let members = spectrum.members.iter().copied();
                drawn.push(members.zip(projected(vectors, one.coefficients)), block, column);
            }
        }
        drawn.finish()
    }

    /// Takes up columns that were drawn, which the core's rotation has made its columns from `first` on.
    pub(super) fn take(&mut self, drawn: &Drawn, first: usize) {
        let new = drawn.owners.iter().zip(&drawn.columns).map(|(block, column)| (*block, column.weight));
        self.guests.line_up(first, new);
    }

    /// After the last step: columns of their weights.
    pub(super) fn finish(&mut self, core: &mut State) -> Result<()> {
        self.settle(core)?;
        self.blocks.iter_mut().try_for_each(Block::finish)
    }

    /// The states of the blocks.
    pub(super) fn states(&mut self) -> impl Iterator<Item = &mut State> {
        self.blocks.iter_mut().map(|block| &mut block.state)
    }

    /// What a checkpoint holds of it besides the blocks' states.
    pub(super) fn put_facts(&self, archive: &mut Archive) {
        archive.put(&(self.events, self.noise));
        archive.put(&self.guests);
        self.blocks.iter().for_each(|block| archive.put(&block.weights));
    }

    /// Takes what [`Tail::put_facts`] put.
    pub(super) fn take_facts(&mut self, archive: &mut Archive) -> Result<()> {
        (self.events, self.noise) = archive.take()?;
        self.guests = archive.take()?;
        self.blocks.iter_mut().try_for_each(|block| archive.take().map(|weights| block.weights = weights))
    }

    /// Number of blocks.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Trace of each block.
    pub fn traces(&self) -> Vec<f64> {
        self.blocks.iter().map(Block::trace).collect()
    }

    /// Bytes this rank has sent.
    pub fn sent(&self) -> u64 {
        self.blocks.iter().map(|block| block.state.sent()).sum()
    }

    /// What a block adds to the expectations of these strings, and to the marginals of these groups of qubits.
    pub fn observe(
        &mut self,
        block: usize,
        strings: &[PauliString],
        last: Final<'_>,
        groups: &[&[usize]],
    ) -> (Vec<f64>, Vec<Vec<f64>>) {
        self.blocks[block].observe(strings, last, groups)
    }

    /// Whether nothing was dropped.
    pub fn is_empty(&self) -> bool {
        self.fullest() == 0
    }

    /// The outcome of each draw (uniform in [0, 1)) from all blocks together, which all have the same trace.
    pub(super) fn sample(&self, layout: &Layout, draws: &[f64]) -> Vec<Outcome> {
        let mut outcomes = vec![Outcome { register: 0, index: 0 }; draws.len()];
        let scaled = |draw: f64| draw * self.blocks.len() as f64;
        for (number, block) in self.blocks.iter().enumerate() {
            let own: Vec<usize> = (0..draws.len()).filter(|draw| scaled(draws[*draw]) as usize == number).collect();
            let within: Vec<f64> = own.iter().map(|draw| scaled(draws[*draw]).fract()).collect();
            let drawn = block.state.sample(&layout.to_logical(), 0.0, &within);
            own.into_iter().zip(drawn).for_each(|(draw, outcome)| outcomes[draw] = outcome);
        }
        outcomes
    }
}

/// Of a superposition what lies along these vectors.
fn projected(vectors: &Matrix, coefficients: Vec<Complex64>) -> ndarray::Array1<Complex64> {
    vectors.dot(&adjoint(vectors).dot(&ndarray::Array1::from(coefficients)))
}

/// The weight, at most, of the branches of a channel but for the strongest.
fn noise(channel: &Channel) -> f64 {
    let bounds = channel.bounds();
    (bounds.iter().sum::<f64>() - bounds.iter().copied().fold(0.0, f64::max)).min(1.0)
}

/// The sums up to each number.
fn sums(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    numbers
        .scan(0.0, |sum, number| {
            *sum += number;
            Some(*sum)
        })
        .collect()
}

/// The eigenvectors that are not kept and the metric of what they leave of each column; nothing if that is nothing.
fn dropped(spectrum: &Spectrum) -> Option<(&Spectrum, Matrix, Class)> {
    let (values, vectors) = spectrum.discarded();
    if values.iter().sum::<f64>() <= NEGLIGIBLE {
        return None;
    }
    let mut scaled = vectors.clone();
    scaled.columns_mut().into_iter().zip(values).for_each(|(mut vector, value)| vector *= Complex64::from(value));
    let metric = multiply(&scaled, &adjoint(&vectors));
    Some((spectrum, vectors, Class { metric }))
}
