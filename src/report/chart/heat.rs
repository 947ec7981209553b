//! A colour for each cell of a table of numbers, and the scale that tells which.

use super::super::drawing::{Anchor, Drawing, Look, fit, text_width};
use super::super::number::short;
use super::super::theme::LEVELS;

/// Values far apart have colours by their logarithms.
const FAR_APART: f64 = 100.0;

/// From numbers to one of a few colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    is_logarithmic: bool,
}

impl Scale {
    /// The scale that spans these numbers; those that are none do not count.
    pub fn of(values: impl Iterator<Item = f64>) -> Scale {
        let ends = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |ends, value| (ends.0.min(value), ends.1.max(value)));
        let (low, high) = if ends.0 <= ends.1 { ends } else { (0.0, 0.0) };
        Scale { low, high, is_logarithmic: low > 0.0 && high > FAR_APART * low }
    }

    /// Whether colours go by the logarithms.
    pub fn is_logarithmic(&self) -> bool {
        self.is_logarithmic
    }

    /// The colour of a value.
    pub fn level(&self, value: f64) -> usize {
        let (low, high) = (self.place(self.low), self.place(self.high));
        let part = if high > low { (self.place(value) - low) / (high - low) } else { 0.0 };
        ((part * LEVELS.len() as f64) as usize).min(LEVELS.len() - 1)
    }

    /// The value at a part of the scale, from 0 to 1.
    pub fn value(&self, part: f64) -> f64 {
        let (low, high) = (self.place(self.low), self.place(self.high));
        let value = low + (high - low) * part;
        if self.is_logarithmic { value.exp() } else { value }
    }

    fn place(&self, value: f64) -> f64 {
        if self.is_logarithmic { value.ln() } else { value }
    }

    /// Draws the colours with their values, from the height `top`; returns where it ends.
    pub fn draw(&self, drawing: &mut Drawing, name: &str, top: f64) -> f64 {
        let kind = if self.is_logarithmic { " (logarithmic)" } else { "" };
        drawing.text(Look::Note, Anchor::Start, (0.0, top + 10.0), fit(&format!("{name}{kind}"), drawing.width));
        let width = drawing.width.min(360.0) / LEVELS.len() as f64;
        for level in 0..LEVELS.len() {
            drawing.level(Look::Cell, level, (level as f64 * width, top + 16.0), (width, 10.0));
        }
        let right = width * LEVELS.len() as f64;
        for (part, anchor) in [(0.0, Anchor::Start), (0.5, Anchor::Middle), (1.0, Anchor::End)] {
            drawing.text(Look::Note, anchor, (part * right, top + 38.0), short(self.value(part)));
        }
        top + 48.0
    }
}

/// A table of cells; rows from the bottom up.
pub(crate) struct Heat {
    pub x_title: String,
    pub y_title: String,
    /// What the colours mean.
    pub value_title: String,
    /// What stands below the columns.
    pub columns: Vec<String>,
    /// What stands beside the rows.
    pub rows: Vec<String>,
    /// Value and tip of each cell, row by row; nothing where there is no point.
    pub cells: Vec<Option<(f64, String)>>,
}

impl Heat {
    /// Draws the chart.
    pub fn draw(&self, width: f64) -> Drawing {
        let mut drawing = Drawing::new(width, 0.0);
        let scale = Scale::of(self.cells.iter().flatten().map(|cell| cell.0));
        let top = scale.draw(&mut drawing, &self.value_title, 0.0);
        drawing.text(Look::Note, Anchor::Start, (0.0, top + 10.0), fit(&self.y_title, width));
        let labels = self.rows.iter().map(|row| text_width(row)).fold(0.0, f64::max).min(0.3 * width);
        let (left, top) = (labels + 8.0, top + 18.0);
        let size =
            ((width - left) / self.columns.len() as f64, (0.62 * width / self.rows.len() as f64).clamp(4.0, 36.0));
        let bottom = top + size.1 * self.rows.len() as f64;
        self.draw_cells(&mut drawing, &scale, (left, bottom), size);
        self.draw_labels(&mut drawing, (left, bottom), size);
        drawing.line(Look::Axis, (left, bottom), (width, bottom));
        drawing.line(Look::Axis, (left, top), (left, bottom));
        drawing.text(Look::Note, Anchor::End, (width, bottom + 31.0), fit(&self.x_title, width));
        drawing.height = bottom + 36.0;
        drawing
    }

