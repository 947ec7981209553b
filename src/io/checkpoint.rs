//! Checkpoints: a folder with one file a rank and a manifest, there whole or not at all.
//!
//! `GENERATION.rank-R.bin` is what rank `R` put by; `GENERATION.manifest.json` names the files of a generation, with the
//! checksum of each. Every file is written under another name, brought to the disk and renamed; the manifest comes last, so a
//! generation with a manifest is complete. Only then the one before is removed. `kill -9` at any moment leaves
//! the last complete generation, and at most some files that no manifest names, which the next one removes.
//! `docs/checkpoints.md` describes the files.

mod folder;
mod manifest;
mod part;

pub use folder::Folder;
pub use manifest::{FORMAT, Manifest, PartInfo};
pub use part::{PartReader, PartWriter};

use crate::comm::{Communicator, agree, keep_on_root, on_root};
use crate::error::{Error, Result};

/// Writes the next generation: each rank its part by `fill`, the root rank the manifest; then removes older ones. Gives the
/// manifest. Collective.
///
/// # Errors
/// Resource error, the same on every rank, when anything cannot be written; older generations are as they were.
pub fn write(
    comm: &dyn Communicator,
    folder: &Folder,
    manifest: Manifest,
    fill: impl FnOnce(&mut PartWriter) -> Result<()>,
) -> Result<Manifest> {
    let generation = on_root(comm, || folder.begin())?;
    let own = agree(comm, write_part(folder, (generation, comm.rank()), fill));
    let written = own.and_then(|own| gathered(comm, &own)).and_then(|parts| {
        let manifest = Manifest { generation, parts, ..manifest };
        on_root(comm, || folder.publish(&manifest)).map(|()| manifest)
    });
    // The older ones have done their work; what remains of one that failed only takes space.
    let done = |one: u64| if written.is_ok() { one < generation } else { one == generation };
    let removed = keep_on_root(comm, || folder.remove_generations(done));
    written.and_then(|manifest| removed.map(|_| manifest))
}

/// The newest generation that is whole, every part of it read once; nothing without a checkpoint. An older one takes the place
/// of a damaged one, with a warning. Collective.
///
/// # Errors
/// Error, the same on every rank: that of the newest generation, when there is one and none is whole.
pub fn newest(comm: &dyn Communicator, folder: &Folder) -> Result<Option<Manifest>> {
    let mut first = None;
    for generation in on_root(comm, || folder.generations())? {
        match whole(comm, folder, generation) {
            Ok(manifest) => return Ok(Some(manifest)),
            Err(error) => {
                tracing::warn!("checkpoint {generation} cannot be used: {}", error.what);
                first.get_or_insert(error);
            }
        }
    }
    first.map_or(Ok(None), |error| Err(error.next("restore the file, or start over with --fresh")))
}

/// The manifest of a generation whose parts are as they were written. The ranks share the reading.
fn whole(comm: &dyn Communicator, folder: &Folder, generation: u64) -> Result<Manifest> {
    let manifest = on_root(comm, || folder.manifest(generation))?;
    let mut own = manifest.parts.iter().enumerate().skip(comm.rank()).step_by(comm.size());
    let verify = |(rank, info)| PartReader::open(&folder.part(generation, rank), info)?.verify();
    agree(comm, own.try_for_each(verify)).map(|()| manifest)
}

fn write_part(
    folder: &Folder,
    (generation, rank): (u64, usize),
    fill: impl FnOnce(&mut PartWriter) -> Result<()>,
) -> Result<PartInfo> {
    let path = folder.part(generation, rank);
    let mut writer = PartWriter::create(&path)?;
    fill(&mut writer)?;
    writer.finish()
}

/// The parts of all ranks in order, on every rank.
fn gathered(comm: &dyn Communicator, own: &PartInfo) -> Result<Vec<PartInfo>> {
    let bytes = serde_json::to_vec(own).expect("plain data encodes");
    let all = comm.gather(&bytes);
    let decode = |bytes: Vec<u8>| {
        serde_json::from_slice(&bytes).map_err(|cause| Error::internal(format!("a part of a checkpoint: {cause}")))
    };
    on_root(comm, || all.unwrap_or_default().into_iter().map(decode).collect())
}

#[cfg(test)]
mod tests;
