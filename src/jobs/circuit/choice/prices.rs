//! Predicted seconds of engines, from their own plans or, roughly, from that of another.

use super::trajectories;
use crate::config::{Compression, Config, Machine};
use crate::engine::trajectories::BATCH;
use crate::jobs::circuit::inputs::Inputs;
use crate::plan::Action;
use crate::plan::machine::{Shape, Speed};
use crate::plan::widths::Profile;

/// Prices on one rank.
pub(in crate::jobs::circuit) struct Prices {
    pub(in crate::jobs::circuit) machine: Machine,
    pub(in crate::jobs::circuit) threads: usize,
}

impl Prices {
    /// Of the default machine, with the threads of this run.
    pub(in crate::jobs::circuit) fn new() -> Prices {
        Prices { machine: Machine::defaults(), threads: rayon::current_num_threads() }
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
        let one = |action: &Action| match action {
            Action::Channel { targets, .. } => speed.gate(Shape::Dense(2 * targets.len()), rows, 1),
            Action::Unitary { targets, controls, .. } => {
                2.0 * speed.gate(Shape::Dense(targets.len()), rows, 1) / (controls.len() as f64).exp2()
            }
            Action::Permutation { .. } => 2.0 * speed.gate(Shape::Permutation, rows, 1),
            Action::Diagonal { .. } => 2.0 * speed.gate(Shape::Diagonal, rows, 1),
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

/// Passes over the circuit: one, or as many as trajectories of a stated standard error take.
fn passes(config: &Config, members: usize) -> f64 {
    let batches = |error: f64| trajectories(error, config).max(config.observe.shots).div_ceil(BATCH as u64).max(2);
    config.engine.standard_error.map_or(1.0, |error| batches(error).div_ceil(members as u64) as f64)
}