    /// Neighbours of one colour are one rectangle; each cell can be pointed at.
    fn draw_cells(&self, drawing: &mut Drawing, scale: &Scale, (left, bottom): (f64, f64), size: (f64, f64)) {
        for (row, cells) in self.cells.chunks(self.columns.len()).enumerate() {
            let y = bottom - (row + 1) as f64 * size.1;
            let level = |cell: &Option<(f64, String)>| {
                cell.as_ref().filter(|cell| cell.0.is_finite()).map(|cell| scale.level(cell.0))
            };
            let mut column = 0;
            for run in cells.chunk_by(|one, other| level(one) == level(other)) {
                if let Some(level) = run.first().and_then(level) {
                    let x = left + column as f64 * size.0;
                    drawing.level(Look::Cell, level, (x, y), (run.len() as f64 * size.0, size.1));
                }
                column += run.len();
            }
            for (column, cell) in cells.iter().enumerate() {
                if let Some((_, tip)) = cell {
                    drawing.hit((left + column as f64 * size.0, y), size, tip.clone());
                }
            }
        }
    }

    /// As many names as have room.
    fn draw_labels(&self, drawing: &mut Drawing, (left, bottom): (f64, f64), size: (f64, f64)) {
        let widest = self.columns.iter().map(|name| text_width(name)).fold(20.0, f64::max).min(90.0) + 8.0;
        let stride = (widest / size.0).ceil().max(1.0) as usize;
        for (column, name) in self.columns.iter().enumerate().step_by(stride) {
            let x = left + (column as f64 + 0.5) * size.0;
            // The first and the last name keep within the drawing.
            let room = text_width(name).min(90.0) / 2.0;
            let x = x.clamp(room.min(drawing.width / 2.0), (drawing.width - room).max(drawing.width / 2.0));
            drawing.text(Look::Note, Anchor::Middle, (x, bottom + 15.0), fit(name, 90.0));
        }
        let stride = (14.0 / size.1).ceil().max(1.0) as usize;
        for (row, name) in self.rows.iter().enumerate().step_by(stride) {
            let y = bottom - (row as f64 + 0.5) * size.1 + 4.0;
            drawing.text(Look::Note, Anchor::End, (left - 6.0, y), fit(name, left - 8.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_divide_the_scale_evenly() {
        let scale = Scale::of([1.0, 13.0, f64::NAN].into_iter());
        let levels: Vec<usize> = (1..=13).map(|value| scale.level(f64::from(value) + 1e-9)).collect();
        assert_eq!(levels, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 11]);
        assert_eq!((scale.value(0.0), scale.value(0.5), scale.value(1.0)), (1.0, 7.0, 13.0));
        let powers = Scale::of([1e-6, 1e6].into_iter());
        assert_eq!([1e-6, 1.1e-5, 1.1, 1e6].map(|value| powers.level(value)), [0, 1, 6, 11]);
    }

    #[test]
    fn any_numbers_have_a_colour() {
        for values in [&[][..], &[0.0], &[-1.0, -1.0], &[f64::NAN, f64::INFINITY], &[-f64::MAX, f64::MAX]] {
            let scale = Scale::of(values.iter().copied());
            assert!(values.iter().all(|value| scale.level(*value) < LEVELS.len()), "{values:?}");
        }
    }

    #[test]
    fn every_cell_is_where_it_belongs() {
        let names = |count: usize| (0..count).map(|index| index.to_string()).collect::<Vec<String>>();
        let cell = |index: usize| (index != 4).then(|| (index as f64, format!("cell {index}")));
        let heat = Heat {
            x_title: "x".into(),
            y_title: "y".into(),
            value_title: "v".into(),
            columns: names(3),
            rows: names(2),
            cells: (0..6).map(cell).collect(),
        };
        for width in [340.0, 560.0] {
            let drawing = heat.draw(width);
            assert_eq!(drawing.hits.len(), 5, "a cell without a point tells nothing");
            let of = |tip: &str| drawing.hits.iter().find(|hit| hit.tip == tip).unwrap();
            let (first, last) = (of("cell 0"), of("cell 5"));
            assert!(first.y > last.y && first.x < last.x, "rows go up, columns to the right");
            assert!(drawing.hits.iter().all(|hit| hit.x + hit.width <= width + 1e-9 && hit.y > 0.0));
            let cells = drawing.marks.iter().filter(|mark| mark.look == Look::Cell).count();
            assert_eq!(cells, LEVELS.len() + 5, "the scale and the cells");
        }
    }
}
