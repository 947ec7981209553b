//! A figure: a picture that can be drawn at any width, and its numbers as a table.

use super::drawing::{Anchor, Drawing, Look, text_width};

/// Rows of a table in the page; what is left out is counted.
pub(super) const MOST_ROWS: usize = 500;

/// A table of texts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// Rows that are in the file but not here.
    pub left_out: usize,
}

impl Table {
    /// A table of the first rows.
    pub fn of(head: Vec<String>, rows: impl ExactSizeIterator<Item = Vec<String>>) -> Table {
        let left_out = rows.len().saturating_sub(MOST_ROWS);
        Table { head, rows: rows.take(MOST_ROWS).collect(), left_out }
    }
}

/// A picture of some runs.
pub(super) struct Figure<'a> {
    /// How it is asked for: `--plot NAME`.
    pub name: String,
    pub title: String,
    /// What is seen, in a sentence or two.
    pub note: String,
    pub table: Table,
    /// Whether the table is as important as the picture, and stands before all figures.
    pub table_first: bool,
    /// Draws it so many pixels wide.
    pub draw: Box<dyn Fn(f64) -> Drawing + 'a>,
}

/// The colours of the runs, in lines that fit the drawing, from the height `top`; returns where it ends. One run needs
/// none.
pub(super) fn key(drawing: &mut Drawing, labels: &[String], top: f64) -> f64 {
    if labels.len() < 2 {
        return top;
    }
    let (mut x, mut y) = (0.0, top + 10.0);
    for (series, label) in labels.iter().enumerate() {
        let label = super::drawing::fit(label, drawing.width - 24.0);
        let width = 18.0 + text_width(&label) + 14.0;
        if x > 0.0 && x + width > drawing.width {
            (x, y) = (0.0, y + 18.0);
        }
        drawing.rectangle(Look::Bar, series, (x, y - 8.0), (12.0, 8.0));
        drawing.text(Look::Label, Anchor::Start, (x + 18.0, y), label);
        x += width;
    }
    y + 14.0
}
