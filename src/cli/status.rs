//! `rhoshard status`: how far a sweep is.

use crate::error::{Error, Result};
use crate::io::replace_file;
use crate::watch::{Overview, Screen, Watch, find, follow};
use clap::Args;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Which sweep, and how to show it.
#[derive(Args)]
pub(super) struct StatusArguments {
    /// The folder of a sweep (STEM.sweep), its job file or its table
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

/// The overview as a text, after it was shown for as long as is asked for. Only one rank calls it.
pub(super) fn status(arguments: &StatusArguments) -> Result<String> {
    let mut watch = Watch::open(&find(&arguments.path)?)?;
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
