//! `rhoshard report`: the page in a real browser, single plots, hostile names, incomplete and damaged files.

mod browser;
mod sweeps;

use crate::support::{Finished, JobFolder, finish, rhoshard};
use browser::Browser;
use ndarray::Array2;
use num_complex::Complex64;
use rhoshard::io::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A name that would be markup if it were not escaped.
const HOSTILE: &str = "<script>document.title = \"taken\"</script>&'\"";

fn expectation(name: &str, value: f64, half: f64) -> Expectation {
    let (lower, upper) = (value - half, value + half);
    Expectation { name: name.into(), value, lower, upper, renormalised: value, stderr: f64::NAN }
}

fn state(error: f64) -> StateSummary {
    StateSummary {
        qubits: 3,
        rank: 5,
        trace: 1.0 - error,
        error,
        discarded: error,
        purity: 0.9,
        purity_lower: 0.9,
        purity_upper: 0.95,
        budget: 0.05,
        budget_met: error <= 0.05,
        passes: 2,
        ..StateSummary::default()
    }
}

fn step(step: u64) -> TraceRow {
    let kind = ["channel", "compress-if-wide", "exchange"][step as usize % 3].to_string();
    let (width, bytes) = (1 + step % 7, 4096 * u64::from(step % 3 == 2));
    let discarded = 1e-4 * step as f64;
    TraceRow { step, kind, width, discarded, seconds: 1e-3, bytes, bytes_per_column: bytes, streams: None }
}

/// A run in which everything has a value.
fn record(error: f64) -> RunRecord {
    let group = ProbabilityGroup {
        qubits: vec![0, 2],
        value: vec![0.5, 0.25, 0.125, 0.125],
        lower: vec![0.4; 4],
        upper: vec![0.6; 4],
        renormalised: vec![0.25; 4],
        stderr: vec![f64::NAN; 4],
    };
    let bitstrings = (0..30).map(|index| format!("{index:05b}")).collect();
    let bounded = |name: &str| Bounded { name: name.into(), value: 0.5, lower: 0.4, upper: 0.6, renormalised: 0.5 };
    let entry = |(row, column): (usize, usize)| Complex64::new(0.5 - row as f64, 0.25 * column as f64);
    let reduced = ReducedMatrix {
        qubits: vec![0],
        value: Array2::from_shape_fn((2, 2), entry),
        stderr: Array2::from_elem((2, 2), Complex64::new(f64::NAN, f64::NAN)),
        distance: error,
    };
    let snapshot = |name: &str, value: f64| {
        Snapshot::new(name, 3, &state(error), vec![expectation("Z0", value, error)], vec![group.clone()])
    };
    RunRecord {
        expectations: vec![expectation("Z0", 0.5, error), expectation(HOSTILE, -0.25, error)],
        variances: vec![bounded(HOSTILE)],
        entropies: vec![Entropy { name: "all".into(), von_neumann: bounded(""), renyi_2: bounded("") }],
        negativities: vec![bounded("0|2")],
        fidelities: vec![Fidelity { name: HOSTILE.into(), fidelity: bounded(""), trace_distance: bounded("") }],
        reduced: vec![reduced],
        snapshots: vec![snapshot("early", 0.75), snapshot(HOSTILE, -0.5)],
        probabilities: vec![group],
        counts: Some(Counts { bitstrings, counts: (1..=30).collect() }),
        state: state(error),
        trace: (0..40).map(step).collect(),
        timing: vec![Phase { name: "prepare".into(), seconds: 0.01 }],
        config: ConfigRecord {
            effective_toml: format!("job = \"circuit\"\nbudget = {error}\n# {HOSTILE}\n"),
            circuit_text: format!("OPENQASM 3.0;\n// {HOSTILE}\n"),
            ..ConfigRecord::default()
        },
        provenance: Provenance {
            engine: "low-rank".into(),
            command: HOSTILE.into(),
            hosts: vec![HOSTILE.into(); 2],
            peak_memory: vec![1 << 30; 2],
            ranks: 2,
            threads: 4,
            engine_seconds: 1.5,
            ..Provenance::default()
        },
        ..RunRecord::default()
    }
}

/// A run of trajectories: no bounds, nothing optional.
fn sampled() -> RunRecord {
    let nan = f64::NAN;
    let unbounded =
        Expectation { lower: nan, upper: nan, renormalised: nan, stderr: 0.01, ..expectation("Z0", 0.52, nan) };
    let state =
        StateSummary { error: nan, purity: nan, purity_lower: nan, purity_upper: nan, budget: nan, ..state(0.0) };
    let state = StateSummary { trajectories: 1000, ..state };
    RunRecord { expectations: vec![unbounded], counts: None, probabilities: Vec::new(), state, ..record(0.0) }
}

