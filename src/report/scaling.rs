//! Scaling studies as pictures: speed-up and efficiency over the number of ranks.

use super::chart::curves::{Curve, Curves};
use super::figure::{Figure, Table};
use super::number::short;
use super::{PLOT_WIDTH, page, svg};

/// What a study found at one number of ranks.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Ranks.
    pub ranks: usize,
    /// Median seconds.
    pub seconds: f64,
    /// Speed-up over the fewest ranks, times their number.
    pub speed_up: f64,
    /// Speed-up over the number of ranks.
    pub efficiency: f64,
    /// Predicted speed-up and efficiency; NaN without a prediction.
    pub predicted: [f64; 2],
}

/// A study to draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// What was run.
    pub title: String,
    /// A sentence on how.
    pub note: String,
    /// One for each number of ranks, ascending.
    pub points: Vec<Point>,
    /// Head and rows of the whole table.
    pub table: (Vec<String>, Vec<Vec<String>>),
}

impl Study {
    /// The study as one HTML page that needs nothing else.
    pub fn html(&self) -> String {
        page::page_of_figures("scaling study", &self.title, &self.note, &self.figures())
    }

    /// Each figure as an SVG file: name and content.
    pub fn svg(&self) -> Vec<(String, String)> {
        let file = |figure: Figure<'_>| {
            let label = format!("{}: {}", self.title, figure.title);
            let content = svg::standalone(&(figure.draw)(PLOT_WIDTH).with_margin(16.0, &figure.title), &label);
            (figure.name, content)
        };
        self.figures().into_iter().map(file).collect()
    }

    fn figures(&self) -> Vec<Figure<'_>> {
        let ideal = self.points.iter().map(|point| point.ranks as f64).collect();
        let speed_up = self.chart("speed-up", ideal, true, |point| [point.speed_up, point.predicted[0]]);
        let ideal = vec![1.0; self.points.len()];
        let efficiency = self.chart("efficiency", ideal, false, |point| [point.efficiency, point.predicted[1]]);
        let whole = Table::of(self.table.0.clone(), self.table.1.clone().into_iter());
        vec![
            self.figure("speed-up", "Speed-up", whole, true, speed_up),
            self.figure("efficiency", "Efficiency", self.efficiencies(), false, efficiency),
        ]
    }

    fn figure<'a>(&self, name: &str, title: &str, table: Table, table_first: bool, chart: Curves) -> Figure<'a> {
        Figure {
            name: name.into(),
            title: title.into(),
            note: self.note.clone(),
            table,
            table_first,
            draw: Box::new(move |width| chart.draw(width)),
        }
    }

    /// Measurement, and prediction if there is any.
    fn chart(&self, title: &'static str, ideal: Vec<f64>, logarithmic: bool, of: fn(&Point) -> [f64; 2]) -> Curves {
        let curve = |label: &str, index: usize| Curve {
            label: label.into(),
            values: self.points.iter().map(|point| of(point)[index]).collect(),
        };
        let curves = [curve("measured", 0), curve("predicted", 1)];
        let known = curves.into_iter().filter(|curve| curve.values.iter().any(|value| value.is_finite()));
        let ranks = self.points.iter().map(|point| point.ranks).collect();
        Curves { ranks, ideal, curves: known.collect(), y_title: title, logarithmic }
    }

    fn efficiencies(&self) -> Table {
        let head = ["ranks", "measured", "predicted"].map(String::from).to_vec();
        let row = |point: &Point| vec![point.ranks.to_string(), short(point.efficiency), short(point.predicted[1])];
        Table::of(head, self.points.iter().map(row).collect::<Vec<_>>().into_iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn study(predicted: f64) -> Study {
        let point = |ranks: usize| Point {
            ranks,
            seconds: 1.0 / ranks as f64,
            speed_up: ranks as f64,
            efficiency: 1.0,
            predicted: [predicted * ranks as f64, predicted],
        };
        let table = (vec!["ranks".into()], vec![vec!["<1>".into()]]);
        Study { title: "a <b>".into(), note: "c & d".into(), points: [1, 2, 4].map(point).to_vec(), table }
    }

    #[test]
    fn a_page_and_two_pictures_with_everything_escaped() {
        let page = study(0.9).html();
        assert!(page.contains("a &lt;b&gt;") && page.contains("&lt;1&gt;") && page.contains("c &amp; d"));
        assert!(!page.contains("a <b>") && page.contains("predicted: 3.60"));
        let pictures = study(0.9).svg();
        assert_eq!(pictures.iter().map(|picture| &picture.0[..]).collect::<Vec<_>>(), ["speed-up", "efficiency"]);
        assert!(pictures.iter().all(|picture| picture.1.starts_with("<svg") && picture.1.contains(">ideal<")));
    }

    #[test]
    fn without_a_prediction_none_is_drawn() {
        assert!(!study(f64::NAN).svg()[0].1.contains("predicted"));
        assert!(study(0.5).svg()[0].1.contains("predicted"));
    }
}
