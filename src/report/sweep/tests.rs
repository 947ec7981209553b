use super::*;
use crate::config::sweep::Objective;
use crate::io::sweep::{Definition, StoredAxis};
use crate::report::drawing::{Drawing, Look, Shape};
use crate::report::theme::LEVELS;

/// A grid of `x` by `y` with `value = x^2 + 10 y` in an interval, and `cost = 100 - value`.
fn grid(x: &[f64], y: &[f64]) -> StoredSweep {
    let points: Vec<(f64, f64)> = x.iter().flat_map(|x| y.iter().map(|y| (*x, *y))).collect();
    let value: Vec<f64> = points.iter().map(|(x, y)| x * x + 10.0 * y).collect();
    let rows = points.len();
    let axis = |path: &str, values: Vec<f64>| StoredAxis { path: path.into(), values: AxisColumn::Numbers(values) };
    let result = |name: &str, value: Vec<f64>, half: f64| StoredResult {
        name: name.into(),
        lower: value.iter().map(|value| value - half).collect(),
        upper: value.iter().map(|value| value + half).collect(),
        stderr: vec![f64::NAN; rows],
        value,
    };
    StoredSweep {
        definition: Definition {
            job: "job.toml".into(),
            job_folder: "/".into(),
            table: "job.h5".into(),
            points: rows as u64,
            sampler: "grid".into(),
            axes: vec!["f.x".into(), "f.y".into()],
            logarithmic: Vec::new(),
            objective: Some(Objective { result: "value".into(), minimise: true }),
            constraints: Vec::new(),
            ranks_per_point: 1,
            inputs: Vec::new(),
        },
        job: String::new(),
        versions: Vec::new(),
        runs: 1,
        index: (0..rows as u64).collect(),
        key: (0..rows).map(|row| row.to_string()).collect(),
        status: vec![Status::Done; rows],
        error: vec![String::new(); rows],
        axes: vec![
            axis("f.x", points.iter().map(|at| at.0).collect()),
            axis("f.y", points.iter().map(|at| at.1).collect()),
        ],
        results: vec![
            result("cost", value.iter().map(|value| 100.0 - value).collect(), f64::NAN),
            result("value", value, 0.5),
        ],
        seconds: vec![0.5; rows],
    }
}

fn report(table: StoredSweep) -> Sweep {
    Sweep::of(table, "job.h5".into())
}

fn figure<'a>(figures: &'a [Figure<'_>], name: &str) -> &'a Figure<'a> {
    let names: Vec<&str> = figures.iter().map(|figure| &*figure.name).collect();
    figures.iter().find(|figure| figure.name == name).unwrap_or_else(|| panic!("no {name} in {names:?}"))
}

fn paths(drawing: &Drawing, look: Look) -> Vec<&Vec<(f64, f64)>> {
    let marks = drawing.marks.iter().filter(|mark| mark.look == look);
    marks.filter_map(|mark| if let Shape::Path(points) = &mark.shape { Some(points) } else { None }).collect()
}

#[test]
fn a_heat_map_has_the_colour_of_the_closed_form_in_every_cell() {
    let sweep = report(grid(&[0.0, 1.0, 2.0, 3.0], &[0.0, 1.0, 2.0]));
    let figures = sweep.figures();
    let drawing = (figure(&figures, "heat").draw)(560.0);
    assert_eq!(drawing.hits.len(), 12);
    for (x, y) in [(0, 0), (2, 1), (3, 2)] {
        let value = x * x + 10 * y;
        let tip = format!("x = {x}, y = {y}\nvalue {value}\nproven in ");
        let hit = drawing.hits.iter().find(|hit| hit.tip.starts_with(&tip)).unwrap_or_else(|| panic!("{tip}"));
        // Values go from 0 to 29.
        let level = (value as usize * LEVELS.len() / 29).min(LEVELS.len() - 1);
        let centre = (hit.x + hit.width / 2.0, hit.y + hit.height / 2.0);
        let covers = |shape: &Shape| {
            let Shape::Rectangle { x, y, width, height } = *shape else { return false };
            (x..x + width).contains(&centre.0) && (y..y + height).contains(&centre.1)
        };
        let found: Vec<Option<usize>> =
            drawing.marks.iter().filter(|mark| covers(&mark.shape)).map(|mark| mark.level).collect();
        assert_eq!(found, [Some(level)], "at {x}, {y}");
    }
    let table = &figure(&figures, "heat").table;
    assert_eq!(table.rows[5], ["1", "1", "11", "1"].map(String::from));
}

