//! Numbers for people.

/// Seconds with three digits, in a unit that suits.
pub(in crate::jobs::circuit) fn seconds(value: f64) -> String {
    match value {
        0.0 => "0 s".into(),
        value if value < 1e-3 => format!("{} us", three_digits(value * 1e6)),
        value if value < 1.0 => format!("{} ms", three_digits(value * 1e3)),
        value if value < 1e5 => format!("{} s", three_digits(value)),
        value => format!("{} h", three_digits(value / 3600.0)),
    }
}

/// Floating-point operations with their unit.
pub(super) fn human_flops(value: f64) -> String {
    let units = ["flop", "kflop", "Mflop", "Gflop", "Tflop", "Pflop", "Eflop"];
    let place = if value < 1.0 { 0 } else { (value.log10() / 3.0) as usize }.min(units.len() - 1);
    format!("{} {}", three_digits(value / 1e3f64.powi(place as i32)), units[place])
}

/// A fraction in per cent; small ones keep a digit.
pub(super) fn percent(fraction: f64) -> String {
    let value = 100.0 * fraction;
    if value < 1.0 { format!("{value:.2} %") } else { format!("{value:.0} %") }
}

fn three_digits(value: f64) -> String {
    let decimals = match value {
        value if value < 10.0 => 2,
        value if value < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_a_unit() {
        let shown = [0.0, 1.234e-6, 0.0123, 12.34, 1234.0, 7.2e5].map(seconds);
        assert_eq!(shown, ["0 s", "1.23 us", "12.3 ms", "12.3 s", "1234 s", "200 h"]);
        assert_eq!([0.0, 999.0, 1.5e9].map(human_flops), ["0.00 flop", "999 flop", "1.50 Gflop"]);
        assert_eq!([1.0, 0.253, 0.0042].map(percent), ["100 %", "25 %", "0.42 %"]);
    }
}
