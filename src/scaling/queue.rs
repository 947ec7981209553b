//! A study in the queue of a cluster: one job for each number of ranks, which makes its runs one after the other, so that they see
//! the same nodes. Scripts, logs and records of that on `R` ranks are in the folder `ranksR.submit` of the study.

use super::{Planned, Study};
use crate::cluster::Parts;
use crate::cluster::folder::Folder;
use crate::cluster::standing::{JobStanding, Standing};
use crate::cluster::words::counted;
use crate::error::Result;
use std::fmt::Write;
use std::path::Path;

/// The runs on one number of ranks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Ranks.
    pub ranks: usize,
    /// The runs that have no result yet.
    pub left: Vec<Planned>,
    /// What was submitted for them.
    pub folder: Folder,
}

impl Study {
    /// The runs that have no result yet.
    ///
    /// # Errors
    /// As [`Study::runs`].
    pub fn left(&self, folder: &Path) -> Result<Vec<Planned>> {
        Ok(self.runs()?.into_iter().filter(|run| !run.result(folder).exists()).collect())
    }

    /// Whether any run has its result.
    ///
    /// # Errors
    /// As [`Study::runs`].
    pub fn has_result(&self, folder: &Path) -> Result<bool> {
        Ok(self.runs()?.iter().any(|run| run.result(folder).exists()))
    }

    /// A share for each number of ranks, ascending; `folder` is that of the study.
    ///
    /// # Errors
    /// As [`Study::runs`]; input error for a path that scripts cannot name.
    pub fn shares(&self, folder: &Path) -> Result<Vec<Share>> {
        let left = self.left(folder)?;
        let share = |ranks: &usize| {
            let left = left.iter().filter(|run| run.ranks == *ranks).cloned().collect();
            Ok(Share { ranks: *ranks, left, folder: Folder::of_job(&folder.join(format!("ranks{ranks}")))? })
        };
        self.ranks.iter().map(share).collect()
    }

    /// The cluster that runs of it were last submitted to, if any were.
    ///
    /// # Errors
    /// Those of [`Study::shares`] and of reading what was submitted.
    pub fn last_cluster(&self, folder: &Path) -> Result<Option<String>> {
        let mut submissions = Vec::new();
        for share in self.shares(folder)? {
            submissions.extend(share.folder.submissions()?);
        }
        Ok(submissions.into_iter().max_by_key(|submission| submission.time).map(|last| last.cluster))
    }

    /// Which runs have no result yet and, if any were submitted, how they stand; empty if none is missing.
    ///
    /// # Errors
    /// Those of [`Study::shares`] and of reading what was submitted.
    pub fn missing(&self, folder: &Path) -> Result<String> {
        let mut shares = self.shares(folder)?;
        shares.retain(|share| !share.left.is_empty());
        let missing: usize = shares.iter().map(|share| share.left.len()).sum();
        if missing == 0 {
            return Ok(String::new());
        }
        let heading = format!("{missing} of {} runs have no result yet", self.ranks.len() * self.repeat);
        match self.last_cluster(folder)? {
            None => Ok(heading + ".\n"),
            Some(_) => Ok(format!("{heading}:\n{}", describe(&shares)?)),
        }
    }
}

impl Share {
    /// `4 ranks, runs 1-3`: those without a result.
    pub fn describe(&self) -> String {
        let runs: Parts = self.left.iter().map(|run| run.repetition as u64).collect();
        let plural = if runs.count() == 1 { "" } else { "s" };
        format!("{}, run{plural} {runs}", counted(self.ranks as u64, "rank"))
    }

    /// Why nothing of it is to be submitted, if so.
    ///
    /// # Errors
    /// Those of reading what was submitted; resource error when the queue cannot be asked.
    pub fn settled(&self) -> Result<Option<String>> {
        let ranks = counted(self.ranks as u64, "rank");
        if self.left.is_empty() {
            return Ok(Some(format!("{ranks}: every run has its result")));
        }
        let standing = one_job(&JobStanding::known(&self.folder)?);
        Ok(standing.is_active().then(|| format!("{}: in the queue already, {}", self.describe(), standing.words())))
    }
}

