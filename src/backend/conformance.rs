//! One suite for every backend: each verb against its definition, row by row, on random content.

use super::{Backend, LocalControl, RowSet, Shard};
use crate::linalg::{Matrix, adjoint, multiply};
use num_complex::Complex64;

/// A deterministic pseudo-random amplitude in the unit square; test content needs no better generator.
fn amplitude(seed: usize) -> Complex64 {
    let mix = |value: usize| {
        let mixed =
            (value as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    Complex64::new(mix(2 * seed + 1), mix(2 * seed + 2))
}

fn random_matrix(rows: usize, columns: usize, seed: usize) -> Matrix {
    Matrix::from_shape_fn((rows, columns), |(row, column)| amplitude(seed + 1000 * row + column))
}

/// A shard of random content.
pub fn random_shard(backend: &dyn Backend, rows: usize, width: usize, seed: usize) -> Box<dyn Shard> {
    let mut shard = backend.allocate(rows, width).unwrap();
    shard.append_zeros(width);
    for row in 0..rows {
        let values: Vec<Complex64> = (0..width).map(|column| amplitude(seed + row * width + column)).collect();
        shard.set_row(row, &values);
    }
    shard
}

fn content(shard: &dyn Shard) -> Matrix {
    let rows: Vec<Complex64> = (0..shard.rows()).flat_map(|row| shard.row(row)).collect();
    Matrix::from_shape_vec((shard.rows(), shard.width()), rows).unwrap()
}

fn assert_close(found: &Matrix, expected: &Matrix, tolerance: f64, what: &str) {
    assert_eq!(found.dim(), expected.dim(), "{what}");
    let scale = expected.iter().map(|value| value.norm()).fold(1.0, f64::max);
    let worst = (found - expected).iter().map(|value| value.norm()).fold(0.0, f64::max);
    assert!(worst <= tolerance * scale, "{what}: off by {worst:e}");
}

fn bits_of(row: usize, bits: &[usize]) -> usize {
    bits.iter().enumerate().map(|(place, bit)| (row >> bit & 1) << place).sum()
}

fn with_bits(row: usize, bits: &[usize], value: usize) -> usize {
    bits.iter().enumerate().fold(row, |row, (place, bit)| row & !(1 << bit) | (value >> place & 1) << bit)
}

/// `M` on the targets where the controls hold, by the definition.
fn dense_reference(before: &Matrix, matrix: &Matrix, targets: &[usize], controls: &[LocalControl]) -> Matrix {
    Matrix::from_shape_fn(before.dim(), |(row, column)| {
        if controls.iter().any(|control| (row >> control.bit & 1 == 1) != control.value) {
            return before[(row, column)];
        }
        let own = bits_of(row, targets);
        (0..matrix.ncols()).map(|from| matrix[(own, from)] * before[(with_bits(row, targets, from), column)]).sum()
    })
}

/// Checks every verb of the backend to `tolerance`, relative to the largest entry.
pub fn check(backend: &dyn Backend, tolerance: f64) {
    for width in [1, 2, 3, 4, 7, 33] {
        check_gates(backend, width, tolerance);
        check_products(backend, width, tolerance);
        check_overlaps(backend, width, tolerance);
        check_packing(backend, width);
        check_columns(backend, width, tolerance);
    }
}

fn check_gates(backend: &dyn Backend, width: usize, tolerance: f64) {
    let (qubits, rows) = (6, 64);
    let on = |bit, value| LocalControl { bit, value };
    let mut cases: Vec<(Vec<usize>, Vec<LocalControl>)> = (0..qubits).map(|bit| (vec![bit], vec![])).collect();
    cases.extend((0..qubits).flat_map(|a| (0..qubits).filter(move |b| *b != a).map(move |b| (vec![a, b], vec![]))));
    cases.push((vec![3], vec![on(5, true), on(0, false)]));
    cases.push((vec![4, 1], vec![on(2, true)]));
    cases.push((vec![5, 0, 3], vec![]));
    cases.push((vec![1, 4, 0, 2], vec![]));
    cases.push((vec![4, 0, 2, 5, 1], vec![]));
    for (targets, controls) in cases {
        let matrix = random_matrix(1 << targets.len(), 1 << targets.len(), 5);
        let mut shard = random_shard(backend, rows, width, 1);
        let before = content(&*shard);
        shard.dense(&matrix, &targets, &controls);
        let expected = dense_reference(&before, &matrix, &targets, &controls);
        assert_close(&content(&*shard), &expected, tolerance, &format!("dense {targets:?} {controls:?}"));

        let mut shard = random_shard(backend, rows, width, 1);
        shard.diagonal(&matrix.diag().to_vec(), &targets, &controls);
        let diagonal = Matrix::from_diag(&matrix.diag());
        let expected = dense_reference(&before, &diagonal, &targets, &controls);
        assert_close(&content(&*shard), &expected, tolerance, &format!("diagonal {targets:?} {controls:?}"));

        let mut shard = random_shard(backend, rows, width, 1);
        let matrices = [matrix, random_matrix(1 << targets.len(), 1 << targets.len(), 77)];
        let choice: Vec<usize> = (0..width).map(|column| column % 2).collect();
        shard.dense_per_column(&matrices, &choice, &targets);
        let both = matrices.each_ref().map(|matrix| dense_reference(&before, matrix, &targets, &[]));
        let expected = Matrix::from_shape_fn(before.dim(), |(row, column)| both[choice[column]][(row, column)]);
        assert_close(&content(&*shard), &expected, tolerance, &format!("dense per column {targets:?}"));
    }
}

fn check_products(backend: &dyn Backend, width: usize, tolerance: f64) {
    let shard = random_shard(backend, 512, width, 9);
    let before = content(&*shard);
    let gram = multiply(&adjoint(&before), &before);
    assert_close(&shard.gram(), &gram, tolerance, "gram");
    let norms = shard.column_norms();
    let diagonal: Vec<f64> = gram.diag().iter().map(|value| value.re).collect();
    assert!(norms.iter().zip(&diagonal).all(|(found, expected)| (found - expected).abs() <= tolerance * 512.0));
    for kept in [1, width.div_ceil(2), width] {
        let mut shard = random_shard(backend, 512, width, 9);
        let rotation = random_matrix(width, kept, 21);
        shard.rotate(&rotation);
        assert_close(&content(&*shard), &multiply(&before, &rotation), tolerance, "rotate");
    }
}

fn overlap_reference(bra: &Matrix, ket: &Matrix, flip: usize, sign: usize) -> Complex64 {
    (0..ket.nrows())
        .map(|row| {
            let parity = if (row & sign).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
            (0..ket.ncols()).map(|c| bra[(row ^ flip, c)].conj() * ket[(row, c)]).sum::<Complex64>() * parity
        })
        .sum()
}

fn check_overlaps(backend: &dyn Backend, width: usize, tolerance: f64) {
    let (shard, other) = (random_shard(backend, 64, width, 2), random_shard(backend, 64, width, 3));
    let (own, foreign) = (content(&*shard), content(&*other));
    let (signs, scale) = ([0, 0b10011, 0b100000], 64.0 * width as f64);
    for flip in [0, 1, 0b101, 0b110000] {
        for (found, sign) in shard.flip_overlaps(flip, &signs).iter().zip(signs) {
            let expected = overlap_reference(&own, &own, flip, sign);
            assert!((found - expected).norm() <= tolerance * scale, "overlap {flip} {sign}");
        }
        let mut sums = [Complex64::ZERO; 3];
        for first in (0..64).step_by(16) {
            let set = RowSet { mask: 0, value: 0, first, count: 16 };
            let mut packed = vec![0; other.packed_bytes(16)];
            other.pack(&RowSet { first: first ^ (flip & !15), ..set }, &mut packed);
            let parts = shard.flip_overlaps_with(&packed, &set, flip, &signs);
            sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
        }
        for (found, sign) in sums.iter().zip(signs) {
            let expected = overlap_reference(&foreign, &own, flip, sign);
            assert!((found - expected).norm() <= tolerance * scale, "overlap with another shard {flip} {sign}");
        }
    }
}

fn check_packing(backend: &dyn Backend, width: usize) {
    let (shard, mut target) = (random_shard(backend, 64, width, 4), random_shard(backend, 64, width, 5));
    let (source, before) = (content(&*shard), content(&*target));
    let set = RowSet { mask: 0b10100, value: 0b00100, first: 3, count: 9 };
    let mut packed = vec![0; shard.packed_bytes(set.count)];
    shard.pack(&set, &mut packed);
    target.unpack(&set, &packed);
    let rows: Vec<usize> = (0..64).filter(|row| row & set.mask == set.value).skip(set.first).take(set.count).collect();
    let expected = Matrix::from_shape_fn(before.dim(), |(row, column)| {
        if rows.contains(&row) { source[(row, column)] } else { before[(row, column)] }
    });
    assert_eq!(content(&*target), expected, "pack and unpack");
}

fn check_columns(backend: &dyn Backend, width: usize, tolerance: f64) {
    let mut shard = random_shard(backend, 32, width, 6);
    let before = content(&*shard);
    let sources = [width - 1, 0, width - 1];
    shard.reserve(width + 5).unwrap();
    assert_eq!(content(&*shard), before, "a larger reserve keeps the content");
    shard.append_copies(&sources);
    shard.append_zeros(2);
    let all: Vec<usize> = (0..width).chain(sources).collect();
    let expected = Matrix::from_shape_fn((32, width + 5), |(row, column)| {
        all.get(column).map_or(Complex64::ZERO, |source| before[(row, *source)])
    });
    assert_eq!(content(&*shard), expected, "appended columns");
    let weights = shard.row_weights(&[0, width]);
    let reference = |row: usize| expected[(row, 0)].norm_sqr() + expected[(row, width)].norm_sqr();
    assert!(weights.iter().enumerate().all(|(row, weight)| (weight - reference(row)).abs() <= tolerance));
}
