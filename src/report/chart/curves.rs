//! Curves over numbers of ranks, on axes of powers of two.

use super::super::drawing::{Anchor, Drawing, Look};
use super::super::figure::key;
use super::super::number::{count, short};

/// One curve: a value at each number of ranks, NaN where there is none.
pub(crate) struct Curve {
    pub label: String,
    pub values: Vec<f64>,
}

/// A chart of curves over the same numbers of ranks.
pub(crate) struct Curves {
    /// Ascending, all above zero.
    pub ranks: Vec<usize>,
    /// What would be best, at the same numbers; drawn as a reference.
    pub ideal: Vec<f64>,
    pub curves: Vec<Curve>,
    pub y_title: &'static str,
    /// Whether the vertical axis has powers of two, as the horizontal one; else it begins at zero.
    pub logarithmic: bool,
}

const HEIGHT: f64 = 230.0;

/// From values to pixels.
struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
    pixels: (f64, f64),
}

impl Scale {
    /// Around these values; nothing but numbers above zero counts.
    fn around(values: impl Iterator<Item = f64>, logarithmic: bool, pixels: (f64, f64)) -> Scale {
        let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
        values.filter(|value| value.is_finite() && *value > 0.0).for_each(|value| {
            (low, high) = (low.min(value), high.max(value));
        });
        match (logarithmic, low.is_finite()) {
            (_, false) => Scale { low: 0.0, high: 1.0, logarithmic: false, pixels },
            (false, true) => Scale { low: 0.0, high: 1.05 * high, logarithmic, pixels },
            (true, true) => {
                let (low, high) = (low.log2().floor(), high.log2().ceil());
                Scale { low, high: high.max(low + 1.0), logarithmic, pixels }
            }
        }
    }

    fn at(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.log2() } else { value };
        let part = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        self.pixels.0 + part * (self.pixels.1 - self.pixels.0)
    }

    /// Powers of two, at most about eight of them; or fifths of one.
    fn ticks(&self) -> Vec<f64> {
        if !self.logarithmic {
            let step = if self.high > 2.0 { self.high / 5.0 } else { 0.2 };
            return (0..).map(|tick| f64::from(tick) * step).take_while(|tick| *tick <= self.high).take(16).collect();
        }
        let (first, last) = (self.low as i32, self.high as i32);
        let stride = ((last - first) as usize).div_ceil(8).max(1);
        (first..=last).step_by(stride).map(|power| f64::from(power).exp2()).collect()
    }
}

impl Curves {
    /// Draws the chart.
    pub fn draw(&self, width: f64) -> Drawing {
        let mut drawing = Drawing::new(width, 0.0);
        let labels: Vec<String> = self.curves.iter().map(|curve| curve.label.clone()).collect();
        let top = key(&mut drawing, &labels, 0.0);
        drawing.text(Look::Note, Anchor::Start, (0.0, top + 10.0), self.y_title);
        let (left, right, top) = (46.0, width - 14.0, top + 22.0);
        let bottom = top + HEIGHT;
        drawing.height = bottom + 36.0;
        let ranks = || self.ranks.iter().map(|ranks| *ranks as f64);
        let horizontal = Scale::around(ranks(), true, (left, right));
        let all = self.curves.iter().flat_map(|curve| curve.values.iter().copied()).chain(self.ideal.iter().copied());
        let vertical = Scale::around(all, self.logarithmic, (bottom, top));
        self.draw_axes(&mut drawing, (left, right), bottom, (&horizontal, &vertical));
        let ideal: Vec<(f64, f64)> =
            ranks().zip(&self.ideal).map(|(ranks, value)| (horizontal.at(ranks), vertical.at(*value))).collect();
        ideal.windows(2).for_each(|ends| drawing.line(Look::Reference, ends[0], ends[1]));
        if let Some((x, y)) = ideal.last() {
            drawing.text(Look::Note, Anchor::End, (x - 6.0, y + 14.0), "ideal");
        }
        for (series, curve) in self.curves.iter().enumerate() {
            let known = ranks().zip(&curve.values).filter(|(_, value)| value.is_finite() && **value > 0.0);
            let points: Vec<(f64, f64)> =
                known.map(|(ranks, value)| (horizontal.at(ranks), vertical.at(*value))).collect();
            drawing.path(Look::Line, series, points.clone());
            points.into_iter().for_each(|point| drawing.dot(series, point, 3.0));
        }
        self.add_hits(&mut drawing, &horizontal, (top, bottom));
        drawing
    }

