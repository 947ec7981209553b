//! The structures that kernels take, field by field as in `kernels/`, and what follows them.

use crate::backend::Precision;
use num_complex::{Complex32, Complex64};

/// A structure without gaps, whose bytes are all defined.
///
/// # Safety
/// Implementors are `repr(C)`, and the sizes of their fields add up to theirs.
pub(super) unsafe trait Plain: Copy {}

/// Implements [`Plain`] and checks that there are no gaps.
macro_rules! plain {
    ($($name:ident: $bytes:expr),*) => {$(
        const _: () = assert!(size_of::<$name>() == $bytes);
        // SAFETY: the structure is `repr(C)` and has the size of its fields.
        unsafe impl Plain for $name {}
    )*};
}

/// Most pieces of a number that go to places of their own.
pub(super) const PIECES: usize = 36;

/// How a row index is made of a number; `Spread` of `common.cuh`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    pub(super) fixed: u64,
    pub(super) pieces: u32,
    pub(super) from: [u8; PIECES],
    pub(super) length: [u8; PIECES],
    pub(super) to: [u8; PIECES],
}

/// `Rows` of `common.cuh`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    pub(super) spread: Spread,
    pub(super) first: u64,
    pub(super) count: u64,
    pub(super) checked: u64,
    pub(super) expected: u64,
    pub(super) blocks: u32,
    pub(super) per_block: u32,
    pub(super) repeats: u32,
    pub(super) repeat_shift: u32,
}

/// `Items` of `common.cuh`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Items {
    pub(super) rows: Rows,
    pub(super) data: u64,
    pub(super) stride: u64,
    pub(super) lanes: u32,
    pub(super) reciprocal: u32,
}

/// `Across` of `groups.cuh`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Across {
    pub(super) items: Items,
    pub(super) distance: [u64; 5],
}

/// `Within` of `groups.cuh`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Within {
    pub(super) rows: Rows,
    pub(super) data: u64,
    pub(super) distance: [u64; 5],
    pub(super) checked: u32,
    pub(super) expected: u32,
    pub(super) low: u32,
    pub(super) high: u32,
    pub(super) holes: [u32; 5],
    pub(super) slots: [u32; 5],
}

/// What follows the items of a diagonal; the entries come behind.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Diagonal {
    pub(super) items: Items,
    pub(super) table: u64,
    pub(super) targets: u32,
    pub(super) target: [u8; PIECES],
}

/// `BranchArguments` of `branch.cu`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Branch {
    pub(super) groups: Across,
    pub(super) begin: u64,
    pub(super) results: u64,
    pub(super) matrices: u64,
    pub(super) entries: u32,
    pub(super) unused: u32,
}

/// `PanelArguments` of `panels.cu`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Panel {
    pub(super) items: Items,
    pub(super) columns: u64,
    pub(super) first_column: u64,
    pub(super) panel: u64,
    pub(super) panel_stride: u64,
    pub(super) panel_columns: u64,
}

/// `ColumnArguments` of `sums.cu`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct ColumnSums {
    pub(super) rows: Rows,
    pub(super) data: u64,
    pub(super) stride: u64,
    pub(super) columns: u64,
    pub(super) sums: u64,
    pub(super) distance: [u64; 4],
    pub(super) count: u32,
    pub(super) column_bits: u32,
    pub(super) column_blocks: u32,
    pub(super) unused: u32,
}

/// `PartArguments` of `sums.cu`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    pub(super) parts: u64,
    pub(super) sums: u64,
    pub(super) count: u64,
    pub(super) number: u64,
}

/// `WeightArguments` of `sums.cu`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Weights {
    pub(super) parts: Spread,
    pub(super) first: u64,
    pub(super) parts_count: u64,
    pub(super) summed: u64,
    pub(super) rows: u64,
    pub(super) data: u64,
    pub(super) stride: u64,
    pub(super) columns: u64,
    pub(super) weights: u64,
    pub(super) count: u32,
    pub(super) column_bits: u32,
}

