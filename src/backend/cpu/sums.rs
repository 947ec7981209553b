//! Sums over amplitudes: weights, norms and overlaps, accumulated in double precision.
//!
//! Each sum has a fixed number of partial sums, so that the vectors of any machine hold some of them and the result
//! does not depend on its vectors.

use super::scalar::Real;
use num_complex::{Complex, Complex64};

/// Partial sums of real numbers; even, so that real and imaginary parts stay apart.
const PARTS: usize = 16;

/// `sum_i |values[i]|^2`.
#[inline(always)]
pub(super) fn weight<T: Real>(values: &[Complex<T>]) -> f64 {
    let values = T::reals(values);
    let mut parts = [0.0; PARTS];
    let chunks = values.chunks_exact(PARTS);
    let rest: f64 = chunks.remainder().iter().map(|value| value.wide() * value.wide()).sum();
    for chunk in chunks {
        for (part, value) in parts.iter_mut().zip(chunk) {
            *part += value.wide() * value.wide();
        }
    }
    rest + parts.iter().sum::<f64>()
}

/// Adds the squared parts of a row to the sums of its columns.
#[inline(always)]
pub(super) fn add_squares<T: Real>(row: &[Complex<T>], sums: &mut [f64]) {
    for (sum, value) in sums.iter_mut().zip(T::reals(row)) {
        *sum += value.wide() * value.wide();
    }
}

/// Adds `conj(bra[c]) ket[c]` of each column of two rows to its sums: first, for all columns, the products of parts of the
/// same kind, then those of parts of different kinds.
#[inline(always)]
pub(super) fn add_products<T: Real>(bra: &[Complex<T>], ket: &[Complex<T>], sums: &mut [f64]) {
    let (bra, ket) = (T::reals(bra), T::reals(ket));
    let (same, crossed) = sums.split_at_mut(bra.len());
    for ((sum, bra), ket) in same.iter_mut().zip(bra).zip(ket) {
        *sum += bra.wide() * ket.wide();
    }
    let columns = crossed.chunks_exact_mut(2).zip(bra.chunks_exact(2)).zip(ket.chunks_exact(2));
    for ((sum, bra), ket) in columns {
        sum[0] += bra[0].wide() * ket[1].wide();
        sum[1] += bra[1].wide() * ket[0].wide();
    }
}

/// The sum of each column from those of [`add_products`].
pub(super) fn column_products(sums: &[f64]) -> Vec<Complex64> {
    let (same, crossed) = sums.split_at(sums.len() / 2);
    let columns = same.chunks_exact(2).zip(crossed.chunks_exact(2));
    columns.map(|(same, crossed)| Complex64::new(same[0] + same[1], crossed[0] - crossed[1])).collect()
}

/// `sum_i conj(bra[i]) ket[i]`.
#[inline(always)]
pub(super) fn overlap<T: Real>(bra: &[Complex<T>], ket: &[Complex<T>]) -> Complex64 {
    let (mut real, mut crossed) = ([0.0; PARTS], [0.0; PARTS]);
    let (bra_chunks, ket_chunks) = (bra.chunks_exact(PARTS / 2), ket.chunks_exact(PARTS / 2));
    let rest = bra_chunks.remainder().iter().zip(ket_chunks.remainder());
    let rest: Complex64 = rest.map(|(bra, ket)| T::double(*bra).conj() * T::double(*ket)).sum();
    for (bra, ket) in bra_chunks.zip(ket_chunks) {
        let (bra, ket) = (T::reals(bra), T::reals(ket));
        for index in 0..PARTS {
            real[index] += bra[index].wide() * ket[index].wide();
            crossed[index] += bra[index].wide() * ket[index ^ 1].wide();
        }
    }
    let imaginary: f64 = crossed.chunks_exact(2).map(|pair| pair[0] - pair[1]).sum();
    rest + Complex64::new(real.iter().sum(), imaginary)
}

/// Adds the overlap of a row to the sum of each sign mask.
#[inline(always)]
pub(super) fn add_signed(sums: &mut [Complex64], overlap: Complex64, signs: &[usize], row: usize) {
    for (sum, mask) in sums.iter_mut().zip(signs) {
        let odd = (mask & row).count_ones() & 1 == 1;
        *sum += if odd { -overlap } else { overlap };
    }
}
