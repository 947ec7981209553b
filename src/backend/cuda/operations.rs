//! Operations on rows: which kernel runs over which groups.

use super::CudaShard;
use super::arguments::{Across, Arguments, Diagonal, PIECES, Within, amplitudes};
use super::context::THREADS;
use super::rows::{Selection, mask_of, placed, slabs};
use crate::backend::simplify::simplified;
use crate::backend::{LocalControl, LocalOperation, Pass, Precision};
use crate::linalg::Matrix;
use num_complex::Complex64;
use std::ops::Range;

/// Most qubits of the kernels for groups.
pub(super) const GROUP_QUBITS: usize = 5;
/// Rows that differ in so many bits are a tile of a pure state in shared memory.
const TILE_BITS: usize = 11;
/// Consecutive amplitudes of a pure state that serve as columns, at most, as a power of two.
const COLUMN_BITS: usize = 10;
/// Entries of a diagonal that are part of the kernel's arguments.
const INLINE_ENTRIES: usize = 32;
/// Matrices on so many qubits are part of the kernel's arguments.
const INLINE_QUBITS: usize = 3;

/// One operation is one pass: see [`crate::backend::Shard::passes`].
pub(super) fn passes(shard: &CudaShard, operations: Vec<LocalOperation>, within: usize) -> Vec<Pass> {
    let (mut passes, mut width, mut within) = (Vec::new(), shard.width, within);
    for operation in operations.into_iter().filter_map(simplified) {
        let operations = vec![operation];
        let mask = operations[0].mixed_bits() | within | whole_bits(shard, &operations);
        let width_after = width + operations[0].appended();
        passes.push(Pass { mask, operations, width, width_after });
        (width, within) = (width_after, 0);
    }
    if within != 0 && passes.is_empty() {
        passes.push(Pass { mask: within, operations: Vec::new(), width, width_after: width });
    }
    passes
}

/// Row bits that a tile has beside those its operations mix.
pub(super) fn whole_bits(shard: &CudaShard, operations: &[LocalOperation]) -> usize {
    // What takes whole panels of rows cannot be cut.
    if operations.iter().any(|operation| operation.mixed_bits().count_ones() as usize > GROUP_QUBITS) {
        return shard.rows - 1;
    }
    // Whole runs of a pure state's amplitudes are read together, so a tile holds them.
    if shard.reserved == 1 { ((1 << TILE_BITS) - 1) & (shard.rows - 1) } else { 0 }
}

/// The rows of one launch: tiles of a pass.
#[derive(Clone)]
pub(super) struct Tiles {
    mask: usize,
    range: Range<usize>,
}

/// Where an operation acts.
struct Place<'a> {
    targets: &'a [usize],
    controls: &'a [LocalControl],
}

/// The groups of a launch, and its blocks and threads.
struct Grid {
    blocks: u32,
    threads: u32,
}

impl CudaShard {
    /// Runs the operations of a pass over tiles.
    pub(super) fn run_pass(&self, pass: &Pass, range: Range<usize>) {
        let tiles = Tiles { mask: pass.mask, range };
        for operation in pass.operations.iter().filter(|_| pass.width > 0 && !tiles.range.is_empty()) {
            match operation {
                LocalOperation::Dense { matrix, targets, controls } => {
                    self.dense(matrix, &Place { targets, controls }, &tiles);
                }
                LocalOperation::Diagonal { entries, targets, controls } => {
                    self.diagonal(entries, &Place { targets, controls }, &tiles);
                }
                LocalOperation::Permutation { images, factors, targets, controls } => {
                    self.permutation((images, factors), &Place { targets, controls }, &tiles);
                }
                LocalOperation::Branch { matrices, targets, sources, choice } => {
                    let width = pass.width;
                    self.branch(matrices, targets, &super::branch::Results::new(width, sources, choice), &tiles);
                }
            }
        }
    }

    fn dense(&self, matrix: &Matrix, place: &Place<'_>, tiles: &Tiles) {
        let qubits = place.targets.len();
        if qubits == 0 {
            return self.diagonal(&[matrix[(0, 0)]], place, tiles);
        }
        if qubits > GROUP_QUBITS {
            return self.mix_panels(matrix, place.targets, place.controls);
        }
        let entries: Vec<Complex64> = matrix.iter().copied().collect();
        let precision = self.context.precision;
        let is_inline = qubits <= INLINE_QUBITS;
        let table = if is_inline { 0 } else { self.context.table(&amplitudes(precision, &entries)) };
        let shared = if is_inline { 0 } else { entries.len() * self.context.amplitude() };
        let finished = |arguments: Arguments| match is_inline {
            true => arguments.with_amplitudes(precision, &entries, entries.len()).finished(precision),
            false => arguments.with(&[table]).into_bytes(),
        };
        if self.is_within(place) {
            let (groups, grid) = self.within(place, tiles);
            let shared = shared + self.tile_bytes(&groups);
            let arguments = finished(Arguments::new(groups));
            self.context.launch(&format!("dense_within_{qubits}"), grid.blocks, grid.threads, shared, &arguments);
        } else {
            self.across(place, tiles, |groups, grid| {
                let arguments = finished(Arguments::new(groups));
                self.context.launch(&format!("dense_across_{qubits}"), grid.blocks, grid.threads, shared, &arguments);
            });
        }
    }

