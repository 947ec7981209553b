//! The CPU backend: rows in parallel over threads, columns in the inner loop.

mod frame;
mod index;
mod kernels;
mod memory;
mod overlaps;
mod packing;
mod parts;
mod passes;
mod products;
mod program;
mod scalar;
mod sums;
mod tiles;
mod trade;

use super::marginal::{Parts, next_within};
use super::{Backend, LocalOperation, Pass, Precision, RowSet, Shard, flips};
use crate::device::Packed;
use crate::error::{Error, Result};
use crate::linalg::Matrix;
use index::{scatter_bits, spread};
use memory::Buffer;
use num_complex::{Complex, Complex64};
use overlaps::Rows;
use passes::Shape;
use rayon::prelude::*;
use scalar::{Real, dispatch};
use std::ops::Range;

/// What is packed by the CPU lies in memory of the host.
const OF_THE_HOST: &str = "shards of the CPU are given memory of the host";
/// Rows in one unit of parallel work and of summation: fixed, so that sums do not depend on the number of threads.
const ROW_BLOCK: usize = 2048;
/// Sums of row weights that one thread makes together.
const WEIGHTS: usize = 512;

/// Makes shards in main memory.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    precision: Precision,
}

impl Cpu {
    /// A backend of the given precision.
    pub fn new(precision: Precision) -> Cpu {
        Cpu { precision }
    }
}

impl Backend for Cpu {
    fn precision(&self) -> Precision {
        self.precision
    }

    fn allocate(&self, rows: usize, reserve: usize) -> Result<Box<dyn Shard>> {
        Ok(match self.precision {
            Precision::Single => Box::new(CpuShard::<f32>::allocate(rows, reserve)?),
            Precision::Double => Box::new(CpuShard::<f64>::allocate(rows, reserve)?),
        })
    }
}

/// One shard in main memory; `data[row * reserved + column]`.
struct CpuShard<T> {
    rows: usize,
    width: usize,
    reserved: usize,
    data: Buffer<T>,
}

impl<T: Real> CpuShard<T> {
    fn allocate(rows: usize, reserve: usize) -> Result<Self> {
        let mut shard = CpuShard { rows, width: 0, reserved: 0, data: Buffer::new() };
        shard.reserve(reserve.max(1))?;
        Ok(shard)
    }

    fn used(&self, row: usize) -> &[Complex<T>] {
        &self.data[row * self.reserved..][..self.width]
    }

    /// Calls `work` with every row's used columns, in parallel.
    fn for_each_row(&mut self, work: impl Fn(usize, &mut [Complex<T>]) + Sync) {
        let width = self.width;
        self.data.par_chunks_mut(self.reserved * ROW_BLOCK).enumerate().for_each(|(block, rows)| {
            for (offset, row) in rows.chunks_exact_mut(self.reserved).enumerate() {
                work(block * ROW_BLOCK + offset, &mut row[..width]);
            }
        });
    }

    /// Sums what `part` gives for each fixed block of rows, always in the same order.
    fn sum_over_blocks<S: Send>(
        &self,
        rows: Range<usize>,
        part: impl Fn(Range<usize>) -> S + Sync,
        add: impl Fn(&mut S, S),
    ) -> S {
        let starts: Vec<usize> = rows.clone().step_by(ROW_BLOCK).collect();
        let parts: Vec<S> =
            starts.into_par_iter().map(|start| part(start..(start + ROW_BLOCK).min(rows.end))).collect();
        let mut parts = parts.into_iter();
        let mut total = parts.next().expect("a shard has at least one row");
        parts.for_each(|next| add(&mut total, next));
        total
    }
}

fn add_assign<V: Copy + std::ops::AddAssign>(total: &mut [V], next: Vec<V>) {
    total.iter_mut().zip(next).for_each(|(sum, value)| *sum += value);
}

impl<T: Real> Shard for CpuShard<T> {
    fn rows(&self) -> usize {
        self.rows
    }

    fn width(&self) -> usize {
        self.width
    }

