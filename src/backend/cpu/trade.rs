//! Lanes of a block trade places with rows: a transposition of small squares.

use super::frame::Groups;
use super::index::{gather_bits, scatter_bits};
use super::scalar::Real;
#[cfg(target_arch = "x86_64")]
use super::scalar::arch;
use num_complex::Complex;

/// Bits of the lane number that trade places with bits of the row index.
pub(super) struct Trade {
    /// Distances of the rows that trade, by the values of their bits.
    rows: Vec<usize>,
    /// Pairs of amplitudes that trade places: row and lane of each.
    pairs: Vec<[(usize, usize); 2]>,
    /// For each bit, which words of two blocks become the first and which the second.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code))]
    shuffles: Vec<[[i64; 8]; 2]>,
}

impl Trade {
    /// Bit `i` of a row's number in `rows` trades with bit `lanes[i]` of the lane, of `lane_bits`.
    pub(super) fn new<T: Real>(rows: Vec<usize>, lanes: Vec<usize>, lane_bits: usize) -> Self {
        let all = (0..rows.len()).flat_map(|row| (0..1usize << lane_bits).map(move |lane| (row, lane)));
        let pairs = all.filter_map(|(row, lane)| {
            let other = gather_bits(lane, &lanes);
            let kept = lane & !scatter_bits(usize::MAX, &lanes);
            (row < other).then(|| [(row, lane), (other, kept | scatter_bits(row, &lanes))])
        });
        let pairs = pairs.collect();
        let shuffles = lanes.iter().map(|bit| shuffle(bit + words_of::<T>().ilog2() as usize)).collect();
        Trade { rows, pairs, shuffles }
    }

    /// Trades within every run of the groups.
    ///
    /// # Safety
    /// Groups and rows name blocks of the memory at `base`, which no one else holds.
    pub(super) unsafe fn run<T: Real>(&self, base: *mut T, groups: &Groups) {
        #[cfg(target_arch = "x86_64")]
        if let pulp::Arch::V4(simd) = arch() {
            let Trade { rows, shuffles, .. } = self;
            return match rows.len() {
                2 => simd.vectorize(Shuffle::<T, 2> { simd, base, groups, rows, shuffles }),
                4 => simd.vectorize(Shuffle::<T, 4> { simd, base, groups, rows, shuffles }),
                _ => simd.vectorize(Shuffle::<T, 8> { simd, base, groups, rows, shuffles }),
            };
        }
        for_each_block::<T>(groups, |start| {
            for [(row, lane), (other_row, other_lane)] in &self.pairs {
                let at = |row: usize, lane: usize| base.wrapping_add(start + self.rows[row] + 2 * lane);
                let (a, b) = (at(*row, *lane).cast::<Complex<T>>(), at(*other_row, *other_lane).cast());
                // SAFETY: rows and lanes name amplitudes of the square, two different ones.
                unsafe { std::ptr::swap_nonoverlapping(a, b, 1) };
            }
        });
    }
}

/// Trades bit by bit: of two blocks whose rows differ in the bit, each takes the half that has its value.
#[cfg(target_arch = "x86_64")]
struct Shuffle<'a, T, const N: usize> {
    simd: pulp::x86::V4,
    base: *mut T,
    groups: &'a Groups,
    rows: &'a [usize],
    shuffles: &'a [[[i64; 8]; 2]],
}

#[cfg(target_arch = "x86_64")]
impl<T: Real, const N: usize> pulp::NullaryFnOnce for Shuffle<'_, T, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        use std::arch::x86_64::{__m512d, __m512i};
        let (base, instructions) = (self.base, self.simd.avx512f);
        let rows: [usize; N] = std::array::from_fn(|index| self.rows[index]);
        let mut shuffles: [[__m512i; 2]; 3] = [[pulp::cast([0i64; 8]); 2]; 3];
        for (shuffle, [low, high]) in shuffles.iter_mut().zip(self.shuffles) {
            *shuffle = [pulp::cast(*low), pulp::cast(*high)];
        }
        for_each_block::<T>(
            self.groups,
            #[inline(always)]
            |start| {
                let mut blocks: [__m512d; N] = [pulp::cast([0i64; 8]); N];
                for (block, row) in blocks.iter_mut().zip(rows) {
                    // SAFETY: groups and rows name blocks, for which the caller of `Trade::run` answers.
                    *block = unsafe { base.add(start + row).cast::<__m512d>().read_unaligned() };
                }
                for (bit, [low, high]) in shuffles.iter().enumerate().take(N.trailing_zeros() as usize) {
                    for row in (0..N).filter(|row| row >> bit & 1 == 0) {
                        let (a, b) = (blocks[row], blocks[row | 1 << bit]);
                        blocks[row] = instructions._mm512_permutex2var_pd(a, *low, b);
                        blocks[row | 1 << bit] = instructions._mm512_permutex2var_pd(a, *high, b);
                    }
                }
                for (block, row) in blocks.iter().zip(rows) {
                    // SAFETY: as above.
                    unsafe { base.add(start + row).cast::<__m512d>().write_unaligned(*block) };
                }
            },
        );
    }
}

/// Calls `work` with the distance of every block.
#[inline(always)]
fn for_each_block<T: Real>(groups: &Groups, mut work: impl FnMut(usize)) {
    for outer in &groups.outer {
        for inner in &groups.inner {
            for block in (0..groups.run).step_by(T::BLOCK) {
                work(outer + inner + block);
            }
        }
    }
}

/// Words of eight bytes in an amplitude.
fn words_of<T>() -> usize {
    size_of::<Complex<T>>() / 8
}

/// The words of two blocks (the second block's from 8 on) that make the new first and second block when bit `bit` of
/// the word number trades places with the choice of the block.
fn shuffle(bit: usize) -> [[i64; 8]; 2] {
    let word = |block: usize, place: usize| ((place >> bit & 1) << 3 | (place & !(1 << bit)) | block << bit) as i64;
    [0, 1].map(|block| std::array::from_fn(|place| word(block, place)))
}
