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

/// Colours of a scale from low to high, on a light and on a dark background: the palette cividis (Nunez, Anderton and
/// Renslow, PLoS ONE 13, e0199239, 2018), which reads the same with any kind of colour blindness and in grey, without its darkest
/// fifth where the background is dark.
pub(super) const LEVELS: [(&str, &str); 12] = [
    ("#00204d", "#30446c"),
    ("#00306f", "#48526b"),
    ("#2a406c", "#5a5f6d"),
    ("#48526b", "#6a6c72"),
    ("#5e626e", "#7a7a76"),
    ("#727374", "#8c8879"),
    ("#878479", "#9e9677"),
    ("#9e9677", "#b1a572"),
    ("#b6a971", "#c6b66b"),
    ("#d0be67", "#dac661"),
    ("#ead357", "#eed854"),
    ("#ffea46", "#ffea46"),
];

/// Most runs in one report: one colour each.
pub(super) const MOST_RUNS: usize = 6;

/// Name, colour on a light background, colour on a dark one, of all colours.
fn colours() -> impl Iterator<Item = (String, &'static str, &'static str)> {
    let named = COLOURS.iter().map(|(name, light, dark)| (name.to_string(), *light, *dark));
    named.chain(LEVELS.iter().enumerate().map(|(level, (light, dark))| (format!("level{level}"), *light, *dark)))
}

/// The style of figures in a page, where the variables are set by [`variables`].
pub(super) fn figure_style() -> String {
    let level = |level: usize| format!(".level{level}{{color:var(--level{level})}}\n");
    FIGURE.to_string() + &(0..LEVELS.len()).map(level).collect::<String>()
}

/// The style of a figure in a file of its own: light, with every colour written out.
pub(super) fn standalone_style() -> String {
    colours().fold(figure_style(), |style, (name, light, _)| style.replace(&format!("var(--{name})"), light))
}

/// The variables of a page: light unless the reader's system or the page's switch says dark.
pub(super) fn variables() -> String {
    let light: String = colours().map(|(name, light, _)| format!("--{name}:{light};")).collect();
    let dark: String = colours().map(|(name, _, dark)| format!("--{name}:{dark};")).collect();
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

    /// Whoever sees no colours sees the order by the lightness, and the lowest level still differs from a dark background.
    #[test]
    fn levels_become_lighter_and_none_is_the_background() {
        let surface = COLOURS.iter().find(|colour| colour.0 == "surface").unwrap();
        for pair in LEVELS.windows(2) {
            assert!(contrast(pair[1].0, "#000000") > contrast(pair[0].0, "#000000"), "{pair:?}");
            assert!(contrast(pair[1].1, "#000000") > contrast(pair[0].1, "#000000"), "{pair:?}");
        }
        for (light, dark) in LEVELS {
            assert!(contrast(light, surface.1) > 1.2 && contrast(dark, surface.2) > 1.5, "{light} {dark}");
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
