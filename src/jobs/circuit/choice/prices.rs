//! Predicted seconds of engines on one device, from their own plans or, roughly, from that of another.

use super::{Rival, trajectories};
use crate::config::{Compression, Config, EngineKind, Machine};
use crate::engine::trajectories::BATCH;
use crate::jobs::circuit::inputs::Inputs;
use crate::plan::Action;
use crate::plan::machine::{Shape, Speed};
use crate::plan::widths::Profile;

/// The width that is assumed of a factor when nothing is known.
pub(in crate::jobs::circuit) const ASSUMED_WIDTH: u64 = 64;

/// Prices on one rank.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::jobs::circuit) struct Prices {
    pub(in crate::jobs::circuit) machine: Machine,
    pub(in crate::jobs::circuit) threads: usize,
}

impl Prices {
    /// Of this machine, with the threads of this run.
    pub(in crate::jobs::circuit) fn of(machine: Machine) -> Prices {
        Prices { machine, threads: rayon::current_num_threads() }
    }

    /// Seconds of the whole job, for choosing what it runs on: a factor that noise widens is taken to have [`ASSUMED_WIDTH`]
    /// columns, or as many as there can be; an engine that would take over counts if it is cheaper.
    pub(in crate::jobs::circuit) fn expected(&self, inputs: &Inputs) -> f64 {
        let rival = inputs.choice.as_ref().and_then(|choice| choice.rival.as_ref());
        let rival = rival.map_or(f64::INFINITY, |rival| self.of_rival(rival, inputs));
        let noisy = inputs.plan.steps.iter().any(|step| step.action.channel().is_some());
        match inputs.config.engine.kind {
            EngineKind::LowRank | EngineKind::Auto if noisy => self.of_wide_factor(inputs).min(rival),
            _ => self.planned(inputs),
        }
    }

    fn of_wide_factor(&self, inputs: &Inputs) -> f64 {
        let most = inputs.config.engine.max_rank.unwrap_or(usize::MAX).min(inputs.max_width()) as u64;
        let width = ASSUMED_WIDTH.min(1 << inputs.plan.qubits.min(63)).min(most).max(inputs.first_columns() as u64);
        let widths = Profile::constant(width).along(&inputs.plan, inputs.config.engine.compression);
        inputs.plan.predict(&widths, &self.speed(inputs), inputs.precision().amplitude_bytes()).seconds.total()
    }

    /// Seconds of the engine that takes over, from the plan of low-rank.
    fn of_rival(&self, rival: &Rival, reference: &Inputs) -> f64 {
        match rival.material.config.engine.kind {
            EngineKind::Density => self.density(reference),
            _ => self.trajectories(&rival.material.config, reference),
        }
    }

    /// Seconds by its own plan; for low-rank those of a factor that never widens.
    pub(in crate::jobs::circuit) fn planned(&self, inputs: &Inputs) -> f64 {
        self.pass(inputs, inputs.first_columns() as u64) * passes(&inputs.config, inputs.members)
    }

    /// Seconds of trajectories, from the plan of columns without their number.
    pub(super) fn trajectories(&self, config: &Config, reference: &Inputs) -> f64 {
        self.pass(reference, BATCH as u64) * passes(config, 1)
    }

    /// Seconds of a density matrix, from the plan of columns: a channel on `k` qubits becomes one matrix on `2 k`, a gate one
    /// on the ket and one on the bra.
    pub(super) fn density(&self, reference: &Inputs) -> f64 {
        let (plan, speed) = (&reference.plan, self.speed(reference));
        let rows = plan.local_rows() as f64 * plan.dense_columns();
        let gate = |shape, rows| speed.among_others(rows, speed.gate(shape, rows, 1));
        let one = |action: &Action| match action {
            Action::Channel { targets, .. } => gate(Shape::Dense(2 * targets.len()), rows),
            Action::Unitary { targets, controls, .. } => {
                2.0 * gate(Shape::Dense(targets.len()), rows / (controls.len() as f64).exp2())
            }
            Action::Permutation { .. } => 2.0 * gate(Shape::Permutation, rows),
            Action::Diagonal { .. } => 2.0 * gate(Shape::Diagonal, rows),
            _ => 0.0,
        };
        let inner = |action: &Action| match action {
            Action::Conditional { action, .. } => one(action),
            action => one(action),
        };
        plan.steps.iter().map(|step| inner(&step.action)).sum()
    }

    fn speed(&self, inputs: &Inputs) -> Speed<'_> {
        Speed::new(&self.machine, self.threads, inputs.precision().amplitude_bytes())
    }

    /// Seconds of one pass with this width throughout, without compressions.
    fn pass(&self, inputs: &Inputs, width: u64) -> f64 {
        let mut widths = Profile::constant(width).along(&inputs.plan, Compression::Lazy);
        widths.compresses.fill(false);
        inputs.plan.predict(&widths, &self.speed(inputs), inputs.precision().amplitude_bytes()).seconds.total()
    }
}

/// Passes over the circuit: one, or as many as the trajectories take, by their number or by their standard error.
fn passes(config: &Config, members: usize) -> f64 {
    let engine = &config.engine;
    let number = engine.standard_error.map(|error| trajectories(error, config)).or(engine.trajectories);
    let batches = number.map_or(1, |number| number.max(config.observe.shots).div_ceil(BATCH as u64).max(2));
    batches.div_ceil(members as u64) as f64
}
