//! Hermitian products `A A^dagger`, of which only what lies on and above the diagonal is computed.
//!
//! A library's Hermitian product takes half of the operations of a full one. Blocks of general products take
//! `(1 + b / w) / 2` of them for `w` columns in blocks of `b`, 62 % at 512, but sums as long as those of a Gram matrix are shared out
//! over the whole GPU by general products only, as far as is known: `rhoshard bench gpu` measures each way.

use super::context::ENTRY;
use super::panels::cut;
use crate::device::{Device, Form, HermitianProduct, Operand, Product, Stream};
use crate::error::Result;
use crate::linalg::Precision;

/// Columns of a block.
const BLOCK: usize = 128;
/// How Gram matrices are computed.
pub(super) const METHOD: HermitianMethod = HermitianMethod::Blocks;

/// How a Hermitian product is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HermitianMethod {
    /// By one Hermitian product.
    Whole,
    /// By general products of blocks.
    Blocks,
    /// By general products of blocks, and Hermitian products on the diagonal.
    HermitianBlocks,
}

impl HermitianMethod {
    /// All there are.
    pub const ALL: [HermitianMethod; 3] =
        [HermitianMethod::Whole, HermitianMethod::Blocks, HermitianMethod::HermitianBlocks];
}

/// `result = factor factor^dagger + keep result`; what it leaves below the diagonal is undefined.
///
/// # Errors
/// As [`Device::multiply`].
pub fn hermitian_product(device: &dyn Device, method: HermitianMethod, product: &HermitianProduct) -> Result<()> {
    let block = if method == HermitianMethod::Whole { product.size.max(1) } else { BLOCK };
    for right in cut(product.size, block) {
        for left in cut(product.size, block).filter(|left| left.start <= right.start) {
            let part = Block { product, left: left.start, right: right.start, rows: left.len(), columns: right.len() };
            if left == right && method != HermitianMethod::Blocks {
                device.multiply_hermitian(Stream::Compute, &part.hermitian())?;
            } else {
                device.multiply(Stream::Compute, &part.general())?;
            }
        }
    }
    Ok(())
}

/// A block of the result: so many rows from the row `left` on, so many columns from the column `right` on.
struct Block<'a> {
    product: &'a HermitianProduct,
    left: usize,
    right: usize,
    rows: usize,
    columns: usize,
}

impl Block<'_> {
    fn factor(&self, row: usize, form: Form) -> Operand {
        Operand { address: self.product.factor + (row * ENTRY) as u64, stride: self.product.factor_stride, form }
    }

    fn result(&self) -> u64 {
        self.product.result + ((self.left + self.right * self.product.stride) * ENTRY) as u64
    }

    fn hermitian(&self) -> HermitianProduct {
        let factor = self.factor(self.left, Form::Plain).address;
        HermitianProduct { size: self.rows, factor, result: self.result(), ..*self.product }
    }

    fn general(&self) -> Product {
        let HermitianProduct { inner, stride, accumulate, .. } = *self.product;
        Product {
            precision: Precision::Double,
            rows: self.rows,
            columns: self.columns,
            inner,
            left: self.factor(self.left, Form::Plain),
            right: self.factor(self.right, Form::Adjoint),
            result: self.result(),
            stride,
            accumulate,
        }
    }
}
