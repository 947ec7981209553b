//! What a run of falling certainty and growing width has cost so far, and will at least: predicted, so that every rank
//! finds the same, from the widths as they come.

use super::machine::Speed;
use super::predict::{Course, Walk};
use super::widths::{Matching, Profile, Widths};
use super::{Action, Plan};
use crate::config::{Compression, Machine};
use std::collections::BTreeMap;

/// Adds up the predicted seconds of the steps of a low-rank run, over all its passes.
pub struct Meter {
    machine: Machine,
    threads: usize,
    amplitude_bytes: usize,
    widths: Widths,
    course: Course,
    /// Seconds of the passes before this one, and of the dearest of them.
    earlier: (f64, f64),
    /// Columns after the last compression.
    compressed: u64,
    /// For a width, by its logarithm: the seconds from each step to the end.
    remaining: BTreeMap<u32, Vec<f64>>,
}

impl Meter {
    /// For passes over `plan` that start with `start` columns of amplitudes of so many bytes, on ranks of `threads` threads.
    pub fn new(plan: &Plan, machine: Machine, threads: usize, amplitude_bytes: usize, start: u64) -> Meter {
        let widths = Widths { start, after: Vec::new(), compresses: Vec::new(), matching: Matching::Steps };
        let (course, remaining) = (Course::begin(plan, start), BTreeMap::new());
        let earlier = (0.0, 0.0);
        Meter { machine, threads, amplitude_bytes, widths, course, earlier, compressed: start, remaining }
    }

    /// Counts the next step of the plan, which left `width` columns and compressed so many, if any.
    pub fn step(&mut self, plan: &Plan, width: u64, compressed_from: Option<u64>) {
        let index = self.widths.after.len();
        self.widths.after.push(width);
        self.widths.compresses.push(compressed_from.is_some());
        let speed = Speed::new(&self.machine, self.threads, self.amplitude_bytes);
        let course = std::mem::take(&mut self.course);
        let mut walk =
            Walk { plan, widths: &self.widths, speed: &speed, amplitude_bytes: self.amplitude_bytes, course };
        match (targets_of_channel(&plan.steps[index].action), compressed_from) {
            (Some(targets), Some(formed)) => walk.channel_at_once(index, targets.len(), formed),
            _ => walk.step(index),
        }
        self.course = walk.course;
        if compressed_from.is_some() {
            self.compressed = width;
        }
    }

    /// A new pass begins, with a smaller cut.
    pub fn restart(&mut self, plan: &Plan) {
        let pass = self.pass();
        self.earlier = (self.earlier.0 + pass, self.earlier.1.max(pass));
        self.widths.after.clear();
        self.widths.compresses.clear();
        self.compressed = self.widths.start;
        self.course = Course::begin(plan, self.widths.start);
    }

    /// Seconds of all steps so far.
    pub fn spent(&self) -> f64 {
        self.earlier.0 + self.pass()
    }

    /// Seconds of all steps so far and of those to come in this pass, if the factor grows no more. A pass with a smaller cut
    /// takes at least as long as the ones before it.
    pub fn projected(&mut self, plan: &Plan) -> f64 {
        let next = self.widths.after.len();
        let pass = self.pass() + self.remaining(plan)[next];
        self.earlier.0 + pass.max(self.earlier.1)
    }

    /// Seconds that the next step takes at least, if it forms so many columns from those there are.
    pub fn next(&self, plan: &Plan, formed: u64) -> f64 {
        let speed = Speed::new(&self.machine, self.threads, self.amplitude_bytes);
        speed.eigenvalues(formed.min(1 << plan.qubits.min(63)))
    }

    fn pass(&self) -> f64 {
        self.course.result.seconds.total()
    }

    /// The seconds from each step to the end with the width of the last compression, rounded down to a power of two.
    fn remaining(&mut self, plan: &Plan) -> &[f64] {
        let bits = self.compressed.max(1).ilog2();
        let speed = Speed::new(&self.machine, self.threads, self.amplitude_bytes);
        let predict = || {
            let widths = Profile::constant(1 << bits).along(plan, Compression::Lazy);
            let mut seconds = plan.predict(&widths, &speed, self.amplitude_bytes).steps;
            seconds.push(0.0);
            (0..plan.steps.len()).rev().for_each(|step| seconds[step] += seconds[step + 1]);
            seconds
        };
        self.remaining.entry(bits).or_insert_with(predict)
    }
}

/// The qubits of a channel, under a condition or not.
fn targets_of_channel(action: &Action) -> Option<&[usize]> {
    match action {
        Action::Channel { targets, .. } => Some(targets),
        Action::Conditional { action, .. } => targets_of_channel(action),
        _ => None,
    }
}
