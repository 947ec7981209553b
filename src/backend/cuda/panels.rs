//! Columns of some rows to packed panels and back.

use super::CudaShard;
use super::arguments::{self, bytes_of, bytes_of_mut};
use super::context::{THREADS, done};
use super::rows::{Numbering, Selection, slabs};
use crate::backend::{RowSet, Shard};
use crate::device::{Launch, Packed, Rectangle, Stream};
use num_complex::Complex64;
use std::ops::Range;

/// Items that a block copies.
const ITEMS: usize = 2048;

/// What is copied, and between which formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// From the shard to a panel.
    Gather,
    /// From a panel to the shard.
    Scatter,
    /// From the shard to a panel in double precision.
    GatherDouble,
    /// From a panel in double precision to the shard.
    ScatterDouble,
}

impl Move {
    fn kernel(self) -> &'static str {
        match self {
            Move::Gather => "gather",
            Move::Scatter => "scatter",
            Move::GatherDouble => "gather_double",
            Move::ScatterDouble => "scatter_double",
        }
    }
}

/// Some of a shard's columns.
#[derive(Debug, Clone, Copy)]
pub(super) enum Columns {
    /// So many from the first on.
    From(usize, usize),
    /// So many, listed at an address.
    Listed(u64, usize),
}

impl Columns {
    pub(super) fn count(self) -> usize {
        match self {
            Columns::From(_, count) | Columns::Listed(_, count) => count,
        }
    }

    /// Address of the list, number of the first, where columns from number `start` on are meant.
    fn from(self, start: usize) -> (u64, u64) {
        match self {
            Columns::From(first, _) => (0, (first + start) as u64),
            Columns::Listed(list, _) => (list + 4 * start as u64, 0),
        }
    }
}

/// A panel in memory, row after row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Panel {
    pub(super) address: u64,
    /// Entries from one row to the next.
    pub(super) stride: usize,
    /// Address of the columns' places in a row; 0: in order.
    pub(super) places: u64,
}

/// Ranges of at most `length` that make up `0 .. count`.
pub(super) fn cut(count: usize, length: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count).step_by(length).map(move |start| start..(start + length).min(count))
}

impl CudaShard {
    /// Rows of a panel whose rows take so many bytes.
    pub(super) fn panel_rows(&self, row_bytes: usize) -> usize {
        (self.context.panel_bytes() / row_bytes.max(1)).clamp(1, self.rows)
    }

    /// Copies columns of the rows with these numbers to or from a panel, whose first row is that of the first number.
    pub(super) fn transfer(&self, what: Move, rows: (&Numbering, Range<usize>), columns: Columns, panel: Panel) {
        self.transfer_of(Stream::Compute, (self.address(), self.reserved), what, rows, columns, panel);
    }

    /// As [`CudaShard::transfer`], on a stream, of other memory: its address and the amplitudes of a row.
    pub(super) fn transfer_of(
        &self,
        stream: Stream,
        memory: (u64, usize),
        what: Move,
        (numbering, numbers): (&Numbering, Range<usize>),
        columns: Columns,
        panel: Panel,
    ) {
        let selection = Selection::of(numbering.clone(), numbers);
        let is_double = matches!(what, Move::GatherDouble | Move::ScatterDouble);
        let entry = if is_double { 16 } else { self.context.amplitude() };
        for slab in slabs(columns.count()).filter(|_| !selection.is_empty()) {
            let multiprocessors = self.context.device.multiprocessors();
            let (items, blocks) = selection.items(memory, slab.len(), ITEMS, multiprocessors);
            let (columns, first_column) = columns.from(slab.start);
            let listed = panel.places != 0;
            let arguments = arguments::Panel {
                items,
                columns,
                first_column,
                panel: panel.address + if listed { 0 } else { (slab.start * entry) as u64 },
                panel_stride: panel.stride as u64,
                panel_columns: if listed { panel.places + 4 * slab.start as u64 } else { 0 },
            };
            let launch = Launch { blocks, threads: THREADS, shared: 0 };
            self.context.launch_on(stream, what.kernel(), launch, bytes_of(&[arguments]));
        }
    }

    /// All rows in order.
    pub(super) fn all_rows(&self) -> Numbering {
        Numbering::ascending(self.rows - 1, 0)
    }

    /// Moves these of the set's rows, of their used columns, to or from packed memory of the device.
    fn move_packed(&self, what: Move, set: &RowSet, rows: Range<usize>, address: u64) {
        let own = super::rows::mask_of(set.bits.iter().copied());
        let numbering = Numbering { bits: set.bits.clone(), fixed: set.value & !own };
        let panel = Panel { address, stride: self.width, places: 0 };
        let numbers = set.first + rows.start..set.first + rows.end;
        self.transfer(what, (&numbering, numbers), Columns::From(0, self.width), panel);
    }