#[test]
fn lines_along_an_axis_pass_through_the_values() {
    let sweep = report(grid(&[0.0, 1.0, 2.0, 3.0], &[0.0, 1.0, 2.0]));
    let figures = sweep.figures();
    let figure = figure(&figures, "along-x");
    assert!(figure.note.contains("A line for each value of y.") && figure.note.contains("proven"), "{}", figure.note);
    let drawing = (figure.draw)(562.0);
    let lines = paths(&drawing, Look::Line);
    assert_eq!((lines.len(), lines[0].len(), paths(&drawing, Look::Interval).len()), (3, 4, 3));
    // Between y = 0 and y = 1 lie 10, between x = 0 and x = 3 lie 9.
    let (rise, shift) = (lines[0][0].1 - lines[0][3].1, lines[0][0].1 - lines[1][0].1);
    assert!((rise / shift - 0.9).abs() < 1e-9, "{rise} {shift}");
    let band = paths(&drawing, Look::Interval)[0];
    assert!(((band[0].1 - band[7].1) / shift - 0.1).abs() < 1e-9, "a band is 1 wide: {band:?}");
    let tip = &drawing.hits[2].tip;
    assert!(tip.starts_with("x = 2\ny = 0: value 4, proven in [3.500000, 4.500000], point 6\n"), "{tip}");
}

#[test]
fn without_an_objective_several_points_have_their_mean() {
    let mut table = grid(&[1.0, 2.0], &[0.0, 1.0, 2.0]);
    table.definition.objective = None;
    table.results.swap(0, 1);
    let sweep = report(table);
    let points = sweep.done.clone();
    let summary = sweep.summary(&points[..3]).unwrap();
    assert_eq!(
        (summary.value, summary.lower, summary.upper, summary.points, summary.point),
        (11.0, 10.5, 11.5, 3, None)
    );
    let mut table = grid(&[1.0, 2.0], &[0.0, 1.0, 2.0]);
    table.results[1].stderr = vec![0.3; 6];
    table.definition.objective = None;
    table.results.swap(0, 1);
    let summary = report(table).summary(&[0, 1, 2]).unwrap();
    assert!((summary.stderr - 0.3 / 3_f64.sqrt()).abs() < 1e-15, "independent errors");
}

#[test]
fn with_an_objective_several_points_have_their_best() {
    let mut table = grid(&[1.0, 2.0], &[0.0, 1.0, 2.0]);
    table.definition.objective = Some(Objective { result: "value".into(), minimise: false });
    let sweep = report(table);
    let summary = sweep.summary(&[0, 1, 2]).unwrap();
    assert_eq!((summary.value, summary.point, summary.points), (21.0, Some(2), 3));
}

#[test]
fn the_trade_off_has_the_directions_of_the_job() {
    let sweep = report(grid(&[0.0, 1.0, 2.0], &[0.0, 1.0]));
    // cost = 100 - value: both as small as possible, so no point beats another.
    let figures = sweep.figures();
    assert_eq!(figure(&figures, "pareto").table.rows.len(), 6);
    assert_eq!(figure(&figures, "pareto").title, "value against cost");
    let mut table = grid(&[0.0, 1.0, 2.0], &[0.0, 1.0]);
    let bound = Constraint { result: "cost".into(), at_most: false, bound: 95.0 };
    table.definition.constraints = vec![bound];
    // A large cost and a small value: only the first point.
    let sweep = report(table);
    let figures = sweep.figures();
    assert_eq!(figure(&figures, "pareto").table.rows, [["0", "100", "0", "x = 0, y = 0"].map(String::from)]);
    assert_eq!(best::table(&sweep).unwrap().rows.len(), 3, "values above 5 miss the constraint");
    assert_eq!(best::note(&sweep), "Constraints: cost >= 95. 3 points do not.");
}

