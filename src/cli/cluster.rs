//! `rhoshard submit`, `logs`, `cancel` and `retry`: jobs in the queues of clusters; what `status` says of them.

use super::{Arguments, JobFile, with_job};
use crate::cluster::folder::Folder;
use crate::cluster::request::{Request, Wishes};
use crate::cluster::standing::JobStanding;
use crate::cluster::submit::{Order, cancel, refuse_active};
use crate::cluster::{Cluster, Parts, find, follow};
use crate::comm::Communicator;
use crate::config::cluster::parse_seconds;
use crate::driver::Context;
use crate::error::{Error, Result};
use crate::jobs::Checked;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// What is done with the queue of a cluster.
#[derive(Debug, Subcommand)]
pub(super) enum ClusterCommand {
    /// Submit a job to the queue of a cluster, with the ranks, memory and time that its plan says
    Submit(SubmitArguments),
    /// Show what a submitted job prints
    Logs {
        #[command(flatten)]
        which: Submitted,
        /// Of this part, instead of the one that printed last
        #[arg(long, value_name = "K")]
        part: Option<u64>,
        /// Go on until the part has ended
        #[arg(long, short)]
        follow: bool,
    },
    /// Take a submitted job out of the queue; what it has saved stays
    Cancel(Submitted),
    /// Submit again what failed, was cancelled, or is missing
    Retry(RetryArguments),
}