    /// The set's rows, of so many bytes, in pieces that fit the workspace: its address, and the rows and bytes of each piece.
    fn pieces(&self, set: &RowSet, row_bytes: usize) -> (u64, impl Iterator<Item = (Range<usize>, Range<usize>)>) {
        let rows = self.panel_rows(row_bytes).min(set.count.max(1));
        let [address] = self.context.workspace([rows * row_bytes]);
        (address, cut(set.count, rows).map(move |rows| (rows.clone(), rows.start * row_bytes..rows.end * row_bytes)))
    }

    pub(super) fn pack_rows(&self, set: &RowSet, out: &mut Packed) {
        let Some(out) = out.host_mut() else {
            return self.move_packed(Move::Gather, set, 0..set.count, out.address());
        };
        let (address, pieces) = self.pieces(set, self.packed_bytes(1));
        for (rows, bytes) in pieces {
            self.move_packed(Move::Gather, set, rows, address);
            self.context.download(address, &mut out[bytes]);
        }
    }

    pub(super) fn unpack_rows(&self, set: &RowSet, packed: &Packed) {
        let Some(content) = packed.host() else {
            return self.move_packed(Move::Scatter, set, 0..set.count, packed.address());
        };
        let (address, pieces) = self.pieces(set, self.packed_bytes(1));
        for (rows, bytes) in pieces {
            done(self.context.device.upload(Stream::Compute, &content[bytes], address));
            self.move_packed(Move::Scatter, set, rows, address);
        }
    }

    /// The set's rows, of their used columns, in double precision.
    pub(super) fn doubles_of_rows(&self, set: &RowSet) -> Vec<Complex64> {
        let mut values = vec![Complex64::ZERO; set.count * self.width];
        let (address, pieces) = self.pieces(set, self.width * size_of::<Complex64>());
        for (rows, bytes) in pieces {
            self.move_packed(Move::GatherDouble, set, rows, address);
            self.context.download(address, &mut bytes_of_mut(&mut values)[bytes]);
        }
        values
    }

    /// The reverse of [`CudaShard::doubles_of_rows`].
    pub(super) fn set_doubles_of_rows(&self, set: &RowSet, values: &[Complex64]) {
        let (address, pieces) = self.pieces(set, self.width * size_of::<Complex64>());
        for (rows, bytes) in pieces {
            done(self.context.device.upload(Stream::Compute, &bytes_of(values)[bytes], address));
            self.move_packed(Move::ScatterDouble, set, rows, address);
        }
    }

    /// Column `pairs[i].0` becomes column `pairs[i].1` of the packed ones.
    pub(super) fn scatter_columns(&self, pairs: &[(usize, usize)], packed: &[u8]) {
        let row_bytes = packed.len() / self.rows;
        let rows = self.panel_rows(row_bytes);
        let [address] = self.context.workspace([rows * row_bytes]);
        let list = |own: Vec<u32>| self.context.table_of(&own);
        let own = list(pairs.iter().map(|(own, _)| *own as u32).collect());
        let places = list(pairs.iter().map(|(_, other)| *other as u32).collect());
        let panel = Panel { address, stride: row_bytes / self.context.amplitude(), places };
        let numbering = self.all_rows();
        for piece in cut(self.rows, rows) {
            let bytes = &packed[piece.start * row_bytes..piece.end * row_bytes];
            done(self.context.device.upload(Stream::Compute, bytes, address));
            self.transfer(Move::Scatter, (&numbering, piece), Columns::Listed(own, pairs.len()), panel);
        }
    }

    /// The listed columns take the places from `first` on, in every row of the numbering.
    pub(super) fn collect_columns(&self, columns: &[usize], first: usize) {
        let row_bytes = columns.len() * self.context.amplitude();
        let rows = self.panel_rows(row_bytes);
        let [address] = self.context.workspace([rows * row_bytes]);
        let list: Vec<u32> = columns.iter().map(|column| *column as u32).collect();
        let list = Columns::Listed(self.context.table_of(&list), columns.len());
        let panel = Panel { address, stride: columns.len(), places: 0 };
        let numbering = self.all_rows();
        for piece in cut(self.rows, rows) {
            self.transfer(Move::Gather, (&numbering, piece.clone()), list, panel);
            self.transfer(Move::Scatter, (&numbering, piece), Columns::From(first, columns.len()), panel);
        }
    }

    /// Copies the used columns of all rows to memory with `reserved` amplitudes a row.
    pub(super) fn copy_to(&self, address: u64, reserved: usize) {
        if self.width > 0 {
            let amplitude = self.context.amplitude();
            let from = Rectangle { address: self.address(), pitch: self.reserved * amplitude };
            let to = Rectangle { address, pitch: reserved * amplitude };
            done(self.context.device.copy(Stream::Compute, from, to, self.width * amplitude, self.rows));
        }
    }
}
