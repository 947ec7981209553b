//! How the parts of a job stand: from the queue, and from what scripts have left.

use super::command::{self, DEADLINE};
use super::folder::{Folder, Submission};
use super::parts::Parts;
use super::scheduler::{Entry, QueueState, Scheduler, scheduler};
use super::words::counted;
use crate::config::cluster::SchedulerKind;
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::fmt::Write;

/// How a part stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It waits in the queue, for this reason if one is known.
    Waiting(String),
    /// It runs.
    Running,
    /// It has ended well.
    Done,
    /// The program ended with this code.
    Failed(i32),
    /// The program saved its work, and nothing started it again.
    Interrupted,
    /// It was cancelled.
    Cancelled,
    /// It is not in the queue and has left no exit code: killed, or its node failed. The batch system's word, if it has one.
    Lost(String),
    /// It was never submitted.
    Missing,
}

impl Standing {
    /// In the queue or running.
    pub fn is_active(&self) -> bool {
        matches!(self, Standing::Waiting(_) | Standing::Running)
    }

    /// In words.
    pub fn words(&self) -> String {
        match self {
            Standing::Waiting(reason) if reason.is_empty() || reason == "None" => "waiting".into(),
            Standing::Waiting(reason) => format!("waiting ({reason})"),
            Standing::Running => "running".into(),
            Standing::Done => "done".into(),
            Standing::Failed(code) => format!("failed with exit code {code}{}", meaning(*code)),
            Standing::Interrupted => "interrupted; its work is saved".into(),
            Standing::Cancelled => "cancelled".into(),
            Standing::Lost(word) if word.is_empty() => "lost: no longer in the queue, without an exit code".into(),
            Standing::Lost(word) => format!("lost: {word}"),
            Standing::Missing => "never submitted".into(),
        }
    }
}

fn meaning(code: i32) -> &'static str {
    match code {
        1 => " (the machine, or a defect)",
        2 => " (wrong input)",
        3 => " (the budget was missed)",
        4 => " (points failed)",
        13 => " (a rank panicked)",
        126 | 127 => " (the program or its launcher was not found)",
        137 => " (killed, perhaps for memory)",
        143 => " (terminated: cancelled, or out of time)",
        _ => "",
    }
}

/// How a sweep ends some of whose points failed.
const POINTS_FAILED: Standing = Standing::Failed(4);

/// Where a part was last submitted, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartStanding {
    /// The number of the submission; 0 if there is none.
    pub number: u64,
    /// The element of its array.
    pub element: u64,
    /// How it stands.
    pub standing: Standing,
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobStanding {
    /// The submissions of the job as it was last begun.
    pub submissions: Vec<Submission>,
    /// Each part.
    pub parts: BTreeMap<u64, PartStanding>,
    /// Why the queue could not be asked, if so: what has left no exit code counts as lost then.
    pub unasked: Option<String>,
}

impl JobStanding {
    /// Asks the queue and looks into the folder.
    ///
    /// # Errors
    /// Those of reading the folder. A queue that cannot be asked is none.
    pub fn of(folder: &Folder) -> Result<JobStanding> {
        let submissions = folder.last_round()?;
        let (entries, unasked) = match queue(folder, &submissions) {
            Ok(entries) => (entries, None),
            Err(error) => (Vec::new(), Some(error.what)),
        };
        let parts = standings(folder, &submissions, &entries);
        Ok(JobStanding { submissions, parts, unasked })
    }

    /// As [`JobStanding::of`], where what is in the queue must be known.
    ///
    /// # Errors
    /// Resource error when the queue cannot be asked, and those of reading the folder.
    pub fn known(folder: &Folder) -> Result<JobStanding> {
        let standing = JobStanding::of(folder)?;
        match &standing.unasked {
            None => Ok(standing),
            Some(why) => Err(Error::resource(format!("the queue could not be asked what is still in it: {why}"))
                .in_file(folder.path().display())
                .next("do this on a login node of the cluster")),
        }
    }

    /// What stands for `{NAME}` in the job file, as it was last submitted.
    pub fn definitions(&self) -> &[String] {
        self.submissions.last().map_or(&[], |last| &last.definitions)
    }

    /// What to think of jobs that count as lost, where the queue could not be asked.
    pub fn doubt(&self) -> Option<String> {
        let why = self.unasked.as_ref()?;
        Some(format!("The queue could not be asked ({why}): jobs in it count as lost here."))
    }

