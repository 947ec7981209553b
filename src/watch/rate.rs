//! How fast points end, by the clocks of the runs: monotonic, and each its own.

use crate::io::sweep::Writer;
use std::collections::BTreeMap;

/// Points per second of what is going on: the sum over all runs. Nothing if no point has ended yet.
///
/// A run in progress has `sum_w ended_w / elapsed_w` over its ranks that have ended a point, times the share of ranks that have
/// not: before every rank has ended its first point, those that have not are taken to be as fast as the others.
pub(super) fn in_progress<'a>(writers: impl Iterator<Item = &'a Writer>) -> Option<f64> {
    let mut runs: BTreeMap<u64, Vec<&Writer>> = BTreeMap::new();
    writers.for_each(|writer| runs.entry(writer.run).or_default().push(writer));
    let rates = runs.values().map(|writers| of_ranks(writers)).collect::<Vec<f64>>();
    Some(rates.iter().sum()).filter(|rate| *rate > 0.0)
}

fn of_ranks(writers: &[&Writer]) -> f64 {
    let rates: Vec<f64> = writers
        .iter()
        .filter(|writer| writer.ended > 0 && writer.elapsed > 0.0)
        .map(|writer| writer.ended as f64 / writer.elapsed)
        .collect();
    let share = writers.len() as f64 / rates.len().max(1) as f64;
    rates.iter().sum::<f64>() * share
}

/// Points per second of a run that has ended: all its points over all its time.
pub(super) fn of_ended_run<'a>(writers: impl Iterator<Item = &'a Writer>) -> Option<f64> {
    let (ended, elapsed) =
        writers.fold((0, 0.0_f64), |(ended, elapsed), writer| (ended + writer.ended, elapsed.max(writer.elapsed)));
    (ended > 0 && elapsed > 0.0).then(|| ended as f64 / elapsed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::sweep::Part;

    fn writer(run: u64, ended: u64, elapsed: f64) -> Writer {
        Writer { ended, elapsed, ..Writer::new(run, Part::WHOLE) }
    }

    #[test]
    fn ranks_that_have_ended_nothing_yet_are_as_fast_as_the_others() {
        // Eight ranks, an hour a point; the first has ended one.
        let mut ranks = vec![writer(1, 0, 0.0); 8];
        ranks[0] = writer(1, 1, 3600.0);
        assert_eq!(in_progress(ranks.iter()), Some(8.0 / 3600.0));
        let all = [writer(1, 2, 4.0), writer(1, 6, 4.0)];
        assert_eq!(in_progress(all.iter()), Some(2.0));
    }

    #[test]
    fn runs_of_parts_add_up_and_each_has_its_own_clock() {
        let parts = [writer(1, 10, 100.0), writer(2, 10, 10.0)];
        assert!((in_progress(parts.iter()).unwrap() - 1.1).abs() < 1e-12);
    }

    #[test]
    fn nothing_has_no_speed() {
        assert_eq!(in_progress([].iter()), None);
        assert_eq!(in_progress([writer(1, 0, 5.0)].iter()), None);
        assert_eq!(of_ended_run([writer(1, 0, 5.0)].iter()), None);
        assert_eq!(of_ended_run([writer(1, 6, 2.0), writer(1, 2, 4.0)].iter()), Some(2.0));
    }
}
