//! Which eigenvectors of the Gram matrix are kept: one decision, made on one rank and sent to the others.
//!
//! `rho~ = L L^dagger` and `G = L^dagger L = V diag(lambda) V^dagger` share their nonzero eigenvalues. Keeping the columns `L v`
//! of the largest ones discards exactly the sum of the others. When there are more columns than rows, the same `V` comes
//! from the smaller `L L^dagger = U diag(lambda) U^dagger` as `V = L^dagger U diag(lambda)^(-1/2)`. Columns of different classical registers belong to
//! different outcomes and are never mixed. A cut never splits a cluster of equal eigenvalues: within a cluster the
//! eigenvectors are arbitrary, so the result would hang on rounding.
//!
//! The certificate counts on one property of the eigenvectors, however they were found: `rho~' = L V V^dagger L^dagger` exceeds
//! `rho~` by at most `||V^dagger V - I||_2` times its trace, which is `rounding.rs`'s share for a compression; how much is kept is
//! measured afterwards, on `L V`. (Where `V` comes from `L L^dagger`, `L V = (U Lambda + R) Lambda^(-1/2)` is off by as little as the
//! residual `R` of `U`.) Eigenvalues decide only what is kept, and are the new weights, off by at most a residual too. A solver that cannot be taken at
//! its word, such as a GPU's, is checked for both where it runs (`backend/cuda/eigen.rs`).

use super::basis::{canonical, clusters, references};
use super::rounding::rounding_floor;
use crate::backend::Precision;
use crate::error::{Error, Result};
use crate::linalg::{Matrix, adjoint, multiply};
use crate::state::Column;
use num_complex::Complex64;
use std::collections::BTreeMap;
use std::ops::Range;

/// Eigenvalues this close, relatively, are one cluster.
pub const CLUSTER_WIDTH: f64 = 1e-6;
/// Thresholds are lowered by this, so that an eigenvalue equal to a round-numbered cut is kept whatever its rounding.
const OFF_ROUND: f64 = 1.0 - 7.3e-10;

/// Finds eigenvalues in ascending order and eigenvectors of a Hermitian matrix, to [`crate::linalg::eigenvector_rounding`].
pub type Solver<'a> = &'a dyn Fn(&Matrix) -> Option<(Vec<f64>, Matrix)>;

/// What decides how much is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Eigenvalues below this are dropped.
    pub cut: f64,
    /// At most this many are kept.
    pub max_rank: Option<usize>,
    /// Eigenvalues below the cut are kept too as far as needed for the trace to stay at least this, if that can be.
    pub least_trace: f64,
    /// Precision of the amplitudes.
    pub precision: Precision,
}

/// The outcome of one compression.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// `width x kept`, orthonormal columns.
    pub rotation: Matrix,
    /// The new columns; their weights are the kept eigenvalues.
    pub columns: Vec<Column>,
    /// Trace before the cut.
    pub trace: f64,
    /// Whether `max_rank` decided, not the cut.
    pub limited: bool,
}

/// The threshold as it is applied.
pub fn threshold(cut: f64) -> f64 {
    cut * OFF_ROUND
}

/// The eigenpairs of the columns of one register value.
pub struct Spectrum {
    pub(super) register: u64,
    /// The columns.
    pub(super) members: Vec<usize>,
    /// Ascending.
    values: Vec<f64>,
    /// In terms of the members.
    vectors: Matrix,
    /// Which are kept.
    kept: Vec<bool>,
}

impl Spectrum {
    /// The eigenvalues that are not kept, and their eigenvectors.
    pub(super) fn discarded(&self) -> (Vec<f64>, Matrix) {
        let places: Vec<usize> = (0..self.values.len()).filter(|place| !self.kept[*place]).collect();
        let values = places.iter().map(|place| self.values[*place].max(0.0)).collect();
        let vector = |(row, place): (usize, usize)| self.vectors[(row, places[place])];
        (values, Matrix::from_shape_fn((self.members.len(), places.len()), vector))
    }
}

/// What a decision is made from.
#[derive(Debug, Clone)]
pub enum Source {
    /// `L^dagger L`, `width` square.
    Gram(Matrix),
    /// `L` itself, all rows in any order: cheaper when there are fewer rows than columns.
    Factor(Matrix),
}

impl Source {
    fn trace(&self) -> f64 {
        match self {
            Source::Gram(gram) => gram.diag().iter().map(|entry| entry.re).sum(),
            Source::Factor(factor) => factor.iter().map(|entry| entry.norm_sqr()).sum(),
        }
    }

