//! Gram matrices, rotations and combinations: matrix products of the device, in double precision.
//!
//! A row-major panel of some columns is, to the device, a column-major matrix with one column for each row of the shard;
//! `A` below. Then `conj(A) A^T`, the Gram matrix, has row-major the bytes of the column-major `A A^dagger`, and `L V` those of
//! `V^T A`, where `V^T` is `V` as it lies in memory.

use super::CudaShard;
use super::arguments::{bytes_of, bytes_of_mut};
use super::context::done;
use super::panels::{Columns, Move, PANEL_BYTES, Panel, cut};
use super::rows::{Numbering, mask_of, placed};
use crate::backend::{LocalControl, Precision};
use crate::device::{Form, Operand, Product, Rectangle, Stream};
use crate::linalg::Matrix;
use num_complex::Complex64;
use std::ops::Range;

/// Bytes of a complex number in double precision.
const ENTRY: usize = size_of::<Complex64>();
/// Columns of a block of a Hermitian product, of which only the blocks on and below the diagonal are computed.
const HERMITIAN_BLOCK: usize = 128;
/// Rows of one product, where no panel limits them.
const MOST_ROWS: usize = 1 << 22;

/// A column-major matrix as it lies in memory.
#[derive(Debug, Clone, Copy)]
struct Stored {
    address: u64,
    stride: usize,
}

impl Stored {
    /// What lies below so many rows.
    fn below(self, row: usize) -> Stored {
        Stored { address: self.address + (row * ENTRY) as u64, ..self }
    }

    fn read(self, form: Form) -> Operand {
        Operand { address: self.address, stride: self.stride, form }
    }
}

/// Rows, columns and length of the sums of a product.
type Shape = (usize, usize, usize);

impl CudaShard {
    fn multiply(&self, (rows, columns, inner): Shape, factors: [Operand; 2], result: Stored, accumulate: bool) {
        let ([left, right], precision) = (factors, Precision::Double);
        let Stored { address: result, stride } = result;
        if rows > 0 && columns > 0 {
            let product = Product { precision, rows, columns, inner, left, right, result, stride, accumulate };
            done(self.context.device.multiply(Stream::Compute, &product));
        }
    }

    /// `result += A_t A_s^dagger`; of a Hermitian product the part that [`finished`] reads.
    fn add_gram(&self, width: usize, rows: usize, [s, t]: [Stored; 2], hermitian: bool, result: Stored, first: bool) {
        let block = if hermitian { HERMITIAN_BLOCK } else { width.max(1) };
        for below in cut(width, block) {
            // Rows of the Gram matrix are columns of the product.
            for across in cut(width, block).filter(|across| !hermitian || across.start <= below.start) {
                let place = (across.start + below.start * result.stride) * ENTRY;
                let into = Stored { address: result.address + place as u64, ..result };
                let factors = [t.below(across.start).read(Form::Plain), s.below(below.start).read(Form::Adjoint)];
                self.multiply((across.len(), below.len(), rows), factors, into, !first);
            }
        }
    }

    fn downloaded(&self, address: u64, width: usize) -> Matrix {
        let mut values = vec![Complex64::ZERO; width * width];
        self.context.download(address, bytes_of_mut(&mut values));
        Matrix::from_shape_vec((width, width), values).expect("the values are those of the matrix")
    }

    /// Rows with all bits but the targets free, the targets those of `value`.
    fn block(&self, targets: &[usize], value: usize) -> Numbering {
        let free = (self.rows - 1) & !mask_of(targets.iter().copied());
        Numbering::ascending(free, placed(value, targets))
    }

    /// True when the shard itself, from a column on, is the panel of all rows.
    fn is_panel(&self, targets: &[usize]) -> bool {
        targets.is_empty() && self.context.precision == Precision::Double
    }

