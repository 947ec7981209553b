//! How much memory shards take, and what happens when there is no more.

use super::*;

/// A backend on an emulated GPU with so many bytes, and that GPU.
fn with_memory(bytes: u64, precision: Precision) -> Option<(Cuda, Rc<dyn Device>)> {
    let device = emulated::with_memory(bytes).ok()?;
    Some((Cuda::new(device.clone(), precision).unwrap(), device))
}

fn free(device: &Rc<dyn Device>) -> u64 {
    device.memory().unwrap().0
}

#[test]
fn content_stays_bit_for_bit_whatever_the_room_grows_to() {
    for precision in [Precision::Double, Precision::Single] {
        let (Ok(growing), Ok(fixed)) = (emulated::with_memory(1 << 30), emulated::without_growth(1 << 30)) else {
            return;
        };
        for (device, rows, width) in [
            (&growing, 1 << 10, 1),
            (&growing, 1 << 10, 3),
            (&growing, 1 << 12, 37),
            (&fixed, 1 << 10, 5),
            (&growing, 4, 3),
        ] {
            let cuda = Cuda::new(device.clone(), precision).unwrap();
            let mut shard = conformance::random_shard(&cuda, rows, width, 3);
            let before = content(&*shard);
            let mut steps: Vec<usize> = (width + 1..width + 40).collect();
            steps.extend([200, 207, 600]);
            for columns in steps {
                shard.reserve(columns).unwrap();
                assert!(
                    shard.reserved() >= columns && content(&*shard) == before,
                    "{precision:?} {width} to {columns}"
                );
            }
            // The room that is new can be used.
            shard.append_zeros(300);
            let column = |index: usize| {
                if index % (width + 300) < width {
                    before[index / (width + 300) * width + index % (width + 300)]
                } else {
                    Complex64::ZERO
                }
            };
            let expected: Vec<Complex64> = (0..rows * (width + 300)).map(column).collect();
            assert!(content(&*shard) == expected, "{precision:?} {width}");
        }
        assert_eq!([free(&growing), free(&fixed)], [1 << 30; 2], "all memory was given back");
    }
}

#[test]
fn a_growing_shard_is_never_in_memory_twice() {
    // 8 MiB that become 12 MiB; tables, panels and the squares of Gram matrices take less than 1 MiB.
    let (rows, width, more) = (1 << 14, 32, 48);
    let total = 13 << 20;
    let Some((cuda, device)) = with_memory(total, Precision::Double) else { return };
    let mut shard = conformance::random_shard(&cuda, rows, width, 3);
    let before = content(&*shard);
    shard.reserve(more).unwrap();
    assert_eq!(content(&*shard), before);
    assert!(free(&device) < 1 << 20, "it would have had no room beside the old one");
    let fixed = emulated::without_growth(total).unwrap();
    let mut copied = conformance::random_shard(&Cuda::new(fixed, Precision::Double).unwrap(), rows, width, 3);
    assert!(copied.reserve(more).is_err(), "where memory cannot grow there is none for both");
    assert_eq!(content(&*copied), before);
}

#[test]
fn a_growth_that_fails_leaves_the_shard_as_it_was() {
    let Some((cuda, device)) = with_memory(13 << 20, Precision::Double) else { return };
    let mut shard = conformance::random_shard(&cuda, 1 << 14, 32, 3);
    let before = content(&*shard);
    let error = shard.reserve(52).unwrap_err().to_string();
    assert!(error.contains("no GPU memory for 16384 rows of 52 columns"), "{error}");
    assert_eq!((content(&*shard), shard.reserved()), (before.clone(), 32));
    shard.reserve(44).unwrap();
    assert_eq!(content(&*shard), before);
    drop((shard, cuda));
    assert_eq!(free(&device), 13 << 20);
}

#[test]
fn a_rotation_needs_panels_only() {
    // Of 12 MiB for a shard of 8 or 10 MiB: a second one would not fit.
    for (columns, kept, targets) in [(0..20, 12, &[][..]), (0..20, 40, &[]), (4..24, 36, &[3, 11]), (0..32, 40, &[0])] {
        let Some((cuda, device)) = with_memory(12 << 20, Precision::Double) else { return };
        let rotations: Vec<Matrix> = (0..1 << (2 * targets.len()))
            .map(|seed| {
                Matrix::from_shape_fn((columns.len(), kept), |(row, column)| amplitude(seed + 100 * row + column))
            })
            .collect();
        let width = columns.end;
        let rotated = |backend: &dyn Backend| {
            let mut shard = conformance::random_shard(backend, 1 << 14, width, 3);
            shard.reserve(40).unwrap();
            shard.rotate_blocks(columns.clone(), &rotations, targets);
            content(&*shard)
        };
        let off = distance(&rotated(&cuda), &rotated(&Cpu::new(Precision::Double)));
        assert!(off <= 1e-12, "{columns:?} {kept} {targets:?}: off by {off:e}");
        assert!(free(&device) > 0);
    }
}

/// A backend all of whose shards lie in the host's memory.
struct Spilling(Cuda);

impl Backend for Spilling {
    fn precision(&self) -> Precision {
        self.0.precision()
    }

