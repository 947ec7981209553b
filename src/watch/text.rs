//! An overview as people read it, within 80 columns.

use super::overview::{Best, Overview, RankState, RunEnd};
use std::fmt::Write;

const WIDTH: usize = 80;
/// Lines of a list; the JSON has all of it.
const MOST: usize = 8;
/// Ranks that are shown.
const MOST_RANKS: usize = 16;
/// Cells of the bar.
const BAR: u64 = 40;

impl Overview {
    /// The overview as text: at most 80 columns, lists cut short.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, content: String| {
            let _ = writeln!(text, "{}", fit(&format!("{name:<9}{content}"), WIDTH));
        };
        line("sweep", format!("{}, {} points{}", self.job, self.most(), self.of_sampler()));
        line("state", self.state());
        line("points", self.bar());
        line("", self.counts_line());
        if let Some(speed) = self.points_per_second {
            line("speed", self.speed(speed));
        }
        if let Some(best) = &self.best {
            best_lines(best).into_iter().for_each(|(name, content)| line(name, content));
        }
        if let Some(slowest) = &self.slowest {
            line("slowest", format!("point {} took {}", slowest.index, duration(slowest.seconds)));
        }
        for (name, content) in self.lists() {
            line(name, content);
        }
        text
    }

    /// One line for a log: what changes while a sweep runs.
    pub fn line(&self) -> String {
        let best = self.best.as_ref().map_or_else(String::new, |best| format!(", best {}", number(best.value)));
        let speed = self.points_per_second.map_or_else(String::new, |speed| format!(", {}", self.speed(speed)));
        let counts = self.counts;
        let failed = if counts.failed > 0 { format!(", {} failed", counts.failed) } else { String::new() };
        format!("{} of {} points done{failed}{speed}{best}", counts.done, self.most())
    }

    fn most(&self) -> String {
        if self.is_chosen() { format!("at most {}", self.points) } else { self.points.to_string() }
    }

    /// Whether the number of points is only a limit.
    fn is_chosen(&self) -> bool {
        self.sampler == "bayesian"
    }

    fn of_sampler(&self) -> String {
        if self.sampler.is_empty() { String::new() } else { format!(", {}", self.sampler) }
    }

    fn state(&self) -> String {
        let what = match (self.is_running, self.is_over, self.runs) {
            (true, _, _) => "running",
            (false, _, 0) => "not started yet",
            (false, true, _) => "ended",
            (false, false, _) => "not running; `rhoshard run` on its job file goes on",
        };
        let runs = if self.runs > 1 { format!(", run {}", self.runs) } else { String::new() };
        format!("{what}{runs}")
    }

    fn bar(&self) -> String {
        let done = self.counts.done + self.counts.failed;
        let share = (done * 100).checked_div(self.points).unwrap_or(100);
        let filled = (done * BAR).checked_div(self.points).unwrap_or(BAR) as usize;
        let bar: String = (0..BAR as usize).map(|cell| if cell < filled { '=' } else { '.' }).collect();
        format!("[{bar}] {share} %")
    }

    fn counts_line(&self) -> String {
        let counts = self.counts;
        let left = if self.is_over { "not needed" } else { "to do" };
        let all = [(counts.failed, "failed"), (counts.running, "running"), (counts.pending, left)];
        let others =
            all.into_iter().filter(|(number, _)| *number > 0).map(|(number, name)| format!(", {number} {name}"));
        format!("{} done{}", counts.done, others.collect::<String>())
    }

    fn speed(&self, speed: f64) -> String {
        let left = match self.seconds_left {
            Some(seconds) if self.is_chosen() => format!(", at most {} left", duration(seconds)),
            Some(seconds) => format!(", about {} left", duration(seconds)),
            None => format!(" in {}", duration(self.elapsed)),
        };
        if speed >= 1.0 {
            return format!("{} points/s{left}", number(speed));
        }
        format!("a point every {}{left}", duration(1.0 / speed))
    }

    /// Failures, interrupted runs, ranks, damage.
    fn lists(&self) -> Vec<(&'static str, String)> {
        let failures = self.failures.iter().map(|failure| {
            let points = if failure.points == 1 { "point" } else { "points" };
            format!("{} {points}, first {}: {}", failure.points, failure.first, failure.error)
        });
        let ranks = if self.is_running { self.ranks.iter().map(rank_line).collect() } else { Vec::new() };
        let damaged = self.damaged.iter().map(|(path, bytes)| format!("{path}: {bytes} bytes; their points run again"));
        let superseded = (self.superseded > 0).then(|| {
            format!("{} results in the journals are of points that are no longer in the sweep", self.superseded)
        });
        [
            listed("failed", failures.collect(), MOST),
            listed("stopped", self.interrupted.iter().rev().map(run_line).collect(), MOST),
            listed("ranks", ranks, MOST_RANKS),
            listed("damaged", damaged.collect(), MOST),
            listed("note", superseded.into_iter().collect(), MOST),
        ]
        .concat()
    }
}

