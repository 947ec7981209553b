//! Small dense linear algebra in double precision: products, Hermitian eigenvalues, matrix functions, real Cholesky factors.
//!
//! Everything large lives in the backend; what is here works on matrices that every rank holds whole (gate
//! matrices, Gram matrices). `faer` does the products and the factorisations.

mod cholesky;
mod precision;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par, Side};
use ndarray::Array2;
use num_complex::Complex64;

pub use cholesky::{Cholesky, RealMatrix};
pub use precision::Precision;

/// A dense complex matrix, row-major.
pub type Matrix = Array2<Complex64>;

/// The double-precision unit roundoff, 2^-53.
pub const UNIT_ROUNDOFF: f64 = f64::EPSILON / 2.0;

/// How far eigenvectors of a matrix of this size may be from orthonormal, `||V^dagger V - I||_2`, and eigenvalues from the exact
/// ones, relative to the largest. Backward stable methods stay well below; the certificate counts on it.
pub fn eigenvector_rounding(size: usize) -> f64 {
    8.0 * size as f64 * UNIT_ROUNDOFF
}

/// Borrows a row-major matrix for `faer`.
pub fn view(matrix: &Matrix) -> MatRef<'_, Complex64> {
    let slice = matrix.as_slice().expect("matrices here are in standard layout");
    MatRef::from_row_major_slice(slice, matrix.nrows(), matrix.ncols())
}

fn view_mut(matrix: &mut Matrix) -> MatMut<'_, Complex64> {
    let (rows, columns) = matrix.dim();
    let slice = matrix.as_slice_mut().expect("matrices here are in standard layout");
    MatMut::from_row_major_slice_mut(slice, rows, columns)
}

/// Products with fewer multiplications than this run on one thread.
const SMALL_PRODUCT: usize = 1 << 20;

/// The product `A B`.
pub fn multiply(a: &Matrix, b: &Matrix) -> Matrix {
    assert_eq!(a.ncols(), b.nrows(), "shapes of a product must match");
    let mut product = Matrix::zeros((a.nrows(), b.ncols()));
    let work = a.nrows() * a.ncols() * b.ncols();
    let threads = if work < SMALL_PRODUCT { Par::Seq } else { Par::rayon(0) };
    matmul(view_mut(&mut product), Accum::Replace, view(a), view(b), Complex64::ONE, threads);
    product
}

/// The conjugate transpose.
pub fn adjoint(a: &Matrix) -> Matrix {
    a.t().mapv(|value| value.conj()).as_standard_layout().into_owned()
}

/// The columns of one matrix with those of another behind them.
pub fn side_by_side(one: &Matrix, other: &Matrix) -> Matrix {
    let width = one.ncols();
    let entry = |(row, column)| if column < width { one[(row, column)] } else { other[(row, column - width)] };
    Matrix::from_shape_fn((one.nrows(), width + other.ncols()), entry)
}

/// The Kronecker product; the index of `high` is the more significant one.
pub fn kronecker(high: &Matrix, low: &Matrix) -> Matrix {
    ndarray::linalg::kron(high, low)
}

/// The matrix that acts as `a` on the qubits at `places` (the first least significant) and leaves the others of `qubits` alone.
pub fn embedded(a: &Matrix, qubits: usize, places: &[usize]) -> Matrix {
    let scattered = |bits: usize| -> usize { places.iter().enumerate().map(|(bit, to)| (bits >> bit & 1) << to).sum() };
    let mut matrix = Matrix::zeros((1 << qubits, 1 << qubits));
    for rest in (0..1 << qubits).filter(|rest| rest & scattered(a.nrows() - 1) == 0) {
        for ((row, column), entry) in a.indexed_iter() {
            matrix[(rest | scattered(row), rest | scattered(column))] = *entry;
        }
    }
    matrix
}

/// The identity of the given dimension.
pub fn identity(dimension: usize) -> Matrix {
    Matrix::from_diag_elem(dimension, Complex64::new(1.0, 0.0))
}

/// Eigenvalues in ascending order and eigenvectors (columns) of a Hermitian matrix; reads the lower triangle.
///
/// `None` when the iteration does not converge, which for finite input does not happen in practice.
pub fn hermitian_eigen(a: &Matrix) -> Option<(Vec<f64>, Matrix)> {
    let decomposition = view(a).self_adjoint_eigen(Side::Lower).ok()?;
    let vectors = decomposition.U();
    let values = decomposition.S().column_vector().iter().map(|value| value.re).collect();
    Some((values, Matrix::from_shape_fn(a.dim(), |(row, column)| vectors[(row, column)])))
}

