//! Saving a circuit job and going on with it.
//!
//! What a checkpoint holds are [`Facts`], the same on every rank but for [`Own`], and the rows of the engine's states, in physical
//! order. On as many ranks with a shard as before, everything is as if the run had never stopped. On another number the rest of the
//! plan is placed anew ([`crate::plan::Plan::replaced`]), from the layout in which the rows lie; then a rank reads
//! the rows that are its own now from the parts of those that had them.

use super::ensemble::Samples;
use super::hand_over::Watched;
use super::inputs::Inputs;
use super::{CircuitJob, Run};
use crate::archive::Archive;
use crate::comm::{self, Communicator, agree, bytes_from_root, on_root};
use crate::config::{CheckpointSection, TailShape};
use crate::driver::Context;
use crate::engine::budget::Staircase;
use crate::error::{Error, Result};
use crate::io::checkpoint::{self, FORMAT, Folder, Manifest, PartReader};
use crate::io::{Snapshot, TraceRow, rfc3339};
use crate::state::Column;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// Where a run stands.
#[derive(Serialize, Deserialize)]
struct Facts {
    /// The engine, as a job file names it.
    engine: String,
    /// Why it took over from another, if it did.
    handed_over: Option<String>,
    /// Blocks and columns of the tail.
    tail: Option<(usize, usize)>,
    /// Where the plan of this pass comes from: [`Run::lineage`].
    lineage: Vec<(usize, usize)>,
    /// [`Run::position`], channels done, [`Run::work`].
    done: (usize, usize, f64),
    stairs: Option<Staircase>,
    trace: Vec<TraceRow>,
    snapshots: Vec<Snapshot>,
    /// Seconds of the engine, and of this pass.
    seconds: (f64, f64),
    watched: Option<Watched>,
    /// What [`crate::engine::Engine::put`] put.
    of_engine: Vec<u8>,
    /// Of each of the engine's states the columns, and how many there was room for.
    columns: Vec<(Vec<Column>, usize)>,
    own: Own,
}

/// What differs between ranks.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Own {
    /// Bytes sent in each step of the trace.
    sent: Vec<u64>,
    samples: Option<Samples>,
}

/// A checkpoint of this job.
pub(super) struct Found {
    folder: Folder,
    manifest: Manifest,
    facts: Facts,
}

/// The folder of a job's checkpoints.
pub(super) fn folder(inputs: &Inputs, context: &Context<'_>) -> Folder {
    let config = &inputs.config;
    let default = || Path::new(&config.output.file.value).with_extension("checkpoint").display().to_string();
    let named = config.checkpoint.folder.as_ref().map(|folder| folder.value.clone());
    Folder::new(context.resolve(&named.unwrap_or_else(default)))
}

