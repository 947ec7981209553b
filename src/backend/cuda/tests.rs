//! The backend on the emulated GPU: the suite for all backends, agreement with the CPU, and barriers that are needed.

mod memory;

use super::*;
use crate::backend::cpu::Cpu;
use crate::backend::{LocalControl, conformance};
use crate::device::{HermitianProduct, cuda, emulated};
use proptest::prelude::*;

/// The emulated GPU, or a real one where `RHOSHARD_TEST_GPU=cuda` says so; without it, says so, or fails if
/// `RHOSHARD_REQUIRE_GPU=1` demands it.
fn device() -> Option<Rc<dyn Device>> {
    let real = std::env::var("RHOSHARD_TEST_GPU").is_ok_and(|kind| kind == "cuda");
    let opened = if real { cuda::open(0) } else { emulated::open() };
    let required = std::env::var("RHOSHARD_REQUIRE_GPU").is_ok_and(|value| value == "1");
    assert!(!required || opened.is_ok(), "{}", opened.err().unwrap());
    opened.map_err(|error| eprintln!("skipped: {error}")).ok()
}

fn amplitude(seed: usize) -> Complex64 {
    let part =
        |seed: usize| ((seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / f64::from(1 << 24) - 0.5;
    Complex64::new(part(2 * seed + 1), part(2 * seed + 2))
}

fn matrix(size: usize, seed: usize) -> Matrix {
    Matrix::from_shape_fn((size, size), |(row, column)| amplitude(seed + 100 * row + column) / (size as f64).sqrt())
}

fn content(shard: &dyn Shard) -> Vec<Complex64> {
    (0..shard.rows()).flat_map(|row| shard.row(row)).collect()
}

fn distance(a: &[Complex64], b: &[Complex64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).norm());
    // What is not a number is more than any number.
    differences.fold(0.0, |most, next| if most.is_nan() || next <= most { most } else { next })
}

/// Both backends after the same operations, tiles of every pass in several calls.
fn off(cuda: &Cuda, rows: usize, width: usize, operations: &[LocalOperation]) -> f64 {
    let after = |backend: &dyn Backend| {
        let mut shard = conformance::random_shard(backend, rows, width, 3);
        shard.reserve(width + operations.iter().map(LocalOperation::appended).sum::<usize>()).unwrap();
        for pass in shard.passes(operations.to_vec(), 0b1) {
            let tiles = pass.tiles(rows);
            let cuts = [0, tiles / 3, tiles / 2, tiles];
            cuts.windows(2).rev().for_each(|cut| shard.run_tiles(&pass, cut[0]..cut[1]));
            shard.end_pass(&pass);
        }
        content(&*shard)
    };
    distance(&after(cuda), &after(&Cpu::new(cuda.precision())))
}

#[test]
fn double_precision_conforms() {
    let Some(device) = device() else { return };
    conformance::check(&Cuda::new(device, Precision::Double).unwrap(), 1e-12);
}

#[test]
fn single_precision_conforms() {
    let Some(device) = device() else { return };
    conformance::check(&Cuda::new(device, Precision::Single).unwrap(), 2e-5);
}

/// An operation of each kind on the targets.
fn every_kind(targets: &[usize], controls: &[LocalControl], width: usize, seed: usize) -> Vec<LocalOperation> {
    let size = 1 << targets.len();
    let (targets, controls) = (targets.to_vec(), controls.to_vec());
    let factors: Vec<Complex64> = (0..size).map(|value| amplitude(seed + value)).collect();
    let images: Vec<usize> = (0..size).map(|value| (5 * value + 3) % size).collect();
    let (also, again) = (targets.clone(), controls.clone());
    let mut operations = vec![
        LocalOperation::Dense { matrix: matrix(size, seed), targets: targets.clone(), controls: controls.clone() },
        LocalOperation::Permutation { images, factors: factors.clone(), targets: also, controls: again },
        LocalOperation::Diagonal { entries: factors, targets: targets.clone(), controls },
    ];
    if width > 1 {
        let matrices = (0..3).map(|kind| matrix(size, seed + kind)).collect();
        let sources = vec![width - 1, 0];
        let choice = (0..width + 2).map(|column| column % 3).collect();
        operations.push(LocalOperation::Branch { matrices, targets, sources, choice });
    }
    operations
}

/// Operations of each kind on every target of shards of one, a few and many columns.
fn check_every_target(precision: Precision, tolerance: f64) {
    let Some(device) = device() else { return };
    let cuda = Cuda::new(device, precision).unwrap();
    for (qubits, width) in [(13, 1), (7, 3), (6, 37)] {
        for first in 0..qubits {
            let second = (first + 4) % qubits;
            let others: Vec<usize> = (0..qubits).filter(|bit| *bit != first && *bit != second).collect();
            let controls = [LocalControl { bit: others[first % others.len()], value: first % 2 == 0 }];
            for (targets, controls) in [
                (vec![first], &controls[..]),
                (vec![first, second], &[]),
                (vec![second, first], &controls[..]),
                (vec![others[0], second, first], &[]),
                (vec![first, others[3], others[1], second], &[]),
                (vec![first, others[3], others[1], second, others[2]], &[]),
            ] {
                let off = off(&cuda, 1 << qubits, width, &every_kind(&targets, controls, width, 7 * first));
                assert!(off <= tolerance, "{precision:?} {qubits} {width} {targets:?} {controls:?}: off by {off:e}");
            }
        }
    }
}

#[test]
fn every_target_agrees_with_the_cpu_in_double_precision() {
    check_every_target(Precision::Double, 1e-13);
}

#[test]
fn every_target_agrees_with_the_cpu_in_single_precision() {
    check_every_target(Precision::Single, 1e-5);
}

#[test]
fn matrices_on_more_qubits_than_there_are_kernels_for_are_products() {
    let Some(device) = device() else { return };
    for (precision, tolerance) in [(Precision::Double, 1e-13), (Precision::Single, 1e-5)] {
        let cuda = Cuda::new(device.clone(), precision).unwrap();
        for width in [1, 5] {
            let controls = [LocalControl { bit: 4, value: true }, LocalControl { bit: 1, value: false }];
            let mut operations = every_kind(&[3, 0, 8, 2, 7, 5], &controls, width, 5);
            operations.truncate(3);
            let off = off(&cuda, 1 << 9, width, &operations);
            assert!(off <= tolerance, "{precision:?} {width}: off by {off:e}");
        }
    }
}

#[test]
fn blocks_of_three_qubits_are_summed_two_values_at_a_time() {
    let Some(device) = device() else { return };
    let cuda = Cuda::new(device, Precision::Double).unwrap();
    let [found, expected] = [&cuda as &dyn Backend, &Cpu::new(Precision::Double)].map(|backend| {
        conformance::random_shard(backend, 1 << 12, 5, 3).column_blocks(&[3, 0, 11], &[4, 1, 2]).concat()
    });
    assert!(distance(&found, &expected) <= 1e-11);
}

#[test]
fn flips_that_pair_the_same_blocks_are_one_launch_and_a_sum() {
    // Only the emulated one counts.
    let Ok(device) = emulated::open() else { return };
    let cuda = Cuda::new(device, Precision::Double).unwrap();
    let shard = conformance::random_shard(&cuda, 1 << 9, 3, 3);
    let groups: Vec<(usize, Vec<usize>)> = (64..128).map(|flip| (flip, vec![0, flip])).collect();
    for (flips, launches) in [(64, 2), (8, 2), (7, 14)] {
        let before = emulated::launches();
        shard.all_flip_overlaps(&groups[..flips]);
        assert_eq!(emulated::launches() - before, launches, "{flips} flips");
    }
}

/// A Hermitian matrix with eigenvalues of many sizes.
fn hermitian(size: usize) -> Matrix {
    let factor = Matrix::from_shape_fn((size, size), |(row, column)| {
        amplitude(row * size + column) * 0.97f64.powi(column as i32)
    });
    crate::linalg::multiply(&factor, &crate::linalg::adjoint(&factor))
}

#[test]
fn the_device_solves_wide_eigenproblems_and_the_host_narrow_ones() {
    let Some(device) = device() else { return };
    let cuda = Cuda::new(device, Precision::Single).unwrap();
    let shard = cuda.allocate(2, 1).unwrap();
    for (size, by_device) in [(255, 0), (256, 1), (300, 1)] {
        let (matrix, before) = (hermitian(size), emulated::solved());
        let (values, vectors) = shard.eigen(&matrix).unwrap();
        let is_real = std::env::var("RHOSHARD_TEST_GPU").is_ok();
        assert!(is_real || emulated::solved() - before == by_device, "{size}");
        let expected = crate::linalg::hermitian_eigen(&matrix).unwrap().0;
        assert!(values.iter().zip(&expected).all(|(found, right)| (found - right).abs() < 1e-12 * expected[size - 1]));
        let images = crate::linalg::multiply(&matrix, &vectors);
        let off = |(place, image): ((usize, usize), &Complex64)| (image - vectors[place] * values[place.1]).norm();
        assert!(images.indexed_iter().map(off).all(|off| off < 1e-12 * expected[size - 1]), "{size}");
    }
}

#[test]
fn what_is_not_a_number_is_no_eigenproblem_for_the_device() {
    let Some(device) = device() else { return };
    let cuda = Cuda::new(device, Precision::Double).unwrap();
    let mut matrix = hermitian(256);
    matrix[(5, 3)].re = f64::NAN;
    let host = crate::linalg::hermitian_eigen(&matrix);
    let found = cuda.allocate(2, 1).unwrap().eigen(&matrix);
    assert_eq!(found.is_none(), host.is_none(), "the host has the last word");
}

#[test]
fn every_way_to_a_hermitian_product_gives_the_same() {
    let Some(device) = device() else { return };
    for (size, inner) in [(5, 7), (128, 40), (300, 33)] {
        let factor = Matrix::from_shape_fn((inner, size), |(row, column)| amplitude(row * size + column));
        let expected = crate::linalg::multiply(&crate::linalg::adjoint(&factor), &factor);
        let from = Memory::new(device.clone(), 16 * size * inner).unwrap();
        let entries: Vec<Complex64> = factor.iter().copied().collect();
        device.upload(Stream::Compute, arguments::bytes_of(&entries), from.address()).unwrap();
        for method in HermitianMethod::ALL {
            let into = Memory::new(device.clone(), 16 * size * size).unwrap();
            for accumulate in [false, true] {
                let (factor, result) = (from.address(), into.address());
                let product =
                    HermitianProduct { size, inner, factor, factor_stride: size, result, stride: size, accumulate };
                hermitian_product(&*device, method, &product).unwrap();
            }
            let mut found = vec![Complex64::ZERO; size * size];
            device.download(Stream::Compute, into.address(), arguments::bytes_of_mut(&mut found)).unwrap();
            for ((row, column), right) in expected.indexed_iter().filter(|((row, column), _)| row >= column) {
                let found = found[row * size + column];
                assert!((found - 2.0 * right).norm() < 1e-12, "{method:?} of {size}: {row}, {column}");
            }
        }
    }
}

#[test]
fn sums_are_the_same_however_often_they_are_made() {
    let Some(device) = device() else { return };
    let cuda = Cuda::new(device, Precision::Double).unwrap();
    let shard = conformance::random_shard(&cuda, 1 << 12, 5, 3);
    let found = || {
        let marginals = shard.marginal_weights(&[0, 3], &[5, 1]);
        (shard.column_norms(), shard.flip_overlaps(6, &[0, 5]), shard.row_weights(&[0, 3]), marginals)
    };
    assert_eq!(found(), found());
    let gram = shard.gram();
    assert_eq!(gram, crate::linalg::adjoint(&gram), "exactly Hermitian");
}

#[test]
fn an_operation_is_one_launch_whatever_its_shape() {
    // Only the emulated one counts.
    let Ok(device) = emulated::open() else { return };
    let cuda = Cuda::new(device, Precision::Double).unwrap();
    for width in [1, 5] {
        let mut shard = conformance::random_shard(&cuda, 1 << 12, width, 3);
        shard.reserve(width + 2).unwrap();
        let controls = [LocalControl { bit: 4, value: true }];
        for targets in [&[0][..], &[11, 2], &[3, 7, 0, 9, 10]] {
            for operation in every_kind(targets, &controls, width, 3).into_iter().take(3) {
                let before = emulated::launches();
                shard.run(vec![operation]);
                assert_eq!(emulated::launches() - before, 1, "{targets:?} of {width} columns");
            }
        }
    }
}

#[test]
fn memory_that_is_not_to_be_had_is_an_error_and_the_shard_is_unchanged() {
    let Some(device) = device() else { return };
    let cuda = Cuda::new(device.clone(), Precision::Double).unwrap();
    let mut shard = conformance::random_shard(&cuda, 1 << 10, 3, 3);
    let (before, free) = (content(&*shard), device.memory().unwrap().0);
    let error = shard.reserve(1 << 22).unwrap_err().to_string();
    assert!(error.contains("no GPU memory for 1024 rows of 4194304 columns"), "{error}");
    assert_eq!((content(&*shard), shard.reserved(), device.memory().unwrap().0), (before, 4, free));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn random_operations_agree_with_the_cpu(
        qubits in 6usize..12,
        width in 1usize..20,
        order in Just((0..12).collect::<Vec<usize>>()).prop_shuffle(),
        count in 1usize..6,
        controlled in 0usize..3,
        single in any::<bool>(),
        seed in 0usize..1000,
    ) {
        let Some(device) = device() else { return Ok(()) };
        let (precision, tolerance) =
            if single { (Precision::Single, 1e-5) } else { (Precision::Double, 1e-13) };
        let bits: Vec<usize> = order.into_iter().filter(|bit| *bit < qubits).collect();
        let (targets, rest) = bits.split_at(count);
        let controls: Vec<LocalControl> = rest.iter().take(controlled.min(rest.len()))
            .map(|bit| LocalControl { bit: *bit, value: seed % 2 == 0 }).collect();
        let cuda = Cuda::new(device, precision).unwrap();
        let off = off(&cuda, 1 << qubits, width, &every_kind(targets, &controls, width, seed));
        prop_assert!(off <= tolerance, "off by {off:e}");
    }
}

/// What a kernel with barriers computes, by a backend.
type Scenario = (&'static str, fn(&dyn Backend) -> Vec<Complex64>);

fn after(backend: &dyn Backend, rows: usize, width: usize, operation: LocalOperation) -> Vec<Complex64> {
    let mut shard = conformance::random_shard(backend, rows, width, 3);
    shard.run(vec![operation]);
    content(&*shard)
}

fn dense(backend: &dyn Backend, width: usize, targets: &[usize]) -> Vec<Complex64> {
    let (matrix, targets) = (matrix(1 << targets.len(), 3), targets.to_vec());
    after(backend, 1 << 13, width, LocalOperation::Dense { matrix, targets, controls: vec![] })
}

const WITH_BARRIERS: [Scenario; 7] = [
    ("low target of a pure state", |backend| dense(backend, 1, &[0, 12])),
    ("matrix in shared memory", |backend| dense(backend, 2, &[4, 2, 9, 7])),
    ("diagonal", |backend| {
        let entries = (0..16).map(amplitude).collect();
        after(backend, 1 << 13, 2, LocalOperation::Diagonal { entries, targets: vec![1, 5, 3, 8], controls: vec![] })
    }),
    ("branch", |backend| {
        let (matrices, choice) = ((0..3).map(|kind| matrix(4, kind)).collect(), vec![1, 2, 0]);
        after(backend, 1 << 13, 3, LocalOperation::Branch { matrices, targets: vec![1, 5], sources: vec![], choice })
    }),
    ("sums of columns", |backend| {
        conformance::random_shard(backend, 1 << 13, 3, 3).column_blocks(&[2], &[0, 2]).concat()
    }),
    ("overlaps", |backend| {
        let signs: Vec<usize> = (0..9).collect();
        conformance::random_shard(backend, 1 << 13, 3, 3).flip_overlaps(6, &signs)
    }),
    // More blocks of rows than blocks of threads.
    ("overlaps of blocks", |backend| {
        let groups: Vec<(usize, Vec<usize>)> = (0..12).map(|flip| (5 * flip, vec![0, 3, flip << 9])).collect();
        conformance::random_shard(backend, 1 << 16, 3, 3).all_flip_overlaps(&groups).concat()
    }),
];

/// Kernels and the barriers whose lack must show.
const NEEDED: [(usize, u32); 12] =
    [(0, 0), (0, 1), (1, 2), (2, 0), (3, 0), (4, 0), (4, 1), (5, 0), (6, 0), (6, 1), (6, 2), (6, 3)];

#[test]
fn a_missing_barrier_gives_wrong_numbers() {
    let expected = WITH_BARRIERS.map(|(_, run)| run(&Cpu::new(Precision::Double)));
    for (scenario, barrier) in NEEDED {
        let Ok(device) = emulated::without_barrier(barrier) else { return eprintln!("skipped: no emulated GPU") };
        let (name, run) = WITH_BARRIERS[scenario];
        let found = run(&Cuda::new(device, Precision::Double).unwrap());
        let off = distance(&found, &expected[scenario]);
        assert!(off.is_nan() || off > 1e-3, "{name} is right without barrier {barrier}: off by {off:e}");
    }
}
