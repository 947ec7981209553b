//! The subject over two axes, as colours.

use super::super::chart::heat::Heat;
use super::super::figure::{Figure, Table};
use super::super::number::{count, exact, interval, plural};
use super::bins::Bins;
use super::{NumericAxis, Summary, Sweep};

/// Values of an axis that have a column each; more are put together.
const MOST: usize = 40;

/// The first two axes of numbers; nothing when there are not two.
pub(super) fn heat(sweep: &Sweep) -> Vec<Figure<'_>> {
    let axes = sweep.numeric_axes();
    let (Some(subject), [x, y, ..]) = (sweep.subject(), &axes[..]) else { return Vec::new() };
    let ranges = ((sweep.done.len() as f64 / 4.0).sqrt() as usize).clamp(4, MOST);
    let [columns, rows] = [x, y].map(|axis| Bins::of(axis, &sweep.done, MOST, ranges));
    let cells = cells(sweep, [x, y], [&columns, &rows]);
    let title = |place: usize| (columns.title(place % columns.count()), rows.title(place / columns.count()));
    let tip = |(place, summary): (usize, &Option<Summary>)| {
        let (at_x, at_y) = title(place);
        let text = |summary: &Summary| format!("{} = {at_x}, {} = {at_y}\n{}", x.name, y.name, told(sweep, summary));
        summary.as_ref().map(|summary| (summary.value, text(summary)))
    };
    let row = |(place, summary): (usize, &Option<Summary>)| {
        let (at_x, at_y) = title(place);
        let Summary { value, points, .. } = summary.as_ref()?;
        Some(vec![at_x, at_y, exact(*value), count(*points as u64)])
    };
    let table: Vec<Vec<String>> = cells.iter().enumerate().filter_map(row).collect();
    let head = [x.name, y.name, &subject.name, "points"].map(String::from).into();
    let chart = Heat {
        x_title: x.name.into(),
        y_title: y.name.into(),
        value_title: subject.name.clone(),
        cells: cells.iter().enumerate().map(tip).collect(),
        columns: (0..columns.count()).map(|place| columns.tick(place)).collect(),
        rows: (0..rows.count()).map(|place| rows.tick(place)).collect(),
    };
    vec![Figure {
        name: "heat".into(),
        title: format!("{} over {} and {}", subject.name, x.name, y.name),
        note: note(sweep, &cells, columns.are_ranges() || rows.are_ranges()),
        table: Table::of(head, table.into_iter()),
        table_first: false,
        draw: Box::new(move |width| chart.draw(width)),
    }]
}

/// What is known in each cell, row by row.
fn cells(sweep: &Sweep, axes: [&NumericAxis<'_>; 2], bins: [&Bins; 2]) -> Vec<Option<Summary>> {
    let mut points: Vec<Vec<usize>> = vec![Vec::new(); bins[0].count() * bins[1].count()];
    for point in &sweep.done {
        let [column, row] = [0, 1].map(|axis| bins[axis].place(axes[axis].values[*point]));
        if let (Some(column), Some(row)) = (column, row) {
            points[row * bins[0].count() + column].push(*point);
        }
    }
    points.iter().map(|points| sweep.summary(points)).collect()
}

fn note(sweep: &Sweep, cells: &[Option<Summary>], are_ranges: bool) -> String {
    let most = cells.iter().flatten().map(|summary| summary.points).max().unwrap_or(0);
    let empty = cells.iter().filter(|cell| cell.is_none()).count();
    let ranges = if are_ranges { "Values are put together to ranges. " } else { "" };
    let summary = match most {
        0 | 1 => String::new(),
        most => {
            format!("A cell has {} of its points, which are up to {}. ", sweep.kind_of_summary(), count(most as u64))
        }
    };
    let empty = if empty > 0 {
        format!("{} without a result stay empty.", plural(empty as u64, "cell"))
    } else {
        String::new()
    };
    format!("{ranges}{summary}{empty}").trim_end().into()
}

/// What there is to say of a summary: the value, what is known of it, and of which points it is.
pub(super) fn told(sweep: &Sweep, summary: &Summary) -> String {
    let Summary { value, lower, upper, stderr, points, point } = summary;
    let mut lines = vec![format!("{} {}", sweep.subject().map_or("", |subject| &subject.name), exact(*value))];
    if lower.is_finite() && upper.is_finite() {
        lines.push(format!("proven in {}", interval(*lower, *upper)));
    }
    if *stderr > 0.0 {
        lines.push(format!("standard error {}", exact(*stderr)));
    }
    let of = point.map(|point| format!("point {}", count(sweep.table.index[point])));
    lines.push(match (of, points) {
        (Some(point), 1) => point,
        (Some(point), _) => format!("{point}, {} of {}", sweep.kind_of_summary(), plural(*points as u64, "point")),
        (None, _) => format!("{} of {}", sweep.kind_of_summary(), plural(*points as u64, "point")),
    });
    lines.join("\n")
}
