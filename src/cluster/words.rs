//! Words for shells, batch systems and people.

/// A text as one word of a shell, whatever is in it.
pub fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:,+=@%".contains(letter);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.into(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// A time as `hours:minutes:seconds`, which every batch system reads.
pub fn clock(seconds: u64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Whole mebibytes that hold these bytes.
pub fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// A name for the queue: letters, digits, `_`, `-` and `.`, a letter in front, at most this many.
pub fn job_name(stem: &str, longest: usize) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || "_-.".contains(letter) { letter } else { '_' };
    let name: String = stem.chars().map(plain).collect();
    let name = if name.starts_with(|first: char| first.is_ascii_alphabetic()) { name } else { format!("job_{name}") };
    name.chars().take(longest).collect()
}

/// Some seconds for people: `45 s`, `12 min`, `3.5 h`, `2.1 days`.
pub fn span(seconds: f64) -> String {
    match seconds {
        seconds if !seconds.is_finite() => "unknown".into(),
        seconds if seconds < 90.0 => format!("{seconds:.0} s"),
        seconds if seconds < 5400.0 => format!("{:.0} min", seconds / 60.0),
        seconds if seconds < 172_800.0 => format!("{:.1} h", seconds / 3600.0),
        seconds => format!("{:.1} days", seconds / 86400.0),
    }
}

/// A number with its noun: `1 part`, `3 parts`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_they_must_be() {
        assert_eq!(quoted("a/b-c.toml"), "a/b-c.toml");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's $HOME"), "'it'\\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn times_have_hours_minutes_seconds() {
        assert_eq!([clock(1), clock(3661), clock(360_000)], ["00:00:01", "01:01:01", "100:00:00"]);
        assert_eq!([span(5.0), span(600.0), span(7200.0), span(1e6)], ["5 s", "10 min", "2.0 h", "11.6 days"]);
    }

    #[test]
    fn names_suit_every_queue() {
        assert_eq!(job_name("it's a job", 200), "it_s_a_job");
        assert_eq!(job_name("1st", 200), "job_1st");
        assert_eq!(job_name("a_rather_long_name", 15), "a_rather_long_n");
        assert_eq!(job_name("é", 200), "job__");
    }

    #[test]
    fn mebibytes_are_rounded_up() {
        assert_eq!([mebibytes(1), mebibytes(1 << 20), mebibytes((1 << 20) + 1)], [1, 1, 2]);
    }
}
