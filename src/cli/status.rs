//! `rhoshard status`: how a job stands in the queue of a cluster, and how far a sweep is.

use crate::error::{Error, Result};
use crate::io::replace_file;
use crate::watch::{Overview, Screen, Watch, find, follow};
use clap::Args;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Which job, and how to show it.
#[derive(Args)]
pub(super) struct StatusArguments {
    /// A job file; the folder of a sweep (STEM.sweep) or its table; a folder with submitted jobs
    path: PathBuf,
    /// Show it anew every second until the sweep is over; Ctrl-C ends that, not the sweep
    #[arg(long, conflicts_with = "json")]
    watch: bool,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    /// Write metrics for Prometheus here, for instance into the folder of the node exporter's textfile collector
    #[arg(long, value_name = "FILE")]
    prometheus: Option<PathBuf>,
}

/// What is known of the job: in the queue, if it was submitted, and of its points, if it is a sweep that was begun.
pub(super) fn status(arguments: &StatusArguments) -> Result<String> {
    let sweep = find(&arguments.path).and_then(|folder| Watch::open(&folder));
    // Programs read one thing.
    let queue = if arguments.json { Ok(String::new()) } else { super::cluster::standing(&arguments.path) };
    match (queue, sweep) {
        (Ok(queue), Ok(watch)) if queue.is_empty() => progress(watch, arguments),
        (Ok(queue), Ok(watch)) if arguments.watch => {
            // A reader that has gone misses nothing that it wants.
            let _ = writeln!(std::io::stdout(), "{queue}");
            progress(watch, arguments)
        }
        (Ok(queue), Ok(watch)) => Ok(format!("{queue}\n{}", progress(watch, arguments)?)),
        (Err(_), Ok(watch)) => progress(watch, arguments),
        (Ok(queue), Err(_)) if !queue.is_empty() => Ok(queue),
        (Ok(_), Err(sweep)) => Err(sweep),
        (Err(queue), Err(sweep)) => Err(Error { what: format!("{}, and {}", sweep.what, queue.what), ..sweep }),
    }
}

/// How far a sweep is, as a text, after it was shown for as long as is asked for.
fn progress(mut watch: Watch, arguments: &StatusArguments) -> Result<String> {
    let metrics = |overview: &Overview| match &arguments.prometheus {
        Some(path) => write_metrics(path, overview),
        None => Ok(()),
    };
    if arguments.watch {
        let output = std::io::stdout();
        let is_terminal = output.is_terminal();
        let last = follow(&mut watch, &mut Screen::new(output, is_terminal), metrics)?;
        // A terminal shows it already.
        return Ok(if is_terminal { String::new() } else { last.text() });
    }
    let overview = watch.overview();
    metrics(&overview)?;
    if arguments.json { json(&overview) } else { Ok(overview.text()) }
}

fn json(overview: &Overview) -> Result<String> {
    let text = serde_json::to_string_pretty(overview);
    let text = text.map_err(|error| Error::internal(format!("the overview cannot be written: {error}")))?;
    Ok(text + "\n")
}

fn write_metrics(path: &Path, overview: &Overview) -> Result<()> {
    replace_file(path, overview.prometheus().as_bytes())
}
