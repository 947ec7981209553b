//! All inputs of a circuit job, read, checked against each other, and planned.

use super::choice::{self, Choice, Prices};
use super::noise::Noise;
use super::observables::{self, Observable};
use super::others::{self, Compared};
use super::sizes::{check_size, does_not_fit};
use crate::backend::Precision;
use crate::comm::on_root;
use crate::config::{Compression, Config, EngineKind, InitialState, TailShape};
use crate::driver::Context;
use crate::driver::computer::{Computer, Wish};
use crate::engine::rounding::Rounding;
use crate::engine::trajectories::BATCH;
use crate::error::{Error, Result};
use crate::formats::qasm;
use crate::io::StateFile;
use crate::model::noise::ReadoutTable;
use crate::model::{Circuit, Operation, PauliString};
use crate::plan::{Plan, Request, Step};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Where the run starts.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Start {
    /// The basis state with this logical index.
    Basis(u64),
    /// A factor in a result file: its path, number of columns, rounding bound.
    Factor(PathBuf, usize, f64),
}

/// What a job reads, whatever the engine.
#[derive(Clone)]
pub(super) struct Material {
    pub(super) config: Config,
    /// The job file and the circuit file as they are.
    pub(super) texts: [Vec<u8>; 2],
    /// The circuit with its noise.
    pub(super) circuit: Rc<Circuit>,
    /// How qubits are misread, by their numbers in the circuit.
    pub(super) readout: ReadoutTable,
    pub(super) observables: Vec<Observable>,
    /// The Pauli strings whose expectation values are needed, none of them the identity; some may come twice.
    pub(super) strings: Rc<[PauliString]>,
    /// The states that the final one is compared with.
    pub(super) others: Rc<[Compared]>,
    pub(super) start: Start,
    pub(super) warnings: Vec<String>,
    /// Bytes that fit on one rank.
    pub(super) memory: u64,
    /// What engines take on the device of the run.
    pub(super) prices: Prices,
    /// Bytes of these that products need on a GPU, for the square of the number of columns.
    pub(super) square: u64,
    /// Whether a GPU's memory is what a state must fit into.
    pub(super) on_gpu: bool,
}

/// Everything a run needs, checked.
pub(super) struct Inputs {
    material: Material,
    pub(super) plan: Plan,
    /// The plan of a whole pass, while `plan` goes on from the checkpoint of other ranks.
    pub(super) whole: Option<Plan>,
    /// States that are evolved at the same time, each on ranks of its own.
    pub(super) members: usize,
    /// How the engine was chosen, if the job left it open.
    pub(super) choice: Option<Choice>,
}

impl Deref for Inputs {
    type Target = Material;

    fn deref(&self) -> &Material {
        &self.material
    }
}

impl Inputs {
    /// Takes a tail, if it fits in memory too; says whether it does.
    pub(super) fn take_tail(&mut self, shape: TailShape) -> bool {
        self.material.config.engine.tail = Some(shape);
        let fits = self.check_memory().is_ok();
        self.material.config.engine.tail = Some(shape).filter(|_| fits);
        fits
    }
}

impl Material {
    /// Reads and checks; collective.
    fn read(config: Config, context: &Context<'_>, computer: &Computer, prices: Prices) -> Result<Material> {
        let job = context.job_text.clone().into_bytes();
        let noise = Noise::read(&config, context)?;
        let options = qasm::Options {
            parameters: config.circuit.parameters.value.clone(),
            whole: noise.named_gates(),
            while_passes: config.circuit.while_passes,
        };
        let (text, plain) = read_circuit(context, &config.circuit.file.value, &options)?;
        let (circuit, readout, mut warnings) = noise.apply(&config, &plain)?;
        warnings.extend(notes(&circuit));
        let qubits = circuit.qubits();
        check_size(&config, context, qubits)?;
        let observables = observables::read(&config, context, qubits)?;
        observables::check_groups(&config, qubits)?;
        let strings = observables::strings(&observables, &config.observe).into();
        let start = read_start(&config, context, qubits)?;
        let others = others::read(&config, context, qubits)?.into();
        let memory = config.engine.memory.or(computer.memory).unwrap_or_else(|| context.memory());
        // Who names a number of bytes means those of the state.
        let square = if config.engine.memory.is_some() { 0 } else { computer.square };
        let (circuit, on_gpu) = (Rc::new(circuit), !computer.gpus.is_empty() || computer.memory.is_some());
        Ok(Material {
            config,
            texts: [job, text],
            circuit,
            readout,
            observables,
            strings,
            others,
            start,
            warnings,
            memory,
            prices,
            square,
            on_gpu,
        })
    }
}

