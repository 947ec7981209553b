//! The axes of a sweep and the places where its points lie.

use crate::config::sweep::{Axis, AxisValues, MAXIMUM_POINTS, Scale, SweepConfig};
use crate::error::{Error, Result};
use crate::formats::columns::Column;
use crate::io::journal::Parameter;
use crate::sampling::Dimension;

/// The name that axes from a file advance together under; no job file can write it.
const FROM_FILE: &str = "\0";

/// All axes, and which of them advance together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Space {
    axes: Vec<Placed>,
    /// Grid points along each dimension; those of the first axis vary slowest.
    lengths: Vec<u64>,
}

#[derive(Debug, Clone, PartialEq)]
struct Placed {
    axis: Axis,
    dimension: usize,
}

/// Where a point lies.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    /// At this number of the grid, the last dimension fastest.
    Grid(u64),
    /// At these coordinates, each in [0, 1).
    Unit(Vec<f64>),
}

/// The values of all axes at a point, in their order; nothing where an axis does not apply.
pub(super) type Values = Vec<Option<toml::Value>>;

impl Space {
    /// The axes of the job, and those that are columns of a file.
    pub(super) fn new(config: &SweepConfig, columns: Vec<Column>) -> Result<Space> {
        let from_file = columns.into_iter().map(|column| Axis {
            path: column.name,
            line: config.from.as_ref().map_or(0, |from| from.line),
            values: AxisValues::List(column.values),
            zip: Some(FROM_FILE.into()),
            when: Vec::new(),
        });
        let mut space = Space { axes: Vec::new(), lengths: Vec::new() };
        for axis in from_file.chain(config.axes.iter().cloned()) {
            let line = axis.line;
            space.add(axis).map_err(|error| error.in_file(&config.path).at_line(line))?;
        }
        space.size().map(|_| space)
    }

    fn add(&mut self, axis: Axis) -> Result<()> {
        if let Some(other) = self.axes.iter().find(|other| overlap(&other.axis.path, &axis.path)) {
            return Err(Error::input(format!(
                "the axes `{}` and `{}` change the same place",
                other.axis.path, axis.path
            )));
        }
        let length = length(&axis.values);
        let partner = self.axes.iter().find(|other| axis.zip.is_some() && other.axis.zip == axis.zip);
        let dimension = match partner {
            None => {
                self.lengths.push(length.unwrap_or(1));
                self.lengths.len() - 1
            }
            Some(partner) if length.is_none_or(|length| length == self.lengths[partner.dimension]) => partner.dimension,
            Some(partner) => {
                let (other, there) = (&partner.axis.path, self.lengths[partner.dimension]);
                let what = format!(
                    "`{}` has {} points and `{other}`, which it advances with, {there}",
                    axis.path,
                    length.unwrap_or(0)
                );
                return Err(Error::input(what).allowed("the same number of points for all axes of one `zip`"));
            }
        };
        self.axes.push(Placed { axis, dimension });
        Ok(())
    }

