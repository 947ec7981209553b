//! The engine at the start of a pass, and the search for its cut.

use super::inputs::{Inputs, Start};
use crate::backend::Backend;
use crate::comm::Communicator;
use crate::config::{Compression, EngineKind};
use crate::engine::Engine;
use crate::engine::budget::{PRUNE_FRACTION, Staircase};
use crate::engine::density::Density;
use crate::engine::low_rank::{Factor, LowRank, Settings};
use crate::engine::statevector::Statevector;
use crate::engine::trajectories::Trajectories;
use crate::error::Result;
use crate::io::StateFile;
use num_complex::Complex64;
use std::path::Path;
use std::rc::Rc;

/// The engine at the start of the plan.
pub(super) fn start_engine(
    comm: Rc<dyn Communicator>,
    backend: &dyn Backend,
    inputs: &Inputs,
    settings: Settings,
) -> Result<Box<dyn Engine>> {
    let plan = &inputs.plan;
    let basis = |index: u64| (plan.qubits, plan.start.to_physical(index));
    Ok(match (inputs.config.engine.kind, &inputs.start) {
        (EngineKind::Density, Start::Basis(index)) => Box::new(Density::from_basis_state(comm, backend, plan, *index)?),
        (EngineKind::Statevector, Start::Basis(index)) => {
            let (qubits, physical) = basis(*index);
            Box::new(Statevector::from_basis_state(comm, backend, qubits, physical)?)
        }
        (EngineKind::Trajectories, Start::Basis(index)) => {
            Box::new(Trajectories::from_basis_state(comm, backend, plan, *index, inputs.config.seed)?)
        }
        (EngineKind::LowRank | EngineKind::Auto, Start::Basis(index)) => {
            let (qubits, physical) = basis(*index);
            let engine = LowRank::from_basis_state(comm, backend, qubits, physical, settings)?;
            match inputs.config.engine.tail {
                Some(shape) => Box::new(engine.with_tail(backend, &inputs.plan, shape, inputs.config.seed)?),
                None => Box::new(engine),
            }
        }
        (_, Start::Factor(path, rank, rounding)) => {
            let physical = |logical| plan.start.to_physical(logical);
            let factor = Factor { qubits: plan.qubits, rank: *rank, rounding: *rounding, physical: &physical };
            Box::new(LowRank::from_factor(comm, backend, &factor, rows_of(path), settings)?)
        }
    })
}

/// Reads rows of a stored state, from a file that is opened when the first are wanted.
fn rows_of(path: &Path) -> impl FnMut(u64, usize) -> Result<Vec<Complex64>> {
    let mut file = None;
    move |first, count| {
        let file = match &mut file {
            Some(file) => file,
            none => none.insert(StateFile::open(path)?),
        };
        file.read_rows(first, count as u64)
    }
}

/// The search for the cut, unless the job names one.
pub(super) fn first_stair(inputs: &Inputs) -> Option<Staircase> {
    let engine = &inputs.config.engine;
    let searched = engine.kind == EngineKind::LowRank && engine.cut.is_none();
    let budget = searched.then_some(engine.budget).flatten();
    budget.map(|budget| Staircase::new(budget, &inputs.plan.branch_weights()))
}

/// How the factor is kept narrow: by this stair's cut, or the job's own.
pub(super) fn settings(inputs: &Inputs, stairs: Option<&Staircase>) -> Settings {
    let engine = &inputs.config.engine;
    let cut = stairs.map_or(engine.cut.unwrap_or(0.0), Staircase::cut);
    let prune = match engine.compression {
        Compression::EveryChannel => 0.0,
        Compression::Lazy => cut * PRUNE_FRACTION,
    };
    Settings {
        cut,
        prune: engine.prune.unwrap_or(prune),
        compression: engine.compression,
        max_rank: engine.max_rank,
        max_width: inputs.max_width(),
        budget: stairs.map(Staircase::budget),
    }
}