/// The first lines of a list, named once, and how many more there are.
fn listed(name: &'static str, lines: Vec<String>, most: usize) -> Vec<(&'static str, String)> {
    let left_out = lines.len().saturating_sub(most);
    let more = (left_out > 0).then(|| format!("... and {left_out} more (--json has all)"));
    let names = std::iter::once(name).chain(std::iter::repeat(""));
    names.zip(lines.into_iter().take(most).chain(more)).collect()
}

fn best_lines(best: &Best) -> Vec<(&'static str, String)> {
    let mut lines = vec![("best", format!("{} = {} at point {}", best.result, number(best.value), best.index))];
    if !best.lower.is_nan() && !best.upper.is_nan() {
        lines.push(("", format!("proven in [{}, {}]", best.lower, best.upper)));
    }
    if best.stderr > 0.0 {
        lines.push(("", format!("standard error {}", number(best.stderr))));
    }
    lines.extend(best.parameters.iter().take(MOST).map(|(axis, value)| ("", format!("{axis} = {value}"))));
    lines
}

fn rank_line(rank: &RankState) -> String {
    let doing = match (&rank.running, rank.is_closed) {
        (_, true) => "has nothing left to do".into(),
        (Some((index, since)), false) => {
            format!("at point {index} since {}, last heard of {}", clock(*since), clock(rank.heard))
        }
        (None, false) => format!("last heard of {}", clock(rank.heard)),
    };
    format!("{} on {}: {} ended, {doing}", rank.rank, fit(&rank.host, 20), rank.ended)
}

fn run_line(end: &RunEnd) -> String {
    let why = end.reason.clone().unwrap_or_else(|| "was killed".into());
    let lost = if end.lost > 0 { format!(", in the middle of {}", points(end.lost)) } else { String::new() };
    format!("run {} of {}: {why}{lost}", end.run, end.started)
}

pub(super) fn points(number: u64) -> String {
    format!("{number} point{}", if number == 1 { "" } else { "s" })
}

/// Six digits, without zeros at the end.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 || (1e-4..1e7).contains(&value.abs()) {
        let digits = (5 - value.abs().max(1e-4).log10().floor() as i32).clamp(0, 9) as usize;
        let text = format!("{value:.digits$}");
        return if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text };
    }
    format!("{value:.5e}")
}

/// A time in two units.
pub(super) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        _ if seconds < 1e-3 => format!("{:.0} us", seconds * 1e6),
        _ if seconds < 1.0 => format!("{:.0} ms", seconds * 1e3),
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        3600..86_400 => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} days {} h", whole / 86_400, whole % 86_400 / 3600),
    }
}

/// A time since the run began.
fn clock(seconds: f64) -> String {
    format!("+{}", duration(seconds))
}

/// `text` in so many letters, its end left out if need be; nothing in it moves the cursor.
pub(super) fn fit(text: &str, width: usize) -> String {
    let text: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if text.chars().count() <= width {
        return text.trim_end().into();
    }
    text.chars().take(width - 3).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!(
            [0.397887, 17.5, 1234567.0, 1e-9, 0.0, -0.25].map(number),
            ["0.397887", "17.5", "1234567", "1.00000e-9", "0", "-0.25"]
        );
        assert_eq!(
            [2e-5, 0.25, 12.34, 75.0, 3723.0, 90_000.0].map(duration),
            ["20 us", "250 ms", "12.3 s", "1 min 15 s", "1 h 2 min", "1 days 1 h"]
        );
    }

    #[test]
    fn a_line_never_wraps_nor_moves_the_cursor() {
        let long = fit(&"\u{1b}[2Jé\n".repeat(40), 80);
        assert!(long.chars().count() == 80 && !long.contains(|letter: char| letter.is_control()), "{long}");
    }
}
