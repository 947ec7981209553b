//! Watching a sweep: how far it is, from its journals alone.
//!
//! Nobody asks the ranks that run it: an [`Overview`] is a function of the folder's definition, its journals and its locks, so it
//! is as good from another node, and after the sweep has ended. It is shown as text, as JSON, as metrics for Prometheus, and
//! anew every second ([`follow`]).

mod explain;
mod live;
mod overview;
mod place;
mod prometheus;
mod rate;
mod text;

pub use live::{Screen, follow};
pub use overview::{Best, Counts, Failure, Overview, RankState, RunEnd, Slowest};
pub use place::find;

use crate::error::Result;
use crate::io::sweep::{Definition, Part, Records, SweepFolder};

/// A sweep that is looked at, now and again.
pub struct Watch {
    folder: SweepFolder,
    definition: Definition,
    records: Records,
    held: Vec<Part>,
}

impl Watch {
    /// Opens a sweep's folder and reads all of it.
    ///
    /// # Errors
    /// Input error when it is not the folder of a sweep, resource error when it cannot be read.
    pub fn open(folder: &SweepFolder) -> Result<Watch> {
        let (definition, records) = (folder.definition()?, Records::new(folder));
        let mut watch = Watch { folder: folder.clone(), definition, records, held: Vec::new() };
        watch.update()?;
        Ok(watch)
    }

    /// Reads what is new.
    ///
    /// # Errors
    /// As of [`Watch::open`].
    pub fn update(&mut self) -> Result<()> {
        self.definition = self.folder.definition()?;
        // The locks first: a run that ends in between has said so in its journal.
        self.held = self.folder.held()?;
        self.records.update()
    }

    /// How far it is.
    pub fn overview(&self) -> Overview {
        Overview::of(&self.definition, &self.records, &self.held)
    }

    /// Why points have no result and what to do about it: of one point, or of all by their reason.
    ///
    /// # Errors
    /// Input error when there is no such point.
    pub fn explain(&self, index: Option<u64>) -> Result<String> {
        let known = explain::Known { definition: &self.definition, records: &self.records, held: &self.held };
        let table = explain::Table::beside(&self.definition);
        match index {
            Some(index) => known.point(index, table.as_ref()),
            None => Ok(known.all(table.as_ref())),
        }
    }
}
