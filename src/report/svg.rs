//! Writes a drawing as SVG.

use super::drawing::{Anchor, Drawing, Hit, Look, Mark, Shape};
use super::html::escape;
use super::theme;
use std::fmt::Write;

/// The picture as part of a page, which brings the style. Exact values are in `data-tip`, for the page's script; a
/// reader who cannot see it hears `label`.
pub(super) fn inline(drawing: &Drawing, class: &str, label: &str) -> String {
    let hits: String =
        drawing.hits.iter().map(|hit| rectangle(hit, &format!(" data-tip=\"{}\"/>", escape(&hit.tip)))).collect();
    let size = size(drawing);
    let label = escape(label);
    format!(
        "<svg class=\"{class}\" {size} role=\"img\" tabindex=\"0\" aria-label=\"{label}\">{}{hits}</svg>\n",
        marks(drawing)
    )
}

/// The picture as a file of its own, light, with exact values as titles.
pub(super) fn standalone(drawing: &Drawing, label: &str) -> String {
    let title = |hit: &Hit| rectangle(hit, &format!("><title>{}</title></rect>", escape(&hit.tip)));
    let hits: String = drawing.hits.iter().map(title).collect();
    let (size, style, label) = (size(drawing), theme::standalone_style(), escape(label));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" {size} role=\"img\"><title>{label}</title><style>{style}</style>\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>{}{hits}</svg>\n",
        marks(drawing)
    )
}

fn size(drawing: &Drawing) -> String {
    let (width, height) = (pixel(drawing.width), pixel(drawing.height));
    format!("viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\"")
}

fn marks(drawing: &Drawing) -> String {
    drawing.marks.iter().map(mark).collect()
}

fn rectangle(hit: &Hit, rest: &str) -> String {
    let [x, y, width, height] = [hit.x, hit.y, hit.width, hit.height].map(pixel);
    format!("<rect class=\"hit\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"{rest}")
}

fn mark(mark: &Mark) -> String {
    let class = class(mark);
    match &mark.shape {
        Shape::Path(points) => format!("<path class=\"{class}\" d=\"{}\"/>", path(points)),
        Shape::Rectangle { x, y, width, height } => {
            let [x, y, width, height] = [*x, *y, *width, *height].map(pixel);
            format!("<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>")
        }
        Shape::Circle { x, y, radius } => {
            format!("<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>", pixel(*x), pixel(*y), pixel(*radius))
        }
        Shape::Text { x, y, anchor, text } => {
            let anchor = match anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            };
            format!("<text class=\"{class} {anchor}\" x=\"{}\" y=\"{}\">{}</text>", pixel(*x), pixel(*y), escape(text))
        }
    }
}

fn class(mark: &Mark) -> String {
    let look = match mark.look {
        Look::Axis => "axis",
        Look::Grid => "grid",
        Look::Reference => "reference",
        Look::Line => "line",
        Look::Bar => "bar",
        Look::Interval => "interval",
        Look::Whisker => "whisker",
        Look::Dot => "dot",
        Look::Cell => "cell",
        Look::Strand => "strand",
        Look::Label => "label",
        Look::Note => "note",
        Look::Strong => "strong",
    };
    match (mark.series, mark.level) {
        (Some(series), _) => format!("{look} series{series}"),
        (None, Some(level)) => format!("{look} level{level}"),
        (None, None) => look.to_string(),
    }
}

/// A polyline; moves along an axis are written in their short form, for lines that step have many.
fn path(points: &[(f64, f64)]) -> String {
    let mut text = String::new();
    let mut before = (f64::NAN, f64::NAN);
    for &(x, y) in points {
        let step = match (before.0 == x, before.1 == y) {
            (false, true) => write!(text, "H{}", pixel(x)),
            (true, false) => write!(text, "V{}", pixel(y)),
            _ => write!(text, "{}{} {}", if text.is_empty() { 'M' } else { 'L' }, pixel(x), pixel(y)),
        };
        step.expect("writing to a string does not fail");
        before = (x, y);
    }
    text
}

/// A length to a tenth of a pixel, as short as it can be written.
fn pixel(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_is_written_with_everything_escaped() {
        let mut drawing = Drawing::new(100.0, 50.5);
        drawing.text(Look::Label, Anchor::End, (10.0, 20.25), "<script>\"&'");
        drawing.path(Look::Line, 1, vec![(0.0, 0.0), (5.0, 0.0), (5.0, 7.0), (6.0, 8.0)]);
        drawing.hit((0.0, 0.0), (3.0, 4.0), "a < b\nc".into());
        let text = inline(&drawing, "wide", "the \"label\"");
        for expected in [
            "viewBox=\"0 0 100 50.5\"",
            "<text class=\"label end\" x=\"10\" y=\"20.2\">&lt;script&gt;&quot;&amp;&#39;</text>",
            "<path class=\"line series1\" d=\"M0 0H5V7L6 8\"/>",
            "data-tip=\"a &lt; b&#10;c\"",
            "aria-label=\"the &quot;label&quot;\"",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
        assert!(standalone(&drawing, "x").contains("<title>a &lt; b&#10;c</title></rect>"));
    }
}
