//! A study's rows as text, JSON, CSV, and as pictures.

use super::Kind;
use super::analysis::Row;
use crate::error::{Error, Result};
use crate::io;
use crate::report::scaling::{Point, Study as Drawn};
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// What a study found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Findings {
    /// What stays the same.
    pub kind: Kind,
    /// What was run, for people.
    pub job: String,
    /// The engine that ran.
    pub engine: String,
    /// What is predicted with, or why nothing is.
    pub model: String,
    /// One for each number of ranks.
    pub rows: Vec<Row>,
}

/// The columns of the CSV file.
const COLUMNS: [&str; 16] = [
    "ranks",
    "idle",
    "threads",
    "qubits",
    "runs",
    "seconds",
    "fastest",
    "slowest",
    "speed_up",
    "efficiency",
    "communication",
    "pass",
    "predicted_seconds",
    "predicted_communication",
    "predicted_speed_up",
    "predicted_efficiency",
];

impl Findings {
    /// The table, 80 columns wide, with a line above and what is to be known below.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.title());
        let _ = writeln!(text, " ranks threads qubits runs   time s speed-up efficiency comm. pass s  model s");
        for row in &self.rows {
            let model = row.predicted.map_or("-".into(), |predicted| seconds(predicted.seconds));
            let _ = writeln!(
                text,
                "{:>6} {:>7} {:>6} {:>4} {:>8} {:>8.2} {:>10} {:>5} {:>6} {:>8}",
                row.ranks,
                row.threads,
                row.qubits,
                row.runs,
                seconds(row.seconds),
                row.speed_up,
                percent(row.efficiency),
                percent(row.communication),
                seconds(row.pass),
                model,
            );
        }
        text + "\n" + &self.remarks()
    }

    fn title(&self) -> String {
        format!("{} scaling of {} by the {} engine", self.kind.name(), self.job, self.engine)
    }

    /// What a reader of the table has to know.
    fn remarks(&self) -> String {
        let mut text = String::from(
            "time: median of the engine's seconds; comm.: its share in communication that\n\
             nothing hides, waiting for other ranks included; pass: the last pass over the\n\
             circuit, which the model predicts.\n",
        );
        let _ = writeln!(text, "model: {}", self.model);
        let first = self.rows.first().map_or(0, |row| row.threads);
        if self.rows.iter().any(|row| row.threads != first) {
            text += "The runs differ in threads a rank, so this compares ranks and not cores: set\n\
                     `threads` under [engine].\n";
        }
        if let Some(row) = self.rows.iter().find(|row| row.idle > 0) {
            let _ = writeln!(text, "{} of {} ranks had no part of the state.", row.idle, row.ranks);
        }
        text
    }

    /// For programs: what is not a number is `null`.
    ///
    /// # Errors
    /// Never in practice.
    pub fn json(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self);
        text.map(|text| text + "\n").map_err(|error| Error::internal(format!("findings cannot be written: {error}")))
    }

    /// A row for each number of ranks; empty where there is no number.
    pub fn csv(&self) -> String {
        let mut text = COLUMNS.join(",") + "\n";
        for row in &self.rows {
            let integers = [row.ranks, row.idle, row.threads, row.qubits, row.runs].map(|value| value.to_string());
            let predicted = row.predicted.map_or([f64::NAN; 4], |predicted| {
                [predicted.seconds, predicted.communication, predicted.speed_up, predicted.efficiency]
            });
            let measured =
                [row.seconds, row.fastest, row.slowest, row.speed_up, row.efficiency, row.communication, row.pass];
            let exact = |value: f64| if value.is_finite() { value.to_string() } else { String::new() };
            let numbers = measured.into_iter().chain(predicted).map(exact);
            text += &(integers.into_iter().chain(numbers).collect::<Vec<String>>().join(",") + "\n");
        }
        text
    }

    /// Writes `scaling.json`, `.csv` and `.html`, `speed-up.svg` and `efficiency.svg` to a folder; gives their paths.
    ///
    /// # Errors
    /// Resource error when a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        let drawn = self.drawn();
        let mut files = vec![
            ("scaling.json".to_string(), self.json()?),
            ("scaling.csv".into(), self.csv()),
            ("scaling.html".into(), drawn.html()),
        ];
        files.extend(drawn.svg().into_iter().map(|(name, content)| (format!("{name}.svg"), content)));
        let write = |(name, content): (String, String)| {
            let path = folder.join(name);
            io::replace_file(&path, content.as_bytes()).map(|_| path)
        };
        files.into_iter().map(write).collect()
    }

    fn drawn(&self) -> Drawn {
        let point = |row: &Row| Point {
            ranks: row.ranks,
            seconds: row.seconds,
            speed_up: row.speed_up,
            efficiency: row.efficiency,
            predicted: row.predicted.map_or([f64::NAN; 2], |predicted| [predicted.speed_up, predicted.efficiency]),
        };
        let head = [
            "ranks",
            "threads",
            "qubits",
            "runs",
            "seconds",
            "speed-up",
            "efficiency",
            "communication",
            "pass",
            "model",
        ];
        let cells = |row: &Row| {
            let integers = [row.ranks, row.threads, row.qubits, row.runs].map(|value| value.to_string());
            let numbers = [
                seconds(row.seconds),
                format!("{:.2}", row.speed_up),
                percent(row.efficiency),
                percent(row.communication),
                seconds(row.pass),
                row.predicted.map_or("–".into(), |predicted| seconds(predicted.seconds)),
            ];
            integers.into_iter().chain(numbers).collect()
        };
        Drawn {
            title: self.title(),
            note: format!("Median times of the engine. Model: {}", self.model),
            points: self.rows.iter().map(point).collect(),
            table: (head.map(String::from).to_vec(), self.rows.iter().map(cells).collect()),
        }
    }
}

