//! `job = "sweep"`: any job over and over, with other values at some places.
//!
//! A sweep knows no kind of job: it fills values into the text of a base job (`template.rs`) at the places of its axes
//! (`space.rs`) and runs what comes out on groups of ranks, which ask the first rank for points (`queue.rs`, `supply.rs`). Every
//! group's first rank writes a journal; the table of results is made from all journals at the end, and now and then before
//! (`table.rs`). Started again, a sweep runs the points that no journal knows.

mod describe;
mod estimate;
mod needs;
mod points;
mod queue;
mod run;
mod runner;
mod space;
mod supply;
mod table;
mod template;

use super::{Checked, PlanOptions};
use crate::cluster::{Cluster, Needs};
use crate::comm::grid::{Grid, Shape};
use crate::comm::{agree, keep_on_root, on_root};
use crate::config::Located;
use crate::config::sweep::{Base, SweepConfig, sweep};
use crate::driver::{Advance, Context, Job, Outcome};
use crate::error::{Error, Result};
use crate::formats::columns;
use crate::io::journal::{Begin, Journal};
use crate::io::sweep::{Definition, FolderLock, Part, Records, SweepFolder};
use points::Points;
use run::Run;
use std::path::Path;
use std::time::{Instant, SystemTime};
use template::Template;

/// Points that are read when a sweep begins, to find out early when none of them can be right.
const SAMPLED: u64 = 100;

/// Checks the text of the job file.
pub(super) fn read(text: &str, file: &str) -> Result<Box<dyn Checked>> {
    sweep(text, file).map(|config| Box::new(config) as Box<dyn Checked>)
}

impl Checked for SweepConfig {
    fn prepare<'a>(mut self: Box<Self>, context: &'a Context<'a>) -> Result<Box<dyn Job + 'a>> {
        if let Some(file) = &context.output {
            self.output = Located { value: file.clone(), line: 0 };
        }
        if !context.writes {
            return Err(
                Error::input("a sweep cannot be a point of a sweep").next("give the inner axes to the outer sweep")
            );
        }
        let setting = Setting::read(*self, context)?;
        Ok(Box::new(SweepJob::begin(setting, context)?))
    }

    fn check(self: Box<Self>, context: &Context<'_>) -> Result<String> {
        describe::check(&Setting::read(*self, context)?, context)
    }

    fn plan(self: Box<Self>, context: &Context<'_>, options: &PlanOptions) -> Result<String> {
        describe::plan(&Setting::read(*self, context)?, context, options)
    }

    fn needs(self: Box<Self>, context: &Context<'_>, cluster: &Cluster) -> Result<Needs> {
        needs::needs(&Setting::read(*self, context)?, context, cluster)
    }
}

/// A sweep and all that it reads, the same on every rank.
pub(super) struct Setting {
    config: SweepConfig,
    points: Points,
    /// The base job's file, or that of the sweep.
    base_file: String,
    base_text: String,
}

impl Setting {
    fn read(config: SweepConfig, context: &Context<'_>) -> Result<Setting> {
        let (base, base_file) = match &config.base {
            Base::Inline(table) => (table.clone(), config.path.clone()),
            Base::File(file) => {
                let path = context.resolve(&file.value);
                let shown = path.display().to_string();
                let text = context.read_text(&path, &shown)?;
                let wrong =
                    |error: toml::de::Error| Error::input(format!("wrong TOML: {}", error.message())).in_file(&shown);
                (toml::from_str(&text).map_err(wrong)?, shown)
            }
        };
        let from = match &config.from {
            None => Vec::new(),
            Some(file) => {
                let text = context.read_text(&context.resolve(&file.value), &file.value)?;
                columns::read(&text, &file.value)?
            }
        };
        let base_text =
            toml::to_string(&base).map_err(|error| Error::input(format!("the base job cannot be written: {error}")))?;
        let points = Points::new(&config, base, from)?;
        let setting = Setting { config, points, base_file, base_text };
        setting.check_some()?;
        Ok(setting)
    }

    fn template(&self) -> &Template {
        &self.points.template
    }

    /// Where paths of the base job start: its folder.
    fn base_folder(&self) -> &Path {
        Path::new(&self.base_file).parent().unwrap_or(Path::new(""))
    }

    /// A sweep none of whose points can be read is wrong itself.
    fn check_some(&self) -> Result<()> {
        let count = self.points.known();
        let mut first = None;
        for step in 0..count.min(SAMPLED) {
            let index = step * count / count.min(SAMPLED);
            let values = self.points.values(index, &[]);
            match super::read(&self.template().fill(&values)?.text, &self.base_file) {
                Ok(_) => return Ok(()),
                Err(error) => first = first.or(Some((index, error))),
            }
        }
        first.map_or(Ok(()), |(index, error)| {
            let what = format!("no point can be run; point {index} ({}): {}", self.points.describe(index), error.what);
            Err(Error { what, line: None, ..error })
        })
    }

