//! Rows of bars or of intervals: everything that has a name and a value.

use super::super::axis::Axis;
use super::super::drawing::{Anchor, Drawing, Look, fit, text_width};
use super::super::figure::key;

/// One value of one run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// The run.
    pub series: usize,
    pub value: f64,
    /// The proven interval; NaN where there is none.
    pub lower: f64,
    pub upper: f64,
    /// The standard error; NaN where nothing is sampled.
    pub stderr: f64,
    /// What is written beside it.
    pub text: String,
    /// What it tells when it is pointed at.
    pub tip: String,
}

/// One name and its values, one of each run that has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub label: String,
    pub entries: Vec<Entry>,
}

/// A chart of rows.
pub(crate) struct Rows {
    /// Names of the runs.
    pub labels: Vec<String>,
    pub rows: Vec<Row>,
    /// Bars from zero; else points.
    pub bars: bool,
    /// Ends of the axis; those of the values unless given.
    pub range: Option<(f64, f64)>,
    pub x_title: String,
    /// A value to compare with.
    pub reference: Option<f64>,
    /// What is said of what is not drawn; empty for nothing.
    pub remark: String,
}

/// Height of one value.
const LINE: f64 = 20.0;
/// Narrower drawings write names above the marks instead of beside them.
const NARROW: f64 = 460.0;

/// Where names, marks and texts are.
struct Layout {
    narrow: bool,
    left: f64,
    right: f64,
    name_width: f64,
}

impl Rows {
    /// Draws the chart.
    pub fn draw(&self, width: f64) -> Drawing {
        let mut drawing = Drawing::new(width, 0.0);
        let layout = self.layout(width);
        let top = key(&mut drawing, &self.labels, 0.0) + 4.0;
        let (low, high) = self.ends();
        let axis = match self.range {
            Some(_) => Axis::exact(low, high, (layout.left, layout.right)),
            None => Axis::linear(low, high, (layout.left, layout.right)),
        };
        let bottom = top + self.rows.iter().map(|row| self.height(row, layout.narrow)).sum::<f64>();
        self.draw_axis(&mut drawing, &axis, (top, bottom), &layout);
        let mut y = top;
        for row in &self.rows {
            self.draw_row(&mut drawing, row, y, &axis, &layout);
            y += self.height(row, layout.narrow);
        }
        drawing.height = bottom + 34.0;
        if !self.remark.is_empty() {
            drawing.text(Look::Note, Anchor::Start, (0.0, bottom + 48.0), fit(&self.remark, width));
            drawing.height += 20.0;
        }
        drawing
    }

    fn layout(&self, width: f64) -> Layout {
        let entries = self.rows.iter().flat_map(|row| &row.entries);
        let texts = entries.map(|entry| text_width(&entry.text)).fold(0.0, f64::max);
        let names = self.rows.iter().map(|row| text_width(&row.label)).fold(0.0, f64::max);
        if width < NARROW {
            return Layout { narrow: true, left: 8.0, right: width - 8.0, name_width: width - texts - 12.0 };
        }
        let name_width = names.min(0.34 * width);
        Layout { narrow: false, left: name_width + 14.0, right: width - texts - 16.0, name_width }
    }

    /// Name and text need a line of their own when it is narrow.
    fn height(&self, row: &Row, narrow: bool) -> f64 {
        let lines = row.entries.len().max(1) as f64;
        let gap = if self.labels.len() > 1 { 8.0 } else { 2.0 };
        lines * LINE * if narrow { 1.7 } else { 1.0 } + gap
    }

    fn ends(&self) -> (f64, f64) {
        if let Some(range) = self.range {
            return range;
        }
        let of = |entry: &Entry| {
            [entry.value, entry.lower, entry.upper, entry.value - entry.stderr, entry.value + entry.stderr]
        };
        let all: Vec<f64> = self.rows.iter().flat_map(|row| &row.entries).flat_map(of).chain(self.reference).collect();
        let zero = if self.bars { 0.0 } else { f64::NAN };
        let low = all.iter().copied().filter(|value| value.is_finite()).chain([zero]).fold(f64::INFINITY, f64::min);
        let high =
            all.iter().copied().filter(|value| value.is_finite()).chain([zero]).fold(f64::NEG_INFINITY, f64::max);
        (low, high)
    }

