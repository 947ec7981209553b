//! `job = "circuit"`: a noisy circuit in one of the engines.
//!
//! The staircase of budgets is walked here: each stair runs the whole plan with one cut, and the next one starts from
//! the beginning with a smaller cut, until the certified error fits. Trajectories run the plan for batch after batch.

mod choice;
mod counts;
mod describe;
mod device;
mod ensemble;
mod forecast;
mod hand_over;
mod inputs;
mod needs;
mod noise;
mod observables;
mod others;
mod pilot;
mod quantities;
mod results;
mod resume;
mod scalars;
mod sizes;
mod snapshots;
mod start;
mod tail;

use super::{Checked, PlanOptions};
use crate::cluster::{Cluster, Conditions, Needs};
use crate::comm::grid::{Grid, Shape};
use crate::comm::{self, Communicator, agree, keep_on_root};
use crate::config::{self, Config, Located};
use crate::device::cuda::range;
use crate::driver::computer::{Computer, computer};
use crate::driver::{self, Advance, Context, Job};
use crate::engine::Engine;
use crate::engine::budget::{Stair, Staircase};
use crate::engine::certificate::Certificate;
use crate::error::{Error, Result};
use crate::io::{Output, Snapshot, TraceRow};
use crate::plan::Action;
use device::{Devices, Ready};
use ensemble::Ensemble;
use hand_over::Watch;
use inputs::Inputs;
use resume::Found;
use snapshots::Place;
use start::{first_stair, settings, start_engine};
use std::rc::Rc;
use std::time::{Instant, SystemTime};

/// Its name in job files.
const KIND: &str = "circuit";

/// Checks the text of the job file.
pub(super) fn read(text: &str, file: &str) -> Result<Box<dyn Checked>> {
    config::parse(text, file, &[KIND]).map(|config| Box::new(config) as Box<dyn Checked>)
}

impl Checked for Config {
    fn threads(&self) -> Option<usize> {
        self.engine.threads
    }

    fn prepare<'a>(self: Box<Self>, context: &'a Context<'a>) -> Result<Box<dyn Job + 'a>> {
        prepare(*self, context)
    }

    fn check(self: Box<Self>, context: &Context<'_>) -> Result<String> {
        describe::check(*self, context)
    }

    fn plan(self: Box<Self>, context: &Context<'_>, options: &PlanOptions) -> Result<String> {
        describe::plan(*self, context, options)
    }

    fn needs(self: Box<Self>, context: &Context<'_>, cluster: &Cluster) -> Result<Needs> {
        let (device, threads) = (self.engine.device, self.engine.threads);
        needs::needs(*self, context, Conditions::new(&cluster.profile, cluster.machine(), device, threads)?)
    }
}

/// A cut below this drops nothing but rounding; lowering it further cannot help.
const SMALLEST_CUT: f64 = 1e-17;

/// Wall times of the run.
#[derive(Debug, Clone, Copy)]
struct Clock {
    /// For the provenance.
    started: SystemTime,
    /// When the first step began.
    engine: Instant,
    /// When this stair began.
    stair: Instant,
    /// Seconds of preparation.
    prepare: f64,
    /// Seconds of communication before the first step.
    waited: f64,
}

/// The part of a job that the ranks with a shard work on.
struct Run {
    comm: Rc<dyn Communicator>,
    computer: Computer,
    engine: Box<dyn Engine>,
    stairs: Option<Staircase>,
    /// Nothing unless trajectories are sampled.
    ensemble: Option<Ensemble>,
    /// Where the plan comes from: the ranks it was made for, with step 0; then, each time the run went on, the ranks for which the rest
    /// was placed anew and the step it began with.
    lineage: Vec<(usize, usize)>,
    /// Steps since nothing was queued or an exchange came.
    unsettled: usize,
    /// Rows of the trace from before this start of the program, which the clock does not know.
    timed: usize,
    /// Next step of the plan.
    position: usize,
    /// Channels in the plan, and channels done.
    channels: (usize, usize),
    /// The sum of squared widths over the steps done.
    work: f64,
    trace: Vec<TraceRow>,
    /// Those of this pass so far.
    snapshots: Vec<Snapshot>,
    certificate: Option<Certificate>,
}

