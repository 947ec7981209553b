//! `rhoshard report`, `status` and `explain` of sweeps that were really run.

use super::browser::{self, Browser};
use super::{Folder, HOSTILE, fits, place, tip};
use crate::support::{Finished, finish, rhoshard};
use std::fs;
use std::process::Command;

const GRID: &str = "job = \"sweep\"\n[sweep]\nminimise = \"value\"\n[axes]\n\
    \"function.arguments.x\" = { linear = [-5, 10], points = 6 }\n\
    \"function.arguments.y\" = { linear = [0, 15], points = 4 }\n\
    [base]\njob = \"function\"\n[base.function]\nname = \"branin\"\n";

/// The function of the job in closed form (Dixon and Szego, 1978).
fn branin(x: f64, y: f64) -> f64 {
    let pi = std::f64::consts::PI;
    (y - 5.1 / (4.0 * pi * pi) * x * x + 5.0 / pi * x - 6.0).powi(2) + 10.0 * (1.0 - 1.0 / (8.0 * pi)) * x.cos() + 10.0
}

fn call(folder: &Folder, arguments: &[&str]) -> Finished {
    let mut command = Command::new(rhoshard());
    command.args(arguments).current_dir(folder.path("")).env("HDF5_USE_FILE_LOCKING", "FALSE");
    finish(command)
}

/// A folder in which this sweep was run.
fn swept(job: &str) -> Folder {
    let folder = Folder::new();
    fs::write(folder.path("job.toml"), job).unwrap();
    call(&folder, &["run", "job.toml", "-q"]);
    folder
}

#[test]
fn a_page_of_a_sweep_has_every_figure_and_its_numbers() {
    let folder = swept(GRID);
    let printed = call(&folder, &["report", "job.h5"]).expect_success("report").stdout;
    assert!(printed.contains("job.html"), "{printed}");
    let page = fs::read_to_string(folder.path("job.html")).unwrap();
    for name in ["heat", "along-x", "along-y", "pareto", "parallel"] {
        assert!(page.contains(&format!("id=\"{name}\"")), "no figure {name}");
    }
    for text in ["Best points", "24 of 24", "value over x and y", "smallest value", "Job file"] {
        assert!(page.contains(text), "no {text}");
    }
    for (x, y) in [(-5.0, 0.0), (4.0, 5.0), (10.0, 15.0)] {
        let tip = format!("x = {x}, y = {y}&#10;value ");
        let told = page.split(&tip).nth(1).unwrap_or_else(|| panic!("no {tip}"));
        let value: f64 = told.split('&').next().unwrap().parse().unwrap();
        assert!((value - branin(x, y)).abs() < 1e-10, "{value}");
    }
    for outside in ["http:", "https:", "url(", "@import", "<link rel=\"stylesheet\"", " src="] {
        assert!(!page.replace("http://www.w3.org/2000/svg", "").contains(outside), "{outside}");
    }
}

#[test]
fn single_plots_of_a_sweep_are_pictures_of_their_own() {
    let folder = swept(GRID);
    for plot in ["heat", "along-x", "along-y", "pareto", "parallel"] {
        let made = call(&folder, &["report", "job.h5", "--plot", plot, "--svg", "p.svg", "--png", "p.png"]);
        made.expect_success(plot);
        assert!(fs::read(folder.path("p.png")).unwrap().len() > 5_000, "{plot}");
        assert!(!fs::read_to_string(folder.path("p.svg")).unwrap().contains("var("));
    }
    let swapped = ["report", "job.h5", "--x", "value", "--y", "draw", "--plot", "pareto", "--svg", "p.svg"];
    call(&folder, &swapped).expect_success("swapped");
    assert!(fs::read_to_string(folder.path("p.svg")).unwrap().contains("draw against value"));
    for (arguments, texts) in [
        (&["job.h5", "--x", "valeu"][..], &["there is no result", "no result `valeu`", "did you mean `value`?"][1..]),
        (&["job.h5", "--plot", "heap", "--svg", "x.svg"], &["there is no plot `heap`", "allowed: heat, along-x,"]),
        (&["job.h5", "job.h5"], &["is the table of a sweep", "next: make a report of it alone"]),
    ] {
        let refused = call(&folder, &[&["report"], arguments].concat());
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        for text in texts {
            assert!(refused.stderr.contains(text), "{text} is not in\n{}", refused.stderr);
        }
    }
}

