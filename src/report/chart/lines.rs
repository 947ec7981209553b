//! Lines over an axis: widths and errors along a circuit, a spectrum.

use super::super::axis::Axis;
use super::super::drawing::{Anchor, Drawing, Look, fit, text_width};
use super::super::figure::key;
use super::super::number::count;

/// A chart of one value of each run at each index.
pub(crate) struct Lines<'a> {
    /// Names of the runs.
    pub labels: Vec<String>,
    /// The values of each run, from index `first` on.
    pub values: Vec<Vec<f64>>,
    /// Around the values of each run, what is known of them; empty for nothing.
    pub bands: Vec<Vec<[f64; 2]>>,
    /// The first index.
    pub first: usize,
    pub x_title: &'a str,
    pub y_title: &'a str,
    pub logarithmic: bool,
    /// Values hold until the next index, and dots are drawn if not.
    pub steps: bool,
    /// A value to compare with, and its name.
    pub reference: Option<(f64, String)>,
    /// What is said of a run's values at some indices.
    pub tip: Box<dyn Fn(usize, std::ops::Range<usize>) -> String + 'a>,
    /// What is said of the indices themselves.
    pub heading: Box<dyn Fn(std::ops::Range<usize>) -> String + 'a>,
    /// What is written at the end of each line; empty for nothing.
    pub ends: Vec<String>,
}

const HEIGHT: f64 = 230.0;
/// On a logarithmic axis, values smaller than this beside the largest stand at its foot.
const SMALLEST: f64 = 1e-5;