    fn permutation(&self, (images, factors): (&[usize], &[Complex64]), place: &Place<'_>, tiles: &Tiles) {
        let qubits = place.targets.len();
        if qubits == 0 {
            return self.diagonal(factors, place, tiles);
        }
        if qubits > GROUP_QUBITS {
            let mut matrix = Matrix::zeros((images.len(), images.len()));
            images.iter().zip(factors).enumerate().for_each(|(from, (to, factor))| matrix[(*to, from)] = *factor);
            return self.mix_panels(&matrix, place.targets, place.controls);
        }
        let precision = self.context.precision;
        let changed = |value: &usize| images[*value] != *value || factors[*value] != Complex64::ONE;
        let changed = mask_of((0..images.len()).filter(changed)) as u32;
        let finished = |arguments: Arguments, image: Vec<u64>| {
            let arguments = arguments.with(&image).with_amplitudes(precision, factors, factors.len());
            arguments.with(&[changed, 0]).finished(precision)
        };
        if self.is_within(place) {
            let (groups, grid) = self.within(place, tiles);
            let slot = |image: &usize| {
                let bits = (0..qubits).filter(|bit| image >> bit & 1 == 1);
                bits.fold(0, |slot, bit| slot ^ u64::from(groups.slots[bit]))
            };
            let arguments = finished(Arguments::new(groups), images.iter().map(slot).collect());
            let shared = self.tile_bytes(&groups);
            self.context.launch(&format!("permutation_within_{qubits}"), grid.blocks, grid.threads, shared, &arguments);
        } else {
            let distance = |image: &usize| (placed(*image, place.targets) * self.reserved) as u64;
            let image: Vec<u64> = images.iter().map(distance).collect();
            self.across(place, tiles, |groups, grid| {
                let arguments = finished(Arguments::new(groups), image.clone());
                self.context.launch(&format!("permutation_across_{qubits}"), grid.blocks, grid.threads, 0, &arguments);
            });
        }
    }

    fn diagonal(&self, entries: &[Complex64], place: &Place<'_>, tiles: &Tiles) {
        let precision = self.context.precision;
        let is_inline = entries.len() <= INLINE_ENTRIES;
        let table = if is_inline { 0 } else { self.context.table(&amplitudes(precision, entries)) };
        let mut target = [0; PIECES];
        target.iter_mut().zip(place.targets).for_each(|(target, bit)| *target = *bit as u8);
        let targets = place.targets.len() as u32;
        let selection = Selection::of_tiles(self.rows, tiles.mask, tiles.range.clone(), 0, place.controls);
        let inline: &[Complex64] = if is_inline { entries } else { &[] };
        let shared = inline.len() * self.context.amplitude();
        self.for_each_slab(&selection, (self.width, 1), 1, |items, grid| {
            let arguments = Arguments::new(Diagonal { items, table, targets, target });
            let arguments = arguments.with_amplitudes(precision, inline, INLINE_ENTRIES).finished(precision);
            self.context.launch("diagonal", grid.blocks, grid.threads, shared, &arguments);
        });
    }

    /// Columns that a thread takes at once.
    fn lane(&self) -> usize {
        16 / self.context.amplitude()
    }

    /// Calls `launch` with the items and the grid of every launch that takes some of the lanes. A lane has as many
    /// amplitudes as is said.
    fn for_each_slab(
        &self,
        selection: &Selection,
        (lanes, lane): (usize, usize),
        qubits: usize,
        mut launch: impl FnMut(super::arguments::Items, Grid),
    ) {
        if selection.is_empty() {
            return;
        }
        let threads = if qubits > INLINE_QUBITS { THREADS / 2 } else { THREADS };
        let wanted = threads as usize * if qubits <= 2 { 4 } else { 2 };
        for slab in slabs(lanes) {
            let data = self.address() + (slab.start * lane * self.context.amplitude()) as u64;
            let multiprocessors = self.context.device.multiprocessors();
            let (items, blocks) = selection.items((data, self.reserved), slab.len(), wanted, multiprocessors);
            launch(items, Grid { blocks, threads });
        }
    }

