//! The native form, TOML: what `[noise]` of a job says.

use crate::config::{IdleSection, Located, MatrixSection, NoiseSection, ReadoutMatrix, ReadoutSection, RuleSection};
use crate::error::{Error, Result};
use crate::linalg::Matrix;
use crate::model::NoiseModel;
use crate::model::NoiseRule;
use crate::model::channel::{Channel, Given, Relaxation, pauli_probabilities};
use crate::model::noise::{Device, Durations, Idle, Place, Readout, ReadoutTable, Rule, Schedule};
use num_complex::Complex64;
use std::collections::BTreeMap;

pub(super) fn model(section: &NoiseSection, device: Option<&Device>) -> Result<NoiseModel> {
    let depolarizing =
        NoiseRule { one_qubit: section.depolarizing.one_qubit, two_qubit: section.depolarizing.two_qubit };
    let of_rule = |section: &Located<RuleSection>| rule(&section.value).map_err(|error| error.at_line(section.line));
    Ok(NoiseModel {
        depolarizing,
        rules: section.rules.iter().map(of_rule).collect::<Result<_>>()?,
        idle: section.idle.as_ref().map(|section| idle(section, device)).transpose()?,
        readout: readout(&section.readout)?,
        ..NoiseModel::default()
    })
}

fn rule(section: &RuleSection) -> Result<Rule> {
    let matrices = section.matrices.iter().map(matrix).collect::<Result<_>>()?;
    let given = Given { numbers: section.numbers.clone(), paulis: section.paulis.clone(), matrices };
    Ok(Rule {
        gates: section.gates.clone(),
        qubits: section.qubits.clone(),
        place: if section.place == "before" { Place::Before } else { Place::After },
        on: section.on.clone(),
        otherwise: section.otherwise,
        channel: Channel::specified(&section.channel, &given)?,
    })
}

fn matrix(rows: &MatrixSection) -> Result<Matrix> {
    let columns = rows.first().map_or(0, Vec::len);
    let entries: Vec<Complex64> = rows.iter().flatten().map(|[re, im]| Complex64::new(*re, *im)).collect();
    Matrix::from_shape_vec((rows.len(), columns), entries)
        .map_err(|_| Error::input("the rows of a matrix are of different lengths"))
}

fn readout(section: &ReadoutSection) -> Result<ReadoutTable> {
    let matrices = match section {
        ReadoutSection::Symmetric(0.0) => Vec::new(),
        ReadoutSection::Symmetric(probability) => vec![Readout::symmetric(*probability)?],
        ReadoutSection::Matrix(rows) => vec![Readout::new(Vec::new(), rows.clone())?],
        ReadoutSection::Tables(tables) => {
            tables.iter().map(|one| Readout::new(one.qubits.clone(), one.matrix.clone())).collect::<Result<_>>()?
        }
    };
    ReadoutTable::new(matrices)
}

/// What the section leaves out is that of the device.
fn idle(section: &IdleSection, device: Option<&Device>) -> Result<Idle> {
    let schedule = if section.schedule == "alap" { Schedule::Alap } else { Schedule::Asap };
    let by_place = device.map_or(BTreeMap::new(), |device| device.durations.by_place.clone());
    let durations = Durations { by_gate: section.durations.clone(), by_place };
    if let Some(device) = device.filter(|_| section.t1.is_empty() && section.t2.is_empty()) {
        return Ok(Idle { schedule, relaxation: device.relaxation.clone(), durations });
    }
    let needed = |times: &Vec<f64>, name: &str| match times.is_empty() {
        true => Err(Error::input(format!("idle noise needs `{name}`"))
            .next(format!("add `{name}` under `[noise.idle]`, in seconds"))),
        false => Ok(()),
    };
    needed(&section.t1, "t1")?;
    needed(&section.t2, "t2")?;
    let (many, of) =
        (section.t1.len().max(section.t2.len()), |times: &[f64], qubit: usize| times[qubit.min(times.len() - 1)]);
    if [&section.t1, &section.t2].iter().any(|times| times.len() != 1 && times.len() != many) {
        return Err(Error::input("`t1` and `t2` of idle noise are of different lengths")
            .allowed("one time for all qubits, or one for each"));
    }
    let relaxation =
        |qubit| Relaxation { t1: of(&section.t1, qubit), t2: of(&section.t2, qubit), excited: section.excited };
    let relaxation: Vec<Relaxation> = (0..many).map(relaxation).collect();
    // Whether the times are physical is known before anyone waits.
    relaxation.iter().try_for_each(|one| one.during(0.0).map(|_| ()))?;
    Ok(Idle { schedule, relaxation, durations })
}

/// The model as a native file.
///
/// # Errors
/// Input error for what the native form cannot say: durations that differ from place to place.
pub fn to_toml(model: &NoiseModel) -> Result<String> {
    let readout = model
        .readout
        .of_qubits
        .iter()
        .map(|one| ReadoutMatrix { qubits: one.qubits.clone(), matrix: one.rows.clone() });
    let readout = match (&model.readout.of_others, readout.collect::<Vec<_>>()) {
        (None, tables) if tables.is_empty() => ReadoutSection::default(),
        (None, tables) => ReadoutSection::Tables(tables),
        (Some(all), tables) if tables.is_empty() => ReadoutSection::Matrix(all.rows.clone()),
        (Some(_), _) => {
            return Err(Error::input("a readout matrix for some qubits and another for the rest has no native form"));
        }
    };
    let section = NoiseSection {
        readout,
        depolarizing: crate::config::DepolarizingSection {
            one_qubit: model.depolarizing.one_qubit,
            two_qubit: model.depolarizing.two_qubit,
        },
        idle: model.idle.as_ref().map(idle_section).transpose()?,
        rules: model.rules.iter().map(|rule| Located { value: rule_section(rule), line: 0 }).collect(),
        ..NoiseSection::default()
    };
    toml::to_string(&section)
        .map_err(|error| Error::internal(format!("a noise model cannot be written as TOML: {error}")))
}

fn idle_section(idle: &Idle) -> Result<IdleSection> {
    if !idle.durations.by_place.is_empty() {
        return Err(Error::input("durations that differ from place to place have no native form"));
    }
    Ok(IdleSection {
        schedule: if idle.schedule == Schedule::Alap { "alap" } else { "asap" },
        t1: idle.relaxation.iter().map(|one| one.t1).collect(),
        t2: idle.relaxation.iter().map(|one| one.t2).collect(),
        excited: idle.relaxation.first().map_or(0.0, |one| one.excited),
        durations: idle.durations.by_gate.clone(),
    })
}

fn rule_section(rule: &Rule) -> RuleSection {
    let paulis = pauli_probabilities(&rule.channel).unwrap_or_default();
    let matrices = |channel: &Channel| channel.kraus().iter().map(rows).collect();
    RuleSection {
        gates: rule.gates.clone(),
        qubits: rule.qubits.clone(),
        place: if rule.place == Place::Before { "before" } else { "after" },
        on: rule.on.clone(),
        otherwise: rule.otherwise,
        channel: if paulis.is_empty() { "kraus" } else { "pauli" }.into(),
        numbers: BTreeMap::new(),
        matrices: if paulis.is_empty() { matrices(&rule.channel) } else { Vec::new() },
        paulis,
    }
}

fn rows(matrix: &Matrix) -> MatrixSection {
    matrix.rows().into_iter().map(|row| row.iter().map(|entry| [entry.re, entry.im]).collect()).collect()
}
