//! The inner loops: what happens to the rows that an operation takes together, block by block.
//!
//! A complex product `m x` is `re(m) x + im(m) (i x)`: the matrix comes as vectors of real parts and of imaginary parts
//! with alternating signs, and `x` with its parts swapped is made once for all rows of the matrix, so that a product
//! costs two multiply-adds and no shuffle. Whatever its vectors, a kernel walks memory in blocks of 64 bytes, because
//! the coefficients may differ from lane to lane of a block.

use super::frame::Groups;
use super::memory::Block;
use super::scalar::{Real, dispatch};
use num_complex::Complex;
use pulp::{Simd, WithSimd};

/// The two blocks of a coefficient: real parts, then imaginary parts with the signs `-+`; a value for each lane.
pub(super) fn coefficient<T: Real>(lanes: impl Fn(usize) -> Complex<T>) -> [Block; 2] {
    let mut blocks = [Block::ZERO; 2];
    // SAFETY: two blocks hold twice `T::BLOCK` real numbers, any bytes are such, and blocks are aligned for them.
    let reals = unsafe { std::slice::from_raw_parts_mut(blocks.as_mut_ptr().cast::<T>(), 2 * T::BLOCK) };
    for lane in 0..1 << T::LANE_BITS {
        let value = lanes(lane);
        reals[2 * lane..][..2].fill(value.re);
        reals[T::BLOCK + 2 * lane..][..2].copy_from_slice(&[-value.im, value.im]);
    }
    blocks
}

/// # Safety
/// A vector can be read at `from`.
#[inline(always)]
unsafe fn load<T: Real, S: Simd>(from: *const T) -> T::Vector<S> {
    // SAFETY: as the caller promises; vectors are plain numbers.
    unsafe { from.cast::<T::Vector<S>>().read_unaligned() }
}

/// # Safety
/// A vector can be written at `into`.
#[inline(always)]
unsafe fn store<T: Real, S: Simd>(into: *mut T, value: T::Vector<S>) {
    // SAFETY: as the caller promises.
    unsafe { into.cast::<T::Vector<S>>().write_unaligned(value) }
}

/// Calls for the memory `ahead` reals behind `from`, which need not exist. Rows of a group that lie close together are
/// more streams in one page than the processor follows by itself.
#[inline(always)]
fn prefetch<T>(from: *const T, ahead: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has the instruction, and it reads nothing.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(ahead).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (from, ahead);
}

/// Calls `work` at each vector of the groups' rows, with its place within its block.
#[inline(always)]
fn for_each_vector<T: Real, S: Simd>(base: *mut T, groups: &Groups, mut work: impl FnMut(*mut T, usize)) {
    let step = size_of::<T::Vector<S>>() / size_of::<T>();
    for place in (0..T::BLOCK).step_by(step) {
        for outer in &groups.outer {
            for inner in &groups.inner {
                for block in (place..groups.run).step_by(T::BLOCK) {
                    work(base.wrapping_add(outer + inner + block), place);
                }
            }
        }
    }
}

/// A matrix with all its entries, `N` rows of coefficients.
struct Mix<'a, T, const N: usize, const REAL: bool> {
    base: *mut T,
    groups: &'a Groups,
    offsets: &'a [usize],
    matrix: *const T,
}

// Loops over indices of arrays of fixed size are unrolled for certain.
#[expect(clippy::needless_range_loop)]
impl<T: Real, const N: usize, const REAL: bool> WithSimd for Mix<'_, T, N, REAL> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Mix { base, groups, offsets, matrix } = self;
        let offsets: [usize; N] = std::array::from_fn(|index| offsets[index]);
        let zero = T::splat(simd, T::ZERO);
        for_each_vector::<T, S>(
            base,
            groups,
            #[inline(always)]
            |row, place| {
                // SAFETY: the matrix has `N * N` coefficients of two blocks; `place` lies in a block.
                let part = |from: usize, to: usize, imaginary: usize| unsafe {
                    load::<T, S>(matrix.add((2 * (to * N + from) + imaginary) * T::BLOCK + place))
                };
                let (mut input, mut turned) = ([zero; N], [zero; N]);
                for index in 0..N {
                    // SAFETY: groups and offsets name rows of the tile.
                    input[index] = unsafe { load::<T, S>(row.add(offsets[index])) };
                    prefetch(row.wrapping_add(offsets[index]), groups.ahead);
                    turned[index] = T::swapped(simd, input[index]);
                }
                for to in 0..N {
                    let mut sum = T::times(simd, part(0, to, 0), input[0]);
                    for from in 1..N {
                        sum = T::times_add(simd, part(from, to, 0), input[from], sum);
                    }
                    if !REAL {
                        for from in 0..N {
                            sum = T::times_add(simd, part(from, to, 1), turned[from], sum);
                        }
                    }
                    // SAFETY: as for the input, and all of it has been read.
                    unsafe { store::<T, S>(row.add(offsets[to]), sum) };
                }
            },
        );
    }
}

