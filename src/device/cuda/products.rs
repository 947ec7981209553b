//! Matrix products by cuBLAS.

use super::failure;
use super::libraries::CUBLAS;
use crate::device::{Form, HermitianProduct, Operand, Product};
use crate::error::{Error, Result};
use crate::linalg::Precision;
use cudarc::cublas::sys;
use cudarc::driver::sys::CUstream;
use std::ptr;

/// cuBLAS for one stream.
pub(super) struct Products {
    handle: sys::cublasHandle_t,
}

impl Products {
    /// For products on the stream, of the current context.
    pub(super) fn new(stream: CUstream) -> Result<Products> {
        CUBLAS.load()?;
        let mut handle = ptr::null_mut();
        // SAFETY: the library is loaded, a context is current, and the place may be written.
        checked("starting cuBLAS", unsafe { sys::cublasCreate_v2(&mut handle) })?;
        let products = Products { handle };
        // SAFETY: the handle was just made, and the stream outlives it.
        checked("giving cuBLAS a stream", unsafe { sys::cublasSetStream_v2(handle, stream.cast()) })?;
        Ok(products)
    }

    /// `result = left right + keep result`.
    pub(super) fn multiply(&self, product: &Product) -> Result<()> {
        if product.rows == 0 || product.columns == 0 {
            return Ok(());
        }
        let Product { rows, columns, inner, left, right, .. } = *product;
        let (m, n, k) = (size(rows)?, size(columns)?, size(inner)?);
        // A stride of nothing is refused even where it does not matter.
        let stride = |operand: Operand| size(operand.stride.max(1));
        let (a, b, c) = (stride(left)?, stride(right)?, size(product.stride.max(1))?);
        let (form_a, form_b) = (operation(left.form), operation(right.form));
        let keep = f32::from(u8::from(product.accumulate));
        let action = format!("a {rows} x {columns} product over {inner}");
        // SAFETY: the handle is alive, scalars lie on the host as the handle expects, and the caller's addresses are those
        // of matrices of these shapes.
        let status = unsafe {
            match product.precision {
                Precision::Double => {
                    let (one, keep) = (sys::double2 { x: 1.0, y: 0.0 }, sys::double2 { x: keep.into(), y: 0.0 });
                    let (l, r, out) = (left.address as *const _, right.address as *const _, product.result as *mut _);
                    sys::cublasZgemm_v2_64(self.handle, form_a, form_b, m, n, k, &one, l, a, r, b, &keep, out, c)
                }
                Precision::Single => {
                    let (one, keep) = (sys::float2 { x: 1.0, y: 0.0 }, sys::float2 { x: keep, y: 0.0 });
                    let (l, r, out) = (left.address as *const _, right.address as *const _, product.result as *mut _);
                    sys::cublasCgemm_v2_64(self.handle, form_a, form_b, m, n, k, &one, l, a, r, b, &keep, out, c)
                }
            }
        };
        checked(&action, status)
    }

    /// `result = factor factor^dagger + keep result`, on and above the diagonal.
    pub(super) fn multiply_hermitian(&self, product: &HermitianProduct) -> Result<()> {
        use sys::cublasFillMode_t::CUBLAS_FILL_MODE_UPPER as UPPER;
        use sys::cublasOperation_t::CUBLAS_OP_N as PLAIN;
        if product.size == 0 {
            return Ok(());
        }
        let HermitianProduct { size: rows, inner, factor_stride, stride, accumulate, .. } = *product;
        let (n, k, lda, ldc) = (size(rows)?, size(inner)?, size(factor_stride.max(1))?, size(stride.max(1))?);
        let (one, keep) = (1.0, f64::from(u8::from(accumulate)));
        let (factor, result) = (product.factor as *const _, product.result as *mut _);
        // SAFETY: as for other products.
        let status =
            unsafe { sys::cublasZherk_v2_64(self.handle, UPPER, PLAIN, n, k, &one, factor, lda, &keep, result, ldc) };
        checked(&format!("a Hermitian product of {rows} rows over {inner}"), status)
    }
}

/// A number as cuBLAS takes it.
fn size(number: usize) -> Result<i64> {
    i64::try_from(number).map_err(|_| Error::internal("a matrix has more rows than numbers reach"))
}

impl Drop for Products {
    fn drop(&mut self) {
        // SAFETY: the handle is ours. A failure changes nothing.
        unsafe { sys::cublasDestroy_v2(self.handle) };
    }
}

/// Version of cuBLAS.
///
/// # Errors
/// Resource error when it is missing.
pub(super) fn version() -> Result<String> {
    use sys::libraryPropertyType_t as Part;
    CUBLAS.load()?;
    let part = |part| {
        let mut value = 0;
        // SAFETY: the library is loaded, and the place may be written.
        checked("asking cuBLAS's version", unsafe { sys::cublasGetProperty(part, &mut value) }).map(|()| value)
    };
    let [major, minor, patch] = [Part::MAJOR_VERSION, Part::MINOR_VERSION, Part::PATCH_LEVEL].map(part);
    Ok(format!("{}.{}.{}", major?, minor?, patch?))
}

fn checked(action: &str, status: sys::cublasStatus_t) -> Result<()> {
    match status {
        sys::cublasStatus_t::CUBLAS_STATUS_SUCCESS => Ok(()),
        status => Err(failure::products(action, status)),
    }
}

fn operation(form: Form) -> sys::cublasOperation_t {
    match form {
        Form::Plain => sys::cublasOperation_t::CUBLAS_OP_N,
        Form::Transposed => sys::cublasOperation_t::CUBLAS_OP_T,
        Form::Adjoint => sys::cublasOperation_t::CUBLAS_OP_C,
    }
}
