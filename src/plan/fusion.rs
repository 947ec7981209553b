//! Fewer and cheaper operations with the same effect: gates are multiplied together, and into channels.
//!
//! Every operation is a [`Block`]. In order of time each looks back past the blocks it commutes with, joins the one
//! with which it saves most by the prices of [`cost`], and looks again as the joint block. The same is then done
//! backwards in time, which lets blocks join later ones, and so on until nothing is saved. Only at last do operations
//! without a common qubit join, because by then no neighbour wants them.
//!
//! Two rounds: first everything on at most two qubits, in which gates and noise become channels in canonical form;
//! then gates alone on more qubits. The first does not depend on the number of ranks, and neither does the order of the
//! channels, which is chosen in between so that it is a good one for any number; so neither do the widths of a run and
//! its results.
//!
//! Blocks commute if they act diagonally on each qubit they share: diagonals pass controls and each other. Channels
//! whose branch is recorded are never joined.

mod cost;
mod merge;
mod structure;
#[cfg(test)]
mod tests;

use super::Action;
use super::lowering::Lowered;
use super::placement::{gathered, needs_local};
use crate::linalg::Matrix;
use merge::merged;

pub(super) use cost::cost;
pub(super) use structure::{matrix_on, simplest};

/// Gates on more qubits cost more than their factors at any price.
const DENSE_QUBITS: usize = 5;
/// Diagonals on up to this many qubits: a table of 16 KiB, which stays in the first cache beside the tile.
const DIAGONAL_QUBITS: usize = 10;
/// Channels become up to this wide: on two qubits there are at most 16 branches, on three 64.
const CHANNEL_QUBITS: usize = 2;
/// An operation joins one that has all its qubits even if that saves nothing: a third one may make both vanish, as the
/// second `cx` of `cx rz cx` does.
const EVEN: f64 = 1e-9;
/// How many blocks an operation looks back.
const WINDOW: usize = 256;
/// Passes forth and back after which little more is found.
const PASSES: usize = 6;

/// How large blocks may become.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Limits {
    /// Qubits of a gate that is not diagonal, without common controls.
    dense: usize,
    /// Qubits of a diagonal.
    diagonal: usize,
    /// Qubits of a channel; 0: channels stay as they are.
    channel: usize,
    /// Whether a block may need qubits local that its parts do not.
    grow_local: bool,
}

/// The classical register, as one more wire: what reads it commutes, what writes it does not.
const REGISTER: u64 = 1 << 63;

/// An operation, and what decides whether it can pass and join others.
#[derive(Debug, Clone)]
struct Block {
    lowered: Lowered,
    /// All its qubits.
    qubits: u64,
    /// Those on which it is not diagonal.
    mixed: u64,
    cost: f64,
}

impl Block {
    fn new(lowered: Lowered) -> Block {
        let (qubits, mixed) = footprint(&lowered.action);
        Block { cost: cost(&lowered.action), qubits, mixed, lowered }
    }

    fn action(&self) -> &Action {
        &self.lowered.action
    }

    fn commutes(&self, other: &Block) -> bool {
        self.qubits & other.qubits & (self.mixed | other.mixed) == 0
    }

    fn needs_local(&self) -> u64 {
        mask(needs_local(self.action()))
    }

    /// Both in one, if that is allowed and saves something.
    fn joined(&self, later: &Block, limits: &Limits) -> Option<Block> {
        if self.qubits & later.qubits == 0 && cost::apart(self.action(), later.action()) >= self.cost + later.cost {
            return None;
        }
        let action = merged(self, later, limits)?;
        let line = [self.lowered.line, later.lowered.line].into_iter().filter(|line| *line > 0).min().unwrap_or(0);
        let operations = self.lowered.operations + later.lowered.operations;
        let block = Block::new(Lowered { action, line, operations });
        let allowed = limits.grow_local || block.needs_local() & !(self.needs_local() | later.needs_local()) == 0;
        let both = self.qubits | later.qubits;
        let within = both == self.qubits || both == later.qubits;
        let most = self.cost + later.cost + if within { EVEN } else { 0.0 };
        (allowed && block.cost < most).then_some(block)
    }
}

fn mask(qubits: &[usize]) -> u64 {
    qubits.iter().map(|qubit| 1 << qubit).sum()
}

/// The qubits an action acts on, and those on which it is not diagonal.
pub(super) fn footprint(action: &Action) -> (u64, u64) {
    let controlled = |controls: &[crate::model::Control]| -> u64 { controls.iter().map(|one| 1u64 << one.qubit).sum() };
    match action {
        Action::Unitary { matrix, targets, controls } => {
            (mask(targets) | controlled(controls), mixed(std::slice::from_ref(matrix), targets))
        }
        Action::Diagonal { targets, controls, .. } => (mask(targets) | controlled(controls), 0),
        Action::Permutation { images, targets, controls, .. } => {
            let moved = images.iter().enumerate().fold(0, |moved, (from, to)| moved | from ^ to);
            (mask(targets) | controlled(controls), at(targets, moved))
        }
        Action::Channel { channel, targets, record } => {
            let register = if record.is_some() { REGISTER } else { 0 };
            (mask(targets) | register, mixed(channel.kraus(), targets) | register)
        }
        Action::Conditional { action, .. } => {
            let (qubits, mixed) = footprint(action);
            (qubits | REGISTER, mixed)
        }
        Action::Classical { .. } => (REGISTER, REGISTER),
        _ => (u64::MAX, u64::MAX),
    }
}

