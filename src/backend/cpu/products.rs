//! Gram matrix and rotation: the products of the tall shard with small matrices.

use super::scalar::Real;
use crate::linalg::Matrix;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use num_complex::{Complex, Complex64};
use rayon::prelude::*;

/// Rows of one panel: small enough that a panel of some hundred columns stays in a core's cache.
const PANEL_ROWS: usize = 256;
/// The Gram matrix is the sum of at most this many partial ones, added in order whatever the number of threads.
const GRAM_PARTS: usize = 16;
/// A part has at least this many rows for each column, so that all partial sums take at most a quarter of the shard.
const GRAM_ROWS_A_COLUMN: usize = 4;

/// A panel of used columns, packed, in double precision.
fn load<T: Real>(rows: &[Complex<T>], width: usize, reserved: usize, panel: &mut Vec<Complex64>) -> usize {
    panel.clear();
    for row in rows.chunks_exact(reserved) {
        panel.extend(row[..width].iter().map(|value| T::double(*value)));
    }
    rows.len() / reserved
}

fn panel_view(panel: &[Complex64], rows: usize, width: usize) -> MatRef<'_, Complex64> {
    MatRef::from_row_major_slice(panel, rows, width)
}

/// `L^dagger L`.
pub(super) fn gram<T: Real>(data: &[Complex<T>], rows: usize, width: usize, reserved: usize) -> Matrix {
    let part_rows = rows.div_ceil(GRAM_PARTS).max(GRAM_ROWS_A_COLUMN * width).next_multiple_of(PANEL_ROWS);
    let parts: Vec<Vec<Complex64>> = data
        .par_chunks(part_rows * reserved)
        .map(|part| {
            let mut sum = vec![Complex64::ZERO; width * width];
            let mut panel = Vec::with_capacity(PANEL_ROWS * width);
            for rows in part.chunks(PANEL_ROWS * reserved) {
                let count = load(rows, width, reserved, &mut panel);
                let view = panel_view(&panel, count, width);
                let into = MatMut::from_row_major_slice_mut(&mut sum, width, width);
                matmul(into, Accum::Add, view.adjoint(), view, Complex64::ONE, Par::Seq);
            }
            sum
        })
        .collect();
    let mut parts = parts.into_iter();
    let mut total = parts.next().expect("a shard has at least one row");
    parts.for_each(|part| total.iter_mut().zip(part).for_each(|(sum, value)| *sum += value));
    Matrix::from_shape_vec((width, width), total).expect("the sum has the shape of its parts")
}

/// `L <- L V`, panel by panel.
pub(super) fn rotate<T: Real>(data: &mut [Complex<T>], width: usize, reserved: usize, rotation: &Matrix) {
    let kept = rotation.ncols();
    let factor = crate::linalg::view(rotation);
    data.par_chunks_mut(PANEL_ROWS * reserved).for_each_init(
        || (Vec::with_capacity(PANEL_ROWS * width), vec![Complex64::ZERO; PANEL_ROWS * kept]),
        |(panel, product), rows| {
            let count = load(rows, width, reserved, panel);
            let into = MatMut::from_row_major_slice_mut(&mut product[..count * kept], count, kept);
            matmul(into, Accum::Replace, panel_view(panel, count, width), factor, Complex64::ONE, Par::Seq);
            for (row, values) in rows.chunks_exact_mut(reserved).zip(product.chunks_exact(kept.max(1))) {
                row.iter_mut().zip(values).for_each(|(amplitude, value)| *amplitude = T::complex(*value));
            }
        },
    );
}
