//! The density engine: `rho` itself, exact, in one column of `2 n` qubits (and outcome bits).
//!
//! The plan has made one matrix of every channel and fused it with its gates (`plan/superoperator.rs`), so that noise
//! costs no more than gates. Entry `<ket| rho |bra>` of the part with outcomes `o` has the logical index
//! `ket + 2^n bra + 4^n o`.

use super::certificate::Certificate;
use super::closeness::Comparison;
use super::rounding::Rounding;
use super::{Engine, Final, StepReport, eigenvalues_of, run_gate};
use crate::archive::Archive;
use crate::backend::Backend;
use crate::comm::Communicator;
use crate::error::{Error, Result};
use crate::linalg::Matrix;
use crate::model::{Layout, PauliString};
use crate::plan::{Action, Plan, Step};
use crate::state::{Other, Outcome, State};
use num_complex::Complex64;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The eigenvalues of a matrix of more qubits (64 MiB) are not computed.
const LARGEST_DENSE: usize = 11;

/// A density matrix.
pub struct Density {
    state: State,
    qubits: usize,
    outcomes: usize,
    rounding: Rounding,
    /// The layout at the end.
    layout: Layout,
    /// What the entries are short of: gates are put together but for a common phase, and `tr rho` has none.
    phase: Complex64,
    /// `<x| rho |x>` for each outcome and `x`, once the plan has been run; the same on every rank.
    diagonal: Vec<f64>,
}

impl Density {
    /// Starts from the basis state with this logical index of the circuit's qubits.
    ///
    /// # Errors
    /// Resource error when the matrix does not fit.
    pub fn from_basis_state(
        comm: Rc<dyn Communicator>,
        backend: &dyn Backend,
        plan: &Plan,
        logical: u64,
    ) -> Result<Density> {
        let mut state = State::new(comm, backend, plan.qubits, 1)?;
        state.append_basis_state(plan.start.to_physical(logical | logical << plan.system))?;
        Ok(Self::with(state, Rounding::of_density(backend.precision(), plan.system, 0.0), plan))
    }

    fn with(state: State, rounding: Rounding, plan: &Plan) -> Density {
        let (qubits, outcomes) = (plan.system, plan.qubits - 2 * plan.system);
        Density {
            state,
            qubits,
            outcomes,
            rounding,
            layout: plan.start.clone(),
            phase: Complex64::ONE,
            diagonal: Vec::new(),
        }
    }

    /// `<x| rho |x XOR flip>`, by outcome and `x`.
    fn entries(&self, flip: u64) -> Vec<Complex64> {
        let (qubits, basis) = (self.qubits, 1u64 << self.qubits);
        let index = |outcome: u64, ket: u64| outcome << (2 * qubits) | (ket ^ flip) << qubits | ket;
        let all = (0..1u64 << self.outcomes).flat_map(|outcome| (0..basis).map(move |ket| (outcome, ket)));
        let physical = all.map(|(outcome, ket)| self.layout.to_physical(index(outcome, ket)));
        self.state.amplitudes(physical).into_iter().map(|entry| entry * self.phase).collect()
    }

    /// `rho` on every rank, unless that is too large.
    fn dense(&self) -> Option<Matrix> {
        if self.qubits > LARGEST_DENSE {
            return None;
        }
        let dimension = 1usize << self.qubits;
        let mut rho = Matrix::zeros((dimension, dimension));
        for flip in 0..dimension {
            // One part for each outcome.
            for (place, entry) in self.entries(flip as u64).into_iter().enumerate() {
                let ket = place & (dimension - 1);
                rho[(ket, ket ^ flip)] += entry;
            }
        }
        Some(rho)
    }

    /// `<psi| rho |psi>`.
    fn probability_of(&self, amplitude: &dyn Fn(u64) -> Complex64) -> f64 {
        let basis = 1u64 << self.qubits;
        let psi: Vec<Complex64> = (0..basis).map(amplitude).collect();
        let term = |flip: u64| -> f64 {
            let entries = self.entries(flip);
            let places = (0..basis).cycle().map(|ket| (psi[ket as usize], psi[(ket ^ flip) as usize]));
            entries.iter().zip(places).map(|(entry, (ket, bra))| (ket.conj() * entry * bra).re).sum()
        };
        (0..basis).map(term).sum()
    }

