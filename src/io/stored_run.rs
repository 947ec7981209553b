//! Reads a result file back as the record it was written from.
//!
//! What the file does not hold, because an older version wrote it or because the job did not ask for it, is empty or
//! NaN; what it holds in an impossible form is an error.

mod quantities;
mod snapshots;

use super::record::{
    ConfigRecord, Counts, Expectation, Phase, ProbabilityGroup, Provenance, RunRecord, StateSummary, TraceRow,
};
use super::schema::{self, Field};
use super::state_file::{open_result, refusal};
use crate::device::StreamTimes;
use crate::error::{Error, Result};
use hdf5::types::VarLenUnicode;
use hdf5::{Group, H5Type};
use std::path::Path;

/// What a result file holds, but for the factor `L` and the terms of observables.
#[derive(Debug, Clone, Default)]
pub struct StoredRun {
    /// The record of the run, without `terms`.
    pub record: RunRecord,
    /// Whether the file holds the factor (see [`super::StateFile`]).
    pub has_factor: bool,
}

impl StoredRun {
    /// Reads a result file.
    ///
    /// # Errors
    /// An input error that says what is wrong: the file is missing, damaged, no result, of a newer schema, or
    /// contradicts itself.
    pub fn read(path: &Path) -> Result<StoredRun> {
        let file = open_result(path)?;
        let reader = Reader { path };
        let record = RunRecord {
            expectations: reader.at(&file, "results/expectations", Reader::expectations)?,
            probabilities: reader.at(&file, "results/probabilities", Reader::probabilities)?,
            counts: reader.at(&file, "results/counts", Reader::counts)?,
            variances: reader.at(&file, "results/variances", Reader::bounded)?,
            negativities: reader.at(&file, "results/negativities", Reader::bounded)?,
            reduced: reader.at(&file, "results/reduced", Reader::reduced)?,
            entropies: reader.at(&file, "results/entropies", Reader::entropies)?,
            fidelities: reader.at(&file, "results/fidelities", Reader::fidelities)?,
            spectrum: reader.at(&file, "results/spectrum", Reader::spectrum)?,
            snapshots: reader.at(&file, "results/snapshots", Reader::snapshots)?,
            state: reader.state(file.group("results/state").ok().as_ref())?,
            trace: reader.at(&file, "trace", Reader::trace)?,
            timing: reader.at(&file, "timing", Reader::timing)?,
            config: reader.at(&file, "config", Reader::config)?,
            provenance: reader.at(&file, "provenance", Reader::provenance)?,
            ..RunRecord::default()
        };
        let has_factor = file.group("results/state").is_ok_and(|state| state.link_exists(schema::FACTOR.name));
        Ok(StoredRun { record, has_factor })
    }
}

struct Reader<'a> {
    path: &'a Path,
}

