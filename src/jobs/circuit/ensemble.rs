//! Sampled runs: the plan is run for batch after batch of trajectories, by all members of the ensemble at the same time.
//!
//! Member `m` of `M` runs the batches `m`, `m + M`, ... Members compare notes after fixed numbers of batches, whatever their own
//! number, so that it is decided on the same trajectories everywhere when enough have run.

use super::counts::Tally;
use super::inputs::Inputs;
use super::observables::Observable;
use super::quantities::{self, Raw};
use super::snapshots::{self, Place};
use crate::comm::{Communicator, agree};
use crate::config::EngineKind;
use crate::engine::statistics::Statistics;
use crate::engine::trajectories::BATCH;
use crate::engine::{Engine, Final};
use crate::error::Result;
use crate::io::{Expectation, ProbabilityGroup, RunRecord, Snapshot, StateSummary, Term, Terms};
use crate::model::PauliString;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Batches before the first comparison: fewer may not have met a rare branch, and know little of their own spread.
const FIRST_CHECK: u64 = 32;
/// The next comparison is after this part more batches.
const GROWTH: u64 = 4;

/// One member's part of the sampling.
pub(super) struct Ensemble {
    /// Ranks that hold the same rows for the other members.
    members: Box<dyn Communicator>,
    /// The batch that runs or is next.
    batch: u64,
    /// Batches, of all members, after which they compare notes next.
    check: u64,
    /// The most batches.
    most: u64,
    /// Standard error that is enough, of this many quantities.
    enough: Option<(f64, usize)>,
    /// What was seen on the way of the batch that runs.
    seen: Vec<f64>,
    /// Of this member's batches.
    own: Statistics,
    /// Of all batches until the last comparison.
    all: Statistics,
    tally: Tally,
}

/// What members have found, in whole rounds.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Samples {
    /// Batches of all members.
    done: u64,
    check: u64,
    own: Statistics,
    counts: BTreeMap<String, u64>,
}

impl Samples {
    /// Those of all members as those of one.
    pub(super) fn joined<'a>(members: impl Iterator<Item = &'a Samples>) -> Option<Samples> {
        members.cloned().reduce(|mut joined, other| {
            joined.own.join(&other.own);
            other.counts.into_iter().for_each(|(bits, count)| *joined.counts.entry(bits).or_default() += count);
            joined
        })
    }
}

impl Ensemble {
    /// For a job that samples.
    pub(super) fn new(members: Box<dyn Communicator>, inputs: &Inputs) -> Option<Ensemble> {
        let most = inputs.most_batches().filter(|_| inputs.config.engine.kind == EngineKind::Trajectories)?;
        let shots = inputs.config.observe.shots.div_ceil(BATCH as u64);
        let enough = inputs.config.engine.standard_error.map(|error| (error, stated(inputs)));
        let check = if enough.is_some() { FIRST_CHECK.max(shots).min(most) } else { most };
        let on_the_way = snapshots::places(&inputs.plan).count() * stated(inputs);
        let own = Statistics::new(stated(inputs) + terms(inputs) + entries(inputs) + on_the_way);
        let (batch, tally) = (members.rank() as u64, Tally::new(inputs));
        Some(Ensemble { members, batch, check, most, enough, seen: Vec::new(), all: own.clone(), own, tally })
    }

    /// The batch that is next, if there is to be one. Collective over the members where they compare notes.
    pub(super) fn next(&mut self) -> Result<Option<u64>> {
        while self.batch >= self.check {
            agree(&*self.members, Ok(()))?;
            self.all = self.own.over(&*self.members);
            if self.check == self.most || self.is_exact_enough() {
                return Ok(None);
            }
            self.check = (self.check + self.check / GROWTH).min(self.most);
        }
        Ok(Some(self.batch))
    }

    /// Tells the other members of an error, which ends the work of all.
    pub(super) fn shared<T>(&self, result: Result<T>) -> Result<T> {
        if result.is_err() { agree(&*self.members, result) } else { result }
    }

    fn is_exact_enough(&self) -> bool {
        self.enough.is_some_and(|(error, quantities)| worst(&self.all.standard_errors()[..quantities]) <= error)
    }

