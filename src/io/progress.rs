//! How far the run is: a bar on a terminal, plain lines in a log file, nothing when quiet.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Whether to show progress at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Show nothing: asked for by the user, or not the root rank.
    Quiet,
    /// A bar if the standard error is a terminal, else plain lines.
    #[default]
    Auto,
}

/// Shows how many of a known number of steps are done, on the standard error.
pub struct Progress {
    display: Display,
    total: u64,
    prefix: String,
    begun: Instant,
}

enum Display {
    Nothing,
    Bar { bar: ProgressBar, next: Duration },
    Lines { to: Box<dyn Write + Send>, pace: Pace },
}

/// Time between two drawings of the bar.
const REDRAW: Duration = Duration::from_millis(100);

impl Progress {
    /// Begins at step 0 of `total`.
    pub fn new(total: u64, mode: Mode) -> Progress {
        let display = match mode {
            Mode::Quiet => Display::Nothing,
            Mode::Auto if std::io::stderr().is_terminal() => Display::Bar { bar: bar(total), next: Duration::ZERO },
            Mode::Auto => Display::Lines { to: Box::new(std::io::stderr()), pace: Pace::default() },
        };
        Progress { display, total, prefix: String::new(), begun: Instant::now() }
    }

    /// Begins again at step 0 with a new heading, for instance `pass 2`.
    pub fn restart(&mut self, prefix: impl Into<String>) {
        self.prefix = prefix.into();
        match &mut self.display {
            Display::Nothing => {}
            Display::Bar { bar, next } => {
                bar.set_prefix(self.prefix.clone());
                bar.reset();
                *next = Duration::ZERO;
            }
            Display::Lines { pace, .. } => pace.restart(),
        }
        self.begun = Instant::now();
    }

    /// `position` steps are done; `message` is made only if it will be shown, so this is cheap to call often.
    pub fn set(&mut self, position: u64, message: impl FnOnce() -> String) {
        if matches!(self.display, Display::Nothing) {
            return;
        }
        self.set_at(self.begun.elapsed(), position, message);
    }

    fn set_at(&mut self, now: Duration, position: u64, message: impl FnOnce() -> String) {
        let is_due = match &mut self.display {
            Display::Nothing => false,
            Display::Bar { next, .. } => now >= *next || position == self.total,
            Display::Lines { pace, .. } => pace.is_due(now, position, self.total),
        };
        if is_due {
            self.show(now, position, message());
        }
    }

    fn show(&mut self, now: Duration, position: u64, message: String) {
        match &mut self.display {
            Display::Nothing => {}
            Display::Bar { bar, next } => {
                bar.set_message(message);
                bar.set_position(position);
                *next = now + REDRAW;
            }
            Display::Lines { to, .. } => {
                let line = line(&self.prefix, position, self.total, now, &message);
                // A run does not fail because nobody reads its log.
                let _ = writeln!(to, "{line}");
            }
        }
    }

    /// Ends the display; a bar disappears and leaves the terminal to the summary.
    pub fn finish(self) {
        if let Display::Bar { bar, .. } = self.display {
            bar.finish_and_clear();
        }
    }
}

fn bar(total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} [{bar:16}] {percent}%, {eta} left {wide_msg}")
        .expect("the template is valid")
        .progress_chars("=> ");
    ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_style(style)
}

fn line(prefix: &str, position: u64, total: u64, elapsed: Duration, message: &str) -> String {
    let heading = if prefix.is_empty() { String::new() } else { format!("{prefix}: ") };
    let message = if message.is_empty() { String::new() } else { format!(", {message}") };
    let (percent, seconds) = (percent(position, total), elapsed.as_secs_f64());
    format!("{heading}step {position} of {total} ({percent} %), {seconds:.1} s{message}")
}

/// Done part in whole per cent; all of nothing is 100.
fn percent(position: u64, total: u64) -> u64 {
    (position.min(total) * 100).checked_div(total).unwrap_or(100)
}

/// Decides when a line is due: every 5 seconds, and sooner, but at most once a second, when 10 % more are done.
#[derive(Debug, Default)]
struct Pace {
    last_time: Duration,
    last_tenth: u64,
}

impl Pace {
    const SLOWEST: Duration = Duration::from_secs(5);
    const FASTEST: Duration = Duration::from_secs(1);

    fn is_due(&mut self, now: Duration, position: u64, total: u64) -> bool {
        let waited = now.saturating_sub(self.last_time);
        let tenth = percent(position, total) / 10;
        let due = waited >= Self::SLOWEST || (waited >= Self::FASTEST && tenth > self.last_tenth);
        if due {
            *self = Pace { last_time: now, last_tenth: tenth };
        }
        due
    }

    fn restart(&mut self) {
        *self = Pace::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn with(display: Display) -> Progress {
        Progress { display, total: 200, prefix: "pass 1".into(), begun: Instant::now() }
    }

    #[test]
    fn lines_come_every_five_seconds_or_ten_per_cent() {
        let mut pace = Pace::default();
        let mut due = |seconds, position| pace.is_due(Duration::from_millis(seconds), position, 100);
        assert!(!due(10, 50), "not within the first second");
        assert!(due(1000, 50));
        assert!(!due(2500, 59), "less than 10 % more");
        assert!(due(2600, 60));
        assert!(due(7600, 60), "5 s passed");
        assert!(!due(7700, 100));
    }

    #[test]
    fn a_log_gets_whole_lines_with_prefix_and_message() {
        let log = Shared::default();
        let mut progress = with(Display::Lines { to: Box::new(log.clone()), pace: Pace::default() });
        progress.set_at(Duration::from_millis(100), 10, || unreachable!("nothing is shown yet"));
        progress.set_at(Duration::from_millis(2500), 50, || "width 53".into());
        progress.restart("pass 2");
        progress.set_at(Duration::from_secs(5), 1, String::new);
        progress.finish();
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "pass 1: step 50 of 200 (25 %), 2.5 s, width 53\npass 2: step 1 of 200 (0 %), 5.0 s\n");
    }

    #[test]
    fn nothing_is_formatted_when_quiet_or_between_two_drawings() {
        let mut quiet = Progress::new(10, Mode::Quiet);
        quiet.set(5, || unreachable!("quiet"));
        quiet.restart("pass 2");
        quiet.finish();
        let hidden = bar(200).with_prefix("");
        hidden.set_draw_target(ProgressDrawTarget::hidden());
        let mut progress = with(Display::Bar { bar: hidden, next: Duration::from_secs(9) });
        progress.set_at(Duration::from_secs(8), 5, || unreachable!("too soon"));
        progress.set_at(Duration::from_secs(9), 6, || "width 4".into());
        let Display::Bar { bar, .. } = &progress.display else { panic!("a bar") };
        assert_eq!((bar.position(), bar.message()), (6, "width 4".into()));
    }

    #[test]
    fn a_run_of_no_steps_is_complete() {
        assert_eq!(percent(0, 0), 100);
        assert_eq!(percent(7, 5), 100);
    }
}
