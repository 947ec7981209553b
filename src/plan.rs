//! From a circuit to explicit steps: what every rank does, in order, with all communication spelled out.
//!
//! The plan is data, made once and equal on every rank: the same steps run on any backend, are printed by
//! `rhoshard plan` and compared by tests. Costs that depend on the width of the state are stated per column; with the
//! widths along a circuit ([`widths`]) and the speed of a rank ([`machine`]) they become times ([`predict`]).

mod cost;
mod fusion;
mod lowering;
pub mod machine;
mod measurement;
pub mod meter;
mod placement;
pub mod predict;
mod replacement;
mod superoperator;
pub mod widths;

use crate::error::{Error, Result};
use crate::linalg::Matrix;
use crate::model::{Channel, Circuit, Control, Layout, PauliString};
use num_complex::Complex64;

pub use cost::{CompressionCost, Cost, Totals};
pub use measurement::{BitSource, Condition, LARGEST_TRACKED_BITS};

/// The most qubits of a state, those of ket and bra and outcome bits counted: `2^50` amplitudes are beyond any machine, and all
/// masks and counts of bytes stay within 64 bits.
pub const LARGEST_STATE: usize = 50;

/// What one step does. Qubits are *physical*: below [`Plan::local_qubits`] a bit of the row index, from there on a bit
/// of the rank.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A dense unitary; targets are local, controls may be anywhere.
    Unitary {
        /// `2^targets` square, first target least significant.
        matrix: Matrix,
        /// Local qubits.
        targets: Vec<usize>,
        /// Any qubits.
        controls: Vec<Control>,
    },
    /// A diagonal unitary; needs no communication on any qubit.
    Diagonal {
        /// The diagonal, indexed by the targets, first least significant.
        entries: Vec<Complex64>,
        /// Any qubits.
        targets: Vec<usize>,
        /// Any qubits.
        controls: Vec<Control>,
    },
    /// A unitary with one entry in each row and column: basis states are permuted and take phases. Targets are local,
    /// controls may be anywhere.
    Permutation {
        /// Where each value of the target bits (first target least significant) goes.
        images: Vec<usize>,
        /// Its phase factor.
        factors: Vec<Complex64>,
        /// Local qubits.
        targets: Vec<usize>,
        /// Any qubits.
        controls: Vec<Control>,
    },
    /// The two *logical* qubits trade places in the layout; no data moves.
    Relabel {
        /// One logical qubit.
        first: usize,
        /// The other.
        second: usize,
    },
    /// Swaps rank bits with row bits, all in one all-to-all within groups of `2^pairs` ranks.
    Exchange {
        /// (sharded qubit, local qubit), both physical.
        pairs: Vec<(usize, usize)>,
    },
    /// A channel on local qubits.
    Channel {
        /// Its Kraus operators.
        channel: Channel,
        /// Local qubits, first least significant.
        targets: Vec<usize>,
        /// The bit of the columns' classical register that takes the index of the branch.
        record: Option<usize>,
    },
    /// A dense unitary without controls, or a channel, on the columns whose classical register satisfies the condition.
    Conditional {
        /// What the register must be.
        condition: Condition,
        /// What happens then.
        action: Box<Action>,
    },
    /// A bit of every column's classical register takes whether the condition holds; without one it becomes zero.
    Classical {
        /// The bit.
        bit: usize,
        /// What is asked of the register.
        condition: Option<Condition>,
    },
    /// Compress the factor if its width has grown enough since the last time.
    CompressIfWide,
    /// The observables are taken here, under this layout.
    Measure {
        /// Where the logical qubits are.
        layout: Layout,
        /// The overlaps that give the Pauli expectations.
        overlaps: Vec<OverlapGroup>,
        /// What the place is called if it is a snapshot on the way; the last step has no name.
        snapshot: Option<String>,
    },
}

