//! The page: everything of some runs in one HTML file that needs nothing else.

mod details;

use super::facts::{Fact, Verdict, claim, facts};
use super::figure::{Figure, Table};
use super::html::escape;
use super::number::count;
use super::plots::figures;
use super::run::Run;
use super::{svg, theme};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Every figure is in the page twice, drawn for a wide and for a narrow place; the style shows the one that fits.
const WIDTHS: [(&str, f64); 2] = [("wide", 560.0), ("narrow", 340.0)];

/// The page of some runs.
pub(super) fn page(runs: &[Run]) -> String {
    let title = title(runs);
    let figures = figures(runs);
    let tables: String = figures.iter().filter(|figure| figure.table_first).map(table_card).collect();
    let (summary, details) = (summary(runs), details::details(runs));
    document(&title, &header(runs, &title), &[&summary, "\n", &tables, &pictures(&figures), &details].concat())
}

/// The page of some figures that are not of runs: what it is of, a sentence on it, the tables before the pictures.
pub(super) fn page_of_figures(kind: &str, title: &str, claim: &str, figures: &[Figure<'_>]) -> String {
    let tables: String = figures.iter().filter(|figure| figure.table_first).map(table_card).collect();
    let header = header_of(&format!("rhoshard {}", escape(kind)), title, &escape(claim));
    document(title, &header, &[&tables, &pictures(figures)[..]].concat())
}

fn pictures(figures: &[Figure<'_>]) -> String {
    format!("<div class=\"figures\">\n{}</div>\n", figures.iter().map(figure).collect::<String>())
}

/// A whole page.
fn document(title: &str, header: &str, main: &str) -> String {
    let (safe, style) = (escape(title), [&theme::variables(), STYLE, theme::figure_style()].concat());
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"generator\" content=\"rhoshard {version}\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{safe}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{header}\n<main>\n{main}\n</main>\n\
         <div id=\"tip\" role=\"status\" aria-live=\"polite\" hidden></div>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        version = env!("CARGO_PKG_VERSION"),
    )
}

fn title(runs: &[Run]) -> String {
    match runs {
        [run] => run.label.clone(),
        [first, second] => format!("{} and {}", first.label, second.label),
        _ => format!("{} runs compared", runs.len()),
    }
}

fn header(runs: &[Run], title: &str) -> String {
    let started = match runs {
        [run] => run.record.provenance.started.replace('T', " ").replace('Z', " UTC"),
        _ => String::new(),
    };
    let kind = if runs.len() == 1 { "result" } else { "comparison" };
    header_of(&format!("rhoshard {kind} {}", escape(&started)), title, claim(runs))
}

/// The head of a page; all but the title may be markup.
fn header_of(kind: &str, title: &str, claim: &str) -> String {
    format!(
        "<header><div><p class=\"kind\">{kind}</p><h1>{title}</h1><p class=\"claim\">{claim}</p></div>\
         <button id=\"theme\" type=\"button\" aria-label=\"Change between light and dark\">◐</button></header>",
        title = escape(title),
    )
}

/// One run has its facts side by side, several have a column each.
fn summary(runs: &[Run]) -> String {
    let all: Vec<Vec<Fact>> = runs.iter().map(facts).collect();
    if let [facts] = &all[..] {
        let items: String =
            facts.iter().map(|fact| format!("<div><dt>{}</dt>{}</div>", fact.name, shown(fact, "dd"))).collect();
        return format!("<section class=\"card\" aria-label=\"Summary\"><dl class=\"facts\">{items}</dl></section>");
    }
    let head: String = runs.iter().enumerate().map(|(series, run)| run_head(series, run)).collect();
    let row = |index: usize| {
        let cells: String = all.iter().map(|facts| shown(&facts[index], "td")).collect();
        format!("<tr><th scope=\"row\">{}</th>{cells}</tr>", all[0][index].name)
    };
    let rows: String = (0..all[0].len()).map(row).collect();
    format!(
        "<section class=\"card\"><h2>Summary</h2><div class=\"scroll\"><table class=\"facts-table\">\
         <thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div></section>"
    )
}

fn run_head(series: usize, run: &Run) -> String {
    format!("<th scope=\"col\"><span class=\"swatch series{series}\"></span>{}</th>", escape(&run.label))
}

fn shown(fact: &Fact, element: &str) -> String {
    let class = match fact.verdict {
        Verdict::Good => " class=\"good\"",
        Verdict::Bad => " class=\"bad\"",
        Verdict::Neither => "",
    };
    let detail =
        if fact.detail.is_empty() { String::new() } else { format!("<small>{}</small>", escape(&fact.detail)) };
    format!("<{element}><b{class}>{}</b>{detail}</{element}>", escape(&fact.value))
}

fn figure(figure: &Figure<'_>) -> String {
    let label =
        format!("{}. {} The values are in its table; arrow keys read them one by one.", figure.title, figure.note);
    let pictures: String =
        WIDTHS.iter().map(|(class, width)| svg::inline(&(figure.draw)(*width), class, &label)).collect();
    format!(
        "<section class=\"card figure\" id=\"{name}\"><h2>{title}</h2><p class=\"note\">{note}</p>\
         <div class=\"picture\">{pictures}</div>{table}</section>\n",
        name = escape(&figure.name),
        title = escape(&figure.title),
        note = escape(&figure.note),
        table = if figure.table_first { String::new() } else { folded(&figure.table) },
    )
}

fn folded(numbers: &Table) -> String {
    format!("<details><summary>Table</summary>{}</details>", table(numbers))
}

/// The table of a figure by itself.
fn table_card(figure: &Figure<'_>) -> String {
    let title = escape(&figure.title);
    format!("<section class=\"card table-card\"><h2>{title}</h2>{}</section>\n", table(&figure.table))
}

fn table(table: &Table) -> String {
    let head: String = table.head.iter().map(|name| format!("<th scope=\"col\">{}</th>", escape(name))).collect();
    let cell = |(index, text): (usize, &String)| {
        let text = escape(text);
        let class = match text.chars().next() {
            Some('✓') => " class=\"good\"",
            Some('✗') => " class=\"bad\"",
            _ => "",
        };
        if index == 0 { format!("<th scope=\"row\">{text}</th>") } else { format!("<td{class}>{text}</td>") }
    };
    let row = |cells: &Vec<String>| format!("<tr>{}</tr>\n", cells.iter().enumerate().map(cell).collect::<String>());
    let rows: String = table.rows.iter().map(row).collect();
    let left_out = match table.left_out {
        0 => String::new(),
        number => format!("<p class=\"note\">{} more rows are in the file.</p>", count(number as u64)),
    };
    format!(
        "<div class=\"scroll\"><table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody>\
         </table></div>{left_out}"
    )
}
