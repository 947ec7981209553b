//! Graphs and clouds of points over an axis of numbers, with bands.

use super::super::axis::Axis;
use super::super::drawing::{Anchor, Drawing, Look, fit};
use super::super::figure::key;

/// How the points of a graph are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// A line through them.
    Line,
    /// A value holds until the next.
    Steps,
    /// Each by itself.
    Dots,
}

/// Some points.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Graph {
    /// In the order in which they are joined.
    pub points: Vec<(f64, f64)>,
    /// Around each point, what is known of it; empty for nothing.
    pub band: Vec<[f64; 2]>,
    pub style: Style,
    /// Which colour it has.
    pub series: usize,
}

/// What is told at a place: of all points at `x`, or of the one at `x` and `y`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spot {
    pub x: f64,
    pub y: Option<f64>,
    pub tip: String,
}

/// A chart of graphs.
pub(crate) struct Graphs {
    /// Names of the colours.
    pub labels: Vec<String>,
    pub graphs: Vec<Graph>,
    /// In the order of `x`.
    pub spots: Vec<Spot>,
    pub x_title: String,
    pub y_title: String,
    pub x_logarithmic: bool,
}

const HEIGHT: f64 = 250.0;
/// Values further apart are drawn on a logarithmic axis.
const FAR_APART: f64 = 100.0;
/// Graphs of more points have no dots.
const MOST_DOTS: usize = 40;
/// Half of the side of the square in which a point is pointed at.
const NEAR: f64 = 5.0;

/// Where the points are drawn.
struct Frame {
    x: Axis,
    y: Axis,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Frame {
    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x.at(x), self.y.at(y))
    }
}

impl Graphs {
    /// Draws the chart.
    pub fn draw(&self, width: f64) -> Drawing {
        let mut drawing = Drawing::new(width, 0.0);
        let top = key(&mut drawing, &self.labels, 0.0);
        let frame = self.frame(width, top + 22.0);
        let title = fit(&format!("{}{}", self.y_title, logarithmic(self.y_is_logarithmic())), width);
        drawing.text(Look::Note, Anchor::Start, (0.0, top + 10.0), title);
        self.draw_axes(&mut drawing, &frame);
        self.graphs.iter().for_each(|graph| draw_band(&mut drawing, graph, &frame));
        self.graphs.iter().for_each(|graph| draw_graph(&mut drawing, graph, &frame));
        self.add_hits(&mut drawing, &frame);
        drawing.height = frame.bottom + 36.0;
        drawing
    }

    fn frame(&self, width: f64, top: f64) -> Frame {
        let (left, right, bottom) = (50.0, width - 12.0, top + HEIGHT);
        let (low, high) = ends(self.graphs.iter().flat_map(|graph| &graph.points).map(|point| point.0));
        let x = if self.x_logarithmic && low > 0.0 {
            Axis::logarithmic(low, high, (left, right))
        } else {
            Axis::linear(low, high, (left, right))
        };
        let (low, high) = ends(self.heights());
        let y = if self.y_is_logarithmic() {
            Axis::logarithmic(low, high, (bottom, top))
        } else {
            Axis::linear(low, high, (bottom, top))
        };
        Frame { x, y, left, right, top, bottom }
    }

    fn heights(&self) -> impl Iterator<Item = f64> {
        let bands = self.graphs.iter().flat_map(|graph| &graph.band).flatten().copied();
        self.graphs.iter().flat_map(|graph| &graph.points).map(|point| point.1).chain(bands)
    }

    fn y_is_logarithmic(&self) -> bool {
        let (low, high) = ends(self.heights());
        low > 0.0 && high > FAR_APART * low
    }

    fn draw_axes(&self, drawing: &mut Drawing, frame: &Frame) {
        for (value, text) in frame.y.ticks(5) {
            let y = frame.y.at(value);
            drawing.line(Look::Grid, (frame.left, y), (frame.right, y));
            drawing.text(Look::Note, Anchor::End, (frame.left - 6.0, y + 4.0), text);
        }
        drawing.line(Look::Axis, (frame.left, frame.bottom), (frame.right, frame.bottom));
        let wanted = ((frame.right - frame.left) / 90.0).clamp(2.0, 6.0) as usize;
        for (value, text) in frame.x.ticks(wanted) {
            let x = frame.x.at(value);
            drawing.line(Look::Axis, (x, frame.bottom), (x, frame.bottom + 4.0));
            drawing.text(Look::Note, Anchor::Middle, (x, frame.bottom + 16.0), text);
        }
        let title = format!("{}{}", self.x_title, logarithmic(self.x_logarithmic));
        drawing.text(Look::Note, Anchor::End, (frame.right, frame.bottom + 31.0), fit(&title, frame.right));
    }

    fn add_hits(&self, drawing: &mut Drawing, frame: &Frame) {
        let columns: Vec<f64> = self.spots.iter().map(|spot| frame.x.at(spot.x)).collect();
        for (index, spot) in self.spots.iter().enumerate() {
            let x = columns[index];
            if let Some(y) = spot.y {
                let at = (x - NEAR, frame.y.at(y) - NEAR);
                drawing.hit(at, (2.0 * NEAR, 2.0 * NEAR), spot.tip.clone());
                continue;
            }
            // Half of the way to the next on either side.
            let left = if index > 0 { (columns[index - 1] + x) / 2.0 } else { frame.left };
            let right = columns.get(index + 1).map_or(frame.right, |next| (next + x) / 2.0);
            let size = ((right - left).max(0.5), frame.bottom - frame.top);
            drawing.hit((left, frame.top), size, spot.tip.clone());
        }
    }
}