/// A prepared circuit job.
struct CircuitJob<'a> {
    context: &'a Context<'a>,
    inputs: Inputs,
    /// On the root rank.
    output: Option<Output>,
    /// Nothing on idle ranks.
    run: Option<Run>,
    /// How many ranks are.
    idle: usize,
    /// What `device = "auto"` took and why, if there was a GPU.
    device: Option<String>,
    /// For the run's engine, if another may take over.
    watch: Option<Watch>,
    /// The ranks with a shard.
    workers: Rc<dyn Communicator>,
    /// What tells the job from others.
    identity: String,
    /// Steps that were announced.
    announced: u64,
    clock: Clock,
}

/// Reads the inputs, reserves the output and sets up the first stair.
fn prepare<'a>(mut config: Config, context: &'a Context<'a>) -> Result<Box<dyn Job + 'a>> {
    if let Some(file) = &context.output {
        config.output.file = Located { value: file.clone(), line: 0 };
    }
    let (started, begin) = (SystemTime::now(), Instant::now());
    let Ready { mut inputs, computer, device } =
        device::ready(config, context, context.comm.size(), &Devices::default(), computer)?;
    let output = if context.writes { reserve_output(&inputs, context)? } else { None };
    inputs.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    if let Some(choice) = &inputs.choice {
        context.tell(&choice.table());
    }
    let identity = resume::identity(&inputs, context)?;
    let found = resume::find(&inputs, context, &identity)?;
    let found = found.map(|found| found.adjust(&mut inputs).map(|lineage| (found, lineage))).transpose()?;
    let shape = Shape { rows: inputs.plan.shards, ensemble: inputs.members, sweep: 1 };
    let grid = Grid::split(context.comm, shape)?;
    let idle = grid.idle;
    if idle > 0 {
        let (ranks, busy) = (context.comm.size(), context.comm.size() - idle);
        tracing::warn!("{idle} of {ranks} ranks are idle: {busy} are of use; start that many");
    }
    let workers: Rc<dyn Communicator> = context.comm.split(usize::from(grid.place.is_none())).into();
    let stairs = found.as_ref().map_or_else(|| first_stair(&inputs), |(found, _)| found.stairs());
    let start = |_| {
        let comm = computer.connected(grid.rows.into())?;
        let run = Run::new(comm, computer, &inputs, stairs)?;
        let mut run = Run { ensemble: Ensemble::new(grid.ensemble, &inputs), ..run };
        if let Some((found, lineage)) = &found {
            found.restore(&mut run, &*workers, lineage.clone())?;
        }
        Ok(run)
    };
    // The members of an ensemble do not wait for each other where one fails.
    let run = agree(context.comm, grid.place.map(start).transpose())?;
    let now = || (Instant::now(), Instant::now());
    let (engine, stair) = found.as_ref().map_or_else(now, |(found, _)| found.begun());
    let clock = Clock { started, engine, stair, prepare: begin.elapsed().as_secs_f64(), waited: comm::waited() };
    let watch = watch(&mut inputs, found.as_ref().map(|(found, _)| found))?;
    let mut job =
        CircuitJob { context, inputs, output, run, idle, device, watch, workers, identity, announced: 0, clock };
    job.announced = job.all_steps();
    Ok(Box::new(job))
}

/// Watches over an engine that another may take over from; on from where a checkpoint is.
fn watch(inputs: &mut Inputs, found: Option<&Found>) -> Result<Option<Watch>> {
    let watch = Watch::new(inputs);
    let Some(found) = found else { return Ok(watch) };
    let Some((mut watch, watched)) = watch.zip(found.watched()) else { return Ok(None) };
    watch.resume(inputs, watched).map(|()| Some(watch))
}

/// Finds out before the run whether the result can be written, and that it would not replace an input.
fn reserve_output(inputs: &Inputs, context: &Context<'_>) -> Result<Option<Output>> {
    let named = &inputs.config.output.file;
    let target = context.resolve(&named.value);
    let reserve = || {
        if context.is_input(&target) {
            return Err(Error::input(format!("the output {} is a file that the job reads", named.value))
                .next("name another file under `[output]`"));
        }
        Output::reserve(&target)
    };
    keep_on_root(context.comm, reserve).map_err(|error| inputs.config.locate(named, error))
}

