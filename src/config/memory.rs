//! Amounts of memory: `"4 GiB"`, `"500 MB"`.

/// The units and their bytes.
const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// What is allowed, for messages.
pub(super) const ALLOWED: &str =
    "a positive amount such as \"4 GiB\" or \"500 MB\" (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB), or a number of bytes";

/// What is allowed where a bare number is not, for messages.
pub(super) const WITH_UNIT: &str =
    "a positive amount such as \"4 GiB\" or \"500 MB\" (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)";

/// Bytes of an amount with its unit; `None` for anything else, for less than one byte and for more than a TOML integer
/// can hold.
pub(super) fn bytes(amount: &str) -> Option<u64> {
    let amount = amount.trim();
    let split = amount.find(|next: char| next.is_ascii_alphabetic())?;
    let (number, unit) = amount.split_at(split);
    let (_, factor) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    let bytes = number.trim().parse::<f64>().ok()? * *factor as f64;
    (1.0..i64::MAX as f64).contains(&bytes).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_units() {
        let amounts = [("4 GiB", 4 << 30), ("500MB", 500_000_000), (" 1.5 kib ", 1536), ("7 B", 7), ("1 KB", 1000)];
        for (amount, expected) in amounts {
            assert_eq!(bytes(amount), Some(expected), "{amount}");
        }
        for wrong in ["", "4", "GiB", "4 G", "-4 GiB", "0 B", "1e30 GB", "nan GB", "inf GB", "4 GiB each"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
