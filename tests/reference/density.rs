//! The density matrix, all `2^n x 2^n` entries of it.

use super::final_measurements;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Side, get_global_parallelism};
use num_complex::Complex64;
use rayon::prelude::*;
use rhoshard::linalg::{Matrix, adjoint, identity, view};
use rhoshard::model::{Circuit, Operation, PauliString, PauliSum, Unitary};

/// A density matrix `rho` of `n` qubits, dense and row-major; qubit 0 is the least significant bit of an index.
///
/// Read as one vector of `2^(2n)` entries, `<row| rho |column>` stands at index `row << n | column`. Every operation is
/// then one linear map on a few bits of that index: the column bits `q` and the row bits `n + q` of its qubits.
#[derive(Debug, Clone)]
pub struct DensityMatrix {
    qubits: usize,
    entries: Vec<Complex64>,
    /// Room for the next entries: fresh memory for every operation would cost more than the arithmetic.
    spare: Vec<Complex64>,
}

impl DensityMatrix {
    /// `|index><index|`.
    pub fn basis(qubits: usize, index: usize) -> Self {
        let mut entries = vec![Complex64::ZERO; 1 << (2 * qubits)];
        entries[index << qubits | index] = Complex64::ONE;
        DensityMatrix { qubits, entries, spare: Vec::new() }
    }

    /// `L L^dagger` of a factor with `2^n` rows and any number of columns.
    pub fn from_factor(factor: &Matrix) -> Self {
        let dimension = factor.nrows();
        let (left, right) = (factor.as_standard_layout().into_owned(), adjoint(factor));
        let mut entries = vec![Complex64::ZERO; dimension * dimension];
        let product = MatMut::from_row_major_slice_mut(&mut entries, dimension, dimension);
        let parallelism = get_global_parallelism();
        matmul(product, Accum::Replace, view(&left), view(&right), Complex64::ONE, parallelism);
        DensityMatrix { qubits: dimension.trailing_zeros() as usize, entries, spare: Vec::new() }
    }

    /// The state that a circuit makes of `|0...0>`, just before its final measurements.
    ///
    /// # Panics
    /// On a circuit with `if`, which has no meaning without classical bits.
    pub fn run(circuit: &Circuit) -> Self {
        let mut state = Self::basis(circuit.qubits(), 0);
        state.apply_circuit(circuit);
        state
    }

    /// Applies every statement of a circuit but its final measurements.
    pub fn apply_circuit(&mut self, circuit: &Circuit) {
        let finals = final_measurements(circuit);
        for (index, statement) in circuit.statements.iter().enumerate() {
            if !finals.contains(&index) {
                self.apply(&statement.operation);
            }
        }
    }

