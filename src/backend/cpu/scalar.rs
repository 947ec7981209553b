//! The two precisions behind one face.

use crate::backend::Precision;
use num_complex::{Complex, Complex64};

/// A real scalar of the stored amplitudes.
///
/// # Safety
/// Implementors are plain floats: any bytes are a valid value and `Complex<Self>` has no padding.
pub(super) unsafe trait Real: num_traits::Float + Send + Sync + 'static {
    const PRECISION: Precision;
    const ZERO: Self;

    fn complex(value: Complex64) -> Complex<Self>;
    fn double(value: Complex<Self>) -> Complex64;

    /// The amplitudes as they are, if they are in double precision already.
    fn doubles(values: &[Complex<Self>]) -> Option<&[Complex64]>;

    fn norm_squared(value: Complex<Self>) -> f64 {
        Self::double(value).norm_sqr()
    }

    /// `sum_c conj(bra[c]) ket[c]`.
    fn overlap(bra: &[Complex<Self>], ket: &[Complex<Self>]) -> Complex64 {
        bra.iter().zip(ket).map(|(bra, ket)| Self::double(*bra).conj() * Self::double(*ket)).sum()
    }

    /// [`Real::overlap`] with packed amplitudes, which need not be aligned.
    fn overlap_with_bytes(bra: &[u8], ket: &[Complex<Self>]) -> Complex64 {
        let size = size_of::<Complex<Self>>();
        bra.chunks_exact(size)
            .zip(ket)
            .map(|(bytes, ket)| {
                // SAFETY: the chunk has the size of one amplitude and any bytes are a valid one.
                let bra: Complex<Self> = unsafe { bytes.as_ptr().cast::<Complex<Self>>().read_unaligned() };
                Self::double(bra).conj() * Self::double(*ket)
            })
            .sum()
    }

    fn bytes_of(values: &[Complex<Self>]) -> &[u8] {
        // SAFETY: amplitudes are plain floats without padding; the length is that of the same memory.
        unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
    }

    fn bytes_of_mut(values: &mut [Complex<Self>]) -> &mut [u8] {
        // SAFETY: as above, and any bytes written are valid amplitudes.
        unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values)) }
    }
}

// SAFETY: f32 is a plain float.
unsafe impl Real for f32 {
    const PRECISION: Precision = Precision::Single;
    const ZERO: Self = 0.0;

    fn doubles(_: &[Complex<f32>]) -> Option<&[Complex64]> {
        None
    }

    fn complex(value: Complex64) -> Complex<f32> {
        Complex::new(value.re as f32, value.im as f32)
    }

    fn double(value: Complex<f32>) -> Complex64 {
        Complex64::new(f64::from(value.re), f64::from(value.im))
    }
}

// SAFETY: f64 is a plain float.
unsafe impl Real for f64 {
    const PRECISION: Precision = Precision::Double;
    const ZERO: Self = 0.0;

    fn doubles(values: &[Complex<f64>]) -> Option<&[Complex64]> {
        Some(values)
    }

    fn complex(value: Complex64) -> Complex<f64> {
        value
    }

    fn double(value: Complex<f64>) -> Complex64 {
        value
    }
}