#[test]
fn weighed_results_are_chosen_by_name() {
    let swapped = report(grid(&[0.0, 1.0], &[0.0])).weighing(Some("value"), Some("cost")).unwrap();
    assert_eq!(figure(&swapped.figures(), "pareto").title, "cost against value");
    let one = report(grid(&[0.0, 1.0], &[0.0])).weighing(Some("value"), None).unwrap();
    assert_eq!(figure(&one.figures(), "pareto").title, "cost against value");
    let error = report(grid(&[0.0], &[0.0])).weighing(Some("valeu"), None).err().unwrap();
    assert_eq!((error.allowed.as_deref(), error.next.as_deref()), (Some("cost, value"), Some("did you mean `value`?")));
}

#[test]
fn the_best_of_a_bayesian_sweep_only_gets_better() {
    let mut table = grid(&[3.0, 1.0, 2.0, 0.0], &[1.0]);
    table.definition.sampler = "bayesian".into();
    let sweep = report(table);
    let figures = sweep.figures();
    let progress = figure(&figures, "progress");
    assert_eq!(progress.table.rows.iter().map(|row| &*row[1]).collect::<Vec<_>>(), ["19", "11", "10"]);
    let drawing = (progress.draw)(560.0);
    let line = paths(&drawing, Look::Line)[0];
    assert!(line.windows(2).all(|pair| pair[1].0 >= pair[0].0 && pair[1].1 >= pair[0].1), "down is better: {line:?}");
    assert_eq!(best::best(&sweep), Some(3));
}

#[test]
fn strands_stand_at_their_values() {
    let sweep = report(grid(&[0.0, 1.0, 4.0], &[0.0, 2.0]));
    let figures = sweep.figures();
    let drawing = (figure(&figures, "parallel").draw)(600.0);
    let strands = paths(&drawing, Look::Strand);
    assert_eq!(strands.len(), 6);
    // The best lies above all others: x = 0, y = 0, value 0.
    let best = strands[5];
    assert!(best[0].1 == best[1].1 && best[1].1 == best[2].1, "{best:?}");
    let x_of_one = strands.iter().map(|strand| strand[0].1).find(|y| (best[0].1 - y - 62.5).abs() < 1e-9);
    assert!(x_of_one.is_some(), "x = 1 is a fourth of the way up");
}

#[test]
fn a_large_sweep_gives_a_page_of_reasonable_size_and_says_what_is_left_out() {
    let x: Vec<f64> = (0..316).map(|index| -5.0 + 15.0 * f64::from(index) / 315.0).collect();
    let y: Vec<f64> = (0..317).map(|index| 15.0 * f64::from(index) / 316.0).collect();
    let sweep = report(grid(&x, &y));
    let page = page(&sweep);
    println!("a page of {} points has {} kB", sweep.done.len(), page.len() / 1000);
    assert!(page.len() < 4_000_000, "{}", page.len());
    for text in ["put together to ranges", "6 of the 317 values of y", "240 are drawn", "more rows are in the file"] {
        assert!(page.contains(text), "no {text}");
    }
}

#[test]
fn any_sweep_has_a_page() {
    let mut pending = grid(&[0.0, 1.0], &[0.0, 1.0]);
    pending.status = vec![Status::Pending; 4];
    let mut bare = grid(&[], &[]);
    bare.results.clear();
    let mut failed = grid(&[0.0, 1.0], &[0.0, 1.0]);
    failed.status = vec![Status::Failed; 4];
    failed.error = vec!["no memory\n  next: use more".into(); 4];
    let mut words = grid(&[0.0, 1.0], &[0.0, 1.0]);
    words.axes[0].values = AxisColumn::Words(["b", "a", "", "a"].map(String::from).into());
    let mut odd = grid(&[0.0, 1.0], &[0.0, 1.0]);
    odd.results[1].value = vec![f64::NAN, f64::INFINITY, 1.0, -1.0];
    for (name, table) in [("pending", pending), ("bare", bare), ("failed", failed), ("words", words), ("odd", odd)] {
        let sweep = report(table);
        let text = page(&sweep);
        assert!(text.contains("</html>") && !text.contains("=\"NaN\"") && !text.contains("=\"inf\""), "{name}");
        for figure in sweep.figures() {
            for width in [340.0, 560.0] {
                let drawing = (figure.draw)(width);
                let numbers = drawing.hits.iter().flat_map(|hit| [hit.x, hit.y, hit.width, hit.height]);
                assert!(numbers.into_iter().all(f64::is_finite), "{name} {}", figure.name);
            }
        }
        assert_eq!(text.contains("no memory"), name == "failed");
    }
}
