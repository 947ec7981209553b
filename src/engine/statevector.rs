//! The statevector engine: one column, for circuits without noise.

use super::certificate::Certificate;
use super::closeness::Comparison;
use super::rounding::Rounding;
use super::{Engine, Final, StepReport, compared, overlap_expectations, places, run_gate};
use crate::archive::Archive;
use crate::backend::Backend;
use crate::comm::Communicator;
use crate::error::{Error, Result};
use crate::model::{Layout, PauliString};
use crate::plan::{Action, Step};
use crate::state::{Other, Outcome, State};
use num_complex::Complex64;
use std::rc::Rc;

/// A pure state.
pub struct Statevector {
    state: State,
    rounding: Rounding,
}

impl Statevector {
    /// Starts from the basis state with this physical index.
    ///
    /// # Errors
    /// Resource error when it does not fit.
    pub fn from_basis_state(
        comm: Rc<dyn Communicator>,
        backend: &dyn Backend,
        qubits: usize,
        physical: u64,
    ) -> Result<Statevector> {
        let mut state = State::new(comm, backend, qubits, 1)?;
        state.append_basis_state(physical)?;
        Ok(Statevector { state, rounding: Rounding::new(backend.precision(), 0.0) })
    }
}

impl Engine for Statevector {
    fn step(&mut self, step: &Step) -> Result<StepReport> {
        let sent = self.state.sent();
        if !run_gate(&mut self.state, &step.action)? {
            match &step.action {
                Action::Channel { .. } => return Err(Error::internal("a pure state has no channels")),
                _ => self.state.flush()?,
            }
        }
        self.rounding.step(step);
        Ok(StepReport { width: 1, discarded: 0.0, sent: self.state.sent() - sent })
    }

    fn width(&self) -> usize {
        1
    }

    fn sent(&self) -> u64 {
        self.state.sent()
    }

    fn certificate(&self) -> Certificate {
        let of_sum = Rounding::of_sum(self.state.qubits(), 1);
        Certificate { trace: self.state.column_norms()[0], rounding: self.rounding.bound() + of_sum }
    }

    fn purity(&self) -> Result<(f64, f64)> {
        let norm = self.state.column_norms()[0];
        Ok((norm * norm, norm))
    }

    fn eigenvalues(&mut self) -> Result<Option<Vec<f64>>> {
        Ok(Some(self.state.column_norms()))
    }

    fn compare(&mut self, layout: &Layout, other: &mut Other<'_>) -> Result<Option<Comparison>> {
        compared(&self.state, 1, layout, other)
    }

    fn pauli_expectations(&mut self, strings: &[PauliString], measure: Final<'_>) -> Vec<f64> {
        overlap_expectations(&mut self.state, measure.overlaps, strings.len())
    }

    fn marginal(&self, layout: &Layout, qubits: &[usize]) -> Vec<f64> {
        self.state.marginal(&places(layout, qubits))
    }

    fn sample(&self, layout: &Layout, missing: f64, draws: &[f64]) -> Vec<Outcome> {
        self.state.sample(&layout.to_logical(), missing, draws)
    }

    fn states(&mut self) -> Vec<&mut State> {
        vec![&mut self.state]
    }

    fn put(&self, archive: &mut Archive) {
        archive.put(&self.rounding);
    }

    fn take(&mut self, archive: &mut Archive) -> Result<()> {
        self.rounding = archive.take()?;
        Ok(())
    }

    fn export_rows(&self, layout: &Layout, write: &mut dyn FnMut(u64, &[Complex64]) -> Result<()>) -> Result<()> {
        self.state.export_rows(&|logical| layout.to_physical(logical), write)
    }
}
