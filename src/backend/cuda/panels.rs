//! Columns of some rows to packed panels and back.

use super::CudaShard;
use super::arguments::{self, bytes_of};
use super::context::{THREADS, done};
use super::rows::{Numbering, Selection, slabs};
use crate::backend::RowSet;
use crate::device::{Launch, Rectangle, Stream};
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

    /// Moves the set's used columns to or from packed bytes, some rows at a time, on the communication stream: `copy` gets the
    /// address of the rows on the device and their range of bytes before they are scattered, or after they are gathered.
    fn stream(&self, what: Move, set: &RowSet, mut copy: impl FnMut(u64, Range<usize>)) {
        let row_bytes = self.width * self.context.amplitude();
        let own = super::rows::mask_of(set.bits.iter().copied());
        let numbering = Numbering { bits: set.bits.clone(), fixed: set.value & !own };
        let rows = self.panel_rows(row_bytes).min(set.count.max(1));
        let memory = (self.address(), self.reserved);
        let panel = Panel { address: self.context.message(rows * row_bytes), stride: self.width, places: 0 };
        self.wait_for_rows();
        for piece in cut(set.count, rows) {
            let bytes = piece.start * row_bytes..piece.end * row_bytes;
            let rows = (&numbering, set.first + piece.start..set.first + piece.end);
            if what == Move::Scatter {
                copy(panel.address, bytes.clone());
            }
            self.transfer_of(Stream::Communication, memory, what, rows, Columns::From(0, self.width), panel);
            if what == Move::Gather {
                copy(panel.address, bytes);
            }
        }
    }

    pub(super) fn pack_rows(&self, set: &RowSet, out: &mut [u8]) {
        self.stream(Move::Gather, set, |address, bytes| {
            done(self.context.device.download(Stream::Communication, address, &mut out[bytes]));
        });
    }

    pub(super) fn unpack_rows(&self, set: &RowSet, packed: &[u8]) {
        self.stream(Move::Scatter, set, |address, bytes| {
            done(self.context.device.upload(Stream::Communication, &packed[bytes], address));
        });
        self.arrived.set(Some(done(self.context.device.record(Stream::Communication))));
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
