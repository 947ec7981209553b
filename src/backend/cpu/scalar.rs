//! The two precisions behind one face.

use crate::backend::Precision;
use num_complex::{Complex, Complex64};
use pulp::bytemuck::cast;
use pulp::{Arch, Scalar256b, Simd, WithSimd};
use std::sync::LazyLock;

/// Bytes of a block: the unit of vector work and of a reserve. A vector of any instruction set divides it.
pub(super) const BLOCK_BYTES: usize = 64;

/// The instruction set of this processor.
pub(super) fn arch() -> Arch {
    static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);
    *ARCH
}

/// Runs an operation with the widest vectors this processor has.
pub(super) fn dispatch<Op: WithSimd>(operation: Op) -> Op::Output {
    match arch() {
        // Plain scalars hold no whole complex number, so the portable case emulates a vector.
        Arch::Scalar => Scalar256b.vectorize(operation),
        arch => arch.dispatch(operation),
    }
}

/// A real scalar of the stored amplitudes.
///
/// # Safety
/// Implementors are plain floats: any bytes are a valid value and `Complex<Self>` has no padding.
pub(super) unsafe trait Real: num_traits::Float + Send + Sync + 'static {
    const PRECISION: Precision;
    const ZERO: Self;
    /// Real numbers in a block.
    const BLOCK: usize = BLOCK_BYTES / size_of::<Self>();
    /// Amplitudes in a block, as a power of two.
    const LANE_BITS: usize = (BLOCK_BYTES / size_of::<Complex<Self>>()).trailing_zeros() as usize;

    /// Amplitudes side by side, their parts interleaved.
    type Vector<S: Simd>: Copy;
    /// The value in every place.
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S>;
    /// `a b`, place by place.
    fn times<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// `a b + c`, place by place.
    fn times_add<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
    /// Real and imaginary parts change places.
    fn swapped<S: Simd>(simd: S, a: Self::Vector<S>) -> Self::Vector<S>;

    fn complex(value: Complex64) -> Complex<Self>;
    fn double(value: Complex<Self>) -> Complex64;

    /// The amplitudes as they are, if they are in double precision already.
    fn doubles(values: &[Complex<Self>]) -> Option<&[Complex64]>;

    /// The number in double precision.
    fn wide(self) -> f64;

    /// The amplitudes' parts, interleaved.
    #[inline(always)]
    fn reals(values: &[Complex<Self>]) -> &[Self] {
        // SAFETY: an amplitude is two real numbers without padding.
        unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), 2 * values.len()) }
    }

    /// The amplitudes in packed bytes, which need not be aligned.
    #[inline(always)]
    fn read(bytes: &[u8], into: &mut [Complex<Self>]) {
        Self::bytes_of_mut(into).copy_from_slice(bytes);
    }

    /// Writes amplitudes as packed bytes.
    fn write(values: &[Complex64], into: &mut [u8]) {
        for (value, bytes) in values.iter().zip(into.chunks_exact_mut(size_of::<Complex<Self>>())) {
            bytes.copy_from_slice(Self::bytes_of_mut(&mut [Self::complex(*value)]));
        }
    }

    fn bytes_of_mut(values: &mut [Complex<Self>]) -> &mut [u8] {
        // SAFETY: amplitudes are plain floats without padding, the length is that of the same memory, and any bytes
        // written are valid amplitudes.
        unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values)) }
    }
}

// SAFETY: f32 is a plain float.
unsafe impl Real for f32 {
    const PRECISION: Precision = Precision::Single;
    const ZERO: Self = 0.0;
    type Vector<S: Simd> = S::f32s;

    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn splat<S: Simd>(simd: S, value: f32) -> S::f32s {
        simd.splat_f32s(value)
    }

    #[inline(always)]
    fn times<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> S::f32s {
        simd.mul_f32s(a, b)
    }

    #[inline(always)]
    fn times_add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
        simd.mul_add_e_f32s(a, b, c)
    }

    #[inline(always)]
    fn swapped<S: Simd>(simd: S, a: S::f32s) -> S::f32s {
        let complex: S::c32s = cast(a);
        cast(simd.swap_re_im_c32s(complex))
    }

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
    type Vector<S: Simd> = S::f64s;

    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }

    #[inline(always)]
    fn splat<S: Simd>(simd: S, value: f64) -> S::f64s {
        simd.splat_f64s(value)
    }

    #[inline(always)]
    fn times<S: Simd>(simd: S, a: S::f64s, b: S::f64s) -> S::f64s {
        simd.mul_f64s(a, b)
    }

    #[inline(always)]
    fn times_add<S: Simd>(simd: S, a: S::f64s, b: S::f64s, c: S::f64s) -> S::f64s {
        simd.mul_add_e_f64s(a, b, c)
    }

    #[inline(always)]
    fn swapped<S: Simd>(simd: S, a: S::f64s) -> S::f64s {
        let complex: S::c64s = cast(a);
        cast(simd.swap_re_im_c64s(complex))
    }

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