    /// The places in the job that vary.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.axes.iter().map(|placed| &*placed.axis.path)
    }

    /// The axes that are spaced evenly on a logarithmic scale.
    pub(super) fn logarithmic(&self) -> impl Iterator<Item = &str> {
        let is_log = |placed: &&Placed| matches!(placed.axis.values, AxisValues::Range { scale: Scale::Log, .. });
        self.axes.iter().filter(is_log).map(|placed| &*placed.axis.path)
    }

    /// Coordinates of a point.
    pub(super) fn dimensions(&self) -> usize {
        self.lengths.len()
    }

    /// What the dimensions are to a model of the results.
    pub(super) fn kinds(&self) -> Vec<Dimension> {
        let of = |dimension: usize| {
            let mut own = self.axes.iter().filter(|placed| placed.dimension == dimension);
            let list = own.find_map(|placed| match &placed.axis.values {
                AxisValues::List(values) if values.iter().all(is_number) => Some(Dimension::Levels(values.len())),
                AxisValues::List(values) => Some(Dimension::Choices(values.len())),
                AxisValues::Range { ends: [low, high], scale: Scale::Whole, .. } => {
                    Some(Dimension::Levels((high - low) as usize + 1))
                }
                AxisValues::Range { .. } => None,
            });
            list.unwrap_or(Dimension::Continuous)
        };
        (0..self.dimensions()).map(of).collect()
    }

    /// Points of the whole grid.
    pub(super) fn size(&self) -> Result<u64> {
        let size = self.lengths.iter().try_fold(1u64, |size, length| size.checked_mul(*length));
        size.filter(|size| *size <= MAXIMUM_POINTS).ok_or_else(|| {
            let lengths: Vec<String> = self.lengths.iter().map(u64::to_string).collect();
            Error::input(format!("the grid has {} points", lengths.join(" x ")))
                .allowed(format!("up to {MAXIMUM_POINTS}"))
                .next("take fewer points on some axes, or a sampler: `sampler = \"sobol\"`")
        })
    }

    /// The places of a grid that differ: where an axis does not apply, its first value stands for all. `base` gives the values of
    /// the job that is repeated.
    pub(super) fn grid(&self, base: impl Fn(&str) -> Option<toml::Value>) -> Result<Vec<u64>> {
        let size = self.size()?;
        if self.axes.iter().all(|placed| placed.axis.when.is_empty()) {
            return Ok((0..size).collect());
        }
        let differs = |place: &u64| {
            let values = self.values(&Place::Grid(*place), &base);
            let digits = self.digits(*place);
            let applies = |dimension: usize| {
                self.axes.iter().zip(&values).any(|(placed, value)| placed.dimension == dimension && value.is_some())
            };
            (0..self.dimensions()).all(|dimension| digits[dimension] == 0 || applies(dimension))
        };
        Ok((0..size).filter(differs).collect())
    }

    fn digits(&self, mut place: u64) -> Vec<u64> {
        let mut digits = vec![0; self.lengths.len()];
        for (digit, length) in digits.iter_mut().zip(&self.lengths).rev() {
            (*digit, place) = (place % length, place / length);
        }
        digits
    }

    /// The coordinates of a place, each in [0, 1).
    pub(super) fn coordinates(&self, place: &Place) -> Vec<f64> {
        match place {
            Place::Unit(coordinates) => coordinates.clone(),
            Place::Grid(number) => self
                .digits(*number)
                .iter()
                .zip(&self.lengths)
                .map(|(digit, length)| *digit as f64 / *length as f64)
                .collect(),
        }
    }

    /// The values of all axes at a place.
    pub(super) fn values(&self, place: &Place, base: impl Fn(&str) -> Option<toml::Value>) -> Values {
        let digits = match place {
            Place::Grid(number) => self.digits(*number),
            Place::Unit(_) => Vec::new(),
        };
        let value = |placed: &Placed| match place {
            Place::Grid(_) => on_grid(&placed.axis.values, digits[placed.dimension], self.lengths[placed.dimension]),
            Place::Unit(coordinates) => at(&placed.axis.values, coordinates[placed.dimension]),
        };
        let all: Vec<toml::Value> = self.axes.iter().map(value).collect();
        if self.axes.iter().all(|placed| placed.axis.when.is_empty()) {
            return all.into_iter().map(Some).collect();
        }
        self.applying(&all, &base)
    }

    /// Without the axes whose condition fails. A condition on an axis that does not apply itself is one on the base job.
    fn applying(&self, all: &[toml::Value], base: &impl Fn(&str) -> Option<toml::Value>) -> Values {
        let mut values: Values = vec![None; all.len()];
        // Each round decides the axes whose conditions are on axes decided before; there are as many rounds as axes at most.
        for _ in 0..=self.axes.len() {
            let found = |path: &str| {
                let axis = self.axes.iter().position(|placed| placed.axis.path == path);
                axis.map_or_else(|| base(path), |axis| values[axis].clone().or_else(|| base(path)))
            };
            let holds = |(path, allowed): &(String, Vec<toml::Value>)| {
                found(path).is_some_and(|value| allowed.contains(&value))
            };
            let next: Values = self
                .axes
                .iter()
                .zip(all)
                .map(|(placed, value)| placed.axis.when.iter().all(holds).then(|| value.clone()))
                .collect();
            if next == values {
                break;
            }
            values = next;
        }
        values
    }
}

fn is_number(value: &toml::Value) -> bool {
    value.is_integer() || value.is_float()
}

/// Whether one place is the other or lies in it.
fn overlap(one: &str, other: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    within(one, other) || within(other, one)
}

/// Points on a grid, if the axis says how many.
fn length(values: &AxisValues) -> Option<u64> {
    match values {
        AxisValues::List(values) => Some(values.len() as u64),
        AxisValues::Range { points: Some(points), .. } => Some(*points),
        AxisValues::Range { ends: [low, high], scale: Scale::Whole, .. } => Some((high - low) as u64 + 1),
        AxisValues::Range { .. } => None,
    }
}

/// One of `length` values; the ends of a range are met exactly.
fn on_grid(values: &AxisValues, digit: u64, length: u64) -> toml::Value {
    match values {
        AxisValues::List(values) => values[digit as usize].clone(),
        AxisValues::Range { ends: [low, high], scale, .. } => match digit {
            0 => number(*low, *scale),
            last if last + 1 == length => number(*high, *scale),
            _ => number(between(*low, *high, digit as f64 / (length - 1) as f64, *scale), *scale),
        },
    }
}

/// The value at a coordinate in [0, 1).
fn at(values: &AxisValues, coordinate: f64) -> toml::Value {
    match values {
        AxisValues::List(values) => values[((coordinate * values.len() as f64) as usize).min(values.len() - 1)].clone(),
        AxisValues::Range { ends: [low, high], scale: Scale::Whole, .. } => {
            number((low + (coordinate * (high - low + 1.0)).floor()).min(*high), Scale::Whole)
        }
        AxisValues::Range { ends: [low, high], scale, .. } => number(between(*low, *high, coordinate, *scale), *scale),
    }
}

fn between(low: f64, high: f64, part: f64, scale: Scale) -> f64 {
    match scale {
        Scale::Log => (low.ln() + (high.ln() - low.ln()) * part).exp(),
        Scale::Linear | Scale::Whole => low + (high - low) * part,
    }
}