    fn reserved(&self) -> usize {
        self.reserved
    }

    fn reserve(&mut self, columns: usize) -> Result<()> {
        if columns <= self.reserved {
            return Ok(());
        }
        let reserved = T::PRECISION.reserve_for(columns);
        let length = self.rows.checked_mul(reserved).ok_or_else(|| no_memory(self.rows, reserved))?;
        self.data.grow(length).ok_or_else(|| no_memory(self.rows, reserved))?;
        if self.reserved > 0 {
            packing::spread_rows(&mut self.data, self.rows, self.width, self.reserved, reserved);
        }
        self.reserved = reserved;
        Ok(())
    }

    fn append_zeros(&mut self, count: usize) {
        let old = self.width;
        self.width += count;
        assert!(self.width <= self.reserved, "room is reserved before columns are appended");
        self.for_each_row(|_, row| row[old..].fill(Complex::new(T::ZERO, T::ZERO)));
    }

    fn passes(&self, operations: Vec<LocalOperation>, within: usize) -> Vec<Pass> {
        let (rows, width, reserved) = (self.rows, self.width, self.reserved);
        let (amplitude, lane_bits) = (size_of::<Complex<T>>(), T::LANE_BITS);
        passes::split(operations, within, &Shape { rows, width, reserved, amplitude, lane_bits })
    }

    fn run_tiles(&mut self, pass: &Pass, tiles: Range<usize>) {
        assert!(pass.width_after <= self.reserved, "room is reserved before columns are appended");
        tiles::run(&mut self.data, self.rows, self.reserved, pass, tiles);
    }

    fn end_pass(&mut self, pass: &Pass) {
        self.width = pass.width_after;
    }

    fn column_norms(&self) -> Vec<f64> {
        if self.reserved == 1 && self.width == 1 {
            let part = |rows: Range<usize>| vec![dispatch(|| sums::weight(&self.data[rows]))];
            return self.sum_over_blocks(0..self.rows, part, |total, next| add_assign(total, next));
        }
        let part = |rows: Range<usize>| {
            let mut squares = vec![0.0; 2 * self.width];
            dispatch(|| rows.into_iter().for_each(|row| sums::add_squares(self.used(row), &mut squares)));
            squares.chunks_exact(2).map(|parts| parts[0] + parts[1]).collect()
        };
        self.sum_over_blocks(0..self.rows, part, |total: &mut Vec<f64>, next| add_assign(total, next))
    }

    fn block_grams(&self, columns: Range<usize>, targets: &[usize]) -> Vec<Matrix> {
        assert!(columns.end <= self.width, "the columns are columns of the shard");
        products::block_grams(&self.data, self.rows, columns, self.reserved, targets)
    }

    fn column_blocks(&self, targets: &[usize], columns: &[usize]) -> Vec<Vec<Complex64>> {
        let values = 1usize << targets.len();
        let places: Vec<usize> = (0..values).map(|value| scatter_bits(value, targets)).collect();
        let outside = (self.rows - 1) & !places[values - 1];
        let (count, pair) = (columns.len(), 4 * columns.len());
        let all = columns.iter().copied().eq(0..self.width);
        let part = |numbers: Range<usize>| {
            let mut sums = vec![0.0; values * (values + 1) / 2 * pair];
            let pairs = || (0..values).flat_map(|s| (0..=s).map(move |t| (s, t)));
            let mut listed = vec![Complex::new(T::ZERO, T::ZERO); if all { 0 } else { values * count }];
            dispatch(|| {
                for row in numbers.map(|number| spread(number, outside)) {
                    for (place, listed) in places.iter().zip(listed.chunks_exact_mut(count)) {
                        let used = self.used(row | place);
                        listed.iter_mut().zip(columns).for_each(|(listed, column)| *listed = used[*column]);
                    }
                    let of = |value: usize| {
                        if all { self.used(row | places[value]) } else { &listed[value * count..][..count] }
                    };
                    for ((s, t), sums) in pairs().zip(sums.chunks_exact_mut(pair)) {
                        sums::add_products(of(s), of(t), sums);
                    }
                }
            });
            sums
        };
        let sums = self.sum_over_blocks(0..self.rows / values, part, |total, next| add_assign(total, next));
        sums.chunks_exact(pair).map(sums::column_products).collect()
    }

