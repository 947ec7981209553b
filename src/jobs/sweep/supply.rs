//! The points that are left to be run.

use super::estimate::Estimate;
use super::queue::{Assignment, Measured, Next, Report, Supply};
use crate::config::sweep::Objective;
use crate::error::Result;
use std::collections::{BTreeMap, VecDeque};

/// When a sweep ends before its points do.
#[derive(Debug, Clone, Default)]
pub(super) struct Limits {
    pub(super) max_failures: Option<u64>,
    pub(super) objective: Option<Objective>,
    pub(super) stop_at: Option<f64>,
}

impl Limits {
    /// Whether what was measured is good enough to end with.
    pub(super) fn reached(&self, measured: &Measured) -> bool {
        let (Some(objective), Some(target)) = (&self.objective, self.stop_at) else { return false };
        measured.is_feasible() && objective.cost(measured.objective) <= objective.cost(target)
    }
}

impl Measured {
    /// Whether it satisfies all constraints.
    pub(super) fn is_feasible(&self) -> bool {
        self.excesses.iter().all(|excess| *excess <= 0.0)
    }
}

/// How many points have gone which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) done: u64,
    pub(super) failed: u64,
}

/// Why the sweep ends early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stopped {
    /// A rank was told to stop, or could not go on.
    Told(String),
    /// More points failed than may.
    Failures(u64),
}

/// Chooses further points from those that were measured.
pub(super) trait Chooser {
    /// Coordinates of the next points, given all points so far in order; none when it is enough. Pure: the same observations give the
    /// same points.
    fn choose(&self, observations: &[Observation]) -> Result<Vec<Vec<f64>>>;
}

/// A point that was chosen, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Observation {
    pub(super) coordinates: Vec<f64>,
    /// Nothing if it failed.
    pub(super) measured: Option<Measured>,
}

/// Tells what is known of a point by its index and coordinates.
pub(super) type Look<'a> = Box<dyn FnMut(u64, &[f64]) -> Result<Known> + 'a>;

/// What is known of a point without running it.
pub(super) enum Known {
    /// Its result.
    Ended(Option<Measured>),
    /// It has to be run.
    Open,
}

/// Points in an order, which grows when a chooser adds some.
pub(super) struct Pool<'a> {
    pending: VecDeque<Assignment>,
    limits: Limits,
    tally: Tally,
    stopped: Option<Stopped>,
    /// The first point that is good enough.
    reached: Option<u64>,
    best: Option<(f64, u64)>,
    order: Option<Order<'a>>,
    chooser: Option<Choosing<'a>>,
}

/// Long points first.
struct Order<'a> {
    estimate: Estimate,
    /// Where a point lies.
    coordinates: Box<dyn Fn(u64) -> Vec<f64> + 'a>,
}

/// A chooser at work.
struct Choosing<'a> {
    chooser: Box<dyn Chooser + 'a>,
    /// What is known of a point by its index and coordinates.
    known: Look<'a>,
    /// Coordinates of all points so far.
    places: Vec<Vec<f64>>,
    measured: BTreeMap<u64, Option<Measured>>,
    most: u64,
    is_over: bool,
}