    /// The parts of which this is true.
    pub fn where_standing(&self, is: impl Fn(&Standing) -> bool) -> Parts {
        self.parts.iter().filter(|(_, part)| is(&part.standing)).map(|(part, _)| *part).collect()
    }

    /// The parts that are neither done nor in the queue; those of a sweep that ended with failed points are done as far
    /// as they can be.
    pub fn unfinished(&self) -> Parts {
        let ended = |standing: &Standing| {
            *standing == Standing::Done || self.of_parts().is_some() && *standing == POINTS_FAILED
        };
        self.where_standing(|standing| !standing.is_active() && !ended(standing))
    }

    /// The parts of a sweep that ended with failed points.
    pub fn with_failed_points(&self) -> Parts {
        self.where_standing(|standing| *standing == POINTS_FAILED)
    }

    /// The parts of the whole job; nothing for one that is not split.
    pub fn of_parts(&self) -> Option<u64> {
        self.submissions.last().and_then(|last| last.of)
    }

    /// A table for people, within 80 columns.
    pub fn describe(&self, folder: &Folder) -> String {
        let mut text = String::new();
        let split = self.of_parts().is_some();
        let cluster = self.submissions.last().map_or("", |last| last.cluster.as_str());
        let cluster = cluster.rsplit('/').next().unwrap_or_default().trim_end_matches(".toml");
        let size = self.of_parts().map_or(String::new(), |of| format!(", {}", counted(of, "part")));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}{size}, on {cluster}", folder.name());
        if !self.definitions().is_empty() {
            let _ = writeln!(text, "  with {}", self.definitions().join(", "));
        }
        if let Some(doubt) = self.doubt() {
            let _ = writeln!(text, "  {doubt}");
        }
        let _ =
            writeln!(text, "  {:>4}  {:<24}{:>9}{:>9}{:>7}{:>9}", "", "job", "waiting", "running", "done", "not done");
        for submission in &self.submissions {
            self.row(&mut text, submission);
        }
        for (words, parts) in self.groups() {
            let which = match (split, parts.count()) {
                (false, _) => String::new(),
                (true, 1) => format!("part {parts}: "),
                (true, _) => format!("parts {parts}: "),
            };
            let _ = writeln!(text, "  {which}{words}");
        }
        if let (Some(next), None) = (self.next(), &self.unasked) {
            let _ = writeln!(text, "  next: {next}");
        }
        text
    }

    fn next(&self) -> Option<&'static str> {
        if !self.unfinished().is_empty() {
            return Some("`rhoshard logs` says why, `rhoshard retry` submits it again");
        }
        let failed = !self.with_failed_points().is_empty();
        failed.then_some("mend what the logs name, then `rhoshard retry --only failed`")
    }

    fn row(&self, text: &mut String, submission: &Submission) {
        let own: Vec<&Standing> =
            self.parts.values().filter(|part| part.number == submission.number).map(|part| &part.standing).collect();
        let count = |is: fn(&Standing) -> bool| own.iter().filter(|standing| is(standing)).count();
        let waiting = count(|standing| matches!(standing, Standing::Waiting(_)));
        let (running, done) =
            (count(|standing| *standing == Standing::Running), count(|standing| *standing == Standing::Done));
        let rest = own.len() - waiting - running - done;
        let _ = writeln!(
            text,
            "  {:>4}  {:<24}{waiting:>9}{running:>9}{done:>7}{rest:>9}",
            submission.number, submission.job
        );
    }

    /// The parts that are not simply running or done, by what is said about them.
    fn groups(&self) -> BTreeMap<String, Parts> {
        let mut groups: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (part, standing) in &self.parts {
            if !matches!(standing.standing, Standing::Running | Standing::Done) || self.of_parts().is_none() {
                groups.entry(standing.standing.words()).or_default().push(*part);
            }
        }
        groups.into_iter().map(|(words, parts)| (words, parts.into_iter().collect())).collect()
    }
}

/// The batch system that a submission is in.
///
/// # Errors
/// Input error for a name that this version does not know.
pub fn system_of(submission: &Submission) -> Result<&'static dyn Scheduler> {
    let kind = SchedulerKind::NAMES.iter().find(|(name, _)| *name == submission.scheduler).map(|(_, kind)| *kind);
    let unknown = || Error::input(format!("a job was submitted to `{}`, which is unknown", submission.scheduler));
    kind.map(scheduler).ok_or_else(unknown)
}

