//! Operations in their cheapest form, the same for every backend.

use super::LocalOperation;
use crate::linalg::Matrix;
use num_complex::Complex64;

/// The operation in its cheapest form; nothing if it does nothing.
pub(super) fn simplified(operation: LocalOperation) -> Option<LocalOperation> {
    match operation {
        LocalOperation::Dense { matrix, targets, controls } => Some(match images(&matrix) {
            Some(images) if images.iter().enumerate().all(|(from, to)| from == *to) => {
                return simplified(LocalOperation::Diagonal { entries: matrix.diag().to_vec(), targets, controls });
            }
            Some(images) => {
                let factors = images.iter().enumerate().map(|(from, to)| matrix[(*to, from)]).collect();
                LocalOperation::Permutation { images, factors, targets, controls }
            }
            None => LocalOperation::Dense { matrix, targets, controls },
        }),
        LocalOperation::Diagonal { ref entries, .. } if entries.iter().all(|entry| *entry == Complex64::ONE) => None,
        LocalOperation::Branch { mut matrices, targets, sources, choice }
            if sources.is_empty() && choice.iter().all(|own| *own == choice[0]) && !choice.is_empty() =>
        {
            let matrix = matrices.swap_remove(choice[0]);
            simplified(LocalOperation::Dense { matrix, targets, controls: Vec::new() })
        }
        other => Some(other),
    }
}

/// The permutation that the matrix is but for factors, if it is one.
fn images(matrix: &Matrix) -> Option<Vec<usize>> {
    let mut taken = vec![false; matrix.nrows()];
    let image = |column: ndarray::ArrayView1<Complex64>| {
        let mut rows = (0..column.len()).filter(|row| column[*row] != Complex64::ZERO);
        let row = rows.next()?;
        (rows.next().is_none() && !std::mem::replace(&mut taken[row], true)).then_some(row)
    };
    matrix.columns().into_iter().map(image).collect()
}