struct Folder {
    folder: TempDir,
}

/// Opens a result to change it. A program that another test has started meanwhile may have inherited the open file and its lock,
/// so it is a copy that takes its place.
fn edit(path: &Path) -> hdf5::File {
    let copy = path.with_extension("copy");
    fs::copy(path, &copy).unwrap();
    fs::rename(&copy, path).unwrap();
    hdf5::File::open_rw(path).unwrap()
}

impl Folder {
    fn new() -> Folder {
        Folder { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn with(self, name: &str, record: &RunRecord) -> Folder {
        Output::reserve(&self.path(name)).unwrap().commit(record).unwrap();
        self
    }

    fn report(&self, arguments: &[&str]) -> Finished {
        let mut command = Command::new(rhoshard());
        command.arg("report").args(arguments).current_dir(self.folder.path());
        // Programs that other tests start meanwhile inherit this one's open files, and with them their locks.
        command.env("HDF5_USE_FILE_LOCKING", "FALSE");
        finish(command)
    }

    /// Makes a page and gives its path and text.
    fn page(&self, arguments: &[&str]) -> (PathBuf, String) {
        let finished = self.report(&[arguments, &["-o", "page.html"]].concat());
        finished.expect_success(&format!("report {arguments:?}"));
        let path = self.path("page.html");
        (path.clone(), fs::read_to_string(path).unwrap())
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn a_page_holds_everything_and_asks_the_network_for_nothing() {
    let folder = Folder::new().with("run.h5", &record(0.02));
    let printed = folder.report(&["run.h5"]).expect_success("report").stdout;
    assert!(printed.contains("run.html"), "{printed}");
    assert_eq!(folder.names(), ["run.h5", "run.html"]);
    let page = fs::read_to_string(folder.path("run.html")).unwrap();
    let figures = ["expectations", "width", "error", "probabilities_0_2", "counts", "time", "bytes"];
    let asked = ["snapshots-1", "variances", "entropies", "negativities", "fidelities", "reduced-0"];
    for name in figures.into_iter().chain(asked) {
        assert!(page.contains(&format!("id=\"{name}\"")), "no figure {name}");
    }
    for text in ["✓ met", "low-rank", "40% of 0.05", "and 10 more bit strings with 55 shots", "2 ranks", "1.50 s"] {
        assert!(page.contains(text), "no {text}");
    }
    for outside in ["http:", "https:", "url(", "@import", "<link rel=\"stylesheet\"", " src="] {
        assert!(!page.replace("http://www.w3.org/2000/svg", "").contains(outside), "{outside}");
    }
}

#[test]
fn hostile_names_stay_text() {
    let folder = Folder::new().with("<b>run.h5", &record(0.02)).with("other.h5", &record(0.03));
    for results in [&["<b>run.h5"][..], &["<b>run.h5", "other.h5"]] {
        let page = folder.page(results).1;
        assert_eq!(page.matches("<script").count(), 1, "only our own");
        assert!(page.contains("&lt;script&gt;document") && !page.contains("<b>run"));
    }
    let svg = ["<b>run.h5", "--plot", "expectations", "--svg", "plot.svg"];
    folder.report(&svg).expect_success("svg");
    assert!(!fs::read_to_string(folder.path("plot.svg")).unwrap().contains("<script"));
}

#[test]
fn runs_are_compared() {
    let shifted = RunRecord {
        expectations: vec![expectation("Z0", 0.9, 0.01), expectation(HOSTILE, -0.24, 0.01)],
        ..record(0.03)
    };
    let folder = Folder::new().with("a.h5", &record(0.02)).with("b.h5", &shifted).with("c.h5", &sampled());
    let printed = folder.report(&["a.h5", "b.h5"]).expect_success("report").stdout;
    assert!(printed.contains("a-compared.html"), "{printed}");
    let page = folder.page(&["a.h5", "b.h5", "c.h5"]).1;
    for text in ["✗ apart", "✓ overlap", "2.0 standard errors", "− budget = 0.02", "+ budget = 0.03", "3 runs compared"]
    {
        assert!(page.contains(text), "no {text}");
    }
}

#[test]
fn files_that_lack_things_are_reported_all_the_same() {
    let folder = Folder::new().with("old.h5", &record(0.02)).with("empty.h5", &RunRecord::default());
    let file = edit(&folder.path("old.h5"));
    for link in ["results/counts", "results/probabilities", "timing", "config", "provenance/engine", "trace/bytes"] {
        file.unlink(link).unwrap();
    }
    file.group("results/state").unwrap().delete_attr("tail_blocks").unwrap();
    file.close().unwrap();
    let page = folder.page(&["old.h5"]).1;
    assert!(page.contains("id=\"width\"") && !page.contains("id=\"counts\"") && !page.contains("id=\"bytes\""));
    folder.page(&["empty.h5"]);
    folder.page(&["old.h5", "empty.h5"]);
    let file = edit(&folder.path("old.h5"));
    ["results", "trace", "provenance"].iter().for_each(|link| file.unlink(link).unwrap());
    file.close().unwrap();
    folder.page(&["old.h5"]);
}

#[test]
fn a_stored_spectrum_is_shown() {
    let folder = Folder::new().with("run.h5", &record(0.02));
    assert!(!folder.page(&["run.h5"]).1.contains("id=\"spectrum\""));
    let file = edit(&folder.path("run.h5"));
    let group = file.create_group("results/spectrum").unwrap();
    group.new_dataset_builder().with_data(&[0.1, 0.875, 0.005]).create("eigenvalue").unwrap();
    drop(group);
    file.close().unwrap();
    let page = folder.page(&["run.h5"]).1;
    assert!(page.contains("id=\"spectrum\"") && page.contains("eigenvalue 1&#10;0.875"));
}

/// The numbers of the second column of a figure's table.
fn column(page: &str, figure: &str) -> Vec<f64> {
    let section = page.split(&format!("id=\"{figure}\"")).nth(1).unwrap().split("</section>").next().unwrap();
    let cells = section.split("<td>").skip(1).map(|rest| rest.split('<').next().unwrap());
    cells.map(|cell| cell.parse().unwrap()).collect()
}

#[test]
fn the_spectrum_of_a_stored_factor_adds_up_to_the_trace() {
    let circuit =
        "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[4] q;\nfor int i in [0:2] { h q[i]; cx q[i], q[i + 1]; }\n";
    let rest = "[noise]\ndepolarizing = { one_qubit = 0.01, two_qubit = 0.02 }\n[engine]\ncut = 1e-3\n\
                [observe]\nexpectations = [\"Z0\"]\nshots = 10\n[output]\nstate = true\n";
    let job = JobFolder::new(circuit, rest);
    for arguments in [["run", "job.toml"], ["report", "job.h5"]] {
        let mut command = Command::new(rhoshard());
        command.args(arguments).current_dir(job.folder.path()).env("HDF5_USE_FILE_LOCKING", "FALSE");
        finish(command).expect_success(arguments[0]);
    }
    let file = hdf5::File::open(job.path("job.h5")).unwrap();
    let trace: f64 = file.group("results/state").unwrap().attr("trace").unwrap().read_scalar().unwrap();
    let eigenvalues = column(&fs::read_to_string(job.path("job.html")).unwrap(), "spectrum");
    assert!(eigenvalues.len() > 2 && eigenvalues.is_sorted_by(|one, other| one >= other), "{eigenvalues:?}");
    assert!((eigenvalues.iter().sum::<f64>() - trace).abs() < 1e-12, "{eigenvalues:?} {trace}");
}

#[test]
fn single_plots_are_pictures_of_their_own() {
    let folder = Folder::new().with("run.h5", &record(0.02));
    folder.report(&["run.h5", "--plot", "width", "--svg", "w.svg", "--png", "w.png"]).expect_success("plot");
    let svg = fs::read_to_string(folder.path("w.svg")).unwrap();
    assert!(
        svg.starts_with("<svg xmlns=")
            && svg.contains("<title>step 3: channel&#10;4 columns</title>")
            && !svg.contains("var(")
    );
    let png = fs::read(folder.path("w.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let number = |place: usize| u32::from_be_bytes(png[place..place + 4].try_into().unwrap());
    assert!(number(16) == 1344 && number(20) > 500, "{} x {}", number(16), number(20));
    assert_eq!(folder.names(), ["run.h5", "w.png", "w.svg"], "no page unless asked for");
    let refused = folder.report(&["run.h5", "--plot", "widht", "--png", "x.png"]);
    assert_eq!(refused.status.code(), Some(2));
    for text in
        ["there is no plot `widht`", "allowed: expectations, snapshots-1, width, error,", "did you mean `width`?"]
    {
        assert!(refused.stderr.contains(text), "{text} is not in\n{}", refused.stderr);
    }
}

/// Every figure is drawn to pixels: text has glyphs, nothing is refused.
#[test]
fn every_plot_becomes_pixels() {
    let folder = Folder::new().with("a.h5", &record(0.02)).with("b.h5", &sampled());
    let compared = ["expectations", "differences", "width", "error", "probabilities_0_2", "counts", "time", "bytes"];
    for plot in compared.into_iter().chain(["snapshots-1", "variances", "entropies", "negativities", "fidelities"]) {
        folder.report(&["a.h5", "b.h5", "--plot", plot, "--png", "plot.png"]).expect_success(plot);
        assert!(fs::metadata(folder.path("plot.png")).unwrap().len() > 5_000, "{plot}");
    }
}

#[test]
fn what_is_no_result_is_refused_and_nothing_is_written() {
    let folder =
        Folder::new().with("run.h5", &record(0.02)).with("newer.h5", &record(0.02)).with("spoilt.h5", &record(0.02));
    let whole = fs::read(folder.path("run.h5")).unwrap();
    fs::write(folder.path("short.h5"), &whole[..whole.len() / 2]).unwrap();
    fs::write(folder.path("text.h5"), "OPENQASM 3.0;").unwrap();
    fs::write(folder.path("page.html"), "an older page").unwrap();
    hdf5::File::create(folder.path("foreign.h5")).unwrap().close().unwrap();
    let file = edit(&folder.path("newer.h5"));
    file.attr("schema_version").unwrap().write_scalar(&99_u32).unwrap();
    file.close().unwrap();
    let file = edit(&folder.path("spoilt.h5"));
    file.unlink("trace/width").unwrap();
    file.group("trace").unwrap().new_dataset_builder().with_data(&[1_u64, 2]).create("width").unwrap();
    file.close().unwrap();
    let before = folder.names();
    for (file, texts) in [
        ("absent.h5", &["absent.h5: cannot be read", "next: check the path"][..]),
        ("short.h5", &["short.h5: the file is truncated or damaged", "next: copy it again"]),
        ("text.h5", &["text.h5: is not an HDF5 file", "allowed: a result file"]),
        ("foreign.h5", &["foreign.h5: is an HDF5 file, but not a result", "allowed: a result file"]),
        (
            "newer.h5",
            &["newer.h5: the file has schema version 99", "allowed: versions up to", "next: use a newer version"],
        ),
        ("spoilt.h5", &["spoilt.h5: `/trace/width` cannot be read", "next: repeat the run"]),
        (".", &["is a directory", "next: name a file"]),
    ] {
        let refused = folder.report(&["run.h5", file, "-o", "page.html"]);
        assert_eq!(refused.status.code(), Some(2), "{file}: {}", refused.stderr);
        for text in texts {
            assert!(refused.stderr.contains(text), "{text} is not in\n{}", refused.stderr);
        }
    }
    assert_eq!(folder.names(), before);
    assert_eq!(fs::read_to_string(folder.path("page.html")).unwrap(), "an older page");
}

#[test]
fn a_report_does_not_take_the_place_of_a_result_or_of_a_folder() {
    let folder = Folder::new().with("run.h5", &record(0.02));
    let whole = fs::read(folder.path("run.h5")).unwrap();
    for (target, text) in [("run.h5", "would replace"), ("absent/page.html", "cannot be written"), (".", "has no name")]
    {
        let refused = folder.report(&["run.h5", "-o", target]);
        assert_eq!(refused.status.code(), Some(2), "{target}: {}", refused.stderr);
        assert!(refused.stderr.contains(text), "{text} is not in\n{}", refused.stderr);
    }
    assert_eq!(fs::read(folder.path("run.h5")).unwrap(), whole);
    let many = vec!["run.h5"; 7];
    let refused = folder.report(&many);
    assert!(refused.stderr.contains("7 result files are too many") && refused.stderr.contains("1 to 6"));
}

/// The middle of the visible element of a selector, scrolled into the window.
fn place(browser: &mut Browser, selector: &str, index: usize) -> (f64, f64) {
    let script = format!(
        "(() => {{ const shown = e => e.getBoundingClientRect().width > 0; \
         const all = [...document.querySelectorAll('{selector}')].filter(shown); \
         all[{index}].scrollIntoView({{ block: 'center' }}); const box = all[{index}].getBoundingClientRect(); \
         return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
    );
    let found = browser.evaluate(&script);
    // What scrolling sets off comes with the next frames.
    browser.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))");
    (found[0].as_f64().unwrap(), found[1].as_f64().unwrap())
}

fn tip(browser: &mut Browser) -> String {
    let text = browser.evaluate("(e => e.hidden ? '' : e.textContent)(document.getElementById('tip'))");
    text.as_str().unwrap().to_string()
}

fn background(browser: &mut Browser) -> String {
    browser.evaluate("getComputedStyle(document.body).backgroundColor").as_str().unwrap().to_string()
}

fn opened(results: &[&str]) -> Option<(Folder, PathBuf, Browser)> {
    let program = browser::program()?;
    let folder = Folder::new().with("a.h5", &record(0.02)).with("b.h5", &record(0.03)).with("c.h5", &sampled());
    let path = folder.page(results).0;
    Some((folder, path, Browser::start(&program)))
}

#[test]
fn a_browser_shows_the_page_at_every_width_without_complaint() {
    for (name, results) in [("one", &["a.h5"][..]), ("compared", &["a.h5", "b.h5", "c.h5"])] {
        let Some((_folder, path, mut browser)) = opened(results) else { return };
        for (width, theme) in [(400, "light"), (400, "dark"), (1280, "light"), (1280, "dark")] {
            fits(&mut browser, &path, width, theme);
            browser.keep_picture(&format!("{name}-{width}-{theme}.png"), true);
        }
        assert_eq!(browser.complaints, Vec::<String>::new());
        assert_eq!(browser.evaluate("document.title === 'taken'"), false);
    }
}

/// No horizontal scrolling, one drawing of each figure, and nothing drawn beyond its card.
fn fits(browser: &mut Browser, path: &Path, width: u32, theme: &str) {
    browser.open(path, (width, 900), theme);
    assert_eq!(browser.evaluate("document.documentElement.scrollWidth"), width, "{theme}");
    let shown = browser.evaluate(
        "[...document.querySelectorAll('.picture')].every(p => \
         [...p.children].filter(s => s.getBoundingClientRect().width > 0).length === 1)",
    );
    assert_eq!(shown, true, "{width}");
    let outside = browser.evaluate(
        "[...document.querySelectorAll('.picture text')].filter(t => { const b = t.getBoundingClientRect(), \
         c = t.closest('.card').getBoundingClientRect(); return b.width > 0 && (b.left < c.left || b.right > c.right); })\
         .map(t => t.textContent).join(' | ')",
    );
    assert_eq!(outside, "", "{width}");
}

#[test]
fn pointing_and_arrow_keys_tell_exact_values() {
    let Some((_folder, path, mut browser)) = opened(&["a.h5"]) else { return };
    for width in [400, 1280] {
        browser.open(&path, (width, 900), "light");
        assert_eq!(tip(&mut browser), "");
        let at = place(&mut browser, "#expectations .hit", 0);
        browser.point(at);
        assert_eq!(tip(&mut browser), "Z0\nvalue 0.5\nproven in [0.48, 0.52]");
        let at = place(&mut browser, "#width .hit", 3);
        browser.point(at);
        assert_eq!(tip(&mut browser), "step 3: channel\n4 columns");
        browser.keep_picture(&format!("tip-{width}.png"), false);
        browser.point((2.0, 2.0));
        assert_eq!(tip(&mut browser), "");
    }
    browser.evaluate(
        "[...document.querySelectorAll('#counts svg')].find(s => s.getBoundingClientRect().width > 0).focus()",
    );
    // The page scrolls to what has the focus, and scrolling hides what was told before.
    browser.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))");
    browser.press("ArrowDown");
    assert!(tip(&mut browser).starts_with("11101\n30 of 465 shots"), "{}", tip(&mut browser));
    browser.press("ArrowDown");
    assert!(tip(&mut browser).starts_with("11100\n29 of"));
    browser.press("Escape");
    assert_eq!(tip(&mut browser), "");
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[test]
fn the_switch_changes_the_theme_and_the_system_sets_it_first() {
    let Some((_folder, path, mut browser)) = opened(&["a.h5"]) else { return };
    let colours = ["light", "dark"].map(|theme| {
        browser.open(&path, (1280, 900), theme);
        let before = background(&mut browser);
        let switch = place(&mut browser, "#theme", 0);
        browser.click(switch);
        let after = background(&mut browser);
        browser.click(switch);
        assert_eq!(background(&mut browser), before);
        (before, after)
    });
    assert_ne!(colours[0].0, colours[0].1);
    assert_eq!(colours[0], (colours[1].1.clone(), colours[1].0.clone()));
    assert_eq!(browser.complaints, Vec::<String>::new());
}
