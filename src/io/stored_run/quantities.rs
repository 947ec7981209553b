//! What is not linear in the state, and density matrices of some qubits.

use super::super::record::{Bounded, Entropy, Fidelity, ReducedMatrix, StoredSpectrum};
use super::super::schema::{self, Field};
use super::Reader;
use crate::error::Result;
use crate::linalg::Matrix;
use hdf5::Group;
use num_complex::Complex64;

impl Reader<'_> {
    /// Variances or negativities.
    pub(super) fn bounded(&self, at: &Group) -> Result<Vec<Bounded>> {
        let names = self.texts(at, &schema::BOUNDED_NAME)?;
        let renormalised = self.numbers(at, &schema::RENORMALISED, names.len())?;
        let mut rows = self.part(at, &names, [&schema::VALUE, &schema::LOWER, &schema::UPPER])?;
        rows.iter_mut().zip(renormalised).for_each(|(row, renormalised)| row.renormalised = renormalised);
        Ok(rows)
    }

    /// One of several numbers of each row.
    fn part(&self, at: &Group, names: &[String], [value, lower, upper]: [&Field; 3]) -> Result<Vec<Bounded>> {
        let column = |field| self.numbers(at, field, names.len());
        let (value, lower, upper) = (column(value)?, column(lower)?, column(upper)?);
        let row = |(index, name): (usize, &String)| Bounded {
            name: name.clone(),
            value: value[index],
            lower: lower[index],
            upper: upper[index],
            renormalised: f64::NAN,
        };
        Ok(names.iter().enumerate().map(row).collect())
    }

    pub(super) fn entropies(&self, at: &Group) -> Result<Vec<Entropy>> {
        let names = self.texts(at, &schema::ENTROPY_NAME)?;
        let von_neumann = self.part(at, &names, schema::VON_NEUMANN.each_ref())?;
        let both = von_neumann.into_iter().zip(self.part(at, &names, schema::RENYI_2.each_ref())?);
        let row = |(name, (von_neumann, renyi_2))| Entropy { name, von_neumann, renyi_2 };
        Ok(names.into_iter().zip(both).map(row).collect())
    }

    pub(super) fn fidelities(&self, at: &Group) -> Result<Vec<Fidelity>> {
        let names = self.texts(at, &schema::OTHER_NAME)?;
        let fidelity = self.part(at, &names, schema::FIDELITY.each_ref())?;
        let both = fidelity.into_iter().zip(self.part(at, &names, schema::TRACE_DISTANCE.each_ref())?);
        let row = |(name, (fidelity, trace_distance))| Fidelity { name, fidelity, trace_distance };
        Ok(names.into_iter().zip(both).map(row).collect())
    }

    pub(super) fn reduced(&self, parent: &Group) -> Result<Vec<ReducedMatrix>> {
        let names = parent.member_names().map_err(|_| self.damaged(parent, "."))?;
        let read = |name: &String| {
            let at = parent.group(name).map_err(|_| self.damaged(parent, name))?;
            let qubits: Vec<u64> = self.dataset(&at, schema::PROBABILITY_QUBITS.name)?.unwrap_or_default();
            Ok(ReducedMatrix {
                qubits: qubits.into_iter().map(|qubit| qubit as usize).collect(),
                value: self.matrix(&at, &schema::REDUCED_VALUE)?,
                stderr: self.matrix(&at, &schema::REDUCED_STDERR)?,
                distance: self.attribute(Some(&at), "distance", f64::NAN)?,
            })
        };
        let mut all = names.iter().map(read).collect::<Result<Vec<_>>>()?;
        all.sort_by(|one, other| one.qubits.cmp(&other.qubits));
        Ok(all)
    }

    /// A square matrix; its size is that of the dataset.
    fn matrix(&self, at: &Group, field: &Field) -> Result<Matrix> {
        let entries: Vec<Complex64> = self.dataset(at, field.name)?.unwrap_or_default();
        let size = entries.len().isqrt();
        Matrix::from_shape_vec((size, size), entries).map_err(|_| self.damaged(at, field.name))
    }

    pub(super) fn spectrum(&self, at: &Group) -> Result<Option<StoredSpectrum>> {
        let eigenvalues = self.dataset(at, schema::EIGENVALUE.name)?.unwrap_or_default();
        Ok(Some(StoredSpectrum { eigenvalues, distance: self.attribute(Some(at), "distance", f64::NAN)? }))
    }
}
