//! The low-rank engine: `rho~ = L L^dagger` with an exact error meter.
//!
//! Unitaries act on the columns. A channel appends its branches, except those whose weight is proven to be below the
//! prune threshold; when the width has about doubled since the last time, the factor is compressed. Nothing is ever
//! renormalised, every step keeps `rho~ <= rho`, so the missing trace *is* the error.

mod sampled;

use super::at_once::{Member, block_rotations, widened_gram};
use super::certificate::Certificate;
use super::closeness::Comparison;
use super::compression::{Decision, Rule, Source, decide};
use super::rounding::Rounding;
use super::split::Split;
use super::tail::{Drawn, Tail};
use super::{Engine, Final, StepReport, compared, eigenvalues_of, make_room, overlap_expectations, places, run_gate};
use crate::archive::Archive;
use crate::backend::{Backend, Precision};
use crate::comm::{Communicator, bytes_from_root};
use crate::config::Compression;
use crate::error::{Error, Result};
use crate::linalg::{Matrix, frobenius_norm, hermitian_eigen, identity, side_by_side};
use crate::model::{Channel, Layout, PauliString};
use crate::plan::{Action, Condition, Step};
use crate::state::{Column, Other, Outcome, State};
use num_complex::Complex64;
use std::rc::Rc;

/// A factor of more amplitudes than this (1 GiB) is not gathered on one rank.
const LARGEST_GATHERED_FACTOR: u64 = 1 << 26;
/// Width below which a compression is not worth its while.
const SMALLEST_COMPRESSED_WIDTH: usize = 4;
/// Width from which on a channel that would double it is compressed at once.
const SMALLEST_AT_ONCE: usize = 8;
/// The width grows by this factor before it is compressed.
const GROWTH: usize = 2;
/// How much of the budget the last cut leaves unused, relatively: room for rounding.
const BUDGET_MARGIN: f64 = 1e-3;

/// The parameters of one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Eigenvalues below this are dropped in a compression.
    pub cut: f64,
    /// Branches whose weight is proven to be below this are not formed.
    pub prune: f64,
    /// When to compress.
    pub compression: Compression,
    /// At most this many columns after a compression.
    pub max_rank: Option<usize>,
    /// At most this many columns at any time; what memory allows.
    pub max_width: usize,
    /// The last cut, before observables are taken, spares what this error needs.
    pub budget: Option<f64>,
}

/// A run of the low-rank engine.
pub struct LowRank {
    state: State,
    settings: Settings,
    precision: Precision,
    rounding: Rounding,
    /// Trace after the last compression.
    trace: f64,
    /// Width after the last compression.
    compressed_width: usize,
    /// Whether a cap on rank or memory decided anything.
    limited: bool,
    /// What is dropped, sampled.
    tail: Option<Tail>,
    /// Whether the columns' weights are their squared norms.
    weighed: bool,
    /// Columns the last step's compression began with.
    compressed_from: Option<usize>,
}

impl LowRank {
    /// Starts from the basis state with this physical index.
    ///
    /// # Errors
    /// Resource error when not even one column fits.
    pub fn from_basis_state(
        comm: Rc<dyn Communicator>,
        backend: &dyn Backend,
        qubits: usize,
        physical: u64,
        settings: Settings,
    ) -> Result<LowRank> {
        let mut state = State::new(comm, backend, qubits, 1)?;
        state.append_basis_state(physical)?;
        Ok(Self::with(state, backend.precision(), 0.0, settings))
    }

    /// Starts from a factor of `rank` columns whose rows, in logical order, `read` gives on the root rank; `rounding`
    /// is the rounding bound that factor comes with.
    ///
    /// # Errors
    /// The error of `read`, or a resource error.
    pub fn from_factor(
        comm: Rc<dyn Communicator>,
        backend: &dyn Backend,
        factor: &Factor<'_>,
        read: impl FnMut(u64, usize) -> Result<Vec<Complex64>>,
        settings: Settings,
    ) -> Result<LowRank> {
        let mut state = State::new(comm, backend, factor.qubits, factor.rank)?;
        state.import_rows(factor.rank, factor.physical, read)?;
        let stored = backend.precision().unit_roundoff();
        Ok(Self::with(state, backend.precision(), factor.rounding + 2.0 * stored, settings))
    }

    fn with(state: State, precision: Precision, rounding: f64, settings: Settings) -> LowRank {
        let trace = state.columns().iter().map(|column| column.weight).sum();
        let compressed_width = state.width();
        let rounding = Rounding::new(precision, rounding);
        LowRank {
            state,
            settings,
            precision,
            rounding,
            trace,
            compressed_width,
            limited: false,
            tail: None,
            compressed_from: None,
            weighed: true,
        }
    }

