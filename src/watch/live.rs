//! The overview anew every second, until the sweep is over.

use super::{Overview, Watch};
use crate::error::Result;
use std::io::Write;
use std::time::{Duration, Instant};

/// Time between two looks.
const PERIOD: Duration = Duration::from_secs(1);
/// Time between two lines of a log.
const PACE: Duration = Duration::from_secs(10);

/// Where overviews are shown one after the other.
pub struct Screen<W> {
    to: W,
    kind: Kind,
}

enum Kind {
    /// The lines of the last overview, which the next takes the place of.
    Terminal { lines: usize },
    /// The last line and when it was written.
    Log { last: Option<(String, Instant)> },
}

impl<W: Write> Screen<W> {
    /// A terminal, on which the overview is drawn in its own place, or a log that gets a line when something has changed.
    pub fn new(to: W, is_terminal: bool) -> Screen<W> {
        let kind = if is_terminal { Kind::Terminal { lines: 0 } } else { Kind::Log { last: None } };
        Screen { to, kind }
    }

    /// Shows an overview.
    ///
    /// # Errors
    /// That of the writer: whoever read is gone.
    pub fn show(&mut self, overview: &Overview, now: Instant) -> std::io::Result<()> {
        match &mut self.kind {
            Kind::Terminal { lines } => {
                let text = overview.text();
                // Back to the first line of the last one, and clear what is below.
                let back = if *lines > 0 { format!("\x1b[{lines}A\x1b[J") } else { String::new() };
                *lines = text.lines().count();
                write!(self.to, "{back}{text}")?;
            }
            Kind::Log { last } => {
                let line = overview.line();
                let due = last.as_ref().is_none_or(|(before, at)| *before != line && now - *at >= PACE);
                if due {
                    writeln!(self.to, "{line}")?;
                    *last = Some((line, now));
                }
            }
        }
        self.to.flush()
    }
}

/// Shows the overview every second until the sweep is over, and hands each to `also`; the last one is returned.
///
/// # Errors
/// As of [`Watch::update`], and those of `also`.
pub fn follow<W: Write>(
    watch: &mut Watch,
    screen: &mut Screen<W>,
    mut also: impl FnMut(&Overview) -> Result<()>,
) -> Result<Overview> {
    loop {
        let overview = watch.overview();
        also(&overview)?;
        let shown = screen.show(&overview, Instant::now());
        // Nobody reads any more: no failure, but no reason to go on either.
        if overview.is_over || shown.is_err() {
            return Ok(overview);
        }
        std::thread::sleep(PERIOD);
        watch.update()?;
    }
}

#[cfg(test)]
mod tests {
    use super::super::overview::tests::in_progress;
    use super::*;

    #[test]
    fn a_terminal_shows_one_overview_in_the_place_of_the_other() {
        let mut screen = Screen::new(Vec::new(), true);
        let overview = in_progress();
        let now = Instant::now();
        (0..2).for_each(|_| screen.show(&overview, now).unwrap());
        let text = overview.text();
        let expected = format!("{text}\x1b[{}A\x1b[J{text}", text.lines().count());
        assert_eq!(String::from_utf8(screen.to).unwrap(), expected);
    }

    #[test]
    fn a_log_gets_a_line_when_something_has_changed() {
        let mut screen = Screen::new(Vec::new(), false);
        let mut overview = in_progress();
        let begun = Instant::now();
        let mut show = |done, seconds| {
            overview.counts.done = done;
            screen.show(&overview, begun + Duration::from_secs(seconds)).unwrap();
        };
        for (done, seconds) in [(2, 0), (3, 1), (4, 10), (4, 60), (5, 61)] {
            show(done, seconds);
        }
        let text = String::from_utf8(screen.to).unwrap();
        let done: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(done, ["2", "4", "5"], "{text}");
    }
}