#[derive(Debug, Args)]
pub(super) struct Submitted {
    /// The job file, or a folder with several
    #[arg(value_name = "JOB_OR_FOLDER")]
    path: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct SubmitArguments {
    /// The job file (TOML)
    #[arg(required_unless_present = "profile")]
    job: Option<PathBuf>,
    /// The cluster: a profile (TOML), or its name: NAME.toml in slurm/ beside the job file, in the folders of
    /// RHOSHARD_CLUSTERS, in ~/.config/rhoshard/clusters/, or one that is built in
    #[arg(long, short, value_name = "NAME", required_unless_present = "profile")]
    cluster: Option<String>,
    #[command(flatten)]
    how: How,
    /// Print a profile that is built in, to start one of your own from
    #[arg(long, value_name = "NAME", conflicts_with_all = ["job", "cluster"])]
    profile: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct How {
    /// Print the scripts and the commands instead of submitting
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Ranks, instead of as many as the plan suggests
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    ranks: Option<u64>,
    /// The time to ask for, hours:minutes:seconds, instead of that of the plan
    #[arg(long, value_name = "TIME", value_parser = time)]
    time: Option<u64>,
    /// Parts of a sweep, instead of as many as the plan suggests
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    parts: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct RetryArguments {
    /// The job file (TOML)
    job: PathBuf,
    /// Another cluster than before
    #[arg(long, short, value_name = "NAME")]
    cluster: Option<String>,
    /// Of a sweep: the parts that ended with failed points, and in them only those points (`--only failed`)
    #[arg(long, value_name = "WHICH", value_parser = ["failed"])]
    only: Option<String>,
    #[command(flatten)]
    how: How,
}

fn time(text: &str) -> std::result::Result<u64, String> {
    parse_seconds(text)
        .ok_or_else(|| "allowed: hours:minutes:seconds, such as 12:00:00, or days-hours:minutes:seconds".into())
}

impl ClusterCommand {
    /// Does it.
    ///
    /// # Errors
    /// Input error for what is wrong, resource error when the batch system refuses.
    pub(super) fn execute(&self, arguments: &Arguments, comm: &dyn Communicator) -> Result<String> {
        match self {
            ClusterCommand::Submit(submit) => submit.execute(arguments, comm),
            ClusterCommand::Logs { which, part, follow } => logs(&which.path, *part, *follow),
            ClusterCommand::Cancel(which) => each(&which.path, cancel),
            ClusterCommand::Retry(retry) => retry.execute(arguments, comm),
        }
    }
}

/// How the parts of submitted jobs stand.
///
/// # Errors
/// Input error when nothing was submitted there.
pub(super) fn standing(path: &Path) -> Result<String> {
    each(path, |folder| Ok(JobStanding::of(folder)?.describe(folder)))
}

/// The texts of all jobs that a path means.
fn each(path: &Path, action: impl Fn(&Folder) -> Result<String>) -> Result<String> {
    Folder::all_of(path)?.iter().map(action).collect()
}

fn logs(path: &Path, part: Option<u64>, follow: bool) -> Result<String> {
    let folders = Folder::all_of(path)?;
    let [folder] = folders.as_slice() else {
        let names: Vec<String> = folders.iter().map(Folder::name).collect();
        return Err(Error::input("the folder has several jobs").in_file(path.display()).allowed(names.join(", ")));
    };
    follow::log(folder, part, follow, &mut std::io::stdout())?;
    Ok(String::new())
}

impl SubmitArguments {
    fn execute(&self, arguments: &Arguments, comm: &dyn Communicator) -> Result<String> {
        if let Some(name) = &self.profile {
            return built_in(name);
        }
        let missing = || Error::internal("the command line was not checked");
        let (job, cluster) = (self.job.as_ref().ok_or_else(missing)?, self.cluster.as_ref().ok_or_else(missing)?);
        let cluster = Cluster::find(cluster, job.parent().unwrap_or(Path::new("")))?;
        if !self.how.dry_run {
            refuse_active(&Folder::of_job(job)?)?;
        }
        let task =
            Task { job, cluster: &cluster, wishes: self.how.wishes(), arguments: Vec::new(), only: None, begun: None };
        with_job(arguments, comm, &JobFile::plain(job), |checked, context| {
            task.execute(checked, context, self.how.dry_run)
        })
    }
}

fn built_in(name: &str) -> Result<String> {
    let names = find::BUILT_IN.map(|(name, _)| name).join(", ");
    let found = find::BUILT_IN.iter().find(|(other, _)| *other == name);
    let unknown = || Error::input(format!("no profile named `{name}` is built in")).allowed(names);
    found.map(|(_, text)| text.to_string()).ok_or_else(unknown)
}

impl How {
    fn wishes(&self) -> Wishes {
        Wishes { ranks: self.ranks, parts: self.parts, time: self.time }
    }
}

impl RetryArguments {
    fn execute(&self, arguments: &Arguments, comm: &dyn Communicator) -> Result<String> {
        let folder = Folder::of_job(&self.job)?;
        let standing = JobStanding::of(&folder)?;
        let Some(last) = standing.submissions.last() else {
            let error = Error::input("nothing was submitted for this job").in_file(self.job.display());
            return Err(error.next("submit it: `rhoshard submit JOB.toml --cluster NAME`"));
        };
        if let Some(why) = &standing.unasked {
            let error = Error::resource(format!("the queue could not be asked what is still in it: {why}"));
            return Err(error.next("retry on a login node of the cluster"));
        }
        let wanted = if self.only.is_some() { standing.with_failed_points() } else { standing.unfinished() };
        if wanted.is_empty() {
            return Ok(format!("nothing to retry\n{}", standing.describe(&folder)));
        }
        let named = self.cluster.as_ref().unwrap_or(&last.cluster);
        let cluster = Cluster::find(named, self.job.parent().unwrap_or(Path::new("")))?;
        // The parts keep their meaning: the same points are in each.
        let of = standing.of_parts();
        let wishes = Wishes { parts: of.or(self.how.parts), ..self.how.wishes() };
        let task = Task {
            job: &self.job,
            cluster: &cluster,
            wishes,
            arguments: self.only.iter().flat_map(|which| ["--only".into(), which.clone()]).collect(),
            only: of.map(|_| wanted),
            begun: Some(last.begun),
        };
        with_job(arguments, comm, &JobFile::plain(&self.job), |checked, context| {
            task.execute(checked, context, self.how.dry_run)
        })
    }
}

/// What is submitted.
struct Task<'a> {
    job: &'a Path,
    cluster: &'a Cluster,
    wishes: Wishes,
    arguments: Vec<String>,
    only: Option<Parts>,
    begun: Option<u64>,
}

impl Task<'_> {
    fn execute(&self, checked: Box<dyn Checked>, context: &Context<'_>, dry_run: bool) -> Result<String> {
        let profile = &self.cluster.profile;
        let in_job = |error: Error| error.in_file(self.job.display());
        let needs = checked.needs(context, self.cluster).map_err(in_job)?;
        let request = Request::new(profile, &needs, self.wishes).map_err(in_job)?;
        let order = Order {
            cluster: self.cluster,
            request: &request,
            job: self.job,
            program: this_program(),
            arguments: self.arguments.clone(),
            only: self.only.clone(),
            begun: self.begun,
        };
        if dry_run { order.dry_run() } else { order.submit() }
    }
}

/// The program that runs now, which the nodes see at the same place on most clusters.
fn this_program() -> String {
    std::env::current_exe().map_or("rhoshard".into(), |path| path.to_string_lossy().into_owned())
}