    /// The state, for observables.
    pub fn state(&mut self) -> &mut State {
        &mut self.state
    }

    fn is_wide(&self) -> bool {
        match self.settings.compression {
            Compression::EveryChannel => self.width() != self.compressed_width,
            Compression::Lazy => {
                self.width() >= GROWTH * self.compressed_width && self.width() >= SMALLEST_COMPRESSED_WIDTH
            }
        }
    }

    /// Applies a channel to the columns for which the condition holds; returns the trace lost if it compressed.
    fn channel(
        &mut self,
        channel: &Channel,
        targets: &[usize],
        record: Option<usize>,
        condition: Condition,
    ) -> Result<f64> {
        let mut kraus = channel.kraus().to_vec();
        kraus.push(identity(kraus[0].nrows()));
        let split =
            |engine: &LowRank| Split::of(channel, record, condition, engine.state.columns(), engine.settings.prune);
        self.make_room_in_tail()?;
        let mut found = split(self);
        let mut discarded = 0.0;
        let mut at_once = self.compresses_at_once(&found);
        if !at_once && !self.fits(&found) && self.width() > self.compressed_width {
            discarded = self.compress()?;
            self.make_room_in_tail()?;
            found = split(self);
        }
        at_once |= !self.fits(&found) && self.width() + found.branches.len() <= self.largest_at_once();
        if !at_once && !self.fits(&found) {
            found.keep_strongest(self.settings.max_width.saturating_sub(self.width()));
            self.limited = true;
        }
        let first = self.state.width() + if at_once { 0 } else { found.branches.len() };
        let ride = self.sample_channel(channel, (targets, record), condition, (&found, first))?;
        if at_once {
            self.seat(ride, &kraus, targets);
            self.line_up()?;
            return Ok(discarded + self.channel_at_once(&kraus, targets, &split(self))?);
        }
        found.take_along(ride);
        self.state.branch(&kraus, targets, (&found.kept, &found.columns), &found.branches);
        make_room(&mut self.state)?;
        Ok(discarded)
    }

    fn fits(&self, split: &Split) -> bool {
        self.width() + split.branches.len() <= self.settings.max_width
    }

    /// Whether a channel is cheaper compressed at once: when it alone makes the width grow enough.
    fn compresses_at_once(&self, split: &Split) -> bool {
        let worth = match self.settings.compression {
            Compression::EveryChannel => true,
            Compression::Lazy => self.width() >= SMALLEST_AT_ONCE,
        };
        let width = self.width() + split.branches.len();
        worth && width >= GROWTH * self.width() && width <= self.largest_at_once()
    }

    /// With more columns than this, forming them is cheaper: the eigenvalues come from `L L^dagger` then.
    fn largest_at_once(&self) -> usize {
        1 << self.state.qubits().min(usize::BITS as usize - 2)
    }

    /// Applies a channel and compresses, without forming its columns.
    fn channel_at_once(&mut self, kraus: &[Matrix], targets: &[usize], split: &Split) -> Result<f64> {
        let width = self.width();
        let kept = split.kept[..width].iter().enumerate().map(|(source, kraus)| Member { kraus: *kraus, source });
        let old = kept.zip(split.columns.iter().copied());
        let new =
            split.branches.iter().map(|branch| (Member { kraus: branch.kraus, source: branch.source }, branch.column));
        let (members, columns): (Vec<Member>, Vec<Column>) = old.chain(new).unzip();
        let blocks = self.state.block_grams(0..width, targets);
        let gram = || Source::Gram(widened_gram(&blocks, kraus, &members));
        let (decision, drawn) = self.decide(gram, &columns, 0.0)?;
        let rotations = |rotation: &Matrix| block_rotations(rotation, kraus, &members, width);
        self.rotate(rotations, targets, decision, &drawn)?;
        Ok(self.settle(columns.len()))
    }

    /// Rotates the core's columns to those that stay, with those that the tail takes up behind them.
    fn rotate(
        &mut self,
        rotations: impl Fn(&Matrix) -> Vec<Matrix>,
        targets: &[usize],
        decision: Decision,
        drawn: &Drawn,
    ) -> Result<()> {
        let both = side_by_side(&decision.rotation, &drawn.rotation);
        let kept = decision.columns.len();
        let columns = decision.columns.into_iter().chain(drawn.as_guests()).collect();
        self.state.rotate(0, &rotations(&both), targets, columns)?;
        self.take(drawn, kept);
        Ok(())
    }

    /// Cuts the factor to its large eigenvalues; returns the trace lost since the last time.
    ///
    /// # Errors
    /// Internal error when the eigenvalues do not converge.
    pub fn compress(&mut self) -> Result<f64> {
        self.compress_to(0.0)
    }