    /// Eigenvalues of the members' `rho`, and the columns of `V` in terms of the members.
    fn eigenpairs(&self, members: &[usize], solver: Solver<'_>) -> Option<(Vec<f64>, Matrix)> {
        let size = members.len();
        match self {
            Source::Gram(gram) => {
                solver(&Matrix::from_shape_fn((size, size), |(row, col)| gram[(members[row], members[col])]))
            }
            Source::Factor(factor) => {
                let own = Matrix::from_shape_fn((factor.nrows(), size), |(row, col)| factor[(row, members[col])]);
                if size <= own.nrows() {
                    return solver(&multiply(&adjoint(&own), &own));
                }
                let (values, mut vectors) = solver(&multiply(&own, &adjoint(&own)))?;
                for (mut vector, value) in vectors.columns_mut().into_iter().zip(&values) {
                    let scale = if *value > 0.0 { value.sqrt().recip() } else { 0.0 };
                    vector.mapv_inplace(|entry| entry * scale);
                }
                Some((values, multiply(&adjoint(&own), &vectors)))
            }
        }
    }
}

/// Decides for columns with these registers; also the spectra of all, whether kept or not.
///
/// # Errors
/// Internal error when the eigenvalue iteration does not converge (a factor that is not finite).
pub fn decide(
    source: &Source,
    columns: &[Column],
    rule: &Rule,
    solver: Solver<'_>,
) -> Result<(Decision, Vec<Spectrum>)> {
    let trace = source.trace();
    let mut spectra = spectra(source, columns, solver)?;
    let mut candidates: Vec<(f64, &Spectrum, usize)> = spectra
        .iter()
        .flat_map(|spectrum| spectrum.values.iter().enumerate().map(move |(place, value)| (*value, spectrum, place)))
        .collect();
    candidates.sort_by(|one, other| other.0.total_cmp(&one.0));
    let values: Vec<f64> = candidates.iter().map(|candidate| candidate.0).collect();
    let (kept, limited) = count_kept(&values, rule);
    candidates.truncate(kept);
    // Within a cluster the order of values is rounding.
    let clusters = clusters(&values[..kept]);
    clusters.iter().for_each(|cluster| candidates[cluster.clone()].sort_by_key(|(_, of, place)| (of.register, *place)));
    let new = |(value, of, _): &(f64, &Spectrum, usize)| Column { weight: value.max(0.0), register: of.register };
    let decision = Decision {
        rotation: rotation(&candidates, &clusters, columns.len()),
        columns: candidates.iter().map(new).collect(),
        trace,
        limited,
    };
    let places: Vec<(u64, usize)> = candidates.iter().map(|(_, of, place)| (of.register, *place)).collect();
    for spectrum in &mut spectra {
        let own = places.iter().filter(|(register, _)| *register == spectrum.register);
        own.for_each(|(_, place)| spectrum.kept[*place] = true);
    }
    Ok((decision, spectra))
}

/// The eigenvectors in terms of all columns, those of each cluster and register in their canonical basis.
fn rotation(kept: &[(f64, &Spectrum, usize)], clusters: &[Range<usize>], width: usize) -> Matrix {
    let mut rotation = Matrix::zeros((width, kept.len()));
    let most = clusters.iter().map(Range::len).max().unwrap_or(0);
    let longest = kept.iter().map(|(_, of, _)| of.members.len()).max().unwrap_or(0);
    let references = references(longest, most);
    for cluster in clusters {
        let mut first = cluster.start;
        for same in kept[cluster.clone()].chunk_by(|one, other| one.1.register == other.1.register) {
            let spectrum = same[0].1;
            let vector = |(row, column): (usize, usize)| spectrum.vectors[(row, same[column].2)];
            let vectors = canonical(&Matrix::from_shape_fn((spectrum.members.len(), same.len()), vector), &references);
            for (row, entries) in spectrum.members.iter().zip(vectors.rows()) {
                entries.iter().enumerate().for_each(|(place, entry)| rotation[(*row, first + place)] = *entry);
            }
            first += same.len();
        }
    }
    rotation
}

/// The eigenpairs of each register value.
fn spectra(source: &Source, columns: &[Column], solver: Solver<'_>) -> Result<Vec<Spectrum>> {
    let mut registers: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (index, column) in columns.iter().enumerate() {
        registers.entry(column.register).or_default().push(index);
    }
    let spectrum = |(register, members): (u64, Vec<usize>)| {
        let (values, vectors) = source
            .eigenpairs(&members, solver)
            .ok_or_else(|| Error::internal("the eigenvalues of a Gram matrix did not converge"))?;
        let kept = vec![false; values.len()];
        Ok(Spectrum { register, members, values, vectors, kept })
    };
    registers.into_iter().map(spectrum).collect()
}

