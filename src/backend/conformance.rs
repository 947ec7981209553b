//! One suite for every backend: each verb against its definition, row by row, on random content.

use super::{Backend, LocalControl, LocalOperation, RowSet, Shard};
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
        check_programs(backend, width, tolerance);
        check_passes(backend, width, tolerance);
        check_products(backend, width, tolerance);
        check_overlaps(backend, width, tolerance);
        check_all_overlaps(backend, width, tolerance);
        check_packing(backend, width);
        check_large_packing(backend, width);
        check_columns(backend, width, tolerance);
        check_marginals(backend, width, tolerance);
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
        let size = 1 << targets.len();
        let matrix = random_matrix(size, size, 5);
        let before = content(&*random_shard(backend, rows, width, 1));
        let run = |operation: LocalOperation| {
            let mut shard = random_shard(backend, rows, width, 1);
            shard.run(vec![operation]);
            content(&*shard)
        };
        let what = format!("{targets:?} {controls:?}");
        let (own, own_controls) = (targets.clone(), controls.clone());
        let found = run(LocalOperation::Dense { matrix: matrix.clone(), targets: own, controls: own_controls });
        assert_close(
            &found,
            &dense_reference(&before, &matrix, &targets, &controls),
            tolerance,
            &format!("dense {what}"),
        );

        let (entries, own, own_controls) = (matrix.diag().to_vec(), targets.clone(), controls.clone());
        let found = run(LocalOperation::Diagonal { entries, targets: own, controls: own_controls });
        let expected = dense_reference(&before, &Matrix::from_diag(&matrix.diag()), &targets, &controls);
        assert_close(&found, &expected, tolerance, &format!("diagonal {what}"));

        let images: Vec<usize> = (0..size).map(|value| (3 * value + 1) % size).collect();
        let mut permutation = Matrix::zeros((size, size));
        images.iter().enumerate().for_each(|(from, to)| permutation[(*to, from)] = matrix[(from, 0)]);
        let (factors, own, own_controls) = (matrix.column(0).to_vec(), targets.clone(), controls.clone());
        let found = run(LocalOperation::Permutation { images, factors, targets: own, controls: own_controls });
        let expected = dense_reference(&before, &permutation, &targets, &controls);
        assert_close(&found, &expected, tolerance, &format!("permutation {what}"));
    }
}

/// The columns a branch makes, by the definition.
fn branch_reference(
    before: &Matrix,
    matrices: &[Matrix],
    targets: &[usize],
    sources: &[usize],
    choice: &[usize],
) -> Matrix {
    let applied: Vec<Matrix> = matrices.iter().map(|matrix| dense_reference(before, matrix, targets, &[])).collect();
    let all: Vec<usize> = (0..before.ncols()).chain(sources.iter().copied()).collect();
    Matrix::from_shape_fn((before.nrows(), all.len()), |(row, column)| applied[choice[column]][(row, all[column])])
}

/// Programs of many operations, branches among them, on a shard of several tiles, against one at a time.
fn check_programs(backend: &dyn Backend, width: usize, tolerance: f64) {
    let (qubits, rows) = (12, 1 << 12);
    for seed in 0..3 {
        let pick = |index: usize, bound: usize| (amplitude(1000 * seed + index).re.abs() * 1e6) as usize % bound;
        let mut shard = random_shard(backend, rows, width, seed);
        let mut expected = content(&*shard);
        let mut program = Vec::new();
        for index in 0..24 {
            let first = pick(5 * index, qubits);
            let second = (first + 1 + pick(5 * index + 1, qubits - 1)) % qubits;
            let targets = if pick(5 * index + 2, 2) == 0 { vec![first] } else { vec![first, second] };
            let free = (0..qubits).find(|bit| !targets.contains(bit)).expect("more qubits than targets");
            let controls = if pick(5 * index + 3, 3) == 0 {
                vec![LocalControl { bit: free, value: index % 2 == 0 }]
            } else {
                vec![]
            };
            let size = 1 << targets.len();
            let matrix = random_matrix(size, size, index).mapv(|entry| entry / size as f64);
            match index % 4 {
                0 | 1 => {
                    expected = dense_reference(&expected, &matrix, &targets, &controls);
                    program.push(LocalOperation::Dense { matrix, targets, controls });
                }
                2 => {
                    let entries = matrix.diag().to_vec();
                    expected = dense_reference(&expected, &Matrix::from_diag(&matrix.diag()), &targets, &controls);
                    program.push(LocalOperation::Diagonal { entries, targets, controls });
                }
                _ => {
                    let matrices: Vec<Matrix> =
                        (0..3).map(|kind| random_matrix(size, size, 7 * index + kind)).collect();
                    let old = expected.ncols();
                    let sources: Vec<usize> = (0..old).filter(|column| column % 3 == 0).take(2).collect();
                    let mut choice = vec![0; old];
                    choice.extend((0..sources.len()).map(|branch| 1 + branch % 2));
                    expected = branch_reference(&expected, &matrices, &targets, &sources, &choice);
                    program.push(LocalOperation::Branch { matrices, targets, sources, choice });
                }
            }
        }
        shard.reserve(expected.ncols()).unwrap();
        shard.run(program);
        assert_close(&content(&*shard), &expected, 16.0 * tolerance, "a program");
    }
}