/// Eigenvalues in ascending order of a Hermitian matrix; reads the lower triangle. `None` as for [`hermitian_eigen`].
pub fn hermitian_eigenvalues(a: &Matrix) -> Option<Vec<f64>> {
    view(a).self_adjoint_eigenvalues(Side::Lower).ok()
}

/// Singular values in descending order. `None` as for [`hermitian_eigen`].
pub fn singular_values(a: &Matrix) -> Option<Vec<f64>> {
    view(a).singular_values().ok()
}

/// Largest singular value, `||A||_2`.
pub fn spectral_norm(a: &Matrix) -> f64 {
    let gram = multiply(&adjoint(a), a);
    match hermitian_eigen(&gram) {
        Some((values, _)) => values.last().copied().unwrap_or(0.0).max(0.0).sqrt(),
        None => frobenius_norm(a),
    }
}

/// `||A||_F`, which also bounds the spectral norm.
pub fn frobenius_norm(a: &Matrix) -> f64 {
    a.iter().map(|value| value.norm_sqr()).sum::<f64>().sqrt()
}

/// `f(A)` for Hermitian `A`, by its eigenvalues.
pub fn hermitian_function(a: &Matrix, f: impl Fn(f64) -> Complex64) -> Option<Matrix> {
    let (values, vectors) = hermitian_eigen(a)?;
    let mut scaled = vectors.clone();
    for (mut column, value) in scaled.columns_mut().into_iter().zip(&values) {
        let factor = f(*value);
        column.mapv_inplace(|entry| entry * factor);
    }
    Some(multiply(&scaled, &adjoint(&vectors)))
}

/// How far `A` is from unitary: the largest entry of `A^dagger A - I` in absolute value.
pub fn unitarity_defect(a: &Matrix) -> f64 {
    let gram = multiply(&adjoint(a), a);
    (gram - identity(a.ncols())).iter().map(|value| value.norm()).fold(0.0, f64::max)
}

/// The matrix with each diagonal entry only, or `None` if some off-diagonal entry is not exactly zero.
pub fn diagonal_of(a: &Matrix) -> Option<Vec<Complex64>> {
    let is_diagonal = a.indexed_iter().all(|((row, column), value)| row == column || value.norm() == 0.0);
    is_diagonal.then(|| a.diag().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(dimension: usize) -> Matrix {
        Matrix::from_shape_fn((dimension, dimension), |(row, column)| {
            Complex64::new((row * 3 + column) as f64 % 5.0 - 2.0, (row + 2 * column) as f64 % 3.0 - 1.0)
        })
    }

    #[test]
    fn products_agree_with_the_definition() {
        let (a, b) = (sample(5), adjoint(&sample(5)));
        assert!((multiply(&a, &b) - a.dot(&b)).iter().all(|value| value.norm() < 1e-12));
    }

    #[test]
    fn eigenvectors_rebuild_the_matrix() {
        let a = sample(6);
        let hermitian = &a + &adjoint(&a);
        let rebuilt = hermitian_function(&hermitian, |value| value.into()).expect("converges");
        assert!((rebuilt - hermitian).iter().all(|value| value.norm() < 1e-12));
    }

    #[test]
    fn an_embedded_matrix_is_a_kronecker_product_with_the_identity() {
        assert_eq!(embedded(&sample(2), 2, &[0]), kronecker(&identity(2), &sample(2)));
        assert_eq!(embedded(&sample(2), 2, &[1]), kronecker(&sample(2), &identity(2)));
        let product = kronecker(&sample(2), &identity(2));
        assert_eq!(embedded(&product, 3, &[2, 0]), embedded(&sample(2), 3, &[0]));
    }

    #[test]
    fn the_spectral_norm_of_a_scaled_unitary_is_its_scale() {
        let matrix = identity(4).mapv(|value| value * Complex64::new(0.0, 0.25));
        assert!((spectral_norm(&matrix) - 0.25).abs() < 1e-15);
        assert!((unitarity_defect(&identity(3))) == 0.0);
    }
}