/// A matrix with all its entries, the same for every lane, too large to keep a vector for each entry.
struct Large<'a, T, const N: usize> {
    base: *mut T,
    groups: &'a Groups,
    offsets: &'a [usize],
    matrix: &'a [Complex<T>],
}

impl<T: Real, const N: usize> WithSimd for Large<'_, T, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Large { base, groups, offsets, matrix } = self;
        let offsets: [usize; N] = std::array::from_fn(|index| offsets[index]);
        let zero = T::splat(simd, T::ZERO);
        let signs = coefficient::<T>(|_| Complex::new(T::ZERO, T::one()));
        for_each_vector::<T, S>(
            base,
            groups,
            #[inline(always)]
            |row, place| {
                // SAFETY: the second block holds the signs `-+`; `place` lies in a block.
                let signs = unsafe { load::<T, S>(signs.as_ptr().cast::<T>().add(T::BLOCK + place)) };
                let (mut input, mut turned) = ([zero; N], [zero; N]);
                for index in 0..N {
                    // SAFETY: groups and offsets name rows of the tile.
                    input[index] = unsafe { load::<T, S>(row.add(offsets[index])) };
                    turned[index] = T::times(simd, signs, T::swapped(simd, input[index]));
                }
                for to in (0..N).step_by(4) {
                    let mut sums = [zero; 4];
                    for from in 0..N {
                        for (offset, sum) in sums.iter_mut().enumerate() {
                            let entry = matrix[(to + offset) * N + from];
                            *sum = T::times_add(simd, T::splat(simd, entry.re), input[from], *sum);
                            *sum = T::times_add(simd, T::splat(simd, entry.im), turned[from], *sum);
                        }
                    }
                    for (offset, sum) in sums.into_iter().enumerate() {
                        // SAFETY: as for the input, and all of it has been read.
                        unsafe { store::<T, S>(row.add(offsets[to + offset]), sum) };
                    }
                }
            },
        );
    }
}

/// A matrix by its entries that are not zero.
struct Sparse<'a, T> {
    base: *mut T,
    groups: &'a Groups,
    offsets: &'a [usize],
    /// For each row of the matrix, the columns of its entries.
    rows: &'a [Vec<usize>],
    /// The entries, row by row.
    entries: *const T,
}

impl<T: Real> WithSimd for Sparse<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Sparse { base, groups, offsets, rows, entries } = self;
        let mut input = vec![[T::splat(simd, T::ZERO); 2]; offsets.len()];
        for_each_vector::<T, S>(
            base,
            groups,
            #[inline(always)]
            |row, place| {
                for (pair, offset) in input.iter_mut().zip(offsets) {
                    // SAFETY: groups and offsets name rows of the tile.
                    let value = unsafe { load::<T, S>(row.add(*offset)) };
                    *pair = [value, T::swapped(simd, value)];
                }
                let mut entry = entries.wrapping_add(place);
                for (columns, offset) in rows.iter().zip(offsets) {
                    let mut sum = T::splat(simd, T::ZERO);
                    for column in columns {
                        let [value, turned] = input[*column];
                        // SAFETY: there are two blocks for each column listed; `place` lies in a block.
                        let (real, imaginary) = unsafe { (load::<T, S>(entry), load::<T, S>(entry.add(T::BLOCK))) };
                        sum = T::times_add(simd, real, value, sum);
                        sum = T::times_add(simd, imaginary, turned, sum);
                        entry = entry.wrapping_add(2 * T::BLOCK);
                    }
                    // SAFETY: as for the input, and all of it has been read.
                    unsafe { store::<T, S>(row.add(*offset), sum) };
                }
            },
        );
    }
}

