//! Numbers as text, bounds rounded outward.

/// Numbers from here on are written with an exponent: with all their digits they would not fit their column.
const LARGE: f64 = 1e4;

/// Decimals that show an interval of this width with two digits, at least 6 and at most 9.
pub(crate) fn decimals(width: f64) -> usize {
    // The conversion saturates, and turns NaN into 0.
    ((1.0 - width.log10().floor()) as usize).clamp(6, 9)
}

/// `value` rounded to the nearest.
pub(crate) fn nearest(value: f64, decimals: usize) -> String {
    let text = plain(value, decimals);
    let is_zero = text.parse() == Ok(0.0);
    text.trim_start_matches(if is_zero { "-" } else { "" }).to_string()
}

/// A lower bound: the text is no larger than `value`.
pub(crate) fn at_most(value: f64, decimals: usize) -> String {
    outward(value, -last_place(value, decimals), |value| nearest(value, decimals))
}

/// An upper bound: the text is no smaller than `value`.
pub(crate) fn at_least(value: f64, decimals: usize) -> String {
    outward(value, last_place(value, decimals), |value| nearest(value, decimals))
}

/// An upper bound of a number that is not negative, with three digits and an exponent.
pub(crate) fn scientific_at_least(value: f64) -> String {
    outward(value, power_of_ten_below(value) * 1e-2, |value| format!("{value:.2e}"))
}

fn plain(value: f64, decimals: usize) -> String {
    if value.abs() < LARGE || !value.is_finite() { format!("{value:.decimals$}") } else { format!("{value:.5e}") }
}

/// What a one in the last digit that [`plain`] writes stands for.
fn last_place(value: f64, decimals: usize) -> f64 {
    if value.abs() < LARGE { 0.1_f64.powi(decimals as i32) } else { power_of_ten_below(value) * 1e-5 }
}

fn power_of_ten_below(value: f64) -> f64 {
    10_f64.powf(value.abs().log10().floor())
}

/// The nearest text, or else the next one in the direction of `step`, which is one in its last digit.
fn outward(value: f64, step: f64, write: impl Fn(f64) -> String) -> String {
    let holds = |text: &String| text.parse().is_ok_and(|shown: f64| (shown - value) * step.signum() >= 0.0);
    let candidates = [0.0, 1.0, 2.0].map(|steps| write(value + steps * step));
    candidates.into_iter().find(holds).unwrap_or_else(|| write(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bounds_are_rounded_outward() {
        assert_eq!((at_most(0.12345678, 6), at_least(0.12345678, 6)), ("0.123456".into(), "0.123457".into()));
        assert_eq!((at_most(-0.12345678, 6), at_least(-0.12345678, 6)), ("-0.123457".into(), "-0.123456".into()));
        assert_eq!((at_most(0.25, 6), at_least(0.25, 6)), ("0.250000".into(), "0.250000".into()));
        assert_eq!((at_most(-1e-9, 6), at_least(-1e-9, 6)), ("-0.000001".into(), "0.000000".into()));
        assert_eq!(at_least(f64::NAN, 6), "NaN");
        assert_eq!(scientific_at_least(4.6012e-3), "4.61e-3");
        assert_eq!(scientific_at_least(9.999e-3), "1.00e-2");
        assert_eq!(scientific_at_least(0.0), "0.00e0");
    }

    #[test]
    fn narrow_intervals_get_more_decimals() {
        assert_eq!([1.0, 1e-5, 1e-7, 1e-12, 0.0, f64::NAN].map(decimals), [6, 6, 8, 9, 9, 6]);
    }

    proptest! {
        #[test]
        fn what_is_printed_holds_and_fits(value in prop_oneof![-2.0..2.0_f64, -1e12..1e12_f64], digits in 6..10_usize) {
            let (lower, upper) = (at_most(value, digits), at_least(value, digits));
            prop_assert!(lower.parse::<f64>().unwrap() <= value && value <= upper.parse::<f64>().unwrap());
            prop_assert!(lower.len() <= 15 && upper.len() <= 15);
        }

        #[test]
        fn a_printed_error_holds(error in 1e-16..10.0_f64) {
            prop_assert!(scientific_at_least(error).parse::<f64>().unwrap() >= error);
        }
    }
}
