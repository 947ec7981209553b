//! The observables of a job, and all Pauli strings that its results need.

use crate::config::{Config, Located, ObserveSection};
use crate::driver::Context;
use crate::error::{Error, Result};
use crate::formats::pauli;
use crate::model::{PauliString, PauliSum};

/// One observable and what it is called in the results.
#[derive(Debug, Clone)]
pub(super) struct Observable {
    pub(super) name: String,
    pub(super) sum: PauliSum,
    /// Whether its terms are listed one by one as well.
    pub(super) listed: bool,
    /// If its variance is wanted: the sum without its identity, and the square of that.
    pub(super) square: Option<(PauliSum, PauliSum)>,
}

impl Observable {
    fn new(name: String, sum: PauliSum, (listed, squared): (bool, bool)) -> Result<Observable> {
        let square = || {
            let traceless = sum.traceless();
            traceless.squared().map(|square| (traceless, square))
        };
        let square = squared.then(square).transpose()?;
        Ok(Observable { name, sum, listed, square })
    }
}

/// Reads the observables; collective.
pub(super) fn read(config: &Config, context: &Context<'_>, qubits: usize) -> Result<Vec<Observable>> {
    let (mut observables, squared) = (Vec::new(), config.observe.variance);
    for text in &config.observe.expectations {
        let read = PauliSum::parse(&text.value, qubits);
        let read = read.and_then(|sum| Observable::new(text.value.clone(), sum, (false, squared)));
        observables.push(read.map_err(|error| config.locate(text, error))?);
    }
    if let Some(named) = &config.observe.expectations_file {
        let path = context.resolve(&named.value);
        let shown = path.display().to_string();
        let bytes = context.read(&path, &shown)?;
        let sum = pauli::parse_file(&bytes, &shown, qubits)?;
        let name = path.file_name().map_or_else(|| named.value.clone(), |name| name.to_string_lossy().into_owned());
        observables.push(Observable::new(name, sum, (true, squared)).map_err(|error| error.in_file(&shown))?);
    }
    Ok(observables)
}

/// All strings that some result needs but the identity; some may come twice.
pub(super) fn strings(observables: &[Observable], observe: &ObserveSection) -> Vec<PauliString> {
    let sums = observables.iter().flat_map(|one| [Some(&one.sum), one.square.as_ref().map(|(_, square)| square)]);
    let mut strings: Vec<PauliString> = sums.flatten().flat_map(|sum| &sum.terms).map(|(_, string)| *string).collect();
    observe.reduced.iter().for_each(|group| strings.extend(PauliString::all_on(&group.value)));
    observe.negativity.iter().for_each(|pair| strings.extend(PauliString::all_on(&pair.value.qubits())));
    strings.retain(|string| !string.is_identity());
    strings
}

/// Refuses groups of qubits that the circuit does not have.
pub(super) fn check_groups(config: &Config, qubits: usize) -> Result<()> {
    let observe = &config.observe;
    let groups = observe.probabilities.iter().chain(&observe.reduced);
    let groups = groups.map(|group| (group.line, group.value.clone()));
    let pairs = observe.negativity.iter().map(|pair| (pair.line, pair.value.qubits()));
    for (line, value) in groups.chain(pairs) {
        if let Some(qubit) = value.iter().find(|qubit| **qubit >= qubits) {
            let what = format!("qubit {qubit} of a group is out of range: the circuit has {qubits} qubit(s)");
            let error = Error::input(what).allowed(format!("0 to {}", qubits.saturating_sub(1)));
            return Err(config.locate(&Located { value, line }, error));
        }
    }
    Ok(())
}
