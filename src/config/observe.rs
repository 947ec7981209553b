//! `[observe]`: what is asked of the final state.

use super::document::{Table, Value};
use super::{EngineKind, Located, MAXIMUM_GROUP, MAXIMUM_REDUCED, MAXIMUM_SHOTS, check};
use crate::error::Result;
use serde::Serialize;

/// Qubit numbers are bits of a 64-bit mask, the highest of which stays free.
const LARGEST_QUBIT: u64 = 62;

/// `[observe]`
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ObserveSection {
    /// Observables as Pauli text.
    pub expectations: Vec<Located<String>>,
    /// A file that holds one observable, relative to the job file.
    pub expectations_file: Option<Located<String>>,
    /// Whether the variance of each observable is wanted (default no).
    pub variance: bool,
    /// Groups of qubits whose joint outcome probabilities are wanted; distinct, none empty, no qubit twice in one.
    pub probabilities: Vec<Located<Vec<usize>>>,
    /// Number of samples of the measured bits (default 0).
    pub shots: u64,
    /// Groups of qubits whose density matrices are wanted; distinct, of 1 to 6 qubits, no qubit twice in one.
    pub reduced: Vec<Located<Vec<usize>>>,
    /// Whether the entropies of the whole state are wanted (default no).
    pub entropy: bool,
    /// Whether the eigenvalues of the whole state are wanted (default no).
    pub spectrum: bool,
    /// Pairs of groups of qubits whose entanglement is wanted; distinct, each pair of 2 to 6 qubits, no qubit twice in one.
    pub negativity: Vec<Located<Bipartition>>,
    /// States that the final state is compared with; distinct.
    pub fidelity: Vec<Located<OtherState>>,
}

/// A state to compare with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OtherState {
    /// A basis state: one character 0 or 1 a qubit, the highest qubit leftmost. At least one.
    State(String),
    /// What a pure circuit makes of all qubits in |0>: an OpenQASM file, relative to the job file.
    Circuit(String),
    /// The state in this result file, relative to the job file.
    File(String),
}

impl OtherState {
    /// What the job file names it by.
    pub fn name(&self) -> &str {
        match self {
            OtherState::State(name) | OtherState::Circuit(name) | OtherState::File(name) => name,
        }
    }
}

/// Two groups of qubits without a common one, neither empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bipartition {
    /// One group.
    pub a: Vec<usize>,
    /// The other.
    pub b: Vec<usize>,
}

impl Bipartition {
    /// The qubits of both.
    pub fn qubits(&self) -> Vec<usize> {
        [&self.a[..], &self.b[..]].concat()
    }
}

impl ObserveSection {
    /// Whether anything is wanted that trajectories do not give: an estimate of what is not linear in the state has a bias.
    pub fn is_nonlinear(&self) -> bool {
        self.variance || self.entropy || self.spectrum || !self.negativity.is_empty() || !self.fidelity.is_empty()
    }

    /// Whether anything is wanted.
    pub fn is_empty(&self) -> bool {
        *self == ObserveSection { variance: self.variance, ..ObserveSection::default() }
    }
}

/// Reads the section for an engine of this kind.
pub(super) fn observe(section: &Table, kind: EngineKind) -> Result<ObserveSection> {
    let expectations = |value: &Value| {
        let items = value.items("an array of strings such as [\"Z0\", \"0.5*X0 X1\"]")?;
        items.iter().map(check::located_string).collect::<Result<Vec<_>>>()
    };
    let flag = |key| Ok(check::optional(section, key, Value::flag)?.unwrap_or(false));
    let outcomes = |value: &Value| groups(value, MAXIMUM_GROUP, "outcomes", "ask for `shots` instead");
    let reduced = |value: &Value| groups(value, MAXIMUM_REDUCED, "rows", "take smaller groups");
    let observe = ObserveSection {
        expectations: check::optional(section, "expectations", expectations)?.unwrap_or_default(),
        expectations_file: check::optional(section, "expectations_file", check::located_string)?,
        variance: flag("variance")?,
        probabilities: check::optional(section, "probabilities", outcomes)?.unwrap_or_default(),
        shots: check::optional(section, "shots", |value| value.whole(0..=MAXIMUM_SHOTS))?.unwrap_or(0),
        reduced: check::optional(section, "reduced", reduced)?.unwrap_or_default(),
        entropy: flag("entropy")?,
        spectrum: flag("spectrum")?,
        negativity: check::optional(section, "negativity", bipartitions)?.unwrap_or_default(),
        fidelity: check::optional(section, "fidelity", other_states)?.unwrap_or_default(),
    };
    check_sampled(section, kind, &observe)?;
    Ok(observe)
}

