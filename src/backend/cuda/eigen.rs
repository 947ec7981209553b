//! The eigenproblem of a Gram matrix: on the device from some width on, below it and whenever that fails on the host.
//!
//! A row-major Hermitian `G` is, to the device, the column-major `A = conj(G) = G^T`: what it finds, `A Z = Z diag(lambda)`, are the
//! conjugates of the eigenvectors of `G`. The device is not taken at its word. `Z^dagger Z` and `A Z` are computed there, and what
//! they differ from `I` and from `Z diag(lambda)` must be within [`eigenvector_rounding`]: the first is what the certificate
//! counts on, the second bounds how far eigenvalues are off (Weyl). Frobenius norms are compared, several times the spectral
//! norms that count: what is between them covers the rounding of these products themselves.

use super::arguments::{bytes_of, bytes_of_mut};
use super::context::Context;
use crate::device::{Eigenproblem, Form, Memory, Operand, Product, Stream};
use crate::error::{Error, Result};
use crate::linalg::{Matrix, Precision, eigenvector_rounding, hermitian_eigen};
use num_complex::Complex64;
use std::sync::Once;

/// Columns from which on the device solves. A GPU brings a matrix to tridiagonal form column by column, by a few launches for
/// each that wait for one another: at 20 microseconds a column, 5 ms for 256 columns, which is about what a CPU takes for all
/// of it (8 ms, `config/machine.rs`). Beyond, the CPU's time grows with the cube, and the GPU's little more than linearly. An estimate:
/// `rhoshard bench gpu` measures both.
const LEAST_COLUMNS: usize = 256;

/// Column-major matrices on the device: the problem, its eigenvectors, a product; then the eigenvalues.
struct Places {
    memory: Memory,
    size: usize,
}

impl Places {
    fn matrix(&self, number: usize) -> u64 {
        self.memory.address() + (number * self.size * self.size * size_of::<Complex64>()) as u64
    }
}

impl Context {
    /// See [`crate::backend::Shard::eigen`].
    pub(super) fn eigenpairs(&self, matrix: &Matrix) -> Option<(Vec<f64>, Matrix)> {
        static TOLD: Once = Once::new();
        if matrix.nrows() < LEAST_COLUMNS {
            return hermitian_eigen(matrix);
        }
        self.solved(matrix).map_or_else(
            |error| {
                TOLD.call_once(|| tracing::warn!("eigenproblems are left to the CPU where the GPU fails: {error}"));
                hermitian_eigen(matrix)
            },
            Some,
        )
    }

    /// The device's eigenpairs, if they are right.
    fn solved(&self, matrix: &Matrix) -> Result<(Vec<f64>, Matrix)> {
        let size = matrix.nrows();
        tracing::debug!("{} solves an eigenproblem of {size} columns", self.device.name());
        let bytes = 3 * size * size * size_of::<Complex64>() + size * size_of::<f64>();
        let places = Places { memory: Memory::new(self.device.clone(), bytes)?, size };
        let entries: Vec<Complex64> = transposed(matrix);
        for number in [0, 1] {
            self.device.upload(Stream::Compute, bytes_of(&entries), places.matrix(number))?;
        }
        let problem = Eigenproblem { size, matrix: places.matrix(1), values: places.matrix(3) };
        if !self.device.solve(Stream::Compute, &problem)? {
            return Err(Error::resource(format!("the eigenvalues of {size} columns did not converge on the GPU")));
        }
        let mut bytes = vec![0; size * size_of::<f64>()];
        self.device.download(Stream::Compute, problem.values, &mut bytes)?;
        let number = |bytes: &[u8]| f64::from_ne_bytes(std::array::from_fn(|byte| bytes[byte]));
        let values: Vec<f64> = bytes.chunks_exact(size_of::<f64>()).map(number).collect();
        let vectors = self.square(&places, 1)?;
        let overlaps = self.product_with_vectors(&places, (1, Form::Adjoint))?;
        let images = self.product_with_vectors(&places, (0, Form::Plain))?;
        check(&values, &vectors, &overlaps, &images)?;
        Ok((values, Matrix::from_shape_fn((size, size), |(row, column)| vectors[row + column * size].conj())))
    }

