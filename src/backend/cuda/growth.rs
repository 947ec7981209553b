//! Room for more columns, where a shard lies.
//!
//! Row `i` begins at `i * reserved`, so every row but the first moves when there is room for more. Where the device's memory
//! can grow, rows move within it, from the last to the first: a row's new place is never before its old one, so it lies on
//! rows that have moved already, or on the panel that is moving. A panel whose own two places do not overlap is copied
//! directly, any other by way of the workspace. Where memory cannot grow, the shard is copied to new memory.

use super::CudaShard;
use super::context::done;
use crate::device::{Memory, Rectangle, Stream};
use crate::error::{Error, Result};
use std::ops::Range;

/// Rows that move at once.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    rows: Range<usize>,
    /// Whether their old and their new places do not overlap.
    direct: bool,
}

/// The order in which rows with `width` used columns of `old` move to where there are `new` of them. Panels of `panel` rows
/// fit into the workspace.
fn steps(rows: usize, (width, old, new): (usize, usize, usize), panel: usize) -> Vec<Step> {
    let (mut steps, mut end) = (Vec::new(), rows);
    while end > 1 {
        // From here on the first row's new place is behind all old ones.
        let apart = ((end - 1) * old + width).div_ceil(new);
        let direct = apart < end && end - apart >= panel;
        let start = if direct { apart } else { end.saturating_sub(panel).max(1) };
        steps.push(Step { rows: start..end, direct });
        end = start;
    }
    steps
}

impl CudaShard {
    /// Memory for rows of `reserved` columns; everything in use keeps its value.
    ///
    /// # Errors
    /// Resource error when the memory is not to be had; the shard is unchanged then.
    pub(super) fn make_room(&mut self, reserved: usize) -> Result<()> {
        let bytes = self.bytes_of(reserved)?;
        let grown = self.memory.as_mut().map_or(Ok(false), |memory| memory.grow(bytes));
        if grown.map_err(|error| self.no_room(reserved, &error))? {
            self.spread(reserved);
        } else {
            let memory = self.new_memory(bytes).map_err(|error| self.no_room(reserved, &error))?;
            self.copy_to(memory.address(), reserved);
            self.memory = Some(memory);
        }
        self.reserved = reserved;
        Ok(())
    }

    fn new_memory(&self, bytes: usize) -> Result<Memory> {
        match self.spilled {
            true => self.context.host_memory(bytes),
            false => Memory::growable(self.context.device.clone(), bytes),
        }
    }

    pub(super) fn bytes_of(&self, reserved: usize) -> Result<usize> {
        let bytes = self.rows.checked_mul(reserved * self.context.amplitude());
        bytes.ok_or_else(|| self.no_room(reserved, &Error::resource("these are more bytes than can be counted")))
    }

    fn place(&self) -> &'static str {
        if self.context.may_spill() { "GPU or host" } else { "GPU" }
    }

    pub(super) fn no_room(&self, reserved: usize, why: &Error) -> Error {
        let what = format!(
            "no {} memory for {} rows of {reserved} columns of the state: {}",
            self.place(),
            self.rows,
            why.what
        );
        Error::resource(what).next(
            "use more GPUs, a larger budget, precision = \"single\", spill = true (the host's memory too) or device = \"cpu\"",
        )
    }

    /// Moves the rows to where there is room for `reserved` columns in each.
    fn spread(&self, reserved: usize) {
        let (device, amplitude) = (self.context.device.clone(), self.context.amplitude());
        let row_bytes = self.width * amplitude;
        let panel = self.panel_rows(row_bytes);
        let place = |columns: usize, row: usize| {
            let pitch = columns * amplitude;
            Rectangle { address: self.address() + (row * pitch) as u64, pitch }
        };
        let copy = |from, to, rows| done(device.copy(Stream::Compute, from, to, row_bytes, rows));
        for Step { rows, direct } in steps(self.rows, (self.width, self.reserved, reserved), panel) {
            let (from, to) = (place(self.reserved, rows.start), place(reserved, rows.start));
            if row_bytes > 0 && direct {
                copy(from, to, rows.len());
            } else if row_bytes > 0 {
                let [address] = self.context.workspace([rows.len() * row_bytes]);
                let between = Rectangle { address, pitch: row_bytes };
                copy(from, between, rows.len());
                copy(between, to, rows.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every row moves once, never over one that is still to move, and directly only where that is safe.
    fn check(rows: usize, (width, old, new): (usize, usize, usize), panel: usize) {
        let steps = steps(rows, (width, old, new), panel);
        let mut end = rows;
        for Step { rows, direct } in &steps {
            assert_eq!(rows.end, end, "rows move from the last on");
            assert!(!rows.is_empty() && (*direct || rows.len() <= panel), "{rows:?}");
            let (first, waiting) = (rows.start * new, (rows.start - 1) * old + width);
            assert!(first >= waiting, "{rows:?} lies on rows that are still to move");
            assert!(!direct || first >= (rows.end - 1) * old + width, "{rows:?} lies on itself");
            end = rows.start;
        }
        assert_eq!(end, 1, "the first row stays");
    }

    #[test]
    fn rows_move_from_the_last_on_and_never_over_others() {
        for rows in [2, 4, 64, 1 << 12] {
            for (old, new) in [(1, 4), (4, 8), (8, 12), (12, 300), (300, 304), (1000, 1004)] {
                for width in [1, old / 2 + 1, old] {
                    for panel in [1, 3, 64, 1 << 12] {
                        check(rows, (width, old, new), panel);
                    }
                }
            }
        }
    }

    #[test]
    fn most_rows_move_directly_when_there_is_much_more_room() {
        let steps = steps(1 << 20, (4, 4, 8), 1 << 10);
        let direct: usize = steps.iter().filter(|step| step.direct).map(|step| step.rows.len()).sum();
        assert!(direct >= (1 << 20) - (1 << 12) && steps.len() < 20, "{steps:?}");
    }
}
