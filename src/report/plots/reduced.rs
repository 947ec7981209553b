//! Density matrices of some qubits: each entry is a square whose area tells its size.

use super::super::drawing::{Anchor, Drawing, Look};
use super::super::figure::{Figure, Table};
use super::super::number::exact;
use super::super::run::Run;
use crate::io::ReducedMatrix;
use num_complex::Complex64;

/// Matrices of more qubits have too many entries to be seen one by one.
const MOST_QUBITS: usize = 4;
/// Matrices that are drawn.
const MOST: usize = 8;
/// Widest square of an entry.
const LARGEST: f64 = 44.0;

/// The matrices of a run; in a comparison there would be too many.
pub(crate) fn matrices(runs: &[Run]) -> Vec<Figure<'_>> {
    let [run] = runs else { return Vec::new() };
    let small = |one: &&ReducedMatrix| one.qubits.len() <= MOST_QUBITS && one.value.nrows() == 1 << one.qubits.len();
    run.record.reduced.iter().filter(small).take(MOST).map(figure).collect()
}

fn figure(of: &ReducedMatrix) -> Figure<'_> {
    let qubits: Vec<String> = of.qubits.iter().rev().map(usize::to_string).collect();
    let size = of.value.nrows();
    let row = |index: usize| {
        let (row, column) = (index / size, index % size);
        let entry = of.value[(row, column)];
        vec![label(row, of), label(column, of), exact(entry.re), exact(entry.im)]
    };
    let head = ["row", "column", "real part", "imaginary part"].map(String::from).into();
    Figure {
        name: format!("reduced-{}", of.name()),
        title: format!("Density matrix of qubits {}", qubits.join(" ")),
        note: note(of),
        table: Table::of(head, (0..size * size).map(row)),
        table_first: false,
        draw: Box::new(move |width| draw(of, width)),
    }
}

fn note(of: &ReducedMatrix) -> String {
    let squares =
        "The area of a square is the absolute value of an entry; it is lighter where the real part is negative.";
    match of.distance.is_nan() {
        true => format!("{squares} Entries are estimates."),
        false => format!("{squares} Trace distance to the exact matrix: at most {}, proven.", exact(of.distance)),
    }
}

/// The bits of an index, the last listed qubit leftmost.
fn label(index: usize, of: &ReducedMatrix) -> String {
    format!("{index:0width$b}", width = of.qubits.len())
}

fn draw(of: &ReducedMatrix, width: f64) -> Drawing {
    let size = of.value.nrows();
    let margin = 12.0 + 8.0 * of.qubits.len() as f64;
    let cell = ((width - margin) / size as f64).min(LARGEST);
    let mut drawing = Drawing::new(width, 24.0 + cell * size as f64);
    let largest = of.value.iter().map(|entry| entry.norm()).fold(f64::MIN_POSITIVE, f64::max);
    for index in 0..size {
        let middle = cell * (index as f64 + 0.5);
        drawing.text(Look::Note, Anchor::End, (margin - 6.0, 20.0 + middle + 4.0), label(index, of));
        if cell > 8.0 * of.qubits.len() as f64 {
            drawing.text(Look::Note, Anchor::Middle, (margin + middle, 12.0), label(index, of));
        }
    }
    for ((row, column), entry) in of.value.indexed_iter() {
        let corner = (margin + cell * column as f64, 20.0 + cell * row as f64);
        square(&mut drawing, *entry, corner, (cell, largest));
        let (error, at) = (of.stderr[(row, column)], format!("row {}, column {}", label(row, of), label(column, of)));
        drawing.hit(corner, (cell, cell), format!("{at}\n{}", told(*entry, error)));
    }
    drawing
}

fn square(drawing: &mut Drawing, entry: Complex64, (left, top): (f64, f64), (cell, largest): (f64, f64)) {
    let side = 0.92 * cell * (entry.norm() / largest).sqrt();
    let look = if entry.re < 0.0 { Look::Interval } else { Look::Bar };
    let edge = 0.5 * (cell - side);
    drawing.rectangle(Look::Grid, 0, (left + 0.04 * cell, top + 0.04 * cell), (0.92 * cell, 0.92 * cell));
    if side > 0.25 {
        drawing.rectangle(look, 0, (left + edge, top + edge), (side, side));
    }
}

fn told(entry: Complex64, error: Complex64) -> String {
    let value = format!("real {}\nimaginary {}", exact(entry.re), exact(entry.im));
    match error.re.is_nan() {
        true => value,
        false => format!("{value}\nstandard errors {} and {}", exact(error.re), exact(error.im)),
    }
}