/// Where the values are drawn.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Lines<'_> {
    /// Draws the chart.
    pub fn draw(&self, width: f64) -> Drawing {
        let mut drawing = Drawing::new(width, 0.0);
        let top = key(&mut drawing, &self.labels, 0.0);
        drawing.text(Look::Note, Anchor::Start, (0.0, top + 10.0), self.y_title);
        let ends = self.ends.iter().map(|end| text_width(end)).fold(0.0, f64::max);
        let frame = Frame { left: 46.0, right: width - 10.0 - ends, top: top + 22.0, bottom: top + 22.0 + HEIGHT };
        drawing.height = frame.bottom + 36.0;
        let vertical = self.vertical(&frame);
        let horizontal = Axis::exact(self.first as f64, self.end() as f64, (frame.left, frame.right));
        self.draw_axes(&mut drawing, &frame, &vertical, &horizontal);
        for (series, values) in self.values.iter().enumerate() {
            self.draw_band(&mut drawing, series, &vertical, &horizontal);
            self.draw_line(&mut drawing, series, values, &vertical, &horizontal);
        }
        self.draw_ends(&mut drawing, &frame, &vertical);
        self.add_hits(&mut drawing, &frame, &horizontal);
        drawing
    }

    fn longest(&self) -> usize {
        self.values.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// The index the axis ends at: a step lasts until the next, a dot is where it is.
    fn end(&self) -> usize {
        self.first + if self.steps { self.longest() } else { self.longest().saturating_sub(1) }
    }

    fn vertical(&self, frame: &Frame) -> Axis {
        let shown = |value: &f64| value.is_finite() && (!self.logarithmic || *value > 0.0);
        let bands = self.bands.iter().flatten().flatten().copied();
        let all = self.values.iter().flatten().copied().chain(self.reference.iter().map(|reference| reference.0));
        let all = all.chain(bands);
        let all: Vec<f64> = all.filter(shown).collect();
        let (low, high) = (all.iter().copied().fold(f64::INFINITY, f64::min), all.iter().copied().fold(0.0, f64::max));
        let pixels = (frame.bottom, frame.top);
        match (self.logarithmic, all.is_empty()) {
            (true, false) => Axis::logarithmic(low.max(high * SMALLEST), high, pixels),
            _ => Axis::linear(low.min(0.0), high, pixels),
        }
    }

    fn draw_axes(&self, drawing: &mut Drawing, frame: &Frame, vertical: &Axis, horizontal: &Axis) {
        for (value, text) in vertical.ticks(5) {
            let y = vertical.at(value);
            drawing.line(Look::Grid, (frame.left, y), (frame.right, y));
            drawing.text(Look::Note, Anchor::End, (frame.left - 6.0, y + 4.0), text);
        }
        drawing.line(Look::Axis, (frame.left, frame.bottom), (frame.right, frame.bottom));
        let wanted = ((frame.right - frame.left) / 90.0).clamp(2.0, 6.0) as usize;
        for value in horizontal.ticks(wanted).into_iter().map(|tick| tick.0).filter(|value| value.fract() == 0.0) {
            let x = horizontal.at(value);
            drawing.line(Look::Axis, (x, frame.bottom), (x, frame.bottom + 4.0));
            drawing.text(Look::Note, Anchor::Middle, (x, frame.bottom + 16.0), count(value as u64));
        }
        drawing.text(Look::Note, Anchor::End, (frame.right, frame.bottom + 31.0), self.x_title);
        if let Some((value, name)) = &self.reference {
            let y = vertical.at(*value);
            drawing.line(Look::Reference, (frame.left, y), (frame.right, y));
            let name = fit(name, frame.right - frame.left);
            let y = if y - frame.top < 16.0 { y + 14.0 } else { y - 5.0 };
            drawing.text(Look::Note, Anchor::Start, (frame.left + 4.0, y), name);
        }
    }

    /// What is known of a run's values: there and back again.
    fn draw_band(&self, drawing: &mut Drawing, series: usize, vertical: &Axis, horizontal: &Axis) {
        let Some(band) = self.bands.get(series) else { return };
        let known = band.iter().enumerate().filter(|(_, ends)| ends.iter().all(|end| end.is_finite()));
        let known: Vec<(f64, &[f64; 2])> =
            known.map(|(index, ends)| (horizontal.at((self.first + index) as f64), ends)).collect();
        let low = known.iter().map(|(x, ends)| (*x, vertical.at(ends[0])));
        let high = known.iter().rev().map(|(x, ends)| (*x, vertical.at(ends[1])));
        drawing.path(Look::Interval, series, low.chain(high).collect());
    }

    fn draw_line(&self, drawing: &mut Drawing, series: usize, values: &[f64], vertical: &Axis, horizontal: &Axis) {
        let shown = |value: f64| value.is_finite() && (!self.logarithmic || value > 0.0);
        let place = |index: usize| horizontal.at((self.first + index) as f64);
        let points = values.iter().enumerate().filter(|(_, value)| shown(**value));
        if self.steps {
            let path =
                points.flat_map(|(index, value)| [index, index + 1].map(|end| (place(end), vertical.at(*value))));
            drawing.path(Look::Line, series, thinned(path));
        } else {
            let points: Vec<(f64, f64)> = points.map(|(index, value)| (place(index), vertical.at(*value))).collect();
            drawing.path(Look::Line, series, thinned(points.iter().copied()));
            if points.len() <= 64 {
                points.into_iter().for_each(|point| drawing.dot(series, point, 3.0));
            }
        }
    }

    /// The texts at the ends of the lines, moved apart where they would touch.
    fn draw_ends(&self, drawing: &mut Drawing, frame: &Frame, vertical: &Axis) {
        let place = |(series, end): (usize, &String)| {
            let last = *self.values[series].last()?;
            (!end.is_empty() && last.is_finite()).then(|| (vertical.at(last) + 4.0, series, end.clone()))
        };
        let mut ends: Vec<(f64, usize, String)> = self.ends.iter().enumerate().filter_map(place).collect();
        ends.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut least = frame.top;
        for (y, series, text) in ends {
            let y = y.max(least);
            drawing.text_of(series, Anchor::Start, (frame.right + 5.0, y), text);
            least = y + 14.0;
        }
    }

    fn add_hits(&self, drawing: &mut Drawing, frame: &Frame, horizontal: &Axis) {
        let (longest, height) = (self.longest(), frame.bottom - frame.top);
        let each = longest.div_ceil(((frame.right - frame.left) / 2.0) as usize).max(1);
        // A step is as wide as it lasts; a dot has half of the way to the next on either side.
        let shift = if self.steps { 0.0 } else { 0.5 };
        for start in (0..longest).step_by(each) {
            let range = start..(start + each).min(longest);
            let edge = |index: usize| horizontal.at((self.first + index) as f64 - shift);
            let (left, right) = (edge(range.start), edge(range.end));
            drawing.hit((left, frame.top), ((right - left).max(0.5), height), self.tip_of(range));
        }
    }

    fn tip_of(&self, range: std::ops::Range<usize>) -> String {
        let mut lines = vec![(self.heading)(range.clone())];
        for (series, values) in self.values.iter().enumerate() {
            let known = range.start.min(values.len())..range.end.min(values.len());
            if !known.is_empty() {
                let text = (self.tip)(series, known);
                lines.push(if self.values.len() > 1 { format!("{}: {text}", self.labels[series]) } else { text });
            }
        }
        lines.join("\n")
    }
}

