//! `rhoshard submit`, `logs`, `cancel` and `retry`: jobs in the queues of clusters; what `status` says of them.

use super::scaling::{self, Place};
use super::{Arguments, JobFile, context_of, with_job};
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
use crate::scaling::Study;
use clap::{Args, Subcommand};
use std::collections::BTreeSet;
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
    /// VALUE stands where the job file says {NAME}; may be given several times. A retry knows it already
    #[arg(long, value_name = "NAME=VALUE")]
    define: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct RetryArguments {
    /// The job file (TOML), or the folder of a scaling study
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

pub(super) fn time(text: &str) -> std::result::Result<u64, String> {
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
    let folder = match (folders.as_slice(), part) {
        ([folder], _) => folder,
        (several, Some(_)) => {
            let names: Vec<String> = several.iter().map(Folder::name).collect();
            return Err(Error::input("the folder has several jobs: of which is this a part?")
                .in_file(path.display())
                .allowed(names.join(", ")));
        }
        (several, None) => last_to_print(several),
    };
    follow::log(folder, part, follow, &mut std::io::stdout())?;
    Ok(String::new())
}

/// The first one if none has printed; there is one.
fn last_to_print(folders: &[Folder]) -> &Folder {
    let newest = folders.iter().filter_map(|folder| Some((folder.printed()?, folder))).max_by_key(|(time, _)| *time);
    newest.map_or(&folders[0], |(_, folder)| folder)
}

impl SubmitArguments {
    fn execute(&self, arguments: &Arguments, comm: &dyn Communicator) -> Result<String> {
        if let Some(name) = &self.profile {
            return built_in(name);
        }
        let missing = || Error::internal("the command line was not checked");
        let (job, cluster) = (self.job.as_ref().ok_or_else(missing)?, self.cluster.as_ref().ok_or_else(missing)?);
        let cluster = Cluster::find(cluster, job.parent().unwrap_or(Path::new("")))?;
        let folder = Folder::of_job(job)?;
        if !self.how.dry_run {
            refuse_active(&folder)?;
        }
        let task = Task {
            file: JobFile { job: job.clone(), define: self.how.define.clone() },
            folder: &folder,
            cluster: &cluster,
            wishes: self.how.wishes(),
            arguments: Vec::new(),
            only: None,
            begun: None,
        };
        task.execute(arguments, comm, self.how.dry_run)
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
        if let Some(study) = Study::load(&self.job)? {
            return self.retry_study(&study, |file| context_of(arguments, comm, file));
        }
        self.refuse_share()?;
        let folder = Folder::of_job(&self.job)?;
        let standing = JobStanding::known(&folder)?;
        let Some(last) = standing.submissions.last() else {
            let error = Error::input("nothing was submitted for this job").in_file(self.job.display());
            return Err(error.next("submit it: `rhoshard submit JOB.toml --cluster NAME`"));
        };
        let define = kept_definitions(standing.definitions(), &self.how.define)
            .map_err(|error| error.in_file(self.job.display()))?;
        let wanted = if self.only.is_some() { standing.with_failed_points() } else { standing.unfinished() };
        if wanted.is_empty() {
            return Ok(format!("nothing to retry\n{}", standing.describe(&folder)));
        }
        let named = self.cluster.as_ref().unwrap_or(&last.cluster);
        let cluster = Cluster::find(named, self.job.parent().unwrap_or(Path::new("")))?;
        // The parts keep their meaning: the same points are in each.
        let of = standing.of_parts();
        let task = Task {
            file: JobFile { job: self.job.clone(), define },
            folder: &folder,
            cluster: &cluster,
            wishes: Wishes { parts: of.or(self.how.parts), ..self.how.wishes() },
            arguments: self.only.iter().flat_map(|which| ["--only".into(), which.clone()]).collect(),
            only: of.map(|_| wanted),
            begun: Some(last.begun),
        };
        task.execute(arguments, comm, self.how.dry_run)
    }

    /// The jobs of a study are named as `status` names them, but only the study knows what they are.
    fn refuse_share(&self) -> Result<()> {
        let study = self.job.parent().filter(|_| !self.job.is_file());
        match study.map(Study::load).transpose()?.flatten() {
            None => Ok(()),
            Some(_) => Err(Error::input("this is a part of a scaling study")
                .in_file(self.job.display())
                .next("retry the study: what has no result and is not in the queue is submitted")),
        }
    }

    /// All runs of a study that have no result and are not in the queue.
    fn retry_study<'a>(&self, study: &Study, context: impl Fn(&JobFile) -> Result<Context<'a>>) -> Result<String> {
        let How { ranks, parts, define, .. } = &self.how;
        if ranks.is_some() || parts.is_some() || self.only.is_some() || !define.is_empty() {
            let error = Error::input("a scaling study says itself what its jobs are").in_file(self.job.display());
            return Err(error.allowed("--cluster, --time, --dry-run"));
        }
        let last = study.last_cluster(&self.job)?;
        let named = self.cluster.as_ref().or(last.as_ref()).ok_or_else(|| {
            Error::input("nothing was submitted for this study")
                .in_file(self.job.display())
                .next("submit it: `rhoshard bench scaling JOB.toml --strong --submit NAME`")
        })?;
        let place = Place { cluster: named, time: self.how.time, dry_run: self.how.dry_run };
        scaling::submit(study, &self.job, &place, context)
    }
}

