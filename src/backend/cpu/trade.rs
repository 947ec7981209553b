//! Lanes of a block trade places with rows: a transposition of small squares.

use super::frame::Groups;
use super::index::{gather_bits, scatter_bits};
use super::scalar::Real;
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
        if std::arch::is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has the instructions; the rest as the caller promises.
            return unsafe {
                match self.rows.len() {
                    2 => self.shuffle::<T, 2>(base, groups),
                    4 => self.shuffle::<T, 4>(base, groups),
                    _ => self.shuffle::<T, 8>(base, groups),
                }
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

    /// Trades bit by bit: of two blocks whose rows differ in the bit, each takes the half that has its value.
    ///
    /// # Safety
    /// As [`Trade::run`]; the processor has AVX-512 and there are `N` rows.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    unsafe fn shuffle<T: Real, const N: usize>(&self, base: *mut T, groups: &Groups) {
        use std::arch::x86_64::*;
        let rows: [usize; N] = std::array::from_fn(|index| self.rows[index]);
        // SAFETY: a shuffle is eight words.
        let load = |words: &[i64; 8]| unsafe { _mm512_loadu_si512(words.as_ptr().cast()) };
        let mut shuffles = [[_mm512_setzero_si512(); 2]; 3];
        for (shuffle, [low, high]) in shuffles.iter_mut().zip(&self.shuffles) {
            *shuffle = [load(low), load(high)];
        }
        for_each_block::<T>(groups, |start| {
            let mut blocks = [_mm512_setzero_pd(); N];
            for row in 0..N {
                // SAFETY: rows name blocks that the caller answers for.
                blocks[row] = unsafe { _mm512_loadu_pd(base.add(start + rows[row]).cast()) };
            }
            for bit in 0..N.trailing_zeros() as usize {
                for row in 0..N {
                    if row >> bit & 1 == 0 {
                        let (a, b) = (blocks[row], blocks[row | 1 << bit]);
                        blocks[row] = _mm512_permutex2var_pd(a, shuffles[bit][0], b);
                        blocks[row | 1 << bit] = _mm512_permutex2var_pd(a, shuffles[bit][1], b);
                    }
                }
            }
            for row in 0..N {
                // SAFETY: as above.
                unsafe { _mm512_storeu_pd(base.add(start + rows[row]).cast(), blocks[row]) };
            }
        });
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