/// How many of the descending `values` are kept, and whether `max_rank` decided.
fn count_kept(values: &[f64], rule: &Rule) -> (usize, bool) {
    let largest = values.first().copied().unwrap_or(0.0);
    let floor = rounding_floor(values.len(), rule.precision) * largest;
    let above_noise = values.iter().take_while(|value| **value > floor).count();
    let above_cut = values.iter().take_while(|value| **value >= threshold(rule.cut)).count();
    let wanted = above_cut.max(count_for_trace(&values[..above_noise], rule.least_trace).unwrap_or(0));
    let kept = end_of_cluster(values, wanted.max(1)).min(above_noise.max(1));
    match rule.max_rank {
        Some(most) if kept > most => (start_of_cluster(values, most).unwrap_or(most), true),
        _ => (kept, false),
    }
}

/// How many of the descending values make up a trace; `None` if all together do not.
fn count_for_trace(values: &[f64], least: f64) -> Option<usize> {
    let mut trace = 0.0;
    let missing = values.iter().take_while(|value| {
        let short = trace < least;
        trace += **value;
        short
    });
    let count = missing.count();
    (trace >= least).then_some(count)
}

/// Extends a count so that the cluster of the last kept value is kept whole.
fn end_of_cluster(values: &[f64], count: usize) -> usize {
    let Some(last) = count.checked_sub(1).and_then(|last| values.get(last)) else { return count.min(values.len()) };
    values.iter().take_while(|value| **value >= last * (1.0 - CLUSTER_WIDTH)).count()
}

/// Reduces a count so that no cluster is split; `None` when the first cluster alone is larger.
fn start_of_cluster(values: &[f64], count: usize) -> Option<usize> {
    let first_dropped = *values.get(count)?;
    let whole = values.iter().take_while(|value| first_dropped < **value * (1.0 - CLUSTER_WIDTH)).count();
    (whole > 0).then_some(whole.min(count))
}

impl Decision {
    /// Bytes for the other ranks.
    pub fn to_bytes(&self) -> Vec<u8> {
        let words = 4 + 2 * self.columns.len() + 2 * self.rotation.len();
        let mut bytes = Vec::with_capacity(words * size_of::<u64>());
        let mut put = |word: u64| bytes.extend_from_slice(&word.to_le_bytes());
        [self.rotation.nrows() as u64, self.columns.len() as u64, u64::from(self.limited)]
            .into_iter()
            .for_each(&mut put);
        put(self.trace.to_bits());
        self.columns.iter().flat_map(|column| [column.weight.to_bits(), column.register]).for_each(&mut put);
        self.rotation.iter().flat_map(|entry| [entry.re.to_bits(), entry.im.to_bits()]).for_each(&mut put);
        bytes
    }

    /// Reads what [`Decision::to_bytes`] wrote; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Decision> {
        let mut words = bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")));
        let (width, kept) = (words.next()? as usize, words.next()? as usize);
        let (limited, trace) = (words.next()? == 1, f64::from_bits(words.next()?));
        let mut columns = Vec::with_capacity(kept);
        for _ in 0..kept {
            columns.push(Column { weight: f64::from_bits(words.next()?), register: words.next()? });
        }
        let mut entries = Vec::with_capacity(width * kept);
        for _ in 0..width * kept {
            entries.push(Complex64::new(f64::from_bits(words.next()?), f64::from_bits(words.next()?)));
        }
        Some(Decision { rotation: Matrix::from_shape_vec((width, kept), entries).ok()?, columns, trace, limited })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::hermitian_eigen;

    fn rule(cut: f64, max_rank: Option<usize>) -> Rule {
        Rule { cut, max_rank, least_trace: 0.0, precision: Precision::Double }
    }

    fn kept(values: &[f64], cut: f64, max_rank: Option<usize>) -> (usize, bool) {
        count_kept(values, &rule(cut, max_rank))
    }

    #[test]
    fn a_cut_keeps_a_cluster_whole() {
        let values = [0.5, 0.1, 0.1 - 1e-9, 0.1 - 2e-9, 0.01];
        assert_eq!(kept(&values, 0.1 - 0.5e-9, None), (4, false));
        assert_eq!(kept(&values, 0.2, None), (1, false));
        assert_eq!(kept(&values, 0.1, None), (4, false));
    }

