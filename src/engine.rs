//! Representations of the state: each runs the plan's steps under its own policy for channels.

mod at_once;
mod basis;
mod branching;
pub mod budget;
pub mod certificate;
pub mod closeness;
pub mod compression;
pub mod density;
pub mod low_rank;
pub mod reduced;
pub mod rounding;
pub mod spectrum;
mod split;
pub mod statevector;
pub mod statistics;
pub mod tail;
pub mod trajectories;
mod variance;

use crate::archive::Archive;
use crate::error::{Error, Result};
use crate::linalg::{Matrix, hermitian_eigenvalues, identity};
use crate::model::{Layout, PauliString};
use crate::plan::{Action, OverlapGroup, Step};
use crate::state::{Column, Other, Outcome, State};
use certificate::Certificate;
use closeness::Comparison;
use num_complex::Complex64;
use tail::Tail;

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StepReport {
    /// Columns after the step.
    pub width: usize,
    /// Trace lost since the last compression, known when the step compressed.
    pub discarded: f64,
    /// Bytes this rank sent.
    pub sent: u64,
}

/// A representation of the state. Every method is collective over its ranks.
pub trait Engine {
    /// Goes back to the start of the plan for another batch of trajectories.
    ///
    /// # Errors
    /// Resource error when memory is not to be had; internal error for an engine that samples nothing.
    fn begin(&mut self, _batch: u64) -> Result<()> {
        Err(Error::internal("this engine has no batches"))
    }
    /// Runs one step of the plan.
    ///
    /// # Errors
    /// Resource error when memory is not to be had.
    fn step(&mut self, step: &Step) -> Result<StepReport>;
    /// Columns now.
    fn width(&self) -> usize;
    /// Trace lost so far, as far as it is known.
    fn lost(&self) -> f64 {
        0.0
    }
    /// Whether a cap on rank or memory decided anything so far.
    fn limited(&self) -> bool {
        false
    }
    /// Columns that the last step's compression began with, the widest of several; nothing if it had none.
    fn compressed_from(&self) -> Option<usize> {
        None
    }
    /// Columns after a step, before any compression.
    fn width_after(&self, _step: &Step) -> usize {
        self.width()
    }
    /// Bytes this rank has sent.
    fn sent(&self) -> u64;
    /// What is sampled of the part of the state that the engine dropped.
    fn tail(&mut self) -> Option<&mut Tail> {
        None
    }
    /// What is certified of the state as it is now.
    fn certificate(&self) -> Certificate;
    /// `tr(rho~^2)`, and a bound on the largest eigenvalue of `rho~`.
    ///
    /// # Errors
    /// Internal error when eigenvalues do not converge.
    fn purity(&self) -> Result<(f64, f64)>;
    /// The eigenvalues of `rho~` that are not zero, in any order; nothing where there are too many to be computed.
    ///
    /// # Errors
    /// Internal error when eigenvalues do not converge.
    fn eigenvalues(&mut self) -> Result<Option<Vec<f64>>>;
    /// The state beside another one; nothing where `rho~` is too large for that.
    ///
    /// # Errors
    /// The error of reading the other state, on every rank; internal error when eigenvalues do not converge.
    fn compare(&mut self, layout: &Layout, other: &mut Other<'_>) -> Result<Option<Comparison>>;
    /// `tr(P rho~)` for each string, none of which is the identity, on logical qubits. `measure` is the plan's last step.
    fn pauli_expectations(&mut self, strings: &[PauliString], measure: Final<'_>) -> Vec<f64>;
    /// The probabilities of the values of these logical qubits, the first least significant.
    fn marginal(&self, layout: &Layout, qubits: &[usize]) -> Vec<f64>;
    /// The outcome of each draw, uniform in [0, 1); the trace `missing` is spread evenly.
    fn sample(&self, layout: &Layout, missing: f64, draws: &[f64]) -> Vec<Outcome>;
    /// Runs whatever is queued.
    ///
    /// # Errors
    /// Resource error when memory is not to be had.
    fn settle(&mut self) -> Result<()> {
        self.states().into_iter().try_for_each(State::flush)
    }
    /// Operations that are queued at most: [`State::longest_queue`].
    fn longest_queue(&mut self) -> usize {
        self.states().iter().map(|state| state.longest_queue()).min().unwrap_or(usize::MAX)
    }
    /// Whether nothing is queued, the same on every rank.
    fn is_settled(&mut self) -> bool {
        self.states().iter().all(|state| state.is_settled())
    }
    /// Whether the next step, if it is this one, runs first what is queued; the same on every rank.
    fn settles_for(&mut self, next: &Action) -> bool {
        let settles = |state: &&mut State| state.is_settled() || state.is_exchanging();
        matches!(next, Action::Exchange { .. }) && self.states().iter().all(settles)
    }
    /// The states whose amplitudes a checkpoint holds, always in the same order.
    fn states(&mut self) -> Vec<&mut State>;
    /// What a checkpoint holds besides them and their columns; the same on every rank.
    fn put(&self, archive: &mut Archive);
    /// Takes what [`Engine::put`] put, into an engine made for the same job.
    ///
    /// # Errors
    /// Input error for the facts of another engine.
    fn take(&mut self, archive: &mut Archive) -> Result<()>;
    /// Hands the factor's rows, in logical order, to `write` on the root rank.
    ///
    /// # Errors
    /// The error of `write`, on every rank; internal error for an engine that has no factor.
    fn export_rows(&self, _: &Layout, _: &mut dyn FnMut(u64, &[Complex64]) -> Result<()>) -> Result<()> {
        Err(Error::internal("this engine has no factor"))
    }
}

/// Where the qubits are at the end of a plan, and the overlaps that give the Pauli expectations of columns.
#[derive(Debug, Clone, Copy)]
pub struct Final<'a> {
    /// The layout.
    pub layout: &'a Layout,
    /// The groups.
    pub overlaps: &'a [OverlapGroup],
}

/// Runs what is queued once it is much.
fn make_room(state: &mut State) -> Result<()> {
    if state.queued() >= state.longest_queue() { state.flush() } else { Ok(()) }
}

/// Queues a gate, under a condition or not, or runs an exchange; false for channels and what engines do by themselves.
fn run_gate(state: &mut State, action: &Action) -> Result<bool> {
    match action {
        Action::Unitary { matrix, targets, controls } => state.unitary(matrix, targets, controls),
        Action::Diagonal { entries, targets, controls } => state.diagonal(entries, targets, controls),
        Action::Permutation { images, factors, targets, controls } => {
            state.permutation(images, factors, targets, controls);
        }
        Action::Exchange { pairs } => state.exchange(pairs)?,
        Action::Conditional { condition, action } => match &**action {
            Action::Unitary { matrix, targets, .. } => {
                let fails = |column: &Column| usize::from(!condition.holds(column.register));
                let choice = state.columns().iter().map(fails).collect();
                state.select(vec![matrix.clone(), identity(matrix.nrows())], targets, choice);
            }
            _ => return Ok(false),
        },
        Action::Classical { bit, condition } => state.set_registers(|register| {
            let set = condition.is_some_and(|condition| condition.holds(register));
            register & !(1 << bit) | u64::from(set) << bit
        }),
        Action::Relabel { .. } => {}
        Action::Channel { .. } | Action::CompressIfWide | Action::Measure { .. } => return Ok(false),
    }
    make_room(state)?;
    Ok(true)
}

/// `tr(P L L^dagger)` for each of `count` strings of a plan's overlap groups.
fn overlap_expectations(state: &mut State, overlaps: &[OverlapGroup], count: usize) -> Vec<f64> {
    let signs = |group: &OverlapGroup| group.members.iter().map(|(_, sign, _)| *sign).collect();
    let groups: Vec<(u64, Vec<u64>)> = overlaps.iter().map(|group| (group.flip, signs(group))).collect();
    let mut values = vec![0.0; count];
    for (group, sums) in overlaps.iter().zip(state.flip_overlaps(&groups)) {
        for ((index, _, ys), sum) in group.members.iter().zip(sums) {
            values[*index] = (Complex64::I.powu(*ys) * sum).re;
        }
    }
    values
}

/// The eigenvalues of a Gram matrix, or of `rho~` itself.
fn eigenvalues_of(matrix: &Matrix) -> Result<Option<Vec<f64>>> {
    let unconverged = || Error::internal("the eigenvalues of the state did not converge");
    hermitian_eigenvalues(matrix).ok_or_else(unconverged).map(Some)
}

/// The first `width` columns beside another state.
fn compared(state: &State, width: usize, layout: &Layout, other: &mut Other<'_>) -> Result<Option<Comparison>> {
    let products = state.products_with(width, &|logical| layout.to_physical(logical), other)?;
    Comparison::of_factors(&state.gram(0..width), &products).map(Some)
}

/// Where logical qubits are.
fn places(layout: &Layout, qubits: &[usize]) -> Vec<usize> {
    qubits.iter().map(|qubit| layout.physical(*qubit)).collect()
}
