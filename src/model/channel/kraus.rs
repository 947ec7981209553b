//! A channel given by its Kraus operators: shapes, finiteness and completeness are checked here.

use super::{Channel, completeness_defect};
use crate::error::{Error, Result};
use crate::linalg::{Matrix, adjoint, hermitian_function, multiply};

/// A completeness defect up to this is corrected; above, refused.
const CORRECTED_DEFECT: f64 = 1e-8;
/// A defect below this is rounding and needs no word.
pub(super) const ROUNDING_DEFECT: f64 = 1e-14;

/// `sum_a K_a^dagger K_a`.
pub(super) fn completeness(operators: &[Matrix]) -> Matrix {
    let dimension = operators[0].ncols();
    operators.iter().fold(Matrix::zeros((dimension, dimension)), |sum, k| sum + multiply(&adjoint(k), k))
}

pub(super) fn checked(qubits: usize, operators: Vec<Matrix>) -> Result<Channel> {
    let dimension = 1usize << qubits;
    if operators.is_empty() {
        return Err(Error::input("a Kraus channel needs at least one operator"));
    }
    if let Some(wrong) = operators.iter().find(|operator| operator.dim() != (dimension, dimension)) {
        let (rows, columns) = wrong.dim();
        return Err(Error::input(format!("a Kraus operator on {qubits} qubit(s) is {rows}x{columns}"))
            .allowed(format!("{dimension}x{dimension}")));
    }
    if operators.iter().flatten().any(|entry| !entry.re.is_finite() || !entry.im.is_finite()) {
        return Err(Error::input("a Kraus operator has an entry that is not a finite number"));
    }
    let defect = completeness_defect(&operators);
    if defect > CORRECTED_DEFECT {
        return Err(Error::input(format!(
            "the Kraus operators are not trace preserving: max |sum K^dagger K - I| = {defect:.3e}"
        ))
        .allowed(format!("a defect up to {CORRECTED_DEFECT:.0e}"))
        .next("check the order of the entries and that every operator of the channel is given"));
    }
    if defect < ROUNDING_DEFECT {
        return Ok(Channel::trusted("kraus", operators));
    }
    let mut channel = Channel::trusted("kraus", corrected(&operators)?);
    channel.note = Some(format!("a Kraus defect of {defect:.1e} was corrected by K (sum K^dagger K)^(-1/2)"));
    Ok(channel)
}

fn corrected(operators: &[Matrix]) -> Result<Vec<Matrix>> {
    let root = hermitian_function(&completeness(operators), |value| value.powf(-0.5).into())
        .ok_or_else(|| Error::internal("the eigenvalues of a Kraus sum did not converge"))?;
    Ok(operators.iter().map(|operator| multiply(operator, &root)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::identity;

    #[test]
    fn a_small_defect_is_corrected_and_noted() {
        let channel = checked(1, vec![identity(2).mapv(|one| one * (1.0 + 1e-9))]).unwrap();
        assert!(completeness_defect(channel.kraus()) < 1e-15);
        assert!(channel.note().unwrap().contains("e-9"));
    }

    #[test]
    fn a_large_defect_is_refused_with_its_size() {
        let error = checked(1, vec![identity(2).mapv(|one| one * 0.9)]).unwrap_err();
        assert!(error.what.contains("1.900e-1"), "{error}");
    }

    #[test]
    fn shapes_and_finiteness_are_checked() {
        assert!(checked(2, vec![identity(2)]).unwrap_err().what.contains("2x2"));
        assert!(checked(1, vec![identity(2).mapv(|one| one * f64::NAN)]).is_err());
        assert!(checked(1, vec![]).is_err());
    }
}
