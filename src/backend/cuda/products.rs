//! Gram matrices, rotations and combinations: matrix products of the device, in double precision.
//!
//! A row-major panel of some columns is, to the device, a column-major matrix with one column for each row of the shard;
//! `A` below. Then `conj(A) A^T`, the Gram matrix, has row-major the bytes of the column-major `A A^dagger`, and `L V` those of
//! `V^T A`, where `V^T` is `V` as it lies in memory.

use super::CudaShard;
use super::arguments::{bytes_of, bytes_of_mut};
use super::context::{ENTRY, done};
use super::hermitian::{METHOD, hermitian_product};
use super::panels::{Columns, Move, Panel, cut};
use super::rows::{Numbering, mask_of, placed};
use crate::backend::{LocalControl, Precision};
use crate::device::{Form, HermitianProduct, Operand, Product, Rectangle, Stream};
use crate::linalg::Matrix;
use num_complex::Complex64;
use std::ops::Range;

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

    /// `result += A_t A_s^dagger`; of a Hermitian product, where `s` is `t`, the part that [`finished`] reads: rows of the Gram matrix
    /// are columns of the product.
    fn add_gram(&self, width: usize, rows: usize, [s, t]: [Stored; 2], hermitian: bool, result: Stored, first: bool) {
        if !hermitian {
            let factors = [t.read(Form::Plain), s.read(Form::Adjoint)];
            return self.multiply((width, width, rows), factors, result, !first);
        }
        let product = HermitianProduct {
            size: width,
            inner: rows,
            factor: s.address,
            factor_stride: s.stride,
            result: result.address,
            stride: result.stride,
            accumulate: !first,
        };
        done(hermitian_product(&*self.context.device, METHOD, &product));
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

    /// See [`crate::backend::Shard::block_grams`].
    pub(super) fn grams_of_blocks(&self, columns: Range<usize>, targets: &[usize]) -> Vec<Matrix> {
        let (values, width) = (1usize << targets.len(), columns.len());
        let numbers = self.rows / values;
        let pairs: Vec<(usize, usize)> = (0..values).flat_map(|s| (0..=s).map(move |t| (s, t))).collect();
        let mut blocks = Blocks::new(self, columns, targets);
        let rows = if blocks.direct { MOST_ROWS } else { self.panel_rows(blocks.row_bytes()) }.min(numbers);
        let square = width * width * ENTRY;
        let [sums, panels] = self.context.workspace([pairs.len() * square, rows * blocks.row_bytes()]);
        let sum = |pair: usize| Stored { address: sums + (pair * square) as u64, stride: width };
        for piece in cut(numbers, rows) {
            blocks.load(self, piece.clone(), panels);
            for (pair, (s, t)) in pairs.iter().enumerate() {
                let factors = [blocks.of(*s), blocks.of(*t)];
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
        let (values, width, kept) = (1usize << targets.len(), columns.len(), rotations[0].ncols());
        let numbers = self.rows / values;
        let mut blocks = Blocks::new(self, columns.clone(), targets);
        let moved = if kept == width { 0 } else { self.width - columns.end };
        let row_bytes = [blocks.row_bytes(), kept * ENTRY, moved * ENTRY];
        let rows = self.panel_rows(row_bytes.iter().sum()).min(numbers);
        let [panels, result, behind] = self.context.workspace(row_bytes.map(|bytes| rows * bytes));
        let entries: Vec<Complex64> = rotations.iter().flat_map(|rotation| rotation.iter().copied()).collect();
        let table = Stored { address: self.context.table_of(&entries), stride: kept };
        for piece in cut(numbers, rows) {
            blocks.load(self, piece.clone(), panels);
            for value in 0..values {
                for other in 0..values {
                    let rotation = table.below((value * values + other) * width * kept);
                    let factors = [rotation, blocks.of(other)].map(|factor| factor.read(Form::Plain));
                    let into = Stored { address: result, stride: kept };
                    self.multiply((kept, piece.len(), width), factors, into, other > 0);
                }
                let block = self.block(targets, value);
                self.shift(&block, piece.clone(), (columns.end, columns.start + kept, moved), behind);
                self.write_rotated((&block, piece.clone()), blocks.direct, (columns.start, kept), result);
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
        let memory = (narrow, count);
        self.transfer_of(Stream::Compute, memory, Move::ScatterDouble, rows, Columns::From(0, count), panel);
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
        let rows = (self.context.panel_bytes() / row_bytes).clamp(1, numbers);
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

/// Columns of some rows, one panel for each value of the target bits.
struct Blocks {
    columns: Range<usize>,
    numberings: Vec<Numbering>,
    /// Whether the shard itself, from a row and a column on, is the panel.
    direct: bool,
    panels: Vec<Stored>,
}

impl Blocks {
    fn new(shard: &CudaShard, columns: Range<usize>, targets: &[usize]) -> Blocks {
        let numberings = (0..1 << targets.len()).map(|value| shard.block(targets, value)).collect();
        let direct = targets.is_empty() && shard.context.precision == Precision::Double;
        Blocks { columns, numberings, direct, panels: Vec::new() }
    }

    /// Bytes that one number's rows take in panels.
    fn row_bytes(&self) -> usize {
        if self.direct { 0 } else { self.numberings.len() * self.columns.len() * ENTRY }
    }

    /// Collects the rows with these numbers at the address.
    fn load(&mut self, shard: &CudaShard, numbers: Range<usize>, address: u64) {
        if self.direct {
            self.panels = vec![shard.stored(numbers.start, self.columns.start)];
            return;
        }
        let width = self.columns.len();
        let panel = |value: usize| address + (value * numbers.len() * width * ENTRY) as u64;
        self.panels = (0..self.numberings.len()).map(|value| Stored { address: panel(value), stride: width }).collect();
        for (numbering, panel) in self.numberings.iter().zip(&self.panels) {
            let panel = Panel { address: panel.address, stride: width, places: 0 };
            let columns = Columns::From(self.columns.start, width);
            shard.transfer(Move::GatherDouble, (numbering, numbers.clone()), columns, panel);
        }
    }

    /// The panel of a value.
    fn of(&self, value: usize) -> Stored {
        self.panels[value]
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