impl Action {
    /// The name of the kind of step, as the plan and the trace show it.
    pub fn name(&self) -> &'static str {
        match self {
            Action::Unitary { .. } => "unitary",
            Action::Diagonal { .. } => "diagonal",
            Action::Permutation { .. } => "permutation",
            Action::Relabel { .. } => "relabel",
            Action::Exchange { .. } => "exchange",
            Action::Channel { .. } => "channel",
            Action::Conditional { .. } => "conditional",
            Action::Classical { .. } => "classical",
            Action::CompressIfWide => "compress-if-wide",
            Action::Measure { snapshot: None, .. } => "measure",
            Action::Measure { snapshot: Some(_), .. } => "snapshot",
        }
    }

    /// At a place where observables are taken, the overlaps for these strings.
    fn find_overlaps(&mut self, strings: &[PauliString]) {
        if let Action::Measure { layout, overlaps, .. } = self {
            *overlaps = overlap_groups(strings, layout);
        }
    }

    /// The channel, if it is one, under a condition or not.
    pub fn channel(&self) -> Option<&Channel> {
        match self {
            Action::Channel { channel, .. } => Some(channel),
            Action::Conditional { action, .. } => action.channel(),
            _ => None,
        }
    }
}

/// Pauli strings that flip the same qubits: one pass over the state, and one shard from a partner if a sharded qubit
/// is flipped.
#[derive(Debug, Clone, PartialEq)]
pub struct OverlapGroup {
    /// Physical qubits that X or Y flips.
    pub flip: u64,
    /// The members: index into [`Plan::strings`], physical sign mask (Z or Y), number of Y.
    pub members: Vec<(usize, u64, u32)>,
}

/// One step of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What to do.
    pub action: Action,
    /// Line of the circuit file it comes from, the first of several (0: from no line).
    pub line: usize,
    /// Operations of the circuit it stands for; the bound on rounding counts each.
    pub operations: usize,
}

/// What the plan must serve besides the circuit.
#[derive(Debug, Clone)]
pub struct Request {
    /// Ranks at hand.
    pub ranks: usize,
    /// Pauli strings whose expectations are wanted, on logical qubits.
    pub strings: Vec<PauliString>,
    /// Whether outcomes of earlier measurements are read at the end (by `counts`).
    pub outcomes: bool,
    /// Whether gates and channels are put together; without, each operation is a step of its own.
    pub fuse: bool,
    /// Whether gates and channels are put together into channels; without, gates only with gates, and every channel stays
    /// the one that the circuit has.
    pub fuse_noise: bool,
    /// Whether the state is a density matrix in one column, of twice as many qubits, and not columns of a factor.
    pub density: bool,
}

impl Default for Request {
    fn default() -> Request {
        Request { ranks: 1, strings: Vec::new(), outcomes: false, fuse: true, fuse_noise: true, density: false }
    }
}

/// The whole plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Qubits of the circuit.
    pub system: usize,
    /// Qubits of the state: those of the circuit, or for a density matrix those of ket and bra and outcome bits.
    pub qubits: usize,
    /// Ranks that hold a shard, a power of two; further ranks are idle.
    pub shards: usize,
    /// Where the logical qubits are before the first step.
    pub start: Layout,
    /// The steps in order; the last is [`Action::Measure`], the same on the way is a snapshot.
    pub steps: Vec<Step>,
    /// The Pauli strings measured at the end, without repetition.
    pub strings: Vec<PauliString>,
    /// Where each classical bit's value comes from.
    pub bits: Vec<BitSource>,
    /// Outcomes carried in the columns' classical register.
    pub tracked: usize,
    /// The step from which on it was placed again for other ranks, and where the logical qubits are there.
    pub replaced: Option<(usize, Layout)>,
}

impl Plan {
    /// Plans a circuit whose noise is already in it.
    ///
    /// # Errors
    /// Input error (with the line of the circuit) for what cannot be run yet, and for a state of more than [`LARGEST_STATE`]
    /// qubits.
    pub fn new(circuit: &Circuit, request: &Request) -> Result<Plan> {
        let resolved = measurement::resolve(circuit, request.outcomes)?;
        let (system, tracked) = (circuit.qubits(), resolved.slots);
        check_size(system, tracked, request.density)?;
        let program = lowering::lower(system, &resolved.items);
        let program = match request.density {
            true => superoperator::on_density(program, system, tracked),
            false => lowering::on_columns(program),
        };
        let qubits = program.wires.len();
        let shards = placement::shards(qubits, request.ranks, &program.actions);
        let relabels = lowering::relabels(&program.wires);
        let placed = |actions| placement::place(actions, relabels.clone(), qubits, shards);
        let placement::Placed { start, mut steps, layout } = if request.fuse {
            fused(program.actions, (qubits, shards), request.fuse_noise, placed)
        } else {
            placed(program.actions)
        };
        let strings = distinct(&request.strings);
        let measure = Action::Measure { layout, overlaps: Vec::new(), snapshot: None };
        steps.push(Step { action: measure, line: 0, operations: 0 });
        // Of a density matrix expectations are sums of entries, not overlaps.
        if !request.density {
            steps.iter_mut().for_each(|step| step.action.find_overlaps(&strings));
        }
        Ok(Plan { system, qubits, shards, start, steps, strings, bits: resolved.bits, tracked, replaced: None })
    }