impl Inputs {
    /// Reads, checks and plans for `ranks` ranks that compute with this, at these prices; collective.
    pub(super) fn read(
        config: Config,
        context: &Context<'_>,
        ranks: usize,
        computer: &Computer,
        prices: Prices,
    ) -> Result<Inputs> {
        let material = Material::read(config, context, computer, prices)?;
        match material.config.engine.kind {
            EngineKind::Auto => choice::choose(material, context, ranks),
            _ => Inputs::of(material, ranks),
        }
    }

    /// Plans for `ranks` ranks and checks that the engine can do it.
    fn of(material: Material, ranks: usize) -> Result<Inputs> {
        check_engine(&material.config, &material.start).map_err(|error| error.in_file(&material.config.path))?;
        let inputs = Inputs::planned(material, ranks, None)?;
        inputs.check_memory()?;
        inputs.check_rounding()?;
        Ok(inputs)
    }

    /// Plans for `ranks` ranks, of which so many share a state, or as many as the engine has a use for.
    pub(super) fn planned(material: Material, ranks: usize, rows: Option<usize>) -> Result<Inputs> {
        let Material { config, circuit, strings, .. } = &material;
        let rows = rows.unwrap_or_else(|| ranks_of_a_state(config, circuit.qubits(), material.memory, ranks));
        let plan = check_pure(config, circuit)
            .and_then(|()| Plan::new(circuit, &request(config, strings, rows)))
            .map_err(|error| error.in_file(config.resolve(&config.circuit.file.value).display()))?;
        let mut inputs = Inputs { material, plan, whole: None, members: 1, choice: None };
        inputs.members = inputs.members_on(ranks, inputs.plan.shards);
        inputs.warn_of_nothing_asked();
        Ok(inputs)
    }

    /// The job as TOML with all defaults, and the engine as the job has it.
    pub(super) fn effective_toml(&self) -> String {
        self.asked().effective_toml()
    }

    /// The job as it was written, whatever engine was chosen for it.
    pub(super) fn asked(&self) -> &Config {
        self.choice.as_ref().map_or(&self.config, |choice| &choice.asked)
    }

    /// Makes the plan that of a whole pass.
    pub(super) fn begin_pass(&mut self) {
        if let Some(whole) = self.whole.take() {
            self.plan = whole;
        }
    }

    /// The plan for another number of ranks.
    pub(super) fn plan_for(&self, ranks: usize) -> Result<Plan> {
        let rows = ranks_of_a_state(&self.config, self.plan.system, self.memory, ranks);
        Plan::new(&self.circuit, &request(&self.config, &self.strings, rows))
    }

    /// Members of the ensemble on so many ranks, `shards` of them for each: one unless trajectories are sampled.
    pub(super) fn members_on(&self, ranks: usize, shards: usize) -> usize {
        self.most_batches()
            .map_or(1, |batches| (ranks / shards).min(usize::try_from(batches).unwrap_or(usize::MAX)).max(1))
    }

    /// The most batches of trajectories, if any are sampled: two at least, as their spread is needed; and one trajectory for
    /// each shot.
    pub(super) fn most_batches(&self) -> Option<u64> {
        let most = |most: u64| most.max(self.config.observe.shots).div_ceil(BATCH as u64).max(2);
        self.config.engine.trajectories.map(most)
    }

    fn warn_of_nothing_asked(&mut self) {
        if self.config.observe.is_empty() {
            self.material.warnings.push(
                "nothing is asked of the final state: see `expectations`, `probabilities`, `reduced` and `shots` in [observe]"
                    .into(),
            );
        }
    }

    pub(super) fn precision(&self) -> Precision {
        self.config.engine.precision
    }

    /// Bytes of one column on one rank.
    pub(super) fn column_bytes(&self) -> u64 {
        self.plan.column_bytes(self.precision().amplitude_bytes())
    }

    /// Columns that fit in memory.
    pub(super) fn max_width(&self) -> usize {
        let padding = self.precision().column_padding();
        let columns = columns_in(self.memory, self.column_bytes(), self.square);
        let columns = columns.saturating_sub(self.config.engine.tail.map_or(0, TailShape::in_memory));
        if columns < padding { columns.min(1) } else { columns / padding * padding }
    }

    /// Columns the run starts with.
    pub(super) fn first_columns(&self) -> usize {
        match &self.start {
            Start::Basis(_) if self.config.engine.kind == EngineKind::Trajectories => BATCH,
            Start::Basis(_) => 1,
            Start::Factor(_, rank, _) => *rank,
        }
    }

