//! Parallel coordinates: an axis for each number of a point, a strand for each point.

use super::super::drawing::{Anchor, Drawing, Look, Shape, fit};
use super::heat::Scale;

/// One of the axes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Upright {
    pub name: String,
    /// What stands at its foot and at its head.
    pub ends: [String; 2],
    /// What it tells when it is pointed at.
    pub tip: String,
}

/// One point.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Strand {
    /// Its place on each axis, from 0 to 1; nothing where the axis does not apply.
    pub places: Vec<Option<f64>>,
    /// What its colour tells.
    pub value: f64,
}

/// The chart; strands that come later lie above.
pub(crate) struct Parallel {
    pub axes: Vec<Upright>,
    pub strands: Vec<Strand>,
    pub scale: Scale,
    /// What the colours mean.
    pub value_title: String,
}

const HEIGHT: f64 = 250.0;

impl Parallel {
    /// Draws the chart.
    pub fn draw(&self, width: f64) -> Drawing {
        let mut drawing = Drawing::new(width, 0.0);
        let top = self.scale.draw(&mut drawing, &self.value_title, 0.0) + 42.0;
        let bottom = top + HEIGHT;
        let gap = width / self.axes.len().max(1) as f64;
        let x = |axis: usize| (axis as f64 + 0.5) * gap;
        for strand in &self.strands {
            let level = self.scale.level(strand.value);
            let place = |(axis, place): (usize, &Option<f64>)| place.map(|part| (x(axis), bottom - part * HEIGHT));
            let places: Vec<Option<(f64, f64)>> = strand.places.iter().enumerate().map(place).collect();
            // The strand has a gap where an axis does not apply.
            for piece in places.split(Option::is_none).filter(|piece| piece.len() > 1) {
                let path = piece.iter().flatten().copied().collect();
                drawing.mark_level(Look::Strand, level, Shape::Path(path));
            }
        }
        for (index, axis) in self.axes.iter().enumerate() {
            // Every other name stands higher, so that neighbours do not touch.
            let raised = if index % 2 == 1 { 0.0 } else { 14.0 };
            let room = (2.0 * gap - 8.0).min(2.0 * x(index)).min(2.0 * (width - x(index)));
            drawing.line(Look::Axis, (x(index), top), (x(index), bottom));
            drawing.text(
                Look::Label,
                Anchor::Middle,
                (x(index), top - 34.0 + 14.0 - raised + 2.0),
                fit(&axis.name, room),
            );
            drawing.text(Look::Note, Anchor::Middle, (x(index), top - 5.0), fit(&axis.ends[1], gap - 4.0));
            drawing.text(Look::Note, Anchor::Middle, (x(index), bottom + 15.0), fit(&axis.ends[0], gap - 4.0));
            drawing.hit((x(index) - gap / 2.0, top), (gap, HEIGHT), axis.tip.clone());
        }
        drawing.height = bottom + 22.0;
        drawing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strand_has_a_gap_where_an_axis_does_not_apply() {
        let axis = |name: &str| Upright { name: name.into(), ends: ["0".into(), "1".into()], tip: name.into() };
        let strand = |places: &[Option<f64>]| Strand { places: places.to_vec(), value: 0.0 };
        let chart = Parallel {
            axes: ["a", "b", "c", "d", "e"].map(axis).into(),
            strands: vec![
                strand(&[Some(0.0), Some(1.0), None, Some(0.5), Some(1.0)]),
                strand(&[Some(0.5), None, Some(1.0), None, Some(1.0)]),
            ],
            scale: Scale::of([0.0].into_iter()),
            value_title: "v".into(),
        };
        let drawing = chart.draw(500.0);
        let paths: Vec<&Vec<(f64, f64)>> = drawing
            .marks
            .iter()
            .filter(|mark| mark.look == Look::Strand)
            .map(|mark| if let Shape::Path(points) = &mark.shape { points } else { panic!("a path") })
            .collect();
        assert_eq!(paths.len(), 2, "one point alone is no line");
        assert_eq!(paths[0].iter().map(|point| point.0).collect::<Vec<_>>(), [50.0, 150.0]);
        assert_eq!(paths[0][0].1 - paths[0][1].1, HEIGHT);
        assert_eq!(drawing.hits.len(), 5);
    }
}