/// The targets that entries of the matrices connect.
fn mixed(matrices: &[Matrix], targets: &[usize]) -> u64 {
    let entries = matrices.iter().flat_map(|matrix| matrix.indexed_iter());
    let present = entries.filter(|(_, entry)| entry.norm_sqr() > 0.0);
    at(targets, present.fold(0, |moved, ((row, column), _)| moved | row ^ column))
}

/// Those of the targets whose bit is set.
fn at(targets: &[usize], places: usize) -> u64 {
    targets.iter().enumerate().map(|(place, target)| ((places >> place & 1) as u64) << target).sum()
}

/// Gates and noise on at most two qubits put into channels, in an order that suits any number of ranks, for shards of
/// `local` qubits; unless `channels`, gates are put together only. Without noise there is nothing to do here.
pub(super) fn fuse_noise(actions: Vec<Lowered>, qubits: usize, local: usize, channels: bool) -> Vec<Lowered> {
    if !actions.iter().any(|lowered| lowered.action.channel().is_some()) {
        return actions;
    }
    let width = CHANNEL_QUBITS.min(local);
    let limits =
        Limits { dense: width, diagonal: DIAGONAL_QUBITS, channel: if channels { width } else { 0 }, grow_local: true };
    gathered(round(actions, &limits), qubits)
}

/// Gates put together, first on two qubits, then on more; channels stay what and in what order they are. With
/// `grow_local` whatever it does to communication; without, no gate needs a qubit local that its parts do not.
pub(super) fn fuse_gates(actions: Vec<Lowered>, local: usize, grow_local: bool) -> Vec<Lowered> {
    let wide = Limits { dense: DENSE_QUBITS.min(local), diagonal: DIAGONAL_QUBITS, channel: 0, grow_local };
    let narrow = Limits { dense: wide.dense.min(CHANNEL_QUBITS), ..wide };
    round(round(actions, &narrow), &wide)
}

/// One round; what became the identity is left out.
fn round(actions: Vec<Lowered>, limits: &Limits) -> Vec<Lowered> {
    let blocks = settled(actions.into_iter().map(Block::new).collect(), limits);
    let is_something = |block: &Block| block.qubits != 0;
    blocks.into_iter().filter(is_something).map(|block| block.lowered).collect()
}

/// Forth and back until nothing is saved, first with common qubits only.
fn settled(mut blocks: Vec<Block>, limits: &Limits) -> Vec<Block> {
    for disjoint in [false, true] {
        for _ in 0..PASSES {
            let before = blocks.len();
            blocks = pass(blocks, limits, Look::Back, disjoint);
            blocks = pass(blocks, limits, Look::Ahead, disjoint);
            if blocks.len() == before {
                break;
            }
        }
    }
    blocks
}

/// Which way blocks look for one to join.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Look {
    Back,
    Ahead,
}

/// Lets every block join another on its side.
fn pass(mut blocks: Vec<Block>, limits: &Limits, look: Look, disjoint: bool) -> Vec<Block> {
    if look == Look::Ahead {
        blocks.reverse();
    }
    let mut done: Vec<Block> = Vec::with_capacity(blocks.len());
    for mut block in blocks {
        let mut place = done.len();
        while let Some((found, joint)) = best(&done[..place], &block, limits, look, disjoint) {
            done.remove(found);
            (place, block) = (found, joint);
        }
        done.insert(place, block);
    }
    if look == Look::Ahead {
        done.reverse();
    }
    done
}

/// The block to join, the joint block; the one that saves most, of equals the one whose qubits grow least.
fn best(done: &[Block], block: &Block, limits: &Limits, look: Look, disjoint: bool) -> Option<(usize, Block)> {
    let mut best: Option<(usize, Block, (f64, i32))> = None;
    for (index, candidate) in done.iter().enumerate().rev().take(WINDOW) {
        if candidate.qubits & block.qubits != 0 || disjoint {
            let joint = match look {
                Look::Back => candidate.joined(block, limits),
                Look::Ahead => block.joined(candidate, limits),
            };
            if let Some(joint) = joint {
                let growth = (joint.qubits & !candidate.qubits).count_ones() as i32;
                let gain = (candidate.cost + block.cost - joint.cost, -growth);
                if best.as_ref().is_none_or(|(_, _, most)| gain > *most) {
                    best = Some((index, joint, gain));
                }
            }
        }
        if !candidate.commutes(block) {
            break;
        }
    }
    best.map(|(index, joint, _)| (index, joint))
}
