//! Eigenvectors that do not hang on rounding.
//!
//! An eigenvalue leaves the phase of its eigenvector open, and equal eigenvalues the whole basis of their space, so two
//! computers, or two numbers of ranks, may find different ones. Here the space's basis is that nearest to fixed reference
//! vectors: with `V` any basis and `R` the references, `V Q`, where `V^dagger R = Q T` with `T` upper triangular and of positive
//! diagonal. `V -> V W` makes it `W^dagger Q`, so `V Q` stays.

use super::compression::CLUSTER_WIDTH;
use crate::linalg::{Matrix, adjoint, multiply};
use crate::rng::{Purpose, uniform};
use num_complex::Complex64;
use std::cmp::Ordering;

/// Weights are in order only as far as they differ by more than this, relatively.
const RESOLUTION: f64 = 1e-9;

/// Heavier first; weights that rounding alone can tell apart are equal.
pub(super) fn by_weight(one: f64, other: f64) -> Ordering {
    let level = |weight: f64| (weight.max(f64::MIN_POSITIVE).ln() / RESOLUTION).round();
    level(other).total_cmp(&level(one))
}

/// The ranges of descending values that are equal but for rounding, one after the other.
pub(super) fn clusters(values: &[f64]) -> Vec<std::ops::Range<usize>> {
    let mut clusters: Vec<std::ops::Range<usize>> = Vec::new();
    for (place, value) in values.iter().enumerate() {
        match clusters.last_mut() {
            Some(last) if *value >= values[place - 1] * (1.0 - CLUSTER_WIDTH) => last.end += 1,
            _ => clusters.push(place..place + 1),
        }
    }
    clusters
}

/// So many reference vectors of this length, as columns.
pub(super) fn references(length: usize, count: usize) -> Matrix {
    let phase = |(row, column): (usize, usize)| {
        let turn = uniform(0, Purpose::Reference, (row as u64) << 32 | column as u64);
        Complex64::from_polar(1.0, std::f64::consts::TAU * turn)
    };
    Matrix::from_shape_fn((length, count), phase)
}

/// The basis of the space of orthonormal columns that is nearest to the first references.
pub(super) fn canonical(vectors: &Matrix, references: &Matrix) -> Matrix {
    let count = vectors.ncols();
    let nearest = Matrix::from_shape_fn((vectors.nrows(), count), |place| references[place]);
    multiply(vectors, &orthonormal(multiply(&adjoint(vectors), &nearest)))
}

/// `Q` of `A = Q T` for a square matrix, by the modified Gram-Schmidt process, twice for orthogonality to rounding.
fn orthonormal(mut matrix: Matrix) -> Matrix {
    for column in 0..matrix.ncols() {
        let mut vector = matrix.column(column).to_owned();
        for _ in 0..2 {
            for earlier in 0..column {
                let earlier = matrix.column(earlier);
                let overlap: Complex64 = earlier.iter().zip(&vector).map(|(one, other)| one.conj() * other).sum();
                vector.scaled_add(-overlap, &earlier);
            }
        }
        let norm = vector.iter().map(Complex64::norm_sqr).sum::<f64>().sqrt();
        matrix.column_mut(column).assign(&(vector / norm));
    }
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_basis_found_does_not_depend_on_the_basis_given() {
        let part = |seed: usize| ((seed * 7919 + 13) % 101) as f64 / 50.0 - 1.0;
        let random = |rows: usize, columns: usize, seed: usize| {
            Matrix::from_shape_fn((rows, columns), |(row, column)| {
                Complex64::new(part(seed + row * columns + column), part(seed + 31 * row + 17 * column + 5))
            })
        };
        let unitary = orthonormal(random(9, 9, 1));
        let given = Matrix::from_shape_fn((9, 3), |place| unitary[place]);
        let turned = multiply(&given, &orthonormal(random(3, 3, 40)));
        let references = references(9, 4);
        let [one, other] = [&given, &turned].map(|vectors| canonical(vectors, &references));
        let near = |a: &Matrix, b: &Matrix| (a - b).iter().all(|entry| entry.norm() < 1e-12);
        assert!(near(&one, &other));
        assert!(near(&multiply(&one, &adjoint(&one)), &multiply(&given, &adjoint(&given))), "the same space");
        assert!(near(&multiply(&adjoint(&one), &one), &Matrix::eye(3)), "orthonormal");
    }

    #[test]
    fn values_that_differ_by_rounding_are_one_cluster() {
        assert_eq!(clusters(&[0.5, 0.1, 0.1 - 1e-12, 0.05]), [0..1, 1..3, 3..4]);
        assert!(clusters(&[]).is_empty());
        assert_eq!(by_weight(0.1, 0.1 - 1e-17), Ordering::Equal);
        assert_eq!([by_weight(0.2, 0.1), by_weight(0.0, 0.1)], [Ordering::Less, Ordering::Greater]);
    }
}
