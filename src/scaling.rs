//! Scaling studies: the same job on more and more ranks (strong), or one more qubit with each doubling of them (weak).
//!
//! A [`Study`] knows the runs and what starts them; [`collect`](collect::collect) reads the result files that are there,
//! [`analyse`](analysis::analyse) makes rows of them, and [`files`] writes these as text, JSON, CSV, SVG and HTML.

pub mod analysis;
pub mod collect;
pub mod files;
pub mod queue;

use crate::error::{Error, Result};
use crate::io;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The job.
    Strong,
    /// The rows of each rank: one more qubit with each doubling of the ranks.
    Weak,
}

impl Kind {
    /// As it is called.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Strong => "strong",
            Kind::Weak => "weak",
        }
    }
}

/// A study: which runs there are to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Study {
    /// What stays the same.
    pub kind: Kind,
    /// The job file, as an absolute path.
    pub job: PathBuf,
    /// Numbers of ranks, ascending.
    pub ranks: Vec<usize>,
    /// Runs at each.
    pub repeat: usize,
    /// Qubits on the fewest ranks, for `{qubits}` in a weak study's job file.
    pub qubits: Option<usize>,
}

/// One run of a study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Ranks.
    pub ranks: usize,
    /// Which of those on so many ranks, from 1.
    pub repetition: usize,
    /// What `{qubits}` stands for.
    pub qubits: Option<usize>,
}

/// The file in a study's folder that says what it is.
const DESCRIPTION: &str = "study.json";

impl Study {
    /// Checks what is asked for.
    ///
    /// # Errors
    /// Input error that says which option is wrong.
    pub fn new(kind: Kind, job: &Path, ranks: &[usize], repeat: usize, qubits: Option<usize>) -> Result<Study> {
        let mut ranks = ranks.to_vec();
        ranks.sort_unstable();
        ranks.dedup();
        if ranks.first().is_none_or(|least| *least == 0) || repeat == 0 {
            return Err(Error::input("a scaling study needs numbers of ranks and at least one run at each")
                .allowed("for instance --ranks 1,2,4 --repeat 3"));
        }
        let job = std::path::absolute(job)
            .map_err(|cause| Error::input(format!("is no path: {cause}")).in_file(job.display()))?;
        match (kind, qubits) {
            (Kind::Weak, None) => {
                return Err(Error::input("a weak scaling study needs the number of qubits on the fewest ranks")
                    .next("add --qubits N; {qubits} in the job file stands for N, N + 1, ..."));
            }
            (Kind::Strong, Some(_)) => {
                return Err(Error::input(
                    "--qubits belongs to a weak scaling study: a strong one runs the job as it is",
                ));
            }
            _ => {}
        }
        let study = Study { kind, job, ranks, repeat, qubits };
        study.ranks.iter().try_for_each(|ranks| study.qubits_on(*ranks).map(|_| ()))?;
        Ok(study)
    }

    /// What `{qubits}` stands for on so many ranks: one more with each doubling. None in a strong study.
    ///
    /// # Errors
    /// Input error when the ranks are no doubling of the fewest.
    pub fn qubits_on(&self, ranks: usize) -> Result<Option<usize>> {
        let Some(qubits) = self.qubits else { return Ok(None) };
        let fewest = self.ranks[0];
        let times = ranks / fewest;
        if !ranks.is_multiple_of(fewest) || !times.is_power_of_two() {
            return Err(Error::input(format!("{ranks} ranks are not {fewest} times a power of two"))
                .allowed("in a weak study, numbers of ranks that double: one more qubit is twice the work"));
        }
        Ok(Some(qubits + times.ilog2() as usize))
    }

    /// All runs, once through the numbers of ranks and then again, so that a machine that becomes slower does so for all.
    ///
    /// # Errors
    /// As [`Study::qubits_on`].
    pub fn runs(&self) -> Result<Vec<Planned>> {
        let pairs = (1..=self.repeat).flat_map(|repetition| self.ranks.iter().map(move |ranks| (repetition, *ranks)));
        pairs.map(|(repetition, ranks)| Ok(Planned { ranks, repetition, qubits: self.qubits_on(ranks)? })).collect()
    }