    /// What readers of the folder and the table need to know.
    fn definition(&self, context: &Context<'_>) -> Definition {
        let folder = std::path::absolute(&context.folder).unwrap_or_else(|_| context.folder.clone());
        Definition {
            job: context.job_file.clone(),
            job_folder: folder.display().to_string(),
            table: self.config.output.value.clone(),
            points: self.points.most(),
            sampler: self.config.sampler.name().into(),
            axes: self.points.space.paths().map(str::to_string).collect(),
            logarithmic: self.points.space.logarithmic().map(str::to_string).collect(),
            objective: self.config.objective.clone(),
            constraints: self.config.constraints.clone(),
            ranks_per_point: self.config.ranks_per_point as u64,
            inputs: Vec::new(),
        }
    }
}

/// A sweep that is ready to run.
struct SweepJob<'a> {
    context: &'a Context<'a>,
    setting: Setting,
    grid: Grid,
    /// On the first rank of each group.
    journal: Option<Journal>,
    /// On the first rank.
    home: Option<Home>,
    begun: Instant,
    /// How it went, once it did.
    summary: Option<Result<String>>,
}

/// What the first rank alone has.
struct Home {
    folder: SweepFolder,
    definition: Definition,
    records: Records,
    part: Part,
    _lock: FolderLock,
}

impl<'a> SweepJob<'a> {
    /// Divides the ranks, takes the folder and begins the journals; collective.
    fn begin(setting: Setting, context: &'a Context<'a>) -> Result<SweepJob<'a>> {
        let grid = divide(&setting, context)?;
        let part = context.selection.part;
        let folder = SweepFolder::new(&context.resolve(&setting.config.folder.value));
        let target = context.resolve(&setting.config.output.value);
        let home = keep_on_root(context.comm, || {
            if context.is_input(&target) {
                return Err(Error::input(format!(
                    "the table {} is a file that the job reads",
                    setting.config.output.value
                ))
                .next("name another file under `[output]`"));
            }
            Home::take(&setting, &folder, context, part)
        })?;
        let run = on_root(context.comm, || folder.next_run())?;
        let journal = agree(context.comm, begin_journal(&grid, &folder, context, run, part))?;
        Ok(SweepJob { context, setting, grid, journal, home, begun: Instant::now(), summary: None })
    }
}

/// Groups of as many ranks as share a point.
fn divide(setting: &Setting, context: &Context<'_>) -> Result<Grid> {
    let (ranks, shared) = (context.comm.size(), setting.config.ranks_per_point);
    if ranks < shared {
        return Err(Error::input(format!("a point takes {shared} ranks, and {ranks} were started"))
            .in_file(&setting.config.path)
            .next(format!("start {shared} ranks or a multiple, or lower `ranks_per_point` under `[sweep]`")));
    }
    let grid = Grid::split(context.comm, Shape::filling(ranks, shared, 1)?)?;
    if grid.idle > 0 {
        tracing::warn!("{} of {ranks} ranks are idle: a point takes {shared}", grid.idle);
    }
    Ok(grid)
}

fn begin_journal(
    grid: &Grid,
    folder: &SweepFolder,
    context: &Context<'_>,
    run: u64,
    part: Part,
) -> Result<Option<Journal>> {
    if grid.place.is_none_or(|place| place.row > 0) {
        return Ok(None);
    }
    let rank = context.comm.rank();
    let begin = Begin {
        rank: rank as u64,
        ranks: context.comm.size() as u64,
        host: context.node.host.clone(),
        process: std::process::id(),
        started: crate::io::rfc3339(SystemTime::now()),
        version: format!("{} ({})", env!("CARGO_PKG_VERSION"), env!("RHOSHARD_COMMIT")),
    };
    Journal::create(&folder.journal(run, part, rank), begin).map(Some)
}

impl Home {
    fn take(setting: &Setting, folder: &SweepFolder, context: &Context<'_>, part: Part) -> Result<Home> {
        folder.create()?;
        let lock = folder.lock(part)?;
        let mut records = Records::new(folder);
        records.update()?;
        for (path, bytes) in records.damaged() {
            tracing::warn!(
                "{}: {bytes} bytes are damaged; points whose entries they were are run again",
                path.display()
            );
        }
        let mut definition = setting.definition(context);
        if let Ok(earlier) = folder.definition() {
            definition.inputs = earlier.inputs;
            table::check_inputs(&definition.inputs)?;
        }
        folder.define(&definition)?;
        Ok(Home { folder: folder.clone(), definition, records, part, _lock: lock })
    }
}

impl Job for SweepJob<'_> {
    fn steps(&self) -> u64 {
        self.setting.points.most()
    }

    fn position(&self) -> u64 {
        0
    }

    fn status(&self) -> String {
        String::new()
    }

    /// All of it: ranks of different groups take different steps.
    fn advance(&mut self) -> Result<Advance> {
        if self.summary.is_none() {
            let summary = Run::new(self).finish();
            self.summary = Some(summary);
        }
        Ok(Advance::Done)
    }

    fn finish(mut self: Box<Self>) -> Result<Outcome> {
        let summary = self.summary.take().unwrap_or_else(|| Err(Error::internal("a sweep ended before it began")));
        let summary = agree(self.context.comm, summary)?;
        Ok(Outcome { summary, scalars: Vec::new() })
    }
}