fn logarithmic(is_so: bool) -> &'static str {
    if is_so { " (logarithmic)" } else { "" }
}

fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = values.filter(|value| value.is_finite());
    finite.fold((f64::INFINITY, f64::NEG_INFINITY), |ends, value| (ends.0.min(value), ends.1.max(value)))
}

fn draw_band(drawing: &mut Drawing, graph: &Graph, frame: &Frame) {
    let known = || graph.points.iter().zip(&graph.band).filter(|(_, band)| band.iter().all(|end| end.is_finite()));
    if graph.style == Style::Dots {
        for ((x, _), [low, high]) in known() {
            drawing.path(Look::Whisker, graph.series, vec![frame.at((*x, *low)), frame.at((*x, *high))]);
        }
        return;
    }
    let low = known().map(|((x, _), band)| frame.at((*x, band[0])));
    let mut high: Vec<(f64, f64)> = known().map(|((x, _), band)| frame.at((*x, band[1]))).collect();
    high.reverse();
    let around: Vec<(f64, f64)> = low.chain(high).collect();
    if around.len() > 2 {
        drawing.path(Look::Interval, graph.series, around);
    }
}

fn draw_graph(drawing: &mut Drawing, graph: &Graph, frame: &Frame) {
    let known = graph.points.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
    let places: Vec<(f64, f64)> = known.map(|point| frame.at(*point)).collect();
    let joined: Vec<(f64, f64)> = match graph.style {
        Style::Line => places.clone(),
        Style::Steps => {
            let first = places.first().copied().into_iter();
            first.chain(places.windows(2).flat_map(|pair| [(pair[1].0, pair[0].1), pair[1]])).collect()
        }
        Style::Dots => Vec::new(),
    };
    if joined.len() > 1 {
        drawing.path(Look::Line, graph.series, joined);
    }
    if graph.style == Style::Dots || places.len() <= MOST_DOTS {
        places.into_iter().for_each(|place| drawing.dot(graph.series, place, 3.0));
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::drawing::Shape;
    use super::*;

    fn chart(points: Vec<(f64, f64)>, style: Style) -> Graphs {
        let spots = points.iter().map(|(x, y)| Spot { x: *x, y: None, tip: format!("{y}") }).collect();
        let band = points.iter().map(|(_, y)| [y - 0.5, y + 0.5]).collect();
        let graphs = vec![Graph { points, band, style, series: 0 }];
        Graphs { labels: vec![], graphs, spots, x_title: "x".into(), y_title: "y".into(), x_logarithmic: false }
    }

    #[test]
    fn points_stand_at_their_values() {
        let drawing = chart(vec![(0.0, 0.0), (1.0, 10.0), (2.0, 0.0)], Style::Line).draw(562.0);
        let line = drawing.marks.iter().find_map(|mark| match (&mark.shape, mark.look) {
            (Shape::Path(points), Look::Line) => Some(points.clone()),
            _ => None,
        });
        let line = line.unwrap();
        assert_eq!(line.iter().map(|point| point.0).collect::<Vec<_>>(), [50.0, 300.0, 550.0]);
        // From -0.5 to 10.5, the band's ends, in round numbers from -5 to 15: 10 is three fourths up.
        assert!((line[0].1 - line[1].1 - HEIGHT / 2.0).abs() < 1e-9 && line[0].1 == line[2].1, "{line:?}");
        assert_eq!(drawing.hits.len(), 3);
    }

    #[test]
    fn steps_hold_until_the_next_point() {
        let drawing = chart(vec![(0.0, 2.0), (1.0, 1.0)], Style::Steps).draw(562.0);
        let is_line = |mark: &&super::super::super::drawing::Mark| mark.look == Look::Line;
        let Shape::Path(path) = &drawing.marks.iter().find(is_line).unwrap().shape else { panic!("a path") };
        assert_eq!((path.len(), path[0].1, path[1].0), (3, path[1].1, path[2].0));
    }

    #[test]
    fn any_values_can_be_drawn() {
        for points in [
            vec![],
            vec![(f64::NAN, 1.0)],
            vec![(0.0, f64::NAN)],
            vec![(1.0, 1.0)],
            vec![(1e-9, 1e-9), (1e9, 1e9)],
            vec![(-1.0, f64::MAX), (1.0, -f64::MAX)],
        ] {
            for style in [Style::Line, Style::Steps, Style::Dots] {
                for x_logarithmic in [false, true] {
                    let drawing = Graphs { x_logarithmic, ..chart(points.clone(), style) }.draw(340.0);
                    let numbers = drawing.hits.iter().flat_map(|hit| [hit.y, hit.width, hit.height]);
                    assert!(drawing.height > 200.0 && numbers.into_iter().all(f64::is_finite), "{points:?}");
                }
            }
        }
    }
}
