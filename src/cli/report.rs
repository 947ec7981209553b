//! `rhoshard report`.

use crate::error::{Error, Result};
use crate::io::replace_file;
use crate::report::Report;
use clap::{ArgGroup, Args};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// What to make of which result files.
#[derive(Args)]
#[command(group = ArgGroup::new("picture").multiple(true))]
pub(super) struct ReportArguments {
    /// Result files, the others compared with the first, or the table of one sweep
    #[arg(required = true, value_name = "RESULT")]
    results: Vec<PathBuf>,
    /// Write the page here instead of beside the first result
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Make a single plot, for instance `width`, with --svg or --png; an unknown name lists what there is
    #[arg(long, value_name = "NAME", requires = "picture")]
    plot: Option<String>,
    /// Write the plot as SVG instead of a page
    #[arg(long, value_name = "FILE", requires = "plot", group = "picture")]
    svg: Option<PathBuf>,
    /// Write the plot as PNG instead of a page
    #[arg(long, value_name = "FILE", requires = "plot", group = "picture")]
    png: Option<PathBuf>,
    /// Of a sweep: the result along in the plot `pareto`, instead of the first constraint or the first result
    #[arg(long, value_name = "NAME")]
    x: Option<String>,
    /// Of a sweep: the result upward in the plot `pareto`, instead of the objective or the second result
    #[arg(long, value_name = "NAME")]
    y: Option<String>,
}

/// Writes what is asked for and says where it is. Only one rank calls it.
pub(super) fn report(arguments: &ReportArguments) -> Result<String> {
    let targets = arguments.targets();
    for (target, _) in &targets {
        check_target(target, &arguments.results)?;
    }
    let report = Report::read(&arguments.results)?.weighing(arguments.x.as_deref(), arguments.y.as_deref())?;
    // Everything is made before anything is written.
    let contents = targets.iter().map(|(_, kind)| content(&report, kind)).collect::<Result<Vec<Vec<u8>>>>()?;
    let mut text = String::new();
    for ((target, kind), content) in targets.iter().zip(contents) {
        replace_file(target, &content)?;
        let _ = writeln!(text, "{:<8}{}", kind.name(), target.display());
    }
    Ok(text)
}

/// A kind of output.
enum Kind {
    Page,
    Svg(String),
    Png(String),
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Kind::Page => "report",
            Kind::Svg(_) | Kind::Png(_) => "plot",
        }
    }
}

impl ReportArguments {
    fn targets(&self) -> Vec<(PathBuf, Kind)> {
        let plot = self.plot.clone().unwrap_or_default();
        let svg = self.svg.clone().map(|path| (path, Kind::Svg(plot.clone())));
        let png = self.png.clone().map(|path| (path, Kind::Png(plot)));
        let pictures: Vec<(PathBuf, Kind)> = svg.into_iter().chain(png).collect();
        let page = match &self.output {
            Some(path) => Some(path.clone()),
            None => pictures.is_empty().then(|| self.default_output()),
        };
        page.map(|path| (path, Kind::Page)).into_iter().chain(pictures).collect()
    }

    /// `result.html`; of several `result-compared.html`.
    fn default_output(&self) -> PathBuf {
        let first = &self.results[0];
        if self.results.len() == 1 {
            return first.with_extension("html");
        }
        let name = first.file_stem().unwrap_or_default().to_string_lossy();
        first.with_file_name(format!("{name}-compared.html"))
    }
}

fn content(report: &Report, kind: &Kind) -> Result<Vec<u8>> {
    match kind {
        Kind::Page => Ok(report.html().into_bytes()),
        Kind::Svg(plot) => report.svg(plot).map(String::into_bytes),
        Kind::Png(plot) => report.png(plot),
    }
}

/// A report must not take the place of what it reports.
fn check_target(target: &Path, results: &[PathBuf]) -> Result<()> {
    let place = target.canonicalize().ok();
    let same = |result: &PathBuf| result.canonicalize().is_ok_and(|result| Some(result) == place);
    if target.file_name().is_some() && !results.iter().any(same) {
        return Ok(());
    }
    let what = "the report would replace a result file, or has no name";
    Err(Error::input(what).in_file(target.display()).next("name another file with --output"))
}