    fn rotate_blocks(&mut self, columns: Range<usize>, rotations: &[Matrix], targets: &[usize]) {
        let kept = rotations[0].ncols();
        assert!(rotations.iter().all(|one| one.dim() == (columns.len(), kept)), "rotations have a row for each column");
        let width = self.width - columns.len() + kept;
        assert!(width <= self.reserved, "room is reserved before columns are made");
        let shape =
            products::Rotated { first: columns.start, end: columns.end, width: self.width, reserved: self.reserved };
        products::rotate_blocks(&mut self.data, self.rows, shape, rotations, targets);
        self.width = width;
    }

    fn grams_of(&self, parts: &[&[usize]]) -> Vec<Matrix> {
        parts::grams(&self.data, self.rows, self.reserved, parts)
    }

    fn combined(&self, parts: &[(&[usize], Matrix)]) -> Vec<u8> {
        parts::combined(&self.data, self.rows, self.reserved, parts)
    }

    fn set_columns(&mut self, pairs: &[(usize, usize)], packed: &[u8]) {
        self.width = pairs.iter().map(|(own, _)| own + 1).fold(self.width, usize::max);
        assert!(self.width <= self.reserved, "room is reserved before columns are made");
        let row_bytes = packed.len() / self.rows;
        self.for_each_row(|number, row| {
            let packed = &packed[number * row_bytes..][..row_bytes];
            for (own, other) in pairs {
                let bytes = &packed[other * size_of::<Complex<T>>()..][..size_of::<Complex<T>>()];
                T::read(bytes, &mut row[*own..=*own]);
            }
        });
    }

    fn arrange_columns(&mut self, columns: &[usize]) {
        let (width, reserved) = (self.width, self.reserved);
        self.width = columns.len();
        let still = columns.iter().zip(0..).take_while(|(column, place)| **column == *place).count();
        let moved = &columns[still..];
        if moved.is_empty() {
            return;
        }
        self.data.par_chunks_mut(reserved * ROW_BLOCK).for_each_init(Vec::new, |old, rows| {
            for row in rows.chunks_exact_mut(reserved) {
                old.clear();
                old.extend_from_slice(&row[..width]);
                moved.iter().zip(&mut row[still..]).for_each(|(column, amplitude)| *amplitude = old[*column]);
            }
        });
    }

    fn flip_overlaps(&self, flip: usize, signs: &[usize]) -> Vec<Complex64> {
        let part = |numbers: Range<usize>| {
            let mut sums = vec![Complex64::ZERO; signs.len()];
            dispatch(|| {
                for row in numbers.map(|number| flips::half(number, flip)) {
                    let overlap = sums::overlap(self.used(row ^ flip), self.used(row));
                    sums::add_signed(&mut sums, overlap, signs, row);
                }
            });
            sums
        };
        let rows = if flip == 0 { self.rows } else { self.rows / 2 };
        let mut sums = self.sum_over_blocks(0..rows, part, |total, next| add_assign(total, next));
        sums.iter_mut().zip(signs).for_each(|(sum, sign)| *sum = flips::with_other_half(*sum, flip, *sign));
        sums
    }

    fn all_flip_overlaps(&self, groups: &[(usize, Vec<usize>)]) -> Vec<Vec<Complex64>> {
        let rows = Rows { data: &self.data, rows: self.rows, width: self.width, reserved: self.reserved };
        let alone = |(flip, signs): &flips::Flips| self.flip_overlaps(*flip, signs);
        let worth = (self.rows, overlaps::WORTH_A_PRODUCT);
        flips::overlaps(groups, worth, |high, flips| rows.overlaps(high, flips), alone)
    }

