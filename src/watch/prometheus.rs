//! An overview as metrics, in the text exposition format of Prometheus.
//!
//! Made for the textfile collector of the node exporter: a file that ends in `.prom`, with HELP and TYPE of each metric and no
//! time stamps, which that collector refuses.
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>, text format 0.0.4.

use super::overview::Overview;
use std::fmt::Write;

/// Labels and a value.
type Sample = (Vec<(&'static str, String)>, f64);

impl Overview {
    /// The overview as metrics; every sample names the sweep by its job file.
    pub fn prometheus(&self) -> String {
        let mut text = String::new();
        let one = |value: f64| vec![(Vec::new(), value)];
        let known = |value: Option<f64>| value.map(one).unwrap_or_default();
        let mut metric = |name: &str, help: &str, samples: Vec<Sample>| self.metric(&mut text, name, help, &samples);
        metric("points", "Points of the sweep by their state.", self.by_state());
        metric("size", "Points in all; the most there can be if they are chosen on the way.", one(self.points as f64));
        metric("running", "1 while a run holds the sweep.", one(f64::from(u8::from(self.is_running))));
        metric("runs", "How often the sweep was started.", one(self.runs as f64));
        metric("points_per_second", "Points that end in a second.", known(self.points_per_second));
        metric("left_seconds", "Seconds until all points have ended, at this speed.", known(self.seconds_left));
        let best = self.best.iter().map(|best| (vec![("result", best.result.clone())], best.value));
        metric("best", "Best value of the objective so far.", best.collect());
        metric("rank_points", "Points that a rank of the last run has ended.", self.by_rank());
        metric("damaged_bytes", "Bytes of journals that are damaged.", one(self.damaged_bytes() as f64));
        text
    }

    fn by_state(&self) -> Vec<Sample> {
        let counts = self.counts;
        let states = [
            ("done", counts.done),
            ("failed", counts.failed),
            ("running", counts.running),
            ("pending", counts.pending),
        ];
        states.into_iter().map(|(state, points)| (vec![("state", state.to_string())], points as f64)).collect()
    }

    fn by_rank(&self) -> Vec<Sample> {
        let labels = |rank: u64, run: u64, host: &str| {
            vec![("run", run.to_string()), ("rank", rank.to_string()), ("host", host.to_string())]
        };
        self.ranks.iter().map(|rank| (labels(rank.rank, rank.run, &rank.host), rank.ended as f64)).collect()
    }

    fn damaged_bytes(&self) -> u64 {
        self.damaged.iter().map(|(_, bytes)| bytes).sum()
    }

    /// A metric with its head; nothing when it has no sample.
    fn metric(&self, text: &mut String, name: &str, help: &str, samples: &[Sample]) {
        if samples.is_empty() {
            return;
        }
        let name = format!("rhoshard_sweep_{name}");
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in samples {
            let labels: String =
                labels.iter().map(|(label, content)| format!(",{label}=\"{}\"", escape(content))).collect();
            let _ = writeln!(text, "{name}{{sweep=\"{}\"{labels}}} {}", escape(&self.job), number(*value));
        }
    }
}

/// A label's value: backslash, quote and line feed have a backslash.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn number(value: f64) -> String {
    match value {
        _ if value.is_nan() => "NaN".into(),
        f64::INFINITY => "+Inf".into(),
        f64::NEG_INFINITY => "-Inf".into(),
        _ => format!("{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::overview::tests::in_progress;
    use super::*;
    use std::collections::{BTreeMap, HashSet};

    /// Samples by name and labels, of a text that obeys the rules of the format.
    fn parse(text: &str) -> BTreeMap<String, f64> {
        assert!(text.ends_with('\n'), "the last line ends with a line feed");
        let (mut samples, mut current, mut seen) = (BTreeMap::new(), String::new(), HashSet::new());
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                current = rest.split(' ').next().unwrap().to_string();
                assert!(seen.insert(current.clone()), "{current} has two heads");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                assert_eq!(rest, format!("{current} gauge"), "TYPE follows HELP, before the samples");
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                assert!(series.starts_with(&format!("{current}{{")), "{line} is not below its head");
                check_labels(&series[current.len()..]);
                let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
                assert!(samples.insert(series.to_string(), value).is_none(), "{series} is there twice");
            }
        }
        let legal = |name: &String| name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        assert!(seen.iter().all(legal));
        samples
    }

    /// `{name="value",...}` with nothing unescaped inside of the quotes.
    fn check_labels(text: &str) {
        let mut rest = text.strip_prefix('{').unwrap();
        loop {
            let (name, after) = rest.split_once("=\"").unwrap();
            assert!(!name.is_empty() && name.chars().all(|letter| letter.is_ascii_lowercase()), "{name}");
            let mut escaped = false;
            let end = after.char_indices().find(|(_, letter)| {
                let ends = *letter == '"' && !escaped;
                assert!(!escaped || ['\\', '"', 'n'].contains(letter), "{after}");
                escaped = *letter == '\\' && !escaped;
                ends
            });
            let end = end.expect("the quotes are closed").0;
            match &after[end + 1..] {
                "}" => return,
                more => rest = more.strip_prefix(',').expect("labels are separated by commas"),
            }
        }
    }

    #[test]
    fn metrics_obey_the_format_and_hold_the_numbers() {
        let overview = in_progress();
        let samples = parse(&overview.prometheus());
        let of = |name: &str| samples.get(&format!("rhoshard_sweep_{name}")).copied();
        assert_eq!(of("points{sweep=\"job.toml\",state=\"done\"}"), Some(2.0));
        assert_eq!(of("points{sweep=\"job.toml\",state=\"failed\"}"), Some(1.0));
        assert_eq!(of("points{sweep=\"job.toml\",state=\"running\"}"), Some(1.0));
        assert_eq!(of("points{sweep=\"job.toml\",state=\"pending\"}"), Some(6.0));
        assert_eq!(of("best{sweep=\"job.toml\",result=\"value\"}"), Some(0.25));
        assert_eq!(of("running{sweep=\"job.toml\"}"), Some(1.0));
    }

    #[test]
    fn hostile_names_and_numbers_that_are_none_stay_within_the_format() {
        let mut overview = in_progress();
        overview.job = "a\\\"b\n\"} 1\n".into();
        overview.points_per_second = Some(f64::INFINITY);
        let text = overview.prometheus();
        assert!(text.contains("sweep=\"a\\\\\\\"b\\n\\\"} 1\\n\""), "{text}");
        parse(&text.replace("+Inf", "inf"));
        assert_eq!(
            [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e21].map(number),
            ["NaN", "+Inf", "-Inf", "1000000000000000000000"]
        );
    }
}
