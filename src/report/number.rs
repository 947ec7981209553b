//! Numbers as people read them.

use crate::io::number::{at_least, at_most, decimals};

/// What stands where no number is known.
pub(super) const UNKNOWN: &str = "–";

/// The shortest text that gives back exactly this number.
pub(super) fn exact(value: f64) -> String {
    match value {
        _ if value.is_nan() => UNKNOWN.into(),
        _ if value == 0.0 || (1e-4..1e7).contains(&value.abs()) => format!("{value}"),
        _ => format!("{value:e}"),
    }
}

/// Three digits.
pub(super) fn short(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => UNKNOWN.into(),
        0.0 => "0".into(),
        size if !(1e-3..1e4).contains(&size) => format!("{value:.2e}"),
        size => format!("{value:.digits$}", digits = (2 - size.log10().floor() as i32).max(0) as usize),
    }
}

/// A proven interval, rounded outward.
pub(super) fn interval(lower: f64, upper: f64) -> String {
    if lower.is_nan() || upper.is_nan() {
        return UNKNOWN.into();
    }
    let digits = decimals(upper - lower);
    format!("[{}, {}]", minus(at_most(lower, digits)), minus(at_least(upper, digits)))
}

/// An estimate with its standard error, to two digits of it.
pub(super) fn estimate(value: f64, stderr: f64) -> String {
    let digits = if stderr > 0.0 { (1.0 - stderr.log10().floor()).clamp(0.0, 12.0) as usize } else { 6 };
    format!("{} ± {stderr:.digits$}", minus(format!("{value:.digits$}")))
}

/// With the sign that has the width of a digit.
pub(super) fn minus(text: String) -> String {
    text.replacen('-', "−", usize::from(text.starts_with('-')))
}

/// With commas between thousands.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let place = |(index, digit): (usize, char)| {
        let comma = index > 0 && (digits.len() - index).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    };
    digits.chars().enumerate().flat_map(place).collect()
}

/// `1 step`, `2 steps`.
pub(super) fn plural(number: u64, word: &str) -> String {
    format!("{} {word}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Seconds in the unit that suits them.
pub(super) fn seconds(value: f64) -> String {
    match value {
        _ if value.is_nan() => UNKNOWN.into(),
        0.0 => "0 s".into(),
        _ if value < 1e-3 => format!("{} µs", short(value * 1e6)),
        _ if value < 1.0 => format!("{} ms", short(value * 1e3)),
        _ if value < 600.0 => format!("{} s", short(value)),
        _ => format!("{} min", short(value / 60.0)),
    }
}

/// Bytes in the decimal unit that suits them.
pub(super) fn bytes(value: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB"];
    let power = if value >= 1.0 { ((value.log10() / 3.0) as usize).min(units.len() - 1) } else { 0 };
    format!("{} {}", short(value / 1000_f64.powi(power as i32)), units[power])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0.0, 0.983984, 1e-9, f64::NAN].map(exact), ["0", "0.983984", "1e-9", "–"]);
        assert_eq!(
            [0.0, 0.5, 12.345, 9999.0, 1e-7, 0.01889].map(short),
            ["0", "0.500", "12.3", "9999", "1.00e-7", "0.0189"]
        );
        assert_eq!([0, 999, 1000, 1234567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.0, 2.5e-5, 0.0231, 45.4, 1200.0].map(seconds),
            ["0 s", "25.0 µs", "23.1 ms", "45.4 s", "20.0 min"]
        );
        assert_eq!([0.0, 999.0, 134e6].map(bytes), ["0 B", "999 B", "134 MB"]);
        assert_eq!((plural(1, "step"), plural(2000, "step")), ("1 step".into(), "2,000 steps".into()));
    }

    #[test]
    fn intervals_hold_what_they_stand_for() {
        assert_eq!(interval(0.98383812, 0.98413059), "[0.983838, 0.984131]");
        assert_eq!(interval(-0.5, -0.25), "[−0.500000, −0.250000]");
        assert_eq!(interval(f64::NAN, 1.0), "–");
        assert_eq!(estimate(-0.51234, 0.0123), "−0.512 ± 0.012");
        assert_eq!(estimate(0.5, 0.0), "0.500000 ± 0.000000");
    }
}