    /// See [`crate::backend::Shard::block_grams`].
    pub(super) fn grams_of_blocks(&self, columns: Range<usize>, targets: &[usize]) -> Vec<Matrix> {
        let (values, width) = (1usize << targets.len(), columns.len());
        let numbers = self.rows / values;
        let pairs: Vec<(usize, usize)> = (0..values).flat_map(|s| (0..=s).map(move |t| (s, t))).collect();
        let direct = self.is_panel(targets);
        let row_bytes = width * ENTRY;
        let rows = if direct { MOST_ROWS } else { self.panel_rows(values * row_bytes) }.min(numbers);
        let panel_bytes = if direct { 0 } else { rows * row_bytes };
        let [sums, panels] = self.context.workspace([pairs.len() * width * row_bytes, values * panel_bytes]);
        let sum = |pair: usize| Stored { address: sums + (pair * width * row_bytes) as u64, stride: width };
        for piece in cut(numbers, rows) {
            let stored = |value: usize| match direct {
                true => self.stored(piece.start, columns.start),
                false => Stored { address: panels + (value * panel_bytes) as u64, stride: width },
            };
            for value in (0..values).filter(|_| !direct) {
                let panel = Panel { address: stored(value).address, stride: width, places: 0 };
                let rows = (&self.block(targets, value), piece.clone());
                self.transfer(Move::GatherDouble, rows, Columns::From(columns.start, width), panel);
            }
            for (pair, (s, t)) in pairs.iter().enumerate() {
                let factors = [stored(*s), stored(*t)];
                self.add_gram(width, piece.len(), factors, s == t, sum(pair), piece.start == 0);
            }
        }
        let downloaded = |(pair, (s, t))| finished(self.downloaded(sum(pair).address, width), s == t);
        pairs.into_iter().enumerate().map(downloaded).collect()
    }

    /// The shard in double precision, from a row and a column on.
    fn stored(&self, row: usize, column: usize) -> Stored {
        let address = self.address() + ((row * self.reserved + column) * ENTRY) as u64;
        Stored { address, stride: self.reserved }
    }

    /// See [`crate::backend::Shard::rotate_blocks`].
    pub(super) fn rotate_columns(&self, columns: Range<usize>, rotations: &[Matrix], targets: &[usize]) {
        let (values, kept) = (1usize << targets.len(), rotations[0].ncols());
        let (numbers, width) = (self.rows / values, columns.len());
        let direct = self.is_panel(targets);
        let moved = if kept == width { 0 } else { self.width - columns.end };
        let row_bytes = [if direct { 0 } else { values * width }, kept, moved].map(|count| count * ENTRY);
        let rows = self.panel_rows(row_bytes.iter().sum()).min(numbers);
        let [inputs, result, behind] = self.context.workspace(row_bytes.map(|bytes| rows * bytes));
        let entries: Vec<Complex64> = rotations.iter().flat_map(|rotation| rotation.iter().copied()).collect();
        let table = self.context.table_of(&entries);
        let rotation = |number: usize| Stored { address: table + (number * width * kept * ENTRY) as u64, stride: kept };
        let into = Stored { address: result, stride: kept };
        for piece in cut(numbers, rows) {
            let input = |value: usize| match direct {
                true => self.stored(piece.start, columns.start),
                false => Stored { address: inputs + (value * rows * width * ENTRY) as u64, stride: width },
            };
            for value in (0..values).filter(|_| !direct) {
                let panel = Panel { address: input(value).address, stride: width, places: 0 };
                let rows = (&self.block(targets, value), piece.clone());
                self.transfer(Move::GatherDouble, rows, Columns::From(columns.start, width), panel);
            }
            for value in 0..values {
                for other in 0..values {
                    let factors = [rotation(value * values + other).read(Form::Plain), input(other).read(Form::Plain)];
                    self.multiply((kept, piece.len(), width), factors, into, other > 0);
                }
                let block = self.block(targets, value);
                self.shift(&block, piece.clone(), (columns.end, columns.start + kept, moved), behind);
                self.write_rotated((&block, piece.clone()), direct, (columns.start, kept), result);
            }
        }
    }

