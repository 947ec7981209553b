//! From times to speed-up and efficiency.
//!
//! With the median time `t(R)` on `R` ranks and `R0` the fewest ranks, the efficiency of a strong study is
//! `R0 t(R0) / (R t(R))`, that of a weak one `t(R0) / t(R)`; the speed-up is `R` times the efficiency, in a weak study
//! (Gustafson) that of the larger problem. Both assume that the fewest ranks are fully efficient.

use super::Kind;
use super::collect::Sample;
use crate::error::{Error, Result};
use serde::Serialize;
use std::path::PathBuf;

/// What is predicted for one number of ranks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Predicted {
    /// Seconds of what [`Row::pass`] measures.
    pub seconds: f64,
    /// Share of them in communication.
    pub communication: f64,
    /// As for the measured times.
    pub speed_up: f64,
    /// As for the measured times.
    pub efficiency: f64,
}

/// One number of ranks. Without a number (JSON: `null`) what is not known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Ranks that were started.
    pub ranks: usize,
    /// Those of them without a part of the state.
    pub idle: usize,
    /// Threads of each.
    pub threads: usize,
    /// Qubits.
    pub qubits: usize,
    /// Runs.
    pub runs: usize,
    /// Seconds of the engine, the median of the runs.
    pub seconds: f64,
    /// The fastest run.
    pub fastest: f64,
    /// The slowest.
    pub slowest: f64,
    /// Over the fewest ranks, times their number.
    pub speed_up: f64,
    /// The speed-up over the ranks.
    pub efficiency: f64,
    /// Median share of the time in communication that nothing hid.
    pub communication: f64,
    /// Median seconds of the last pass over the circuit and the observables.
    pub pass: f64,
    /// What the model says, if it was asked.
    pub predicted: Option<Predicted>,
    /// The result file of the median run, of which the model takes the widths.
    pub profile: PathBuf,
}

/// A row for each number of ranks, ascending, without predictions.
///
/// # Errors
/// Input error for samples that do not belong into one study, with the file's name.
pub fn analyse(kind: Kind, samples: &[Sample]) -> Result<Vec<Row>> {
    check(kind, samples)?;
    let mut ranks: Vec<usize> = samples.iter().map(|sample| sample.ranks).collect();
    ranks.sort_unstable();
    ranks.dedup();
    let mut rows: Vec<Row> = ranks.into_iter().map(|ranks| row(ranks, samples)).collect();
    let first = rows.first().map(|row| (row.ranks, row.seconds));
    for row in &mut rows {
        (row.speed_up, row.efficiency) = gain(kind, first, row.ranks, row.seconds);
    }
    Ok(rows)
}

/// Adds the predicted seconds and shares of communication, one for each row; speed-up and efficiency follow from them.
pub fn add_predictions(kind: Kind, rows: &mut [Row], predictions: &[Option<(f64, f64)>]) {
    let first =
        rows.first().zip(predictions.first().copied().flatten()).map(|(row, (seconds, _))| (row.ranks, seconds));
    for (row, prediction) in rows.iter_mut().zip(predictions) {
        row.predicted = prediction.map(|(seconds, communication)| {
            let (speed_up, efficiency) = gain(kind, first, row.ranks, seconds);
            Predicted { seconds, communication, speed_up, efficiency }
        });
    }
}

/// Speed-up and efficiency.
fn gain(kind: Kind, first: Option<(usize, f64)>, ranks: usize, seconds: f64) -> (f64, f64) {
    let (fewest, base) = first.unwrap_or((ranks, f64::NAN));
    let efficiency = match kind {
        Kind::Strong => fewest as f64 * base / (ranks as f64 * seconds),
        Kind::Weak => base / seconds,
    };
    (ranks as f64 * efficiency, efficiency)
}

fn row(ranks: usize, samples: &[Sample]) -> Row {
    let mut own: Vec<&Sample> = samples.iter().filter(|sample| sample.ranks == ranks).collect();
    own.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let (first, last) = (own[0], own[own.len() - 1]);
    let middle = own[(own.len() - 1) / 2];
    let of = |value: fn(&Sample) -> f64| median(own.iter().map(|sample| value(sample)).collect());
    Row {
        ranks,
        idle: middle.idle,
        threads: middle.threads,
        qubits: middle.qubits,
        runs: own.len(),
        seconds: of(|sample| sample.seconds),
        fastest: first.seconds,
        slowest: last.seconds,
        speed_up: f64::NAN,
        efficiency: f64::NAN,
        communication: of(|sample| sample.communication),
        pass: of(|sample| sample.pass),
        predicted: None,
        profile: middle.file.clone(),
    }
}

/// The middle value; the mean of two.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    0.5 * (values[(values.len() - 1) / 2] + values[values.len() / 2])
}

