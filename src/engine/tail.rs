//! The unbiased tail: what the core of a low-rank state drops, sampled.
//!
//! `rho = L L^dagger + R`, with `L` the core and `R` all that was cut from it, moved on by the rest of the circuit. A block of the
//! tail is a few columns `T` with `E[T T^dagger] = R`: whatever the core drops, each block takes up by a draw of its own, and a
//! column of the tail takes one branch of every channel at random (`branching.rs`) and keeps its weight. So `L L^dagger + T T^dagger`
//! has trace 1 for every draw, the mean over blocks estimates `R` without bias, and the blocks, drawn independently, tell its
//! standard error. Nothing goes back from the tail to the core: what is certified of the core stays as it is.
//!
//! What a compression drops is taken up as superpositions of trace exactly that of what was dropped (`tail/sketch.rs`), and so are
//! a block's columns when it is full. Of the branches that are not formed a few stand for all, drawn in proportion to their
//! weights before any is formed.

mod drawn;
mod sketch;

use super::at_once::{Member, block_rotations};
use super::branching;
use super::compression::Spectrum;
use super::{Final, overlap_expectations, places, run_gate};
use crate::backend::Backend;
use crate::comm::Communicator;
use crate::config::TailShape;
use crate::error::Result;
use crate::linalg::{Matrix, adjoint, multiply};
use crate::model::{Channel, Layout, PauliString};
use crate::plan::{Action, Condition};
use crate::state::{Column, Outcome, State};
use drawn::{Draft, from_root};
use num_complex::Complex64;
use sketch::{Class, NEGLIGIBLE, Sketched, Stream, sketch};
use std::collections::BTreeMap;
use std::rc::Rc;

pub(super) use drawn::Drawn;

/// The part of a block's free columns that one event may fill.
const SHARE_OF_ROOM: usize = 4;
/// Branches left out become a column of their own if they weigh as much as an average column of a block that is this many
/// times as large.
const COLUMNS_OF_A_SHARE: usize = 2;

/// A branch of a column of the core that the core leaves out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Dropped {
    pub(super) member: Member,
    /// Its squared norm, exactly, and its register.
    pub(super) column: Column,
}

/// A sampled tail.
pub struct Tail {
    state: State,
    /// One block's columns, for observables.
    single: State,
    shape: TailShape,
    seed: u64,
    /// Events so far: each has random numbers of its own.
    events: u64,
    /// The block of each column.
    owners: Vec<usize>,
    /// Of each block the column that stands for branches of events that weigh little.
    standing: Vec<Option<usize>>,
}

impl Tail {
    /// A tail of a core that has dropped nothing yet, with the core's ranks, backend and qubits.
    ///
    /// # Errors
    /// Resource error when there is no memory for it.
    pub fn new(
        comm: Rc<dyn Communicator>,
        backend: &dyn Backend,
        qubits: usize,
        shape: TailShape,
        seed: u64,
    ) -> Result<Tail> {
        let state = State::new(comm.clone(), backend, qubits, shape.blocks * shape.columns)?;
        let single = State::new(comm, backend, qubits, shape.columns)?;
        let standing = vec![None; shape.blocks];
        Ok(Tail { state, single, shape, seed, events: 0, owners: Vec::new(), standing })
    }

    fn event(&mut self) -> Stream {
        self.events += 1;
        Stream::new(self.seed, self.events)
    }

    /// Queues a gate or runs an exchange.
    pub(super) fn gate(&mut self, action: &Action) -> Result<()> {
        run_gate(&mut self.state, action).map(|_| ())
    }

    /// Each column takes a branch of the channel, if the condition holds for it.
    pub(super) fn channel(
        &mut self,
        channel: &Channel,
        targets: (&[usize], Option<usize>),
        condition: Condition,
    ) -> Result<()> {
        let mut stream = self.event();
        let numbers: Vec<f64> = (0..self.state.width()).map(|_| stream.uniform()).collect();
        branching::channel(&mut self.state, channel, targets, condition, &numbers)
    }

    /// Columns of the block that has most.
    fn fullest(&self) -> usize {
        (0..self.shape.blocks).map(|block| self.members(block).len()).max().unwrap_or(0)
    }

    fn members(&self, block: usize) -> Vec<usize> {
        (0..self.owners.len()).filter(|column| self.owners[*column] == block).collect()
    }

    /// Prepares for a compression: the room it may fill in every block, and the number of the event.
    pub(super) fn prepare(&mut self) -> Result<(usize, u64)> {
        let room = self.make_room()?;
        self.events += 1;
        Ok((room, self.events))
    }

