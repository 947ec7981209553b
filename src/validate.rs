//! Circuits whose results are known in closed form, run by every engine: does this build, on this machine and these
//! ranks, compute what it should?

mod cases;

use crate::backend::{Backend, Precision};
use crate::comm::{Communicator, agree};
use crate::config::{Compression, DeviceKind};
use crate::driver::computer::{Computer, Wish, computer};
use crate::engine::density::Density;
use crate::engine::low_rank::{LowRank, Settings};
use crate::engine::statevector::Statevector;
use crate::engine::statistics::Statistics;
use crate::engine::trajectories::{BATCH, Trajectories};
use crate::engine::{Engine, Final};
use crate::error::{Error, Result};
use crate::formats::qasm;
use crate::model::{Circuit, PauliSum};
use crate::plan::{Action, Plan, Request};
use cases::{CASES, Case};
use std::fmt::Write;
use std::rc::Rc;

/// What the engines may differ from the closed form by, beside the rounding they state.
const TOLERANCE: f64 = 1e-12;
/// Far more columns than any case has.
const MOST_COLUMNS: usize = 1024;

/// The engines, by the name that a job file has for them.
const ENGINES: [&str; 4] = ["low-rank", "density", "statevector", SAMPLED];
/// The one that samples.
const SAMPLED: &str = "trajectories";
/// Its batches, and their seed: what is sampled is the same every time.
const BATCHES: u64 = 64;
const SEED: u64 = 1;
/// Standard errors that a sampled value may be off by.
const STANDARD_ERRORS: f64 = 5.0;
/// A branch that so many trajectories are expected to take can be missed by all: one case has a branch of probability 1e-10.
const UNMET: f64 = 5.0;

/// One line of the table.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    case: &'static str,
    observable: &'static str,
    engine: &'static str,
    expected: f64,
    measured: f64,
    tolerance: f64,
}

impl Line {
    fn holds(&self) -> bool {
        (self.measured - self.expected).abs() <= self.tolerance
    }
}

/// Runs every case on all ranks with what computes there; the table.
///
/// # Errors
/// Internal error, with the table, when a value is not what it should be; resource error when a device is missing.
pub fn run(comm: &dyn Communicator, device: DeviceKind) -> Result<String> {
    let wish = Wish { device, gpu: None, precision: Precision::Double, spill: false };
    let computer = computer(comm, wish)?;
    let mut lines = Vec::new();
    for case in CASES {
        for engine in ENGINES {
            lines.extend(measure(comm, &computer, case, engine)?);
        }
    }
    let mut text = table(&lines, comm.size());
    if let Some(gpu) = computer.gpus.first() {
        let _ = writeln!(text, "computed on {gpu}");
    }
    match lines.iter().filter(|line| !line.holds()).count() {
        0 => Ok(text),
        wrong => Err(Error::internal(format!("{wrong} of {} values are wrong\n\n{text}", lines.len()))),
    }
}

/// The observables of a case by one engine; none if it cannot run the case.
fn measure(comm: &dyn Communicator, computer: &Computer, case: &Case, engine: &'static str) -> Result<Vec<Line>> {
    let no_files = &mut |_: &std::path::Path| Err(Error::internal("a case includes no files"));
    let circuit = qasm::parse(case.circuit.as_bytes(), case.name.as_ref(), &qasm::Options::default(), no_files)?;
    let sums = case.observables.iter().map(|(text, _)| PauliSum::parse(text, circuit.qubits()));
    let sums: Vec<PauliSum> = sums.collect::<Result<_>>()?;
    let plan = plan(&circuit, &sums, engine, comm.size())?;
    if engine == "statevector" && plan.steps.iter().any(|step| step.action.channel().is_some()) {
        return Ok(Vec::new());
    }
    let group = comm.split(usize::from(comm.rank() >= plan.shards));
    let has_shard = comm.rank() < plan.shards;
    let values = if has_shard { values(group.into(), computer, &plan, &sums, engine) } else { Ok(Vec::new()) };
    let values = agree(comm, values)?;
    // Idle ranks learn the values too, so that all end alike.
    let mut all = vec![f64::NEG_INFINITY; 2 * sums.len()];
    all.iter_mut().zip(values.iter().flatten()).for_each(|(slot, value)| *slot = *value);
    comm.maximum(&mut all);
    let lines = case.observables.iter().zip(all.chunks_exact(2)).map(|((observable, expected), found)| Line {
        case: case.name,
        observable,
        engine,
        expected: expected(),
        measured: found[0],
        tolerance: TOLERANCE + found[1],
    });
    Ok(lines.collect())
}