/// The names of a submission's jobs, those included in which elements go on.
pub fn jobs_of(folder: &Folder, submission: &Submission) -> Vec<String> {
    let successors =
        submission.elements().into_iter().flat_map(|(_, element)| folder.successors(submission.number, element));
    std::iter::once(submission.job.clone()).chain(successors).collect()
}

/// What the queues say about these submissions.
fn queue(folder: &Folder, submissions: &[Submission]) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for name in SchedulerKind::NAMES.map(|(name, _)| name) {
        let own: Vec<&Submission> = submissions.iter().filter(|submission| submission.scheduler == name).collect();
        let Some(first) = own.first() else { continue };
        let system = system_of(first)?;
        let jobs: Vec<String> = own.iter().flat_map(|submission| jobs_of(folder, submission)).collect();
        let call = system.ask(&jobs);
        let answer = command::ask(&call, folder.path(), system, DEADLINE)?;
        if !answer.success && !system.has_forgotten(answer.complaints()) {
            return Err(command::failed(&call, &answer));
        }
        entries.extend(system.answered(&answer.output, &jobs));
    }
    Ok(entries)
}

/// How each part stands: the last submission that has it counts.
fn standings(folder: &Folder, submissions: &[Submission], entries: &[Entry]) -> BTreeMap<u64, PartStanding> {
    let all = submissions.last().and_then(|last| last.of).unwrap_or(1);
    let missing = PartStanding { number: 0, element: 0, standing: Standing::Missing };
    let mut parts: BTreeMap<u64, PartStanding> = (1..=all).map(|part| (part, missing.clone())).collect();
    for submission in submissions {
        for (part, element) in submission.elements() {
            let standing = standing(folder, submission, element, entries);
            parts.insert(part, PartStanding { number: submission.number, element, standing });
        }
    }
    parts
}

/// An exit code that is not 99 is final, as a script that begins removes it, unless the queue says that it waits again.
fn standing(folder: &Folder, submission: &Submission, element: u64, entries: &[Entry]) -> Standing {
    let code = folder.exit_code(submission.number, element);
    let state = queue_state(folder, submission, element, entries);
    match (state, code) {
        (Some(QueueState::Waiting(reason)), _) => Standing::Waiting(reason),
        (Some(QueueState::Running), None | Some(99)) => Standing::Running,
        (_, Some(0)) => Standing::Done,
        (_, Some(99 | 143)) | (None | Some(QueueState::Ended(_)), None) if folder.is_cancelled(submission.number) => {
            Standing::Cancelled
        }
        (_, Some(99)) => Standing::Interrupted,
        (_, Some(code)) => Standing::Failed(code),
        (Some(QueueState::Ended(word)), None) => Standing::Lost(word),
        (None, None) => Standing::Lost(String::new()),
    }
}

/// What the queue says about an element, in the job it goes on in if there is one.
fn queue_state(folder: &Folder, submission: &Submission, element: u64, entries: &[Entry]) -> Option<QueueState> {
    if let Some(last) = folder.successors(submission.number, element).last() {
        return entries.iter().find(|entry| entry.job == *last).map(|entry| entry.state.clone());
    }
    let own = || entries.iter().filter(|entry| entry.job == submission.job);
    let exactly = own().find(|entry| entry.elements.is_some_and(|(first, last)| (first..=last).contains(&element)));
    exactly.or_else(|| own().find(|entry| entry.elements.is_none())).map(|entry| entry.state.clone())
}

#[cfg(test)]
mod tests {
    use super::super::folder::tests::submission;
    use super::*;

    fn entry(job: &str, elements: Option<(u64, u64)>, state: QueueState) -> Entry {
        Entry { job: job.into(), elements, state }
    }

    struct Place {
        folder: Folder,
        _place: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Place {
            let place = tempfile::tempdir().unwrap();
            let folder = Folder::of_job(&place.path().join("job.toml")).unwrap();
            folder.add_script(1, "x").unwrap();
            Place { folder, _place: place }
        }

        fn leave(&self, name: &str, text: &str) {
            std::fs::write(self.folder.path().join(name), text).unwrap();
        }
    }