/// `OverlapArguments` of `overlaps.cu`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Overlaps {
    pub(super) rows: Rows,
    pub(super) data: u64,
    pub(super) stride: u64,
    pub(super) partners: u64,
    pub(super) partner_stride: u64,
    pub(super) flip: u64,
    pub(super) first_partner: u64,
    pub(super) signs: u64,
    pub(super) sums: u64,
    pub(super) width: u32,
    pub(super) column_bits: u32,
    pub(super) masks: u32,
    pub(super) unused: u32,
}

/// `BlockOverlapArguments` of `overlaps.cu`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockOverlaps {
    pub(super) data: u64,
    pub(super) stride: u64,
    pub(super) high: u64,
    pub(super) below: u64,
    pub(super) blocks: u64,
    pub(super) lows: u64,
    pub(super) signs: u64,
    pub(super) sums: u64,
    pub(super) width: u32,
    pub(super) count: u32,
}

plain! {
    u32: 4, u64: 8, Complex64: 16,
    Spread: 120, Rows: 168, Items: 192, Across: 232, Within: 272, Diagonal: 240, Branch: 264, Panel: 232,
    ColumnSums: 248, Parts: 32, Weights: 192, Overlaps: 248, BlockOverlaps: 72
}

/// The bytes of plain values, one after the other.
pub(super) fn bytes_of<T: Plain>(values: &[T]) -> &[u8] {
    // SAFETY: plain values have no gaps, and the length is that of the same memory.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

/// The bytes of amplitudes in double precision, to be overwritten.
pub(super) fn bytes_of_mut(values: &mut [Complex64]) -> &mut [u8] {
    // SAFETY: any bytes are complex numbers, and the length is that of the same memory.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values)) }
}

/// Complex numbers in a shard's precision.
pub(super) fn amplitudes<'a>(precision: Precision, values: impl IntoIterator<Item = &'a Complex64>) -> Vec<u8> {
    let values = values.into_iter();
    match precision {
        Precision::Double => values.flat_map(|value| [value.re, value.im]).flat_map(f64::to_ne_bytes).collect(),
        Precision::Single => {
            values.flat_map(|value| [value.re as f32, value.im as f32]).flat_map(f32::to_ne_bytes).collect()
        }
    }
}

/// Amplitudes of a shard in double precision.
pub(super) fn doubles(precision: Precision, bytes: &[u8]) -> Vec<Complex64> {
    let mut values = vec![Complex64::ZERO; bytes.len() / precision.amplitude_bytes()];
    match precision {
        Precision::Double => bytes_of_mut(&mut values).copy_from_slice(bytes),
        Precision::Single => {
            for (value, bytes) in values.iter_mut().zip(bytes.chunks_exact(size_of::<Complex32>())) {
                let part = |at: usize| f32::from_ne_bytes(std::array::from_fn(|byte| bytes[at + byte]));
                *value = Complex64::new(part(0).into(), part(4).into());
            }
        }
    }
    values
}

/// A kernel's structure that ends with amplitudes: they begin at a multiple of their size, and so does what comes after.
pub(super) struct Arguments {
    bytes: Vec<u8>,
}

impl Arguments {
    pub(super) fn new<T: Plain>(first: T) -> Arguments {
        Arguments { bytes: bytes_of(&[first]).to_vec() }
    }

    /// Appends plain values.
    pub(super) fn with<T: Plain>(mut self, values: &[T]) -> Arguments {
        self.bytes.extend_from_slice(bytes_of(values));
        self
    }

    /// Appends amplitudes, and zeros up to `count` of them.
    pub(super) fn with_amplitudes(self, precision: Precision, values: &[Complex64], count: usize) -> Arguments {
        let mut aligned = self.aligned(precision.amplitude_bytes());
        aligned.bytes.extend(amplitudes(precision, values));
        aligned.bytes.resize(aligned.bytes.len() + (count - values.len()) * precision.amplitude_bytes(), 0);
        aligned
    }

    /// The whole structure, when it has no amplitudes.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The whole structure, when it has amplitudes.
    pub(super) fn finished(self, precision: Precision) -> Vec<u8> {
        self.aligned(precision.amplitude_bytes()).bytes
    }

    fn aligned(mut self, to: usize) -> Arguments {
        self.bytes.resize(self.bytes.len().next_multiple_of(to), 0);
        self
    }
}