    /// Takes the observables of a snapshot of the batch that runs.
    pub(super) fn glance(&mut self, engine: &mut dyn Engine, inputs: &Inputs, at: Final<'_>) {
        self.seen.extend(observed(engine, inputs, at).1);
    }

    /// Takes the observables of the batch that has run.
    pub(super) fn observe(&mut self, engine: &mut dyn Engine, inputs: &Inputs, last: Final<'_>) {
        let (raw, mut values) = observed(engine, inputs, last);
        let listed = inputs.observables.iter().filter(|one| one.listed).flat_map(|one| &one.sum.terms);
        values.extend(listed.map(|(_, string)| expectation(&[(1.0, *string)], &raw)));
        values.extend(quantities::entries(inputs, 1.0, &raw));
        values.append(&mut self.seen);
        self.own.add(&values);
        self.tally.batch(engine, inputs, last.layout, self.batch * BATCH as u64);
        self.batch += self.members.size() as u64;
    }

    /// Batches this member has run, and the most it will.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.own.batches(), self.most.div_ceil(self.members.size() as u64))
    }

    /// A few words for the progress bar.
    pub(super) fn status(&self, quantities: usize) -> String {
        let own = worst(&self.own.standard_errors()[..quantities]);
        let error = own / (self.members.size() as f64).sqrt();
        format!(
            "{} trajectories, standard error {error:.1e}",
            self.own.batches() * (BATCH * self.members.size()) as u64
        )
    }

    /// Trajectories of all members.
    pub(super) fn trajectories(&self) -> u64 {
        self.all.batches() * BATCH as u64
    }

    /// Whether all members have taken as many batches, and have one more to take before they compare notes.
    pub(super) fn is_round(&self) -> bool {
        let members = self.members.size() as u64;
        (self.batch / members + 1) * members <= self.check
    }

    /// What a checkpoint holds of this member, after a round.
    pub(super) fn samples(&self) -> Samples {
        let done = self.batch - self.members.rank() as u64;
        Samples { done, check: self.check, own: self.own.clone(), counts: self.tally.rows().clone() }
    }

    /// Goes on after these samples; of another number of members they are all the first one's.
    pub(super) fn restore(&mut self, samples: Samples) {
        (self.batch, self.check) = (samples.done + self.members.rank() as u64, samples.check);
        self.own = samples.own;
        self.tally.set_rows(samples.counts);
    }

    /// As [`Ensemble::restore`] for a member that has found nothing.
    pub(super) fn restore_without(&mut self, samples: &Samples) {
        (self.batch, self.check) = (samples.done + self.members.rank() as u64, samples.check);
    }

    /// This member's number.
    pub(super) fn member(&self) -> usize {
        self.members.rank()
    }

    /// What was found, complete on the first member. Collective over the members.
    pub(super) fn record(&self, inputs: &Inputs) -> RunRecord {
        let mut found = self.all.means().iter().copied().zip(self.all.standard_errors());
        let (observables, observe) = (&inputs.observables, &inputs.config.observe);
        // In the order in which they were observed.
        let (expectations, probabilities) = estimates(inputs, &mut found);
        let listed = observables.iter().filter(|one| one.listed);
        let terms = listed.map(|one| listed_terms(one, &mut found)).collect();
        let mut reduced = quantities::unknown(inputs);
        quantities::estimate(&mut reduced, &mut found);
        let snapshots = snapshots::places(&inputs.plan).map(|place| snapshot(&place, inputs, &mut found)).collect();
        let counts = (observe.shots > 0).then(|| self.tally.over(&*self.members));
        RunRecord { expectations, probabilities, terms, reduced, snapshots, counts, ..RunRecord::default() }
    }
}

/// All Pauli strings of a batch, and from them and the amplitudes the expectations and probabilities of the job.
fn observed(engine: &mut dyn Engine, inputs: &Inputs, at: Final<'_>) -> (Raw, Vec<f64>) {
    let strings = &inputs.plan.strings;
    let raw = strings.iter().copied().zip(engine.pauli_expectations(strings, at)).collect();
    let groups = inputs.config.observe.probabilities.iter();
    let mut values: Vec<f64> = inputs.observables.iter().map(|one| expectation(&one.sum.terms, &raw)).collect();
    values.extend(groups.flat_map(|group| engine.marginal(at.layout, &group.value)));
    (raw, values)
}