    fn draw_axis(&self, drawing: &mut Drawing, axis: &Axis, (top, bottom): (f64, f64), layout: &Layout) {
        let widest = axis.ticks(4).iter().map(|tick| text_width(&tick.1)).fold(0.0, f64::max);
        let wanted = ((layout.right - layout.left) / (widest + 24.0)).clamp(1.0, 5.0) as usize;
        for (value, text) in axis.ticks(wanted) {
            let x = axis.at(value);
            drawing.line(Look::Grid, (x, top), (x, bottom));
            drawing.text(Look::Note, Anchor::Middle, (x, bottom + 15.0), text);
        }
        for value in self.reference.into_iter().chain(self.bars.then_some(0.0)) {
            drawing.line(Look::Axis, (axis.at(value), top), (axis.at(value), bottom));
        }
        drawing.text(Look::Note, Anchor::End, (layout.right, bottom + 30.0), self.x_title.clone());
    }

    fn draw_row(&self, drawing: &mut Drawing, row: &Row, top: f64, axis: &Axis, layout: &Layout) {
        let mut y = top;
        let name = fit(&row.label, layout.name_width);
        for (index, entry) in row.entries.iter().enumerate() {
            let height = if layout.narrow { 1.7 * LINE } else { LINE };
            let (baseline, middle) = if layout.narrow { (y + 13.0, y + 24.0) } else { (y + 14.0, y + 10.0) };
            if index == 0 {
                let anchor = if layout.narrow { Anchor::Start } else { Anchor::End };
                let x = if layout.narrow { 0.0 } else { layout.name_width };
                drawing.text(Look::Label, anchor, (x, baseline), name.clone());
            }
            self.draw_entry(drawing, entry, middle, axis);
            let x = if layout.narrow { drawing.width } else { layout.right + 12.0 };
            let anchor = if layout.narrow { Anchor::End } else { Anchor::Start };
            drawing.text(Look::Note, anchor, (x, baseline), entry.text.clone());
            drawing.hit((0.0, y), (drawing.width, height), entry.tip.clone());
            y += height;
        }
    }

    fn draw_entry(&self, drawing: &mut Drawing, entry: &Entry, y: f64, axis: &Axis) {
        let (series, x) = (entry.series, axis.at(entry.value));
        let half = if self.labels.len() > 1 { 4.0 } else { 5.0 };
        if self.bars && entry.value.is_finite() {
            let (left, right) = (axis.at(0.0).min(x), axis.at(0.0).max(x));
            drawing.rectangle(Look::Bar, series, (left, y - half), ((right - left).max(0.5), 2.0 * half));
        }
        if entry.lower.is_finite() && entry.upper.is_finite() {
            let (left, right) = (axis.at(entry.lower), axis.at(entry.upper));
            if self.bars {
                whisker(drawing, series, (left, right), y);
            } else {
                drawing.rectangle(Look::Interval, series, (left, y - 5.0), ((right - left).max(1.0), 10.0));
            }
        }
        if entry.stderr > 0.0 {
            whisker(drawing, series, (axis.at(entry.value - entry.stderr), axis.at(entry.value + entry.stderr)), y);
        }
        if !self.bars && entry.value.is_finite() {
            drawing.dot(series, (x, y), 3.5);
        }
    }
}

/// A line between two values, with its ends marked.
fn whisker(drawing: &mut Drawing, series: usize, (left, right): (f64, f64), y: f64) {
    drawing.path(Look::Whisker, series, vec![(left, y), (right, y)]);
    for x in [left, right] {
        drawing.path(Look::Whisker, series, vec![(x, y - 3.0), (x, y + 3.0)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(series: usize, value: f64) -> Entry {
        let (lower, upper) = (value - 0.1, value + 0.1);
        Entry { series, value, lower, upper, stderr: f64::NAN, text: format!("{value}"), tip: format!("tip {value}") }
    }

    fn chart(entries: &[&[f64]], bars: bool) -> Rows {
        let row = |values: &&[f64]| Row {
            label: "Z0 Z1".into(),
            entries: values.iter().enumerate().map(|(series, value)| entry(series, *value)).collect(),
        };
        Rows {
            labels: vec!["a".into(), "b".into()],
            rows: entries.iter().map(row).collect(),
            bars,
            range: None,
            x_title: "value".into(),
            reference: None,
            remark: "and 3 more".into(),
        }
    }

    #[test]
    fn every_value_can_be_pointed_at_and_nothing_leaves_the_drawing() {
        for bars in [true, false] {
            for width in [340.0, 560.0] {
                let drawing = chart(&[&[0.5, -0.25], &[f64::NAN], &[]], bars).draw(width);
                assert_eq!(drawing.hits.len(), 3);
                assert!(
                    drawing.hits.iter().all(|hit| hit.x + hit.width <= width && hit.y + hit.height <= drawing.height)
                );
                assert!(drawing.height.is_finite());
            }
        }
    }

    #[test]
    fn no_rows_make_an_empty_chart() {
        assert!(chart(&[], true).draw(340.0).height > 0.0);
    }
}
