//! What a run of falling certainty and growing width has cost so far, and will at least: predicted, so that every rank
//! finds the same, from the widths as they come.

use super::machine::Speed;
use super::predict::{Course, Walk};
use super::widths::{Matching, Widths};
use super::{Action, Plan};
use crate::config::Machine;
use serde::{Deserialize, Serialize};

/// What low-rank steps take over what is predicted of them: measured on random circuits, where predictions of density
/// matrices need no such factor. Small matrices are assembled and sent besides.
const OVER_PREDICTED: f64 = 1.3;
/// A smaller part of a pass says too little about the whole.
const SMALLEST_FRACTION: f64 = 0.04;

/// Adds up the predicted seconds of the steps of a low-rank run, over all its passes.
pub struct Meter {
    machine: Machine,
    threads: usize,
    amplitude_bytes: usize,
    widths: Widths,
    course: Course,
    /// Seconds of the passes before this one, and of the dearest of them.
    earlier: (f64, f64),
    /// Seconds of this pass after each step.
    after: Vec<f64>,
    /// Columns that each step of this pass compressed.
    compressed_from: Vec<Option<u64>>,
}

/// What a meter has seen, to be counted again by another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Readings {
    earlier: (f64, f64),
    /// For each step of the pass the columns it left, and those that it compressed.
    steps: Vec<(u64, Option<u64>)>,
}

impl Meter {
    /// For passes over `plan` that start with `start` columns of amplitudes of so many bytes, on ranks of `threads` threads.
    pub fn new(plan: &Plan, machine: Machine, threads: usize, amplitude_bytes: usize, start: u64) -> Meter {
        let widths = Widths { start, after: Vec::new(), compresses: Vec::new(), matching: Matching::Steps };
        let (course, earlier, after) = (Course::begin(plan, start), (0.0, 0.0), vec![0.0]);
        let compressed_from = Vec::new();
        Meter { machine, threads, amplitude_bytes, widths, course, earlier, after, compressed_from }
    }

    /// Counts the next step of the plan, which left `width` columns and compressed so many, if any.
    pub fn step(&mut self, plan: &Plan, width: u64, compressed_from: Option<u64>) {
        let index = self.widths.after.len();
        self.widths.after.push(width);
        self.widths.compresses.push(compressed_from.is_some());
        self.compressed_from.push(compressed_from);
        let speed = Speed::new(&self.machine, self.threads, self.amplitude_bytes);
        let course = std::mem::take(&mut self.course);
        let mut walk =
            Walk { plan, widths: &self.widths, speed: &speed, amplitude_bytes: self.amplitude_bytes, course };
        match (targets_of_channel(&plan.steps[index].action), compressed_from) {
            (Some(targets), Some(formed)) => walk.channel_at_once(index, targets.len(), formed),
            _ => walk.step(index),
        }
        self.course = walk.course;
        self.after.push(OVER_PREDICTED * self.course.result.seconds.total());
    }

    /// A new pass begins, with a smaller cut.
    pub fn restart(&mut self, plan: &Plan) {
        let pass = self.pass();
        self.earlier = (self.earlier.0 + pass, self.earlier.1.max(pass));
        self.widths.after.clear();
        self.widths.compresses.clear();
        self.compressed_from.clear();
        self.after.truncate(1);
        self.course = Course::begin(plan, self.widths.start);
    }

    /// All that it has seen.
    pub fn readings(&self) -> Readings {
        let steps = self.widths.after.iter().copied().zip(self.compressed_from.iter().copied());
        Readings { earlier: self.earlier, steps: steps.collect() }
    }

    /// Counts what another meter saw of this plan; this one has seen nothing yet.
    pub fn resume(&mut self, plan: &Plan, readings: &Readings) {
        self.earlier = readings.earlier;
        readings.steps.iter().for_each(|(width, compressed_from)| self.step(plan, *width, *compressed_from));
    }

    /// Seconds of all steps so far.
    pub fn spent(&self) -> f64 {
        self.earlier.0 + self.pass()
    }

    /// Seconds of all steps so far and of those to come in this pass, if they go on as the last half of those done: for a factor
    /// that grows that is too little. A pass with a smaller cut takes at least as long as the ones before it.
    pub fn projected(&self, plan: &Plan) -> f64 {
        let (done, half) = (self.after.len() - 1, (self.after.len() - 1) / 2);
        if (done as f64) < SMALLEST_FRACTION * plan.steps.len() as f64 {
            return self.earlier.0 + self.pass().max(self.earlier.1);
        }
        let rate = (self.after[done] - self.after[half]) / (done - half).max(1) as f64;
        let pass = self.pass() + rate * (plan.steps.len() - done) as f64;
        self.earlier.0 + pass.max(self.earlier.1)
    }

    /// Seconds that the next step takes at least, if it forms so many columns from those there are.
    pub fn next(&self, plan: &Plan, formed: u64) -> f64 {
        let speed = Speed::new(&self.machine, self.threads, self.amplitude_bytes);
        OVER_PREDICTED * speed.eigenvalues(formed.min(1 << plan.qubits.min(63)))
    }

    fn pass(&self) -> f64 {
        self.after.last().copied().unwrap_or(0.0)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::widths::tests::{channels, measured};

    /// Runs `steps` steps that compress from `4 * width` columns to `width`, one for each channel.
    fn run(meter: &mut Meter, plan: &Plan, steps: usize, width: u64) {
        for step in 0..steps {
            let compressed = (step % 2 == 0).then_some(4 * width);
            meter.step(plan, width, compressed);
        }
    }

    #[test]
    fn passes_add_up_and_the_next_is_no_shorter() {
        let plan = measured(channels(20), 10);
        let mut meter = Meter::new(&plan, Machine::defaults(), 2, 16, 1);
        assert_eq!(meter.spent(), 0.0);
        run(&mut meter, &plan, 20, 16);
        let (spent, projected) = (meter.spent(), meter.projected(&plan));
        assert!(spent > 0.0 && projected > 1.8 * spent && projected < 2.3 * spent, "{spent} {projected}");
        meter.restart(&plan);
        assert_eq!((meter.spent(), meter.projected(&plan)), (spent, 2.0 * spent));
        run(&mut meter, &plan, 20, 32);
        assert!(meter.spent() > 2.0 * spent && meter.projected(&plan) > 5.0 * spent);
    }

    #[test]
    fn a_channel_that_forms_more_columns_costs_more() {
        let plan = measured(channels(20), 10);
        let cost = |formed| {
            let mut meter = Meter::new(&plan, Machine::defaults(), 2, 16, 8);
            meter.step(&plan, 8, Some(formed));
            (meter.spent(), meter.next(&plan, formed))
        };
        let (few, many) = (cost(64), cost(512));
        assert!(many.0 > 10.0 * few.0 && many.1 > 10.0 * few.1 && many.0 > many.1);
    }
}