    #[test]
    fn a_rank_limit_drops_a_cluster_whole() {
        let values = [0.5, 0.1, 0.1 - 1e-9, 0.1 - 2e-9, 0.01];
        assert_eq!(kept(&values, 0.0, Some(3)), (1, true));
        assert_eq!(kept(&values, 0.0, Some(4)), (4, true));
        assert_eq!(kept(&values, 0.0, Some(9)), (5, false));
        assert_eq!(kept(&[0.25; 4], 0.0, Some(2)), (2, true), "a first cluster that does not fit must be split");
    }

    #[test]
    fn rounding_noise_is_always_dropped_and_one_column_always_kept() {
        assert_eq!(kept(&[0.9, 1e-16, -1e-17], 0.0, None), (1, false));
        assert_eq!(kept(&[1e-9, 1e-12], 0.5, None), (1, false));
    }

    #[test]
    fn more_is_kept_as_far_as_the_trace_needs_it() {
        let values = [0.5, 0.2, 0.1, 0.1 - 1e-9, 0.01];
        let kept = |least_trace| count_kept(&values, &Rule { least_trace, ..rule(0.3, None) }).0;
        assert_eq!(kept(0.0), 1);
        assert_eq!(kept(0.65), 2);
        assert_eq!(kept(0.75), 4, "the cluster is kept whole");
        assert_eq!(kept(0.92), 1, "what cannot be reached is not tried");
    }

    #[test]
    fn registers_are_not_mixed() {
        let column = |register| Column { weight: 0.5, register };
        let columns = [column(0), column(1), column(0)];
        let gram = Matrix::from_shape_fn((3, 3), |(row, column)| if row == column { 0.3 } else { 0.2 }.into());
        let decision = decide(&Source::Gram(gram), &columns, &rule(0.0, None), &hermitian_eigen).unwrap().0;
        for (place, new) in decision.columns.iter().enumerate() {
            for (row, old) in columns.iter().enumerate() {
                assert!(old.register == new.register || decision.rotation[(row, place)] == Complex64::ZERO);
            }
        }
        let mut weights: Vec<f64> = decision.columns.iter().map(|column| column.weight).collect();
        weights.sort_by(f64::total_cmp);
        assert!(weights.iter().zip([0.1, 0.3, 0.5]).all(|(found, expected)| (found - expected).abs() < 1e-14));
    }

    #[test]
    fn more_columns_than_rows_give_the_same_decision() {
        let entry = |row: usize, column: usize| {
            Complex64::new(((3 * row + 5 * column) % 7) as f64 - 3.0, ((row * column) % 5) as f64 - 2.0) * 0.05
        };
        let factor = Matrix::from_shape_fn((3, 8), |(row, column)| entry(row, column));
        let columns: Vec<Column> = (0..8).map(|index| Column { weight: 1.0, register: index / 6 }).collect();
        let gram = multiply(&adjoint(&factor), &factor);
        let [one, other] = [Source::Gram(gram), Source::Factor(factor.clone())].map(|source| {
            let decision = decide(&source, &columns, &rule(1e-6, None), &hermitian_eigen).unwrap().0;
            let rotated = multiply(&factor, &decision.rotation);
            let weights: Vec<f64> = decision.columns.iter().map(|column| column.weight).collect();
            (weights, multiply(&rotated, &adjoint(&rotated)), decision.trace)
        });
        assert!(one.0.len() == other.0.len() && one.0.iter().zip(&other.0).all(|(a, b)| (a - b).abs() < 1e-14));
        assert!((&one.1 - &other.1).iter().all(|entry| entry.norm() < 1e-14) && (one.2 - other.2).abs() < 1e-14);
    }

    #[test]
    fn a_decision_survives_the_way_to_other_ranks() {
        let columns = [Column { weight: 0.5, register: 3 }, Column { weight: 0.5, register: u64::MAX }];
        let gram = Matrix::from_shape_fn((2, 2), |(row, column)| Complex64::new(1.0, row as f64 - column as f64));
        let decision = decide(&Source::Gram(gram), &columns, &rule(1e-3, Some(7)), &hermitian_eigen).unwrap().0;
        let bytes = decision.to_bytes();
        assert_eq!(Decision::from_bytes(&bytes).as_ref(), Some(&decision));
        assert_eq!(Decision::from_bytes(&bytes[..bytes.len() - 8]), None, "a corrupted message is noticed");
    }
}
