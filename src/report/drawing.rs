//! A picture as a list of marks: what figures are drawn into, and what [`super::svg`] writes.
//!
//! Marks say what they are (a bar, an axis), not how they look; the style sheet says that. So one drawing serves the
//! page in both its themes, a file of its own, and a bitmap.

/// What a mark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// The line of an axis.
    Axis,
    /// A line to read positions by.
    Grid,
    /// A value to compare with, for instance a budget.
    Reference,
    /// The line of a series.
    Line,
    /// A bar of a series.
    Bar,
    /// A proven interval.
    Interval,
    /// A standard error, or the end of an interval.
    Whisker,
    /// A value.
    Dot,
    /// A cell of a table of colours.
    Cell,
    /// A point in parallel coordinates.
    Strand,
    /// Text.
    Label,
    /// Text of minor importance.
    Note,
    /// Text that stands out.
    Strong,
}

/// Which point of a text stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// The form of a mark, in pixels from the upper left corner.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Path(Vec<(f64, f64)>),
    Rectangle { x: f64, y: f64, width: f64, height: f64 },
    Circle { x: f64, y: f64, radius: f64 },
    Text { x: f64, y: f64, anchor: Anchor, text: String },
}

/// Something that is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark {
    pub shape: Shape,
    pub look: Look,
    /// The run whose colour it has.
    pub series: Option<usize>,
    /// The colour of a scale that it has.
    pub level: Option<usize>,
}

/// An area that tells exact values when it is pointed at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hit {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    /// Lines of text.
    pub tip: String,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Drawing {
    pub width: f64,
    pub height: f64,
    pub marks: Vec<Mark>,
    pub hits: Vec<Hit>,
}

/// Width of a text of the given letters, an estimate that rather says too much.
pub(super) fn text_width(text: &str) -> f64 {
    let width = |letter: char| match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | '\'' | '|' | ' ' | 'I' | 'f' | 't' | 'r' | '(' | ')' | '[' | ']' => 4.2,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 10.8,
        'A'..='Z' | '≤' | '−' | '×' | '±' => 8.4,
        _ => 7.1,
    };
    text.chars().map(width).sum()
}

/// `text` with its middle left out, so that it fits `width`.
pub(super) fn fit(text: &str, width: f64) -> String {
    let text: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if text_width(&text) <= width {
        return text;
    }
    let letters: Vec<char> = text.chars().collect();
    let shortened = |kept: usize| {
        let (head, tail) = (kept.div_ceil(2), kept / 2);
        letters[..head].iter().chain(['…'].iter()).chain(&letters[letters.len() - tail..]).collect::<String>()
    };
    (0..letters.len()).rev().map(shortened).find(|short| text_width(short) <= width).unwrap_or_else(|| "…".into())
}

impl Shape {
    fn shift(&mut self, right: f64, down: f64) {
        match self {
            Shape::Path(points) => points.iter_mut().for_each(|(x, y)| (*x, *y) = (*x + right, *y + down)),
            Shape::Rectangle { x, y, .. } | Shape::Circle { x, y, .. } | Shape::Text { x, y, .. } => {
                (*x, *y) = (*x + right, *y + down);
            }
        }
    }
}

impl Drawing {
    pub fn new(width: f64, height: f64) -> Drawing {
        Drawing { width, height, ..Drawing::default() }
    }

    pub fn line(&mut self, look: Look, from: (f64, f64), to: (f64, f64)) {
        self.mark(look, None, Shape::Path(vec![from, to]));
    }

    pub fn path(&mut self, look: Look, series: usize, points: Vec<(f64, f64)>) {
        self.mark(look, Some(series), Shape::Path(points));
    }

    pub fn rectangle(&mut self, look: Look, series: usize, (x, y): (f64, f64), (width, height): (f64, f64)) {
        self.mark(look, Some(series), Shape::Rectangle { x, y, width, height });
    }

    /// A rectangle in a colour of the scale.
    pub fn level(&mut self, look: Look, level: usize, (x, y): (f64, f64), (width, height): (f64, f64)) {
        self.mark_level(look, level, Shape::Rectangle { x, y, width, height });
    }

    /// Any shape in a colour of the scale.
    pub fn mark_level(&mut self, look: Look, level: usize, shape: Shape) {
        self.marks.push(Mark { shape, look, series: None, level: Some(level) });
    }

    pub fn dot(&mut self, series: usize, (x, y): (f64, f64), radius: f64) {
        self.mark(Look::Dot, Some(series), Shape::Circle { x, y, radius });
    }

    pub fn text(&mut self, look: Look, anchor: Anchor, (x, y): (f64, f64), text: impl Into<String>) {
        self.mark(look, None, Shape::Text { x, y, anchor, text: text.into() });
    }

    /// Text in the colour of a run.
    pub fn text_of(&mut self, series: usize, anchor: Anchor, (x, y): (f64, f64), text: impl Into<String>) {
        self.mark(Look::Strong, Some(series), Shape::Text { x, y, anchor, text: text.into() });
    }

    pub fn hit(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), tip: String) {
        self.hits.push(Hit { x, y, width, height, tip });
    }

    /// The drawing with room around it and a title above, for a file of its own.
    pub fn with_margin(mut self, margin: f64, title: &str) -> Drawing {
        let (right, down) = (margin, margin + 24.0);
        self.marks.iter_mut().for_each(|mark| mark.shape.shift(right, down));
        self.hits.iter_mut().for_each(|hit| (hit.x, hit.y) = (hit.x + right, hit.y + down));
        (self.width, self.height) = (self.width + 2.0 * margin, self.height + margin + down);
        self.text(Look::Strong, Anchor::Start, (margin, margin + 8.0), title);
        self
    }

    fn mark(&mut self, look: Look, series: Option<usize>, shape: Shape) {
        self.marks.push(Mark { shape, look, series, level: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_loses_its_middle_only() {
        assert_eq!(fit("Z0 Z1", 100.0), "Z0 Z1");
        let short = fit(&"X1 Y2 Z3 ".repeat(30), 120.0);
        assert!(text_width(&short) <= 120.0 && short.starts_with("X1 Y2") && short.contains('…'), "{short}");
        assert_eq!(fit("anything", 0.0), "…");
        assert_eq!(fit("two\nlines", 100.0), "two lines");
    }
}