/// What an operation does, by the definition.
fn reference(before: &Matrix, operation: &LocalOperation) -> Matrix {
    match operation {
        LocalOperation::Dense { matrix, targets, controls } => dense_reference(before, matrix, targets, controls),
        LocalOperation::Diagonal { entries, targets, controls } => {
            let matrix = Matrix::from_diag(&ndarray::arr1(entries));
            dense_reference(before, &matrix, targets, controls)
        }
        LocalOperation::Permutation { images, factors, targets, controls } => {
            let mut matrix = Matrix::zeros((images.len(), images.len()));
            images.iter().zip(factors).enumerate().for_each(|(from, (to, factor))| matrix[(*to, from)] = *factor);
            dense_reference(before, &matrix, targets, controls)
        }
        LocalOperation::Branch { matrices, targets, sources, choice } => {
            branch_reference(before, matrices, targets, sources, choice)
        }
    }
}

/// Every kind of operation on more rows than a tile holds, pass by pass, the tiles of a pass in several calls.
fn check_passes(backend: &dyn Backend, width: usize, tolerance: f64) {
    let qubits = if width == 1 { 18 } else { 13 };
    let top = qubits - 1;
    let on = |bit, value| LocalControl { bit, value };
    let dense = |targets: &[usize], controls: Vec<LocalControl>, seed| {
        let size = 1 << targets.len();
        let matrix = random_matrix(size, size, seed).mapv(|entry| entry / (size as f64).sqrt());
        LocalOperation::Dense { matrix, targets: targets.to_vec(), controls }
    };
    let permutation = |targets: &[usize], factors: Vec<Complex64>, controls: Vec<LocalControl>| {
        let images = (0..factors.len()).map(|value| (3 * value + 1) % factors.len()).collect();
        LocalOperation::Permutation { images, factors, targets: targets.to_vec(), controls }
    };
    let some: Vec<Complex64> = (0..8).map(|index| amplitude(40 + index)).collect();
    let real = dense(&[1, top], vec![], 3);
    let LocalOperation::Dense { matrix, targets, controls } = real else { unreachable!("it was made so") };
    let real = LocalOperation::Dense { matrix: matrix.mapv(|entry| entry.re.into()), targets, controls };
    let mut operations = vec![
        dense(&[0], vec![], 1),
        dense(&[top, 0], vec![on(1, true)], 2),
        real,
        LocalOperation::Diagonal { entries: some.clone(), targets: vec![top, 0, 4], controls: vec![on(2, false)] },
        dense(&[5, 1, top - 1], vec![on(top, true), on(0, false)], 4),
        permutation(&[2, top], vec![Complex64::ONE; 4], vec![]),
        permutation(&[0, 7], vec![Complex64::ONE; 4], vec![on(1, true), on(top, false)]),
        permutation(&[3, 1, 0], some, vec![]),
        dense(&[top, 0, 3, 6, 1], vec![], 5),
        dense(&[2], vec![on(top - 1, true)], 6),
        LocalOperation::Diagonal { entries: vec![amplitude(9)], targets: vec![], controls: vec![on(0, true)] },
        dense(&[1, 2, 3, 4], vec![on(0, true)], 7),
    ];
    operations.extend((0..qubits).map(|bit| dense(&[bit, (bit + 5) % qubits], vec![], 10 + bit)));
    if width > 1 {
        let matrices: Vec<Matrix> = (0..4).map(|seed| random_matrix(4, 4, 60 + seed)).collect();
        for (place, target) in [(8, 0), (5, top), (3, 4)] {
            let (matrices, targets) = (matrices.clone(), vec![target, (target + 1) % qubits]);
            operations.insert(place, LocalOperation::Branch { matrices, targets, sources: vec![], choice: vec![] });
        }
        operations = numbered(operations, width);
    }
    let mut shard = random_shard(backend, 1 << qubits, width, 7);
    let expected = operations.iter().fold(content(&*shard), |before, operation| reference(&before, operation));
    shard.reserve(expected.ncols()).unwrap();
    for pass in shard.passes(operations, 1 << top | 1) {
        assert!(shard.width() == pass.width);
        let tiles = pass.tiles(shard.rows());
        let cuts = [0, tiles / 3, tiles / 2, tiles];
        cuts.windows(2).rev().for_each(|cut| shard.run_tiles(&pass, cut[0]..cut[1]));
        shard.end_pass(&pass);
    }
    assert_close(&content(&*shard), &expected, 64.0 * tolerance, "passes");
    let none = shard.passes(vec![], 0b110);
    assert!(none.len() == 1 && none[0].mask & 0b110 == 0b110 && none[0].operations.is_empty(), "a pass without work");
}