/// Expectations and probabilities of a job, whose standard errors count.
pub(super) fn stated(inputs: &Inputs) -> usize {
    let outcomes = inputs.config.observe.probabilities.iter().map(|group| 1 << group.value.len());
    inputs.observables.len() + outcomes.sum::<usize>()
}

/// Terms that are listed one by one.
fn terms(inputs: &Inputs) -> usize {
    inputs.observables.iter().filter(|one| one.listed).map(|one| one.sum.terms.len()).sum()
}

/// Real and imaginary parts of the entries of density matrices.
fn entries(inputs: &Inputs) -> usize {
    inputs.config.observe.reduced.iter().map(|group| 2 << (2 * group.value.len())).sum()
}

/// The largest; NaN if any is, as nothing is known then.
fn worst(errors: &[f64]) -> f64 {
    errors.iter().copied().fold(0.0, |worst, error| if error > worst || error.is_nan() { error } else { worst })
}

/// Of a sum of Pauli strings in a state of trace 1.
fn expectation(terms: &[(f64, PauliString)], raw: &Raw) -> f64 {
    let value = |string: &PauliString| {
        if string.is_identity() { 1.0 } else { raw.get(string).copied().unwrap_or(f64::NAN) }
    };
    terms.iter().map(|(coefficient, string)| coefficient * value(string)).sum()
}

/// A mean and its standard error.
type Found = Option<(f64, f64)>;

/// What [`observed`] saw, in the mean.
fn estimates(
    inputs: &Inputs,
    found: &mut impl Iterator<Item = (f64, f64)>,
) -> (Vec<Expectation>, Vec<ProbabilityGroup>) {
    let expectations = inputs.observables.iter().map(|one| estimate(&one.name, found.next())).collect();
    let groups = inputs.config.observe.probabilities.iter();
    (expectations, groups.map(|one| group(&one.value, found)).collect())
}

fn snapshot(place: &Place<'_>, inputs: &Inputs, found: &mut impl Iterator<Item = (f64, f64)>) -> Snapshot {
    let unknown = f64::NAN;
    let (purity, purity_lower, purity_upper) = (unknown, unknown, unknown);
    let state = StateSummary {
        rank: BATCH,
        trace: 1.0,
        error: unknown,
        purity,
        purity_lower,
        purity_upper,
        ..StateSummary::default()
    };
    let (expectations, probabilities) = estimates(inputs, found);
    Snapshot::new(place.name, place.line, &state, expectations, probabilities)
}

fn estimate(name: &str, found: Found) -> Expectation {
    let (value, stderr) = found.unwrap_or((f64::NAN, f64::NAN));
    let unknown = f64::NAN;
    Expectation { name: name.into(), value, stderr, lower: unknown, upper: unknown, renormalised: unknown }
}

fn term(coefficient: f64, string: PauliString, found: Found) -> Term {
    let Expectation { name, value, lower, upper, stderr, .. } = estimate(&string.to_string(), found);
    Term { name, coefficient, value, lower, upper, stderr }
}

fn listed_terms(observable: &Observable, found: &mut impl Iterator<Item = (f64, f64)>) -> Terms {
    let terms = observable.sum.terms.iter().map(|(coefficient, string)| term(*coefficient, *string, found.next()));
    Terms { name: observable.name.clone(), terms: terms.collect() }
}

fn group(qubits: &[usize], found: &mut impl Iterator<Item = (f64, f64)>) -> ProbabilityGroup {
    let (value, stderr): (Vec<f64>, Vec<f64>) = found.take(1 << qubits.len()).unzip();
    let unknown = vec![f64::NAN; value.len()];
    let (lower, upper, renormalised) = (unknown.clone(), unknown.clone(), unknown);
    ProbabilityGroup { qubits: qubits.to_vec(), value, stderr, lower, upper, renormalised }
}