    /// A matrix times the eigenvectors.
    fn product_with_vectors(&self, places: &Places, (left, form): (usize, Form)) -> Result<Vec<Complex64>> {
        let stride = places.size;
        let product = Product {
            precision: Precision::Double,
            rows: stride,
            columns: stride,
            inner: stride,
            left: Operand { address: places.matrix(left), stride, form },
            right: Operand { address: places.matrix(1), stride, form: Form::Plain },
            result: places.matrix(2),
            stride,
            accumulate: false,
        };
        self.device.multiply(Stream::Compute, &product)?;
        self.square(places, 2)
    }

    fn square(&self, places: &Places, number: usize) -> Result<Vec<Complex64>> {
        let mut entries = vec![Complex64::ZERO; places.size * places.size];
        self.device.download(Stream::Compute, places.matrix(number), bytes_of_mut(&mut entries))?;
        Ok(entries)
    }
}

/// The entries of the Hermitian matrix with this lower triangle, row by row: the columns of the transposed one.
fn transposed(matrix: &Matrix) -> Vec<Complex64> {
    let entry = |(row, column)| if row < column { matrix[(column, row)].conj() } else { matrix[(row, column)] };
    ndarray::indices(matrix.dim()).into_iter().map(entry).collect()
}

/// Fails unless `||Z^dagger Z - I||_F` and `||A Z - Z diag(lambda)||_F / max |lambda|` are small; what is not a number is not. All
/// matrices column by column.
fn check(values: &[f64], vectors: &[Complex64], overlaps: &[Complex64], images: &[Complex64]) -> Result<()> {
    let size = values.len();
    let most = eigenvector_rounding(size);
    let mut squares = [0.0; 2];
    for (column, value) in values.iter().enumerate() {
        for place in column * size..(column + 1) * size {
            let expected = f64::from(u8::from(place == column * (size + 1)));
            squares[0] += (overlaps[place] - expected).norm_sqr();
            squares[1] += (images[place] - vectors[place] * value).norm_sqr();
        }
    }
    let largest = values.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    let [defect, residual] = squares.map(f64::sqrt);
    if defect <= most && residual <= most * largest {
        return Ok(());
    }
    let what = format!(
        "the GPU's eigenvectors of {size} columns are off: not orthonormal by {defect:.1e}, their images by {residual:.1e}"
    );
    Err(Error::resource(what).allowed(format!("{most:.1e}, and that times the largest eigenvalue {largest:.1e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two columns: `diag(1, 2)`, its eigenvectors, their products, and one entry of one of them off by `error`.
    fn checked(which: usize, error: f64) -> Result<()> {
        let identity: Vec<Complex64> = [1.0, 0.0, 0.0, 1.0].map(Complex64::from).to_vec();
        let images: Vec<Complex64> = [1.0, 0.0, 0.0, 2.0].map(Complex64::from).to_vec();
        let mut found = [identity.clone(), identity, images];
        found[which][2].re += error;
        check(&[1.0, 2.0], &found[0], &found[1], &found[2])
    }

    #[test]
    fn eigenvectors_are_believed_to_what_the_certificate_counts_on() {
        let most = eigenvector_rounding(2);
        for (which, scale) in [(0, 1.0), (1, 1.0), (2, 2.0)] {
            assert!(checked(which, 0.9 * scale * most).is_ok());
            let message = checked(which, 1.1 * scale * most).unwrap_err().to_string();
            assert!(message.contains("the GPU's eigenvectors of 2 columns are off"), "{message}");
            assert!(checked(which, f64::NAN).is_err());
        }
    }

    #[test]
    fn the_lower_triangle_is_what_counts() {
        let i = Complex64::I;
        let nan = Complex64::from(f64::NAN);
        let matrix = ndarray::arr2(&[[1.0.into(), nan], [i, 2.0.into()]]);
        assert_eq!(transposed(&matrix), [1.0.into(), -i, i, 2.0.into()]);
    }
}
