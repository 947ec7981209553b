//! The Cholesky factorisation of a real symmetric positive definite matrix, with the inverse of its factor.
//!
//! It runs on one thread whatever the machine has, so that its numbers depend on nothing but the matrix (and on the
//! processor's vector instructions).

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::linalg::triangular_inverse::invert_lower_triangular;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::{Array2, ArrayView1, s};

/// A dense real matrix, row-major.
pub type RealMatrix = Array2<f64>;

/// `A = L L^T` for `A` real, symmetric and positive definite, with `L^-1`, so that many systems are solved by products.
#[derive(Debug, Clone)]
pub struct Cholesky {
    lower: RealMatrix,
    inverse: RealMatrix,
}

impl Cholesky {
    /// Factorises `a`, of which the lower triangle is read; `None` when it is not positive definite to rounding.
    pub fn new(a: &RealMatrix) -> Option<Cholesky> {
        assert_eq!(a.nrows(), a.ncols(), "a square matrix is factorised");
        let size = a.nrows();
        let mut lower = a.as_standard_layout().into_owned();
        let mut memory = MemBuffer::new(cholesky_in_place_scratch::<f64>(size, Par::Seq, Default::default()));
        let stack = MemStack::new(&mut memory);
        cholesky_in_place(view_mut(&mut lower), Default::default(), Par::Seq, stack, Default::default()).ok()?;
        (0..size).for_each(|row| lower.slice_mut(s![row, row + 1..]).fill(0.0));
        let mut inverse = RealMatrix::zeros((size, size));
        invert_lower_triangular(view_mut(&mut inverse), view(&lower), Par::Seq);
        inverse.iter().all(|entry| entry.is_finite()).then_some(Cholesky { lower, inverse })
    }

    /// Rows of `A`.
    pub fn size(&self) -> usize {
        self.lower.nrows()
    }

    /// `ln det A`.
    pub fn log_determinant(&self) -> f64 {
        2.0 * self.lower.diag().iter().map(|entry| entry.ln()).sum::<f64>()
    }

    /// `L^-1 b`.
    pub fn half_solve(&self, b: &[f64]) -> Vec<f64> {
        assert_eq!(b.len(), self.size(), "one number for each row");
        let b = ArrayView1::from(b);
        let product = |(row, of): (usize, ArrayView1<'_, f64>)| of.slice(s![..=row]).dot(&b.slice(s![..=row]));
        self.inverse.rows().into_iter().enumerate().map(product).collect()
    }

    /// `L^-T b`.
    pub fn transposed_half_solve(&self, b: &[f64]) -> Vec<f64> {
        assert_eq!(b.len(), self.size(), "one number for each row");
        let mut sum = vec![0.0; b.len()];
        for (row, (factor, of)) in b.iter().zip(self.inverse.rows()).enumerate() {
            sum.iter_mut().zip(of).take(row + 1).for_each(|(sum, entry)| *sum += factor * entry);
        }
        sum
    }

    /// `A^-1 b`.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        self.transposed_half_solve(&self.half_solve(b))
    }

    /// `A^-1`; only the lower triangle is filled.
    pub fn lower_inverse(&self) -> RealMatrix {
        let size = self.size();
        let mut product = RealMatrix::zeros((size, size));
        matmul(
            view_mut(&mut product),
            BlockStructure::TriangularLower,
            Accum::Replace,
            view(&self.inverse).transpose(),
            BlockStructure::TriangularUpper,
            view(&self.inverse),
            BlockStructure::TriangularLower,
            1.0,
            Par::Seq,
        );
        product
    }