    /// The compression before observables are taken: it does not cut more than the budget allows, if less will do.
    fn last_compression(&mut self) -> Result<f64> {
        let room = |budget: f64| (budget - self.rounding.bound()) * (1.0 - BUDGET_MARGIN);
        self.compress_to(self.settings.budget.map_or(0.0, |budget| 1.0 - room(budget)))
    }

    fn compress_to(&mut self, least_trace: f64) -> Result<f64> {
        self.line_up()?;
        let width = self.width();
        if width == 1 {
            let norms = self.state.column_norms();
            self.state.set_weights(&norms[..1]);
            return Ok(self.settle(1));
        }
        let source = self.spectrum_source();
        let columns = self.state.columns()[..width].to_vec();
        let (decision, drawn) = self.decide(|| source, &columns, least_trace)?;
        self.rotate(|rotation| vec![rotation.clone()], &[], decision, &drawn)?;
        Ok(self.settle(width))
    }

    /// What stays of these columns, and what the tail takes up of the rest, decided on one rank.
    fn decide(
        &mut self,
        source: impl FnOnce() -> Source,
        columns: &[Column],
        least_trace: f64,
    ) -> Result<(Decision, Drawn)> {
        let Settings { cut, max_rank, max_width, .. } = self.settings;
        // Only a channel compressed at once can come to more columns than there is room for.
        let max_rank = max_rank.or(Some(max_width)).map(|rank| rank.min(max_width));
        let rule = Rule { cut, max_rank, least_trace, precision: self.precision };
        let bytes = bytes_from_root(self.state.comm(), || {
            let solver = |matrix: &Matrix| self.state.eigen(matrix);
            let (decision, spectra) = decide(&source(), columns, &rule, &solver)?;
            let nothing = || Drawn::none(columns.len());
            let drawn = self.tail.as_ref().map_or_else(nothing, |tail| tail.draw(&spectra));
            Ok(joined(&decision.to_bytes(), &drawn.to_bytes()))
        })?;
        let corrupted = || Error::internal("the decision of a compression arrived corrupted");
        let (decision, drawn) = parted(&bytes).ok_or_else(corrupted)?;
        let decision = Decision::from_bytes(decision).ok_or_else(corrupted)?;
        self.limited |= decision.limited;
        Ok((decision, Drawn::from_bytes(drawn)?))
    }

    /// Takes stock after a compression from `width` columns; returns the trace lost since the last time.
    fn settle(&mut self, width: usize) -> f64 {
        self.rounding.compression(width);
        self.compressed_from = self.compressed_from.max(Some(width));
        let kept: f64 = self.state.columns().iter().map(|column| column.weight).sum();
        let discarded = (self.trace - kept).max(0.0);
        self.trace = kept;
        self.compressed_width = self.width();
        self.weighed = true;
        discarded
    }

    /// The smaller of what the eigenvalues can come from; the factor itself stands on the root rank only.
    fn spectrum_source(&self) -> Source {
        let rows = 1u64 << self.state.qubits();
        if self.width() as u64 > rows && rows * self.width() as u64 <= LARGEST_GATHERED_FACTOR {
            Source::Factor(self.state.gather_factor(self.width()))
        } else {
            Source::Gram(self.state.gram(0..self.width()))
        }
    }
}

impl Engine for LowRank {
    fn step(&mut self, step: &Step) -> Result<StepReport> {
        let sent = self.sent();
        let mut discarded = 0.0;
        self.compressed_from = None;
        if run_gate(&mut self.state, &step.action)? {
            self.tail.as_mut().map_or(Ok(()), |tail| tail.gate(&step.action))?;
        } else {
            match &step.action {
                Action::Channel { channel, targets, record } => {
                    discarded += self.channel(channel, targets, *record, Condition::default())?;
                }
                Action::Conditional { condition, action } => {
                    let Action::Channel { channel, targets, record } = &**action else {
                        return Err(Error::internal(format!("{} under a condition", action.name())));
                    };
                    discarded += self.channel(channel, targets, *record, *condition)?;
                }
                Action::CompressIfWide if self.is_wide() => discarded += self.compress()?,
                Action::Measure { snapshot, .. } => {
                    discarded += if snapshot.is_some() { self.compress()? } else { self.last_compression()? };
                    self.tail.as_mut().map_or(Ok(()), |tail| tail.finish(&mut self.state))?;
                }
                _ => {}
            }
        }
        self.rounding.step(step);
        Ok(StepReport { width: self.width(), discarded, sent: self.sent() - sent })
    }

    fn width(&self) -> usize {
        self.state.width() - self.tail.as_ref().map_or(0, Tail::guests)
    }

    fn lost(&self) -> f64 {
        (1.0 - self.trace).max(0.0)
    }

    fn limited(&self) -> bool {
        self.limited
    }