/// Which kernel a matrix takes.
enum Kind<T> {
    /// Coefficients of all entries; true when all are real.
    Small(Vec<Block>, bool),
    Large(Vec<Complex<T>>),
    Sparse(Vec<Vec<usize>>, Vec<Block>),
}

/// A matrix (or one for each lane), prepared.
pub(super) struct Mixer<T> {
    size: usize,
    kind: Kind<T>,
}

impl<T: Real> Mixer<T> {
    /// The matrix of lane `lane` is `entry(lane, row, column)`; with `uniform`, that of lane 0 is the one of all lanes.
    pub(super) fn new(size: usize, uniform: bool, entry: impl Fn(usize, usize, usize) -> Complex<T>) -> Self {
        let lanes = if uniform { 1 } else { 1 << T::LANE_BITS };
        let any = |row, column, test: fn(Complex<T>) -> bool| (0..lanes).any(|lane| test(entry(lane, row, column)));
        let is_entry = |row, column| any(row, column, |value| value != Complex::new(T::ZERO, T::ZERO));
        let rows: Vec<Vec<usize>> =
            (0..size).map(|row| (0..size).filter(|column| is_entry(row, *column)).collect()).collect();
        let blocks = |rows: &[Vec<usize>]| {
            let cells =
                rows.iter().enumerate().flat_map(|(row, columns)| columns.iter().map(move |column| (row, *column)));
            let lane = |lane: usize| if uniform { 0 } else { lane };
            cells.flat_map(|(row, column)| coefficient(|place| entry(lane(place), row, column))).collect()
        };
        let entries: usize = rows.iter().map(Vec::len).sum();
        let kind = match size {
            4.. if 2 * entries <= size * size => Kind::Sparse(rows.clone(), blocks(&rows)),
            0..=8 => {
                let all: Vec<Vec<usize>> = vec![(0..size).collect(); size];
                let real = !rows
                    .iter()
                    .enumerate()
                    .any(|(row, columns)| columns.iter().any(|column| any(row, *column, |value| value.im != T::ZERO)));
                Kind::Small(blocks(&all), real)
            }
            16 | 32 if uniform => {
                Kind::Large((0..size * size).map(|index| entry(0, index / size, index % size)).collect())
            }
            _ => Kind::Sparse(rows.clone(), blocks(&rows)),
        };
        Mixer { size, kind }
    }

    /// Applies the matrix to the rows at `offsets` from each run of the groups.
    ///
    /// # Safety
    /// Groups and offsets name rows of the memory at `base`, which no one else holds, each vector once.
    pub(super) unsafe fn run(&self, base: *mut T, groups: &Groups, offsets: &[usize]) {
        assert_eq!(offsets.len(), self.size, "a matrix has an offset for each row");
        match &self.kind {
            Kind::Small(blocks, real) => {
                let matrix = blocks.as_ptr().cast();
                match (self.size, real) {
                    (1, _) => dispatch(Mix::<T, 1, false> { base, groups, offsets, matrix }),
                    (2, true) => dispatch(Mix::<T, 2, true> { base, groups, offsets, matrix }),
                    (2, false) => dispatch(Mix::<T, 2, false> { base, groups, offsets, matrix }),
                    (4, true) => dispatch(Mix::<T, 4, true> { base, groups, offsets, matrix }),
                    (4, false) => dispatch(Mix::<T, 4, false> { base, groups, offsets, matrix }),
                    (8, true) => dispatch(Mix::<T, 8, true> { base, groups, offsets, matrix }),
                    _ => dispatch(Mix::<T, 8, false> { base, groups, offsets, matrix }),
                }
            }
            Kind::Large(matrix) if self.size == 16 => dispatch(Large::<T, 16> { base, groups, offsets, matrix }),
            Kind::Large(matrix) => dispatch(Large::<T, 32> { base, groups, offsets, matrix }),
            Kind::Sparse(rows, blocks) => {
                dispatch(Sparse { base, groups, offsets, rows, entries: blocks.as_ptr().cast() })
            }
        }
    }
}

