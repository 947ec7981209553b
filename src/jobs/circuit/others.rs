//! The states that the final one is compared with: basis states, what pure circuits make, and states in result files.

use super::Run;
use super::inputs::{Inputs, bit_string, first_channel, read_circuit};
use super::sizes::human_bytes;
use crate::backend::{Precision, cpu::Cpu};
use crate::comm::{Serial, agree, on_root};
use crate::config::{Config, OtherState};
use crate::driver::Context;
use crate::engine::certificate::{Certificate, Certified};
use crate::engine::closeness::{Closeness, Sigma};
use crate::engine::statevector::Statevector;
use crate::engine::{Engine, rounding::Rounding};
use crate::error::{Error, Result};
use crate::formats::qasm;
use crate::io::{Bounded, Fidelity, StateFile};
use crate::model::{Circuit, Layout};
use crate::plan::{Action, Plan, Request};
use crate::state::Other;
use num_complex::Complex64;
use std::path::PathBuf;
use std::rc::Rc;

/// Amplitudes that a rank holds of a pure state while it makes it: those in work, and those in order.
const COPIES: u64 = 3;

/// One state and what it is called in the results.
#[derive(Debug, Clone)]
pub(super) struct Compared {
    name: String,
    state: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// The basis state with this logical index.
    Basis(u64),
    Pure(Rc<Circuit>),
    /// A factor: its path, number of columns, and what is certified of it.
    Stored(PathBuf, usize, Certificate),
}

/// Reads and checks; collective.
pub(super) fn read(config: &Config, context: &Context<'_>, qubits: usize) -> Result<Vec<Compared>> {
    let state = |other: &OtherState| match other {
        OtherState::State(bits) => bit_string("state", bits, qubits).map(Kind::Basis),
        OtherState::Circuit(file) => pure_circuit(context, file, qubits).map(|circuit| Kind::Pure(circuit.into())),
        OtherState::File(file) => stored(context, file, qubits),
    };
    let all = config.observe.fidelity.iter().map(|other| {
        let state = state(&other.value).map_err(|error| config.locate(other, error))?;
        Ok(Compared { name: other.value.name().into(), state })
    });
    all.collect()
}

fn pure_circuit(context: &Context<'_>, file: &str, qubits: usize) -> Result<Circuit> {
    let (_, circuit) = read_circuit(context, file, &qasm::Options::default())?;
    check_qubits(file, circuit.qubits(), qubits)?;
    if let Some((name, line)) = first_channel(&circuit)? {
        return Err(Error::input(format!("a circuit to compare with makes a pure state, here is: {name}"))
            .in_file(context.resolve(file).display())
            .at_line(line)
            .next("run it as a job of its own with `state = true` in [output], and compare with that `file`"));
    }
    let needed = COPIES.saturating_mul(size_of::<Complex64>() as u64) << qubits.min(48);
    let memory = context.memory();
    if needed > memory {
        let (needed, memory) = (human_bytes(needed as f64), human_bytes(memory as f64));
        let what = format!("the pure state of {file} takes {needed} on each rank, which has {memory}");
        return Err(Error::resource(what).next("start fewer ranks on a node"));
    }
    Ok(circuit)
}

fn stored(context: &Context<'_>, file: &str, qubits: usize) -> Result<Kind> {
    let path = context.resolve(file);
    context.inputs.borrow_mut().push(path.clone());
    let facts = |state: StateFile| (state.qubits, state.rank, state.trace, state.rounding);
    let (found, rank, trace, rounding) = on_root(context.comm, || StateFile::open(&path).map(facts))?;
    check_qubits(file, found, qubits)?;
    Ok(Kind::Stored(path, rank, Certificate { trace, rounding }))
}

fn check_qubits(file: &str, found: usize, qubits: usize) -> Result<()> {
    if found == qubits {
        return Ok(());
    }
    Err(Error::input(format!("the state of {file} has {found} qubit(s), the circuit has {qubits}"))
        .next("compare states of as many qubits"))
}

/// Compares with all. Collective over the ranks with a shard.
pub(super) fn compare(
    run: &mut Run,
    inputs: &Inputs,
    certificate: &Certificate,
    layout: &Layout,
) -> Result<Vec<Fidelity>> {
    let all = inputs.others.iter().map(|other| {
        let closeness = with(run, inputs, certificate, (layout, other))?;
        let Closeness { fidelity, trace_distance } = closeness.unwrap_or_else(unknown);
        let [fidelity, trace_distance] = [fidelity, trace_distance].map(|of| bounded(&other.name, of));
        Ok(Fidelity { name: other.name.clone(), fidelity, trace_distance })
    });
    all.collect()
}

fn with(
    run: &mut Run,
    inputs: &Inputs,
    certificate: &Certificate,
    (layout, other): (&Layout, &Compared),
) -> Result<Option<Closeness>> {
    let (qubits, engine) = (inputs.plan.system, &mut run.engine);
    let pure = |rounding| Sigma { certificate: Certificate { trace: 1.0, rounding }, pure: true };
    let (sigma, found) = match &other.state {
        Kind::Basis(index) => {
            let amplitude = |row| if row == *index { Complex64::ONE } else { Complex64::ZERO };
            (pure(0.0), engine.compare(layout, &mut Other::Pure(&amplitude))?)
        }
        Kind::Pure(circuit) => {
            let (amplitudes, rounding) = agree(&*run.comm, amplitudes(circuit))?;
            let amplitude = |row: u64| amplitudes[row as usize];
            (pure(rounding), engine.compare(layout, &mut Other::Pure(&amplitude))?)
        }
        Kind::Stored(path, rank, certificate) => {
            let mut file = None;
            let mut read = |first, count| {
                let file = match &mut file {
                    Some(file) => file,
                    none => none.insert(StateFile::open(path)?),
                };
                file.read_rows(first, count as u64)
            };
            let sigma = Sigma { certificate: *certificate, pure: false };
            (sigma, engine.compare(layout, &mut Other::Rows(*rank, &mut read))?)
        }
    };
    if found.is_none() {
        tracing::warn!("the density matrix is too large to be compared with {}", other.name);
    }
    Ok(found.map(|found| certificate.closeness(&found, &sigma, qubits)))
}

/// The amplitudes that a pure circuit makes, in logical order, and the bound on their rounding.
fn amplitudes(circuit: &Circuit) -> Result<(Vec<Complex64>, f64)> {
    let plan = Plan::new(circuit, &Request::default())?;
    let start = plan.start.to_physical(0);
    let mut engine = Statevector::from_basis_state(Rc::new(Serial), &Cpu::new(Precision::Double), plan.qubits, start)?;
    for step in &plan.steps {
        engine.step(step)?;
    }
    let Some(Action::Measure { layout, .. }) = plan.steps.last().map(|step| &step.action) else {
        return Err(Error::internal("a plan ends with its measure step"));
    };
    let mut amplitudes = Vec::with_capacity(1 << plan.qubits);
    engine.export_rows(layout, &mut |_, rows| {
        amplitudes.extend_from_slice(rows);
        Ok(())
    })?;
    Ok((amplitudes, engine.certificate().rounding + Rounding::of_sum(plan.qubits, 1)))
}

/// All that is known without any comparison.
fn unknown() -> Closeness {
    let nothing = Certified { value: f64::NAN, lower: 0.0, upper: 1.0, renormalised: f64::NAN };
    Closeness { fidelity: nothing, trace_distance: nothing }
}

fn bounded(name: &str, Certified { value, lower, upper, renormalised }: Certified) -> Bounded {
    Bounded { name: name.into(), value, lower, upper, renormalised }
}
