//! From raw tables to the checked configuration.

use super::document::{self, Table, Value};
use super::observe::observe;
use super::{
    CircuitSection, Compression, Config, DEFAULT_BUDGET, DEFAULT_TAIL, DEFAULT_TRAJECTORIES, DEFAULT_WHILE_PASSES,
    DeviceKind, EngineKind, EngineSection, InitialState, LARGEST_DEFAULT_TRAJECTORIES, Located, MAXIMUM_TRAJECTORIES,
    OtherState, OutputSection, Precision, TailShape,
};
use super::{checkpoint, memory, noise};
use crate::error::{Error, Result};
use std::path::{Component, Path};

const ENGINES: &[(&str, EngineKind)] = &[
    ("low-rank", EngineKind::LowRank),
    ("density", EngineKind::Density),
    ("statevector", EngineKind::Statevector),
    ("trajectories", EngineKind::Trajectories),
    ("auto", EngineKind::Auto),
];
/// Keys that only the trajectories engine has a use for.
const OF_TRAJECTORIES: [&str; 2] = ["trajectories", "standard_error"];
/// Keys of the engines that bound their error.
const OF_BOUNDS: [&str; 1] = ["budget"];
/// Keys that only the low-rank engine has a use for.
const OF_LOW_RANK: [&str; 5] = ["cut", "prune", "compression", "max_rank", "tail"];
const COMPRESSIONS: &[(&str, Compression)] =
    &[("lazy", Compression::Lazy), ("every-channel", Compression::EveryChannel)];
const PRECISIONS: &[(&str, Precision)] = &[("double", Precision::Double), ("single", Precision::Single)];

/// Far more than any run gets through.
const MAXIMUM_WHILE_PASSES: u64 = 10_000;
const MAXIMUM_THREADS: u64 = 4096;
const LARGEST_GPU: u64 = 255;
/// Of blocks, and of columns of each.
const LARGEST_TAIL: u64 = 4096;
/// The largest integer of TOML.
const LARGEST_INTEGER: u64 = i64::MAX as u64;

pub(super) fn config(text: &str, file: &str, known_jobs: &[&str]) -> Result<Config> {
    let document = document::parse(text)?;
    let top = Table::top(text, document::JOB, document.get_ref())?;
    let engine = engine(&top.table("engine")?)?;
    let config = Config {
        path: file.into(),
        job: job(&top, known_jobs)?,
        seed: optional(&top, "seed", |value| value.whole(0..=LARGEST_INTEGER))?.unwrap_or(1),
        circuit: circuit(&top.table("circuit")?)?,
        noise: noise::section(&top.table("noise")?)?,
        observe: observe(&top.table("observe")?, engine.kind)?,
        engine,
        output: output(&top.table("output")?, file)?,
        checkpoint: checkpoint::section(&top.table("checkpoint")?)?,
    };
    check_overwriting(&config)?;
    Ok(config)
}

/// The kind of job.
pub(super) fn kind(text: &str, known: &[&str]) -> Result<String> {
    let document = document::parse(text)?;
    job(&Table::top_unchecked(text, document::JOB, document.get_ref()), known)
}

pub(super) fn optional<'a, T>(
    table: &Table<'a>,
    key: &str,
    read: impl Fn(&Value<'a>) -> Result<T>,
) -> Result<Option<T>> {
    table.get(key).map(|value| read(&value)).transpose()
}

pub(super) fn located<'a, T>(value: &Value<'a>, read: impl Fn(&Value<'a>) -> Result<T>) -> Result<Located<T>> {
    Ok(Located { value: read(value)?, line: value.line() })
}

pub(super) fn located_string(value: &Value) -> Result<Located<String>> {
    located(value, Value::string)
}

pub(super) fn probability(value: &Value) -> Result<f64> {
    value.number_where(|number| (0.0..=1.0).contains(&number), "a probability, 0 to 1")
}

fn job(top: &Table, known: &[&str]) -> Result<String> {
    let choices: Vec<(&str, &str)> = known.iter().map(|name| (*name, *name)).collect();
    let example = format!("job = \"{}\"", known.first().unwrap_or(&""));
    let value = top.require("job", &example).map_err(|error| error.allowed(known.join(", ")))?;
    Ok(value.choice(&choices)?.to_string())
}

fn circuit(section: &Table) -> Result<CircuitSection> {
    let parameters = section.table("parameters")?;
    let values = parameters.entries().map(|(name, value)| Ok((name, value.number()?))).collect::<Result<_>>()?;
    Ok(CircuitSection {
        file: located_string(&section.require("file", "file = \"circuit.qasm\"")?)?,
        initial: optional(section, "initial", |value| located(value, initial_state))?,
        parameters: Located { value: values, line: parameters.line() },
        while_passes: optional(section, "while_passes", |value| Ok(value.whole(0..=MAXIMUM_WHILE_PASSES)? as usize))?
            .unwrap_or(DEFAULT_WHILE_PASSES),
    })
}

