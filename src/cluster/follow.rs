//! What a job has printed so far, and what it prints while one looks.

use super::folder::Folder;
use super::standing::{JobStanding, Standing};
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often it is looked whether there is more.
const LOOK: Duration = Duration::from_millis(500);
/// How often the queue is asked whether the job is still there.
const ASK: Duration = Duration::from_secs(20);

/// Writes the log of a part, by default of the one that printed last; with `follow` until it has ended.
///
/// # Errors
/// Input error for a part that there is not, or one that has not printed yet; that of the folder.
pub fn log(folder: &Folder, part: Option<u64>, follow: bool, out: &mut dyn Write) -> Result<()> {
    let standing = JobStanding::of(folder)?;
    let part = match part {
        Some(part) => part,
        None => last_to_print(folder, &standing),
    };
    let Some(chosen) = standing.parts.get(&part) else {
        let parts = standing.of_parts().unwrap_or(1);
        return Err(Error::input(format!("there is no part {part}")).allowed(format!("1 to {parts}")));
    };
    let path = folder.log(chosen.number, chosen.element);
    let may_come = follow && chosen.standing.is_active();
    if !path.exists() && !may_come {
        let error = Error::input(format!("part {part} has printed nothing yet; it would be in {}", path.display()));
        return Err(error.next("see how it stands: `rhoshard status`"));
    }
    heading(&path, out);
    let mut tail = Tail { path, at: 0 };
    tail.copy(out);
    if follow {
        wait_for_end(folder, part, &mut tail, out)?;
    }
    Ok(())
}

/// A reader that has gone is no failure.
fn heading(path: &Path, out: &mut dyn Write) {
    let _ = writeln!(out, "== {}", path.display());
}

/// The part whose log changed last; the first one if none has printed.
fn last_to_print(folder: &Folder, standing: &JobStanding) -> u64 {
    let changed = |number, element| folder.log(number, element).metadata().ok()?.modified().ok();
    let newest = standing.parts.iter().filter_map(|(part, at)| Some((changed(at.number, at.element)?, *part))).max();
    newest.map_or(1, |(_, part)| part)
}

/// Copies until the part has ended, whatever became of it.
fn wait_for_end(folder: &Folder, part: u64, tail: &mut Tail, out: &mut dyn Write) -> Result<()> {
    let (mut standing, mut asked) = (JobStanding::of(folder)?, Instant::now());
    while standing.parts.get(&part).is_some_and(|part| part.standing.is_active()) {
        std::thread::sleep(LOOK);
        if !tail.copy(out) {
            return Ok(());
        }
        let now = standing.parts.get(&part);
        let left = now.and_then(|part| folder.exit_code(part.number, part.element)).is_some_and(|code| code != 99);
        if left || asked.elapsed() > ASK {
            (standing, asked) = (JobStanding::of(folder)?, Instant::now());
        }
    }
    tail.copy(out);
    let end = standing.parts.get(&part).map(|part| &part.standing);
    match end {
        Some(Standing::Done) | None => Ok(()),
        Some(_) => {
            let _ = write!(out, "{}", standing.describe(folder));
            Ok(())
        }
    }
}

/// A file that grows.
struct Tail {
    path: PathBuf,
    at: u64,
}

impl Tail {
    /// Copies what has come since; false if nobody reads it any more.
    fn copy(&mut self, out: &mut dyn Write) -> bool {
        let Ok(mut file) = File::open(&self.path) else { return true };
        let mut new = Vec::new();
        if file.seek(SeekFrom::Start(self.at)).is_err() || file.read_to_end(&mut new).is_err() {
            return true;
        }
        self.at += new.len() as u64;
        out.write_all(&new).and_then(|()| out.flush()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::folder::tests::submission;
    use super::*;

    #[test]
    fn a_log_is_shown_from_where_it_was_left() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.log");
        let mut tail = Tail { path: path.clone(), at: 0 };
        let mut out = Vec::new();
        assert!(tail.copy(&mut out) && out.is_empty());
        std::fs::write(&path, "one\n").unwrap();
        assert!(tail.copy(&mut out) && tail.copy(&mut out));
        std::fs::write(&path, "one\ntwo\n").unwrap();
        assert!(tail.copy(&mut out));
        assert_eq!(out, b"one\ntwo\n");
    }

    #[test]
    fn the_part_that_printed_last_is_shown_unless_one_is_asked_for() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::of_job(&place.path().join("job.toml")).unwrap();
        folder.add_script(1, "x").unwrap();
        folder.add(&submission(1, 1, "999999999", Some(("2-3", 3)))).unwrap();
        std::fs::write(folder.log(1, 1), "second\n").unwrap();
        let shown = |part| {
            let mut out = Vec::new();
            log(&folder, part, false, &mut out).map(|()| String::from_utf8(out).unwrap())
        };
        assert!(shown(None).unwrap().ends_with("1-1.log\nsecond\n"));
        assert!(shown(Some(2)).unwrap().ends_with("second\n"));
        assert!(shown(Some(3)).unwrap_err().what.contains("part 3 has printed nothing yet"));
        assert_eq!(shown(Some(4)).unwrap_err().allowed.unwrap(), "1 to 3");
    }
}