/// The hash of all that decides the results: the job without `[checkpoint]`, and every file it reads.
fn hash(inputs: &Inputs, context: &Context<'_>) -> Result<String> {
    let mut config = inputs.asked().clone();
    config.checkpoint = CheckpointSection::default();
    let mut hasher = Sha256::new();
    hasher.update(config.effective_toml());
    let job = Path::new(&context.job_file);
    let files: BTreeSet<_> = context.inputs.borrow().iter().filter(|path| *path != job).cloned().collect();
    for path in files {
        let unreadable = |cause| Error::input(format!("cannot be read: {cause}")).in_file(path.display());
        let mut file = File::open(&path).map_err(unreadable)?;
        let mut block = vec![0; 1 << 20];
        hasher.update([0]);
        while let count @ 1.. = file.read(&mut block).map_err(unreadable)? {
            hasher.update(&block[..count]);
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What tells this job from others; the same on every rank. Collective.
///
/// # Errors
/// Input error when a file of the job cannot be read any more.
pub(super) fn identity(inputs: &Inputs, context: &Context<'_>) -> Result<String> {
    if context.writes { on_root(context.comm, || hash(inputs, context)) } else { Ok(String::new()) }
}

/// The checkpoint of this job, if there is one. Collective.
///
/// # Errors
/// Input error for the checkpoint of another job; resource error for one that is damaged.
pub(super) fn find(inputs: &Inputs, context: &Context<'_>, identity: &str) -> Result<Option<Found>> {
    if !context.writes {
        return Ok(None);
    }
    let folder = folder(inputs, context);
    if context.fresh {
        return on_root(context.comm, || folder.remove()).map(|()| None);
    }
    let Some(manifest) = checkpoint::newest(context.comm, &folder)? else { return Ok(None) };
    if manifest.job != identity {
        return Err(Error::input(
            "is the checkpoint of another job, or of this one before it or a file it reads was changed",
        )
        .in_file(folder.path().display())
        .next("undo the changes to go on, start over with --fresh, or name another `folder` under `[checkpoint]`"));
    }
    let facts = bytes_from_root(context.comm, || reader(&folder, &manifest, 0)?.facts())?;
    let facts = Archive::of(facts).take()?;
    context.tell(&format!("going on after {} (checkpoint of {})", manifest.progress, manifest.written));
    Ok(Some(Found { folder, manifest, facts }))
}

fn reader(folder: &Folder, manifest: &Manifest, rank: usize) -> Result<PartReader> {
    PartReader::open(&folder.part(manifest.generation, rank), &manifest.parts[rank])
}

impl Found {
    /// Makes the inputs those of the run that was saved: its engine and its plan. Gives where that plan comes from. Collective.
    ///
    /// # Errors
    /// Input error when the job would run by another engine now; those of planning.
    pub(super) fn adjust(&self, inputs: &mut Inputs) -> Result<Vec<(usize, usize)>> {
        let facts = &self.facts;
        if facts.engine != inputs.config.engine.kind.name() {
            self.take_over(inputs)?;
        }
        if let (Some((blocks, columns)), None) = (facts.tail, inputs.config.engine.tail)
            && !inputs.take_tail(TailShape { blocks, columns })
        {
            return Err(Error::resource("the run that was saved does not fit in memory here")
                .next("go on with more memory or more ranks"));
        }
        let handed_over = facts.handed_over.clone();
        inputs.choice.iter_mut().for_each(|choice| choice.handed_over = handed_over.clone());
        self.plan(inputs)
    }

    /// The engine that took over from low-rank.
    fn take_over(&self, inputs: &mut Inputs) -> Result<()> {
        let rival = inputs.choice.as_mut().and_then(|choice| choice.rival.take());
        let same = rival.filter(|rival| self.facts.handed_over.is_some() && rival.name() == self.facts.engine);
        let planned = same.map(|rival| rival.plan(inputs.plan.shards)).transpose()?.flatten();
        let Some(mut planned) = planned else {
            let (engine, ranks) = (&self.facts.engine, self.manifest.parts.len());
            return Err(Error::input(format!("is of the {engine} engine, which the job does not choose here"))
                .in_file(self.folder.path().display())
                .next(format!("go on with {ranks} ranks and the memory there was, or start over with --fresh")));
        };
        planned.choice = inputs.choice.take();
        *inputs = planned;
        Ok(())
    }

    /// The plan of the run: on another number of ranks, the rest of it placed anew.
    fn plan(&self, inputs: &mut Inputs) -> Result<Vec<(usize, usize)>> {
        let (position, shards) = (self.facts.done.0, inputs.plan.shards);
        let mut lineage = self.facts.lineage.clone();
        if position == 0 || lineage == [(shards, 0)] {
            return Ok(vec![(shards, 0)]);
        }
        let mut plan = inputs.plan_for(lineage[0].0)?;
        for (shards, position) in &lineage[1..] {
            plan = plan.replaced(*position, *shards);
        }
        if plan.shards != shards {
            plan = plan.replaced(position, shards);
            lineage.push((plan.shards, position));
        }
        let whole = if plan.shards == shards { inputs.plan.clone() } else { inputs.plan_for(plan.shards)? };
        inputs.whole = Some(whole);
        inputs.plan = plan;
        Ok(lineage)
    }

    /// The search for the cut as it stands.
    pub(super) fn stairs(&self) -> Option<Staircase> {
        self.facts.stairs
    }

    /// What the watch over the engine has seen.
    pub(super) fn watched(&self) -> Option<&Watched> {
        self.facts.watched.as_ref()
    }

    /// The moments at which the engine and this pass would have begun, had they not stopped.
    pub(super) fn begun(&self) -> (Instant, Instant) {
        let (engine, stair) = self.facts.seconds;
        let ago = |seconds| Instant::now().checked_sub(Duration::from_secs_f64(seconds)).unwrap_or_else(Instant::now);
        (ago(engine), ago(stair))
    }

    /// Brings a new run to where the saved one was. Collective over `workers`, the ranks with a shard.
    ///
    /// # Errors
    /// Resource error, the same on all of them, when rows cannot be read or there is no room for them.
    pub(super) fn restore(
        &self,
        run: &mut Run,
        workers: &dyn Communicator,
        lineage: Vec<(usize, usize)>,
    ) -> Result<()> {
        let facts = &self.facts;
        (run.position, run.channels.1, run.work) = facts.done;
        (run.trace, run.snapshots) = (facts.trace.clone(), facts.snapshots.clone());
        run.timed = run.trace.len();
        run.engine.take(&mut Archive::of(facts.of_engine.clone()))?;
        self.restore_own(run, workers)?;
        run.lineage = lineage;
        agree(workers, self.fetch(run))
    }

    fn restore_own(&self, run: &mut Run, workers: &dyn Communicator) -> Result<()> {
        let (old, new) = (self.shards(), run.comm.size());
        let same = workers.size() == self.manifest.parts.len() && old == new;
        let own = agree(workers, if same { self.own(workers.rank()) } else { self.own_of_all(comm::speaks(workers)) })?;
        for (row, sent) in run.trace.iter_mut().zip(own.sent) {
            row.bytes = sent;
            row.bytes_per_column = row.bytes_per_column * old as u64 / new as u64;
        }
        if let (Some(ensemble), Some(samples)) = (&mut run.ensemble, own.samples) {
            if same || ensemble.member() == 0 { ensemble.restore(samples) } else { ensemble.restore_without(&samples) }
        }
        Ok(())
    }

    /// Ranks that shared a state.
    fn shards(&self) -> usize {
        self.facts.lineage.last().map_or(1, |(shards, _)| *shards)
    }

    /// What a rank had.
    fn own(&self, rank: usize) -> Result<Own> {
        let facts: Facts = Archive::of(reader(&self.folder, &self.manifest, rank)?.facts()?).take()?;
        Ok(facts.own)
    }

    /// What all had, for other ranks: the first counts the bytes of the first member.
    fn own_of_all(&self, first: bool) -> Result<Own> {
        let all = (0..self.manifest.parts.len()).map(|rank| self.own(rank)).collect::<Result<Vec<Own>>>()?;
        let shards = &all[..self.shards()];
        let sent = |step: usize| if first { shards.iter().map(|own| own.sent[step]).sum() } else { 0 };
        // The ranks of a member have the same samples.
        let samples = all.iter().step_by(self.shards()).filter_map(|own| own.samples.as_ref());
        Ok(Own { sent: (0..self.facts.trace.len()).map(sent).collect(), samples: Samples::joined(samples) })
    }

    /// Reads the rows of all states.
    fn fetch(&self, run: &mut Run) -> Result<()> {
        let mut rows = Rows { found: self, open: None, before: 0, own: 0 };
        let amplitude = run.computer.backend.precision().amplitude_bytes() as u64;
        let same = run.comm.size() == self.shards();
        for (state, (columns, reserved)) in run.engine.states().into_iter().zip(&self.facts.columns) {
            state.make_room(if same { *reserved } else { 0 })?;
            rows.own = (columns.len() as u64 * amplitude) << state.qubits() >> self.shards().trailing_zeros();
            state.fetch(columns.clone(), |offset, out| rows.read(offset, out))?;
            rows.before += rows.own;
        }
        Ok(())
    }
}

/// The rows of one state over the parts of all ranks.
struct Rows<'a> {
    found: &'a Found,
    open: Option<(usize, PartReader)>,
    /// Bytes of the states before it in each part.
    before: u64,
    /// Its bytes in each part.
    own: u64,
}

impl Rows<'_> {
    fn read(&mut self, mut offset: u64, mut out: &mut [u8]) -> Result<()> {
        while !out.is_empty() {
            let (rank, within) = ((offset / self.own) as usize, offset % self.own);
            let count = out.len().min((self.own - within) as usize);
            let (piece, rest) = out.split_at_mut(count);
            let start = self.before + within;
            self.part(rank)?.rows(start, piece)?;
            (offset, out) = (offset + count as u64, rest);
        }
        Ok(())
    }

    fn part(&mut self, rank: usize) -> Result<&mut PartReader> {
        let open = match self.open.take().filter(|(known, _)| *known == rank) {
            Some((_, part)) => part,
            None => reader(&self.found.folder, &self.found.manifest, rank)?,
        };
        Ok(&mut self.open.insert((rank, open)).1)
    }
}

impl CircuitJob<'_> {
    /// Where a flush changes nothing: nothing is queued, or an exchange comes next and begins with one. Trajectories are saved between
    /// batches.
    pub(super) fn stands(&mut self) -> bool {
        let Some(run) = &mut self.run else { return false };
        if run.ensemble.is_some() || run.certificate.is_some() {
            return run.position == 0;
        }
        let next = self.inputs.plan.steps.get(run.position).map(|step| &step.action);
        run.engine.is_settled() || next.is_some_and(|next| run.engine.settles_for(next))
    }

    /// Writes the checkpoint.
    pub(super) fn write_checkpoint(&mut self) -> Result<()> {
        let folder = folder(&self.inputs, self.context);
        let progress = self.progress();
        let Some(run) = &mut self.run else { return Ok(()) };
        run.engine.settle()?;
        // What was queued has run only now.
        let seconds = self.clock.engine.elapsed().as_secs_f64();
        let manifest = Manifest {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").into(),
            job: self.identity.clone(),
            written: rfc3339(SystemTime::now()),
            progress,
            seconds,
            ..Manifest::default()
        };
        let facts = facts(run, &self.inputs)?;
        let facts = Facts {
            seconds: (seconds, self.clock.stair.elapsed().as_secs_f64()),
            watched: self.watch.as_ref().map(|watch| watch.watched()),
            ..facts
        };
        let mut archive = Archive::default();
        archive.put(&facts);
        checkpoint::write(&*self.workers, &folder, manifest, |part| {
            part.facts(archive.bytes())?;
            let mut states = run.engine.states().into_iter();
            states.try_for_each(|state| state.store(|rows| part.rows(rows)))
        })
        .map(|_| ())
    }

    fn progress(&self) -> String {
        let Some(run) = &self.run else { return String::new() };
        let pass = run.stairs.map_or(String::new(), |stairs| format!(" of pass {}", stairs.stair()));
        match &run.ensemble {
            Some(ensemble) => format!("{} batches of each member", ensemble.progress().0),
            None => format!("{} of {} steps{pass}", run.position, self.inputs.plan.steps.len()),
        }
    }

    /// Removes the checkpoint of a run whose result is written.
    pub(super) fn forget(&self) {
        let removes = self.context.writes && comm::speaks(self.context.comm);
        if let Some(Err(error)) = removes.then(|| folder(&self.inputs, self.context).remove()) {
            tracing::warn!("the checkpoint of the finished run stays: {error}");
        }
    }
}