/// The operations with the choices of each branch made for the columns there are at its place.
fn numbered(mut operations: Vec<LocalOperation>, mut width: usize) -> Vec<LocalOperation> {
    for operation in &mut operations {
        if let LocalOperation::Branch { sources, choice, .. } = operation {
            *choice = (0..width).map(|_| 2).chain([0, 1, 3]).collect();
            *sources = vec![width - 1, 0, 1];
            width += sources.len();
        }
    }
    operations
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
    check_moved_columns(backend, width, tolerance);
    for targets in [vec![0], vec![8], vec![5, 2]] {
        check_blocks(&*shard, &before, &targets, tolerance);
        let values = 1 << targets.len();
        let rotations: Vec<Matrix> = (0..values * values).map(|seed| random_matrix(width, width + 1, seed)).collect();
        let mut shard = random_shard(backend, 512, width, 9);
        shard.reserve(width + 1).unwrap();
        shard.rotate_blocks(0..width, &rotations, &targets);
        assert_close(
            &content(&*shard),
            &rotated(&before, &rotations, &targets),
            tolerance * values as f64,
            "rotate blocks",
        );
        let mut shard = random_shard(backend, 512, width + 2, 9);
        shard.reserve(2 * width + 2).unwrap();
        let before = content(&*shard);
        let one: Vec<Matrix> = rotations.iter().map(|one| one.slice(ndarray::s![..1, ..]).to_owned()).collect();
        shard.rotate_blocks(1..2, &one, &targets);
        let after = content(&*shard);
        let (kept, rest) = after.view().split_at(ndarray::Axis(1), 1);
        let (new, others) = rest.split_at(ndarray::Axis(1), width + 1);
        let expected = rotated(&before.slice(ndarray::s![.., 1..2]).to_owned(), &one, &targets);
        assert_close(&new.to_owned(), &expected, tolerance * values as f64, "rotate the second column");
        assert_eq!((kept, others), (before.slice(ndarray::s![.., ..1]), before.slice(ndarray::s![.., 2..])), "others");
    }
}

/// `sum_t L_t rotations[s * 2^k + t]` for the rows with target bits `s`.
fn rotated(before: &Matrix, rotations: &[Matrix], targets: &[usize]) -> Matrix {
    let values = 1 << targets.len();
    Matrix::from_shape_fn((before.nrows(), rotations[0].ncols()), |(row, column)| {
        let factors = &rotations[bits_of(row, targets) * values..][..values];
        let term = |value: usize| before.row(with_bits(row, targets, value)).dot(&factors[value].column(column));
        (0..values).map(term).sum()
    })
}