fn plan(circuit: &Circuit, sums: &[PauliSum], engine: &str, ranks: usize) -> Result<Plan> {
    let strings = sums.iter().flat_map(|sum| sum.terms.iter().map(|(_, string)| *string)).collect();
    let (density, fuse_noise) = (engine == "density", engine != SAMPLED);
    Plan::new(circuit, &Request { ranks, strings, density, fuse_noise, ..Request::default() })
}

/// The value of each observable, and what it may be off by: the bound on its rounding, or some standard errors.
fn values(
    comm: Rc<dyn Communicator>,
    computer: &Computer,
    plan: &Plan,
    sums: &[PauliSum],
    name: &str,
) -> Result<Vec<[f64; 2]>> {
    let mut engine = start(computer.connected(comm)?, &*computer.backend, plan, name)?;
    let batches = if name == SAMPLED { BATCHES } else { 1 };
    let mut statistics = Statistics::new(sums.len());
    for batch in 0..batches {
        if name == SAMPLED {
            engine.begin(batch)?;
        }
        statistics.add(&once(&mut *engine, plan, sums)?);
    }
    let (rounding, unmet) = (engine.certificate().rounding, UNMET / (BATCHES * BATCH as u64) as f64);
    let sampled = statistics.standard_errors().into_iter().map(|error| STANDARD_ERRORS * error + unmet);
    let slack = sampled.map(|error| if name == SAMPLED { error } else { rounding });
    Ok(statistics.means().iter().copied().zip(slack).map(<[f64; 2]>::from).collect())
}

fn start(comm: Rc<dyn Communicator>, backend: &dyn Backend, plan: &Plan, engine: &str) -> Result<Box<dyn Engine>> {
    let physical = plan.start.to_physical(0);
    Ok(match engine {
        SAMPLED => Box::new(Trajectories::from_basis_state(comm, backend, plan, 0, SEED)?),
        "density" => Box::new(Density::from_basis_state(comm, backend, plan, 0)?),
        "statevector" => Box::new(Statevector::from_basis_state(comm, backend, plan.qubits, physical)?),
        _ => {
            let (compression, max_width) = (Compression::Lazy, MOST_COLUMNS);
            let settings = Settings { cut: 0.0, prune: 0.0, compression, max_rank: None, max_width, budget: None };
            Box::new(LowRank::from_basis_state(comm, backend, plan.qubits, physical, settings)?)
        }
    })
}

/// Runs the plan; the value of each observable.
fn once(engine: &mut dyn Engine, plan: &Plan, sums: &[PauliSum]) -> Result<Vec<f64>> {
    for step in &plan.steps {
        engine.step(step)?;
    }
    let Some(Action::Measure { layout, overlaps, .. }) = plan.steps.last().map(|step| &step.action) else {
        return Err(Error::internal("a plan ends with its measure step"));
    };
    let strings = engine.pauli_expectations(&plan.strings, Final { layout, overlaps });
    let certificate = engine.certificate();
    let value = |sum: &PauliSum| {
        let string = |string| plan.strings.binary_search(string).map_or(f64::NAN, |place| strings[place]);
        let raw = sum.terms.iter().filter(|(_, string)| !string.is_identity());
        let raw = raw.map(|(coefficient, own)| coefficient * string(own)).sum();
        certificate.observable(sum, raw).value
    };
    Ok(sums.iter().map(value).collect())
}

fn table(lines: &[Line], ranks: usize) -> String {
    let mut text = String::new();
    let heads = ("case", "observable", "engine", "expected", "measured", "tolerance");
    let (case, observable, engine, expected, measured, tolerance) = heads;
    let _ = writeln!(text, "{case:<33} {observable:<11} {engine:<12} {expected:>15} {measured:>15} {tolerance:>10}");
    for line in lines {
        let Line { case, observable, engine, expected, measured, tolerance } = line;
        let verdict = if line.holds() { "" } else { "  WRONG" };
        let _ = writeln!(
            text,
            "{case:<33} {observable:<11} {engine:<12} {expected:>15.12} {measured:>15.12} {tolerance:>10.1e}{verdict}"
        );
    }
    let right = lines.iter().filter(|line| line.holds()).count();
    let _ = writeln!(text, "\n{right} of {} values are right, on {ranks} rank(s)", lines.len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::Serial;

    #[test]
    fn every_engine_is_right() {
        let text = run(&Serial, DeviceKind::Cpu).unwrap();
        assert!(text.contains("on 1 rank(s)") && !text.contains("WRONG"));
    }

    #[test]
    fn a_wrong_value_is_seen() {
        let line = Line {
            case: "a",
            observable: "Z0",
            engine: "density",
            expected: 1.0,
            measured: 1.0 + 1e-9,
            tolerance: TOLERANCE,
        };
        assert!(!line.holds() && table(&[line], 1).contains("WRONG"));
    }
}