fn initial_state(value: &Value) -> Result<InitialState> {
    let text = value.string()?;
    if text.bytes().all(|byte| matches!(byte, b'0' | b'1')) {
        return Ok(InitialState::Bits(text));
    }
    if [".h5", ".hdf5"].iter().any(|ending| text.ends_with(ending)) {
        return Ok(InitialState::ResultFile(text));
    }
    Err(value
        .error(format!("is `{text}`, neither a bit string nor a result file"))
        .allowed("characters 0 and 1, one a qubit, the highest qubit leftmost; or the name of a result file (.h5)"))
}

fn engine(section: &Table) -> Result<EngineSection> {
    let kind = optional(section, "kind", |value| value.choice(ENGINES))?.unwrap_or(EngineKind::LowRank);
    check_kind(section, kind)?;
    let compression =
        optional(section, "compression", |value| value.choice(COMPRESSIONS))?.unwrap_or(Compression::Lazy);
    let (trajectories, standard_error) = sampling(section, kind)?;
    let (budget, cut, prune) = match kind {
        EngineKind::Trajectories => (None, None, None),
        // Whoever is content with a standard error is content with that as the bound.
        EngineKind::Auto => {
            (optional(section, "budget", budget)?.or(standard_error.map(|error| error.min(1.0))), None, None)
        }
        _ => accuracy(section, compression)?,
    };
    let budget = budget.or((kind == EngineKind::Auto).then_some(DEFAULT_BUDGET));
    let device = optional(section, "device", |value| value.choice(DeviceKind::NAMES))?.unwrap_or(DeviceKind::Auto);
    let size = |value: &Value| value.whole(1..=LARGEST_INTEGER).map(|size| usize::try_from(size).unwrap_or(usize::MAX));
    Ok(EngineSection {
        kind,
        budget,
        cut,
        prune,
        compression,
        max_rank: optional(section, "max_rank", size)?,
        memory: optional(section, "memory", memory_bytes)?,
        strict: strict(section, budget)?,
        trajectories,
        standard_error,
        precision: optional(section, "precision", |value| value.choice(PRECISIONS))?.unwrap_or(Precision::Double),
        threads: optional(section, "threads", |value| Ok(value.whole(1..=MAXIMUM_THREADS)? as usize))?,
        device,
        gpu: gpu(section, device)?,
        spill: spill(section, device)?,
        tail: optional(section, "tail", |_| tail(&section.table("tail")?))?,
    })
}

/// The number of a GPU says nothing about the CPU.
fn gpu(section: &Table, device: DeviceKind) -> Result<Option<usize>> {
    let Some(value) = section.get("gpu") else { return Ok(None) };
    if device == DeviceKind::Cpu {
        return Err(value.error("is given with device = \"cpu\"").next("leave it out, or set device = \"cuda\""));
    }
    value.whole(0..=LARGEST_GPU).map(|number| Some(number as usize))
}

/// On the CPU the state lies in the host's memory anyway.
fn spill(section: &Table, device: DeviceKind) -> Result<bool> {
    let Some(value) = section.get("spill") else { return Ok(false) };
    let spill = value.flag()?;
    if spill && device == DeviceKind::Cpu {
        return Err(value.error("is true with device = \"cpu\"").next("leave it out, or set device = \"cuda\""));
    }
    Ok(spill)
}

/// One block alone has no spread, and one column alone nothing to be merged with.
fn tail(table: &Table) -> Result<TailShape> {
    let size = |key| optional(table, key, |value| Ok(value.whole(2..=LARGEST_TAIL)? as usize));
    let TailShape { blocks, columns } = DEFAULT_TAIL;
    Ok(TailShape { blocks: size("blocks")?.unwrap_or(blocks), columns: size("columns")?.unwrap_or(columns) })
}

/// Only the low-rank engine cuts, and only trajectories are sampled.
fn check_kind(section: &Table, kind: EngineKind) -> Result<()> {
    // The effective configuration writes every default.
    let says_something = |value: &Value| value.string().ok().as_deref() != Some(COMPRESSIONS[0].0);
    let refuse = |keys: &[&str], refused: bool, why: &str, next: &str| {
        let given = keys.iter().filter(|_| refused).filter_map(|key| section.get(key));
        let superfluous = given.into_iter().find(says_something);
        superfluous.map_or(Ok(()), |value| Err(value.error(why).next(next)))
    };
    let sampled = kind == EngineKind::Trajectories;
    let why = match kind {
        EngineKind::Auto => "is for kind = \"low-rank\"; with \"auto\" the accuracy decides",
        _ => "is for kind = \"low-rank\"; the other engines cut nothing",
    };
    refuse(&OF_LOW_RANK, kind != EngineKind::LowRank, why, "leave it out")?;
    let instead = "leave it out, or write `standard_error` instead";
    refuse(&OF_BOUNDS, sampled, "is for engines that bound their error; trajectories are sampled", instead)?;
    let only = "is for kind = \"trajectories\"; the other engines sample nothing";
    refuse(&OF_TRAJECTORIES, !sampled && kind != EngineKind::Auto, only, "leave it out")?;
    let capped = kind == EngineKind::Auto && section.get("standard_error").is_none();
    let alone = "is given without `engine.standard_error`: without that no trajectories compete";
    refuse(&["trajectories"], capped, alone, "give `standard_error` as well, or leave it out")
}

