//! From low-rank to the engine that has turned out cheaper: the predicted cost of what low-rank has done, and has to do at
//! least, against the price of the other engine.

use super::choice::{Prices, Rival};
use super::ensemble::Ensemble;
use super::inputs::Inputs;
use super::{CircuitJob, Run};
use crate::comm::{Serial, on_root};
use crate::driver::Advance;
use crate::error::{Error, Result};
use crate::plan::meter::Meter;
use std::time::Instant;

/// Until low-rank has cost this part of the other engine's price, nothing can be gained by giving it up.
const SMALLEST_PART: f64 = 0.02;

/// Watches a low-rank run that another engine may take over.
pub(super) struct Watch {
    rival: Rival,
    meter: Meter,
}

impl Watch {
    /// For a run whose engine was chosen with a rival.
    pub(super) fn new(inputs: &mut Inputs) -> Option<Watch> {
        let rival = *inputs.choice.as_mut()?.rival.take()?;
        let Prices { machine, threads } = Prices::new();
        let (bytes, start) = (inputs.precision().amplitude_bytes(), inputs.first_columns() as u64);
        Some(Watch { rival, meter: Meter::new(&inputs.plan, machine, threads, bytes, start) })
    }

    /// Counts the step that was run. Gives the reason when the other engine is to take over; the ranks of the run agree.
    pub(super) fn step(&mut self, run: &Run, inputs: &Inputs) -> Result<Option<String>> {
        let compressed = run.engine.compressed_from().map(|columns| columns as u64);
        self.meter.step(&inputs.plan, run.engine.width() as u64, compressed);
        // The widths are those of the state only after a compression, and there the ranks wait for each other anyway.
        if compressed.is_none() || run.certificate.is_some() || self.meter.spent() < SMALLEST_PART * self.rival.seconds
        {
            return Ok(None);
        }
        let projected = self.meter.projected(&inputs.plan);
        let beyond = on_root(&*run.comm, || Ok(projected > self.rival.seconds))?;
        Ok(beyond.then(|| self.why(projected)))
    }

    /// The run starts from the beginning with a smaller cut.
    pub(super) fn restart(&mut self, inputs: &Inputs) {
        self.meter.restart(&inputs.plan);
    }

    fn why(&self, projected: f64) -> String {
        let (name, price) = (self.rival.inputs.config.engine.kind.name(), self.rival.seconds);
        let spent = self.meter.spent();
        format!("{name}, after {spent:.1e} s of low-rank: that takes {projected:.1e} s at least, {name} {price:.1e} s")
    }
}

impl CircuitJob<'_> {
    /// The rival starts from the beginning, on the same ranks.
    pub(super) fn hand_over(&mut self, why: String) -> Result<Advance> {
        let missing = || Error::internal("nothing to hand over to");
        let watch = self.watch.take().ok_or_else(missing)?;
        let run = self.run.take().ok_or_else(missing)?;
        let Rival { mut inputs, .. } = watch.rival;
        let comm = run.comm.clone();
        // Two states at a time may not fit.
        drop(run);
        let kind = inputs.config.engine.kind;
        inputs.choice = self.inputs.choice.take();
        inputs.choice.iter_mut().for_each(|choice| choice.handed_over = Some(why.clone()));
        let run = Run::new(comm, &inputs, super::first_stair(&inputs))?;
        self.run = Some(Run { ensemble: Ensemble::new(Box::new(Serial), &inputs), ..run });
        self.inputs = inputs;
        self.clock.stair = Instant::now();
        self.context.tell(&format!("engine: {why}"));
        Ok(Advance::Restart(kind.name().into()))
    }
}