    /// Makes sure that every block has room, and says how many columns a compression may fill.
    fn make_room(&mut self) -> Result<usize> {
        if self.fullest() >= self.shape.columns {
            self.merge()?;
        }
        Ok(((self.shape.columns - self.fullest()) / SHARE_OF_ROOM).max(1))
    }

    /// Puts half as many columns in place of those of each block.
    fn merge(&mut self) -> Result<()> {
        self.state.flush()?;
        let members: Vec<Vec<usize>> = (0..self.shape.blocks).map(|block| self.members(block)).collect();
        let (grams, mut stream) = (self.state.grams_of(&members), self.event());
        let drawn = from_root(self.state.comm(), || Ok(self.merged(&members, &grams, &mut stream).to_bytes()))?;
        let part = |(block, own): (usize, Vec<usize>)| {
            let new: Vec<usize> = (0..drawn.owners.len()).filter(|new| drawn.owners[*new] == block).collect();
            let rotation =
                Matrix::from_shape_fn((own.len(), new.len()), |(row, column)| drawn.rotation[(own[row], new[column])]);
            (own, rotation)
        };
        let parts: Vec<(Vec<usize>, Matrix)> = members.into_iter().enumerate().map(part).collect();
        self.state.rotate_parts(&parts, drawn.columns);
        self.owners = drawn.owners;
        self.standing.fill(None);
        Ok(())
    }

    /// In terms of all columns; each block's members and their Gram matrix are given.
    fn merged(&self, members: &[Vec<usize>], grams: &[Matrix], stream: &mut Stream) -> Drawn {
        let columns = self.state.columns();
        let mut drawn = Draft::new(columns.len());
        for (block, (members, gram)) in members.iter().zip(grams).enumerate() {
            // By register, as places among the members.
            let mut registers: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
            members
                .iter()
                .enumerate()
                .for_each(|(place, one)| registers.entry(columns[*one].register).or_default().push(place));
            let scale = |place: usize| (columns[members[place]].weight / gram[(place, place)].re).sqrt();
            let metric = |of: &Vec<usize>| {
                Matrix::from_shape_fn((of.len(), of.len()), |(row, column)| {
                    gram[(of[row], of[column])] * scale(of[row]) * scale(of[column])
                })
            };
            let classes: Vec<Class> = registers.values().map(|of| Class { metric: metric(of) }).collect();
            let classified: Vec<(u64, Vec<usize>)> = registers.into_iter().collect();
            for one in sketch(&classes, self.shape.columns / 2, stream) {
                let (register, places) = &classified[one.class];
                let scaled = places.iter().zip(&one.coefficients).map(|(place, factor)| factor * scale(*place));
                let rows: Vec<usize> = places.iter().map(|place| members[*place]).collect();
                drawn.push(&rows, scaled, block, Column { weight: one.weight, register: *register });
            }
        }
        drawn.finish()
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
        self.state.flush()?;
        let first = self.state.width();
        let places: Vec<usize> = (first..first + drawn.columns.len()).collect();
        self.owners.extend(&drawn.owners);
        self.state.set_combined(&places, &drawn.columns, core, combination)
    }

    /// Takes up branches that the core leaves out of a channel, before the channel is applied to the core and after it
    /// was to the tail.
    pub(super) fn leave_out(
        &mut self,
        core: &mut State,
        dropped: &[Dropped],
        kraus: &[Matrix],
        targets: &[usize],
    ) -> Result<()> {
        let below = sums(dropped.iter().map(|one| one.column.weight));
        if below.last().is_none_or(|total| *total <= NEGLIGIBLE) {
            return Ok(());
        }
        self.make_room()?;
        let chosen = self.choose(dropped, &below);
        if chosen.is_empty() {
            return Ok(());
        }
        self.state.flush()?;
        core.flush()?;
        let members: Vec<Member> = chosen.iter().map(|one| dropped[one.index].member).collect();
        let columns: Vec<Column> = chosen.iter().map(|one| one.column).collect();
        let factor = |one: &Chosen| (one.column.weight / dropped[one.index].column.weight).sqrt();
        let factors: ndarray::Array1<Complex64> = chosen.iter().map(|one| factor(one).into()).collect();
        let rotations = block_rotations(&Matrix::from_diag(&factors), kraus, &members, core.width());
        let places: Vec<usize> = chosen.iter().map(|one| one.place).collect();
        self.state.set_combined(&places, &columns, core, (&rotations, targets))
    }