/// `step 12`, `steps 12 to 15`.
pub(crate) fn indices(word: &str, range: &std::ops::Range<usize>) -> String {
    match range.len() {
        1 => format!("{word} {}", count(range.start as u64)),
        _ => format!("{word}s {} to {}", count(range.start as u64), count(range.end as u64 - 1)),
    }
}

/// The same line with at most four points in each half of a pixel: the first, the lowest, the highest, the last.
fn thinned(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    let mut column: Vec<(f64, f64)> = Vec::new();
    for point in points {
        if column.first().is_some_and(|first| (first.0 * 2.0).floor() != (point.0 * 2.0).floor()) {
            keep(&mut kept, &column);
            column.clear();
        }
        column.push(point);
    }
    keep(&mut kept, &column);
    kept
}

fn keep(kept: &mut Vec<(f64, f64)>, column: &[(f64, f64)]) {
    if column.len() <= 4 {
        return kept.extend(column);
    }
    let by_height = |one: &usize, other: &usize| column[*one].1.total_cmp(&column[*other].1);
    let lowest = (0..column.len()).min_by(by_height).unwrap_or(0);
    let highest = (0..column.len()).max_by(by_height).unwrap_or(0);
    let mut chosen = [0, lowest, highest, column.len() - 1];
    chosen.sort_unstable();
    kept.extend(chosen.map(|index| column[index]));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: Vec<Vec<f64>>, logarithmic: bool, steps: bool) -> Lines<'static> {
        Lines {
            labels: (0..values.len()).map(|run| format!("run {run}")).collect(),
            ends: vec![String::new(); values.len()],
            values,
            bands: Vec::new(),
            first: 0,
            x_title: "step",
            y_title: "columns",
            logarithmic,
            steps,
            reference: Some((0.5, "budget".into())),
            tip: Box::new(|series, range| format!("{series} {range:?}")),
            heading: Box::new(|range| indices("step", &range)),
        }
    }

    #[test]
    fn a_long_line_keeps_its_extremes_and_few_points() {
        let mut values = vec![1.0; 100_000];
        values[54_321] = 7.0;
        let drawing = chart(vec![values], false, true).draw(560.0);
        let path = drawing.marks.iter().find_map(|mark| match (&mark.shape, mark.look) {
            (super::super::super::drawing::Shape::Path(points), Look::Line) => Some(points),
            _ => None,
        });
        let path = path.unwrap();
        assert!(path.len() < 5000, "{}", path.len());
        let highest = path.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
        let lowest = path.iter().map(|point| point.1).fold(0.0, f64::max);
        assert!(lowest - highest > 100.0);
        assert!(drawing.hits.len() <= 300 && drawing.hits[0].tip.contains("steps 0 to"));
    }

    #[test]
    fn any_values_can_be_drawn() {
        for values in
            [vec![], vec![vec![]], vec![vec![f64::NAN; 3]], vec![vec![0.0]], vec![vec![0.0, 1e-9], vec![0.3; 5]]]
        {
            for (logarithmic, steps) in [(false, true), (true, true), (true, false)] {
                let drawing = chart(values.clone(), logarithmic, steps).draw(340.0);
                let numbers = drawing.hits.iter().flat_map(|hit| [hit.x, hit.y, hit.width, hit.height]);
                assert!(drawing.height > 200.0 && numbers.into_iter().all(f64::is_finite));
            }
        }
    }

    #[test]
    fn each_run_speaks_for_the_steps_it_has() {
        let drawing = chart(vec![vec![1.0], vec![1.0, 2.0]], false, true).draw(560.0);
        assert_eq!(drawing.hits[0].tip, "step 0\nrun 0: 0 0..1\nrun 1: 1 0..1");
        assert_eq!(drawing.hits[1].tip, "step 1\nrun 1: 1 1..2");
    }
}