impl<'a> Pool<'a> {
    /// These points, in this order.
    pub(super) fn fixed(indices: impl Iterator<Item = u64>, limits: Limits) -> Pool<'a> {
        let pending = indices.map(|index| Assignment { index, coordinates: Vec::new() }).collect();
        Pool {
            pending,
            limits,
            tally: Tally::default(),
            stopped: None,
            reached: None,
            best: None,
            order: None,
            chooser: None,
        }
    }

    /// The same points, the longest first as soon as that can be judged; the function tells where a point lies.
    pub(super) fn longest_first(self, coordinates: Box<dyn Fn(u64) -> Vec<f64> + 'a>) -> Pool<'a> {
        Pool { order: Some(Order { estimate: Estimate::default(), coordinates }), ..self }
    }

    /// At most so many points that are chosen on the way.
    pub(super) fn chosen(chooser: Box<dyn Chooser + 'a>, known: Look<'a>, most: u64, limits: Limits) -> Pool<'a> {
        let chooser = Choosing { chooser, known, places: Vec::new(), measured: BTreeMap::new(), most, is_over: false };
        Pool { chooser: Some(chooser), ..Pool::fixed(std::iter::empty(), limits) }
    }

    /// Takes note of a point that had ended before.
    pub(super) fn recall(&mut self, index: u64, measured: Option<&Measured>) {
        self.judge(index, measured);
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    pub(super) fn stopped(&self) -> Option<&Stopped> {
        self.stopped.as_ref()
    }

    /// The first point that is good enough to end with.
    pub(super) fn reached(&self) -> Option<u64> {
        self.reached
    }

    /// The best value so far, and the point that has it.
    pub(super) fn best(&self) -> Option<(f64, u64)> {
        self.best
    }

    /// Coordinates of the points that were chosen, in order.
    pub(super) fn places(&self) -> &[Vec<f64>] {
        self.chooser.as_ref().map_or(&[], |chooser| &chooser.places)
    }

    fn judge(&mut self, index: u64, measured: Option<&Measured>) {
        let Some(measured) = measured else { return };
        if let Some(objective) =
            self.limits.objective.as_ref().filter(|_| measured.is_feasible() && !measured.objective.is_nan())
        {
            let better = |(value, at): (f64, u64)| {
                let order = objective.cost(measured.objective).total_cmp(&objective.cost(value));
                order.is_lt() || (order.is_eq() && index < at)
            };
            if self.best.is_none_or(better) {
                self.best = Some((measured.objective, index));
            }
        }
        if self.limits.reached(measured) && self.reached.is_none_or(|first| index < first) {
            self.reached = Some(index);
            // Those before it may reach the target as well and decide which one is the first.
            self.pending.retain(|point| point.index < index);
        }
    }

    /// Lets the chooser add points, if all that it chose have been measured.
    fn choose(&mut self) -> Result<()> {
        while let Some(choosing) = self.chooser.as_mut().filter(|choosing| !choosing.is_over) {
            if choosing.measured.len() < choosing.places.len() {
                return Ok(());
            }
            if self.reached.is_some() || !choosing.choose()? {
                choosing.is_over = true;
                return Ok(());
            }
            let first = choosing.measured.len() as u64;
            for index in first..choosing.places.len() as u64 {
                let coordinates = choosing.places[index as usize].clone();
                match (choosing.known)(index, &coordinates)? {
                    Known::Open => self.pending.push_back(Assignment { index, coordinates }),
                    Known::Ended(measured) => {
                        choosing.measured.insert(index, measured);
                    }
                }
            }
            let known: Vec<(u64, Option<Measured>)> =
                choosing.measured.range(first..).map(|(index, measured)| (*index, measured.clone())).collect();
            known.iter().for_each(|(index, measured)| self.judge(*index, measured.as_ref()));
        }
        Ok(())
    }
}

impl Order<'_> {
    /// Takes note of what a point took, and puts the longest of those that are left first.
    fn note(&mut self, index: u64, seconds: f64, pending: &mut VecDeque<Assignment>) {
        self.estimate.note(&(self.coordinates)(index), seconds);
        if self.estimate.is_due() {
            let predict = self.estimate.predictor();
            let mut judged: Vec<(f64, Assignment)> =
                pending.drain(..).map(|point| (predict(&(self.coordinates)(point.index)), point)).collect();
            judged.sort_by(|(one, _), (other, _)| other.total_cmp(one));
            pending.extend(judged.into_iter().map(|(_, point)| point));
        }
    }
}

impl Choosing<'_> {
    /// Adds points; false when there are no more.
    fn choose(&mut self) -> Result<bool> {
        let room = self.most.saturating_sub(self.places.len() as u64) as usize;
        if room == 0 {
            return Ok(false);
        }
        let observation = |(coordinates, measured): (&Vec<f64>, &Option<Measured>)| Observation {
            coordinates: coordinates.clone(),
            measured: measured.clone(),
        };
        let observations: Vec<Observation> = self.places.iter().zip(self.measured.values()).map(observation).collect();
        let mut chosen = self.chooser.choose(&observations)?;
        chosen.truncate(room);
        self.places.append(&mut chosen);
        Ok(self.places.len() > self.measured.len())
    }
}

