//! One number among the results of a run.

use serde::{Deserialize, Serialize};

/// One number that a job found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scalar {
    /// Where it stands below `/results`, for instance `expectations/Z0`.
    pub name: String,
    /// The number.
    pub value: f64,
    /// Proven lower bound of the exact value; NaN where none is known, as in every field below.
    pub lower: f64,
    /// Proven upper bound of the exact value.
    pub upper: f64,
    /// Standard error of a sampled value.
    pub stderr: f64,
}

impl Scalar {
    /// A number of which nothing else is known.
    pub fn plain(name: impl Into<String>, value: f64) -> Scalar {
        Scalar { name: name.into(), value, lower: f64::NAN, upper: f64::NAN, stderr: f64::NAN }
    }
}