impl Reader<'_> {
    /// What `read` finds in a group; the default when there is no such group.
    fn at<T: Default>(&self, file: &Group, name: &str, read: impl Fn(&Self, &Group) -> Result<T>) -> Result<T> {
        file.group(name).map_or_else(|_| Ok(T::default()), |group| read(self, &group))
    }

    fn damaged(&self, at: &Group, name: &str) -> Error {
        let what = format!("`{}/{name}` cannot be read as what it should be", at.name());
        refusal(self.path, what).next("repeat the run that made the file")
    }

    /// A whole dataset, if it is there.
    fn dataset<T: H5Type>(&self, at: &Group, name: &str) -> Result<Option<Vec<T>>> {
        if !at.link_exists(name) {
            return Ok(None);
        }
        at.dataset(name).and_then(|data| data.read_raw()).map(Some).map_err(|_| self.damaged(at, name))
    }

    /// A column of a table of `rows` rows; without the dataset, `absent` in every row.
    fn column<T: H5Type + Clone>(&self, at: &Group, field: &Field, rows: usize, absent: T) -> Result<Vec<T>> {
        let values = self.dataset(at, field.name)?.unwrap_or_else(|| vec![absent; rows]);
        if values.len() == rows { Ok(values) } else { Err(self.damaged(at, field.name)) }
    }

    fn numbers(&self, at: &Group, field: &Field, rows: usize) -> Result<Vec<f64>> {
        self.column(at, field, rows, f64::NAN)
    }

    fn texts(&self, at: &Group, field: &Field) -> Result<Vec<String>> {
        let texts: Vec<VarLenUnicode> = self.dataset(at, field.name)?.unwrap_or_default();
        Ok(texts.iter().map(ToString::to_string).collect())
    }

    fn text(&self, at: &Group, field: &Field) -> Result<String> {
        Ok(self.texts(at, field)?.into_iter().next().unwrap_or_default())
    }

    fn number<T: H5Type + Copy>(&self, at: &Group, field: &Field, absent: T) -> Result<T> {
        Ok(self.dataset(at, field.name)?.and_then(|values| values.first().copied()).unwrap_or(absent))
    }

    fn attribute<T: H5Type>(&self, at: Option<&Group>, name: &str, absent: T) -> Result<T> {
        match at.and_then(|at| Some((at, at.attr(name).ok()?))) {
            Some((at, attribute)) => attribute.read_scalar().map_err(|_| self.damaged(at, name)),
            None => Ok(absent),
        }
    }

    fn expectations(&self, at: &Group) -> Result<Vec<Expectation>> {
        let names = self.texts(at, &schema::EXPECTATION_NAME)?;
        let column = |field| self.numbers(at, field, names.len());
        let (value, lower, upper) = (column(&schema::VALUE)?, column(&schema::LOWER)?, column(&schema::UPPER)?);
        let (renormalised, stderr) = (column(&schema::RENORMALISED)?, column(&schema::STDERR)?);
        let row = |(index, name): (usize, &String)| Expectation {
            name: name.clone(),
            value: value[index],
            lower: lower[index],
            upper: upper[index],
            renormalised: renormalised[index],
            stderr: stderr[index],
        };
        Ok(names.iter().enumerate().map(row).collect())
    }

    fn probabilities(&self, parent: &Group) -> Result<Vec<ProbabilityGroup>> {
        let names = parent.member_names().map_err(|_| self.damaged(parent, "."))?;
        let mut groups = names.iter().map(|name| self.probability_group(parent, name)).collect::<Result<Vec<_>>>()?;
        // HDF5 lists names by letter, which puts 10 before 9.
        groups.sort_by(|one, other| one.qubits.cmp(&other.qubits));
        Ok(groups)
    }

    fn probability_group(&self, parent: &Group, name: &str) -> Result<ProbabilityGroup> {
        let at = parent.group(name).map_err(|_| self.damaged(parent, name))?;
        let qubits: Vec<u64> = self.dataset(&at, schema::PROBABILITY_QUBITS.name)?.unwrap_or_default();
        let rows = u32::try_from(qubits.len()).ok().and_then(|count| 1_usize.checked_shl(count)).unwrap_or(0);
        // A group of many qubits without values must not take the memory that they would.
        if !at.dataset(schema::VALUE.name).is_ok_and(|values| values.size() == rows) {
            return Err(self.damaged(&at, schema::VALUE.name));
        }
        let column = |field| self.numbers(&at, field, rows);
        Ok(ProbabilityGroup {
            qubits: qubits.into_iter().map(|qubit| qubit as usize).collect(),
            value: column(&schema::VALUE)?,
            lower: column(&schema::LOWER)?,
            upper: column(&schema::UPPER)?,
            renormalised: column(&schema::RENORMALISED)?,
            stderr: column(&schema::STDERR)?,
        })
    }

    fn counts(&self, at: &Group) -> Result<Option<Counts>> {
        let bitstrings = self.texts(at, &schema::BITSTRING)?;
        let counts = self.column(at, &schema::COUNT, bitstrings.len(), 0)?;
        Ok(Some(Counts { bitstrings, counts }))
    }

    fn state(&self, at: Option<&Group>) -> Result<StateSummary> {
        let number = |name| self.attribute(at, name, f64::NAN);
        let whole = |name| self.attribute(at, name, 0_u64);
        Ok(StateSummary {
            qubits: whole("qubits")? as usize,
            rank: whole("rank")? as usize,
            trace: number("trace")?,
            error: number("error")?,
            discarded: number("discarded")?,
            rounding: number("rounding")?,
            purity: number("purity")?,
            purity_lower: number("purity_lower")?,
            purity_upper: number("purity_upper")?,
            budget: number("budget")?,
            budget_met: self.attribute(at, "budget_met", true)?,
            cut: number("cut")?,
            prune: number("prune")?,
            passes: whole("passes")?,
            tail: [whole("tail_blocks")?, whole("tail_columns")?],
            trajectories: whole("trajectories")?,
        })
    }

    fn trace(&self, at: &Group) -> Result<Vec<TraceRow>> {
        let kinds = self.texts(at, &schema::KIND)?;
        let whole = |field| self.column(at, field, kinds.len(), 0_u64);
        let (step, width) = (whole(&schema::STEP)?, whole(&schema::WIDTH)?);
        let (bytes, bytes_per_column) = (whole(&schema::BYTES)?, whole(&schema::BYTES_PER_COLUMN)?);
        let discarded = self.numbers(at, &schema::STEP_DISCARDED, kinds.len())?;
        let seconds = self.numbers(at, &schema::STEP_SECONDS, kinds.len())?;
        let [compute, communication, overlap] =
            schema::STREAMS.each_ref().map(|field| self.numbers(at, field, kinds.len()));
        let (compute, communication, overlap) = (compute?, communication?, overlap?);
        let streams = |index: usize| StreamTimes {
            compute: compute[index],
            communication: communication[index],
            waiting: if communication[index] > 0.0 { communication[index] * (1.0 - overlap[index]) } else { 0.0 },
        };
        let row = |(index, kind): (usize, &String)| TraceRow {
            step: step[index],
            kind: kind.clone(),
            width: width[index],
            discarded: discarded[index],
            seconds: seconds[index],
            bytes: bytes[index],
            bytes_per_column: bytes_per_column[index],
            streams: Some(streams(index)).filter(|times| !times.compute.is_nan()),
        };
        Ok(kinds.iter().enumerate().map(row).collect())
    }

    fn timing(&self, at: &Group) -> Result<Vec<Phase>> {
        let names = self.texts(at, &schema::PHASE)?;
        let seconds = self.numbers(at, &schema::PHASE_SECONDS, names.len())?;
        Ok(names.into_iter().zip(seconds).map(|(name, seconds)| Phase { name, seconds }).collect())
    }

    fn config(&self, at: &Group) -> Result<ConfigRecord> {
        Ok(ConfigRecord {
            effective_toml: self.text(at, &schema::EFFECTIVE_TOML)?,
            job_sha256: self.text(at, &schema::JOB_SHA256)?,
            circuit_text: self.text(at, &schema::CIRCUIT_TEXT)?,
            circuit_sha256: self.text(at, &schema::CIRCUIT_SHA256)?,
        })
    }

    fn provenance(&self, at: &Group) -> Result<Provenance> {
        Ok(Provenance {
            version: self.text(at, &schema::PROGRAM_VERSION)?,
            commit: self.text(at, &schema::COMMIT)?,
            command: self.text(at, &schema::COMMAND)?,
            started: self.text(at, &schema::STARTED)?,
            hosts: self.texts(at, &schema::HOSTS)?,
            peak_memory: self.dataset(at, schema::PEAK_MEMORY.name)?.unwrap_or_default(),
            ranks: self.number(at, &schema::RANKS, 0)?,
            idle_ranks: self.number(at, &schema::IDLE_RANKS, 0)?,
            threads: self.number(at, &schema::THREADS, 0)?,
            gpus: self.texts(at, &schema::GPUS)?,
            mpi_version: self.text(at, &schema::MPI_VERSION)?,
            hdf5_version: self.text(at, &schema::HDF5_VERSION)?,
            engine_seconds: self.number(at, &schema::ENGINE_SECONDS, f64::NAN)?,
            engine: self.text(at, &schema::ENGINE)?,
            choice: self.text(at, &schema::CHOICE)?,
        })
    }
}