/// Every second column stays, in reverse order; another shard takes combinations of these and of the others.
fn check_moved_columns(backend: &dyn Backend, width: usize, tolerance: f64) {
    let mut shard = random_shard(backend, 512, width, 9);
    let mut other = random_shard(backend, 512, width, 4);
    other.reserve(width + 2).unwrap();
    let before = content(&*shard);
    let kept: Vec<usize> = (0..width).rev().filter(|column| column % 2 == 0).collect();
    let moved: Vec<usize> = (0..width).filter(|column| column % 2 == 1).collect();
    let own = |columns: &[usize]| before.select(ndarray::Axis(1), columns).as_standard_layout().into_owned();
    let lists: Vec<&[usize]> = [&kept[..], &moved[..]].into_iter().filter(|list| !list.is_empty()).collect();
    for (gram, columns) in shard.grams_of(&lists).iter().zip(&lists) {
        assert_close(gram, &multiply(&adjoint(&own(columns)), &own(columns)), tolerance, "gram of columns");
    }
    let parts: Vec<_> = lists.iter().map(|list| (*list, random_matrix(list.len(), 2, 3))).collect();
    let packed = shard.combined(&parts);
    let products: Vec<Matrix> = parts.iter().map(|(columns, rotation)| multiply(&own(columns), rotation)).collect();
    let mut mixed = ndarray::concatenate![ndarray::Axis(1), content(&*other), Matrix::zeros((512, 2))];
    let pairs: Vec<(usize, usize)> = [(width, 1), (0, 2 * parts.len() - 1), (width + 1, 0)].to_vec();
    other.set_columns(&pairs, &packed);
    pairs.iter().for_each(|(place, from)| mixed.column_mut(*place).assign(&products[from / 2].column(from % 2)));
    assert_close(&content(&*other), &mixed, tolerance, "combined columns");
    shard.arrange_columns(&kept);
    assert_eq!(content(&*shard), own(&kept), "columns arranged");
}

fn check_blocks(shard: &dyn Shard, before: &Matrix, targets: &[usize], tolerance: f64) {
    let block = |value: usize| {
        let rows: Vec<usize> = (0..before.nrows()).filter(|row| bits_of(*row, targets) == value).collect();
        before.select(ndarray::Axis(0), &rows)
    };
    let pairs = (0..1 << targets.len()).flat_map(|s| (0..=s).map(move |t| (s, t)));
    let mut last = Vec::new();
    let width = shard.width();
    let (all, some): (Vec<usize>, Vec<usize>) = ((0..width).collect(), (0..width).skip(1).step_by(3).collect());
    let found = shard.block_grams(0..width, targets).into_iter().zip(shard.column_blocks(targets, &all));
    for ((s, t), (gram, columns)) in pairs.zip(found) {
        let expected = multiply(&adjoint(&block(s)), &block(t));
        assert_close(&gram, &expected, tolerance, "block gram");
        last.push(expected.slice(ndarray::s![width / 2.., width / 2..]).to_owned());
        let columns = Matrix::from_diag(&ndarray::Array1::from(columns));
        assert_close(&columns, &Matrix::from_diag(&expected.diag()), tolerance, "column blocks");
        let listed = Matrix::from_diag(&expected.diag().select(ndarray::Axis(0), &some));
        let found = if some.is_empty() {
            Vec::new()
        } else {
            shard.column_blocks(targets, &some).swap_remove(s * (s + 1) / 2 + t)
        };
        assert_close(&Matrix::from_diag(&ndarray::Array1::from(found)), &listed, tolerance, "column blocks of some");
    }
    for (found, expected) in shard.block_grams(width / 2..width, targets).iter().zip(&last) {
        assert_close(found, expected, tolerance, "block gram of the last columns");
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
            let mut packed = vec![0; other.packed_bytes(16)].into();
            let bits = (0..6).collect();
            other.pack(&RowSet { bits, value: 0, first: first ^ (flip & !15), count: 16 }, &mut packed);
            let parts = shard.flip_overlaps_with((&packed, 0), first..first + 16, flip, &signs);
            sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
        }
        for (found, sign) in sums.iter().zip(signs) {
            let expected = overlap_reference(&foreign, &own, flip, sign);
            assert!((found - expected).norm() <= tolerance * scale, "overlap with another shard {flip} {sign}");
        }
    }
}

/// Many flips at once, of which some share their high bits.
fn check_all_overlaps(backend: &dyn Backend, width: usize, tolerance: f64) {
    let shard = random_shard(backend, 512, width, 6);
    let own = content(&*shard);
    let flips = (0..64).step_by(3).chain(320..384).chain([130, 511]);
    let groups: Vec<(usize, Vec<usize>)> = flips.map(|flip| (flip, vec![0, flip ^ 0b1_0000_1011, 320])).collect();
    for ((flip, signs), sums) in groups.iter().zip(shard.all_flip_overlaps(&groups)) {
        for (found, sign) in sums.iter().zip(signs) {
            let expected = overlap_reference(&own, &own, *flip, *sign);
            assert!((found - expected).norm() <= tolerance * 512.0 * width as f64, "overlaps {flip} {sign}");
        }
    }
}