fn number(value: f64, scale: Scale) -> toml::Value {
    match scale {
        Scale::Whole => toml::Value::Integer(value.round() as i64),
        Scale::Linear | Scale::Log => toml::Value::Float(value),
    }
}

/// As the journal and the table hold it.
pub(super) fn parameter(value: &Option<toml::Value>) -> Parameter {
    match value {
        None => Parameter::Absent(()),
        Some(toml::Value::Boolean(flag)) => Parameter::Flag(*flag),
        Some(toml::Value::Integer(number)) => Parameter::Whole(*number),
        Some(toml::Value::Float(number)) => Parameter::Number(*number),
        Some(toml::Value::String(text)) => Parameter::Text(text.clone()),
        Some(other) => Parameter::Text(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sweep::sweep;
    use proptest::prelude::*;

    fn space(axes: &str) -> Space {
        let text = format!("job = \"sweep\"\n[sweep]\nbase = \"a.toml\"\n[axes]\n{axes}");
        Space::new(&sweep(&text, "job.toml").unwrap(), Vec::new()).unwrap()
    }

    fn error_of(axes: &str) -> String {
        let text = format!("job = \"sweep\"\n[sweep]\nbase = \"a.toml\"\n[axes]\n{axes}");
        Space::new(&sweep(&text, "job.toml").unwrap(), Vec::new()).unwrap_err().to_string()
    }

    /// All points, each as a line of its values.
    fn points(space: &Space, base: impl Fn(&str) -> Option<toml::Value>) -> Vec<String> {
        let line = |place: &u64| {
            let values = space.values(&Place::Grid(*place), &base);
            values.iter().map(|value| parameter(value).to_string()).collect::<Vec<_>>().join(" ")
        };
        space.grid(&base).unwrap().iter().map(line).collect()
    }

    #[test]
    fn axes_are_crossed_with_the_last_fastest_and_zipped_ones_advance_together() {
        let space = space(
            "a = [1, 2]\n\"b.c\" = { values = [\"x\", \"y\"], zip = \"one\" }\nd = { linear = [0, 1], points = 2, zip = \"one\" }\n",
        );
        assert_eq!(points(&space, |_| None), ["1 x 0", "1 y 1", "2 x 0", "2 y 1"]);
        assert_eq!(space.kinds(), [Dimension::Levels(2), Dimension::Choices(2)]);
    }

    #[test]
    fn ranges_meet_their_ends() {
        let values = points(&space("a = { log = [1e-4, 1e-2], points = 3 }\nb = { whole = [-1, 1] }\n"), |_| None);
        assert_eq!(values.len(), 9);
        assert!(values[0] == "0.0001 -1" && values[8] == "0.01 1", "{values:?}");
        let middle: f64 = values[4].split(' ').next().unwrap().parse().unwrap();
        assert!((middle - 1e-3).abs() < 1e-15);
        assert_eq!(points(&space("a = { linear = [2, 3], points = 1 }\n"), |_| None), ["2"]);
    }

    #[test]
    fn an_axis_that_does_not_apply_multiplies_nothing() {
        let axes = "kind = [\"low-rank\", \"density\"]\n\
                    rank = { values = [8, 16], when = { kind = \"low-rank\" } }\n\
                    tail = { values = [1, 2], when = { rank = 16 } }\n";
        assert_eq!(points(&space(axes), |_| None), ["low-rank 8 -", "low-rank 16 1", "low-rank 16 2", "density - -"]);
        // The base job's rank counts where the axis does not apply.
        let base = |path: &str| (path == "rank").then_some(toml::Value::Integer(16));
        assert_eq!(points(&space(axes), base)[3..], ["density - 1", "density - 2"]);
    }

    #[test]
    fn axes_that_cannot_go_together_are_refused() {
        assert!(
            error_of("a = { values = [1], zip = \"z\" }\nb = { values = [1, 2], zip = \"z\" }\n")
                .starts_with("job.toml:6: `b` has 2 points")
        );
        assert!(error_of("\"a.b\" = [1]\na = [2]\n").contains("change the same place"));
        assert!(
            error_of("a = { whole = [0, 99999] }\nb = { whole = [0, 99999] }\n").contains("100000 x 100000 points")
        );
    }

    proptest! {
        #[test]
        fn drawn_values_stay_in_their_range(part in 0.0..1.0f64) {
            let space = space("a = { log = [1e-4, 1e-2], points = 2 }\nb = { whole = [-3, 4] }\nc = [\"x\", \"y\", \"z\"]\n");
            let values = space.values(&Place::Unit(vec![part; 3]), |_| None);
            let log = values[0].as_ref().unwrap().as_float().unwrap();
            prop_assert!((1e-4..1.0000001e-2).contains(&log));
            prop_assert_eq!(values[1].as_ref().unwrap().as_integer().unwrap(), -3 + (part * 8.0) as i64);
            prop_assert_eq!(values[2].as_ref().unwrap().as_str().unwrap(), ["x", "y", "z"][(part * 3.0) as usize]);
        }
    }
}