/// Rows and a factor for each of their lanes.
pub(super) struct Scale<'a, T> {
    pub(super) base: *mut T,
    pub(super) groups: &'a Groups,
    /// Distances of the rows in a group, each with its factor.
    pub(super) factors: &'a [(usize, [Block; 2])],
}

impl<T: Real> Scale<'_, T> {
    /// Multiplies the rows of every group.
    ///
    /// # Safety
    /// Groups and distances name rows of the memory at `base`, which no one else holds.
    pub(super) unsafe fn run(self) {
        dispatch(self);
    }
}

impl<T: Real> WithSimd for Scale<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Scale { base, groups, factors } = self;
        for_each_vector::<T, S>(
            base,
            groups,
            #[inline(always)]
            |row, place| {
                for (distance, factor) in factors {
                    let (row, factor) = (row.wrapping_add(*distance), factor.as_ptr().cast::<T>());
                    // SAFETY: a factor has two blocks and `place` lies in one; groups and distances name rows.
                    unsafe {
                        prefetch(row, groups.ahead);
                        let (value, real) = (load::<T, S>(row), load::<T, S>(factor.add(place)));
                        let imaginary = load::<T, S>(factor.add(T::BLOCK + place));
                        let turned = T::times(simd, imaginary, T::swapped(simd, value));
                        store::<T, S>(row, T::times_add(simd, real, value, turned));
                    }
                }
            },
        );
    }
}

/// One cycle of a permutation: the row at each offset goes, times its factor, to the next one.
pub(super) struct Cycle {
    pub(super) offsets: Vec<usize>,
    /// The factor of each row, or nothing where it is one.
    pub(super) factors: Vec<Option<[Block; 2]>>,
}

impl Cycle {
    /// Moves the rows.
    ///
    /// # Safety
    /// As [`Mixer::run`].
    pub(super) unsafe fn run<T: Real>(&self, base: *mut T, groups: &Groups) {
        dispatch(Turn { base, groups, cycle: self });
    }
}

struct Turn<'a, T> {
    base: *mut T,
    groups: &'a Groups,
    cycle: &'a Cycle,
}

impl<T: Real> WithSimd for Turn<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Cycle { offsets, factors } = self.cycle;
        if let ([a, b], [None, None]) = (&offsets[..], &factors[..]) {
            return for_each_vector::<T, S>(
                self.base,
                self.groups,
                #[inline(always)]
                |row, _| {
                    // SAFETY: groups and offsets name rows of the tile.
                    unsafe {
                        prefetch(row.wrapping_add(*a), self.groups.ahead);
                        prefetch(row.wrapping_add(*b), self.groups.ahead);
                        let (first, second) = (load::<T, S>(row.add(*a)), load::<T, S>(row.add(*b)));
                        store::<T, S>(row.add(*a), second);
                        store::<T, S>(row.add(*b), first);
                    }
                },
            );
        }
        for_each_vector::<T, S>(
            self.base,
            self.groups,
            #[inline(always)]
            |row, place| {
                // SAFETY: as above; a factor has two blocks and `place` lies in one.
                let from = |index: usize| unsafe {
                    let value = load::<T, S>(row.add(offsets[index]));
                    let Some(factor) = &factors[index] else { return value };
                    let factor = factor.as_ptr().cast::<T>();
                    let imaginary = load::<T, S>(factor.add(T::BLOCK + place));
                    let turned = T::times(simd, imaginary, T::swapped(simd, value));
                    T::times_add(simd, load::<T, S>(factor.add(place)), value, turned)
                };
                let last = from(offsets.len() - 1);
                for index in (1..offsets.len()).rev() {
                    let value = from(index - 1);
                    // SAFETY: as above; the row written has been read.
                    unsafe { store::<T, S>(row.add(offsets[index]), value) };
                }
                // SAFETY: as above.
                unsafe { store::<T, S>(row.add(offsets[0]), last) };
            },
        );
    }
}
