//! From low-rank to the engine that has turned out cheaper: the predicted cost of what low-rank has done, and has to do at
//! least, against the price of the other engine.

use super::choice::{Prices, Rival};
use super::ensemble::Ensemble;
use super::inputs::Inputs;
use super::{CircuitJob, Run};
use crate::comm::{Serial, on_root};
use crate::config::DEFAULT_TAIL;
use crate::driver::Advance;
use crate::error::{Error, Result};
use crate::plan::meter::{Meter, Readings};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// The other engine is planned, so that its price is known well, when low-rank is to take this part of the rough price.
const WORTH_A_PLAN: f64 = 0.5;
/// The other engine takes over when low-rank is to take this part of its price: prices are rough, and what low-rank has
/// taken until then comes on top.
const BREAK_EVEN: f64 = 0.8;
/// What is left of a pass is finished if it takes a smaller part of the other engine's price than this.
const WORTH_FINISHING: f64 = 0.25;
/// A channel that forms fewer columns is not dear enough to look ahead at.
const SMALLEST_FORMED: usize = 64;

/// Watches a low-rank run that another engine may take over.
pub(super) struct Watch {
    rival: Rival,
    /// Its plan, once it is near.
    planned: Option<Inputs>,
    prices: Prices,
    meter: Meter,
}

/// What becomes of a low-rank run.
enum Verdict {
    GoOn,
    /// It costs more than the rival, which takes over for this reason.
    HandOver(String),
    /// The rival cannot run on these ranks.
    NoRival,
}

/// What a watch has seen.
#[derive(Serialize, Deserialize)]
pub(super) struct Watched {
    /// Whether the other engine is planned.
    planned: bool,
    readings: Readings,
}

impl Watch {
    /// For a run whose engine was chosen with a rival.
    pub(super) fn new(inputs: &mut Inputs) -> Option<Watch> {
        let rival = inputs.choice.as_mut()?.rival.take()?;
        let prices = inputs.prices.clone();
        let (bytes, start) = (inputs.precision().amplitude_bytes(), inputs.first_columns() as u64);
        let meter = Meter::new(&inputs.plan, prices.machine.clone(), prices.threads, bytes, start);
        Some(Watch { rival, planned: None, prices, meter })
    }

    /// Judges by the next step, before it is run, if it is going to form many columns.
    fn before(&mut self, run: &Run, inputs: &Inputs) -> Result<Verdict> {
        let formed = run.engine.width_after(&inputs.plan.steps[run.position]);
        if formed < SMALLEST_FORMED.max(2 * run.engine.width()) {
            return Ok(Verdict::GoOn);
        }
        let projected = self.meter.spent() + self.meter.next(&inputs.plan, formed as u64);
        self.judge(run, inputs, projected)
    }

    /// Counts the step that was run, and judges where it compressed: only then are the widths those of the state.
    fn after(&mut self, run: &Run, inputs: &Inputs) -> Result<Verdict> {
        let compressed = run.engine.compressed_from().map(|columns| columns as u64);
        self.meter.step(&inputs.plan, run.engine.width() as u64, compressed);
        if compressed.is_none() || run.certificate.is_some() {
            return Ok(Verdict::GoOn);
        }
        let projected = self.meter.projected(&inputs.plan);
        self.judge(run, inputs, projected)
    }

    /// The run starts from the beginning with a smaller cut.
    pub(super) fn restart(&mut self, inputs: &Inputs) {
        self.meter.restart(&inputs.plan);
    }

    /// What a checkpoint holds of it.
    pub(super) fn watched(&self) -> Watched {
        Watched { planned: self.planned.is_some(), readings: self.meter.readings() }
    }

    /// Goes on watching. The other engine is planned again if it was.
    ///
    /// # Errors
    /// Those of planning.
    pub(super) fn resume(&mut self, inputs: &Inputs, watched: &Watched) -> Result<()> {
        self.meter.resume(&inputs.plan, &watched.readings);
        if watched.planned {
            self.planned = self.rival.plan(inputs.plan.shards)?;
            self.rival.seconds =
                self.planned.as_ref().map_or(self.rival.seconds, |planned| self.prices.planned(planned));
        }
        Ok(())
    }