/// A line for each share on how it stands, and what to do next.
fn describe(shares: &[Share]) -> Result<String> {
    let jobs: Vec<JobStanding> = shares.iter().map(|share| JobStanding::of(&share.folder)).collect::<Result<_>>()?;
    let mut text = String::new();
    for (share, job) in shares.iter().zip(&jobs) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {}: {}", share.describe(), in_words(&one_job(job)));
    }
    let is_lost = |job: &&JobStanding| matches!(one_job(job), Standing::Lost(_));
    match jobs.iter().filter(is_lost).find_map(JobStanding::doubt) {
        Some(doubt) => drop(writeln!(text, "{doubt}")),
        None if jobs.iter().all(|job| one_job(job).is_active()) => {}
        None => text += "`rhoshard retry` with the folder of the study submits what is not in the queue.\n",
    }
    Ok(text)
}

/// How a job that is not split stands.
fn one_job(job: &JobStanding) -> Standing {
    job.parts.values().next().map_or(Standing::Missing, |part| part.standing.clone())
}

/// Of runs without a result: those of a job that has ended well were not among its own.
fn in_words(standing: &Standing) -> String {
    match standing {
        Standing::Done | Standing::Missing => "not submitted".into(),
        other => other.words(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;
    use crate::cluster::folder::Submission;

    fn study() -> Study {
        Study::new(Kind::Strong, Path::new("/jobs/a.toml"), &[1, 2, 16], 3, None).unwrap()
    }

    /// A job that nobody's queue knows; with an exit code it is known how it ended.
    fn submit(folder: &Folder, cluster: &str, time: u64, code: Option<u8>) {
        let number = folder.next_number();
        folder.add_script(number, "x").unwrap();
        let (scheduler, job) = ("slurm".to_string(), "999999999".to_string());
        let (parts, of, definitions) = (None, None, Vec::new());
        let begun = number;
        let cluster = cluster.into();
        let submission = Submission { number, begun, cluster, scheduler, job, parts, of, definitions, time };
        folder.add(&submission).unwrap();
        if let Some(code) = code {
            std::fs::write(folder.path().join(format!("{number}-1.exit")), code.to_string()).unwrap();
        }
    }

    #[test]
    fn each_number_of_ranks_has_a_share_of_what_is_left() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("ranks2-run2.h5"), "").unwrap();
        (1..=3).for_each(|run| std::fs::write(place.path().join(format!("ranks1-run{run}.h5")), "").unwrap());
        let shares = study().shares(place.path()).unwrap();
        let said: Vec<String> = shares[1..].iter().map(Share::describe).collect();
        assert_eq!(said, ["2 ranks, runs 1,3", "16 ranks, runs 1-3"]);
        assert!(shares[0].left.is_empty());
        assert_eq!(shares[0].settled().unwrap().unwrap(), "1 rank: every run has its result");
        assert_eq!(shares[2].settled().unwrap(), None);
        assert_eq!(shares[2].folder.path(), place.path().join("ranks16.submit"));
    }

    #[test]
    fn what_is_missing_is_said_with_how_it_stands() {
        let place = tempfile::tempdir().unwrap();
        let missing = || study().missing(place.path()).unwrap();
        assert_eq!(missing(), "9 of 9 runs have no result yet.\n");
        assert_eq!(study().last_cluster(place.path()).unwrap(), None);
        let shares = study().shares(place.path()).unwrap();
        submit(&shares[1].folder, "north", 5, Some(0));
        submit(&shares[1].folder, "south", 9, Some(137));
        submit(&shares[0].folder, "west", 7, Some(0));
        assert_eq!(study().last_cluster(place.path()).unwrap(), Some("south".into()));
        std::fs::write(place.path().join("ranks1-run1.h5"), "").unwrap();
        let expected = "\
8 of 9 runs have no result yet:
  1 rank, runs 2-3: not submitted
  2 ranks, runs 1-3: failed with exit code 137 (killed, perhaps for memory)
  16 ranks, runs 1-3: not submitted
`rhoshard retry` with the folder of the study submits what is not in the queue.
";
        assert_eq!(missing(), expected);
        assert!(expected.lines().all(|line| line.len() <= 80));
    }
}
