//! Reads what the runs of a study left.

use crate::error::{Error, Result};
use crate::io::{RunRecord, StoredRun};
use std::path::{Path, PathBuf};

/// What counts of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its result file.
    pub file: PathBuf,
    /// Ranks, and those of them that had nothing to do.
    pub ranks: usize,
    /// Ranks without a part of the state.
    pub idle: usize,
    /// Threads of each rank.
    pub threads: usize,
    /// Qubits.
    pub qubits: usize,
    /// The engine that ran.
    pub engine: String,
    /// SHA-256 of the circuit.
    pub circuit: String,
    /// Seconds of the engine.
    pub seconds: f64,
    /// Seconds of the last pass over the circuit with the observables, which a prediction is of; of all batches if trajectories
    /// were sampled.
    pub pass: f64,
    /// The share of the time in communication that nothing hid, waiting for other ranks included: on GPUs that of the last pass in
    /// which computing waited, else that in calls of MPI; NaN when the file does not say.
    pub communication: f64,
    /// Trajectories that were sampled.
    pub trajectories: u64,
}

/// All results in a folder, by ranks and then by name.
///
/// # Errors
/// Input error when the folder or a file in it cannot be read, when a file has no times, or when there is none.
pub fn collect(folder: &Path) -> Result<Vec<Sample>> {
    let unreadable = |cause| Error::input(format!("cannot be read: {cause}")).in_file(folder.display());
    let entries: Vec<_> =
        std::fs::read_dir(folder).map_err(unreadable)?.collect::<std::io::Result<_>>().map_err(unreadable)?;
    let is_result = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "h5");
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).filter(is_result).collect();
    files.sort();
    if files.is_empty() {
        return Err(Error::input("holds no result file (*.h5)")
            .in_file(folder.display())
            .next("wait for the runs, or see their logs in the folder"));
    }
    let mut samples = files.into_iter().map(read).collect::<Result<Vec<Sample>>>()?;
    samples.sort_by_key(|sample| sample.ranks);
    Ok(samples)
}

fn read(file: PathBuf) -> Result<Sample> {
    let record = StoredRun::read(&file)?.record;
    sample(&record, &file).ok_or_else(|| {
        Error::input("does not say on how many ranks it ran and how long")
            .in_file(file.display())
            .next("repeat the run with this version")
    })
}

/// What counts of a record; `None` when it has no ranks or no time.
fn sample(record: &RunRecord, file: &Path) -> Option<Sample> {
    let made = &record.provenance;
    let timed = made.ranks > 0 && made.engine_seconds > 0.0;
    let phase = |name: &str| record.timing.iter().find(|phase| phase.name == name).map(|phase| phase.seconds);
    let last = |name: &str| phase(name).unwrap_or(0.0);
    let pass = last("last_pass") + last("observables") + last("counts");
    let sampled = record.state.trajectories > 0 || pass <= 0.0;
    timed.then(|| Sample {
        file: file.to_path_buf(),
        ranks: made.ranks as usize,
        idle: made.idle_ranks as usize,
        threads: made.threads as usize,
        qubits: record.state.qubits,
        engine: made.engine.clone(),
        circuit: record.config.circuit_sha256.clone(),
        seconds: made.engine_seconds,
        pass: if sampled { made.engine_seconds } else { pass },
        communication: hidden_by_nothing(record, pass)
            .unwrap_or_else(|| phase("communication").unwrap_or(f64::NAN) / made.engine_seconds),
        trajectories: record.state.trajectories,
    })
}

/// On GPUs, the share of the last pass in which the compute stream waited for transfers. `None` where nothing was sent so.
fn hidden_by_nothing(record: &RunRecord, pass: f64) -> Option<f64> {
    let streams = record.trace.iter().filter_map(|row| row.streams).filter(|times| times.communication > 0.0);
    let waited: Vec<f64> = streams.map(|times| times.communication * (1.0 - times.overlap())).collect();
    (!waited.is_empty() && pass > 0.0).then(|| waited.iter().sum::<f64>() / pass)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::io::{ConfigRecord, Phase, Provenance, StateSummary};

    /// A record of a run with these times.
    pub(in super::super) fn record(ranks: u64, qubits: usize, seconds: f64, waited: f64) -> RunRecord {
        let phase = |name: &str, seconds| Phase { name: name.into(), seconds };
        let state = StateSummary { qubits, rank: 1, ..StateSummary::default() };
        let provenance = Provenance {
            ranks,
            threads: 2,
            engine_seconds: seconds,
            engine: "low-rank".into(),
            hosts: vec!["a".into(); ranks as usize],
            peak_memory: vec![1; ranks as usize],
            ..Provenance::default()
        };
        let timing = vec![
            phase("last_pass", 0.5 * seconds),
            phase("observables", 0.25 * seconds),
            phase("communication", waited),
        ];
        let config = ConfigRecord { circuit_sha256: format!("{qubits}"), ..ConfigRecord::default() };
        RunRecord { state, provenance, timing, config, ..RunRecord::default() }
    }

    /// What counts of such runs, one for each (ranks, qubits, seconds, seconds of communication), in files of these numbers.
    ///
    /// Files are read in `tests/all/scaling.rs`: here, programs that other tests start would inherit them and their locks.
    pub(in super::super) fn samples(runs: &[(u64, usize, f64, f64)]) -> Vec<Sample> {
        let of = |(index, (ranks, qubits, seconds, waited)): (usize, &(u64, usize, f64, f64))| {
            let file = format!("ranks{ranks}-run{index}.h5");
            sample(&record(*ranks, *qubits, *seconds, *waited), Path::new(&file)).unwrap()
        };
        runs.iter().enumerate().map(of).collect()
    }

    #[test]
    fn what_records_say_is_read() {
        let four = &samples(&[(4, 10, 2.0, 0.5)])[0];
        assert_eq!((four.ranks, four.qubits, four.threads), (4, 10, 2));
        assert_eq!((four.seconds, four.pass, four.communication), (2.0, 1.5, 0.25));
        assert_eq!((&four.engine[..], &four.circuit[..]), ("low-rank", "10"));
    }

    #[test]
    fn streams_of_gpus_know_better() {
        use crate::device::StreamTimes;
        use crate::io::TraceRow;
        let mut record = record(2, 3, 4.0, 3.0);
        let row = |communication, waiting| TraceRow {
            streams: Some(StreamTimes { compute: 1.0, communication, waiting }),
            ..TraceRow::default()
        };
        record.trace = vec![row(0.5, 0.25), row(0.0, 0.0), row(1.0, 0.75)];
        let found = sample(&record, Path::new("a")).unwrap();
        assert!((found.communication - 1.0 / 3.0).abs() < 1e-15, "{}", found.communication);
    }

    #[test]
    fn folders_without_results_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(collect(folder.path()).unwrap_err().to_string().contains("holds no result file"));
        assert!(collect(&folder.path().join("absent")).unwrap_err().to_string().contains("cannot be read"));
        std::fs::write(folder.path().join("a.h5"), "text").unwrap();
        assert!(collect(folder.path()).unwrap_err().to_string().contains("a.h5"));
        let untimed =
            RunRecord { provenance: Provenance { ranks: 1, ..Provenance::default() }, ..RunRecord::default() };
        assert_eq!(sample(&untimed, Path::new("a")), None);
    }
}