    fn finish(&mut self, layout: &Layout) -> Result<()> {
        self.state.flush()?;
        self.layout = layout.clone();
        // Not that of an earlier place: the phase is of the entries as they lie.
        self.phase = Complex64::ONE;
        let trace: Complex64 = self.entries(0).iter().sum();
        self.phase = trace.conj() / trace.norm();
        self.diagonal = self.entries(0).iter().map(|entry| entry.re).collect();
        Ok(())
    }
}

impl Engine for Density {
    fn step(&mut self, step: &Step) -> Result<StepReport> {
        let sent = self.state.sent();
        if !run_gate(&mut self.state, &step.action)? {
            match &step.action {
                Action::Measure { layout, .. } => self.finish(layout)?,
                Action::Channel { .. } => return Err(Error::internal("a channel on a density matrix is one matrix")),
                _ => {}
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
        let of_sum = Rounding::of_sum(self.qubits, 1);
        Certificate { trace: self.diagonal.iter().sum(), rounding: self.rounding.bound() + of_sum }
    }

    /// Parts with different outcomes are parts of the same `rho`, so with outcomes its square is not that of the column.
    fn purity(&self) -> Result<(f64, f64)> {
        if self.outcomes == 0 {
            let square: f64 = self.state.column_norms().iter().sum();
            return Ok((square, square.sqrt()));
        }
        let mut square = 0.0;
        for flip in 0..1 << self.qubits {
            let parts = self.entries(flip);
            for ket in 0..1usize << self.qubits {
                let sum: Complex64 = parts.iter().skip(ket).step_by(1 << self.qubits).sum();
                square += sum.norm_sqr();
            }
        }
        Ok((square, square.sqrt()))
    }

    fn eigenvalues(&mut self) -> Result<Option<Vec<f64>>> {
        self.dense().map_or(Ok(None), |rho| eigenvalues_of(&rho))
    }

    fn compare(&mut self, _: &Layout, other: &mut Other<'_>) -> Result<Option<Comparison>> {
        if let Some(rho) = self.dense() {
            let rows = other.rows(&self.state, 0, 1 << self.qubits)?;
            return Comparison::of_matrices(&rho, &rows).map(Some);
        }
        Ok(match other {
            Other::Pure(amplitude) => Some(Comparison::of_probability(self.probability_of(&**amplitude))),
            Other::Rows(..) => None,
        })
    }

    fn pauli_expectations(&mut self, strings: &[PauliString], _: Final<'_>) -> Vec<f64> {
        let mut values = vec![0.0; strings.len()];
        let mut by_flip: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        strings.iter().enumerate().for_each(|(index, string)| by_flip.entry(string.x).or_default().push(index));
        for (flip, members) in by_flip {
            let entries = self.entries(flip);
            for index in members {
                let string = strings[index];
                let signed = |(ket, entry): (usize, &Complex64)| {
                    if (ket as u64 & string.z).count_ones() % 2 == 1 { -entry } else { *entry }
                };
                let sum: Complex64 = entries.iter().enumerate().map(signed).sum();
                values[index] = (Complex64::I.powu(string.y_count()) * sum).re;
            }
        }
        values
    }

    fn marginal(&self, _: &Layout, qubits: &[usize]) -> Vec<f64> {
        let mut sums = vec![0.0; 1 << qubits.len()];
        for (index, weight) in self.diagonal.iter().enumerate() {
            let value: usize = qubits.iter().enumerate().map(|(bit, qubit)| (index >> qubit & 1) << bit).sum();
            sums[value] += weight;
        }
        sums
    }

    fn states(&mut self) -> Vec<&mut State> {
        vec![&mut self.state]
    }

    /// Layout, phase and diagonal are found again wherever observables are taken.
    fn put(&self, archive: &mut Archive) {
        archive.put(&self.rounding);
    }

    fn take(&mut self, archive: &mut Archive) -> Result<()> {
        self.rounding = archive.take()?;
        Ok(())
    }

    fn sample(&self, _: &Layout, missing: f64, draws: &[f64]) -> Vec<Outcome> {
        let completion = missing / self.diagonal.len() as f64;
        let mut total = 0.0;
        // Rounding can leave a probability of zero slightly negative.
        let sums: Vec<f64> = self
            .diagonal
            .iter()
            .map(|weight| {
                total += weight.max(0.0) + completion;
                total
            })
            .collect();
        let outcome = |draw: &f64| {
            let index = sums.partition_point(|sum| *sum <= draw * total).min(sums.len() - 1) as u64;
            Outcome { register: index >> self.qubits, index: index & ((1 << self.qubits) - 1) }
        };
        draws.iter().map(outcome).collect()
    }
}
