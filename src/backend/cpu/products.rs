//! Gram matrices and rotations: the products of the tall shard with small matrices.
//!
//! All products run in double precision. A Gram matrix is computed as a Hermitian product (its lower triangle, half
//! the work) over fixed ranges of rows that are added in order, so its bits do not depend on the number of threads.

use super::index::{scatter_bits, spread};
use super::scalar::Real;
use crate::linalg::Matrix;
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, MatMut, MatRef, Par};
use num_complex::{Complex, Complex64};
use rayon::prelude::*;
use std::ops::Range;

/// Rows of one panel: small enough that a panel of some hundred columns stays in a core's cache.
pub(super) const PANEL_ROWS: usize = 512;
/// A Gram matrix is the sum of at most this many partial ones.
pub(super) const GRAM_PARTS: usize = 64;
/// A part has at least this many rows for each column, or adding the parts would cost as much as they do.
const PART_ROWS_A_COLUMN: usize = 2;
/// A part has at least about this many products of two amplitudes, or handing it out would cost as much as they do.
const PART_PRODUCTS: usize = 1 << 18;

/// Where a panel's rows are: the rows of the shard whose bits outside `mask` are those of consecutive numbers and whose
/// bits in `mask` are `value`.
#[derive(Clone, Copy)]
struct Rows {
    outside: usize,
    value: usize,
}

impl Rows {
    fn at(self, number: usize) -> usize {
        self.value | spread(number, self.outside)
    }
}

/// Rows one after the other, packed, in double precision.
pub(super) fn load<'a, T: Real>(rows: impl Iterator<Item = &'a [Complex<T>]>, panel: &mut Vec<Complex64>) {
    panel.clear();
    rows.for_each(|row| panel.extend(row.iter().map(|value| T::double(*value))));
}

fn view(panel: &[Complex64], width: usize) -> MatRef<'_, Complex64> {
    MatRef::from_row_major_slice(panel, panel.len() / width, width)
}

/// `L_s^dagger L_t` for `s >= t` over the target bits; see [`crate::backend::Shard::block_grams`].
pub(super) fn block_grams<T: Real>(
    data: &[Complex<T>],
    rows: usize,
    columns: Range<usize>,
    reserved: usize,
    targets: &[usize],
) -> Vec<Matrix> {
    let (values, width) = (1usize << targets.len(), columns.len());
    let mask = scatter_bits(values - 1, targets);
    let block = |value: usize| Rows { outside: (rows - 1) & !mask, value: scatter_bits(value, targets) };
    let numbers = rows / values;
    let least = (PART_ROWS_A_COLUMN * width).max(PART_PRODUCTS / (width * width).max(1)).next_power_of_two();
    let part_rows = (numbers / GRAM_PARTS).max(least).min(numbers);
    let pairs: Vec<(usize, usize)> = (0..values).flat_map(|s| (0..=s).map(move |t| (s, t))).collect();
    let part = |first: usize| {
        let mut sums = vec![vec![Complex64::ZERO; width * width]; pairs.len()];
        if let (true, Some(doubles)) = (targets.is_empty(), T::doubles(data)) {
            let rows = &doubles[first * reserved + columns.start..(first + part_rows - 1) * reserved + columns.end];
            let rows = MatRef::from_row_major_slice_with_stride(rows, part_rows, width, reserved);
            add_product(&mut sums[0], rows, rows, true);
            return sums;
        }
        let mut panels = vec![Vec::with_capacity(PANEL_ROWS.min(part_rows) * width); values];
        for start in (first..first + part_rows).step_by(PANEL_ROWS) {
            let range = start..(start + PANEL_ROWS).min(first + part_rows);
            panels.iter_mut().enumerate().for_each(|(value, panel)| {
                load(range.clone().map(|number| &data[block(value).at(number) * reserved..][columns.clone()]), panel);
            });
            for ((s, t), sum) in pairs.iter().zip(&mut sums) {
                add_product(sum, view(&panels[*s], width), view(&panels[*t], width), s == t);
            }
        }
        sums
    };
    let mut total: Option<Vec<Vec<Complex64>>> = None;
    let starts: Vec<usize> = (0..numbers).step_by(part_rows).collect();
    for wave in starts.chunks(rayon::current_num_threads()) {
        let parts: Vec<_> = wave.par_iter().map(|first| part(*first)).collect();
        for part in parts {
            match &mut total {
                Some(total) => total.iter_mut().flatten().zip(part.iter().flatten()).for_each(|(a, b)| *a += b),
                none => *none = Some(part),
            }
        }
    }
    let sums = total.expect("a shard has at least one row");
    pairs.into_iter().zip(sums).map(|((s, t), sum)| finish(sum, width, s == t)).collect()
}

/// `sum += A^dagger B`; of a Hermitian product the lower triangle only.
pub(super) fn add_product(sum: &mut [Complex64], a: MatRef<'_, Complex64>, b: MatRef<'_, Complex64>, hermitian: bool) {
    let width = a.ncols();
    let into = MatMut::from_row_major_slice_mut(sum, width, width);
    if hermitian {
        let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        triangular::matmul(into, lower, Accum::Add, a.adjoint(), full, b, full, Complex64::ONE, Par::Seq);
    } else {
        matmul(into, Accum::Add, a.adjoint(), b, Complex64::ONE, Par::Seq);
    }
}

