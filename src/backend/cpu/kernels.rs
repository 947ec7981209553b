//! Dense gates on groups of rows.
//!
//! A group holds the `2^k` rows that differ in the target bits only. Groups are disjoint, so threads take ranges of
//! them; within a group the inner loop runs over columns.

use super::index::RowGroups;
use super::scalar::Real;
use crate::linalg::Matrix;
use num_complex::Complex;
use rayon::prelude::*;

/// Groups in one unit of parallel work.
const GROUP_BLOCK: usize = 1024;

/// A pointer that may cross threads: each thread touches its own rows only.
#[derive(Clone, Copy)]
struct Rows<T>(*mut Complex<T>);
// SAFETY: the kernels below give every row to exactly one thread.
unsafe impl<T: Send> Send for Rows<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Rows<T> {}

impl<T> Rows<T> {
    fn at(self, index: usize) -> *mut Complex<T> {
        // SAFETY: callers pass indices inside the shard.
        unsafe { self.0.add(index) }
    }
}

/// `y = M x` in every group, for all columns.
pub(super) fn dense<T: Real>(
    data: &mut [Complex<T>],
    reserved: usize,
    width: usize,
    matrix: &Matrix,
    groups: &RowGroups,
) {
    let entries: Vec<Complex<T>> = matrix.iter().map(|entry| T::complex(*entry)).collect();
    match groups.offsets.len() {
        2 => fixed::<T, 2>(data, reserved, width, &entries, groups),
        4 => fixed::<T, 4>(data, reserved, width, &entries, groups),
        8 => fixed::<T, 8>(data, reserved, width, &entries, groups),
        _ => any_size(data, reserved, width, groups, |_| &entries),
    }
}

/// As [`dense`], column `c` by `matrices[choice[c]]`.
pub(super) fn dense_per_column<T: Real>(
    data: &mut [Complex<T>],
    reserved: usize,
    matrices: &[Matrix],
    choice: &[usize],
    groups: &RowGroups,
) {
    let entries: Vec<Vec<Complex<T>>> =
        matrices.iter().map(|matrix| matrix.iter().map(|entry| T::complex(*entry)).collect()).collect();
    any_size(data, reserved, choice.len(), groups, |column| &entries[choice[column]]);
}

fn for_each_group<T: Real>(
    data: &mut [Complex<T>],
    reserved: usize,
    groups: &RowGroups,
    work: impl Fn(Rows<T>, &mut Vec<Complex<T>>) + Sync,
) {
    let rows = Rows(data.as_mut_ptr());
    let blocks = groups.count.div_ceil(GROUP_BLOCK);
    (0..blocks).into_par_iter().for_each(|block| {
        let mut scratch = vec![Complex::new(T::ZERO, T::ZERO); groups.offsets.len()];
        for group in block * GROUP_BLOCK..((block + 1) * GROUP_BLOCK).min(groups.count) {
            work(Rows(rows.at(groups.first_row(group) * reserved)), &mut scratch);
        }
    });
}

fn fixed<T: Real, const SIZE: usize>(
    data: &mut [Complex<T>],
    reserved: usize,
    width: usize,
    entries: &[Complex<T>],
    groups: &RowGroups,
) {
    let matrix: [[Complex<T>; SIZE]; SIZE] = std::array::from_fn(|r| std::array::from_fn(|c| entries[r * SIZE + c]));
    let offsets: [usize; SIZE] = std::array::from_fn(|member| groups.offsets[member] * reserved);
    for_each_group(data, reserved, groups, |first, _| {
        for column in 0..width {
            // SAFETY: `first + offset + column` is an amplitude of this group's rows, which no other thread touches.
            let input: [Complex<T>; SIZE] =
                std::array::from_fn(|member| unsafe { *first.at(offsets[member] + column) });
            for (row, offset) in matrix.iter().zip(offsets) {
                let mut sum = row[0] * input[0];
                for (entry, value) in row.iter().zip(input).skip(1) {
                    sum = sum + *entry * value;
                }
                // SAFETY: as above.
                unsafe { *first.at(offset + column) = sum };
            }
        }
    });
}

fn any_size<'a, T: Real>(
    data: &mut [Complex<T>],
    reserved: usize,
    width: usize,
    groups: &RowGroups,
    entries: impl Fn(usize) -> &'a Vec<Complex<T>> + Sync,
) {
    let size = groups.offsets.len();
    for_each_group(data, reserved, groups, |first, input| {
        for column in 0..width {
            for (value, offset) in input.iter_mut().zip(&groups.offsets) {
                // SAFETY: as in `fixed`.
                *value = unsafe { *first.at(offset * reserved + column) };
            }
            for (row, offset) in entries(column).chunks_exact(size).zip(&groups.offsets) {
                let zero = Complex::new(T::ZERO, T::ZERO);
                let sum = row.iter().zip(input.iter()).fold(zero, |sum, (entry, value)| sum + *entry * *value);
                // SAFETY: as in `fixed`.
                unsafe { *first.at(offset * reserved + column) = sum };
            }
        }
    });
}