    /// A state that cannot start in memory is refused, with what would fit.
    pub(super) fn check_memory(&self) -> Result<()> {
        let needed = self.precision().reserve_for(self.first_columns());
        if self.max_width() >= needed {
            return Ok(());
        }
        let needed = needed + self.config.engine.tail.map_or(0, TailShape::in_memory);
        let bytes = self.column_bytes() as f64 * needed as f64;
        let mut error = does_not_fit(self.plan.system, bytes, self.memory, self.plan.shards, self.precision());
        if self.on_gpu && !self.config.engine.spill {
            let next = error.next.unwrap_or_default();
            error.next = Some(format!("{next}; with `spill = true` under `[engine]` the host's memory counts too"));
        }
        Err(error)
    }

    /// A budget below what rounding alone can amount to is refused.
    pub(super) fn check_rounding(&self) -> Result<()> {
        let bound = rounding_of(&self.plan, self.precision());
        let Some(budget) = self.config.engine.budget.filter(|budget| *budget <= bound) else { return Ok(()) };
        let error = Error::input(format!(
            "the budget {budget:.1e} is below the bound on rounding of this circuit, {bound:.1e} in {} precision",
            if self.precision() == Precision::Single { "single" } else { "double" }
        ))
        .allowed(format!("a budget above {bound:.1e}"));
        Err(match self.precision() {
            Precision::Single => error.next("use precision = \"double\" or a larger budget"),
            Precision::Double => error.next("use a larger budget"),
        }
        .in_file(&self.config.path))
    }
}

/// What the job wants to compute with.
/// The most columns `w` with `column w + square w^2 <= memory`.
fn columns_in(memory: u64, column: u64, square: u64) -> usize {
    if square == 0 {
        return (memory / column) as usize;
    }
    let [memory, column, square] = [memory, column, square].map(|bytes| bytes as f64);
    (2.0 * memory / (column + (column * column + 4.0 * square * memory).sqrt())) as usize
}

pub(super) fn wish(config: &Config) -> Wish {
    let engine = &config.engine;
    Wish { device: engine.device, gpu: engine.gpu, precision: engine.precision, spill: engine.spill }
}

fn request(config: &Config, strings: &[PauliString], ranks: usize) -> Request {
    // Compressing after every channel means every channel of the circuit, as the codes compared with do.
    let fuse = config.engine.compression == Compression::Lazy;
    let density = config.engine.kind == EngineKind::Density;
    // A trajectory takes one branch of a channel, most cheaply of one that the circuit has: Pauli noise stays that.
    let fuse_noise = config.engine.kind != EngineKind::Trajectories;
    let outcomes = config.observe.shots > 0;
    Request { ranks, strings: strings.to_vec(), outcomes, fuse, fuse_noise, density }
}

/// Ranks that share one state: all, but for trajectories as few as have the memory, the others take their own.
fn ranks_of_a_state(config: &Config, qubits: usize, memory: u64, ranks: usize) -> usize {
    if config.engine.kind != EngineKind::Trajectories {
        return ranks;
    }
    let bytes = (config.engine.precision.amplitude_bytes() * BATCH) as f64 * 2f64.powi(qubits as i32);
    let needed = (bytes / memory.max(1) as f64).ceil().max(1.0) as usize;
    needed.next_power_of_two().min(ranks)
}

/// Refuses what the engine cannot do.
fn check_engine(config: &Config, start: &Start) -> Result<()> {
    let kind = config.engine.kind;
    if config.engine.tail.is_some() && matches!(start, Start::Factor(..)) {
        return Err(Error::input("a run with a tail cannot start from a result file: what that run cut is not in it")
            .next("leave `engine.tail` out, or start from a bit string"));
    }
    if matches!(kind, EngineKind::LowRank | EngineKind::Auto) {
        return Ok(());
    }
    let name = kind.name();
    if matches!(start, Start::Factor(..)) {
        return Err(Error::input(format!("the {name} engine cannot start from a result file"))
            .next("use kind = \"low-rank\", or start from a bit string"));
    }
    if kind != EngineKind::Statevector && config.output.state {
        return Err(Error::input(format!("`output.state` writes the factor L, which the {name} engine does not have"))
            .next("use kind = \"low-rank\", or leave `state` out"));
    }
    Ok(())
}

