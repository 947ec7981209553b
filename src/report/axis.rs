//! From values to pixels, and the marks on an axis.

use super::number::{count, minus};

/// One axis: values from `low` to `high` lie between two pixels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
    pixels: (f64, f64),
}

impl Axis {
    /// An axis of round numbers around the values, zero included if it is near.
    pub fn linear(low: f64, high: f64, pixels: (f64, f64)) -> Axis {
        let (low, high) = ordered(low, high);
        let step = round_step((high - low) / 4.0);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Axis { low, high, logarithmic: false, pixels }
    }

    /// An axis that ends exactly where the values do.
    pub fn exact(low: f64, high: f64, pixels: (f64, f64)) -> Axis {
        let (low, high) = ordered(low, high);
        Axis { low, high, logarithmic: false, pixels }
    }

    /// A logarithmic axis; both ends must be above zero. It spans one power of ten at least.
    pub fn logarithmic(low: f64, high: f64, pixels: (f64, f64)) -> Axis {
        let (low, high) = (10_f64.powf(low.log10().floor()), 10_f64.powf(high.log10().ceil()));
        Axis { low, high: if high > low { high } else { low * 10.0 }, logarithmic: true, pixels }
    }

    /// The pixel of a value; values beyond an end stand there.
    pub fn at(&self, value: f64) -> f64 {
        let part = if self.logarithmic {
            (value.max(self.low) / self.low).log10() / (self.high / self.low).log10()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.pixels.0 + part.clamp(0.0, 1.0) * (self.pixels.1 - self.pixels.0)
    }

    /// Values to mark, about `wanted` of them, and their texts.
    pub fn ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        if self.logarithmic { self.powers_of_ten(wanted) } else { self.round_values(wanted) }
    }

    fn powers_of_ten(&self, wanted: usize) -> Vec<(f64, String)> {
        let (first, last) = (self.low.log10().round() as i32, self.high.log10().round() as i32);
        let stride = ((last - first) as usize).div_ceil(wanted.max(1)).max(1);
        (first..=last).step_by(stride).map(|power| (10_f64.powi(power), power_of_ten(power))).collect()
    }

    fn round_values(&self, wanted: usize) -> Vec<(f64, String)> {
        let step = round_step((self.high - self.low) / wanted.max(1) as f64);
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        let first = (self.low / step - 1e-9).ceil();
        let values = (0..).map(|index| (first + f64::from(index)) * step);
        let values = values.take_while(|value| *value <= self.high + 1e-9 * step).take(64);
        values.map(|value| (value, tick_text(value, decimals))).collect()
    }
}

/// Ends that differ, and are numbers.
fn ordered(low: f64, high: f64) -> (f64, f64) {
    match (low.is_finite() && high.is_finite(), high - low > 1e-14 * high.abs().max(low.abs())) {
        (true, true) => (low, high),
        (true, false) if low == 0.0 => (0.0, 1.0),
        (true, false) => (low - 0.1 * low.abs(), low + 0.1 * low.abs()),
        (false, _) => (0.0, 1.0),
    }
}

/// The least of 1, 2 and 5 times a power of ten that is not below `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|round| *round >= step * (1.0 - 1e-9))
        .unwrap_or(step)
}

fn tick_text(value: f64, decimals: usize) -> String {
    // A rounded zero may have a sign.
    let value = if value.abs() < 0.5 * 0.1_f64.powi(decimals as i32) { 0.0 } else { value };
    match (decimals, value.abs() < 1e15) {
        (0, true) if value >= 0.0 => count(value as u64),
        (0..=6, true) => minus(format!("{value:.decimals$}")),
        _ => minus(format!("{value:.1e}")),
    }
}

/// `10⁻³`; 0.1, 1, 10 and 100 as they are.
fn power_of_ten(power: i32) -> String {
    if (-2..=3).contains(&power) {
        return if power < 0 {
            format!("{:.*}", -power as usize, 10_f64.powi(power))
        } else {
            count(10_u64.pow(power as u32))
        };
    }
    let raised = |letter: char| match letter {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        digit => char::from_u32('⁰' as u32 + digit as u32 - '0' as u32).unwrap_or(digit),
    };
    format!("10{}", power.to_string().chars().map(raised).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis, wanted: usize) -> Vec<String> {
        axis.ticks(wanted).into_iter().map(|tick| tick.1).collect()
    }

    #[test]
    fn marks_are_round_numbers() {
        assert_eq!(texts(&Axis::linear(0.0, 247.0, (0.0, 1.0)), 4), ["0", "100", "200", "300"]);
        assert_eq!(texts(&Axis::linear(-1.0, 1.0, (0.0, 1.0)), 4), ["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(texts(&Axis::exact(0.0, 3150.0, (0.0, 1.0)), 4), ["0", "1,000", "2,000", "3,000"]);
        assert_eq!(texts(&Axis::linear(0.0, 1.3e-7, (0.0, 1.0)), 3), ["0.0e0", "5.0e-8", "1.0e-7", "1.5e-7"]);
    }

    #[test]
    fn powers_of_ten_stand_on_a_logarithmic_axis() {
        let axis = Axis::logarithmic(3e-5, 0.2, (0.0, 50.0));
        assert_eq!(texts(&axis, 5), ["10⁻⁵", "10⁻⁴", "10⁻³", "0.01", "0.1", "1"]);
        assert!((axis.at(1e-3) - 20.0).abs() < 1e-9 && axis.at(1.0) == 50.0 && axis.at(0.0) == 0.0);
        assert_eq!(texts(&Axis::logarithmic(1e-30, 1.0, (0.0, 1.0)), 4).len(), 4);
    }

    #[test]
    fn any_ends_make_an_axis() {
        for (low, high) in [(0.0, 0.0), (5.0, 5.0), (-2.0, -2.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (3.0, 1.0)] {
            let axis = Axis::linear(low, high, (10.0, 20.0));
            assert!(axis.high > axis.low && (10.0..=20.0).contains(&axis.at(0.5)), "{low} {high}");
            assert!((1..20).contains(&axis.ticks(4).len()), "{low} {high}");
        }
    }
}