/// Three digits, in at most eight characters.
fn seconds(value: f64) -> String {
    match value {
        _ if !value.is_finite() => "-".into(),
        _ if !(1e-3..1e5).contains(&value) && value != 0.0 => format!("{value:.1e}"),
        _ if value >= 100.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ if value >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.0} %", 100.0 * share) } else { "-".into() }
}

#[cfg(test)]
mod tests {
    use super::super::analysis::{add_predictions, analyse};
    use super::super::collect::tests::samples;
    use super::*;

    fn findings() -> Findings {
        let samples = samples(&[(1, 20, 1234.5, 0.0), (2, 20, 700.0, 70.0), (4096, 20, 0.5, f64::NAN)]);
        let mut rows = analyse(Kind::Strong, &samples).unwrap();
        add_predictions(Kind::Strong, &mut rows, &[Some((900.0, 0.0)), Some((500.0, 0.1)), None]);
        let (job, engine, model) = ("a, b.toml".to_string(), "low-rank".to_string(), "defaults".to_string());
        Findings { kind: Kind::Strong, job, engine, model, rows }
    }

    #[test]
    fn the_table_fits_a_terminal() {
        let text = findings().text();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.starts_with("strong scaling of a, b.toml by the low-rank engine\n"));
        let row = "     2       2     20    1      700     1.76       88 %  10 %    525      500";
        assert!(text.lines().any(|line| line == row), "{text}");
    }

    #[test]
    fn json_and_csv_hold_all_numbers() {
        let findings = findings();
        let json: serde_json::Value = serde_json::from_str(&findings.json().unwrap()).unwrap();
        assert_eq!(json["kind"], "strong");
        assert_eq!(json["rows"][1]["predicted"]["speed_up"].as_f64().unwrap(), 1.8);
        assert!(json["rows"][2]["communication"].is_null() && json["rows"][2]["predicted"].is_null());
        let csv = findings.csv();
        let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
        assert!(lines.len() == 4 && lines.iter().all(|line| line.len() == COLUMNS.len()), "{csv}");
        assert_eq!(lines[2][..7], ["2", "0", "2", "20", "1", "700", "700"]);
        assert_eq!(lines[3][10..13], ["", "0.375", ""]);
        let again: f64 = lines[2][8].parse().unwrap();
        assert_eq!(again, findings.rows[1].speed_up, "nothing is rounded");
    }

    #[test]
    fn all_files_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let files = findings().write(folder.path()).unwrap();
        let names: Vec<String> =
            files.iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect();
        assert_eq!(names, ["scaling.json", "scaling.csv", "scaling.html", "speed-up.svg", "efficiency.svg"]);
        assert!(files.iter().all(|file| file.metadata().unwrap().len() > 100));
        let page = std::fs::read_to_string(&files[2]).unwrap();
        assert!(page.contains("strong scaling of a, b.toml") && page.contains("<svg") && page.contains("predicted"));
    }

    #[test]
    fn differences_that_matter_are_said() {
        let mut findings = findings();
        assert!(!findings.text().contains("threads a rank"));
        findings.rows[1].threads = 7;
        findings.rows[2].idle = 2048;
        let text = findings.text();
        assert!(text.contains("compares ranks and not cores") && text.contains("2048 of 4096 ranks"), "{text}");
    }

    #[test]
    fn seconds_have_three_digits() {
        let shown = [0.0123, 1.234, 12.34, 123.4, 12345.0, 2.5e-5, 3e7, f64::NAN].map(seconds);
        assert_eq!(shown, ["0.012", "1.23", "12.3", "123", "12345", "2.5e-5", "3.0e7", "-"]);
    }
}