    fn allocate(&self, rows: usize, reserve: usize) -> Result<Box<dyn Shard>> {
        let mut shard = CudaShard::new(self.0.context.clone(), rows);
        shard.spill(self.precision().reserve_for(reserve.max(1)))?;
        Ok(Box::new(shard))
    }
}

/// With blocks of an eighth of so many bytes.
fn spilling(bytes: u64, precision: Precision) -> Option<Spilling> {
    let device = emulated::with_memory(bytes).ok()?;
    Some(Spilling(Cuda::spilling(device, precision, 1 << 32).unwrap()))
}

#[test]
fn spilled_shards_do_what_others_do() {
    for (bytes, precision, tolerance) in [(1 << 24, Precision::Double, 1e-12), (1 << 24, Precision::Single, 1e-4)] {
        let Some(backend) = spilling(bytes, precision) else { return };
        conformance::check(&backend, tolerance);
        assert_eq!(backend.0.context.device.host_memory(), 0, "all memory was given back");
    }
}

/// Gates, diagonals, permutations and branches on bits near and far, controlled by bits that tiles hold and that they do not.
fn program(qubits: usize, width: usize, seed: usize) -> Vec<LocalOperation> {
    let bits = |first: usize, count: usize| (0..count).map(|place| (first + 5 * place) % qubits).collect::<Vec<_>>();
    let controls = |bit: usize| [LocalControl { bit: (seed + bit) % qubits, value: seed.is_multiple_of(2) }];
    let mut operations = every_kind(&bits(seed, 1), &controls(2), 1, seed);
    operations
        .extend(every_kind(&bits(seed + 3, 2), &[], width, seed + 1).into_iter().filter(|one| one.appended() == 0));
    operations.extend(every_kind(&bits(seed + 1, 2), &controls(4), 1, seed + 2));
    if width > 1 {
        let matrices = (0..2).map(|kind| matrix(4, seed + kind)).collect();
        let (sources, choice) = (vec![width - 1, 0], (0..width + 2).map(|column| column % 2).collect());
        operations.push(LocalOperation::Branch { matrices, targets: bits(seed + 2, 2), sources, choice });
    }
    operations.extend(every_kind(&bits(seed + 4, 3), &controls(3), 1, seed + 3));
    operations.push(LocalOperation::Diagonal {
        entries: (0..16).map(|place| amplitude(seed + place)).collect(),
        targets: bits(seed, 4),
        controls: controls(3).to_vec(),
    });
    operations
}

#[test]
fn passes_in_blocks_agree_with_the_cpu_whatever_tiles_are_run_together() {
    // Blocks of half a MiB, and of so few rows that some operations run in place.
    for (bytes, blocks) in [(1 << 22, true), (1 << 17, false)] {
        for (qubits, width) in [(13, 1), (9, 3), (8, 37)] {
            for seed in 0..qubits {
                let Some(backend) = spilling(bytes, Precision::Double) else { return };
                let operations = program(qubits, width, seed);
                let room = width + operations.iter().map(LocalOperation::appended).sum::<usize>();
                let [(found, passes), (expected, _)] =
                    [&backend as &dyn Backend, &Cpu::new(Precision::Double)].map(|backend| {
                        let mut shard = conformance::random_shard(backend, 1 << qubits, width, 3);
                        shard.reserve(room).unwrap();
                        let passes = shard.passes(operations.clone(), 0b10);
                        for pass in &passes {
                            let tiles = pass.tiles(1 << qubits);
                            let cuts = [0, tiles / 5, tiles / 2, tiles];
                            cuts.windows(2).rev().for_each(|cut| shard.run_tiles(pass, cut[0]..cut[1]));
                            shard.end_pass(pass);
                        }
                        (content(&*shard), passes.len())
                    });
                let off = distance(&found, &expected);
                assert!(off <= 1e-12, "{bytes} {qubits} {width} {seed}: off by {off:e}");
                assert!(!blocks || passes < operations.len(), "{passes} passes of {} operations", operations.len());
            }
        }
    }
}

#[test]
fn only_what_does_not_fit_is_spilled() {
    let Ok(device) = emulated::with_memory(4 << 20) else { return };
    let cuda = Cuda::spilling(device.clone(), Precision::Double, 10 << 20).unwrap();
    let small = conformance::random_shard(&cuda, 1 << 10, 4, 1);
    let mut shard = conformance::random_shard(&cuda, 1 << 12, 16, 3);
    let (kept, before) = (content(&*small), content(&*shard));
    assert_eq!(device.host_memory(), 0);
    shard.reserve(80).unwrap();
    assert_eq!((device.host_memory(), content(&*shard) == before), (5 << 20, true));
    shard.reserve(76).unwrap();
    let error = shard.reserve(100).unwrap_err().to_string();
    assert!(error.contains("no GPU or host memory for 4096 rows of 100 columns"), "{error}");
    assert!(error.contains("6553600 bytes of the host's memory are not free, only 5242880"), "{error}");
    assert_eq!((content(&*shard) == before, content(&*small) == kept), (true, true));
    drop((shard, small, cuda));
    assert_eq!((device.host_memory(), free(&device)), (0, 4 << 20));
}