/// A pure state has no noise and no measurement before its end.
pub(super) fn check_pure(config: &Config, circuit: &Circuit) -> Result<()> {
    if config.engine.kind != EngineKind::Statevector {
        return Ok(());
    }
    let refused = |name: String| {
        Error::input(format!("the statevector engine runs pure states, here is: {name}"))
            .allowed("gates, barriers, and measurements at the end")
            .next("use kind = \"low-rank\" or \"density\"")
    };
    first_channel(circuit)?.map_or(Ok(()), |(name, line)| Err(refused(name).at_line(line)))
}

/// The first noise of a circuit or measurement before its end, with its line.
pub(super) fn first_channel(circuit: &Circuit) -> Result<Option<(String, usize)>> {
    let plan = Plan::new(circuit, &Request { fuse: false, ..Request::default() })?;
    let channel = |step: &Step| step.action.channel().map(|channel| (channel.name().to_string(), step.line));
    Ok(plan.steps.iter().find_map(channel))
}

/// A circuit file's bytes and the circuit.
pub(super) fn read_circuit(context: &Context<'_>, file: &str, options: &qasm::Options) -> Result<(Vec<u8>, Circuit)> {
    let path = context.resolve(file);
    let text = context.read(&path, &path.display().to_string())?;
    let mut include = |included: &Path| {
        // The reader names the file and the line of the `include`.
        context.read(included, "").map_err(|error| Error {
            file: None,
            what: format!("the included file {} {}", included.display(), error.what),
            ..error
        })
    };
    let circuit = qasm::parse(&text, &path, options, &mut include)?;
    Ok((text, circuit))
}

/// What was corrected in the circuit's channels, each kind of note once.
fn notes(circuit: &Circuit) -> Vec<String> {
    let note = |operation: &Operation| match operation {
        Operation::Channel { channel, .. } => channel.note().map(str::to_string),
        _ => None,
    };
    let mut notes: Vec<String> = circuit.statements.iter().filter_map(|statement| note(&statement.operation)).collect();
    notes.dedup();
    notes
}

fn read_start(config: &Config, context: &Context<'_>, qubits: usize) -> Result<Start> {
    let Some(initial) = &config.circuit.initial else { return Ok(Start::Basis(0)) };
    let start = match &initial.value {
        InitialState::Bits(bits) => bit_string("initial", bits, qubits).map(Start::Basis),
        InitialState::ResultFile(file) => result_file(context, file, qubits),
    };
    start.map_err(|error| config.locate(initial, error))
}

/// The logical index of a bit string, the highest qubit leftmost; `key` is what the job file calls it.
pub(super) fn bit_string(key: &str, bits: &str, qubits: usize) -> Result<u64> {
    if bits.len() != qubits {
        return Err(Error::input(format!("`{key}` has {} bit(s), the circuit has {qubits} qubit(s)", bits.len()))
            .allowed("one character 0 or 1 for each qubit, the highest qubit leftmost"));
    }
    u64::from_str_radix(bits, 2).map_err(|_| Error::internal("a bit string passed the check"))
}

fn result_file(context: &Context<'_>, file: &str, qubits: usize) -> Result<Start> {
    let path = context.resolve(file);
    context.inputs.borrow_mut().push(path.clone());
    let (found, rank, rounding) =
        on_root(context.comm, || StateFile::open(&path).map(|state| (state.qubits, state.rank, state.rounding)))?;
    if found != qubits {
        return Err(Error::input(format!("the state in {file} has {found} qubit(s), the circuit has {qubits}"))
            .next("start from a result of a circuit with as many qubits"));
    }
    Ok(Start::Factor(path, rank, rounding))
}

/// The bound on rounding of the plan's gates and channels, before any compression.
fn rounding_of(plan: &Plan, precision: Precision) -> f64 {
    let mut rounding = match plan.qubits == plan.system {
        true => Rounding::new(precision, 0.0),
        false => Rounding::of_density(precision, plan.system, 0.0),
    };
    plan.steps.iter().for_each(|step| rounding.step(step));
    rounding.bound()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_strings_have_the_highest_qubit_leftmost() {
        assert_eq!(bit_string("initial", "100", 3).unwrap(), 4);
        assert!(bit_string("initial", "10", 3).unwrap_err().what.contains("2 bit(s)"));
    }

    #[test]
    fn columns_and_their_squares_fit_in_memory() {
        assert_eq!(columns_in(1000, 64, 0), 15);
        for (memory, column, square) in [(1u64 << 37, 1 << 24, 928), (1 << 30, 1 << 10, 928), (10, 100, 928)] {
            let most = columns_in(memory, column, square) as u64;
            let bytes = |columns: u64| column * columns + square * columns * columns;
            assert!(bytes(most) <= memory && bytes(most + 1) > memory, "{most}");
        }
    }
}