impl Run {
    fn new(comm: Rc<dyn Communicator>, computer: Computer, inputs: &Inputs, stairs: Option<Staircase>) -> Result<Run> {
        let engine = start_engine(comm.clone(), &*computer.backend, inputs, settings(inputs, stairs.as_ref()))?;
        if let Some(clock) = &computer.clock {
            clock.start()?;
        }
        let is_channel = |step: &&crate::plan::Step| step.action.channel().is_some();
        let channels = inputs.plan.steps.iter().filter(is_channel).count();
        Ok(Run {
            comm,
            computer,
            engine,
            stairs,
            ensemble: None,
            lineage: vec![(inputs.plan.shards, 0)],
            unsettled: 0,
            timed: 0,
            position: 0,
            channels: (channels, 0),
            work: 0.0,
            trace: Vec::new(),
            snapshots: Vec::new(),
            certificate: None,
        })
    }

    /// Runs the next step and writes its line of the trace.
    fn step(&mut self, inputs: &Inputs) -> Result<()> {
        let step = &inputs.plan.steps[self.position];
        let action = &step.action;
        let (begin, sent) = (Instant::now(), self.engine.sent());
        let _range = range(|| format!("step {}: {}", self.position, action.name()));
        let report = self.engine.step(step)?;
        if let Some(place) = snapshots::place(step) {
            self.snapshot(inputs, &place)?;
        } else if matches!(action, Action::Measure { .. }) {
            self.certificate = Some(self.engine.certificate());
        }
        self.channels.1 += usize::from(action.channel().is_some());
        self.work += (report.width as f64).powi(2);
        self.trace.push(TraceRow {
            step: self.position as u64,
            kind: action.name().into(),
            width: report.width as u64,
            discarded: report.discarded,
            seconds: begin.elapsed().as_secs_f64(),
            bytes: self.engine.sent() - sent,
            bytes_per_column: inputs.plan.cost(action, inputs.precision().amplitude_bytes()).sent,
            streams: None,
        });
        if let Some(clock) = &self.computer.clock {
            clock.lap()?;
        }
        self.position += 1;
        self.settle_sometimes(matches!(action, Action::Exchange { .. }))
    }

    /// Runs what is queued if that has not happened for long, so that the run can be saved; the tail's blocks and the core
    /// flush at different steps. Undisturbed runs do it too, for it groups operations in other passes.
    fn settle_sometimes(&mut self, exchanged: bool) -> Result<()> {
        let settled = exchanged || self.engine.is_settled();
        self.unsettled = if settled { 0 } else { self.unsettled + 1 };
        if self.unsettled < self.engine.longest_queue() {
            return Ok(());
        }
        self.unsettled = 0;
        self.engine.settle()
    }

    /// Takes the observables on the way.
    fn snapshot(&mut self, inputs: &Inputs, place: &Place<'_>) -> Result<()> {
        match &mut self.ensemble {
            Some(ensemble) => ensemble.glance(&mut *self.engine, inputs, place.at),
            None => {
                let snapshot = snapshots::take(self, inputs, place)?;
                self.snapshots.push(snapshot);
            }
        }
        Ok(())
    }

    /// Whether nothing is left to run; begins the next batch of trajectories where the last one has ended.
    fn is_done(&mut self) -> Result<bool> {
        let Some(ensemble) = &mut self.ensemble else { return Ok(self.certificate.is_some()) };
        if self.position > 0 {
            return Ok(false);
        }
        let next = ensemble.next()?;
        if let Some(batch) = next {
            self.trace.clear();
            if let Some(clock) = &self.computer.clock {
                clock.start()?;
            }
            let begun = self.engine.begin(batch);
            self.shared(begun)?;
        }
        Ok(next.is_none())
    }

    /// What this member found, or the error of any member.
    fn shared<T>(&self, result: Result<T>) -> Result<T> {
        match &self.ensemble {
            Some(ensemble) => ensemble.shared(result),
            None => result,
        }
    }

    /// Runs the next step; at the end of a batch takes its observables.
    fn sampled_step(&mut self, inputs: &Inputs) -> Result<()> {
        self.step(inputs)?;
        let Some(ensemble) = self.ensemble.as_mut().filter(|_| self.position == inputs.plan.steps.len()) else {
            return Ok(());
        };
        let (begin, sent) = (Instant::now(), self.engine.sent());
        ensemble.observe(&mut *self.engine, inputs, results::final_step(inputs)?);
        if let Some(row) = self.trace.last_mut() {
            row.bytes += self.engine.sent() - sent;
            row.seconds += begin.elapsed().as_secs_f64();
        }
        self.position = 0;
        Ok(())
    }