    /// The branches that become columns; `below` has the sums of the weights up to each.
    ///
    /// Those of an event that weighs much are represented by new columns, drawn at equal distances along the weights. Many
    /// events that weigh little share a column: one branch stands for all so far, the one before or one of this event's.
    fn choose(&mut self, dropped: &[Dropped], below: &[f64]) -> Vec<Chosen> {
        let mut stream = self.event();
        let mut weights: Vec<f64> = self.state.columns().iter().map(|column| column.weight).collect();
        let (total, traces) = (below.last().copied().unwrap_or(0.0), self.traces());
        let mut chosen = Vec::new();
        for (block, trace) in traces.iter().enumerate() {
            let (coin, first) = (stream.uniform(), stream.uniform());
            let draw = |number: f64| below.partition_point(|sum| *sum <= number * total).min(dropped.len() - 1);
            let mut choose = |place: usize, index: usize, weight: f64| {
                chosen.push(Chosen { place, index, column: Column { weight, ..dropped[index].column } });
            };
            let enough = (trace + total) / (COLUMNS_OF_A_SHARE * self.shape.columns) as f64;
            if total >= enough {
                let room = self.shape.columns - self.owners.iter().filter(|owner| **owner == block).count();
                let count = ((total / enough) as usize).min(room / SHARE_OF_ROOM).max(1);
                for number in 0..count {
                    choose(self.owners.len(), draw((first + number as f64) / count as f64), total / count as f64);
                    self.owners.push(block);
                    weights.push(total / count as f64);
                }
                continue;
            }
            let place = *self.standing[block].get_or_insert_with(|| {
                self.owners.push(block);
                weights.push(0.0);
                weights.len() - 1
            });
            weights[place] += total;
            if coin * weights[place] < total {
                choose(place, draw(first), weights[place]);
            }
            if weights[place] >= enough {
                self.standing[block] = None;
            }
        }
        self.state.set_weights(&weights);
        chosen
    }

    /// After the last step: columns of their weights.
    pub(super) fn finish(&mut self) -> Result<()> {
        let weights: Vec<f64> = self.state.columns().iter().map(|column| column.weight).collect();
        if weights.is_empty() { self.state.flush() } else { branching::normalise(&mut self.state, &weights) }
    }

    /// Number of blocks.
    pub fn blocks(&self) -> usize {
        self.shape.blocks
    }

    /// Trace of each block.
    pub fn traces(&self) -> Vec<f64> {
        let mut traces = vec![0.0; self.shape.blocks];
        self.owners.iter().zip(self.state.columns()).for_each(|(block, column)| traces[*block] += column.weight);
        traces
    }

    /// Bytes this rank has sent.
    pub fn sent(&self) -> u64 {
        self.state.sent() + self.single.sent()
    }

    /// What a block adds to the expectations of these strings, and to the marginals of these groups of qubits.
    ///
    /// # Errors
    /// Resource error when there is no memory for it.
    pub fn observe(
        &mut self,
        block: usize,
        strings: &[PauliString],
        last: Final<'_>,
        groups: &[&[usize]],
    ) -> Result<(Vec<f64>, Vec<Vec<f64>>)> {
        let members = self.members(block);
        if members.is_empty() {
            let nothing = groups.iter().map(|group| vec![0.0; 1 << group.len()]).collect();
            return Ok((vec![0.0; strings.len()], nothing));
        }
        let columns: Vec<Column> = members.iter().map(|column| self.state.columns()[*column]).collect();
        if self.single.width() > members.len() {
            let first: Vec<usize> = (0..members.len()).collect();
            self.single.rotate(&selection(self.single.width(), &first), columns.clone());
        }
        let selection = selection(self.state.width(), &members);
        let every: Vec<usize> = (0..members.len()).collect();
        self.single.set_combined(&every, &columns, &self.state, (&[selection], &[]))?;
        let values = overlap_expectations(&mut self.single, last.overlaps, strings.len());
        let marginals = groups.iter().map(|group| self.single.marginal(&places(last.layout, group)));
        Ok((values, marginals.collect()))
    }

    /// Whether nothing was dropped.
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// The outcome of each draw (uniform in [0, 1)) from all blocks together.
    pub(super) fn sample(&self, layout: &Layout, draws: &[f64]) -> Vec<Outcome> {
        self.state.sample(&layout.to_logical(), 0.0, draws)
    }
}

/// A branch that becomes a column.
struct Chosen {
    /// Which column of the tail.
    place: usize,
    /// Its number in the list of branches.
    index: usize,
    /// With the weight of all that it stands for.
    column: Column,
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

/// Takes these columns of so many.
fn selection(width: usize, columns: &[usize]) -> Matrix {
    let entry = |(row, column): (usize, usize)| f64::from(u8::from(row == columns[column])).into();
    Matrix::from_shape_fn((width, columns.len()), entry)
}