    fn compressed_from(&self) -> Option<usize> {
        self.compressed_from
    }

    fn width_after(&self, step: &Step) -> usize {
        let (condition, action) = match &step.action {
            Action::Conditional { condition, action } => (*condition, &**action),
            action => (Condition::default(), action),
        };
        let Action::Channel { channel, record, .. } = action else { return self.width() };
        let split = Split::of(channel, *record, condition, self.state.columns(), self.settings.prune);
        self.width() + split.branches.len()
    }

    fn sent(&self) -> u64 {
        self.state.sent() + self.tail.as_ref().map_or(0, Tail::sent)
    }

    fn tail(&mut self) -> Option<&mut Tail> {
        self.tail.as_mut()
    }

    fn certificate(&self) -> Certificate {
        let trace = self.state.column_norms().iter().sum();
        let of_sum = Rounding::of_sum(self.state.qubits(), self.width());
        Certificate { trace, rounding: self.rounding.bound() + of_sum }
    }

    /// After a compression the weights of the columns are the eigenvalues, but for columns of different registers, which
    /// may overlap: then the Gram matrix is needed.
    fn purity(&self) -> Result<(f64, f64)> {
        let columns = self.state.columns();
        let orthogonal = columns.iter().all(|column| column.register == columns[0].register);
        if orthogonal && self.width() == self.compressed_width {
            let weights = || columns.iter().map(|column| column.weight);
            return Ok((weights().map(|weight| weight * weight).sum(), weights().fold(0.0, f64::max)));
        }
        let gram = self.state.gram(0..self.width());
        let (values, _) = hermitian_eigen(&gram)
            .ok_or_else(|| Error::internal("the eigenvalues of a Gram matrix did not converge"))?;
        Ok((frobenius_norm(&gram).powi(2), values.last().copied().unwrap_or(0.0)))
    }

    fn eigenvalues(&mut self) -> Result<Option<Vec<f64>>> {
        eigenvalues_of(&self.state.gram(0..self.width()))
    }

    fn compare(&mut self, layout: &Layout, other: &mut Other<'_>) -> Result<Option<Comparison>> {
        compared(&self.state, self.width(), layout, other)
    }

    fn pauli_expectations(&mut self, strings: &[PauliString], measure: Final<'_>) -> Vec<f64> {
        overlap_expectations(&mut self.state, measure.overlaps, strings.len())
    }

    fn marginal(&self, layout: &Layout, qubits: &[usize]) -> Vec<f64> {
        self.state.marginal(&places(layout, qubits))
    }

    /// With a tail, from core and tail; without one, from the core completed by what it is in the mean.
    fn sample(&self, layout: &Layout, missing: f64, draws: &[f64]) -> Vec<Outcome> {
        match self.tail.as_ref().filter(|tail| missing > 0.0 && !tail.is_empty()) {
            Some(tail) => self.sample_both(tail, layout, missing, draws),
            None => self.state.sample(&layout.to_logical(), missing, draws),
        }
    }

    fn states(&mut self) -> Vec<&mut State> {
        let tail = self.tail.iter_mut().flat_map(Tail::states);
        std::iter::once(&mut self.state).chain(tail).collect()
    }

    fn put(&self, archive: &mut Archive) {
        archive.put(&(self.rounding, self.trace, self.compressed_width));
        archive.put(&(self.limited, self.weighed, self.settings.max_width));
        self.tail.iter().for_each(|tail| tail.put_facts(archive));
    }

    /// What memory allows may be less now; where it is more, it stays what it was, so that nothing is decided differently.
    fn take(&mut self, archive: &mut Archive) -> Result<()> {
        (self.rounding, self.trace, self.compressed_width) = archive.take()?;
        let max_width: usize;
        (self.limited, self.weighed, max_width) = archive.take()?;
        self.settings.max_width = self.settings.max_width.min(max_width);
        self.tail.iter_mut().try_for_each(|tail| tail.take_facts(archive))
    }

    fn export_rows(&self, layout: &Layout, write: &mut dyn FnMut(u64, &[Complex64]) -> Result<()>) -> Result<()> {
        self.state.export_rows(&|logical| layout.to_physical(logical), write)
    }
}

/// Two messages as one.
fn joined(first: &[u8], second: &[u8]) -> Vec<u8> {
    [&(first.len() as u64).to_le_bytes(), first, second].concat()
}

/// The messages of [`joined`].
fn parted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
}

/// The shape of a factor to start from.
pub struct Factor<'a> {
    /// Number of qubits.
    pub qubits: usize,
    /// Number of columns.
    pub rank: usize,
    /// Rounding bound of the run that made it.
    pub rounding: f64,
    /// From logical to physical indices.
    pub physical: &'a dyn Fn(u64) -> u64,
}