/// The matrix of a sum; a Hermitian one is completed from its lower triangle.
pub(super) fn finish(sum: Vec<Complex64>, width: usize, hermitian: bool) -> Matrix {
    let mut matrix = Matrix::from_shape_vec((width, width), sum).expect("the sum has the shape of its parts");
    if hermitian {
        for row in 0..width {
            matrix[(row, row)].im = 0.0;
            for column in row + 1..width {
                matrix[(row, column)] = matrix[(column, row)].conj();
            }
        }
    }
    matrix
}

/// What a rotation acts on: columns from the first to the end, of those there are, of those there is room for.
#[derive(Clone, Copy)]
pub(super) struct Rotated {
    pub(super) first: usize,
    pub(super) end: usize,
    pub(super) width: usize,
    pub(super) reserved: usize,
}

impl Rotated {
    /// Writes the new columns of a row, with those that are not rotated behind them.
    fn write<T: Real>(self, row: &mut [Complex<T>], values: &[Complex64]) {
        if self.end < self.width {
            row.copy_within(self.end..self.width, self.first + values.len());
        }
        row[self.first..].iter_mut().zip(values).for_each(|(amplitude, value)| *amplitude = T::complex(*value));
    }
}

/// `L_s <- sum_t L_t V_st`, panel by panel; see [`crate::backend::Shard::rotate_blocks`].
pub(super) fn rotate_blocks<T: Real>(
    data: &mut [Complex<T>],
    rows: usize,
    shape: Rotated,
    rotations: &[Matrix],
    targets: &[usize],
) {
    let Rotated { first, end, reserved, .. } = shape;
    let width = end - first;
    let values = 1usize << targets.len();
    let kept = rotations[0].ncols();
    let mask = scatter_bits(values - 1, targets);
    let block = |value: usize| Rows { outside: (rows - 1) & !mask, value: scatter_bits(value, targets) };
    let numbers = rows / values;
    if targets.is_empty() && T::doubles(data).is_some() {
        return rotate_in_place(data, shape, &rotations[0]);
    }
    let shared = SharedRows(data.as_mut_ptr());
    let panels = numbers.div_ceil(PANEL_ROWS);
    let buffers = || (vec![Vec::new(); values], vec![Complex64::ZERO; PANEL_ROWS.min(numbers) * kept]);
    (0..panels).into_par_iter().for_each_init(buffers, |(inputs, product), panel| {
        let range = panel * PANEL_ROWS..((panel + 1) * PANEL_ROWS).min(numbers);
        let start = |value: usize, number: usize| block(value).at(number) * reserved;
        for (value, input) in inputs.iter_mut().enumerate() {
            // SAFETY: blocks and numbers give every row of the shard to exactly one panel.
            load(range.clone().map(|number| unsafe { &*shared.row(start(value, number) + first, width) }), input);
        }
        for (value, factors) in rotations.chunks_exact(values).enumerate() {
            let product = &mut product[..range.len() * kept];
            for (place, (input, factor)) in inputs.iter().zip(factors).enumerate() {
                let into = MatMut::from_row_major_slice_mut(product, range.len(), kept);
                let accumulate = if place == 0 { Accum::Replace } else { Accum::Add };
                let factor = crate::linalg::view(factor);
                matmul(into, accumulate, view(input, width), factor, Complex64::ONE, Par::Seq);
            }
            for (number, values) in range.clone().zip(product.chunks_exact(kept)) {
                // SAFETY: as above, and the panel's rows have been read.
                shape.write(unsafe { shared.row(start(value, number), reserved) }, values);
            }
        }
    });
}

/// `L <- L V` where the rows of a panel need not be collected first.
fn rotate_in_place<T: Real>(data: &mut [Complex<T>], shape: Rotated, rotation: &Matrix) {
    let Rotated { first, end, reserved, .. } = shape;
    let width = end - first;
    let kept = rotation.ncols();
    let factor = crate::linalg::view(rotation);
    let buffer = || vec![Complex64::ZERO; PANEL_ROWS * kept];
    data.par_chunks_mut(PANEL_ROWS * reserved).for_each_init(buffer, |product, panel| {
        let rows = panel.len() / reserved;
        let into = MatMut::from_row_major_slice_mut(&mut product[..rows * kept], rows, kept);
        let doubles = T::doubles(panel).expect("the caller has checked the precision");
        let columns = &doubles[first..(rows - 1) * reserved + end];
        let input = MatRef::from_row_major_slice_with_stride(columns, rows, width, reserved);
        matmul(into, Accum::Replace, input, factor, Complex64::ONE, Par::Seq);
        for (row, values) in panel.chunks_exact_mut(reserved).zip(product.chunks_exact(kept.max(1))) {
            shape.write(row, values);
        }
    });
}

/// Amplitudes, for threads that take disjoint rows.
#[derive(Clone, Copy)]
struct SharedRows<E>(*mut E);
// SAFETY: users of `row` give every row to exactly one thread.
unsafe impl<E: Send> Send for SharedRows<E> {}
// SAFETY: as above.
unsafe impl<E: Send> Sync for SharedRows<E> {}

impl<E> SharedRows<E> {
    /// # Safety
    /// `start .. start + length` lies in the allocation, and no one else holds any of it.
    unsafe fn row<'a>(self, start: usize, length: usize) -> &'a mut [E] {
        // SAFETY: as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), length) }
    }
}
