//! Facts as bytes and back, bit for bit: what a checkpoint keeps of a run besides the amplitudes.
//!
//! Facts are taken in the order in which they were put, as values of the same types; numbers keep every bit, NaNs too. What kinds
//! of facts there are, and so the version of the format, is the business of those who put them.

use crate::error::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Facts one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Archive {
    bytes: Vec<u8>,
    /// Bytes that were taken.
    taken: usize,
}

impl Archive {
    /// Facts that were put elsewhere.
    pub fn of(bytes: Vec<u8>) -> Archive {
        Archive { bytes, taken: 0 }
    }

    /// All that was put.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds a fact.
    pub fn put<T: Serialize + ?Sized>(&mut self, fact: &T) {
        rmp_serde::encode::write(&mut self.bytes, fact).expect("plain data encodes");
    }

    /// The next fact.
    ///
    /// # Errors
    /// Input error when there is none of this type: another version of the program put it.
    pub fn take<T: DeserializeOwned>(&mut self) -> Result<T> {
        let mut rest = &self.bytes[self.taken..];
        let fact = rmp_serde::from_read(&mut rest).map_err(|cause| {
            Error::input(format!("the facts of the checkpoint cannot be read: {cause}"))
                .next("go on with the version of the program that wrote it, or start over with --fresh")
        })?;
        self.taken = self.bytes.len() - rest.len();
        Ok(fact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back_bit_for_bit(numbers: Vec<u64>, text: String, count: Option<usize>) {
            let numbers: Vec<f64> = numbers.into_iter().map(f64::from_bits).collect();
            let mut archive = Archive::default();
            archive.put(&numbers);
            archive.put(text.as_str());
            archive.put(&(count, f64::NAN));
            let mut read = Archive::of(archive.bytes().to_vec());
            let bits = |numbers: &[f64]| numbers.iter().map(|number| number.to_bits()).collect::<Vec<u64>>();
            prop_assert_eq!(bits(&read.take::<Vec<f64>>().unwrap()), bits(&numbers));
            prop_assert_eq!(read.take::<String>().unwrap(), text);
            let (again, nan): (Option<usize>, f64) = read.take().unwrap();
            prop_assert!(again == count && nan.to_bits() == f64::NAN.to_bits());
            prop_assert!(read.take::<u64>().is_err());
        }
    }
}