impl Supply for Pool<'_> {
    fn report(&mut self, reports: Vec<Report>) -> Result<()> {
        for Report { index, seconds, measured } in reports {
            if let Some(order) = &mut self.order {
                order.note(index, seconds, &mut self.pending);
            }
            match measured {
                Some(_) => self.tally.done += 1,
                None => self.tally.failed += 1,
            }
            self.judge(index, measured.as_ref());
            if let Some(choosing) = &mut self.chooser {
                choosing.measured.insert(index, measured);
            }
        }
        if self.limits.max_failures.is_some_and(|most| self.tally.failed >= most) && self.stopped.is_none() {
            self.stopped = Some(Stopped::Failures(self.tally.failed));
        }
        Ok(())
    }

    fn next(&mut self, most: usize) -> Result<Next> {
        if self.stopped.is_some() {
            return Ok(Next::Stop);
        }
        self.choose()?;
        if !self.pending.is_empty() {
            let count = most.min(self.pending.len());
            return Ok(Next::Run(self.pending.drain(..count).collect()));
        }
        let waits = self.chooser.as_ref().is_some_and(|choosing| !choosing.is_over);
        Ok(if waits { Next::Wait } else { Next::Stop })
    }

    fn left(&self) -> u64 {
        self.pending.len() as u64
    }

    fn stop(&mut self, why: String) {
        self.stopped.get_or_insert(Stopped::Told(why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn report(index: u64, objective: Option<f64>) -> Report {
        let measured = objective.map(|objective| Measured { objective, excesses: vec![] });
        Report { index, seconds: 1.0, measured }
    }

    fn limits(stop_at: Option<f64>, max_failures: Option<u64>) -> Limits {
        let objective = Some(Objective { result: "value".into(), minimise: true });
        Limits { max_failures, objective, stop_at }
    }

    fn indices(next: &Next) -> Vec<u64> {
        match next {
            Next::Run(points) => points.iter().map(|point| point.index).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn points_come_in_their_order_until_none_is_left() {
        let mut pool = Pool::fixed([3, 1, 2].into_iter(), limits(None, None));
        assert_eq!(indices(&pool.next(2).unwrap()), [3, 1]);
        assert_eq!((pool.left(), indices(&pool.next(5).unwrap())), (1, vec![2]));
        assert_eq!(pool.next(5).unwrap(), Next::Stop);
        pool.report(vec![report(3, Some(0.5)), report(1, Some(0.25)), report(2, None)]).unwrap();
        assert_eq!((pool.tally(), pool.best()), (Tally { done: 2, failed: 1 }, Some((0.25, 1))));
    }

    #[test]
    fn long_points_come_first_once_some_were_run() {
        let mut pool =
            Pool::fixed(0..64, limits(None, None)).longest_first(Box::new(|index| vec![index as f64 / 64.0]));
        let first = indices(&pool.next(8).unwrap());
        assert_eq!(first, [0, 1, 2, 3, 4, 5, 6, 7]);
        let seconds = |index: u64| 1.0 + index as f64;
        let reports = |indices: &[u64]| {
            indices.iter().map(|index| Report { seconds: seconds(*index), ..report(*index, Some(0.0)) }).collect()
        };
        pool.report(reports(&[0, 40, 20, 63])).unwrap();
        let next = indices(&pool.next(4).unwrap());
        assert!(next.iter().all(|index| *index >= 60), "{next:?}");
        let mut all: Vec<u64> = first.into_iter().chain(next).chain(indices(&pool.next(100).unwrap())).collect();
        all.sort_unstable();
        assert_eq!(all, (0..64).collect::<Vec<_>>(), "none is lost");
    }

    #[test]
    fn what_is_good_enough_ends_the_points_after_it_only() {
        let mut pool = Pool::fixed(0..10, limits(Some(0.1), None));
        pool.next(6).unwrap();
        pool.report(vec![report(5, Some(0.05))]).unwrap();
        assert_eq!((pool.next(9).unwrap(), pool.reached()), (Next::Stop, Some(5)));
        pool.report(vec![report(2, Some(0.1)), report(3, Some(0.0))]).unwrap();
        assert_eq!(pool.reached(), Some(2), "the first in the sweep, whichever comes first in time");
    }

    #[test]
    fn too_many_failures_end_it() {
        let mut pool = Pool::fixed(0..10, limits(None, Some(2)));
        pool.next(4).unwrap();
        pool.report(vec![report(0, None)]).unwrap();
        assert!(matches!(pool.next(1).unwrap(), Next::Run(_)));
        pool.report(vec![report(1, None)]).unwrap();
        assert_eq!((pool.next(1).unwrap(), pool.stopped()), (Next::Stop, Some(&Stopped::Failures(2))));
    }

    #[test]
    fn a_point_that_breaks_a_constraint_is_not_the_best() {
        let mut pool = Pool::fixed(0..2, limits(Some(0.0), None));
        let measured = Measured { objective: -1.0, excesses: vec![0.5] };
        pool.report(vec![Report { measured: Some(measured), ..report(0, None) }, report(1, Some(2.0))]).unwrap();
        assert_eq!((pool.best(), pool.reached()), (Some((2.0, 1)), None));
    }

    /// Chooses pairs, and is content after three of them.
    struct Pairs;

    impl Chooser for Pairs {
        fn choose(&self, observations: &[Observation]) -> Result<Vec<Vec<f64>>> {
            let count = observations.len() as f64;
            Ok(if count < 6.0 { vec![vec![count], vec![count + 1.0]] } else { Vec::new() })
        }
    }

    #[test]
    fn chosen_points_wait_for_those_before_and_known_ones_are_not_run() {
        let known: HashMap<u64, f64> = [(0, 5.0), (1, 4.0), (3, 1.0)].into();
        let look = Box::new(move |index: u64, _: &[f64]| {
            let measured = |value: &f64| Some(Measured { objective: *value, excesses: vec![] });
            Ok(known.get(&index).map_or(Known::Open, |value| Known::Ended(measured(value))))
        });
        let mut pool = Pool::chosen(Box::new(Pairs), look, 5, limits(None, None));
        assert_eq!(indices(&pool.next(9).unwrap()), [2]);
        assert_eq!((pool.next(9).unwrap(), pool.best()), (Next::Wait, Some((1.0, 3))));
        pool.report(vec![report(2, None)]).unwrap();
        assert_eq!(indices(&pool.next(9).unwrap()), [4], "the fifth is the last there may be");
        pool.report(vec![report(4, Some(0.5))]).unwrap();
        assert_eq!((pool.next(9).unwrap(), pool.places().len()), (Next::Stop, 5));
        assert_eq!(pool.tally(), Tally { done: 1, failed: 1 });
    }
}
