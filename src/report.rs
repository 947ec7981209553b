//! Result files for people: one HTML page that needs nothing else, or a single plot as SVG or PNG.
//!
//! A figure is drawn once, as a list of marks (`drawing`), and written as SVG (`svg`): inside of the page, where the style
//! sheet gives it the colours of either theme, and as a file of its own, which is also what becomes pixels (`png`).

mod axis;
mod chart;
mod difference;
mod drawing;
mod facts;
mod figure;
mod html;
mod number;
mod page;
mod plots;
mod png;
mod run;
pub mod scaling;
mod svg;
mod sweep;
mod theme;

use crate::error::{Error, Result, nearest};
use crate::io::sweep::is_table;
use figure::Figure;
use run::Run;
use std::path::{Path, PathBuf};
use sweep::Sweep;

/// Width of a plot in a file of its own, in pixels.
const PLOT_WIDTH: f64 = 640.0;

/// Some runs, or a sweep, read from their files.
pub struct Report {
    content: Content,
}

enum Content {
    Runs(Vec<Run>),
    Sweep(Box<Sweep>),
}

impl Report {
    /// Reads result files, the first of which others are compared with, or the table of one sweep.
    ///
    /// # Errors
    /// An input error that says what is wrong with which file, or that there are too many.
    pub fn read(paths: &[PathBuf]) -> Result<Report> {
        let content = match paths.iter().find(|path| is_table(path)) {
            Some(table) if paths.len() > 1 => {
                return Err(Error::input("is the table of a sweep, which is not compared with other files")
                    .in_file(table.display())
                    .next("make a report of it alone"));
            }
            Some(table) => Content::Sweep(Box::new(Sweep::read(table)?)),
            None => Content::Runs(read_runs(paths)?),
        };
        Ok(Report { content })
    }

    /// Of a sweep, with these results weighed against each other: the one along, the other up.
    ///
    /// # Errors
    /// An input error when there is no such result, or no sweep.
    pub fn weighing(self, x: Option<&str>, y: Option<&str>) -> Result<Report> {
        let content = match self.content {
            Content::Sweep(sweep) => Content::Sweep(Box::new(sweep.weighing(x, y)?)),
            Content::Runs(_) if x.is_some() || y.is_some() => {
                return Err(Error::input("--x and --y choose results of a sweep, and these are results of runs")
                    .next("leave them out, or name the table of a sweep"));
            }
            runs => runs,
        };
        Ok(Report { content })
    }

    /// The page.
    pub fn html(&self) -> String {
        match &self.content {
            Content::Runs(runs) => page::page(runs),
            Content::Sweep(sweep) => sweep::page(sweep),
        }
    }

    /// One plot as an SVG file.
    ///
    /// # Errors
    /// An input error that names the plots there are.
    pub fn svg(&self, plot: &str) -> Result<String> {
        let figure = self.figure(plot)?;
        let label = match &self.content {
            Content::Runs(runs) if runs.len() > 1 => figure.title.clone(),
            Content::Runs(runs) => format!("{}: {}", runs[0].label, figure.title),
            Content::Sweep(sweep) => format!("{}: {}", sweep.label, figure.title),
        };
        Ok(svg::standalone(&(figure.draw)(PLOT_WIDTH).with_margin(16.0, &figure.title), &label))
    }

    /// One plot as a PNG file.
    ///
    /// # Errors
    /// As for [`Report::svg`].
    pub fn png(&self, plot: &str) -> Result<Vec<u8>> {
        png::draw(&self.svg(plot)?)
    }

    fn figure(&self, plot: &str) -> Result<Figure<'_>> {
        let mut figures = match &self.content {
            Content::Runs(runs) => plots::figures(runs),
            Content::Sweep(sweep) => sweep.figures(),
        };
        if let Some(index) = figures.iter().position(|figure| figure.name == plot) {
            return Ok(figures.swap_remove(index));
        }
        let names: Vec<&str> = figures.iter().map(|figure| figure.name.as_str()).collect();
        let allowed = if names.is_empty() { "none: the file holds nothing to plot".into() } else { names.join(", ") };
        let error = Error::input(format!("there is no plot `{plot}` of this result")).allowed(allowed);
        Err(match nearest(plot, names) {
            Some(name) => error.next(format!("did you mean `{name}`?")),
            None => error,
        })
    }
}

fn read_runs(paths: &[PathBuf]) -> Result<Vec<Run>> {
    if paths.len() > theme::MOST_RUNS {
        return Err(Error::input(format!("{} result files are too many for one report", paths.len()))
            .allowed(format!("1 to {}", theme::MOST_RUNS))
            .next("compare fewer at a time"));
    }
    let labels = run::labels(&paths.iter().map(PathBuf::as_path).collect::<Vec<&Path>>());
    let read = |(path, label): (&PathBuf, String)| Ok(Run { label, ..Run::read(path)? });
    paths.iter().zip(labels).map(read).collect()
}
