//! The colours of a report, in one table, and the style of its figures.
//!
//! Series have the hues of Okabe and Ito's palette, which people with any kind of colour blindness tell apart,
//! with the lightness changed for contrast with either background.

/// Style of figures; colours stand in it as `var(--name)`.
const FIGURE: &str = include_str!("figure.css");

/// Name, colour on a light background, colour on a dark one.
const COLOURS: [(&str, &str, &str); 14] = [
    ("page", "#f4f5f7", "#0e1116"),
    ("surface", "#ffffff", "#161a21"),
    ("ink", "#1b1f24", "#e9ecf0"),
    ("muted", "#5a6470", "#9aa5b1"),
    ("grid", "#e4e7eb", "#2a313a"),
    ("good", "#00735a", "#34c79c"),
    ("bad", "#b3261e", "#ff8f84"),
    ("hover", "#8fa3b8", "#8fa3b8"),
    ("series0", "#0868b0", "#62b6f3"),
    ("series1", "#c04f00", "#f5944a"),
    ("series2", "#007a59", "#35c497"),
    ("series3", "#a3478a", "#e094c9"),
    ("series4", "#7d6400", "#e2c54b"),
    ("series5", "#4f5b69", "#b3bdc9"),
];

/// Most runs in one report: one colour each.
pub(super) const MOST_RUNS: usize = 6;

/// The style of figures in a page, where the variables are set by [`variables`].
pub(super) fn figure_style() -> &'static str {
    FIGURE
}

/// The style of a figure in a file of its own: light, with every colour written out.
pub(super) fn standalone_style() -> String {
    COLOURS.iter().fold(FIGURE.to_string(), |style, (name, light, _)| style.replace(&format!("var(--{name})"), light))
}

/// The variables of a page: light unless the reader's system or the page's switch says dark.
pub(super) fn variables() -> String {
    let list = |pick: fn(&(&str, &str, &str)) -> String| COLOURS.iter().map(pick).collect::<String>();
    let light = list(|(name, light, _)| format!("--{name}:{light};"));
    let dark = list(|(name, _, dark)| format!("--{name}:{dark};"));
    format!(
        ":root{{color-scheme:light;{light}}}\n\
         @media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}\n\
         @media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}}}}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_of_its_own_needs_no_variables() {
        assert!(FIGURE.contains("var(--ink)") && !standalone_style().contains("var("), "{}", standalone_style());
    }

    #[test]
    fn text_and_series_stand_out_from_their_background() {
        let of = |name: &str| COLOURS.iter().find(|colour| colour.0 == name).unwrap();
        let (_, light, dark) = of("surface");
        for (name, on_light, on_dark) in
            COLOURS.iter().filter(|(name, _, _)| !["page", "surface", "grid", "hover"].contains(name))
        {
            let least = 4.5; // what WCAG asks of text
            assert!(contrast(on_light, light) >= least, "{name}: {}", contrast(on_light, light));
            assert!(contrast(on_dark, dark) >= least, "{name}: {}", contrast(on_dark, dark));
        }
    }

    /// The contrast ratio of WCAG 2.
    fn contrast(one: &str, other: &str) -> f64 {
        let luminance = |colour: &str| {
            let channel = |place: usize| {
                let value = f64::from(u8::from_str_radix(&colour[place..place + 2], 16).unwrap()) / 255.0;
                if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
        };
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }
}