/// The definitions that a job was submitted with: a retry is of the same job.
fn kept_definitions(kept: &[String], given: &[String]) -> Result<Vec<String>> {
    let set = |definitions: &[String]| definitions.iter().cloned().collect::<BTreeSet<String>>();
    if given.is_empty() || set(given) == set(kept) {
        return Ok(kept.to_vec());
    }
    let with = |definitions: &[String]| definitions.iter().map(|one| format!("--define {one}")).collect::<Vec<_>>();
    let kept = if kept.is_empty() { "no --define".into() } else { with(kept).join(" ") };
    Err(Error::input(format!("it was submitted with {kept}, and a retry is of the same job"))
        .allowed("no --define, or the same")
        .next("begin anew with other values: `rhoshard submit`"))
}

/// What is submitted.
struct Task<'a> {
    file: JobFile,
    folder: &'a Folder,
    cluster: &'a Cluster,
    wishes: Wishes,
    arguments: Vec<String>,
    only: Option<Parts>,
    begun: Option<u64>,
}

impl Task<'_> {
    fn execute(&self, arguments: &Arguments, comm: &dyn Communicator, dry_run: bool) -> Result<String> {
        with_job(arguments, comm, &self.file, |checked, context| self.plan(checked, context, dry_run))
    }

    fn plan(&self, checked: Box<dyn Checked>, context: &Context<'_>, dry_run: bool) -> Result<String> {
        let in_job = |error: Error| error.in_file(self.file.job.display());
        let needs = checked.needs(context, self.cluster).map_err(in_job)?;
        let request = Request::new(&self.cluster.profile, &needs, self.wishes).map_err(in_job)?;
        let order = Order {
            cluster: self.cluster,
            request: &request,
            job: &self.file.job,
            folder: self.folder,
            program: this_program(),
            definitions: self.file.define.clone(),
            arguments: self.arguments.clone(),
            results: Vec::new(),
            only: self.only.clone(),
            begun: self.begun,
        };
        if dry_run { order.dry_run() } else { order.submit() }
    }
}

/// The program that runs now, which the nodes see at the same place on most clusters.
pub(super) fn this_program() -> String {
    std::env::current_exe().map_or("rhoshard".into(), |path| path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_keeps_its_definitions() {
        let words = |text: &str| text.split_whitespace().map(String::from).collect::<Vec<String>>();
        let kept = |kept: &str, given: &str| kept_definitions(&words(kept), &words(given));
        assert_eq!(kept("a=1 b=2", "").unwrap(), ["a=1", "b=2"]);
        assert_eq!(kept("a=1 b=2", "b=2 a=1").unwrap(), ["a=1", "b=2"]);
        assert!(kept("", "").unwrap().is_empty());
        for (before, given, said) in [("a=1 b=2", "a=1", "--define a=1 --define b=2,"), ("", "a=1", "no --define,")] {
            let error = kept(before, given).unwrap_err();
            assert!(error.what.contains(said) && error.kind.exit_code() == 2, "{error}");
        }
    }
}
