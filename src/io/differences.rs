//! How far the results of two files are apart, number by number.

use super::schema;
use super::state_file::{open_result, refusal};
use crate::error::{Error, Result};
use hdf5::types::{TypeDescriptor, VarLenUnicode};
use hdf5::{Container, Group};
use num_complex::Complex64;
use std::collections::BTreeMap;
use std::path::Path;

/// The results, without the way to them.
const RESULTS: &str = "results";

/// A dataset or an attribute that both files may have.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Its path in the file; attributes follow an `@`.
    pub name: String,
    /// The largest distance of two numbers at the same place; infinite where one has what the other lacks.
    pub largest: f64,
}

/// Numbers, or text.
#[derive(Debug, Clone, PartialEq)]
enum Content {
    Numbers(Vec<Complex64>),
    Texts(Vec<String>),
}

/// Everything under `/results` but the factor, whose columns may be turned into each other, by falling distance.
///
/// # Errors
/// Input error when a file cannot be read as a result.
pub fn differences(one: &Path, other: &Path) -> Result<Vec<Difference>> {
    let [one, other] = [contents(one)?, contents(other)?];
    let names: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let difference = |name: &String| Difference {
        name: name.clone(),
        largest: one.get(name).zip(other.get(name)).map_or(f64::INFINITY, |(one, other)| one.distance(other)),
    };
    let mut differences: Vec<Difference> = names.into_iter().map(difference).collect();
    differences.sort_by(|one, other| other.largest.total_cmp(&one.largest));
    Ok(differences)
}

fn contents(path: &Path) -> Result<BTreeMap<String, Content>> {
    let file = open_result(path)?;
    let mut contents = BTreeMap::new();
    let read = |group: Group| collect(&group, RESULTS, &mut contents);
    file.group(RESULTS).and_then(read).map_err(|cause| unreadable(path, &cause))?;
    Ok(contents)
}

fn unreadable(path: &Path, cause: &hdf5::Error) -> Error {
    refusal(path, format!("the results cannot be read: {}", super::hdf::reason(cause)))
        .next("repeat the run that made the file")
}

/// Adds everything below a group, by name.
fn collect(group: &Group, name: &str, contents: &mut BTreeMap<String, Content>) -> hdf5::Result<()> {
    for attribute in group.attr_names()? {
        let value = group.attr(&attribute)?;
        contents.insert(format!("{name}@{attribute}"), Content::of(&value)?);
    }
    for member in group.member_names()? {
        let path = format!("{name}/{member}");
        match group.dataset(&member) {
            Ok(_) if member == schema::FACTOR.name => {}
            Ok(dataset) => drop(contents.insert(path, Content::of(&dataset)?)),
            Err(_) => collect(&group.group(&member)?, &path, contents)?,
        }
    }
    Ok(())
}

impl Content {
    fn of(container: &Container) -> hdf5::Result<Content> {
        let real = |values: Vec<f64>| Content::Numbers(values.into_iter().map(Complex64::from).collect());
        Ok(match container.dtype()?.to_descriptor()? {
            TypeDescriptor::Float(_) => real(container.read_raw()?),
            TypeDescriptor::Unsigned(_) => {
                real(container.read_raw::<u64>()?.iter().map(|value| *value as f64).collect())
            }
            TypeDescriptor::Integer(_) => {
                real(container.read_raw::<i64>()?.iter().map(|value| *value as f64).collect())
            }
            TypeDescriptor::Boolean => {
                real(container.read_raw::<bool>()?.iter().map(|value| f64::from(u8::from(*value))).collect())
            }
            TypeDescriptor::Compound(_) => Content::Numbers(container.read_raw()?),
            _ => Content::Texts(container.read_raw::<VarLenUnicode>()?.iter().map(ToString::to_string).collect()),
        })
    }

    fn distance(&self, other: &Content) -> f64 {
        match (self, other) {
            (Content::Numbers(one), Content::Numbers(other)) if one.len() == other.len() => {
                one.iter().zip(other).map(|(one, other)| distance(*one, *other)).fold(0.0, f64::max)
            }
            _ if self == other => 0.0,
            _ => f64::INFINITY,
        }
    }
}

/// Of numbers; two that are none agree.
fn distance(one: Complex64, other: Complex64) -> f64 {
    let part = |one: f64, other: f64| match (one.is_nan(), other.is_nan()) {
        (true, true) => 0.0,
        (false, false) if one == other => 0.0,
        (false, false) => (one - other).abs(),
        _ => f64::INFINITY,
    };
    part(one.re, other.re).max(part(one.im, other.im))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(values: &[f64]) -> Content {
        Content::Numbers(values.iter().map(|value| Complex64::from(*value)).collect())
    }

    #[test]
    fn the_largest_distance_counts_and_what_is_no_number_agrees_with_itself_only() {
        assert_eq!(numbers(&[1.0, 2.0, f64::NAN]).distance(&numbers(&[1.5, 2.0, f64::NAN])), 0.5);
        assert_eq!(numbers(&[f64::NAN]).distance(&numbers(&[0.0])), f64::INFINITY);
        assert_eq!(numbers(&[f64::INFINITY]).distance(&numbers(&[f64::INFINITY])), 0.0);
        assert_eq!(numbers(&[1.0]).distance(&numbers(&[1.0, 1.0])), f64::INFINITY);
        let text = |text: &str| Content::Texts(vec![text.into()]);
        assert_eq!(text("Z0").distance(&text("Z0")), 0.0);
        assert_eq!(text("Z0").distance(&text("Z1")), f64::INFINITY);
    }
}