    /// For all channels, the largest part of a column's weight that each branch but the strongest can take.
    pub fn branch_weights(&self) -> Vec<f64> {
        let weaker = |channel: &Channel| {
            let mut bounds = channel.bounds().to_vec();
            bounds.sort_unstable_by(f64::total_cmp);
            bounds.pop();
            bounds
        };
        self.steps.iter().filter_map(|step| step.action.channel()).flat_map(weaker).collect()
    }

    /// Qubits that are bits of the row index.
    pub fn local_qubits(&self) -> usize {
        self.qubits - self.shards.trailing_zeros() as usize
    }

    /// Rows of each shard.
    pub fn local_rows(&self) -> usize {
        1 << self.local_qubits()
    }
}

/// Outcomes of measurements that a state of this circuit carries along; `read` says whether they are read at the end.
///
/// # Errors
/// Input error when there are more than [`LARGEST_TRACKED_BITS`].
pub fn tracked_outcomes(circuit: &Circuit, read: bool) -> Result<usize> {
    measurement::resolve(circuit, read).map(|resolved| resolved.slots)
}

/// Qubits of a density matrix as one column: those of ket and bra, and the outcomes carried along.
pub fn density_qubits(system: usize, tracked: usize) -> usize {
    2 * system + tracked
}

/// Refuses states beyond any machine before their sizes overflow.
fn check_size(system: usize, tracked: usize, density: bool) -> Result<()> {
    let qubits = if density { density_qubits(system, tracked) } else { system };
    if qubits <= LARGEST_STATE {
        return Ok(());
    }
    if !density {
        let what = format!("a state of {system} qubits does not fit on any machine");
        return Err(Error::input(what).allowed(format!("up to {LARGEST_STATE} qubits")));
    }
    let outcomes = match tracked {
        0 => String::new(),
        tracked => format!(" with {tracked} outcome(s) that are read later"),
    };
    let most = LARGEST_STATE.saturating_sub(tracked) / 2;
    Err(Error::input(format!(
        "a density matrix of {system} qubits{outcomes} does not fit on any machine: it has 2^{qubits} entries"
    ))
    .allowed(format!("up to {most} qubits{outcomes}"))
    .next(format!("use kind = \"low-rank\": its columns have 2^{system} entries")))
}

/// The cheaper of two ways to fuse: with shards, a gate that takes in a control or a diagonal may need a qubit local
/// that was not needed before.
fn fused(
    actions: Vec<lowering::Lowered>,
    (qubits, shards): (usize, usize),
    noise: bool,
    placed: impl Fn(Vec<lowering::Lowered>) -> placement::Placed,
) -> placement::Placed {
    let local = qubits - shards.trailing_zeros() as usize;
    let actions = fusion::fuse_noise(actions, qubits, local, noise);
    let fused = |grow_local| placed(fusion::fuse_gates(actions.clone(), local, grow_local));
    let price = |placed: &placement::Placed| placed.steps.iter().map(|step| fusion::cost(&step.action)).sum::<f64>();
    let free = fused(true);
    let careful = (shards > 1).then(|| fused(false)).filter(|careful| price(careful) < price(&free));
    careful.unwrap_or(free)
}

fn distinct(strings: &[PauliString]) -> Vec<PauliString> {
    let mut sorted = strings.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}

fn overlap_groups(strings: &[PauliString], layout: &Layout) -> Vec<OverlapGroup> {
    let mut groups: std::collections::BTreeMap<u64, Vec<(usize, u64, u32)>> = Default::default();
    for (index, string) in strings.iter().enumerate() {
        groups.entry(layout.to_physical(string.x)).or_default().push((
            index,
            layout.to_physical(string.z),
            string.y_count(),
        ));
    }
    groups.into_iter().map(|(flip, members)| OverlapGroup { flip, members }).collect()
}
