//! `job = "function"`: a test function of optimisation, to try out sweeps with before a circuit's hours are spent.
//!
//! Results: `value`, and `draw`, a number uniform in [0, 1) that the seed alone decides.

use super::{Checked, PlanOptions};
use crate::cluster::{Cluster, Conditions, Needs, OnRanks};
use crate::config::DeviceKind;
use crate::config::function::{FunctionConfig, function};
use crate::driver::{Advance, Context, Job, Outcome};
use crate::error::{Error, Result};
use crate::io::Scalar;
use crate::rng::{Purpose, uniform};
use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::time::{Duration, Instant};

/// A function and what it takes.
struct Function {
    name: &'static str,
    /// Names of its arguments; any names if empty.
    arguments: &'static [&'static str],
    /// Nothing where it has no value.
    value: fn(&[f64]) -> Option<f64>,
}

const FUNCTIONS: &[Function] = &[
    // Smallest value 0.397887 at (pi, 2.275) and two other places; x in [-5, 10], y in [0, 15] (Dixon and Szego, 1978).
    Function { name: "branin", arguments: &["x", "y"], value: |at| Some(branin(at[0], at[1])) },
    // Smallest value 0 at the origin.
    Function { name: "sphere", arguments: &[], value: |at| Some(at.iter().map(|x| x * x).sum()) },
    // Smallest value 0 at (1, 1) (Rosenbrock, 1960).
    Function {
        name: "rosenbrock",
        arguments: &["x", "y"],
        value: |at| Some((1.0 - at[0]).powi(2) + 100.0 * (at[1] - at[0] * at[0]).powi(2)),
    },
    Function { name: "sum", arguments: &[], value: |at| Some(at.iter().sum()) },
    // None at 0: for trying out what happens when a point fails.
    Function { name: "reciprocal", arguments: &["x"], value: |at| (at[0] != 0.0).then(|| 1.0 / at[0]) },
];

fn branin(x: f64, y: f64) -> f64 {
    let (a, b, c) = (1.0, 5.1 / (4.0 * PI * PI), 5.0 / PI);
    let (r, s, t) = (6.0, 10.0, 1.0 / (8.0 * PI));
    a * (y - b * x * x + c * x - r).powi(2) + s * (1.0 - t) * x.cos() + s
}

/// Time between two steps of a function that takes long.
const STEP: Duration = Duration::from_millis(2);

/// Checks the text of the job file.
pub(super) fn read(text: &str, file: &str) -> Result<Box<dyn Checked>> {
    let names: Vec<&str> = FUNCTIONS.iter().map(|function| function.name).collect();
    let config = function(text, file, &names)?;
    let function = FUNCTIONS.iter().find(|function| function.name == config.name);
    let function =
        function.ok_or_else(|| Error::internal(format!("the function `{}` passed the check", config.name)))?;
    let arguments = arguments(function, &config.arguments).map_err(|error| error.in_file(file))?;
    Ok(Box::new(Call { function, arguments, config }))
}

/// The arguments in the order of the function.
fn arguments(function: &Function, given: &BTreeMap<String, f64>) -> Result<Vec<f64>> {
    if function.arguments.is_empty() {
        return Ok(given.values().copied().collect());
    }
    let fits =
        given.len() == function.arguments.len() && function.arguments.iter().all(|name| given.contains_key(*name));
    if !fits {
        let names: Vec<&str> = given.keys().map(String::as_str).collect();
        let what = format!("the function {} is called with the arguments ({})", function.name, names.join(", "));
        return Err(
            Error::input(what).allowed(format!("({}), under `[function.arguments]`", function.arguments.join(", ")))
        );
    }
    Ok(function.arguments.iter().map(|name| given[*name]).collect())
}

/// A function with its arguments.
struct Call {
    function: &'static Function,
    arguments: Vec<f64>,
    config: FunctionConfig,
}

/// One that is being computed.
struct Running {
    call: Call,
    begun: Instant,
}