    /// Moves columns of some rows to another place, by way of memory at `behind`.
    fn shift(&self, rows: &Numbering, piece: Range<usize>, (from, to, count): (usize, usize, usize), behind: u64) {
        let panel = Panel { address: behind, stride: count, places: 0 };
        if count > 0 {
            self.transfer(Move::Gather, (rows, piece.clone()), Columns::From(from, count), panel);
            self.transfer(Move::Scatter, (rows, piece), Columns::From(to, count), panel);
        }
    }

    /// Writes new columns of some rows, given packed in double precision.
    fn write_rotated(
        &self,
        rows: (&Numbering, Range<usize>),
        direct: bool,
        (first, count): (usize, usize),
        result: u64,
    ) {
        if count == 0 {
            return;
        }
        if direct {
            let from = Rectangle { address: result, pitch: count * ENTRY };
            let to = Rectangle { address: self.stored(rows.1.start, first).address, pitch: self.reserved * ENTRY };
            return done(self.context.device.copy(Stream::Compute, from, to, count * ENTRY, rows.1.len()));
        }
        let panel = Panel { address: result, stride: count, places: 0 };
        self.transfer(Move::ScatterDouble, rows, Columns::From(first, count), panel);
    }

    /// See [`crate::backend::Shard::grams_of`].
    pub(super) fn grams_of_parts(&self, parts: &[&[usize]]) -> Vec<Matrix> {
        let listed = Listed::new(self, parts.iter().copied());
        let starts = listed.starts.iter();
        let squares: usize = parts.iter().map(|part| part.len().pow(2)).sum();
        let rows = self.panel_rows(listed.count * ENTRY);
        let [sums, panel] = self.context.workspace([squares * ENTRY, rows * listed.count * ENTRY]);
        let places = parts.iter().scan(sums, |next, part| {
            let own = *next;
            *next += (part.len().pow(2) * ENTRY) as u64;
            Some(own)
        });
        let parts: Vec<(usize, usize, u64)> =
            parts.iter().zip(starts).zip(places).map(|((part, start), sum)| (part.len(), *start, sum)).collect();
        for piece in cut(self.rows, rows) {
            let columns = listed.gather(self, piece.clone(), panel);
            for (width, start, sum) in &parts {
                let own = columns.below(*start);
                let into = Stored { address: *sum, stride: *width };
                self.add_gram(*width, piece.len(), [own, own], true, into, piece.start == 0);
            }
        }
        parts.into_iter().map(|(width, _, sum)| finished(self.downloaded(sum, width), true)).collect()
    }

    /// See [`crate::backend::Shard::combined`].
    pub(super) fn combinations(&self, parts: &[(&[usize], Matrix)]) -> Vec<u8> {
        let count: usize = parts.iter().map(|(_, rotation)| rotation.ncols()).sum();
        let row_bytes = count * self.context.amplitude();
        let mut packed = vec![0; self.rows * row_bytes];
        if count == 0 {
            return packed;
        }
        let listed = Listed::new(self, parts.iter().map(|(columns, _)| *columns));
        let rows = self.panel_rows((listed.count + 2 * count) * ENTRY);
        let sizes = [listed.count, count, count].map(|columns| rows * columns * ENTRY);
        let [panel, products, narrow] = self.context.workspace(sizes);
        let entries: Vec<Complex64> = parts.iter().flat_map(|(_, rotation)| rotation.iter().copied()).collect();
        let table = self.context.table(bytes_of(&entries));
        for piece in cut(self.rows, rows) {
            let columns = listed.gather(self, piece.clone(), panel);
            let (mut first, mut factor) = (0, Stored { address: table, stride: 0 });
            for ((own, rotation), start) in parts.iter().zip(&listed.starts) {
                let kept = rotation.ncols();
                let factors =
                    [Stored { stride: kept, ..factor }, columns.below(*start)].map(|one| one.read(Form::Plain));
                let into = Stored { address: products, stride: count }.below(first);
                self.multiply((kept, piece.len(), own.len()), factors, into, false);
                (first, factor) = (first + kept, factor.below(rotation.len()));
            }
            let bytes = &mut packed[piece.start * row_bytes..piece.end * row_bytes];
            self.context.download(self.narrowed(products, narrow, (piece.len(), count)), bytes);
        }
        packed
    }