/// Trajectories give expectation values, and matrices of them.
fn check_sampled(section: &Table, kind: EngineKind, observe: &ObserveSection) -> Result<()> {
    let asked = [
        ("variance", observe.variance),
        ("entropy", observe.entropy),
        ("spectrum", observe.spectrum),
        ("negativity", !observe.negativity.is_empty()),
        ("fidelity", !observe.fidelity.is_empty()),
    ];
    let sampled = asked.iter().filter(|(_, asked)| *asked && kind == EngineKind::Trajectories);
    let refused = sampled.filter_map(|(key, _)| section.get(key)).next();
    refused.map_or(Ok(()), |value| {
        Err(value
            .error("is not for kind = \"trajectories\"")
            .allowed("expectation values, probabilities, density matrices of some qubits, and shots")
            .next("use kind = \"low-rank\" or \"density\", or leave it out"))
    })
}

/// Distinct groups of at most `most` qubits, `2^qubits` of what `of` names.
fn groups(value: &Value, most: usize, of: &str, instead: &str) -> Result<Vec<Located<Vec<usize>>>> {
    let mut groups: Vec<Located<Vec<usize>>> = Vec::new();
    for item in value.items("an array of groups of qubits such as [[0, 1, 2], [3]]")? {
        let group = check::located(&item, |value| group(value, most, of, instead))?;
        if groups.contains(&group) {
            return Err(item.error(format!("repeats the group {:?}", group.value)).next("leave it out"));
        }
        groups.push(group);
    }
    Ok(groups)
}

fn group(value: &Value, most: usize, of: &str, instead: &str) -> Result<Vec<usize>> {
    let mut qubits = Vec::new();
    for item in value.items("a group of qubits such as [0, 1, 2]")? {
        let qubit = item.whole(0..=LARGEST_QUBIT)? as usize;
        if qubits.contains(&qubit) {
            return Err(item.error(format!("repeats qubit {qubit}")).allowed("each qubit once in a group"));
        }
        qubits.push(qubit);
    }
    match qubits.len() {
        0 => Err(value.error("is an empty group").allowed("at least one qubit")),
        count if count <= most => Ok(qubits),
        count => Err(value
            .error(format!("is a group of {count} qubits, which has 2^{count} {of}"))
            .allowed(format!("at most {most} qubits in a group"))
            .next(instead)),
    }
}

fn bipartitions(value: &Value) -> Result<Vec<Located<Bipartition>>> {
    let mut all: Vec<Located<Bipartition>> = Vec::new();
    for item in value.items("an array of pairs of groups such as [{ a = [0], b = [1, 2] }]")? {
        let pair = check::located(&item, bipartition)?;
        if all.contains(&pair) {
            return Err(item.error("repeats a pair of groups").next("leave it out"));
        }
        all.push(pair);
    }
    Ok(all)
}

fn bipartition(value: &Value) -> Result<Bipartition> {
    let table = value.table()?.check_keys()?;
    let side =
        |key| group(&table.require(key, "{ a = [0], b = [1] }")?, MAXIMUM_REDUCED, "rows", "take smaller groups");
    let pair = Bipartition { a: side("a")?, b: side("b")? };
    if let Some(qubit) = pair.a.iter().find(|qubit| pair.b.contains(qubit)) {
        return Err(value.error(format!("has qubit {qubit} in both groups")).allowed("each qubit in one of them"));
    }
    match pair.a.len() + pair.b.len() {
        count if count <= MAXIMUM_REDUCED => Ok(pair),
        count => Err(value
            .error(format!("is about {count} qubits"))
            .allowed(format!("at most {MAXIMUM_REDUCED} qubits in both groups together"))),
    }
}

fn other_states(value: &Value) -> Result<Vec<Located<OtherState>>> {
    let mut all: Vec<Located<OtherState>> = Vec::new();
    for item in value.items("an array of states such as [{ state = \"01\" }, { circuit = \"ideal.qasm\" }]")? {
        let state = check::located(&item, other_state)?;
        if all.iter().any(|other| other.value.name() == state.value.name()) {
            return Err(item.error(format!("repeats `{}`", state.value.name())).next("leave it out"));
        }
        all.push(state);
    }
    Ok(all)
}

fn other_state(value: &Value) -> Result<OtherState> {
    let table = value.table()?.check_keys()?;
    let text = |key| check::optional(&table, key, Value::string);
    match (text("state")?, text("circuit")?, text("file")?) {
        (Some(bits), None, None) if bits.bytes().all(|byte| matches!(byte, b'0' | b'1')) => Ok(OtherState::State(bits)),
        (Some(bits), None, None) => Err(value
            .error(format!("has the state `{bits}`, which is no bit string"))
            .allowed("characters 0 and 1, one a qubit, the highest qubit leftmost")),
        (None, Some(file), None) => Ok(OtherState::Circuit(file)),
        (None, None, Some(file)) => Ok(OtherState::File(file)),
        _ => Err(value.error("names no state, or more than one").allowed(
            "one of `state` (a bit string), `circuit` (an OpenQASM file without noise), `file` (a result with its state)",
        )),
    }
}
