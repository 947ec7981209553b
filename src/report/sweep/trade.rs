//! Two results against each other, and the points that no other beats in both.

use super::super::chart::graphs::{Graph, Graphs, Spot, Style};
use super::super::figure::{Figure, Table};
use super::super::number::{count, exact, plural};
use super::Sweep;
use crate::io::sweep::StoredResult;

/// Points that are drawn besides the front.
const MOST: usize = 500;

/// The trade-off of the two weighed results; nothing when there is one result only.
pub(super) fn pareto(sweep: &Sweep) -> Vec<Figure<'_>> {
    let Some([x, y]) = sweep.weighed.map(|places| places.map(|place| &sweep.table.results[place])) else {
        return Vec::new();
    };
    let known: Vec<usize> =
        sweep.done.iter().copied().filter(|point| x.value[*point].is_finite() && y.value[*point].is_finite()).collect();
    if known.len() < 2 {
        return Vec::new();
    }
    let small_good = [x, y].map(|result| sweep.is_small_good(result));
    let cost =
        |result: &StoredResult, good: bool, point: usize| if good { result.value[point] } else { -result.value[point] };
    let costs: Vec<(f64, f64)> =
        known.iter().map(|point| (cost(x, small_good[0], *point), cost(y, small_good[1], *point))).collect();
    let front: Vec<usize> = front(&costs).into_iter().map(|at| known[at]).collect();
    let each = known.len().div_ceil(MOST);
    let shown: Vec<usize> = known.iter().copied().step_by(each).collect();
    let place = |point: &usize| (x.value[*point], y.value[*point]);
    let tip = |point: &usize| {
        let (at_x, at_y) = place(point);
        let named = format!("{} {}\n{} {}", x.name, exact(at_x), y.name, exact(at_y));
        format!("point {}\n{named}\n{}", count(sweep.table.index[*point]), sweep.place_of(*point))
    };
    let spot = |point: &usize| Spot { x: x.value[*point], y: Some(y.value[*point]), tip: tip(point) };
    let row = |point: &usize| {
        vec![count(sweep.table.index[*point]), exact(x.value[*point]), exact(y.value[*point]), sweep.place_of(*point)]
    };
    let table = Table::of(["point", &x.name, &y.name, "at"].map(String::from).into(), front.iter().map(row));
    let graph = |points: &[usize], style, series| Graph {
        points: points.iter().map(place).collect(),
        band: Vec::new(),
        style,
        series,
    };
    let note = note([x, y], small_good, &front, (shown.len(), known.len()));
    let chart = Graphs {
        labels: vec!["not beaten in both".into(), "other points".into()],
        graphs: vec![graph(&shown, Style::Dots, 1), graph(&front, Style::Steps, 0), graph(&front, Style::Dots, 0)],
        spots: shown.iter().chain(&front).map(spot).collect(),
        x_title: x.name.clone(),
        y_title: y.name.clone(),
        x_logarithmic: false,
    };
    vec![Figure {
        name: "pareto".into(),
        title: format!("{} against {}", y.name, x.name),
        note,
        table,
        table_first: false,
        draw: Box::new(move |width| chart.draw(width)),
    }]
}

fn note([x, y]: [&StoredResult; 2], small_good: [bool; 2], front: &[usize], (shown, known): (usize, usize)) -> String {
    let word = |good: bool| if good { "small" } else { "large" };
    let drawn = if shown < known {
        format!(" Of {}, {} and those of the front are drawn.", plural(known as u64, "point"), count(shown as u64))
    } else {
        String::new()
    };
    format!(
        "No point beats {} in both: {} {} and {} {}.{drawn}",
        if front.len() == 1 { "the one of the front".into() } else { format!("the {} of the front", front.len()) },
        word(small_good[0]),
        x.name,
        word(small_good[1]),
        y.name
    )
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