    /// Part of the channels done, from 0 to 1.
    fn fraction(&self) -> f64 {
        self.channels.1 as f64 / self.channels.0.max(1) as f64
    }

    /// The next stair, if this one misses the budget and a smaller cut can help.
    fn descend(&mut self, inputs: &mut Inputs) -> Result<Option<String>> {
        let Some(mut stairs) = self.stairs.filter(|_| !self.engine.limited()) else { return Ok(None) };
        let (error, fraction) = match self.certificate {
            Some(certificate) if stairs.fits(certificate.error()) => return Ok(None),
            Some(certificate) => (certificate.error(), 1.0),
            None if stairs.hopeless(self.engine.lost(), self.fraction()) => (self.engine.lost(), self.fraction()),
            None => return Ok(None),
        };
        stairs.descend(Stair { error, work: self.work }, fraction);
        if stairs.cut() < SMALLEST_CUT {
            return Ok(None);
        }
        inputs.begin_pass();
        *self = Run::new(self.comm.clone(), self.computer.clone(), inputs, Some(stairs))?;
        Ok(Some(format!("pass {}: cut {:.1e}", stairs.stair(), stairs.cut())))
    }
}

impl CircuitJob<'_> {
    /// Steps of one pass, or of all batches.
    fn all_steps(&self) -> u64 {
        let ensemble = self.run.as_ref().and_then(|run| run.ensemble.as_ref());
        let batches = ensemble.map_or(1, |ensemble| ensemble.progress().1);
        self.inputs.plan.steps.len() as u64 * batches
    }
}

impl Job for CircuitJob<'_> {
    fn steps(&self) -> u64 {
        self.announced
    }

    fn position(&self) -> u64 {
        let Some(run) = &self.run else { return 0 };
        let batches = run.ensemble.as_ref().map_or(0, |ensemble| ensemble.progress().0);
        let position = self.inputs.plan.steps.len() as u64 * batches + run.position as u64;
        // Another engine has other steps; those announced stand for all of them.
        (position as u128 * self.announced as u128 / self.all_steps().max(1) as u128) as u64
    }

    fn status(&self) -> String {
        match &self.run {
            None => String::new(),
            Some(Run { ensemble: Some(ensemble), .. }) => ensemble.status(ensemble::stated(&self.inputs)),
            Some(run) => format!("rank {} error {:.1e}", run.engine.width(), run.engine.lost()),
        }
    }

    fn advance(&mut self) -> Result<Advance> {
        let Some(run) = &mut self.run else { return Ok(Advance::Done) };
        if run.is_done()? {
            return Ok(Advance::Done);
        }
        if run.ensemble.is_some() {
            let ran = run.sampled_step(&self.inputs);
            return run.shared(ran).map(|()| Advance::Step);
        }
        if let Some(advance) = self.watched_step()? {
            return Ok(advance);
        }
        if let Some(advance) = self.with_tail()? {
            return Ok(advance);
        }
        let Some(run) = &mut self.run else { return Ok(Advance::Done) };
        match run.descend(&mut self.inputs)? {
            Some(why) => {
                self.watch.iter_mut().for_each(|watch| watch.restart(&self.inputs));
                self.clock.stair = Instant::now();
                Ok(Advance::Restart(why))
            }
            None => Ok(Advance::Step),
        }
    }

    fn saved_every(&self) -> Option<f64> {
        self.inputs.config.checkpoint.every
    }

    fn in_step(&self) -> Option<Rc<dyn Communicator>> {
        let run = self.run.as_ref()?;
        let asks = run.ensemble.as_ref().is_none_or(|ensemble| run.position == 0 && ensemble.is_round());
        asks.then(|| self.workers.clone())
    }

    fn can_be_saved(&mut self) -> bool {
        self.stands()
    }

    fn save(&mut self) -> Result<()> {
        self.write_checkpoint()
    }

    fn finish(self: Box<Self>) -> Result<driver::Outcome> {
        results::finish(*self)
    }
}

/// The error of a strict job that missed its budget.
fn missed(budget: f64, reached: f64, file: &str) -> Error {
    Error::budget_missed(format!("the certified error is {reached:.3e}, the budget {budget:.3e} was missed"))
        .next(format!("raise `max_rank` or `memory`, use more ranks, or a larger budget; the result is in {file}"))
}