#[test]
fn a_bayesian_sweep_shows_its_progress() {
    let job = "job = \"sweep\"\n[sweep]\nsampler = \"bayesian\"\npoints = 12\nminimise = \"value\"\n[axes]\n\
        \"function.arguments.x\" = { linear = [-5, 10] }\n\"function.arguments.y\" = { linear = [0, 15] }\n\
        [base]\njob = \"function\"\n[base.function]\nname = \"branin\"\n";
    let folder = swept(job);
    let page = folder.page(&["job.h5"]).1;
    assert!(page.contains("id=\"progress\"") && page.contains("The best came with point"));
}

#[test]
fn hostile_names_in_a_sweep_stay_text() {
    let quoted = HOSTILE.replace('"', "\\\"").replace('.', "-");
    let job = format!(
        "job = \"sweep\"\n[sweep]\nminimise = \"value\"\n[axes]\n\"function.arguments.{quoted}\" = [1, 2]\n\
         \"function.arguments.z\" = [0, 3]\n[base]\njob = \"function\"\n[base.function]\nname = \"sphere\"\n"
    );
    let folder = swept(&job);
    let page = folder.page(&["job.h5"]).1;
    assert_eq!(page.matches("<script").count(), 1, "only our own");
    assert!(page.contains("&lt;script&gt;document"), "the name is there as text");
}

#[test]
fn failures_are_reported_explained_and_counted() {
    let job = "job = \"sweep\"\n[axes]\n\"function.arguments.x\" = [0, 1, 2, 1]\n\
        [base]\njob = \"function\"\n[base.function]\nname = \"reciprocal\"\n";
    let folder = swept(job);
    let page = folder.page(&["job.h5"]).1;
    assert!(page.contains("Failures") && page.contains("point 0: x = 0"), "the failure is in the page");
    for path in ["job.sweep", "job.toml", "job.h5"] {
        let status = call(&folder, &["status", path]).expect_success(path).stdout;
        for text in ["state    ended", "2 done, 1 failed, 1 not needed", "failed   1 point, first 0: "] {
            assert!(status.contains(text), "{text} is not in\n{status}");
        }
    }
    let failed = call(&folder, &["explain", "job.toml", "0"]).expect_success("explain").stdout;
    assert!(failed.contains("point 0 has failed") && failed.contains("--only failed"), "{failed}");
    let twin = call(&folder, &["explain", "job.toml", "3"]).expect_success("explain").stdout;
    assert!(twin.contains("point 3 is the same as point 1"), "{twin}");
    let all = call(&folder, &["explain", "job.sweep"]).expect_success("explain").stdout;
    assert!(all.contains("2 of 4 points have a result") && all.contains("1 the same as others"), "{all}");
    let refused = call(&folder, &["explain", "job.sweep", "4"]);
    assert!(refused.status.code() == Some(2) && refused.stderr.contains("allowed: 0 to 3"), "{}", refused.stderr);
}

#[test]
fn status_gives_json_and_metrics_and_ends_with_the_sweep() {
    let folder = swept(GRID);
    let json =
        call(&folder, &["status", "job.toml", "--json", "--prometheus", "job.prom"]).expect_success("json").stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((json["counts"]["done"].as_u64(), json["is_over"].as_bool()), (Some(24), Some(true)));
    let best = json["best"]["value"].as_f64().unwrap();
    let all = (0..6).flat_map(|x| (0..4).map(move |y| branin(-5.0 + 3.0 * f64::from(x), 5.0 * f64::from(y))));
    assert!((best - all.fold(f64::INFINITY, f64::min)).abs() < 1e-10, "{best}");
    let metrics = fs::read_to_string(folder.path("job.prom")).unwrap();
    assert!(metrics.contains("rhoshard_sweep_points{sweep=\"job.toml\",state=\"done\"} 24\n"), "{metrics}");
    let watched = call(&folder, &["status", "job.toml", "--watch"]).expect_success("watch").stdout;
    assert!(watched.starts_with("24 of 24 points done") && watched.contains("state    ended"), "{watched}");
    let empty = Folder::new();
    let refused = call(&empty, &["status", "."]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        refused.stderr.contains("is not the folder of a sweep") && refused.stderr.contains("next:"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_browser_shows_a_sweep_at_every_width_without_complaint() {
    let Some(program) = browser::program() else { return };
    let folder = swept(GRID);
    let path = folder.page(&["job.h5"]).0;
    let mut browser = Browser::start(&program);
    for (width, theme) in [(400, "light"), (400, "dark"), (1280, "light"), (1280, "dark")] {
        fits(&mut browser, &path, width, theme);
        browser.keep_picture(&format!("sweep-{width}-{theme}.png"), true);
        let at = place(&mut browser, "#heat .hit", 0);
        browser.point(at);
        assert!(tip(&mut browser).starts_with("x = -5, y = 0\nvalue 308."), "{}", tip(&mut browser));
    }
    assert_eq!(browser.complaints, Vec::<String>::new());
}
