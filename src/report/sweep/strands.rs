//! All axes and the subject of every point at once.

use super::super::axis::Axis;
use super::super::chart::heat::Scale;
use super::super::chart::parallel::{Parallel, Strand, Upright};
use super::super::figure::{Figure, Table};
use super::super::number::{count, exact, plural, short};
use super::Sweep;
use crate::io::sweep::{AxisColumn, StoredAxis};

/// Points that are drawn.
const MOST: usize = 240;
/// Axes that are drawn, besides the subject.
const MOST_AXES: usize = 9;
/// Words of an axis that it tells.
const MOST_WORDS: usize = 8;

/// Parallel coordinates; nothing with fewer than two axes.
pub(super) fn parallel(sweep: &Sweep) -> Vec<Figure<'_>> {
    let Some(subject) = sweep.subject().filter(|_| sweep.table.axes.len() > 1 && !sweep.done.is_empty()) else {
        return Vec::new();
    };
    let shown = shown(sweep);
    let axes: Vec<&StoredAxis> = sweep.table.axes.iter().take(MOST_AXES).collect();
    let scale = Scale::of(sweep.done.iter().map(|point| subject.value[*point]));
    let scales: Vec<AxisScale> = axes.iter().map(|axis| AxisScale::of(sweep, axis)).collect();
    let own = AxisScale::of_numbers(&subject.value, &sweep.done, scale.is_logarithmic());
    let strand = |point: &usize| Strand {
        places: scales.iter().map(|scale| scale.place(*point)).chain([own.place(*point)]).collect(),
        value: subject.value[*point],
    };
    let names = (0..axes.len()).map(|place| sweep.axis_name(place).to_string()).chain([subject.name.clone()]);
    let upright = |(name, scale): (String, &AxisScale)| Upright {
        tip: format!("{name}\n{}", scale.told),
        ends: scale.ends.clone(),
        name,
    };
    let uprights: Vec<Upright> = names.zip(scales.iter().chain([&own])).map(upright).collect();
    let row = |axis: &Upright| vec![axis.name.clone(), axis.ends[0].clone(), axis.ends[1].clone()];
    let table = Table::of(["axis", "foot", "head"].map(String::from).into(), uprights.iter().map(row));
    let note = note(sweep, shown.len());
    let strands = shown.iter().map(strand).collect();
    let chart = Parallel { axes: uprights, strands, scale, value_title: subject.name.clone() };
    vec![Figure {
        name: "parallel".into(),
        title: "All axes at once".into(),
        note,
        table,
        table_first: false,
        draw: Box::new(move |width| chart.draw(width)),
    }]
}

/// Points that are drawn, the best last, so that they lie above: half of them the best, the others at equal distances.
fn shown(sweep: &Sweep) -> Vec<usize> {
    let cost = |point: &usize| sweep.subject().map_or(0.0, |subject| sweep.cost(subject.value[*point]));
    let mut points = sweep.done.clone();
    points.sort_by(|one, other| cost(other).total_cmp(&cost(one)));
    if points.len() <= MOST {
        return points;
    }
    let best = if sweep.has_objective() { MOST / 2 } else { 0 };
    let (others, best) = points.split_at(points.len() - best);
    let wanted = MOST - best.len();
    let spread = (0..wanted).map(|index| others[index * others.len() / wanted]);
    spread.chain(best.iter().copied()).collect()
}

fn note(sweep: &Sweep, shown: usize) -> String {
    let (done, axes) = (sweep.done.len(), sweep.table.axes.len());
    let mut text = String::from("A strand for each point, in the colour of its value.");
    if shown < done {
        let which = if sweep.has_objective() { "the best and others at equal ranks" } else { "at equal ranks" };
        text += &format!(" Of {}, {} are drawn: {which}.", plural(done as u64, "point"), count(shown as u64));
    }
    if axes > MOST_AXES {
        text += &format!(" The first {MOST_AXES} of {axes} axes are drawn.");
    }
    text
}

/// From the points to places on an axis.
struct AxisScale {
    places: Vec<Option<f64>>,
    ends: [String; 2],
    told: String,
}

impl AxisScale {
    fn of(sweep: &Sweep, axis: &StoredAxis) -> AxisScale {
        match &axis.values {
            AxisColumn::Numbers(values) => {
                let is_logarithmic = sweep.table.definition.logarithmic.contains(&axis.path);
                AxisScale::of_numbers(values, &sweep.done, is_logarithmic)
            }
            AxisColumn::Words(words) => AxisScale::of_words(words, &sweep.done),
        }
    }

    fn of_numbers(values: &[f64], points: &[usize], is_logarithmic: bool) -> AxisScale {
        let known = || points.iter().map(|point| values[*point]).filter(|value| value.is_finite());
        let (low, high) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
        let is_logarithmic = is_logarithmic && low > 0.0;
        let at = |value: f64| if is_logarithmic { value.ln() } else { value };
        let axis = Axis::exact(at(low), at(high), (0.0, 1.0));
        AxisScale {
            places: values.iter().map(|value| value.is_finite().then(|| axis.at(at(*value)))).collect(),
            ends: [low, high].map(|end| if end.is_finite() { short(end) } else { String::new() }),
            told: format!("{} to {}", exact(low), exact(high)),
        }
    }

    /// Words at equal distances, in the order of the alphabet from the foot up.
    fn of_words(words: &[String], points: &[usize]) -> AxisScale {
        let mut all: Vec<&String> = points.iter().map(|point| &words[*point]).filter(|word| !word.is_empty()).collect();
        all.sort();
        all.dedup();
        let last = all.len().saturating_sub(1).max(1) as f64;
        let place = |word: &String| all.binary_search(&word).ok().map(|at| at as f64 / last);
        let end = |word: Option<&&String>| word.map_or_else(String::new, |word| word.to_string());
        let told: Vec<&str> = all.iter().take(MOST_WORDS).map(|word| &***word).collect();
        AxisScale {
            places: words.iter().map(place).collect(),
            ends: [end(all.first()), end(all.last().filter(|_| all.len() > 1))],
            told: told.join(", ") + if all.len() > MOST_WORDS { ", ..." } else { "" },
        }
    }

    fn place(&self, point: usize) -> Option<f64> {
        self.places[point]
    }
}
