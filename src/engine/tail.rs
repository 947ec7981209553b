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

use super::branching::{self, Law};
use super::compression::Spectrum;
use super::split::recorded;
use super::{Final, run_gate};
use crate::backend::Backend;
use crate::comm::Communicator;
use crate::config::TailShape;
use crate::error::Result;
use crate::linalg::{Matrix, adjoint, multiply};
use crate::model::{Channel, Layout, PauliString};
use crate::plan::{Action, Condition};
use crate::state::{Branch, Column, Copied, Outcome, State};
use block::Block;
use drawn::Draft;
use guests::{Guests, Home};
use num_complex::Complex64;
use sketch::{Class, NEGLIGIBLE, Sketched, Stream, sketch};
use std::rc::Rc;

pub(super) use drawn::Drawn;
pub(super) use guests::Ride;

/// The part of a block's free columns that one event may fill.
const SHARE_OF_ROOM: usize = 4;

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

/// A sampled tail.
pub struct Tail {
    blocks: Vec<Block>,
    guests: Guests,
    shape: TailShape,
    seed: u64,
    /// Events so far: each has random numbers of its own.
    events: u64,
}

impl Tail {
    /// A tail of a core that has dropped nothing yet, with the core's ranks, backend and qubits.
    ///
    /// # Errors
    /// Resource error when there is no memory for it.
    pub fn new(
        comm: &Rc<dyn Communicator>,
        backend: &dyn Backend,
        qubits: usize,
        shape: TailShape,
        seed: u64,
    ) -> Result<Tail> {
        let block = |_| State::new(comm.clone(), backend, qubits, shape.columns).map(Block::new);
        let blocks = (0..shape.blocks).map(block).collect::<Result<_>>()?;
        Ok(Tail { blocks, guests: Guests::default(), shape, seed, events: 0 })
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

    /// Makes sure that every block has room for another column, and the core for more guests; `known` says that the next
    /// channel's probabilities do not depend on the state, else no column may be a guest.
    pub(super) fn make_room(&mut self, core: &mut State, known: bool) -> Result<()> {
        if !known || self.guests.len() + self.shape.width() / SHARE_OF_ROOM > self.shape.width() {
            self.dismiss(core)?;
        }
        if self.fullest() < self.shape.columns {
            return Ok(());
        }
        self.dismiss(core)?;
        let mut stream = self.event();
        let columns = self.shape.columns / 2;
        self.blocks.iter_mut().try_for_each(|block| block.merge(columns, &mut stream))
    }

    /// Columns of the block that has most.
    fn fullest(&self) -> usize {
        self.blocks.iter().map(Block::width).max().unwrap_or(0)
    }

    /// Moves the guests from the core's memory to their blocks.
    pub(super) fn dismiss(&mut self, core: &mut State) -> Result<()> {
        if self.guests.len() == 0 {
            return Ok(());
        }
        core.flush()?;
        let (columns, homes) = self.guests.housed();
        let copied = core.copied(&columns);
        core.keep(&self.guests.others(core.width()));
        self.guests = Guests::default();
        self.put(&homes, &copied)
    }

    /// Puts each of these columns where it belongs.
    fn put(&mut self, homes: &[Home], columns: &Copied) -> Result<()> {
        for (number, block) in self.blocks.iter_mut().enumerate() {
            let own = homes.iter().enumerate().filter(|(_, home)| home.block == number);
            let pairs: Vec<(usize, usize)> = own.map(|(from, home)| (home.place, from)).collect();
            if !pairs.is_empty() {
                block.state.flush()?;
                block.state.put(&pairs, columns)?;
            }
        }
        Ok(())
    }

    /// Each column takes a branch of the channel, if the condition holds for it, and of the branches that the core leaves out
    /// some become columns, guests of the core from its column `first` on. To be called after [`Tail::make_room`].
    pub(super) fn channel(
        &mut self,
        channel: &Channel,
        (targets, record): (&[usize], Option<usize>),
        condition: Condition,
        (core, first): (&[Column], usize),
        dropped: &[Dropped],
    ) -> Result<Ride> {
        let (law, mut stream) = (Law::of(channel), self.event());
        let mut guests = Vec::new();
        for (number, block) in self.blocks.iter_mut().enumerate() {
            let numbers: Vec<f64> = (0..block.width()).map(|_| stream.uniform()).collect();
            let own = &numbers[..block.state.width()];
            branching::channel(&mut block.state, channel, (targets, record), condition, own)?;
            for (column, place) in self.guests.of(number) {
                let register = core[column].register;
                let branch = law.unseen(numbers[place]).filter(|_| condition.holds(register));
                let register = branch.map_or(register, |branch| recorded(register, record, branch));
                guests.push((column, branch.unwrap_or(channel.kraus().len()), register));
            }
        }
        Ok(Ride { guests, newcomers: self.leave_out(dropped, first) })
    }

    /// The branches that become columns, of those that the core leaves out.
    fn leave_out(&mut self, dropped: &[Dropped], first: usize) -> Vec<Branch> {
        let below = sums(dropped.iter().map(|one| one.column.weight));
        let total = below.last().copied().unwrap_or(0.0);
        if total <= NEGLIGIBLE {
            return Vec::new();
        }
        let mut stream = self.event();
        let mut newcomers = Vec::new();
        for (number, block) in self.blocks.iter_mut().enumerate() {
            for (place, point) in block.take_up(total, self.shape.columns, &mut stream) {
                let one = &dropped[below.partition_point(|sum| *sum <= point * total).min(dropped.len() - 1)];
                self.guests.add(first + newcomers.len(), Home { block: number, place });
                let column = Column { weight: 0.0, register: one.column.register };
                newcomers.push(Branch { source: one.source, kraus: one.kraus, column });
            }
        }
        newcomers
    }

    /// Prepares for a compression: the columns that it may fill in every block, and the number of the event.
    pub(super) fn prepare(&mut self, core: &mut State) -> Result<(usize, u64)> {
        self.dismiss(core)?;
        self.make_room(core, true)?;
        self.events += 1;
        Ok((((self.shape.columns - self.fullest()) / SHARE_OF_ROOM).max(1), self.events))
    }

    /// For each block columns in place of what a compression drops, after [`Tail::prepare`].
    pub(super) fn draw(&self, spectra: &[Spectrum], (count, event): (usize, u64)) -> Drawn {
        let mut stream = Stream::new(self.seed, event);
        let width = spectra.iter().map(|spectrum| spectrum.members.len()).sum();
        let mut drawn = Draft::new(width);
        let dropped: Vec<(&Spectrum, Matrix, Class)> = spectra.iter().filter_map(dropped).collect();
        let (classes, of): (Vec<Class>, Vec<(&Spectrum, Matrix)>) =
            dropped.into_iter().map(|(spectrum, vectors, class)| (class, (spectrum, vectors))).unzip();
        let blocks = 0..self.shape.blocks;
        let sketched: Vec<(usize, Sketched)> = blocks
            .flat_map(|block| sketch(&classes, count, &mut stream).into_iter().map(move |one| (block, one)))
            .collect();
        for (class, (spectrum, vectors)) in of.iter().enumerate() {
            let own: Vec<&(usize, Sketched)> = sketched.iter().filter(|(_, one)| one.class == class).collect();
            let coefficients =
                Matrix::from_shape_fn((vectors.nrows(), own.len()), |(row, column)| own[column].1.coefficients[row]);
            // Of the superposition only what is dropped.
            let projected = multiply(vectors, &multiply(&adjoint(vectors), &coefficients));
            for ((block, one), entries) in own.into_iter().zip(projected.columns()) {
                let column = Column { weight: one.weight, register: spectrum.register };
                drawn.push(&spectrum.members, entries.iter().copied(), *block, column);
            }
        }
        drawn.finish()
    }

    /// Takes up columns that were drawn, before the core is rotated.
    pub(super) fn take(&mut self, core: &State, drawn: &Drawn, combination: (&[Matrix], &[usize])) -> Result<()> {
        if drawn.columns.is_empty() {
            return Ok(());
        }
        let home =
            |(block, column): (&usize, &Column)| Home { block: *block, place: self.blocks[*block].add(column.weight) };
        let homes: Vec<Home> = drawn.owners.iter().zip(&drawn.columns).map(home).collect();
        self.put(&homes, &core.combined(combination.0, combination.1, &drawn.columns))
    }

    /// After the last step: columns of their weights.
    pub(super) fn finish(&mut self, core: &mut State) -> Result<()> {
        self.dismiss(core)?;
        self.blocks.iter_mut().try_for_each(Block::finish)
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
