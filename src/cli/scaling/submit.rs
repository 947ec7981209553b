//! `rhoshard bench scaling --submit`: a job in the queue for each number of ranks.

use super::{absolute, job_file};
use crate::cli::JobFile;
use crate::cli::cluster::this_program;
use crate::cluster::local::typed;
use crate::cluster::submit::Order;
use crate::cluster::{Cluster, Needs, Request, Wishes};
use crate::driver::Context;
use crate::error::{Error, Result};
use crate::jobs;
use crate::scaling::Study;
use crate::scaling::queue::Share;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Where the jobs of a study go, and how.
pub(in crate::cli) struct Place<'a> {
    /// The cluster: a profile or its name.
    pub(in crate::cli) cluster: &'a str,
    /// Seconds to ask for, instead of those of the plans.
    pub(in crate::cli) time: Option<u64>,
    /// Print scripts and commands instead of submitting.
    pub(in crate::cli) dry_run: bool,
}

/// Submits the runs that are left and not in the queue. All are planned before the first one is submitted, so that what is
/// wrong with the largest shows at once.
pub(in crate::cli) fn submit<'a>(
    study: &Study,
    folder: &Path,
    place: &Place<'_>,
    context: impl Fn(&JobFile) -> Result<Context<'a>>,
) -> Result<String> {
    let folder = absolute(folder)?;
    let cluster = Cluster::find(place.cluster, study.job.parent().unwrap_or(Path::new("")))?;
    let (mut text, mut planned) = (String::new(), Vec::new());
    let mut planner = Planner { study, cluster: &cluster, context, known: BTreeMap::new() };
    for share in study.shares(&folder)? {
        match share.settled()? {
            // Writing to a string cannot fail.
            Some(why) => drop(writeln!(text, "{}{why}", if place.dry_run { "# " } else { "" })),
            None => planned.push((planner.request(&share, place.time)?, share)),
        }
    }
    if !place.dry_run {
        study.save(&folder)?;
    }
    for (request, share) in &planned {
        let order = order(study, &folder, &cluster, request, share);
        let said = if place.dry_run { order.dry_run() } else { order.submit() };
        let _ = writeln!(text, "{}", said?);
    }
    let start = match (place.dry_run, planned.is_empty()) {
        (true, _) => "# then: ",
        (false, true) => "nothing to submit; for tables and plots: ",
        (false, false) => "when they have ended: ",
    };
    let _ = writeln!(text, "{start}rhoshard bench scaling --collect {}", typed(&[folder.into_os_string()]));
    Ok(text)
}

/// Plans jobs; a job that several numbers of ranks share is planned once.
struct Planner<'a, F> {
    study: &'a Study,
    cluster: &'a Cluster,
    context: F,
    known: BTreeMap<Option<String>, Needs>,
}

impl<'a, F: Fn(&JobFile) -> Result<Context<'a>>> Planner<'_, F> {
    /// What the job of a share asks for.
    fn request(&mut self, share: &Share, time: Option<u64>) -> Result<Request> {
        let in_job = |error: Error| error.in_file(self.study.job.display());
        let definition = share.left.first().and_then(|run| run.definition());
        if !self.known.contains_key(&definition) {
            let needs = self.needs(definition.clone()).map_err(in_job)?;
            self.known.insert(definition.clone(), needs);
        }
        let needs = self.known[&definition].repeated(share.left.len() as u64);
        let wishes = Wishes { ranks: Some(share.ranks as u64), parts: None, time };
        Request::new(&self.cluster.profile, &needs, wishes).map_err(in_job)
    }

    fn needs(&self, definition: Option<String>) -> Result<Needs> {
        let context = (self.context)(&job_file(&self.study.job, definition))?;
        let needs = jobs::read(&context.job_text, &context.job_file)?.needs(&context, self.cluster)?;
        match needs.points {
            None => Ok(needs),
            Some(_) => Err(Error::input("a scaling study is of one circuit, not of a sweep")
                .next("name the job file of one of its points")),
        }
    }
}

fn order<'a>(
    study: &'a Study,
    folder: &Path,
    cluster: &'a Cluster,
    request: &'a Request,
    share: &'a Share,
) -> Order<'a> {
    Order {
        cluster,
        request,
        job: &study.job,
        folder: &share.folder,
        program: this_program(),
        definitions: share.left.first().and_then(|run| run.definition()).into_iter().collect(),
        arguments: Vec::new(),
        results: share.left.iter().map(|run| run.result(folder)).collect(),
        only: None,
        begun: None,
    }
}