/// Results of one study are of one engine; those of a strong one of one circuit, those of a weak one of circuits whose
/// qubits grow with the ranks.
fn check(kind: Kind, samples: &[Sample]) -> Result<()> {
    let Some(first) = samples.iter().min_by_key(|sample| sample.ranks) else {
        return Err(Error::input("a scaling study without a result").next("run it first"));
    };
    for sample in samples {
        let differs = |what: &str| {
            Err(Error::input(format!("{what} than {}", first.file.display()))
                .in_file(sample.file.display())
                .next("keep the results of one study in a folder of their own"))
        };
        if sample.engine != first.engine {
            return differs(&format!("was computed by another engine ({} instead of {})", sample.engine, first.engine));
        }
        match kind {
            Kind::Strong if sample.circuit != first.circuit => return differs("is of another circuit"),
            Kind::Weak if (sample.ranks << first.qubits) != (first.ranks << sample.qubits) => {
                return differs(&format!(
                    "has {} qubits on {} ranks, not one more for each doubling,",
                    sample.qubits, sample.ranks
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::collect::tests::samples;
    use super::*;

    fn rows(kind: Kind, runs: &[(u64, usize, f64, f64)]) -> Result<Vec<Row>> {
        analyse(kind, &samples(runs))
    }

    #[test]
    fn a_strong_study_in_closed_form() {
        // Amdahl's law with a serial part of a fifth: t(R) = 2 + 8 / R, speed-up 10 / t.
        let time = |ranks: u64| 2.0 + 8.0 / ranks as f64;
        let runs: Vec<_> = [1, 2, 4, 8].map(|ranks| (ranks, 10, time(ranks), 0.1 * time(ranks))).to_vec();
        let rows = rows(Kind::Strong, &runs).unwrap();
        for (row, expected) in rows.iter().zip([1.0, 10.0 / 6.0, 2.5, 10.0 / 3.0]) {
            assert!((row.speed_up - expected).abs() < 1e-12 && (row.communication - 0.1).abs() < 1e-12);
            assert!((row.efficiency * row.ranks as f64 - expected).abs() < 1e-12);
            assert!((row.pass - 0.75 * row.seconds).abs() < 1e-12 && row.runs == 1 && row.predicted.is_none());
        }
    }

    #[test]
    fn the_median_of_the_runs_counts() {
        let runs = [(2, 5, 4.0, 0.0), (2, 5, 3.0, 0.3), (2, 5, 50.0, 0.0), (4, 5, 1.0, 0.0), (4, 5, 3.0, 0.0)];
        let rows = rows(Kind::Strong, &runs).unwrap();
        let [two, four] = &rows[..] else { panic!("two numbers of ranks") };
        assert_eq!((two.seconds, two.fastest, two.slowest, two.runs), (4.0, 3.0, 50.0, 3));
        assert_eq!((four.seconds, four.speed_up, four.efficiency), (2.0, 4.0, 1.0));
        assert_eq!((two.speed_up, two.communication), (2.0, 0.0));
        assert!(two.profile.ends_with("ranks2-run0.h5"), "{:?}", two.profile);
    }

    #[test]
    fn a_weak_study_in_closed_form() {
        let rows = rows(Kind::Weak, &[(2, 10, 4.0, 0.0), (4, 11, 5.0, 0.0), (16, 13, 8.0, 0.0)]).unwrap();
        assert_eq!(rows.iter().map(|row| row.efficiency).collect::<Vec<_>>(), [1.0, 0.8, 0.5]);
        assert_eq!(rows.iter().map(|row| row.speed_up).collect::<Vec<_>>(), [2.0, 3.2, 8.0]);
    }

    #[test]
    fn predictions_scale_by_themselves() {
        let mut rows = rows(Kind::Strong, &[(1, 5, 8.0, 0.0), (2, 5, 5.0, 0.0), (4, 5, 4.0, 0.0)]).unwrap();
        add_predictions(Kind::Strong, &mut rows, &[Some((6.0, 0.0)), None, Some((2.0, 0.25))]);
        assert_eq!(rows[1].predicted, None);
        let expected = Predicted { seconds: 2.0, communication: 0.25, speed_up: 3.0, efficiency: 0.75 };
        assert_eq!(rows[2].predicted, Some(expected));
        add_predictions(Kind::Strong, &mut rows, &[None, Some((1.0, 0.0)), None]);
        assert!(rows[1].predicted.unwrap().speed_up.is_nan(), "nothing to compare with");
    }

    #[test]
    fn results_of_other_studies_are_refused() {
        let refused = |kind, runs: &[(u64, usize, f64, f64)]| rows(kind, runs).unwrap_err().to_string();
        let other = refused(Kind::Strong, &[(1, 5, 1.0, 0.0), (2, 6, 1.0, 0.0)]);
        assert!(other.contains("ranks2-run1.h5: is of another circuit"), "{other}");
        let same = refused(Kind::Weak, &[(1, 5, 1.0, 0.0), (2, 5, 1.0, 0.0)]);
        assert!(same.contains("has 5 qubits on 2 ranks"), "{same}");
        let mut samples = samples(&[(1, 5, 1.0, 0.0), (2, 5, 1.0, 0.0)]);
        samples[1].engine = "density".into();
        assert!(analyse(Kind::Strong, &samples).unwrap_err().to_string().contains("another engine (density"));
        assert!(analyse(Kind::Strong, &[]).is_err());
    }
}