/// The most trajectories, and the standard error that is enough.
fn sampling(section: &Table, kind: EngineKind) -> Result<(Option<u64>, Option<f64>)> {
    if !matches!(kind, EngineKind::Trajectories | EngineKind::Auto) {
        return Ok((None, None));
    }
    let positive = |value: &Value| value.number_where(|number| number > 0.0, "a standard error, greater than 0");
    let enough = optional(section, "standard_error", positive)?;
    let default = if enough.is_some() { LARGEST_DEFAULT_TRAJECTORIES } else { DEFAULT_TRAJECTORIES };
    let most = optional(section, "trajectories", |value| value.whole(1..=MAXIMUM_TRAJECTORIES))?;
    Ok((most.or((kind == EngineKind::Trajectories).then_some(default)), enough))
}

/// `budget`, `cut` and `prune`: a run is decided by a budget or by cuts.
fn accuracy(section: &Table, compression: Compression) -> Result<(Option<f64>, Option<f64>, Option<f64>)> {
    let threshold = |value: &Value| {
        value.number_where(|number| (0.0..1.0).contains(&number), "a weight, at least 0 and less than 1")
    };
    let budget = optional(section, "budget", budget)?;
    let cut = optional(section, "cut", threshold)?;
    let prune = optional(section, "prune", threshold)?;
    let Some(cut) = cut else {
        return match section.get("prune") {
            Some(value) => Err(value
                .error("is given without `engine.cut`")
                .next("give `cut` as well, or leave `prune` out: a run by budget finds both")),
            None => Ok((budget.or(Some(DEFAULT_BUDGET)), None, None)),
        };
    };
    let default = if compression == Compression::Lazy { cut / 10.0 } else { 0.0 };
    Ok((budget, Some(cut), prune.or(Some(default))))
}

/// The trace-norm error is `1 - tr(rho~)`, so at most 1.
fn budget(value: &Value) -> Result<f64> {
    let allowed = "a trace-norm error, greater than 0 and at most 1";
    value.number_where(|number| 0.0 < number && number <= 1.0, allowed).map_err(|error| match value.number() {
        Ok(0.0) => error.next("for a run that cuts nothing but rounding write `cut = 0` instead"),
        _ => error,
    })
}

fn strict(section: &Table, budget: Option<f64>) -> Result<bool> {
    let Some(value) = section.get("strict") else { return Ok(false) };
    match (value.flag()?, budget) {
        (true, None) => Err(value.error("needs a budget to compare with").next("give `budget` beside `cut`")),
        (strict, _) => Ok(strict),
    }
}

fn memory_bytes(value: &Value) -> Result<u64> {
    let amount =
        if value.is_string() { memory::bytes(&value.string()?) } else { value.whole(1..=LARGEST_INTEGER).ok() };
    amount.ok_or_else(|| value.error("is no amount of memory").allowed(memory::ALLOWED))
}

fn output(section: &Table, file: &str) -> Result<OutputSection> {
    let stem = Path::new(file).file_stem().unwrap_or_default().to_string_lossy();
    let default = || Located { value: format!("{stem}.h5"), line: 0 };
    let output = optional(section, "file", |value| {
        let name = located_string(value)?;
        if name.value.ends_with('/') || Path::new(&name.value).file_name().is_none() {
            return Err(value.error(format!("is `{}`, which names no file", name.value)));
        }
        Ok(name)
    })?;
    Ok(OutputSection {
        file: output.unwrap_or_else(default),
        state: optional(section, "state", Value::flag)?.unwrap_or(false),
    })
}

/// The result replaces an existing file, which must not be one of the job's own inputs.
fn check_overwriting(config: &Config) -> Result<()> {
    let initial = config.circuit.initial.as_ref().and_then(|initial| match &initial.value {
        InitialState::ResultFile(name) => Some(name),
        InitialState::Bits(_) => None,
    });
    let expectations = config.observe.expectations_file.as_ref().map(|file| &file.value);
    let compared = config.observe.fidelity.iter().filter_map(|other| match &other.value {
        OtherState::State(_) => None,
        OtherState::Circuit(name) | OtherState::File(name) => Some(name),
    });
    let noise = config.noise.model.as_ref().map(|file| &file.value);
    let inputs = [Some(&config.circuit.file.value), initial, expectations, noise].into_iter().flatten();
    let paths = inputs.chain(compared).map(|name| config.resolve(name)).chain([config.path.clone().into()]);
    let output = config.resolve(&config.output.file.value);
    for path in paths {
        if plain(&path).eq(plain(&output)) {
            let what = format!("the result `{}` would overwrite an input of the job", config.output.file.value);
            return Err(config.locate(&config.output.file, Error::input(what).next("set `file` under `[output]`")));
        }
    }
    Ok(())
}

/// A path's parts without those that say "here".
fn plain(path: &Path) -> impl Iterator<Item = Component<'_>> {
    path.components().filter(|component| !matches!(component, Component::CurDir))
}
