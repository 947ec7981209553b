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
mod theme;

use crate::error::{Error, Result, nearest};
use figure::Figure;
use run::Run;
use std::path::{Path, PathBuf};

/// Width of a plot in a file of its own, in pixels.
const PLOT_WIDTH: f64 = 640.0;

/// Some runs, read from their result files.
pub struct Report {
    runs: Vec<Run>,
}

impl Report {
    /// Reads result files, the first of which others are compared with.
    ///
    /// # Errors
    /// An input error that says what is wrong with which file, or that there are too many.
    pub fn read(paths: &[PathBuf]) -> Result<Report> {
        if paths.len() > theme::MOST_RUNS {
            return Err(Error::input(format!("{} result files are too many for one report", paths.len()))
                .allowed(format!("1 to {}", theme::MOST_RUNS))
                .next("compare fewer at a time"));
        }
        let labels = run::labels(&paths.iter().map(PathBuf::as_path).collect::<Vec<&Path>>());
        let read = |(path, label): (&PathBuf, String)| Ok(Run { label, ..Run::read(path)? });
        let runs = paths.iter().zip(labels).map(read).collect::<Result<Vec<Run>>>()?;
        Ok(Report { runs })
    }

    /// The page.
    pub fn html(&self) -> String {
        page::page(&self.runs)
    }

    /// One plot as an SVG file.
    ///
    /// # Errors
    /// An input error that names the plots there are.
    pub fn svg(&self, plot: &str) -> Result<String> {
        let figure = self.figure(plot)?;
        let label =
            if let [run] = &self.runs[..] { format!("{}: {}", run.label, figure.title) } else { figure.title.clone() };
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
        let mut figures = plots::figures(&self.runs);
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
