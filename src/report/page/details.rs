//! The end of the page: configuration, provenance and circuit as text, and how they differ between runs.

use super::super::difference::{Line, difference};
use super::super::html::escape;
use super::super::number::{bytes, count};
use super::super::run::Run;
use super::run_head;

/// A circuit's text that is longer is left in the result file.
const LONGEST_CIRCUIT: usize = 1 << 16;

/// Lines shown before and after one that differs.
const CONTEXT: usize = 2;

/// All sections of text.
pub(super) fn details(runs: &[Run]) -> String {
    match runs {
        [run] => format!("{}{}{}", configuration(run), choice(run), circuit(run)) + &provenance(runs),
        _ => differences(runs) + &provenance(runs),
    }
}

/// A card with a heading; the content is HTML.
pub(in super::super) fn section(title: &str, content: &str) -> String {
    format!("<section class=\"card\"><h2>{title}</h2>{content}</section>\n")
}

/// A text that is shown when it is asked for.
pub(in super::super) fn folded(title: &str, text: &str) -> String {
    format!(
        "<section class=\"card\"><details><summary>{title}</summary><pre tabindex=\"0\">{}</pre></details></section>\n",
        escape(text)
    )
}

fn configuration(run: &Run) -> String {
    let text = &run.record.config.effective_toml;
    if text.is_empty() { String::new() } else { folded("Configuration, with all defaults", text) }
}

fn choice(run: &Run) -> String {
    let text = &run.record.provenance.choice;
    if text.is_empty() { String::new() } else { folded("How the engine was chosen", text) }
}

fn circuit(run: &Run) -> String {
    let text = &run.record.config.circuit_text;
    match text.len() {
        0 => String::new(),
        size if size > LONGEST_CIRCUIT => section(
            "Circuit",
            &format!("<p class=\"note\">{} long: see /config/circuit_text in the file.</p>", bytes(size as f64)),
        ),
        _ => folded("Circuit", text),
    }
}

/// A name and its text for one run.
type Item = (&'static str, fn(&Run) -> String);

const PROVENANCE: [Item; 11] = [
    ("Command", |run| run.record.provenance.command.clone()),
    ("Started", |run| run.record.provenance.started.clone()),
    ("Version", |run| run.record.provenance.version.clone()),
    ("Commit", |run| run.record.provenance.commit.clone()),
    ("Hosts", |run| hosts(&run.record.provenance.hosts)),
    ("GPUs", |run| run.record.provenance.gpus.join(", ")),
    ("Idle ranks", |run| {
        if run.record.provenance.idle_ranks > 0 { count(run.record.provenance.idle_ranks) } else { String::new() }
    }),
    ("MPI", |run| run.record.provenance.mpi_version.lines().next().unwrap_or_default().to_string()),
    ("HDF5", |run| run.record.provenance.hdf5_version.clone()),
    ("SHA-256 of the job", |run| run.record.config.job_sha256.clone()),
    ("SHA-256 of the circuit", |run| run.record.config.circuit_sha256.clone()),
];

fn provenance(runs: &[Run]) -> String {
    let row = |(name, text): &Item| {
        let texts: Vec<String> = runs.iter().map(text).collect();
        let cells: String = texts.iter().map(|text| format!("<td>{}</td>", escape(text))).collect();
        let known = texts.iter().any(|text| !text.is_empty());
        if known { format!("<tr><th scope=\"row\">{name}</th>{cells}</tr>") } else { String::new() }
    };
    let rows: String = PROVENANCE.iter().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let heads: String = runs.iter().enumerate().map(|(series, run)| run_head(series, run)).collect();
    let head = if runs.len() > 1 { format!("<thead><tr><td></td>{heads}</tr></thead>") } else { String::new() };
    section(
        "Provenance",
        &format!("<div class=\"scroll\"><table class=\"text\">{head}<tbody>{rows}</tbody></table></div>"),
    )
}

/// `node1 × 4, node2 × 4`.
fn hosts(hosts: &[String]) -> String {
    let mut groups: Vec<(&String, usize)> = Vec::new();
    for host in hosts {
        match groups.last_mut().filter(|(last, _)| *last == host) {
            Some((_, ranks)) => *ranks += 1,
            None => groups.push((host, 1)),
        }
    }
    let text = |(host, ranks): (&String, usize)| if ranks > 1 { format!("{host} × {ranks}") } else { host.clone() };
    groups.into_iter().map(text).collect::<Vec<_>>().join(", ")
}

/// How the configuration of each run differs from the first's.
fn differences(runs: &[Run]) -> String {
    let of = |run: &Run| run.record.config.effective_toml.clone();
    let compared = |(series, run): (usize, &Run)| {
        let heading = format!("<h3><span class=\"swatch series{series}\"></span>{}</h3>", escape(&run.label));
        let circuit = match run.record.config.circuit_sha256 == runs[0].record.config.circuit_sha256 {
            true => "The circuit is the same.",
            false => "The circuit is another.",
        };
        format!("{heading}<p class=\"note\">{circuit}</p>{}", changes(&of(&runs[0]), &of(run)))
    };
    let texts: String = runs.iter().enumerate().skip(1).map(compared).collect();
    section("Configuration", &format!("<p class=\"note\">Compared with {}.</p>{texts}", escape(&runs[0].label)))
}

fn changes(one: &str, other: &str) -> String {
    let Some(lines) = difference(one, other) else {
        return "<p class=\"note\">The configurations are too long to be compared here.</p>".into();
    };
    if lines.iter().all(|line| matches!(line, Line::Same(_))) {
        return "<p class=\"note\">The configuration is the same.</p>".into();
    }
    let shown = |line: &Line<'_>| match line {
        Line::Same(text) => format!("  {}\n", escape(text)),
        Line::Removed(text) => format!("<del>− {}\n</del>", escape(text)),
        Line::Added(text) => format!("<ins>+ {}\n</ins>", escape(text)),
    };
    let near = |index: usize| {
        let around = &lines[index.saturating_sub(CONTEXT)..(index + CONTEXT + 1).min(lines.len())];
        around.iter().any(|line| !matches!(line, Line::Same(_)))
    };
    let (mut text, mut gap) = (String::new(), false);
    for (index, line) in lines.iter().enumerate() {
        if near(index) {
            text += &shown(line);
        } else if !gap {
            text += "  …\n";
        }
        gap = !near(index);
    }
    format!("<pre class=\"changes\" tabindex=\"0\">{text}</pre>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_counted() {
        let names = ["a", "a", "b"].map(String::from);
        assert_eq!(hosts(&names), "a × 2, b");
        assert_eq!(hosts(&[]), "");
    }

    #[test]
    fn changes_are_marked_and_escaped() {
        let text = changes("budget = 1\nx", "budget = <2>\nx");
        assert!(text.contains("<del>− budget = 1\n</del><ins>+ budget = &lt;2&gt;\n</ins>  x\n"), "{text}");
        assert!(changes("a", "a").contains("is the same"));
        let far = changes("1\n2\n3\n4\n5\n6\nx", "1\n2\n3\n4\n5\n6\ny");
        assert!(far.contains(">  …\n  5\n  6\n<del>− x"), "{far}");
    }
}