    fn flip_overlaps_with(
        &self,
        (other, start): (&Packed, usize),
        rows: Range<usize>,
        flip: usize,
        signs: &[usize],
    ) -> Vec<Complex64> {
        let other = &other.host().expect(OF_THE_HOST)[start..];
        let (first, within) = (rows.start, flip & (rows.len() - 1));
        let row_bytes = self.packed_bytes(1);
        let part = |rows: Range<usize>| {
            let mut sums = vec![Complex64::ZERO; signs.len()];
            let mut partner = vec![Complex::new(T::ZERO, T::ZERO); self.width];
            dispatch(|| {
                for row in rows {
                    T::read(&other[((row - first) ^ within) * row_bytes..][..row_bytes], &mut partner);
                    sums::add_signed(&mut sums, sums::overlap(&partner, self.used(row)), signs, row);
                }
            });
            sums
        };
        self.sum_over_blocks(rows, part, |total, next| add_assign(total, next))
    }

    fn marginal_weights(&self, columns: &[usize], bits: &[usize]) -> Vec<f64> {
        let parts = Parts::of(self.rows, bits);
        let mut weights = vec![0.0; parts.count()];
        let runs: Vec<&[usize]> = columns.chunk_by(|a, b| a + 1 == *b).collect();
        weights.par_chunks_mut(WEIGHTS).enumerate().for_each(|(block, weights)| {
            let first = spread(block * WEIGHTS, parts.mask);
            dispatch(|| {
                let mut summed = 0;
                for _ in 0..parts.rows() {
                    let mut own = first;
                    for weight in &mut *weights {
                        let used = self.used(own | summed);
                        *weight += runs.iter().map(|run| sums::weight(&used[run[0]..][..run.len()])).sum::<f64>();
                        own = next_within(own, parts.mask);
                    }
                    summed = next_within(summed, parts.summed);
                }
            });
        });
        parts.finished(weights)
    }

    fn pack(&self, set: &RowSet, out: &mut Packed) {
        let out = &mut out.host_mut().expect(OF_THE_HOST)[..self.packed_bytes(set.count)];
        packing::pack(&self.data, self.reserved, self.width, set, out);
    }

    fn unpack(&mut self, set: &RowSet, packed: &Packed) {
        let packed = &packed.host().expect(OF_THE_HOST)[..self.packed_bytes(set.count)];
        packing::unpack(&mut self.data, self.reserved, self.width, set, packed);
    }

    fn row(&self, row: usize) -> Vec<Complex64> {
        self.used(row).iter().map(|value| T::double(*value)).collect()
    }

    fn set_row(&mut self, row: usize, values: &[Complex64]) {
        let used = &mut self.data[row * self.reserved..][..self.width];
        used.iter_mut().zip(values).for_each(|(amplitude, value)| *amplitude = T::complex(*value));
    }

    fn packed_bytes(&self, count: usize) -> usize {
        count * self.width * size_of::<Complex<T>>()
    }
}

fn no_memory(rows: usize, reserved: usize) -> Error {
    Error::resource(format!("no memory for {rows} rows of {reserved} columns of the state"))
        .next("use more ranks or nodes, a larger budget, or precision = \"single\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::conformance;

    #[test]
    fn double_precision_conforms() {
        conformance::check(&Cpu::new(Precision::Double), 1e-13);
    }

    #[test]
    fn single_precision_conforms() {
        conformance::check(&Cpu::new(Precision::Single), 2e-5);
    }

    #[test]
    fn sums_do_not_depend_on_the_number_of_threads() {
        let bits = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let shard = conformance::random_shard(&Cpu::new(Precision::Double), 1 << 13, 5, 3);
                let gram = shard.gram();
                let overlaps = shard.flip_overlaps(6, &[0, 5]);
                let marginal = shard.marginal_weights(&[0, 2, 3], &[12, 1]);
                (shard.column_norms(), gram, overlaps, shard.column_blocks(&[0, 11], &[0, 2, 3]), marginal)
            })
        };
        assert_eq!(bits(1), bits(3));
    }
}