fn check_packing(backend: &dyn Backend, width: usize) {
    let (shard, mut target) = (random_shard(backend, 64, width, 4), random_shard(backend, 64, width, 5));
    let (source, before) = (content(&*shard), content(&*target));
    let set = RowSet { bits: vec![3, 0, 5, 1], value: 0b00100, first: 3, count: 9 };
    let mut packed = vec![0; shard.packed_bytes(set.count)].into();
    shard.pack(&set, &mut packed);
    target.unpack(&set, &packed);
    let rows: Vec<usize> = (3..12).map(|number| with_bits(set.value, &set.bits, number)).collect();
    let expected = Matrix::from_shape_fn(before.dim(), |(row, column)| {
        if rows.contains(&row) { source[(row, column)] } else { before[(row, column)] }
    });
    assert_eq!(content(&*target), expected, "pack and unpack");
    let flat: Vec<Complex64> = rows.iter().flat_map(|row| source.row(*row).to_vec()).collect();
    assert_eq!(shard.rows_of(&set), flat, "rows of a set");
    let mut target = random_shard(backend, 64, width, 5);
    target.set_rows(&set, &flat);
    assert_eq!(content(&*target), expected, "rows of a set are overwritten");
}

/// Messages of many pieces and a growing reserve.
fn check_large_packing(backend: &dyn Backend, width: usize) {
    let rows = 1 << 13;
    let (mut shard, mut target) = (random_shard(backend, rows, width, 4), random_shard(backend, rows, width, 5));
    let (source, before) = (content(&*shard), content(&*target));
    shard.reserve(2 * width + 1).unwrap();
    assert_eq!(content(&*shard), source, "a larger reserve keeps the content");
    let ascending: Vec<usize> = (0..13).filter(|bit| *bit != 4).collect();
    for bits in [ascending, (0..12).collect(), (1..13).rev().collect()] {
        let fixed = (rows - 1) & !bits.iter().map(|bit| 1 << bit).sum::<usize>();
        let set = RowSet { bits, value: fixed, first: 0, count: 1 << 12 };
        let mut packed = vec![0; shard.packed_bytes(set.count)].into();
        shard.pack(&set, &mut packed);
        target.unpack(&set, &packed);
        let expected =
            |row: usize, column| if row & fixed == fixed { source[(row, column)] } else { before[(row, column)] };
        let found = content(&*target);
        assert_eq!(found, Matrix::from_shape_fn((rows, width), |(row, column)| expected(row, column)), "pack");
        target = random_shard(backend, rows, width, 5);
    }
}

fn check_columns(backend: &dyn Backend, width: usize, tolerance: f64) {
    let mut shard = random_shard(backend, 32, width, 6);
    let before = content(&*shard);
    let sources = [width - 1, 0, width - 1];
    shard.reserve(width + 5).unwrap();
    assert_eq!(content(&*shard), before, "a larger reserve keeps the content");
    let matrices = vec![random_matrix(1, 1, 0).mapv(|_| Complex64::ONE)];
    let choice = vec![0; width + sources.len()];
    shard.run(vec![LocalOperation::Branch { matrices, targets: vec![], sources: sources.to_vec(), choice }]);
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

/// Marginals of few and of many bits, in any order, over all columns and over some.
fn check_marginals(backend: &dyn Backend, width: usize, tolerance: f64) {
    // With more rows than parts that are told apart, for one width.
    let qubits = if width == 1 { 18 } else { 9 };
    let shard = random_shard(backend, 1 << qubits, width, 8);
    let own = content(&*shard);
    for bits in [vec![], vec![qubits - 1], vec![0], vec![4, qubits - 1, 0, 2], (0..qubits).rev().collect()] {
        for columns in [(0..width).collect(), (0..width).filter(|column| column % 3 != 1).collect(), vec![]] {
            let columns: Vec<usize> = columns;
            let mut expected = vec![0.0; 1 << bits.len()];
            for (row, values) in own.rows().into_iter().enumerate() {
                expected[bits_of(row, &bits)] += columns.iter().map(|column| values[*column].norm_sqr()).sum::<f64>();
            }
            let found = shard.marginal_weights(&columns, &bits);
            assert_eq!(found.len(), expected.len());
            let scale = expected.iter().fold(1.0, |most, value| value.max(most));
            let near = |(found, expected): (&f64, &f64)| (found - expected).abs() <= tolerance * scale;
            assert!(found.iter().zip(&expected).all(near), "marginal of {bits:?}, {} columns", columns.len());
        }
    }
}