    fn draw_axes(
        &self,
        drawing: &mut Drawing,
        (left, right): (f64, f64),
        bottom: f64,
        (horizontal, vertical): (&Scale, &Scale),
    ) {
        for value in vertical.ticks() {
            let y = vertical.at(value);
            drawing.line(Look::Grid, (left, y), (right, y));
            let text = if self.logarithmic { short_power(value) } else { format!("{value:.1}") };
            drawing.text(Look::Note, Anchor::End, (left - 6.0, y + 4.0), text);
        }
        drawing.line(Look::Axis, (left, bottom), (right, bottom));
        for value in horizontal.ticks() {
            let x = horizontal.at(value);
            drawing.line(Look::Axis, (x, bottom), (x, bottom + 4.0));
            drawing.text(Look::Note, Anchor::Middle, (x, bottom + 16.0), short_power(value));
        }
        drawing.text(Look::Note, Anchor::End, (right, bottom + 31.0), "ranks");
    }

    /// Each number of ranks tells its values, half of the way to the next ones.
    fn add_hits(&self, drawing: &mut Drawing, horizontal: &Scale, (top, bottom): (f64, f64)) {
        let places: Vec<f64> = self.ranks.iter().map(|ranks| horizontal.at(*ranks as f64)).collect();
        for (index, ranks) in self.ranks.iter().enumerate() {
            let middle = |other: Option<&f64>| other.map_or(places[index], |other| 0.5 * (places[index] + other));
            let left = middle(index.checked_sub(1).and_then(|before| places.get(before))) - 4.0;
            let right = middle(places.get(index + 1)) + 4.0;
            let plural = if *ranks == 1 { "" } else { "s" };
            let heading = format!("{} rank{plural}", count(*ranks as u64));
            let line = |curve: &Curve| format!("{}: {}", curve.label, short(curve.values[index]));
            let tip = [heading].into_iter().chain(self.curves.iter().map(line)).collect::<Vec<String>>().join("\n");
            drawing.hit((left, top), (right - left, bottom - top), tip);
        }
    }
}

/// A power of two; halves, quarters as decimals.
fn short_power(value: f64) -> String {
    if value >= 1.0 { count(value as u64) } else { short(value) }
}

#[cfg(test)]
mod tests {
    use super::super::super::drawing::Shape;
    use super::*;

    fn chart(ranks: &[usize], values: &[f64], logarithmic: bool) -> Curves {
        let ideal = ranks.iter().map(|ranks| *ranks as f64).collect();
        let curve = Curve { label: "measured".into(), values: values.to_vec() };
        Curves { ranks: ranks.to_vec(), ideal, curves: vec![curve], y_title: "speed-up", logarithmic }
    }

    fn texts(drawing: &Drawing) -> Vec<String> {
        let text = |shape: &Shape| match shape {
            Shape::Text { text, .. } => Some(text.clone()),
            _ => None,
        };
        drawing.marks.iter().filter_map(|mark| text(&mark.shape)).collect()
    }

    #[test]
    fn a_perfect_speed_up_lies_on_the_ideal_line() {
        let drawing = chart(&[1, 2, 8], &[1.0, 2.0, 8.0], true).draw(560.0);
        let paths: Vec<&Vec<(f64, f64)>> = drawing
            .marks
            .iter()
            .filter_map(|mark| match (&mark.shape, mark.look) {
                (Shape::Path(points), Look::Reference | Look::Line) => Some(points),
                _ => None,
            })
            .collect();
        let ideal: Vec<(f64, f64)> = [&paths[0][..], &paths[1][1..]].concat();
        assert_eq!(&ideal, paths[2]);
        // Powers of two are equally far apart: 1 to 2 is a third of 1 to 8.
        let x: Vec<f64> = ideal.iter().map(|point| point.0).collect();
        assert!((3.0 * (x[1] - x[0]) - (x[2] - x[0])).abs() < 1e-9);
        assert_eq!(texts(&drawing).iter().filter(|text| *text == "8").count(), 2, "on both axes");
        assert_eq!(drawing.hits[1].tip, "2 ranks\nmeasured: 2.00");
    }

    #[test]
    fn any_values_can_be_drawn() {
        for logarithmic in [true, false] {
            for values in [&[f64::NAN; 3], &[0.0, 0.5, f64::INFINITY], &[1e-9, 1.0, 1e9]] {
                let drawing = chart(&[1, 3, 4096], values, logarithmic).draw(340.0);
                let numbers = drawing.hits.iter().flat_map(|hit| [hit.x, hit.y, hit.width, hit.height]);
                assert!(numbers.chain([drawing.height]).all(f64::is_finite));
                assert!(texts(&drawing).len() < 40, "{:?}", texts(&drawing));
            }
            chart(&[], &[], logarithmic).draw(340.0);
        }
    }
}