    /// Address of a panel in the shard's precision, given in double precision.
    fn narrowed(&self, panel: u64, narrow: u64, (rows, count): (usize, usize)) -> u64 {
        if self.context.precision == Precision::Double {
            return panel;
        }
        let panel = Panel { address: panel, stride: count, places: 0 };
        let rows = (&self.all_rows(), 0..rows);
        self.transfer_of((narrow, count), Move::ScatterDouble, rows, Columns::From(0, count), panel);
        narrow
    }

    /// A matrix on more qubits than there are kernels for: a product of panels, one for each value of the targets.
    pub(super) fn mix_panels(&self, matrix: &Matrix, targets: &[usize], controls: &[LocalControl]) {
        let values = 1usize << targets.len();
        let bits = |value: bool| mask_of(controls.iter().filter(|one| value || one.value).map(|one| one.bit));
        let free = (self.rows - 1) & !mask_of(targets.iter().copied()) & !bits(true);
        let block = |value: usize| Numbering::ascending(free, bits(false) | placed(value, targets));
        let numbers = 1 << free.count_ones();
        let row_bytes = values * self.width * ENTRY;
        let rows = (PANEL_BYTES / row_bytes).clamp(1, numbers);
        let [panels, products] = self.context.workspace([rows * row_bytes; 2]);
        let entries: Vec<Complex64> = matrix.iter().copied().collect();
        let factor = Stored { address: self.context.table_of(&entries), stride: values };
        for piece in cut(numbers, rows) {
            let length = piece.len() * self.width;
            let of = |address: u64, value: usize| {
                let address = address + (value * length * ENTRY) as u64;
                Panel { address, stride: self.width, places: 0 }
            };
            let columns = Columns::From(0, self.width);
            for value in 0..values {
                self.transfer(Move::GatherDouble, (&block(value), piece.clone()), columns, of(panels, value));
            }
            let inputs = Stored { address: panels, stride: length };
            let into = Stored { address: products, stride: length };
            self.multiply((length, values, values), [inputs, factor].map(|one| one.read(Form::Plain)), into, false);
            for value in 0..values {
                self.transfer(Move::ScatterDouble, (&block(value), piece.clone()), columns, of(products, value));
            }
        }
    }
}

/// The columns of some lists, one list after the other.
struct Listed {
    columns: Columns,
    count: usize,
    /// Where each list begins.
    starts: Vec<usize>,
}

impl Listed {
    fn new<'a>(shard: &CudaShard, lists: impl Iterator<Item = &'a [usize]>) -> Listed {
        let (mut all, mut starts) = (Vec::new(), Vec::new());
        for list in lists {
            starts.push(all.len());
            all.extend(list.iter().map(|column| *column as u32));
        }
        Listed { columns: Columns::Listed(shard.context.table_of(&all), all.len()), count: all.len(), starts }
    }

    /// These columns of some rows, in double precision at the address.
    fn gather(&self, shard: &CudaShard, rows: Range<usize>, address: u64) -> Stored {
        let panel = Panel { address, stride: self.count, places: 0 };
        shard.transfer(Move::GatherDouble, (&shard.all_rows(), rows), self.columns, panel);
        Stored { address, stride: self.count }
    }
}

/// A Hermitian matrix is completed from its lower triangle.
fn finished(mut matrix: Matrix, hermitian: bool) -> Matrix {
    for row in (0..matrix.nrows()).filter(|_| hermitian) {
        matrix[(row, row)].im = 0.0;
        for column in row + 1..matrix.ncols() {
            matrix[(row, column)] = matrix[(column, row)].conj();
        }
    }
    matrix
}
