//! Products of some columns of the shard, lists of them at a time: every row is read once for all lists.

use super::products::{GRAM_PARTS, PANEL_ROWS, add_product, finish};
use super::scalar::Real;
use crate::linalg::{Matrix, view};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use num_complex::{Complex, Complex64};
use rayon::prelude::*;

/// Amplitudes of a panel, about: what stays in a core's cache beside the rows it is read from.
const PANEL_AMPLITUDES: usize = 1 << 15;
/// Hermitian products of no more columns are computed whole: their halves are too small to gain anything.
const SMALL_PRODUCT: usize = 32;

/// The Gram matrices of lists of columns; see [`crate::backend::Shard::grams_of`].
pub(super) fn grams<T: Real>(data: &[Complex<T>], rows: usize, reserved: usize, parts: &[&[usize]]) -> Vec<Matrix> {
    let part_rows = (rows / GRAM_PARTS).max(PANEL_ROWS).min(rows);
    let panel = Panel::new(parts);
    let of_rows = |rows: &[Complex<T>]| {
        let mut sums: Vec<Vec<Complex64>> = parts.iter().map(|part| vec![Complex64::ZERO; part.len().pow(2)]).collect();
        let mut values = Vec::new();
        for rows in rows.chunks(panel.rows() * reserved) {
            panel.load(rows, reserved, &mut values);
            for (number, sum) in sums.iter_mut().enumerate() {
                let columns = panel.part(&values, number);
                add_product(sum, columns, columns, columns.ncols() > SMALL_PRODUCT);
            }
        }
        sums
    };
    let sums: Vec<Vec<Vec<Complex64>>> =
        data[..rows * reserved].par_chunks(part_rows * reserved).map(of_rows).collect();
    let total = sums.into_iter().reduce(|mut total, next| {
        total.iter_mut().flatten().zip(next.iter().flatten()).for_each(|(sum, value)| *sum += value);
        total
    });
    let sums = total.expect("a shard has at least one row");
    sums.into_iter().zip(parts).map(|(sum, columns)| finish(sum, columns.len(), true)).collect()
}

/// Each part's columns times its matrix, packed; see [`crate::backend::Shard::combined`].
pub(super) fn combined<T: Real>(
    data: &[Complex<T>],
    rows: usize,
    reserved: usize,
    parts: &[(&[usize], Matrix)],
) -> Vec<u8> {
    let count: usize = parts.iter().map(|(_, rotation)| rotation.ncols()).sum();
    let row_bytes = count * size_of::<Complex<T>>();
    let mut packed = vec![0; rows * row_bytes];
    if count == 0 {
        return packed;
    }
    let lists: Vec<&[usize]> = parts.iter().map(|(columns, _)| *columns).collect();
    let panel = Panel::new(&lists);
    let panels = packed.par_chunks_mut(panel.rows() * row_bytes).zip(data.par_chunks(panel.rows() * reserved));
    let buffers = || (Vec::new(), vec![Complex64::ZERO; panel.rows() * count]);
    panels.for_each_init(buffers, |(values, products), (packed, data)| {
        let rows = packed.len() / row_bytes;
        panel.load(&data[..rows * reserved], reserved, values);
        let mut first = 0;
        for (number, (_, rotation)) in parts.iter().enumerate() {
            let products = MatMut::from_row_major_slice_mut(&mut products[..rows * count], rows, count);
            let into = products.subcols_mut(first, rotation.ncols());
            matmul(into, Accum::Replace, panel.part(values, number), view(rotation), Complex64::ONE, Par::Seq);
            first += rotation.ncols();
        }
        T::write(&products[..rows * count], packed);
    });
    packed
}

/// The columns of all lists, one list after the other: some rows of them are packed, in double precision.
struct Panel {
    columns: Vec<usize>,
    /// Where each list begins.
    starts: Vec<usize>,
}

impl Panel {
    fn new(lists: &[&[usize]]) -> Panel {
        let ends = lists.iter().scan(0, |end, list| {
            *end += list.len();
            Some(*end)
        });
        Panel { columns: lists.concat(), starts: std::iter::once(0).chain(ends).collect() }
    }

    fn rows(&self) -> usize {
        (PANEL_AMPLITUDES / self.columns.len().max(1)).clamp(1, PANEL_ROWS)
    }

    fn load<T: Real>(&self, rows: &[Complex<T>], reserved: usize, values: &mut Vec<Complex64>) {
        values.clear();
        for row in rows.chunks_exact(reserved) {
            values.extend(self.columns.iter().map(|column| T::double(row[*column])));
        }
    }

    /// The columns of the list with this number.
    fn part<'v>(&self, values: &'v [Complex64], number: usize) -> MatRef<'v, Complex64> {
        let (width, start) = (self.columns.len(), self.starts[number]);
        MatRef::from_row_major_slice(values, values.len() / width, width)
            .subcols(start, self.starts[number + 1] - start)
    }
}