    /// Calls `launch` with groups that reach across rows.
    fn across(&self, place: &Place<'_>, tiles: &Tiles, mut launch: impl FnMut(Across, Grid)) {
        // The rows below all targets and controls of a pure state are its columns.
        let bits = place.targets.iter().copied().chain(place.controls.iter().map(|control| control.bit));
        let lowest = if self.reserved == 1 { bits.min().unwrap_or(0).min(COLUMN_BITS) } else { 0 };
        let lanes = if self.reserved == 1 { 1 << lowest } else { self.width }.div_ceil(self.lane());
        let held = mask_of(place.targets.iter().copied().chain(0..lowest));
        let selection = Selection::of_tiles(self.rows, tiles.mask, tiles.range.clone(), held, place.controls);
        let distance = self.distances(place.targets);
        self.for_each_slab(&selection, (lanes, self.lane()), place.targets.len(), |items, grid| {
            launch(Across { items, distance }, grid);
        });
    }

    /// As [`CudaShard::across`] for single columns of a branch.
    pub(super) fn across_columns(&self, targets: &[usize], tiles: &Tiles, mut launch: impl FnMut(Across, u32, u32)) {
        let held = mask_of(targets.iter().copied());
        let selection = Selection::of_tiles(self.rows, tiles.mask, tiles.range.clone(), held, &[]);
        let distance = self.distances(targets);
        self.for_each_slab(&selection, (self.width, 1), targets.len(), |items, grid| {
            launch(Across { items, distance }, grid.blocks, grid.threads);
        });
    }

    fn distances(&self, targets: &[usize]) -> [u64; 5] {
        let mut distance = [0; 5];
        distance.iter_mut().zip(targets).for_each(|(distance, bit)| *distance = (self.reserved as u64) << bit);
        distance
    }

    /// True for a pure state whose neighbouring amplitudes do not all have a part in the same way: then groups lie within
    /// tiles, so that memory is read in order. Eight amplitudes in double precision fill what is read at once.
    fn is_within(&self, place: &Place<'_>) -> bool {
        let near = if self.context.precision == Precision::Double { 3 } else { 4 };
        let mut bits = place.targets.iter().chain(place.controls.iter().map(|control| &control.bit));
        self.reserved == 1 && bits.any(|bit| *bit < near)
    }

    /// Groups within tiles of a pure state.
    fn within(&self, place: &Place<'_>, tiles: &Tiles) -> (Within, Grid) {
        let (low, above) = tile_of(self.rows.ilog2() as usize, place.targets);
        let place_in_tile = |target: &usize| match above.iter().position(|bit| bit == target) {
            Some(place) => low + place,
            None => *target,
        };
        let places: Vec<usize> = place.targets.iter().map(place_in_tile).collect();
        let (inside, outside): (Vec<LocalControl>, Vec<LocalControl>) =
            place.controls.iter().copied().partition(|control| control.bit < low);
        let held = mask_of(above.iter().copied().chain(0..low));
        let selection = Selection::of_tiles(self.rows, tiles.mask, tiles.range.clone(), held, &outside);
        let (rows, blocks) = selection.blocks_of(1);
        let bank_bits = if self.context.precision == Precision::Double { 3 } else { 4 };
        let mut ascending = places.clone();
        ascending.sort_unstable();
        let (mut distance, mut holes, mut slots) = ([0; 5], [0; 5], [0; 5]);
        distance.iter_mut().zip(&above).for_each(|(distance, bit)| *distance = 1 << bit);
        holes.iter_mut().zip(&ascending).for_each(|(hole, place)| *hole = *place as u32);
        slots.iter_mut().zip(&places).for_each(|(slot, place)| *slot = slot_of(1 << place, bank_bits));
        let groups = Within {
            rows,
            data: self.address(),
            distance,
            checked: mask_of(inside.iter().map(|control| control.bit)) as u32,
            expected: mask_of(inside.iter().filter(|control| control.value).map(|control| control.bit)) as u32,
            low: low as u32,
            high: above.len() as u32,
            holes,
            slots,
        };
        let groups_of_tile = 1u32 << (low + above.len() - places.len());
        (
            groups,
            Grid {
                blocks,
                threads: groups_of_tile.clamp(32, if places.len() > INLINE_QUBITS { 128 } else { THREADS }),
            },
        )
    }

    fn tile_bytes(&self, groups: &Within) -> usize {
        self.context.amplitude() << (groups.low + groups.high)
    }
}

/// How many of the lowest bits are whole in a tile, and which targets lie above them, ascending.
fn tile_of(row_bits: usize, targets: &[usize]) -> (usize, Vec<usize>) {
    let above = |low: usize| targets.iter().filter(move |bit| **bit >= low).count();
    let most = TILE_BITS.min(row_bits);
    let low = (0..=most).rev().find(|low| low + above(*low) <= TILE_BITS).expect("a tile holds more than its targets");
    let mut high: Vec<usize> = targets.iter().copied().filter(|bit| *bit >= low).collect();
    high.sort_unstable();
    (low, high)
}

/// `slot_of` of `groups.cuh`.
fn slot_of(row: u32, bank_bits: u32) -> u32 {
    if row >> bank_bits & 1 == 1 { row ^ ((1 << bank_bits) - 1) } else { row }
}