impl Checked for Call {
    fn prepare<'a>(self: Box<Self>, context: &'a Context<'a>) -> Result<Box<dyn Job + 'a>> {
        if context.output.is_some() {
            return Err(Error::input("a function writes no result file").next("leave --output away"));
        }
        Ok(Box::new(Running { call: *self, begun: Instant::now() }))
    }

    fn check(self: Box<Self>, context: &Context<'_>) -> Result<String> {
        Ok(format!("# {} is valid: {}\n", context.job_file, self.describe()))
    }

    fn plan(self: Box<Self>, _: &Context<'_>, _: &PlanOptions) -> Result<String> {
        Ok(format!("{}: {} s on one rank\n", self.describe(), self.config.seconds))
    }

    fn needs(self: Box<Self>, _: &Context<'_>, cluster: &Cluster) -> Result<Needs> {
        let conditions = Conditions::new(&cluster.profile, None, DeviceKind::Cpu, Some(1))?;
        let on = vec![OnRanks { ranks: 1, memory: 0, seconds: self.config.seconds }];
        Ok(Needs { conditions, on, points: None, longest: 0.0 })
    }
}

impl Call {
    fn describe(&self) -> String {
        let arguments: Vec<String> =
            self.config.arguments.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        format!("{}({})", self.function.name, arguments.join(", "))
    }
}

impl Running {
    fn is_over(&self) -> bool {
        self.begun.elapsed().as_secs_f64() >= self.call.config.seconds
    }
}

impl Job for Running {
    fn steps(&self) -> u64 {
        1
    }

    fn position(&self) -> u64 {
        u64::from(self.is_over())
    }

    fn status(&self) -> String {
        self.call.describe()
    }

    fn advance(&mut self) -> Result<Advance> {
        if self.is_over() {
            return Ok(Advance::Done);
        }
        let left = Duration::from_secs_f64(self.call.config.seconds).saturating_sub(self.begun.elapsed());
        std::thread::sleep(left.min(STEP));
        Ok(Advance::Step)
    }

    fn finish(self: Box<Self>) -> Result<Outcome> {
        let value = (self.call.function.value)(&self.call.arguments);
        let value = value.ok_or_else(|| Error::input(format!("{} has no value", self.call.describe())))?;
        let draw = uniform(self.call.config.seed, Purpose::Function, 0);
        let scalars = vec![Scalar::plain("value", value), Scalar::plain("draw", draw)];
        Ok(Outcome { summary: format!("{} = {value}\n", self.call.describe()), scalars })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> f64 {
        let names: Vec<&str> = FUNCTIONS.iter().map(|function| function.name).collect();
        let config = function(text, "job.toml", &names).unwrap();
        let function = FUNCTIONS.iter().find(|function| function.name == config.name).unwrap();
        (function.value)(&arguments(function, &config.arguments).unwrap()).unwrap()
    }

    #[test]
    fn the_functions_have_their_known_values() {
        let at = |name: &str, arguments: &str| {
            value(&format!("job = \"function\"\n[function]\nname = \"{name}\"\narguments = {{ {arguments} }}\n"))
        };
        for (x, y) in [(-PI, 12.275), (PI, 2.275), (9.42478, 2.475)] {
            assert!((at("branin", &format!("x = {x}, y = {y}")) - 0.397887).abs() < 1e-6);
        }
        assert_eq!(at("rosenbrock", "x = 1, y = 1"), 0.0);
        assert_eq!(at("sphere", "a = 3, b = 4"), 25.0);
        assert_eq!(at("sum", "a = 3, b = 4"), 7.0);
        assert_eq!(at("reciprocal", "x = 4"), 0.25);
    }

    #[test]
    fn wrong_arguments_are_refused() {
        let error = read("job = \"function\"\n[function]\nname = \"branin\"\narguments = { x = 1 }\n", "job.toml")
            .err()
            .unwrap();
        assert!(error.what.contains("branin is called with the arguments (x)"), "{error}");
        assert!(
            read("job = \"function\"\n[function]\nname = \"branim\"\n", "a")
                .err()
                .unwrap()
                .next
                .unwrap()
                .contains("branin")
        );
    }
}