    /// Whether a run that will have cost so many seconds goes on; the ranks of the run agree.
    fn judge(&mut self, run: &Run, inputs: &Inputs, projected: f64) -> Result<Verdict> {
        let exceeds = |limit: f64| on_root(&*run.comm, || Ok(projected > limit));
        if self.planned.is_none() {
            if !exceeds(WORTH_A_PLAN * self.rival.seconds)? {
                return Ok(Verdict::GoOn);
            }
            let Some(planned) = self.rival.plan(inputs.plan.shards)? else { return Ok(Verdict::NoRival) };
            self.rival.seconds = self.prices.planned(&planned);
            self.planned = Some(planned);
        }
        let left = projected - self.meter.spent();
        let beyond = exceeds(BREAK_EVEN * self.rival.seconds)?
            && on_root(&*run.comm, || Ok(left > WORTH_FINISHING * self.rival.seconds))?;
        Ok(if beyond { Verdict::HandOver(self.why(projected)) } else { Verdict::GoOn })
    }

    fn why(&self, projected: f64) -> String {
        let (name, price, spent) = (self.rival.name(), self.rival.seconds, self.meter.spent());
        format!("{name}, after {spent:.1e} s of low-rank: that takes {projected:.1e} s or more, {name} {price:.1e} s")
    }
}

impl CircuitJob<'_> {
    /// Runs the next step, unless another engine takes over before or after it; then says so.
    pub(super) fn watched_step(&mut self) -> Result<Option<Advance>> {
        let Some(run) = &mut self.run else { return Ok(None) };
        let mut verdict = Verdict::GoOn;
        if let Some(watch) = &mut self.watch {
            verdict = watch.before(run, &self.inputs)?;
        }
        if matches!(verdict, Verdict::GoOn) {
            run.step(&self.inputs)?;
            if let Some(watch) = &mut self.watch {
                verdict = watch.after(run, &self.inputs)?;
            }
        }
        match verdict {
            Verdict::GoOn => Ok(None),
            Verdict::HandOver(why) => self.hand_over(why).map(Some),
            Verdict::NoRival => {
                self.watch = None;
                Ok(None)
            }
        }
    }

    /// Where nothing else fits and memory keeps low-rank from its budget, it starts again and samples what it cuts.
    pub(super) fn with_tail(&mut self) -> Result<Option<Advance>> {
        let (open, settled) = (self.inputs.choice.is_some(), self.inputs.config.engine.tail.is_some());
        let limited = |run: &&Run| open && !settled && self.watch.is_none() && run.engine.limited();
        let Some(run) = self.run.as_ref().filter(limited) else { return Ok(None) };
        let (comm, computer, stairs) = (run.comm.clone(), run.computer.clone(), run.stairs);
        if !self.inputs.take_tail(DEFAULT_TAIL) {
            return Ok(None);
        }
        self.run = None;
        let why = "low-rank with a tail: memory keeps it from its budget, so what it cuts is sampled".to_string();
        self.context.tell(&format!("engine: {why}"));
        self.inputs.choice.iter_mut().for_each(|choice| choice.handed_over = Some(why.clone()));
        self.inputs.begin_pass();
        self.run = Some(Run::new(comm, computer, &self.inputs, stairs)?);
        self.clock.stair = Instant::now();
        Ok(Some(Advance::Restart("with a tail".into())))
    }

    /// The rival starts from the beginning, on the same ranks.
    fn hand_over(&mut self, why: String) -> Result<Advance> {
        let missing = || Error::internal("nothing to hand over to");
        let mut inputs = self.watch.take().and_then(|watch| watch.planned).ok_or_else(missing)?;
        let run = self.run.take().ok_or_else(missing)?;
        let (comm, computer) = (run.comm.clone(), run.computer.clone());
        // Two states at a time may not fit.
        drop(run);
        self.context.tell(&format!("engine: {why}"));
        inputs.choice = self.inputs.choice.take();
        inputs.choice.iter_mut().for_each(|choice| choice.handed_over = Some(why.clone()));
        let run = Run::new(comm, computer, &inputs, super::first_stair(&inputs))?;
        self.run = Some(Run { ensemble: Ensemble::new(Box::new(Serial), &inputs), ..run });
        self.clock.stair = Instant::now();
        let name = inputs.config.engine.kind.name();
        self.inputs = inputs;
        Ok(Advance::Restart(name.into()))
    }
}
