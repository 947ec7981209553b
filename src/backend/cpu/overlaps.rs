//! Overlaps of rows with the rows after a flip, of one flip or of many at once.
//!
//! `e[r] = sum_c conj(L[r XOR f, c]) L[r, c]` is the entry `(r, r XOR f)` of `L L^dagger`, so `e[r XOR f]` is its conjugate and half of the
//! rows are enough: the other half adds the conjugate times `(-1)^|s AND f|` for the sign mask `s`.
//!
//! One flip reads the shard once. Of many flips those with the same high bits pair the same blocks of rows; then the product of the
//! two blocks gives the entries of all of them from what is in the cache already.

use super::products::load;
use super::scalar::Real;
use crate::backend::flips::{BLOCK, Flips, half, with_other_half};
use crate::linalg::Matrix;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use num_complex::{Complex, Complex64};
use rayon::prelude::*;

/// Flips with the same high bits from which on a product of blocks is cheaper than its diagonals one by one: it has as many as
/// a block has rows, but takes (measured, 50 columns) as long as two of them row by row. Two blocks of some hundred columns and
/// their product stay in a core's cache.
pub(super) const WORTH_A_PRODUCT: usize = 3;
/// The blocks of one set of flips are shared out in so many parts: fixed, so that sums do not depend on the number of threads.
const PARTS: usize = 16;

/// The shard's memory.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a, T> {
    pub(super) data: &'a [Complex<T>],
    pub(super) rows: usize,
    pub(super) width: usize,
    pub(super) reserved: usize,
}

impl<T: Real> Rows<'_, T> {
    /// A block in double precision, in place or copied.
    fn block<'b>(&'b self, number: usize, copy: &'b mut Vec<Complex64>) -> MatRef<'b, Complex64> {
        let (width, reserved) = (self.width, self.reserved);
        let rows = &self.data[number * BLOCK * reserved..];
        match T::doubles(rows) {
            Some(doubles) => {
                let used = &doubles[..(BLOCK - 1) * reserved + width];
                MatRef::from_row_major_slice_with_stride(used, BLOCK, width, reserved)
            }
            None => {
                load(rows.chunks(reserved).take(BLOCK).map(|row| &row[..width]), copy);
                MatRef::from_row_major_slice(copy, BLOCK, width)
            }
        }
    }

    /// The sums of flips that share these high bits: those of all sign masks, one flip after the other.
    pub(super) fn overlaps(&self, high: usize, flips: &[&Flips]) -> Vec<Complex64> {
        let blocks = self.rows / BLOCK;
        let count = if high == 0 { blocks } else { blocks / 2 };
        let parts = count.min(PARTS);
        let part = |part: usize| self.part(high, flips, part * count / parts..(part + 1) * count / parts);
        let sums: Vec<Vec<Complex64>> = (0..parts).into_par_iter().map(part).collect();
        let mut total = vec![Complex64::ZERO; flips.iter().map(|(_, signs)| signs.len()).sum()];
        sums.iter().for_each(|part| total.iter_mut().zip(part).for_each(|(sum, value)| *sum += value));
        let signs = flips.iter().flat_map(|(flip, signs)| signs.iter().map(move |sign| (flip, sign)));
        // Blocks of which one is the other's partner are taken once, if there are two.
        let completed = |(sum, (flip, sign)): (Complex64, (&usize, &usize))| match high {
            0 => sum,
            _ => with_other_half(sum, *flip, *sign),
        };
        total.into_iter().zip(signs).map(completed).collect()
    }

    fn part(&self, high: usize, flips: &[&Flips], numbers: std::ops::Range<usize>) -> Vec<Complex64> {
        let mut sums = vec![Complex64::ZERO; flips.iter().map(|(_, signs)| signs.len()).sum()];
        let mut product = Matrix::zeros((BLOCK, BLOCK));
        let (mut one, mut other) = (Vec::new(), Vec::new());
        let mut diagonal = [Complex64::ZERO; BLOCK];
        for number in numbers {
            let block = half(number, high);
            let (ket, bra) = (self.block(block, &mut one), self.block(block ^ high, &mut other));
            let into = product.as_slice_mut().expect("a new matrix is in standard layout");
            let into = MatMut::from_row_major_slice_mut(into, BLOCK, BLOCK);
            matmul(into, Accum::Replace, ket, bra.adjoint(), Complex64::ONE, Par::Seq);
            let mut sums = sums.iter_mut();
            for (flip, signs) in flips {
                let low = flip % BLOCK;
                diagonal.iter_mut().enumerate().for_each(|(row, entry)| *entry = product[(row, row ^ low)]);
                for (sign, sum) in signs.iter().zip(&mut sums) {
                    *sum += signed(&diagonal, *sign, block * BLOCK);
                }
            }
        }
        sums
    }
}

/// The sum over rows from `first` on, with signs.
fn signed(entries: &[Complex64; BLOCK], sign: usize, first: usize) -> Complex64 {
    let parity = |row: usize| (sign & row).count_ones() & 1;
    let sum: Complex64 =
        entries.iter().enumerate().map(|(row, entry)| entry * (1.0 - 2.0 * f64::from(parity(row)))).sum();
    if parity(first) == 1 { -sum } else { sum }
}