    /// Applies one operation; a measurement dephases, its outcome forgotten.
    pub fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Gate(gate) => gate.body.iter().for_each(|unitary| self.apply_unitary(unitary)),
            Operation::Channel { channel, qubits } => self.apply_kraus(channel.kraus(), qubits),
            Operation::Measure { qubit, .. } => self.apply_kraus(&[elementary(0, 0), elementary(1, 1)], &[*qubit]),
            Operation::Reset { qubit } => self.apply_kraus(&[elementary(0, 0), elementary(0, 1)], &[*qubit]),
            Operation::Barrier { .. } => {}
            Operation::If { .. } => panic!("the oracle has no classical bits, so it cannot run `if`"),
        }
    }

    /// `rho -> U rho U^dagger`, with `U` the identity but where every control has its value.
    pub fn apply_unitary(&mut self, unitary: &Unitary) {
        let controls = unitary.controls.iter().map(|control| control.qubit);
        let qubits: Vec<usize> = unitary.targets.iter().copied().chain(controls).collect();
        self.apply_kraus(&[controlled_matrix(unitary)], &qubits);
    }

    /// `rho -> sum_a K_a rho K_a^dagger`; the first of `qubits` is the least significant bit of the operators' index.
    ///
    /// `rho'[r', c'] = sum_a sum_{r, c} K_a[r', r] conj(K_a[c', c]) rho[r, c]`, entry by entry.
    pub fn apply_kraus(&mut self, kraus: &[Matrix], qubits: &[usize]) {
        let bits: Vec<usize> = qubits.iter().copied().chain(qubits.iter().map(|qubit| qubit + self.qubits)).collect();
        let superoperator = superoperator(kraus, &bits);
        let (dimension, mask, old) = (1 << self.qubits, spread(usize::MAX, &bits), &self.entries);
        let inside: Vec<usize> = (0..dimension).map(|index| gather(index, qubits)).collect();
        self.spare.resize(old.len(), Complex64::ZERO);
        self.spare.par_chunks_mut(dimension).enumerate().for_each(|(row, new)| {
            for (column, entry) in new.iter_mut().enumerate() {
                let elsewhere = (row * dimension + column) & !mask;
                let terms = &superoperator[inside[row] << qubits.len() | inside[column]];
                *entry = terms.iter().map(|(bits, factor)| factor * old[elsewhere | bits]).sum();
            }
        });
        std::mem::swap(&mut self.entries, &mut self.spare);
    }

    /// Adds another state of as many qubits.
    pub fn add(&mut self, other: &DensityMatrix) {
        self.entries.iter_mut().zip(&other.entries).for_each(|(entry, more)| *entry += more);
    }

    /// Number of qubits.
    pub fn qubits(&self) -> usize {
        self.qubits
    }

    /// `<row| rho |column>`.
    pub fn entry(&self, row: usize, column: usize) -> Complex64 {
        self.entries[row << self.qubits | column]
    }

    /// `tr rho`.
    pub fn trace(&self) -> f64 {
        self.diagonal().sum()
    }

    /// `tr rho^2`, the sum of the squared entries, as `rho` is Hermitian.
    pub fn purity(&self) -> f64 {
        self.entries.par_iter().map(|entry| entry.norm_sqr()).sum()
    }

    /// `tr(P rho)` of a Pauli string: `P |b> = i^{|x AND z|} (-1)^{|z AND b|} |b XOR x>`.
    pub fn expectation(&self, string: PauliString) -> f64 {
        let (x, z) = (string.x as usize, string.z as usize);
        let sign = |basis: usize| if (z & basis).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
        let sum: Complex64 = (0..1 << self.qubits).map(|basis| self.entry(basis, basis ^ x) * sign(basis)).sum();
        (Complex64::I.powu((x & z).count_ones()) * sum).re
    }

    /// `tr(O rho)` of a sum of Pauli strings.
    pub fn expectation_of_sum(&self, sum: &PauliSum) -> f64 {
        sum.terms.iter().map(|(coefficient, string)| coefficient * self.expectation(*string)).sum()
    }

    /// Probabilities of the outcomes of the listed qubits; the first listed is bit 0 of the outcome.
    pub fn probabilities(&self, qubits: &[usize]) -> Vec<f64> {
        let mut probabilities = vec![0.0; 1 << qubits.len()];
        for (basis, probability) in self.diagonal().enumerate() {
            probabilities[gather(basis, qubits)] += probability;
        }
        probabilities
    }

    /// `||rho - L L^dagger||_1`, the sum of the absolute eigenvalues of the difference (no factor 1/2), for a factor `L`
    /// of `2^n` rows.
    pub fn trace_distance(&self, factor: &Matrix) -> f64 {
        let other = Self::from_factor(factor);
        assert_eq!(self.qubits, other.qubits, "both states must have the same number of qubits");
        let difference: Vec<Complex64> = self.entries.iter().zip(&other.entries).map(|(a, b)| a - b).collect();
        let dimension = 1 << self.qubits;
        let eigenvalues = MatRef::from_row_major_slice(&difference, dimension, dimension)
            .self_adjoint_eigenvalues(Side::Lower)
            .expect("the eigenvalues of a finite Hermitian matrix converge");
        eigenvalues.iter().map(|value| value.abs()).sum()
    }

    fn diagonal(&self) -> impl Iterator<Item = f64> + '_ {
        (0..1 << self.qubits).map(|basis| self.entry(basis, basis).re)
    }
}

/// Row `i` of `sum_a K_a (x) conj(K_a)` as pairs (bits of the old index, factor), zero factors left out.
///
/// `bits` are the positions of the column bits, then of the row bits, in the index of the density matrix.
fn superoperator(kraus: &[Matrix], bits: &[usize]) -> Vec<Vec<(usize, Complex64)>> {
    let qubits = bits.len() / 2;
    let mut rows = vec![Vec::new(); 1 << bits.len()];
    for operator in kraus {
        let nonzero: Vec<_> = operator.indexed_iter().filter(|(_, factor)| **factor != Complex64::ZERO).collect();
        for ((new_row, old_row), left) in &nonzero {
            for ((new_column, old_column), right) in &nonzero {
                let old = spread(old_row << qubits | old_column, bits);
                add_term(&mut rows[new_row << qubits | new_column], old, *left * right.conj());
            }
        }
    }
    rows
}

fn add_term(row: &mut Vec<(usize, Complex64)>, old: usize, factor: Complex64) {
    match row.iter_mut().find(|(other, _)| *other == old) {
        Some((_, sum)) => *sum += factor,
        None => row.push((old, factor)),
    }
}

/// The matrix of a controlled unitary on its targets, then its controls, as bits of the index from the least
/// significant one.
fn controlled_matrix(unitary: &Unitary) -> Matrix {
    let targets = unitary.targets.len();
    let active =
        unitary.controls.iter().enumerate().map(|(bit, control)| usize::from(control.value) << bit).sum::<usize>();
    let mut matrix = identity(1 << (targets + unitary.controls.len()));
    for ((row, column), entry) in unitary.matrix.indexed_iter() {
        matrix[(active << targets | row, active << targets | column)] = *entry;
    }
    matrix
}

/// `|row><column|` of one qubit.
pub(super) fn elementary(row: usize, column: usize) -> Matrix {
    Matrix::from_shape_fn((2, 2), |place| if place == (row, column) { Complex64::ONE } else { Complex64::ZERO })
}

/// The bits of `index` at these positions, the first of them least significant.
fn gather(index: usize, positions: &[usize]) -> usize {
    positions.iter().enumerate().map(|(bit, position)| (index >> position & 1) << bit).sum()
}

/// The inverse of [`gather`]: the low bits of `value` put at these positions.
fn spread(value: usize, positions: &[usize]) -> usize {
    positions.iter().enumerate().map(|(bit, position)| (value >> bit & 1) << position).sum()
}