    /// The factorisation of `A` with one more row and column, `row` and then `diagonal`, in `size^2` operations; `None`
    /// when that is not positive definite to rounding.
    pub fn grown(&self, row: &[f64], diagonal: f64) -> Option<Cholesky> {
        let size = self.size();
        let below = self.half_solve(row);
        let pivot = diagonal - below.iter().map(|entry| entry * entry).sum::<f64>();
        if !(pivot > 0.0 && pivot.is_finite()) {
            return None;
        }
        let pivot = pivot.sqrt();
        let inverse_row = self.transposed_half_solve(&below).into_iter().map(|entry| -entry / pivot).collect();
        let grown = |old: &RealMatrix, last: Vec<f64>, corner: f64| {
            let mut new = RealMatrix::zeros((size + 1, size + 1));
            new.slice_mut(s![..size, ..size]).assign(old);
            new.slice_mut(s![size, ..size]).assign(&ArrayView1::from(&last));
            new[(size, size)] = corner;
            new
        };
        let inverse = grown(&self.inverse, inverse_row, 1.0 / pivot);
        Some(Cholesky { lower: grown(&self.lower, below, pivot), inverse })
    }
}

fn view(matrix: &RealMatrix) -> MatRef<'_, f64> {
    let slice = matrix.as_slice().expect("matrices here are in standard layout");
    MatRef::from_row_major_slice(slice, matrix.nrows(), matrix.ncols())
}

fn view_mut(matrix: &mut RealMatrix) -> MatMut<'_, f64> {
    let (rows, columns) = matrix.dim();
    let slice = matrix.as_slice_mut().expect("matrices here are in standard layout");
    MatMut::from_row_major_slice_mut(slice, rows, columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `B B^T + I / 2`.
    fn positive(size: usize, entries: &[f64]) -> RealMatrix {
        let b = RealMatrix::from_shape_fn((size, size), |(row, column)| entries[row * size + column]);
        b.dot(&b.t()) + RealMatrix::from_diag_elem(size, 0.5)
    }

    fn distance(one: &[f64], other: &[f64]) -> f64 {
        one.iter().zip(other).map(|(one, other)| (one - other).abs()).fold(0.0, f64::max)
    }

    proptest! {
        #[test]
        fn systems_are_solved(size in 1_usize..40, entries in prop::collection::vec(-1.0..1.0, 40 * 40)) {
            let a = positive(size, &entries);
            let factors = Cholesky::new(&a).unwrap();
            prop_assert!((factors.lower.dot(&factors.lower.t()) - &a).iter().all(|entry| entry.abs() < 1e-12));
            let x = &entries[..size];
            let b = a.dot(&ArrayView1::from(x)).to_vec();
            prop_assert!(distance(&factors.solve(&b), x) < 1e-10);
            let inverse = factors.lower_inverse();
            let whole = RealMatrix::from_shape_fn(a.dim(), |(i, j)| inverse[(i.max(j), i.min(j))]);
            prop_assert!((whole.dot(&a) - RealMatrix::eye(size)).iter().all(|entry| entry.abs() < 1e-10));
        }

        #[test]
        fn a_grown_factorisation_is_that_of_the_larger_matrix(
            size in 2_usize..30, entries in prop::collection::vec(-1.0..1.0, 30 * 30),
        ) {
            let a = positive(size, &entries);
            let small = Cholesky::new(&a.slice(s![..size - 1, ..size - 1]).to_owned()).unwrap();
            let grown = small.grown(&a.slice(s![size - 1, ..size - 1]).to_vec(), a[(size - 1, size - 1)]).unwrap();
            let whole = Cholesky::new(&a).unwrap();
            prop_assert!((&grown.lower - &whole.lower).iter().all(|entry| entry.abs() < 1e-11));
            prop_assert!((&grown.inverse - &whole.inverse).iter().all(|entry| entry.abs() < 1e-10));
        }
    }

    #[test]
    fn the_determinant_of_two_by_two() {
        let a = ndarray::array![[4.0, 0.0], [2.0, 3.0]];
        assert!((Cholesky::new(&a).unwrap().log_determinant() - 8f64.ln()).abs() < 1e-15);
    }

    #[test]
    fn a_matrix_that_is_not_positive_has_no_factors() {
        assert!(Cholesky::new(&ndarray::array![[1.0, 2.0], [2.0, 1.0]]).is_none());
        assert!(Cholesky::new(&ndarray::array![[f64::NAN]]).is_none());
        assert!(Cholesky::new(&ndarray::array![[1.0]]).unwrap().grown(&[1.0], 1.0).is_none());
    }
}
