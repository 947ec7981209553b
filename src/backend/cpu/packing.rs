//! Rows to and from messages, and to wider rows.

use super::scalar::Real;
use crate::backend::RowSet;
use num_complex::Complex;
use rayon::prelude::*;

/// Bytes of a message that one thread copies at a time.
const PIECE: usize = 1 << 17;
/// Bits of a row's number that are looked up in a table.
const TABLE_BITS: usize = 10;

/// A shard's memory, for threads that take different rows.
#[derive(Clone, Copy)]
struct Rows<T>(*mut T);
// SAFETY: every row is given to one thread.
unsafe impl<T: Send> Send for Rows<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Rows<T> {}

impl<T> Rows<T> {
    fn at(self, offset: usize) -> *mut T {
        self.0.wrapping_add(offset)
    }
}

/// The rows of a set by number.
struct Numbers<'a> {
    set: &'a RowSet,
    /// The rows of the lowest numbers, but for the fixed bits.
    table: Vec<usize>,
    /// So many consecutive numbers, from a multiple of it, are consecutive rows.
    run: usize,
}

impl<'a> Numbers<'a> {
    fn new(set: &'a RowSet) -> Self {
        let mut table = vec![0];
        for bit in set.bits.iter().take(TABLE_BITS) {
            let with: Vec<usize> = table.iter().map(|row| row | 1 << bit).collect();
            table.extend(with);
        }
        let joined = set.bits.iter().enumerate().take_while(|(place, bit)| place == *bit).count();
        Numbers { set, table, run: 1 << joined }
    }

    fn row(&self, number: usize) -> usize {
        let low = self.table[number & (self.table.len() - 1)];
        let high = self.set.bits.iter().skip(TABLE_BITS).enumerate();
        high.fold(self.set.value | low, |row, (place, bit)| row | (number >> TABLE_BITS >> place & 1) << bit)
    }

    /// Calls `copy` with the first row, the length and the place (of those from `first` on) of each run.
    fn for_each_run(&self, first: usize, count: usize, copy: impl Fn(usize, usize, usize)) {
        let mut place = 0;
        while place < count {
            let number = first + place;
            let length = (self.run - (number & (self.run - 1))).min(count - place);
            copy(self.row(number), length, place);
            place += length;
        }
    }
}

/// Copies `width` columns of `rows` rows, `from_stride` and `into_stride` amplitudes apart.
///
/// # Safety
/// The rows can be read and written, and do not overlap.
unsafe fn copy_rows<T: Real>(from: (*const u8, usize), into: (*mut u8, usize), rows: usize, width: usize) {
    let size = size_of::<Complex<T>>();
    let ((from, from_stride), (into, into_stride)) = (from, into);
    // SAFETY: as the caller promises; bytes have no alignment.
    unsafe {
        if (from_stride, into_stride) == (width, width) {
            return std::ptr::copy_nonoverlapping(from, into, rows * width * size);
        }
        for row in 0..rows {
            let (from, into) = (from.add(row * from_stride * size), into.add(row * into_stride * size));
            std::ptr::copy_nonoverlapping(from, into, width * size);
        }
    }
}

/// Writes the rows of the set; see [`crate::backend::Shard::pack`].
pub(super) fn pack<T: Real>(data: &[Complex<T>], reserved: usize, width: usize, set: &RowSet, out: &mut [u8]) {
    let numbers = Numbers::new(set);
    let row_bytes = width * size_of::<Complex<T>>();
    let rows = PIECE.div_ceil(row_bytes.max(1));
    out.par_chunks_mut((rows * row_bytes).max(1)).enumerate().for_each(|(piece, out)| {
        let (count, into) = (out.len() / row_bytes, Rows(out.as_mut_ptr()));
        numbers.for_each_run(set.first + piece * rows, count, |row, count, place| {
            let from = data[row * reserved..][..(count - 1) * reserved + width].as_ptr().cast();
            // SAFETY: the slice holds the rows, and the piece has room for those of its numbers.
            unsafe { copy_rows::<T>((from, reserved), (into.at(place * row_bytes), width), count, width) };
        });
    });
}

/// Reads what [`pack`] wrote.
pub(super) fn unpack<T: Real>(data: &mut [Complex<T>], reserved: usize, width: usize, set: &RowSet, packed: &[u8]) {
    let numbers = Numbers::new(set);
    let row_bytes = width * size_of::<Complex<T>>();
    let rows = PIECE.div_ceil(row_bytes.max(1));
    let (length, shard) = (data.len(), Rows(data.as_mut_ptr()));
    packed.par_chunks((rows * row_bytes).max(1)).enumerate().for_each(|(piece, packed)| {
        numbers.for_each_run(set.first + piece * rows, packed.len() / row_bytes, |row, count, place| {
            assert!((row + count - 1) * reserved + width <= length, "the rows are those of the shard");
            let from = packed[place * row_bytes..].as_ptr();
            // SAFETY: the rows lie in the shard, and each number, so each row, is in one piece.
            unsafe { copy_rows::<T>((from, width), (shard.at(row * reserved).cast(), reserved), count, width) };
        });
    });
}

/// Moves the rows of `width` columns apart, from `old` to `new` amplitudes each, within the same memory.
pub(super) fn spread_rows<T: Real>(data: &mut [Complex<T>], rows: usize, width: usize, old: usize, new: usize) {
    assert!(old < new && width <= old && rows * new <= data.len(), "rows grow within their memory");
    let mut end = rows;
    // The last rows go first: those whose new places lie behind all old ones, at the same time.
    while end > 1 && width > 0 {
        let start = (end * old).div_ceil(new);
        if start == end {
            data.copy_within((end - 1) * old..(end - 1) * old + width, (end - 1) * new);
            end -= 1;
            continue;
        }
        let (from, into) = data.split_at_mut(start * new);
        let pieces = into[..(end - start) * new].par_chunks_mut(new).with_min_len(PIECE.div_ceil(new));
        pieces.zip(from[start * old..end * old].par_chunks(old)).for_each(|(into, from)| {
            into[..width].copy_from_slice(&from[..width]);
        });
        end = start;
    }
}