    /// The arguments of this program for a run whose result goes to `folder`.
    pub fn arguments(&self, run: &Planned, folder: &Path) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec!["run".into(), self.job.clone().into()];
        arguments.extend(run.definition().into_iter().flat_map(|text| ["--define".into(), text.into()]));
        arguments.extend(["--output".into(), run.result(folder).into()]);
        arguments
    }

    /// Writes what the study is into its folder, which is made.
    ///
    /// # Errors
    /// Resource error when that fails; input error when another study is there.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let failed = |cause| Error::resource(format!("cannot be made: {cause}")).in_file(folder.display());
        std::fs::create_dir_all(folder).map_err(failed)?;
        if let Some(other) = Study::load(folder)?.filter(|other| !self.goes_on_from(other)) {
            return Err(Error::input(format!("holds a {} study of {}", other.kind.name(), other.job.display()))
                .in_file(folder.display())
                .next("name another folder with --output, or remove this one"));
        }
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::internal(format!("a study cannot be written: {error}")))?;
        io::replace_file(&folder.join(DESCRIPTION), (text + "\n").as_bytes())
    }

    /// Whether the runs of another study are runs of this one: all but how many there are is the same.
    fn goes_on_from(&self, other: &Study) -> bool {
        (self.kind, &self.job, self.qubits, self.ranks.first())
            == (other.kind, &other.job, other.qubits, other.ranks.first())
            || self.kind == Kind::Strong && other.kind == Kind::Strong && self.job == other.job
    }

    /// What the study in a folder is; `None` when nothing says so.
    ///
    /// # Errors
    /// Input error when the file that says so is damaged.
    pub fn load(folder: &Path) -> Result<Option<Study>> {
        let path = folder.join(DESCRIPTION);
        let Ok(text) = std::fs::read_to_string(&path) else { return Ok(None) };
        let damaged = |cause| Error::input(format!("is no scaling study: {cause}")).in_file(path.display());
        serde_json::from_str(&text).map(Some).map_err(damaged)
    }
}

impl Planned {
    /// `qubits=17`, for `--define`.
    pub fn definition(&self) -> Option<String> {
        self.qubits.map(|qubits| format!("qubits={qubits}"))
    }

    /// Where its result goes.
    pub fn result(&self, folder: &Path) -> PathBuf {
        folder.join(format!("ranks{}-run{}.h5", self.ranks, self.repetition))
    }

    /// Where what it says goes.
    pub fn log(&self, folder: &Path) -> PathBuf {
        self.result(folder).with_extension("log")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn study(kind: Kind, ranks: &[usize], qubits: Option<usize>) -> Result<Study> {
        Study::new(kind, Path::new("/jobs/a.toml"), ranks, 2, qubits)
    }

    #[test]
    fn ranks_are_sorted_and_runs_alternate() {
        let study = study(Kind::Strong, &[4, 1, 4], None).unwrap();
        let order: Vec<(usize, usize)> = study.runs().unwrap().iter().map(|run| (run.repetition, run.ranks)).collect();
        assert_eq!(order, [(1, 1), (1, 4), (2, 1), (2, 4)]);
        let words = study.arguments(&study.runs().unwrap()[1], Path::new("out"));
        assert_eq!(words, ["run", "/jobs/a.toml", "--output", "out/ranks4-run1.h5"]);
    }

    #[test]
    fn a_weak_study_has_a_qubit_more_for_each_doubling() {
        let study = study(Kind::Weak, &[3, 6, 24], Some(20)).unwrap();
        let qubits: Vec<Option<usize>> = study.runs().unwrap().iter().take(3).map(|run| run.qubits).collect();
        assert_eq!(qubits, [Some(20), Some(21), Some(23)]);
        let words = study.arguments(&study.runs().unwrap()[2], Path::new("out"));
        assert_eq!(words[2..4], ["--define", "qubits=23"]);
    }

    #[test]
    fn wrong_studies_are_refused() {
        let refused = |study: Result<Study>| study.unwrap_err().to_string();
        assert!(refused(study(Kind::Strong, &[], None)).contains("--ranks"));
        assert!(refused(study(Kind::Strong, &[0, 1], None)).contains("--ranks"));
        assert!(refused(study(Kind::Strong, &[1], Some(3))).contains("--qubits"));
        assert!(refused(study(Kind::Weak, &[1, 2], None)).contains("--qubits"));
        assert!(refused(study(Kind::Weak, &[2, 3], Some(4))).contains("3 ranks are not 2 times"));
        assert!(refused(study(Kind::Weak, &[1, 6], Some(4))).contains("power of two"));
    }

    #[test]
    fn a_folder_holds_one_study_that_may_grow() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("new");
        let first = study(Kind::Strong, &[1, 2], None).unwrap();
        assert_eq!(Study::load(&at).unwrap(), None);
        first.save(&at).unwrap();
        assert_eq!(Study::load(&at).unwrap(), Some(first));
        let larger = study(Kind::Strong, &[1, 2, 4], None).unwrap();
        larger.save(&at).unwrap();
        assert_eq!(Study::load(&at).unwrap(), Some(larger));
        let error = study(Kind::Weak, &[1, 2], Some(4)).unwrap().save(&at).unwrap_err().to_string();
        assert!(error.contains("holds a strong study"), "{error}");
        std::fs::write(at.join(DESCRIPTION), "{").unwrap();
        assert!(Study::load(&at).is_err());
    }
}