    #[test]
    fn the_queue_and_the_exit_codes_together_say_how_a_part_stands() {
        let place = Place::new();
        for (element, code) in [(1, "0"), (2, "2"), (3, "99"), (5, "99"), (7, "0"), (8, "4")] {
            place.leave(&format!("1-{element}.exit"), &format!("{code}\n"));
        }
        let entries = [
            entry("10", Some((4, 5)), QueueState::Waiting("Priority".into())),
            entry("10", Some((6, 6)), QueueState::Running),
            entry("10", Some((7, 7)), QueueState::Running),
            entry("10", Some((8, 8)), QueueState::Waiting("Held".into())),
            entry("10", Some((9, 9)), QueueState::Ended("node fail".into())),
        ];
        let parts = standings(&place.folder, &[submission(1, 1, "10", Some(("1-10", 11)))], &entries);
        let expected = [
            Standing::Done,
            Standing::Failed(2),
            Standing::Interrupted,
            Standing::Waiting("Priority".into()),
            Standing::Waiting("Priority".into()),
            Standing::Running,
            Standing::Done,
            Standing::Waiting("Held".into()),
            Standing::Lost("node fail".into()),
            Standing::Lost(String::new()),
            Standing::Missing,
        ];
        let found: Vec<Standing> = parts.values().map(|part| part.standing.clone()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_retry_counts_for_its_parts_only() {
        let place = Place::new();
        for name in ["1-1.exit", "2-1.exit"] {
            place.leave(name, "0");
        }
        place.leave("1-2.exit", "1");
        place.leave("1-3.exit", "1");
        let all = [submission(1, 1, "10", Some(("1-3", 3))), submission(2, 1, "11", Some(("3", 3)))];
        let parts = standings(&place.folder, &all, &[]);
        let found: Vec<_> = parts.values().map(|part| (part.number, part.element, part.standing.clone())).collect();
        assert_eq!(found, [(1, 1, Standing::Done), (1, 2, Standing::Failed(1)), (2, 1, Standing::Done)]);
        let standing = JobStanding { submissions: all.to_vec(), parts, unasked: None };
        assert_eq!(standing.unfinished().to_string(), "2");
        place.leave("1-2.exit", "4");
        let parts = standings(&place.folder, &all, &[]);
        let standing = JobStanding { parts, ..standing };
        assert_eq!(
            (standing.unfinished().to_string(), standing.with_failed_points().to_string()),
            ("".into(), "2".into())
        );
        assert!(standing.describe(&place.folder).contains("next: mend what the logs name"));
    }

    #[test]
    fn a_job_that_goes_on_under_another_name_is_followed() {
        let place = Place::new();
        place.leave("1-2.exit", "99");
        place.leave("1-2.jobs", "21.s\n22.s\n");
        let one = submission(1, 1, "10[].s", Some(("1-2", 2)));
        assert_eq!(jobs_of(&place.folder, &one), ["10[].s", "21.s", "22.s"]);
        let entries =
            [entry("21.s", None, QueueState::Ended("ended".into())), entry("22.s", None, QueueState::Running)];
        assert_eq!(standing(&place.folder, &one, 2, &entries), Standing::Running);
        assert_eq!(standing(&place.folder, &one, 2, &entries[..1]), Standing::Interrupted);
    }

    #[test]
    fn what_was_cancelled_is_not_called_lost() {
        let place = Place::new();
        let one = submission(1, 1, "10", Some(("1-3", 3)));
        place.leave("1-1.exit", "0");
        place.leave("1-2.exit", "99");
        place.folder.mark_cancelled(1).unwrap();
        let of = |element| standing(&place.folder, &one, element, &[]);
        assert_eq!([of(1), of(2), of(3)], [Standing::Done, Standing::Cancelled, Standing::Cancelled]);
    }

    #[test]
    fn the_table_fits_a_terminal() {
        let place = Place::new();
        place.leave("1-1.exit", "0");
        place.leave("1-2.exit", "127");
        let all = [submission(1, 1, "1234567[].server", Some(("1-4", 4)))];
        let entries = [entry("1234567[].server", Some((3, 4)), QueueState::Waiting("JobArrayTaskLimit".into()))];
        let parts = standings(&place.folder, &all, &entries);
        let text = JobStanding { submissions: all.to_vec(), parts, unasked: None }.describe(&place.folder);
        let expected = "\
job, 4 parts, on slurm
        job                       waiting  running   done not done
     1  1234567[].server                2        0      1        1
  part 2: failed with exit code 127 (the program or its launcher was not found)
  parts 3-4: waiting (JobArrayTaskLimit)
  next: `rhoshard logs` says why, `rhoshard retry` submits it again
";
        assert_eq!(text, expected);
        assert!(text.lines().all(|line| line.len() <= 80));
    }
}
