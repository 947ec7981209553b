//! Two results against each other, and the points that no other beats in both.

use super::super::chart::graphs::{Graph, Graphs, Spot, Style};
use super::super::figure::{Figure, Table};
use super::super::number::{count, exact, plural};
use super::Sweep;
use super::bins::spread;
use crate::io::sweep::StoredResult;

/// Points of the front, and of all, that are drawn.
const MOST: usize = 400;

/// Two results, and whether small values of each are good.
struct Weighed<'a> {
    sweep: &'a Sweep,
    results: [&'a StoredResult; 2],
    small_good: [bool; 2],
    /// Points that have both.
    known: Vec<usize>,
}

/// The trade-off of the two weighed results; nothing when there is one result only.
pub(super) fn pareto(sweep: &Sweep) -> Vec<Figure<'_>> {
    let Some(weighed) = Weighed::of(sweep).filter(|weighed| weighed.known.len() > 1) else { return Vec::new() };
    let [x, y] = weighed.results;
    let front = weighed.front();
    let row = |point: &usize| {
        let (at_x, at_y) = weighed.place(*point);
        vec![count(sweep.table.index[*point]), exact(at_x), exact(at_y), sweep.place_of(*point)]
    };
    let table = Table::of(["point", &x.name, &y.name, "at"].map(String::from).into(), front.iter().map(row));
    let (others, drawn) = (thinned(&weighed.known), thinned(&front));
    let note = weighed.note(front.len(), drawn.len(), others.len());
    let chart = weighed.chart(&others, &drawn);
    vec![Figure {
        name: "pareto".into(),
        title: format!("{} against {}", y.name, x.name),
        note,
        table,
        table_first: false,
        draw: Box::new(move |width| chart.draw(width)),
    }]
}

impl<'a> Weighed<'a> {
    fn of(sweep: &'a Sweep) -> Option<Weighed<'a>> {
        let results = sweep.weighed?.map(|place| &sweep.table.results[place]);
        let has_both = |point: &usize| results.iter().all(|result| result.value[*point].is_finite());
        let known = sweep.done.iter().copied().filter(has_both).collect();
        Some(Weighed { sweep, results, small_good: results.map(|result| sweep.is_small_good(result)), known })
    }

    fn place(&self, point: usize) -> (f64, f64) {
        (self.results[0].value[point], self.results[1].value[point])
    }

    /// The points that no other beats.
    fn front(&self) -> Vec<usize> {
        let sign = self.small_good.map(|good| if good { 1.0 } else { -1.0 });
        let cost = |point: &usize| {
            let (x, y) = self.place(*point);
            (sign[0] * x, sign[1] * y)
        };
        let costs: Vec<(f64, f64)> = self.known.iter().map(cost).collect();
        front(&costs).into_iter().map(|at| self.known[at]).collect()
    }

    fn chart(&self, others: &[usize], front: &[usize]) -> Graphs {
        let [x, y] = self.results.map(|result| result.name.clone());
        let graph = |points: &[usize], style, series| {
            let points = points.iter().map(|point| self.place(*point)).collect();
            Graph { points, band: Vec::new(), style, series }
        };
        Graphs {
            labels: vec!["not beaten in both".into(), "other points".into()],
            graphs: vec![graph(others, Style::Dots, 1), graph(front, Style::Steps, 0), graph(front, Style::Dots, 0)],
            spots: others.iter().chain(front).map(|point| self.spot(*point)).collect(),
            x_title: x,
            y_title: y,
            x_logarithmic: false,
        }
    }

    fn spot(&self, point: usize) -> Spot {
        let (x, y) = self.place(point);
        let [name_x, name_y] = self.results.map(|result| &result.name);
        let place = self.sweep.place_of(point);
        let index = count(self.sweep.table.index[point]);
        let tip = format!("point {index}\n{name_x} {}\n{name_y} {}\n{place}", exact(x), exact(y));
        Spot { x, y: Some(y), tip }
    }

    fn note(&self, front: usize, drawn: usize, others: usize) -> String {
        let [x, y] = self.results.map(|result| &result.name);
        let [small_x, small_y] = self.small_good.map(|good| if good { "small" } else { "large" });
        let which = if front == 1 {
            "the one of the front".into()
        } else {
            format!("the {} of the front", count(front as u64))
        };
        let all = self.known.len();
        let thinned = match drawn < front || others < all {
            true => format!(
                " Of {}, {} are drawn, and {} of the front.",
                plural(all as u64, "point"),
                count(others as u64),
                count(drawn as u64)
            ),
            false => String::new(),
        };
        format!("No point beats {which} in both: {small_x} {x} and {small_y} {y}.{thinned}")
    }
}

/// At most [`MOST`] points at equal distances, the first and the last among them.
fn thinned(points: &[usize]) -> Vec<usize> {
    spread(points.len(), MOST).map(|at| points[at]).collect()
}

/// Places of the points that no other beats: none is at most as dear in both and cheaper in one. By ascending first cost; of
/// equal points the first.
fn front(costs: &[(f64, f64)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by(|one, other| {
        let (one, other) = (costs[*one], costs[*other]);
        one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1))
    });
    let mut least = f64::INFINITY;
    let is_on_front = |place: &usize| {
        let better = costs[*place].1 < least;
        least = least.min(costs[*place].1);
        better
    };
    order.into_iter().filter(is_on_front).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Few different values, so that many are equal.
        #[test]
        fn the_front_is_what_the_definition_says(costs in prop::collection::vec((0..6i32, 0..6i32), 1..40)) {
            let costs: Vec<(f64, f64)> = costs.into_iter().map(|(x, y)| (f64::from(x), f64::from(y))).collect();
            let beats = |one: (f64, f64), other: (f64, f64)| one.0 <= other.0 && one.1 <= other.1 && one != other;
            let unbeaten = |at: &usize| !costs.iter().any(|other| beats(*other, costs[*at]));
            let first = |at: &usize| !costs[..*at].contains(&costs[*at]);
            let mut expected: Vec<usize> = (0..costs.len()).filter(|at| unbeaten(at) && first(at)).collect();
            expected.sort_by(|one, other| costs[*one].0.total_cmp(&costs[*other].0));
            prop_assert_eq!(front(&costs), expected);
        }
    }
}
