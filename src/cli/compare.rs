//! `rhoshard compare`: whether two runs found the same.

use crate::error::{Error, Result};
use crate::io::{Difference, differences};
use clap::Args;
use std::fmt::Write;
use std::path::PathBuf;

/// Lines of the table at most.
const MOST_LINES: usize = 8;

/// Which results, and how close they must be.
#[derive(Args)]
pub(super) struct CompareArguments {
    /// A result file
    one: PathBuf,
    /// Another one
    other: PathBuf,
    /// The largest difference of two numbers that counts as equal
    #[arg(long, default_value_t = 1e-10)]
    tolerance: f64,
}

/// The largest differences; an error if they exceed the tolerance. Only one rank calls it.
pub(super) fn compare(arguments: &CompareArguments) -> Result<String> {
    let differences = differences(&arguments.one, &arguments.other)?;
    let beyond = differences.iter().filter(|difference| difference.largest > arguments.tolerance).count();
    let mut text = table(&differences);
    if beyond == 0 {
        let _ = writeln!(text, "{} datasets and attributes agree to {:.0e}", differences.len(), arguments.tolerance);
        return Ok(text);
    }
    let (one, other) = (arguments.one.display(), arguments.other.display());
    Err(Error::resource(format!(
        "{one} and {other} differ by more than {:e} in {beyond} places:\n{text}",
        arguments.tolerance
    )))
}

fn table(differences: &[Difference]) -> String {
    let mut text = String::new();
    for Difference { name, largest } in
        differences.iter().take(MOST_LINES).filter(|difference| difference.largest > 0.0)
    {
        let _ = writeln!(text, "{largest:>10.1e}  {name}");
    }
    text
}