/// All but the times, which the job has.
fn facts(run: &mut Run, inputs: &Inputs) -> Result<Facts> {
    let mut of_engine = Archive::default();
    run.engine.put(&mut of_engine);
    let choice = inputs.choice.as_ref();
    Ok(Facts {
        engine: inputs.config.engine.kind.name().into(),
        handed_over: choice.and_then(|choice| choice.handed_over.clone()),
        tail: inputs.config.engine.tail.map(|tail| (tail.blocks, tail.columns)),
        lineage: run.lineage.clone(),
        done: (run.position, run.channels.1, run.work),
        stairs: run.stairs,
        trace: run.timed_trace()?,
        snapshots: run.snapshots.clone(),
        seconds: (0.0, 0.0),
        watched: None,
        of_engine: of_engine.bytes().to_vec(),
        columns: run.engine.states().iter().map(|state| (state.columns().to_vec(), state.reserved())).collect(),
        own: Own {
            sent: run.trace.iter().map(|row| row.bytes).collect(),
            samples: run.ensemble.as_ref().map(|ensemble| ensemble.samples()),
        },
    })
}

impl Run {
    /// The trace, with the times of the streams as far as they are known.
    fn timed_trace(&self) -> Result<Vec<TraceRow>> {
        let mut trace = self.trace.clone();
        if let Some(clock) = &self.computer.clock {
            let rows = trace.iter_mut().skip(self.timed);
            rows.zip(clock.laps()?).for_each(|(row, times)| row.streams = Some(times));
        }
        Ok(trace)
    }
}
